/* SPDX-License-Identifier: Apache-2.0 */
/* drain.c - the thread that empties the journals into the index.
 *
 * The hard idea: while a command of a journal is at the writer, its records
 * pile up, and the next command takes all of them; so one line alone is
 * committed at once, and a flood in large batches, without a clock. While
 * something is at the writer the thread sleeps on its answer and mounts ring
 * no bell that costs a system call; else it sleeps on the bell.
 */
#include "indexer/index/drain.h"

#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/batch.h"
#include "indexer/index/drain_find.h"

enum {
	PAUSE_FIRST_MS = 5, /* after a command that failed; then doubled */
	PAUSE_MOST_MS = 1000,
	GLANCE_MS = 1, /* at other journals while one is at the writer */
	WHY = 700,     /* bytes of a reason in the log */
};

/* --- one journal -------------------------------------------------------- */

/* Of the thread that wrote: short. */
static void answered(struct command *c, void *ctx)
{
	struct drain *d = ctx;
	SCOPED_LOCK(&d->mu);

	c->node.next = d->done;
	d->done = &c->node;
	pthread_cond_signal(&d->moved);
}

static void pause_source(struct drain *d, struct source *s, const struct err *e)
{
	char quoted[WHY];

	if (!s->pause_ms && e->kind != ERR_BUSY)
		log_error("lines cannot be stored; trying again",
			  "journal=%s why=%s", journal_reader_id(s->r),
			  log_quote(str_from(e->msg), quoted, sizeof(quoted)));
	s->pause_ms = s->pause_ms ? 2 * s->pause_ms : PAUSE_FIRST_MS;
	if (s->pause_ms > PAUSE_MOST_MS)
		s->pause_ms = PAUSE_MOST_MS;
	s->retry_at = clock_mono_ms() + s->pause_ms;
	pthread_mutex_lock(&d->mu);
	d->stats.retries++;
	pthread_mutex_unlock(&d->mu);
}

/* It does not hold: said once. Once its mount is gone it is set aside. */
static void stick(struct drain *d, struct source *s, const struct err *e)
{
	char quoted[WHY];

	log_error("a journal does not hold",
		  "journal=%s records_left=%lld why=%s",
		  journal_reader_id(s->r),
		  (long long)(journal_reader_written(s->r) - s->committed),
		  log_quote(str_from(e->msg), quoted, sizeof(quoted)));
	pthread_mutex_lock(&d->mu);
	s->stuck = true;
	pthread_mutex_unlock(&d->mu);
}

/* Hand the next records to the writer. */
static void pump(struct drain *d, struct source *s)
{
	struct cmd_journal *c;
	struct err e;

	if (s->flying || s->stuck || s->ended || s->retry_at > clock_mono_ms())
		return;
	c = source_batch(s, d->scratch, &e);
	s->ended = !c && s->abandoned && e.kind == ERR_NONE;
	if (!c && e.kind == ERR_CORRUPT)
		stick(d, s, &e);
	else if (!c && e.kind != ERR_NONE)
		pause_source(d, s, &e);
	if (!c)
		return;
	c->c.done = answered;
	c->c.ctx = d;
	s->flying = c;
	if (index_submit(d->ix, &c->c, &e) < 0) {
		s->flying = NULL;
		command_free(&c->c);
		pause_source(d, s, &e);
	}
}

static void note_commit(struct drain *d, struct source *s,
			const struct cmd_journal *c)
{
	SCOPED_LOCK(&d->mu);

	s->committed = c->last_seq;
	d->stats.batches++;
	d->stats.records += (int64_t)c->nlines;
	d->stats.points += batch_points(c);
}

static void land(struct drain *d, struct cmd_journal *c)
{
	struct source *s = d->sources;

	while (s->flying != c)
		s = s->next;
	s->flying = NULL;
	if (c->c.err.kind == ERR_NONE) {
		note_commit(d, s, c);
		journal_commit(s->r, s->committed);
		s->pause_ms = s->retry_at = 0;
	} else {
		pause_source(d, s, &c->c.err);
	}
	command_free(&c->c);
}

static void land_all(struct drain *d)
{
	struct queue_node *n;

	pthread_mutex_lock(&d->mu);
	n = d->done;
	d->done = NULL;
	pthread_mutex_unlock(&d->mu);
	while (n) {
		struct queue_node *next = n->next;

		land(d, (struct cmd_journal *)(void *)n);
		n = next;
	}
}

/* --- the thread --------------------------------------------------------- */

static bool any_flying(const struct drain *d, bool *ret_all)
{
	bool any = false;

	*ret_all = true;
	for (const struct source *s = d->sources; s; s = s->next) {
		any = any || s->flying;
		*ret_all = *ret_all && s->flying;
	}
	return any;
}

/* Milliseconds until something is due by the clock. */
static int64_t due_in(struct drain *d)
{
	int64_t due = d->scanned_at + DRAIN_RESCAN_MS, now = clock_mono_ms();
	int64_t give_up = parking_next(&d->parking);

	due = give_up < due ? give_up : due;
	for (const struct source *s = d->sources; s; s = s->next)
		if (s->retry_at > now && s->retry_at < due)
			due = s->retry_at;
	return due > now ? due - now : 0;
}

static void sleep_on_writer(struct drain *d, bool all)
{
	struct timespec until;
	SCOPED_LOCK(&d->mu);

	until = clock_deadline(all ? due_in(d) : GLANCE_MS);
	if (!d->done)
		pthread_cond_clockwait(&d->moved, &d->mu, CLOCK_MONOTONIC,
				       &until);
}

static void sleep_a_while(struct drain *d, uint32_t heard)
{
	int64_t wait_ms;
	bool all;

	if (any_flying(d, &all)) {
		sleep_on_writer(d, all);
		return;
	}
	pthread_mutex_lock(&d->mu);
	wait_ms = due_in(d);
	pthread_mutex_unlock(&d->mu);
	journal_bell_wait(d->bell, heard, wait_ms);
}

static void resume_all(struct drain *d, bool all)
{
	struct parked *x;

	pthread_mutex_lock(&d->mu);
	x = parking_take(&d->parking, d->sources, all);
	pthread_mutex_unlock(&d->mu);
	while (x) {
		struct parked *next = x->next;

		x->resume(x->ctx);
		free(x);
		x = next;
	}
}

/* Asked to stop, and what was written then is committed (or it takes too
 * long); what is at the writer is always waited for. */
static bool may_stop(struct drain *d)
{
	bool all;
	SCOPED_LOCK(&d->mu);

	if (!d->stopping)
		return false;
	if (!d->last) {
		d->last = parked_new(STR_NONE);
		d->last->until = clock_mono_ms() + DRAIN_STOP_MS;
		d->last->n =
			parking_targets(d->sources, STR_NONE, d->last->targets);
	}
	return parked_over(d->last, d->sources, clock_mono_ms()) &&
	       !any_flying(d, &all);
}

static bool scan_due(struct drain *d)
{
	return d->scanned_files != journal_bell_files(d->bell) ||
	       clock_mono_ms() >= d->scanned_at + DRAIN_RESCAN_MS;
}

static void *drain_main(void *arg)
{
	struct drain *d = arg;

	for (;;) {
		uint32_t heard = journal_bell_value(d->bell);

		if (scan_due(d)) {
			drain_look_for_left(d);
			drain_scan(d);
		}
		land_all(d);
		resume_all(d, false);
		for (struct source *s = d->sources; s; s = s->next)
			pump(d, s);
		drain_remove_ended(d);
		if (may_stop(d))
			break;
		sleep_a_while(d, heard);
	}
	resume_all(d, true);
	return NULL;
}

/* --- the outside -------------------------------------------------------- */

static void release(struct drain *d)
{
	while (d->sources)
		drain_unlist(d, &d->sources);
	journal_bell_close(d->bell);
	reader_close(d->rd);
	pthread_cond_destroy(&d->moved);
	pthread_mutex_destroy(&d->mu);
	free(d->last);
	free(d->scratch);
	free(d->dir);
	free(d);
}

static int start(struct drain *d, struct err *e)
{
	int rc;

	if (io_mkdirs(d->dir, 0700, e) < 0)
		return -1;
	d->bell = journal_bell_open(d->dir, e);
	if (!d->bell)
		return -1;
	d->rd = reader_open(index_dir(d->ix), e);
	if (!d->rd)
		return -1;
	d->scanned_files = journal_bell_files(d->bell) - 1;
	rc = pthread_create(&d->thread, NULL, drain_main, d);
	return rc ? err_sys(e, rc, "the journals' thread") : 0;
}

struct drain *drain_start(struct index *ix, struct err *e)
{
	struct drain *d = calloc(1, sizeof(*d));

	if (!d || asprintf(&d->dir, "%s/journal", index_dir(ix)) < 0)
		abort();
	d->ix = ix;
	d->scratch = calloc(DRAIN_LINES, sizeof(*d->scratch));
	if (!d->scratch)
		abort();
	pthread_mutex_init(&d->mu, NULL);
	pthread_cond_init(&d->moved, NULL);
	if (start(d, e) == 0)
		return d;
	release(d);
	return NULL;
}

static void wake(struct drain *d)
{
	pthread_cond_signal(&d->moved);
	journal_bell_ring(d->bell);
}

void drain_stop(struct drain *d)
{
	pthread_mutex_lock(&d->mu);
	d->stopping = true;
	wake(d);
	pthread_mutex_unlock(&d->mu);
	pthread_join(d->thread, NULL);
	release(d);
}

/* Under mu: whether a journal was made that the thread has not seen yet. */
static bool unsure(const struct drain *d)
{
	return d->scanned_files != journal_bell_files(d->bell);
}

bool drain_pending(struct drain *d, struct str run_id)
{
	struct target targets[DRAIN_JOURNALS];
	SCOPED_LOCK(&d->mu);

	return unsure(d) || parking_targets(d->sources, run_id, targets) > 0;
}

bool drain_park(struct drain *d, struct str run_id, void (*resume)(void *ctx),
		void *ctx)
{
	struct parked *x = parked_new(run_id);
	bool parked;
	SCOPED_LOCK(&d->mu);

	x->resume = resume;
	x->ctx = ctx;
	x->unsure = unsure(d);
	x->n = parking_targets(d->sources, run_id, x->targets);
	parked = (x->n || x->unsure) && !d->stopping &&
		 parking_add(&d->parking, x);
	if (parked)
		wake(d);
	else
		free(x);
	return parked;
}

void drain_stats(struct drain *d, struct drain_stats *ret)
{
	SCOPED_LOCK(&d->mu);

	*ret = d->stats;
	ret->parked = (int64_t)d->parking.n;
	for (const struct source *s = d->sources; s; s = s->next) {
		int64_t written = journal_reader_written(s->r);

		ret->journals++;
		ret->stuck += s->stuck;
		if (written > s->committed)
			ret->pending += written - s->committed;
	}
}
