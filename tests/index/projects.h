/* SPDX-License-Identifier: Apache-2.0 */
/* projects.h - projects, and views of them, in one line each. */
#ifndef ORRERY_TESTS_INDEX_PROJECTS_H
#define ORRERY_TESTS_INDEX_PROJECTS_H

#include "indexer/index/project.h"
#include "tests/index/fixture.h"

/* These are the projects from now on. */
static inline int pr_list(struct fixture *fx, const struct project *p, size_t n)
{
	struct cmd_projects *x = command_new(COMMAND_PROJECTS);

	x->projects = p;
	x->n = n;
	return fx_apply(fx, &x->c);
}

/* The id of the project at a path, 0 where there is none. */
static inline int64_t pr_at(struct fixture *fx, const char *path)
{
	int64_t id = 0;

	fx_begin(fx);
	project_by_path(fx->rd, str_from(path), &id, &fx->e);
	fx_finish(fx);
	return id;
}

/* From now on the owner acts in the view of this project; 0: in none. */
static inline void pr_view(struct fixture *fx, int64_t project)
{
	fx->who = principal_owner();
	fx->who.view = project;
}

/* How the experiment of this name reads, and its directory; NULL. */
static inline const char *pr_named(struct fixture *fx, const char *name,
				   bool dir)
{
	struct experiment x = {0};

	fx_begin(fx);
	experiment_by_name(fx->rd, str_from(name), &fx->a, &x, &fx->e);
	fx_finish(fx);
	return dir ? x.dir.p : x.name.p;
}

#endif
