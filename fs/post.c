/* SPDX-License-Identifier: Apache-2.0 */
/* post.c - one request per command, on a connection that is kept.
 */
#include "fs/post.h"

#include <stdlib.h>

#include "indexer/base/scope.h"

enum { REPLY_MAX = 1 << 20, BODY_MAX = 16 << 20, CLIENTS = 32, KEY_MAX = 256 };

struct poster {
	pthread_mutex_t mu;
	char *base; /* "unix:DATA/orrery.sock", "https://host" */
	char *token;
	struct client *free[CLIENTS];
	size_t idle;
};

static void give_client(struct poster *p, struct client *cl)
{
	pthread_mutex_lock(&p->mu);
	if (cl && p->idle < CLIENTS) {
		p->free[p->idle++] = cl;
		cl = NULL;
	}
	pthread_mutex_unlock(&p->mu);
	client_free(cl);
}

struct poster *poster_new(const char *base, struct str token, struct err *e)
{
	struct poster *p = calloc(1, sizeof(*p));

	if (!p)
		abort();
	p->base = strdup(base);
	p->token = strndup(token.n ? token.p : "", token.n);
	if (!p->base || !p->token)
		abort();
	pthread_mutex_init(&p->mu, NULL);
	/* what is wrong with either is told now */
	give_client(p, poster_connect(p, e));
	if (p->idle)
		return p;
	poster_free(p);
	return NULL;
}

void poster_free(struct poster *p)
{
	while (p->idle > 0)
		client_free(p->free[--p->idle]);
	pthread_mutex_destroy(&p->mu);
	explicit_bzero(p->token, strlen(p->token));
	free(p->token);
	free(p->base);
	free(p);
}

struct client *poster_connect(struct poster *p, struct err *e)
{
	return client_new(p->base, str_from(p->token), e);
}

static struct client *take_idle(struct poster *p)
{
	SCOPED_LOCK(&p->mu);

	return p->idle > 0 ? p->free[--p->idle] : NULL;
}

static int write_body(const struct command *x, struct buf *b, struct err *e)
{
	const struct command_type *type = &command_types[x->kind];
	struct json_out j;

	jo_init(&j, b, 0);
	jo_object(&j);
	jo_kstr(&j, "command", str_from(type->name));
	field_write_members(&type->in, x, &j);
	jo_object_end(&j);
	if (!buf_ok(b))
		return err_set(e, ERR_TOO_LARGE,
			       "a command of more than %d bytes", BODY_MAX);
	return 0;
}

/* --- answers -------------------------------------------------------------- */

struct refusal {
	struct str kind, message;
};

static const struct field refusal_rows[] = {
	{.name = "kind",
	 .type = FIELD_STR,
	 .offset = offsetof(struct refusal, kind)},
	{.name = "message",
	 .type = FIELD_STR,
	 .offset = offsetof(struct refusal, message)},
};
static const struct field_set refusal_fields =
	FIELD_SET(refusal_rows, struct refusal);

static enum err_kind kind_by_name(struct str name)
{
	for (int k = 1; k < ERR_KINDS; k++) {
		if (str_is(name, err_kind_name((enum err_kind)k)))
			return (enum err_kind)k;
	}
	return ERR_IO;
}

static int refused(struct fs_call *c, int status, struct str body,
		   struct err *e)
{
	struct refusal r = {0};

	if (field_read_json(&refusal_fields, body, &c->arena, &r, e))
		return err_set(e, ERR_IO, "the daemon answered %d", status);
	return err_set(e, kind_by_name(r.kind), "%.*s", STR_ARG(r.message));
}

struct committed {
	struct opt_i64 change;
};

static const struct field committed_rows[] = {
	{.name = "change",
	 .type = FIELD_I64,
	 .offset = offsetof(struct committed, change)},
};
static const struct field_set committed_fields =
	FIELD_SET(committed_rows, struct committed);

/* The members that apply filled: read beside, for reading clears the rest. */
static int read_results(struct command *x, struct str body, struct err *e)
{
	const struct command_type *type = &command_types[x->kind];
	char *copy = arena_alloc(&x->arena, type->size);
	struct str text = arena_str(&x->arena, body);
	size_t head = sizeof(*x);
	struct committed at;

	if (field_read_json(&committed_fields, text, &x->arena, &at, e))
		return -1;
	x->change = at.change.v;
	if (type->out.count == 0)
		return 0;
	if (!copy || !text.p)
		return arena_full(&x->arena, e);
	if (field_read_json(&type->out, text, &x->arena, copy, e))
		return -1;
	memcpy((char *)x + head, copy + head, type->size - head);
	return 0;
}

/* --- sending -------------------------------------------------------------- */

static bool passes(const struct err *e)
{
	return e->kind == ERR_UNAVAILABLE || e->kind == ERR_TIMEOUT ||
	       e->kind == ERR_BUSY;
}

static int send_once(struct poster *p, struct fs_call *c, struct command *x,
		     struct str body, struct err *e)
{
	SCOPED(buf_fini) struct buf reply;
	char key[KEY_MAX];
	struct client_request r = {
		.method = "POST",
		.path = "/api/mount",
		.body = body,
		.content_type = "application/json",
		.header = key,
		.timeout_ms = fs_left(c, c->fs->wait_ms) + 1,
		.cancelled = fs_cancelled,
		.ctx = c,
	};
	struct client *cl = take_idle(p);
	int status = 0, rc;

	buf_init(&reply, REPLY_MAX);
	if (!cl)
		cl = poster_connect(p, e);
	if (!cl)
		return -1;
	snprintf(key, sizeof(key), "Idempotency-Key: %.*s", STR_ARG(x->once));
	rc = client_send(cl, &r, &status, &reply, e);
	if (rc)
		client_free(cl);
	else
		give_client(p, cl);
	if (rc)
		return -1;
	return status == 200 ? read_results(x, buf_view(&reply), e)
			     : refused(c, status, buf_view(&reply), e);
}

int poster_post(void *ctx, struct fs_call *c, struct command *x, struct err *e)
{
	SCOPED(buf_fini) struct buf body;

	buf_init(&body, BODY_MAX);
	if (write_body(x, &body, e))
		return -1;
	while (send_once(ctx, c, x, buf_view(&body), e)) {
		if (!passes(e))
			return -1;
		if (fs_left(c, c->fs->wait_ms) == 0)
			return err_set(e, ERR_IO, "the daemon does not answer");
		atomic_fetch_add(&c->fs->stats.retries, 1);
		if (fs_nap(c, FS_RETRY_MS, e))
			return -1;
	}
	return 0;
}
