/* SPDX-License-Identifier: Apache-2.0 */
/* file_ops.c - times small file operations as a training script does them.
 *
 *	bench-file-ops KIND FILE COUNT
 *
 * reopen    open, append a line, close; COUNT times
 * line      append a line to an open handle; COUNT times
 * buffered  COUNT lines in writes of 8 KiB, as Python's open('a') does
 * read      read FILE once in pieces of COUNT bytes
 * random    read COUNT pieces of 4 KiB here and there
 * map       map FILE and add up its bytes once
 *
 * Prints nanoseconds per operation (of read and map: bytes per second).
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"

enum { BUFFER = 8192, PIECE_MAX = 4 << 20, PAGE = 4096 };

static int fail(const char *what)
{
	fprintf(stderr, "bench-file-ops: %s: %s\n", what,
		strerrordesc_np(errno));
	exit(1);
}

static int append_to(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);

	return fd < 0 ? fail(path) : fd;
}

static void put(int fd, const char *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n)
		fail("write");
}

static const char line[] = "0.4242\n";

static void reopen(const char *path, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		int fd = append_to(path);

		put(fd, line, sizeof(line) - 1);
		close(fd);
	}
}

static void lines(const char *path, int64_t count)
{
	int fd = append_to(path);

	for (int64_t i = 0; i < count; i++)
		put(fd, line, sizeof(line) - 1);
	close(fd);
}

static void buffered(const char *path, int64_t count)
{
	int fd = append_to(path);
	char text[BUFFER + NUM_MAX];
	size_t n = 0;

	for (int64_t i = 0; i < count; i++) {
		n += num_format_f64((double)(i % 1000) / 1000, text + n);
		text[n++] = '\n';
		if (n >= BUFFER) {
			put(fd, text, BUFFER);
			memmove(text, text + BUFFER, n - BUFFER);
			n -= BUFFER;
		}
	}
	put(fd, text, n);
	close(fd);
}

static int to_read(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? fail(path) : fd;
}

static int64_t read_all(const char *path, int64_t size)
{
	char *piece = size <= PIECE_MAX ? malloc((size_t)size) : NULL;
	int fd = to_read(path);
	int64_t total = 0;
	ssize_t n;

	if (!piece)
		fail("memory");
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = read(fd, piece, (size_t)size)) > 0)
		total += n;
	if (n < 0)
		fail("read");
	close(fd);
	free(piece);
	return total;
}

static void read_random(const char *path, int64_t count)
{
	int fd = to_read(path);
	uint64_t pages = (uint64_t)lseek(fd, 0, SEEK_END) / PAGE;
	uint64_t x = 1;
	char page[PAGE];

	for (int64_t i = 0; i < count && pages; i++) {
		x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
		if (pread(fd, page, PAGE, (off_t)((x >> 16) % pages * PAGE)) !=
		    PAGE)
			fail("pread");
	}
	close(fd);
}

static int64_t add_up(const char *path)
{
	int fd = to_read(path);
	size_t n = (size_t)lseek(fd, 0, SEEK_END);
	const uint64_t *p = mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0);
	uint64_t sum = 0;

	if (p == MAP_FAILED)
		fail("mmap");
	for (size_t i = 0; i < n / sizeof(*p); i++)
		sum += p[i];
	close(fd);
	return sum ? (int64_t)n : 0;
}

int main(int argc, char **argv)
{
	int64_t count, start, took;
	bool rate = false;

	if (argc != 4 || !num_parse_i64(str_from(argv[3]), &count) || count < 1)
		return 2;
	start = clock_mono_us();
	if (strcmp(argv[1], "reopen") == 0)
		reopen(argv[2], count);
	else if (strcmp(argv[1], "line") == 0)
		lines(argv[2], count);
	else if (strcmp(argv[1], "buffered") == 0)
		buffered(argv[2], count);
	else if (strcmp(argv[1], "random") == 0)
		read_random(argv[2], count);
	else if ((rate = strcmp(argv[1], "read") == 0))
		count = read_all(argv[2], count);
	else if ((rate = strcmp(argv[1], "map") == 0))
		count = add_up(argv[2]);
	else
		return 2;
	took = clock_mono_us() - start;
	if (rate)
		printf("%.0f\n", (double)count / ((double)took / 1e6));
	else
		printf("%.0f\n", (double)took * 1000 / (double)count);
	return 0;
}
