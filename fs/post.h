/* SPDX-License-Identifier: Apache-2.0 */
/* post.h - commands to the daemon, by HTTP: over its socket, or to a daemon on
 * another host.
 *
 * While the daemon is away a command waits and is tried again, as long as a
 * write may wait; each carries a key of its own, so that one which took
 * effect while its answer was lost takes none again.
 */
#ifndef ORRERY_FS_POST_H
#define ORRERY_FS_POST_H

#include "fs/tree.h"
#include "indexer/base/client.h"

struct poster;

/* base: as client_new takes it; so is the token. */
struct poster *poster_new(const char *base, struct str token, struct err *e);
void poster_free(struct poster *p);
/* A fs_post_fn; ctx is the poster. */
int poster_post(void *ctx, struct fs_call *c, struct command *x, struct err *e);
/* A connection like those that commands go by. */
struct client *poster_connect(struct poster *p, struct err *e);

#endif
