/* SPDX-License-Identifier: Apache-2.0 */
/* inflate.c - compressed bodies, good, cut short and far too large. */
#include "api/http/inflate.h"

#include <zlib.h>

#include "tests/tap.h"

enum { CEILING = 1 << 20 };

static struct arena arena;

/* n bytes of a pattern, or of one letter; window as zlib has it. */
static struct str packed(size_t n, bool plain, int window)
{
	size_t room = n / 8 + 4096 + n;
	char *in = arena_alloc(&arena, n + 1), *out = arena_alloc(&arena, room);
	z_stream z = {0};

	for (size_t i = 0; i < n; i++)
		in[i] = plain ? 'a' : (char)(i * 2654435761u >> 13);
	deflateInit2(&z, 6, Z_DEFLATED, window, 8, Z_DEFAULT_STRATEGY);
	z.next_in = (Bytef *)in;
	z.avail_in = (uInt)n;
	z.next_out = (Bytef *)out;
	z.avail_out = (uInt)room;
	deflate(&z, Z_FINISH);
	deflateEnd(&z);
	return str_n(out, room - z.avail_out);
}

static int unpacked(struct str body, const char *encoding, struct str *ret,
		    struct err *e)
{
	return inflate_body(body, str_from(encoding), CEILING, &arena, ret, e);
}

static bool is_pattern(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != (char)(i * 2654435761u >> 13))
			return false;
	return true;
}

static void test_good(void)
{
	static const struct {
		const char *encoding;
		int window;
	} kinds[] = {
		{"gzip", 31}, {"GZIP", 31}, {"deflate", 15}, {"deflate", -15}};
	static const size_t sizes[] = {0, 1, 5000, 300000, CEILING};
	struct str got;
	struct err e;

	for (size_t k = 0; k < 4; k++)
		for (size_t i = 0; i < 5; i++) {
			arena_reset(&arena);
			ok(unpacked(packed(sizes[i], false, kinds[k].window),
				    kinds[k].encoding, &got, &e) == 0 &&
				   got.n == sizes[i] && is_pattern(got),
			   kinds[k].encoding);
		}
	ok(unpacked(STR("as it is"), NULL, &got, &e) == 0 &&
		   str_is(got, "as it is"),
	   "no encoding");
	ok(unpacked(STR("as it is"), "identity", &got, &e) == 0 &&
		   str_is(got, "as it is"),
	   "identity");
}

static void test_members(void)
{
	struct str one, got;
	struct err e;
	char *two;

	arena_reset(&arena);
	one = packed(1000, false, 31);
	two = arena_alloc(&arena, 2 * one.n);
	memcpy(two, one.p, one.n);
	memcpy(two + one.n, one.p, one.n);
	ok(unpacked(str_n(two, 2 * one.n), "gzip", &got, &e) == 0 &&
		   got.n == 2000,
	   "gzip in two members");
}

static void test_bombs(void)
{
	static const size_t sizes[] = {CEILING + 1, 2 * CEILING, 64 << 20};
	struct str got;
	struct err e;

	for (size_t i = 0; i < 3; i++) {
		size_t before;
		struct str bomb;

		arena_reset(&arena);
		bomb = packed(sizes[i], true, 31);
		before = arena.used;
		ok(unpacked(bomb, "gzip", &got, &e) < 0 &&
			   e.kind == ERR_TOO_LARGE,
		   "a bomb is refused");
		ok(arena.used - before < 4 * CEILING, "and costs little");
	}
}

static void test_bad(void)
{
	static const char *const encodings[] = {"gzip", "deflate", "br", "x"};
	struct str got, cut;
	struct err e;

	for (size_t i = 0; i < 4; i++)
		ok(unpacked(STR("garbage that is none"), encodings[i], &got,
			    &e) < 0 &&
			   e.kind == ERR_MALFORMED,
		   encodings[i]);
	arena_reset(&arena);
	cut = packed(5000, false, 31);
	for (size_t n = 0; n < cut.n; n += 97)
		ok(unpacked(str_n(cut.p, n), "gzip", &got, &e) < 0 &&
			   e.kind == ERR_MALFORMED,
		   "cut short");
}

int main(void)
{
	arena_init(&arena, (size_t)1 << 29);
	test_good();
	test_members();
	test_bombs();
	test_bad();
	arena_fini(&arena);
	return tap_done();
}
