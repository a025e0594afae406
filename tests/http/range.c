/* SPDX-License-Identifier: Apache-2.0 */
/* range.c - ranges, entity tags, conditions, encodings, Hosts and Origins. */
#include "api/http/range.h"

#include "api/http/guard.h"
#include "api/http/gzip.h"
#include "tests/tap.h"

static const struct {
	const char *value;
	int64_t size;
	enum range want;
	int64_t first, n;
} ranges[] = {
	{"bytes=0-0", 10, RANGE_PART, 0, 1},
	{"bytes=0-9", 10, RANGE_PART, 0, 10},
	{"bytes=0-", 10, RANGE_PART, 0, 10},
	{"bytes=5-", 10, RANGE_PART, 5, 5},
	{"bytes=9-", 10, RANGE_PART, 9, 1},
	{"bytes=10-", 10, RANGE_BAD},
	{"bytes=10-20", 10, RANGE_BAD},
	{"bytes=3-100", 10, RANGE_PART, 3, 7},
	{"bytes=-1", 10, RANGE_PART, 9, 1},
	{"bytes=-10", 10, RANGE_PART, 0, 10},
	{"bytes=-100", 10, RANGE_PART, 0, 10},
	{"bytes=-0", 10, RANGE_BAD},
	{"bytes=0-", 0, RANGE_BAD},
	{"bytes=-5", 0, RANGE_BAD},
	{"Bytes=1-2", 10, RANGE_PART, 1, 2},
	{"bytes= 1-2 ", 10, RANGE_PART, 1, 2},
	{"bytes=0-18446744073709551615", 10, RANGE_PART, 0, 10},
	{"bytes=18446744073709551615-", 10, RANGE_BAD},
	{"bytes=-99999999999999999999", 10, RANGE_PART, 0, 10},
	{"bytes=5-4", 10, RANGE_WHOLE},
	{"bytes=1-2,4-5", 10, RANGE_WHOLE},
	{"bytes=0-0,-1", 10, RANGE_WHOLE},
	{"bytes=", 10, RANGE_WHOLE},
	{"bytes=-", 10, RANGE_WHOLE},
	{"bytes=a-b", 10, RANGE_WHOLE},
	{"bytes=1-b", 10, RANGE_WHOLE},
	{"bytes=--1", 10, RANGE_WHOLE},
	{"bytes=1--2", 10, RANGE_WHOLE},
	{"bytes=+1-2", 10, RANGE_WHOLE},
	{"bytes=1 -2", 10, RANGE_WHOLE},
	{"bytes=0x1-2", 10, RANGE_WHOLE},
	{"bytes 1-2", 10, RANGE_WHOLE},
	{"bytes", 10, RANGE_WHOLE},
	{"items=1-2", 10, RANGE_WHOLE},
	{"1-2", 10, RANGE_WHOLE},
	{"", 10, RANGE_WHOLE},
};

static void check_ranges(void)
{
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
		int64_t first = 0, n = 0;
		enum range got = range_parse(str_from(ranges[i].value),
					     ranges[i].size, &first, &n);

		ok(got == ranges[i].want &&
			   (got != RANGE_PART ||
			    (first == ranges[i].first && n == ranges[i].n)),
		   ranges[i].value);
	}
}

static const struct {
	const char *list, *tag;
	bool strong, weak;
} tags[] = {
	{"\"a\"", "\"a\"", true, true},
	{"\"b\"", "\"a\"", false, false},
	{"\"b\", \"a\"", "\"a\"", true, true},
	{"\"b\" ,\"c\"", "\"a\"", false, false},
	{"W/\"a\"", "\"a\"", false, true},
	{"\"a\"", "W/\"a\"", false, true},
	{"W/\"a\"", "W/\"a\"", false, true},
	{"*", "\"a\"", true, true},
	{" * ", "\"a\"", true, true},
	{"\"x,\\\"y\", \"a\"", "\"a\"", true, true},
	{"\"a,b\"", "\"a,b\"", true, true},
	{"a", "\"a\"", false, false},
	{"", "\"a\"", false, false},
};

static void check_tags(void)
{
	for (size_t i = 0; i < sizeof(tags) / sizeof(tags[0]); i++) {
		struct str list = str_from(tags[i].list);
		struct str tag = str_from(tags[i].tag);

		ok(etag_matches(list, tag, false) == tags[i].strong &&
			   etag_matches(list, tag, true) == tags[i].weak,
		   tags[i].list);
	}
}

#define BEFORE "Tue, 14 Nov 2023 22:13:19 GMT"
#define SAME   "Tue, 14 Nov 2023 22:13:20 GMT"
#define AFTER  "Tue, 14 Nov 2023 22:13:21 GMT"

static const struct {
	const char *name;
	const char *match, *none, *since, *until;
	bool get;
	int want;
} conditions[] = {
	{"nothing", NULL, NULL, NULL, NULL, true, 200},
	{"match", "\"v\"", NULL, NULL, NULL, true, 200},
	{"no match", "\"w\"", NULL, NULL, NULL, true, 412},
	{"weak match is none", "W/\"v\"", NULL, NULL, NULL, true, 412},
	{"any match", "*", NULL, NULL, NULL, false, 200},
	{"none match", NULL, "\"w\"", NULL, NULL, true, 200},
	{"not modified", NULL, "\"v\"", NULL, NULL, true, 304},
	{"not modified, weakly", NULL, "W/\"v\"", NULL, NULL, true, 304},
	{"exists", NULL, "*", NULL, NULL, false, 412},
	{"modified since", NULL, NULL, BEFORE, NULL, true, 200},
	{"not modified since", NULL, NULL, SAME, NULL, true, 304},
	{"nor since later", NULL, NULL, AFTER, NULL, true, 304},
	{"since is for GET", NULL, NULL, SAME, NULL, false, 200},
	{"none match wins over since", NULL, "\"w\"", SAME, NULL, true, 200},
	{"unmodified since", NULL, NULL, NULL, SAME, true, 200},
	{"modified after all", NULL, NULL, NULL, BEFORE, true, 412},
	{"match wins over unmodified", "\"v\"", NULL, NULL, BEFORE, true, 200},
	{"no date", NULL, NULL, "yesterday", NULL, true, 200},
	{"no date either", NULL, NULL, NULL, "tomorrow", true, 200},
	{"match comes first", "\"w\"", "\"v\"", NULL, NULL, true, 412},
};

static void check_conditions(void)
{
	int64_t mtime = 1700000000999;

	for (size_t i = 0; i < sizeof(conditions) / sizeof(conditions[0]);
	     i++) {
		struct conditions c = {
			.if_match = str_from(conditions[i].match),
			.if_none_match = str_from(conditions[i].none),
			.if_modified_since = str_from(conditions[i].since),
			.if_unmodified_since = str_from(conditions[i].until),
		};

		is_i64(conditions_check(&c, STR("\"v\""), mtime,
					conditions[i].get),
		       conditions[i].want, conditions[i].name);
	}
}

static bool if_range(const char *value, const char *etag, int64_t mtime)
{
	struct conditions c = {.if_range = str_from(value)};

	return conditions_range(&c, str_from(etag), mtime);
}

static void check_if_range(void)
{
	ok(if_range(NULL, "\"v\"", -1), "no If-Range");
	ok(if_range("\"v\"", "\"v\"", -1), "the same tag");
	ok(!if_range("\"w\"", "\"v\"", -1), "another tag");
	ok(!if_range("W/\"v\"", "\"v\"", -1), "a weak tag");
	ok(!if_range("W/\"v\"", "W/\"v\"", -1), "weak tags");
	ok(!if_range("\"v\"", "", -1), "no tag to compare with");
	ok(if_range(SAME, "\"v\"", 1700000000000), "the same date");
	ok(!if_range(AFTER, "\"v\"", 1700000000000), "another date");
	ok(!if_range(SAME, "\"v\"", -1), "no date to compare with");
	ok(!if_range("junk", "\"v\"", 1700000000000), "neither");
}

static const struct {
	const char *accept;
	bool want;
} encodings[] = {
	{"gzip", true},
	{"GZIP", true},
	{"gzip, deflate, br", true},
	{"deflate, gzip;q=0.5", true},
	{"gzip;q=0", false},
	{"gzip;q=0.000", false},
	{"gzip; q=0.001", true},
	{"gzip;Q=1", true},
	{"*", true},
	{"*;q=0", false},
	{"*;q=0, gzip", true},
	{"gzip;q=0, *", false},
	{"identity", false},
	{"br", false},
	{"xgzip", false},
	{"x-gzip", true},
	{"", false},
};

static void check_encodings(void)
{
	struct gzip g = {0};
	struct arena a;
	char text[4096];

	for (size_t i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++)
		ok(gzip_accepted(str_from(encodings[i].accept)) ==
			   encodings[i].want,
		   encodings[i].accept);
	ok(!gzip_accepted(STR_NONE), "no Accept-Encoding");
	ok(gzip_type("application/json") && gzip_type("text/html; charset=x") &&
		   gzip_type("application/geo+json") &&
		   !gzip_type("application/octet-stream") &&
		   !gzip_type("image/png") && !gzip_type(NULL),
	   "types");
	arena_init(&a, 1 << 20);
	memset(text, 'a', sizeof(text));
	ok(gzip_pack(&g, str_n(text, sizeof(text)), &a).n < 100, "shorter");
	ok(gzip_pack(&g, str_n(text, sizeof(text)), &a).n < 100, "again");
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)((i * i * 2654435761u) >> 13);
	ok(!gzip_pack(&g, str_n(text, 40), &a).p, "not shorter: not packed");
	gzip_fini(&g);
	arena_fini(&a);
}

static const struct {
	const char *host;
	int port;
	bool want;
} hosts[] = {
	{"localhost:8080", 8080, true},
	{"LocalHost:8080", 8080, true},
	{"127.0.0.1:8080", 8080, true},
	{"127.9.8.7:8080", 8080, true},
	{"[::1]:8080", 8080, true},
	{"localhost", 80, true},
	{"localhost:80", 80, true},
	{"[::1]", 80, true},
	{"localhost", 8080, false},
	{"localhost:8081", 8080, false},
	{"localhost:", 8080, false},
	{"localhost:080800", 8080, false},
	{"localhost:+8080", 8080, false},
	{"localhost:8080:8080", 8080, false},
	{"localhost.evil.example:8080", 8080, false},
	{"127.0.0.1.nip.io:8080", 8080, false},
	{"evil.example:8080", 8080, false},
	{"128.0.0.1:8080", 8080, false},
	{"127.1:8080", 8080, false},
	{"0x7f.0.0.1:8080", 8080, false},
	{"2130706433:8080", 8080, false},
	{"[::]:8080", 8080, false},
	{"[::1:8080", 8080, false},
	{"::1:8080", 8080, false},
	{"[::1]x:8080", 8080, false},
	{"0.0.0.0:8080", 8080, false},
	{"", 80, false},
};

static const struct {
	const char *origin;
	bool want;
} origins[] = {
	{"http://localhost:8080", true},
	{"https://127.0.0.1", true},
	{"http://[::1]:3000", true},
	{"null", false},
	{"http://evil.example", false},
	{"http://localhost.evil.example", false},
	{"http://localhost:8080/", false},
	{"file://localhost", false},
	{"http://", false},
	{"localhost", false},
	{"", false},
};

static void check_guard(void)
{
	for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
		ok(guard_host(str_from(hosts[i].host), hosts[i].port) ==
			   hosts[i].want,
		   hosts[i].host);
	for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++)
		ok(guard_origin(str_from(origins[i].origin)) == origins[i].want,
		   origins[i].origin);
}

int main(void)
{
	check_ranges();
	check_tags();
	check_conditions();
	check_if_range();
	check_encodings();
	check_guard();
	return tap_done();
}
