/* SPDX-License-Identifier: Apache-2.0 */
/* room.h - large buffers, which go back to the system when they are freed: a
 * heap of each thread that had one would keep it (internal to
 * indexer/objects). Pages cost nothing before they are written. */
#ifndef ORRERY_OBJECTS_ROOM_H
#define ORRERY_OBJECTS_ROOM_H

#include <stddef.h>
#include <sys/mman.h>

/* NULL where there is none. */
static inline void *room_new(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

static inline void room_free(void *p, size_t n)
{
	if (p)
		munmap(p, n);
}

#endif
