/* SPDX-License-Identifier: Apache-2.0 */
/* signer.h - texts that only this installation can have written: links that
 * carry their own permission. HMAC-SHA256 under a key that lies in a file of
 * the data directory, so that links outlive a restart. */
#ifndef ORRERY_OBJECTS_SIGNER_H
#define ORRERY_OBJECTS_SIGNER_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum { SIGNER_KEY = 32, SIGNATURE_TEXT = 65 };

struct signer {
	unsigned char key[SIGNER_KEY];
};

/* From the file at path, which is made (0600) where there is none. */
int signer_load(struct signer *s, const char *path, struct err *e);
/* 64 hex digits and NUL. */
int signer_sign(const struct signer *s, struct str text,
		char out[SIGNATURE_TEXT], struct err *e);
/* In time that does not tell how much of it is right. */
bool signer_holds(const struct signer *s, struct str text,
		  struct str signature);

#endif
