/* SPDX-License-Identifier: Apache-2.0 */
/* mount.h - the file system as a whole: mounted, run, unmounted.
 */
#ifndef ORRERY_FS_MOUNT_H
#define ORRERY_FS_MOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "indexer/base/err.h"

struct mount_options {
	const char *data;   /* directory of the daemon on this host, absolute */
	const char *server; /* URL of a daemon elsewhere, or NULL */
	const char *token;  /* for that, or NULL */
	const char *home;   /* what is kept of that lies here, absolute */
	bool sync_remote;   /* fsync of lines waits for that daemon */
	const char *mountpoint; /* absolute; made if absent */
	const char *as_given;   /* the same before links were followed */
	int64_t wait_ms;        /* how long writes wait for the daemon */
	int64_t journal_size;   /* bytes of lines not yet committed */
	const char *cache;      /* directory; NULL: below data, or home */
	int64_t cache_size, cache_free; /* of it, and of its disk; 0: usual */
	const char *kernel;             /* options of mount(8), or NULL */
	int stop_fd; /* readable (or closed by the other side): unmount */
	/* Called once the mount answers. */
	void (*ready)(void *ctx);
	void *ctx;
};

/* Serves until unmounted or asked to stop. 0 when everything accepted was
 * handed on; -1 when it could not mount (ERR_UNSUPPORTED where the kernel
 * has no FUSE) or something could not be stored. */
int mount_run(const struct mount_options *o, struct err *e);

/* Flush, then unmount; -1 if something could not be stored or the place is
 * busy. Called from any process. */
int mount_end(const char *mountpoint, struct err *e);

/* Whether this errno is what a mount answers whose process is gone. */
bool mount_is_dead(int errnum);
/* Take away what is left of such a mount; 0 also where there is none. */
int mount_clear(const char *place, struct err *e);

#endif
