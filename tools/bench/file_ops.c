/* SPDX-License-Identifier: Apache-2.0 */
/* file_ops.c - times small file operations as a training script does them.
 *
 *	bench-file-ops KIND FILE COUNT
 *
 * reopen    open, append a line, close; COUNT times
 * line      append a line to an open handle; COUNT times
 * buffered  COUNT lines in writes of 8 KiB, as Python's open('a') does
 * read      read FILE once in pieces of 128 KiB; COUNT is ignored
 *
 * Prints nanoseconds per operation (of read: bytes per second).
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"

enum { BUFFER = 8192, PIECE = 128 << 10 };

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

static int64_t read_all(const char *path)
{
	static char piece[PIECE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int64_t total = 0;
	ssize_t n;

	if (fd < 0)
		fail(path);
	posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	while ((n = read(fd, piece, sizeof(piece))) > 0)
		total += n;
	if (n < 0)
		fail("read");
	close(fd);
	return total;
}

int main(int argc, char **argv)
{
	int64_t count, start, took;

	if (argc != 4 || !num_parse_i64(str_from(argv[3]), &count) || count < 1)
		return 2;
	start = clock_mono_us();
	if (strcmp(argv[1], "reopen") == 0)
		reopen(argv[2], count);
	else if (strcmp(argv[1], "line") == 0)
		lines(argv[2], count);
	else if (strcmp(argv[1], "buffered") == 0)
		buffered(argv[2], count);
	else if (strcmp(argv[1], "read") == 0)
		count = read_all(argv[2]);
	else
		return 2;
	took = clock_mono_us() - start;
	if (strcmp(argv[1], "read") == 0)
		printf("%.0f\n", (double)count / ((double)took / 1e6));
	else
		printf("%.0f\n", (double)took * 1000 / (double)count);
	return 0;
}
