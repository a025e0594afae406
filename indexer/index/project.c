/* SPDX-License-Identifier: Apache-2.0 */
/* project.c - see project.h. */
#include "indexer/index/project.h"

#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/db.h"
#include "indexer/index/project_name.h"

/* --- names --------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c && strchr(" \t\n\r\v\f", c);
}

/* Takes off what a name of this project may end in: a blank and "(id)". What
 * would leave nothing is a name itself. */
static bool take_off(struct str *name, int64_t id)
{
	char end[NUM_MAX + 2];
	size_t n = (size_t)snprintf(end, sizeof(end), "(%" PRId64 ")", id);

	if (name->n < n + 2 || !str_ends(*name, str_n(end, n)) ||
	    !is_blank(name->p[name->n - n - 1]))
		return false;
	name->n -= n + 1;
	return true;
}

/* The number that a full name ends in, 0 where it is none of a project. */
static int64_t number_of(struct str full)
{
	size_t at = full.n;
	char text[NUM_MAX];
	int64_t id;

	if (!full.n || full.p[full.n - 1] != ')')
		return 0;
	while (at && full.p[at - 1] != '(')
		at--;
	if (at < 3 || full.p[at - 2] != ' ' ||
	    !num_parse_i64(str_n(full.p + at, full.n - at - 1), &id) || id < 1)
		return 0;
	return num_format_i64(id, text) == full.n - at - 1 ? id : 0;
}

struct str project_plain_name(const struct principal *who, struct str given,
			      bool *ret_full)
{
	int64_t id = who->view ? who->view : number_of(given);
	bool full = id && take_off(&given, id);

	while (who->view && take_off(&given, id))
		continue;
	if (ret_full)
		*ret_full = full;
	return given;
}

static int compose(struct str name, int64_t project, struct arena *a,
		   struct str *ret, struct err *e)
{
	const char *full =
		arena_printf(a, "%.*s (%" PRId64 ")", STR_ARG(name), project);

	*ret = str_from(full);
	return full ? 0 : arena_full(a, e);
}

int project_full_name(const struct principal *who, struct str given,
		      struct arena *a, struct str *ret, struct err *e)
{
	*ret = given;
	if (!who->view)
		return 0;
	return compose(project_plain_name(who, given, NULL), who->view, a, ret,
		       e);
}

/* --- new names ----------------------------------------------------------- */

/* Outside of all projects no name may read like one of a project. */
static int check_outside(struct writer *w, struct str name, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t id = number_of(name);
	struct str path;
	int rc;

	if (!id)
		return 0;
	if (cursor_open(&q, &w->db, STMT_PROJECT_KNOWN, BINDS(B(id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	path = cursor_str(&q, 0);
	return err_set(e, ERR_INVALID,
		       "Invalid name '%.*s': names that end in ' (%" PRId64
		       ")' are those of project '%.*s'. Make it in the view of "
		       "that project.",
		       (int)(name.n < 300 ? name.n : 300), name.p, id,
		       STR_ARG(path));
}

int project_name_new(struct writer *w, struct command *c, int64_t project,
		     struct str given, struct project_name *ret, struct err *e)
{
	ret->project = project;
	ret->name = given;
	ret->full = given;
	if (!project) {
		if (check_outside(w, given, e) < 0)
			return -1;
	} else {
		if (c->who.view || number_of(given) == project)
			while (take_off(&ret->name, project))
				continue;
		if (compose(ret->name, project, &c->arena, &ret->full, e) < 0)
			return -1;
		if (!c->who.view && !str_eq(ret->full, given))
			return err_set(e, ERR_INVALID,
				       "Invalid name '%.*s': what belongs to "
				       "project %" PRId64
				       " is called 'name (%" PRId64
				       ")' outside of its view.",
				       (int)(given.n < 300 ? given.n : 300),
				       given.p, project, project);
	}
	ret->file = str_n(ret->dir, name_to_file(ret->full, ret->dir));
	return 0;
}

/* --- looking up ---------------------------------------------------------- */

int project_by_path(struct reader *rd, struct str path, int64_t *ret,
		    struct err *e)
{
	int rc = db_find(reader_db(rd), STMT_PROJECT_BY_PATH, BINDS(B(path)),
			 ret, e);

	if (rc == 0)
		return err_set(e, ERR_NOT_FOUND, "No project '%.*s' exists",
			       (int)(path.n < 300 ? path.n : 300),
			       path.n ? path.p : "");
	return rc < 0 ? -1 : 0;
}

int project_count(struct reader *rd, int64_t *ret, struct err *e)
{
	return db_find(reader_db(rd), STMT_PROJECT_COUNT, NO_BINDS, ret, e) < 0
		       ? -1
		       : 0;
}
