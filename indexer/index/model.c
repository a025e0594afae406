/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - commands about registered models as such, and about aliases.
 *
 * A model that is deleted has no trash, as in MLflow: it gives up its name at
 * once. It may have any number of versions, so their rows are taken away while
 * nobody waits.
 */
#include "indexer/index/model.h"

#include <inttypes.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/names.h"
#include "indexer/index/project.h"
#include "indexer/index/project_name.h"
#include "indexer/index/values.h"

enum { REAP_VERSIONS = 200 }; /* in one statement */

/* --- models by name ----------------------------------------------------- */

int model_not_found(struct str name, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "Registered Model with name=%.*s not found",
		       STR_ARG(name));
}

int model_check_name(const struct principal *who, struct str name,
		     struct err *e)
{
	return name_check_model(project_plain_name(who, name, NULL), "name", e);
}

static int may_write(const struct principal *who, int64_t project,
		     struct str name, struct err *e)
{
	if (principal_may(who, project, LEVEL_WRITE))
		return 0;
	return err_set(e, ERR_DENIED,
		       "writing to registered model %.*s takes write access to "
		       "its project",
		       STR_ARG(name));
}

int writer_model(struct writer *w, const struct principal *who, struct str name,
		 struct model_ref *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (model_check_name(who, name, e) < 0 ||
	    cursor_open(&q, &w->db, STMT_MODEL_REF, BINDS(B(name)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return model_not_found(name, e);
	ret->row = cursor_i64(&q, 0);
	ret->project = cursor_i64(&q, 1);
	return may_write(who, ret->project, name, e);
}

int writer_version(struct writer *w, const struct principal *who,
		   struct str name, struct str version, struct version_ref *ret,
		   struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t number;
	int rc;

	if (model_check_name(who, name, e) < 0 ||
	    version_parse(version, &number, e) < 0 ||
	    cursor_open(&q, &w->db, STMT_VERSION_REF, BINDS(B(name), B(number)),
			e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return version_not_found(name, version, e);
	*ret = (struct version_ref){
		.row = cursor_i64(&q, 0),
		.model = {cursor_i64(&q, 1), cursor_i64(&q, 2)},
		.number = cursor_i64(&q, 3),
		.stage = (enum model_stage)cursor_i64(&q, 4),
	};
	return may_write(who, ret->model.project, name, e);
}

int model_touch(struct writer *w, int64_t row, bool updated, struct err *e)
{
	return db_exec(&w->db, STMT_MODEL_TOUCH,
		       BINDS(B(row), B(w->now), B(updated ? w->now : 0),
			     B(writer_changes(w))),
		       e);
}

/* --- what creations have in common --------------------------------------- */

int model_check_description(struct str description, struct err *e)
{
	if (check_text(description, "description", e) < 0)
		return -1;
	if (text_characters(description) > LIMIT_DESCRIPTION)
		return err_set(e, ERR_INVALID,
			       "'description' exceeds the maximum length of %d "
			       "characters",
			       LIMIT_DESCRIPTION);
	return 0;
}

static int check_tag_value(const struct key_value *tag, const char *what,
			   struct err *e)
{
	if (check_text(tag->value, what, e) < 0)
		return -1;
	if (text_characters(tag->value) <= LIMIT_MODEL_TAG_VALUE)
		return 0;
	if (str_is(tag->key, "mlflow.prompt.text"))
		return err_set(e, ERR_INVALID,
			       "Prompt text exceeds max length of %d "
			       "characters.",
			       LIMIT_MODEL_TAG_VALUE);
	return err_set(e, ERR_INVALID,
		       "'value' exceeds the maximum length of %d characters",
		       LIMIT_MODEL_TAG_VALUE);
}

int model_set_tag(struct writer *w, enum stmt_id set, int64_t row,
		  const struct key_value *tag, const char *what, struct err *e)
{
	if (name_check_key(tag->key, what, e) < 0 ||
	    check_tag_value(tag, what, e) < 0)
		return -1;
	return db_exec(&w->db, set, BINDS(B(row), B(tag->key), B(tag->value)),
		       e);
}

int model_set_tags(struct writer *w, enum stmt_id set, int64_t row,
		   struct field_list tags, struct err *e)
{
	const struct key_value *tag = tags.items;
	char what[32];

	if (tags.n > LIMIT_MODEL_TAGS)
		return err_set(e, ERR_INVALID, "at most %d tags at once",
			       LIMIT_MODEL_TAGS);
	for (size_t i = 0; i < tags.n; i++) {
		snprintf(what, sizeof(what), "tags[%zu].key", i);
		if (model_set_tag(w, set, row, &tag[i], what, e) < 0)
			return -1;
	}
	return 0;
}

bool model_tags_prompt(struct field_list tags)
{
	const struct key_value *tag = tags.items;
	bool prompt = false;

	for (size_t i = 0; i < tags.n; i++)
		if (str_is(tag[i].key, PROMPT_TAG))
			prompt = str_eq_nocase(tag[i].value, STR("true"));
	return prompt;
}

/* --- create, rename, delete ---------------------------------------------- */

static int is_taken(struct str name, bool by_prompt, bool prompt, struct err *e)
{
	static const char *const nouns[] = {"registered model", "prompt"};

	if (by_prompt == prompt)
		return err_set(e, ERR_EXISTS, "%s (name=%.*s) already exists.",
			       prompt ? "Prompt" : "Registered Model",
			       STR_ARG(name));
	return err_set(e, ERR_EXISTS,
		       "Tried to create a %s with name '%.*s', but the name is "
		       "already taken by a %s. MLflow does not allow creating "
		       "a model and a prompt with the same name.",
		       nouns[prompt], STR_ARG(name), nouns[by_prompt]);
}

/* 1 with whether its holder is a prompt where the name is taken by another
 * than self (-1: none). */
static int holder(struct writer *w, const struct project_name *n, int64_t self,
		  int64_t *ret, struct err *e)
{
	return db_find(&w->db, STMT_MODEL_HOLDER,
		       BINDS(B(n->project), B(n->name), B(n->file), B(self)),
		       ret, e);
}

int apply_model_create(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct project_name n;
	int64_t by_prompt;
	int rc;

	if (project_name_new(w, c, c->who.view, x->name, &n, e) < 0 ||
	    name_check_model(n.name, "name", e) < 0 ||
	    model_check_description(x->description, e) < 0)
		return -1;
	if (!principal_may(&c->who, n.project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED,
			       n.project ? "creating a registered model takes "
					   "write access to its project"
					 : "creating a registered model of no "
					   "project is the owner's");
	rc = holder(w, &n, -1, &by_prompt, e);
	if (rc > 0)
		return is_taken(x->name, by_prompt, model_tags_prompt(x->tags),
				e);
	if (rc < 0 ||
	    db_exec(&w->db, STMT_MODEL_ADD,
		    BINDS(B(n.project), B(n.name), B(n.file), B(x->description),
			  B(w->now), B(writer_changes(w))),
		    e) < 0)
		return -1;
	return model_set_tags(w, STMT_MODEL_TAG_SET, db_last_id(&w->db),
			      x->tags, e);
}

/* What caches know of the model under its present name is over. */
static int removed(struct writer *w, int64_t row, struct err *e)
{
	return db_exec(&w->db, STMT_REMOVED_MODEL,
		       BINDS(B(row), B((int64_t)THING_MODEL),
			     B(writer_changes(w)), B(w->now)),
		       e);
}

static int rename_to(struct writer *w, int64_t row,
		     const struct project_name *n, struct err *e)
{
	int64_t by_prompt;
	int rc = holder(w, n, row, &by_prompt, e);

	if (rc > 0)
		return err_set(e, ERR_EXISTS,
			       "Registered Model (name=%.*s) already exists.",
			       STR_ARG(n->name));
	if (rc < 0 || removed(w, row, e) < 0 ||
	    db_exec(&w->db, STMT_MODEL_RENAME,
		    BINDS(B(row), B(n->name), B(n->file)), e) < 0)
		return -1;
	return model_touch(w, row, true, e);
}

int apply_model_rename(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct project_name n;
	struct model_ref m;
	int64_t same;
	int rc;

	if (name_check_model(project_plain_name(&c->who, x->new_name, NULL),
			     "new_name", e) < 0 ||
	    writer_model(w, &c->who, x->name, &m, e) < 0)
		return -1;
	rc = db_find(&w->db, STMT_MODEL_NAMED, BINDS(B(m.row), B(x->new_name)),
		     &same, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (project_name_new(w, c, m.project, x->new_name, &n, e) < 0 ||
	    name_check_model(n.name, "new_name", e) < 0)
		return -1;
	return rename_to(w, m.row, &n, e);
}

int apply_model_update(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct model_ref m;

	if (model_check_description(x->description, e) < 0 ||
	    writer_model(w, &c->who, x->name, &m, e) < 0 ||
	    db_exec(&w->db, STMT_MODEL_DESCRIBE,
		    BINDS(B(m.row), B(x->description)), e) < 0)
		return -1;
	return model_touch(w, m.row, true, e);
}

static int check_empty(struct writer *w, int64_t row, struct err *e)
{
	int64_t any;
	int rc = db_find(&w->db, STMT_MODEL_HAS_VERSIONS, BINDS(B(row)), &any,
			 e);

	if (rc > 0)
		return err_set(e, ERR_NOT_EMPTY, "the model has versions");
	return rc;
}

int apply_model_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct model_ref m;

	if (writer_model(w, &c->who, x->name, &m, e) < 0 ||
	    (x->only_empty.v && check_empty(w, m.row, e) < 0) ||
	    removed(w, m.row, e) < 0 ||
	    db_exec(&w->db, STMT_MODEL_GONE, BINDS(B(m.row)), e) < 0)
		return -1;
	w->reap = true;
	return 0;
}

/* 1 when one step was done, 0 when nothing is left. */
static int reap_step(struct writer *w, struct err *e)
{
	int64_t row;
	int rc = db_find(&w->db, STMT_MODEL_GONE_NEXT, NO_BINDS, &row, e);

	if (rc <= 0)
		return rc;
	if (db_exec(&w->db, STMT_MODEL_REAP_VERSIONS,
		    BINDS(B(row), B((int64_t)REAP_VERSIONS)), e) < 0)
		return -1;
	if (db_changes(&w->db) == REAP_VERSIONS)
		return 1;
	return db_exec(&w->db, STMT_MODEL_REAP, BINDS(B(row)), e) < 0 ? -1 : 1;
}

int model_reap(struct writer *w, int64_t budget_ms, struct err *e)
{
	int64_t until = clock_mono_ms() + budget_ms;
	int rc;

	do {
		rc = reap_step(w, e);
	} while (rc > 0 && clock_mono_ms() < until);
	return rc;
}

/* --- tags ---------------------------------------------------------------- */

int apply_model_tag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	const struct key_value tag = {x->key, x->value};
	struct model_ref m;

	if (writer_model(w, &c->who, x->name, &m, e) < 0 ||
	    model_set_tag(w, STMT_MODEL_TAG_SET, m.row, &tag, "key", e) < 0)
		return -1;
	return db_changes(&w->db) ? model_touch(w, m.row, false, e) : 0;
}

/* A tag that is not there is no error, as in MLflow. */
int apply_model_untag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct model_ref m;

	if (name_check_key(x->key, "key", e) < 0 ||
	    writer_model(w, &c->who, x->name, &m, e) < 0 ||
	    db_exec(&w->db, STMT_MODEL_TAG_DELETE, BINDS(B(m.row), B(x->key)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) ? model_touch(w, m.row, false, e) : 0;
}

/* --- aliases ---------------------------------------------------------------
 */

static int check_reserved(struct str alias, struct err *e)
{
	bool digits = alias.n > 1;

	if (str_eq_nocase(alias, STR("latest")))
		return err_set(e, ERR_INVALID,
			       "'latest' alias name (case insensitive) is "
			       "reserved.");
	for (size_t i = 1; i < alias.n; i++)
		digits = digits && alias.p[i] >= '0' && alias.p[i] <= '9';
	if (digits && (alias.p[0] == 'v' || alias.p[0] == 'V'))
		return err_set(e, ERR_INVALID,
			       "Version alias name '%.*s' is reserved.",
			       STR_ARG(alias));
	return 0;
}

int apply_model_alias(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct version_ref v, before;
	int rc;

	if (name_check_alias(x->alias, e) < 0 ||
	    check_reserved(x->alias, e) < 0 ||
	    writer_version(w, &c->who, x->name, x->version, &v, e) < 0)
		return -1;
	before = v;
	rc = db_find(&w->db, STMT_ALIAS_VERSION,
		     BINDS(B(v.model.row), B(x->alias)), &before.row, e);
	if (rc < 0)
		return -1;
	if (rc && before.row == v.row)
		return 0;
	if (db_exec(&w->db, STMT_ALIAS_SET,
		    BINDS(B(v.model.row), B(x->alias), B(v.row), B(w->now),
			  B(writer_changes(w))),
		    e) < 0 ||
	    (rc && version_touch(w, &before, false, e) < 0))
		return -1;
	return version_touch(w, &v, false, e);
}

int apply_model_unalias(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_model *x = (struct cmd_model *)c;
	struct changed gone = {.thing = THING_ALIAS, .name = x->alias};
	struct version_ref v = {0};
	int rc;

	if (name_check_alias(x->alias, e) < 0 ||
	    writer_model(w, &c->who, x->name, &v.model, e) < 0)
		return -1;
	rc = db_find(&w->db, STMT_ALIAS_VERSION,
		     BINDS(B(v.model.row), B(x->alias)), &v.row, e);
	if (rc <= 0)
		return rc;
	gone.row = v.row;
	gone.parent = v.model.row;
	if (writer_removed(w, &gone, v.model.project, e) < 0 ||
	    db_exec(&w->db, STMT_ALIAS_DELETE,
		    BINDS(B(v.model.row), B(x->alias)), e) < 0)
		return -1;
	return version_touch(w, &v, false, e);
}
