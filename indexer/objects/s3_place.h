/* SPDX-License-Identifier: Apache-2.0 */
/* s3_place.h - where a bucket is: from configuration to hosts and paths. */
#ifndef ORRERY_OBJECTS_S3_PLACE_H
#define ORRERY_OBJECTS_S3_PLACE_H

#include "indexer/base/conf.h"
#include "indexer/base/err.h"
#include "indexer/objects/s3_limits.h"

struct s3_place {
	bool tls, path_style, aws;
	char endpoint[S3_HOST -
		      S3_BUCKET]; /* host and port; of AWS: made from the region
				   */
	char bucket[S3_BUCKET], prefix[S3_PREFIX];
	char name[S3_BUCKET + S3_PREFIX + S3_HOST + 16]; /* for messages */
};

int s3_place_init(struct s3_place *p, const struct conf_objects *c,
		  struct err *e);
/* The host, with its port, that answers for the bucket. */
void s3_place_host(const struct s3_place *p, const char *region,
		   char out[S3_HOST]);
/* The path of a key, or of the bucket where key is empty; encoded. */
void s3_place_path(const struct s3_place *p, struct str key, struct buf *b);
/* Where a redirect may lead: another port of the same host, or another of
 * AWS's. out is its host. */
bool s3_place_moved(const struct s3_place *p, const char *location,
		    char out[S3_HOST]);

#endif
