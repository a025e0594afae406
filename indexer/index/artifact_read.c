/* SPDX-License-Identifier: Apache-2.0 */
/* artifact_read.c - trees of artifacts as readers see them. */
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/names.h"
#include "indexer/index/owner.h"
#include "indexer/index/reader.h"

enum { ROOT_MODE = 0755 };

/* The strings live as long as the row. */
static void fill(const struct cursor *q, struct artifact *ret)
{
	*ret = (struct artifact){
		.row = cursor_i64(q, 0),
		.parent_row = cursor_i64(q, 1),
		.owner_row = cursor_i64(q, 2),
		.change = cursor_i64(q, 3),
		.name = cursor_str(q, 4),
		.is_dir = cursor_i64(q, 5) != 0,
		.key = cursor_str(q, 6),
		.size = cursor_i64(q, 7),
		.sha256 = cursor_str(q, 8),
		.crc32c = cursor_str(q, 9),
		.mtime = cursor_i64(q, 10),
		.mode = (int)cursor_i64(q, 11),
	};
}

static int copy(struct artifact *x, struct arena *a, struct err *e)
{
	struct str *texts[] = {&x->name, &x->key, &x->sha256, &x->crc32c};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		*texts[i] = arena_str(a, *texts[i]);
		if (!texts[i]->p)
			return arena_full(a, e);
	}
	return 0;
}

static int no_such(struct str path, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "No such artifact: '%.*s'",
		       STR_ARG(path));
}

static int sees_owner(struct reader *rd, int64_t owner, struct err *e)
{
	static int (*const sees[OWNER_KINDS])(struct reader * rd, int64_t row,
					      struct err * e) = {
		[OWNER_RUN] = reader_sees_run,
		[OWNER_MODEL] = reader_sees_model,
		[OWNER_TRACE] = reader_sees_trace};

	return sees[owner_kind(owner)](rd, owner_row(owner), e);
}

static int root(struct reader *rd, int64_t owner, struct artifact *ret,
		struct err *e)
{
	static const enum stmt_id of_root[OWNER_KINDS] = {
		[OWNER_RUN] = STMT_ROOT,
		[OWNER_MODEL] = STMT_LOGGED_TREE_ROOT,
		[OWNER_TRACE] = STMT_TRACE_TREE_ROOT};
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), of_root[owner_kind(owner)],
			BINDS(B(owner_row(owner))), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? -1 : no_such(STR("/"), e);
	*ret = (struct artifact){
		.owner_row = owner,
		.change = cursor_i64(&q, 0),
		.name = STR(""),
		.key = STR(""),
		.sha256 = STR(""),
		.crc32c = STR(""),
		.is_dir = true,
		.mtime = cursor_i64(&q, 1),
		.mode = cursor_null(&q, 2) ? ROOT_MODE : (int)cursor_i64(&q, 2),
	};
	return 0;
}

static int child(struct reader *rd, int64_t owner, int64_t parent_row,
		 struct str name, struct arena *a, struct artifact *ret,
		 struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct artifact x;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_ARTIFACT_CHILD,
			BINDS(B(owner), B(parent_row), B(name)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? -1 : no_such(name, e);
	fill(&q, &x);
	if (copy(&x, a, e) < 0)
		return -1;
	*ret = x;
	return 0;
}

int artifact_by_name(struct reader *rd, int64_t owner, int64_t parent_row,
		     struct str name, struct arena *a, struct artifact *ret,
		     struct err *e)
{
	if (sees_owner(rd, owner, e) < 0)
		return -1;
	return child(rd, owner, parent_row, name, a, ret, e);
}

int artifact_by_key(struct reader *rd, struct str key, struct arena *a,
		    struct artifact *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct err unseen;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_ARTIFACT_OF_KEY, BINDS(B(key)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, ret);
		if (sees_owner(rd, ret->owner_row, &unseen) == 0)
			return copy(ret, a, e);
		if (unseen.kind != ERR_NOT_FOUND) {
			*e = unseen;
			return -1;
		}
	}
	return rc < 0 ? -1
		      : err_set(e, ERR_NOT_FOUND,
				"No artifact has the object '%.*s'",
				STR_ARG(key));
}

/* The directory that a part of a path names. */
static int enter(struct reader *rd, int64_t owner, struct str name, int64_t *at,
		 struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_NODE_CHILD,
			BINDS(B(owner), B(*at), B(name)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? -1 : no_such(name, e);
	if (!cursor_i64(&q, 1))
		return err_set(e, ERR_NOT_DIR,
			       "'%.*s' is a file, not a directory",
			       STR_ARG(name));
	*at = cursor_i64(&q, 0);
	return 0;
}

int artifact_by_path(struct reader *rd, int64_t owner, struct str path,
		     struct arena *a, struct artifact *ret, struct err *e)
{
	struct str rest = path, name;
	int64_t at = 0;

	if (name_check_artifact(path, true, e) < 0 ||
	    sees_owner(rd, owner, e) < 0)
		return -1;
	if (!path.n)
		return root(rd, owner, ret, e);
	for (name = str_cut(&rest, '/'); rest.p; name = str_cut(&rest, '/'))
		if (enter(rd, owner, name, &at, e) < 0)
			return -1;
	return child(rd, owner, at, name, a, ret, e);
}

int object_sums(struct reader *rd, struct str key, struct buf *ret,
		struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, reader_db(rd), STMT_OBJECT_SUMS, BINDS(B(key)), e) <
	    0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc > 0)
		buf_str(ret, cursor_str(&q, 0));
	return rc < 0 ? -1 : 0;
}

int artifact_each(struct reader *rd, int64_t owner, int64_t parent_row,
		  int64_t after,
		  int (*fn)(void *ctx, const struct artifact *x, struct err *e),
		  void *ctx, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct artifact x;
	int rc;

	if (sees_owner(rd, owner, e) < 0 ||
	    cursor_open(&q, reader_db(rd), STMT_ARTIFACT_EACH,
			BINDS(B(owner), B(parent_row), B(after)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		fill(&q, &x);
		rc = fn(ctx, &x, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
	return rc;
}
