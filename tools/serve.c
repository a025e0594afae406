/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - `orrery serve`: the daemon in the foreground. */
#include "api/daemon.h"
#include "tools/stop.h"
#include "tools/verbs.h"

static void print_ready(void *ctx, const char *url)
{
	(void)ctx;
	printf("ready %s\n", url);
	fflush(stdout);
}

int verb_serve(const struct args *a, struct err *e)
{
	struct daemon_options o = {.conf = &a->conf, .ready = print_ready};

	o.stop_fd = stop_on_signals(e);
	if (o.stop_fd < 0 || daemon_run(&o, e))
		return EXIT_FAILED;
	return EXIT_DONE;
}
