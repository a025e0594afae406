/* SPDX-License-Identifier: Apache-2.0 */
/* reader.h - reading the index, from any process, without ever blocking the
 * writer.
 *
 * A reader is one read-only connection and belongs to one thread at a time.
 * Between reader_begin and reader_end it sees one snapshot, as one principal;
 * that lasts a few milliseconds: render first, then send. reader_begin waits
 * at the checkpoint gate. A query beyond its deadline ends with ERR_TIMEOUT.
 * Outside of begin/end no query may run.
 *
 * Strings of structs are copied into the caller's arena; strings handed to a
 * call-back live as long as the call. A call-back returns 0 to go on, 1 to
 * stop without error, -1 with e set. What the principal may not see is
 * ERR_NOT_FOUND, with the words of what does not exist.
 */
#ifndef ORRERY_INDEX_READER_H
#define ORRERY_INDEX_READER_H

#include "indexer/base/arena.h"
#include "indexer/base/point.h"
#include "indexer/index/principal.h"

struct reader;

/* On the data directory of a daemon, running or not. ERR_UNSUPPORTED when
 * the schema is of another version. */
struct reader *reader_open(const char *dir, struct err *e);
void reader_close(struct reader *rd);
int reader_begin(struct reader *rd, const struct principal *who, struct err *e);
void reader_end(struct reader *rd);
/* Of the snapshot: its number, the incarnation of the index (another after a
 * restore), and up to where removals are no longer kept. */
int64_t reader_change(const struct reader *rd);
int64_t reader_epoch(const struct reader *rd);
int64_t reader_forgotten(const struct reader *rd);
/* Statements run since it was opened: for tests and .stats. */
int64_t reader_queries(const struct reader *rd);

enum lifecycle { LIFE_ACTIVE, LIFE_DELETED };

struct experiment {
	int64_t row, project, change;
	struct str id; /* its number as text */
	struct str name, dir, artifact_location;
	enum lifecycle lifecycle;
	int64_t created, updated;
};

struct run {
	int64_t row, change, experiment_row, project;
	struct str id, experiment_id, name, dir, user, artifact_uri;
	int status; /* enum run_status */
	enum lifecycle lifecycle;
	int64_t start_time, end_time;    /* end_time -1 where unset */
	int64_t modified;                /* ms of its last change: mtime */
	int64_t nparams, ntags, nseries; /* -1 until run_counts */
};

struct series {
	int64_t row, run_row, change;
	struct str key;
	int64_t count, text; /* points; bytes as text */
	struct point latest;
	int64_t last_step; /* of the last point in order of arrival */
	int64_t modified;
};

struct artifact {
	int64_t row, parent_row, owner_row, change; /* parent 0: the root */
	struct str name, key, sha256, crc32c;
	bool is_dir;
	int64_t size, mtime;
	int mode;
};

typedef int key_value_fn(void *ctx, struct str key, struct str value,
			 int64_t modified, struct err *e);

/* Experiments. */
int experiment_by_id(struct reader *rd, struct str id, struct arena *a,
		     struct experiment *ret, struct err *e);
int experiment_by_name(struct reader *rd, struct str name, struct arena *a,
		       struct experiment *ret, struct err *e);
int experiment_by_dir(struct reader *rd, enum lifecycle life, struct str dir,
		      struct arena *a, struct experiment *ret, struct err *e);
int experiment_by_row(struct reader *rd, int64_t row, struct arena *a,
		      struct experiment *ret, struct err *e);
/* In order of row, from after (exclusive; 0: all, -1: row 0 too). */
int experiment_each(struct reader *rd, enum lifecycle life, int64_t after,
		    int (*fn)(void *ctx, const struct experiment *x,
			      struct err *e),
		    void *ctx, struct err *e);
int experiment_tags(struct reader *rd, int64_t row, key_value_fn *fn, void *ctx,
		    struct err *e);

/* Runs. */
int run_by_id(struct reader *rd, struct str id, struct arena *a,
	      struct run *ret, struct err *e);
int run_by_row(struct reader *rd, int64_t row, struct arena *a, struct run *ret,
	       struct err *e);
int run_by_dir(struct reader *rd, int64_t experiment_row, enum lifecycle life,
	       struct str dir, struct arena *a, struct run *ret, struct err *e);
int run_each(struct reader *rd, int64_t experiment_row, enum lifecycle life,
	     int64_t after,
	     int (*fn)(void *ctx, const struct run *r, struct err *e),
	     void *ctx, struct err *e);
/* Fills nparams, ntags, nseries. */
int run_counts(struct reader *rd, struct run *r, struct err *e);
int run_params(struct reader *rd, int64_t run_row, key_value_fn *fn, void *ctx,
	       struct err *e);
int run_tags(struct reader *rd, int64_t run_row, key_value_fn *fn, void *ctx,
	     struct err *e);
/* One value, copied into a; ERR_NOT_FOUND. */
int run_param(struct reader *rd, int64_t run_row, struct str key,
	      struct arena *a, struct str *ret, int64_t *ret_modified,
	      struct err *e);
int run_tag(struct reader *rd, int64_t run_row, struct str key, struct arena *a,
	    struct str *ret, int64_t *ret_modified, struct err *e);
int experiment_tag(struct reader *rd, int64_t row, struct str key,
		   struct arena *a, struct str *ret, int64_t *ret_modified,
		   struct err *e);

/* Metrics. */
int series_by_key(struct reader *rd, int64_t run_row, struct str key,
		  struct arena *a, struct series *ret, struct err *e);
/* In order of key; only keys beginning with prefix (may be empty). */
int series_each(struct reader *rd, int64_t run_row, struct str prefix,
		int (*fn)(void *ctx, const struct series *s, struct err *e),
		void *ctx, struct err *e);
/* All keys with their latest points, in the order in which they came: for
 * less than series_each, which finds them by key. */
typedef void series_latest_fn(void *ctx, struct str key, const struct point *p);
int series_latest(struct reader *rd, int64_t run_row, series_latest_fn *fn,
		  void *ctx, struct err *e);
/* Points in order of arrival, from the skip-th on. */
int series_points(struct reader *rd, const struct series *s, int64_t skip,
		  int (*fn)(void *ctx, const struct point *p, size_t n,
			    struct err *e),
		  void *ctx, struct err *e);
/* The same of all points, but for blocks without any step in the range:
 * others than those in it may come, too. */
struct step_range {
	int64_t from, to;
};
int series_points_within(struct reader *rd, const struct series *s,
			 struct step_range range,
			 int (*fn)(void *ctx, const struct point *p, size_t n,
				   struct err *e),
			 void *ctx, struct err *e);
/* Bytes [off, off+n) of the series as text; returns how many, fewer only at
 * its end. Decodes no block that does not overlap. */
int64_t series_read_text(struct reader *rd, const struct series *s, int64_t off,
			 char *out, size_t n, struct err *e);
/* A page in MLflow's order of history. after NULL: from the start; else the
 * points that follow *after. Returns up to max points in the arena; *ret_more
 * tells whether others follow. */
int series_history(struct reader *rd, const struct series *s,
		   const struct point *after, size_t max, struct arena *a,
		   struct point **ret, size_t *ret_n, bool *ret_more,
		   struct err *e);

/* Artifacts of a run. "" is the root directory (row 0, is_dir). */
int artifact_by_path(struct reader *rd, int64_t run_row, struct str path,
		     struct arena *a, struct artifact *ret, struct err *e);
int artifact_by_name(struct reader *rd, int64_t run_row, int64_t parent_row,
		     struct str name, struct arena *a, struct artifact *ret,
		     struct err *e);
/* The one whose object has this key. */
int artifact_by_key(struct reader *rd, struct str key, struct arena *a,
		    struct artifact *ret, struct err *e);
/* Children in order of row after the given one (stable cookies). */
int artifact_each(struct reader *rd, int64_t run_row, int64_t parent_row,
		  int64_t after,
		  int (*fn)(void *ctx, const struct artifact *x, struct err *e),
		  void *ctx, struct err *e);

/* The sums of an object's blocks (objects/sums.h), appended to ret: nothing
 * where none are known. */
int object_sums(struct reader *rd, struct str key, struct buf *ret,
		struct err *e);

/* What changed after a given change, for caches: one call per thing. Removals
 * come first, with removed set: also where a thing was renamed or moved, or
 * went to or came back from the trash, for then it has left the place of that
 * name; what is there now follows as changed. What lies below a removed
 * directory, and runs of an experiment that moved, are not named singly.
 * ERR_RANGE where the change is older than what is kept. */
enum thing {
	THING_EXPERIMENT,
	THING_RUN,
	THING_SERIES,
	THING_PARAM,
	THING_TAG,
	THING_EXPERIMENT_TAG,
	THING_ARTIFACT,
	THING_LOGGED_MODEL,
	THING_MODEL, /* a registered one; see registry.h */
	THING_VERSION,
	THING_ALIAS,
	THING_TRACE,
	THINGS
};

struct changed {
	enum thing thing;
	int64_t row;        /* of an experiment, run, series, artifact, model,
			       version or trace; of tags and params their
			       owner's, of an alias its version's */
	int64_t parent;     /* experiment of a run or trace, model of a version
			       or alias, owner of an artifact, run of the
			       others */
	int64_t parent_dir; /* of an artifact */
	struct str name;    /* directory name, key, file name, number */
	bool removed;
	bool created; /* after the given change */
};

int changes_since(struct reader *rd, int64_t change,
		  int (*fn)(void *ctx, const struct changed *x, struct err *e),
		  void *ctx, struct err *e);

/* Journals: how far one is applied (0: nothing), and what was refused. */
int64_t journal_applied(struct reader *rd, struct str journal_id);
int refused_each(struct reader *rd, int64_t after,
		 int (*fn)(void *ctx, int64_t row, int64_t time,
			   struct str run_id, struct str key, struct str why,
			   struct err *e),
		 void *ctx, struct err *e);

/* Totals for status pages. */
struct index_totals {
	int64_t experiments, runs, series, points, artifacts, artifact_bytes;
	int64_t traces, spans;
};
int index_totals(struct reader *rd, struct index_totals *ret, struct err *e);

#endif
