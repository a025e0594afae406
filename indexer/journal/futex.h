/* SPDX-License-Identifier: Apache-2.0 */
/* futex.h - sleeping on a number in a page that processes share. */
#ifndef ORRERY_JOURNAL_FUTEX_H
#define ORRERY_JOURNAL_FUTEX_H

#include <linux/futex.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Sleep while *at is seen, wait_ms at most; may return early. */
static inline void futex_wait(uint32_t *at, uint32_t seen, int64_t wait_ms)
{
	struct timespec ts = {.tv_sec = wait_ms / 1000,
			      .tv_nsec = wait_ms % 1000 * 1000000};

	if (wait_ms > 0)
		syscall(SYS_futex, at, FUTEX_WAIT, seen, &ts, NULL, 0);
}

static inline void futex_wake_all(uint32_t *at)
{
	syscall(SYS_futex, at, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

#endif
