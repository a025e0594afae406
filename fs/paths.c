/* SPDX-License-Identifier: Apache-2.0 */
/* paths.c - a lock for many or for one that a signal can end.
 */
#include "fs/paths.h"

#include "fs/tree.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"

enum { LOOK_MS = 20 }; /* between two looks at who gave up */

void paths_init(struct paths *p)
{

	*p = (struct paths){0};
	pthread_mutex_init(&p->mu, NULL);
	thread_condition(&p->moved);
}

void paths_fini(struct paths *p)
{
	pthread_mutex_destroy(&p->mu);
	pthread_cond_destroy(&p->moved);
}

static int wait_a_little(struct fs_call *c, struct paths *p, struct err *e)
{
	struct timespec until = clock_deadline(LOOK_MS);

	if (fs_check_cancelled(c, e))
		return -1;
	if (fs_left(c, c->fs->wait_ms) == 0)
		return err_set(e, ERR_IO, "the daemon does not answer");
	pthread_cond_timedwait(&p->moved, &p->mu, &until);
	return 0;
}

int paths_use(struct fs_call *c, struct err *e)
{
	struct paths *p = &c->fs->paths;
	SCOPED_LOCK(&p->mu);

	while (p->changing || p->wanting > 0) {
		if (wait_a_little(c, p, e))
			return -1;
	}
	p->users++;
	return 0;
}

void paths_used(struct fs_call *c)
{
	struct paths *p = &c->fs->paths;
	SCOPED_LOCK(&p->mu);

	if (--p->users == 0)
		pthread_cond_broadcast(&p->moved);
}

int paths_change(struct fs_call *c, struct err *e)
{
	struct paths *p = &c->fs->paths;
	SCOPED_LOCK(&p->mu);
	int r = 0;

	p->wanting++;
	while (!r && (p->changing || p->users > 0))
		r = wait_a_little(c, p, e);
	p->wanting--;
	if (!r)
		p->changing = true;
	else
		pthread_cond_broadcast(&p->moved);
	return r;
}

void paths_changed(struct fs_call *c)
{
	struct paths *p = &c->fs->paths;
	SCOPED_LOCK(&p->mu);

	p->changing = false;
	pthread_cond_broadcast(&p->moved);
}
