/* SPDX-License-Identifier: Apache-2.0 */
/* project_list.c - which projects there are: checks, and the command.
 *
 * Paths may change hands between projects. So all that lose theirs do so
 * first; then those that are new, or moved, get theirs.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/limits.h"
#include "indexer/index/project.h"

/* --- checks -------------------------------------------------------------- */

static bool good_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';
}

/* Why a part of a path is none, in GitLab's rules; NULL where it is one. */
static const char *bad_part(struct str part)
{
	if (!part.n)
		return "no part of it may be empty";
	if (part.n > LIMIT_PROJECT_PART)
		return "a part of it is longer than 255 bytes";
	for (size_t i = 0; i < part.n; i++)
		if (!good_byte(part.p[i]))
			return "its parts are of letters, digits, '_', '-' and "
			       "'.'";
	if (str_is(part, ".") || str_is(part, ".."))
		return "no part of it may be '.' or '..'";
	if (part.p[0] == '-')
		return "no part of it may begin with '-'";
	if (str_ends(part, STR(".git")) || str_ends(part, STR(".atom")))
		return "no part of it may end in '.git' or '.atom'";
	return NULL;
}

static const char *bad_path(struct str path)
{
	struct str rest = path;
	const char *why = NULL;
	int parts = 0;

	if (!path.n)
		return "it is empty";
	while (rest.p && !why) {
		why = bad_part(str_cut(&rest, '/'));
		parts++;
	}
	if (!why && parts < 2)
		return "it has a group and a name: group/name";
	if (!why && parts > LIMIT_PROJECT_LEVELS)
		return "it has more than 20 levels";
	return why;
}

static int check_one(const struct project *p, struct err *e)
{
	const char *why = bad_path(p->path);

	if (p->id < 1)
		return err_set(e, ERR_INVALID,
			       "projects: the id %" PRId64
			       " of '%.*s' is none; "
			       "ids are GitLab's numbers, from 1 on",
			       p->id, STR_ARG(p->path));
	if (why)
		return err_set(e, ERR_INVALID,
			       "projects: '%.*s' is no path of a project: %s",
			       (int)(p->path.n < 300 ? p->path.n : 300),
			       p->path.n ? p->path.p : "", why);
	return 0;
}

static int by_id(const void *pa, const void *pb)
{
	const struct project *const *a = pa, *const *b = pb;

	return ((*a)->id > (*b)->id) - ((*a)->id < (*b)->id);
}

static int by_path(const void *pa, const void *pb)
{
	const struct project *const *a = pa, *const *b = pb;

	return str_cmp((*a)->path, (*b)->path);
}

/* Sorted pointers to all. */
static const struct project **sort(const struct project *p, size_t n,
				   int (*by)(const void *, const void *))
{
	const struct project **all = calloc(n ? n : 1, sizeof(*all));

	if (!all)
		abort();
	for (size_t i = 0; i < n; i++)
		all[i] = &p[i];
	qsort(all, n, sizeof(*all), by);
	return all;
}

static int check_single(const struct project *p, size_t n,
			int (*by)(const void *, const void *), struct err *e)
{
	const struct project **all = sort(p, n, by);
	int failed = 0;

	for (size_t i = 1; i < n && !failed; i++)
		if (by(&all[i - 1], &all[i]) == 0)
			failed = err_set(
				e, ERR_INVALID,
				"projects: %" PRId64 " '%.*s' and %" PRId64
				" '%.*s' have the same %s",
				all[i - 1]->id, STR_ARG(all[i - 1]->path),
				all[i]->id, STR_ARG(all[i]->path),
				by == by_id ? "id" : "path");
	free(all);
	return failed;
}

int projects_check(const struct project *p, size_t n, struct err *e)
{
	if (n > LIMIT_PROJECTS)
		return err_set(e, ERR_INVALID, "projects: %zu; at most %d", n,
			       LIMIT_PROJECTS);
	for (size_t i = 0; i < n; i++)
		if (check_one(&p[i], e) < 0)
			return -1;
	if (check_single(p, n, by_id, e) < 0)
		return -1;
	return check_single(p, n, by_path, e);
}

/* --- the command --------------------------------------------------------- */

/* Projects that are listed now and will not be at that path: their ids. */
static int find_leaving(struct writer *w, const struct project **all, size_t n,
			struct buf *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_PROJECT_LISTED, NO_BINDS, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		struct project now = {cursor_i64(&q, 0), cursor_str(&q, 1)};
		const struct project *key = &now;
		const struct project *const *then =
			bsearch(&key, all, n, sizeof(*all), by_id);

		if (!then || !str_eq((*then)->path, now.path))
			buf_add(ret, &now.id, sizeof(now.id));
	}
	return rc;
}

static int unlist(struct writer *w, const struct buf *ids, struct err *e)
{
	const int64_t *id = (const void *)ids->p;

	for (size_t i = 0; i < ids->n / sizeof(*id); i++)
		if (db_exec(&w->db, STMT_PROJECT_UNLIST,
			    BINDS(B(id[i]), B(writer_changes(w))), e) < 0)
			return -1;
	return 0;
}

static int list(struct writer *w, const struct project *p, struct err *e)
{
	if (db_exec(&w->db, STMT_PROJECT_LIST,
		    BINDS(B(p->id), B(p->path), B(w->change)), e) < 0)
		return -1;
	if (db_changes(&w->db))
		writer_changes(w);
	return 0;
}

int apply_projects(struct writer *w, struct command *c, struct err *e)
{
	SCOPED(buf_fini) struct buf leaving;
	const struct cmd_projects *x = (struct cmd_projects *)c;
	const struct project **all;
	int failed;

	buf_init(&leaving, c->arena.ceiling);
	if (!principal_sees_all(&c->who))
		return err_set(e, ERR_DENIED,
			       "which projects there are is the owner's");
	if (projects_check(x->projects, x->n, e) < 0)
		return -1;
	all = sort(x->projects, x->n, by_id);
	failed = find_leaving(w, all, x->n, &leaving, e) < 0 ||
		 unlist(w, &leaving, e) < 0;
	for (size_t i = 0; i < x->n && !failed; i++)
		failed = list(w, all[i], e) < 0;
	free(all);
	return failed ? -1 : 0;
}
