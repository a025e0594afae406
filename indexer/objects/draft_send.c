/* SPDX-License-Identifier: Apache-2.0 */
/* draft_send.c - the thread that sends a draft; or, a short one, without it.
 *
 * The hard idea: how much was sent is moved on, under the lock, before the
 * bytes are read. A write is told after it was made; so one that comes to
 * bytes which may have been read already finds them below that mark, and what
 * was sent is spoiled. A pass of the thread sends all of it once; it ends in
 * an object, or in nothing.
 */
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"
#include "indexer/objects/draft_own.h"
#include "indexer/objects/room.h"
#include "indexer/objects/sums.h"

/* Under the lock: the next bytes are this thread's to send; 0: wait. */
static int64_t claim(struct object_draft *d, int64_t *ret_off)
{
	int64_t end = d->ending ? d->size : d->ready, n = end - d->sent;

	if (n > DRAFT_PIECE)
		n = DRAFT_PIECE;
	if (n < DRAFT_PIECE && !d->ending)
		return 0;
	*ret_off = d->sent;
	d->sent += n;
	return n;
}

/* Bytes to send, 0 at the end, -1 when there is no point in going on. */
static int64_t next_piece(struct object_draft *d, int64_t *ret_off)
{
	SCOPED_LOCK(&d->mu);
	int64_t n;

	d->touched = clock_mono_ms();
	while (!d->freed && !d->spoiled) {
		n = claim(d, ret_off);
		if (n || d->ending)
			return n;
		pthread_cond_wait(&d->moved, &d->mu);
	}
	return -1;
}

static int send_pieces(struct object_draft *d, struct object_put *put,
		       char *piece, struct err *e)
{
	int64_t n, off;
	ssize_t got;

	while ((n = next_piece(d, &off)) > 0) {
		got = io_pread_all(d->fd, piece, (size_t)n, off, e);
		if (got < 0)
			return -1;
		/* cut meanwhile: it is spoiled */
		memset(piece + got, 0, (size_t)(n - got));
		if (object_put_write(put, piece, (size_t)n, e) < 0)
			return -1;
	}
	return n < 0 ? err_set(e, ERR_INTERRUPTED, "written anew") : 0;
}

static void touch(void *arg)
{
	struct object_draft *d = arg;

	SCOPED_LOCK(&d->mu);
	d->touched = clock_mono_ms();
}

struct sent {
	struct objects *objects;
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct buf sums;
};

static int send_all(struct object_draft *d, struct sent *s, struct err *e)
{
	struct object_put *put = draft_put(d, &s->objects, e);
	char *piece = put ? room_new(DRAFT_PIECE) : NULL;
	const struct object_source source = {d->fd, touch, d};
	int r = -1;

	if (put)
		object_put_source(put, &source);
	if (put && !piece)
		err_set(e, ERR_BUSY, "out of memory");
	else if (put) {
		object_put_sums(put, &s->sums);
		r = send_pieces(d, put, piece, e);
	}
	room_free(piece, DRAFT_PIECE);
	if (r == 0)
		r = object_put_finish(put, s->key, &s->digest, e);
	if (r < 0)
		object_put_abort(put);
	return r;
}

static void note_sent(struct object_draft *d, const struct sent *s)
{
	d->digest = s->digest;
	buf_reset(&d->sums);
	buf_str(&d->sums, buf_view(&s->sums));
	memcpy(d->key, s->key, sizeof(d->key));
}

/* True where nobody wants what was sent. */
static bool pass_over(struct object_draft *d, const struct sent *s, int r,
		      const struct err *e)
{
	SCOPED_LOCK(&d->mu);
	bool unwanted = d->spoiled || d->freed;

	d->touched = clock_mono_ms();
	d->state = unwanted ? DRAFT_IDLE : r < 0 ? DRAFT_FAILED : DRAFT_SENT;
	if (r < 0)
		d->why = *e;
	else if (!unwanted)
		note_sent(d, s);
	pthread_cond_broadcast(&d->moved);
	return unwanted && r == 0;
}

static void count_sender(struct drafts *home, bool more)
{
	SCOPED_LOCK(&home->mu);

	home->sending += more ? 1 : (size_t)-1;
	pthread_cond_broadcast(&home->ended);
}

static void *sender(void *arg)
{
	struct object_draft *d = arg;
	struct drafts *home = d->home;
	struct sent *s = calloc(1, sizeof(*s));
	struct err e = {0}, ignored;
	int r;

	if (!s)
		abort();
	buf_init(&s->sums, SUMS_BYTES);
	r = send_all(d, s, &e);
	if (pass_over(d, s, r, &e))
		object_delete(s->objects, str_from(s->key), &ignored);
	buf_fini(&s->sums);
	free(s);
	draft_drop(d);
	count_sender(home, false);
	return NULL;
}

int draft_send(struct object_draft *d, struct err *e)
{
	pthread_t thread;

	d->sent = 0;
	d->spoiled = false;
	d->state = DRAFT_SENDING;
	d->touched = clock_mono_ms();
	d->refs++;
	count_sender(d->home, true);
	if (thread_start(&thread, sender, d, e) == 0) {
		pthread_detach(thread);
		return 0;
	}
	count_sender(d->home, false);
	d->refs--;
	d->state = DRAFT_IDLE;
	return -1;
}

/* --- without a thread ----------------------------------------------------- */

static int put_short(struct object_draft *d, struct object_put *put,
		     struct sent *s, struct err *e)
{
	SCOPED_FREE char *piece = malloc((size_t)d->size + 1);
	ssize_t got;

	if (!piece)
		return err_set(e, ERR_BUSY, "out of memory");
	object_put_sums(put, &s->sums);
	got = io_pread_all(d->fd, piece, (size_t)d->size, 0, e);
	if (got < 0)
		return -1;
	memset(piece + got, 0, (size_t)(d->size - got));
	if (object_put_write(put, piece, (size_t)d->size, e) < 0)
		return -1;
	return object_put_finish(put, s->key, &s->digest, e);
}

/* Under the lock, which nobody else wants in the end. */
int draft_send_here(struct object_draft *d,
		    bool (*quit)(void *ctx, struct err *e), void *ctx,
		    struct err *e)
{
	SCOPED_FREE struct sent *s = calloc(1, sizeof(*s));
	struct object_put *put = NULL;
	int r = -1;

	if (!s)
		abort();
	buf_init(&s->sums, SUMS_BYTES);
	d->sent = d->size;
	d->spoiled = false;
	put = draft_put(d, &s->objects, e);
	if (put) {
		object_put_quit(put, quit, ctx);
		r = put_short(d, put, s, e);
	}
	if (r < 0)
		object_put_abort(put);
	else
		note_sent(d, s);
	d->state = r < 0 ? DRAFT_IDLE : DRAFT_SENT;
	buf_fini(&s->sums);
	return r;
}
