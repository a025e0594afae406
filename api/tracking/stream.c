/* SPDX-License-Identifier: Apache-2.0 */
/* stream.c - an artifact from an object store that has no files for us: read
 * ahead of the client in ranges, written piece by piece.
 *
 * A whole artifact is held against its SHA-256 before its last piece leaves:
 * bytes that are not those stored never look like a download that went well.
 */
#include "api/tracking/artifact.h"
#include "indexer/base/log.h"
#include "indexer/objects/digest.h"

struct sending {
	struct call *c;
	const struct artifact *x;
	struct object_get *get;
	struct digest *digest; /* NULL: a part, of which none is known */
	int64_t left;
};

static int check_whole(struct sending *s, struct err *e)
{
	struct object_digest d;

	if (digest_finish(s->digest, &d, e) < 0)
		return -1;
	if (str_is(s->x->sha256, d.sha256))
		return 0;
	return err_set(e, ERR_CORRUPT, "object %.*s has SHA-256 %s, not %.*s",
		       STR_ARG(s->x->key), d.sha256, STR_ARG(s->x->sha256));
}

static int send_piece(struct sending *s, struct err *e)
{
	struct str piece;

	if (object_get_next(s->get, &piece, e) < 0)
		return -1;
	if (!piece.n)
		return err_set(e, ERR_CORRUPT, "object %.*s ends too early",
			       STR_ARG(s->x->key));
	s->left -= (int64_t)piece.n;
	if (s->digest && (digest_add(s->digest, piece.p, piece.n, e) < 0 ||
			  (!s->left && check_whole(s, e) < 0)))
		return -1;
	return call_write(s->c, piece.p, piece.n, e);
}

static int send_all(struct sending *s, int64_t first, struct err *e)
{
	int rc = 0;

	s->get = object_get_begin(call_app(s->c)->objects, s->x->key, first,
				  s->left, e);
	if (!s->get)
		return -1;
	if (s->left == s->x->size && s->x->sha256.n)
		s->digest = digest_new(e);
	while (rc == 0 && s->left)
		rc = send_piece(s, e);
	digest_free(s->digest);
	object_get_end(s->get);
	return rc;
}

static void tell(struct sending *s, struct err *e)
{
	if (e->kind == ERR_NOT_FOUND)
		artifact_bytes_gone(s->x, e);
	if (e->kind != ERR_INTERRUPTED)
		log_warn("an artifact could not be sent", "why=\"%s\"", e->msg);
	answer_error(s->c, e);
}

void artifact_stream(struct call *c, const struct artifact *x,
		     const struct reply_object *o, struct str digest)
{
	struct sending s = {.c = c, .x = x};
	int64_t first;
	struct err e;

	if (!reply_object(c, o, &first, &s.left))
		return;
	if (digest.n)
		reply_header(c, "Repr-Digest", digest);
	if (c->method != HTTP_HEAD && s.left && send_all(&s, first, &e) < 0)
		tell(&s, &e);
}
