/* SPDX-License-Identifier: Apache-2.0 */
/* run.c - commands about runs as such.
 *
 * The idea to keep: a run has one name in three places, its row, its tag
 * mlflow.runName and its directory. Whatever renames a run goes through
 * run_rename. A directory name is made unique in the experiment once and
 * then stays until the next rename, also while the run is in the trash.
 */
#include "indexer/index/run.h"

#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/apply.h"
#include "indexer/index/experiment.h"
#include "indexer/index/names.h"
#include "indexer/index/points.h"
#include "indexer/index/run_cache.h"
#include "indexer/index/values.h"

enum { RUN_ID_BYTES = 16, SHORT_ID = 8 };

/* --- directory names ---------------------------------------------------- */

/* Is dir another run's? */
static int taken(struct writer *w, int64_t experiment, struct str dir,
		 int64_t self, struct err *e)
{
	int64_t row;

	return db_find(&w->db, STMT_RUN_DIR_HOLDER,
		       BINDS(B(experiment), B(dir), B(self)), &row, e);
}

/* "name", else "name~<8 of the id>", else with the whole id. */
static int free_dir(struct writer *w, const struct run_ref *run, struct str id,
		    struct str name, char out[NAME_FILE_MAX], struct err *e)
{
	const size_t tries[] = {SHORT_ID, RUN_ID_BYTES, 2 * RUN_ID_BYTES};
	size_t n = name_to_file(name, out);
	int rc = taken(w, run->experiment, str_n(out, n), run->row, e);

	for (size_t i = 0; rc > 0 && i < sizeof(tries) / sizeof(tries[0]);
	     i++) {
		size_t of_id = tries[i] < id.n ? tries[i] : id.n;

		n = name_to_file_apart(name, str_n(id.p, of_id), out);
		rc = taken(w, run->experiment, str_n(out, n), run->row, e);
	}
	if (rc > 0)
		return err_set(e, ERR_EXISTS,
			       "no directory name is free for run '%.*s'",
			       STR_ARG(name));
	return rc;
}

/* The directory that a mount asks for, in its listed form; it must be free.
 * One that looks like a cut form stays as it is: name is the same text. */
static int wanted_dir(struct writer *w, const struct run_ref *run,
		      struct str name, struct str dir, char out[NAME_FILE_MAX],
		      struct err *e)
{
	char plain[NAME_FILE_MAX];
	size_t n;
	int rc;

	if (dir.n > LIMIT_FILE_NAME)
		return err_set(e, ERR_TOO_LONG,
			       "a file name has at most %d bytes",
			       LIMIT_FILE_NAME);
	if (name_from_file(dir, plain, &n))
		n = name_to_file(name, out);
	else
		memcpy(out, dir.p, n = dir.n);
	out[n] = '\0';
	rc = taken(w, run->experiment, str_n(out, n), run->row, e);
	if (rc > 0)
		return err_set(e, ERR_EXISTS,
			       "a run with the directory name '%s' exists",
			       out);
	return rc;
}

/* What a directory name stands for; a cut one stands for itself. */
static int name_of_dir(struct str dir, struct arena *a, struct str *ret,
		       struct err *e)
{
	char *name = arena_alloc(a, dir.n + 1);
	size_t n;

	if (!name)
		return arena_full(a, e);
	*ret = name_from_file(dir, name, &n) ? str_n(name, n) : dir;
	return name_check_run(*ret, e);
}

static int make_dir(struct writer *w, const struct run_ref *run, struct str id,
		    struct str name, struct str dir, char out[NAME_FILE_MAX],
		    struct err *e)
{
	if (dir.n)
		return wanted_dir(w, run, name, dir, out, e);
	return free_dir(w, run, id, name, out, e);
}

/* What caches know of the run under its present name is over. */
static int removed(struct writer *w, int64_t row, struct err *e)
{
	return db_exec(&w->db, STMT_REMOVED_RUN,
		       BINDS(B(row), B((int64_t)THING_RUN),
			     B(writer_changes(w)), B(w->now)),
		       e);
}

static int is_named(struct writer *w, int64_t row, struct str name,
		    struct str dir, struct err *e)
{
	int64_t same;

	if (dir.n)
		return db_find(&w->db, STMT_RUN_IN_DIR,
			       BINDS(B(row), B(name), B(dir)), &same, e);
	return db_find(&w->db, STMT_RUN_NAMED, BINDS(B(row), B(name)), &same,
		       e);
}

int run_rename(struct writer *w, const struct run_ref *run, struct str run_id,
	       struct str name, struct str dir, struct err *e)
{
	const struct key_value tag = {STR(RUN_NAME_TAG), name};
	char file[NAME_FILE_MAX];
	int rc = is_named(w, run->row, name, dir, e);

	if (rc)
		return rc < 0 ? -1 : 0;
	if (name_check_run(name, e) < 0 ||
	    make_dir(w, run, run_id, name, dir, file, e) < 0 ||
	    removed(w, run->row, e) < 0 ||
	    run_tag_set(w, run->row, &tag, "run_name", e) < 0 ||
	    db_exec(&w->db, STMT_RUN_RENAME,
		    BINDS(B(run->row), B(name), B(str_from(file))), e) < 0)
		return -1;
	writer_touch_run(w, run->row);
	return 0;
}

/* --- create ------------------------------------------------------------- */

static const struct key_value *tag_named(struct field_list tags,
					 const char *key)
{
	const struct key_value *kv = tags.items;

	for (size_t i = 0; i < tags.n; i++)
		if (str_is(kv[i].key, key))
			return &kv[i];
	return NULL;
}

/* From run_name, the tag, the directory, or made up. */
static int choose_name(struct cmd_run_create *x, struct str *ret, struct err *e)
{
	const struct key_value *tag = tag_named(x->tags, RUN_NAME_TAG);
	char invented[32];

	if (x->run_name.n && tag && tag->value.n &&
	    !str_eq(x->run_name, tag->value))
		return err_set(e, ERR_INVALID,
			       "Both 'run_name' argument and 'mlflow.runName' "
			       "tag are specified, but with different values "
			       "(run_name='%.*s', mlflow.runName='%.*s').",
			       STR_ARG(x->run_name), STR_ARG(tag->value));
	*ret = x->run_name.n ? x->run_name : tag ? tag->value : STR_NONE;
	if (!ret->n && x->dir.n)
		return name_of_dir(x->dir, &x->c.arena, ret, e);
	if (!ret->n) {
		name_invent(invented);
		*ret = arena_str(&x->c.arena, str_from(invented));
	}
	return ret->p ? name_check_run(*ret, e) : arena_full(&x->c.arena, e);
}

static int create_tags(struct writer *w, int64_t row, struct str name,
		       struct field_list tags, struct err *e)
{
	const struct key_value own = {STR(RUN_NAME_TAG), name};
	const struct key_value *kv = tags.items;
	char what[32];

	for (size_t i = 0; i < tags.n; i++) {
		snprintf(what, sizeof(what), "tags[%zu].key", i);
		if (run_tag_set(w, row, &kv[i], what, e) < 0)
			return -1;
	}
	return run_tag_set(w, row, &own, "run_name", e);
}

static int check_create(const struct cmd_run_create *x, struct err *e)
{
	if (x->user_id.n > LIMIT_USER)
		return err_set(e, ERR_INVALID,
			       "'user_id' exceeds the maximum length of %d "
			       "characters",
			       LIMIT_USER);
	if (x->start_time.set && x->start_time.v < 0)
		return err_set(e, ERR_INVALID,
			       "'start_time' must not be negative");
	if (x->tags.n > LIMIT_BATCH)
		return err_set(e, ERR_INVALID,
			       "a run can be created with at most %d tags",
			       LIMIT_BATCH);
	return check_text(x->user_id, "user_id", e);
}

static int insert(struct writer *w, struct cmd_run_create *x, struct str name,
		  struct run_ref *run, struct err *e)
{
	struct str user = x->user_id.n ? x->user_id : x->c.who.name;
	int64_t start = x->start_time.set ? x->start_time.v : w->now;
	char dir[NAME_FILE_MAX];
	char *id = arena_alloc(&x->c.arena, 2 * RUN_ID_BYTES + 1);

	if (!id)
		return arena_full(&x->c.arena, e);
	random_hex(id, RUN_ID_BYTES);
	x->ret_run_id = str_n(id, 2 * RUN_ID_BYTES);
	if (make_dir(w, run, x->ret_run_id, name, x->dir, dir, e) < 0 ||
	    db_exec(&w->db, STMT_RUN_ADD,
		    BINDS(B(x->ret_run_id), B(run->experiment), B(name),
			  B(str_from(dir)), B(user), B((int64_t)RUN_RUNNING),
			  B(start), B(w->now), B(writer_changes(w))),
		    e) < 0)
		return -1;
	run->row = db_last_id(&w->db);
	return 0;
}

int apply_run_create(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run_create *x = (struct cmd_run_create *)c;
	struct str experiment =
		x->experiment_id.n ? x->experiment_id : STR("0");
	struct experiment_ref in;
	struct run_ref run;
	struct str name;

	if (check_create(x, e) < 0 ||
	    writer_experiment_active(w, c, experiment, &in, e) < 0 ||
	    choose_name(x, &name, e) < 0)
		return -1;
	run = (struct run_ref){
		.row = -1, .experiment = in.row, .project = in.project};
	if (insert(w, x, name, &run, e) < 0 ||
	    create_tags(w, run.row, name, x->tags, e) < 0)
		return -1;
	w->totals.runs++;
	return 0;
}

/* --- update ------------------------------------------------------------- */

static bool terminal(int64_t status)
{
	return status == RUN_FINISHED || status == RUN_FAILED ||
	       status == RUN_KILLED;
}

/* A status that ends a run sets its end time, one that does not clears it,
 * unless the request states one. */
static int set_status(struct writer *w, int64_t row,
		      const struct cmd_run_update *x, struct err *e)
{
	bool ended = x->status.set && terminal(x->status.v);
	struct opt_i64 end = x->end_time;

	if (!x->status.set && !end.set)
		return 0;
	if (!end.set && ended)
		end = (struct opt_i64){w->now, true};
	if (x->status.set)
		return db_exec(&w->db, STMT_RUN_STATUS,
			       BINDS(B(row), B(x->status.v), B(end)), e);
	return db_exec(&w->db, STMT_RUN_END, BINDS(B(row), B(end)), e);
}

static int check_update(const struct cmd_run_update *x, struct err *e)
{
	if (x->status.set &&
	    (x->status.v < RUN_RUNNING || x->status.v > RUN_KILLED))
		return err_set(e, ERR_INVALID,
			       "a run's status is one of RUNNING, SCHEDULED, "
			       "FINISHED, FAILED, KILLED");
	if (x->end_time.set && x->end_time.v < 0)
		return err_set(e, ERR_INVALID,
			       "'end_time' must not be negative");
	return 0;
}

int apply_run_update(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run_update *x = (struct cmd_run_update *)c;
	struct run_ref run;
	struct str name = x->run_name;

	if (check_update(x, e) < 0 ||
	    writer_run_active(w, &c->who, x->run_id, &run, e) < 0)
		return -1;
	if (!name.n && x->dir.n && name_of_dir(x->dir, &c->arena, &name, e) < 0)
		return -1;
	if (name.n && run_rename(w, &run, x->run_id, name, x->dir, e) < 0)
		return -1;
	if (set_status(w, run.row, x, e) < 0)
		return -1;
	writer_touch_run(w, run.row);
	if (x->status.set && terminal(x->status.v))
		points_run_ended(w, run.row);
	return 0;
}

/* --- trash -------------------------------------------------------------- */

static int set_lifecycle(struct writer *w, int64_t row, enum lifecycle life,
			 struct err *e)
{
	int64_t same;
	int rc = db_find(&w->db, STMT_RUN_IN_LIFE,
			 BINDS(B(row), B((int64_t)life)), &same, e);

	if (rc)
		return rc < 0 ? -1 : 0;
	run_cache_clear(w->runs);
	if (removed(w, row, e) < 0 ||
	    db_exec(&w->db, STMT_RUN_LIFE,
		    BINDS(B(row), B((int64_t)life), B(w->now)), e) < 0)
		return -1;
	writer_touch_run(w, row);
	return 0;
}

int apply_run_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run *x = (struct cmd_run *)c;
	struct run_ref run;

	if (writer_run_any(w, &c->who, x->run_id, &run, e) < 0)
		return -1;
	return set_lifecycle(w, run.row, LIFE_DELETED, e);
}

int apply_run_restore(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run *x = (struct cmd_run *)c;
	struct run_ref run;
	int64_t experiment;
	int rc;

	if (writer_run_any(w, &c->who, x->run_id, &run, e) < 0)
		return -1;
	rc = db_find(&w->db, STMT_EXPERIMENT_IN_LIFE,
		     BINDS(B(run.experiment), B((int64_t)LIFE_DELETED)),
		     &experiment, e);
	if (rc > 0)
		return err_set(e, ERR_STATE,
			       "The experiment %" PRId64
			       " must be in the 'active' state. Current state "
			       "is deleted.",
			       run.experiment);
	return rc < 0 ? -1 : set_lifecycle(w, run.row, LIFE_ACTIVE, e);
}
