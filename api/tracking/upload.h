/* SPDX-License-Identifier: Apache-2.0 */
/* upload.h - a request's body on its way into the artifacts of a run or
 * logged model.
 */
#ifndef ORRERY_TRACKING_UPLOAD_H
#define ORRERY_TRACKING_UPLOAD_H

#include "api/tracking/artifact.h"
#include "indexer/objects/claim.h"

/* From where the bytes come: writes them into put. */
struct upload;
typedef int upload_fill(struct upload *u, struct object_put *put,
			struct err *e);

struct upload {
	struct call *c;
	struct artifact_ref ref; /* whose, and where in its artifacts */
	struct str wish;         /* the object key that it should have */
	int64_t limit;           /* bytes, 0: none */
	bool bare;               /* the index does not learn of it yet */
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct buf sums;    /* of its blocks */
	struct claim claim; /* of the body, what its sender says it is */
	void *from;         /* for another fill than the body */
};

/* Checks the rights on ref, stores the body, and enters it in the index: on
 * success it is on disk and seen. Whatever fails leaves nothing that anyone
 * sees. On a transfer thread only. */
int upload_body(struct upload *u, struct err *e);

/* The same with bytes from elsewhere. */
int upload_from(struct upload *u, upload_fill *fill, struct err *e);
/* The rights on ref alone. */
int upload_may(const struct call *c, const struct artifact_ref *ref,
	       struct err *e);
/* ERR_TOO_LARGE where size is beyond the limit (0: none). */
int upload_fits(int64_t limit, int64_t size, struct err *e);
/* What the call's headers say that its body is. */
int upload_claim(const struct call *c, struct claim *ret, struct err *e);

/* Answers {} with the entity tag. */
void upload_answer(const struct upload *u);

#endif
