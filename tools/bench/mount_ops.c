/* SPDX-License-Identifier: Apache-2.0 */
/* mount_ops.c - times what programs do with the files of a mount.
 *
 *	bench-mount-ops KIND PATH [COUNT [THREADS [BYTES]]]
 *
 * first   open FILE and read its first byte: microseconds
 * random  COUNT reads of 4 KiB anywhere in FILE, by one reader: a second
 * files   open, read to the end and close DIR/f<0 to COUNT - 1>, each once,
 *         by THREADS readers: files a second
 * create  make DIR/f<0 to COUNT - 1> of BYTES bytes, by THREADS writers, as
 *         cp would; sync also syncs each before it is closed: files a second
 * write   one FILE of BYTES bytes, closed: MB/s
 *
 * Every error ends it with a sentence and status 1; bytes of "files" are
 * counted, and fewer than BYTES each are an error.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"

enum { BLOCK = 4096, PIECE = 128 << 10, THREADS_MAX = 64, NAME = 4096 };

struct job {
	const char *path;
	int64_t count, bytes;
	bool sync;
	_Atomic int64_t next;
	const char *piece;
	void (*one)(struct job *j, const char *path);
};

static int fail(const char *what)
{
	fprintf(stderr, "bench-mount-ops: %s: %s\n", what,
		strerrordesc_np(errno));
	exit(1);
}

static int open_for(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0644);

	return fd < 0 ? fail(path) : fd;
}

static void first(struct job *j)
{
	int64_t start = clock_mono_us();
	int fd = open_for(j->path, O_RDONLY);
	char byte;

	if (read(fd, &byte, 1) != 1)
		fail(j->path);
	printf("%" PRId64 "\n", clock_mono_us() - start);
	close(fd);
}

static void per_second(double count, int64_t start)
{
	double took = (double)(clock_mono_us() - start) / 1e6;

	printf("%.3f\n", count / took);
}

static void random_reads(struct job *j)
{
	int fd = open_for(j->path, O_RDONLY);
	uint64_t state = (uint64_t)j->bytes + 1; /* the seed */
	char block[BLOCK];
	int64_t start;
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < BLOCK)
		fail(j->path);
	posix_fadvise(fd, 0, 0, POSIX_FADV_RANDOM);
	start = clock_mono_us();
	for (int64_t i = 0; i < j->count; i++) {
		state = state * 6364136223846793005u + 1442695040888963407u;
		if (pread(fd, block, BLOCK,
			  (off_t)((state >> 20) %
				  (uint64_t)(st.st_size / BLOCK)) *
				  BLOCK) != BLOCK)
			fail(j->path);
	}
	per_second((double)j->count, start);
	close(fd);
}

static void read_one(struct job *j, const char *path)
{
	static _Thread_local char piece[PIECE];
	int fd = open_for(path, O_RDONLY);
	int64_t total = 0;
	ssize_t n;

	while ((n = read(fd, piece, sizeof(piece))) > 0)
		total += n;
	if (n < 0 || total < j->bytes)
		fail(path);
	close(fd);
}

static void write_one(struct job *j, const char *path)
{
	int fd = open_for(path, O_WRONLY | O_CREAT | O_TRUNC);

	for (int64_t left = j->bytes; left > 0; left -= PIECE) {
		size_t n = left < PIECE ? (size_t)left : PIECE;

		if (write(fd, j->piece, n) != (ssize_t)n)
			fail(path);
	}
	if (j->sync && fsync(fd) < 0)
		fail(path);
	if (close(fd) < 0)
		fail(path);
}

static void *work(void *arg)
{
	struct job *j = arg;
	char path[NAME];
	int64_t i;

	while ((i = j->next++) < j->count) {
		snprintf(path, sizeof(path), "%s/f%" PRId64, j->path, i);
		j->one(j, path);
	}
	return NULL;
}

static void together(struct job *j, int64_t threads)
{
	pthread_t all[THREADS_MAX];
	int64_t start = clock_mono_us();

	for (int64_t i = 0; i < threads; i++)
		if (pthread_create(&all[i], NULL, work, j) != 0)
			fail("thread");
	for (int64_t i = 0; i < threads; i++)
		pthread_join(all[i], NULL);
	per_second((double)j->count, start);
}

/* Bytes that do not shrink, and that are others in every process. */
static const char *noise(void)
{
	static uint64_t piece[PIECE / sizeof(uint64_t)];
	uint64_t x = (uint64_t)clock_mono_us() | 1;

	for (size_t i = 0; i < PIECE / sizeof(uint64_t); i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		piece[i] = x;
	}
	return (const char *)piece;
}

static void write_file(struct job *j)
{
	int64_t start = clock_mono_us();

	write_one(j, j->path);
	per_second((double)j->bytes / 1e6, start);
}

static int run(const char *kind, struct job *j, int64_t threads)
{
	if (strcmp(kind, "first") == 0) {
		first(j);
	} else if (strcmp(kind, "random") == 0) {
		random_reads(j);
	} else if (strcmp(kind, "write") == 0) {
		write_file(j);
	} else if (strcmp(kind, "files") == 0) {
		j->one = read_one;
		together(j, threads);
	} else if (strcmp(kind, "create") == 0 || strcmp(kind, "sync") == 0) {
		j->one = write_one;
		j->sync = kind[0] == 's';
		together(j, threads);
	} else {
		return 2;
	}
	return 0;
}

int main(int argc, char **argv)
{
	int64_t numbers[3] = {1, 1, 0};
	struct job j = {.piece = noise()};

	if (argc < 3 || argc > 6)
		return 2;
	for (int i = 3; i < argc; i++)
		if (!num_parse_i64(str_from(argv[i]), &numbers[i - 3]) ||
		    numbers[i - 3] < 0)
			return 2;
	if (numbers[1] < 1 || numbers[1] > THREADS_MAX)
		return 2;
	j.path = argv[2];
	j.count = numbers[0];
	j.bytes = numbers[2];
	return run(argv[1], &j, numbers[1]);
}
