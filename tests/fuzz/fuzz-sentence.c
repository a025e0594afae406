/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-sentence.c - any bytes as the name of a search. A name stands for one
 * text, which has one name that stands for it again; parts lie within the
 * text; what parses is given to the parsers of filters and orders, as the
 * mounted tree does.
 */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/query/mlflow.h"
#include "indexer/query/sentence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096, ARENA = 8 << 20 };

static void must(bool good)
{
	if (!good)
		abort();
}

static void within(struct str part, struct str text)
{
	must(!part.n ||
	     (part.p >= text.p && part.p + part.n <= text.p + text.n));
}

static void names(struct str text)
{
	char *name = malloc(text.n * 3 + 1), *back = malloc(text.n * 3 + 1);
	size_t n, k;

	must(name && back);
	n = sentence_to_name(text, name);
	must(!memchr(name, '/', n));
	k = sentence_from_name(str_n(name, n), back);
	must(str_eq(str_n(back, k), text));
	free(name);
	free(back);
}

static void parts(struct str text)
{
	SCOPED(arena_fini) struct arena a;
	struct expr_order order;
	struct expr *filter;
	struct sentence s;
	struct err e = {0};

	arena_init(&a, ARENA);
	if (sentence_parse(text, &s, &e) < 0) {
		must(e.kind == ERR_INVALID && e.msg[0]);
		return;
	}
	must(s.limit >= 1 && s.limit <= SENTENCE_LIMIT && s.offset >= 0 &&
	     s.offset <= SENTENCE_OFFSET && s.norder <= SENTENCE_ITEMS);
	within(s.filter, text);
	mlflow_filter_parse(s.filter, &vocabulary_runs, &a, &filter, &e);
	for (size_t i = 0; i < s.norder; i++) {
		within(s.order[i], text);
		mlflow_order_parse(s.order[i], &vocabulary_runs, &a, &order,
				   &e);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;
	size_t n;

	if (size > MOST)
		return 0;
	names(str_n((const char *)data, size));
	text = malloc(size + 1);
	must(text != NULL);
	n = sentence_from_name(str_n((const char *)data, size), text);
	must(n <= size);
	names(str_n(text, n));
	parts(str_n(text, n));
	free(text);
	return 0;
}
