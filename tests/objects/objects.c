/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - the directory store: what is put is there, whole, under a key
 * of its own, and nothing else is.
 */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "indexer/base/crc32c.h"
#include "indexer/objects/digest.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

static struct err e;

static char *join(const struct scratch *s, const char *name)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s", s->path, name) < 0)
		abort();
	return path;
}

/* Put text; the key it got is in *key. */
static int put(struct objects *o, const char *wanted, const char *text,
	       char *key, struct object_digest *d)
{
	struct object_put *p =
		object_put_begin(o, str_from(wanted), STR("gen/"), &e);

	if (!p)
		return -1;
	if (object_put_write(p, text, strlen(text), &e) == 0 &&
	    object_put_finish(p, key, d, &e) == 0)
		return 0;
	object_put_abort(p);
	return -1;
}

static bool holds(struct objects *o, const char *key, const char *text)
{
	char got[256];
	int64_t n = object_read(o, str_from(key), 0, got, sizeof(got), &e);

	return n == (int64_t)strlen(text) && !memcmp(got, text, (size_t)n);
}

static int count_one(void *ctx, struct str key, int64_t size, int64_t mtime,
		     struct err *err)
{
	(void)size;
	(void)err;
	if (!key.n || mtime <= 0)
		return -1;
	++*(int *)ctx;
	return 0;
}

static int count(struct objects *o)
{
	int n = 0;

	return objects_each(o, count_one, &n, &e) < 0 ? -1 : n;
}

/* Entries of a directory of the store but "." and "..". */
static int entries(const struct scratch *s, const char *name)
{
	char *path = join(s, name);
	DIR *dir = opendir(path);
	int n = dir ? -2 : -1;

	while (dir && readdir(dir))
		n++;
	if (dir)
		closedir(dir);
	free(path);
	return n;
}

static void one_object(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	char key[OBJECT_KEY_MAX], got[8];
	struct object_digest d;
	int fd;

	ok(o, "a store is made");
	ok(put(o, "1/run/artifacts/a.txt", "123456789", key, &d) == 0, "put");
	is_str(key, "1/run/artifacts/a.txt", "under the wanted key");
	is_i64(d.size, 9, "its size");
	is_str(d.crc32c, "e3069283", "its CRC-32C");
	is_str(d.sha256,
	       "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb"
	       "225",
	       "its SHA-256");
	ok(holds(o, key, "123456789"), "read");
	is_i64(object_read(o, str_from(key), 7, got, 8, &e), 2, "its end");
	is_i64(object_read(o, str_from(key), 9, got, 8, &e), 0, "behind it");
	fd = object_open(o, str_from(key), &e);
	ok(fd >= 0 && write(fd, "x", 1) < 0, "a descriptor to read only");
	close(fd);
	ok(object_verify(o, str_from(key), 9, str_from(d.sha256), &e) == 0,
	   "verified");
	is_i64(count(o), 1, "one object");
	ok(object_delete(o, str_from(key), &e) == 0, "deleted");
	ok(object_delete(o, str_from(key), &e) == 0, "and gone it stays");
	ok(object_open(o, str_from(key), &e) < 0 && e.kind == ERR_NOT_FOUND,
	   "not there");
	is_i64(entries(&s, "objects"), 1, "with its directories");
	ok(put(o, "", "", key, &d) == 0 && !strncmp(key, "gen/", 4) &&
		   strlen(key) == 36 && d.size == 0,
	   "no wanted key: a made-up one");
	objects_close(o);
	scratch_remove(&s);
}

static void corrupted(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	char key[OBJECT_KEY_MAX], *path = join(&s, "objects/k");
	struct object_digest d;
	int fd;

	put(o, "k", "some bytes", key, &d);
	fd = open(path, O_WRONLY);
	ok(pwrite(fd, "S", 1, 0) == 1, "a byte is changed on disk");
	ok(object_verify(o, str_from(key), d.size, str_from(d.sha256), &e) <
			   0 &&
		   e.kind == ERR_CORRUPT && strstr(e.msg, "SHA-256"),
	   "and noticed");
	ok(ftruncate(fd, 4) == 0, "bytes are lost");
	ok(object_verify(o, str_from(key), d.size, str_from(d.sha256), &e) <
			   0 &&
		   e.kind == ERR_CORRUPT && strstr(e.msg, "4 bytes"),
	   "and noticed");
	unlink(path);
	ok(object_verify(o, str_from(key), d.size, str_from(d.sha256), &e) <
			   0 &&
		   e.kind == ERR_NOT_FOUND,
	   "all of them");
	close(fd);
	free(path);
	objects_close(o);
	scratch_remove(&s);
}

static void taken_keys(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	char first[OBJECT_KEY_MAX], key[OBJECT_KEY_MAX], longest[400];
	struct object_digest d;

	put(o, "a/b", "first", first, &d);
	ok(put(o, "a/b", "second", key, &d) == 0 && !strncmp(key, "gen/", 4),
	   "a taken key");
	ok(holds(o, key, "second") && holds(o, first, "first"),
	   "both have their bytes");
	ok(put(o, "a/b/c", "third", key, &d) == 0 && !strncmp(key, "gen/", 4),
	   "a file where a directory is needed");
	ok(put(o, "a", "fourth", key, &d) == 0 && !strncmp(key, "gen/", 4),
	   "a directory where the file would be");
	memset(longest, 'n', sizeof(longest));
	longest[399] = '\0';
	ok(put(o, longest, "fifth", key, &d) == 0 && !strncmp(key, "gen/", 4),
	   "a name that is too long for a file");
	longest[1] = '/';
	ok(put(o, longest, "sixth", key, &d) == 0 && !strncmp(key, "gen/", 4),
	   "or only its last part");
	is_i64(entries(&s, "objects"), 3, "no directory is left for it");
	is_i64(count(o), 6, "six objects");
	objects_close(o);
	scratch_remove(&s);
}

static void path_tricks(void)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bad[] = {
		{"", 0},       {"/a", 2},   {"a/", 2},   {"a//b", 4},
		{".", 1},      {"..", 2},   {"../a", 4}, {"a/../b", 6},
		{"a/./b", 5},  {"a/..", 4}, {"a\0b", 3}, {".tmp", 4},
		{".tmp/x", 6}, {"//", 2},
	};
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	char key[OBJECT_KEY_MAX], *outside = join(&s, "outside");
	char *way = join(&s, "objects/way"), *last = join(&s, "objects/last");
	struct object_digest d;
	char buf[4];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str k = str_n(bad[i].bytes, bad[i].n);

		ok(object_open(o, k, &e) < 0 && e.kind == ERR_INVALID &&
			   object_delete(o, k, &e) < 0 && e.kind == ERR_INVALID,
		   "a key that is none");
		if (k.n)
			ok(!object_put_begin(o, k, STR("gen/"), &e) &&
				   e.kind == ERR_INVALID,
			   "is not put");
	}
	ok(!object_put_begin(o, STR_NONE, STR("../"), &e) &&
		   e.kind == ERR_INVALID,
	   "nor a prefix that leads out");
	mkdir(outside, 0700);
	ok(symlink(outside, way) == 0 && symlink("/etc/passwd", last) == 0,
	   "symbolic links in the store");
	ok(put(o, "way/x", "text", key, &d) == 0 && !strncmp(key, "gen/", 4) &&
		   entries(&s, "outside") == 0,
	   "are not followed to put");
	ok(object_read(o, STR("last"), 0, buf, 4, &e) < 0 &&
		   e.kind == ERR_NOT_FOUND,
	   "nor to read");
	is_i64(count(o), 1, "and are no objects");
	ok(object_open(o, STR("gen"), &e) < 0 && e.kind == ERR_NOT_FOUND &&
		   object_delete(o, STR("gen"), &e) == 0 && count(o) == 1,
	   "nor is a directory");
	free(outside);
	free(way);
	free(last);
	objects_close(o);
	scratch_remove(&s);
}

static void random_writes(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	struct object_put *p = object_put_begin(o, STR("f"), STR("gen/"), &e);
	char key[OBJECT_KEY_MAX];
	struct object_digest d;
	int fd;

	ok(object_put_write(p, "123xyz", 6, &e) == 0, "some bytes in order");
	fd = object_put_fd(p);
	ok(pwrite(fd, "789", 3, 6) == 3 && pwrite(fd, "456", 3, 3) == 3,
	   "then in any order");
	ok(object_put_write(p, "x", 1, &e) < 0, "not both at a time");
	ok(object_put_finish(p, key, &d, &e) == 0 && d.size == 9,
	   "digested at the end");
	is_str(d.crc32c, "e3069283", "as they lie there");
	ok(object_verify(o, STR("f"), 9, str_from(d.sha256), &e) == 0,
	   "verified");
	objects_close(o);
	scratch_remove(&s);
}

/* Lengths around the blocks and around where the thread begins. */
static void long_streams(void)
{
	static const size_t sizes[] = {0,
				       1,
				       DIGEST_BLOCK,
				       4 << 20,
				       (4 << 20) + 1,
				       (9 << 20) + 7,
				       (64 << 20) + 3};
	static unsigned char piece[100003];

	for (size_t i = 0; i < sizeof(piece); i++)
		piece[i] = (unsigned char)(i * 31 >> 3);
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct scratch s = scratch_new();
		struct objects *o = objects_open(s.path, NULL, &e);
		struct object_put *p =
			object_put_begin(o, STR("f"), STR("gen/"), &e);
		char key[OBJECT_KEY_MAX];
		struct object_digest d, again;
		size_t left = sizes[i];

		while (left) {
			size_t n = left < sizeof(piece) ? left : sizeof(piece);

			if (object_put_write(p, piece, n, &e) < 0)
				break;
			left -= n;
		}
		ok(object_put_finish(p, key, &d, &e) == 0 && !left &&
			   d.size == (int64_t)sizes[i],
		   "a stream");
		ok(object_digest_of(o, STR("f"), &again, &e) == 0 &&
			   !strcmp(d.sha256, again.sha256) &&
			   !strcmp(d.crc32c, again.crc32c),
		   "as it lies there");
		objects_close(o);
		scratch_remove(&s);
	}
}

/* --- many at once ------------------------------------------------------- */

enum { THREADS = 4, EACH = 50 };

struct crowd {
	struct objects *o;
	int number;
	int failed;
};

static void *putter(void *arg)
{
	struct crowd *c = arg;

	for (int i = 0; i < EACH; i++) {
		char key[OBJECT_KEY_MAX], wanted[64], text[64];
		struct object_digest d;

		snprintf(wanted, sizeof(wanted), "deep/%d/er/same", i % 7);
		snprintf(text, sizeof(text), "%d of %d", i, c->number);
		if (put(c->o, wanted, text, key, &d) < 0 ||
		    !holds(c->o, key, text) ||
		    object_verify(c->o, str_from(key), d.size,
				  str_from(d.sha256), &e) < 0)
			c->failed++;
		else if (i % 3 == 0 &&
			 object_delete(c->o, str_from(key), &e) < 0)
			c->failed++;
	}
	return NULL;
}

static void same_keys(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	struct crowd crowds[THREADS];
	pthread_t threads[THREADS];
	int failed = 0;

	for (int i = 0; i < THREADS; i++) {
		crowds[i] = (struct crowd){o, i, 0};
		pthread_create(&threads[i], NULL, putter, &crowds[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failed += crowds[i].failed;
	}
	is_i64(failed, 0, "each keeps its bytes");
	is_i64(count(o), THREADS * (EACH - (EACH + 2) / 3), "none is too many");
	is_i64(entries(&s, "objects/.tmp"), 0, "no temporary file is left");
	objects_close(o);
	scratch_remove(&s);
}

/* --- systems that refuse ------------------------------------------------ */

static int no_nameless_files(void)
{
	struct scratch s = scratch_new();
	struct object_digest d;
	char key[OBJECT_KEY_MAX];
	struct objects *o;
	struct object_put *p;
	int good = deny_where(SYS_openat, EOPNOTSUPP, 2, __O_TMPFILE);

	o = objects_open(s.path, NULL, &e);
	good = good && put(o, "a/b", "text", key, &d) == 0 &&
	       !strcmp(key, "a/b") && holds(o, key, "text");
	good = good && put(o, "a/b", "more", key, &d) == 0 &&
	       holds(o, key, "more") && holds(o, "a/b", "text");
	good = good && entries(&s, "objects/.tmp") == 0;
	p = object_put_begin(o, STR("c"), STR("gen/"), &e);
	good = good && entries(&s, "objects/.tmp") == 1 &&
	       objects_sweep(o, &e) == 0 && entries(&s, "objects/.tmp") == 1;
	object_put_abort(p);
	good = good && entries(&s, "objects/.tmp") == 0 && count(o) == 2;
	good = good && deny(SYS_renameat2, EINVAL) &&
	       put(o, "a/d", "linked", key, &d) == 0 &&
	       holds(o, "a/d", "linked");
	good = good && put(o, "a/d", "again", key, &d) == 0 &&
	       holds(o, "a/d", "linked") && holds(o, key, "again") &&
	       entries(&s, "objects/.tmp") == 0;
	objects_close(o);
	scratch_remove(&s);
	return good;
}

static int no_sync(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	struct object_digest d;
	char key[OBJECT_KEY_MAX];
	int good = deny(SYS_fsync, EIO) && put(o, "a/b", "text", key, &d) < 0 &&
		   e.kind == ERR_IO;

	good = good && count(o) == 0 && entries(&s, "objects") == 1;
	good = good && put(o, "b", "text", key, &d) < 0 && count(o) == 0;
	good = good && deny(SYS_fdatasync, EIO) &&
	       put(o, "b", "text", key, &d) < 0 && count(o) == 0;
	objects_close(o);
	scratch_remove(&s);
	return good;
}

static int no_room_for_names(void)
{
	struct scratch s = scratch_new();
	struct objects *o = objects_open(s.path, NULL, &e);
	struct object_digest d;
	char key[OBJECT_KEY_MAX];
	int good = put(o, "a/b", "text", key, &d) == 0 &&
		   deny(SYS_linkat, ENOSPC) &&
		   put(o, "z/c", "text", key, &d) < 0 &&
		   e.kind == ERR_NO_SPACE && entries(&s, "objects") == 2;

	good = good && deny(SYS_mkdirat, ENOSPC) &&
	       put(o, "z/c", "text", key, &d) < 0 && e.kind == ERR_NO_SPACE &&
	       count(o) == 1;
	objects_close(o);
	scratch_remove(&s);
	return good;
}

/* A file system of 1 MiB, where one can be mounted. */
static int disk_full(void)
{
	static char piece[65536];
	struct scratch s = scratch_new();
	struct object_put *p;
	struct objects *o;
	int good = 1, rc = 0;

	if (mount("none", s.path, "tmpfs", 0, "size=1m") < 0) {
		scratch_remove(&s);
		return 1;
	}
	o = objects_open(s.path, NULL, &e);
	for (int i = 0; i < 3 && good; i++) {
		p = object_put_begin(o, STR("big/one"), STR("gen/"), &e);
		for (int k = 0; p && k < 64 && rc == 0; k++)
			rc = object_put_write(p, piece, sizeof(piece), &e);
		good = p && rc < 0 && e.kind == ERR_NO_SPACE;
		object_put_abort(p);
		rc = 0;
	}
	good = good && count(o) == 0 && entries(&s, "objects") == 1;
	objects_close(o);
	umount(s.path);
	scratch_remove(&s);
	return good;
}

/* What a killed process left in the temporary directory. */
static int crash_leftovers(void)
{
	struct scratch s = scratch_new();
	int good = deny_where(SYS_openat, EOPNOTSUPP, 2, __O_TMPFILE);
	struct objects *o = objects_open(s.path, NULL, &e);
	pid_t pid = fork();

	if (pid == 0) {
		struct object_put *p =
			object_put_begin(o, STR("c"), STR("gen/"), &e);

		_exit(p && object_put_write(p, "text", 4, &e) == 0 ? 0 : 1);
	}
	waitpid(pid, NULL, 0);
	good = good && entries(&s, "objects/.tmp") == 1;
	good = good && count(o) == 0;
	good = good && objects_sweep(o, &e) == 0 &&
	       entries(&s, "objects/.tmp") == 0;
	objects_close(o);
	scratch_remove(&s);
	return good;
}

/* In a process of its own, for what it denies lasts. */
static bool alone(int (*fn)(void))
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0)
		_exit(fn() ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

static void places(void)
{
	struct scratch s = scratch_new();
	char *other = join(&s, "else/where"), *file = join(&s, "file");
	struct conf_objects at = {.url = str_from(other)};
	struct objects *o = objects_open("/nonexistent", &at, &e);
	struct object_digest d;
	char key[OBJECT_KEY_MAX];
	int fd;

	ok(o && put(o, "a", "text", key, &d) == 0, "a directory elsewhere");
	is_i64(entries(&s, "else/where"), 2, "holds the bytes");
	objects_close(o);
	at.url = STR("gs://bucket/prefix");
	ok(!objects_open(s.path, &at, &e) && e.kind == ERR_UNSUPPORTED,
	   "a kind of store that is not known");
	fd = open(file, O_WRONLY | O_CREAT, 0600);
	close(fd);
	at.url = str_from(file);
	ok(!objects_open(s.path, &at, &e), "a file");
	free(other);
	free(file);
	scratch_remove(&s);
}

int main(void)
{
	one_object();
	corrupted();
	taken_keys();
	path_tricks();
	random_writes();
	long_streams();
	same_keys();
	places();
	ok(alone(no_nameless_files), "a file system without nameless files");
	ok(alone(no_sync), "a failed fsync leaves no object");
	ok(alone(no_room_for_names), "no room for a name");
	ok(alone(disk_full), "a full disk leaves nothing behind");
	ok(alone(crash_leftovers), "what a crash left is swept");
	return tap_done();
}
