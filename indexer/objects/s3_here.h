/* SPDX-License-Identifier: Apache-2.0 */
/* s3_here.h - an attempt made by who asks, on a connection of its own
 * (internal to s3_engine.c).
 *
 * A request goes to the engine's thread and back in two changes of thread,
 * which cost more than a small request does. So its first attempt is made
 * where it is waited for, while the store is well; whatever does not succeed
 * there is the engine's.
 */
#ifndef ORRERY_OBJECTS_S3_HERE_H
#define ORRERY_OBJECTS_S3_HERE_H

#include "indexer/objects/s3_try.h"

struct s3_here;

/* client outlives it. */
struct s3_here *s3_here_new(struct s3_client *client);
void s3_here_free(struct s3_here *h);
/* False where all its connections are in use: nothing was done. */
bool s3_here_try(struct s3_here *h, struct s3_request *r, enum s3_verdict *ret);

#endif
