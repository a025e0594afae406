/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - times as text against the C library's calendar. */
#include "indexer/base/clock.h"

#include "tests/tap.h"

static void test_text(void)
{
	char out[CLOCK_TEXT];
	int64_t ms = 0;

	is_i64((int64_t)clock_rfc3339(0, out), 24, "length");
	is_str(out, "1970-01-01T00:00:00.000Z", "the epoch");
	clock_rfc3339(-1, out);
	is_str(out, "1969-12-31T23:59:59.999Z", "before it");
	clock_rfc3339(1767323045678, out);
	is_str(out, "2026-01-02T03:04:05.678Z", "a day");
	clock_rfc3339(951782400000, out);
	is_str(out, "2000-02-29T00:00:00.000Z", "a leap day");
	clock_rfc3339(INT64_MAX, out);
	is_str(out, "9999-12-31T23:59:59.999Z", "clamped above");
	clock_rfc3339(INT64_MIN, out);
	is_str(out, "0000-01-01T00:00:00.000Z", "clamped below");
	is_i64((int64_t)clock_http(784111777000, out), 29, "length");
	is_str(out, "Sun, 06 Nov 1994 08:49:37 GMT", "HTTP's own example");
	ok(clock_http_parse(str_from(out), &ms), "is read");
	is_i64(ms, 784111777000, "as the same time");
}

static void test_calendar(void)
{
	int wrong = 0, wrong_http = 0;

	for (int64_t day = -200000; day < 400000; day += 7) {
		int64_t s = day * 86400 + (day & 0xffff) % 86400, back = 0;
		time_t t = (time_t)s;
		char ours[CLOCK_TEXT], theirs[CLOCK_TEXT];
		struct tm tm;

		gmtime_r(&t, &tm);
		strftime(theirs, sizeof(theirs), "%Y-%m-%dT%H:%M:%S.000Z", &tm);
		clock_rfc3339(s * 1000, ours);
		wrong += strcmp(ours, theirs) != 0;
		clock_http(s * 1000, ours);
		wrong_http += !clock_http_parse(str_from(ours), &back) ||
			      back != s * 1000;
	}
	is_i64(wrong, 0, "600 000 days as the C library has them");
	is_i64(wrong_http, 0, "and through HTTP's form and back");
}

static void test_http_refused(void)
{
	static const char *const rows[] = {
		"",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 UTC",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 32 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sun, 06 Now 1994 08:49:37 GMT",
		"Sun, 06 nov 1994 08:49:37 GMT",
		"Sun, 6 Nov 1994 08:49:37 GMT ",
		"Sun, 06-Nov-1994 08:49:37 GMT",
		"Sun, 06 Nov +994 08:49:37 GMT",
	};
	int64_t ms = 7;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(!clock_http_parse(str_from(rows[i]), &ms), rows[i]);
	is_i64(ms, 7, "what is refused sets nothing");
}

static void test_duration(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {{"250ms", 250},
		    {"30s", 30000},
		    {"5m", 300000},
		    {"1h", 3600000},
		    {"7d", 604800000},
		    {"0s", 0},
		    {"", -1},
		    {"5", -1},
		    {"s", -1},
		    {"-5s", -1},
		    {"5 s", -1},
		    {"5S", -1},
		    {"5sec", -1},
		    {"1.5s", -1},
		    {"9223372036854775807d", -1},
		    {"99999999999999999999s", -1}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};
		int64_t ms = -1;

		clock_duration_parse(str_from(rows[i].text), &ms, &e);
		is_i64(ms, rows[i].ms, rows[i].text);
		ok((e.kind == ERR_INVALID) == (rows[i].ms < 0), "its error");
	}
}

static void test_clocks(void)
{
	int64_t before = clock_mono_us(), ms = clock_mono_ms();
	struct timespec now, later = clock_deadline(1500);

	clock_gettime(CLOCK_MONOTONIC, &now);
	ok(clock_ms() > 1577836800000, "after 2020");
	ok(clock_mono_us() >= before && clock_mono_ms() >= ms, "monotonic");
	ok(later.tv_nsec < 1000000000, "a deadline is normalised");
	ok(later.tv_sec > now.tv_sec, "and lies ahead");
}

static void test_rfc3339_parse(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-01-02T03:04:05.678Z", 1767323045678},
		{"2026-01-02t03:04:05.678999999z", 1767323045678},
		{"2026-01-02T03:04:05.6Z", 1767323045600},
		{"2026-01-02T04:34:05.678+01:30", 1767323045678},
		{"2026-01-01T22:04:05.678-05:00", 1767323045678},
		{"1969-12-31T23:59:59.999Z", -1},
	};
	static const char *const refused[] = {
		"",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-01-02 03:04:05Z",
		"2026-13-02T03:04:05Z",
		"2026-00-02T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.5",
		"2026-01-02T03:04:05+1:30",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05Zz",
		"1767323045678",
	};
	int64_t ms;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ms = 1;
		ok(clock_rfc3339_parse(str_from(rows[i].text), &ms) &&
			   ms == rows[i].ms,
		   rows[i].text);
	}
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ok(!clock_rfc3339_parse(str_from(refused[i]), &ms), refused[i]);
}

static void test_seconds(void)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {{"0s", 0},
		    {"1.500s", 1500},
		    {"-0.001s", -1},
		    {"12s", 12000},
		    {"999999999999.999s", INT64_C(999999999999999)}};
	static const char *const refused[] = {
		"",   "s",    "1",     "1.s", ".5s",           "1.5",
		"1m", "--1s", "1.5ss", "+1s", "1000000000000s"};
	char text[CLOCK_TEXT];
	int64_t ms;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ms = 1;
		ok(clock_seconds_parse(str_from(rows[i].text), &ms) &&
			   ms == rows[i].ms,
		   rows[i].text);
		is_i64((int64_t)clock_seconds(rows[i].ms, text),
		       (int64_t)strlen(rows[i].text), "its length");
		is_str(text, rows[i].text, "and back");
	}
	ok(clock_seconds_parse(STR("1.5s"), &ms) && ms == 1500, "short");
	ok(clock_seconds_parse(STR("0.1234567s"), &ms) && ms == 123, "long");
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		ok(!clock_seconds_parse(str_from(refused[i]), &ms), refused[i]);
	ok(clock_seconds(INT64_MIN, text) < CLOCK_TEXT, "the least");
}

int main(void)
{
	test_text();
	test_calendar();
	test_http_refused();
	test_duration();
	test_clocks();
	test_rfc3339_parse();
	test_seconds();
	return tap_done();
}
