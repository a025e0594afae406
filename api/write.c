/* SPDX-License-Identifier: Apache-2.0 */
/* write.c - calls that change the index, and calls that wait for it.
 *
 * The command points into the call's arena: the call is kept until the
 * command is answered, and the command is freed first. The moment a command
 * is submitted its answer may already be under way on the writer's thread, so
 * whatever concerns the call is done before.
 */
#include "api/app.h"

#include "indexer/index/drain.h"

enum { ONCE_MAX = 200 }; /* bytes of an Idempotency-Key */

/* What is known of a call that is held, at c->user and in its arena. */
struct held {
	struct call *c;
	bool waited; /* for journals, once */
	written_fn *reply;
	written_answer_fn *answer;
	struct err err; /* of the command */
	struct str id;
	void *x; /* a copy of the command */
	bool returned;
};

static struct held *held_of(struct call *c, struct err *e)
{
	struct held *h = c->user;

	if (h)
		return h;
	h = arena_alloc(c->arena, sizeof(*h));
	if (!h) {
		arena_full(c->arena, e);
		return NULL;
	}
	h->c = c;
	c->user = h;
	return h;
}

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

static struct held *prepare(struct call *c, struct command *x,
			    written_fn *reply)
{
	struct err e;
	struct held *h = held_of(c, &e);

	if (!h || set_once(c, x, &e)) {
		refuse(c, x, &e);
		return NULL;
	}
	/* A retried request is told by its first command. */
	if (h->x)
		x->once = STR_NONE;
	h->reply = reply;
	x->who = c->who;
	x->ctx = h;
	return h;
}

static void answer_written(struct command *x, void *ctx)
{
	struct held *h = ctx;
	struct call *c = h->c;
	struct json_out *j;

	if (x->err.kind != ERR_NONE) {
		answer_error(c, &x->err);
	} else {
		j = reply_json(c, 200);
		jo_object(j);
		if (h->reply)
			h->reply(j, x);
		jo_object_end(j);
		reply_json_end(c);
	}
	command_free(x);
	call_finish(c);
}

/* The call is deferred, and x has all but its end. */
static void submit(struct call *c, struct command *x,
		   void (*done)(struct command *x, void *ctx))
{
	struct err e;

	x->done = done;
	call_defer(c);
	if (index_submit(call_app(c)->index, x, &e)) {
		refuse(c, x, &e);
		call_finish(c);
	}
}

void write_command(struct call *c, void *command, written_fn *reply)
{
	if (prepare(c, command, reply))
		submit(c, command, answer_written);
}

static void answer_whole(struct command *x, void *ctx)
{
	struct held *h = ctx;
	struct call *c = h->c;

	h->answer(c, x);
	command_free(x);
	call_finish(c);
}

void write_and_answer(struct call *c, void *command, written_answer_fn *answer)
{
	struct held *h = prepare(c, command, NULL);

	if (!h)
		return;
	h->answer = answer;
	submit(c, command, answer_whole);
}

/* A command with the members of the call's request, which is its own struct. */
static void *take_request(struct call *c, enum command_kind kind)
{
	const size_t head = sizeof(struct command);
	char *x = command_new(kind);

	memcpy(x + head, (const char *)c->request + head,
	       command_types[kind].size - head);
	return x;
}

void write_request(struct call *c, enum command_kind kind, written_fn *reply)
{
	write_command(c, take_request(c, kind), reply);
}

/* The first member of the answer. */
static struct str made_by(const struct command *x)
{
	const struct field_set *out = &command_types[x->kind].out;
	struct str made = STR_NONE;

	if (out->count && out->fields[0].type == FIELD_STR)
		memcpy(&made, (const char *)x + out->fields[0].offset,
		       sizeof(made));
	return made;
}

static void resume_call(struct command *x, void *ctx)
{
	struct held *h = ctx;
	struct call *c = h->c;

	h->err = x->err;
	if (x->err.kind == ERR_NONE)
		h->id = arena_str(c->arena, made_by(x));
	memcpy(h->x, x, command_types[x->kind].size);
	h->returned = true;
	command_free(x);
	call_resume(c);
}

void write_and_return(struct call *c, void *command)
{
	struct app *app = call_app(c);
	struct command *x = command;
	struct held *h = prepare(c, x, NULL);

	if (!h)
		return;
	h->returned = false;
	h->x = arena_alloc(c->arena, command_types[x->kind].size);
	if (!h->x) {
		command_free(x);
		answer_full(c);
		return;
	}
	x->done = resume_call;
	call_park(c);
	if (index_submit(app->index, x, &h->err)) {
		command_free(x);
		h->returned = true;
		call_resume(c);
	}
}

void write_request_and_return(struct call *c, enum command_kind kind)
{
	write_and_return(c, take_request(c, kind));
}

int write_returned(struct call *c)
{
	const struct held *h = c->user;

	if (!h || !h->returned)
		return 0;
	if (h->err.kind == ERR_NONE)
		return 1;
	answer_error(c, &h->err);
	return -1;
}

struct str write_returned_id(const struct call *c)
{
	const struct held *h = c->user;

	return h->id;
}

const void *write_returned_command(const struct call *c)
{
	const struct held *h = c->user;

	return h->x;
}

/* Whether a request concerns runs, and which: an empty id is any. */
static bool concerns_run(const struct field_set *set, const void *request,
			 struct str *ret_run)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct field *f = &set->fields[i];
		const void *member = (const char *)request + f->offset;

		*ret_run = STR_NONE;
		if (f->type == FIELD_STRS &&
		    (strcmp(f->name, "run_ids") == 0 ||
		     strcmp(f->name, "run_id") == 0 ||
		     strcmp(f->name, "experiment_ids") == 0))
			return true;
		if (f->type == FIELD_STR && strcmp(f->name, "run_id") == 0) {
			memcpy(ret_run, member, sizeof(*ret_run));
			return ret_run->n > 0;
		}
	}
	return false;
}

static void resume_waiting(void *ctx)
{
	call_resume(ctx);
}

bool call_wait_run(struct call *c, struct str run)
{
	struct drain *drain = call_app(c)->drain;
	struct held *h = c->user;
	struct err e;

	if ((h && h->waited) || !drain_pending(drain, run))
		return false;
	h = held_of(c, &e);
	if (!h)
		return false;
	h->waited = true;
	run = arena_str(c->arena, run);
	call_park(c);
	if (!drain_park(drain, run, resume_waiting, c))
		call_resume(c);
	return true;
}

bool call_wait_journals(struct call *c, const struct field_set *set,
			const void *request)
{
	struct str run;

	return concerns_run(set, request, &run) && call_wait_run(c, run);
}
