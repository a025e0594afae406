/* SPDX-License-Identifier: Apache-2.0 */
/* fstab.h - mount.fuse.orrery: what mount(8) calls for a line of /etc/fstab.
 *
 *   mount.fuse.orrery SPEC DIR [-sfnv] [-N NS] [-t TYPE] [-o OPTIONS]
 *
 * It is `orrery mount` in other words. SPEC is the data directory, or the URL
 * of a daemon; "none" and "orrery" say nothing. An option that mount(8) or the
 * boot system looks at itself is passed over, one that the kernel knows is
 * handed on (-o), any other is a flag: wait=5s is --wait=5s, allow_other is
 * --allow-other.
 */
#ifndef ORRERY_TOOLS_FSTAB_H
#define ORRERY_TOOLS_FSTAB_H

#include "tools/verb.h"

/* Whether the program was called by such a name. */
bool fstab_named(const char *argv0);
/* The exit status, as mount(8) has it. */
int fstab_mount(int argc, char **argv);
/* Options of -o: ERR_INVALID for one that the kernel has not. */
int fstab_check_kernel(const char *options, struct err *e);

#endif
