/* SPDX-License-Identifier: Apache-2.0 */
/* routes.h - the table that joins the routes of all faces. */
#ifndef ORRERY_API_ROUTES_H
#define ORRERY_API_ROUTES_H

#include "api/http/http.h"

enum { ROUTE_GROUPS = 33 };

/* Every group, in the order in which they are tried: the first is the one
 * whose errors a path has that no route knows. */
void routes_all(struct route_group ret[ROUTE_GROUPS]);

#endif
