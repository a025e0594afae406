/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-num.c - any text as a number, and its first eight bytes as a double:
 * our reading is the C library's, our writing reads back as the same bits.
 */
#include <math.h>

#include "indexer/base/num.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool same(double a, double b)
{
	return memcmp(&a, &b, sizeof(a)) == 0;
}

static void check_double(double v)
{
	char text[NUM_MAX];
	double back = 0;
	size_t n = num_format_f64(v, text);

	if (n >= NUM_MAX || strlen(text) != n ||
	    !num_parse_f64(str_n(text, n), &back))
		abort();
	if (isnan(v) ? !isnan(back) : !same(v, back))
		abort();
	if (!isnan(v) && !same(v, strtod(text, NULL)))
		abort();
}

static void check_text(struct str s)
{
	char *copy = strndup(s.p, s.n), *end;
	double ours = 0, theirs = strtod(copy, &end);
	bool decimal = strspn(copy, "0123456789+-.eE") == s.n;

	if (num_parse_f64(s, &ours)) {
		check_double(ours);
		if (decimal && (*end || !same(ours, theirs)))
			abort();
	} else if (decimal && s.n && !*end && isfinite(theirs)) {
		abort();
	}
	free(copy);
}

static void check_integer(struct str s)
{
	char text[NUM_MAX];
	int64_t v, back = 0;

	if (num_parse_i64(s, &v) &&
	    (!num_parse_i64(str_n(text, num_format_i64(v, text)), &back) ||
	     back != v))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str s = str_n((const char *)data, n);
	double v;

	if (n >= sizeof(v)) {
		memcpy(&v, data, sizeof(v));
		check_double(v);
	}
	check_text(s);
	check_integer(s);
	return 0;
}
