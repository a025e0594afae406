/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - a fuzz target as an ordinary test: its corpus, and small changes
 * of each file that are the same in every run.
 *
 * A target that finds something wrong aborts; the last line printed tells
 * which file and which change it was.
 */
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { FILE_MOST = 1 << 20, CHANGES = 300 };

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* One of: a byte replaced, a bit turned, a piece dropped, a piece doubled,
 * the end cut off. p has room for 2n bytes; returns the new length. */
static size_t change(uint8_t *p, size_t n, uint64_t *random)
{
	uint64_t r = next_random(random);
	size_t at = (size_t)(r >> 8) % n, len = (size_t)(r >> 40) % (n - at);

	switch (r % 5) {
	case 0:
		p[at] = (uint8_t)(r >> 56);
		return n;
	case 1:
		p[at] ^= (uint8_t)(1 << (r >> 56) % 8);
		return n;
	case 2:
		memmove(p + at, p + at + len, n - at - len);
		return n - len;
	case 3:
		memmove(p + at + len, p + at, n - at);
		return n + len;
	default:
		return at;
	}
}

/* A copy of exactly n bytes, so that a sanitizer sees what reads beyond. */
static void run_exact(const uint8_t *p, size_t n)
{
	uint8_t *copy = malloc(n ? n : 1);

	if (!copy)
		abort();
	memcpy(copy, p, n);
	LLVMFuzzerTestOneInput(copy, n);
	free(copy);
}

static void run_changes(struct str text, uint8_t *scratch)
{
	uint64_t random = str_hash(text) | 1;

	for (int i = 0; i < CHANGES && text.n; i++) {
		size_t n = text.n;

		memcpy(scratch, text.p, n);
		for (uint64_t more = next_random(&random) % 4; n; more--) {
			n = change(scratch, n, &random);
			if (!more || n > text.n)
				break;
		}
		run_exact(scratch, n);
	}
}

static int run_file(const char *dir, const char *name, uint8_t *scratch)
{
	char path[4096];
	struct buf b;
	struct err e;
	int rc;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	buf_init(&b, FILE_MOST);
	rc = io_read_file(path, FILE_MOST, &b, &e);
	if (rc) {
		fprintf(stderr, "%s\n", e.msg);
	} else {
		printf("%s\n", path);
		fflush(stdout);
		run_exact((const uint8_t *)(b.p ? b.p : ""), b.n);
		run_changes(buf_view(&b), scratch);
	}
	buf_fini(&b);
	return rc;
}

/* Returns how many files ran, -1 where one could not be read. */
static int run_directory(const char *dir, uint8_t *scratch)
{
	DIR *d = opendir(dir);
	struct dirent *entry;
	int n = 0;

	while (d && n >= 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			n = run_file(dir, entry->d_name, scratch) ? -1 : n + 1;
	if (d)
		closedir(d);
	return n;
}

int main(int argc, char **argv)
{
	uint8_t *scratch = malloc((size_t)2 * FILE_MOST);
	int n;

	if (argc != 2 || !scratch) {
		fprintf(stderr, "usage: %s CORPUS-DIRECTORY\n", argv[0]);
		free(scratch);
		return 2;
	}
	n = run_directory(argv[1], scratch);
	free(scratch);
	printf("%d files\n", n);
	return n > 0 ? 0 : 1;
}
