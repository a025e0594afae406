/* SPDX-License-Identifier: Apache-2.0 */
/* gzip.c - zlib at level 1: most of the gain for little of the time. */
#include "api/http/gzip.h"

#include <stdlib.h>
#include <zlib.h>

#include "api/http/parse.h"

void gzip_fini(struct gzip *g)
{
	if (!g->z)
		return;
	deflateEnd(g->z);
	free(g->z);
	g->z = NULL;
}

/* A weight is 0, 0.x or 1; only whether it is above 0 matters. */
static bool weight_positive(struct str params)
{
	struct str part;

	while (params.p) {
		part = str_trim(str_cut(&params, ';'));
		if (part.n < 2 || (part.p[0] | 32) != 'q' || part.p[1] != '=')
			continue;
		for (size_t i = 2; i < part.n; i++)
			if (part.p[i] >= '1' && part.p[i] <= '9')
				return true;
		return false;
	}
	return true;
}

bool gzip_accepted(struct str accept_encoding)
{
	struct str item, name;
	bool any = false;

	while (http_list_next(&accept_encoding, &item)) {
		name = str_trim(str_cut(&item, ';'));
		if (str_eq_nocase(name, STR("gzip")) ||
		    str_eq_nocase(name, STR("x-gzip")))
			return weight_positive(item);
		if (str_is(name, "*"))
			any = weight_positive(item);
	}
	return any;
}

bool gzip_type(const char *content_type)
{
	struct str s = str_from(content_type);

	s = str_trim(str_n(s.p, str_find(s, ';')));
	return str_starts(s, STR("text/")) ||
	       str_starts(s, STR("application/json")) ||
	       str_ends(s, STR("+json")) || str_ends(s, STR("+xml")) ||
	       str_is(s, "application/javascript");
}

static bool ready(struct gzip *g)
{
	if (g->z)
		return deflateReset(g->z) == Z_OK;
	g->z = calloc(1, sizeof(*g->z));
	if (!g->z)
		return false;
	/* 15 + 16: a gzip wrapper with the full window. */
	if (deflateInit2(g->z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) ==
	    Z_OK)
		return true;
	free(g->z);
	g->z = NULL;
	return false;
}

struct str gzip_pack(struct gzip *g, struct str in, struct arena *a)
{
	char *out;

	if (in.n > UINT32_MAX || !ready(g))
		return STR_NONE;
	out = arena_alloc(a, in.n);
	if (!out)
		return STR_NONE;
	g->z->next_in = (Bytef *)(uintptr_t)in.p;
	g->z->avail_in = (uInt)in.n;
	g->z->next_out = (Bytef *)out;
	g->z->avail_out = (uInt)in.n;
	if (deflate(g->z, Z_FINISH) != Z_STREAM_END)
		return STR_NONE;
	return str_n(out, in.n - g->z->avail_out);
}
