/* SPDX-License-Identifier: Apache-2.0 */
/* register.c - ln -s RUN/artifacts/model models/<name>/versions/new: a new
 * version.
 *
 * The target becomes a source such as MLflow's clients give: the URI of an
 * artifact with its run, a logged model by its id, another version.
 */
#include "fs/families.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"

struct source {
	struct fs_call *c;
	struct cmd_version *x;
	struct node *at;
};

static int print(struct source *s, struct str *ret, const char *text,
		 struct err *e)
{
	if (!text)
		return arena_full(&s->x->c.arena, e);
	*ret = str_from(text);
	return 0;
}

/* A path below the root of artifacts, and what it is a part of. */
static int source_below(struct source *s, enum node_kind root, struct str uri,
			struct err *e)
{
	SCOPED(buf_fini) struct buf path;

	buf_init(&path, LIMIT_ARTIFACT_PATH);
	if (!nodes_path(&s->c->fs->nodes, s->at, STR_NONE, root, &path) ||
	    !buf_ok(&path))
		return err_set(e, ERR_TOO_LONG, "the path is too long");
	return print(s, &s->x->source,
		     arena_printf(&s->x->c.arena, "%.*s%s%.*s", STR_ARG(uri),
				  path.n ? "/" : "", (int)path.n,
				  path.n ? path.p : ""),
		     e);
}

static int source_of_run(struct source *s, struct err *e)
{
	struct run r;

	if (s->at->kind == KIND_ARTIFACT && !atomic_load(&s->at->row))
		return err_set(e, ERR_INVALID,
			       "the file is still being written: it has to be "
			       "closed first");
	if (run_by_row(s->c->rd, fs_run_row(s->c->fs, s->at), &s->c->arena, &r,
		       e))
		return -1;
	s->x->run_id = command_str(&s->x->c, r.id);
	return source_below(s, KIND_ARTIFACTS, r.artifact_uri, e);
}

static int source_of_logged(struct source *s, struct err *e)
{
	struct node *logged = nodes_above(&s->c->fs->nodes, s->at, KIND_LOGGED);
	bool whole =
		s->at->kind != KIND_VIEW_DIR && s->at->kind != KIND_VIEW_FILE;
	struct logged_model m;

	if (logged_model_by_row(s->c->rd, logged->row, &s->c->arena, &m, e))
		return -1;
	s->x->model_id = command_str(&s->x->c, m.id);
	if (!whole)
		return source_below(s, KIND_LOGGED_ARTIFACTS, m.artifact_uri,
				    e);
	return print(
		s, &s->x->source,
		arena_printf(&s->x->c.arena, "models:/%.*s", STR_ARG(m.id)), e);
}

static int source_of_version(struct source *s, struct err *e)
{
	struct model_version v;

	if (model_version_by_row(s->c->rd, s->at->row, &s->c->arena, &v, e))
		return -1;
	return print(s, &s->x->source,
		     arena_printf(&s->x->c.arena, "models:/%.*s/%.*s",
				  STR_ARG(v.model), STR_ARG(v.version)),
		     e);
}

static int source_of(struct source *s, struct err *e)
{
	switch ((int)s->at->kind) {
	case KIND_ARTIFACTS:
	case KIND_ARTIFACT_DIR:
	case KIND_ARTIFACT:
		return source_of_run(s, e);
	case KIND_VERSION:
		return source_of_version(s, e);
	case KIND_VIEW_DIR:
	case KIND_VIEW_FILE:
	case KIND_LOGGED:
	case KIND_LOGGED_ARTIFACTS:
		if (nodes_above(&s->c->fs->nodes, s->at, KIND_LOGGED))
			return source_of_logged(s, e);
		break;
	default:
		break;
	}
	return err_set(e, ERR_INVALID,
		       "a version is made of artifacts of a run or of a logged "
		       "model, or of another version");
}

static int fill(struct fs_call *c, struct node *dir, struct str target,
		struct cmd_version *x, struct err *e)
{
	struct source s = {.c = c, .x = x};
	struct str name;
	int r;

	if (fs_begin(c, e) || model_name(c, dir->row, &name, e) ||
	    fs_resolve(c, dir, target, &s.at, e))
		return -1;
	x->name = command_str(&x->c, name);
	r = source_of(&s, e);
	nodes_forget(&c->fs->nodes, s.at->id, 1);
	return r;
}

/* The kernel is told of a link "new" to the version, which it is not to
 * remember. */
int version_register(struct fs_call *c, struct node *dir, struct str name,
		     struct str target, struct found *ret, struct err *e)
{
	struct cmd_version *x;
	int r;

	if (!str_is(name, "new"))
		return err_set(e, ERR_INVALID,
			       "a version is registered by a link called "
			       "'new'; it gets the next number");
	if (fs_may_wait(c, e) || paths_use(c, e))
		return -1;
	x = command_new(COMMAND_VERSION_CREATE);
	r = fill(c, dir, target, x, e);
	if (!r)
		r = fs_post(c, &x->c, e);
	if (!r)
		*ret = (struct found){
			.kind = KIND_LINK,
			.row = dir->row,
			.key = arena_str(&c->arena, x->ret_version)};
	command_free(&x->c);
	paths_used(c);
	return r;
}
