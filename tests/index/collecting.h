/* SPDX-License-Identifier: Apache-2.0 */
/* collecting.h - for tests of garbage collection: an index with an object
 * store, things with everything on them, and what is left of them. */
#ifndef ORRERY_TESTS_INDEX_COLLECTING_H
#define ORRERY_TESTS_INDEX_COLLECTING_H

#include <sqlite3.h>
#include <sys/stat.h>

#include "indexer/index/collect.h"
#include "indexer/index/store_check.h"
#include "tests/index/fixture.h"

static inline struct objects *store_open(struct fixture *fx)
{
	struct objects *o = objects_open(fx->dir, NULL, &fx->e);

	if (!ok(o != NULL, "the object store opens"))
		exit(1);
	return o;
}

/* Its key, in the fixture's arena; "" where that failed. */
static inline const char *store_put(struct fixture *fx, struct objects *o,
				    const char *wanted, const char *text)
{
	struct object_put *p =
		object_put_begin(o, str_from(wanted), STR("0/spare/"), &fx->e);
	char key[OBJECT_KEY_MAX];
	struct object_digest d;

	if (!p || object_put_write(p, text, strlen(text), &fx->e) < 0 ||
	    object_put_finish(p, key, &d, &fx->e) < 0) {
		object_put_abort(p);
		return "";
	}
	return arena_strdup(&fx->a, str_from(key));
}

/* Of an object of one block, by its CRC-32C: the lowest byte comes first. */
static inline struct str small_sums(struct arena *a, const char *crc)
{
	return str_from(arena_printf(a, "12%.2s%.2s%.2s%.2s", crc + 6, crc + 4,
				     crc + 2, crc));
}

/* Make the object an artifact of a run, or of a model where run is NULL. */
static inline int put_object(struct fixture *fx, struct objects *o,
			     const char *run, const char *model,
			     const char *path, const char *key)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);
	struct object_digest d = {0};

	object_digest_of(o, str_from(key), &d, &fx->e);
	x->run_id = str_from(run);
	x->model_id = str_from(model);
	x->path = str_from(path);
	x->key = str_from(key);
	x->size = (struct opt_i64){d.size, true};
	x->sha256 = arena_str(&x->c.arena, str_from(d.sha256));
	x->sums = d.size ? small_sums(&x->c.arena, d.crc32c) : STR_NONE;
	return fx_apply(fx, &x->c);
}

/* A file whose bytes are its path. */
static inline int put_bytes(struct fixture *fx, struct objects *o,
			    const char *run, const char *model,
			    const char *path)
{
	char wanted[200];

	snprintf(wanted, sizeof(wanted), "0/%s/artifacts/%s", run ? run : model,
		 path);
	return put_object(fx, o, run, model, path,
			  store_put(fx, o, wanted, path));
}

static inline int put_file(struct fixture *fx, struct objects *o,
			   const char *run, const char *path)
{
	return put_bytes(fx, o, run, NULL, path);
}

static inline int count_one(void *ctx, struct str key, int64_t size,
			    int64_t mtime, struct err *e)
{
	(void)key;
	(void)size;
	(void)mtime;
	(void)e;
	++*(int64_t *)ctx;
	return 0;
}

static inline int64_t stored(struct fixture *fx, struct objects *o)
{
	int64_t n = 0;

	return objects_each(o, count_one, &n, &fx->e) < 0 ? -1 : n;
}

static inline bool has_bytes(struct fixture *fx, struct objects *o,
			     const char *key)
{
	int fd = object_open(o, str_from(key), &fx->e);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static inline void finding(void *ctx, const char *what, const char *detail)
{
	printf("# %s: %s\n", what, detail);
	++*(int *)ctx;
}

/* Findings of both checks. */
static inline int findings(struct fixture *fx)
{
	int n = 0;

	if (index_check(fx->dir, finding, &n, &fx->e) < 0 ||
	    store_check(fx->dir, NULL, finding, &n, &fx->e) < 0) {
		printf("# %s\n", fx->e.msg);
		return -1;
	}
	return n;
}

/* One number from the database, by another connection. */
static inline int64_t sql_number(struct fixture *fx, const char *sql)
{
	int64_t n = -1;
	sqlite3_stmt *st = NULL;
	char path[300];
	sqlite3 *db;

	snprintf(path, sizeof(path), "%s/index.db", fx->dir);
	if (sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL) ==
		    SQLITE_OK &&
	    sqlite3_prepare_v2(db, sql, -1, &st, NULL) == SQLITE_OK &&
	    sqlite3_step(st) == SQLITE_ROW)
		n = sqlite3_column_int64(st, 0);
	else
		printf("# %s: %s\n", sql, sqlite3_errmsg(db));
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

static inline struct collect collecting(struct fixture *fx, struct objects *o,
					enum collect_what what)
{
	return (struct collect){
		.index = fx->ix, .objects = o, .who = fx->who, .what = what};
}

#endif
