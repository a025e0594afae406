/* SPDX-License-Identifier: Apache-2.0 */
/* s3_source.h - one place that access keys come from (internal to
 * indexer/objects). */
#ifndef ORRERY_OBJECTS_S3_SOURCE_H
#define ORRERY_OBJECTS_S3_SOURCE_H

#include "indexer/base/err.h"
#include "indexer/objects/s3_sign.h"

struct s3_grant {
	struct s3_key key;
	int64_t expires; /* ms since 1970; 0: never */
};

/* 1: granted; 0: this source offers nothing here; -1: it should, and failed. */
typedef int s3_source_fn(struct s3_grant *ret, struct err *e);

s3_source_fn s3_source_env, s3_source_web, s3_source_files, s3_source_imds;

/* A value of the profile in use; "" where it has none. */
void s3_profile_value(const char *name, char *out, size_t size);

#endif
