/* SPDX-License-Identifier: Apache-2.0 */
/* str.h - slices and growing buffers of bytes.
 *
 * struct str is a slice {pointer, length} passed by value: it owns nothing
 * and need not end in NUL. Whatever comes from outside is parsed as slices.
 *
 * struct buf grows up to the ceiling given at its start. Beyond it, or out of
 * memory, it turns "failed": it drops its contents, ignores further appends,
 * and the one check at the end (buf_ok) tells. A buf that has not failed is
 * always NUL-terminated, so b->p may be handed to C functions.
 */
#ifndef ORRERY_BASE_STR_H
#define ORRERY_BASE_STR_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p;
	size_t n;
};

/* A slice of a string literal, usable in initialisers. */
#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
#define STR_NONE     ((struct str){NULL, 0})
/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).n, (s).n ? (s).p : ""

static inline struct str str_from(const char *p)
{
	return (struct str){p, p ? strlen(p) : 0};
}

static inline struct str str_n(const char *p, size_t n)
{
	return (struct str){p, n};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (!a.n || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct str a, const char *literal)
{
	return str_eq(a, str_from(literal));
}

bool str_eq_nocase(struct str a, struct str b); /* ASCII only */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
int str_cmp(struct str a, struct str b); /* bytewise, as memcmp */
/* Position of byte c, or s.n when absent. */
size_t str_find(struct str s, char c);
/* Drop blanks and tabs at both ends. */
struct str str_trim(struct str s);
/* Cut at the first byte c: returns what is before, leaves the rest in *s.
 * Without c the whole of *s is returned and *s becomes empty (p NULL). */
struct str str_cut(struct str *s, char c);
/* How many bytes must be put in, taken out or changed to make b of a. Names
 * longer than STR_NEAR_MOST are as far apart as they are long. */
enum { STR_NEAR_MOST = 64 };
size_t str_distance(struct str a, struct str b);
/* FNV-1a, for hash tables of trusted size. */
uint64_t str_hash(struct str s);

struct buf {
	char *p;
	size_t n, cap, ceiling;
	bool failed;
};

void buf_init(struct buf *b, size_t ceiling);
void buf_fini(struct buf *b);
void buf_reset(struct buf *b); /* empty again, memory kept, failure cleared */
/* What buf_room does when there is not enough room yet. */
char *buf_grow(struct buf *b, size_t n);
/* Room for n more bytes: a pointer to write at, or NULL. buf_added tells how
 * many were written. */
static inline char *buf_room(struct buf *b, size_t n)
{
	return n < b->cap - b->n ? b->p + b->n : buf_grow(b, n);
}

static inline void buf_added(struct buf *b, size_t n)
{
	assert(n < b->cap - b->n);
	b->n += n;
	b->p[b->n] = '\0';
}

static inline void buf_add(struct buf *b, const void *p, size_t n)
{
	char *at = buf_room(b, n);

	if (!at)
		return;
	if (n)
		memcpy(at, p, n);
	buf_added(b, n);
}

static inline void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
void buf_i64(struct buf *b, int64_t v);
/* Remove n bytes at the front. */
void buf_drop(struct buf *b, size_t n);

static inline bool buf_ok(const struct buf *b)
{
	return !b->failed;
}

static inline struct str buf_view(const struct buf *b)
{
	return (struct str){b->p, b->n};
}

#endif
