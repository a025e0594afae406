/* SPDX-License-Identifier: Apache-2.0 */
/* routes.c - the table that joins the routes of all faces. */
#include "api/routes.h"

#include "api/ops.h"
#include "api/tracking/tracking.h"

static const struct route_group *const groups[] = {
	&tracking_experiments,
	&tracking_runs,
	&tracking_log,
	&tracking_search,
	&tracking_metrics,
	&tracking_models,
	&tracking_models_search,
	&tracking_links,
	&tracking_registry,
	&tracking_artifacts,
	&tracking_artifact_page,
	&tracking_proxy,
	&tracking_parts,
	&tracking_part,
	&tracking_download,
	&tracking_server,
	&tracking_traces,
	&tracking_traces_get,
	&tracking_traces_start,
	&tracking_traces_2,
	&tracking_traces_search,
	&tracking_traces_metrics,
	&tracking_assessments,
	&tracking_otlp,
	&tracking_trace_file,
	&ops_mount,
	&ops_figures,
	&ops_data,
	&ops_collect,
	&ops_openapi,
	&ops_mount_journal,
	&tracking_object,
	&ops_replica,
};

_Static_assert(sizeof(groups) / sizeof(groups[0]) == ROUTE_GROUPS,
	       "every group is counted");

void routes_all(struct route_group ret[ROUTE_GROUPS])
{
	for (size_t i = 0; i < ROUTE_GROUPS; i++)
		ret[i] = *groups[i];
}
