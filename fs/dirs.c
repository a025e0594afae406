/* SPDX-License-Identifier: Apache-2.0 */
/* dirs.c - names to things, and what makes and removes names.
 *
 * A name is looked for among the fixed children of its directory, then among
 * the files that this mount alone knows, then by the function of the kind.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "fs/handle.h"
#include "fs/kind.h"
#include "indexer/base/text.h"
#include "indexer/index/limits.h"
#include "indexer/index/names.h"

int fs_no_entry(struct str name, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "there is no '%.*s' here",
		       (int)(name.n < 255 ? name.n : 255),
		       name.n ? name.p : "");
}

struct str fs_run_id(struct fs *fs, struct node *n)
{
	struct node *run = nodes_above(&fs->nodes, n, KIND_RUN);

	return run ? run->key : STR_NONE;
}

int64_t fs_run_row(struct fs *fs, struct node *n)
{
	struct node *run = nodes_above(&fs->nodes, n, KIND_RUN);

	return run ? run->row : -1;
}

/* Also of what lies in the trash, below trash/runs/<experiment>. */
struct str fs_experiment_id(struct fs *fs, struct node *n)
{
	struct node *x = nodes_above(&fs->nodes, n, KIND_EXPERIMENT);

	if (!x)
		x = nodes_above(&fs->nodes, n, KIND_TRASH_RUNS_OF);
	return x ? x->key : STR_NONE;
}

static int is_gone(struct fs_call *c, const struct node *n, bool *ret,
		   struct err *e)
{
	struct experiment x;
	struct run r;

	if (fs_begin(c, e))
		return -1;
	if (n->kind == KIND_RUN) {
		if (run_by_row(c->rd, n->row, &c->arena, &r, e))
			return -1;
		*ret = r.lifecycle == LIFE_DELETED;
		return 0;
	}
	if (experiment_by_row(c->rd, n->row, &c->arena, &x, e))
		return -1;
	*ret = x.lifecycle == LIFE_DELETED;
	return 0;
}

/* A mark may be out of date: a run counts as deleted with its experiment, and
 * comes back with it. */
int fs_check_alive(struct fs_call *c, struct node *n, struct err *e)
{
	struct node *marked;
	bool gone;

	while ((marked = nodes_in_trash(&c->fs->nodes, n))) {
		if (is_gone(c, marked, &gone, e))
			return -1;
		if (gone)
			return err_set(e, ERR_STATE, "it is in the trash");
		atomic_store(&marked->gone, false);
	}
	return 0;
}

/* Nothing else could be said in JSON. */
int fs_check_text(struct str name, struct err *e)
{
	return utf8_valid(name)
		       ? 0
		       : err_set(e, ERR_INVALID, "a name must be UTF-8");
}

int fs_decode(struct fs_call *c, struct str file, struct str *ret,
	      struct err *e)
{
	char *out = arena_alloc(&c->arena, file.n + 1);
	size_t n;

	if (!out)
		return arena_full(&c->arena, e);
	if (!name_from_file(file, out, &n))
		return err_set(e, ERR_INVALID,
			       "'%.*s' is the short form of a long name",
			       STR_ARG(file));
	*ret = str_n(out, n);
	return fs_check_text(*ret, e);
}

struct str fs_encode(struct fs_call *c, struct str name)
{
	char file[NAME_FILE_MAX];

	return arena_str(&c->arena, str_n(file, name_to_file(name, file)));
}

/* --- attributes ----------------------------------------------------------- */

static int rendered_attr(struct fs_call *c, const struct subject *s,
			 struct attr *ret, struct err *e)
{
	struct buf b;
	int r;

	buf_init(&b, FS_TEXT_MAX);
	r = kinds[s->kind].render(c, s, &b, e);
	if (!r && !buf_ok(&b))
		r = err_set(e, ERR_TOO_LARGE, "the text is too large");
	ret->size = (int64_t)b.n;
	buf_fini(&b);
	return r;
}

int fs_subject_attr(struct fs_call *c, const struct subject *s,
		    struct attr *ret, struct err *e)
{
	const struct kind *k = &kinds[s->kind];

	*ret = attr_of(k->mode, 0, c->fs->born);
	if ((k->attr || k->render) && !(k->flags & KIND_NO_INDEX) &&
	    fs_begin(c, e))
		return -1;
	if (s->kind == KIND_LINK)
		ret->size = (int64_t)s->key.n;
	if (k->render && rendered_attr(c, s, ret, e))
		return -1;
	return k->attr ? k->attr(c, s, ret, e) : 0;
}

/* --- finding -------------------------------------------------------------- */

static bool find_fixed(const struct node *dir, struct str name,
		       struct found *ret)
{
	const struct fixed *f = kinds[dir->kind].fixed;

	for (; f && f->name; f++) {
		if (str_is(name, f->name)) {
			*ret = (struct found){.kind = f->kind,
					      .row = dir->row,
					      .name = str_from(f->name)};
			return true;
		}
	}
	return false;
}

/* Its node is held by its file; the kernel asks under the inode's lock. */
static bool find_local(struct fs_call *c, const struct node *dir,
		       struct str name, struct found *ret)
{
	struct node *n;
	struct file *f;

	if (!(kinds[dir->kind].flags & (KIND_SCRATCHY | KIND_BYTES)))
		return false;
	n = files_local(c->fs, dir, name);
	f = n ? file_of(c->fs, n) : NULL;
	if (f) {
		*ret = (struct found){.kind = n->kind,
				      .row = n->row,
				      .name = name,
				      .node = n};
		ret->has_attr = file_attr(f, &ret->attr);
		file_put(c->fs, f);
	}
	nodes_drop(&c->fs->nodes, n);
	return f != NULL;
}

int fs_find(struct fs_call *c, struct node *dir, struct str name,
	    struct found *ret, struct err *e)
{
	const struct kind *k = &kinds[dir->kind];
	struct subject s = subject_of(dir);

	if (name.n > LIMIT_FILE_NAME)
		return err_set(e, ERR_TOO_LONG,
			       "a file name of %zu bytes; at most %d", name.n,
			       LIMIT_FILE_NAME);
	if (find_local(c, dir, name, ret))
		return 0;
	if (!find_fixed(dir, name, ret)) {
		if (!k->lookup)
			return fs_no_entry(name, e);
		if (fs_seen(c, &s, e) || fs_begin(c, e) ||
		    k->lookup(c, dir, name, ret, e))
			return -1;
		ret->name = name;
	}
	if (ret->has_attr)
		return 0;
	s = subject_of_thing(ret);
	if (fs_seen(c, &s, e) || fs_subject_attr(c, &s, &ret->attr, e))
		return -1;
	ret->has_attr = true;
	return 0;
}

static int enter(struct fs_call *c, struct node *dir, const struct found *x,
		 struct fs_entry *ret, struct err *e)
{
	struct node *n = nodes_take(&c->fs->nodes, dir, x);

	if (!n)
		return err_set(e, ERR_NO_SPACE, "no memory for a node");
	if (!x->node)
		atomic_store(&n->gone, x->gone);
	*ret = (struct fs_entry){n->id, x->attr};
	kind_patience(n, &ret->attr);
	ret->attr.ino = n->id;
	return 0;
}

static struct node *find_dir(struct fs_call *c, uint64_t id, struct err *e)
{
	struct node *n = nodes_find(&c->fs->nodes, id);

	atomic_fetch_add(&c->fs->stats.requests, 1);
	if (!n)
		err_set(e, ERR_NOT_FOUND, "no such directory any more");
	else if (!kind_is_dir(n->kind))
		err_set(e, ERR_NOT_DIR, "not a directory");
	else
		return n;
	return NULL;
}

int fs_lookup(struct fs_call *c, uint64_t dir, struct str name,
	      struct fs_entry *ret, struct err *e)
{
	struct node *d = find_dir(c, dir, e);
	struct found x = {0};
	int r = !d || fs_find(c, d, name, &x, e) ? -1 : 0;

	fs_end(c);
	return r ? -1 : enter(c, d, &x, ret, e);
}

/* --- making --------------------------------------------------------------- */

static int read_only(struct err *e)
{
	return err_set(e, ERR_READ_ONLY, "nothing can be made here");
}

static int make_dir(struct fs_call *c, struct node *d, struct str name,
		    uint32_t mode, struct err *e)
{
	if (!kinds[d->kind].mkdir)
		return read_only(e);
	if (fs_check_alive(c, d, e))
		return -1;
	return kinds[d->kind].mkdir(c, d, name, mode, e);
}

int fs_mkdir(struct fs_call *c, uint64_t dir, struct str name, uint32_t mode,
	     struct fs_entry *ret, struct err *e)
{
	struct node *d = find_dir(c, dir, e);
	struct found x = {0};
	bool other;
	int r = -1;

	if (!d)
		return -1;
	if (fs_find(c, d, name, &x, e) == 0)
		err_set(e, ERR_EXISTS, "'%.*s' is there already",
			STR_ARG(name));
	else if (e->kind == ERR_NOT_FOUND && !c->parked)
		r = make_dir(c, d, name, mode, e);
	if (!r)
		r = fs_find(c, d, name, &x, e);
	/* Made under another spelling: it is what that leads to. */
	other = !r && x.kind == KIND_LINK;
	if (other)
		r = fs_find(c, d, x.key, &x, e);
	fs_end(c);
	if (!r)
		r = enter(c, d, &x, ret, e);
	ret->attr.fleeting = other;
	return r;
}

static int make_file(struct fs_call *c, struct node *d, struct str name,
		     const struct fs_creation *how, struct found *x,
		     struct err *e)
{
	const struct kind *k = &kinds[d->kind];

	if (fs_check_alive(c, d, e))
		return -1;
	if ((k->flags & KIND_SCRATCHY) && scratch_name(name))
		return scratch_create(c, d, name, how->mode, x, e);
	if (!k->create)
		return read_only(e);
	if (k->create(c, d, name, how, x, e))
		return -1;
	x->name = name;
	if (!x->has_attr)
		x->attr = attr_of(kinds[x->kind].mode, 0, c->fs->born);
	return 0;
}

static int enter_open(struct fs_call *c, struct node *dir,
		      const struct found *x, int flags, struct fs_entry *ret,
		      struct fs_handle **ret_h, struct err *e)
{
	int r;

	if (enter(c, dir, x, ret, e))
		return -1;
	r = fs_open_file(c, ret->id, flags & ~O_EXCL, ret_h, e);
	if (r)
		nodes_forget(&c->fs->nodes, ret->id, 1);
	return r;
}

/* Its node may have to give way to another (through.h). */
static int open_found(struct fs_call *c, struct node *dir,
		      const struct found *x, int flags, struct fs_entry *ret,
		      struct fs_handle **ret_h, struct err *e)
{
	int r = enter_open(c, dir, x, flags, ret, ret_h, e);

	if (r && e->kind == ERR_NOT_FOUND && !c->parked && !x->node)
		r = enter_open(c, dir, x, flags, ret, ret_h, e);
	return r;
}

/* The function that made it kept it until it was open. */
static void release_made(struct fs *fs, const struct found *x)
{
	if (x->kind == KIND_ARTIFACT)
		file_put(fs, x->node->file);
	nodes_drop(&fs->nodes, x->node);
}

int fs_create(struct fs_call *c, uint64_t dir, struct str name,
	      const struct fs_creation *how, struct fs_entry *ret,
	      struct fs_handle **ret_h, struct err *e)
{
	struct node *d = find_dir(c, dir, e);
	struct found x = {0};
	bool made = false;
	int r;

	if (!d)
		return -1;
	r = fs_find(c, d, name, &x, e);
	if (!r && (how->flags & O_EXCL))
		r = err_set(e, ERR_EXISTS, "'%.*s' is there already",
			    STR_ARG(name));
	else if (r && e->kind == ERR_NOT_FOUND && !c->parked) {
		r = make_file(c, d, name, how, &x, e);
		made = r == 0;
	}
	fs_end(c);
	if (!r)
		r = open_found(c, d, &x, how->flags, ret, ret_h, e);
	if (!r)
		(*ret_h)->created = made;
	if (made && x.node)
		release_made(c->fs, &x);
	return r;
}

/* Its target is the tree's business, not the kernel's: the entry is one that
 * the kernel is to ask again. */
int fs_symlink(struct fs_call *c, uint64_t dir, struct str name,
	       struct str target, struct fs_entry *ret, struct err *e)
{
	struct node *d = find_dir(c, dir, e);
	struct found x = {0};
	int r = -1;

	if (!d)
		return -1;
	if (fs_find(c, d, name, &x, e) == 0)
		err_set(e, ERR_EXISTS, "'%.*s' is there already",
			STR_ARG(name));
	else if (e->kind != ERR_NOT_FOUND || c->parked)
		r = -1;
	else if (!kinds[d->kind].symlink)
		err_set(e, ERR_READ_ONLY, "no link can be made here");
	else
		r = kinds[d->kind].symlink(c, d, name, target, &x, e);
	if (!r) {
		x.name = name;
		x.attr = attr_of(kinds[x.kind].mode, (int64_t)x.key.n,
				 c->fs->born);
		r = enter(c, d, &x, ret, e);
	}
	fs_end(c);
	return r;
}

/* --- removing ------------------------------------------------------------- */

static int remove_name(struct fs_call *c, uint64_t dir, struct str name,
		       bool want_dir, struct err *e)
{
	struct node *d = find_dir(c, dir, e);
	struct found x = {0};

	if (!d || fs_find(c, d, name, &x, e))
		return -1;
	if (want_dir && !kind_is_dir(x.kind))
		return err_set(e, ERR_NOT_DIR, "not a directory");
	if (!want_dir && kind_is_dir(x.kind))
		return err_set(e, ERR_IS_DIR, "it is a directory");
	if (!kinds[x.kind].remove)
		return err_set(e, ERR_READ_ONLY, "'%.*s' cannot be removed",
			       STR_ARG(name));
	if (fs_check_alive(c, d, e))
		return -1;
	return kinds[x.kind].remove(c, d, &x, e);
}

int fs_unlink(struct fs_call *c, uint64_t dir, struct str name, struct err *e)
{
	int r = remove_name(c, dir, name, false, e);

	fs_end(c);
	return r;
}

int fs_rmdir(struct fs_call *c, uint64_t dir, struct str name, struct err *e)
{
	int r = remove_name(c, dir, name, true, e);

	fs_end(c);
	return r;
}

int fs_link_text(struct fs_call *c, const struct subject *s, struct buf *ret,
		 struct err *e)
{
	if (kinds[s->kind].render)
		return fs_begin(c, e) || kinds[s->kind].render(c, s, ret, e)
			       ? -1
			       : 0;
	buf_str(ret, s->key);
	return 0;
}

int fs_readlink(struct fs_call *c, uint64_t id, struct buf *ret, struct err *e)
{
	struct node *n = nodes_find(&c->fs->nodes, id);
	struct subject s;
	int r;

	if (!n || !kind_is_link(n->kind))
		return err_set(e, ERR_INVALID, "not a link");
	s = subject_of(n);
	r = fs_link_text(c, &s, ret, e);
	fs_end(c);
	return r;
}
