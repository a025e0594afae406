/* SPDX-License-Identifier: Apache-2.0 */
/* s3_try.c - an attempt is made: its address, signed headers, and the ways of
 * its bytes.
 */
#include "indexer/objects/s3_try.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"

enum { URL_MAX = 64 << 10, LINE_BYTES = 32 << 10 };

/* --- bytes ---------------------------------------------------------------- */

static bool is_success(const struct s3_request *r)
{
	return r->status / 100 == 2;
}

static size_t take_out(struct s3_try *t, const char *p, size_t n)
{
	struct s3_request *r = t->r;

	if (n > r->room - r->got) {
		t->overlong = true;
		return 0;
	}
	memcpy(r->out + r->got, p, n);
	r->got += n;
	if (r->progress)
		atomic_store_explicit(r->progress, r->got,
				      memory_order_relaxed);
	return n;
}

/* Of an error's text so much is read as says what it is. */
static size_t take_body(char *p, size_t size, size_t n, void *ctx)
{
	struct s3_try *t = ctx;
	struct s3_request *r = t->r;

	(void)size;
	if (is_success(r) && r->out)
		return take_out(t, p, n);
	if (!is_success(r) && r->reply.n + n > S3_ERROR_MAX)
		return n;
	buf_add(&r->reply, p, n);
	t->overlong = !buf_ok(&r->reply);
	return t->overlong ? 0 : n;
}

static size_t body_size(const struct s3_request *r)
{
	return r->file ? (size_t)r->file->size : r->body.n;
}

static size_t give_file(struct s3_try *t, char *out, size_t n)
{
	const struct s3_file *f = t->r->file;
	struct err e;

	if (io_pread_all(f->fd, out, n, (int64_t)t->sent, &e) != (ssize_t)n)
		return CURL_READFUNC_ABORT;
	t->sent += n;
	if (f->moved)
		f->moved(f->ctx);
	return n;
}

static size_t give_body(char *out, size_t size, size_t n, void *ctx)
{
	struct s3_try *t = ctx;
	size_t left = body_size(t->r) - t->sent;

	n *= size;
	if (n > left)
		n = left;
	if (t->r->file)
		return give_file(t, out, n);
	if (n)
		memcpy(out, t->r->body.p + t->sent, n);
	t->sent += n;
	return n;
}

static int seek_body(void *ctx, curl_off_t offset, int origin)
{
	struct s3_try *t = ctx;

	if (origin != SEEK_SET || offset < 0 ||
	    (size_t)offset > body_size(t->r))
		return CURL_SEEKFUNC_FAIL;
	t->sent = (size_t)offset;
	return CURL_SEEKFUNC_OK;
}

/* --- the answer's head ---------------------------------------------------- */

static void forget_head(struct s3_request *r)
{
	r->status = 0;
	r->got = 0;
	buf_reset(&r->reply);
	memset(&r->head, 0, sizeof(r->head));
	r->head.date_ms = r->head.retry_after_ms = -1;
}

static void take_status(struct s3_request *r, struct str line)
{
	int64_t status = 0;

	forget_head(r);
	str_cut(&line, ' ');
	if (num_parse_i64(str_cut(&line, ' '), &status))
		r->status = (int)status;
}

/* Seconds; a date is taken too. */
static void take_retry_after(struct s3_head *h, struct str value)
{
	int64_t v;

	if (num_parse_i64(value, &v) && v >= 0 && v < INT32_MAX)
		h->retry_after_ms = v * 1000;
	else if (clock_http_parse(value, &v))
		h->retry_after_ms = v > clock_ms() ? v - clock_ms() : 0;
}

static const struct {
	const char *name;
	size_t offset, size;
} texts[] = {
#define TEXT(name, member)                                                     \
	{                                                                      \
		name, offsetof(struct s3_head, member),                        \
			sizeof(((struct s3_head *)0)->member)                  \
	}
	TEXT("etag", etag),
	TEXT("content-range", range),
	TEXT("x-amz-meta-orrery-put", mark),
	TEXT("x-amz-bucket-region", region),
	TEXT("location", location),
#undef TEXT
};

static void take_field(struct s3_head *h, struct str name, struct str value)
{
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (str_eq_nocase(name, str_from(texts[i].name)))
			snprintf((char *)h + texts[i].offset, texts[i].size,
				 "%.*s", STR_ARG(value));
	if (str_eq_nocase(name, STR("date")))
		clock_http_parse(value, &h->date_ms);
	else if (str_eq_nocase(name, STR("retry-after")))
		take_retry_after(h, value);
}

static size_t take_head(char *p, size_t size, size_t n, void *ctx)
{
	struct s3_try *t = ctx;
	struct str line = str_n(p, n), name;

	(void)size;
	while (line.n &&
	       (line.p[line.n - 1] == '\n' || line.p[line.n - 1] == '\r'))
		line.n--;
	if (str_starts(line, STR("HTTP/"))) {
		take_status(t->r, line);
		return n;
	}
	name = str_cut(&line, ':');
	take_field(&t->r->head, name, str_trim(line));
	return n;
}

/* --- signing -------------------------------------------------------------- */

static void add_line(struct s3_try *t, const char *line)
{
	struct curl_slist *more = curl_slist_append(t->lines, line);

	if (!more)
		abort();
	t->lines = more;
}

static void add_lines(struct s3_try *t, const struct s3_pairs *headers,
		      struct str authorization)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, LINE_BYTES);
	for (size_t i = 0; i < headers->n; i++) {
		buf_reset(&b);
		buf_printf(&b, "%s: %.*s", headers->v[i].name,
			   STR_ARG(headers->v[i].value));
		add_line(t, b.p);
	}
	buf_reset(&b);
	buf_printf(&b, "Authorization: %.*s", STR_ARG(authorization));
	if (authorization.n)
		add_line(t, b.p);
	add_line(t, "Expect:");
}

static void known_now(struct s3_known *k, char region[S3_REGION],
		      char date[S3_DATE])
{
	SCOPED_LOCK(&k->mu);

	memcpy(region, k->region, S3_REGION);
	s3_date(clock_ms() + k->skew_ms, date);
}

static void add_address(const struct s3_client *c, struct s3_try *t,
			const char *path, struct s3_pairs *query)
{
	buf_printf(&t->url, "%s://%s%s", c->place.tls ? "https" : "http",
		   t->r->host, path);
	if (query->n) {
		buf_putc(&t->url, '?');
		s3_query(&t->url, query);
	}
}

/* To a daemon of ours. */
static void show_token(struct s3_client *c, struct s3_try *t)
{
	SCOPED(buf_fini) struct buf path;
	struct s3_request *r = t->r;

	buf_init(&path, URL_MAX);
	s3_place_host(&c->place, "", r->host);
	s3_place_path(&c->place, r->key, &path);
	add_lines(t, &r->headers, str_from(c->bearer));
	add_address(c, t, path.p, &r->query);
}

static void sign(struct s3_client *c, struct s3_try *t, struct s3_key *key)
{
	SCOPED(buf_fini) struct buf path, b;
	struct s3_request *r = t->r;
	struct s3_pairs headers = r->headers, query = r->query;
	char region[S3_REGION], date[S3_DATE];
	struct s3_signing s = {.method = r->method,
			       .query = &query,
			       .headers = &headers,
			       .payload = r->payload,
			       .region = region,
			       .date = date,
			       .key = key};

	buf_init(&path, URL_MAX);
	buf_init(&b, LINE_BYTES);
	known_now(&c->known, region, date);
	if (!r->host[0])
		s3_place_host(&c->place, region, r->host);
	s3_place_path(&c->place, r->key, &path);
	s.path = path.p;
	r->creds = s3_creds_get(c->creds, key);
	s3_pairs_add(&headers, "host", str_from(r->host));
	s3_pairs_add(&headers, "x-amz-content-sha256", str_from(r->payload));
	s3_pairs_add(&headers, "x-amz-date", str_from(date));
	if (key->token[0])
		s3_pairs_add(&headers, "x-amz-security-token",
			     str_from(key->token));
	s3_sign(&s, &b);
	add_lines(t, &headers, buf_view(&b));
	add_address(c, t, path.p, &query);
}

/* --- libcurl -------------------------------------------------------------- */

static void set_method(struct s3_try *t)
{
	const struct s3_request *r = t->r;
	CURL *easy = t->easy;

	if (!strcmp(r->method, "HEAD")) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (!strcmp(r->method, "PUT") || !strcmp(r->method, "POST")) {
		curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE,
				 (long)S3_BUFFER);
		curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE,
				 (curl_off_t)body_size(r));
		curl_easy_setopt(easy, CURLOPT_READFUNCTION, give_body);
		curl_easy_setopt(easy, CURLOPT_READDATA, t);
		curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, seek_body);
		curl_easy_setopt(easy, CURLOPT_SEEKDATA, t);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_times(struct s3_try *t)
{
	const struct s3_request *r = t->r;
	int64_t left = r->deadline - clock_mono_ms();
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)S3_CONNECT_MS);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)S3_SLOW_RATE);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME,
			 (long)(r->patience_s ? r->patience_s : S3_STALL_S));
	curl_easy_setopt(easy, CURLOPT_MAXAGE_CONN, (long)S3_IDLE_S);
	/* Who states a budget wants an answer by then. */
	if (r->budget_ms && left > 0)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)left);
}

/* Whom to trust in place of the system's certificates, as AWS's tools name it,
 * and others do before a daemon of ours. */
static void set_trust(CURL *easy, bool ours)
{
	const char *bundle = getenv(ours ? "SSL_CERT_FILE" : "AWS_CA_BUNDLE");

	if (bundle && *bundle)
		curl_easy_setopt(easy, CURLOPT_CAINFO, bundle);
}

/* Nothing else of the environment, no redirect, no other protocol. */
static void set_options(struct s3_try *t, bool ours)
{
	CURL *easy = t->easy;

	curl_easy_reset(easy);
	set_trust(easy, ours);
	curl_easy_setopt(easy, CURLOPT_URL, t->url.p);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION,
			 (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)S3_BUFFER);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "orrery/" ORRERY_VERSION);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->lines);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_head);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	set_method(t);
	set_times(t);
}

struct s3_try *s3_try_new(struct s3_client *c, struct s3_request *r, CURL *easy,
			  struct s3_key *key)
{
	struct s3_try *t = calloc(1, sizeof(*t));

	if (!t)
		abort();
	t->r = r;
	t->easy = easy;
	buf_init(&t->url, URL_MAX);
	forget_head(r);
	if (c->bearer)
		show_token(c, t);
	else
		sign(c, t, key);
	set_options(t, c->bearer != NULL);
	return t;
}

void s3_try_free(struct s3_try *t)
{
	curl_slist_free_all(t->lines);
	buf_fini(&t->url);
	free(t);
}
