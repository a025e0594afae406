/* SPDX-License-Identifier: Apache-2.0 */
/* signer.c - see signer.h. */
#include "indexer/objects/signer.h"

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#undef ERR_STATE

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"

static int make_key(struct signer *s, const char *path, struct err *e)
{
	random_bytes(s->key, sizeof(s->key));
	return io_replace_file(
		path, str_n((const char *)s->key, sizeof(s->key)), 0600, e);
}

int signer_load(struct signer *s, const char *path, struct err *e)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 2 * SIGNER_KEY);
	if (access(path, F_OK) < 0)
		return make_key(s, path, e);
	if (io_read_file(path, SIGNER_KEY, &b, e) < 0)
		return -1;
	if (b.n != SIGNER_KEY)
		return err_set(e, ERR_CORRUPT,
			       "%s: a key has %d bytes; remove the file to "
			       "have a new one",
			       path, SIGNER_KEY);
	memcpy(s->key, b.p, SIGNER_KEY);
	return 0;
}

int signer_sign(const struct signer *s, struct str text,
		char out[SIGNATURE_TEXT], struct err *e)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!HMAC(EVP_sha256(), s->key, sizeof(s->key),
		  (const unsigned char *)text.p, text.n, mac, &n) ||
	    2 * n + 1 != SIGNATURE_TEXT)
		return err_set(e, ERR_INTERNAL, "HMAC-SHA256 cannot be had");
	hex_encode(mac, n, out);
	return 0;
}

bool signer_holds(const struct signer *s, struct str text, struct str signature)
{
	char right[SIGNATURE_TEXT];
	struct err e;

	return signature.n == SIGNATURE_TEXT - 1 &&
	       signer_sign(s, text, right, &e) == 0 &&
	       CRYPTO_memcmp(right, signature.p, signature.n) == 0;
}
