/* SPDX-License-Identifier: Apache-2.0 */
/* load.h - what the requests of a load are.
 *
 * A kind (a row of load_kinds) writes the next request of a connection and
 * may look at its answer. Each connection has a state of its own, so that one
 * that makes a run logs to that run next. Numbers come from a hash of what
 * they belong to, so that every run of a load makes the same data.
 */
#ifndef ORRERY_BENCH_LOAD_H
#define ORRERY_BENCH_LOAD_H

#include "indexer/base/str.h"

struct load {
	const char *host, *port;
	char **args; /* after KIND */
	int64_t counter, started_ms;
	struct buf text; /* of a file that an argument names */
};

/* Of one connection; all but its number is zero at first. */
struct turn {
	int client;
	char id[64]; /* of what the last answer made */
	int step;
	int64_t number;
};

struct request {
	const char *method;
	struct buf path, body;
};

struct kind {
	const char *name, *usage;
	int nargs;
	const char *method;
	/* false: this connection has nothing more to ask */
	bool (*next)(struct load *l, struct turn *t, struct request *r);
	void (*answered)(struct turn *t, struct str body); /* may be NULL */
};

/* NULL where there is none of this name. */
const struct kind *load_kind(const char *name);
void load_kinds_list(void); /* on standard error */

#endif
