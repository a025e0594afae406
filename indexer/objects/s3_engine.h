/* SPDX-License-Identifier: Apache-2.0 */
/* s3_engine.h - requests to one bucket, by one thread over libcurl's multi
 * interface.
 *
 * The thread owns the connections, which are kept and shared by all. Any
 * thread submits requests and waits for them; several may be under way for one
 * caller. Bodies lie in the caller's memory, both ways, so that a request can
 * be repeated: it is, signed anew, for as long as its budget of time and
 * attempts lasts and the store's budget of retries allows. A store that asks
 * us to slow down gets fewer requests at one time, until it answers again.
 */
#ifndef ORRERY_OBJECTS_S3_ENGINE_H
#define ORRERY_OBJECTS_S3_ENGINE_H

#include "indexer/base/conf.h"
#include "indexer/base/err.h"
#include "indexer/objects/s3_limits.h"
#include "indexer/objects/s3_sign.h"

struct s3_engine;

/* What is kept of an answer's head. */
struct s3_head {
	char etag[160], range[96], mark[64], region[S3_REGION];
	char location[512];
	int64_t date_ms, retry_after_ms; /* -1: not stated */
};

/* The first size bytes of a file. */
struct s3_file {
	int fd;
	int64_t size;
	void (*moved)(void *ctx); /* called as it is read, or NULL */
	void *ctx;
};

struct s3_request {
	/* What is asked. */
	const char *method;
	struct str key; /* below the prefix; empty: the bucket itself */
	struct s3_pairs query, headers; /* names of headers in lower case */
	struct str body;
	const struct s3_file *file; /* or NULL: the body instead */
	char *out;         /* where the body of a success goes, room bytes; */
	size_t room;       /* NULL: into reply */
	int64_t budget_ms; /* 0: S3_BUDGET_MS */
	int patience_s;    /* 0: S3_STALL_S */
	_Atomic size_t *progress; /* NULL, or as got, for all to see */
	/* Called by the engine's thread in place of waking who waits; r is the
	 * callee's then. */
	void (*ended)(struct s3_request *r);
	/* Asked now and then while it is waited for; true: it is given up, for
	 * the reason in e. Or NULL. */
	bool (*quit)(void *ctx, struct err *e);
	void *quit_ctx;
	/* What came. */
	int status; /* 0: no answer */
	size_t got; /* bytes at out */
	struct buf reply;
	struct s3_head head;
	struct err e;
	bool failed;
	bool doubtful; /* nobody knows whether an attempt took effect */
	/* The engine's own. */
	struct s3_try *now;
	struct s3_request *next;
	char payload[S3_HEX], host[S3_HOST];
	int64_t due, deadline;
	int attempts;
	unsigned creds;
	bool done, cancelled, renewed;
	int first; /* enum s3_verdict of an attempt made by who asks */
};

void s3_request_init(struct s3_request *r, const char *method, struct str key);
void s3_request_fini(struct s3_request *r);

struct s3_engine *s3_engine_new(const struct conf_objects *c, struct err *e);
/* The same thread before a daemon of ours, which has objects at
 * /api/mount/object: a token in place of signatures. */
struct s3_engine *s3_engine_to_daemon(const char *url, const char *token,
				      struct err *e);
void s3_engine_free(struct s3_engine *g);

/* From now on nothing is repeated. */
void s3_engine_hurry(struct s3_engine *g);

/* r is the engine's until s3_wait or s3_cancel has returned. */
void s3_submit(struct s3_engine *g, struct s3_request *r);
/* -1 for any status but 2xx; r->status tells which. */
int s3_wait(struct s3_engine *g, struct s3_request *r, struct err *e);
void s3_cancel(struct s3_engine *g, struct s3_request *r);
/* The same without waiting: ended is called. */
void s3_drop(struct s3_engine *g, struct s3_request *r);
/* Both; the first attempt is made here, if the store is well. */
int s3_send(struct s3_engine *g, struct s3_request *r, struct err *e);

/* A link to an object by which anybody gets it, for a while. */
int s3_link(struct s3_engine *g, struct str key, int64_t seconds, struct buf *b,
	    struct err *e);
/* "s3://bucket/prefix at host", for messages. */
const char *s3_engine_name(const struct s3_engine *g);
/* What stands before each key: "", or "prefix/". */
struct str s3_engine_prefix(const struct s3_engine *g);

#endif
