/* SPDX-License-Identifier: Apache-2.0 */
/* s3_try.h - one attempt at a request, and what is to be thought of how it
 * went (internal to s3_engine.c,
 * with its client: who is asked, and as whom). */
#ifndef ORRERY_OBJECTS_S3_TRY_H
#define ORRERY_OBJECTS_S3_TRY_H

#include <curl/curl.h>
#include <pthread.h>

#include "indexer/objects/s3_creds.h"
#include "indexer/objects/s3_engine.h"
#include "indexer/objects/s3_place.h"

/* What is learnt of the store while it is used. */
struct s3_known {
	pthread_mutex_t mu;
	char region[S3_REGION]; /* guarded by: mu */
	int64_t skew_ms;        /* guarded by: mu; its clock before ours */
};

struct s3_try {
	struct s3_request *r;
	CURL *easy;
	struct curl_slist *lines;
	struct buf url;
	size_t sent;
	bool overlong;
	char why[CURL_ERROR_SIZE];
};

/* What all attempts share. */
struct s3_client {
	struct s3_place place;
	struct s3_known known;
	struct s3_creds *creds;
	/* To a daemon of ours: what is shown for a signature, "" for nothing.
	 * NULL: an S3 store. */
	char *bearer;
};

/* s3_client.c; ended also where it could not be begun. */
int s3_client_init(struct s3_client *c, const struct conf_objects *o,
		   struct err *e);
int s3_client_to_daemon(struct s3_client *c, const char *url, const char *token,
			struct err *e);
void s3_client_fini(struct s3_client *c);
/* As s3_link. */
int s3_client_link(struct s3_client *c, struct str key, int64_t seconds,
		   struct buf *b, struct err *e);
/* As none of its attempts was made. */
void s3_client_prepare(struct s3_client *c, struct s3_request *r);

/* Ready to be given to libcurl; key is room for the thread's use. */
struct s3_try *s3_try_new(struct s3_client *c, struct s3_request *r, CURL *easy,
			  struct s3_key *key);
/* The easy handle stays the caller's. */
void s3_try_free(struct s3_try *t);

enum s3_verdict {
	S3_GOOD,
	S3_FINAL,     /* repeating it would not help */
	S3_AGAIN,     /* a while later */
	S3_SLOW_DOWN, /* the same, and fewer at one time */
	S3_AT_ONCE,   /* what was wrong has been put right */
	S3_NEW_KEYS,  /* as soon as there are other keys */
};
/* Fills r->e where it is not good. */
enum s3_verdict s3_judge(struct s3_client *c, struct s3_try *t, CURLcode code);
/* Until the next attempt. */
int64_t s3_pause_ms(const struct s3_request *r, enum s3_verdict verdict);

#endif
