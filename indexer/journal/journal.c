/* SPDX-License-Identifier: Apache-2.0 */
/* journal.c - the writer's side: one file, one lock, one write a record.
 *
 * The hard idea: an append takes nothing unless all of it lies in the page
 * cache, so the sequence moves only after the write returned whole, and space
 * is there before (preallocated), so that a full disk is met between records.
 * Order within an append: the record, the slot of its run, then "written",
 * then the bell; the daemon reads them the other way round.
 */
#include "indexer/journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/journal/format.h"
#include "indexer/journal/futex.h"

enum { NO_SEGMENT = -1, START_OVER = 1 << 20 };

struct journal {
	int fd, dir_fd;
	char id[JOURNAL_ID + 1];
	struct journal_head *head; /* JOURNAL_HEAD bytes, mapped */
	struct journal_bell *bell;
	int64_t limit;
	pthread_mutex_t sync_mu; /* held over an fdatasync; before mu */
	pthread_mutex_t mu;
	int64_t seq;      /* guarded by: mu; read also atomically */
	int64_t synced;   /* guarded by: mu; on disk up to here */
	int64_t segment;  /* guarded by: mu; where the next record goes, */
	int64_t at;       /* guarded by: mu; and its offset in the file */
	int64_t segments; /* guarded by: mu; allocated so far */
	int64_t *last;    /* guarded by: mu; last sequence in each segment */
	bool dead;        /* guarded by: mu; fdatasync failed */
};

/* --- making one --------------------------------------------------------- */

static int64_t segments_max(const struct journal *j)
{
	return (j->limit + JOURNAL_SEGMENT - 1) / JOURNAL_SEGMENT;
}

/* Blocks for [at, at + n), so that neither a write there nor a store into
 * its mapping meets a full disk. */
static int give_blocks(int fd, int64_t at, int64_t n, struct err *e)
{
	int rc;

	do
		rc = fallocate(fd, 0, at, n);
	while (rc < 0 && errno == EINTR);
	if (rc < 0 && errno == EOPNOTSUPP)
		rc = ftruncate(fd, at + n);
	return rc < 0 ? err_sys(e, errno, "journal") : 0;
}

static int write_head(struct journal *j, struct err *e)
{
	struct journal_head first = {.magic = JOURNAL_MAGIC};
	SCOPED_FREE char *zeros = calloc(1, JOURNAL_HEAD);

	if (!zeros)
		return err_set(e, ERR_INTERNAL, "out of memory");
	memcpy(first.id, j->id, JOURNAL_ID);
	memcpy(zeros, &first, sizeof(first));
	if (give_blocks(j->fd, 0, JOURNAL_HEAD, e) < 0 ||
	    io_pwrite_all(j->fd, zeros, JOURNAL_HEAD, 0, e) < 0)
		return -1;
	if (fdatasync(j->fd) < 0)
		return err_sys(e, errno, "journal");
	return 0;
}

static int map_head(struct journal *j, struct err *e)
{
	void *map = mmap(NULL, JOURNAL_HEAD, PROT_READ | PROT_WRITE, MAP_SHARED,
			 j->fd, 0);

	if (map == MAP_FAILED)
		return err_sys(e, errno, "journal");
	j->head = map;
	return 0;
}

/* Under a name of its own until it is locked and has its head: what bears an
 * id is a journal, and without its lock an abandoned one. */
static int make_file(struct journal *j, struct err *e)
{
	char making[JOURNAL_ID + sizeof(JOURNAL_MAKING)];

	random_hex(j->id, JOURNAL_ID / 2);
	memcpy(making, j->id, JOURNAL_ID);
	memcpy(making + JOURNAL_ID, JOURNAL_MAKING, sizeof(JOURNAL_MAKING));
	j->fd = openat(j->dir_fd, making, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC,
		       0600);
	if (j->fd < 0)
		return err_sys(e, errno, "journal");
	if (flock(j->fd, LOCK_EX | LOCK_NB) < 0) {
		err_sys(e, errno, "journal");
	} else if (write_head(j, e) == 0 && map_head(j, e) == 0) {
		if (renameat(j->dir_fd, making, j->dir_fd, j->id) == 0)
			return 0;
		err_sys(e, errno, "journal");
	}
	unlinkat(j->dir_fd, making, 0);
	return -1;
}

static void journal_free(struct journal *j)
{
	if (j->head)
		munmap(j->head, JOURNAL_HEAD);
	if (j->fd >= 0)
		close(j->fd);
	if (j->dir_fd >= 0)
		close(j->dir_fd);
	journal_bell_close(j->bell);
	pthread_mutex_destroy(&j->mu);
	pthread_mutex_destroy(&j->sync_mu);
	free(j->last);
	free(j);
}

static int open_all(struct journal *j, const char *dir, struct err *e)
{
	j->last = calloc((size_t)segments_max(j), sizeof(*j->last));
	if (!j->last)
		return err_set(e, ERR_INTERNAL, "out of memory");
	j->bell = journal_bell_open(dir, e);
	if (!j->bell)
		return -1;
	j->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0)
		return err_sys(e, errno, "%s", dir);
	if (make_file(j, e) < 0)
		return -1;
	if (fsync(j->dir_fd) < 0) {
		err_sys(e, errno, "%s", dir);
		unlinkat(j->dir_fd, j->id, 0);
		return -1;
	}
	return 0;
}

struct journal *journal_create(const char *dir, int64_t limit, struct err *e)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	if (limit < JOURNAL_LIMIT_MIN)
		limit = JOURNAL_LIMIT_MIN;
	j->limit = limit < JOURNAL_LIMIT_MAX ? limit : JOURNAL_LIMIT_MAX;
	j->fd = j->dir_fd = -1;
	j->segment = NO_SEGMENT;
	pthread_mutex_init(&j->sync_mu, NULL);
	pthread_mutex_init(&j->mu, NULL);
	if (open_all(j, dir, e) < 0) {
		err_wrap(e, "%s: cannot make a journal", dir);
		journal_free(j);
		return NULL;
	}
	journal_bell_new_file(j->bell);
	return j;
}

void journal_close(struct journal *j)
{
	if (!j)
		return;
	if (journal_committed(j) == journal_written(j))
		unlinkat(j->dir_fd, j->id, 0);
	journal_free(j);
}

const char *journal_id(const struct journal *j)
{
	return j->id;
}

/* --- space -------------------------------------------------------------- */

static int64_t segment_size(const struct journal *j, int64_t k)
{
	int64_t left = j->limit - k * JOURNAL_SEGMENT;

	return left < JOURNAL_SEGMENT ? left : JOURNAL_SEGMENT;
}

static int64_t left_in(const struct journal *j)
{
	if (j->segment == NO_SEGMENT)
		return 0;
	return journal_segment_at(j->segment) + segment_size(j, j->segment) -
	       j->at;
}

/* Begin segment k anew: what it held is committed. */
static void begin_segment(struct journal *j, int64_t k)
{
	if (j->last[k] > j->head->reused)
		__atomic_store_n(&j->head->reused, j->last[k],
				 __ATOMIC_RELEASE);
	j->segment = k;
	j->at = journal_segment_at(k);
}

/* Another segment, if the limit leaves one that holds n bytes. */
static int add_segment(struct journal *j, int64_t n, struct err *e)
{
	int64_t k = j->segments;

	if (k == segments_max(j) || segment_size(j, k) < n)
		return err_set(e, ERR_NO_SPACE,
			       "the journal is full: its %lld bytes wait for "
			       "the daemon",
			       (long long)j->limit);
	if (give_blocks(j->fd, journal_segment_at(k), segment_size(j, k), e) <
	    0)
		return -1;
	j->segments++;
	begin_segment(j, k);
	return 0;
}

/* A place for n bytes: here, at the beginning when all is committed, in a
 * segment that is, or in a new one. */
static int make_room(struct journal *j, int64_t n, struct err *e)
{
	int64_t committed = journal_committed(j);

	if (committed == j->seq && j->at >= JOURNAL_HEAD + START_OVER)
		begin_segment(j, 0);
	if (left_in(j) >= n)
		return 0;
	for (int64_t k = 0; k < j->segments; k++) {
		if (j->last[k] <= committed && segment_size(j, k) >= n) {
			begin_segment(j, k);
			return 0;
		}
	}
	return add_segment(j, n, e);
}

int64_t journal_free_bytes(struct journal *j)
{
	int64_t committed = journal_committed(j), n;
	SCOPED_LOCK(&j->mu);

	if (committed == j->seq)
		return j->limit;
	n = left_in(j);
	for (int64_t k = 0; k < segments_max(j); k++)
		if (k != j->segment && j->last[k] <= committed)
			n += segment_size(j, k);
	return n;
}

/* --- appending ---------------------------------------------------------- */

static int refuse_dead(struct err *e)
{
	return err_set(e, ERR_IO,
		       "the journal has ended: what it held could not be "
		       "written to disk");
}

/* Lay the record down whole at j->at, or make sure that nothing of it can be
 * taken for one. */
static int lay_down(struct journal *j, struct iovec *parts, int n,
		    ssize_t length, struct err *e)
{
	static const struct journal_record_head none;
	ssize_t done;

	do
		done = pwritev(j->fd, parts, n, j->at);
	while (done < 0 && errno == EINTR);
	if (done == length)
		return 0;
	err_sys(e, done < 0 ? errno : ENOSPC, "journal");
	if (pwrite(j->fd, &none, sizeof(none), j->at) != sizeof(none))
		j->dead = true;
	return -1;
}

/* Everyone may see it now; the slot first, for "written" announces it. */
static void announce(struct journal *j, struct str run_id, int64_t length)
{
	int64_t seq = j->seq + 1;

	j->at += length;
	j->last[j->segment] = seq;
	__atomic_store_n(&j->seq, seq, __ATOMIC_RELEASE);
	__atomic_store_n(journal_slot(j->head, run_id), seq, __ATOMIC_RELEASE);
	__atomic_store_n(&j->head->written, seq, __ATOMIC_SEQ_CST);
}

struct record_parts {
	struct str run_id, key, packed;
};

static int append_locked(struct journal *j, const struct record_parts *r,
			 struct journal_record_head *h, struct err *e)
{
	struct iovec parts[] = {
		{h, sizeof(*h)},
		{(void *)(uintptr_t)r->run_id.p, r->run_id.n},
		{(void *)(uintptr_t)r->key.p, r->key.n},
		{(void *)(uintptr_t)r->packed.p, r->packed.n},
	};
	enum { PARTS = sizeof(parts) / sizeof(parts[0]) };
	SCOPED_LOCK(&j->mu);

	if (j->dead)
		return refuse_dead(e);
	if (make_room(j, h->length, e) < 0)
		return -1;
	h->seq = j->seq + 1;
	h->crc = journal_crc(j->id, h);
	for (int i = 1; i < PARTS; i++)
		h->crc = crc32c(h->crc, parts[i].iov_base, parts[i].iov_len);
	if (lay_down(j, parts, PARTS, h->length, e) < 0)
		return -1;
	announce(j, r->run_id, h->length);
	return 0;
}

int journal_append(struct journal *j, struct str run_id, struct str key,
		   struct str packed, int64_t accepted_ms, int64_t *ret_seq,
		   struct err *e)
{
	struct record_parts r = {run_id, key, packed};
	struct journal_record_head h = {.accepted = accepted_ms};
	int64_t most = segment_size(j, 0);

	if (run_id.n > JOURNAL_NAME_MAX || key.n > JOURNAL_NAME_MAX)
		return err_set(e, ERR_TOO_LONG,
			       "a name in a journal has at most %d bytes",
			       JOURNAL_NAME_MAX);
	most = most < JOURNAL_RECORD_MAX ? most : JOURNAL_RECORD_MAX;
	most -= (int64_t)(sizeof(h) + run_id.n + key.n);
	if ((int64_t)packed.n > most)
		return err_set(e, ERR_TOO_LARGE,
			       "%zu bytes of points at once, where %lld fit "
			       "into a record",
			       packed.n, (long long)most);
	h.run = (uint16_t)run_id.n;
	h.key = (uint16_t)key.n;
	h.packed = (uint32_t)packed.n;
	h.length = (uint32_t)(sizeof(h) + run_id.n + key.n + packed.n);
	if (append_locked(j, &r, &h, e) < 0)
		return -1;
	journal_bell_ring(j->bell);
	*ret_seq = h.seq;
	return 0;
}

/* --- what is on disk, what is committed --------------------------------- */

/* What is not on disk yet; -1 when the journal is dead. */
static int unsynced(struct journal *j, int64_t *ret_seq, struct err *e)
{
	SCOPED_LOCK(&j->mu);

	if (j->dead)
		return refuse_dead(e);
	*ret_seq = j->seq;
	return j->seq > j->synced;
}

static int note_sync(struct journal *j, int64_t seq, int errnum, struct err *e)
{
	SCOPED_LOCK(&j->mu);

	if (!errnum) {
		j->synced = seq;
		return 0;
	}
	j->dead = true;
	return err_sys(e, errnum, "journal");
}

/* One fdatasync at a time: the kernel reports a failure to one caller only,
 * so a second one beside it could be told that all is well. Who waits here
 * mostly finds that the one before did its work too. */
int journal_sync(struct journal *j, struct err *e)
{
	int64_t seq = 0;
	int rc;
	SCOPED_LOCK(&j->sync_mu);

	rc = unsynced(j, &seq, e);
	if (rc <= 0)
		return rc;
	rc = fdatasync(j->fd);
	return note_sync(j, seq, rc < 0 ? errno : 0, e);
}

int64_t journal_written(const struct journal *j)
{
	return __atomic_load_n(&j->seq, __ATOMIC_ACQUIRE);
}

int64_t journal_committed(const struct journal *j)
{
	int64_t written = journal_written(j);
	int64_t seq = __atomic_load_n(&j->head->committed, __ATOMIC_SEQ_CST);

	return seq < written ? seq : written;
}

bool journal_wait(struct journal *j, int64_t seq, int64_t wait_ms)
{
	int64_t until = clock_mono_ms() + wait_ms;

	for (;;) {
		uint32_t commits =
			__atomic_load_n(&j->head->commits, __ATOMIC_SEQ_CST);

		__atomic_store_n(&j->head->waiting, 1, __ATOMIC_SEQ_CST);
		if (journal_committed(j) >= seq)
			return true;
		wait_ms = until - clock_mono_ms();
		if (wait_ms <= 0)
			return false;
		futex_wait(&j->head->commits, commits, wait_ms);
	}
}
