/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.h - what blocks on a client's socket, on transfer threads. */
#ifndef ORRERY_HTTP_TRANSFER_H
#define ORRERY_HTTP_TRANSFER_H

#include "api/http/crew.h"

/* Send head and file; a client that reads slowly gives the thread up. */
void transfer_file(struct hand *hand, struct exchange *x);
/* Read what is left of a body that its handler did not want, if it is little;
 * else the connection will be closed. */
void transfer_drain(struct hand *hand, struct exchange *x);
/* The end of a streamed answer. */
void transfer_finish(struct hand *hand, struct exchange *x);

#endif
