/* SPDX-License-Identifier: Apache-2.0 */
/* draft.c - drafts as their owners see them. What sends one is draft_send.c.
 */
#include "indexer/objects/draft_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/base/thread.h"
#include "indexer/objects/sums.h"

enum {
	STREAM_FROM = 8 << 20, /* a shorter one is sent in the end */
	LOOK_EVERY = 16 << 20, /* growth between two looks at free space */
	STEP_MS = 20,          /* between two looks whether to go on waiting */
	JOIN_RATE = 20 << 10,  /* bytes in a ms that a store joins at least */
};

/* --- spools --------------------------------------------------------------- */

struct drafts *drafts_open(const struct draft_options *o, struct err *e)
{
	struct drafts *home;

	if (!o->files && io_mkdirs(o->dir, 0700, e) < 0)
		return NULL;
	home = calloc(1, sizeof(*home));
	if (!home)
		abort();
	home->o = *o;
	home->dir = o->files ? NULL : strdup(o->dir);
	pthread_mutex_init(&home->mu, NULL);
	pthread_cond_init(&home->ended, NULL);
	return home;
}

void drafts_close(struct drafts *home)
{
	if (!home)
		return;
	pthread_mutex_lock(&home->mu);
	while (home->sending)
		pthread_cond_wait(&home->ended, &home->mu);
	pthread_mutex_unlock(&home->mu);
	pthread_cond_destroy(&home->ended);
	pthread_mutex_destroy(&home->mu);
	free(home->dir);
	free(home);
}

static int look_for_room(const struct drafts *home, int64_t more, struct err *e)
{
	struct statvfs st;
	int64_t left;

	if (statvfs(home->dir, &st) < 0)
		return err_sys(e, errno, "%s", home->dir);
	left = (int64_t)st.f_bavail * (int64_t)st.f_frsize - more;
	if (left >= home->o.floor)
		return 0;
	return err_set(e, ERR_NO_SPACE,
		       "%s: no room for what is being written: less than "
		       "%lld bytes would stay free on its disk",
		       home->dir, (long long)home->o.floor);
}

int object_draft_room(struct object_draft *d, int64_t size, struct err *e)
{
	SCOPED_LOCK(&d->mu);

	if (d->put || d->home->o.files || d->memory || size <= d->looked)
		return 0;
	if (look_for_room(d->home, LOOK_EVERY, e) < 0)
		return -1;
	d->looked = size + LOOK_EVERY;
	return 0;
}

/* --- life ----------------------------------------------------------------- */

static struct object_draft *draft_new(struct drafts *home, struct str wanted,
				      struct str fallback)
{
	struct object_draft *d = calloc(1, sizeof(*d));

	if (!d)
		abort();
	d->home = home;
	d->fd = -1;
	d->refs = 1;
	buf_init(&d->sums, SUMS_BYTES);
	d->wanted = strndup(wanted.n ? wanted.p : "", wanted.n);
	d->fallback = strndup(fallback.n ? fallback.p : "", fallback.n);
	if (!d->wanted || !d->fallback)
		abort();
	pthread_mutex_init(&d->mu, NULL);
	thread_condition(&d->moved);
	return d;
}

static void draft_destroy(struct object_draft *d)
{
	object_put_abort(d->put);
	if (d->memory)
		atomic_fetch_sub(&d->home->memory, 1);
	if (d->fd >= 0)
		close(d->fd);
	buf_fini(&d->sums);
	pthread_cond_destroy(&d->moved);
	pthread_mutex_destroy(&d->mu);
	free(d->wanted);
	free(d->fallback);
	free(d);
}

void draft_drop(struct object_draft *d)
{
	bool last;

	pthread_mutex_lock(&d->mu);
	last = --d->refs == 0;
	pthread_mutex_unlock(&d->mu);
	if (last)
		draft_destroy(d);
}

void object_draft_free(struct object_draft *d)
{
	if (!d)
		return;
	pthread_mutex_lock(&d->mu);
	d->freed = true;
	pthread_cond_broadcast(&d->moved);
	pthread_mutex_unlock(&d->mu);
	draft_drop(d);
}

struct object_put *draft_put(const struct object_draft *d, struct objects **ret,
			     struct err *e)
{
	struct objects *o = d->home->o.store(d->home->o.ctx, e);

	*ret = o;
	return o ? object_put_begin(o, str_from(d->wanted),
				    str_from(d->fallback), e)
		 : NULL;
}

/* A file of the store's own. */
static int begin_file(struct object_draft *d, struct err *e)
{
	struct objects *o;

	d->put = draft_put(d, &o, e);
	if (!d->put)
		return -1;
	d->fd = fcntl(object_put_fd(d->put), F_DUPFD_CLOEXEC, 3);
	return d->fd < 0 ? err_sys(e, errno, "a temporary file") : 0;
}

static int begin_spool(struct object_draft *d, struct err *e)
{
	struct drafts *home = d->home;

	if (atomic_fetch_add(&home->memory, 1) < DRAFT_MEMORY)
		d->fd = memfd_create("orrery-draft", MFD_CLOEXEC);
	d->memory = d->fd >= 0;
	if (d->memory)
		return 0;
	atomic_fetch_sub(&home->memory, 1);
	return d->fd = io_unnamed(home->dir, e);
}

bool object_draft_cramped(const struct object_draft *d, int64_t size)
{
	return d->memory && size > DRAFT_SHORT;
}

int object_draft_spread(struct object_draft *d, struct err *e)
{
	int fd, r;

	if (!d->memory)
		return 0;
	fd = io_unnamed(d->home->dir, e);
	if (fd < 0)
		return -1;
	r = io_copy(d->fd, fd, -1, e);
	if (!r && dup3(fd, d->fd, O_CLOEXEC) < 0)
		r = err_sys(e, errno, "a temporary file");
	close(fd);
	if (r)
		return -1;
	d->memory = false;
	atomic_fetch_sub(&d->home->memory, 1);
	return 0;
}

struct object_draft *object_draft_begin(struct drafts *home, struct str wanted,
					struct str fallback, struct err *e)
{
	struct object_draft *d = draft_new(home, wanted, fallback);
	int r;

	if (home->o.files)
		r = begin_file(d, e);
	else
		r = begin_spool(d, e);
	if (r >= 0)
		return d;
	draft_destroy(d);
	return NULL;
}

int object_draft_fd(const struct object_draft *d)
{
	return d->fd;
}

/* --- writing -------------------------------------------------------------- */

/* Under the lock: what was sent, or is being sent, is not what is there. */
static void spoil(struct object_draft *d)
{
	d->ending = false;
	if (d->state == DRAFT_SENDING)
		d->spoiled = true;
	else
		d->state = DRAFT_IDLE;
	pthread_cond_broadcast(&d->moved);
}

/* Once, while it is written: after that only the end tells what is worth
 * sending. What fails is tried again then. */
static void stream(struct object_draft *d)
{
	struct err e;

	if (d->state == DRAFT_IDLE && !d->streamed && d->ready >= STREAM_FROM) {
		d->streamed = true;
		if (draft_send(d, &e) < 0)
			log_warn("an artifact is sent only when it is closed",
				 "why=\"%s\"", e.msg);
	}
	if (d->state == DRAFT_SENDING && d->ready - d->sent >= DRAFT_PIECE)
		pthread_cond_signal(&d->moved);
}

void object_draft_wrote(struct object_draft *d, int64_t off, size_t n)
{
	int64_t end = off + (int64_t)n;

	if (d->home->o.files)
		return;
	SCOPED_LOCK(&d->mu);
	if (d->ending || off < d->sent)
		spoil(d);
	if (off <= d->ready && end > d->ready)
		d->ready = end;
	stream(d);
}

void object_draft_cut(struct object_draft *d, int64_t size)
{
	if (d->home->o.files)
		return;
	SCOPED_LOCK(&d->mu);
	if (d->ending || size < d->sent)
		spoil(d);
	if (size < d->ready)
		d->ready = size;
}

/* --- the end -------------------------------------------------------------- */

/* Whatever failed on the disk may be lost there: into a new file. */
static int refill(struct object_draft *d, struct err *e)
{
	struct objects *o;

	d->put = draft_put(d, &o, e);
	if (!d->put)
		return -1;
	return io_copy(d->fd, object_put_fd(d->put), -1, e);
}

static int finish_file(struct object_draft *d, char *ret_key,
		       struct object_digest *ret, struct buf *sums,
		       struct err *e)
{
	int r = d->put ? 0 : refill(d, e);

	if (!r)
		object_put_sums(d->put, sums);
	if (!r)
		r = object_put_finish(d->put, ret_key, ret, e);
	if (r)
		object_put_abort(d->put);
	d->put = NULL;
	return r;
}

static int end_writing(struct object_draft *d, struct err *e)
{
	struct stat st;

	if (fstat(d->fd, &st) < 0)
		return err_sys(e, errno, "a temporary file");
	d->size = st.st_size;
	d->ending = true;
	d->touched = clock_mono_ms();
	pthread_cond_broadcast(&d->moved);
	return 0;
}

/* Who waits for what. */
struct waiter {
	const struct object_draft *d;
	const struct draft_wait *w;
};

static bool gives_up(void *ctx, struct err *e)
{
	const struct waiter *x = ctx;
	const struct object_draft *d = x->d;
	const struct draft_wait *w = x->w;
	int64_t patience = w->patience_ms;

	if (w->cancelled && atomic_load(w->cancelled)) {
		err_set(e, ERR_INTERRUPTED, "the caller gave up");
		return true;
	}
	/* a store is silent while it joins what it has */
	if (d->sent == d->size)
		patience += d->size / JOIN_RATE;
	if (clock_mono_ms() - d->touched <= patience)
		return false;
	err_set(e, ERR_TIMEOUT,
		"the object store has taken nothing for %lld s; what "
		"was written is kept and sent with the next try",
		(long long)(patience / 1000));
	return true;
}

/* Under the lock. A pass that began before the end may fail and is repeated;
 * another is the last. */
static int await(struct object_draft *d, const struct draft_wait *w,
		 struct err *e)
{
	struct waiter x = {d, w};
	bool last = false;

	while (d->state != DRAFT_SENT) {
		struct timespec until = clock_deadline(STEP_MS);

		if (d->state == DRAFT_FAILED && last) {
			*e = d->why;
			return -1;
		}
		if (d->state != DRAFT_SENDING && d->size <= DRAFT_SHORT)
			return draft_send_here(d, gives_up, &x, e);
		if (d->state != DRAFT_SENDING) {
			last = true;
			if (draft_send(d, e) < 0)
				return -1;
		}
		if (gives_up(&x, e))
			return -1;
		pthread_cond_timedwait(&d->moved, &d->mu, &until);
	}
	return 0;
}

int object_draft_finish(struct object_draft *d, const struct draft_wait *w,
			char *ret_key, struct object_digest *ret,
			struct buf *sums, struct err *e)
{
	buf_reset(sums);
	if (d->home->o.files)
		return finish_file(d, ret_key, ret, sums, e);
	SCOPED_LOCK(&d->mu);
	if (end_writing(d, e) < 0 || await(d, w, e) < 0)
		return -1;
	memcpy(ret_key, d->key, sizeof(d->key));
	*ret = d->digest;
	buf_str(sums, buf_view(&d->sums));
	return 0;
}
