/* SPDX-License-Identifier: Apache-2.0 */
/* claim.h - what a sender says its bytes are, held against what came.
 *
 * Content-MD5 (RFC 1864: base64), and SHA-256 by Content-Digest or Repr-Digest
 * (RFC 9530: "sha-256=:<base64>:") or by the older Digest (RFC 3230:
 * "SHA-256=<base64>"). Other algorithms beside it are passed over.
 */
#ifndef ORRERY_OBJECTS_CLAIM_H
#define ORRERY_OBJECTS_CLAIM_H

#include "indexer/objects/objects.h"

enum { CLAIM_MD5 = 16, CLAIM_SHA256 = 32 };

struct claim {
	struct evp_md_ctx_st *md5_ctx; /* NULL where none is claimed */
	unsigned char md5[CLAIM_MD5];
	bool sha256_set;
	unsigned char sha256[CLAIM_SHA256];
};

/* The values of the headers; each may be absent. ERR_INVALID where one cannot
 * be read, or two differ. claim_fini in any case. */
int claim_init(struct claim *c, struct str content_md5,
	       const struct str digests[], size_t ndigests, struct err *e);
void claim_fini(struct claim *c);
/* The next bytes. */
int claim_add(struct claim *c, const void *p, size_t n, struct err *e);
/* At the end; d is of the same bytes. ERR_INVALID where they differ. */
int claim_check(struct claim *c, const struct object_digest *d, struct err *e);

#endif
