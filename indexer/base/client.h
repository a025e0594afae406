/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - a small HTTP client over libcurl: for the mount and the command
 * line, which talk to the daemon over its unix socket or a URL.
 *
 * A client keeps its connections alive and belongs to one thread at a time.
 */
#ifndef ORRERY_BASE_CLIENT_H
#define ORRERY_BASE_CLIENT_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

struct client;

/* base: "http://host:port" or "unix:/path/to/socket". token may be empty. */
struct client *client_new(const char *base, struct str token, struct err *e);
void client_free(struct client *c);

struct client_request {
	const char *method;
	const char *path; /* with its query, already encoded */
	struct str body;
	const char *content_type;
	const char *header; /* one more, "Name: value", or NULL */
	int64_t timeout_ms; /* 0: 30 s */
	/* Where it is given, an answer goes there as it comes; false ends it
	 * (ERR_INTERRUPTED). For streams. */
	bool (*take)(void *ctx, struct str bytes);
	/* Asked now and then while waiting; true gives up (ERR_INTERRUPTED). */
	bool (*cancelled)(void *ctx);
	void *ctx;
};

/* 0 when an answer came, whatever its status; the body is appended to reply.
 * ERR_UNAVAILABLE when the server could not be reached, ERR_TIMEOUT when it
 * did not answer: whether it acted is then unknown. */
int client_send(struct client *c, const struct client_request *r,
		int *ret_status, struct buf *reply, struct err *e);

#endif
