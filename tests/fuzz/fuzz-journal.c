/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-journal.c - any bytes as the records of a journal that was left. The
 * first byte tells how many record heads the bytes begin with that get a CRC
 * which holds, so that lying sizes and sequences come through to the reader:
 * it gives records of the next sequence, with names and points that lie in
 * the file, and stops where there is none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/journal/format.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define ID "0123456789abcdef0123456789abcdef"

enum { MOST = 1 << 20, SIGNED = 8 };

static void make_path(char *path, size_t size)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(path, size, "%s/fuzz-journal-%d", tmp ? tmp : "/tmp",
		 (int)getpid());
}

/* Give the first heads of the bytes a CRC, each at where the one before says
 * that it ends. */
static void sign(char *p, size_t n, unsigned heads)
{
	size_t at = 0;

	while (heads-- && n - at >= sizeof(struct journal_record_head)) {
		struct journal_record_head h;
		size_t rest;

		memcpy(&h, p + at, sizeof(h));
		rest = h.length < sizeof(h) ? 0 : h.length - sizeof(h);
		if (rest > n - at - sizeof(h))
			rest = n - at - sizeof(h);
		h.crc = crc32c(journal_crc(ID, &h), p + at + sizeof(h), rest);
		memcpy(p + at, &h, sizeof(h));
		at += sizeof(h) + rest;
	}
}

static void write_journal(const char *path, const char *records, size_t n,
			  int64_t written)
{
	struct journal_head *head = calloc(1, JOURNAL_HEAD);
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
	struct err e;

	if (!head || fd < 0)
		abort();
	memcpy(head->magic, JOURNAL_MAGIC, sizeof(head->magic));
	memcpy(head->id, ID, JOURNAL_ID);
	head->written = written;
	if (io_write_all(fd, head, JOURNAL_HEAD, &e) < 0 ||
	    io_write_all(fd, records, n, &e) < 0)
		abort();
	close(fd);
	free(head);
}

static void read_journal(const char *path, size_t n)
{
	struct err e;
	struct journal_reader *r = journal_open(path, &e);
	struct journal_record rec;
	int64_t applied = 0, bytes = 0;
	int got;

	if (!r || !journal_abandoned(r))
		abort();
	while ((got = journal_next(r, applied, &rec, &e)) > 0) {
		struct str all = str_n(rec.run_id.p,
				       rec.run_id.n + rec.key.n + rec.packed.n);

		if (rec.seq != ++applied)
			abort();
		crc32c(0, all.p, all.n);
		bytes += (int64_t)(sizeof(struct journal_record_head) + all.n);
	}
	if (bytes > (int64_t)n || (got < 0 && e.kind != ERR_CORRUPT))
		abort();
	journal_reader_close(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	char dir[256], path[512], *records;

	if (n < 2 || n > MOST)
		return 0;
	make_path(dir, sizeof(dir));
	snprintf(path, sizeof(path), "%s/" ID, dir);
	if (mkdir(dir, 0700) < 0)
		abort();
	records = malloc(n - 1);
	if (!records)
		abort();
	memcpy(records, data + 1, n - 1);
	sign(records, n - 1, data[0] % SIGNED);
	write_journal(path, records, n - 1, data[0] / SIGNED);
	read_journal(path, n - 1);
	free(records);
	unlink(path);
	rmdir(dir);
	return 0;
}
