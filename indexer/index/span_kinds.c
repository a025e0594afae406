/* SPDX-License-Identifier: Apache-2.0 */
/* span_kinds.c - spans counted by name, type and status (trace_write.h). */
#include <stdlib.h>

#include "indexer/index/span_text.h"
#include "indexer/index/trace_write.h"
#include "indexer/index/values.h"

static int compare_kinds(const void *pa, const void *pb)
{
	const struct span_kind *a = pa;
	const struct span_kind *b = pb;
	int order = str_cmp(a->name, b->name);

	if (!order)
		order = str_cmp(a->type, b->type);
	return order ? order : (int)(a->status - b->status);
}

static struct span_kind kind_of(const struct otlp_span *s)
{
	return (struct span_kind){
		.name = s->name.n ? s->name : STR(""),
		.type = text_cut(span_type(s), LIMIT_SPAN_TYPE),
		.status = s->status.code,
		.count = 1};
}

size_t span_kinds(const struct otlp_span *spans, size_t n,
		  struct span_kind **ret)
{
	struct span_kind *all = calloc(n + 1, sizeof(*all));
	size_t kinds = 0;

	if (!all)
		abort();
	for (size_t i = 0; i < n; i++)
		all[i] = kind_of(&spans[i]);
	qsort(all, n, sizeof(*all), compare_kinds);
	for (size_t i = 0; i < n; i++) {
		if (kinds && compare_kinds(&all[kinds - 1], &all[i]) == 0)
			all[kinds - 1].count += all[i].count;
		else
			all[kinds++] = all[i];
	}
	*ret = all;
	return kinds;
}
