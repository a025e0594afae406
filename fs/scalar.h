/* SPDX-License-Identifier: Apache-2.0 */
/* scalar.h - status, params and tags: one value in one file.
 */
#ifndef ORRERY_FS_SCALAR_H
#define ORRERY_FS_SCALAR_H

#include "fs/kind.h"

/* The value, in the arena; within a snapshot. ERR_NOT_FOUND. */
int scalar_get(struct fs_call *c, const struct subject *s, struct str *ret,
	       int64_t *ret_modified, struct err *e);
/* Set it; at is the node of the value or of the directory it lies in. */
int scalar_put(struct fs_call *c, const struct subject *s, struct node *at,
	       struct str value, struct err *e);
/* Less one newline at its end. */
struct str scalar_value(struct str text);

#endif
