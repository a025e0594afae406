/* SPDX-License-Identifier: Apache-2.0 */
/* io.c - whole transfers and durable names, in a directory of our own. */
#include "indexer/base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/tap.h"

static char dir[256];

static const char *path_of(const char *name)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static int entries(const char *path)
{
	DIR *d = opendir(path);
	int n = 0;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

static void test_replace(void)
{
	struct buf b;
	struct err e = {0};
	struct stat st;

	buf_init(&b, 1000);
	is_i64(io_replace_file(path_of("f"), STR("one"), 0600, &e), 0, "made");
	is_i64(io_replace_file(path_of("f"), STR("two\0x"), 0600, &e), 0,
	       "replaced");
	is_i64(io_read_file(path_of("f"), 100, &b, &e), 0, "read");
	ok(b.n == 5 && !memcmp(b.p, "two\0x", 5), "its bytes");
	ok(!stat(path_of("f"), &st) && (st.st_mode & 0777) == 0600, "its mode");
	is_i64(entries(dir), 1, "no temporary file is left");
	is_i64(io_replace_file(path_of("no/f"), STR("x"), 0600, &e), -1,
	       "into no directory");
	is_i64(e.kind, ERR_NOT_FOUND, "is not found");
	ok(strstr(e.msg, "no/f") != NULL, "and named");
	mkdir(path_of("d"), 0700);
	is_i64(io_replace_file(path_of("d"), STR("x"), 0600, &e), -1,
	       "over a directory");
	rmdir(path_of("d"));
	is_i64(entries(dir), 1, "and nothing is left of that");
	buf_fini(&b);
}

static void test_read_limit(void)
{
	struct buf b;
	struct err e = {0};

	buf_init(&b, 1000);
	is_i64(io_read_file(path_of("f"), 5, &b, &e), 0, "as large as allowed");
	is_i64(io_read_file(path_of("f"), 4, &b, &e), -1, "larger");
	is_i64(e.kind, ERR_TOO_LARGE, "is too large");
	is_i64(io_read_file(path_of("none"), 4, &b, &e), -1, "absent");
	is_i64(e.kind, ERR_NOT_FOUND, "is not found");
	is_i64(io_read_file(dir, 4, &b, &e), -1, "a directory");
	buf_fini(&b);
}

static void *drain(void *arg)
{
	static char bytes[1 << 20];
	size_t n = 0;
	ssize_t got;

	while ((got = read(*(int *)arg, bytes + n, sizeof(bytes) - n)) > 0)
		n += (size_t)got;
	return (void *)n;
}

static void test_transfers(void)
{
	enum { SIZE = 300000 };
	char *data = malloc(SIZE), *back = malloc(SIZE);
	struct err e = {0};
	int fds[2], fd = open(path_of("t"), O_RDWR | O_CREAT, 0600);
	pthread_t reader;
	void *drained = NULL;

	for (int i = 0; i < SIZE; i++)
		data[i] = (char)(i * 7);
	is_i64(io_pwrite_all(fd, data, SIZE, 1000, &e), 0, "written at 1000");
	is_i64(io_pread_all(fd, back, SIZE, 1000, &e), SIZE, "read there");
	ok(!memcmp(data, back, SIZE), "the same");
	is_i64(io_pread_all(fd, back, SIZE, SIZE, &e), 1000, "less at the end");
	is_i64(io_pread_all(fd, back, 10, 10 * SIZE, &e), 0, "none behind it");
	close(fd);
	is_i64(io_pread_all(-1, back, 10, 0, &e), -1, "bad descriptor");
	is_i64(io_pwrite_all(-1, back, 10, 0, &e), -1, "bad descriptor");
	is_i64(io_write_all(-1, back, 10, &e), -1, "bad descriptor");
	if (!ok(pipe(fds) == 0, "pipe"))
		return;
	pthread_create(&reader, NULL, drain, &fds[0]);
	is_i64(io_write_all(fds[1], data, SIZE, &e), 0,
	       "more than a pipe holds");
	close(fds[1]);
	pthread_join(reader, &drained);
	is_i64((int64_t)(size_t)drained, SIZE, "arrived whole");
	close(fds[0]);
	unlink(path_of("t"));
	free(data);
	free(back);
}

static void test_mkdirs(void)
{
	struct err e = {0};
	struct stat st;

	is_i64(io_mkdirs(path_of("a//b/c/"), 0700, &e), 0,
	       "made, with parents");
	ok(!stat(path_of("a/b/c"), &st) && S_ISDIR(st.st_mode) &&
		   (st.st_mode & 0777) == 0700,
	   "with the mode");
	is_i64(io_mkdirs(path_of("a/b/c"), 0700, &e), 0, "there already");
	is_i64(io_mkdirs(path_of("f/x"), 0700, &e), -1, "below a file");
	is_i64(e.kind, ERR_NOT_DIR, "is not a directory");
	is_i64(io_mkdirs(path_of("f"), 0700, &e), -1, "over a file");
	is_i64(io_mkdirs("", 0700, &e), -1, "nowhere");
	is_i64(io_fsync_dir(path_of("none"), &e), -1, "sync of nothing");
	rmdir(path_of("a/b/c"));
	rmdir(path_of("a/b"));
	rmdir(path_of("a"));
}

static void test_unsafe_fs(void)
{
	const char *name = NULL;
	bool here = io_unsafe_fs(dir, &name);

	ok(here == (name != NULL), "a name only where it is unsafe");
	ok(io_unsafe_fs(path_of("not/there/yet"), &name) == here,
	   "what will lie there counts");
	ok(!io_unsafe_fs("/proc", &name), "proc is none of them");
	ok(!io_unsafe_fs("/proc/none/such", &name), "nor below it");
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");

	snprintf(dir, sizeof(dir), "%s/orrery-io-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	test_replace();
	test_read_limit();
	test_transfers();
	test_mkdirs();
	test_unsafe_fs();
	unlink(path_of("f"));
	ok(rmdir(dir) == 0, "nothing is left behind");
	return tap_done();
}
