/* SPDX-License-Identifier: Apache-2.0 */
/* tracking.h - MLflow's tracking protocol: one group of routes per topic.
 *
 * A call is one row of its topic's table and one function beside it; what it
 * takes is a table of fields. All groups are reached below every prefix that
 * MLflow's clients, past and present, put before them.
 */
#ifndef ORRERY_TRACKING_TRACKING_H
#define ORRERY_TRACKING_TRACKING_H

#include "api/http/http.h"

extern const struct route_group tracking_experiments;
extern const struct route_group tracking_runs;
extern const struct route_group tracking_log;
extern const struct route_group tracking_search;
extern const struct route_group tracking_metrics;
extern const struct route_group tracking_models;
extern const struct route_group tracking_models_search;
extern const struct route_group tracking_links;
extern const struct route_group tracking_registry;
extern const struct route_group tracking_artifacts;
extern const struct route_group tracking_artifact_page;
extern const struct route_group tracking_proxy;
extern const struct route_group tracking_parts;
extern const struct route_group tracking_part;
extern const struct route_group tracking_download;
extern const struct route_group tracking_server;
extern const struct route_group tracking_traces;
extern const struct route_group tracking_traces_get;
extern const struct route_group tracking_traces_start;
extern const struct route_group tracking_traces_2;
extern const struct route_group tracking_traces_search;
extern const struct route_group tracking_traces_metrics;
extern const struct route_group tracking_assessments;
extern const struct route_group tracking_otlp;
extern const struct route_group tracking_trace_file;
extern const struct route_group tracking_object;

/* Where the calls of the protocol live ("/api/2.0" and its kin), those of the
 * artifact proxy, and what stands at the top. */
extern const char *const tracking_prefixes[];
extern const char *const tracking_proxy_prefixes[];
extern const char *const tracking_top_prefixes[];
/* Of those of the protocol, MLflow 2's and MLflow 3's, for calls that differ
 * between them. */
extern const char *const tracking_v2_prefixes[];
extern const char *const tracking_v3_prefixes[];

/* The whole initialiser of a group whose rows are array. */
#define TRACKING_GROUP(prefixes, array)                                        \
	{                                                                      \
		prefixes, array, sizeof(array) / sizeof((array)[0]),           \
			mlflow_error_body                                      \
	}

#endif
