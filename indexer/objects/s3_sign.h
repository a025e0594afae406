/* SPDX-License-Identifier: Apache-2.0 */
/* s3_sign.h - AWS's signature, version 4: of a request's headers, and of a
 * link.
 *
 * libcurl can sign too, but the one of Debian 12 signs unsorted queries,
 * values with '+' or '/', and bodies on plain HTTP wrongly, and no links at
 * all. Pure functions: the clock and the keys are the caller's.
 */
#ifndef ORRERY_OBJECTS_S3_SIGN_H
#define ORRERY_OBJECTS_S3_SIGN_H

#include "indexer/base/str.h"

enum {
	S3_PAIRS = 16,
	S3_KEY_ID = 256,  /* bytes of an access key's id, with NUL */
	S3_SECRET = 512,  /* of its secret */
	S3_TOKEN = 16384, /* of a session token */
	S3_DATE = 17,     /* of "20130524T000000Z" */
	S3_HEX = 65,      /* of a SHA-256 in hex */
	S3_MD5 = 16,
};

#define S3_UNSIGNED "UNSIGNED-PAYLOAD"

/* Names and values, not encoded: of a query, or of headers. */
struct s3_pairs {
	struct s3_pair {
		const char *name;
		struct str value;
	} v[S3_PAIRS];
	size_t n;
};

void s3_pairs_add(struct s3_pairs *p, const char *name, struct str value);

struct s3_key {
	char id[S3_KEY_ID], secret[S3_SECRET];
	char token[S3_TOKEN]; /* empty: none */
};

struct s3_signing {
	const char *method;
	const char *path; /* encoded */
	struct s3_pairs *query;
	/* Names in lower case; host, x-amz-date and x-amz-content-sha256 are
	 * among them. They get sorted. */
	struct s3_pairs *headers;
	const char *payload; /* SHA-256 in hex, or S3_UNSIGNED */
	const char *region, *date;
	const struct s3_key *key;
};

void s3_date(int64_t ms, char out[S3_DATE]);
void s3_sha256(struct str s, char out[S3_HEX]);
void s3_md5(struct str s, unsigned char out[S3_MD5]);
/* Encoded and in order, as it is sent and signed; sorts q. */
void s3_query(struct buf *b, struct s3_pairs *q);
/* The value of Authorization is appended to b. */
void s3_sign(const struct s3_signing *s, struct buf *b);
/* The query of a link that lasts so long; host is the only header. */
void s3_presign(const struct s3_signing *s, int64_t seconds, struct buf *b);

#endif
