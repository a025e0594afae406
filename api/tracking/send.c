/* SPDX-License-Identifier: Apache-2.0 */
/* send.c - the bytes of an artifact as an answer.
 *
 * Of a store that has files a descriptor is handed to the server. Of others
 * the object is read ahead of the client in ranges and written piece by piece;
 * a whole artifact is held against its SHA-256 before its last piece leaves:
 * bytes that are not those stored never look like a download that went well.
 */
#include "api/tracking/artifact.h"

#include <errno.h>
#include <fcntl.h>

#include "indexer/base/log.h"
#include "indexer/base/text.h"
#include "indexer/objects/digest.h"

enum { SHA256_BYTES = 32 };

static const struct {
	const char *ending, *type;
} types[] = {
	{"txt", "text/plain"},
	{"log", "text/plain"},
	{"md", "text/markdown"},
	{"csv", "text/csv"},
	{"tsv", "text/tab-separated-values"},
	{"yaml", "text/plain"},
	{"yml", "text/plain"},
	{"toml", "text/plain"},
	{"py", "text/plain"},
	{"json", "application/json"},
	{"geojson", "application/geo+json"},
	{"html", "text/html"},
	{"xml", "application/xml"},
	{"pdf", "application/pdf"},
	{"zip", "application/zip"},
	{"gz", "application/gzip"},
	{"png", "image/png"},
	{"jpg", "image/jpeg"},
	{"jpeg", "image/jpeg"},
	{"gif", "image/gif"},
	{"webp", "image/webp"},
	{"svg", "image/svg+xml"},
	{"tif", "image/tiff"},
	{"tiff", "image/tiff"},
	{"mp4", "video/mp4"},
	{"wav", "audio/wav"},
};

struct str artifact_type(struct str name)
{
	struct str ending = name, part;

	for (part = str_cut(&ending, '.'); ending.p;
	     part = str_cut(&ending, '.'))
		;
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (part.p != name.p &&
		    str_eq_nocase(part, str_from(types[i].ending)))
			return str_from(types[i].type);
	if (str_eq_nocase(name, STR("MLmodel")) ||
	    str_eq_nocase(name, STR("MLproject")))
		return STR("text/plain");
	return STR("application/octet-stream");
}

/* Whether a name may stand in a header as it is (RFC 9110's token, without
 * what some would decode). */
static bool is_token(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && (!c || !strchr("+-._~!&^", c)))
			return false;
	}
	return name.n > 0;
}

/* attachment; filename=NAME, or filename*=UTF-8''... */
static struct str disposition(struct call *c, struct str name)
{
	struct buf b;
	struct str s;

	buf_init(&b, c->arena->ceiling);
	buf_puts(&b, "attachment; filename");
	if (is_token(name)) {
		buf_putc(&b, '=');
		buf_str(&b, name);
	} else {
		buf_puts(&b, "*=UTF-8''");
		pct_encode(&b, name, "");
	}
	s = arena_str(c->arena, buf_view(&b));
	buf_fini(&b);
	return s;
}

/* An empty file may have no object of its own. */
static int open_bytes(struct call *c, const struct artifact *x, struct err *e)
{
	int fd;

	if (x->key.n)
		return object_open(call_app(c)->objects, x->key, e);
	fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return fd >= 0 ? fd : err_sys(e, errno, "/dev/null");
}

struct str artifact_etag(struct arena *a, struct str sha256)
{
	if (!sha256.n)
		return STR_NONE;
	return str_from(arena_printf(a, "\"%.*s\"", STR_ARG(sha256)));
}

/* RFC 9530: who reads can tell that all of it came as it was stored. */
static struct str repr_digest(struct arena *a, struct str sha256)
{
	unsigned char sha[SHA256_BYTES];
	struct str text = STR_NONE;
	struct buf b;

	if (sha256.n != 2 * sizeof(sha) || !hex_decode(sha256, sha))
		return text;
	buf_init(&b, a->ceiling);
	buf_puts(&b, "sha-256=:");
	base64_encode(&b, str_n((const char *)sha, sizeof(sha)));
	buf_putc(&b, ':');
	if (buf_ok(&b))
		text = arena_str(a, buf_view(&b));
	buf_fini(&b);
	return text;
}

/* A link names an object alone, which may have been removed for good since; a
 * row that names an object that is not there is a fault of the store. */
static void bytes_gone(const struct artifact *x, struct err *e)
{
	if (x->row)
		err_set(e, ERR_CORRUPT,
			"the bytes of this artifact are gone from the object "
			"store");
	else
		err_set(e, ERR_NOT_FOUND,
			"No such artifact: '%.*s' was removed for good",
			STR_ARG(x->name));
}

/* --- piece by piece ----------------------------------------------------- */

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
		bytes_gone(s->x, e);
	if (e->kind != ERR_INTERRUPTED)
		log_warn("an artifact could not be sent", "why=\"%s\"", e->msg);
	answer_error(s->c, e);
}

static void send_pieces(struct call *c, const struct artifact *x,
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

/* --- either way ---------------------------------------------------------- */

/* Without objects that are files, the bytes pass through us. */
static void stream(struct call *c, const struct artifact *x)
{
	struct reply_object o = {.size = x->size,
				 .mtime_ms = x->mtime,
				 .etag = artifact_etag(c->arena, x->sha256),
				 .content_type = artifact_type(x->name),
				 .disposition = disposition(c, x->name)};

	if (!call_to_transfer(c))
		send_pieces(c, x, &o, repr_digest(c->arena, x->sha256));
}

static void send_file(struct call *c, const struct artifact *x)
{
	struct str digest = repr_digest(c->arena, x->sha256);
	struct reply_file f = {.size = x->size,
			       .mtime_ms = x->mtime,
			       .etag = artifact_etag(c->arena, x->sha256),
			       .content_type = artifact_type(x->name),
			       .disposition = disposition(c, x->name)};
	struct err e;

	f.fd = open_bytes(c, x, &e);
	if (f.fd < 0) {
		if (e.kind == ERR_NOT_FOUND)
			bytes_gone(x, &e);
		answer_error(c, &e);
		return;
	}
	if (digest.n)
		reply_header(c, "Repr-Digest", digest);
	reply_file(c, &f);
}

void artifact_send(struct call *c, const struct artifact *x)
{
	if (x->key.n && !objects_are_files(call_app(c)->objects))
		stream(c, x);
	else
		send_file(c, x);
}
