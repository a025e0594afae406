/* SPDX-License-Identifier: Apache-2.0 */
/* model_version.c - commands about versions of registered models.
 *
 * A version has the number after the greatest that its model ever gave, also
 * where that version is gone.
 */
#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/logged.h"
#include "indexer/index/model.h"
#include "indexer/index/model_source.h"
#include "indexer/index/names.h"
#include "indexer/index/project.h"
#include "indexer/index/values.h"

#define REGISTRATIONS_TAG "mlflow.modelVersions"

const char *const model_stage_names[STAGES] = {"None", "Staging", "Production",
					       "Archived"};

int model_stage_parse(struct str name, enum model_stage *ret, struct err *e)
{
	for (int i = 0; i < STAGES; i++) {
		if (!str_eq_nocase(name, str_from(model_stage_names[i])))
			continue;
		*ret = (enum model_stage)i;
		return 0;
	}
	return err_set(e, ERR_INVALID,
		       "Invalid Model Version stage: %.*s. Value must be one "
		       "of None, Staging, Production, Archived.",
		       STR_ARG(name));
}

int version_not_found(struct str name, struct str version, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "Model Version (name=%.*s, version=%.*s) not found",
		       STR_ARG(name), STR_ARG(version));
}

int version_parse(struct str version, int64_t *ret, struct err *e)
{
	if (num_parse_i64(version, ret))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Parameter 'version' must be an integer, got '%.*s'.",
		       (int)(version.n < 100 ? version.n : 100),
		       version.n ? version.p : "");
}

int version_touch(struct writer *w, const struct version_ref *v, bool updated,
		  struct err *e)
{
	if (db_exec(&w->db, STMT_VERSION_TOUCH,
		    BINDS(B(v->row), B(w->now), B(updated ? w->now : 0),
			  B(writer_changes(w))),
		    e) < 0)
		return -1;
	return model_touch(w, v->model.row, false, e);
}

/* --- create -------------------------------------------------------------- */

static int check_names(const struct cmd_version *x, struct err *e)
{
	if (x->run_id.n && name_check_run_id(x->run_id, e) < 0)
		return -1;
	if (x->run_link.n > LIMIT_LOCATION)
		return err_set(e, ERR_INVALID,
			       "'run_link' exceeds the maximum length of %d "
			       "characters",
			       LIMIT_LOCATION);
	if (check_text(x->run_link, "run_link", e) < 0 ||
	    check_text(x->model_id, "model_id", e) < 0)
		return -1;
	return model_check_description(x->description, e);
}

static int next_number(struct writer *w, const struct model_ref *m,
		       int64_t *ret, struct err *e)
{
	if (db_exec(&w->db, STMT_MODEL_COUNT_UP, BINDS(B(m->row)), e) < 0)
		return -1;
	return db_find(&w->db, STMT_MODEL_LAST_NUMBER, BINDS(B(m->row)), ret,
		       e) < 0
		       ? -1
		       : 0;
}

static int insert(struct writer *w, const struct cmd_version *x,
		  const struct model_ref *m, const struct model_source *s,
		  int64_t *ret_number, struct err *e)
{
	if (next_number(w, m, ret_number, e) < 0)
		return -1;
	return db_exec(&w->db, STMT_VERSION_ADD,
		       BINDS(B(m->row), B(*ret_number), B(x->description),
			     B(s->source), B(s->location), B(s->run_id),
			     B(x->run_link), B(s->model_id), B(w->now),
			     B(writer_changes(w))),
		       e);
}

/* The registrations of a logged model, with one more, as MLflow's server
 * writes them down in a tag of it; under a name that leads there from
 * everywhere. */
static int registrations(struct writer *w, int64_t row, struct cmd_version *x,
			 int64_t number, struct buf *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	SCOPED(buf_fini) struct buf one;
	struct json_out j;
	struct str name;
	int rc;

	buf_init(&one, ret->ceiling);
	if (project_full_name(&x->c.who, x->name, &x->c.arena, &name, e) < 0)
		return -1;
	buf_puts(&one, "{\"name\": ");
	jo_init(&j, &one, 0);
	jo_str(&j, name);
	buf_printf(&one, ", \"version\": %" PRId64 "}", number);
	if (cursor_open(&q, &w->db, STMT_LOGGED_TAG_GET,
			BINDS(B(row), B(STR(REGISTRATIONS_TAG))), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	array_extend(ret, rc ? cursor_str(&q, 0) : STR_NONE, buf_view(&one));
	return 0;
}

/* Where they no longer fit into a tag, or who registers may not write to the
 * logged model, it stays as it is. */
static int note_registration(struct writer *w, struct cmd_version *x,
			     struct str model_id, int64_t number, struct err *e)
{
	SCOPED(buf_fini) struct buf all;
	struct logged_ref model;

	buf_init(&all, LIMIT_TAG_VALUE);
	if (writer_logged_seen(w, &x->c.who, model_id, &model, e) < 0)
		return -1;
	if (!principal_may(&x->c.who, model.project, LEVEL_WRITE))
		return 0;
	if (registrations(w, model.row, x, number, &all, e) < 0)
		return -1;
	if (!buf_ok(&all) || !all.n)
		return 0;
	if (db_exec(&w->db, STMT_LOGGED_TAG_SET,
		    BINDS(B(model.row), B(STR(REGISTRATIONS_TAG)),
			  B(buf_view(&all)), B(w->now)),
		    e) < 0)
		return -1;
	return logged_touch(w, model.row, e);
}

int apply_version_create(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_version *x = (struct cmd_version *)c;
	struct model_source source = {.source = STR_NONE};
	struct model_ref m;
	const char *version;
	int64_t number;

	if (check_names(x, e) < 0 ||
	    writer_model(w, &c->who, x->name, &m, e) < 0 ||
	    model_source_resolve(w, x, &c->arena, &source, e) < 0 ||
	    insert(w, x, &m, &source, &number, e) < 0 ||
	    model_set_tags(w, STMT_VERSION_TAG_SET, db_last_id(&w->db), x->tags,
			   e) < 0 ||
	    model_touch(w, m.row, true, e) < 0)
		return -1;
	if (source.model_id.n && !source.copied &&
	    note_registration(w, x, source.model_id, number, e) < 0)
		return -1;
	version = arena_printf(&c->arena, "%" PRId64, number);
	if (!version)
		return arena_full(&c->arena, e);
	x->ret_version = str_from(version);
	return 0;
}

/* --- change -------------------------------------------------------------- */

int apply_version_update(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_version *x = (struct cmd_version *)c;
	struct version_ref v;

	if (model_check_description(x->description, e) < 0 ||
	    writer_version(w, &c->who, x->name, x->version, &v, e) < 0 ||
	    db_exec(&w->db, STMT_VERSION_DESCRIBE,
		    BINDS(B(v.row), B(x->description)), e) < 0)
		return -1;
	return version_touch(w, &v, true, e);
}

/* All others of a stage. */
static int archive(struct writer *w, const struct version_ref *v,
		   enum model_stage stage, struct err *e)
{
	return db_exec(&w->db, STMT_VERSION_ARCHIVE,
		       BINDS(B(v->model.row), B((int64_t)stage), B(v->row),
			     B(w->now), B(writer_changes(w))),
		       e);
}

int apply_version_stage(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_version *x = (struct cmd_version *)c;
	bool others = x->archive_existing_versions.v;
	enum model_stage stage;
	struct version_ref v;

	if (model_stage_parse(x->stage, &stage, e) < 0)
		return -1;
	if (others && stage != STAGE_STAGING && stage != STAGE_PRODUCTION)
		return err_set(e, ERR_INVALID,
			       "Model version transition cannot archive "
			       "existing model versions because '%.*s' is not "
			       "an Active stage. Valid stages are ['Staging', "
			       "'Production']",
			       STR_ARG(x->stage));
	if (writer_version(w, &c->who, x->name, x->version, &v, e) < 0 ||
	    (others && archive(w, &v, stage, e) < 0) ||
	    db_exec(&w->db, STMT_VERSION_STAGE,
		    BINDS(B(v.row), B((int64_t)stage)), e) < 0 ||
	    version_touch(w, &v, true, e) < 0)
		return -1;
	return model_touch(w, v.model.row, true, e);
}

/* Its aliases go with it. */
int apply_version_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_version *x = (struct cmd_version *)c;
	struct changed gone = {.thing = THING_VERSION, .name = x->version};
	struct version_ref v;
	char number[NUM_MAX];

	if (writer_version(w, &c->who, x->name, x->version, &v, e) < 0)
		return -1;
	gone.row = v.row;
	gone.parent = v.model.row;
	gone.name = str_n(number, num_format_i64(v.number, number));
	if (db_exec(&w->db, STMT_REMOVED_ALIASES,
		    BINDS(B(v.row), B((int64_t)THING_ALIAS), B(v.model.project),
			  B(writer_changes(w)), B(w->now)),
		    e) < 0 ||
	    writer_removed(w, &gone, v.model.project, e) < 0 ||
	    db_exec(&w->db, STMT_VERSION_DELETE, BINDS(B(v.row)), e) < 0)
		return -1;
	return model_touch(w, v.model.row, true, e);
}

/* --- tags ---------------------------------------------------------------- */

int apply_version_tag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_version *x = (struct cmd_version *)c;
	const struct key_value tag = {x->key, x->value};
	struct version_ref v;

	if (writer_version(w, &c->who, x->name, x->version, &v, e) < 0 ||
	    model_set_tag(w, STMT_VERSION_TAG_SET, v.row, &tag, "key", e) < 0)
		return -1;
	return db_changes(&w->db) ? version_touch(w, &v, false, e) : 0;
}

int apply_version_untag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_version *x = (struct cmd_version *)c;
	struct version_ref v;

	if (name_check_key(x->key, "key", e) < 0 ||
	    writer_version(w, &c->who, x->name, x->version, &v, e) < 0 ||
	    db_exec(&w->db, STMT_VERSION_TAG_DELETE, BINDS(B(v.row), B(x->key)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) ? version_touch(w, &v, false, e) : 0;
}
