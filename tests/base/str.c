/* SPDX-License-Identifier: Apache-2.0 */
/* str.c - slices, buffers with a ceiling, arenas with a ceiling. */
#include "indexer/base/str.h"

#include "indexer/base/arena.h"
#include "tests/tap.h"

static void test_slices(void)
{
	struct str s = STR(" \ta b\t"), rest = STR("a=b=c"), head;

	ok(str_eq(STR_NONE, STR("")), "absent equals empty in bytes");
	ok(!str_is(STR("ab"), "a"), "length counts");
	ok(str_eq_nocase(STR("AbZ"), STR("aBz")), "ASCII without case");
	ok(!str_eq_nocase(STR("\xc3\x84"), STR("\xc3\xa4")), "ASCII only");
	ok(str_starts(STR("abc"), STR("ab")) && str_starts(STR("x"), STR("")),
	   "starts");
	ok(!str_starts(STR("a"), STR("ab")) && !str_ends(STR("a"), STR("xa")),
	   "longer than itself");
	ok(str_ends(STR("abc"), STR("bc")) && str_ends(STR_NONE, STR("")),
	   "ends");
	ok(str_cmp(STR("a"), STR("b")) < 0 && str_cmp(STR("b"), STR("a")) > 0,
	   "order by bytes");
	ok(str_cmp(STR("a"), STR("aa")) < 0 && !str_cmp(STR("a"), STR("a")),
	   "order by length");
	ok(str_cmp(STR("\xff"), STR("a")) > 0, "bytes are unsigned");
	is_i64((int64_t)str_find(STR("abc"), 'c'), 2, "found");
	is_i64((int64_t)str_find(STR_NONE, 'c'), 0, "nothing in nothing");
	ok(str_is(str_trim(s), "a b"), "trimmed");
	head = str_cut(&rest, '=');
	ok(str_is(head, "a") && str_is(rest, "b=c"), "cut at the first");
	head = str_cut(&rest, '/');
	ok(str_is(head, "b=c") && !rest.p && !rest.n, "cut at nothing");
	rest = STR("x=");
	str_cut(&rest, '=');
	ok(rest.p && !rest.n, "an empty rest is not an absent one");
	ok(str_hash(STR("a")) != str_hash(STR("b")) &&
		   str_hash(STR("")) == UINT64_C(0xcbf29ce484222325),
	   "hash");
}

static void test_distance(void)
{
	char deep[STR_NEAR_MOST + 1];

	memset(deep, 'x', sizeof(deep));
	is_i64((int64_t)str_distance(STR("data"), STR("data")), 0, "equal");
	is_i64((int64_t)str_distance(STR("dta"), STR("data")), 1, "put in");
	is_i64((int64_t)str_distance(STR("daata"), STR("data")), 1, "taken");
	is_i64((int64_t)str_distance(STR("dat4"), STR("data")), 1, "changed");
	is_i64((int64_t)str_distance(STR_NONE, STR("data")), 4, "of nothing");
	is_i64((int64_t)str_distance(STR("kitten"), STR("sitting")), 3, "mix");
	is_i64((int64_t)str_distance(str_n(deep, sizeof(deep)), STR("data")),
	       STR_NEAR_MOST + 1, "too long to be compared");
}

static void test_buf(void)
{
	struct buf b;
	char *room;

	buf_init(&b, 1000);
	ok(buf_ok(&b) && !b.n, "new and empty");
	buf_puts(&b, "ab");
	buf_putc(&b, 'c');
	buf_str(&b, STR_NONE);
	buf_printf(&b, "-%d-%s", 5, "x");
	buf_i64(&b, INT64_MIN);
	is_str(b.p, "abc-5-x-9223372036854775808", "appended, and NUL behind");
	buf_drop(&b, 3);
	is_str(b.p, "-5-x-9223372036854775808", "dropped in front");
	buf_drop(&b, b.n);
	is_str(b.p, "", "all dropped");
	room = buf_room(&b, 10);
	memcpy(room, "0123456789", 10);
	buf_added(&b, 4);
	is_str(b.p, "0123", "only what was added counts");
	buf_fini(&b);
	ok(!b.p && !b.n, "finished");
}

static void test_ceiling(void)
{
	struct buf b;

	buf_init(&b, 8);
	buf_puts(&b, "12345678");
	ok(buf_ok(&b) && b.n == 8, "up to the ceiling");
	buf_puts(&b, "");
	ok(buf_ok(&b), "nothing more is no failure");
	buf_putc(&b, '9');
	ok(!buf_ok(&b) && !b.n, "beyond it: failed and empty");
	buf_puts(&b, "x");
	buf_printf(&b, "%d", 5);
	ok(!buf_ok(&b) && !b.n && !buf_room(&b, 1), "failure stays");
	buf_drop(&b, 5);
	buf_reset(&b);
	buf_puts(&b, "abc");
	ok(buf_ok(&b) && str_is(buf_view(&b), "abc"), "reset works again");
	buf_i64(&b, 12345);
	ok(buf_ok(&b) && b.n == 8, "a number that just fits");
	buf_fini(&b);
	buf_init(&b, SIZE_MAX);
	ok(!buf_room(&b, SIZE_MAX - 1) && !buf_ok(&b), "absurd sizes fail");
	buf_fini(&b);
	buf_init(&b, 0);
	buf_puts(&b, "");
	ok(buf_ok(&b), "a ceiling of nothing takes nothing");
	buf_putc(&b, 'x');
	ok(!buf_ok(&b), "and no more");
	buf_fini(&b);
}

static void test_arena(void)
{
	struct arena a;
	struct err e = {0};
	char *p, *first;
	bool zero = true;

	arena_init(&a, 1 << 20);
	first = arena_alloc(&a, 3);
	ok(first && (uintptr_t)first % _Alignof(max_align_t) == 0, "aligned");
	p = arena_alloc(&a, 1);
	ok(p && (uintptr_t)p % _Alignof(max_align_t) == 0, "and the next");
	memset(p, 'x', 1);
	for (int i = 0; i < 100; i++) {
		p = arena_alloc(&a, 997);
		for (int j = 0; p && j < 997; j++)
			zero = zero && !p[j];
		memset(p, 0xff, 997);
	}
	ok(zero, "zeroed, chunk after chunk");
	p = arena_alloc(&a, 300000);
	ok(p && !p[0] && !p[299999], "larger than a chunk");
	is_str(arena_strdup(&a, STR("abc")), "abc", "copy with NUL");
	ok(str_is(arena_str(&a, STR("abc")), "abc"), "copy of a slice");
	is_str(arena_printf(&a, "%d-%s", 5, "x"), "5-x", "formatted");
	ok(arena_str(&a, STR_NONE).p != NULL, "a copy of nothing is there");
	ok(!arena_array(&a, SIZE_MAX / 2, 3), "product beyond size_t");
	ok(!arena_alloc(&a, SIZE_MAX) && !arena_alloc(&a, SIZE_MAX - 8),
	   "sizes that wrap when rounded");
	is_i64(arena_full(&a, &e), -1, "full gives -1");
	ok(e.kind == ERR_TOO_LARGE && strstr(e.msg, "1048576"), "says limit");
	arena_reset(&a);
	ok(a.used == 0 && arena_alloc(&a, 1000000), "reset gives all back");
	arena_fini(&a);
}

static void test_arena_ceiling(void)
{
	struct arena a;
	size_t n = 0;

	arena_init(&a, 1000);
	while (n < 1000 && arena_alloc(&a, 16))
		n++;
	is_i64((int64_t)n, 62, "sixty-two times sixteen below 1000");
	ok(!arena_strdup(&a, STR("0123456789abcdef")), "no copy beyond");
	ok(!arena_printf(&a, "%100d", 1), "no text beyond");
	ok(!arena_str(&a, STR("0123456789abcdef")).p, "no slice beyond");
	arena_fini(&a);
}

int main(void)
{
	test_slices();
	test_distance();
	test_buf();
	test_ceiling();
	test_arena();
	test_arena_ceiling();
	return tap_done();
}
