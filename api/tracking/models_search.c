/* SPDX-License-Identifier: Apache-2.0 */
/* models_search.c - MLflow's search for logged models.
 *
 * Its order is a list of objects, where that of other searches is a list of
 * texts; and metrics may be restricted to datasets, in the filter by a list of
 * its own, in the order item by item.
 */
#include "api/app.h"
#include "api/tracking/fields.h"
#include "api/tracking/page.h"
#include "api/tracking/tracking.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/query/mlflow.h"
#include "indexer/render/logged.h"

enum { MODELS_DEFAULT = 50, SEARCH_DATASETS_MAX = 1000 };

struct model_order {
	struct str field_name, dataset_name, dataset_digest;
	struct opt_bool ascending;
};

struct model_dataset {
	struct str dataset_name, dataset_digest;
};

struct model_search {
	struct field_list experiment_ids, datasets, order_by;
	struct str filter, page_token;
	struct opt_i64 max_results;
};

static const struct field order_rows[] = {
	ROW_FILLED(model_order, field_name),
	{.name = "ascending",
	 .type = FIELD_BOOL,
	 .offset = offsetof(struct model_order, ascending)},
	ROW_STR(model_order, dataset_name),
	ROW_STR(model_order, dataset_digest),
};
static const struct field_set order_fields =
	FIELD_SET(order_rows, struct model_order);

static const struct field dataset_rows[] = {
	ROW_FILLED(model_dataset, dataset_name),
	ROW_STR(model_dataset, dataset_digest),
};
static const struct field_set dataset_fields =
	FIELD_SET(dataset_rows, struct model_dataset);

static const struct field search_rows[] = {
	{.name = "experiment_ids",
	 .type = FIELD_STRS,
	 .flags = FIELD_REQUIRED,
	 .offset = offsetof(struct model_search, experiment_ids)},
	{.name = "filter",
	 .type = FIELD_STR,
	 .limit = LIMIT_FILTER,
	 .offset = offsetof(struct model_search, filter)},
	{.name = "datasets",
	 .type = FIELD_LIST,
	 .limit = SEARCH_DATASETS_MAX,
	 .sub = &dataset_fields,
	 .offset = offsetof(struct model_search, datasets)},
	ROW_I64(model_search, max_results),
	ROW_LIST(model_search, order_by, order_fields),
	ROW_STR(model_search, page_token),
};
static const struct field_set search_fields =
	FIELD_SET(search_rows, struct model_search);

/* --- filter --------------------------------------------------------------- */

/* A status as the index calls it: READY, LOGGED_MODEL_READY and 2 are one. */
static struct str status_name(struct str s)
{
	struct str prefix = STR("LOGGED_MODEL_");

	if (s.n == 1)
		for (int i = LOGGED_PENDING; i <= LOGGED_UPLOAD_FAILED; i++)
			if (s.p[0] == '0' + i)
				s = str_from(logged_status_names[i]);
	if (str_starts(s, prefix))
		return str_n(s.p + prefix.n, s.n - prefix.n);
	return s;
}

static void name_statuses(struct expr *x)
{
	if (!x)
		return;
	if (x->op != EXPR_LEAF) {
		name_statuses(x->a);
		name_statuses(x->b);
		return;
	}
	if (x->family == FAMILY_ATTRIBUTE && str_is(x->key, "status"))
		for (size_t i = 0; i < x->nvalues; i++)
			x->values[i].text = status_name(x->values[i].text);
}

static int set_datasets(struct search *s, const struct field_list *given,
			struct arena *a, struct err *e)
{
	const struct model_dataset *d = given->items;
	struct search_dataset *on = arena_array(a, given->n + 1, sizeof(*on));

	if (!on)
		return arena_full(a, e);
	for (size_t i = 0; i < given->n; i++)
		on[i] = (struct search_dataset){d[i].dataset_name,
						d[i].dataset_digest};
	s->datasets = (struct search_datasets){on, given->n};
	return 0;
}

/* --- order ---------------------------------------------------------------- */

/* The field's name as an item of an order: an attribute without a word before
 * it, or a metric. */
static int parse_order(const struct model_order *o, struct arena *a,
		       struct expr_order *ret, struct err *e)
{
	struct str key = o->field_name;
	struct str word = str_cut(&key, '.');
	const char *text = arena_printf(a, "metrics.`%.*s`", STR_ARG(key));

	if (!text)
		return arena_full(a, e);
	if (key.p && !str_is(word, "metrics"))
		return err_set(
			e, ERR_INVALID,
			"Invalid order by field name: %.*s. Only "
			"metrics are supported.",
			(int)(o->field_name.n < 200 ? o->field_name.n : 200),
			o->field_name.p);
	if (mlflow_order_parse(key.p ? str_from(text) : o->field_name,
			       &vocabulary_logged_models, a, ret, e) < 0)
		return err_set(
			e, ERR_INVALID, "Invalid order by field name: %.*s",
			(int)(o->field_name.n < 200 ? o->field_name.n : 200),
			o->field_name.p);
	ret->descending = o->ascending.set && !o->ascending.v;
	return 0;
}

static int set_order(struct search *s, const struct field_list *given,
		     struct arena *a, struct err *e)
{
	const struct model_order *o = given->items;
	size_t n = given->n;
	struct expr_order *order = arena_array(a, n + 1, sizeof(*order));
	struct search_datasets *on = arena_array(a, n + 1, sizeof(*on));
	struct search_dataset *each = arena_array(a, n + 1, sizeof(*each));

	if (!order || !on || !each)
		return arena_full(a, e);
	for (size_t i = 0; i < n; i++) {
		if (parse_order(&o[i], a, &order[i], e) < 0)
			return -1;
		each[i] = (struct search_dataset){o[i].dataset_name,
						  o[i].dataset_digest};
		on[i].items = &each[i];
		on[i].n = each[i].name.n || each[i].digest.n ? 1 : 0;
	}
	s->order = order;
	s->norder = n;
	s->order_datasets = on;
	return 0;
}

/* The text that a page token is bound to. */
static int set_bound(struct search *s, const struct model_search *q,
		     struct arena *a, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, a->ceiling);
	jo_init(&j, &b, 0);
	jo_object(&j);
	jo_kstr(&j, "filter", q->filter);
	for (size_t i = 0; i < q->order_by.n; i++) {
		jo_key(&j, "order");
		field_write_json(
			&order_fields,
			(const struct model_order *)q->order_by.items + i, &j);
	}
	for (size_t i = 0; i < q->datasets.n; i++) {
		jo_key(&j, "dataset");
		field_write_json(
			&dataset_fields,
			(const struct model_dataset *)q->datasets.items + i,
			&j);
	}
	jo_object_end(&j);
	s->bound = arena_str(a, buf_view(&b));
	return buf_ok(&b) && s->bound.p ? 0 : arena_full(a, e);
}

/* --- the call ------------------------------------------------------------- */

static int put_model(struct reading *r, int64_t row, struct arena *a)
{
	struct logged_model m;

	if (logged_model_by_row(r->rd, row, a, &m, &r->e) < 0)
		return -1;
	return render_logged_model(r->j, r->rd, &m, &r->e);
}

static const struct page_kind model_kind = {"models", search_logged_models,
					    put_model};

static int parse(struct search *s, const struct model_search *q,
		 struct arena *a, struct err *e)
{
	struct expr *filter = NULL;

	if (mlflow_filter_parse(q->filter, &vocabulary_logged_models, a,
				&filter, e) < 0)
		return -1;
	name_statuses(filter);
	s->filter = filter;
	s->token = q->page_token;
	if (set_datasets(s, &q->datasets, a, e) < 0 ||
	    set_order(s, &q->order_by, a, e) < 0)
		return -1;
	return set_bound(s, q, a, e);
}

static void models_search(struct call *c)
{
	const struct model_search *q = c->request;
	int64_t max = q->max_results.v ? q->max_results.v : MODELS_DEFAULT;
	struct search s = {.experiment_ids = q->experiment_ids.items,
			   .nexperiment_ids = q->experiment_ids.n};
	struct err e;

	if (page_max(&s, max, LIMIT_SEARCH_LOGGED, &e) ||
	    page_check_ids(&q->experiment_ids, &e) ||
	    parse(&s, q, c->arena, &e))
		answer_error(c, &e);
	else if (!s.nexperiment_ids)
		page_answer_none(c);
	else
		page_answer(c, &model_kind, &s);
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/mlflow/logged-models/search",
	 .need = LEVEL_READ,
	 .body = BODY_JSON,
	 .fields = &search_fields,
	 .handle = models_search,
	 .summary = "Logged models that satisfy a filter, in order, by pages."},
};

const struct route_group tracking_models_search =
	TRACKING_GROUP(tracking_prefixes, routes);
