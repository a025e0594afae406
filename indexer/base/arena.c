/* SPDX-License-Identifier: Apache-2.0 */
/* arena.c - bump allocation in chunks that double, under one ceiling.
 *
 * The ceiling bounds what was asked for (rounded to the alignment); a request
 * larger than a chunk gets a chunk of its own behind the current one, so the
 * room that is left in the current one is not lost.
 */
#include "indexer/base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK_FIRST = 4096 - 64, CHUNK_MOST = 256 * 1024 };

struct arena_chunk {
	struct arena_chunk *next;
	size_t size, used;
	alignas(max_align_t) char bytes[];
};

void arena_init(struct arena *a, size_t ceiling)
{
	if (ceiling > SIZE_MAX / 2)
		ceiling = SIZE_MAX / 2;
	*a = (struct arena){.ceiling = ceiling};
}

static void free_chunks(struct arena_chunk *c)
{
	while (c) {
		struct arena_chunk *next = c->next;

		free(c);
		c = next;
	}
}

void arena_fini(struct arena *a)
{
	free_chunks(a->chunks);
	a->chunks = NULL;
	a->used = 0;
}

void arena_reset(struct arena *a)
{
	if (a->chunks) {
		free_chunks(a->chunks->next);
		a->chunks->next = NULL;
		a->chunks->used = 0;
	}
	a->used = 0;
}

static struct arena_chunk *chunk_new(size_t size)
{
	struct arena_chunk *c = malloc(sizeof(*c) + size);

	if (!c)
		return NULL;
	c->next = NULL;
	c->size = size;
	c->used = 0;
	return c;
}

static size_t chunk_size_after(const struct arena_chunk *c)
{
	if (!c)
		return CHUNK_FIRST;
	return c->size < CHUNK_MOST / 2 ? c->size * 2 : CHUNK_MOST;
}

/* A chunk with room for n bytes; the head of the list, but for a request so
 * large that the head keeps more room than the new chunk would. */
static struct arena_chunk *chunk_for(struct arena *a, size_t n)
{
	struct arena_chunk *head = a->chunks, *c;
	size_t size = chunk_size_after(head);

	if (head && n <= head->size - head->used)
		return head;
	c = chunk_new(n > size ? n : size);
	if (!c)
		return NULL;
	if (head && n > size) {
		c->next = head->next;
		head->next = c;
	} else {
		c->next = head;
		a->chunks = c;
	}
	return c;
}

static void *take(struct arena *a, size_t n)
{
	struct arena_chunk *c;
	size_t room = a->ceiling - a->used;
	void *p;

	if (n > room)
		return NULL;
	n = (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (n > room)
		return NULL;
	c = chunk_for(a, n);
	if (!c)
		return NULL;
	p = c->bytes + c->used;
	c->used += n;
	a->used += n;
	return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
	void *p = take(a, n);

	return p ? memset(p, 0, n) : NULL;
}

void *arena_array(struct arena *a, size_t count, size_t size)
{
	size_t n;

	if (__builtin_mul_overflow(count, size, &n))
		return NULL;
	return arena_alloc(a, n);
}

char *arena_strdup(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? take(a, s.n + 1) : NULL;

	if (!p)
		return NULL;
	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct str arena_str(struct arena *a, struct str s)
{
	const char *p = arena_strdup(a, s);

	return p ? str_n(p, s.n) : STR_NONE;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	p = n < 0 ? NULL : take(a, (size_t)n + 1);
	if (!p)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return p;
}

int arena_full(const struct arena *a, struct err *e)
{
	return err_set(e, ERR_TOO_LARGE, "request needs more than %zu bytes",
		       a->ceiling);
}
