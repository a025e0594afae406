/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - strict decoders: what they take, and all that they refuse. */
#include "indexer/base/text.h"

#include "tests/tap.h"

static void test_utf8(void)
{
	static const struct {
		const char *text;
		bool valid;
		const char *what;
	} rows[] = {
		{"", true, "empty"},
		{"plain ascii, longer than eight", true, "ascii"},
		{"\xc2\x80", true, "least of two"},
		{"\xdf\xbf", true, "most of two"},
		{"\xe0\xa0\x80", true, "least of three"},
		{"\xed\x9f\xbf", true, "below surrogates"},
		{"\xee\x80\x80", true, "above surrogates"},
		{"\xf0\x90\x80\x80", true, "least of four"},
		{"\xf4\x8f\xbf\xbf", true, "most of all"},
		{"1234567\xc3\xa4", true, "across eight bytes"},
		{"\x80", false, "bare continuation"},
		{"\xc0\x80", false, "overlong NUL"},
		{"\xc1\xbf", false, "overlong of two"},
		{"\xe0\x9f\xbf", false, "overlong of three"},
		{"\xf0\x8f\xbf\xbf", false, "overlong of four"},
		{"\xed\xa0\x80", false, "surrogate"},
		{"\xf4\x90\x80\x80", false, "beyond Unicode"},
		{"\xf5\x80\x80\x80", false, "byte that never comes"},
		{"\xff", false, "ff"},
		{"\xc3", false, "two cut short"},
		{"\xe2\x82", false, "three cut short"},
		{"\xf0\x9f\x98", false, "four cut short"},
		{"\xe2\x28\xa1", false, "no continuation"},
		{"12345678\xff", false, "behind eight good bytes"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(utf8_valid(str_from(rows[i].text)) == rows[i].valid,
		   rows[i].what);
	ok(utf8_valid(STR("a\0b")), "NUL is a character");
	is_i64((int64_t)utf8_sequence(STR("\xe2\x82\xac!")), 3, "length");
	is_i64((int64_t)utf8_sequence(STR("")), 0, "nothing");
}

static void test_percent(void)
{
	char out[64];
	struct buf b;
	int64_t n = pct_decode(STR("a%20b+%2f%2F%00c"), false, out);

	ok(n == 8 && !memcmp(out, "a b+//\0c", 8), "decoded once");
	n = pct_decode(STR("a+b%2B"), true, out);
	ok(n == 4 && !memcmp(out, "a b+", 4), "plus is a blank in queries");
	n = pct_decode(STR("%2541"), false, out);
	ok(n == 3 && !memcmp(out, "%41", 3), "not decoded twice");
	is_i64(pct_decode(STR("%"), false, out), -1, "bare percent");
	is_i64(pct_decode(STR("%4"), false, out), -1, "half an escape");
	is_i64(pct_decode(STR("%4g"), false, out), -1, "no hex digit");
	is_i64(pct_decode(STR("%+1"), false, out), -1, "no signs");
	is_i64(pct_decode(STR_NONE, false, out), 0, "nothing");
	buf_init(&b, 1000);
	pct_encode(&b, STR("aZ09-._~ /\xc3\xa4%"), "/");
	is_str(b.p, "aZ09-._~%20/%C3%A4%25", "encoded but for what is kept");
	buf_reset(&b);
	pct_encode(&b, STR("/\0"), NULL);
	is_str(b.p, "%2F%00", "nothing kept, NUL encoded");
	buf_fini(&b);
}

static void test_hex(void)
{
	unsigned char bytes[4] = {0x00, 0x7f, 0x80, 0xff}, back[4] = {0};
	char text[9], random[33];

	hex_encode(bytes, 4, text);
	is_str(text, "007f80ff", "hex");
	ok(hex_decode(STR("007F80fF"), back) && !memcmp(back, bytes, 4),
	   "and back, in either case");
	ok(!hex_decode(STR("0"), back), "odd");
	ok(!hex_decode(STR("0x"), back), "no digit");
	random_hex(random, 16);
	is_i64((int64_t)strspn(random, "0123456789abcdef"), 32, "random hex");
	is_i64(random[32], 0, "ends in NUL");
}

static void test_base64(void)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"f", "Zg=="},
		{"fo", "Zm8="},
		{"foo", "Zm9v"},
		{"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"},
		{"\xff\xfe\xfd", "//79"},
	};
	static const char *const bad[] = {
		"Zg=",  "Zg",     "Z===", "====", "Zh==",
		"Zm9=", "Zm9v\n", "Z g=", "-_79", "Zg==Zg=="};
	struct buf b;

	buf_init(&b, 1000);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		buf_reset(&b);
		base64_encode(&b, str_from(rows[i][0]));
		is_str(b.p ? b.p : "", rows[i][1], "encoded");
		buf_reset(&b);
		ok(base64_decode(str_from(rows[i][1]), &b), "decoded");
		is_str(b.p ? b.p : "", rows[i][0], "to the same");
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ok(!base64_decode(str_from(bad[i]), &b), bad[i]);
	buf_fini(&b);
}

int main(void)
{
	test_utf8();
	test_percent();
	test_hex();
	test_base64();
	return tap_done();
}
