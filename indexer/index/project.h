/* SPDX-License-Identifier: Apache-2.0 */
/* project.h - projects, their views, and names in them.
 *
 * A project has GitLab's number and path. Experiments and registered models
 * made in its view (principal.h) are its own, and names are unique in it.
 * Outside, a thing of a project reads "name (number)": that is its full name,
 * unique over all, and what its directory is named after. What belongs to no
 * project has its name as its full name.
 *
 * In a view both forms are taken. The number is taken off a name as often as
 * it ends in one, so that no plain name of a project does, and each form leads
 * to the other. Who gives a name with the number is answered in that form.
 */
#ifndef ORRERY_INDEX_PROJECT_H
#define ORRERY_INDEX_PROJECT_H

#include "indexer/index/command.h"
#include "indexer/index/reader.h"

struct project {
	int64_t id;
	struct str path; /* group/subgroup/name */
};

/* All projects that are listed from now on: one of another path keeps what is
 * in it, one that is missing here too, but has no view. */
struct cmd_projects {
	struct command c;
	const struct project *projects;
	size_t n;
};

/* Are these good ids and paths, as GitLab has them, and none twice? */
int projects_check(const struct project *p, size_t n, struct err *e);

/* The id of the one at this path, where it is listed and may be seen. */
int project_by_path(struct reader *rd, struct str path, int64_t *ret,
		    struct err *e);
int project_count(struct reader *rd, int64_t *ret, struct err *e);

/* In a view, the plain form of a name that was given in either; outside, a
 * full name without the number that it may end in. *ret_full, unless NULL:
 * whether there was one. */
struct str project_plain_name(const struct principal *who, struct str given,
			      bool *ret_full);
/* The full name of what was given in either form; into the arena. */
int project_full_name(const struct principal *who, struct str given,
		      struct arena *a, struct str *ret, struct err *e);

#endif
