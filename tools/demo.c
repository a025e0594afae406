/* SPDX-License-Identifier: Apache-2.0 */
/* demo.c - `orrery demo`: a few believable experiments to look around in.
 *
 * It logs as any client would, over HTTP, so it also shows how. The curves
 * come from a small generator with a fixed seed: everybody sees the same.
 */
#include <inttypes.h>
#include <math.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "tools/ask.h"
#include "tools/verbs.h"

enum { STEPS = 120, BODY_MAX = 1 << 20 };

/* A learning curve that falls (loss) or rises (score) to its limit. */
struct curve {
	const char *key;
	double from, to, speed, noise;
};

struct demo_run {
	const char *name, *optimizer;
	double rate;
	int batch;
	bool failed;
};

struct demo_experiment {
	const char *name, *note, *task, *dataset;
	const struct curve *curves;
	size_t ncurves;
	const struct demo_run *runs;
	size_t nruns;
};

static const struct curve classify[] = {
	{"train/loss", 2.30, 0.05, 0.050, 0.020},
	{"val/loss", 2.31, 0.21, 0.045, 0.030},
	{"accuracy", 0.10, 0.97, 0.055, 0.006},
};

static const struct curve segment[] = {
	{"train/dice_loss", 0.95, 0.18, 0.030, 0.010},
	{"val/iou", 0.05, 0.71, 0.028, 0.008},
	{"lr", 0.001, 0.00001, 0.020, 0},
};

static const struct curve forecast[] = {
	{"rmse", 4.80, 1.32, 0.060, 0.050},
	{"mae", 3.90, 0.97, 0.060, 0.040},
};

static const struct demo_run sweep[] = {
	{"baseline", "sgd", 0.1, 64, false},
	{"adam", "adam", 0.001, 64, false},
	{"adam-large-batch", "adam", 0.001, 512, false},
	{"diverged", "sgd", 3.0, 64, true},
};

static const struct demo_run pair[] = {
	{"unet-small", "adamw", 0.0005, 16, false},
	{"unet-large", "adamw", 0.0002, 8, false},
};

#define COUNT(a) (a), sizeof(a) / sizeof((a)[0])

static const struct demo_experiment experiments[] = {
	{"digits", "Handwritten digits, a first look at optimizers.",
	 "classification", "digits-8x8", COUNT(classify), COUNT(sweep)},
	{"crop-fields", "Field boundaries from Sentinel-2 scenes.",
	 "segmentation", "s2-fields-2025", COUNT(segment), COUNT(pair)},
	{"river-level", "Water level of tomorrow from rain of today.",
	 "forecasting", "gauges-eu", COUNT(forecast), COUNT(pair)},
};

struct demo {
	struct client *client;
	struct buf body;
	struct json_out j;
	uint64_t seed;
	int64_t now;
};

/* xorshift: uniform in [-1, 1). */
static double noise(struct demo *d)
{
	d->seed ^= d->seed << 13;
	d->seed ^= d->seed >> 7;
	d->seed ^= d->seed << 17;
	return (double)(d->seed >> 11) / (double)(UINT64_C(1) << 52) - 1;
}

static void begin(struct demo *d)
{
	buf_reset(&d->body);
	jo_init(&d->j, &d->body, 0);
	jo_object(&d->j);
}

static cJSON *post(struct demo *d, const char *call, struct err *e)
{
	char path[128];

	jo_object_end(&d->j);
	snprintf(path, sizeof(path), "/api/2.0/mlflow/%s", call);
	return ask(d->client, path, d->body.p, e);
}

static int post_only(struct demo *d, const char *call, struct err *e)
{
	cJSON *answer = post(d, call, e);

	cJSON_Delete(answer);
	return answer ? 0 : -1;
}

static void pair_of(struct demo *d, const char *key, const char *value)
{
	jo_object(&d->j);
	jo_kstr(&d->j, "key", str_from(key));
	jo_kstr(&d->j, "value", str_from(value));
	jo_object_end(&d->j);
}

static int create_experiment(struct demo *d, const struct demo_experiment *x,
			     char *id, size_t size, struct err *e)
{
	cJSON *answer;

	begin(d);
	jo_kstr(&d->j, "name", str_from(x->name));
	jo_key(&d->j, "tags");
	jo_array(&d->j);
	pair_of(d, "mlflow.note.content", x->note);
	pair_of(d, "task", x->task);
	jo_array_end(&d->j);
	answer = post(d, "experiments/create", e);
	snprintf(id, size, "%s", ask_string(answer, "experiment_id"));
	cJSON_Delete(answer);
	return answer ? 0 : -1;
}

static int create_run(struct demo *d, const char *experiment,
		      const struct demo_run *r, char *id, size_t size,
		      struct err *e)
{
	const cJSON *run;
	cJSON *answer;

	begin(d);
	jo_kstr(&d->j, "experiment_id", str_from(experiment));
	jo_kstr(&d->j, "run_name", str_from(r->name));
	jo_kstr(&d->j, "user_id", STR("demo"));
	jo_ki64(&d->j, "start_time", d->now - STEPS * 1000);
	answer = post(d, "runs/create", e);
	run = answer ? json_doc_get(answer, "run") : NULL;
	snprintf(id, size, "%s",
		 ask_string(run ? json_doc_get(run, "info") : NULL, "run_id"));
	cJSON_Delete(answer);
	return answer ? 0 : -1;
}

static void curve_points(struct demo *d, const struct curve *c,
			 const struct demo_run *r)
{
	for (int step = 0; step < (r->failed ? STEPS / 4 : STEPS); step++) {
		double left = exp(-c->speed * step * (r->batch > 64 ? 0.6 : 1));
		double value =
			c->to + (c->from - c->to) * left + c->noise * noise(d);

		if (r->failed)
			value = step < 20 ? c->from * exp(0.2 * step)
					  : (double)NAN;
		jo_object(&d->j);
		jo_kstr(&d->j, "key", str_from(c->key));
		jo_kf64(&d->j, "value", value);
		jo_ki64(&d->j, "timestamp", d->now - (STEPS - step) * 1000);
		jo_ki64(&d->j, "step", step);
		jo_object_end(&d->j);
	}
}

static int log_curves(struct demo *d, const struct demo_experiment *x,
		      const struct demo_run *r, const char *run, struct err *e)
{
	char text[64];

	begin(d);
	jo_kstr(&d->j, "run_id", str_from(run));
	jo_key(&d->j, "metrics");
	jo_array(&d->j);
	for (size_t i = 0; i < x->ncurves; i++)
		curve_points(d, &x->curves[i], r);
	jo_array_end(&d->j);
	jo_key(&d->j, "params");
	jo_array(&d->j);
	pair_of(d, "optimizer", r->optimizer);
	snprintf(text, sizeof(text), "%g", r->rate);
	pair_of(d, "learning_rate", text);
	snprintf(text, sizeof(text), "%d", r->batch);
	pair_of(d, "batch_size", text);
	jo_array_end(&d->j);
	jo_key(&d->j, "tags");
	jo_array(&d->j);
	pair_of(d, "dataset", x->dataset);
	jo_array_end(&d->j);
	return post_only(d, "runs/log-batch", e);
}

static int put_note(struct demo *d, const struct demo_experiment *x,
		    const struct demo_run *r, const char *experiment,
		    const char *run, struct err *e)
{
	SCOPED(buf_fini) struct buf reply;
	char path[256], text[512];
	struct client_request q = {
		.method = "PUT", .path = path, .content_type = "text/markdown"};
	int status;

	snprintf(path, sizeof(path),
		 "/api/2.0/mlflow-artifacts/artifacts/%s/%s/artifacts/notes.md",
		 experiment, run);
	snprintf(text, sizeof(text),
		 "# %s: %s\n\n%s\n\n- optimizer: %s\n- learning rate: %g\n"
		 "- batch size: %d\n- data: %s\n",
		 x->name, r->name, x->note, r->optimizer, r->rate, r->batch,
		 x->dataset);
	q.body = str_from(text);
	buf_init(&reply, BODY_MAX);
	if (client_send(d->client, &q, &status, &reply, e))
		return -1;
	return status == 200
		       ? 0
		       : err_set(e, ERR_IO, "%s: status %d", path, status);
}

static int end_run(struct demo *d, const struct demo_run *r, const char *run,
		   struct err *e)
{
	begin(d);
	jo_kstr(&d->j, "run_id", str_from(run));
	jo_kstr(&d->j, "status", str_from(r->failed ? "FAILED" : "FINISHED"));
	jo_ki64(&d->j, "end_time", d->now);
	return post_only(d, "runs/update", e);
}

static int fill_experiment(struct demo *d, const struct demo_experiment *x,
			   struct err *e)
{
	char id[64], run[64];

	if (create_experiment(d, x, id, sizeof(id), e))
		return -1;
	for (size_t i = 0; i < x->nruns; i++) {
		const struct demo_run *r = &x->runs[i];

		if (create_run(d, id, r, run, sizeof(run), e) ||
		    log_curves(d, x, r, run, e) ||
		    put_note(d, x, r, id, run, e) || end_run(d, r, run, e))
			return -1;
	}
	printf("%-12s %zu runs\n", x->name, x->nruns);
	return 0;
}

int verb_demo(const struct args *a, struct err *e)
{
	struct demo d = {.seed = 88172645463325252, .now = clock_ms()};
	int r = 0;

	d.client = ask_open(a, e);
	if (!d.client)
		return EXIT_FAILED;
	buf_init(&d.body, BODY_MAX);
	for (size_t i = 0;
	     !r && i < sizeof(experiments) / sizeof(experiments[0]); i++)
		r = fill_experiment(&d, &experiments[i], e);
	buf_fini(&d.body);
	client_free(d.client);
	return r ? EXIT_FAILED : EXIT_DONE;
}
