/* SPDX-License-Identifier: Apache-2.0 */
/* idle.c - see idle.h. */
#include "indexer/index/idle.h"

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/artifact.h"
#include "indexer/index/model.h"
#include "indexer/index/points.h"
#include "indexer/index/trace_write.h"

enum {
	PRUNE_MS = 60000,
	AFTER_FAILURE_MS = 1000, /* a full disk is not tried without pause */
	DAY_MS = 24 * 3600 * 1000,
	HOUR_MS = 3600 * 1000,
};

static bool prune_is_due(const struct writer *w)
{
	return clock_mono_ms() - w->pruned_at > PRUNE_MS;
}

bool idle_wanted(const struct writer *w)
{
	if (w->idled_at > clock_mono_ms())
		return false;
	return points_idle_wanted(w) || w->reap || prune_is_due(w);
}

/* Removals older than a week; who wants them has to start again. 1 when some
 * went: there may be more. */
static int prune_removed(struct writer *w, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t before = w->now - (int64_t)LIMIT_REMOVED_DAYS * DAY_MS;
	int64_t last, change;

	if (cursor_open(&q, &w->db, STMT_REMOVED_OLD, BINDS(B(before)), e) < 0)
		return -1;
	if (cursor_next(&q, e) < 0)
		return -1;
	if (cursor_null(&q, 0))
		return 0;
	last = cursor_i64(&q, 0);
	change = cursor_i64(&q, 1);
	if (db_exec(&w->db, STMT_REMOVED_FORGET, BINDS(B(last)), e) < 0)
		return -1;
	if (db_exec(&w->db, STMT_STATE_FORGOTTEN, BINDS(B(change)), e) < 0)
		return -1;
	return 1;
}

static int prune(struct writer *w, void *arg, struct err *e)
{
	int64_t before = w->now - (int64_t)LIMIT_ONCE_HOURS * HOUR_MS;
	int64_t *gone = arg;
	int rc = prune_removed(w, e);

	if (rc < 0 ||
	    db_exec(&w->db, STMT_ONCE_FORGET, BINDS(B(before)), e) < 0)
		return -1;
	*gone = rc + db_changes(&w->db);
	before = w->now - (int64_t)LIMIT_EARLY_LINK_HOURS * HOUR_MS;
	if (db_exec(&w->db, STMT_TRACE_LINK_FORGET, BINDS(B(before)), e) < 0)
		return -1;
	*gone += db_changes(&w->db);
	return 0;
}

static int reap(struct writer *w, void *arg, struct err *e)
{
	int left;

	(void)arg;
	if (artifact_reap(w, LIMIT_IDLE_MS, e) < 0)
		return -1;
	left = model_reap(w, LIMIT_IDLE_MS, e);
	w->reap = w->reap || left > 0;
	if (left < 0)
		return -1;
	left = trace_reap(w, LIMIT_IDLE_MS, e);
	w->reap = w->reap || left > 0;
	return left < 0 ? -1 : 0;
}

static int fold(struct writer *w, void *arg, struct err *e)
{
	(void)arg;
	return points_idle(w, LIMIT_IDLE_MS, e);
}

void idle_work(struct writer *w)
{
	struct err e;
	int64_t gone = 0;
	int rc = 0;

	if (!idle_wanted(w))
		return;
	w->idled_at = clock_mono_ms();
	if (prune_is_due(w)) {
		rc = writer_transaction(w, prune, &gone, &e);
		if (rc < 0 || !gone)
			w->pruned_at = w->idled_at;
	}
	if (rc == 0 && w->reap)
		rc = writer_transaction(w, reap, NULL, &e);
	if (rc == 0 && points_idle_wanted(w))
		rc = writer_transaction(w, fold, NULL, &e);
	if (rc == 0)
		return;
	w->idled_at += AFTER_FAILURE_MS;
	log_warn("idle work failed", "why=\"%s\"", e.msg);
}
