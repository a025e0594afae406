/* SPDX-License-Identifier: Apache-2.0 */
/* append.h - lines into the journal, and out of the way of later readers.
 *
 * A record in the journal is accepted; it is seen once the daemon has
 * committed it, usually a millisecond later. Whoever then asks about that run
 * waits for it, so that no reader of this mount overtakes a line. While the
 * daemon is away nothing is waited for.
 */
#ifndef ORRERY_FS_APPEND_H
#define ORRERY_FS_APPEND_H

#include "fs/call.h"

struct append {
	struct str key, packed;
	int64_t points;
};

/* All of them or none. Waits for room in the journal, as long as a write may
 * wait; then ERR_IO and nothing is taken. */
int append_lines(struct fs_call *c, int64_t run_row, struct str run_id,
		 const struct append *list, size_t n, struct err *e);
/* Wait until what this mount appended is committed. */
int append_flush(struct fs_call *c, struct err *e);
/* Wait, so long after the call came, until a daemon elsewhere has on its disk
 * what this mount appended; 0 at once where it is here. The call may wait. */
int append_ship(struct fs_call *c, int64_t limit_ms, struct err *e);
/* As append_flush, without a call, for a clean end; the journal keeps the rest.
 */
int append_drain(struct fs *fs, struct err *e);

#endif
