/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h - listening sockets, TCP and unix. */
#ifndef ORRERY_HTTP_LISTENER_H
#define ORRERY_HTTP_LISTENER_H

#include <stdbool.h>
#include <sys/un.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

struct listener {
	int fd;
	int port;   /* 0 for unix */
	bool local; /* unix */
	bool tls;
	char path[sizeof(((struct sockaddr_un *)0)->sun_path)];
};

enum { LISTENER_URL = 128 };

/* url gets what clients use, LISTENER_URL bytes. */
int listener_open(struct listener *l, struct str address, bool tls, char *url,
		  struct err *e);
/* No new connections; those not yet accepted are refused. The descriptor
 * stays, for other threads may be using it. */
void listener_shut(struct listener *l);
void listener_close(struct listener *l);

#endif
