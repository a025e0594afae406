/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.c - see inflate.h.
 *
 * The room doubles from a guess, so a bomb costs no more memory than its
 * ceiling twice and no more time than it takes to fill that.
 */
#include "api/http/inflate.h"

#include <zlib.h>

enum {
	WINDOW = 15,
	ROOM_LEAST = 4096,
	GUESS = 4, /* times smaller is what compresses well */
};

struct inflating {
	z_stream z;
	struct arena *arena;
	char *room;
	size_t cap, ceiling;
	struct err *e;
};

static int wrong(struct err *e)
{
	return err_set(e, ERR_MALFORMED,
		       "The body is not compressed as its Content-Encoding "
		       "says.");
}

static size_t made(const struct inflating *x)
{
	return x->cap - x->z.avail_out;
}

/* Twice the room, up to the ceiling and a byte more, which tells what is too
 * much. */
static int grow(struct inflating *x)
{
	size_t n = made(x), cap = 2 * x->cap;
	char *room;

	if (x->cap > x->ceiling)
		return err_set(x->e, ERR_TOO_LARGE,
			       "The body has more than %zu bytes when it is "
			       "decompressed.",
			       x->ceiling);
	cap = cap > x->ceiling ? x->ceiling + 1 : cap;
	room = arena_alloc(x->arena, cap);
	if (!room)
		return arena_full(x->arena, x->e);
	memcpy(room, x->room, n);
	x->room = room;
	x->cap = cap;
	x->z.next_out = (Bytef *)room + n;
	x->z.avail_out = (uInt)(cap - n);
	return 0;
}

/* One member after the other, as gzip has them. */
static int run(struct inflating *x)
{
	for (;;) {
		int rc = inflate(&x->z, Z_NO_FLUSH);

		if (rc == Z_STREAM_END && !x->z.avail_in)
			return 0;
		if (rc == Z_STREAM_END && inflateReset(&x->z) == Z_OK)
			continue;
		if (rc != Z_OK && rc != Z_BUF_ERROR)
			return wrong(x->e);
		if (x->z.avail_out)
			return wrong(x->e); /* cut short */
		if (grow(x) < 0)
			return -1;
	}
}

static int unpack(struct str body, int window, size_t ceiling, struct arena *a,
		  struct str *ret, struct err *e)
{
	struct inflating x = {.arena = a, .ceiling = ceiling, .e = e};
	int rc;

	x.cap = body.n > ceiling / GUESS ? ceiling + 1
					 : GUESS * body.n + ROOM_LEAST;
	x.room = arena_alloc(a, x.cap);
	if (!x.room)
		return arena_full(a, e);
	x.z.next_in = (Bytef *)(uintptr_t)body.p;
	x.z.avail_in = (uInt)body.n;
	x.z.next_out = (Bytef *)x.room;
	x.z.avail_out = (uInt)x.cap;
	if (inflateInit2(&x.z, window) != Z_OK)
		return err_set(e, ERR_BUSY, "out of memory");
	rc = run(&x);
	inflateEnd(&x.z);
	*ret = str_n(x.room, made(&x));
	if (rc == 0 && ret->n > ceiling)
		return grow(&x); /* says so */
	return rc;
}

int inflate_body(struct str body, struct str encoding, size_t ceiling,
		 struct arena *a, struct str *ret, struct err *e)
{
	*ret = body;
	if (!encoding.n || str_eq_nocase(encoding, STR("identity")))
		return 0;
	if (body.n > UINT32_MAX / 2 || ceiling > UINT32_MAX / 2)
		return wrong(e);
	if (str_eq_nocase(encoding, STR("gzip")) ||
	    str_eq_nocase(encoding, STR("x-gzip")))
		return unpack(body, WINDOW + 16, ceiling, a, ret, e);
	if (!str_eq_nocase(encoding, STR("deflate")))
		return err_set(e, ERR_MALFORMED,
			       "Content-Encoding \"%.*s\" is not taken here, "
			       "but gzip and deflate are.",
			       (int)(encoding.n < 100 ? encoding.n : 100),
			       encoding.p);
	if (unpack(body, WINDOW, ceiling, a, ret, e) == 0)
		return 0;
	return e->kind == ERR_MALFORMED
		       ? unpack(body, -WINDOW, ceiling, a, ret, e)
		       : -1;
}
