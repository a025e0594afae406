/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.c - what the calls about artifacts share.
 *
 * Where the artifacts of a run or logged model are is stated by its
 * artifact_uri, fixed when it was created; the proxy serves those whose URI is
 * its own.
 */
#include "api/tracking/artifact.h"

#include "api/tracking/traces.h"
#include "indexer/base/text.h"
#include "indexer/index/names.h"
#include "indexer/render/render.h"

/* "/artifacts" in a path before its owner is found. */
enum { ROOTS_TRIED = 4 };

static const struct str root_end = {"/artifacts", sizeof("/artifacts") - 1};

/* The path of a proxied URI: "mlflow-artifacts:/a/b", or with a host. */
static struct str uri_path(struct str uri)
{
	struct str scheme = STR("mlflow-artifacts:");

	if (!str_starts(uri, scheme))
		return STR_NONE;
	uri = str_n(uri.p + scheme.n, uri.n - scheme.n);
	if (str_starts(uri, STR("//"))) {
		uri = str_n(uri.p + 2, uri.n - 2);
		str_cut(&uri, '/');
	}
	while (uri.n && uri.p[0] == '/')
		uri = str_n(uri.p + 1, uri.n - 1);
	return uri;
}

/* Length of the next prefix of path that ends in "/artifacts"; 0: none. */
static size_t next_root(struct str path, size_t from)
{
	for (size_t at = from; at + root_end.n <= path.n; at++) {
		struct str here = str_n(path.p + at, path.n - at);

		if (str_starts(here, root_end) &&
		    (here.n == root_end.n || here.p[root_end.n] == '/'))
			return at + root_end.n;
	}
	return 0;
}

/* The last part of what stands before "/artifacts". */
static struct str id_of(struct str root)
{
	size_t end = root.n - root_end.n, start = end;

	while (start && root.p[start - 1] != '/')
		start--;
	return str_n(root.p + start, end - start);
}

static int not_ours(struct str path, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "Nothing has artifacts at '%.*s'. Artifact paths are "
		       "<experiment id>/<run id>/artifacts/<path>, "
		       "<experiment id>/models/<model id>/artifacts/<path> "
		       "and <experiment id>/traces/<trace id>/artifacts/"
		       "<path>.",
		       (int)(path.n < 300 ? path.n : 300),
		       path.n ? path.p : "");
}

int artifact_owner_run(const struct run *run, struct arena *a,
		       struct artifact_owner *ret, struct err *e)
{
	const char *home = arena_printf(
		a, "%.*s/%.*s", STR_ARG(run->experiment_id), STR_ARG(run->id));

	if (!home)
		return arena_full(a, e);
	*ret = (struct artifact_owner){
		.row = run->row,
		.project = run->project,
		.run_id = run->id,
		.what = "run",
		.uri = run->artifact_uri,
		.home = str_from(home),
		.deleted = run->lifecycle == LIFE_DELETED,
	};
	return 0;
}

int artifact_owner_model(const struct logged_model *m, struct arena *a,
			 struct artifact_owner *ret, struct err *e)
{
	const char *home =
		arena_printf(a, "%.*s/models/%.*s", STR_ARG(m->experiment_id),
			     STR_ARG(m->id));

	if (!home)
		return arena_full(a, e);
	*ret = (struct artifact_owner){
		.row = logged_model_owner(m->row),
		.project = m->project,
		.model_id = m->id,
		.what = "logged model",
		.uri = m->artifact_uri,
		.home = str_from(home),
		.deleted = m->lifecycle == LIFE_DELETED,
	};
	return 0;
}

static int artifact_owner_trace(const struct trace *t, struct arena *a,
				struct artifact_owner *ret, struct err *e)
{
	const char *home =
		arena_printf(a, "%.*s/traces/%.*s", STR_ARG(t->experiment_id),
			     STR_ARG(t->id));

	if (!home)
		return arena_full(a, e);
	*ret = (struct artifact_owner){
		.row = trace_owner(t->row),
		.project = t->project,
		.trace_id = t->id,
		.uri = t->artifact_uri,
		.home = str_from(home),
		.what = "trace",
	};
	return 0;
}

static bool missing(struct err *e)
{
	return e->kind == ERR_NOT_FOUND || e->kind == ERR_INVALID;
}

/* A run of this id, a logged model, or a trace. */
static int find_owner(struct reader *rd, struct str id, struct arena *a,
		      struct artifact_owner *ret, struct err *e)
{
	struct logged_model model;
	struct trace trace;
	struct run run;

	if (run_by_id(rd, id, a, &run, e) == 0)
		return artifact_owner_run(&run, a, ret, e);
	if (!missing(e))
		return -1;
	err_clear(e);
	if (logged_model_by_id(rd, id, a, &model, e) == 0)
		return artifact_owner_model(&model, a, ret, e);
	if (!missing(e))
		return -1;
	err_clear(e);
	if (trace_by_id(rd, id, a, &trace, e) < 0)
		return -1;
	return artifact_owner_trace(&trace, a, ret, e);
}

int artifact_resolve(struct reader *rd, struct str path, struct arena *a,
		     struct artifact_ref *ret, struct err *e)
{
	size_t n = 0;

	if (name_check_artifact(path, true, e))
		return -1;
	for (int i = 0; i < ROOTS_TRIED; i++) {
		n = next_root(path, n);
		if (!n)
			break;
		ret->root = str_n(path.p, n);
		ret->path = str_n(path.p + n, path.n - n);
		str_cut(&ret->path, '/');
		if (find_owner(rd, id_of(ret->root), a, &ret->owner, e) == 0) {
			if (str_eq(uri_path(ret->owner.uri), ret->root))
				return 0;
		} else if (!missing(e)) {
			return -1;
		}
	}
	return not_ours(path, e);
}

int artifact_of_run(struct reader *rd, struct str run_id, struct str path,
		    struct arena *a, struct artifact_ref *ret, struct err *e)
{
	struct run run;

	if (run_by_id(rd, run_id, a, &run, e) ||
	    artifact_owner_run(&run, a, &ret->owner, e))
		return -1;
	ret->path = path;
	ret->root = uri_path(ret->owner.uri);
	if (!ret->root.n)
		return err_set(e, ERR_INVALID,
			       "The artifacts of run %.*s are not kept here "
			       "but at '%.*s'",
			       STR_ARG(run_id), STR_ARG(ret->owner.uri));
	return 0;
}

/* --- listing ------------------------------------------------------------- */

struct child {
	struct str name;
	bool is_dir;
	int64_t size;
};

struct children {
	struct buf items; /* of struct child */
	struct arena *arena;
};

static int add_child(void *ctx, const struct artifact *x, struct err *e)
{
	struct children *l = ctx;
	struct child child = {arena_str(l->arena, x->name), x->is_dir, x->size};

	buf_add(&l->items, &child, sizeof(child));
	return child.name.p && buf_ok(&l->items) ? 0 : arena_full(l->arena, e);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct child *)a)->name,
		       ((const struct child *)b)->name);
}

static int put_child(struct reading *r, const struct child *x, struct str base)
{
	struct arena *a = r->c->arena;
	const char *path = x->name.p;

	if (base.n)
		path = arena_printf(a, "%.*s/%.*s", STR_ARG(base),
				    STR_ARG(x->name));
	if (!path)
		return arena_full(a, &r->e);
	jo_object(r->j);
	jo_kstr(r->j, "path", base.n ? str_from(path) : x->name);
	jo_kbool(r->j, "is_dir", x->is_dir);
	if (!x->is_dir)
		jo_ki64(r->j, "file_size", x->size);
	jo_object_end(r->j);
	return 0;
}

static int put_children(struct reading *r, const struct children *l,
			struct str base)
{
	struct render_list list = {r->j, "files", false};
	const struct child *x = (const void *)l->items.p;
	size_t n = l->items.n / sizeof(*x);
	int failed = 0;

	if (n)
		qsort(l->items.p, n, sizeof(*x), by_name);
	for (size_t i = 0; i < n && !failed; i++) {
		render_list_next(&list);
		failed = put_child(r, &x[i], base);
	}
	render_list_end(&list);
	return failed;
}

int artifact_list(struct reading *r, int64_t owner_row, struct str path,
		  struct str base)
{
	struct arena *a = r->c->arena;
	struct children l = {.arena = a};
	struct artifact dir;
	int failed;

	if (artifact_by_path(r->rd, owner_row, path, a, &dir, &r->e)) {
		if (r->e.kind != ERR_NOT_FOUND && r->e.kind != ERR_NOT_DIR)
			return -1;
		err_clear(&r->e);
		return 0;
	}
	if (!dir.is_dir)
		return 0;
	buf_init(&l.items, a->ceiling);
	failed = artifact_each(r->rd, owner_row, dir.row, 0, add_child, &l,
			       &r->e) < 0;
	if (!failed)
		failed = put_children(r, &l, base);
	buf_fini(&l.items);
	return failed ? -1 : 0;
}

bool artifact_is_spans(const struct artifact_ref *ref)
{
	return ref->owner.trace_id.n && str_is(ref->path, TRACE_FILE);
}

int artifact_locate(struct call *c, struct str path, struct artifact_ref *ret,
		    struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	int failed;

	if (!rd)
		return -1;
	failed = artifact_resolve(rd, path, c->arena, ret, e);
	reader_end(rd);
	return failed;
}

static int find_in(struct reader *rd, const struct artifact_ref *ref,
		   struct arena *a, struct artifact *ret, struct err *e)
{
	*ret = (struct artifact){.name = ref->path};
	if (artifact_is_spans(ref))
		return 0;
	return artifact_by_path(rd, ref->owner.row, ref->path, a, ret, e);
}

int artifact_find(struct call *c, struct str path, struct artifact_ref *ret_ref,
		  struct artifact *ret, struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	int failed;

	if (!rd)
		return -1;
	failed = artifact_resolve(rd, path, c->arena, ret_ref, e) ||
		 find_in(rd, ret_ref, c->arena, ret, e);
	reader_end(rd);
	if (!failed && ret->is_dir)
		failed = err_set(e, ERR_IS_DIR, "'%.*s' is a directory",
				 STR_ARG(path));
	return failed ? -1 : 0;
}
