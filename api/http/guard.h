/* SPDX-License-Identifier: Apache-2.0 */
/* guard.h - a server without sign-in serves this machine alone.
 *
 * Listening on loopback is not enough: a web page may make a browser ask
 * (cross-site, or through a name that resolves to 127.0.0.1), and a proxy may
 * let the world in.
 */
#ifndef ORRERY_HTTP_GUARD_H
#define ORRERY_HTTP_GUARD_H

#include "api/http/conn.h"

/* "localhost", 127.0.0.0/8 or [::1], with that port (80 may be left out). */
bool guard_host(struct str host, int port);
/* "http://" or "https://" and a loopback host, any port. */
bool guard_origin(struct str origin);
/* -1 with the reason where the request is to be refused. */
int guard_check(const struct conn *k, const struct exchange *x, struct err *e);

#endif
