/* SPDX-License-Identifier: Apache-2.0 */
/* experiment.c - commands about experiments.
 *
 * Names stay taken while their holder lies in the trash. Deleting touches the
 * experiment's row alone: its runs count as deleted through it.
 */
#include "indexer/index/experiment.h"

#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/artifact_uri.h"
#include "indexer/index/names.h"
#include "indexer/index/project_name.h"
#include "indexer/index/run_cache.h"
#include "indexer/index/values.h"

static const char default_root[] = "mlflow-artifacts:/";

/* The number of a public id: "Invalid experiment ID 'abc'. ..." */
static int experiment_parse_id(struct str id, int64_t *ret, struct err *e)
{
	if (num_parse_i64(id, ret) && *ret >= 0)
		return 0;
	return err_set(e, ERR_INVALID,
		       "Invalid experiment ID '%.*s'. Experiment ID must be a "
		       "valid integer.",
		       STR_ARG(id));
}

int experiment_not_found(int64_t row, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "No Experiment with id=%" PRId64 " exists", row);
}

int experiment_home(struct db *db, int64_t *ret, struct err *e)
{
	*ret = 0;
	if (!db->who.view)
		return 0;
	return db_find(db, STMT_EXPERIMENT_HOME, NO_BINDS, ret, e) < 0 ? -1 : 0;
}

int experiment_row(struct db *db, struct str id, int64_t *ret, struct err *e)
{
	if (experiment_parse_id(id, ret, e) < 0)
		return -1;
	return *ret ? 0 : experiment_home(db, ret, e);
}

int writer_experiment(struct writer *w, const struct principal *who,
		      struct str id, struct experiment_ref *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t row;
	int rc;

	if (experiment_row(&w->db, id, &row, e) < 0 ||
	    cursor_open(&q, &w->db, STMT_EXPERIMENT_REF, BINDS(B(row)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return experiment_not_found(row, e);
	ret->row = row;
	ret->project = cursor_i64(&q, 0);
	ret->deleted = cursor_i64(&q, 1) != 0;
	if (!principal_may(who, ret->project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED,
			       "writing to experiment %" PRId64
			       " takes write access to its project",
			       row);
	return 0;
}

/* --- names -------------------------------------------------------------- */

/* What the name would take must be free, but for the experiment self (-1:
 * none). */
static int check_free(struct writer *w, const struct project_name *n,
		      int64_t self, struct err *e)
{
	int64_t holder;
	int rc = db_find(&w->db, STMT_EXPERIMENT_HOLDER,
			 BINDS(B(n->project), B(n->name), B(n->file), B(self)),
			 &holder, e);

	if (rc > 0)
		return err_set(e, ERR_EXISTS,
			       "Experiment(name=%.*s) already exists.",
			       STR_ARG(n->name));
	return rc;
}

static bool location_has(struct str location, char c)
{
	return location.n && memchr(location.p, c, location.n);
}

/* What follows ';' is no part of a path, for the clients that ask there. */
static bool has_params(struct str location)
{
	const struct uri u = uri_split(location);

	return location_has(location, ';') &&
	       (!u.scheme.n || uri_is_scheme(&u, "http") ||
		uri_is_scheme(&u, "https"));
}

/* Some part is "..", as it stands, or once its escapes are undone. */
static bool climbs(struct str location)
{
	struct str rest = location;

	while (rest.p)
		if (str_is(str_cut(&rest, '/'), ".."))
			return true;
	return location_has(location, '%') && uri_has_relative_part(location);
}

static int check_location(struct str location, struct err *e)
{

	if (location.n > LIMIT_LOCATION)
		return err_set(e, ERR_INVALID,
			       "Invalid artifact path length. "
			       "'artifact_location' may have at most %d "
			       "characters",
			       LIMIT_LOCATION);
	if (str_starts(location, STR("runs:")))
		return err_set(e, ERR_INVALID,
			       "Artifact location cannot be a runs:/ URI. "
			       "Given: '%.*s'",
			       STR_ARG(location));
	if (location_has(location, '#') || location_has(location, '?') ||
	    has_params(location))
		return err_set(
			e, ERR_INVALID,
			"'artifact_location' URL can't include fragments "
			"or params, nor a query ('#', ';', '?')");
	if (climbs(location))
		return err_set(e, ERR_INVALID,
			       "'artifact_location' must not have a part '..'");
	return check_text(location, "artifact_location", e);
}

/* --- create, rename ----------------------------------------------------- */

static int insert(struct writer *w, const struct project_name *n,
		  struct str location, int64_t *ret_row, struct err *e)
{
	int64_t change = writer_changes(w);
	char home[sizeof(default_root) + NUM_MAX];

	if (db_exec(&w->db, STMT_EXPERIMENT_ADD,
		    BINDS(B(n->project), B(n->name), B(n->file), B(location),
			  B(w->now), B(change)),
		    e) < 0)
		return -1;
	*ret_row = db_last_id(&w->db);
	w->totals.experiments++;
	if (location.n)
		return 0;
	snprintf(home, sizeof(home), "%s%" PRId64, default_root, *ret_row);
	return db_exec(&w->db, STMT_EXPERIMENT_LOCATE,
		       BINDS(B(*ret_row), B(str_from(home))), e);
}

/* In a view, experiment 0 is the project's own "Default": made when it is
 * first written to, as clients do that were told of no other. */
static int make_home(struct writer *w, struct command *c, struct str id,
		     struct err *e)
{
	struct project_name n;
	int64_t row;

	if (!c->who.view)
		return 0;
	if (experiment_row(&w->db, id, &row, e) < 0)
		return -1;
	if (row || !principal_may(&c->who, c->who.view, LEVEL_WRITE))
		return 0;
	if (project_name_new(w, c, c->who.view, STR("Default"), &n, e) < 0 ||
	    check_free(w, &n, -1, e) < 0)
		return -1;
	return insert(w, &n, STR_NONE, &row, e);
}

int writer_experiment_active(struct writer *w, struct command *c, struct str id,
			     struct experiment_ref *ret, struct err *e)
{
	if (make_home(w, c, id, e) < 0 ||
	    writer_experiment(w, &c->who, id, ret, e) < 0)
		return -1;
	if (ret->deleted)
		return err_set(e, ERR_STATE,
			       "The experiment %" PRId64
			       " must be in the 'active' state. Current state "
			       "is deleted.",
			       ret->row);
	return 0;
}

static int set_tag(struct writer *w, int64_t row, const struct key_value *kv,
		   const char *what, struct err *e)
{
	int64_t change = w->change;

	if (name_check_key(kv->key, what, e) < 0 ||
	    check_text(kv->value, what, e) < 0)
		return -1;
	if (text_characters(kv->value) > LIMIT_EXPERIMENT_TAG_VALUE)
		return err_set(e, ERR_INVALID,
			       "'value' of tag '%.*s' exceeds the maximum "
			       "length of %d characters",
			       STR_ARG(kv->key), LIMIT_EXPERIMENT_TAG_VALUE);
	return db_exec(
		&w->db, STMT_EXPERIMENT_TAG_SET,
		BINDS(B(row), B(kv->key), B(kv->value), B(w->now), B(change)),
		e);
}

static int set_tags(struct writer *w, int64_t row, struct field_list tags,
		    struct err *e)
{
	const struct key_value *kv = tags.items;
	char what[32];

	for (size_t i = 0; i < tags.n; i++) {
		snprintf(what, sizeof(what), "tags[%zu].key", i);
		if (set_tag(w, row, &kv[i], what, e) < 0)
			return -1;
	}
	return 0;
}

int apply_experiment_create(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_experiment_create *x = (struct cmd_experiment_create *)c;
	struct project_name n;
	int64_t row;
	const char *id;

	if (project_name_new(w, c, c->who.view, x->name, &n, e) < 0 ||
	    name_check_experiment(n.name, e) < 0 ||
	    check_location(x->artifact_location, e) < 0)
		return -1;
	if (!principal_may(&c->who, n.project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED,
			       n.project ? "creating an experiment takes write "
					   "access to its project"
					 : "creating an experiment of no "
					   "project is the owner's");
	if (check_free(w, &n, -1, e) < 0 ||
	    insert(w, &n, x->artifact_location, &row, e) < 0 ||
	    set_tags(w, row, x->tags, e) < 0)
		return -1;
	id = arena_printf(&c->arena, "%" PRId64, row);
	if (!id)
		return arena_full(&c->arena, e);
	x->ret_experiment_id = str_from(id);
	return 0;
}

/* What caches know of the experiment under its present name is over. */
static int removed(struct writer *w, const struct experiment_ref *x,
		   struct err *e)
{
	return db_exec(&w->db, STMT_REMOVED_EXPERIMENT,
		       BINDS(B(x->row), B((int64_t)THING_EXPERIMENT),
			     B(writer_changes(w)), B(w->now)),
		       e);
}

int apply_experiment_update(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_experiment_update *x = (struct cmd_experiment_update *)c;
	struct experiment_ref ref;
	struct project_name n;
	int64_t same;
	int rc;

	if (writer_experiment(w, &c->who, x->experiment_id, &ref, e) < 0)
		return -1;
	if (ref.deleted)
		return err_set(e, ERR_STATE,
			       "Cannot rename a non-active experiment.");
	rc = db_find(&w->db, STMT_EXPERIMENT_NAMED,
		     BINDS(B(ref.row), B(x->new_name)), &same, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	if (project_name_new(w, c, ref.project, x->new_name, &n, e) < 0 ||
	    name_check_experiment(n.name, e) < 0 ||
	    check_free(w, &n, ref.row, e) < 0)
		return -1;
	if (removed(w, &ref, e) < 0)
		return -1;
	return db_exec(&w->db, STMT_EXPERIMENT_RENAME,
		       BINDS(B(ref.row), B(n.name), B(n.file), B(w->now),
			     B(w->change)),
		       e);
}

/* --- trash -------------------------------------------------------------- */

static int set_lifecycle(struct writer *w, struct command *c,
			 enum lifecycle life, struct err *e)
{
	struct cmd_experiment *x = (struct cmd_experiment *)c;
	struct experiment_ref ref;

	if (writer_experiment(w, &c->who, x->experiment_id, &ref, e) < 0)
		return -1;
	/* MLflow's answer to what is in that state already. */
	if (ref.deleted == (life == LIFE_DELETED))
		return experiment_not_found(ref.row, e);
	run_cache_clear(w->runs);
	if (removed(w, &ref, e) < 0)
		return -1;
	return db_exec(
		&w->db, STMT_EXPERIMENT_LIFE,
		BINDS(B(ref.row), B((int64_t)life), B(w->now), B(w->change)),
		e);
}

int apply_experiment_delete(struct writer *w, struct command *c, struct err *e)
{
	return set_lifecycle(w, c, LIFE_DELETED, e);
}

int apply_experiment_restore(struct writer *w, struct command *c, struct err *e)
{
	return set_lifecycle(w, c, LIFE_ACTIVE, e);
}

/* --- tags --------------------------------------------------------------- */

static int touch(struct writer *w, int64_t row, struct err *e)
{
	return db_exec(&w->db, STMT_EXPERIMENT_TOUCH,
		       BINDS(B(row), B(w->now), B(writer_changes(w))), e);
}

int apply_experiment_tag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_experiment_tag *x = (struct cmd_experiment_tag *)c;
	const struct key_value kv = {x->key, x->value};
	struct experiment_ref ref;

	if (writer_experiment_active(w, c, x->experiment_id, &ref, e) < 0 ||
	    set_tag(w, ref.row, &kv, "key", e) < 0)
		return -1;
	return db_changes(&w->db) ? touch(w, ref.row, e) : 0;
}

int apply_experiment_untag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_experiment_tag *x = (struct cmd_experiment_tag *)c;
	struct changed gone = {.thing = THING_EXPERIMENT_TAG, .name = x->key};
	struct experiment_ref ref;

	if (writer_experiment_active(w, c, x->experiment_id, &ref, e) < 0 ||
	    db_exec(&w->db, STMT_EXPERIMENT_TAG_DELETE,
		    BINDS(B(ref.row), B(x->key)), e) < 0)
		return -1;
	if (!db_changes(&w->db))
		return err_set(e, ERR_NOT_FOUND,
			       "No tag with name: %.*s in experiment with id "
			       "%" PRId64,
			       STR_ARG(x->key), ref.row);
	gone.row = gone.parent = ref.row;
	if (writer_removed(w, &gone, ref.project, e) < 0)
		return -1;
	return touch(w, ref.row, e);
}
