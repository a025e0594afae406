/* SPDX-License-Identifier: Apache-2.0 */
/* store_check.h - every artifact has the bytes that were acknowledged. */
#ifndef ORRERY_INDEX_STORE_CHECK_H
#define ORRERY_INDEX_STORE_CHECK_H

#include "indexer/base/conf.h"
#include "indexer/base/err.h"

/* Reads every object that the index of dir refers to and compares its size
 * and checksum; report is called for each finding. Works beside a running
 * daemon: snapshots are short, and objects never change. */
int store_check(const char *dir, const struct conf_objects *at,
		void (*report)(void *ctx, const char *what, const char *detail),
		void *ctx, struct err *e);

#endif
