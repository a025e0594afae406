/* SPDX-License-Identifier: Apache-2.0 */
/* upload.c - a body goes from the socket into the object store in constant
 * memory, on a transfer thread; only when its bytes are on disk does the index
 * learn of them, in one command. Whatever ends early leaves nothing that
 * anyone sees.
 */
#include "api/tracking/upload.h"

#include <inttypes.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/objects/sums.h"

enum { PUMP_BYTES = 256 << 10 };

int upload_fits(int64_t limit, int64_t size, struct err *e)
{
	if (!limit || size <= limit)
		return 0;
	return err_set(e, ERR_TOO_LARGE,
		       "an artifact may have at most %" PRId64 " bytes here",
		       limit);
}

static int check_owner(const struct call *c, const struct artifact_owner *o,
		       struct err *e)
{
	struct str id = o->run_id.n     ? o->run_id
			: o->model_id.n ? o->model_id
					: o->trace_id;

	if (!principal_may(&c->who, o->project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED, "no right to write to %s '%.*s'",
			       o->what, STR_ARG(id));
	if (o->deleted)
		return err_set(e, ERR_INVALID,
			       "The %s %.*s must be in the 'active' state. "
			       "Current state is deleted.",
			       o->what, STR_ARG(id));
	return 0;
}

int upload_may(const struct call *c, const struct artifact_ref *ref,
	       struct err *e)
{
	return check_owner(c, &ref->owner, e);
}

int upload_claim(const struct call *c, struct claim *ret, struct err *e)
{
	const struct str digests[] = {call_header(c, "Content-Digest"),
				      call_header(c, "Repr-Digest"),
				      call_header(c, "Digest")};

	return claim_init(ret, call_header(c, "Content-MD5"), digests,
			  sizeof(digests) / sizeof(digests[0]), e);
}

static int pump(struct upload *u, struct object_put *put, struct err *e)
{
	SCOPED_FREE char *chunk = malloc(PUMP_BYTES);
	int64_t n, sum = 0;

	if (!chunk)
		return err_set(e, ERR_BUSY, "out of memory");
	while ((n = call_read(u->c, chunk, PUMP_BYTES, e)) > 0) {
		sum += n;
		if (upload_fits(u->limit, sum, e) ||
		    claim_add(&u->claim, chunk, (size_t)n, e) ||
		    object_put_write(put, chunk, (size_t)n, e))
			return -1;
	}
	return n < 0 ? -1 : 0;
}

static int store(struct upload *u, upload_fill *fill, struct err *e)
{
	struct app *app = call_app(u->c);
	char fallback[OBJECT_KEY_MAX];
	struct object_put *put;

	snprintf(fallback, sizeof(fallback), "%.*s/generations/",
		 STR_ARG(u->ref.owner.home));
	put = object_put_begin(app->objects, u->wish, str_from(fallback), e);
	if (!put)
		return -1;
	object_put_sums(put, &u->sums);
	if (fill(u, put, e) || object_put_finish(put, u->key, &u->digest, e)) {
		object_put_abort(put);
		return -1;
	}
	return 0;
}

/* An object that gc removes at this very moment can be stored again. */
static int enter(struct upload *u, struct err *e)
{
	struct cmd_artifact_put *x;
	struct app *app = call_app(u->c);
	int failed;

	if (u->bare)
		return 0;
	x = command_new(COMMAND_ARTIFACT_PUT);
	x->c.who = u->c->who;
	x->run_id = u->ref.owner.run_id;
	x->model_id = u->ref.owner.model_id;
	x->trace_id = u->ref.owner.trace_id;
	x->path = u->ref.path;
	x->key = str_from(u->key);
	x->size = (struct opt_i64){u->digest.size, true};
	x->sha256 = str_from(u->digest.sha256);
	x->crc32c = str_from(u->digest.crc32c);
	x->sums = sums_as_hex(&x->c.arena, buf_view(&u->sums));
	x->mtime = (struct opt_i64){clock_ms(), true};
	failed = index_apply(app->index, &x->c, e);
	command_free(&x->c);
	if (failed && e->kind == ERR_CONFLICT)
		e->kind = ERR_BUSY;
	return failed;
}

/* Bytes that the index did not take are nobody's. What comes between here and
 * a crash is for gc. */
static void discard(struct upload *u)
{
	struct err ignored;

	object_delete(call_app(u->c)->objects, str_from(u->key), &ignored);
}

int upload_from(struct upload *u, upload_fill *fill, struct err *e)
{
	int failed = -1;

	buf_init(&u->sums, SUMS_BYTES);
	if (!check_owner(u->c, &u->ref.owner, e) && !store(u, fill, e)) {
		failed = claim_check(&u->claim, &u->digest, e) || enter(u, e);
		if (failed)
			discard(u);
	}
	buf_fini(&u->sums);
	return failed ? -1 : 0;
}

int upload_body(struct upload *u, struct err *e)
{
	int failed = upload_fits(u->limit, call_body_length(u->c), e) ||
		     upload_claim(u->c, &u->claim, e) ||
		     upload_from(u, pump, e);

	claim_fini(&u->claim);
	return failed ? -1 : 0;
}

void upload_answer(const struct upload *u)
{
	struct call *c = u->c;

	reply_header(c, "ETag",
		     artifact_etag(c->arena, str_from(u->digest.sha256)));
	reply_bytes(c, 200, "application/json", STR("{}"));
}
