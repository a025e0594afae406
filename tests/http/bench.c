/* SPDX-License-Identifier: Apache-2.0 */
/* bench.c - the demo application on an address, until it is interrupted; for
 * wrk and curl: http-demo 127.0.0.1:8090 [cert key]. */
#include <signal.h>
#include <unistd.h>

#include "indexer/base/log.h"
#include "tests/http/demo.h"

int main(int argc, char **argv)
{
	struct demo *d = demo_new();
	struct server_options o;
	struct server *s;
	struct err e = {0};
	sigset_t set;
	char url[128];
	int sig;

	demo_options(d, &o);
	if (argc > 3) {
		o.tls_cert = argv[2];
		o.tls_key = argv[3];
	}
	log_set_level(LOG_WARN);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	s = server_new(&o, &e);
	if (!s ||
	    server_listen(s, str_from(argc > 1 ? argv[1] : "127.0.0.1:0"), url,
			  &e) ||
	    server_start(s, &e)) {
		fprintf(stderr, "%s\n", e.msg);
		return 1;
	}
	printf("ready %s\n", url);
	fflush(stdout);
	sigwait(&set, &sig);
	server_stop(s, 2000);
	demo_free(d);
	server_free(s);
	return 0;
}
