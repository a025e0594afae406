/* SPDX-License-Identifier: Apache-2.0 */
/* search_logged.c - searches of logged models: fields, orders, metrics on
 * datasets, pages, rights; and of runs by the datasets that they took. */
#include "indexer/index/logged_model.h"

#include <math.h>

#include "tests/index/searching.h"

enum { MODELS = 5 };

static struct fixture fx;
static struct columns *cols;
static const char *x_id, *run_id, *ids[MODELS];

/* --- what there is ------------------------------------------------------ */

static const char *make(const char *name, const char *type, const char *p)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	struct key_value param = kv("p", p);
	const char *id;

	x->experiment_id = str_from(x_id);
	x->name = str_from(name);
	x->model_type = str_from(type);
	x->source_run_id = str_from(run_id);
	x->params = (struct field_list){&param, 1};
	works(index_apply(fx.ix, &x->c, &fx.e));
	id = arena_strdup(&fx.a, x->ret_model_id);
	command_free(&x->c);
	return id;
}

static void measure(int model, const char *key, double v, int64_t time,
		    const char *dataset)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points p = {.key = str_from(key),
			       .value = {v, true},
			       .timestamp = {time, true},
			       .model_id = str_from(ids[model]),
			       .dataset_name = str_from(dataset),
			       .dataset_digest = dataset ? STR("1") : STR_NONE};

	x->run_id = str_from(run_id);
	x->metrics = (struct field_list){&p, 1};
	works(fx_apply(&fx, &x->c));
}

/* n0 .. n4; loss is 9, then n / 10; acc differs by dataset. */
static void make_all(void)
{
	static const char *const names[MODELS] = {"n0", "n1", "n2", "n3", "n4"};

	x_id = fx_experiment(&fx, "x");
	run_id = fx_run(&fx, x_id, "run");
	for (int i = 0; i < MODELS; i++) {
		ids[i] = make(names[i], i % 2 ? "odd" : "even",
			      i < 2 ? "low" : "high");
		measure(i, "loss", 9, 1, NULL);
		measure(i, "loss", i / 10.0, 2, NULL);
		measure(i, "acc", i, 1, "train");
		measure(i, "acc", 10 - i, 2, "test");
		usleep(2000); /* so that each has a time of its own */
	}
	measure(3, "only", NAN, 1, NULL);
}

static void finish(const char *id)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_FINALIZE);

	x->model_id = str_from(id);
	x->status = (struct opt_i64){LOGGED_READY, true};
	works(fx_apply(&fx, &x->c));
}

static void hide(const char *id)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_DELETE);

	x->model_id = str_from(id);
	works(fx_apply(&fx, &x->c));
}

/* --- asking ------------------------------------------------------------- */

struct question {
	const char *filter, *order, *on, *order_on; /* NULL: none */
	size_t max;
	struct str token;
	bool other; /* in experiment 0 */
	struct str next;
};

static int parse(struct question *q, struct search *s, struct expr_order *order)
{
	struct expr *filter;

	if (mlflow_filter_parse(str_from(q->filter), &vocabulary_logged_models,
				&fx.a, &filter, &fx.e) < 0)
		return -1;
	s->filter = filter;
	s->order = order;
	if (!q->order)
		return 0;
	s->norder = 1;
	return mlflow_order_parse(str_from(q->order), &vocabulary_logged_models,
				  &fx.a, order, &fx.e);
}

static int run_search(struct question *q, struct search_page *page)
{
	const struct str in = q->other ? STR("0") : str_from(x_id);
	const struct search_dataset on = {str_from(q->on), STR_NONE};
	const struct search_dataset by = {str_from(q->order_on), STR("1")};
	const struct search_datasets order_on = {&by, q->order_on ? 1 : 0};
	struct expr_order order;
	struct search s = {.experiment_ids = &in,
			   .nexperiment_ids = 1,
			   .max = q->max ? q->max : 100,
			   .token = q->token,
			   .bound = str_from(q->filter),
			   .datasets = {&on, q->on ? 1 : 0},
			   .order_datasets = &order_on};

	if (parse(q, &s, &order) < 0)
		return -1;
	return search_logged_models(fx.rd, cols, &s, &fx.a, page, &fx.e);
}

/* "n4 n3", or the error. */
static const char *ask_models(struct question *q)
{
	SCOPED(buf_fini) struct buf b;
	struct search_page page = {0};
	struct logged_model m;

	q->filter = q->filter ? q->filter : "";
	buf_init(&b, 1 << 16);
	buf_puts(&b, "");
	fx_begin(&fx);
	if (run_search(q, &page) < 0)
		buf_printf(&b, "%s: %s", err_kind_name(fx.e.kind), fx.e.msg);
	for (size_t i = 0; i < page.n; i++) {
		logged_model_by_row(fx.rd, page.rows[i], &fx.a, &m, &fx.e);
		buf_printf(&b, "%s%.*s", i ? " " : "", STR_ARG(m.name));
	}
	q->next = page.next_token;
	fx_finish(&fx);
	return arena_strdup(&fx.a, buf_view(&b));
}

static const char *found(const char *filter)
{
	return ask_models(&(struct question){.filter = filter});
}

static const char *ordered(const char *order, const char *on)
{
	return ask_models(&(struct question){.order = order, .order_on = on});
}

static const char *measured(const char *filter, const char *on)
{
	return ask_models(&(struct question){.filter = filter, .on = on});
}

/* --- tests -------------------------------------------------------------- */

static void filters(void)
{
	const char *by_id = arena_printf(&fx.a, "model_id = '%s'", ids[2]);
	const char *by_run =
		arena_printf(&fx.a, "source_run_id = '%s'", run_id);

	is_str(found(""), "n4 n3 n2 n1 n0", "the newest comes first");
	is_str(found("name = 'n1'"), "n1", "by name");
	is_str(found("name LIKE 'n%' AND model_type = 'odd'"), "n3 n1",
	       "by type");
	is_str(found(by_id), "n2", "by id");
	is_str(found(by_run), "n4 n3 n2 n1 n0", "by run");
	is_str(found("params.p != 'low'"), "n4 n3 n2", "by param");
	is_str(found("NOT params.p = 'low' OR name = 'n0'"), "n4 n3 n2 n0",
	       "more than MLflow's language");
	is_str(found("tags.t IS NULL AND status = 'PENDING'"), "n4 n3 n2 n1 n0",
	       "by status and what is not there");
	is_str(found("status = 'READY'"), "", "none is ready");
	finish(ids[0]);
	is_str(found("status = 'READY'"), "n0", "now one is");
	is_str(found("creation_timestamp > 0 AND last_updated_time > 0"),
	       "n4 n3 n2 n1 n0", "by times");
	is_str(ask_models(&(struct question){.other = true}), "",
	       "each experiment has its own");
}

static void numbers(void)
{
	is_str(found("metrics.loss >= 0.3"), "n4 n3 n2 n1 n0",
	       "any value of a metric");
	is_str(found("metrics.loss < 0.15"), "n1 n0", "a late one");
	is_str(found("metrics.only IS NOT NULL"), "n3", "NaN is a value");
	is_str(found("metrics.only IS NULL"), "n4 n2 n1 n0",
	       "or there is none");
	is_str(found("metrics.only > 0"), "", "NaN is not greater");
	is_str(measured("metrics.acc > 2", "train"), "n4 n3", "on a dataset");
	is_str(measured("metrics.acc > 8", "test"), "n1 n0", "on another");
	is_str(measured("metrics.acc > 2", "none"), "", "on none");
	is_str(measured("", "train"), "n4 n3 n2 n1 n0",
	       "whatever was measured");
	is_str(measured("", "none"), "", "and nothing was");
	is_str(found("metrics.x < 1 AND foo = 1"),
	       "invalid: Invalid attribute key 'foo' specified. Valid keys are "
	       "'{'name', 'model_id', 'model_type', 'status', 'source_run_id', "
	       "'creation_timestamp', 'last_updated_timestamp'}'",
	       "an unknown attribute");
}

static void orders(void)
{
	is_str(ordered("name ASC", NULL), "n0 n1 n2 n3 n4", "by text");
	is_str(ordered("metrics.loss ASC", NULL), "n0 n1 n2 n3 n4",
	       "by the latest value");
	is_str(ordered("metrics.acc DESC", NULL), "n0 n1 n2 n3 n4",
	       "on whatever it was measured last");
	is_str(ordered("metrics.acc DESC", "train"), "n4 n3 n2 n1 n0",
	       "on a dataset");
	is_str(ordered("metrics.only DESC", NULL), "n3 n4 n2 n1 n0",
	       "those without come last");
	is_str(ordered("metrics.acc ASC", "none"), "n4 n3 n2 n1 n0",
	       "all are equal");
}

static void pages(void)
{
	struct question q = {
		.order = "metrics.acc ASC", .order_on = "test", .max = 2};

	is_str(ask_models(&q), "n4 n3", "a first page");
	q.token = q.next;
	measure(4, "late", 1, 1, NULL);
	is_str(ask_models(&q), "n2 n1", "a second one");
	q.token = q.next;
	is_str(ask_models(&q), "n0", "the last one");
	is_i64((int64_t)q.next.n, 0, "has no token");
	q.filter = "name = 'n1'";
	ok(strstr(ask_models(&q), "Invalid page token") != NULL,
	   "a token of another filter");
}

static void hidden(void)
{
	hide(ids[4]);
	is_str(found(""), "n3 n2 n1 n0", "deleted ones are not found");
	is_str(measured("", "train"), "n3 n2 n1 n0", "by no way");
	fx.who = (struct principal){.name = STR("stranger")};
	is_str(found(""), "", "nor are others' models");
	fx.who = principal_owner();
}

/* --- runs by datasets --------------------------------------------------- */

static void take(const char *run, const char *name, const char *context)
{
	struct cmd_run_inputs *x = command_new(COMMAND_RUN_INPUTS);
	struct key_value tag = kv("mlflow.data.context", context);
	struct run_input in = {.dataset = {.name = str_from(name),
					   .digest = STR("1"),
					   .source_type = STR("local"),
					   .source = STR("s")},
			       .tags = {&tag, 1}};

	x->run_id = str_from(run);
	x->datasets = (struct field_list){&in, 1};
	works(fx_apply(&fx, &x->c));
}

static void datasets(void)
{
	struct searching s = {.fx = &fx, .cols = cols};
	const char *a = fx_run(&fx, x_id, "a"), *b = fx_run(&fx, x_id, "b");
	static const struct {
		const char *filter, *found;
	} rows[] = {
		{"dataset.name = 'one'", "a"},
		{"dataset.name LIKE '%o%'", "a b"},
		{"dataset.name = 'one' AND dataset.name = 'two'", "a"},
		{"dataset.name IN ('two', 'x') AND run_name = 'b'", "b"},
		{"dataset.context = 'testing'", "b"},
		{"datasets.digest = '1'", "a b"},
		{"dataset.digest != '1'", ""},
		{"dataset.name IS NULL", "run"},
		{"NOT dataset.name = 'one'", "b run"},
	};

	take(a, "one", "training");
	take(a, "two", "training");
	take(b, "two", "testing");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(ask(&s, (struct asked){.filter = rows[i].filter,
					      .order = "run_name"}),
		       rows[i].found, rows[i].filter);
}

int main(void)
{
	fx_start(&fx);
	cols = columns_new();
	make_all();
	filters();
	numbers();
	orders();
	pages();
	hidden();
	datasets();
	columns_free(cols);
	fx_end(&fx);
	return tap_done();
}
