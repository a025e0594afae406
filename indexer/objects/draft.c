/* SPDX-License-Identifier: Apache-2.0 */
/* draft.c - drafts, and the thread that sends one.
 *
 * The hard idea: how much was sent is moved on, under the lock, before the
 * bytes are read. A write is told after it was made; so one that comes to
 * bytes which may have been read already finds them below that mark, and what
 * was sent is spoiled. A pass of the thread sends all of it once; it ends in
 * an object, or in nothing.
 */
#include "indexer/objects/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/base/thread.h"
#include "indexer/objects/room.h"
#include "indexer/objects/sums.h"

enum {
	PIECE = 1 << 20,       /* read and sent at one time */
	STREAM_FROM = 8 << 20, /* a shorter one is sent in the end */
	LOOK_EVERY = 16 << 20, /* growth between two looks at free space */
	STEP_MS = 20,          /* between two looks whether to go on waiting */
	NAME_BYTES = 16,
	JOIN_RATE = 20 << 10, /* bytes in a ms that a store joins at least */
};

struct drafts {
	struct draft_options o;
	char *dir;
	pthread_mutex_t mu;
	pthread_cond_t ended;
	size_t sending; /* guarded by: mu; threads */
};

enum state {
	IDLE,
	SENDING,
	SENT,   /* key and digest are of what the spool holds */
	FAILED, /* why */
};

struct object_draft {
	struct drafts *home;
	char *wanted, *fallback;
	int fd;
	struct object_put *put; /* where objects are files */
	pthread_mutex_t mu;
	pthread_cond_t moved;
	/* guarded by: mu */
	enum state state;
	bool ending;     /* no more is written: all of it is to be sent */
	bool spoiled;    /* what this pass has sent is not so any more */
	bool freed;      /* nobody waits for it */
	bool streamed;   /* a pass has begun before the end */
	int refs;        /* its owner's, the thread's */
	int64_t looked;  /* size up to which there was room */
	int64_t ready;   /* written from the first byte on */
	int64_t sent;    /* read, or being read */
	int64_t size;    /* once ending */
	int64_t touched; /* clock_mono_ms of the last progress */
	struct err why;
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct buf sums;
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

static int spool_open(const char *dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;
	char name[2 * NAME_BYTES + 1];
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		random_hex(name, NAME_BYTES);
		if (asprintf(&path, "%s/.spool-%s", dir, name) < 0)
			abort();
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
		if (fd >= 0)
			unlink(path);
	}
	return fd < 0 ? err_sys(e, errno, "a temporary file in %s", dir) : fd;
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

	if (d->put || d->home->o.files || size <= d->looked)
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
	pthread_condattr_t attr;

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
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&d->moved, &attr);
	pthread_condattr_destroy(&attr);
	return d;
}

static void draft_destroy(struct object_draft *d)
{
	object_put_abort(d->put);
	if (d->fd >= 0)
		close(d->fd);
	buf_fini(&d->sums);
	pthread_cond_destroy(&d->moved);
	pthread_mutex_destroy(&d->mu);
	free(d->wanted);
	free(d->fallback);
	free(d);
}

static void let_go(struct object_draft *d)
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
	let_go(d);
}

static struct object_put *begin_put(const struct object_draft *d,
				    struct objects **ret, struct err *e)
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

	d->put = begin_put(d, &o, e);
	if (!d->put)
		return -1;
	d->fd = fcntl(object_put_fd(d->put), F_DUPFD_CLOEXEC, 3);
	return d->fd < 0 ? err_sys(e, errno, "a temporary file") : 0;
}

struct object_draft *object_draft_begin(struct drafts *home, struct str wanted,
					struct str fallback, struct err *e)
{
	struct object_draft *d = draft_new(home, wanted, fallback);
	int r;

	if (home->o.files)
		r = begin_file(d, e);
	else
		r = d->fd = spool_open(home->dir, e);
	if (r >= 0)
		return d;
	draft_destroy(d);
	return NULL;
}

int object_draft_fd(const struct object_draft *d)
{
	return d->fd;
}

/* --- a pass --------------------------------------------------------------- */

/* Under the lock: the next bytes are this thread's to send; 0: wait. */
static int64_t claim(struct object_draft *d, int64_t *ret_off)
{
	int64_t end = d->ending ? d->size : d->ready, n = end - d->sent;

	if (n > PIECE)
		n = PIECE;
	if (n < PIECE && !d->ending)
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

struct sent {
	struct objects *objects;
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct buf sums;
};

static int send_all(struct object_draft *d, struct sent *s, struct err *e)
{
	struct object_put *put = begin_put(d, &s->objects, e);
	char *piece = put ? room_new(PIECE) : NULL;
	int r = -1;

	if (put && !piece)
		err_set(e, ERR_BUSY, "out of memory");
	else if (put) {
		object_put_sums(put, &s->sums);
		r = send_pieces(d, put, piece, e);
	}
	room_free(piece, PIECE);
	if (r == 0)
		r = object_put_finish(put, s->key, &s->digest, e);
	if (r < 0)
		object_put_abort(put);
	return r;
}

/* True where nobody wants what was sent. */
static bool pass_over(struct object_draft *d, const struct sent *s, int r,
		      const struct err *e)
{
	SCOPED_LOCK(&d->mu);
	bool unwanted = d->spoiled || d->freed;

	d->touched = clock_mono_ms();
	d->state = unwanted ? IDLE : r < 0 ? FAILED : SENT;
	if (r < 0)
		d->why = *e;
	else if (!unwanted) {
		d->digest = s->digest;
		buf_reset(&d->sums);
		buf_str(&d->sums, buf_view(&s->sums));
		memcpy(d->key, s->key, sizeof(d->key));
	}
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
	let_go(d);
	count_sender(home, false);
	return NULL;
}

/* Under the lock. */
static int begin_pass(struct object_draft *d, struct err *e)
{
	pthread_t thread;

	d->sent = 0;
	d->spoiled = false;
	d->state = SENDING;
	d->touched = clock_mono_ms();
	d->refs++;
	count_sender(d->home, true);
	if (thread_start(&thread, sender, d, e) == 0)
		return pthread_detach(thread), 0;
	count_sender(d->home, false);
	d->refs--;
	d->state = IDLE;
	return -1;
}

/* --- writing -------------------------------------------------------------- */

/* Under the lock: what was sent, or is being sent, is not what is there. */
static void spoil(struct object_draft *d)
{
	d->ending = false;
	if (d->state == SENDING)
		d->spoiled = true;
	else
		d->state = IDLE;
	pthread_cond_broadcast(&d->moved);
}

/* Once, while it is written: after that only the end tells what is worth
 * sending. What fails is tried again then. */
static void stream(struct object_draft *d)
{
	struct err e;

	if (d->state == IDLE && !d->streamed && d->ready >= STREAM_FROM) {
		d->streamed = true;
		if (begin_pass(d, &e) < 0)
			log_warn("an artifact is sent only when it is closed",
				 "why=\"%s\"", e.msg);
	}
	if (d->state == SENDING && d->ready - d->sent >= PIECE)
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

	d->put = begin_put(d, &o, e);
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

static int out_of_patience(const struct object_draft *d,
			   const struct draft_wait *w, struct err *e)
{
	int64_t patience = w->patience_ms;

	if (w->cancelled && atomic_load(w->cancelled))
		return err_set(e, ERR_INTERRUPTED, "the caller gave up");
	/* a store is silent while it joins what it has */
	if (d->sent == d->size)
		patience += d->size / JOIN_RATE;
	if (clock_mono_ms() - d->touched <= patience)
		return 0;
	return err_set(e, ERR_TIMEOUT,
		       "the object store has taken nothing for %lld s; what "
		       "was written is kept and sent with the next try",
		       (long long)(patience / 1000));
}

/* Under the lock. A pass that began before the end may fail and is repeated;
 * another is the last. */
static int await(struct object_draft *d, const struct draft_wait *w,
		 struct err *e)
{
	bool last = false;

	while (d->state != SENT) {
		struct timespec until = clock_deadline(STEP_MS);

		if (d->state == FAILED && last) {
			*e = d->why;
			return -1;
		}
		if (d->state != SENDING) {
			last = true;
			if (begin_pass(d, e) < 0)
				return -1;
		}
		if (out_of_patience(d, w, e))
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
