/* SPDX-License-Identifier: Apache-2.0 */
/* verbs.h - the functions behind the rows of verbs.c. */
#ifndef ORRERY_TOOLS_VERBS_H
#define ORRERY_TOOLS_VERBS_H

#include "tools/verb.h"

int verb_up(const struct args *a, struct err *e);
int verb_serve(const struct args *a, struct err *e);
int verb_mount(const struct args *a, struct err *e);
int verb_umount(const struct args *a, struct err *e);
int verb_status(const struct args *a, struct err *e);
int verb_config(const struct args *a, struct err *e);
int verb_check(const struct args *a, struct err *e);
int verb_backup(const struct args *a, struct err *e);
int verb_restore(const struct args *a, struct err *e);
int verb_gc(const struct args *a, struct err *e);
int verb_demo(const struct args *a, struct err *e);
int verb_version(const struct args *a, struct err *e);

#endif
