/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.h - request bodies that came compressed. */
#ifndef ORRERY_HTTP_INFLATE_H
#define ORRERY_HTTP_INFLATE_H

#include "indexer/base/arena.h"

/* What a body of this Content-Encoding (gzip, deflate, identity; p NULL: none)
 * holds: in the arena, or body itself. As some clients do, deflate may come
 * without zlib's wrapper. ERR_MALFORMED where it is no such body or of another
 * encoding, ERR_TOO_LARGE beyond ceiling bytes, however small it came. */
int inflate_body(struct str body, struct str encoding, size_t ceiling,
		 struct arena *a, struct str *ret, struct err *e);

#endif
