/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - what MLflow's clients ask the server about itself, and where
 * the routes of the protocol live.
 */
#include "api/app.h"
#include "api/tracking/tracking.h"

/* The MLflow server that we answer like. From 3.4 on clients export spans by
 * OTLP; nothing else of theirs asks for the version. */
#define MLFLOW_VERSION "3.12.0"

/* Below the path of a project is its view: the caller is narrowed to it. */
#define VIEW "/mlflow/{project...}/tracking"

const char *const tracking_prefixes[] = {"/api/2.0",
					 "/ajax-api/2.0",
					 "/api/3.0",
					 "/ajax-api/3.0",
					 "/api/2.0/preview",
					 "/mlflow/api/2.0",
					 "/mlflow/ajax-api/2.0",
					 "/mlflow/api/3.0",
					 "/mlflow/ajax-api/3.0",
					 "/mlflow/api/2.0/preview",
					 VIEW "/api/2.0",
					 VIEW "/ajax-api/2.0",
					 VIEW "/api/3.0",
					 VIEW "/ajax-api/3.0",
					 VIEW "/api/2.0/preview",
					 NULL};

const char *const tracking_proxy_prefixes[] = {"/api/2.0",
					       "/ajax-api/2.0",
					       "/mlflow/api/2.0",
					       "/mlflow/ajax-api/2.0",
					       VIEW "/api/2.0",
					       VIEW "/ajax-api/2.0",
					       NULL};

const char *const tracking_top_prefixes[] = {"", "/mlflow", VIEW, NULL};

const char *const tracking_v2_prefixes[] = {"/api/2.0",
					    "/ajax-api/2.0",
					    "/api/2.0/preview",
					    "/mlflow/api/2.0",
					    "/mlflow/ajax-api/2.0",
					    "/mlflow/api/2.0/preview",
					    NULL};

const char *const tracking_v3_prefixes[] = {"/api/3.0", "/ajax-api/3.0",
					    "/mlflow/api/3.0",
					    "/mlflow/ajax-api/3.0", NULL};

static void health(struct call *c)
{
	reply_bytes(c, 200, "text/plain; charset=utf-8", STR("OK"));
}

static void version(struct call *c)
{
	reply_bytes(c, 200, "text/plain; charset=utf-8", STR(MLFLOW_VERSION));
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/health",
	 .handle = health,
	 .summary = "Whether the daemon answers."},
	{.methods = HTTP_GET,
	 .path = "/version",
	 .handle = version,
	 .summary = "The version of MLflow whose answers these are."},
};

const struct route_group tracking_server =
	TRACKING_GROUP(tracking_top_prefixes, routes);
