/* SPDX-License-Identifier: Apache-2.0 */
/* run_link.c - commands that tie runs to datasets and logged models.
 *
 * All of them may be repeated: what is there already stays as it is.
 */
#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/logged.h"
#include "indexer/index/values.h"

#define HISTORY_TAG "mlflow.log-model.history"

/* --- datasets ----------------------------------------------------------- */

static int check_length(struct str s, const char *name, int64_t limit,
			struct err *e)
{
	if (text_characters(s) <= limit)
		return check_text(s, name, e);
	return err_set(e, ERR_INVALID,
		       "'%s' exceeds the maximum length of %lld characters",
		       name, (long long)limit);
}

static int check_dataset(const struct input_dataset *d, struct err *e)
{
	const struct {
		struct str text;
		const char *name;
		int64_t limit;
	} parts[] = {{d->name, "name", LIMIT_DATASET_NAME},
		     {d->digest, "digest", LIMIT_DATASET_DIGEST},
		     {d->source_type, "source_type", LIMIT_DATASET_NAME},
		     {d->source, "source", LIMIT_DATASET_SOURCE},
		     {d->schema, "schema", LIMIT_DATASET_SCHEMA},
		     {d->profile, "profile", LIMIT_DATASET_PROFILE}};

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (check_length(parts[i].text, parts[i].name, parts[i].limit,
				 e) < 0)
			return -1;
	return 0;
}

static int check_tags(struct field_list tags, struct err *e)
{
	const struct key_value *kv = tags.items;

	if (tags.n > LIMIT_BATCH)
		return err_set(e, ERR_INVALID,
			       "an input may have at most %d tags",
			       LIMIT_BATCH);
	for (size_t i = 0; i < tags.n; i++)
		if (check_length(kv[i].key, "key", LIMIT_INPUT_TAG_KEY, e) <
			    0 ||
		    check_length(kv[i].value, "value", LIMIT_INPUT_TAG_VALUE,
				 e) < 0)
			return -1;
	return 0;
}

static int check_count(size_t n, const char *what, struct err *e)
{
	if (n <= LIMIT_INPUTS)
		return 0;
	return err_set(e, ERR_INVALID,
		       "'%s' may have at most %d elements in one call", what,
		       LIMIT_INPUTS);
}

/* What the columns hold where the request has nothing. */
static struct str given(struct str s)
{
	return s.n ? s : STR("");
}

static int find_dataset(struct writer *w, int64_t experiment,
			const struct input_dataset *d, int64_t *ret_row,
			struct err *e)
{
	if (db_exec(&w->db, STMT_DATASET_ADD,
		    BINDS(B(experiment), B(d->name), B(d->digest),
			  B(given(d->source_type)), B(given(d->source)),
			  B(given(d->schema)), B(given(d->profile)),
			  B(w->change)),
		    e) < 0)
		return -1;
	return db_find(&w->db, STMT_DATASET_FIND,
		       BINDS(B(experiment), B(d->name), B(d->digest)), ret_row,
		       e) < 0
		       ? -1
		       : 0;
}

static int add_input(struct writer *w, const struct run_ref *run,
		     const struct run_input *x, bool *ret_new, struct err *e)
{
	const struct key_value *kv = x->tags.items;
	int64_t dataset;

	if (check_dataset(&x->dataset, e) < 0 || check_tags(x->tags, e) < 0 ||
	    find_dataset(w, run->experiment, &x->dataset, &dataset, e) < 0 ||
	    db_exec(&w->db, STMT_RUN_INPUT_ADD,
		    BINDS(B(run->row), B(dataset), B(w->change)), e) < 0)
		return -1;
	if (!db_changes(&w->db))
		return 0;
	*ret_new = true;
	for (size_t i = 0; i < x->tags.n; i++)
		if (db_exec(&w->db, STMT_RUN_INPUT_TAG_SET,
			    BINDS(B(run->row), B(dataset), B(kv[i].key),
				  B(given(kv[i].value))),
			    e) < 0)
			return -1;
	return 0;
}

/* --- models ------------------------------------------------------------- */

static int add_models(struct writer *w, const struct command *c,
		      const struct run_ref *run, struct field_list models,
		      enum model_role role, bool *ret_new, struct err *e)
{
	const struct run_model *m = models.items;
	struct logged_ref model;

	for (size_t i = 0; i < models.n; i++) {
		if (writer_logged_seen(w, &c->who, m[i].model_id, &model, e) <
			    0 ||
		    db_exec(&w->db, STMT_RUN_MODEL_ADD,
			    BINDS(B(run->row), B((int64_t)role), B(model.row),
				  B(m[i].step.set ? m[i].step.v : 0),
				  B(w->change)),
			    e) < 0)
			return -1;
		*ret_new |= db_changes(&w->db) > 0;
	}
	return 0;
}

int apply_run_inputs(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run_inputs *x = (struct cmd_run_inputs *)c;
	const struct run_input *in = x->datasets.items;
	struct run_ref run;
	bool is_new = false;

	if (check_count(x->datasets.n, "datasets", e) < 0 ||
	    check_count(x->models.n, "models", e) < 0 ||
	    writer_run_active(w, &c->who, x->run_id, &run, e) < 0)
		return -1;
	for (size_t i = 0; i < x->datasets.n; i++)
		if (add_input(w, &run, &in[i], &is_new, e) < 0)
			return -1;
	if (add_models(w, c, &run, x->models, MODEL_INPUT, &is_new, e) < 0)
		return -1;
	if (is_new)
		writer_touch_run(w, run.row);
	return 0;
}

int apply_run_outputs(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run_outputs *x = (struct cmd_run_outputs *)c;
	struct run_ref run;
	bool is_new = false;

	if (check_count(x->models.n, "models", e) < 0 ||
	    writer_run_active(w, &c->who, x->run_id, &run, e) < 0 ||
	    add_models(w, c, &run, x->models, MODEL_OUTPUT, &is_new, e) < 0)
		return -1;
	if (is_new)
		writer_touch_run(w, run.row);
	return 0;
}

/* --- log-model of MLflow 2 ---------------------------------------------- */

/* The tag's new value; empty where it stays. */
static int new_history(struct writer *w, const struct cmd_run_log_model *x,
		       int64_t run_row, struct buf *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_TAG_GET,
			BINDS(B(run_row), B(STR(HISTORY_TAG))), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	array_extend(ret, rc ? cursor_str(&q, 0) : STR_NONE, x->model);
	if (!buf_ok(ret))
		return err_set(e, ERR_TOO_LARGE,
			       "the models that a run was given take more than "
			       "%d bytes in its tag '%s'",
			       LIMIT_MODEL_HISTORY, HISTORY_TAG);
	return 0;
}

int apply_run_log_model(struct writer *w, struct command *c, struct err *e)
{
	SCOPED(buf_fini) struct buf history;
	struct cmd_run_log_model *x = (struct cmd_run_log_model *)c;
	struct run_ref run;

	buf_init(&history, LIMIT_MODEL_HISTORY);
	if (writer_run_active(w, &c->who, x->run_id, &run, e) < 0 ||
	    new_history(w, x, run.row, &history, e) < 0)
		return -1;
	if (!history.n)
		return 0;
	if (db_exec(&w->db, STMT_TAG_SET,
		    BINDS(B(run.row), B(STR(HISTORY_TAG)),
			  B(buf_view(&history)), B(w->now), B(w->change)),
		    e) < 0)
		return -1;
	writer_touch_run(w, run.row);
	return 0;
}
