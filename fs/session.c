/* SPDX-License-Identifier: Apache-2.0 */
/* session.c - the threads of a mount: those that read from the kernel, and
 * the pools for what has to wait.
 */
#include "fs/session.h"

#include <signal.h>
#include <stdlib.h>

#include "fs/kernel.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"

struct session {
	struct request_host host;
	struct kernel *kernel;
	pthread_t loops[FS_LOOPS];
	int started; /* loops */
	pthread_mutex_t mu;
	pthread_cond_t moved;
	int running;  /* loops; guarded by: mu */
	bool answers; /* the kernel has asked; guarded by: mu */
};

static void *loop(void *arg)
{
	struct session *s = arg;

	kernel_serve(s->kernel);
	SCOPED_LOCK(&s->mu);
	s->running--;
	pthread_cond_broadcast(&s->moved);
	return NULL;
}

static void note_init(void *ctx)
{
	struct session *s = ctx;
	SCOPED_LOCK(&s->mu);

	s->answers = true;
	pthread_cond_broadcast(&s->moved);
}

static void no_action(int signal_number)
{
	(void)signal_number;
}

/* SIGUSR2 only ends a thread's read. */
static int start_loops(struct session *s, struct err *e)
{
	struct sigaction quiet = {.sa_handler = no_action};
	SCOPED_LOCK(&s->mu);

	sigaction(SIGUSR2, &quiet, NULL);
	for (; s->started < FS_LOOPS; s->started++) {
		if (pthread_create(&s->loops[s->started], NULL, loop, s))
			return err_set(e, ERR_IO, "no thread");
		s->running++;
	}
	while (!s->answers && s->running == FS_LOOPS)
		pthread_cond_wait(&s->moved, &s->mu);
	return s->answers ? 0 : err_set(e, ERR_IO, "the kernel does not ask");
}

static int make_pools(struct session *s, struct err *e)
{
	static const size_t threads[POOLS] = {
		[POOL_SLOW] = FS_SLOW_THREADS,
		[POOL_QUICK] = FS_QUICK_THREADS,
		[POOL_READS] = FS_READ_THREADS,
		[POOL_STORES] = FS_STORE_THREADS,
	};

	for (int i = 0; i < POOLS; i++) {
		s->host.pools[i] = pool_new(threads[i], FS_WAITING, e);
		if (!s->host.pools[i])
			return -1;
	}
	return 0;
}

struct session *session_start(struct fs *fs, const char *mountpoint,
			      struct err *e)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(e, ERR_NO_SPACE, "no memory to mount");
		return NULL;
	}
	s->host.fs = fs;
	pthread_mutex_init(&s->mu, NULL);
	thread_condition(&s->moved);
	if (make_pools(s, e) == 0)
		s->kernel = kernel_mount(&s->host, mountpoint, note_init, s, e);
	if (!s->kernel || start_loops(s, e)) {
		session_end(s);
		return NULL;
	}
	return s;
}

bool session_wait(struct session *s, int64_t wait_ms)
{
	struct timespec until = clock_deadline(wait_ms);
	SCOPED_LOCK(&s->mu);

	while (s->running == FS_LOOPS &&
	       pthread_cond_timedwait(&s->moved, &s->mu, &until) == 0)
		;
	return s->running < FS_LOOPS;
}

static bool kick(struct session *s)
{
	SCOPED_LOCK(&s->mu);

	for (int i = 0; s->running > 0 && i < s->started; i++)
		pthread_kill(s->loops[i], SIGUSR2);
	return s->running > 0;
}

/* A signal may come just before a thread sleeps in read: again, until all
 * are out. */
static void stop_loops(struct session *s)
{
	struct timespec soon = {0, 5000000};

	kernel_stop(s->kernel);
	while (kick(s))
		nanosleep(&soon, NULL);
	for (int i = 0; i < s->started; i++)
		pthread_join(s->loops[i], NULL);
}

void session_end(struct session *s)
{
	if (s->kernel)
		stop_loops(s);
	for (int i = 0; i < POOLS; i++)
		pool_free(s->host.pools[i]);
	kernel_free(s->kernel);
	pthread_mutex_destroy(&s->mu);
	pthread_cond_destroy(&s->moved);
	free(s);
}

struct watch_sink session_sink(struct session *s)
{
	return (struct watch_sink){
		.inode = kernel_forget_inode,
		.entry = kernel_forget_entry,
		.prune = kernel_prune,
		.ctx = s->kernel,
	};
}
