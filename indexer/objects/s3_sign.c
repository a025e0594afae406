/* SPDX-License-Identifier: Apache-2.0 */
/* s3_sign.c - see s3_sign.h.
 *
 * What is signed is one text of everything that matters, in one order and one
 * encoding; both sides make it for themselves.
 */
#include "indexer/objects/s3_sign.h"

#include <assert.h>

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

enum { SHA = 32, CANONICAL_MAX = 256 << 10, SCOPE = 128, DAY = 8 };

void s3_pairs_add(struct s3_pairs *p, const char *name, struct str value)
{
	assert(p->n < S3_PAIRS);
	p->v[p->n++] = (struct s3_pair){name, value};
}

void s3_date(int64_t ms, char out[S3_DATE])
{
	char text[CLOCK_TEXT];
	size_t n = 0;

	clock_rfc3339(ms / 1000 * 1000, text);
	for (const char *p = text; *p && *p != '.' && n < S3_DATE - 2; p++)
		if (*p != '-' && *p != ':' && *p != 'Z')
			out[n++] = *p;
	out[n++] = 'Z';
	out[n] = '\0';
}

void s3_sha256(struct str s, char out[S3_HEX])
{
	unsigned char sha[SHA];

	if (EVP_Digest(s.n ? s.p : "", s.n, sha, NULL, EVP_sha256(), NULL) != 1)
		abort();
	hex_encode(sha, SHA, out);
}

void s3_md5(struct str s, unsigned char out[S3_MD5])
{
	if (EVP_Digest(s.n ? s.p : "", s.n, out, NULL, EVP_md5(), NULL) != 1)
		abort();
}

static void hmac(const void *key, size_t n, struct str text,
		 unsigned char out[SHA])
{
	if (!HMAC(EVP_sha256(), key, (int)n, (const unsigned char *)text.p,
		  text.n, out, NULL))
		abort();
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct s3_pair *)a)->name,
		      ((const struct s3_pair *)b)->name);
}

static void sort(struct s3_pairs *p)
{
	if (p->n)
		qsort(p->v, p->n, sizeof(p->v[0]), by_name);
}

void s3_query(struct buf *b, struct s3_pairs *q)
{
	sort(q);
	for (size_t i = 0; i < q->n; i++) {
		if (i)
			buf_putc(b, '&');
		pct_encode(b, str_from(q->v[i].name), "");
		buf_putc(b, '=');
		pct_encode(b, q->v[i].value, "");
	}
}

static void signed_headers(const struct s3_signing *s, struct buf *b)
{
	for (size_t i = 0; i < s->headers->n; i++) {
		if (i)
			buf_putc(b, ';');
		buf_puts(b, s->headers->v[i].name);
	}
}

static void canonical(const struct s3_signing *s, struct buf *b)
{
	buf_printf(b, "%s\n%s\n", s->method, s->path);
	s3_query(b, s->query);
	buf_putc(b, '\n');
	for (size_t i = 0; i < s->headers->n; i++)
		buf_printf(b, "%s:%.*s\n", s->headers->v[i].name,
			   STR_ARG(str_trim(s->headers->v[i].value)));
	buf_putc(b, '\n');
	signed_headers(s, b);
	buf_printf(b, "\n%s", s->payload);
}

static void scope_of(const struct s3_signing *s, char out[SCOPE])
{
	snprintf(out, SCOPE, "%.8s/%.64s/s3/aws4_request", s->date, s->region);
}

static void sign_text(const struct s3_signing *s, struct str text,
		      char out[S3_HEX])
{
	char first[S3_SECRET + 8];
	unsigned char k[SHA];
	int n = snprintf(first, sizeof(first), "AWS4%s", s->key->secret);

	hmac(first, (size_t)n, str_n(s->date, DAY), k);
	hmac(k, SHA, str_from(s->region), k);
	hmac(k, SHA, STR("s3"), k);
	hmac(k, SHA, STR("aws4_request"), k);
	hmac(k, SHA, text, k);
	hex_encode(k, SHA, out);
	explicit_bzero(first, sizeof(first));
}

static void signature(const struct s3_signing *s, char out[S3_HEX])
{
	SCOPED(buf_fini) struct buf b;
	char hash[S3_HEX], scope[SCOPE], text[512];
	int n;

	buf_init(&b, CANONICAL_MAX);
	canonical(s, &b);
	s3_sha256(buf_view(&b), hash);
	scope_of(s, scope);
	n = snprintf(text, sizeof(text), ALGORITHM "\n%s\n%s\n%s", s->date,
		     scope, hash);
	sign_text(s, str_n(text, (size_t)n), out);
}

void s3_sign(const struct s3_signing *s, struct buf *b)
{
	char sum[S3_HEX], scope[SCOPE];

	sort(s->headers);
	signature(s, sum);
	scope_of(s, scope);
	buf_printf(b, ALGORITHM " Credential=%s/%s, SignedHeaders=", s->key->id,
		   scope);
	signed_headers(s, b);
	buf_printf(b, ", Signature=%s", sum);
}

void s3_presign(const struct s3_signing *s, int64_t seconds, struct buf *b)
{
	char sum[S3_HEX], scope[SCOPE], lasts[24];
	char credential[S3_KEY_ID + SCOPE + 1];

	scope_of(s, scope);
	snprintf(credential, sizeof(credential), "%s/%s", s->key->id, scope);
	snprintf(lasts, sizeof(lasts), "%lld", (long long)seconds);
	s3_pairs_add(s->query, "X-Amz-Algorithm", STR(ALGORITHM));
	s3_pairs_add(s->query, "X-Amz-Credential", str_from(credential));
	s3_pairs_add(s->query, "X-Amz-Date", str_from(s->date));
	s3_pairs_add(s->query, "X-Amz-Expires", str_from(lasts));
	if (s->key->token[0])
		s3_pairs_add(s->query, "X-Amz-Security-Token",
			     str_from(s->key->token));
	s3_pairs_add(s->query, "X-Amz-SignedHeaders", STR("host"));
	signature(s, sum);
	s3_query(b, s->query);
	buf_printf(b, "&X-Amz-Signature=%s", sum);
}
