/* SPDX-License-Identifier: Apache-2.0 */
/* request.c - requests that wait.
 */
#include "fs/request.h"

#include <errno.h>
#include <stdlib.h>

static const struct op_type *type_of(const struct request *rq)
{
	return &op_types[rq->op];
}

bool request_answer(struct request *rq, const struct answer *a)
{
	if (rq->armed)
		rq->host->arm(rq, false);
	rq->armed = false;
	return rq->host->answer(rq, a) != -ENOENT;
}

void request_fail(struct request *rq, int error)
{
	request_answer(rq, &(struct answer){.error = error});
}

static void set_busy(const struct request *rq, int by)
{
	if (!type_of(rq)->locks_dir)
		return;
	fs_busy(rq->host->fs, rq->ino, by);
	if (rq->to_ino)
		fs_busy(rq->host->fs, rq->to_ino, by);
}

static void finish(struct request *rq)
{
	set_busy(rq, -1);
	fs_call_fini(&rq->call);
}

static void free_waiting(struct request *rq)
{
	finish(rq);
	free(rq);
}

static void run_waiting(struct task *t)
{
	struct request *rq = (struct request *)t;

	type_of(rq)->run(rq);
	free_waiting(rq);
}

static void give_up_waiting(struct task *t)
{
	struct request *rq = (struct request *)t;

	request_fail(rq, atomic_load(&rq->cancelled) ? EINTR : EIO);
	free_waiting(rq);
}

static bool is_over(const struct task *t)
{
	const struct request *rq = (const struct request *)t;

	if (type_of(rq)->must_run)
		return false;
	return atomic_load(&rq->cancelled) ||
	       (type_of(rq)->pool != POOL_QUICK &&
		fs_left(&rq->call, rq->host->fs->wait_ms) == 0);
}

static struct pool *pool_of(const struct request *rq)
{
	return rq->host->pools[type_of(rq)->pool];
}

/* The host calls it while it holds what disarming waits for: the request
 * stays until we return. */
void request_interrupted(struct request *rq)
{
	atomic_store(&rq->cancelled, true);
	pool_look(pool_of(rq));
}

static struct str take_copy(char **at, struct str s)
{
	char *p = *at;

	if (s.n)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	*at += s.n + 1;
	return str_n(p, s.n);
}

static struct request *copy_request(const struct request *rq)
{
	size_t n = rq->name.n + rq->to_name.n + rq->data.n + 3;
	struct request *copy = malloc(sizeof(*copy) + n);
	char *at = (char *)(copy + 1);

	if (!copy)
		return NULL;
	memcpy(copy, rq, sizeof(*copy));
	copy->name = take_copy(&at, rq->name);
	copy->to_name = take_copy(&at, rq->to_name);
	copy->data = take_copy(&at, rq->data);
	return copy;
}

/* The copy takes over the call, its memory, and the directory's mark. */
static void park(struct request *rq)
{
	struct request *copy = copy_request(rq);

	atomic_fetch_add(&rq->host->fs->stats.parked, 1);
	if (!copy) {
		request_fail(rq, ENOMEM);
		finish(rq);
		return;
	}
	copy->task = (struct task){NULL, run_waiting, give_up_waiting, is_over};
	copy->call.parked = false;
	copy->call.may_wait = true;
	copy->call.cancelled = &copy->cancelled;
	copy->armed = !type_of(rq)->must_run;
	if (copy->armed)
		rq->host->arm(copy, true);
	if (pool_queue(pool_of(copy), &copy->task))
		return;
	request_fail(copy, EAGAIN);
	free_waiting(copy);
}

void request_serve(struct request *rq, pid_t pid)
{
	fs_call_init(&rq->call, rq->host->fs, pid);
	set_busy(rq, 1);
	if (!type_of(rq)->slow)
		type_of(rq)->run(rq);
	if (type_of(rq)->slow || rq->call.parked)
		park(rq);
	else
		finish(rq);
}
