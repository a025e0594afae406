/* SPDX-License-Identifier: Apache-2.0 */
/* model.c - registered models, versions, aliases: commands, and how they read
 * back. */
#include "tests/index/registry.h"

#include "indexer/index/db.h"

static struct fixture fx;

/* --- models -------------------------------------------------------------- */

static int put_pair(void *ctx, struct str key, struct str value,
		    int64_t modified, struct err *e)
{
	char *out = ctx;

	(void)e;
	snprintf(out + strlen(out), 200 - strlen(out), "%.*s=%.*s ",
		 STR_ARG(key), STR_ARG(value));
	return modified > 0 ? 0 : -1;
}

static const char *tags_of(const char *name)
{
	static char out[200];
	struct registered_model m = rg_see(&fx, name);

	out[0] = '\0';
	fx_begin(&fx);
	works(registered_model_tags(fx.rd, m.row, put_pair, out, &fx.e));
	fx_finish(&fx);
	return out;
}

static void creating(void)
{
	struct key_value tags[] = {kv("a", "1"), kv("b", ""), kv("a", "2")};
	struct key_value prompt[] = {kv(PROMPT_TAG, "True")};
	struct registered_model m;

	works(rg_create(&fx, "m é", tags, 3));
	m = rg_see(&fx, "m é");
	is_str(m.name.p, "m é", "the name is kept");
	is_str(m.dir.p, "m é", "and is its directory");
	ok(m.created > 0 && m.updated == m.created && m.modified == m.created,
	   "with its times");
	ok(!m.prompt && m.last_version == 0, "no prompt, no version");
	is_str(tags_of("m é"), "a=2 b= ", "of equal tags the last one counts");
	fails(rg_create(&fx, "m é", NULL, 0), ERR_EXISTS,
	      "Registered Model (name=m é) already exists.");
	fails(rg_create(&fx, "m é", prompt, 1), ERR_EXISTS,
	      "Tried to create a prompt with name 'm é', but the name is "
	      "already taken by a registered model.");
	works(rg_create(&fx, "p", prompt, 1));
	ok(rg_see(&fx, "p").prompt, "a prompt by its tag");
	fails(rg_create(&fx, "p", prompt, 1), ERR_EXISTS,
	      "Prompt (name=p) already exists.");
	fails(rg_create(&fx, "p", NULL, 0), ERR_EXISTS,
	      "already taken by a prompt");
}

static void refused(void)
{
	struct key_value bad = kv("a//b", "1");
	char big[300];
	char *huge = malloc(100002);

	memset(big, 'x', sizeof(big));
	big[257] = '\0';
	fails(rg_create(&fx, "", NULL, 0), ERR_INVALID,
	      "Missing value for required parameter 'name'.");
	fails(rg_create(&fx, " \t", NULL, 0), ERR_INVALID, "Missing value");
	fails(rg_create(&fx, "a/b", NULL, 0), ERR_INVALID,
	      "Invalid model name 'a/b'. Names cannot contain '/' or ':'.");
	fails(rg_create(&fx, "a:b", NULL, 0), ERR_INVALID, "'a:b'");
	fails(rg_create(&fx, "..", NULL, 0), ERR_INVALID,
	      "This name would resolve to '..'");
	fails(rg_create(&fx, "\xff", NULL, 0), ERR_INVALID, "UTF-8");
	fails(rg_create(&fx, big, NULL, 0), ERR_INVALID,
	      "maximum length of 256");
	fails(rg_create(&fx, "t", &bad, 1), ERR_INVALID, "tags[0].key");
	memset(huge, 'x', 100001);
	huge[100001] = '\0';
	bad = kv("k", huge);
	fails(rg_create(&fx, "t", &bad, 1), ERR_INVALID,
	      "'value' exceeds the maximum length of 100000 characters");
	fails(rg_model(&fx, COMMAND_MODEL_UPDATE, "p", huge, ""), ERR_INVALID,
	      "'description' exceeds");
	bad.value.n = 100000;
	works(rg_create(&fx, "t", &bad, 1));
	free(huge);
}

static void changing(void)
{
	struct registered_model before, after;

	fails(rg_model(&fx, COMMAND_MODEL_UPDATE, "nobody", "", ""),
	      ERR_NOT_FOUND, "Registered Model with name=nobody not found");
	works(rg_model(&fx, COMMAND_MODEL_UPDATE, "m é", "about", ""));
	is_str(rg_see(&fx, "m é").description.p, "about", "a description");
	works(rg_model(&fx, COMMAND_MODEL_UPDATE, "m é", "", ""));
	is_str(rg_see(&fx, "m é").description.p, "", "which goes again");
	works(rg_model(&fx, COMMAND_MODEL_TAG, "m é", "a", "3"));
	before = rg_see(&fx, "m é");
	works(rg_model(&fx, COMMAND_MODEL_TAG, "m é", "a", "3"));
	after = rg_see(&fx, "m é");
	is_i64(after.change, before.change, "the same value changes nothing");
	works(rg_model(&fx, COMMAND_MODEL_UNTAG, "m é", "b", ""));
	works(rg_model(&fx, COMMAND_MODEL_UNTAG, "m é", "b", ""));
	is_str(tags_of("m é"), "a=3 ", "tags change and go");
	ok(rg_see(&fx, "m é").change > before.change, "which is a change");
}

static void renaming(void)
{
	struct registered_model before;

	works(rg_create(&fx, "before", NULL, 0));
	is_str(rg_add(&fx, "before", "s3://b/1", ""), "1", "a version");
	works(rg_model(&fx, COMMAND_MODEL_RENAME, "before", ".after", ""));
	before = rg_see(&fx, ".after");
	is_str(before.dir.p, "%2Eafter", "the directory follows");
	is_str(rg_see_version(&fx, ".after", "1").model.p, ".after",
	       "and so do versions");
	ok(!rg_see(&fx, "before").row, "the old name is free");
	works(rg_model(&fx, COMMAND_MODEL_RENAME, ".after", ".after", ""));
	is_i64(rg_see(&fx, ".after").change, before.change,
	       "the same name changes nothing");
	fails(rg_model(&fx, COMMAND_MODEL_RENAME, ".after", "p", ""),
	      ERR_EXISTS, "Registered Model (name=p) already exists.");
	fails(rg_model(&fx, COMMAND_MODEL_RENAME, ".after", "a/b", ""),
	      ERR_INVALID, "cannot contain");
	fails(rg_model(&fx, COMMAND_MODEL_RENAME, ".after", " ", ""),
	      ERR_INVALID, "'new_name'");
	fails(rg_model(&fx, COMMAND_MODEL_RENAME, "before", "x", ""),
	      ERR_NOT_FOUND, "name=before");
}

/* --- versions ------------------------------------------------------------ */

static void versions(void)
{
	struct model_version v;
	struct registered_model before;

	works(rg_create(&fx, "v", NULL, 0));
	is_str(rg_add(&fx, "v", "s3://b/1", "abc"), "1", "numbers count up");
	is_str(rg_add(&fx, "v", "s3://b/2", ""), "2", "one by one");
	v = rg_see_version(&fx, "v", "1");
	ok(str_is(v.source, "s3://b/1") && str_is(v.location, "s3://b/1") &&
		   str_is(v.run_id, "abc") && v.stage == STAGE_NONE &&
		   v.created == v.updated && v.number == 1,
	   "a version is as it was made");
	before = rg_see(&fx, "v");
	works(rg_version(&fx, COMMAND_VERSION_UPDATE, "v", "1", "about", ""));
	is_str(rg_see_version(&fx, "v", "1").description.p, "about",
	       "it is described");
	ok(rg_see(&fx, "v").change > before.change,
	   "its change is one of its model");
	works(rg_version(&fx, COMMAND_VERSION_TAG, "v", "1", "k", "1"));
	works(rg_version(&fx, COMMAND_VERSION_UNTAG, "v", "1", "k", ""));
	works(rg_version(&fx, COMMAND_VERSION_UNTAG, "v", "1", "k", ""));
	works(rg_version(&fx, COMMAND_VERSION_DELETE, "v", "2", "", ""));
	fails(rg_version(&fx, COMMAND_VERSION_DELETE, "v", "2", "", ""),
	      ERR_NOT_FOUND, "Model Version (name=v, version=2) not found");
	is_str(rg_add(&fx, "v", "s3://b/3", ""), "3", "none comes twice");
	fails(rg_version(&fx, COMMAND_VERSION_UPDATE, "v", "x", "", ""),
	      ERR_INVALID, "Parameter 'version' must be an integer, got 'x'.");
	is_str(rg_add(&fx, "no", "s3://b", ""), "", "of no model");
	ok(fx.e.kind == ERR_NOT_FOUND, "there is none");
	is_str(rg_add(&fx, "v", "s3://b", "a b"), "", "with a bad run id");
	ok(fx.e.kind == ERR_INVALID, "neither");
	is_i64(rg_see(&fx, "v").last_version, 3, "what fails takes no number");
}

static void stages(void)
{
	works(rg_stage(&fx, "v", "1", "pRODUCTION", false));
	works(rg_stage(&fx, "v", "3", "Production", true));
	ok(rg_see_version(&fx, "v", "1").stage == STAGE_ARCHIVED,
	   "others go to the archive");
	ok(rg_see_version(&fx, "v", "3").stage == STAGE_PRODUCTION,
	   "the new one is there");
	fails(rg_stage(&fx, "v", "1", "bad", false), ERR_INVALID,
	      "Invalid Model Version stage: bad. Value must be one of None, "
	      "Staging, Production, Archived.");
	fails(rg_stage(&fx, "v", "1", "Archived", true), ERR_INVALID,
	      "'Archived' is not an Active stage. Valid stages are "
	      "['Staging', 'Production']");
	fails(rg_stage(&fx, "v", "9", "Staging", false), ERR_NOT_FOUND,
	      "version=9");
}

static void aliases(void)
{
	int64_t change;

	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "é-_1", "1"));
	is_i64(rg_see_alias(&fx, "v", "é-_1").number, 1, "an alias");
	change = rg_see_version(&fx, "v", "1").change;
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "é-_1", "1"));
	is_i64(rg_see_version(&fx, "v", "1").change, change,
	       "the same again changes nothing");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "é-_1", "3"));
	is_i64(rg_see_alias(&fx, "v", "é-_1").number, 3, "moves");
	ok(rg_see_version(&fx, "v", "1").change > change,
	   "which changes the version it left");
	is_i64(rg_see_alias(&fx, "v", "LATEST").number, 3, "the newest");
	rg_see_alias(&fx, "v", "none");
	ok(fx.e.kind == ERR_INVALID, "MLflow says 400 to an alias unknown");
	is_str(fx.e.msg, "Registered model alias none not found.", "so");
	rg_see_alias(&fx, "m é", "latest");
	ok(fx.e.kind == ERR_NOT_FOUND, "and 404 where there is no version");
	works(rg_model(&fx, COMMAND_MODEL_UNALIAS, "v", "é-_1", ""));
	works(rg_model(&fx, COMMAND_MODEL_UNALIAS, "v", "é-_1", ""));
	ok(!rg_see_alias(&fx, "v", "é-_1").row, "it goes");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "a", "3"));
	works(rg_version(&fx, COMMAND_VERSION_DELETE, "v", "3", "", ""));
	ok(!rg_see_alias(&fx, "v", "a").row, "and with its version");
}

static void bad_aliases(void)
{
	static const char *const bad[] = {"a b", "a/b", "a.b", "\xff", "a\n"};
	static const char *const reserved[] = {"latest", "LaTest", "v1",
					       "V007"};
	char big[300];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		fails(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", bad[i], "1"),
		      ERR_INVALID, "Names may only contain alphanumerics");
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		fails(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", reserved[i], "1"),
		      ERR_INVALID, "reserved");
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "v", "1"));
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "v1a", "1"));
	memset(big, 'x', sizeof(big));
	big[256] = '\0';
	fails(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", big, "1"), ERR_INVALID,
	      "exceeds the maximum length of 255");
	big[255] = '\0';
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", big, "1"));
	fails(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "", "1"), ERR_INVALID,
	      "cannot be empty");
	fails(rg_model(&fx, COMMAND_MODEL_ALIAS, "v", "a", "9"), ERR_NOT_FOUND,
	      "Model Version (name=v, version=9) not found");
}

/* --- lists --------------------------------------------------------------- */

static int put_model(void *ctx, const struct registered_model *m, struct err *e)
{
	(void)e;
	snprintf((char *)ctx + strlen(ctx), 200 - strlen(ctx), "%.*s ",
		 STR_ARG(m->name));
	return strlen(ctx) > 9;
}

static int put_version(void *ctx, const struct model_version *v, struct err *e)
{
	(void)e;
	snprintf((char *)ctx + strlen(ctx), 200 - strlen(ctx), "%.*s ",
		 STR_ARG(v->version));
	return 0;
}

static int put_alias(void *ctx, const struct model_alias *x, struct err *e)
{
	(void)e;
	snprintf((char *)ctx + strlen(ctx), 200 - strlen(ctx), "%.*s=%.*s ",
		 STR_ARG(x->alias), STR_ARG(x->version));
	return 0;
}

static void make_listed(void)
{
	works(rg_create(&fx, "l", NULL, 0));
	for (int i = 0; i < 6; i++)
		rg_add(&fx, "l", "s3://b/1", "");
	works(rg_stage(&fx, "l", "2", "Staging", false));
	works(rg_stage(&fx, "l", "3", "Staging", false));
	works(rg_stage(&fx, "l", "6", "Archived", false));
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "l", "b", "2"));
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "l", "a", "3"));
}

static void lists(void)
{
	struct registered_model l;
	struct model_version v;
	struct model_alias a;
	char out[200] = "";

	make_listed();
	l = rg_see(&fx, "l");
	fx_begin(&fx);
	works(registered_model_each(fx.rd, 1, put_model, out, &fx.e));
	is_str(out, "p t .after ", "models by row, until told to stop");
	works(registered_model_by_dir(fx.rd, STR("l"), &fx.a, &l, &fx.e));
	fails(registered_model_by_dir(fx.rd, STR("x"), &fx.a, &l, &fx.e),
	      ERR_NOT_FOUND, "'x'");
	out[0] = '\0';
	works(model_version_each(fx.rd, l.row, 2, put_version, out, &fx.e));
	is_str(out, "3 4 5 6 ", "versions after one");
	out[0] = '\0';
	works(model_version_newest_each(fx.rd, l.row, put_version, out, &fx.e));
	is_str(out, "3 5 6 ", "the newest of each stage");
	works(model_version_newest(fx.rd, l.row, &fx.a, &v, &fx.e));
	is_i64(v.number, 6, "the newest");
	works(model_version_by_number(fx.rd, l.row, 2, &fx.a, &v, &fx.e));
	works(model_version_by_row(fx.rd, v.row, &fx.a, &v, &fx.e));
	out[0] = '\0';
	works(model_alias_each(fx.rd, l.row, put_alias, out, &fx.e));
	works(model_alias_of_version(fx.rd, v.row, put_alias, out, &fx.e));
	is_str(out, "a=3 b=2 b=2 ", "aliases of a model, and of a version");
	works(model_alias_by_name(fx.rd, l.row, STR("a"), &fx.a, &a, &fx.e));
	is_i64(a.number, 3, "one alias");
	fails(model_alias_by_name(fx.rd, l.row, STR("c"), &fx.a, &a, &fx.e),
	      ERR_NOT_FOUND, "alias c not found");
	fails(model_version_by_number(fx.rd, l.row, 7, &fx.a, &v, &fx.e),
	      ERR_NOT_FOUND, "version=7");
	fx_finish(&fx);
}

/* --- deletion ------------------------------------------------------------ */

static int64_t rows_left(const char *table)
{
	char path[300], sql[100];
	struct db db;
	int64_t n = -1;

	snprintf(path, sizeof(path), "%s/index.db", fx.dir);
	snprintf(sql, sizeof(sql), "SELECT count(*) FROM %s", table);
	if (db_open(&db, path, DB_READER, &fx.e) == 0)
		db_value(&db, sql, &n, &fx.e);
	db_close(&db);
	return n;
}

static void deleting(void)
{
	int64_t models = rows_left("registered_model");
	int64_t versions = rows_left("model_version");
	int64_t row;

	works(rg_create(&fx, "d", NULL, 0));
	for (int i = 0; i < 450; i++)
		rg_add(&fx, "d", "s3://b/1", "");
	works(rg_version(&fx, COMMAND_VERSION_TAG, "d", "7", "k", "1"));
	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "d", "a", "7"));
	row = rg_see(&fx, "d").row;
	works(rg_model(&fx, COMMAND_MODEL_DELETE, "d", "", ""));
	ok(!rg_see(&fx, "d").row && !rg_see_version(&fx, "d", "7").row,
	   "gone at once");
	fails(rg_model(&fx, COMMAND_MODEL_DELETE, "d", "", ""), ERR_NOT_FOUND,
	      "name=d not found");
	works(rg_create(&fx, "d", NULL, 0));
	ok(rg_see(&fx, "d").row > row, "another one may have the name");
	is_str(rg_add(&fx, "d", "s3://b/1", ""), "1", "and counts anew");
	for (int i = 0; i < 1000 && rows_left("model_version") > versions + 1;
	     i++)
		usleep(10000);
	is_i64(rows_left("model_version"), versions + 1,
	       "its rows are taken away");
	for (int i = 0; i < 1000 && rows_left("registered_model") > models + 1;
	     i++)
		usleep(10000);
	is_i64(rows_left("registered_model"), models + 1, "all of them");
}

static void report(void *ctx, const char *what, const char *detail)
{
	printf("# %s: %s\n", what, detail);
	++*(int *)ctx;
}

int main(void)
{
	int wrong = 0;

	fx_start(&fx);
	creating();
	refused();
	changing();
	renaming();
	versions();
	stages();
	aliases();
	bad_aliases();
	lists();
	deleting();
	works(index_check(fx.dir, report, &wrong, &fx.e));
	is_i64(wrong, 0, "nothing is wrong in the end");
	fx_end(&fx);
	return tap_done();
}
