/* SPDX-License-Identifier: Apache-2.0 */
/* cache_check.c - sums and digests of blocks and of the whole. */
#include "indexer/objects/cache_check.h"

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include "indexer/base/text.h"

static const struct {
	const char *name;
	size_t hex;
	const EVP_MD *(*md)(void);
} kinds[] = {
	[CACHE_SHA256] = {"sha256", 64, EVP_sha256},
	[CACHE_MD5] = {"md5", 32, EVP_md5},
};

const char *cache_id_kind(enum cache_digest kind)
{
	return kinds[kind].name;
}

int cache_id_init(struct cache_id *id, enum cache_digest kind, struct str hex,
		  struct err *e)
{
	char bytes[32];

	if (hex.n != kinds[kind].hex || !hex_decode(hex, bytes))
		return err_set(e, ERR_INVALID,
			       "\"%.80s\" is no %s: that has %zu hex digits",
			       hex.n ? "the digest" : "", kinds[kind].name,
			       kinds[kind].hex);
	id->kind = kind;
	hex_encode(bytes, hex.n / 2, id->hex);
	return 0;
}

/* --- blocks --------------------------------------------------------------- */

/* As sums_write has it. */
static int64_t sums_block_for(int64_t size)
{
	int64_t block = INT64_C(1) << SUMS_SHIFT;

	while ((size + block - 1) / block > SUMS_BLOCKS)
		block *= 2;
	return block;
}

static void set_blocks(struct check *k, int64_t block)
{
	k->block = block;
	k->blocks = (k->size + block - 1) / block;
}

void check_init(struct check *k, const struct cache_id *id, int64_t size,
		struct str sums)
{
	*k = (struct check){.id = *id, .size = size, .known = true};
	buf_init(&k->sums, SUMS_BYTES);
	if (sums.n && sums_valid(sums, size)) {
		buf_str(&k->sums, sums);
		set_blocks(k, sums_block(sums));
	} else if (size <= SUMS_FROM) {
		set_blocks(k, size ? size : 1);
	} else {
		k->known = false;
		set_blocks(k, sums_block_for(size));
	}
}

void check_fini(struct check *k)
{
	buf_fini(&k->sums);
}

static bool is_digest(const struct check *k, const unsigned char *md)
{
	char hex[2 * EVP_MAX_MD_SIZE + 1];

	hex_encode(md, kinds[k->id.kind].hex / 2, hex);
	return !strcmp(hex, k->id.hex);
}

bool check_block(const struct check *k, int64_t block, const void *p, size_t n)
{
	unsigned char md[EVP_MAX_MD_SIZE];

	if (!k->known || n != check_size(k, block))
		return false;
	if (k->sums.n)
		return sums_check(buf_view(&k->sums), block, p, n);
	return EVP_Digest(p, n, md, NULL, kinds[k->id.kind].md(), NULL) &&
	       is_digest(k, md);
}

/* --- a pass --------------------------------------------------------------- */

int pass_begin(struct pass *p, const struct check *k)
{
	*p = (struct pass){.k = k};
	sums_init(&p->sums);
	p->md = EVP_MD_CTX_new();
	return p->md && EVP_DigestInit_ex(p->md, kinds[k->id.kind].md(), NULL)
		       ? 0
		       : -1;
}

void pass_add(struct pass *p, const void *bytes, size_t n)
{
	EVP_DigestUpdate(p->md, bytes, n);
	sums_add(&p->sums, bytes, n);
	p->at += (int64_t)n;
}

bool pass_end(struct pass *p, struct check *k)
{
	unsigned char md[EVP_MAX_MD_SIZE];

	if (p->at != k->size || !EVP_DigestFinal_ex(p->md, md, NULL) ||
	    !is_digest(k, md))
		return false;
	buf_reset(&k->sums);
	sums_write(&p->sums, &k->sums);
	k->known = k->sums.n && sums_valid(buf_view(&k->sums), k->size) &&
		   sums_block(buf_view(&k->sums)) == k->block;
	return k->known;
}

void pass_fini(struct pass *p)
{
	EVP_MD_CTX_free(p->md);
	sums_fini(&p->sums);
}
