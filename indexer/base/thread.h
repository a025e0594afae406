/* SPDX-License-Identifier: Apache-2.0 */
/* thread.h - a thread that no signal comes to (those are for the main thread),
 * and what threads wait by.
 */
#ifndef ORRERY_BASE_THREAD_H
#define ORRERY_BASE_THREAD_H

#include <pthread.h>

#include "indexer/base/err.h"

int thread_start(pthread_t *t, void *(*fn)(void *), void *arg, struct err *e);
/* A condition that is waited for until a clock_deadline. */
void thread_condition(pthread_cond_t *ret);

#endif
