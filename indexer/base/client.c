/* SPDX-License-Identifier: Apache-2.0 */
/* client.c - one easy handle on one multi handle, reused for every request.
 *
 * The multi handle is there for its poll: it lets the caller be asked ten
 * times a second whether it still waits. Connections live in it and are kept
 * between requests. Nothing of the environment (proxies, .netrc) is obeyed
 * but SSL_CERT_FILE, the certificates to trust in place of the system's; and no
 * redirect is followed: the token goes to the base and nowhere else.
 */
#include "indexer/base/client.h"

#include <curl/curl.h>
#include <stdlib.h>

enum { TIMEOUT_MS = 30000, CONNECT_MS = 5000, POLL_MS = 100 };

struct client {
	CURL *easy;
	CURLM *multi;
	char *origin; /* "http://localhost" for a socket */
	char *socket; /* or NULL */
	char *bearer; /* the header, or NULL */
};

/* What one request holds while it runs. */
struct exchange {
	struct curl_slist *headers;
	char *url;
	struct buf *reply;
	const struct client_request *request;
	bool ended; /* by who takes the answer */
};

/* A token goes into a header: no byte of it may end that. */
static bool printable(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return true;
}

static int set_origin(struct client *c, const char *base, struct err *e)
{
	struct str s = str_from(base);

	if (str_starts(s, STR("unix:"))) {
		c->socket = strdup(base + 5);
		c->origin = strdup("http://localhost");
		if (!c->socket || !c->origin)
			return err_set(e, ERR_INTERNAL, "no memory");
		return 0;
	}
	if (!str_starts(s, STR("http://")) && !str_starts(s, STR("https://")))
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not an address of a server: write "
			       "http://HOST:PORT, https://HOST or unix:PATH",
			       base);
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	c->origin = strndup(s.p, s.n);
	return c->origin ? 0 : err_set(e, ERR_INTERNAL, "no memory");
}

static int set_token(struct client *c, struct str token, struct err *e)
{
	if (!token.n)
		return 0;
	if (!printable(token))
		return err_set(e, ERR_INVALID,
			       "the token holds bytes that no token has");
	if (asprintf(&c->bearer, "Authorization: Bearer %.*s", STR_ARG(token)) <
	    0) {
		c->bearer = NULL;
		return err_set(e, ERR_INTERNAL, "no memory");
	}
	return 0;
}

struct client *client_new(const char *base, struct str token, struct err *e)
{
	struct client *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set(e, ERR_INTERNAL, "no memory");
		return NULL;
	}
	if (set_origin(c, base, e) || set_token(c, token, e)) {
		client_free(c);
		return NULL;
	}
	c->easy = curl_easy_init();
	c->multi = curl_multi_init();
	if (!c->easy || !c->multi) {
		err_set(e, ERR_INTERNAL, "libcurl cannot be started");
		client_free(c);
		return NULL;
	}
	return c;
}

void client_free(struct client *c)
{
	if (!c)
		return;
	curl_easy_cleanup(c->easy);
	curl_multi_cleanup(c->multi);
	free(c->origin);
	free(c->socket);
	if (c->bearer)
		explicit_bzero(c->bearer, strlen(c->bearer));
	free(c->bearer);
	free(c);
}

static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	const struct client_request *r = x->request;

	if (r->take) {
		x->ended = !r->take(r->ctx, str_n(p, size * n));
		return x->ended ? 0 : size * n;
	}
	buf_add(x->reply, p, size * n);
	return buf_ok(x->reply) ? size * n : 0;
}

static bool add_header(struct exchange *x, const char *line)
{
	struct curl_slist *more = curl_slist_append(x->headers, line);

	if (more)
		x->headers = more;
	return more != NULL;
}

static bool add_headers(const struct client *c, const struct client_request *r,
			struct exchange *x)
{
	char type[128];

	snprintf(type, sizeof(type), "Content-Type: %s",
		 r->content_type ? r->content_type : "application/json");
	return add_header(x, "Expect:") && add_header(x, type) &&
	       (!r->header || add_header(x, r->header)) &&
	       (!c->bearer || add_header(x, c->bearer));
}

static void set_body(CURL *easy, const struct client_request *r)
{
	if (!strcmp(r->method, "HEAD")) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (r->body.n || strcmp(r->method, "GET")) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)r->body.n);
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS,
				 r->body.n ? r->body.p : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_trust(CURL *easy)
{
	const char *file = getenv("SSL_CERT_FILE");

	if (file && *file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, file);
}

static int prepare(struct client *c, const struct client_request *r,
		   struct exchange *x, struct err *e)
{
	long timeout = r->timeout_ms ? (long)r->timeout_ms : TIMEOUT_MS;
	CURL *easy = c->easy;

	if (asprintf(&x->url, "%s%s", c->origin, r->path) < 0) {
		x->url = NULL;
		return err_set(e, ERR_INTERNAL, "no memory");
	}
	if (!add_headers(c, r, x))
		return err_set(e, ERR_INTERNAL, "no memory");
	curl_easy_reset(easy);
	curl_easy_setopt(easy, CURLOPT_URL, x->url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 timeout < CONNECT_MS ? timeout : CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, x->headers);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, x);
	set_trust(easy);
	set_body(easy, r);
	return 0;
}

static int curl_failed(const struct client *c, CURLcode code,
		       const struct exchange *x, struct err *e)
{
	const char *where = c->socket ? c->socket : c->origin;
	enum err_kind kind = ERR_TIMEOUT;
	long connected = 0;

	if (x->ended)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	/* Once bytes may have left, nobody knows whether they were acted
	 * on; only a connection that was never made is certain. */
	curl_easy_getinfo(c->easy, CURLINFO_PRETRANSFER_TIME_T, &connected);
	if (!buf_ok(x->reply))
		return err_set(e, ERR_TOO_LARGE,
			       "%s: the answer is larger than %zu bytes", where,
			       x->reply->ceiling);
	if (!connected)
		kind = ERR_UNAVAILABLE;
	return err_set(e, kind, "%s: %s", where, curl_easy_strerror(code));
}

/* The result of the one transfer, once it is there. */
static bool finished(struct client *c, CURLcode *ret)
{
	int left;
	CURLMsg *m = curl_multi_info_read(c->multi, &left);

	if (!m)
		return false;
	*ret = m->data.result;
	return true;
}

static int run(struct client *c, const struct client_request *r,
	       const struct exchange *x, struct err *e)
{
	CURLcode code = CURLE_OK;
	int running;

	for (;;) {
		if (curl_multi_perform(c->multi, &running) != CURLM_OK)
			return err_set(e, ERR_INTERNAL, "libcurl failed");
		if (finished(c, &code))
			break;
		if (r->cancelled && r->cancelled(r->ctx))
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		curl_multi_poll(c->multi, NULL, 0, POLL_MS, NULL);
	}
	return code == CURLE_OK ? 0 : curl_failed(c, code, x, e);
}

int client_send(struct client *c, const struct client_request *r,
		int *ret_status, struct buf *reply, struct err *e)
{
	struct exchange x = {.reply = reply, .request = r};
	long status = 0;
	int rc = prepare(c, r, &x, e);

	if (!rc) {
		curl_multi_add_handle(c->multi, c->easy);
		rc = run(c, r, &x, e);
		if (!rc)
			curl_easy_getinfo(c->easy, CURLINFO_RESPONSE_CODE,
					  &status);
		curl_multi_remove_handle(c->multi, c->easy);
	}
	curl_slist_free_all(x.headers);
	free(x.url);
	if (!rc)
		*ret_status = (int)status;
	return rc;
}
