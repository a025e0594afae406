/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c - see claim.h. */
#include "indexer/objects/claim.h"

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "indexer/base/scope.h"
#include "indexer/base/text.h"

static int unreadable(const char *what, struct str value, struct err *e)
{
	return err_set(e, ERR_INVALID, "\"%.*s\" is no %s in base64",
		       (int)(value.n < 100 ? value.n : 100),
		       value.n ? value.p : "", what);
}

/* base64 of just n bytes. */
static int read_base64(struct str text, const char *what, unsigned char *out,
		       size_t n, struct err *e)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, text.n + 4);
	if (!base64_decode(text, &b) || !buf_ok(&b) || b.n != n)
		return unreadable(what, text, e);
	memcpy(out, b.p, n);
	return 0;
}

static int read_md5(struct claim *c, struct str value, struct err *e)
{
	if (read_base64(str_trim(value), "MD5", c->md5, CLAIM_MD5, e) < 0)
		return -1;
	c->md5_ctx = EVP_MD_CTX_new();
	if (!c->md5_ctx || EVP_DigestInit_ex(c->md5_ctx, EVP_md5(), NULL) != 1)
		return err_set(e, ERR_UNSUPPORTED,
			       "MD5 cannot be had here: use Content-Digest "
			       "with sha-256");
	return 0;
}

static int set_sha256(struct claim *c, struct str text, struct err *e)
{
	unsigned char sha[CLAIM_SHA256];

	if (text.n >= 2 && text.p[0] == ':' && text.p[text.n - 1] == ':')
		text = str_n(text.p + 1, text.n - 2);
	if (read_base64(text, "SHA-256", sha, sizeof(sha), e) < 0)
		return -1;
	if (c->sha256_set && memcmp(sha, c->sha256, sizeof(sha)) != 0)
		return err_set(e, ERR_INVALID,
			       "two headers state different SHA-256");
	memcpy(c->sha256, sha, sizeof(sha));
	c->sha256_set = true;
	return 0;
}

/* "sha-512=:...:, sha-256=:...:" */
static int read_digests(struct claim *c, struct str value, struct err *e)
{
	while (value.p) {
		struct str one = str_trim(str_cut(&value, ','));
		struct str text = one;
		struct str name = str_trim(str_cut(&text, '='));

		if (!str_eq_nocase(name, STR("sha-256")))
			continue;
		if (!text.p)
			return unreadable("SHA-256", one, e);
		text = str_trim(str_cut(&text, ';'));
		if (set_sha256(c, text, e) < 0)
			return -1;
	}
	return 0;
}

int claim_init(struct claim *c, struct str content_md5,
	       const struct str digests[], size_t ndigests, struct err *e)
{
	*c = (struct claim){0};
	if (content_md5.p && read_md5(c, content_md5, e) < 0)
		return -1;
	for (size_t i = 0; i < ndigests; i++)
		if (read_digests(c, digests[i], e) < 0)
			return -1;
	return 0;
}

void claim_fini(struct claim *c)
{
	EVP_MD_CTX_free(c->md5_ctx);
	c->md5_ctx = NULL;
}

int claim_add(struct claim *c, const void *p, size_t n, struct err *e)
{
	if (!c->md5_ctx || EVP_DigestUpdate(c->md5_ctx, p, n) == 1)
		return 0;
	return err_set(e, ERR_INTERNAL, "MD5 failed");
}

static int differs(const char *what, const unsigned char *claimed,
		   const unsigned char *got, size_t n, struct err *e)
{
	char a[2 * CLAIM_SHA256 + 1], b[2 * CLAIM_SHA256 + 1];

	if (memcmp(claimed, got, n) == 0)
		return 0;
	hex_encode(claimed, n, a);
	hex_encode(got, n, b);
	return err_set(e, ERR_INVALID,
		       "the bytes that came have %s %s, not %s: they were "
		       "damaged on their way",
		       what, b, a);
}

static int check_md5(struct claim *c, struct err *e)
{
	unsigned char md5[EVP_MAX_MD_SIZE];

	if (!c->md5_ctx)
		return 0;
	if (EVP_DigestFinal_ex(c->md5_ctx, md5, NULL) != 1)
		return err_set(e, ERR_INTERNAL, "MD5 failed");
	return differs("MD5", c->md5, md5, CLAIM_MD5, e);
}

int claim_check(struct claim *c, const struct object_digest *d, struct err *e)
{
	unsigned char sha[CLAIM_SHA256];

	if (check_md5(c, e) < 0)
		return -1;
	if (!c->sha256_set)
		return 0;
	if (!hex_decode(str_from(d->sha256), sha))
		return err_set(e, ERR_INTERNAL, "no SHA-256 to compare with");
	return differs("SHA-256", c->sha256, sha, sizeof(sha), e);
}
