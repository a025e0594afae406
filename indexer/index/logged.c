/* SPDX-License-Identifier: Apache-2.0 */
/* logged.c - commands about logged models.
 *
 * Params are written once, as a run's are. Deleting hides a model and keeps
 * everything: like MLflow, commands still work on one that is deleted.
 */
#include "indexer/index/logged.h"

#include <math.h>

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/apply.h"
#include "indexer/index/experiment.h"
#include "indexer/index/names.h"
#include "indexer/index/values.h"

enum { MODEL_ID_BYTES = 16, MODEL_ID_TEXT = 2 + 2 * MODEL_ID_BYTES };

/* --- by id -------------------------------------------------------------- */

static int not_found(struct str id, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "Logged model with ID '%.*s' not found.", STR_ARG(id));
}

int writer_logged_seen(struct writer *w, const struct principal *who,
		       struct str id, struct logged_ref *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_LOGGED_REF, BINDS(B(id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? -1 : not_found(id, e);
	*ret = (struct logged_ref){
		.row = cursor_i64(&q, 0),
		.experiment = cursor_i64(&q, 1),
		.project = cursor_i64(&q, 2),
		.deleted = cursor_i64(&q, 3) != 0,
	};
	if (!principal_may(who, ret->project, LEVEL_READ))
		return not_found(id, e);
	return 0;
}

int writer_logged(struct writer *w, const struct principal *who, struct str id,
		  struct logged_ref *ret, struct err *e)
{
	if (writer_logged_seen(w, who, id, ret, e) < 0)
		return -1;
	if (!principal_may(who, ret->project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED,
			       "writing to logged model %.*s takes write "
			       "access to its project",
			       STR_ARG(id));
	return 0;
}

int logged_touch(struct writer *w, int64_t row, struct err *e)
{
	return db_exec(&w->db, STMT_LOGGED_TOUCH,
		       BINDS(B(row), B(w->now), B(writer_changes(w))), e);
}

/* --- params and tags ---------------------------------------------------- */

static int check_value(const struct key_value *kv, const char *list, size_t i,
		       struct err *e)
{
	char what[40];

	snprintf(what, sizeof(what), "%s[%zu].key", list, i);
	if (name_check_key(kv->key, what, e) < 0)
		return -1;
	snprintf(what, sizeof(what), "%s[%zu].value", list, i);
	if (text_characters(kv->value) > LIMIT_LOGGED_VALUE)
		return err_set(e, ERR_INVALID,
			       "'%s' exceeds the maximum length of %d "
			       "characters",
			       what, LIMIT_LOGGED_VALUE);
	return check_text(kv->value, what, e);
}

static int check_values(struct field_list values, const char *list,
			struct err *e)
{
	const struct key_value *kv = values.items;

	if (values.n > LIMIT_BATCH)
		return err_set(e, ERR_INVALID,
			       "'%s' may have at most %d elements in one call",
			       list, LIMIT_BATCH);
	for (size_t i = 0; i < values.n; i++)
		if (check_value(&kv[i], list, i, e) < 0)
			return -1;
	return 0;
}

/* What is there with the same value is fine. */
static int compare_param(struct writer *w, int64_t row, struct str id,
			 const struct key_value *kv, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct str old;

	if (cursor_open(&q, &w->db, STMT_LOGGED_PARAM_GET,
			BINDS(B(row), B(kv->key)), e) < 0 ||
	    cursor_next(&q, e) < 0)
		return -1;
	old = cursor_str(&q, 0);
	if (str_eq(old, kv->value))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Changing param values is not allowed. Param with "
		       "key='%.*s' was already logged with value='%.*s' for "
		       "logged model ID='%.*s'. Attempted logging new value "
		       "'%.*s'.",
		       STR_ARG(kv->key), STR_ARG(old), STR_ARG(id),
		       STR_ARG(kv->value));
}

/* *ret_new: was any not so before? */
static int set_params(struct writer *w, int64_t row, struct str id,
		      struct field_list params, bool *ret_new, struct err *e)
{
	const struct key_value *kv = params.items;

	if (check_values(params, "params", e) < 0)
		return -1;
	for (size_t i = 0; i < params.n; i++) {
		if (db_exec(&w->db, STMT_LOGGED_PARAM_ADD,
			    BINDS(B(row), B(kv[i].key), B(kv[i].value),
				  B(w->now)),
			    e) < 0)
			return -1;
		if (db_changes(&w->db))
			*ret_new = true;
		else if (compare_param(w, row, id, &kv[i], e) < 0)
			return -1;
	}
	return 0;
}

static int set_tags(struct writer *w, int64_t row, struct field_list tags,
		    bool *ret_new, struct err *e)
{
	const struct key_value *kv = tags.items;

	if (check_values(tags, "tags", e) < 0)
		return -1;
	for (size_t i = 0; i < tags.n; i++) {
		if (db_exec(&w->db, STMT_LOGGED_TAG_SET,
			    BINDS(B(row), B(kv[i].key), B(kv[i].value),
				  B(w->now)),
			    e) < 0)
			return -1;
		*ret_new |= db_changes(&w->db) > 0;
	}
	return 0;
}

static int apply_values(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_logged_values *x = (struct cmd_logged_values *)c;
	struct logged_ref model;
	bool is_new = false;

	if (writer_logged(w, &c->who, x->model_id, &model, e) < 0 ||
	    set_params(w, model.row, x->model_id, x->params, &is_new, e) < 0 ||
	    set_tags(w, model.row, x->tags, &is_new, e) < 0)
		return -1;
	return is_new ? logged_touch(w, model.row, e) : 0;
}

int apply_logged_params(struct writer *w, struct command *c, struct err *e)
{
	return apply_values(w, c, e);
}

int apply_logged_tags(struct writer *w, struct command *c, struct err *e)
{
	return apply_values(w, c, e);
}

int apply_logged_untag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_logged_untag *x = (struct cmd_logged_untag *)c;
	struct logged_ref model;

	if (writer_logged(w, &c->who, x->model_id, &model, e) < 0 ||
	    db_exec(&w->db, STMT_LOGGED_TAG_DELETE,
		    BINDS(B(model.row), B(x->key)), e) < 0)
		return -1;
	if (!db_changes(&w->db))
		return err_set(e, ERR_NOT_FOUND,
			       "No tag with key '%.*s' found for model with ID "
			       "'%.*s'.",
			       STR_ARG(x->key), STR_ARG(x->model_id));
	return logged_touch(w, model.row, e);
}

/* --- create ------------------------------------------------------------- */

/* Whether it could stand in a URI of models. */
static bool good_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (strchr("/:.%\"'", name.p[i]))
			return false;
	return utf8_valid(name);
}

static int check_length(struct str s, const char *what, struct err *e)
{
	if (text_characters(s) <= LIMIT_LOGGED_NAME)
		return check_text(s, what, e);
	return err_set(e, ERR_INVALID,
		       "'%s' exceeds the maximum length of %d characters", what,
		       LIMIT_LOGGED_NAME);
}

static int check_create(const struct cmd_logged_create *x, struct err *e)
{
	if (!good_name(x->name))
		return err_set(e, ERR_INVALID,
			       "Invalid model name ('%.*s') provided. Model "
			       "name must be a non-empty string and cannot "
			       "contain the following characters: ('/', ':', "
			       "'.', '%%', '\"', \"'\")",
			       (int)(x->name.n < 200 ? x->name.n : 200),
			       x->name.p);
	if (check_length(x->name, "name", e) < 0 ||
	    check_length(x->model_type, "model_type", e) < 0)
		return -1;
	return check_length(x->source_run_id, "source_run_id", e);
}

static int insert(struct writer *w, struct cmd_logged_create *x,
		  int64_t experiment, int64_t *ret_row, struct err *e)
{
	char invented[32];
	char *id = arena_alloc(&x->c.arena, MODEL_ID_TEXT + 1);

	if (!id)
		return arena_full(&x->c.arena, e);
	memcpy(id, "m-", 2);
	random_hex(id + 2, MODEL_ID_BYTES);
	x->ret_model_id = str_n(id, MODEL_ID_TEXT);
	name_invent(invented);
	if (db_exec(&w->db, STMT_LOGGED_ADD,
		    BINDS(B(x->ret_model_id), B(experiment),
			  B(x->name.n ? x->name : str_from(invented)),
			  B(x->model_type), B(x->source_run_id),
			  B((int64_t)LOGGED_PENDING), B(w->now),
			  B(writer_changes(w))),
		    e) < 0)
		return -1;
	*ret_row = db_last_id(&w->db);
	return 0;
}

int apply_logged_create(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_logged_create *x = (struct cmd_logged_create *)c;
	struct experiment_ref in;
	bool is_new = false;
	int64_t row;

	if (check_create(x, e) < 0 ||
	    (x->source_run_id.n &&
	     writer_run_seen(w, &c->who, x->source_run_id, e) < 0) ||
	    writer_experiment_active(w, c, x->experiment_id, &in, e) < 0 ||
	    insert(w, x, in.row, &row, e) < 0 ||
	    set_params(w, row, x->ret_model_id, x->params, &is_new, e) < 0)
		return -1;
	return set_tags(w, row, x->tags, &is_new, e);
}

/* --- finalize, delete --------------------------------------------------- */

int apply_logged_finalize(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_logged *x = (struct cmd_logged *)c;
	struct logged_ref model;

	if (x->status.v < LOGGED_PENDING || x->status.v > LOGGED_UPLOAD_FAILED)
		return err_set(e, ERR_INVALID,
			       "a logged model's status is one of "
			       "LOGGED_MODEL_PENDING, LOGGED_MODEL_READY, "
			       "LOGGED_MODEL_UPLOAD_FAILED");
	if (writer_logged(w, &c->who, x->model_id, &model, e) < 0 ||
	    db_exec(&w->db, STMT_LOGGED_STATUS,
		    BINDS(B(model.row), B(x->status.v), B(w->now)), e) < 0)
		return -1;
	return logged_touch(w, model.row, e);
}

int apply_logged_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_logged *x = (struct cmd_logged *)c;
	struct logged_ref model;

	if (writer_logged(w, &c->who, x->model_id, &model, e) < 0)
		return -1;
	if (model.deleted)
		return 0;
	if (db_exec(&w->db, STMT_REMOVED_LOGGED,
		    BINDS(B(model.row), B((int64_t)THING_LOGGED_MODEL),
			  B(model.project), B(writer_changes(w)), B(w->now)),
		    e) < 0 ||
	    db_exec(&w->db, STMT_LOGGED_LIFE, BINDS(B(model.row), B(w->now)),
		    e) < 0)
		return -1;
	return logged_touch(w, model.row, e);
}

/* --- points ------------------------------------------------------------- */

static int check_point(const struct key_points *p, size_t i, struct err *e)
{
	char what[40];

	snprintf(what, sizeof(what), "metrics[%zu].name", i);
	if (name_check_key(p->key, what, e) < 0)
		return -1;
	if (!p->dataset_name.n != !p->dataset_digest.n)
		return err_set(e, ERR_INVALID,
			       "Both dataset_name and dataset_digest must be "
			       "provided if one is provided");
	if (check_text(p->dataset_name, "dataset_name", e) < 0)
		return -1;
	return check_text(p->dataset_digest, "dataset_digest", e);
}

static int64_t bits_of(double v)
{
	int64_t bits;

	if (isnan(v))
		v = (double)NAN;
	memcpy(&bits, &v, sizeof(bits));
	return bits;
}

static int add_point(struct writer *w, int64_t model, int64_t run,
		     const struct key_points *p, struct err *e)
{
	struct str none = STR("");

	return db_exec(&w->db, STMT_LOGGED_METRIC_ADD,
		       BINDS(B(model), B(p->key), B(p->timestamp.v),
			     B(p->step.set ? p->step.v : 0), B(run),
			     B(p->dataset_name.n ? p->dataset_name : none),
			     B(p->dataset_digest.n ? p->dataset_digest : none),
			     B(bits_of(p->value.v))),
		       e);
}

/* The points from *at on that name the same model: one look, one touch. */
static int add_points(struct writer *w, const struct principal *who,
		      int64_t run, const struct key_points *p, size_t n,
		      size_t *at, struct err *e)
{
	struct str id = p[*at].model_id;
	struct logged_ref model;
	bool is_new = false;

	if (writer_logged(w, who, id, &model, e) < 0)
		return -1;
	for (; *at < n && str_eq(id, p[*at].model_id); ++*at) {
		if (check_point(&p[*at], *at, e) < 0 ||
		    add_point(w, model.row, run, &p[*at], e) < 0)
			return -1;
		is_new |= db_changes(&w->db) > 0;
	}
	return is_new ? logged_touch(w, model.row, e) : 0;
}

int logged_points(struct writer *w, const struct principal *who,
		  int64_t run_row, const struct key_points *p, size_t n,
		  struct err *e)
{
	size_t i = 0;

	while (i < n) {
		if (!p[i].model_id.n)
			i++;
		else if (add_points(w, who, run_row, p, n, &i, e) < 0)
			return -1;
	}
	return 0;
}
