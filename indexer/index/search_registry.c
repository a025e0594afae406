/* SPDX-License-Identifier: Apache-2.0 */
/* search_registry.c - registered models and their versions as kinds of things
 * to search (search_kind.h). A slot is a place in their packed table. */
#include <stdlib.h>

#include "indexer/index/registry.h"
#include "indexer/index/search_kind.h"

static int64_t number_of(const struct columns *c, enum table_kind kind,
			 size_t slot, int number)
{
	return c->tables[kind].entries[slot].numbers[number];
}

static const char *const truths[] = {"false", "true", NULL};

/* Does the filter say itself what it wants of prompts? */
static bool names_prompts(const struct expr *x)
{
	if (!x)
		return false;
	if (x->op == EXPR_LEAF)
		return x->family == FAMILY_TAG && str_is(x->key, PROMPT_TAG);
	return names_prompts(x->a) || names_prompts(x->b);
}

/* --- models -------------------------------------------------------------- */

static int64_t model_created(const struct columns *c, size_t slot)
{
	return number_of(c, TABLE_MODELS, slot, 0);
}

static int64_t model_updated(const struct columns *c, size_t slot)
{
	return number_of(c, TABLE_MODELS, slot, 1);
}

static int64_t model_prompt(const struct columns *c, size_t slot)
{
	return c->tables[TABLE_MODELS].entries[slot].flag;
}

static int scope_models(const struct columns *c, const struct search *s,
			const struct principal *who, struct slots *slots,
			struct bitset *found, struct err *e)
{
	const struct columns_table *t = &c->tables[TABLE_MODELS];
	bool prompts = names_prompts(s->filter);

	(void)e;
	table_slots(t, slots, found);
	for (size_t i = 0; i < t->n; i++)
		if ((prompts || !t->entries[i].flag) &&
		    principal_may(who, t->entries[i].owner, LEVEL_READ))
			bitset_add(found, (int64_t)i);
	return 0;
}

static const struct text_source model_tags = {
	STMT_SEARCH_MODEL_TAG_FIND, STMT_SEARCH_MODEL_TAG_EACH,
	STMT_SEARCH_MODEL_TAG_SORTED, STMT_SEARCH_MODEL_TAG_GET, true};
static const struct text_source model_names = {
	STMT_SEARCH_MODEL_NAME_FIND,
	STMT_SEARCH_MODEL_NAME_SORTED,
	STMT_SEARCH_MODEL_NAME_SORTED,
	STMT_SEARCH_MODEL_NAME_GET,
	false,
	.in_view = STMT_SEARCH_MODEL_NAME_IN_VIEW};

static const struct attribute model_attributes[] = {
	{"name", .text = &model_names},
	{"creation_timestamp", .number = model_created},
	{"last_updated_timestamp", .number = model_updated},
	{NULL},
};

const struct search_kind search_kind_models = {
	.name = "registered_models",
	.attributes = model_attributes,
	.tags = &model_tags,
	.fixed_tag = PROMPT_TAG,
	.fixed_tag_value = {PROMPT_TAG, .number = model_prompt,
			    .number_names = truths},
	.unordered = {{.text = &model_names}},
	.ties = {{.text = &model_names}},
	.scope = scope_models,
};

/* --- versions ------------------------------------------------------------ */

static int64_t version_created(const struct columns *c, size_t slot)
{
	return number_of(c, TABLE_VERSIONS, slot, 0);
}

static int64_t version_updated(const struct columns *c, size_t slot)
{
	return number_of(c, TABLE_VERSIONS, slot, 1);
}

static int64_t version_number(const struct columns *c, size_t slot)
{
	return number_of(c, TABLE_VERSIONS, slot, 2);
}

/* NULL where the model is gone. */
static const struct table_entry *model_of(const struct columns *c, size_t slot)
{
	return columns_table_find(
		&c->tables[TABLE_MODELS],
		c->tables[TABLE_VERSIONS].entries[slot].owner);
}

/* One of a prompt, whatever it says itself. */
static int64_t version_prompt(const struct columns *c, size_t slot)
{
	const struct table_entry *m = model_of(c, slot);

	return c->tables[TABLE_VERSIONS].entries[slot].flag || (m && m->flag);
}

static int scope_versions(const struct columns *c, const struct search *s,
			  const struct principal *who, struct slots *slots,
			  struct bitset *found, struct err *e)
{
	const struct columns_table *t = &c->tables[TABLE_VERSIONS];
	bool prompts = names_prompts(s->filter);

	(void)e;
	table_slots(t, slots, found);
	for (size_t i = 0; i < t->n; i++) {
		const struct table_entry *m = model_of(c, i);

		if (m && (prompts || !version_prompt(c, i)) &&
		    principal_may(who, m->owner, LEVEL_READ))
			bitset_add(found, (int64_t)i);
	}
	return 0;
}

static const struct text_source version_tags = {
	STMT_SEARCH_VERSION_TAG_FIND, STMT_SEARCH_VERSION_TAG_EACH,
	STMT_SEARCH_VERSION_TAG_SORTED, STMT_SEARCH_VERSION_TAG_GET, true};
static const struct text_source version_names = {
	STMT_SEARCH_VERSION_NAME_FIND,
	STMT_SEARCH_VERSION_NAME_SORTED,
	STMT_SEARCH_VERSION_NAME_SORTED,
	STMT_SEARCH_VERSION_NAME_GET,
	false,
	.in_view = STMT_SEARCH_VERSION_NAME_IN_VIEW};
static const struct text_source version_runs = {
	STMT_SEARCH_VERSION_RUN_FIND, STMT_SEARCH_VERSION_RUN_EACH,
	STMT_SEARCH_VERSION_RUN_EACH, STMT_SEARCH_VERSION_RUN_GET, false};
static const struct text_source version_sources = {
	STMT_SEARCH_VERSION_SOURCE_FIND, STMT_SEARCH_VERSION_SOURCE_EACH,
	STMT_SEARCH_VERSION_SOURCE_EACH, STMT_SEARCH_VERSION_SOURCE_GET, false};

static const struct attribute version_attributes[] = {
	{"name", .text = &version_names},
	{"version_number", .number = version_number},
	{"run_id", .text = &version_runs},
	{"source_path", .text = &version_sources},
	{"creation_timestamp", .number = version_created},
	{"last_updated_timestamp", .number = version_updated},
	{NULL},
};

const struct search_kind search_kind_versions = {
	.name = "model_versions",
	.attributes = version_attributes,
	.tags = &version_tags,
	.fixed_tag = PROMPT_TAG,
	.fixed_tag_value = {PROMPT_TAG, .number = version_prompt,
			    .number_names = truths},
	.unordered = {{version_updated, true},
		      {.text = &version_names},
		      {version_number, true}},
	.ties = {{.text = &version_names}, {version_number, true}},
	.scope = scope_versions,
};
