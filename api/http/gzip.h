/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.h - whether an answer is to be compressed, and doing it. */
#ifndef ORRERY_HTTP_GZIP_H
#define ORRERY_HTTP_GZIP_H

#include <stdbool.h>

#include "indexer/base/arena.h"

struct z_stream_s;

/* Its state is some 256 KiB, so it is made at first use and kept. */
struct gzip {
	struct z_stream_s *z;
};

void gzip_fini(struct gzip *g);
/* What Accept-Encoding says: gzip (or *) with a weight above 0. */
bool gzip_accepted(struct str accept_encoding);
/* JSON, text, and the like. */
bool gzip_type(const char *content_type);
/* Compressed into the arena; p NULL when it does not get shorter. */
struct str gzip_pack(struct gzip *g, struct str in, struct arena *a);

#endif
