/* SPDX-License-Identifier: Apache-2.0 */
/* index.c - a data directory taken: its lock, its writer, its way in.
 *
 * The lock is a flock on DIR/lock, held as long as the process: others see by
 * it whether a daemon runs (bulletin.h). Who looks takes a shared lock for an
 * instant, so taking ours is tried for a while.
 */
#include "indexer/index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <semaphore.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/health.h"
#include "indexer/index/points.h"
#include "indexer/index/writer.h"

enum {
	LOCK_WAIT_MS = 3000, /* a daemon that is just stopping */
	LOCK_AGAIN_MS = 20,
};

struct index {
	char *dir;
	int lock;
	struct writer *writer;
	pthread_t thread;
};

/* --- the directory ------------------------------------------------------ */

static int in_use(int fd, const char *dir, struct err *e)
{
	char pid[NUM_MAX] = "";

	if (pread(fd, pid, sizeof(pid) - 1, 0) < 0)
		pid[0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return err_set(e, ERR_BUSY,
		       "another daemon runs on the data directory %s "
		       "(process %s)",
		       dir, pid[0] ? pid : "unknown");
}

static int wait_for_lock(int fd, const char *dir, struct err *e)
{
	const struct timespec pause = {0, LOCK_AGAIN_MS * 1000000};
	int64_t until = clock_mono_ms() + LOCK_WAIT_MS;

	while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, errno, "%s/lock", dir);
		if (clock_mono_ms() > until)
			return in_use(fd, dir, e);
		nanosleep(&pause, NULL);
	}
	return 0;
}

/* A descriptor that holds the lock. */
static int take_lock(const char *dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;
	char pid[NUM_MAX];
	int fd, n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	if (asprintf(&path, "%s/lock", dir) < 0)
		abort();
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	if (wait_for_lock(fd, dir, e) == 0 && ftruncate(fd, 0) == 0 &&
	    pwrite(fd, pid, (size_t)n, 0) == n)
		return fd;
	if (e->kind == ERR_NONE)
		err_sys(e, errno, "%s", path);
	close(fd);
	return -1;
}

static int check_place(const char *dir, struct err *e)
{
	const char *name;

	if (io_mkdirs(dir, 0700, e) < 0)
		return -1;
	if (io_unsafe_fs(dir, &name))
		return err_set(e, ERR_UNSUPPORTED,
			       "%s lies on %s, where the index cannot be kept "
			       "safely: use a local file system",
			       dir, name);
	return 0;
}

/* --- open, close -------------------------------------------------------- */

static int start(struct index *ix, struct err *e)
{
	int rc;

	if (check_place(ix->dir, e) < 0)
		return -1;
	ix->lock = take_lock(ix->dir, e);
	if (ix->lock < 0 || health_after_crash(ix->dir, e) < 0)
		return -1;
	ix->writer = writer_new(ix->dir, e);
	if (!ix->writer)
		return -1;
	rc = pthread_create(&ix->thread, NULL, writer_main, ix->writer);
	return rc ? err_sys(e, rc, "the writer's thread") : 0;
}

static void release(struct index *ix)
{
	writer_free(ix->writer);
	if (ix->lock >= 0)
		close(ix->lock);
	free(ix->dir);
	free(ix);
}

struct index *index_open(const char *dir, struct err *e)
{
	struct index *ix = calloc(1, sizeof(*ix));

	if (!ix)
		abort();
	ix->lock = -1;
	ix->dir = strdup(dir);
	if (!ix->dir)
		abort();
	err_clear(e);
	if (start(ix, e) == 0)
		return ix;
	release(ix);
	return NULL;
}

void index_close(struct index *ix)
{
	if (!ix)
		return;
	lanes_close(&ix->writer->lanes);
	pthread_join(ix->thread, NULL);
	release(ix);
}

/* --- commands ----------------------------------------------------------- */

int index_submit(struct index *ix, struct command *c, struct err *e)
{
	return lanes_push(&ix->writer->lanes, c, e);
}

static void wake(struct command *c, void *ctx)
{
	(void)c;
	sem_post(ctx);
}

static int apply_and_wait(struct index *ix, struct command *c, sem_t *done,
			  struct err *e)
{
	c->done = wake;
	c->ctx = done;
	if (index_submit(ix, c, e) < 0)
		return -1;
	while (sem_wait(done) < 0 && errno == EINTR)
		;
	if (c->err.kind == ERR_NONE)
		return 0;
	*e = c->err;
	return -1;
}

int index_apply(struct index *ix, struct command *c, struct err *e)
{
	sem_t done;
	int rc;

	sem_init(&done, 0, 0);
	rc = apply_and_wait(ix, c, &done, e);
	sem_destroy(&done);
	return rc;
}

/* --- state -------------------------------------------------------------- */

int64_t index_change(const struct index *ix)
{
	return atomic_load(&ix->writer->stats.change);
}

bool index_wait(struct index *ix, int64_t change, int64_t wait_ms)
{
	int64_t until = clock_mono_ms() + wait_ms;

	for (;;) {
		int64_t now = index_change(ix);
		int64_t left = until - clock_mono_ms();

		if (now >= change || left <= 0)
			return now >= change;
		bulletin_wait(ix->writer->bulletin, now, left);
	}
}

void index_on_commit(struct index *ix, void (*fn)(void *ctx, int64_t change),
		     void *ctx)
{
	ix->writer->on_commit_ctx = ctx;
	ix->writer->on_commit = fn;
}

struct bulletin *index_bulletin(struct index *ix)
{
	return ix->writer->bulletin;
}

const char *index_dir(const struct index *ix)
{
	return ix->dir;
}

static int64_t file_bytes(const char *dir, const char *name)
{
	SCOPED_FREE char *path = NULL;
	struct stat st;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		abort();
	return stat(path, &st) < 0 ? 0 : st.st_size;
}

void index_stats(struct index *ix, struct index_stats *ret)
{
	struct writer_stats *s = &ix->writer->stats;
	struct lanes *l = &ix->writer->lanes;

	*ret = (struct index_stats){
		.change = atomic_load(&s->change),
		.commits = atomic_load(&s->commits),
		.commands = atomic_load(&s->commands),
		.failed = atomic_load(&s->failed),
		.queued = atomic_load(&l->count),
		.wal_bytes = file_bytes(ix->dir, "index.db-wal"),
		.wal_holder = atomic_load(&s->wal_holder),
		.checkpoints = atomic_load(&s->checkpoints),
		.db_bytes = file_bytes(ix->dir, "index.db"),
		.points = atomic_load(&s->points),
		.folds = atomic_load(&s->folds),
		.tail_bytes = atomic_load(&s->tail_bytes),
		.last_commit_us = atomic_load(&s->last_commit_us),
		.longest_commit_us = atomic_load(&s->longest_commit_us),
	};
	for (int i = 0; i < LANES; i++)
		ret->queued_bytes += atomic_load(&l->bytes[i]);
}
