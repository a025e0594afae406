/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - a search from filter to page.
 *
 * Under the columns' lock: what may be found, leaves and keys on columns.
 * Then, without it, all that takes statements: leaves and keys on text. Both
 * see the same snapshot. Owns all memory of a search but the answer.
 */
#include "indexer/index/search.h"

#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/index/experiment.h"
#include "indexer/index/page_token.h"
#include "indexer/index/search_kind.h"
#include "indexer/index/search_order.h"
#include "indexer/index/search_reals.h"
#include "indexer/index/search_set.h"

enum { BOUND_MAX = 32 << 20 };

struct job {
	struct reader *rd;
	struct columns *columns;
	const struct search *s;
	struct slots slots;
	struct bitset found;
	struct search_set set;
	struct search_order order;
	struct order_position after;
	uint64_t hash;
	uint32_t *page;
};

static void job_fini(struct job *j)
{
	free(j->slots.rows);
	free(j->page);
	bitset_fini(&j->found);
	search_set_fini(&j->set);
	search_order_fini(&j->order);
}

/* What a page token is bound to. */
static int search_hash(const struct search_kind *kind, const struct search *s,
		       int64_t project, uint64_t *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, BOUND_MAX);
	buf_printf(&b, "%s %d %d %" PRId64 "\n", kind->name, (int)s->view,
		   s->experiment_ids != NULL, project);
	for (size_t i = 0; i < s->nexperiment_ids; i++) {
		buf_str(&b, s->experiment_ids[i]);
		buf_putc(&b, '\n');
	}
	buf_putc(&b, '\n');
	buf_str(&b, s->bound);
	if (!buf_ok(&b))
		return err_set(e, ERR_TOO_LARGE, "too many experiment ids");
	*ret = str_hash(buf_view(&b));
	return 0;
}

static int job_init(struct job *j, const struct search_kind *kind,
		    struct arena *a, struct err *e)
{
	j->set = (struct search_set){
		.rd = j->rd, .kind = kind, .slots = &j->slots};
	j->order = (struct search_order){
		.rd = j->rd, .kind = kind, .slots = &j->slots};
	j->set.datasets = j->s->datasets;
	if (search_order_init(&j->order, j->s, e) < 0 ||
	    search_hash(kind, j->s, reader_db(j->rd)->who.view, &j->hash, e) <
		    0)
		return -1;
	if (!j->s->token.n)
		return 0;
	return page_token_read(j->s->token, &j->order, j->hash, a, &j->after,
			       e);
}

static int look_at_columns(struct job *j, struct err *e)
{
	const struct search_kind *kind = j->set.kind;
	struct columns *c = j->columns;
	int rc;

	if (columns_lock(c, j->rd, e) < 0)
		return -1;
	rc = kind->scope(c, j->s, &reader_db(j->rd)->who, &j->slots, &j->found,
			 e);
	if (rc == 0)
		rc = search_set_columns(&j->set, c, j->s->filter, e);
	if (rc == 0)
		rc = search_order_columns(&j->order, c, &j->after, e);
	columns_unlock(c);
	return rc;
}

static int next_token(struct job *j, size_t n, struct arena *a, struct str *ret,
		      struct err *e)
{
	struct order_position last;

	if (search_order_position(&j->order, j->page[n - 1], a, &last, e) < 0)
		return -1;
	return page_token_write(&j->order, &last, j->hash, a, ret, e);
}

static int make_page(struct job *j, struct arena *a, struct search_page *ret,
		     struct err *e)
{
	size_t total = (size_t)bitset_count(&j->found);
	size_t beyond;

	ret->total = (int64_t)total;
	j->page = calloc(total ? total : 1, sizeof(*j->page));
	if (!j->page)
		abort();
	beyond = search_order_page(&j->order, &j->found, &j->after, j->page,
				   j->s->max, &ret->n);
	ret->rows = arena_array(a, ret->n ? ret->n : 1, sizeof(*ret->rows));
	if (!ret->rows)
		return arena_full(a, e);
	for (size_t i = 0; i < ret->n; i++)
		ret->rows[i] = slot_row(&j->slots, j->page[i]);
	ret->next_token = STR_NONE;
	if (!beyond || !ret->n)
		return 0;
	return next_token(j, ret->n, a, &ret->next_token, e);
}

static bool names_metric(const struct expr *x)
{
	if (!x || x->op == EXPR_LEAF)
		return x && x->family == FAMILY_METRIC;
	return names_metric(x->a) || names_metric(x->b);
}

/* Datasets without a metric in the filter: what was measured on any. */
static int keep_measured(struct job *j, struct err *e)
{
	SCOPED(bitset_fini) struct bitset on = {0};
	const struct real_source *reals = j->set.kind->reals;

	if (!reals || !j->s->datasets.n || names_metric(j->s->filter))
		return 0;
	bitset_init(&on, (int64_t)j->slots.n - 1);
	if (reals_on(j->rd, reals, &j->slots, &j->s->datasets, &on, e) < 0)
		return -1;
	bitset_and(&j->found, &on);
	return 0;
}

static int run_search(struct reader *rd, struct columns *cols,
		      const struct search *s, const struct search_kind *kind,
		      struct arena *a, struct search_page *ret, struct err *e)
{
	struct search asked = *s;
	SCOPED(job_fini)
	struct job j = {.rd = rd, .columns = cols, .s = &asked};

	*ret = (struct search_page){0};
	if (experiment_home(reader_db(rd), &asked.home, e) < 0 ||
	    job_init(&j, kind, a, e) < 0 || look_at_columns(&j, e) < 0 ||
	    search_set_apply(&j.set, s->filter, &j.found, e) < 0 ||
	    keep_measured(&j, e) < 0 ||
	    search_order_texts(&j.order, &j.found, &j.after, e) < 0)
		return -1;
	return make_page(&j, a, ret, e);
}

int search_runs(struct reader *rd, struct columns *cols, const struct search *s,
		struct arena *a, struct search_page *ret, struct err *e)
{
	return run_search(rd, cols, s, &search_kind_runs, a, ret, e);
}

int search_experiments(struct reader *rd, struct columns *cols,
		       const struct search *s, struct arena *a,
		       struct search_page *ret, struct err *e)
{
	return run_search(rd, cols, s, &search_kind_experiments, a, ret, e);
}

int search_registered_models(struct reader *rd, struct columns *cols,
			     const struct search *s, struct arena *a,
			     struct search_page *ret, struct err *e)
{
	return run_search(rd, cols, s, &search_kind_models, a, ret, e);
}

int search_model_versions(struct reader *rd, struct columns *cols,
			  const struct search *s, struct arena *a,
			  struct search_page *ret, struct err *e)
{
	return run_search(rd, cols, s, &search_kind_versions, a, ret, e);
}

int search_traces(struct reader *rd, struct columns *cols,
		  const struct search *s, struct arena *a,
		  struct search_page *ret, struct err *e)
{
	return run_search(rd, cols, s, &search_kind_traces, a, ret, e);
}

int search_logged_models(struct reader *rd, struct columns *cols,
			 const struct search *s, struct arena *a,
			 struct search_page *ret, struct err *e)
{
	return run_search(rd, cols, s, &search_kind_logged, a, ret, e);
}
