/* SPDX-License-Identifier: Apache-2.0 */
/* principal.c - the one decision about rights. */
#include "indexer/index/principal.h"

struct principal principal_owner(void)
{
	return (struct principal){.name = STR("owner"), .owner = true};
}

bool principal_may(const struct principal *p, int64_t project, enum level level)
{
	if (project < 0 || (p->view && project != p->view))
		return false;
	if (p->owner || level == LEVEL_NONE)
		return true;
	if (project <= 0 || !p->projects[level])
		return false;
	return bitset_has(p->projects[level], project);
}

bool principal_sees_all(const struct principal *p)
{
	return p->owner && !p->view;
}
