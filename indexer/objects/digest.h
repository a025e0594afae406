/* SPDX-License-Identifier: Apache-2.0 */
/* digest.h - SHA-256 and CRC-32C of a stream, beside the writing of it.
 *
 * A small stream is digested where it is fed. A long one gets a thread for
 * its SHA-256 (which costs as much as the writing does) and a few blocks to
 * hand over bytes in; so both cores work. Memory is DIGEST_BLOCKS blocks,
 * whatever the length. One thread feeds; it waits when all blocks are full.
 */
#ifndef ORRERY_OBJECTS_DIGEST_H
#define ORRERY_OBJECTS_DIGEST_H

#include "indexer/objects/objects.h"

enum { DIGEST_BLOCK = 1 << 20, DIGEST_BLOCKS = 4 };

struct digest;

struct digest *digest_new(struct err *e);
void digest_free(struct digest *d); /* at any moment; NULL is fine */
/* Add n bytes; they may be reused on return. */
int digest_add(struct digest *d, const void *p, size_t n, struct err *e);
/* Where the sums of its blocks (sums.h) are to go at the end: nothing comes
 * for an object smaller than SUMS_FROM. */
void digest_sums(struct digest *d, struct buf *sums);
/* The same, for one of that size or larger. */
void digest_sums_from(struct digest *d, int64_t size, struct buf *sums);
/* The end: nothing may be added afterwards. */
int digest_finish(struct digest *d, struct object_digest *ret, struct err *e);
/* Of all bytes of an open file, from its first on; sums may be NULL. */
int digest_file(int fd, struct object_digest *ret, struct buf *sums,
		struct err *e);

#endif
