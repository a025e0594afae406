/* SPDX-License-Identifier: Apache-2.0 */
/* search_logged.c - logged models as a kind of thing to search
 * (search_kind.h). A slot is a place in their packed table. */
#include "indexer/base/scope.h"
#include "indexer/index/search_kind.h"

static const char *const status_names[] = {"", "PENDING", "READY",
					   "UPLOAD_FAILED", NULL};

static int64_t number_of(const struct columns *c, size_t slot, int number)
{
	return c->tables[TABLE_LOGGED].entries[slot].numbers[number];
}

static int64_t created(const struct columns *c, size_t slot)
{
	return number_of(c, slot, 0);
}

static int64_t updated(const struct columns *c, size_t slot)
{
	return number_of(c, slot, 1);
}

static int64_t status(const struct columns *c, size_t slot)
{
	return number_of(c, slot, 2);
}

#define SOURCE(what, keyed)                                                    \
	{                                                                      \
		STMT_SEARCH_LOGGED_##what##_FIND,                              \
			STMT_SEARCH_LOGGED_##what##_EACH,                      \
			STMT_SEARCH_LOGGED_##what##_EACH,                      \
			STMT_SEARCH_LOGGED_##what##_GET, keyed                 \
	}

static const struct text_source params = SOURCE(PARAM, true);
static const struct text_source tags = SOURCE(TAG, true);
static const struct text_source ids = SOURCE(ID, false);
static const struct text_source names = SOURCE(NAME, false);
static const struct text_source types = SOURCE(TYPE, false);
static const struct text_source sources = SOURCE(SOURCE, false);
static const struct real_source metrics = {STMT_SEARCH_LOGGED_METRIC_EACH,
					   STMT_SEARCH_LOGGED_METRIC_ON};

static const struct attribute attributes[] = {
	{"creation_timestamp", .number = created},
	{"last_updated_timestamp", .number = updated},
	{"status", .number = status, .number_names = status_names},
	{"model_id", .text = &ids},
	{"name", .text = &names},
	{"model_type", .text = &types},
	{"source_run_id", .text = &sources},
	{NULL},
};

static int scope(const struct columns *c, const struct search *s,
		 const struct principal *who, struct slots *slots,
		 struct bitset *found, struct err *e)
{
	SCOPED(bitset_fini) struct bitset wanted = {0};
	const struct columns_table *t = &c->tables[TABLE_LOGGED];

	table_slots(t, slots, found);
	if (wanted_experiments(c, s, who, &wanted, e) < 0)
		return -1;
	for (size_t i = 0; i < t->n; i++) {
		const struct table_entry *m = &t->entries[i];
		const struct experiment_entry *x =
			columns_experiment(c, m->owner);

		if (x && bitset_has(&wanted, x - c->experiments) &&
		    in_view(s->view, m->flag))
			bitset_add(found, (int64_t)i);
	}
	return 0;
}

const struct search_kind search_kind_logged = {
	.name = "logged models",
	.attributes = attributes,
	.tags = &tags,
	.params = &params,
	.reals = &metrics,
	.unordered = {{created, true}},
	.ties = {{created, true}},
	.scope = scope,
};
