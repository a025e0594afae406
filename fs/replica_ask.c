/* SPDX-License-Identifier: Apache-2.0 */
/* replica_ask.c - asking the server for pages and points. */
#include <inttypes.h>

#include "fs/replica_keep.h"
#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"

enum {
	PAGE_BYTES = REPLICA_PAGE_MAX + (1 << 20),
	PAGE_WAIT_MS = 20000, /* for one page */
	PATH_BYTES = 12 << 10,
	TRIES = 4, /* of points that change while they come; then whole ones */
};

static int refused(int status, const struct buf *body, struct err *e)
{
	static const struct {
		int status;
		enum err_kind kind;
	} kinds[] = {{401, ERR_UNAUTHENTICATED}, {403, ERR_DENIED},
		     {404, ERR_NOT_FOUND},       {429, ERR_BUSY},
		     {501, ERR_UNSUPPORTED},     {503, ERR_BUSY}};
	enum err_kind kind = ERR_IO;

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (kinds[i].status == status)
			kind = kinds[i].kind;
	return err_set(e, kind, "the server answered %d: %.*s", status,
		       (int)(body->n < 200 ? body->n : 200),
		       body->n ? body->p : "");
}

static int ask(struct replica *r, const char *path, struct buf *page,
	       struct err *e)
{
	const struct client_request q = {.method = "GET",
					 .path = path,
					 .timeout_ms = PAGE_WAIT_MS,
					 .cancelled = replica_gives_up,
					 .ctx = r};
	int status = 0;

	if (client_send(r->client, &q, &status, page, e))
		return -1;
	return status == 200 ? 0 : refused(status, page, e);
}

static void count(struct replica *r, const struct buf *page, bool points)
{
	SCOPED_LOCK(&r->mu);

	r->figures.connected = true;
	r->figures.pages += !points;
	r->figures.bytes += (int64_t)page->n;
	r->figures.fetched += points ? (int64_t)page->n : 0;
}

/* --- points --------------------------------------------------------------- */

static int points_page(struct replica *r, struct replica_points_ask *q,
		       struct replica_head *h, struct err *e)
{
	SCOPED(buf_fini) struct buf page, path;

	buf_init(&page, PAGE_BYTES);
	buf_init(&path, PATH_BYTES);
	buf_printf(&path,
		   "/api/replica/points?run=%" PRId64 "&series=%" PRId64
		   "&start=%" PRId64 "&kept=",
		   q->run, q->series, q->start);
	replica_kept_write(q, &path);
	if (!buf_ok(&path))
		return err_set(e, ERR_INTERNAL, "a path of too many series");
	if (ask(r, path.p, &page, e))
		return -1;
	count(r, &page, true);
	return replica_file_points(r->file, q, buf_view(&page), h, e);
}

static int points_once(struct replica *r, int64_t run, bool whole,
		       struct err *e)
{
	struct replica_points_ask q = {.run = run, .start = -1};
	struct replica_head h = {0};

	if (!whole && replica_file_kept(r->file, &q, e))
		return -1;
	do {
		if (points_page(r, &q, &h, e))
			return -1;
	} while (!h.level);
	return 0;
}

static int fetch_points(struct replica *r, int64_t run, struct err *e)
{
	int rc = -1;

	for (int i = 0; rc && i < TRIES; i++) {
		rc = points_once(r, run, i >= TRIES / 2, e);
		if (rc && e->kind != ERR_CONFLICT)
			break;
	}
	if (rc == 0) {
		SCOPED_LOCK(&r->mu);
		r->figures.fetches++;
	}
	return rc;
}

static int64_t next_wanted(struct replica *r)
{
	SCOPED_LOCK(&r->mu);

	for (size_t i = 0; i < REPLICA_FETCHES; i++)
		if (r->fetches[i].state == FETCH_WANTED)
			return r->fetches[i].run;
	return -1;
}

static void fetch_done(struct replica *r, int64_t run, const struct err *e)
{
	SCOPED_LOCK(&r->mu);

	for (size_t i = 0; i < REPLICA_FETCHES; i++) {
		struct fetch *f = &r->fetches[i];

		if (f->state != FETCH_WANTED || f->run != run)
			continue;
		f->err = *e;
		f->state = f->users ? FETCH_DONE : FETCH_FREE;
	}
	pthread_cond_broadcast(&r->news);
}

void replica_fetch_wanted(struct replica *r)
{
	int64_t run;

	while ((run = next_wanted(r)) >= 0 && !atomic_load(&r->stop)) {
		struct err e = {0};

		fetch_points(r, run, &e);
		fetch_done(r, run, &e);
	}
}

/* What is held and was folded at the server comes at once: it is being read. */
void replica_fetch_stale(struct replica *r)
{
	int64_t run = 0;
	struct err e;

	while (!atomic_load(&r->stop) &&
	       replica_file_stale(r->file, run, &run, &e) > 0)
		if (fetch_points(r, run, &e) && e.kind != ERR_NOT_FOUND)
			return;
}

/* --- rounds --------------------------------------------------------------- */

static int write_path(struct replica *r, char *path, size_t size, struct err *e)
{
	struct replica_ask q;

	if (replica_file_ask(r->file, &q, e))
		return -1;
	snprintf(path, size,
		 "/api/replica?epoch=%" PRId64 "&view=%" PRId64 "&base=%" PRId64
		 "&refused=%" PRId64 "&change=%" PRId64 "&kind=%" PRId64
		 "&row=%" PRId64 "&part=%" PRId64 "&after=%" PRId64,
		 q.epoch, q.view, q.base, q.refused, q.at.change, q.at.kind,
		 q.at.row, q.at.part, q.at.after);
	return 0;
}

static int begin_anew(struct replica *r, struct err *e)
{
	log_info("the copy of the index begins anew", "server=%s", r->url);
	pthread_mutex_lock(&r->mu);
	r->figures.restarts++;
	pthread_mutex_unlock(&r->mu);
	return replica_file_restart(r->file, e);
}

static int pull(struct replica *r, struct replica_head *h, struct err *e)
{
	SCOPED(buf_fini) struct buf page;
	char path[400];

	buf_init(&page, PAGE_BYTES);
	if (write_path(r, path, sizeof(path), e) || ask(r, path, &page, e))
		return -1;
	count(r, &page, false);
	if (replica_file_apply(r->file, buf_view(&page), h, e))
		return -1;
	return h->over ? begin_anew(r, e) : 0;
}

static void round_begins(struct replica *r)
{
	SCOPED_LOCK(&r->mu);

	r->hurry = false;
}

static void round_ends(struct replica *r)
{
	SCOPED_LOCK(&r->mu);

	r->level_at = clock_mono_ms();
	r->figures.change = replica_file_change(r->file);
	pthread_cond_broadcast(&r->news);
}

/* Pages until nothing is missing. */
int replica_catch_up(struct replica *r, struct err *e)
{
	struct replica_head h = {0};

	do {
		round_begins(r);
		if (replica_gives_up(r))
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		if (pull(r, &h, e))
			return -1;
		replica_fetch_wanted(r);
	} while (!h.level || h.over);
	replica_file_connected(r->file, true);
	round_ends(r);
	return 0;
}
