/* SPDX-License-Identifier: Apache-2.0 */
/* router.h - from a path to its row of the route tables.
 *
 * Built once at the start: every path below every prefix of its group becomes
 * a branch of one tree of parts; a look-up walks the request's parts down it.
 * Literal parts win over {name}, that over {name...}. Immutable afterwards,
 * so any thread may look up.
 */
#ifndef ORRERY_HTTP_ROUTER_H
#define ORRERY_HTTP_ROUTER_H

#include "api/http/http.h"
#include "api/http/limits.h"

struct router;

struct route_match {
	const struct route *route;       /* NULL: no such path or method */
	const struct route_group *group; /* also then: the most fitting one */
	unsigned allow; /* methods of the path, for 405 and OPTIONS */
	unsigned prefix_index;
	struct str prefix;
	/* raw slices of the path, those of the prefix first */
	unsigned count, prefix_count;
	struct str captures[CALL_PARAMS + CALL_PREFIX_PARAMS];
	bool too_deep; /* more parts than HTTP_SEGMENTS_MAX */
};

/* Refuses two routes for the same method and path. */
struct router *router_new(const struct route_group *groups, size_t n,
			  struct err *e);
void router_free(struct router *r);
/* path is raw and begins with '/'. */
void router_find(const struct router *r, struct str path, unsigned method,
		 struct route_match *ret);

#endif
