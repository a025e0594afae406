/* SPDX-License-Identifier: Apache-2.0 */
/* catch_up.c - calls that wait for the copy of the index. */
#include "fs/catch_up.h"

#include "fs/replica.h"
#include "indexer/base/clock.h"
#include "indexer/index/replica_file.h"

enum { SLICE_MS = 20, TRIES = 8, POINTS_MS = 60000 };

void fs_catch_up(struct fs_call *c, int64_t change)
{
	int64_t end = clock_mono_ms() + FS_SEEN_MS;
	struct replica *r = c->fs->replica;

	while (r && !fs_cancelled(c) && !replica_wait(r, change, SLICE_MS))
		if (!fs_left(c, c->fs->wait_ms) && clock_mono_ms() > end)
			return;
}

static int await_points(struct fs_call *c, int64_t run_row, struct err *e)
{
	const struct replica_wait w = {POINTS_MS, fs_cancelled, c};

	if (replica_points(c->fs->replica, run_row, &w, e) == 0)
		return 0;
	if (e->kind != ERR_INTERRUPTED)
		e->kind = ERR_IO;
	return -1;
}

int fs_begin_points(struct fs_call *c, int64_t run_row, struct err *e)
{
	for (int i = 0; i < TRIES; i++) {
		int rc;

		if (fs_begin(c, e))
			return -1;
		if (!c->fs->replica)
			return 0;
		rc = replica_holds(c->rd, run_row, e);
		if (rc)
			return rc < 0 ? -1 : 0;
		fs_end(c);
		if (fs_may_wait(c, e))
			return -1;
		if (await_points(c, run_row, e))
			return -1;
	}
	return err_set(e, ERR_IO, "the points of this run change too fast");
}
