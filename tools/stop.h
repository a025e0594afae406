/* SPDX-License-Identifier: Apache-2.0 */
/* stop.h - SIGINT, SIGTERM and SIGHUP as a descriptor to wait for.
 *
 * The one place that deals with signals: a handler writes a byte into a pipe;
 * daemon_run and mount_run watch its other end.
 */
#ifndef ORRERY_TOOLS_STOP_H
#define ORRERY_TOOLS_STOP_H

#include <sys/types.h>

#include "indexer/base/err.h"

/* Installs the handlers (SIGPIPE is ignored); returns the descriptor that
 * becomes readable when it is time to stop, or -1. */
int stop_on_signals(struct err *e);

/* fork for a program that is ended by SIGTERM alone: SIGINT and SIGHUP, which a
 * terminal sends to all of a group, are blocked in the child, and none of our
 * handlers runs there. */
pid_t stop_fork(void);

#endif
