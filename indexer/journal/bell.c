/* SPDX-License-Identifier: Apache-2.0 */
/* bell.c - the page by which writers wake the daemon.
 *
 * The hard idea: who is about to sleep says so first, then lets the kernel
 * compare the value; who rings changes the value first, then looks whether
 * someone said so. Whatever the order, either the sleeper sees the new value
 * or the ringer sees the sleeper. A sleeper that was killed costs one system
 * call at the next ring, which clears its mark.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/journal/futex.h"
#include "indexer/journal/journal.h"

enum { BELL_BYTES = 4096 };

struct journal_bell {
	uint32_t value;    /* one up a ring */
	uint32_t sleeping; /* someone waits for the next ring */
	uint32_t files;    /* journals made so far */
};

/* Its blocks are there before it is mapped, so that a full disk is an error
 * here and not a signal later. */
static int give_blocks(int fd, struct err *e)
{
	if (fallocate(fd, 0, 0, BELL_BYTES) == 0)
		return 0;
	if (errno != EOPNOTSUPP)
		return err_sys(e, errno, "journal bell");
	if (pwrite(fd, "", 1, BELL_BYTES - 1) != 1)
		return err_sys(e, errno, "journal bell");
	return 0;
}

struct journal_bell *journal_bell_open(const char *dir, struct err *e)
{
	SCOPED_FREE char *path = NULL;
	SCOPED_FD int fd = -1;
	void *map;

	if (asprintf(&path, "%s/bell", dir) < 0) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_sys(e, errno, "%s", path);
		return NULL;
	}
	if (give_blocks(fd, e) < 0)
		return NULL;
	map = mmap(NULL, BELL_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED) {
		err_sys(e, errno, "%s", path);
		return NULL;
	}
	return map;
}

void journal_bell_close(struct journal_bell *b)
{
	if (b)
		munmap(b, BELL_BYTES);
}

uint32_t journal_bell_value(const struct journal_bell *b)
{
	return __atomic_load_n(&b->value, __ATOMIC_SEQ_CST);
}

void journal_bell_wait(struct journal_bell *b, uint32_t seen, int64_t wait_ms)
{
	int64_t until = clock_mono_ms() + wait_ms;

	while (wait_ms > 0 && journal_bell_value(b) == seen) {
		__atomic_store_n(&b->sleeping, 1, __ATOMIC_SEQ_CST);
		futex_wait(&b->value, seen, wait_ms);
		wait_ms = until - clock_mono_ms();
	}
}

void journal_bell_ring(struct journal_bell *b)
{
	__atomic_add_fetch(&b->value, 1, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&b->sleeping, __ATOMIC_SEQ_CST) &&
	    __atomic_exchange_n(&b->sleeping, 0, __ATOMIC_SEQ_CST))
		futex_wake_all(&b->value);
}

uint32_t journal_bell_files(const struct journal_bell *b)
{
	return __atomic_load_n(&b->files, __ATOMIC_SEQ_CST);
}

void journal_bell_new_file(struct journal_bell *b)
{
	__atomic_add_fetch(&b->files, 1, __ATOMIC_SEQ_CST);
	journal_bell_ring(b);
}
