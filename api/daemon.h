/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.h - the daemon as a whole: index, objects, journals, HTTP server,
 * put together from a configuration and run until asked to stop.
 */
#ifndef ORRERY_API_DAEMON_H
#define ORRERY_API_DAEMON_H

#include "indexer/base/conf.h"

struct daemon_options {
	const struct conf *conf;
	int stop_fd; /* readable (or closed by the other side): stop */
	/* Called once everything answers, with the URL of the first TCP
	 * address ("http://127.0.0.1:8080"). */
	void (*ready)(void *ctx, const char *url);
	void *ctx;
};

/* Returns 0 after a clean stop: every accepted request answered, journals
 * drained as far as they were written, the index checkpointed. -1 when it
 * could not start. */
int daemon_run(const struct daemon_options *o, struct err *e);

#endif
