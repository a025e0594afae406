/* SPDX-License-Identifier: Apache-2.0 */
/* demo.h - a small application behind the server, for tests and wrk.
 *
 * One route of each kind; a writer thread completes deferred and parked calls
 * in batches, as the index writer does after a COMMIT.
 */
#ifndef ORRERY_TESTS_HTTP_DEMO_H
#define ORRERY_TESTS_HTTP_DEMO_H

#include "api/http/server.h"

struct demo;

struct demo *demo_new(void);
void demo_free(struct demo *d);
/* Options with its routes. */
void demo_options(struct demo *d, struct server_options *ret);
/* How many calls its handlers have seen. */
int64_t demo_calls(struct demo *d);
/* Release the calls that are parked. */
void demo_release(struct demo *d);
/* Wait until no deferred call is left to be finished. */
void demo_settle(struct demo *d);
/* Hold back deferred calls until demo_release. */
void demo_hold(struct demo *d, bool hold);
/* Send text to all event streams; how many took it. */
int demo_publish(struct demo *d, const char *text);
void demo_end_streams(struct demo *d);
/* Of /file: its path. */
const char *demo_file(struct demo *d);
/* A server for options, listening on loopback and on a unix socket; urls of
 * 128 bytes each. Ends the test where it cannot. */
struct server *demo_serve(const struct server_options *o, char *tcp,
			  char *local);
/* Bytes of the streams of /fill: byte i of a body. */
static inline char demo_byte(int64_t i)
{
	return (char)('a' + (i * 7 + i / 1000) % 26);
}

#endif
