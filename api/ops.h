/* SPDX-License-Identifier: Apache-2.0 */
/* ops.h - the routes that belong to no protocol: a mount's commands, figures
 * and status, changes, backups, the description of all routes.
 */
#ifndef ORRERY_API_OPS_H
#define ORRERY_API_OPS_H

#include "api/app.h"

extern const struct route_group ops_mount;
extern const struct route_group ops_figures;
extern const struct route_group ops_data;
extern const struct route_group ops_collect;
extern const struct route_group ops_openapi;
extern const struct route_group ops_mount_journal;
extern const struct route_group ops_replica;

/* {"error_code": ..., "message": ..., "kind": "not_found"} */
error_body_fn ops_error_body;

#endif
