/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - calls that change the index.
 *
 * The command points into the call's arena: the call is kept until the
 * command is answered, and the command is freed first. The moment a command
 * is submitted its answer may already be under way on the writer's thread, so
 * whatever concerns the call is done before.
 */
#include "api/app.h"

enum { ONCE_MAX = 200 }; /* bytes of an Idempotency-Key */

/* What is known of a call's command; in the call's arena. */
struct write {
	struct call *c;
	written_fn *reply;
	struct err err;
	struct str id;
	bool returned;
};

static int set_once(const struct call *c, struct command *x, struct err *e)
{
	struct str key = call_header(c, "Idempotency-Key");

	if (key.n > ONCE_MAX)
		return err_set(e, ERR_INVALID,
			       "Idempotency-Key of %zu bytes; at most %d",
			       key.n, ONCE_MAX);
	x->once = key;
	return 0;
}

/* Answers and frees what could not be submitted. */
static void refuse(struct call *c, struct command *x, const struct err *e)
{
	answer_error(c, e);
	command_free(x);
}

static struct write *prepare(struct call *c, struct command *x,
			     written_fn *reply)
{
	struct write *w = arena_alloc(c->arena, sizeof(*w));
	struct err e;

	if (!w) {
		arena_full(c->arena, &e);
		refuse(c, x, &e);
		return NULL;
	}
	if (!x->once.n && set_once(c, x, &e)) {
		refuse(c, x, &e);
		return NULL;
	}
	w->c = c;
	w->reply = reply;
	x->who = c->who;
	x->ctx = w;
	return w;
}

static void answer_written(struct command *x, void *ctx)
{
	struct write *w = ctx;
	struct call *c = w->c;
	struct json_out *j;

	if (x->err.kind != ERR_NONE) {
		answer_error(c, &x->err);
	} else {
		j = reply_json(c, 200);
		jo_object(j);
		if (w->reply)
			w->reply(j, x);
		jo_object_end(j);
		reply_json_end(c);
	}
	command_free(x);
	call_finish(c);
}

void write_command(struct call *c, void *command, written_fn *reply)
{
	struct app *app = call_app(c);
	struct command *x = command;
	struct err e;

	if (!prepare(c, x, reply))
		return;
	x->done = answer_written;
	call_defer(c);
	if (index_submit(app->index, x, &e)) {
		refuse(c, x, &e);
		call_finish(c);
	}
}

void write_request(struct call *c, enum command_kind kind, written_fn *reply)
{
	const size_t head = sizeof(struct command);
	char *x = command_new(kind);

	memcpy(x + head, (const char *)c->request + head,
	       command_types[kind].size - head);
	write_command(c, x, reply);
}

static void resume_call(struct command *x, void *ctx)
{
	struct write *w = ctx;
	struct call *c = w->c;

	w->err = x->err;
	if (x->kind == COMMAND_RUN_CREATE && x->err.kind == ERR_NONE)
		w->id = arena_str(c->arena,
				  ((struct cmd_run_create *)x)->ret_run_id);
	w->returned = true;
	command_free(x);
	call_resume(c);
}

void write_and_return(struct call *c, void *command)
{
	struct app *app = call_app(c);
	struct command *x = command;
	struct write *w = prepare(c, x, NULL);

	if (!w)
		return;
	x->done = resume_call;
	c->user = w;
	call_park(c);
	if (index_submit(app->index, x, &w->err)) {
		command_free(x);
		w->returned = true;
		call_resume(c);
	}
}

int write_returned(struct call *c)
{
	const struct write *w = c->user;

	if (!w || !w->returned)
		return 0;
	if (w->err.kind == ERR_NONE)
		return 1;
	answer_error(c, &w->err);
	return -1;
}

struct str write_returned_id(const struct call *c)
{
	const struct write *w = c->user;

	return w->id;
}
