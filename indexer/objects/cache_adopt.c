/* SPDX-License-Identifier: Apache-2.0 */
/* cache_adopt.c - files that lie elsewhere, in memory above all, become cached
 * objects: copied in the background, where who has stored them does not wait
 * for a disk. That is done by one thread that leaves the processor to others;
 * where they come faster than it gets on, some are left out.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/objects/cache_own.h"

struct adoption {
	struct pool_job job;
	struct cache *c;
	int fd;
	struct cache_id id;
};

static void adopt(void *ctx)
{
	struct adoption *a = ctx;
	struct err ignored;
	int fd = io_unnamed(cache_spool(a->c), &ignored);

	setpriority(PRIO_PROCESS, (id_t)gettid(), CACHE_NICE);
	if (fd >= 0) {
		if (io_copy(a->fd, fd, -1, &ignored) == 0)
			cache_adopt(a->c, fd, a->id.kind, str_from(a->id.hex),
				    &ignored);
		close(fd);
	}
	close(a->fd);
	atomic_fetch_sub(&a->c->adopting, 1);
	free(a);
}

void cache_adopt_soon(struct cache *c, int fd, enum cache_digest kind,
		      struct str digest)
{
	struct adoption *a;
	struct err ignored;

	if (!disk_usable(&c->disk))
		return;
	if (atomic_fetch_add(&c->adopting, 1) >= CACHE_ADOPTING) {
		atomic_fetch_sub(&c->adopting, 1);
		return;
	}
	a = calloc(1, sizeof(*a));
	if (!a)
		abort();
	a->c = c;
	a->job = (struct pool_job){.run = adopt, .ctx = a};
	a->fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	if (a->fd >= 0 && cache_id_init(&a->id, kind, digest, &ignored) == 0 &&
	    pool_add(&c->adopters, &a->job))
		return;
	if (a->fd >= 0)
		close(a->fd);
	atomic_fetch_sub(&c->adopting, 1);
	free(a);
}
