/* SPDX-License-Identifier: Apache-2.0 */
/* wire.h - bytes to and from a client, plain or by TLS; never blocks.
 *
 * A wire is used by one thread at a time: the io thread that owns its
 * connection, or the transfer thread that it was handed to.
 */
#ifndef ORRERY_HTTP_WIRE_H
#define ORRERY_HTTP_WIRE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct ssl_st;

enum { WIRE_AGAIN = -1, WIRE_BROKEN = -2 };

struct wire {
	int fd;
	struct ssl_st *ssl; /* NULL: plain */
};

void wire_close(struct wire *w);
/* 1 done, WIRE_AGAIN, WIRE_BROKEN. */
int wire_handshake(struct wire *w);
/* > 0, 0 at the end, WIRE_AGAIN, WIRE_BROKEN. */
ssize_t wire_read(struct wire *w, void *p, size_t n);
/* more: further bytes follow at once. */
ssize_t wire_writev(struct wire *w, const struct iovec *iov, int count,
		    bool more);
/* Bytes of a file from *at, which is moved; 0 when the file is shorter.
 * scratch serves where the kernel does not encrypt. */
struct wire_file {
	int fd;
	int64_t at;
	size_t n;
	char *scratch;
	size_t scratch_size;
};
ssize_t wire_send_file(struct wire *w, struct wire_file *f);
/* Tell the other side that no more comes. */
void wire_shut(struct wire *w);
/* Whether poll says that it can be written (or read). */
bool wire_ready(const struct wire *w, short events, int wait_ms);

#endif
