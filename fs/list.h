/* SPDX-License-Identifier: Apache-2.0 */
/* list.h - listing a directory: the side of those who have the entries.
 *
 * Offsets are stable: "." and ".." and the fixed children come first, then
 * rows by number (LIST_ROWS + row + 1 follows a row), then what has no row.
 * What is listed whole (KIND_SNAPSHOT) is numbered as it was found when the
 * directory was opened.
 */
#ifndef ORRERY_FS_LIST_H
#define ORRERY_FS_LIST_H

#include "fs/tree.h"

enum { LIST_ROWS = 1024 };

struct lister;
struct listing; /* what a handle keeps */

void listing_free(struct listing *l);

struct node *lister_dir(const struct lister *l);
/* Rows up to this one were listed before; -1: none. */
int64_t lister_after(const struct lister *l);
/* An entry found no room: the listing goes on another time. */
bool lister_full(const struct lister *l);
/* One entry; row -1 for those of a snapshot. Returns 1 when there is no more
 * room (stop), -1 with e. Fit to be returned by a reader's call-back. */
int lister_add(struct lister *l, const struct found *x, int64_t row,
	       struct err *e);

#endif
