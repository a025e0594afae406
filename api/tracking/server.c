/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - what MLflow's clients ask the server about itself, and where
 * the routes of the protocol live.
 */
#include "api/app.h"
#include "api/tracking/tracking.h"

/* The MLflow server that we answer like. From 3.4 on clients export spans by
 * OTLP; nothing else of theirs asks for the version. */
#define MLFLOW_VERSION "3.12.0"

/* The protocol lives at the top, below /mlflow, and below the path of a
 * project: that is its view, in which the caller is narrowed to it. */
#define EVERYWHERE(of)                                                         \
	of(""), of("/mlflow"), of("/mlflow/{project...}/tracking")

#define TOP(at)   at
#define PROXY(at) at "/api/2.0", at "/ajax-api/2.0"
#define V2(at)    at "/api/2.0", at "/ajax-api/2.0", at "/api/2.0/preview"
#define V3(at)    at "/api/3.0", at "/ajax-api/3.0"
#define ALL(at)   V2(at), V3(at)

const char *const tracking_prefixes[] = {EVERYWHERE(ALL), NULL};
const char *const tracking_v2_prefixes[] = {EVERYWHERE(V2), NULL};
const char *const tracking_v3_prefixes[] = {EVERYWHERE(V3), NULL};
const char *const tracking_proxy_prefixes[] = {EVERYWHERE(PROXY), NULL};
const char *const tracking_top_prefixes[] = {EVERYWHERE(TOP), NULL};

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
