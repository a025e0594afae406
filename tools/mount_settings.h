/* SPDX-License-Identifier: Apache-2.0 */
/* mount_settings.h - what the flags of `orrery mount` and the configuration say
 * of a mount: where its data are, here or at a daemon elsewhere, its cache, and
 * what is for the kernel.
 */
#ifndef ORRERY_TOOLS_MOUNT_SETTINGS_H
#define ORRERY_TOOLS_MOUNT_SETTINGS_H

#include <limits.h>

#include "fs/mount.h"
#include "tools/verb.h"

struct mount_settings {
	const struct conf *conf;
	/* All but the mountpoint, and who is told. Points into the rest. */
	struct mount_options o;
	char cache[PATH_MAX], home[PATH_MAX];
	char kernel[PATH_MAX]; /* options */
	struct buf token;
};

/* Fini in any case. */
int mount_settings_read(struct mount_settings *m, const struct args *a,
			struct err *e);
void mount_settings_fini(struct mount_settings *m);

#endif
