/* SPDX-License-Identifier: Apache-2.0 */
/* s3_client.c - who is asked and as whom: a store of S3, or a daemon of ours;
 * the links that let others ask the same; what a request is before its first
 * attempt, and how long it waits for the next.
 */
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/s3_try.h"

enum { PATH_MOST = 64 << 10 };

static int set_region(struct s3_client *c, struct str region, struct err *e)
{
	struct s3_known *k = &c->known;

	if (region.n >= sizeof(k->region))
		return err_set(e, ERR_INVALID,
			       "objects.region: a name has at most %zu bytes",
			       sizeof(k->region) - 1);
	if (region.n)
		memcpy(k->region, region.p, region.n);
	else
		s3_creds_region(k->region, sizeof(k->region));
	if (!k->region[0])
		snprintf(k->region, sizeof(k->region), "us-east-1");
	return 0;
}

int s3_client_init(struct s3_client *c, const struct conf_objects *o,
		   struct err *e)
{
	*c = (struct s3_client){0};
	pthread_mutex_init(&c->known.mu, NULL);
	if (s3_place_init(&c->place, o, e) < 0 ||
	    set_region(c, o->region, e) < 0)
		return -1;
	c->creds = s3_creds_open(e);
	return c->creds ? 0 : -1;
}

static int set_bearer(struct s3_client *c, const char *token, struct err *e)
{
	if (!token || !*token)
		c->bearer = strdup("");
	else if (asprintf(&c->bearer, "Bearer %s", token) < 0)
		abort();
	for (const char *p = token; p && *p; p++)
		if (*p <= ' ' || *p > '~')
			return err_set(e, ERR_INVALID,
				       "the token holds bytes that no token "
				       "has");
	return 0;
}

int s3_client_to_daemon(struct s3_client *c, const char *url, const char *token,
			struct err *e)
{
	const struct conf_objects at = {.url = STR("s3://api/mount/object"),
					.endpoint = str_from(url),
					.path_style = true};

	*c = (struct s3_client){0};
	pthread_mutex_init(&c->known.mu, NULL);
	if (s3_place_init(&c->place, &at, e) < 0 || set_bearer(c, token, e))
		return -1;
	snprintf(c->place.name, sizeof(c->place.name), "the daemon at %.300s",
		 url);
	return 0;
}

void s3_client_fini(struct s3_client *c)
{
	s3_creds_close(c->creds);
	if (c->bearer)
		explicit_bzero(c->bearer, strlen(c->bearer));
	free(c->bearer);
	pthread_mutex_destroy(&c->known.mu);
}

int s3_client_link(struct s3_client *c, struct str key, int64_t seconds,
		   struct buf *b, struct err *e)
{
	SCOPED(buf_fini) struct buf path;
	SCOPED_FREE struct s3_key *k = malloc(sizeof(*k));
	char region[S3_REGION], date[S3_DATE], host[S3_HOST];
	struct s3_pairs query = {.n = 0}, headers = {.n = 0};
	struct s3_signing s = {.method = "GET",
			       .query = &query,
			       .headers = &headers,
			       .payload = S3_UNSIGNED,
			       .region = region,
			       .date = date,
			       .key = k};

	if (!k)
		abort();
	buf_init(&path, PATH_MOST);
	pthread_mutex_lock(&c->known.mu);
	memcpy(region, c->known.region, sizeof(region));
	s3_date(clock_ms() + c->known.skew_ms, date);
	pthread_mutex_unlock(&c->known.mu);
	s3_creds_get(c->creds, k);
	s3_place_host(&c->place, region, host);
	s3_place_path(&c->place, key, &path);
	s3_pairs_add(&headers, "host", str_from(host));
	s.path = path.p;
	buf_printf(b, "%s://%s%s?", c->place.tls ? "https" : "http", host,
		   path.p);
	s3_presign(&s, seconds < S3_LINK_MAX_S ? seconds : S3_LINK_MAX_S, b);
	explicit_bzero(k, sizeof(*k));
	return buf_ok(b) ? 0 : err_set(e, ERR_TOO_LONG, "the link is too long");
}

void s3_client_prepare(struct s3_client *c, struct s3_request *r)
{
	if (c->bearer && !r->patience_s)
		r->patience_s = S3_AWAY_S;
	if (c->bearer)
		r->payload[0] = '\0';
	else if (r->body.n && c->place.tls)
		snprintf(r->payload, sizeof(r->payload), S3_UNSIGNED);
	else
		s3_sha256(r->body, r->payload);
	r->due = 0;
	r->deadline = r->budget_ms ? clock_mono_ms() + r->budget_ms : 0;
	r->attempts = 0;
	r->first = S3_GOOD;
	r->done = r->failed = r->cancelled = r->doubtful = false;
	r->host[0] = '\0';
}

static int64_t random_below(int64_t n)
{
	uint32_t v;

	random_bytes(&v, sizeof(v));
	return n > 0 ? (int64_t)v % n : 0;
}

int64_t s3_pause_ms(const struct s3_request *r, enum s3_verdict verdict)
{
	int64_t most = (int64_t)S3_BACKOFF_MS << r->attempts;

	if (verdict == S3_AT_ONCE)
		return 0;
	if (verdict == S3_NEW_KEYS)
		return S3_RENEW_MS;
	if (r->head.retry_after_ms >= 0)
		return r->head.retry_after_ms + random_below(S3_BACKOFF_MS);
	if (most > S3_BACKOFF_MAX_MS)
		most = S3_BACKOFF_MAX_MS;
	return 1 + random_below(most);
}
