/* SPDX-License-Identifier: Apache-2.0 */
/* answer.h - an answer while it is made and sent.
 *
 * The reply functions of http.h fill it; answer_seal writes its head, once;
 * then it is bytes: head, body, and perhaps a file.
 */
#ifndef ORRERY_HTTP_ANSWER_H
#define ORRERY_HTTP_ANSWER_H

#include <sys/uio.h>

#include "api/http/http.h"
#include "api/http/limits.h"

struct exchange;
struct gzip;

struct answer {
	int status;        /* 0: none was given yet */
	struct buf fields; /* header lines of the handler */
	struct buf made;   /* a body made by reply_json */
	struct json_out json;
	const char *type;          /* Content-Type, NULL for none */
	const char *type_override; /* by reply_header */
	struct str body;
	struct buf head; /* sealed */
	size_t date_at;  /* of head: 29 bytes, filled when it is sent */
	size_t sent;     /* of head and body */
	struct str etag; /* of reply_not_modified and reply_file */
	int file;        /* -1: none; sent after body */
	int64_t file_at, file_left;
	int64_t length;        /* streamed: declared, -1 for chunks */
	int64_t written;       /* streamed: so far */
	struct stream *stream; /* of events; a hold */
	bool streamed;         /* body comes by call_write */
	bool begun;            /* streamed: its head is on its way */
	bool broken;           /* it cannot be finished: end the connection */
	bool bodyless;         /* HEAD, 204, 304 */
	bool plain;            /* never compressed: bytes of a file */
	bool encoded;          /* by gzip */
	bool close, sealed;
};

enum { ANSWER_DATE = 29 };

void answer_init(struct answer *a);
void answer_fini(struct answer *a);
/* Empty again, small buffers kept, the file closed. */
void answer_reset(struct answer *a);
/* Compress where the client wants it and it pays; z NULL: leave it. */
void answer_encode(struct exchange *x, struct gzip *z);
bool answer_wants_gzip(const struct exchange *x);
/* Write the head. */
void answer_seal(struct exchange *x);
/* Bytes of head and body still to send; returns the count of iovecs. */
int answer_rest(const struct answer *a, struct iovec iov[2]);
/* An error in the shape of the call's group, with the headers that belong to
 * its status. */
void answer_problem(struct exchange *x, int status, const struct err *e);
/* The Allow line: methods of the matched path. */
void answer_allow(struct exchange *x);
/* The body and its type, in place of what was given before. */
void answer_body(struct answer *a, int status, const char *type,
		 struct str body);
/* One header line of the handler; control bytes of the value become '?'. */
void answer_field(struct answer *a, const char *name, struct str value);
bool answer_has_field(const struct answer *a, const char *name);

#endif
