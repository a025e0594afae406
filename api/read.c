/* SPDX-License-Identifier: Apache-2.0 */
/* read.c - calls that read the index, and how errors are answered. */
#include "api/app.h"

#include "indexer/base/log.h"

void *worker_new(void *arg, struct err *e)
{
	struct app *app = arg;
	struct worker *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	w->app = app;
	w->reader = reader_open(index_dir(app->index), e);
	if (!w->reader) {
		free(w);
		return NULL;
	}
	return w;
}

void worker_free(void *arg)
{
	struct worker *w = arg;

	if (!w)
		return;
	reader_close(w->reader);
	free(w);
}

struct reader *reading_raw(struct call *c, struct err *e)
{
	struct worker *w = c->worker;

	return reader_begin(w->reader, &c->who, e) ? NULL : w->reader;
}

int reading_begin(struct reading *r, struct call *c)
{
	r->c = c;
	r->j = NULL;
	err_clear(&r->e);
	r->rd = reading_raw(c, &r->e);
	if (!r->rd)
		return -1;
	r->j = reply_json(c, 200);
	jo_object(r->j);
	return 0;
}

void reading_end(struct reading *r)
{
	if (r->rd)
		reader_end(r->rd);
	if (r->e.kind != ERR_NONE) {
		answer_error(r->c, &r->e);
		return;
	}
	jo_object_end(r->j);
	reply_json_end(r->c);
}

static void log_failure(const struct call *c, const struct err *e)
{
	char path[256], why[600];

	if (err_http_status(e->kind) < 500 || e->kind == ERR_UNSUPPORTED ||
	    e->kind == ERR_BUSY)
		return;
	log_error("request failed", "request=%.*s path=%s kind=%s why=%s",
		  STR_ARG(c->request_id),
		  log_quote(c->path, path, sizeof(path)),
		  err_kind_name(e->kind),
		  log_quote(str_from(e->msg), why, sizeof(why)));
}

void answer_error(struct call *c, const struct err *e)
{
	log_failure(c, e);
	reply_error(c, e);
}

void answer_full(struct call *c)
{
	struct err e;

	arena_full(c->arena, &e);
	answer_error(c, &e);
}

void mlflow_error_body(struct json_out *j, const struct err *e)
{
	jo_object(j);
	jo_kstr(j, "error_code", str_from(err_mlflow_code(e->kind)));
	jo_kstr(j, "message", str_from(e->msg));
	jo_object_end(j);
}
