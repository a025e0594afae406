/* SPDX-License-Identifier: Apache-2.0 */
/* serve.c - `orrery serve`: the daemon in the foreground. */
#include "api/daemon.h"
#include "indexer/base/log.h"
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
	struct conf conf;
	struct daemon_options o = {.conf = &conf, .ready = print_ready};
	enum log_level level;
	int r;

	if (settings_load(&conf, a, e))
		return EXIT_USAGE;
	r = log_level_parse(conf.log_level, &level, e);
	if (!r) {
		log_set_level(level);
		o.stop_fd = stop_on_signals(e);
		r = o.stop_fd < 0 ? -1 : daemon_run(&o, e);
	}
	conf_fini(&conf);
	return r ? EXIT_FAILED : EXIT_DONE;
}
