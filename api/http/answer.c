/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - the head of an answer, and errors as answers.
 *
 * The date is left open in the sealed head and filled in by whoever sends it,
 * from a text that is made once a second.
 */
#include "api/http/answer.h"

#include <sys/uio.h>
#include <unistd.h>

#include "api/http/core.h"
#include "api/http/events.h"

static const struct {
	int status;
	const char *reason;
} reasons[] = {
	{200, "OK"},
	{201, "Created"},
	{202, "Accepted"},
	{204, "No Content"},
	{206, "Partial Content"},
	{301, "Moved Permanently"},
	{302, "Found"},
	{303, "See Other"},
	{304, "Not Modified"},
	{307, "Temporary Redirect"},
	{308, "Permanent Redirect"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{408, "Request Timeout"},
	{409, "Conflict"},
	{410, "Gone"},
	{411, "Length Required"},
	{412, "Precondition Failed"},
	{413, "Content Too Large"},
	{414, "URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Range Not Satisfiable"},
	{417, "Expectation Failed"},
	{422, "Unprocessable Content"},
	{423, "Locked"},
	{428, "Precondition Required"},
	{429, "Too Many Requests"},
	{431, "Request Header Fields Too Large"},
	{500, "Internal Server Error"},
	{501, "Not Offered"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Gateway Timeout"},
	{505, "HTTP Version Not Supported"},
	{507, "Insufficient Storage"},
};

static const char *reason_of(int status)
{
	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (reasons[i].status == status)
			return reasons[i].reason;
	return "Status";
}

void answer_init(struct answer *a)
{
	*a = (struct answer){.file = -1, .length = -1};
	buf_init(&a->fields, HTTP_ANSWER_HEAD_MAX);
	buf_init(&a->made, HTTP_ANSWER_MAX);
	buf_init(&a->head, HTTP_ANSWER_HEAD_MAX + 4096);
}

void answer_fini(struct answer *a)
{
	buf_fini(&a->fields);
	buf_fini(&a->made);
	buf_fini(&a->head);
}

void answer_reset(struct answer *a)
{
	struct buf fields = a->fields, made = a->made, head = a->head;

	if (a->file >= 0)
		close(a->file);
	if (a->stream)
		events_drop(a->stream);
	buf_reset(&fields);
	buf_reset(&head);
	if (made.cap > HTTP_KEEP_BUFFER) {
		buf_fini(&made);
		buf_init(&made, HTTP_ANSWER_MAX);
	} else {
		buf_reset(&made);
	}
	*a = (struct answer){.file = -1, .length = -1};
	a->fields = fields;
	a->made = made;
	a->head = head;
}

void answer_body(struct answer *a, int status, const char *type,
		 struct str body)
{
	if (a->file >= 0)
		close(a->file);
	a->file = -1;
	a->file_left = 0;
	if (a->begun) {
		a->broken = true;
		return;
	}
	a->streamed = a->plain = false;
	a->status = status;
	a->type = type;
	a->body = body;
}

/* One line; a value from outside cannot begin another. */
static void put_line(struct buf *b, const char *name, struct str value)
{
	buf_puts(b, name);
	buf_puts(b, ": ");
	for (size_t i = 0; i < value.n; i++) {
		unsigned char c = (unsigned char)value.p[i];

		buf_putc(b, c < ' ' || c == 0x7f ? '?' : (char)c);
	}
	buf_puts(b, "\r\n");
}

void answer_field(struct answer *a, const char *name, struct str value)
{
	put_line(&a->fields, name, value);
}

bool answer_has_field(const struct answer *a, const char *name)
{
	struct str rest = buf_view(&a->fields), line;

	while (rest.n) {
		line = str_cut(&rest, '\n');
		if (str_eq_nocase(str_n(line.p, str_find(line, ':')),
				  str_from(name)))
			return true;
	}
	return false;
}

bool answer_wants_gzip(const struct exchange *x)
{
	const struct answer *a = &x->answer;

	return a->file < 0 && !a->streamed && !a->plain &&
	       a->body.n >= HTTP_GZIP_LEAST && a->status != 206 &&
	       gzip_type(a->type) && !answer_has_field(a, "Content-Encoding") &&
	       gzip_accepted(call_header(&x->c, "Accept-Encoding"));
}

void answer_encode(struct exchange *x, struct gzip *z)
{
	struct str packed;

	if (!z || !answer_wants_gzip(x))
		return;
	packed = gzip_pack(z, x->answer.body, &x->arena);
	if (!packed.p)
		return;
	x->answer.body = packed;
	x->answer.encoded = true;
	answer_field(&x->answer, "Content-Encoding", STR("gzip"));
}

static void seal_length(struct exchange *x, struct buf *b)
{
	struct answer *a = &x->answer;

	if (a->status == 204 || a->status == 304)
		return;
	if (a->stream) {
		a->close = true;
	} else if (!a->streamed) {
		buf_puts(b, "Content-Length: ");
		buf_i64(b, (int64_t)a->body.n + a->file_left);
		buf_puts(b, "\r\n");
	} else if (a->length >= 0) {
		buf_puts(b, "Content-Length: ");
		buf_i64(b, a->length);
		buf_puts(b, "\r\n");
	} else if (x->head.minor >= 1) {
		buf_puts(b, "Transfer-Encoding: chunked\r\n");
	} else {
		a->close = true;
	}
}

/* A compressed body has the same meaning but not the same bytes. */
static void seal_etag(const struct exchange *x, struct buf *b)
{
	const struct answer *a = &x->answer;
	char weak[300];
	int n;

	if (!a->etag.n)
		return;
	if (!a->encoded || str_starts(a->etag, STR("W/"))) {
		put_line(b, "ETag", a->etag);
		return;
	}
	n = snprintf(weak, sizeof(weak), "W/%.*s", STR_ARG(a->etag));
	if (n < (int)sizeof(weak))
		put_line(b, "ETag", str_n(weak, (size_t)n));
}

static void seal_lines(struct exchange *x, struct buf *b)
{
	struct answer *a = &x->answer;

	if (x->server->o.version)
		put_line(b, "Server", str_from(x->server->o.version));
	if (a->type)
		put_line(b, "Content-Type", str_from(a->type));
	seal_length(x, b);
	seal_etag(x, b);
	buf_puts(b, "X-Content-Type-Options: nosniff\r\n");
	if (!a->plain && a->body.n && gzip_type(a->type))
		buf_puts(b, "Vary: Accept-Encoding\r\n");
	if (x->id[0])
		put_line(b, "X-Request-Id", str_from(x->id));
	if (a->close)
		buf_puts(b, "Connection: close\r\n");
	else if (x->head.minor == 0)
		buf_puts(b, "Connection: keep-alive\r\n");
}

static void seal_status(struct answer *a, struct buf *b)
{
	static const char blank[ANSWER_DATE + 1] =
		"                             ";

	buf_puts(b, "HTTP/1.1 ");
	buf_i64(b, a->status);
	buf_putc(b, ' ');
	buf_puts(b, reason_of(a->status));
	buf_puts(b, "\r\nDate: ");
	a->date_at = b->n;
	buf_puts(b, blank);
	buf_puts(b, "\r\n");
}

void answer_seal(struct exchange *x)
{
	struct answer *a = &x->answer;
	struct buf *b = &a->head;
	struct err e;

	if (a->sealed)
		return;
	if (!a->status || !buf_ok(&a->fields)) {
		buf_reset(&a->fields);
		err_set(&e, ERR_INTERNAL,
			a->status ? "the answer's head is too "
				    "long"
				  : "no answer was made");
		answer_problem(x, 500, &e);
	}
	if (!x->head.keep_alive || x->refused ||
	    atomic_load(&x->server->stopping))
		a->close = true;
	if (a->type_override && a->type)
		a->type = a->type_override;
	a->sealed = true;
	a->bodyless = x->c.method == HTTP_HEAD || a->status == 204 ||
		      a->status == 304;
	seal_status(a, b);
	seal_lines(x, b);
	buf_str(b, buf_view(&a->fields));
	buf_puts(b, "\r\n");
	if (a->bodyless) {
		a->body = STR_NONE;
		a->file_left = 0;
	}
}

int answer_rest(const struct answer *a, struct iovec iov[2])
{
	struct str parts[2] = {buf_view(&a->head), a->body};
	size_t skip = a->sent;
	int n = 0;

	for (int i = 0; i < 2; i++) {
		if (skip >= parts[i].n) {
			skip -= parts[i].n;
			continue;
		}
		iov[n].iov_base = (char *)(uintptr_t)parts[i].p + skip;
		iov[n++].iov_len = parts[i].n - skip;
		skip = 0;
	}
	return n;
}

static const struct {
	enum http_method method;
	const char *name;
} method_names[] = {
	{HTTP_GET, "GET"},         {HTTP_HEAD, "HEAD"},
	{HTTP_POST, "POST"},       {HTTP_PUT, "PUT"},
	{HTTP_PATCH, "PATCH"},     {HTTP_DELETE, "DELETE"},
	{HTTP_OPTIONS, "OPTIONS"},
};

void answer_allow(struct exchange *x)
{
	unsigned allow = x->match.allow | HTTP_OPTIONS;
	char line[80];
	size_t n = 0;

	if (allow & HTTP_GET)
		allow |= HTTP_HEAD;
	line[0] = '\0';
	for (size_t i = 0; i < 7; i++)
		if (allow & method_names[i].method)
			n += (size_t)snprintf(line + n, sizeof(line) - n,
					      "%s%s", n ? ", " : "",
					      method_names[i].name);
	answer_field(&x->answer, "Allow", str_n(line, n));
}

static void default_error_body(struct json_out *j, const struct err *e)
{
	jo_object(j);
	jo_kstr(j, "error_code", str_from(err_mlflow_code(e->kind)));
	jo_kstr(j, "message", str_from(e->msg));
	jo_object_end(j);
}

static void problem_fields(struct exchange *x, int status)
{
	struct answer *a = &x->answer;
	char seconds[16];
	int n;

	if (status == 401 && !answer_has_field(a, "WWW-Authenticate"))
		answer_field(a, "WWW-Authenticate",
			     STR("Bearer realm=\"orrery\""));
	if (status == 405)
		answer_allow(x);
	if ((status == 503 || status == 429) &&
	    !answer_has_field(a, "Retry-After")) {
		n = snprintf(seconds, sizeof(seconds), "%d", HTTP_RETRY_AFTER);
		answer_field(a, "Retry-After", str_n(seconds, (size_t)n));
	}
}

void answer_problem(struct exchange *x, int status, const struct err *e)
{
	struct answer *a = &x->answer;
	const struct route_group *g = x->match.group;

	/* What was announced of a body that does not come after all. */
	if (a->streamed && !a->begun)
		buf_reset(&a->fields);
	buf_reset(&a->made);
	jo_init(&a->json, &a->made, 0);
	if (g && g->error_body)
		g->error_body(&a->json, e);
	else
		default_error_body(&a->json, e);
	a->etag = STR_NONE;
	answer_body(a, status, "application/json", buf_view(&a->made));
	problem_fields(x, status);
}
