/* SPDX-License-Identifier: Apache-2.0 */
/* bulletin.c - the mapped page, and the futexes in it.
 *
 * The file is never replaced, only written over, so mappings outlive a
 * restart of the daemon. beat is the word that waiters sleep on: it grows
 * with each post, since a futex is 32 bits wide and a change 64. Who dies
 * while waiting leaves the count of waiters too high: a few wakes for nobody.
 */
#include "indexer/index/bulletin.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"

enum {
	PAGE_BYTES = 4096,
	PAGE_MAGIC = 0x4f425531, /* "OBU1" */
	GATE_MS = 1000,          /* longest wait at the gate */
	GATE_LOOK_MS = 100,      /* then see whether the daemon lives */
};

struct page {
	_Atomic uint32_t magic;
	_Atomic uint32_t gate; /* 1: closed */
	_Atomic uint32_t beat; /* of the posts */
	_Atomic uint32_t waiters;
	_Atomic uint32_t gate_waiters;
	_Atomic int64_t epoch;
	_Atomic int64_t change;
};

struct bulletin {
	struct page *page;
	char *lock_path;
};

static void futex_wait(_Atomic uint32_t *word, uint32_t seen, int64_t wait_ms)
{
	struct timespec t = {wait_ms / 1000, wait_ms % 1000 * 1000000};

	syscall(SYS_futex, word, FUTEX_WAIT, seen, &t, NULL, 0);
}

static void futex_wake(_Atomic uint32_t *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static int map(struct bulletin *b, int fd, const char *path, struct err *e)
{
	void *p = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		       0);

	if (p == MAP_FAILED)
		return err_sys(e, errno, "%s", path);
	b->page = p;
	return 0;
}

/* A page that is too short would be SIGBUS when read. */
static int check_size(int fd, const char *path, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_sys(e, errno, "%s", path);
	if (st.st_size < PAGE_BYTES)
		return err_set(e, ERR_CORRUPT, "%s: not a bulletin", path);
	return 0;
}

static struct bulletin *bulletin_at(const char *dir, int flags, struct err *e)
{
	struct bulletin *b = calloc(1, sizeof(*b));
	SCOPED_FREE char *path = NULL;
	SCOPED_FD int fd = -1;

	if (!b || asprintf(&b->lock_path, "%s/lock", dir) < 0 ||
	    asprintf(&path, "%s/bulletin", dir) < 0)
		abort();
	fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		err_sys(e, errno, "%s", path);
	else if ((flags & O_CREAT) && posix_fallocate(fd, 0, PAGE_BYTES) != 0)
		err_set(e, ERR_NO_SPACE, "%s: no space", path);
	else if (check_size(fd, path, e) == 0 && map(b, fd, path, e) == 0)
		return b;
	bulletin_close(b);
	return NULL;
}

struct bulletin *bulletin_create(const char *dir, int64_t epoch, struct err *e)
{
	struct bulletin *b = bulletin_at(dir, O_RDWR | O_CREAT, e);

	if (!b)
		return NULL;
	atomic_store(&b->page->epoch, epoch);
	atomic_store(&b->page->magic, PAGE_MAGIC);
	bulletin_gate_open(b);
	return b;
}

struct bulletin *bulletin_open(const char *dir, struct err *e)
{
	struct bulletin *b = bulletin_at(dir, O_RDWR, e);

	if (b && atomic_load(&b->page->magic) != PAGE_MAGIC) {
		bulletin_close(b);
		err_set(e, ERR_CORRUPT, "%s/bulletin: not a bulletin", dir);
		return NULL;
	}
	return b;
}

void bulletin_close(struct bulletin *b)
{
	if (!b)
		return;
	if (b->page)
		munmap(b->page, PAGE_BYTES);
	free(b->lock_path);
	free(b);
}

int64_t bulletin_epoch(const struct bulletin *b)
{
	return atomic_load(&b->page->epoch);
}

int64_t bulletin_change(const struct bulletin *b)
{
	return atomic_load(&b->page->change);
}

void bulletin_post(struct bulletin *b, int64_t change)
{
	atomic_store(&b->page->change, change);
	atomic_fetch_add(&b->page->beat, 1);
	if (atomic_load(&b->page->waiters))
		futex_wake(&b->page->beat);
}

int64_t bulletin_wait(struct bulletin *b, int64_t seen, int64_t wait_ms)
{
	int64_t until = clock_mono_ms() + wait_ms;

	for (;;) {
		uint32_t beat = atomic_load(&b->page->beat);
		int64_t change = atomic_load(&b->page->change);
		int64_t left = until - clock_mono_ms();

		if (change != seen || left <= 0)
			return change;
		atomic_fetch_add(&b->page->waiters, 1);
		futex_wait(&b->page->beat, beat, left);
		atomic_fetch_sub(&b->page->waiters, 1);
	}
}

bool bulletin_daemon_runs(const struct bulletin *b)
{
	SCOPED_FD int fd = open(b->lock_path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	return flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

void bulletin_gate_close(struct bulletin *b)
{
	atomic_store(&b->page->gate, 1);
}

void bulletin_gate_open(struct bulletin *b)
{
	atomic_store(&b->page->gate, 0);
	if (atomic_load(&b->page->gate_waiters))
		futex_wake(&b->page->gate);
}

void bulletin_gate_pass(struct bulletin *b)
{
	int64_t until;

	if (!atomic_load(&b->page->gate))
		return;
	until = clock_mono_ms() + GATE_MS;
	while (atomic_load(&b->page->gate) && clock_mono_ms() < until) {
		atomic_fetch_add(&b->page->gate_waiters, 1);
		futex_wait(&b->page->gate, 1, GATE_LOOK_MS);
		atomic_fetch_sub(&b->page->gate_waiters, 1);
		/* One that died with the gate closed holds nobody up. */
		if (atomic_load(&b->page->gate) && !bulletin_daemon_runs(b))
			return;
	}
}
