/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - commands about registered models in one line each. */
#ifndef ORRERY_TESTS_INDEX_REGISTRY_H
#define ORRERY_TESTS_INDEX_REGISTRY_H

#include "indexer/index/registry.h"
#include "tests/index/fixture.h"

static inline int rg_create(struct fixture *fx, const char *name,
			    struct key_value *tags, size_t n)
{
	struct cmd_model *x = command_new(COMMAND_MODEL_CREATE);

	x->name = str_from(name);
	x->tags = (struct field_list){tags, n};
	return fx_apply(fx, &x->c);
}

/* A command about a model with up to two more members. */
static inline int rg_model(struct fixture *fx, enum command_kind kind,
			   const char *name, const char *a, const char *b)
{
	struct cmd_model *x = command_new(kind);

	x->name = str_from(name);
	x->new_name = x->description = x->key = x->alias = str_from(a);
	x->value = x->version = str_from(b);
	return fx_apply(fx, &x->c);
}

/* The new version's number as text, "" where that failed. */
static inline const char *rg_add(struct fixture *fx, const char *name,
				 const char *source, const char *run_id)
{
	struct cmd_version *x = command_new(COMMAND_VERSION_CREATE);
	const char *version = "";

	x->name = str_from(name);
	x->source = str_from(source);
	x->run_id = str_from(run_id);
	x->c.who = fx->who;
	err_clear(&fx->e);
	if (index_apply(fx->ix, &x->c, &fx->e) == 0)
		version = arena_strdup(&fx->a, x->ret_version);
	command_free(&x->c);
	return version;
}

static inline int rg_version(struct fixture *fx, enum command_kind kind,
			     const char *name, const char *version,
			     const char *a, const char *b)
{
	struct cmd_version *x = command_new(kind);

	x->name = str_from(name);
	x->version = str_from(version);
	x->description = x->key = x->stage = str_from(a);
	x->value = str_from(b);
	return fx_apply(fx, &x->c);
}

static inline int rg_stage(struct fixture *fx, const char *name,
			   const char *version, const char *stage, bool others)
{
	struct cmd_version *x = command_new(COMMAND_VERSION_STAGE);

	x->name = str_from(name);
	x->version = str_from(version);
	x->stage = str_from(stage);
	x->archive_existing_versions = (struct opt_bool){others, true};
	return fx_apply(fx, &x->c);
}

/* As fx->who sees them now; all zero where there is none. */
static inline struct registered_model rg_see(struct fixture *fx,
					     const char *name)
{
	struct registered_model m = {0};

	fx_begin(fx);
	registered_model_by_name(fx->rd, str_from(name), &fx->a, &m, &fx->e);
	fx_finish(fx);
	return m;
}

static inline struct model_version
rg_see_version(struct fixture *fx, const char *name, const char *version)
{
	struct model_version v = {0};

	fx_begin(fx);
	model_version_by_name(fx->rd, str_from(name), str_from(version), &fx->a,
			      &v, &fx->e);
	fx_finish(fx);
	return v;
}

static inline struct model_version
rg_see_alias(struct fixture *fx, const char *name, const char *alias)
{
	struct model_version v = {0};

	fx_begin(fx);
	model_version_by_alias(fx->rd, str_from(name), str_from(alias), &fx->a,
			       &v, &fx->e);
	fx_finish(fx);
	return v;
}

#endif
