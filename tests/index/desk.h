/* SPDX-License-Identifier: Apache-2.0 */
/* desk.h - an index without threads, for tests of what the writer does: each
 * command is a transaction on the spot, idle work happens when it is told,
 * and a crash is only a closing without a farewell. Nothing is synced.
 */
#ifndef ORRERY_TESTS_INDEX_DESK_H
#define ORRERY_TESTS_INDEX_DESK_H

#include <ftw.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/index/points.h"
#include "indexer/index/reader.h"
#include "indexer/index/writer.h"

struct desk {
	char dir[64];
	struct writer *w;
	struct reader *rd;
	struct arena a;
	struct err e;
};

static inline void desk_die(const struct desk *d, const char *what)
{
	printf("Bail out! %s: %s\n", what, d->e.msg);
	exit(1);
}

static inline void desk_connect(struct desk *d)
{
	d->w = writer_new(d->dir, &d->e);
	if (!d->w || db_script(&d->w->db, "PRAGMA synchronous=OFF", &d->e))
		desk_die(d, "writer");
	d->rd = reader_open(d->dir, &d->e);
	if (!d->rd)
		desk_die(d, "reader");
}

static inline void desk_open(struct desk *d)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(d->dir, sizeof(d->dir), "%s/orrery-points-XXXXXX",
		 tmp && strlen(tmp) < 30 ? tmp : "/tmp");
	if (!mkdtemp(d->dir))
		desk_die(d, "directory");
	arena_init(&d->a, 256 << 20);
	desk_connect(d);
}

static inline void desk_crash(struct desk *d)
{
	reader_close(d->rd);
	writer_free(d->w);
	desk_connect(d);
}

static inline int desk_remove(const char *path, const struct stat *st, int type,
			      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void desk_close(struct desk *d)
{
	reader_close(d->rd);
	writer_free(d->w);
	arena_fini(&d->a);
	nftw(d->dir, desk_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline int desk_apply_one(struct writer *w, void *arg, struct err *e)
{
	struct command *c = (struct command *)arg;

	return command_types[c->kind].apply(w, c, e);
}

/* A transaction of this one command; it stays the caller's. */
static inline int desk_apply(struct desk *d, struct command *c)
{
	err_clear(&d->e);
	return writer_transaction(d->w, desk_apply_one, c, &d->e);
}

/* A new run's id, in the desk's arena. */
static inline struct str desk_run(struct desk *d)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct str id;

	if (desk_apply(d, &x->c))
		desk_die(d, "run");
	id = arena_str(&d->a, x->ret_run_id);
	command_free(&x->c);
	return id;
}

static inline int desk_run_command(struct desk *d, enum command_kind kind,
				   struct str run)
{
	struct cmd_run *x = command_new(kind);
	int rc;

	x->run_id = run;
	rc = desk_apply(d, &x->c);
	command_free(&x->c);
	return rc;
}

static inline int64_t desk_row(struct desk *d, struct str run)
{
	struct run_ref ref;

	if (writer_run(d->w, run, &ref, &d->e))
		desk_die(d, "run");
	return ref.row;
}

/* Points of one key as one command. */
static inline int desk_log(struct desk *d, struct str run, const char *key,
			   const struct point *p, size_t n)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points *kp = calloc(n, sizeof(*kp));
	int rc;

	for (size_t i = 0; i < n; i++) {
		kp[i].key = str_from(key);
		kp[i].value = (struct opt_f64){p[i].value, true};
		kp[i].step = (struct opt_i64){p[i].step, true};
		kp[i].timestamp = (struct opt_i64){p[i].time, true};
	}
	x->run_id = run;
	x->metrics.items = kp;
	x->metrics.n = n;
	rc = desk_apply(d, &x->c);
	free(kp);
	command_free(&x->c);
	return rc;
}

static inline int desk_idle_once(struct writer *w, void *arg, struct err *e)
{
	(void)arg;
	return points_idle(w, 1000, e);
}

/* All the idle work there is; a run may be declared at its end before. */
static inline void desk_idle(struct desk *d)
{
	while (points_idle_wanted(d->w))
		if (writer_transaction(d->w, desk_idle_once, NULL, &d->e))
			desk_die(d, "idle");
}

static inline void desk_fold(struct desk *d, struct str run)
{
	points_run_ended(d->w, desk_row(d, run));
	desk_idle(d);
}

static inline void desk_begin(struct desk *d)
{
	struct principal owner = principal_owner();

	if (reader_begin(d->rd, &owner, &d->e))
		desk_die(d, "snapshot");
}

/* A series, within begin and end. */
static inline struct series desk_series(struct desk *d, struct str run,
					const char *key)
{
	struct series s;

	if (series_by_key(d->rd, desk_row(d, run), str_from(key), &d->a, &s,
			  &d->e))
		desk_die(d, key);
	return s;
}

/* A series with its own snapshot. */
static inline struct series desk_look(struct desk *d, struct str run,
				      const char *key)
{
	struct series s;

	desk_begin(d);
	s = desk_series(d, run, key);
	reader_end(d->rd);
	return s;
}

struct desk_points {
	struct point *p;
	size_t n, cap;
};

static inline int desk_collect(void *ctx, const struct point *p, size_t n,
			       struct err *e)
{
	struct desk_points *got = ctx;

	(void)e;
	while (got->n + n > got->cap) {
		got->cap = got->cap ? 2 * got->cap : 64;
		got->p = reallocarray(got->p, got->cap, sizeof(*p));
	}
	memcpy(got->p + got->n, p, n * sizeof(*p));
	got->n += n;
	return 0;
}

/* All points in order of arrival; free(.p). */
static inline struct desk_points desk_points(struct desk *d, struct str run,
					     const char *key)
{
	struct desk_points got = {NULL, 0, 0};
	struct series s;

	desk_begin(d);
	s = desk_series(d, run, key);
	if (series_points(d->rd, &s, 0, desk_collect, &got, &d->e))
		desk_die(d, "points");
	reader_end(d->rd);
	return got;
}

static inline bool desk_same(const struct desk_points *got,
			     const struct point *want, size_t n)
{
	if (got->n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!point_same(&got->p[i], &want[i]))
			return false;
	return true;
}

/* Do the series' points be these, in this order? */
static inline bool desk_has(struct desk *d, struct str run, const char *key,
			    const struct point *want, size_t n)
{
	struct desk_points got = desk_points(d, run, key);
	bool same = desk_same(&got, want, n);

	free(got.p);
	return same;
}

static inline int64_t desk_count(struct desk *d, const char *sql)
{
	int64_t v = -1;

	db_value(&d->w->db, sql, &v, &d->e);
	return v;
}

#endif
