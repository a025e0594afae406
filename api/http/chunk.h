/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.h - bodies in chunks, from bytes.
 *
 * A push decoder: hands out slices of its input, copies nothing. Strict as
 * parse.h; extensions are bounded and ignored, trailers bounded and dropped.
 */
#ifndef ORRERY_HTTP_CHUNK_H
#define ORRERY_HTTP_CHUNK_H

#include "api/http/limits.h"
#include "indexer/base/str.h"

enum chunk {
	CHUNK_MORE, /* the input is used up */
	CHUNK_DATA, /* ret holds bytes of the body */
	CHUNK_END,  /* the body is over; what is left of in follows it */
	CHUNK_BAD
};

struct chunks {
	uint64_t left;  /* of the chunk */
	uint32_t extra; /* bytes of extensions and of trailers so far */
	unsigned char state, digits;
};

void chunks_init(struct chunks *k);
/* Takes bytes off the front of *in. */
enum chunk chunks_next(struct chunks *k, struct str *in, struct str *ret);

#endif
