/* SPDX-License-Identifier: Apache-2.0 */
/* load_kinds.c - see load.h. */
#include "tools/bench/load.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "indexer/base/io.h"
#include "indexer/base/num.h"

enum {
	BATCH = 1000,
	EXPERIMENTS = 10, /* that the runs are spread over */
	METRICS = 20,
	PARAMS = 20,
	VERSIONS = 3, /* of a registered model */
	FILE_MAX = 64 << 20
};

#define TIME 1767312000000 /* of what has a fixed time */

static int64_t number_arg(const struct load *l, int i)
{
	int64_t v = 0;

	num_parse_i64(str_from(l->args[i]), &v);
	return v;
}

/* The same for the same a and b (splitmix64). */
static uint64_t hash(int64_t a, int64_t b)
{
	uint64_t x = ((uint64_t)a * 1000003 + (uint64_t)b + 1) *
		     UINT64_C(0x9e3779b97f4a7c15);

	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* --- one run's metrics --------------------------------------------------- */

static void metric(struct buf *b, const char *prefix, int64_t key, int64_t n,
		   int64_t time)
{
	buf_puts(b, "{\"key\":\"");
	buf_puts(b, prefix);
	if (key >= 0)
		buf_i64(b, key);
	buf_puts(b, "\",\"value\":0.");
	buf_i64(b, 100000 + n % 900000);
	buf_puts(b, ",\"timestamp\":");
	buf_i64(b, time);
	buf_puts(b, ",\"step\":");
	buf_i64(b, n);
	buf_putc(b, '}');
}

static bool next_metric(struct load *l, struct turn *t, struct request *r)
{
	int64_t n = l->counter++;

	(void)t;
	buf_puts(&r->path, "/api/2.0/mlflow/runs/log-metric");
	buf_printf(&r->body,
		   "{\"run_id\":\"%s\",\"key\":\"loss\",\"value\":0.%ld,"
		   "\"timestamp\":%ld,\"step\":%ld}",
		   l->args[0], (long)(100000 + n % 900000),
		   (long)(l->started_ms + n), (long)n);
	return true;
}

static bool batch(struct load *l, struct request *r, bool wide)
{
	int64_t base = BATCH * l->counter++;

	buf_puts(&r->path, "/api/2.0/mlflow/runs/log-batch");
	buf_printf(&r->body, "{\"run_id\":\"%s\",\"metrics\":[", l->args[0]);
	for (int i = 0; i < BATCH; i++) {
		if (i)
			buf_putc(&r->body, ',');
		metric(&r->body, wide ? "key" : "loss", wide ? i : -1,
		       wide ? base / BATCH : base + i,
		       l->started_ms + base + i);
	}
	buf_puts(&r->body, "]}");
	return true;
}

static bool next_batch(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	return batch(l, r, false);
}

static bool next_wide(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	return batch(l, r, true);
}

/* Points as a training run makes them: every 100 ms or so, the loss falling
 * smoothly, or of noise with all bits of a double. */
static bool series(struct load *l, struct request *r, bool noise)
{
	int64_t base = BATCH * l->counter++;

	if (base >= number_arg(l, 1))
		return false;
	buf_puts(&r->path, "/api/2.0/mlflow/runs/log-batch");
	buf_printf(&r->body, "{\"run_id\":\"%s\",\"metrics\":[", l->args[0]);
	for (int64_t n = base; n < base + BATCH; n++) {
		char value[NUM_MAX];
		uint64_t random = hash(n, 0);
		double x =
			noise ? (double)random / 0x1p64 : exp(-(double)n / 1e5);

		value[num_format_f64(x, value)] = '\0';
		buf_printf(&r->body,
			   "%s{\"key\":\"loss\",\"value\":%s,"
			   "\"timestamp\":%ld,\"step\":%ld}",
			   n > base ? "," : "", value,
			   (long)(TIME + 100 * n + (int64_t)(random % 5)),
			   (long)n);
	}
	buf_puts(&r->body, "]}");
	return true;
}

static bool next_smooth(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	return series(l, r, false);
}

static bool next_noise(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	return series(l, r, true);
}

/* --- the same again and again -------------------------------------------- */

static bool next_get(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	buf_puts(&r->path, l->args[0]);
	return true;
}

static bool next_post(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	buf_puts(&r->path, l->args[0]);
	buf_puts(&r->body, l->args[1]);
	return true;
}

/* --- files ---------------------------------------------------------------- */

/* The line at counter; false after the last. */
static bool next_line(struct load *l, struct str *ret)
{
	struct err e;
	struct str text;

	if (!l->text.p) {
		buf_init(&l->text, FILE_MAX);
		if (io_read_file(l->args[0], FILE_MAX, &l->text, &e) < 0) {
			fprintf(stderr, "bench-load: %s\n", e.msg);
			exit(1);
		}
	}
	text = str_n(l->text.p + l->counter, l->text.n - (size_t)l->counter);
	*ret = str_cut(&text, '\n');
	l->counter += (int64_t)ret->n + 1;
	if ((size_t)l->counter > l->text.n)
		l->counter = (int64_t)l->text.n;
	return ret->n > 0;
}

/* Lines "METHOD PATH BODY", each once. */
static bool next_script(struct load *l, struct turn *t, struct request *r)
{
	static const char *const methods[] = {"GET", "POST", "PUT", "PATCH",
					      "DELETE"};
	struct str line, method;

	(void)t;
	if (!next_line(l, &line))
		return false;
	method = str_cut(&line, ' ');
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (str_is(method, methods[i]))
			r->method = methods[i];
	buf_str(&r->path, str_cut(&line, ' '));
	buf_str(&r->body, line);
	return true;
}

/* --- many runs ------------------------------------------------------------ */

static void keep_id(struct turn *t, struct str body, const char *name)
{
	const char *at = body.n ? strstr(body.p, name) : NULL;

	size_t n;

	t->id[0] = '\0';
	at = at ? strchr(at + strlen(name), ':') : NULL;
	at = at ? strchr(at, '"') : NULL;
	n = at ? strcspn(at + 1, "\"") : 0;
	if (!n || n >= sizeof(t->id))
		return;
	memcpy(t->id, at + 1, n);
	t->id[n] = '\0';
}

static void answered_run(struct turn *t, struct str body)
{
	if (t->step == 1)
		keep_id(t, body, "\"run_id\"");
}

static void create_run(struct request *r, int64_t experiment, int64_t n)
{
	r->method = "POST";
	buf_puts(&r->path, "/api/2.0/mlflow/runs/create");
	buf_printf(&r->body,
		   "{\"experiment_id\":\"%ld\",\"user_id\":\"user%d\","
		   "\"run_name\":\"run-%ld\",\"start_time\":%ld}",
		   (long)experiment, (int)(hash(n, 1) % 5), (long)n,
		   (long)(TIME + 1000 * n));
}

static bool next_create(struct load *l, struct turn *t, struct request *r)
{
	(void)t;
	create_run(r, number_arg(l, 0), l->counter++);
	return true;
}

static void run_metrics(struct buf *b, int64_t n)
{
	buf_puts(b, "\"metrics\":[");
	for (int i = 0; i < METRICS; i++) {
		char value[NUM_MAX];

		value[num_format_f64((double)(hash(n, 100 + i) >> 11) / 0x1p53,
				     value)] = '\0';
		buf_printf(b,
			   "%s{\"key\":\"metric%d\",\"value\":%s,"
			   "\"timestamp\":%ld,\"step\":1}",
			   i ? "," : "", i, value, (long)(TIME + 1000 * n));
	}
	buf_puts(b, "],");
}

/* Of 10, 40, 160, 640 and 2560 different values. */
static void run_params(struct buf *b, int64_t n)
{
	buf_puts(b, "\"params\":[");
	for (int i = 0; i < PARAMS; i++)
		buf_printf(b, "%s{\"key\":\"param%d\",\"value\":\"%d\"}",
			   i ? "," : "", i,
			   (int)(hash(n, 200 + i) % (10u << 2 * (i % 5))));
	buf_puts(b, "],");
}

/* However many runs there are, 100 of the first 1000 are marked. */
static void run_tags(struct buf *b, int64_t n)
{
	static const char *const teams[] = {"red", "green", "blue"};

	buf_printf(b,
		   "\"tags\":[{\"key\":\"team\",\"value\":\"%s\"},"
		   "{\"key\":\"stage\",\"value\":\"s%d\"},"
		   "{\"key\":\"host\",\"value\":\"node-%d.example\"},"
		   "{\"key\":\"note\",\"value\":\"run number %ld\"},"
		   "{\"key\":\"marked\",\"value\":\"%s\"}]}",
		   teams[hash(n, 300) % 3], (int)(hash(n, 301) % 7),
		   (int)(hash(n, 302) % 100), (long)n,
		   n < 1000 && n % 10 == 7 ? "yes" : "no");
}

static void log_run(struct request *r, const struct turn *t)
{
	r->method = "POST";
	buf_puts(&r->path, "/api/2.0/mlflow/runs/log-batch");
	buf_printf(&r->body, "{\"run_id\":\"%s\",", t->id);
	run_metrics(&r->body, t->number);
	run_params(&r->body, t->number);
	run_tags(&r->body, t->number);
}

/* A run, then all that is known of it in one batch. */
static bool next_run(struct load *l, struct turn *t, struct request *r)
{
	if (t->step == 1) {
		t->step = 0;
		log_run(r, t);
		return true;
	}
	t->number = number_arg(l, 1) + l->counter++;
	if (t->number >= number_arg(l, 2))
		return false;
	t->step = 1;
	create_run(r, number_arg(l, 0) + t->number % EXPERIMENTS, t->number);
	return true;
}

/* --- the registry ----------------------------------------------------------
 */

static bool next_model(struct load *l, struct turn *t, struct request *r)
{
	struct buf *b = &r->body;

	if (t->step == 0) {
		t->number = l->counter++;
		if (t->number >= number_arg(l, 0))
			return false;
		buf_puts(&r->path, "/api/2.0/mlflow/registered-models/create");
		buf_printf(b,
			   "{\"name\":\"model-%ld\",\"tags\":["
			   "{\"key\":\"team\",\"value\":\"team%d\"}]}",
			   (long)t->number, (int)(hash(t->number, 0) % 100));
	} else {
		buf_puts(&r->path, "/api/2.0/mlflow/model-versions/create");
		buf_printf(b,
			   "{\"name\":\"model-%ld\",\"run_id\":"
			   "\"%016lx%016lx\",\"source\":"
			   "\"s3://models/%ld/%d\"}",
			   (long)t->number, (long)hash(t->number, t->step),
			   (long)hash(t->number, -t->step), (long)t->number,
			   t->step);
	}
	t->step = t->step == VERSIONS ? 0 : t->step + 1;
	return true;
}

/* --- as a team at work -----------------------------------------------------
 */

static void some_points(struct request *r, struct str run, int64_t n)
{
	buf_puts(&r->path, "/api/2.0/mlflow/runs/log-batch");
	buf_printf(&r->body, "{\"run_id\":\"%.*s\",\"metrics\":[",
		   STR_ARG(run));
	for (int i = 0; i < METRICS; i++) {
		if (i)
			buf_putc(&r->body, ',');
		metric(&r->body, "metric", i, n, TIME + n);
	}
	buf_puts(&r->body, "]}");
}

static void some_search(struct request *r, const char *experiment, int64_t n)
{
	buf_puts(&r->path, "/api/2.0/mlflow/runs/search");
	buf_printf(&r->body,
		   "{\"experiment_ids\":[\"%s\"],\"filter\":"
		   "\"metrics.metric1 > 0.%d AND tags.team = 'red'\","
		   "\"order_by\":[\"metrics.metric2 DESC\"],"
		   "\"max_results\":20}",
		   experiment, (int)(hash(n, 1) % 10));
}

/* Of ten requests four log twenty points, three get a run, two search, and
 * one makes a run. ARGUMENT 1 is a file of run ids, a line each. */
static bool next_mixed(struct load *l, struct turn *t, struct request *r)
{
	int64_t n = t->number++ * 1000 + t->client;
	struct str run;
	unsigned kind = (unsigned)(hash(n, 0) % 10);

	if (!next_line(l, &run)) {
		l->counter = 0;
		next_line(l, &run);
	}
	if (kind == 0) {
		create_run(r, number_arg(l, 1), n);
	} else if (kind <= 2) {
		some_search(r, l->args[1], n);
	} else if (kind <= 5) {
		r->method = "GET";
		buf_printf(&r->path, "/api/2.0/mlflow/runs/get?run_id=%.*s",
			   STR_ARG(run));
	} else {
		some_points(r, run, n);
	}
	return true;
}

static const struct kind kinds[] = {
	{"log-metric", "RUN_ID", 1, "POST", next_metric, NULL},
	{"log-batch", "RUN_ID", 1, "POST", next_batch, NULL},
	{"wide-batch", "RUN_ID", 1, "POST", next_wide, NULL},
	{"smooth-batch", "RUN_ID POINTS", 2, "POST", next_smooth, NULL},
	{"noise-batch", "RUN_ID POINTS", 2, "POST", next_noise, NULL},
	{"get", "PATH", 1, "GET", next_get, NULL},
	{"post", "PATH BODY", 2, "POST", next_post, NULL},
	{"script", "FILE", 1, "GET", next_script, NULL},
	{"create-run", "EXPERIMENT", 1, "POST", next_create, NULL},
	{"runs", "FIRST_EXPERIMENT FROM TO", 3, "POST", next_run, answered_run},
	{"models", "COUNT", 1, "POST", next_model, NULL},
	{"mixed", "FILE EXPERIMENT", 2, "POST", next_mixed, NULL},
};

const struct kind *load_kind(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strcmp(name, kinds[i].name) == 0)
			return &kinds[i];
	return NULL;
}

void load_kinds_list(void)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		fprintf(stderr, "  %s %s\n", kinds[i].name, kinds[i].usage);
}
