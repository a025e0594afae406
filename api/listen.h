/* SPDX-License-Identifier: Apache-2.0 */
/* listen.h - where the daemon may listen. */
#ifndef ORRERY_API_LISTEN_H
#define ORRERY_API_LISTEN_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

/* Without identity everyone who reaches the daemon is its owner, so it may be
 * reached from this host only: "unix:PATH", localhost, 127.0.0.0/8, [::1].
 * ERR_DENIED for anything else, with the reason. */
int listen_check_local(struct str address, struct err *e);

#endif
