/* SPDX-License-Identifier: Apache-2.0 */
/* post.h - commands to the daemon, by HTTP over its socket.
 *
 * While the daemon is away a command waits and is tried again, as long as a
 * write may wait; each carries a key of its own, so that one which took
 * effect while its answer was lost takes none again.
 */
#ifndef ORRERY_FS_POST_H
#define ORRERY_FS_POST_H

#include "fs/tree.h"

struct poster;

struct poster *poster_new(const char *data, struct err *e);
void poster_free(struct poster *p);
/* A fs_post_fn; ctx is the poster. */
int poster_post(void *ctx, struct fs_call *c, struct command *x, struct err *e);

#endif
