/* SPDX-License-Identifier: Apache-2.0 */
/* s3_get.c - reading an object: one range, then more of them at one time.
 *
 * The first answer tells the object's size and ETag; every other must be of
 * the same object (If-Match) and of exactly the range asked for, or it is
 * asked for again. How many are under way grows by one with each that was
 * consumed: who reads a little costs a little.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/objects/room.h"
#include "indexer/objects/s3.h"

enum { RANGE_TEXT = 64, WRONG_TRIES = 3 };

struct slot {
	struct s3_request r;
	char *mem;
	int64_t at;
	size_t n;
	bool used;
	char range[RANGE_TEXT];
};

struct s3_get {
	struct object_get base;
	struct s3_store *s;
	char *key;
	char etag[sizeof(((struct s3_head *)0)->etag)];
	int64_t next, end; /* of what was not asked for yet */
	struct slot slots[S3_WINDOW];
	unsigned first, count; /* the oldest, and how many are under way */
	unsigned window;
	bool out; /* the oldest was handed out */
};

static struct s3_get *get_of(struct object_get *g)
{
	return (struct s3_get *)g;
}

/* --- one range ------------------------------------------------------------ */

static void ask(struct s3_get *g, struct slot *x)
{
	s3_request_init(&x->r, "GET", str_from(g->key));
	snprintf(x->range, sizeof(x->range), "bytes=%" PRId64 "-%" PRId64,
		 x->at, x->at + (int64_t)x->n - 1);
	s3_pairs_add(&x->r.headers, "range", str_from(x->range));
	if (g->etag[0])
		s3_pairs_add(&x->r.headers, "if-match", str_from(g->etag));
	x->r.out = x->mem;
	x->r.room = x->n;
	x->used = true;
	s3_submit(g->s->engine, &x->r);
}

/* A slot keeps its room for the next range. */
static int prepare(struct slot *x, int64_t at, size_t n, struct err *e)
{
	if (!x->mem)
		x->mem = room_new(S3_RANGE);
	if (!x->mem)
		return err_set(e, ERR_BUSY, "out of memory");
	x->at = at;
	x->n = n;
	return 0;
}

static void drop(struct slot *x)
{
	if (x->used)
		s3_request_fini(&x->r);
	x->used = false;
}

/* "bytes 0-99/1000" */
static bool read_range(const char *text, int64_t *first, int64_t *last,
		       int64_t *total)
{
	struct str s = str_from(text);

	if (!str_starts(s, STR("bytes ")))
		return false;
	s = str_n(s.p + 6, s.n - 6);
	return num_parse_i64(str_cut(&s, '-'), first) &&
	       num_parse_i64(str_cut(&s, '/'), last) && num_parse_i64(s, total);
}

/* Exactly what was asked for, or less where the object ends. */
static bool is_asked(const struct slot *x, int64_t *ret_total)
{
	const struct s3_request *r = &x->r;
	int64_t first, last;

	return r->status == 206 &&
	       read_range(r->head.range, &first, &last, ret_total) &&
	       first == x->at && last - first + 1 == (int64_t)r->got &&
	       (r->got == x->n || last + 1 == *ret_total);
}

static int changed(struct s3_get *g, struct err *e)
{
	return err_set(e, ERR_CORRUPT,
		       "object %.200s changed while it was read", g->key);
}

/* Wait for a range; what it should not be is asked for again. */
static int await(struct s3_get *g, struct slot *x, int64_t *ret_total,
		 struct err *e)
{
	for (int i = 0; i < WRONG_TRIES; i++) {
		if (s3_wait(g->s->engine, &x->r, e) < 0)
			return x->r.status == 412 ? changed(g, e) : -1;
		if (g->etag[0] && strcmp(g->etag, x->r.head.etag) != 0)
			return changed(g, e);
		if (is_asked(x, ret_total))
			return 0;
		err_set(e, ERR_CORRUPT,
			"the object store (%s) answers status %d and the range "
			"\"%s\" with %zu bytes to one of %s",
			s3_engine_name(g->s->engine), x->r.status,
			x->r.head.range, x->r.got, x->range);
		s3_request_fini(&x->r);
		ask(g, x);
	}
	s3_cancel(g->s->engine, &x->r);
	return -1;
}

/* --- beginning ------------------------------------------------------------ */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int too_short(struct s3_get *g, int64_t total, struct err *e)
{
	return err_set(e, ERR_CORRUPT,
		       "object %.200s has %" PRId64 " bytes, not %" PRId64,
		       g->key, total, g->end);
}

/* The first range; so that what is not there is known at once. */
static int begin(struct s3_get *g, int64_t off, int64_t n, struct err *e)
{
	struct slot *x = &g->slots[0];
	int64_t total = 0;

	if (prepare(x, off, (size_t)(n < 0 ? S3_FIRST : least(n, S3_FIRST)),
		    e) < 0)
		return -1;
	ask(g, x);
	g->count = 1;
	if (await(g, x, &total, e) < 0) {
		if (n >= 0 || x->r.status != 416)
			return -1;
		/* Nothing lies there, as in an empty object. */
		err_clear(e);
		drop(x);
		g->count = 0;
		g->end = off;
		return 0;
	}
	snprintf(g->etag, sizeof(g->etag), "%s", x->r.head.etag);
	if (n < 0)
		g->end = total;
	else if (total < g->end)
		return too_short(g, total, e);
	x->n = x->r.got;
	g->next = off + (int64_t)x->n;
	return 0;
}

struct object_get *s3_get_begin(struct objects *o, struct str key, int64_t off,
				int64_t n, struct err *e)
{
	struct s3_get *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	g->s = s3_of(o);
	g->key = strndup(key.p, key.n);
	g->window = 1;
	g->next = off;
	g->end = off + n;
	if (n != 0 && begin(g, off, n, e) < 0) {
		s3_get_end(&g->base);
		return NULL;
	}
	return &g->base;
}

/* --- going on ------------------------------------------------------------- */

/* As many ranges under way as the window holds. */
static int look_ahead(struct s3_get *g, struct err *e)
{
	while (g->count < g->window && g->next < g->end) {
		struct slot *x = &g->slots[(g->first + g->count) % S3_WINDOW];
		size_t n = (size_t)least(S3_RANGE, g->end - g->next);

		if (prepare(x, g->next, n, e) < 0)
			return -1;
		ask(g, x);
		g->count++;
		g->next += (int64_t)n;
	}
	return 0;
}

/* The one that was handed out is done with. */
static void pass(struct s3_get *g)
{
	if (!g->out)
		return;
	drop(&g->slots[g->first]);
	g->first = (g->first + 1) % S3_WINDOW;
	g->count--;
	g->out = false;
	if (g->window < S3_WINDOW)
		g->window++;
}

int s3_get_next(struct object_get *base, struct str *ret, struct err *e)
{
	struct s3_get *g = get_of(base);
	struct slot *x;
	int64_t total;

	pass(g);
	*ret = STR_NONE;
	if (look_ahead(g, e) < 0)
		return -1;
	if (!g->count)
		return 0;
	x = &g->slots[g->first];
	if (await(g, x, &total, e) < 0)
		return -1;
	if (x->r.got != x->n)
		return too_short(g, total, e);
	*ret = str_n(x->mem, x->n);
	g->out = true;
	return 0;
}

void s3_get_end(struct object_get *base)
{
	struct s3_get *g = get_of(base);

	for (unsigned i = 0; i < g->count; i++) {
		struct slot *x = &g->slots[(g->first + i) % S3_WINDOW];

		if (x->used)
			s3_cancel(g->s->engine, &x->r);
		drop(x);
	}
	for (unsigned i = 0; i < S3_WINDOW; i++)
		room_free(g->slots[i].mem, S3_RANGE);
	free(g->key);
	free(g);
}
