/* SPDX-License-Identifier: Apache-2.0 */
/* thread.c - see thread.h. */
#include "indexer/base/thread.h"

#include <signal.h>
#include <time.h>

int thread_start(pthread_t *t, void *(*fn)(void *), void *arg, struct err *e)
{
	sigset_t all, before;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	rc = pthread_create(t, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return rc ? err_sys(e, rc, "a thread cannot be started") : 0;
}

void thread_condition(pthread_cond_t *ret)
{
	pthread_condattr_t a;

	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	pthread_cond_init(ret, &a);
	pthread_condattr_destroy(&a);
}
