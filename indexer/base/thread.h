/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - a thread that no signal comes to: those are for the main thread.
 */
#ifndef ORRERY_BASE_THREAD_H
#define ORRERY_BASE_THREAD_H

#include <pthread.h>

#include "indexer/base/err.h"

int thread_start(pthread_t *t, void *(*fn)(void *), void *arg, struct err *e);

#endif
