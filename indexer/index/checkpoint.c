/* SPDX-License-Identifier: Apache-2.0 */
/* checkpoint.c - see checkpoint.h. */
#include "indexer/index/checkpoint.h"

#include <inttypes.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/index/holder.h"
#include "indexer/index/limits.h"

enum {
	IDLE_PAGES = 1000,    /* worth a passive checkpoint */
	READERS_MS = 200,     /* a snapshot hardly ever lives longer */
	AGAIN_MS = 500,       /* until the next try after readers foiled one; */
	AGAIN_MAX_MS = 15000, /* twice as long each time */
	BUSY_MS = 5000,       /* as it was: see db.c */
};

static int after_commit(void *arg, sqlite3 *h, const char *name, int pages)
{
	struct checkpoint *cp = arg;

	(void)h;
	(void)name;
	if (pages < cp->wal_pages)
		cp->done_pages = 0;
	cp->wal_pages = pages;
	return SQLITE_OK;
}

int checkpoint_init(struct checkpoint *cp, struct db *db, struct bulletin *b,
		    struct err *e)
{
	*cp = (struct checkpoint){.db = db, .bulletin = b};
	if (db_value(db, "PRAGMA page_size", &cp->page_bytes, e) < 0)
		return -1;
	sqlite3_wal_hook(db->h, after_commit, cp);
	return 0;
}

int64_t checkpoint_wal_bytes(const struct checkpoint *cp)
{
	return cp->wal_pages * cp->page_bytes;
}

/* True when everything was written back and, for modes beyond PASSIVE, the
 * WAL starts over. */
static bool run(struct checkpoint *cp, int mode)
{
	int in_wal = 0, done = 0;
	int rc = sqlite3_wal_checkpoint_v2(cp->db->h, "main", mode, &in_wal,
					   &done);
	struct err e;

	cp->count++;
	if (rc != SQLITE_OK) {
		db_err(cp->db, rc, &e);
		log_debug("checkpoint incomplete", "mode=%d why=\"%s\"", mode,
			  e.msg);
		return false;
	}
	cp->done_pages = done;
	if (mode == SQLITE_CHECKPOINT_PASSIVE)
		return done == in_wal;
	cp->wal_pages = cp->done_pages = 0;
	return true;
}

/* Those that keep to the rules are out of their snapshots by now. */
static void name_holder(struct checkpoint *cp)
{
	cp->holder = wal_holder(sqlite3_db_filename(cp->db->h, "main"));
	if (cp->holder)
		log_warn("the write-ahead log cannot start over",
			 "bytes=%" PRId64 " process=%" PRId64
			 " why=\"it holds a snapshot; is it stopped?\"",
			 checkpoint_wal_bytes(cp), cp->holder);
}

/* What can be written back without waiting is, first: the gate is closed for
 * the rest alone. */
static bool restart(struct checkpoint *cp, int mode)
{
	bool good;

	run(cp, SQLITE_CHECKPOINT_PASSIVE);
	bulletin_gate_close(cp->bulletin);
	sqlite3_busy_timeout(cp->db->h, READERS_MS);
	good = run(cp, mode);
	if (good)
		cp->holder = 0;
	else
		name_holder(cp);
	sqlite3_busy_timeout(cp->db->h, BUSY_MS);
	bulletin_gate_open(cp->bulletin);
	return good;
}

void checkpoint_committed(struct checkpoint *cp)
{
	if (checkpoint_wal_bytes(cp) <= LIMIT_WAL_BYTES ||
	    clock_mono_ms() < cp->not_before)
		return;
	if (restart(cp, SQLITE_CHECKPOINT_RESTART)) {
		cp->pause_ms = 0;
		return;
	}
	cp->pause_ms = cp->pause_ms ? cp->pause_ms * 2 : AGAIN_MS;
	if (cp->pause_ms > AGAIN_MAX_MS)
		cp->pause_ms = AGAIN_MAX_MS;
	cp->not_before = clock_mono_ms() + cp->pause_ms;
}

void checkpoint_idle(struct checkpoint *cp)
{
	if (cp->holder)
		checkpoint_committed(cp);
	if (cp->wal_pages - cp->done_pages > IDLE_PAGES)
		run(cp, SQLITE_CHECKPOINT_PASSIVE);
}

void checkpoint_make_room(struct checkpoint *cp)
{
	restart(cp, SQLITE_CHECKPOINT_RESTART);
}

void checkpoint_close(struct checkpoint *cp)
{
	restart(cp, SQLITE_CHECKPOINT_TRUNCATE);
}
