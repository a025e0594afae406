/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - the daemon's side of a journal: records copied out and checked.
 *
 * The hard idea: the place of record n is never remembered on disk. It lies
 * right behind record n - 1 or at the beginning of a segment, and format.h
 * says why whatever passes the checks there is record n. A window of the file
 * is read at a time; a record that does not hold in it is read once more
 * before that is believed, for the writer may have been at it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/journal/format.h"
#include "indexer/journal/futex.h"

enum { WINDOW = 64 << 10, WHY = 700 /* bytes of a reason in the log */ };

struct journal_reader {
	int fd;
	uid_t owner;
	bool abandoned;
	char id[JOURNAL_ID + 1];
	struct journal_head *head; /* JOURNAL_HEAD bytes, mapped */
	int64_t committed;         /* ours; the head's is for the writer */
	int64_t next, next_at;     /* sequence that follows, and where; 0: ? */
	char *window; /* bytes [window_at, +window_n) of the file */
	int64_t window_at;
	size_t window_n, window_size;
};

/* --- opening ------------------------------------------------------------ */

static int open_file(struct journal_reader *r, const char *path, struct err *e)
{
	struct stat st;

	r->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (r->fd < 0)
		return err_sys(e, errno, "journal %s", r->id);
	if (fstat(r->fd, &st) < 0)
		return err_sys(e, errno, "journal %s", r->id);
	if (!S_ISREG(st.st_mode) || st.st_size < JOURNAL_HEAD)
		return err_set(e, ERR_CORRUPT, "journal %s: too short", r->id);
	r->owner = st.st_uid;
	return 0;
}

static int map_head(struct journal_reader *r, struct err *e)
{
	void *map = mmap(NULL, JOURNAL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED,
			 r->fd, 0);

	if (map == MAP_FAILED)
		return err_sys(e, errno, "journal %s", r->id);
	r->head = map;
	if (memcmp(r->head->magic, JOURNAL_MAGIC, sizeof(r->head->magic)) !=
		    0 ||
	    memcmp(r->head->id, r->id, JOURNAL_ID) != 0)
		return err_set(e, ERR_CORRUPT,
			       "journal %s: its head is not one", r->id);
	return 0;
}

struct journal_reader *journal_open(const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	struct str name = str_from(slash ? slash + 1 : path);
	struct journal_reader *r;

	if (name.n != JOURNAL_ID) {
		err_set(e, ERR_CORRUPT, "journal %s: not an id", path);
		return NULL;
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	memcpy(r->id, name.p, JOURNAL_ID);
	if (open_file(r, path, e) < 0 || map_head(r, e) < 0) {
		journal_reader_close(r);
		return NULL;
	}
	return r;
}

void journal_reader_close(struct journal_reader *r)
{
	if (!r)
		return;
	if (r->head)
		munmap(r->head, JOURNAL_HEAD);
	if (r->fd >= 0)
		close(r->fd);
	free(r->window);
	free(r);
}

const char *journal_reader_id(const struct journal_reader *r)
{
	return r->id;
}

uid_t journal_reader_owner(const struct journal_reader *r)
{
	return r->owner;
}

bool journal_abandoned(struct journal_reader *r)
{
	if (!r->abandoned && flock(r->fd, LOCK_EX | LOCK_NB) == 0)
		r->abandoned = true;
	return r->abandoned;
}

/* Bytes of the file; 0 where the head is gone, so that it is not touched. */
static int64_t file_size(const struct journal_reader *r)
{
	struct stat st;

	if (fstat(r->fd, &st) < 0 || st.st_size < JOURNAL_HEAD)
		return 0;
	return st.st_size;
}

bool journal_removed(const struct journal_reader *r)
{
	struct stat st;

	return fstat(r->fd, &st) == 0 && st.st_nlink == 0;
}

/* --- records ------------------------------------------------------------ */

/* Fill the window from at on with need bytes or more, where there are. */
static int fill(struct journal_reader *r, int64_t at, size_t need,
		struct err *e)
{
	size_t size = need > WINDOW ? need : WINDOW;
	ssize_t got;

	if (r->window_size != size) {
		free(r->window);
		r->window_n = r->window_size = 0;
		r->window = malloc(size);
		if (!r->window)
			return err_set(e, ERR_INTERNAL, "out of memory");
		r->window_size = size;
	}
	r->window_n = 0;
	got = io_pread_all(r->fd, r->window, size, at, e);
	if (got < 0)
		return err_wrap(e, "journal %s", r->id);
	r->window_at = at;
	r->window_n = (size_t)got;
	return 0;
}

/* What the window holds from at on. */
static struct str window_from(const struct journal_reader *r, int64_t at)
{
	if (at < r->window_at || at - r->window_at >= (int64_t)r->window_n)
		return STR_NONE;
	return str_n(r->window + (at - r->window_at),
		     r->window_n - (size_t)(at - r->window_at));
}

/* The record with sequence seq (0: any) at an offset. 1 found, 0 not. */
static int read_record(struct journal_reader *r, int64_t at, int64_t seq,
		       struct journal_record *ret, struct err *e)
{
	int64_t segment = (at - JOURNAL_HEAD) / JOURNAL_SEGMENT;
	int64_t room = journal_segment_at(segment + 1) - at;
	struct journal_record_head h = {.length = 0};
	struct str s = window_from(r, at);

	if (!journal_head_at(s, room, &h) ||
	    !journal_record_at(r->id, s, &h, seq, ret)) {
		if (fill(r, at, 0, e) < 0)
			return -1;
		s = window_from(r, at);
		if (!journal_head_at(s, room, &h))
			return 0;
		if (h.length > s.n && (!seq || h.seq == seq)) {
			if (fill(r, at, h.length, e) < 0)
				return -1;
			s = window_from(r, at);
		}
		if (!journal_head_at(s, room, &h) ||
		    !journal_record_at(r->id, s, &h, seq, ret))
			return 0;
	}
	r->next = h.seq + 1;
	r->next_at = at + h.length;
	return 1;
}

/* --- where record n lies ------------------------------------------------ */

/* Among the first records of all segments: the one with the greatest sequence
 * up to n, or the smallest above it. 1 found, 0 not. */
static int find_segment(struct journal_reader *r, int64_t n, bool above,
			int64_t *ret_at, struct err *e)
{
	int64_t size = file_size(r), best = 0;

	for (int64_t at = JOURNAL_HEAD; at < size; at += JOURNAL_SEGMENT) {
		struct journal_record first;
		int got = read_record(r, at, 0, &first, e);

		if (got < 0)
			return -1;
		if (!got || (first.seq > n) != above)
			continue;
		if (!best || (first.seq > best) != above) {
			best = first.seq;
			*ret_at = at;
		}
	}
	return best != 0;
}

/* From the segment that should hold n, record by record up to it. */
static int walk_to(struct journal_reader *r, int64_t n,
		   struct journal_record *ret, struct err *e)
{
	int64_t at, seq = 0;
	int got = find_segment(r, n, false, &at, e);

	while (got > 0) {
		got = read_record(r, at, seq, ret, e);
		if (got > 0 && ret->seq == n)
			return 1;
		seq = r->next;
		at = r->next_at;
	}
	return got;
}

static int find(struct journal_reader *r, int64_t n, struct journal_record *ret,
		struct err *e)
{
	int64_t reused = __atomic_load_n(&r->head->reused, __ATOMIC_ACQUIRE);
	int64_t at;
	int got = 0;

	if (r->next == n && r->next_at)
		got = read_record(r, r->next_at, n, ret, e);
	if (!got)
		got = walk_to(r, n, ret, e);
	if (got || n > reused)
		return got;
	got = find_segment(r, n, true, &at, e);
	return got > 0 ? read_record(r, at, 0, ret, e) : got;
}

int journal_next(struct journal_reader *r, int64_t applied,
		 struct journal_record *ret, struct err *e)
{
	int64_t n = applied + 1, at = r->next == n ? r->next_at : 0, written;
	int got;

	if (!file_size(r))
		return err_set(e, ERR_CORRUPT, "journal %s: cut short", r->id);
	written = journal_reader_written(r);
	if (n > written && !r->abandoned)
		return 0;
	got = find(r, n, ret, e);
	if (got)
		return got;
	r->next = n;
	r->next_at = at;
	if (n > written)
		return 0;
	return err_set(e, ERR_CORRUPT,
		       "journal %s: record %lld of %lld does not hold", r->id,
		       (long long)n, (long long)written);
}

/* --- the head ----------------------------------------------------------- */

void journal_commit(struct journal_reader *r, int64_t seq)
{
	__atomic_store_n(&r->committed, seq, __ATOMIC_RELEASE);
	if (!file_size(r))
		return;
	__atomic_store_n(&r->head->committed, seq, __ATOMIC_SEQ_CST);
	__atomic_add_fetch(&r->head->commits, 1, __ATOMIC_SEQ_CST);
	if (__atomic_exchange_n(&r->head->waiting, 0, __ATOMIC_SEQ_CST))
		futex_wake_all(&r->head->commits);
}

int64_t journal_reader_written(const struct journal_reader *r)
{
	if (!file_size(r))
		return 0;
	return __atomic_load_n(&r->head->written, __ATOMIC_ACQUIRE);
}

bool journal_pending(const struct journal_reader *r, struct str run_id,
		     int64_t *ret_seq)
{
	int64_t committed, seq, of_run;

	committed = __atomic_load_n(&r->committed, __ATOMIC_ACQUIRE);
	seq = journal_reader_written(r);
	if (seq > committed && run_id.n) {
		of_run = __atomic_load_n(journal_slot(r->head, run_id),
					 __ATOMIC_ACQUIRE);
		seq = of_run < seq ? of_run : seq;
	}
	*ret_seq = seq;
	return seq > committed;
}

void journal_set_aside(const char *dir, const char *id, const char *why)
{
	SCOPED_FREE char *from = NULL;
	SCOPED_FREE char *to = NULL;
	char quoted[WHY];

	if (asprintf(&from, "%s/%s", dir, id) < 0 ||
	    asprintf(&to, "%s/%s.bad", dir, id) < 0)
		abort();
	log_error("a journal is set aside", "journal=%s why=%s", id,
		  log_quote(str_from(why), quoted, sizeof(quoted)));
	if (rename(from, to) < 0 && errno != ENOENT)
		log_error("a journal cannot be renamed", "journal=%s errno=%d",
			  id, errno);
}
