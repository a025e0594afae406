/* SPDX-License-Identifier: Apache-2.0 */
/* scope.h - things undone at the end of their scope.
 *
 *	SCOPED_LOCK(&x->mu);            unlocks on every way out
 *	SCOPED(buf_fini) struct buf b;  calls buf_fini(&b)
 *	SCOPED_FD int fd = open(...);   closes unless -1, errno kept
 *
 * A function uses either this or "goto out", never both.
 */
#ifndef ORRERY_BASE_SCOPE_H
#define ORRERY_BASE_SCOPE_H

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define SCOPED(fn) __attribute__((cleanup(fn), unused))

static inline void scope_unlock(pthread_mutex_t **mu)
{
	if (*mu)
		pthread_mutex_unlock(*mu);
}

static inline pthread_mutex_t *scope_lock(pthread_mutex_t *mu)
{
	pthread_mutex_lock(mu);
	return mu;
}

#define SCOPE_NAME2(a, b) a##b
#define SCOPE_NAME(a, b)  SCOPE_NAME2(a, b)
#define SCOPED_LOCK(mu)                                                        \
	SCOPED(scope_unlock)                                                   \
	pthread_mutex_t *SCOPE_NAME(scope_lock_, __LINE__) = scope_lock(mu)

static inline void scope_close(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

#define SCOPED_FD SCOPED(scope_close)

static inline void scope_free(void *p)
{
	free(*(void **)p);
}

#define SCOPED_FREE SCOPED(scope_free)

#endif
