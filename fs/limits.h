/* SPDX-License-Identifier: Apache-2.0 */
/* limits.h - every limit of the mounted tree, by name.
 */
#ifndef ORRERY_FS_LIMITS_H
#define ORRERY_FS_LIMITS_H

enum {
	FS_ARENA = 64 << 20,        /* memory of one request */
	FS_TEXT_MAX = 1 << 30,      /* a rendered table */
	FS_LINE_MAX = 4096,         /* an unfinished metric line */
	FS_JSON_LINE_MAX = 1 << 20, /* an unfinished line of metrics.jsonl */
	FS_JSON_KEYS = 4096,        /* different metrics in one write of them */
	FS_VALUE_MAX = 256 << 10,   /* what one handle may write to a scalar */
	FS_VERB_MAX = 4096,         /* ... and to .ctl */
	FS_SCRATCH_FILES = 1024,    /* names in scratch areas */
	FS_SCRATCH_BYTES = 64 << 20, /* of one of them */
	FS_SCRATCH_AGE_MS = 3600 * 1000,
	FS_YOUNG = 65536,          /* metrics and the like without a row yet */
	FS_READERS = 64,           /* connections kept open when idle */
	FS_PROBLEMS = 1000,        /* what could not be stored, of this mount */
	FS_LISTING = 1 << 20,      /* entries of a listing held in memory */
	FS_SEARCHES = 16,          /* results of searches kept */
	FS_SEARCH_BYTES = 4 << 20, /* of one of them */

	FS_STORED_MS =
		1800 * 1000, /* gc takes what has no name after an hour */
	FS_STORE_MS =
		8000, /* a commit waits for it at least, without progress */
	FS_STORE_RETRY_MS = 200, /* between two tries to store bytes */
	FS_READ_MS = 10000,      /* a read waits for the object store */
	FS_SEARCH_MS = 500,      /* a result answers for its names */
	FS_SEEN_MS = 1000,       /* a read waits for lines before it */
	FS_RETRY_MS = 50,        /* between two tries to reach the daemon */
	FS_FULL_MS = 10,         /* ... to find room in the journal */
	FS_LOCK_MS = 10,         /* ... to see whether who waits has given up */
	FS_ENDING_MS = 1000,     /* a process that ends waits for its closes */
	FS_NOTIFY_MS = 450,      /* between two invalidations of one node */
	FS_WATCH_MS = 10,        /* between two looks at what changed */
	FS_CACHE_S = 24 * 3600,  /* how long the kernel may keep an answer */

	FS_LOOPS = 3,           /* threads that read from the kernel */
	FS_QUICK_THREADS = 8,   /* ... that wait for the journal */
	FS_SLOW_THREADS = 32,   /* ... that wait for the daemon */
	FS_READ_THREADS = 256,  /* ... for bytes to read */
	FS_STORE_THREADS = 128, /* ... for bytes to be stored */
	FS_WAITING = 16384,     /* requests that wait for such a thread */
	FS_BACKGROUND = 256,    /* requests the kernel sends unasked */

	FS_THROUGH_MIN = 64 << 10, /* bytes of a file the kernel reads alone */
	FS_THROUGHS = 4096,        /* ... and how many of them at a time */
	FS_RENEWED_MS = 2000,      /* not those that took another's place */
	FS_READAHEAD_KB = 1024,    /* what the kernel reads ahead */

	FS_NODES = 200000, /* beyond these the kernel is to forget some */
	FS_PRUNE = 1024,   /* ... so many at a time */
	FS_PRUNES = 16,    /* ... and so often in a row */
};

#endif
