/* SPDX-License-Identifier: Apache-2.0 */
/* searching.h - searches in one line, answered by names: "a b c". */
#ifndef ORRERY_TESTS_INDEX_SEARCHING_H
#define ORRERY_TESTS_INDEX_SEARCHING_H

#include "indexer/base/scope.h"
#include "indexer/index/search.h"
#include "indexer/query/mlflow.h"
#include "tests/index/fixture.h"

enum { SEARCHING_ORDERS = 20 };

struct asked {
	const char *filter, *order; /* items of the order divided by ';' */
	enum view view;
	size_t max;
	struct str token;
	const struct str *ids;
	size_t nids;
	bool experiments;
};

struct searching {
	struct fixture *fx;
	struct columns *cols;
	struct search_page page; /* of the last search */
	struct expr_order orders[SEARCHING_ORDERS];
};

static inline int searching_parse(struct searching *x, const struct asked *q,
				  struct search *s)
{
	const struct vocabulary *v =
		q->experiments ? &vocabulary_experiments : &vocabulary_runs;
	struct arena *a = &x->fx->a;
	struct str items = str_from(q->order);
	struct expr *filter;

	*s = (struct search){.order = x->orders,
			     .view = q->view,
			     .max = q->max ? q->max : 1000,
			     .token = q->token,
			     .experiment_ids = q->ids,
			     .nexperiment_ids = q->nids};
	s->bound = str_from(arena_printf(a, "%s\n%s", q->filter, q->order));
	if (mlflow_filter_parse(str_from(q->filter), v, a, &filter, &x->fx->e))
		return -1;
	s->filter = filter;
	while (items.n)
		if (mlflow_order_parse(str_cut(&items, ';'), v, a,
				       &x->orders[s->norder++], &x->fx->e) < 0)
			return -1;
	return 0;
}

static inline int searching_name(struct searching *x, bool experiment,
				 int64_t row, struct str *ret)
{
	struct fixture *fx = x->fx;
	struct experiment found;
	struct run r;

	if (experiment) {
		if (experiment_by_row(fx->rd, row, &fx->a, &found, &fx->e) < 0)
			return -1;
		*ret = found.name;
		return 0;
	}
	if (run_by_row(fx->rd, row, &fx->a, &r, &fx->e) < 0)
		return -1;
	*ret = r.name;
	return 0;
}

/* Within a snapshot. */
static inline int searching_run(struct searching *x, const struct asked *q,
				struct buf *names)
{
	struct fixture *fx = x->fx;
	struct search s;
	struct str name;
	int rc;

	if (searching_parse(x, q, &s) < 0)
		return -1;
	rc = q->experiments ? search_experiments(fx->rd, x->cols, &s, &fx->a,
						 &x->page, &fx->e)
			    : search_runs(fx->rd, x->cols, &s, &fx->a, &x->page,
					  &fx->e);
	for (size_t i = 0; rc == 0 && i < x->page.n; i++) {
		rc = searching_name(x, q->experiments, x->page.rows[i], &name);
		if (rc == 0)
			buf_printf(names, "%s%.*s", i ? " " : "",
				   STR_ARG(name));
	}
	return rc;
}

/* Names in the fixture's arena, or "kind: message". */
static inline const char *ask(struct searching *x, struct asked q)
{
	SCOPED(buf_fini) struct buf b;
	struct fixture *fx = x->fx;
	int rc;

	if (!q.filter)
		q.filter = "";
	if (!q.order)
		q.order = "";
	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	fx_begin(fx);
	rc = searching_run(x, &q, &b);
	fx_finish(fx);
	if (rc < 0)
		return arena_printf(&fx->a, "%s: %s", err_kind_name(fx->e.kind),
				    fx->e.msg);
	return arena_strdup(&fx->a, buf_view(&b));
}

#endif
