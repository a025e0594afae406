/* SPDX-License-Identifier: Apache-2.0 */
/* range.c - ranges, entity tags, dates. Pure functions of strings. */
#include "api/http/range.h"

#include "api/http/parse.h"
#include "indexer/base/clock.h"

/* Digits only; what does not fit is as far as one can go. */
static bool digits(struct str s, int64_t *ret)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (n > (INT64_MAX - 9) / 10)
			n = INT64_MAX / 10 - 1;
		n = n * 10 + (s.p[i] - '0');
	}
	*ret = n;
	return s.n > 0;
}

static enum range suffix(int64_t n, int64_t size, int64_t *ret_first,
			 int64_t *ret_n)
{
	if (n == 0 || size == 0)
		return RANGE_BAD;
	*ret_n = n < size ? n : size;
	*ret_first = size - *ret_n;
	return RANGE_PART;
}

enum range range_parse(struct str value, int64_t size, int64_t *ret_first,
		       int64_t *ret_n)
{
	struct str first, last = value;
	int64_t a = 0, b = INT64_MAX;

	if (value.n < 6 || !str_eq_nocase(str_n(value.p, 6), STR("bytes=")))
		return RANGE_WHOLE;
	last = str_trim(str_n(value.p + 6, value.n - 6));
	if (str_find(last, '-') == last.n)
		return RANGE_WHOLE;
	first = str_cut(&last, '-');
	if (!first.n)
		return digits(last, &b) ? suffix(b, size, ret_first, ret_n)
					: RANGE_WHOLE;
	if (!digits(first, &a) || (last.n && !digits(last, &b)) || b < a)
		return RANGE_WHOLE;
	if (a >= size)
		return RANGE_BAD;
	*ret_first = a;
	*ret_n = (b < size - 1 ? b : size - 1) - a + 1;
	return RANGE_PART;
}

static bool is_weak(struct str tag)
{
	return str_starts(tag, STR("W/"));
}

static struct str opaque(struct str tag)
{
	return is_weak(tag) ? str_n(tag.p + 2, tag.n - 2) : tag;
}

bool etag_matches(struct str list, struct str tag, bool weak)
{
	struct str one;

	if (str_is(str_trim(list), "*"))
		return true;
	while (http_list_next(&list, &one)) {
		if (!weak && (is_weak(one) || is_weak(tag)))
			continue;
		if (str_eq(opaque(one), opaque(tag)))
			return true;
	}
	return false;
}

/* HTTP dates have seconds. A header that is no date is not there. */
static bool changed_since(struct str date, int64_t mtime_ms, bool *ret)
{
	int64_t ms;

	if (!date.p || mtime_ms < 0 || !clock_http_parse(date, &ms))
		return false;
	*ret = mtime_ms / 1000 > ms / 1000;
	return true;
}

int conditions_check(const struct conditions *c, struct str etag,
		     int64_t mtime_ms, bool get)
{
	bool changed;

	if (c->if_match.p) {
		if (!etag_matches(c->if_match, etag, false))
			return 412;
	} else if (changed_since(c->if_unmodified_since, mtime_ms, &changed) &&
		   changed) {
		return 412;
	}
	if (c->if_none_match.p) {
		if (etag_matches(c->if_none_match, etag, true))
			return get ? 304 : 412;
	} else if (get &&
		   changed_since(c->if_modified_since, mtime_ms, &changed) &&
		   !changed) {
		return 304;
	}
	return 200;
}

bool conditions_range(const struct conditions *c, struct str etag,
		      int64_t mtime_ms)
{
	struct str v = c->if_range;
	int64_t ms;

	if (!v.p)
		return true;
	if (v.n && (v.p[0] == '"' || is_weak(v)))
		return etag.n && !is_weak(v) && !is_weak(etag) &&
		       str_eq(v, etag);
	return mtime_ms >= 0 && clock_http_parse(v, &ms) &&
	       ms / 1000 == mtime_ms / 1000;
}
