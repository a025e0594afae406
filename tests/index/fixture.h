/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - an index in a fresh directory, and commands in one line each.
 *
 * Each helper returns 0 or -1 with fx->e set, so that a test can say what it
 * expects either way.
 */
#ifndef ORRERY_TESTS_INDEX_FIXTURE_H
#define ORRERY_TESTS_INDEX_FIXTURE_H

#include <ftw.h>
#include <unistd.h>

#include "indexer/base/log.h"
#include "indexer/index/index.h"
#include "indexer/index/reader.h"
#include "tests/tap.h"

struct fixture {
	char dir[256];
	struct index *ix;
	struct reader *rd;
	struct principal who;
	struct arena a;
	struct err e;
};

static inline int fx_remove_one(const char *path, const struct stat *st,
				int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void fx_make_dir(struct fixture *fx)
{
	const char *tmp = getenv("TMPDIR");

	*fx = (struct fixture){.who = principal_owner()};
	snprintf(fx->dir, sizeof(fx->dir), "%s/orrery-index-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(fx->dir))
		abort();
	arena_init(&fx->a, 64 << 20);
	log_set_level(LOG_OFF);
}

static inline void fx_remove_dir(struct fixture *fx)
{
	arena_fini(&fx->a);
	nftw(fx->dir, fx_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static inline void fx_open(struct fixture *fx)
{
	fx->ix = index_open(fx->dir, &fx->e);
	if (!ok(fx->ix != NULL, "the index opens")) {
		printf("# %s\n", fx->e.msg);
		exit(1);
	}
	fx->rd = reader_open(fx->dir, &fx->e);
	if (!ok(fx->rd != NULL, "a reader opens")) {
		printf("# %s\n", fx->e.msg);
		exit(1);
	}
}

static inline void fx_close(struct fixture *fx)
{
	reader_close(fx->rd);
	index_close(fx->ix);
	fx->rd = NULL;
	fx->ix = NULL;
}

static inline void fx_start(struct fixture *fx)
{
	fx_make_dir(fx);
	fx_open(fx);
}

static inline void fx_end(struct fixture *fx)
{
	fx_close(fx);
	fx_remove_dir(fx);
}

/* Apply, as fx->who, and free. */
static inline int fx_apply(struct fixture *fx, struct command *c)
{
	int rc;

	err_clear(&fx->e);
	c->who = fx->who;
	rc = index_apply(fx->ix, c, &fx->e);
	command_free(c);
	return rc;
}

static inline struct key_value kv(const char *key, const char *value)
{
	return (struct key_value){str_from(key), str_from(value)};
}

/* The new experiment's id, "" where that failed. */
static inline const char *fx_experiment(struct fixture *fx, const char *name)
{
	struct cmd_experiment_create *x =
		command_new(COMMAND_EXPERIMENT_CREATE);
	const char *id = "";

	x->name = str_from(name);
	x->c.who = fx->who;
	err_clear(&fx->e);
	if (index_apply(fx->ix, &x->c, &fx->e) == 0)
		id = arena_strdup(&fx->a, x->ret_experiment_id);
	command_free(&x->c);
	return id;
}

/* The new run's id, "" where that failed. */
static inline const char *fx_run(struct fixture *fx, const char *experiment,
				 const char *name)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	const char *id = "";

	x->experiment_id = str_from(experiment);
	x->run_name = str_from(name);
	x->c.who = fx->who;
	err_clear(&fx->e);
	if (index_apply(fx->ix, &x->c, &fx->e) == 0)
		id = arena_strdup(&fx->a, x->ret_run_id);
	command_free(&x->c);
	return id;
}

/* Commands that name one experiment, or one run, and nothing else. */
static inline int fx_on_experiment(struct fixture *fx, enum command_kind kind,
				   const char *id)
{
	struct cmd_experiment *x = command_new(kind);

	x->experiment_id = str_from(id);
	return fx_apply(fx, &x->c);
}

static inline int fx_rename_experiment(struct fixture *fx, const char *id,
				       const char *name)
{
	struct cmd_experiment_update *x =
		command_new(COMMAND_EXPERIMENT_UPDATE);

	x->experiment_id = str_from(id);
	x->new_name = str_from(name);
	return fx_apply(fx, &x->c);
}

static inline int fx_experiment_tag(struct fixture *fx, enum command_kind kind,
				    const char *id, const char *key,
				    const char *value)
{
	struct cmd_experiment_tag *x = command_new(kind);

	x->experiment_id = str_from(id);
	x->key = str_from(key);
	x->value = str_from(value);
	return fx_apply(fx, &x->c);
}

static inline int fx_on_run(struct fixture *fx, enum command_kind kind,
			    const char *id)
{
	struct cmd_run *x = command_new(kind);

	x->run_id = str_from(id);
	return fx_apply(fx, &x->c);
}

static inline int fx_params(struct fixture *fx, const char *run,
			    struct key_value *items, size_t n)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);

	x->run_id = str_from(run);
	x->params = (struct field_list){items, n};
	return fx_apply(fx, &x->c);
}

static inline int fx_param(struct fixture *fx, const char *run, const char *key,
			   const char *value)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value item = kv(key, value);

	x->run_id = str_from(run);
	x->params = (struct field_list){&item, 1};
	x->single_param = true;
	return fx_apply(fx, &x->c);
}

static inline int fx_tag(struct fixture *fx, const char *run, const char *key,
			 const char *value)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value item = kv(key, value);

	x->run_id = str_from(run);
	x->tags = (struct field_list){&item, 1};
	return fx_apply(fx, &x->c);
}

static inline int fx_untag(struct fixture *fx, const char *run, const char *key)
{
	struct cmd_run_untag *x = command_new(COMMAND_RUN_UNTAG);

	x->run_id = str_from(run);
	x->key = str_from(key);
	return fx_apply(fx, &x->c);
}

static inline int fx_metric(struct fixture *fx, const char *run,
			    const char *key, double value, int64_t step)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points item = {.key = str_from(key),
				  .value = {value, true},
				  .timestamp = {1000 + step, true},
				  .step = {step, true}};

	x->run_id = str_from(run);
	x->metrics = (struct field_list){&item, 1};
	return fx_apply(fx, &x->c);
}

static inline int fx_put(struct fixture *fx, const char *run, const char *path,
			 const char *key, int64_t size)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);

	x->run_id = str_from(run);
	x->path = str_from(path);
	x->key = str_from(key);
	x->size = (struct opt_i64){size, true};
	return fx_apply(fx, &x->c);
}

static inline int fx_mkdir(struct fixture *fx, const char *run,
			   const char *path)
{
	struct cmd_artifact_mkdir *x = command_new(COMMAND_ARTIFACT_MKDIR);

	x->run_id = str_from(run);
	x->path = str_from(path);
	return fx_apply(fx, &x->c);
}

static inline int fx_move(struct fixture *fx, const char *run, const char *path,
			  const char *to_run, const char *to_path)
{
	struct cmd_artifact_move *x = command_new(COMMAND_ARTIFACT_MOVE);

	x->run_id = str_from(run);
	x->path = str_from(path);
	x->to_run_id = str_from(to_run);
	x->to_path = str_from(to_path);
	return fx_apply(fx, &x->c);
}

static inline int fx_delete(struct fixture *fx, const char *run,
			    const char *path, bool recursive)
{
	struct cmd_artifact_delete *x = command_new(COMMAND_ARTIFACT_DELETE);

	x->run_id = str_from(run);
	x->path = str_from(path);
	x->recursive = (struct opt_bool){recursive, true};
	return fx_apply(fx, &x->c);
}

/* A snapshot as fx->who. */
static inline struct reader *fx_begin(struct fixture *fx)
{
	err_clear(&fx->e);
	if (reader_begin(fx->rd, &fx->who, &fx->e) < 0) {
		ok(false, "a snapshot begins");
		printf("# %s\n", fx->e.msg);
		exit(1);
	}
	return fx->rd;
}

static inline void fx_finish(struct fixture *fx)
{
	reader_end(fx->rd);
}

/* As the owner sees them now; all zero where there is none. */
static inline struct run fx_see_run(struct fixture *fx, const char *id)
{
	struct run r = {0};

	fx_begin(fx);
	if (run_by_id(fx->rd, str_from(id), &fx->a, &r, &fx->e) == 0)
		run_counts(fx->rd, &r, &fx->e);
	fx_finish(fx);
	return r;
}

static inline struct experiment fx_see_experiment(struct fixture *fx,
						  const char *id)
{
	struct experiment x = {0};

	fx_begin(fx);
	experiment_by_id(fx->rd, str_from(id), &fx->a, &x, &fx->e);
	fx_finish(fx);
	return x;
}

/* The tag's value, NULL where there is none. */
static inline const char *fx_see_tag(struct fixture *fx, const char *run,
				     const char *key)
{
	struct run r = fx_see_run(fx, run);
	struct str v = STR_NONE;
	int64_t modified;

	fx_begin(fx);
	run_tag(fx->rd, r.row, str_from(key), &fx->a, &v, &modified, &fx->e);
	fx_finish(fx);
	return v.p;
}

static inline const char *fx_see_param(struct fixture *fx, const char *run,
				       const char *key)
{
	struct run r = fx_see_run(fx, run);
	struct str v = STR_NONE;
	int64_t modified;

	fx_begin(fx);
	run_param(fx->rd, r.row, str_from(key), &fx->a, &v, &modified, &fx->e);
	fx_finish(fx);
	return v.p;
}

/* The last command failed with this kind, and its message holds the text. */
#define fails(call, wanted_kind, text)                                         \
	do {                                                                   \
		bool failed_ = (call) < 0;                                     \
		ok(failed_ &&fx.e.kind == (wanted_kind) &&                     \
			   strstr(fx.e.msg, (text)),                           \
		   #call " fails");                                            \
		if (!failed_ || fx.e.kind != (wanted_kind) ||                  \
		    !strstr(fx.e.msg, (text)))                                 \
			printf("# %s: %s\n", err_kind_name(fx.e.kind),         \
			       fx.e.msg);                                      \
	} while (0)
#define works(call)                                                            \
	do {                                                                   \
		if (!ok((call) == 0, #call))                                   \
			printf("# %s: %s\n", err_kind_name(fx.e.kind),         \
			       fx.e.msg);                                      \
	} while (0)

#endif
