/* SPDX-License-Identifier: Apache-2.0 */
/* keeper.h - what keeps the store clean: collections that are asked for, one
 * at a time, and those that a crash broke off, which are ended at the next
 * start. */
#ifndef ORRERY_API_KEEPER_H
#define ORRERY_API_KEEPER_H

#include "indexer/index/collect.h"

struct keeper;

struct keeper *keeper_start(struct index *ix, struct objects *o, struct err *e);
/* What is under way ends soon, incomplete; nothing is begun any more. */
void keeper_stop(struct keeper *k);
void keeper_free(struct keeper *k); /* stopped before, or NULL */

/* Run a collection, or with rd only an estimate, on the caller's thread; g
 * says what (index, objects and cancelled are filled in here). ERR_BUSY where
 * another one runs and does not end soon. */
int keeper_collect(struct keeper *k, struct collect *g, struct reader *rd,
		   struct err *e);

#endif
