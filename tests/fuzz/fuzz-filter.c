/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-filter.c - filters, orders and regular expressions from anybody. The
 * first byte says which; what parses is also run. */
#include "indexer/base/scope.h"
#include "indexer/query/match.h"
#include "indexer/query/mlflow.h"

enum { ARENA = 8 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void run_leaf(const struct expr *x, struct str text)
{
	SCOPED(arena_fini) struct arena a;
	struct match m;
	struct err e;

	arena_init(&a, ARENA);
	if (match_compile(&m, x, &a, &e) < 0)
		return;
	if (x->nvalues && x->values[0].is_number)
		match_real(&m, (double)text.n);
	else
		match_text(&m, text);
}

/* Recursion is as deep as the filter's limits allow. */
static void run(const struct expr *x, struct str text)
{
	if (!x)
		return;
	if (x->op == EXPR_LEAF)
		run_leaf(x, text);
	run(x->a, text);
	run(x->b, text);
}

static void filter(struct str text, const struct vocabulary *v)
{
	SCOPED(arena_fini) struct arena a;
	struct expr *x;
	struct err e;

	arena_init(&a, ARENA);
	if (mlflow_filter_parse(text, v, &a, &x, &e) < 0) {
		if (e.kind == ERR_NONE || !e.msg[0])
			abort();
		return;
	}
	run(x, text);
}

static void order(struct str text)
{
	SCOPED(arena_fini) struct arena a;
	struct expr_order o;
	struct err e;

	arena_init(&a, ARENA);
	if (mlflow_order_parse(text, &vocabulary_runs, &a, &o, &e) == 0 &&
	    !o.key.n)
		abort();
}

/* A pattern, a line feed, a text. */
static void regex(struct str text)
{
	SCOPED(arena_fini) struct arena a;
	struct str pattern = str_cut(&text, '\n');
	struct regex *r;
	struct err e;

	arena_init(&a, ARENA);
	if (regex_compile(pattern, &a, &r, &e) == 0)
		regex_search(r, text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text;

	if (!size)
		return 0;
	text = str_n((const char *)data + 1, size - 1);
	switch (data[0]) {
	case 'r':
		filter(text, &vocabulary_runs);
		break;
	case 'e':
		filter(text, &vocabulary_experiments);
		break;
	case 't':
		filter(text, &vocabulary_traces);
		break;
	case 'o':
		order(text);
		break;
	default:
		regex(text);
	}
	return 0;
}
