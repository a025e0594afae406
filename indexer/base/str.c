/* SPDX-License-Identifier: Apache-2.0 */
/* str.c - slices compare and cut; buffers grow by doubling to a ceiling.
 *
 * The hard idea: a failed append makes the buffer sticky-failed and empty, so
 * that a long sequence of appends needs one check at its end and a truncated
 * text can never be taken for a whole one.
 */
#include "indexer/base/str.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "indexer/base/num.h"

static int lower(unsigned char c)
{
	return c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c;
}

bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (lower((unsigned char)a.p[i]) !=
		    lower((unsigned char)b.p[i]))
			return false;
	return true;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_eq(str_n(s.p, prefix.n), prefix);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n &&
	       (!suffix.n ||
		memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int d = n ? memcmp(a.p, b.p, n) : 0;

	if (d)
		return d;
	return a.n < b.n ? -1 : a.n > b.n;
}

size_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? (size_t)(at - s.p) : s.n;
}

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_trim(struct str s)
{
	while (s.n && blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n && blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

struct str str_cut(struct str *s, char c)
{
	size_t at = str_find(*s, c);
	struct str head = str_n(s->p, at);

	if (at == s->n)
		*s = STR_NONE;
	else
		*s = str_n(s->p + at + 1, s->n - at - 1);
	return head;
}

size_t str_distance(struct str a, struct str b)
{
	size_t row[STR_NEAR_MOST + 1];

	if (a.n > STR_NEAR_MOST || b.n > STR_NEAR_MOST)
		return a.n > b.n ? a.n : b.n;
	for (size_t j = 0; j <= b.n; j++)
		row[j] = j;
	for (size_t i = 0; i < a.n; i++) {
		size_t diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 0; j < b.n; j++) {
			size_t change = diagonal + (a.p[i] != b.p[j]);
			size_t least =
				row[j] < row[j + 1] ? row[j] : row[j + 1];

			diagonal = row[j + 1];
			row[j + 1] = least + 1 < change ? least + 1 : change;
		}
	}
	return row[b.n];
}

uint64_t str_hash(struct str s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < s.n; i++) {
		h ^= (unsigned char)s.p[i];
		h *= UINT64_C(0x100000001b3);
	}
	return h;
}

void buf_init(struct buf *b, size_t ceiling)
{
	if (ceiling > SIZE_MAX / 2)
		ceiling = SIZE_MAX / 2;
	*b = (struct buf){.ceiling = ceiling};
}

void buf_fini(struct buf *b)
{
	free(b->p);
	b->p = NULL;
	b->n = b->cap = 0;
}

void buf_reset(struct buf *b)
{
	b->n = 0;
	b->failed = false;
	if (b->p)
		b->p[0] = '\0';
}

static void fail(struct buf *b)
{
	buf_fini(b);
	b->failed = true;
}

/* Capacity counts the NUL, so it may be ceiling + 1. */
static bool grow(struct buf *b, size_t need)
{
	size_t cap = b->cap ? b->cap : 64;
	char *p;

	while (cap < need)
		cap *= 2;
	if (cap > b->ceiling + 1)
		cap = b->ceiling + 1;
	p = realloc(b->p, cap);
	if (!p)
		return false;
	b->p = p;
	b->cap = cap;
	return true;
}

char *buf_grow(struct buf *b, size_t n)
{
	if (b->failed)
		return NULL;
	if (n > b->ceiling || b->n > b->ceiling - n || !grow(b, b->n + n + 1)) {
		fail(b);
		return NULL;
	}
	b->p[b->n] = '\0';
	return b->p + b->n;
}

void buf_str(struct buf *b, struct str s)
{
	buf_add(b, s.p, s.n);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	char *at;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	at = n < 0 ? NULL : buf_room(b, (size_t)n);
	if (!at)
		return;
	va_start(ap, fmt);
	vsnprintf(at, (size_t)n + 1, fmt, ap);
	va_end(ap);
	buf_added(b, (size_t)n);
}

void buf_i64(struct buf *b, int64_t v)
{
	char digits[NUM_MAX];

	buf_add(b, digits, num_format_i64(v, digits));
}

void buf_drop(struct buf *b, size_t n)
{
	if (b->failed || !n)
		return;
	assert(n <= b->n);
	memmove(b->p, b->p + n, b->n - n);
	b->n -= n;
	b->p[b->n] = '\0';
}
