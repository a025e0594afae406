/* SPDX-License-Identifier: Apache-2.0 */
/* principal.h - who asks, and what that one may see and change.
 *
 * Every query and every command takes a principal from the first one on, and
 * filters inside the query, never after it. Without identity configured
 * everyone who can reach the daemon is the owner, who sees all. Otherwise a
 * principal is a set of (project, level), shared by reference when equal.
 *
 * A call in the view of a project narrows whoever asks to that project: its
 * levels stay, and beyond it nothing is seen (project.h).
 */
#ifndef ORRERY_INDEX_PRINCIPAL_H
#define ORRERY_INDEX_PRINCIPAL_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/bitset.h"
#include "indexer/base/str.h"

enum level { LEVEL_NONE, LEVEL_GUEST, LEVEL_READ, LEVEL_WRITE, LEVEL_MAINTAIN };

struct principal {
	struct str name; /* for logs and for "user_id" where none is given */
	bool owner;
	/* per level above NONE, the projects where it holds */
	const struct bitset *projects[LEVEL_MAINTAIN + 1];
	int64_t view;    /* the project whose view this is; 0: none */
	bool full_names; /* in it, names were given with its number */
};

struct principal principal_owner(void);
/* Project 0 is "no project": the owner's own things. Below it is what gc is
 * taking away: nobody sees that any more. */
bool principal_may(const struct principal *p, int64_t project,
		   enum level level);
/* Does it see all there is? */
bool principal_sees_all(const struct principal *p);

#endif
