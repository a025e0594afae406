/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every limit of the HTTP server: sizes, counts, times.
 *
 * What passes one of them is answered with the status that stands beside it
 * and never makes the process grow. Sizes are bytes, times milliseconds.
 */
#ifndef ORRERY_HTTP_LIMITS_H
#define ORRERY_HTTP_LIMITS_H

/* Heads and framing. */
enum {
	HTTP_LINE_MAX = 16 << 10,        /* request line, with its end: 414 */
	HTTP_HEAD_MAX = 64 << 10,        /* all header lines together: 431 */
	HTTP_FIELDS_MAX = 100,           /* header lines: 431 */
	HTTP_METHOD_MAX = 32,            /* 400 */
	HTTP_CHUNK_DIGITS_MAX = 15,      /* hex digits of a chunk's size: 400 */
	HTTP_CHUNK_EXTRA_MAX = 16 << 10, /* all extensions; all trailers: 400 */
	HTTP_SEGMENTS_MAX = 256,         /* parts of a path: 414 */
	HTTP_PATTERN_MAX = 32,           /* parts of a route, with its prefix */
	HTTP_ROUTE_STEPS_MAX = 1 << 15,  /* of matching one path: 404 */
	HTTP_REQUEST_ID_MAX = 64,        /* longer ones are not taken over */
};

/* Memory. */
enum {
	HTTP_IN_FIRST = 4 << 10,      /* first buffer of a request */
	HTTP_BODY_INLINE = 16 << 10,  /* bodies kept beside their head */
	HTTP_BODY_STEP = 256 << 10,   /* a body's buffer grows by this */
	HTTP_BODY_DEFAULT = 32 << 20, /* body, unless the server says: 413 */
	HTTP_BODIES_MAX = 512 << 20,  /* all bodies being collected: 503 */
	HTTP_ARENA_MAX = 256 << 20,   /* of one request: 413 */
	HTTP_ANSWER_MAX = 64 << 20,   /* a JSON answer: an error instead */
	HTTP_ANSWER_HEAD_MAX = 64 << 10,
	HTTP_FILE_INLINE = 64 << 10,   /* files sent from memory */
	HTTP_KEEP_BUFFER = 64 << 10,   /* larger buffers are not kept */
	HTTP_KEEP_EXCHANGES = 64,      /* kept for reuse by an io thread */
	HTTP_SCRATCH = 64 << 10,       /* of each io and transfer thread */
	HTTP_DRIVE_BYTES = 1 << 20,    /* read of one connection in a row */
	HTTP_DRAIN_MAX = 128 << 10,    /* of a body that nobody read */
	HTTP_LINGER_BYTES = 256 << 20, /* read in vain before closing */
	HTTP_EVENTS_MAX = 1 << 20,     /* waiting for a slow reader */
	HTTP_GZIP_LEAST = 1 << 10,     /* shorter answers stay as they are */
};

/* Counts. */
enum {
	HTTP_CONNECTIONS_DEFAULT = 16384,
	HTTP_REFUSED_MAX = 64, /* lingering beyond the limit */
	HTTP_LISTENERS_MAX = 16,
	HTTP_TRANSFERS_DEFAULT = 8,
	HTTP_TRANSFERS_WAITING = 64, /* 503 beyond */
	HTTP_ACCEPT_BATCH = 64,
	HTTP_EVENT_BATCH = 256,
	HTTP_RETRY_AFTER = 1, /* seconds, with 503 */
};

/* Times. */
enum {
	HTTP_HANDSHAKE_MS = 15 * 1000,
	HTTP_HEAD_MS = 30 * 1000,  /* first byte to the end of the head: 408 */
	HTTP_IDLE_MS = 120 * 1000, /* between requests */
	HTTP_LINGER_MS = 10 * 1000,
	HTTP_PULSE_MS = 20 * 1000, /* a comment line in event streams */
	HTTP_ACCEPT_PAUSE_MS = 500,
	/* A body or an answer must move HTTP_RATE_LEAST bytes per second on
	 * average over each window: 408 or the end of the connection. */
	HTTP_RATE_WINDOW_MS = 30 * 1000,
	HTTP_RATE_LEAST = 256,
	HTTP_FILE_PATIENCE_MS = 50, /* then a slow reader gives up its thread */
};

#endif
