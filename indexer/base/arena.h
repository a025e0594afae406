/* SPDX-License-Identifier: Apache-2.0 */
/* arena.h - memory that lives as long as one request.
 *
 * A bump allocator in chunks, with a hard ceiling on the sum. Nothing is
 * freed singly; arena_fini (or arena_reset) frees all. An allocation beyond
 * the ceiling returns NULL: the caller turns that into ERR_TOO_LARGE
 * (arena_full does). One thread at a time.
 */
#ifndef ORRERY_BASE_ARENA_H
#define ORRERY_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

struct arena_chunk;
struct arena {
	struct arena_chunk *chunks;
	size_t used, ceiling;
};

void arena_init(struct arena *a, size_t ceiling);
void arena_fini(struct arena *a);
void arena_reset(struct arena *a); /* keeps one chunk for the next use */

/* n zeroed bytes, aligned for any type; NULL beyond the ceiling. */
void *arena_alloc(struct arena *a, size_t n);
/* Room for count elements of size bytes each, checked for overflow. */
void *arena_array(struct arena *a, size_t count, size_t size);
/* A NUL-terminated copy. */
char *arena_strdup(struct arena *a, struct str s);
struct str arena_str(struct arena *a, struct str s);
char *arena_printf(struct arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Sets ERR_TOO_LARGE "request needs more than N bytes"; returns -1. */
int arena_full(const struct arena *a, struct err *e);

#endif
