/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - clocks and the text of times, never by way of the locale.
 *
 * Dates are computed in the proleptic Gregorian calendar from days counted
 * since 1970, so every 64-bit time that a client can send has a text.
 */
#include "indexer/base/clock.h"

#include <stdio.h>
#include <string.h>

#include "indexer/base/num.h"

enum { DAY_S = 86400 };

static int64_t now_ns(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

int64_t clock_ms(void)
{
	return now_ns(CLOCK_REALTIME) / 1000000;
}

int64_t clock_mono_ms(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000000;
}

int64_t clock_mono_us(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000;
}

struct timespec clock_deadline(int64_t ms_from_now)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ts.tv_sec += ms_from_now / 1000;
	ts.tv_nsec += ms_from_now % 1000 * 1000000;
	if (ts.tv_nsec >= 1000000000) {
		ts.tv_sec++;
		ts.tv_nsec -= 1000000000;
	}
	return ts;
}

/* Years end in February here, so that the odd day is the last of a year; an
 * era is 400 years, 146097 days. */
static void date_of_days(int64_t days, struct tm *tm)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t month = (5 * doy + 2) / 153;

	tm->tm_mday = (int)(doy - (153 * month + 2) / 5 + 1);
	tm->tm_mon = (int)(month < 10 ? month + 2 : month - 10);
	tm->tm_year = (int)(yoe + era * 400 + (tm->tm_mon < 2) - 1900);
	tm->tm_wday = (int)(((days + 4) % 7 + 7) % 7);
}

static int64_t days_of_date(int64_t year, int month, int day)
{
	int64_t y = year - (month < 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy =
		(153 * (month < 2 ? month + 10 : month - 2) + 2) / 5 + day - 1;

	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

/* Broken down; returns the milliseconds. Clamped to the years 0 to 9999, all
 * that the texts can hold. */
static int break_down(int64_t ms, struct tm *tm)
{
	static const int64_t least = INT64_C(-62167219200000);
	static const int64_t greatest = INT64_C(253402300799999);
	int64_t days, in_day;

	if (ms < least)
		ms = least;
	if (ms > greatest)
		ms = greatest;
	days = (ms - least) / (DAY_S * 1000LL) + least / (DAY_S * 1000LL);
	in_day = ms - days * DAY_S * 1000;
	date_of_days(days, tm);
	tm->tm_hour = (int)(in_day / 3600000);
	tm->tm_min = (int)(in_day / 60000 % 60);
	tm->tm_sec = (int)(in_day / 1000 % 60);
	return (int)(in_day % 1000);
}

/* v in n decimal digits and the byte behind them. */
static char *put(char *at, int v, int n, char behind)
{
	for (int i = n; i-- > 0; v /= 10)
		at[i] = (char)('0' + v % 10);
	at[n] = behind;
	return at + n + 1;
}

size_t clock_rfc3339(int64_t ms, char *out)
{
	struct tm tm;
	int frac = break_down(ms, &tm);
	char *at = put(out, tm.tm_year + 1900, 4, '-');

	at = put(at, tm.tm_mon + 1, 2, '-');
	at = put(at, tm.tm_mday, 2, 'T');
	at = put(at, tm.tm_hour, 2, ':');
	at = put(at, tm.tm_min, 2, ':');
	at = put(at, tm.tm_sec, 2, '.');
	at = put(at, frac, 3, 'Z');
	*at = '\0';
	return (size_t)(at - out);
}

/* n decimal digits at p within 0..most, -1 if they are not. */
static int digits_at(const char *p, int n, int most)
{
	int v = 0;

	while (n--) {
		if (*p < '0' || *p > '9')
			return -1;
		v = v * 10 + (*p++ - '0');
	}
	return v <= most ? v : -1;
}

/* Takes a fraction (".5") off the front of s, as milliseconds; 0 without one,
 * -1 if the point has no digits. */
static int take_fraction(struct str *s)
{
	int ms = 0, weight = 100;
	size_t i = 1;

	if (!s->n || s->p[0] != '.')
		return 0;
	for (; i < s->n && s->p[i] >= '0' && s->p[i] <= '9'; i++) {
		ms += weight * (s->p[i] - '0');
		weight /= 10;
	}
	*s = str_n(s->p + i, s->n - i);
	return i > 1 ? ms : -1;
}

/* "Z" or "+01:30" as minutes; false if it is neither. */
static bool parse_offset(struct str s, int *ret)
{
	int hours, minutes;

	*ret = 0;
	if (str_eq_nocase(s, STR("Z")))
		return true;
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || s.p[3] != ':')
		return false;
	hours = digits_at(s.p + 1, 2, 23);
	minutes = digits_at(s.p + 4, 2, 59);
	*ret = (s.p[0] == '-' ? -1 : 1) * (hours * 60 + minutes);
	return hours >= 0 && minutes >= 0;
}

/* "2026-01-02T03:04:05" at p as seconds; false if it is none. */
static bool parse_date_time(const char *p, int64_t *ret)
{
	int year = digits_at(p, 4, 9999), month = digits_at(p + 5, 2, 12);
	int day = digits_at(p + 8, 2, 31), hour = digits_at(p + 11, 2, 23);
	int minute = digits_at(p + 14, 2, 59);
	int second = digits_at(p + 17, 2, 60);

	if (p[4] != '-' || p[7] != '-' || (p[10] | 32) != 't' || p[13] != ':' ||
	    p[16] != ':' || year < 0 || month < 1 || day < 1 || hour < 0 ||
	    minute < 0 || second < 0)
		return false;
	*ret = days_of_date(year, month - 1, day) * DAY_S + hour * 3600 +
	       minute * 60 + second;
	return true;
}

bool clock_rfc3339_parse(struct str s, int64_t *ret_ms)
{
	const size_t least = STR("2026-01-02T03:04:05").n;
	struct str rest;
	int64_t seconds;
	int fraction, offset;

	if (s.n <= least || !parse_date_time(s.p, &seconds))
		return false;
	rest = str_n(s.p + least, s.n - least);
	fraction = take_fraction(&rest);
	if (fraction < 0 || !parse_offset(rest, &offset))
		return false;
	*ret_ms = (seconds - offset * 60) * 1000 + fraction;
	return true;
}

size_t clock_seconds(int64_t ms, char *out)
{
	uint64_t u = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
	int n = snprintf(out, CLOCK_TEXT, "%s%llu", ms < 0 ? "-" : "",
			 (unsigned long long)(u / 1000));

	if (u % 1000)
		n += snprintf(out + n, CLOCK_TEXT - (size_t)n, ".%03d",
			      (int)(u % 1000));
	return (size_t)n +
	       (size_t)snprintf(out + n, CLOCK_TEXT - (size_t)n, "s");
}

/* Protobuf lets a duration have twelve digits before the point. */
bool clock_seconds_parse(struct str s, int64_t *ret_ms)
{
	bool negative = s.n && s.p[0] == '-';
	struct str rest = negative ? str_n(s.p + 1, s.n - 1) : s;
	size_t digits = 0;
	int64_t seconds = 0;
	int fraction;

	while (digits < rest.n && digits < 12 && rest.p[digits] >= '0' &&
	       rest.p[digits] <= '9')
		seconds = seconds * 10 + (rest.p[digits++] - '0');
	rest = str_n(rest.p + digits, rest.n - digits);
	fraction = take_fraction(&rest);
	if (!digits || fraction < 0 || !str_is(rest, "s"))
		return false;
	*ret_ms = (seconds * 1000 + fraction) * (negative ? -1 : 1);
	return true;
}

static const char week_days[] = "SunMonTueWedThuFriSat";
static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

size_t clock_http(int64_t ms, char *out)
{
	struct tm tm;
	char *at;

	break_down(ms, &tm);
	at = mempcpy(out, week_days + 3 * tm.tm_wday, 3);
	at = mempcpy(at, ", ", 2);
	at = put(at, tm.tm_mday, 2, ' ');
	at = mempcpy(at, months + 3 * tm.tm_mon, 3);
	*at++ = ' ';
	at = put(at, tm.tm_year + 1900, 4, ' ');
	at = put(at, tm.tm_hour, 2, ':');
	at = put(at, tm.tm_min, 2, ':');
	at = put(at, tm.tm_sec, 2, ' ');
	at = stpcpy(at, "GMT");
	return (size_t)(at - out);
}

static int month_at(const char *p)
{
	for (int i = 0; i < 12; i++)
		if (memcmp(p, months + 3 * i, 3) == 0)
			return i;
	return -1;
}

bool clock_http_parse(struct str s, int64_t *ret_ms)
{
	/* "Fri, 02 Jan 2026 03:04:05 GMT": what stands where. */
	int day, month, year, hour, minute, second;

	if (s.n != 29 || memcmp(s.p + 3, ", ", 2) || s.p[7] != ' ' ||
	    s.p[11] != ' ' || s.p[16] != ' ' || s.p[19] != ':' ||
	    s.p[22] != ':' || memcmp(s.p + 25, " GMT", 4))
		return false;
	day = digits_at(s.p + 5, 2, 31);
	month = month_at(s.p + 8);
	year = digits_at(s.p + 12, 4, 9999);
	hour = digits_at(s.p + 17, 2, 23);
	minute = digits_at(s.p + 20, 2, 59);
	second = digits_at(s.p + 23, 2, 60);
	if (day < 1 || month < 0 || year < 0 || hour < 0 || minute < 0 ||
	    second < 0)
		return false;
	*ret_ms = (days_of_date(year, month, day) * DAY_S + hour * 3600 +
		   minute * 60 + second) *
		  1000;
	return true;
}

int clock_duration_parse(struct str s, int64_t *ret_ms, struct err *e)
{
	static const struct {
		const char *unit;
		int64_t ms;
	} units[] = {{"ms", 1},
		     {"s", 1000},
		     {"m", 60 * 1000},
		     {"h", 3600 * 1000},
		     {"d", DAY_S * 1000}};
	size_t n = 0;
	int64_t v;

	while (n < s.n && s.p[n] >= '0' && s.p[n] <= '9')
		n++;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (!str_is(str_n(s.p + n, s.n - n), units[i].unit))
			continue;
		if (!num_parse_i64(str_n(s.p, n), &v) ||
		    __builtin_mul_overflow(v, units[i].ms, &v))
			break;
		*ret_ms = v;
		return 0;
	}
	return err_set(e, ERR_INVALID,
		       "\"%.*s\" is not a duration; write a number and ms, s, "
		       "m, h or d, as in 30s",
		       STR_ARG(s));
}
