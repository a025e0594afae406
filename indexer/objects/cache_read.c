/* SPDX-License-Identifier: Apache-2.0 */
/* cache_read.c - a read: from memory, from the file, or after a wait.
 *
 * Step by step from its first byte on: each gives what one place has, or waits
 * for it. All but copying and checking happens under the object's lock.
 */
#include <errno.h>
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/cache_own.h"

struct reading {
	struct cache_object *o;
	struct reader *s;
	const struct cached_wait *w;
	int64_t at, end;
	char *out;
	bool missed;
};

/* --- waiting -------------------------------------------------------------- */

static int may_wait(const struct reading *x, struct err *e)
{
	const struct cached_wait *w = x->w;

	if (w && w->never)
		return CACHED_WAIT;
	if (w && w->cancelled && atomic_load(w->cancelled))
		return err_set(e, ERR_INTERRUPTED, "the read was given up");
	if (w && w->until && clock_mono_ms() >= w->until)
		return err_set(e, ERR_TIMEOUT,
			       "object %.200s did not come in time", x->o->key);
	return 0;
}

static void wait_a_while(struct reading *x)
{
	struct timespec t = clock_deadline(CACHE_LOOK_MS);

	pthread_cond_timedwait(&x->o->changed, &x->o->mu, &t);
}

/* Until *busy is false, or no byte came for too long. */
struct silence {
	int64_t got, since;
};

static int heard(struct silence *s, int64_t got, const struct reading *x,
		 struct err *e)
{
	int64_t now = clock_mono_ms();

	if (got != s->got || !s->since)
		*s = (struct silence){got, now};
	if (now - s->since < CACHE_SILENCE_MS)
		return 0;
	return err_set(e, ERR_TIMEOUT,
		       "object %.200s: the store sent nothing for %d s",
		       x->o->key, CACHE_SILENCE_MS / 1000);
}

/* r is pinned. */
static int await(struct reading *x, struct range *r, struct err *e)
{
	struct silence s = {0};
	int rc = 0;

	r->waiters++;
	while (r->state == RANGE_FLYING) {
		rc = may_wait(x, e);
		if (rc == 0)
			rc = heard(&s, (int64_t)atomic_load(&r->f.got), x, e);
		if (rc)
			break;
		wait_a_while(x);
	}
	r->waiters--;
	if (rc == CACHED_WAIT)
		return rc;
	if (rc && (e->kind == ERR_TIMEOUT || !r->ahead) && !r->waiters &&
	    !r->gone)
		range_cancel(r);
	return rc;
}

static int await_learning(struct reading *x, struct err *e)
{
	struct cache_object *o = x->o;
	struct silence s = {0};
	int rc = 0;

	learn_start(o);
	x->missed = true;
	o->learners++;
	while (o->learning && !o->check.known && rc == 0) {
		rc = may_wait(x, e);
		if (rc == 0)
			rc = heard(&s, atomic_load(&o->learnt), x, e);
		if (rc == 0)
			wait_a_while(x);
	}
	o->learners--;
	if (rc && rc != CACHED_WAIT && !o->learners)
		atomic_store(&o->learn_stop, true);
	if (rc || o->check.known)
		return rc;
	*e = o->learn_error;
	return -1;
}

/* --- memory --------------------------------------------------------------- */

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

static int64_t range_end(const struct range *r)
{
	return r->off + (int64_t)r->n;
}

/* Bytes that do not hold are asked for again. */
static int bad(struct reading *x, struct range *r, struct err *e)
{
	struct cache *c = x->o->c;

	atomic_fetch_add(&c->counts.corrupt, 1);
	if (r->gone)
		return 0;
	if (r->tries + 1 < CACHE_TRIES) {
		if (range_again(r))
			return 0;
		return err_set(e, ERR_BUSY, "out of memory");
	}
	range_drop(r);
	return err_set(e, ERR_CORRUPT,
		       "object %.200s is not what was stored: bytes %lld to "
		       "%lld",
		       x->o->key, (long long)r->off, (long long)range_end(r));
}

static void consumed(struct reading *x, struct range *r, int64_t end)
{
	if (end > r->read)
		r->read = end;
	r->used = r->used ? r->used : clock_mono_ms();
	if (r->checked && !r->saved && !r->saving)
		save_soon(x->o);
	if (end == range_end(r))
		ahead_grow(x->s, r);
}

/* r is pinned and here. */
static int copy(struct reading *x, struct range *r, struct err *e)
{
	struct cache_object *o = x->o;
	int64_t end = least(x->end, range_end(r));
	uint32_t checked;
	int rc;

	pthread_mutex_unlock(&o->mu);
	rc = range_check(r, x->at, end, &checked);
	if (rc == 0)
		memcpy(x->out, r->mem + (x->at - r->off),
		       (size_t)(end - x->at));
	pthread_mutex_lock(&o->mu);
	if (rc < 0)
		return bad(x, r, e);
	r->checked |= checked;
	x->out += end - x->at;
	x->at = end;
	consumed(x, r, end);
	return 0;
}

/* What the store or the way said: others get the same answer. Too few bytes
 * are as good as wrong ones. */
static int failed(struct range *r, struct err *e)
{
	if (r->e.kind == ERR_CORRUPT &&
	    (r->gone || (r->tries + 1 < CACHE_TRIES && range_again(r))))
		return 0;
	*e = r->e;
	if (!r->waiters && !r->gone)
		range_drop(r);
	return -1;
}

static int from_memory(struct reading *x, struct range *r, struct err *e)
{
	int rc = 0;

	range_pin(r);
	if (r->state == RANGE_FLYING)
		rc = await(x, r, e);
	if (rc == 0)
		rc = r->state == RANGE_FAILED ? failed(r, e) : copy(x, r, e);
	range_unpin(r);
	return rc;
}

/* --- the file ------------------------------------------------------------- */

static bool read_file(int fd, void *out, size_t n, int64_t off)
{
	struct err e = {0};

	return io_pread_all(fd, out, n, off, &e) == (ssize_t)n;
}

/* Blocks that were checked, as many as follow each other. */
static bool from_good(struct reading *x)
{
	struct cache_object *o = x->o;
	int64_t block = o->check.block, end = x->at / block * block + block;
	int fd = o->file.fd;
	bool ok;

	if (o->file.state == DISK_TRUSTED)
		end = x->end;
	while (end < x->end && disk_good(&o->file, end / block))
		end += block;
	end = least(end, x->end);
	pthread_mutex_unlock(&o->mu);
	ok = read_file(fd, x->out, (size_t)(end - x->at), x->at);
	pthread_mutex_lock(&o->mu);
	if (!ok)
		return false;
	x->out += end - x->at;
	x->at = end;
	return true;
}

/* A block is read and checked, where the reader wants it if he wants all of
 * it. */
static bool check_file(struct reading *x, int64_t b, bool *ret_data)
{
	const struct check *k = &x->o->check;
	size_t n = check_size(k, b);
	int64_t off = b * k->block;
	int fd = x->o->file.fd;
	bool direct = x->at == off && x->end >= off + (int64_t)n, ok = false;
	char *mem;

	pthread_mutex_unlock(&x->o->mu);
	mem = direct ? x->out : malloc(n);
	*ret_data = disk_has(fd, k, b);
	if (mem && *ret_data)
		ok = read_file(fd, mem, n, off) && check_block(k, b, mem, n);
	if (ok && !direct)
		memcpy(x->out, mem + (x->at - off),
		       (size_t)(least(x->end, off + (int64_t)n) - x->at));
	if (!direct)
		free(mem);
	pthread_mutex_lock(&x->o->mu);
	return ok;
}

static void all_good(struct cache_object *o)
{
	int fd = o->file.fd;

	if (o->file.ngood != o->check.blocks)
		return;
	if (o->file.state == DISK_WHOLE) {
		o->file.state = DISK_TRUSTED;
		pthread_mutex_unlock(&o->mu);
		disk_stamp(&o->c->disk, fd, &o->id, o->check.size);
		pthread_mutex_lock(&o->mu);
	} else if (o->file.state == DISK_PART) {
		o->file.state = DISK_TRUSTED;
		pthread_mutex_unlock(&o->mu);
		disk_promote(&o->c->disk, fd, &o->check);
		pthread_mutex_lock(&o->mu);
	}
}

static bool from_file(struct reading *x)
{
	struct cache_object *o = x->o;
	int64_t b = x->at / o->check.block, end;
	bool data;
	int fd = o->file.fd;

	if (fd < 0)
		return false;
	if (disk_good(&o->file, b)) {
		if (from_good(x))
			return true;
		if (o->file.fd == fd)
			save_unreadable(o, b);
		return false;
	}
	if (check_file(x, b, &data)) {
		if (o->file.fd == fd)
			disk_set_good(&o->file, b);
		end = least(x->end, (b + 1) * o->check.block);
		x->out += end - x->at;
		x->at = end;
		all_good(o);
		return true;
	}
	if (o->file.fd == fd)
		save_broken(o);
	return false;
}

/* --- the store ------------------------------------------------------------ */

/* As much as is asked for and not there, in whole blocks. */
static int64_t span(struct reading *x, int64_t off)
{
	const struct check *k = &x->o->check;
	int64_t end = off + k->block, want = x->end;

	if (k->size <= CACHE_SMALL)
		want = k->size;
	if (want < off + CACHE_LEAST)
		want = off + CACHE_LEAST;
	if (want > off + CACHE_RANGE)
		want = off + CACHE_RANGE;
	want = least(want, k->size);
	while (end < want && !range_at(x->o, end) &&
	       !disk_good(&x->o->file, end / k->block))
		end += k->block;
	return least(end, k->size) - off;
}

static int ask(struct reading *x, struct err *e)
{
	int64_t off = x->at - x->at % x->o->check.block;

	x->missed = true;
	if (!x->o->store)
		return err_set(e, ERR_UNAVAILABLE,
			       "object %.200s: its store is not there yet",
			       x->o->key);
	if (!range_start(x->o, off, (size_t)span(x, off), false))
		return err_set(e, ERR_BUSY, "out of memory");
	return 0;
}

/* --- a read --------------------------------------------------------------- */

static int step(struct reading *x, struct err *e)
{
	struct range *r;
	int rc;

	if (!x->o->check.known && x->o->file.state != DISK_TRUSTED)
		return await_learning(x, e);
	r = range_at(x->o, x->at);
	if (r)
		return from_memory(x, r, e);
	if (from_file(x))
		return 0;
	rc = ask(x, e);
	if (rc == 0)
		ahead_fill(x->o, x->s, x->at);
	return rc;
}

static int64_t read_locked(struct cached *h, struct reading *x, struct err *e)
{
	struct cache_object *o = x->o;
	int64_t from = x->at;
	int rc = 0;
	SCOPED_LOCK(&o->mu);

	x->s = ahead_note(h, x->at, (size_t)(x->end - x->at));
	while (rc == 0 && x->at < x->end)
		rc = step(x, e);
	if (rc == 0 && o->check.known && o->file.state != DISK_TRUSTED)
		ahead_fill(o, x->s, x->end);
	if (o->ranges)
		ranges_trim(o);
	atomic_fetch_add(x->missed ? &o->c->counts.misses : &o->c->counts.hits,
			 1);
	return rc ? rc : x->at - from;
}

int64_t cached_read(struct cached *h, int64_t off, void *out, size_t n,
		    const struct cached_wait *w, struct err *e)
{
	struct reading x = {.o = h->o, .w = w, .at = off, .out = out};
	int64_t size = h->o->check.size;

	if (off < 0)
		return err_set(e, ERR_INVALID, "an offset below 0");
	if (off >= size || !n)
		return 0;
	x.end = n > (size_t)(size - off) ? size : off + (int64_t)n;
	return read_locked(h, &x, e);
}
