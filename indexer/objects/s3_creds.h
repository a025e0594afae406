/* SPDX-License-Identifier: Apache-2.0 */
/* s3_creds.h - access keys, from where AWS's own tools take them.
 *
 * In this order, the first that offers any: the environment; a web identity
 * (AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, by STS); the profile of the
 * shared credentials and config files; the metadata service of an EC2
 * instance (version 2 only). Those that expire are fetched again by a thread
 * of their own after four fifths of their life, and used until their end while
 * that fails. Any thread may ask.
 */
#ifndef ORRERY_OBJECTS_S3_CREDS_H
#define ORRERY_OBJECTS_S3_CREDS_H

#include "indexer/base/err.h"
#include "indexer/objects/s3_sign.h"

struct s3_creds;

/* Fetches once, so that what is wrong is said here. */
struct s3_creds *s3_creds_open(struct err *e);
void s3_creds_close(struct s3_creds *c);
/* The keys as they are now, and which these are. */
unsigned s3_creds_get(struct s3_creds *c, struct s3_key *ret);
/* The store refused those: true where others may come of it, soon. */
bool s3_creds_refused(struct s3_creds *c, unsigned which);
/* The region that the environment or the profile names; "" for none. */
void s3_creds_region(char *out, size_t size);

#endif
