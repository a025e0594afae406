/* SPDX-License-Identifier: Apache-2.0 */
/* call.c - requests, and the readers that they borrow.
 */
#include "fs/call.h"

#include <errno.h>

#include "fs/append.h"
#include "fs/catch_up.h"
#include "fs/limits.h"
#include "fs/tree.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"

/* --- readers -------------------------------------------------------------- */

void readers_init(struct readers *p, const char *dir)
{
	*p = (struct readers){.dir = dir};
	pthread_mutex_init(&p->mu, NULL);
}

void readers_fini(struct readers *p)
{
	while (p->idle > 0)
		reader_close(p->free[--p->idle]);
	pthread_mutex_destroy(&p->mu);
}

static struct reader *take_idle(struct readers *p, int64_t *ret_generation)
{
	SCOPED_LOCK(&p->mu);

	*ret_generation = p->generation;
	return p->idle > 0 ? p->free[--p->idle] : NULL;
}

static struct reader *readers_take(struct readers *p, int64_t *ret_generation,
				   struct err *e)
{
	struct reader *rd = take_idle(p, ret_generation);

	return rd ? rd : reader_open(p->dir, e);
}

static bool keep_idle(struct readers *p, struct reader *rd, int64_t generation)
{
	SCOPED_LOCK(&p->mu);

	if (p->idle == FS_READERS || generation != p->generation)
		return false;
	p->free[p->idle++] = rd;
	return true;
}

void readers_give(struct readers *p, struct reader *rd, int64_t generation)
{
	if (keep_idle(p, rd, generation))
		return;
	reader_close(rd);
}

void readers_renew(struct readers *p)
{
	SCOPED_LOCK(&p->mu);

	p->generation++;
	while (p->idle > 0)
		reader_close(p->free[--p->idle]);
}

/* --- requests ------------------------------------------------------------- */

void fs_call_init(struct fs_call *c, struct fs *fs, pid_t pid)
{
	*c = (struct fs_call){.fs = fs, .pid = pid};
	arena_init(&c->arena, FS_ARENA);
	c->arrived = clock_mono_ms();
}

void fs_call_fini(struct fs_call *c)
{
	fs_end(c);
	arena_fini(&c->arena);
}

int fs_begin(struct fs_call *c, struct err *e)
{
	struct reader *rd;

	if (c->rd)
		return 0;
	rd = readers_take(&c->fs->readers, &c->generation, e);
	if (!rd)
		return -1;
	if (reader_begin(rd, &c->fs->who, e)) {
		readers_give(&c->fs->readers, rd, c->generation);
		return -1;
	}
	c->before = reader_queries(rd);
	c->rd = rd;
	return 0;
}

void fs_end(struct fs_call *c)
{
	if (!c->rd)
		return;
	reader_end(c->rd);
	atomic_fetch_add(&c->fs->stats.queries,
			 reader_queries(c->rd) - c->before);
	readers_give(&c->fs->readers, c->rd, c->generation);
	c->rd = NULL;
}

int fs_may_wait(struct fs_call *c, struct err *e)
{
	if (c->may_wait)
		return fs_check_cancelled(c, e);
	c->parked = true;
	return err_set(e, ERR_BUSY, "this has to wait");
}

/* The n-th word of a thread's line in /proc, -1 from the last. */
static bool stat_word(struct str line, int n, int64_t *ret)
{
	struct str word = {0};

	for (int i = 0; line.n > 0 && i != n + 1; i++)
		word = str_cut(&line, ' ');
	return num_parse_i64(str_trim(word), ret);
}

/* Whether it was killed, or has been on its way out for long: the kernel
 * passes no signal on any more, and nobody would hear of an error. */
static bool is_ending(pid_t thread, int64_t waited)
{
	enum { FLAGS = 6, EXIT_CODE = -2, EXITING = 4, SIGNAL = 0x7f };
	SCOPED(buf_fini) struct buf text;
	int64_t flags, code;
	struct err e = {0};
	char path[64];
	struct str line;

	buf_init(&text, 4096);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)thread);
	if (io_read_file(path, 4096, &text, &e))
		return false;
	line = buf_view(&text);
	while (str_find(line, ')') < line.n)
		str_cut(&line, ')');
	line = str_trim(line);
	return stat_word(line, FLAGS, &flags) && (flags & EXITING) &&
	       stat_word(line, EXIT_CODE, &code) &&
	       ((code & SIGNAL) || waited > FS_ENDING_MS);
}

static bool gave_up(const struct fs_call *c)
{
	return (c->cancelled && atomic_load(c->cancelled)) ||
	       (c->closes && is_ending(c->pid, clock_mono_ms() - c->arrived));
}

bool fs_cancelled(void *call)
{
	return gave_up(call);
}

int fs_check_cancelled(const struct fs_call *c, struct err *e)
{
	if (gave_up(c))
		return err_set(e, ERR_INTERRUPTED, "the caller gave up");
	return 0;
}

/* In short steps, so that a cancelled call ends at once. */
int fs_nap(const struct fs_call *c, int64_t ms, struct err *e)
{
	int64_t end = clock_mono_ms() + ms, left;
	struct timespec ts = {0};

	while ((left = end - clock_mono_ms()) > 0) {
		if (fs_check_cancelled(c, e))
			return -1;
		ts.tv_nsec = (left < 10 ? left : 10) * 1000000;
		nanosleep(&ts, NULL);
	}
	return fs_check_cancelled(c, e);
}

int64_t fs_left(const struct fs_call *c, int64_t ms)
{
	int64_t left = c->arrived + ms - clock_mono_ms();

	return left > 0 ? left : 0;
}

/* A lock that is held may be held for long, by one who waits for the daemon. */
int fs_lock(struct fs_call *c, pthread_mutex_t *mu, struct err *e)
{
	struct timespec soon;

	if (pthread_mutex_trylock(mu) == 0)
		return 0;
	if (fs_may_wait(c, e))
		return -1;
	do {
		clock_gettime(CLOCK_REALTIME, &soon);
		soon.tv_nsec += FS_LOCK_MS * 1000000;
		soon.tv_sec += soon.tv_nsec / 1000000000;
		soon.tv_nsec %= 1000000000;
		if (pthread_mutex_timedlock(mu, &soon) == 0)
			return 0;
	} while (fs_check_cancelled(c, e) == 0);
	return -1;
}

/* What was changed is seen by the next call. */
static void await_change(struct fs_call *c, int64_t change)
{
	struct fs *fs = c->fs;
	int64_t seen;

	while ((seen = bulletin_change(fs->bulletin)) < change &&
	       fs_left(c, fs->wait_ms) > 0 && !fs_cancelled(c))
		bulletin_wait(fs->bulletin, seen, 20);
}

int fs_post(struct fs_call *c, struct command *x, struct err *e)
{
	struct fs *fs = c->fs;
	struct err late;

	if (fs_may_wait(c, e))
		return -1;
	fs_end(c);
	/* It must not overtake the lines before it; a daemon beside us sees to
	 * that by itself. */
	append_ship(c, FS_SEEN_MS, &late);
	x->who = fs->who;
	x->once = str_from(arena_printf(
		&x->arena, "%s:%llu", journal_id(fs->journal),
		(unsigned long long)atomic_fetch_add(&fs->sequence, 1)));
	if (!x->once.p)
		return arena_full(&x->arena, e);
	atomic_fetch_add(&fs->stats.posts, 1);
	if (fs->post(fs->post_ctx, c, x, e))
		return -1;
	if (fs->replica)
		fs_catch_up(c, x->change);
	else
		await_change(c, x->change);
	return 0;
}
