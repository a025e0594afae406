/* SPDX-License-Identifier: Apache-2.0 */
/* columns_text.c - see columns_text.h. Code 0 is "no value". Texts that no
 * run has any more stay until they outnumber the others: then the column is
 * loaded once more. */
#include "indexer/index/columns_text.h"

#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/index/limits.h"

struct text_column {
	struct text_column *next;
	enum stmt_id each;
	int64_t change; /* up to which it is read */
	bool too_large;
	uint32_t *codes; /* by row */
	size_t nrows;
	char *bytes; /* all texts, one behind the other */
	size_t nbytes, bytes_cap;
	uint32_t *ends;           /* by code: where in bytes it ends */
	size_t ntexts, texts_cap; /* code 0 counts as one */
	size_t nloaded;           /* of them when it was loaded */
	uint32_t *places;         /* hash table of codes; 0: empty */
	size_t nplaces;           /* a power of two */
	uint32_t *sorted;         /* codes in order of their texts */
	uint32_t *ranks;          /* by code */
	size_t nsorted;           /* texts that are among them */
	size_t key_length;
	char key[];
};

enum {
	NOTHING_LOADED = -1,
	PLACES_MIN = 64,
	STALE_MIN = 4096,      /* texts that may be no one's */
	LOCKED_TEXT = 4 << 20, /* bytes that a pattern is held against */
	LOCKED_REGEX = LOCKED_TEXT / 8 /* under the lock */
};

/* --- memory ------------------------------------------------------------ */

static void *resized(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n, size);
	if (!p)
		abort();
	return p;
}

static size_t column_size(const struct text_column *c)
{
	return sizeof(*c) + c->key_length + c->bytes_cap +
	       sizeof(uint32_t) *
		       (c->nrows + c->texts_cap + c->nplaces + 2 * c->nsorted);
}

static void empty(struct text_column *c)
{
	free(c->codes);
	free(c->bytes);
	free(c->ends);
	free(c->places);
	free(c->sorted);
	free(c->ranks);
	c->codes = c->ends = c->places = c->sorted = c->ranks = NULL;
	c->nsorted = 0;
	c->bytes = NULL;
	c->nrows = c->nbytes = c->bytes_cap = 0;
	c->ntexts = c->texts_cap = c->nplaces = 0;
	c->change = NOTHING_LOADED;
}

static void column_free(struct text_column *c)
{
	empty(c);
	free(c);
}

static struct text_column *column_new(const struct text_origin *from)
{
	struct text_column *c = calloc(1, sizeof(*c) + from->key.n);

	if (!c)
		abort();
	c->each = from->each;
	c->change = NOTHING_LOADED;
	c->key_length = from->key.n;
	if (from->key.n)
		memcpy(c->key, from->key.p, from->key.n);
	return c;
}

static void stretch(struct text_column *c, size_t nrows)
{
	if (nrows <= c->nrows)
		return;
	c->codes = resized(c->codes, nrows, sizeof(*c->codes));
	memset(c->codes + c->nrows, 0, (nrows - c->nrows) * sizeof(*c->codes));
	c->nrows = nrows;
}

/* --- texts ------------------------------------------------------------- */

static struct str text_of(const struct text_column *c, size_t code)
{
	size_t start = c->ends[code - 1];

	return str_n(c->bytes + start, c->ends[code] - start);
}

/* Where the code of this text is, or belongs. */
static uint32_t *place_of(const struct text_column *c, struct str text)
{
	size_t i = str_hash(text) & (c->nplaces - 1);

	while (c->places[i] && !str_eq(text_of(c, c->places[i]), text))
		i = (i + 1) & (c->nplaces - 1);
	return &c->places[i];
}

static void more_places(struct text_column *c)
{
	if (c->nplaces && 2 * c->ntexts < c->nplaces)
		return;
	free(c->places);
	c->nplaces = c->nplaces ? 2 * c->nplaces : PLACES_MIN;
	c->places = calloc(c->nplaces, sizeof(*c->places));
	if (!c->places)
		abort();
	for (size_t code = 1; code < c->ntexts; code++)
		*place_of(c, text_of(c, code)) = (uint32_t)code;
}

static void more_texts(struct text_column *c)
{
	if (c->ntexts + 1 < c->texts_cap)
		return;
	c->texts_cap = 2 * c->texts_cap + 16;
	c->ends = resized(c->ends, c->texts_cap, sizeof(*c->ends));
	c->ends[0] = 0;
	if (!c->ntexts)
		c->ntexts = 1;
}

static uint32_t add_text(struct text_column *c, struct str text)
{
	uint32_t code;

	more_texts(c);
	more_places(c);
	if (c->nbytes + text.n > c->bytes_cap) {
		c->bytes_cap = 2 * c->bytes_cap + text.n + 64;
		c->bytes = resized(c->bytes, c->bytes_cap, 1);
	}
	if (text.n)
		memcpy(c->bytes + c->nbytes, text.p, text.n);
	c->nbytes += text.n;
	code = (uint32_t)c->ntexts++;
	c->ends[code] = (uint32_t)c->nbytes;
	*place_of(c, text) = code;
	return code;
}

/* 0 where no run has, or had, this text. */
static uint32_t code_of(const struct text_column *c, struct str text)
{
	return c->nplaces ? *place_of(c, text) : 0;
}

/* False when there is too much text. Texts mostly come in order. */
static bool set_text(struct text_column *c, int64_t row, struct str text,
		     uint32_t *last)
{
	uint32_t code = *last;

	if (row < 0 || (uint64_t)row >= c->nrows)
		return true;
	if (!code || !str_eq(text_of(c, code), text))
		code = code_of(c, text);
	if (!code && c->nbytes + text.n > LIMIT_COLUMN_TEXT)
		return false;
	*last = c->codes[row] = code ? code : add_text(c, text);
	return true;
}

/* --- reading ----------------------------------------------------------- */

static int load_all(struct text_column *c, const struct text_origin *from,
		    const struct text_now *now, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct bind key = B(from->key);
	uint32_t last = 0;
	int rc;

	if (cursor_open(&q, now->db, from->each, &key, from->keyed, e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0 && !c->too_large)
		c->too_large = !set_text(c, cursor_i64(&q, 1),
					 cursor_str(&q, 0), &last);
	c->nloaded = c->ntexts;
	return rc < 0 ? -1 : 0;
}

static int load_changes(struct text_column *c, const struct text_origin *from,
			const struct text_now *now, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct bind binds[2] = {B(c->change), B(from->key)};
	uint32_t last = 0;
	int rc;

	if (cursor_open(&q, now->db, from->since, binds, 1u + from->keyed, e) <
	    0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0 && !c->too_large) {
		int64_t row = cursor_i64(&q, 0);

		if (!cursor_null(&q, 1))
			c->too_large =
				!set_text(c, row, cursor_str(&q, 1), &last);
		else if (row >= 0 && (uint64_t)row < c->nrows)
			c->codes[row] = 0;
	}
	return rc < 0 ? -1 : 0;
}

static int bring_up(struct text_column *c, const struct text_origin *from,
		    const struct text_now *now, struct err *e)
{
	int rc;

	if (c->too_large || c->change == now->change)
		return 0;
	if (c->ntexts > 2 * c->nloaded + STALE_MIN)
		empty(c);
	stretch(c, now->nrows);
	rc = c->change == NOTHING_LOADED ? load_all(c, from, now, e)
					 : load_changes(c, from, now, e);
	if (c->too_large)
		empty(c);
	c->change = now->change;
	return rc;
}

/* --- all of them ------------------------------------------------------- */

static struct text_column *take(struct text_columns *all,
				const struct text_origin *from)
{
	for (struct text_column **at = &all->first; *at; at = &(*at)->next) {
		struct text_column *c = *at;

		if (c->each != from->each ||
		    !str_eq(str_n(c->key, c->key_length), from->key))
			continue;
		*at = c->next;
		all->bytes -= column_size(c);
		return c;
	}
	return NULL;
}

/* Drop the last of the list, but never the first. */
static void keep_limit(struct text_columns *all)
{
	while (all->bytes > LIMIT_TEXT_COLUMNS && all->first->next) {
		struct text_column **at = &all->first->next;

		while ((*at)->next)
			at = &(*at)->next;
		all->bytes -= column_size(*at);
		column_free(*at);
		*at = NULL;
	}
}

int text_columns_get(struct text_columns *all, const struct text_origin *from,
		     const struct text_now *now, bool load,
		     struct text_column **ret, struct err *e)
{
	struct text_column *c = take(all, from);

	*ret = NULL;
	if (!c && !load)
		return 0;
	if (!c)
		c = column_new(from);
	if (bring_up(c, from, now, e) < 0) {
		column_free(c);
		return -1;
	}
	c->next = all->first;
	all->first = c;
	all->bytes += column_size(c);
	keep_limit(all);
	*ret = c->too_large ? NULL : c;
	return 0;
}

void text_columns_clear(struct text_columns *all)
{
	while (all->first) {
		struct text_column *c = all->first;

		all->first = c->next;
		column_free(c);
	}
	all->bytes = 0;
}

/* --- matching ---------------------------------------------------------- */

static bool is_pattern(enum expr_cmp cmp)
{
	return cmp == CMP_LIKE || cmp == CMP_ILIKE || cmp == CMP_RLIKE;
}

static void match_texts(const struct text_column *c, const struct match *m,
			bool *wanted)
{
	wanted[0] = m->cmp == CMP_IS_NULL;
	if (m->cmp == CMP_EQ || m->cmp == CMP_IN) {
		for (size_t i = 0; i < m->nvalues; i++)
			wanted[code_of(c, m->values[i].text)] = true;
		wanted[0] = false;
		return;
	}
	for (size_t code = 1; code < c->ntexts; code++)
		wanted[code] = m->cmp != CMP_IS_NULL &&
			       match_text(m, text_of(c, code));
}

bool text_column_match(const struct text_column *c, const struct match *m,
		       struct bitset *set)
{
	size_t limit = m->cmp == CMP_RLIKE ? LOCKED_REGEX : LOCKED_TEXT;
	size_t n = set->size < c->nrows ? set->size : c->nrows;
	bool *wanted;

	if (is_pattern(m->cmp) && c->nbytes > limit)
		return false;
	wanted = calloc(c->ntexts + 1, sizeof(*wanted));
	if (!wanted)
		abort();
	match_texts(c, m, wanted);
	for (size_t row = 0; row < n; row++)
		set->words[row / 64] |= (uint64_t)wanted[c->codes[row]]
					<< row % 64;
	free(wanted);
	return true;
}

/* --- order ------------------------------------------------------------- */

struct sorting {
	const struct text_column *c;
	size_t part;
};

static struct str part_of(const struct text_column *c, uint32_t code,
			  size_t part)
{
	struct str text = text_of(c, code);

	return str_n(text.p, text.n < part ? text.n : part);
}

static int compare_codes(const void *a, const void *b, void *ctx)
{
	const struct sorting *s = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return str_cmp(part_of(s->c, x, s->part), part_of(s->c, y, s->part));
}

static bool in_order(const uint32_t *codes, size_t n, struct sorting *s)
{
	for (size_t i = 1; i < n; i++)
		if (compare_codes(&codes[i - 1], &codes[i], s) > 0)
			return false;
	return true;
}

/* Two runs of codes, each in order, into one. */
static uint32_t *merged(const uint32_t *a, size_t na, const uint32_t *b,
			size_t nb, struct sorting *s)
{
	uint32_t *all = resized(NULL, na + nb + 1, sizeof(*all));
	size_t n = 0, i = 0, k = 0;

	while (i < na || k < nb)
		if (k == nb || (i < na && compare_codes(&a[i], &b[k], s) <= 0))
			all[n++] = a[i++];
		else
			all[n++] = b[k++];
	return all;
}

/* Texts that came since go to their places among the others. */
static void sort_new(struct text_column *c, size_t part)
{
	struct sorting s = {c, part};
	size_t n = c->ntexts - 1 - c->nsorted;
	uint32_t *fresh = resized(NULL, n, sizeof(*fresh));
	uint32_t *all;

	for (size_t i = 0; i < n; i++)
		fresh[i] = (uint32_t)(c->nsorted + 1 + i);
	if (!in_order(fresh, n, &s))
		qsort_r(fresh, n, sizeof(*fresh), compare_codes, &s);
	all = merged(c->sorted, c->nsorted, fresh, n, &s);
	free(fresh);
	free(c->sorted);
	c->sorted = all;
	c->nsorted += n;
}

const uint32_t *text_column_ranks(struct text_column *c, size_t part)
{
	uint32_t rank = 0;

	if (c->ntexts <= c->nsorted + 1)
		return c->ranks;
	sort_new(c, part);
	c->ranks = resized(c->ranks, c->ntexts, sizeof(*c->ranks));
	c->ranks[0] = 0;
	for (size_t i = 0; i < c->nsorted; i++) {
		if (i && !str_eq(part_of(c, c->sorted[i - 1], part),
				 part_of(c, c->sorted[i], part)))
			rank++;
		c->ranks[c->sorted[i]] = rank;
	}
	return c->ranks;
}

size_t text_column_rank(const struct text_column *c, struct str text,
			size_t part, bool *ret_there)
{
	size_t low = 0, high = c->nsorted;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (str_cmp(part_of(c, c->sorted[mid], part), text) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	*ret_there = low < c->nsorted &&
		     str_eq(part_of(c, c->sorted[low], part), text);
	if (low < c->nsorted)
		return c->ranks[c->sorted[low]];
	return low ? c->ranks[c->sorted[low - 1]] + 1 : 0;
}

uint32_t text_column_code(const struct text_column *c, size_t row)
{
	return row < c->nrows ? c->codes[row] : 0;
}
