/* SPDX-License-Identifier: Apache-2.0 */
/* mailbox.c - many posters, one taker. */
#include "api/http/mailbox.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int mailbox_init(struct mailbox *b, struct err *e)
{
	atomic_init(&b->top, NULL);
	atomic_init(&b->posting, 0);
	b->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	return b->fd < 0 ? err_sys(e, errno, "eventfd") : 0;
}

void mailbox_fini(struct mailbox *b)
{
	while (atomic_load(&b->posting))
		sched_yield();
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -1;
}

void mailbox_ring(struct mailbox *b)
{
	uint64_t one = 1;
	ssize_t n;

	/* A full counter is a bell that already rings. */
	do
		n = write(b->fd, &one, sizeof(one));
	while (n < 0 && errno == EINTR);
}

void mailbox_post(struct mailbox *b, struct mail *m)
{
	struct mail *top;

	atomic_fetch_add(&b->posting, 1);
	top = atomic_load_explicit(&b->top, memory_order_relaxed);
	do
		m->next = top;
	while (!atomic_compare_exchange_weak_explicit(
		&b->top, &top, m, memory_order_release, memory_order_relaxed));
	if (!top)
		mailbox_ring(b);
	atomic_fetch_sub(&b->posting, 1);
}

struct mail *mailbox_take(struct mailbox *b)
{
	struct mail *m =
		atomic_exchange_explicit(&b->top, NULL, memory_order_acquire);
	struct mail *oldest = NULL;

	while (m) {
		struct mail *next = m->next;

		m->next = oldest;
		oldest = m;
		m = next;
	}
	return oldest;
}
