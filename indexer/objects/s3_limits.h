/* SPDX-License-Identifier: Apache-2.0 */
/* s3_limits.h - every size, count and time of the S3 store. */
#ifndef ORRERY_OBJECTS_S3_LIMITS_H
#define ORRERY_OBJECTS_S3_LIMITS_H

/* Names. */
enum {
	S3_HOST = 256,   /* bytes of an endpoint's host and port, with NUL */
	S3_BUCKET = 64,  /* of a bucket's name */
	S3_PREFIX = 513, /* of the prefix of all keys */
	S3_REGION = 64,
	S3_NAME_LEAST = 3,   /* a bucket's name has more */
	S3_KEY_BYTES = 1024, /* S3 takes no longer key */
};

/* Bytes. */
enum {
	S3_REPLY_MAX = 16 << 20, /* an answer that is read as text */
	S3_ERROR_MAX = 64 << 10, /* an error's text; more is not read */
	S3_BUFFER = 256 << 10,   /* libcurl's, of each request under way */
	S3_FIRST = 1 << 20,      /* first range of a read */
	S3_RANGE = 2 << 20,      /* and each of those after it */
	S3_PART = 5 << 20,       /* the least that a part may have */
};

/* Counts. */
enum {
	S3_CONNECTIONS = 64, /* requests at one time, and connections kept */
	S3_LANES = 16,       /* of them made by who asks; see s3_here.h */
	S3_LEAST = 2,        /* of them when the store asks us to slow down */
	S3_WINDOW = 4,       /* ranges of one read at one time */
	S3_FLIGHTS = 2,      /* parts of one upload at one time; see s3_put.c */
	S3_PARTS = 10000,    /* of one upload */
	S3_ATTEMPTS = 8,     /* of one request */
	S3_RETRIES = 500,    /* tenths of retries that may be spent at once; */
	S3_RETRY_COST = 10,  /* one costs so much, */
	S3_RETRY_GAIN = 2,   /* an answer gives so much back */
	S3_ABORTS = 4,       /* of one upload that has parts under way */
	S3_LEFT = 1000,      /* uploads that are remembered to be given up */
	S3_SWEEPS = 100,     /* pages of such uploads at a start */
	S3_PAGE = 1000,      /* keys of one listing page, or bulk removal */
	S3_DOUBTFUL = 1024,  /* keys about which nobody knows; see s3_claim */
};

/* Parts grow, so that their number does: below 2000 of 5 MiB (10 GB), below
 * 4000 of 20 MiB (50 GB), then of 80 MiB: 550 GB in all. */
enum { S3_GROW_EVERY = 2000, S3_GROW_TIMES = 2 };

/* Times. */
enum {
	S3_CONNECT_MS = 3000,
	S3_STALL_S = 10,      /* without 1 KB in a second */
	S3_FETCH_STALL_S = 3, /* the same while somebody waits to read */
	S3_FINISH_S = 120,    /* the same while a store joins parts */
	S3_BUDGET_MS = 30000, /* of one request with all its retries */
	S3_START_MS = 4000,   /* the same for the first one */
	S3_BACKOFF_MS = 50,   /* doubled each time, and a random part of it */
	S3_BACKOFF_MAX_MS = 5000,
	S3_AWAY_S = 4,       /* as S3_STALL_S, of a daemon of ours, */
	S3_AWAY_MS = 4000,   /* and as S3_BUDGET_MS, after its first failure */
	S3_ABORT_MS = 50,    /* between them, doubled each time */
	S3_RENEW_MS = 300,   /* until other keys may be there */
	S3_QUIT_MS = 20,     /* between two looks whether to go on waiting */
	S3_IDLE_S = 10,      /* a connection unused so long is not used again */
	S3_SLOW_RATE = 1024, /* bytes a second; see S3_STALL_S */
	S3_LINK_MAX_S = 7 * 24 * 3600, /* a link lasts no longer */
};

#endif
