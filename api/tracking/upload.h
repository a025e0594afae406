/* SPDX-License-Identifier: Apache-2.0 */
/* upload.h - a request's body on its way into the artifacts of a run or
 * logged model.
 */
#ifndef ORRERY_TRACKING_UPLOAD_H
#define ORRERY_TRACKING_UPLOAD_H

#include "api/tracking/artifact.h"

struct upload {
	struct call *c;
	struct artifact_ref ref; /* whose, and where in its artifacts */
	struct str wish;         /* the object key that it should have */
	int64_t limit;           /* bytes, 0: none */
	struct object_put *put;
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
};

/* Checks the rights on ref, stores the body, and enters it in the index: on
 * success it is on disk and seen. Whatever fails leaves nothing that anyone
 * sees. On a transfer thread only. */
int upload_body(struct upload *u, struct err *e);

/* Answers {} with the entity tag. */
void upload_answer(const struct upload *u);

#endif
