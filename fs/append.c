/* SPDX-License-Identifier: Apache-2.0 */
/* append.c - the side of the journal that writes, and who waits for it.
 *
 * Which runs have lines on their way is kept by hash of the run: two runs in
 * one slot wait for each other now and then, and nothing needs to be removed.
 */
#include "fs/append.h"

#include "fs/kind.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/journal/ship.h"

enum { RECORD_ROOM = 1024 }; /* of a record beside its points, at most */

static atomic_llong *pending_slot(struct fs *fs, int64_t run_row)
{
	return &fs->pending[(uint64_t)run_row % FS_PENDING];
}

static void raise_to(atomic_llong *slot, long long seq)
{
	long long old = atomic_load(slot);

	while (old < seq && !atomic_compare_exchange_weak(slot, &old, seq))
		;
}

static int64_t room_needed(const struct append *list, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += (int64_t)list[i].packed.n + RECORD_ROOM;
	return sum;
}

/* Records that belong together go in only where all have room. */
static int try_append(struct fs *fs, int64_t run_row, struct str run_id,
		      const struct append *list, size_t n, struct err *e)
{
	SCOPED_LOCK(&fs->append);
	int64_t now = clock_ms(), seq = 0;

	if (n > 1 && journal_free_bytes(fs->journal) < room_needed(list, n))
		return err_set(e, ERR_NO_SPACE, "the journal is full");
	for (size_t i = 0; i < n; i++) {
		if (journal_append(fs->journal, run_id, list[i].key,
				   list[i].packed, now, &seq, e))
			return -1;
		atomic_fetch_add(&fs->stats.lines, list[i].points);
	}
	raise_to(pending_slot(fs, run_row), seq);
	return 0;
}

int append_lines(struct fs_call *c, int64_t run_row, struct str run_id,
		 const struct append *list, size_t n, struct err *e)
{
	while (try_append(c->fs, run_row, run_id, list, n, e)) {
		if (e->kind != ERR_NO_SPACE)
			return -1;
		if (fs_may_wait(c, e))
			return -1;
		if (fs_left(c, c->fs->wait_ms) == 0)
			return err_set(e, ERR_IO,
				       "the journal is full and nobody "
				       "takes what is in it");
		if (fs_nap(c, FS_FULL_MS, e))
			return -1;
	}
	return 0;
}

/* 0 when committed or not to be waited for any longer, -1 when cancelled. */
static int await(struct fs_call *c, int64_t seq, int64_t limit_ms,
		 struct err *e)
{
	struct fs *fs = c->fs;
	int64_t left;

	while ((left = fs_left(c, limit_ms)) > 0) {
		if (fs_check_cancelled(c, e))
			return -1;
		if (journal_wait(fs->journal, seq, left < 20 ? left : 20) ||
		    !fs_daemon_runs(fs))
			return 0;
	}
	return 0;
}

static int seen(struct fs_call *c, int64_t seq, struct err *e)
{
	struct fs *fs = c->fs;

	if (seq <= journal_committed(fs->journal) || !fs_daemon_runs(fs))
		return 0;
	if (fs_may_wait(c, e))
		return -1;
	return await(c, seq, FS_SEEN_MS, e);
}

int fs_seen_run(struct fs_call *c, int64_t run_row, struct err *e)
{
	return seen(c, atomic_load(pending_slot(c->fs, run_row)), e);
}

int fs_seen(struct fs_call *c, const struct subject *s, struct err *e)
{
	unsigned flags = kinds[s->kind].flags;

	if (flags & KIND_SEES_ALL)
		return seen(c, journal_written(c->fs->journal), e);
	return flags & KIND_SEES_RUN ? fs_seen_run(c, s->row, e) : 0;
}

/* Whether the daemon has all up to seq. */
static bool stored(struct fs *fs, int64_t seq, int64_t wait_ms)
{
	return fs->shipper ? ship_wait(fs->shipper, seq, wait_ms)
			   : journal_wait(fs->journal, seq, wait_ms);
}

int append_flush(struct fs_call *c, struct err *e)
{
	struct fs *fs = c->fs;
	int64_t seq = journal_written(fs->journal);

	while (seq > journal_committed(fs->journal)) {
		if (fs_may_wait(c, e))
			return -1;
		if (stored(fs, seq, 20))
			break;
		if (fs_left(c, fs->wait_ms) == 0)
			return err_set(e, ERR_IO,
				       "the daemon does not take what was "
				       "written; it is kept in the journal");
	}
	/* what it refused is seen with the lines that it took */
	return await(c, seq, clock_mono_ms() - c->arrived + FS_SEEN_MS, e);
}

int append_ship(struct fs_call *c, int64_t limit_ms, struct err *e)
{
	struct fs *fs = c->fs;
	int64_t seq = journal_written(fs->journal);

	while (fs->shipper && !ship_wait(fs->shipper, seq, 20)) {
		if (fs_check_cancelled(c, e))
			return -1;
		if (fs_left(c, limit_ms) == 0)
			return err_set(e, ERR_IO,
				       "the daemon does not take what was "
				       "written; it is kept in the journal");
	}
	return 0;
}

int append_drain(struct fs *fs, struct err *e)
{
	struct fs_call c;
	int r;

	if (!fs_daemon_runs(fs))
		return 0;
	fs_call_init(&c, fs, 0);
	c.may_wait = true;
	r = append_flush(&c, e);
	fs_call_fini(&c);
	return r;
}
