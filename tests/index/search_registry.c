/* SPDX-License-Identifier: Apache-2.0 */
/* search_registry.c - searches of registered models and of versions: fields,
 * orders, pages, prompts, columns kept current. */
#include "indexer/base/scope.h"
#include "indexer/index/search.h"
#include "indexer/query/mlflow.h"
#include "tests/index/registry.h"

static struct fixture fx;
static struct columns *columns;

enum { ORDERS = 4 };

struct asked {
	bool versions;
	const char *filter, *order[ORDERS];
	size_t max;
	struct str token;
};

static int parse(const struct asked *q, struct search *s,
		 struct expr_order order[ORDERS])
{
	const struct vocabulary *v =
		q->versions ? &vocabulary_versions : &vocabulary_models;
	struct expr *filter;

	*s = (struct search){.order = order,
			     .max = q->max ? q->max : 1000,
			     .token = q->token,
			     .bound = str_from(q->filter)};
	if (mlflow_filter_parse(str_from(q->filter), v, &fx.a, &filter, &fx.e))
		return -1;
	s->filter = filter;
	for (; s->norder < ORDERS && q->order[s->norder]; s->norder++)
		if (mlflow_order_parse(str_from(q->order[s->norder]), v, &fx.a,
				       &order[s->norder], &fx.e) < 0)
			return -1;
	return 0;
}

static int put_name(struct buf *b, bool version, int64_t row)
{
	struct registered_model m;
	struct model_version v;

	if (version) {
		if (model_version_by_row(fx.rd, row, &fx.a, &v, &fx.e) < 0)
			return -1;
		buf_printf(b, "%s%.*s%.*s", b->n ? " " : "", STR_ARG(v.model),
			   STR_ARG(v.version));
		return 0;
	}
	if (registered_model_by_row(fx.rd, row, &fx.a, &m, &fx.e) < 0)
		return -1;
	buf_printf(b, "%s%.*s", b->n ? " " : "", STR_ARG(m.name));
	return 0;
}

static int run(const struct asked *q, struct search_page *page, struct buf *b)
{
	struct expr_order order[ORDERS];
	struct search s;
	int rc;

	if (parse(q, &s, order) < 0)
		return -1;
	rc = q->versions ? search_model_versions(fx.rd, columns, &s, &fx.a,
						 page, &fx.e)
			 : search_registered_models(fx.rd, columns, &s, &fx.a,
						    page, &fx.e);
	for (size_t i = 0; rc == 0 && i < page->n; i++)
		rc = put_name(b, q->versions, page->rows[i]);
	return rc;
}

/* Names in order, or the error. */
static const char *ask(struct asked q, struct search_page *page)
{
	SCOPED(buf_fini) struct buf b;
	struct search_page mine;
	int rc;

	buf_init(&b, 1 << 20);
	buf_puts(&b, "");
	q.filter = q.filter ? q.filter : "";
	fx_begin(&fx);
	rc = run(&q, page ? page : &mine, &b);
	fx_finish(&fx);
	return rc < 0 ? arena_printf(&fx.a, "%s: %s", err_kind_name(fx.e.kind),
				     fx.e.msg)
		      : arena_strdup(&fx.a, buf_view(&b));
}

#define BY(is_version, f, ...)                                                 \
	ask((struct asked){.versions = (is_version),                           \
			   .filter = (f),                                      \
			   .order = {__VA_ARGS__}},                            \
	    NULL)
#define MODELS(f)           BY(false, f, NULL)
#define MODELS_BY(f, ...)   BY(false, f, __VA_ARGS__)
#define VERSIONS(f)         BY(true, f, NULL)
#define VERSIONS_BY(f, ...) BY(true, f, __VA_ARGS__)

static void make(void)
{
	struct key_value red = kv("color", "red"), blue = kv("color", "Blue");
	struct key_value prompt = kv(PROMPT_TAG, "true");

	fx_start(&fx);
	columns = columns_new();
	is_str(MODELS(""), "", "nothing yet");
	works(rg_create(&fx, "c", &red, 1));
	works(rg_create(&fx, "a", &blue, 1));
	works(rg_create(&fx, "b", NULL, 0));
	works(rg_create(&fx, "p", &prompt, 1));
	for (int i = 0; i < 3; i++)
		rg_add(&fx, "c", "s3://b/c", "run");
	rg_add(&fx, "a", "s3://b/a", "");
	rg_add(&fx, "p", "s3://b/p", "");
	works(rg_version(&fx, COMMAND_VERSION_TAG, "c", "2", "color", "red"));
}

static const struct {
	const char *filter, *models, *versions;
} filters[] = {
	{"", "a b c", "a1 c1 c2 c3"},
	{"name = 'c'", "c", "c1 c2 c3"},
	{"name != 'c'", "a b", "a1"},
	{"name LIKE 'C'", "", ""},
	{"name ILIKE 'C' OR name = 'a'", "a c", "a1 c1 c2 c3"},
	{"name IN ('a', 'b', 'p')", "a b", "a1"},
	{"name RLIKE '[ab]'", "a b", "a1"},
	{"NOT name = 'c'", "a b", "a1"},
	{"tags.color = 'red'", "c", "c2"},
	{"tags.color != 'red'", "a", ""},
	{"tags.color ILIKE 'b%'", "a", ""},
	{"tags.color IS NULL", "b", "a1 c1 c3"},
	{"tags.color IS NOT NULL", "a c", "c2"},
	{"NOT tags.color = 'red'", "a b", "a1 c1 c3"},
	{"tags.`mlflow.prompt.is_prompt` = 'true'", "p", "p1"},
	{"tags.`mlflow.prompt.is_prompt` != 'false'", "p", "p1"},
	{"tags.`mlflow.prompt.is_prompt` = 'false'", "a b c", "a1 c1 c2 c3"},
	{"tags.`mlflow.prompt.is_prompt` != 'true'", "a b c", "a1 c1 c2 c3"},
	{"NOT tags.`mlflow.prompt.is_prompt` = 'true'", "a b c", "a1 c1 c2 c3"},
	{"tags.`mlflow.prompt.is_prompt` IN ('true', 'false')", "a b c p",
	 "a1 c1 c2 c3 p1"},
	{"name = 'p' OR tags.`mlflow.prompt.is_prompt` = 'x'", "p", "p1"},
	{"name = 'p'", "", ""},
};

static void filtering(void)
{
	for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
		is_str(MODELS(filters[i].filter), filters[i].models,
		       filters[i].filter);
		is_str(VERSIONS_BY(filters[i].filter, "name", "version_number"),
		       filters[i].versions, "the same of versions");
	}
	is_str(VERSIONS_BY("version_number >= 2", "name", "version_number"),
	       "c2 c3", "by number");
	is_str(VERSIONS_BY("run_id = 'run' AND version_number != 2",
			   "name DESC", "version_number"),
	       "c1 c3", "by run");
	is_str(VERSIONS_BY("run_id IN ('run')", "version_number DESC"),
	       "c3 c2 c1", "by runs");
	is_str(VERSIONS("source_path LIKE '%/a'"), "a1", "by source");
	ok(strstr(MODELS("run_id = 'x'"), "Invalid attribute key 'run_id'"),
	   "a model has no run");
	ok(strstr(MODELS_BY("", "creation_timestamp"), "Invalid attribute key"),
	   "as MLflow has it");
	ok(strstr(MODELS_BY("", "name", "name DESC"), "duplicate fields"),
	   "no field twice");
}

static void ordering(void)
{
	usleep(2000);
	works(rg_model(&fx, COMMAND_MODEL_UPDATE, "a", "x", ""));
	usleep(2000);
	works(rg_stage(&fx, "c", "1", "Staging", false));
	is_str(MODELS_BY("", "name DESC"), "c b a", "by name, backwards");
	is_str(MODELS_BY("name != 'b'", "last_updated_timestamp"), "a c",
	       "by time");
	is_str(MODELS_BY("name != 'b'", "timestamp DESC"), "c a",
	       "and its alias");
	ok(strncmp(VERSIONS(""), "c1 ", 3) == 0,
	   "versions come last changed first");
	is_str(VERSIONS_BY("", "name DESC"), "c3 c2 c1 a1",
	       "number breaks ties");
	is_str(VERSIONS_BY("name = 'c'", "creation_timestamp",
			   "version_number"),
	       "c1 c2 c3", "by the time of creation");
}

static void paging(void)
{
	struct search_page page;
	struct asked q = {.max = 2};

	is_str(ask(q, &page), "a b", "a page");
	is_i64(page.total, 3, "of so many");
	q.token = page.next_token;
	works(rg_create(&fx, "aa", NULL, 0));
	works(rg_model(&fx, COMMAND_MODEL_DELETE, "b", "", ""));
	is_str(ask(q, &page), "c", "what follows, whatever happened before");
	ok(!page.next_token.n, "is the last");
	q.filter = "name != 'x'";
	ok(strstr(ask(q, &page), "page token"), "a token of another filter");
	works(rg_model(&fx, COMMAND_MODEL_DELETE, "aa", "", ""));
	works(rg_create(&fx, "b", NULL, 0));
	q = (struct asked){.versions = true, .max = 3};
	ask(q, &page);
	q.token = page.next_token;
	is_i64((int64_t)page.n, 3, "versions, too");
	ask(q, &page);
	is_i64((int64_t)page.n, 1, "come in pages");
}

/* The columns follow what changes. */
static void current(void)
{
	works(rg_model(&fx, COMMAND_MODEL_RENAME, "c", "z", ""));
	is_str(MODELS(""), "a b z", "a model gets another name");
	is_str(VERSIONS_BY("name = 'z'", "version_number"), "z1 z2 z3",
	       "with its versions");
	works(rg_version(&fx, COMMAND_VERSION_DELETE, "z", "2", "", ""));
	is_str(VERSIONS_BY("name = 'z'", "version_number"), "z1 z3",
	       "a version goes");
	works(rg_model(&fx, COMMAND_MODEL_TAG, "b", PROMPT_TAG, "TRUE"));
	is_str(MODELS(""), "a z", "a model becomes a prompt");
	works(rg_model(&fx, COMMAND_MODEL_UNTAG, "b", PROMPT_TAG, ""));
	is_str(MODELS(""), "a b z", "and a model again");
	works(rg_model(&fx, COMMAND_MODEL_DELETE, "z", "", ""));
	is_str(MODELS(""), "a b", "a model goes");
	is_str(VERSIONS(""), "a1", "with its versions");
	works(rg_create(&fx, "z", NULL, 0));
	rg_add(&fx, "z", "s3://b/z", "");
	is_str(VERSIONS_BY("", "name"), "a1 z1", "another one comes");
}

static void rights(void)
{
	fx.who = (struct principal){.name = STR("stranger")};
	is_str(MODELS(""), "", "a stranger finds no model");
	is_str(VERSIONS("name = 'a'"), "", "and no version");
	is_str(MODELS("tags.`mlflow.prompt.is_prompt` = 'true'"), "",
	       "nor a prompt");
	fx.who = principal_owner();
}

int main(void)
{
	make();
	filtering();
	ordering();
	paging();
	current();
	rights();
	columns_free(columns);
	fx_end(&fx);
	return tap_done();
}
