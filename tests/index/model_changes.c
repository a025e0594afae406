/* SPDX-License-Identifier: Apache-2.0 */
/* model_changes.c - what the feed of changes tells of registered models, and
 * to whom; what others may see of them and do to them. */
#include "indexer/index/db.h"
#include "tests/index/registry.h"

static struct fixture fx;

/* "+model:m": made, "~" changed, "-" removed. */
static int write_word(void *ctx, const struct changed *x, struct err *e)
{
	const char *noun = x->thing == THING_MODEL     ? "model"
			   : x->thing == THING_VERSION ? "version"
			   : x->thing == THING_ALIAS   ? "alias"
						       : NULL;
	char *out = ctx;

	(void)e;
	if (noun)
		snprintf(out + strlen(out), 500 - strlen(out), "%s%s:%.*s ",
			 x->removed   ? "-"
			 : x->created ? "+"
				      : "~",
			 noun, STR_ARG(x->name));
	return 0;
}

static const char *since(void)
{
	static int64_t seen;
	static char out[500];

	out[0] = '\0';
	fx_begin(&fx);
	works(changes_since(fx.rd, seen, write_word, out, &fx.e));
	seen = reader_change(fx.rd);
	fx_finish(&fx);
	return out;
}

static void told(void)
{
	works(rg_create(&fx, "m", NULL, 0));
	is_str(since(), "+model:m ", "a model is made");
	rg_add(&fx, "m", "s3://b/1", "");
	rg_add(&fx, "m", "s3://b/2", "");
	is_str(since(), "~model:m +version:1 +version:2 ", "and versions");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "m", "a", "1"));
	is_str(since(), "~model:m ~version:1 +alias:a ", "an alias");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "m", "a", "2"));
	is_str(since(), "~model:m ~version:1 ~version:2 ~alias:a ", "it moves");
	works(rg_model(&fx, COMMAND_MODEL_TAG, "m", "k", "1"));
	is_str(since(), "~model:m ", "a tag of the model");
	works(rg_version(&fx, COMMAND_VERSION_TAG, "m", "1", "k", "1"));
	is_str(since(), "~model:m ~version:1 ", "a tag of a version");
	works(rg_stage(&fx, "m", "1", "Staging", false));
	is_str(since(), "~model:m ~version:1 ", "a stage");
	works(rg_stage(&fx, "m", "2", "Staging", true));
	is_str(since(), "~model:m ~version:1 ~version:2 ",
	       "which another one takes");
	works(rg_model(&fx, COMMAND_MODEL_UNALIAS, "m", "a", ""));
	is_str(since(), "-alias:a ~model:m ~version:2 ", "the alias goes");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "m", "b", "2"));
	since();
	works(rg_version(&fx, COMMAND_VERSION_DELETE, "m", "2", "", ""));
	is_str(since(), "-alias:b -version:2 ~model:m ",
	       "a version goes with its alias");
	works(rg_model(&fx, COMMAND_MODEL_RENAME, "m", "n", ""));
	is_str(since(), "-model:m ~model:n ", "another name");
	works(rg_model(&fx, COMMAND_MODEL_DELETE, "n", "", ""));
	is_str(since(), "-model:n ", "the model goes");
	is_str(since(), "", "nothing happened");
}

/* --- others -------------------------------------------------------------- */

/* Models get into projects by the crawler's commands; here by hand. */
static void put_into_project(const char *name)
{
	char path[300], sql[200];
	struct db db;

	fx_close(&fx);
	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	snprintf(sql, sizeof(sql),
		 "UPDATE registered_model SET project = 1 WHERE name = '%s'",
		 name);
	works(db_open(&db, path, DB_WRITER, &fx.e));
	works(db_script(&db, sql, &fx.e));
	db_close(&db);
	fx_open(&fx);
}

static int count_model(void *ctx, const struct registered_model *m,
		       struct err *e)
{
	(void)m;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_version(void *ctx, const struct model_version *v,
			 struct err *e)
{
	(void)v;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_alias(void *ctx, const struct model_alias *x, struct err *e)
{
	(void)x;
	(void)e;
	++*(int *)ctx;
	return 0;
}

static int count_pair(void *ctx, struct str key, struct str value,
		      int64_t modified, struct err *e)
{
	(void)key;
	(void)value;
	(void)modified;
	(void)e;
	++*(int *)ctx;
	return 0;
}

/* What is found of a model and of its version by those who know rows. */
static int found(int64_t model, int64_t version)
{
	struct reader *rd = fx_begin(&fx);
	struct registered_model m;
	struct model_version v;
	struct model_alias x;
	struct arena *a = &fx.a;
	struct err *e = &fx.e;
	int n = 0;

	n += registered_model_by_row(rd, model, a, &m, e) == 0;
	n += registered_model_by_dir(rd, STR("theirs"), a, &m, e) == 0;
	n += model_version_by_row(rd, version, a, &v, e) == 0;
	n += model_version_by_number(rd, model, 1, a, &v, e) == 0;
	n += model_version_newest(rd, model, a, &v, e) == 0;
	n += model_alias_by_name(rd, model, STR("a"), a, &x, e) == 0;
	works(registered_model_each(rd, 0, count_model, &n, e));
	works(registered_model_tags(rd, model, count_pair, &n, e));
	works(model_version_each(rd, model, 0, count_version, &n, e));
	works(model_version_newest_each(rd, model, count_version, &n, e));
	works(model_version_tags(rd, version, count_pair, &n, e));
	works(model_alias_each(rd, model, count_alias, &n, e));
	works(model_alias_of_version(rd, version, count_alias, &n, e));
	fx_finish(&fx);
	return n;
}

static void rights(void)
{
	struct key_value tag = kv("k", "1");
	struct bitset one;
	int64_t model, version;
	char out[500] = "";

	works(rg_create(&fx, "theirs", &tag, 1));
	rg_add(&fx, "theirs", "s3://b/1", "");
	works(rg_version(&fx, COMMAND_VERSION_TAG, "theirs", "1", "k", "1"));
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "theirs", "a", "1"));
	model = rg_see(&fx, "theirs").row;
	version = rg_see_version(&fx, "theirs", "1").row;
	put_into_project("theirs");
	bitset_init(&one, 10);
	bitset_add(&one, 1);
	fx.who = (struct principal){.name = STR("reader")};
	is_i64(found(model, version), 0, "a stranger finds nothing");
	fx_begin(&fx);
	works(changes_since(fx.rd, 0, write_word, out, &fx.e));
	fx_finish(&fx);
	is_str(out, "", "and is told nothing");
	fx.who.projects[LEVEL_READ] = &one;
	is_i64(found(model, version), 13, "who may read finds all");
	fx.who = principal_owner();
	bitset_fini(&one);
}

static void strangers(void)
{
	works(rg_create(&fx, "mine", NULL, 0));
	rg_add(&fx, "mine", "s3://b/1", "");
	fx.who = (struct principal){.name = STR("stranger")};
	fails(rg_create(&fx, "new", NULL, 0), ERR_DENIED, "the owner's");
	fails(rg_model(&fx, COMMAND_MODEL_UPDATE, "mine", "x", ""),
	      ERR_NOT_FOUND, "Registered Model with name=mine not found");
	fails(rg_model(&fx, COMMAND_MODEL_DELETE, "mine", "", ""),
	      ERR_NOT_FOUND, "name=mine");
	fails(rg_model(&fx, COMMAND_MODEL_ALIAS, "mine", "a", "1"),
	      ERR_NOT_FOUND, "Model Version (name=mine, version=1) not found");
	fails(rg_stage(&fx, "mine", "1", "Staging", true), ERR_NOT_FOUND,
	      "name=mine, version=1");
	is_str(rg_add(&fx, "mine", "s3://b/2", ""), "", "no version of it");
	ok(fx.e.kind == ERR_NOT_FOUND, "for there is no such model");
	rg_see(&fx, "mine");
	is_str(fx.e.msg, "Registered Model with name=mine not found",
	       "the words of what is absent");
	fx.who = principal_owner();
}

int main(void)
{
	fx_start(&fx);
	told();
	rights();
	strangers();
	fx_end(&fx);
	return tap_done();
}
