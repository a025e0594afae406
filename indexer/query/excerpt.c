/* SPDX-License-Identifier: Apache-2.0 */
/* excerpt.c - see excerpt.h. */
#include "indexer/query/excerpt.h"

struct excerpt excerpt(struct str s)
{
	struct excerpt x;
	size_t n = s.n < EXCERPT_MAX ? s.n : EXCERPT_MAX;

	if (n < s.n)
		while (n > 0 && ((unsigned char)s.p[n] & 0xc0) == 0x80)
			n--;
	if (n)
		memcpy(x.text, s.p, n);
	snprintf(x.text + n, 4, "%s", n < s.n ? "..." : "");
	return x;
}
