/* SPDX-License-Identifier: Apache-2.0 */
/* target.c - splitting and decoding of request targets. */
#include "api/http/target.h"

#include "indexer/base/text.h"

void target_split(struct str target, struct str *ret_path,
		  struct str *ret_query)
{
	size_t n = str_find(target, '?');

	*ret_path = str_n(target.p, n);
	*ret_query = n < target.n ? str_n(target.p + n + 1, target.n - n - 1)
				  : str_n(target.p + n, 0);
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
	       (c >= 'A' && c <= 'F');
}

bool target_path_valid(struct str path)
{
	for (size_t i = 0; i < path.n; i++) {
		if (path.p[i] != '%')
			continue;
		if (i + 2 >= path.n || !is_hex(path.p[i + 1]) ||
		    !is_hex(path.p[i + 2]))
			return false;
		if (path.p[i + 1] == '0' && path.p[i + 2] == '0')
			return false;
		i += 2;
	}
	return true;
}

int target_decode(struct str raw, struct arena *a, struct str *ret,
		  struct err *e)
{
	int64_t n;
	char *out;

	*ret = raw;
	if (str_find(raw, '%') == raw.n)
		return 0;
	out = arena_alloc(a, raw.n + 1);
	if (!out)
		return arena_full(a, e);
	n = pct_decode(raw, false, out);
	if (n < 0 || memchr(out, '\0', (size_t)n))
		return err_set(e, ERR_MALFORMED,
			       "The path holds a bad percent escape.");
	*ret = str_n(out, (size_t)n);
	if (!utf8_valid(*ret))
		return err_set(e, ERR_MALFORMED, "The path is not UTF-8.");
	return 0;
}
