/* SPDX-License-Identifier: Apache-2.0 */
/* search_kind.c - see search_kind.h. */
#include "indexer/index/search_kind.h"

#include <stdlib.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/command.h"

/* --- fields ------------------------------------------------------------ */

static const struct attribute *find_attribute(const struct attribute *a,
					      struct str name)
{
	while (a && a->name && !str_is(name, a->name))
		a++;
	return a && a->name ? a : NULL;
}

static struct search_field attribute_field(const struct attribute *a)
{
	enum field_how how = a->of_spans       ? FIELD_SPAN
			     : a->text         ? FIELD_TEXT
			     : a->number_names ? FIELD_NAMED
					       : FIELD_NUMBER;

	return (struct search_field){.how = how,
				     .number = a->number,
				     .number_names = a->number_names,
				     .text = a->text,
				     .key = str_from(a->text_key)};
}

static struct search_field text_field(const struct text_source *t,
				      struct str key)
{
	return (struct search_field){
		.how = t ? FIELD_TEXT : FIELD_NOWHERE, .text = t, .key = key};
}

/* One of a table, which may be none; what is not in it nothing has. */
static struct search_field listed_field(const struct attribute *table,
					struct str key)
{
	const struct attribute *a = find_attribute(table, key);

	return a ? attribute_field(a)
		 : (struct search_field){.how = FIELD_NOWHERE};
}

static struct search_field span_field(const struct search_kind *k)
{
	return (struct search_field){.how = k->spans ? FIELD_SPAN
						     : FIELD_NOWHERE};
}

int search_field(const struct search_kind *k, enum expr_family family,
		 struct str key, struct search_field *ret, struct err *e)
{
	const struct attribute *a;

	switch (family) {
	case FAMILY_PARAM:
		*ret = text_field(k->params, key);
		break;
	case FAMILY_METADATA:
		*ret = listed_field(k->own_metadata, key);
		if (ret->how == FIELD_NOWHERE)
			*ret = text_field(k->metadata, key);
		break;
	case FAMILY_FEEDBACK:
		*ret = text_field(k->feedback, key);
		break;
	case FAMILY_EXPECTATION:
		*ret = text_field(k->expectation, key);
		break;
	case FAMILY_ISSUE:
		*ret = listed_field(k->issues, key);
		break;
	case FAMILY_SPAN:
	case FAMILY_SPAN_ATTRIBUTE:
		*ret = span_field(k);
		break;
	case FAMILY_TAG:
		*ret = k->fixed_tag && str_is(key, k->fixed_tag)
			       ? attribute_field(&k->fixed_tag_value)
			       : text_field(k->tags, key);
		break;
	case FAMILY_METRIC:
		*ret = (struct search_field){.how = k->metrics ? FIELD_METRIC
						    : k->reals ? FIELD_REAL
							       : FIELD_NOWHERE,
					     .reals = k->reals,
					     .key = key};
		break;
	case FAMILY_DATASET:
		*ret = listed_field(k->datasets, key);
		break;
	case FAMILY_ATTRIBUTE:
		a = find_attribute(k->attributes, key);
		if (!a)
			return err_set(e, ERR_INVALID,
				       "Invalid attribute key '%.100s' "
				       "specified.",
				       key.p);
		*ret = attribute_field(a);
		break;
	case FAMILY_ASSESSMENT:
		*ret = (struct search_field){.how = FIELD_NOWHERE};
		break;
	}
	return 0;
}

int64_t slot_of(const struct slots *s, int64_t row)
{
	size_t low = 0;
	size_t high = s->n;

	if (!s->rows)
		return row >= 0 && (uint64_t)row < s->n ? row : -1;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->rows[mid] < row)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n && s->rows[low] == row ? (int64_t)low : -1;
}

bool text_origin_of(const struct search_field *f, struct text_origin *ret)
{
	if (f->how != FIELD_TEXT || !f->text->since)
		return false;
	*ret = (struct text_origin){.each = f->text->each,
				    .since = f->text->since,
				    .keyed = f->text->keyed,
				    .key = f->key};
	return true;
}

int text_open(struct cursor *q, struct db *db, enum stmt_id id,
	      const struct search_field *f, const struct bind *value,
	      struct err *e)
{
	bool all = id == f->text->each || id == f->text->sorted;
	struct bind binds[2];
	size_t n = 0;

	if (all && f->text->in_view && db->who.view)
		id = f->text->in_view;
	if (f->text->keyed)
		binds[n++] = B(f->key);
	if (value)
		binds[n++] = *value;
	return cursor_open(q, db, id, binds, n, e);
}

void table_slots(const struct columns_table *t, struct slots *slots,
		 struct bitset *found)
{
	slots->n = t->n;
	slots->rows = calloc(t->n ? t->n : 1, sizeof(*slots->rows));
	if (!slots->rows)
		abort();
	for (size_t i = 0; i < t->n; i++)
		slots->rows[i] = t->entries[i].row;
	bitset_init(found, (int64_t)t->n - 1);
}

/* --- runs -------------------------------------------------------------- */

static int64_t run_start(const struct columns *c, size_t slot)
{
	return c->runs[slot].start_time;
}

static int64_t run_end(const struct columns *c, size_t slot)
{
	return c->runs[slot].end_time;
}

static int64_t run_status(const struct columns *c, size_t slot)
{
	return c->runs[slot].status;
}

/* As a number in the order of the ids as text. */
static int64_t run_id_order(const struct columns *c, size_t slot)
{
	return (int64_t)(c->runs[slot].id_prefix ^ UINT64_C(1) << 63);
}

static const struct text_source run_param_texts = {
	STMT_SEARCH_PARAM_FIND,
	STMT_SEARCH_PARAM_EACH,
	STMT_SEARCH_PARAM_EACH,
	STMT_SEARCH_PARAM_GET,
	true,
	.since = STMT_COLUMNS_PARAM_SINCE};
static const struct text_source run_tag_texts = {
	STMT_SEARCH_TAG_FIND,
	STMT_SEARCH_TAG_EACH,
	STMT_SEARCH_TAG_EACH,
	STMT_SEARCH_TAG_GET,
	true,
	.since = STMT_COLUMNS_TAG_SINCE};
static const struct text_source run_ids = {
	STMT_SEARCH_RUN_ID_FIND, STMT_SEARCH_RUN_ID_EACH,
	STMT_SEARCH_RUN_ID_EACH, STMT_SEARCH_RUN_ID_GET, false};
static const struct text_source run_users = {STMTS,
					     STMT_SEARCH_USER_EACH,
					     STMT_SEARCH_USER_SORTED,
					     STMT_SEARCH_USER_GET,
					     false,
					     .since = STMT_COLUMNS_USER_SINCE};
static const struct text_source run_uris = {STMTS, STMT_SEARCH_URI_EACH,
					    STMT_SEARCH_URI_SORTED,
					    STMT_SEARCH_URI_GET, false};

static const struct text_source dataset_names = {STMT_SEARCH_DATASET_NAME_FIND,
						 STMT_SEARCH_DATASET_NAME_EACH,
						 STMTS, STMTS, false};
static const struct text_source dataset_digests = {
	STMT_SEARCH_DATASET_DIGEST_FIND, STMT_SEARCH_DATASET_DIGEST_EACH, STMTS,
	STMTS, false};
static const struct text_source dataset_tags = {STMT_SEARCH_DATASET_TAG_FIND,
						STMT_SEARCH_DATASET_TAG_EACH,
						STMTS, STMTS, true};

static const struct attribute run_datasets[] = {
	{"name", .text = &dataset_names},
	{"digest", .text = &dataset_digests},
	{"context", .text = &dataset_tags, .text_key = "mlflow.data.context"},
	{NULL},
};

static const struct attribute run_attributes[] = {
	{"start_time", .number = run_start},
	{"end_time", .number = run_end},
	{"status", .number = run_status, .number_names = run_status_names},
	{"run_id", .text = &run_ids},
	{"run_name", .text = &run_tag_texts, .text_key = "mlflow.runName"},
	{"user_id", .text = &run_users},
	{"artifact_uri", .text = &run_uris},
	{NULL},
};

bool in_view(enum view view, bool deleted)
{
	return view == VIEW_ALL || deleted == (view == VIEW_DELETED);
}

static int parse_id(struct str id, int64_t *ret, struct err *e)
{
	if (num_parse_i64(id, ret))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Invalid experiment ID '%.*s'. Experiment ID must be a "
		       "valid integer.",
		       id.n < 100 ? (int)id.n : 100, id.n ? id.p : "");
}

/* Positions of the experiments that were named. */
static int named_experiments(const struct columns *c, const struct search *s,
			     struct bitset *ret, struct err *e)
{
	bitset_init(ret, (int64_t)c->nexperiments - 1);
	if (!s->experiment_ids)
		bitset_fill(ret);
	for (size_t i = 0; i < s->nexperiment_ids; i++) {
		const struct experiment_entry *x;
		int64_t row;

		if (parse_id(s->experiment_ids[i], &row, e) < 0)
			return -1;
		x = columns_experiment(c, row ? row : s->home);
		if (x)
			bitset_add(ret, x - c->experiments);
	}
	return 0;
}

/* Those of them whose runs may be looked at: ids that are unknown and ids
 * not for this principal are passed over alike. */
int wanted_experiments(const struct columns *c, const struct search *s,
		       const struct principal *who, struct bitset *ret,
		       struct err *e)
{
	SCOPED(bitset_fini) struct bitset named = {0};

	if (named_experiments(c, s, &named, e) < 0)
		return -1;
	bitset_init(ret, (int64_t)c->nexperiments - 1);
	for (int64_t i = bitset_next(&named, 0); i >= 0;
	     i = bitset_next(&named, i + 1)) {
		const struct experiment_entry *x = &c->experiments[i];

		if (x->present && principal_may(who, x->project, LEVEL_READ))
			bitset_add(ret, i);
	}
	return 0;
}

static int scope_runs(const struct columns *c, const struct search *s,
		      const struct principal *who, struct slots *slots,
		      struct bitset *found, struct err *e)
{
	SCOPED(bitset_fini) struct bitset wanted = {0};

	if (wanted_experiments(c, s, who, &wanted, e) < 0)
		return -1;
	slots->n = c->nruns;
	bitset_init(found, (int64_t)c->nruns - 1);
	for (size_t i = 0; i < c->nruns; i++) {
		const struct run_entry *r = &c->runs[i];

		if (r->status && bitset_has(&wanted, r->experiment) &&
		    in_view(s->view,
			    r->deleted ||
				    c->experiments[r->experiment].deleted))
			bitset_add(found, (int64_t)i);
	}
	return 0;
}

const struct search_kind search_kind_runs = {
	.name = "runs",
	.attributes = run_attributes,
	.tags = &run_tag_texts,
	.params = &run_param_texts,
	.datasets = run_datasets,
	.metrics = true,
	.unordered = {{run_start, true}, {run_id_order, false}},
	.ties = {{run_start, true}, {run_id_order, false}},
	.scope = scope_runs,
};

/* --- experiments ------------------------------------------------------- */

static const struct experiment_entry *by_slot(const struct columns *c,
					      size_t slot)
{
	return &c->experiments[c->by_row[slot]];
}

static int64_t experiment_row(const struct columns *c, size_t slot)
{
	return by_slot(c, slot)->row;
}

static int64_t experiment_created(const struct columns *c, size_t slot)
{
	return by_slot(c, slot)->created;
}

static int64_t experiment_updated(const struct columns *c, size_t slot)
{
	return by_slot(c, slot)->updated;
}

static const struct text_source experiment_tag_texts = {
	STMT_SEARCH_EXPERIMENT_TAG_FIND, STMT_SEARCH_EXPERIMENT_TAG_EACH,
	STMT_SEARCH_EXPERIMENT_TAG_EACH, STMT_SEARCH_EXPERIMENT_TAG_GET, true};
static const struct text_source experiment_names = {
	STMT_SEARCH_NAME_FIND,
	STMT_SEARCH_NAME_SORTED,
	STMT_SEARCH_NAME_SORTED,
	STMT_SEARCH_NAME_GET,
	false,
	.in_view = STMT_SEARCH_NAME_IN_VIEW};

static const struct attribute experiment_attributes[] = {
	{"name", .text = &experiment_names},
	{"creation_time", .number = experiment_created},
	{"last_update_time", .number = experiment_updated},
	{"experiment_id", .number = experiment_row},
	{NULL},
};

static int scope_experiments(const struct columns *c, const struct search *s,
			     const struct principal *who, struct slots *slots,
			     struct bitset *found, struct err *e)
{
	(void)e;
	slots->n = c->nexperiments;
	slots->rows = calloc(slots->n ? slots->n : 1, sizeof(*slots->rows));
	if (!slots->rows)
		abort();
	bitset_init(found, (int64_t)slots->n - 1);
	for (size_t i = 0; i < slots->n; i++) {
		const struct experiment_entry *x = by_slot(c, i);

		slots->rows[i] = x->row;
		if (x->present && in_view(s->view, x->deleted) &&
		    principal_may(who, x->project, LEVEL_READ))
			bitset_add(found, (int64_t)i);
	}
	return 0;
}

const struct search_kind search_kind_experiments = {
	.name = "experiments",
	.attributes = experiment_attributes,
	.tags = &experiment_tag_texts,
	.unordered = {{experiment_created, true}, {experiment_row, false}},
	.ties = {{experiment_row, true}},
	.scope = scope_experiments,
};
