/* SPDX-License-Identifier: Apache-2.0 */
/* holder.c - see holder.h. A line of /proc/locks:
 *
 *	7: POSIX  ADVISORY  READ 1234 fe:00:262147 124 124
 */
#include "indexer/index/holder.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "indexer/base/io.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"

enum {
	LOCKS_BYTES = 4 << 20,
	FIRST_MARK = 124, /* SQLite's WAL_READ_LOCK(1); (0) reads no WAL */
	LAST_MARK = 127,
};

static struct str next_word(struct str *line)
{
	*line = str_trim(*line);
	return str_cut(line, ' ');
}

/* The process whose lock the line is, where it is one on a mark. */
static pid_t holder_of(struct str line, struct str inode)
{
	struct str words[8], of_file;
	int64_t pid, at;

	for (size_t i = 0; i < 8; i++)
		words[i] = next_word(&line);
	of_file = words[5];
	str_cut(&of_file, ':');
	str_cut(&of_file, ':');
	if (!str_is(words[1], "POSIX") || !str_eq(of_file, inode) ||
	    !num_parse_i64(words[4], &pid) || !num_parse_i64(words[6], &at))
		return 0;
	return at >= FIRST_MARK && at <= LAST_MARK ? (pid_t)pid : 0;
}

pid_t wal_holder(const char *path)
{
	SCOPED_FREE char *shm = NULL;
	SCOPED(buf_fini) struct buf locks;
	char inode[NUM_MAX];
	struct stat st;
	struct str text;
	struct err e;
	pid_t found = 0;

	buf_init(&locks, LOCKS_BYTES);
	if (asprintf(&shm, "%s-shm", path) < 0)
		abort();
	if (stat(shm, &st) < 0 ||
	    io_read_file("/proc/locks", LOCKS_BYTES, &locks, &e) < 0)
		return 0;
	num_format_i64((int64_t)st.st_ino, inode);
	for (text = buf_view(&locks); text.n && !found;)
		found = holder_of(str_cut(&text, '\n'), str_from(inode));
	return found;
}
