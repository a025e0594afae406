/* SPDX-License-Identifier: Apache-2.0 */
/* once.h - requests that may come twice and must count once (internal).
 *
 * The answer to a command that carries a key is kept in its transaction; the
 * same key again, from the same principal with the same request, gets that
 * answer and changes nothing. Another request under the key is ERR_CONFLICT.
 * What leaves more to do (a deletion in slices) is no answer yet.
 */
#ifndef ORRERY_INDEX_ONCE_H
#define ORRERY_INDEX_ONCE_H

#include "indexer/index/writer.h"

/* Whether it carries a key. One without fields, as spans come, does not: there
 * is nothing to tell it by, and it counts once anyway. */
bool once_applies(const struct command *c);
/* 1: answered before, the ret_ members are filled. 0: new. */
int once_find(struct writer *w, struct command *c, struct err *e);
int once_keep(struct writer *w, struct command *c, struct err *e);

#endif
