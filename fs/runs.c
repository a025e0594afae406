/* SPDX-License-Identifier: Apache-2.0 */
/* runs.c - experiments/<name>/runs/<run>, the same in the trash, and what a
 * run has by itself: its directory, its meta.json.
 *
 * A run's id resolves in its experiment as a link to its directory; so does
 * another spelling of the directory's name.
 */
#include "fs/families.h"
#include "fs/move.h"
#include "indexer/render/render.h"

static struct found run_thing(const struct run *r)
{
	return (struct found){
		.kind = KIND_RUN,
		.row = r->row,
		.key = r->id,
		.name = r->dir,
		.gone = r->lifecycle == LIFE_DELETED,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_RUN].mode, 0, r->modified),
	};
}

/* What is listed here: in the trash, or of an experiment that is there. */
static enum lifecycle life_of(const struct node *dir)
{
	bool trash = dir->kind == KIND_TRASH_RUNS_OF ||
		     (dir->parent && atomic_load(&dir->parent->gone));

	return trash ? LIFE_DELETED : LIFE_ACTIVE;
}

/* By another spelling, or by its id. */
static int find_other(struct fs_call *c, const struct node *dir,
		      struct str name, struct run *r, struct err *e)
{
	struct str decoded, form = name;

	if (fs_decode(c, name, &decoded, e) == 0)
		form = fs_encode(c, decoded);
	if (!str_eq(form, name) && run_by_dir(c->rd, dir->row, life_of(dir),
					      form, &c->arena, r, e) == 0)
		return 0;
	if (run_by_id(c->rd, name, &c->arena, r, e) == 0 &&
	    r->experiment_row == dir->row && r->lifecycle == life_of(dir))
		return 0;
	return fs_no_entry(name, e);
}

int runs_lookup(struct fs_call *c, struct node *dir, struct str name,
		struct found *ret, struct err *e)
{
	struct run r;

	if (run_by_dir(c->rd, dir->row, life_of(dir), name, &c->arena, &r, e) ==
	    0) {
		*ret = run_thing(&r);
		return 0;
	}
	if (e->kind != ERR_NOT_FOUND || find_other(c, dir, name, &r, e))
		return -1;
	*ret = (struct found){.kind = KIND_LINK, .row = dir->row, .key = r.dir};
	ret->has_attr = true;
	ret->attr =
		attr_of(kinds[KIND_LINK].mode, (int64_t)r.dir.n, r.start_time);
	return 0;
}

static int list_one(void *ctx, const struct run *r, struct err *e)
{
	struct found t = run_thing(r);

	return lister_add(ctx, &t, r->row, e);
}

int runs_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct node *dir = lister_dir(l);

	return run_each(c->rd, dir->row, life_of(dir), lister_after(l),
			list_one, l, e);
}

int run_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
	     struct err *e)
{
	struct run r;

	if (run_by_row(c->rd, s->row, &c->arena, &r, e))
		return -1;
	ret->mtime = r.modified;
	return 0;
}

/* Directories within a run are as old as it: so they need no watching. */
int run_part_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		  struct err *e)
{
	struct run r;

	if (run_by_row(c->rd, s->row, &c->arena, &r, e))
		return -1;
	ret->mtime = r.start_time;
	return 0;
}

int run_meta(struct fs_call *c, const struct subject *s, struct buf *b,
	     struct err *e)
{
	struct run r;
	struct json_out j;

	if (run_by_row(c->rd, s->row, &c->arena, &r, e))
		return -1;
	jo_init(&j, b, 2);
	render_run_info(&j, &r);
	buf_putc(b, '\n');
	return 0;
}

/* --- changes -------------------------------------------------------------- */

int run_mkdir(struct fs_call *c, struct node *dir, struct str name,
	      uint32_t mode, struct err *e)
{
	struct cmd_run_create *x;
	struct str experiment = fs_experiment_id(c->fs, dir);
	int r;

	(void)mode;
	if (dir->kind != KIND_RUNS)
		return err_set(e, ERR_READ_ONLY,
			       "nothing is made in the trash");
	if (fs_may_wait(c, e))
		return -1;
	x = command_new(COMMAND_RUN_CREATE);
	x->experiment_id = command_str(&x->c, experiment);
	x->dir = command_str(&x->c, name);
	x->user_id = command_str(&x->c, str_from(c->fs->user));
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

/* delete, restore */
static int post_plain(struct fs_call *c, enum command_kind kind,
		      const struct found *run, bool gone, struct err *e)
{
	struct nodes *t = &c->fs->nodes;
	struct cmd_run *x = command_new(kind);
	struct node *n;
	int r;

	x->run_id = command_str(&x->c, run->key);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	if (r)
		return -1;
	n = nodes_known(t, node_ident(run->kind, run->row, run->key));
	if (n)
		atomic_store(&n->gone, gone);
	nodes_drop(t, n);
	return 0;
}

/* The daemon takes the run's name from its directory's. */
static int post_dir(struct fs_call *c, struct str id, struct str dir,
		    struct err *e)
{
	struct cmd_run_update *x = command_new(COMMAND_RUN_UPDATE);
	int r;

	x->run_id = command_str(&x->c, id);
	x->dir = command_str(&x->c, dir);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

int run_remove(struct fs_call *c, struct node *dir, const struct found *x,
	       struct err *e)
{
	if (dir->kind != KIND_RUNS)
		return err_set(e, ERR_READ_ONLY,
			       "what is in the trash stays there until gc");
	if (fs_seen_run(c, x->row, e))
		return -1;
	return post_plain(c, COMMAND_RUN_DELETE, x, true, e);
}

int run_rename_dir(struct fs_call *c, struct move *m, struct err *e)
{
	if (m->from != m->to)
		return err_set(e, ERR_READ_ONLY,
			       "a run stays in its experiment");
	if (m->over.kind && m->over.row != m->what.row)
		return err_set(e, ERR_EXISTS, "a run of that name exists");
	return post_dir(c, m->what.key, m->to_name, e);
}

int run_to_trash(struct fs_call *c, struct move *m, struct err *e)
{
	if (m->over.kind)
		return err_set(e, ERR_EXISTS, "the name is taken");
	if (m->to->kind == KIND_TRASH_RUNS_OF && m->to->row != m->from->row)
		return err_set(e, ERR_READ_ONLY,
			       "that is the trash of another experiment");
	return run_remove(c, m->from, &m->what, e);
}

int run_restore(struct fs_call *c, struct move *m, struct err *e)
{
	if (m->over.kind)
		return err_set(e, ERR_EXISTS, "the name is taken");
	if (m->to->row != m->from->row)
		return err_set(e, ERR_READ_ONLY,
			       "a run goes back into its own experiment");
	if (post_plain(c, COMMAND_RUN_RESTORE, &m->what, false, e))
		return -1;
	if (str_eq(m->from_name, m->to_name))
		return 0;
	return post_dir(c, m->what.key, m->to_name, e);
}
