/* SPDX-License-Identifier: Apache-2.0 */
/* staging.c - uploads in parts: what was put is there after any end of the
 * process, a damaged part is seen, and what is over leaves nothing behind. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "indexer/base/clock.h"
#include "indexer/objects/digest.h"
#include "indexer/objects/staging.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

enum { THREADS = 6, LARGE = 3 << 20 };

static struct err e;
static struct objects *store;
static struct scratch top;

static struct objects *open_store(void)
{
	struct objects *o = objects_open(top.path, NULL, &e);

	if (!o)
		abort();
	return o;
}

static void reopen(void)
{
	objects_close(store);
	store = open_store();
	objects_sweep(store, &e);
}

static struct staging *open_upload(const char *id)
{
	return staging_open(store, str_from(id), false, &e);
}

static int put_part(const char *id, int number, const char *p, size_t n)
{
	struct staging *s = open_upload(id);
	struct staging_put *to = s ? staging_put_begin(s, number, &e) : NULL;
	struct object_digest d;
	int rc = -1;

	if (to && staging_put_write(to, p, n, &e) == 0 &&
	    staging_put_finish(to, NULL, NULL, &d, &e) == 0)
		rc = 0;
	else
		staging_put_abort(to);
	staging_close(s);
	return rc;
}

/* All parts into an object, whose text is compared. */
static int join_parts(const char *id, const char *key)
{
	struct staging *s = staging_open(store, str_from(id), true, &e);
	struct object_put *put =
		object_put_begin(store, str_from(key), STR("gen/"), &e);
	struct staging_part *parts = NULL;
	char got[OBJECT_KEY_MAX];
	struct object_digest d;
	size_t n = 0;
	int rc = -1;

	if (s && put && staging_parts(s, &parts, &n, &e) == 0 &&
	    staging_join(s, parts, n, put, &e) == 0 &&
	    object_put_finish(put, got, &d, &e) == 0)
		rc = staging_end(s, &e);
	else
		object_put_abort(put);
	free(parts);
	staging_close(s);
	return rc;
}

static bool holds(const char *key, const char *text)
{
	char got[256];
	int64_t n = object_read(store, str_from(key), 0, got, sizeof(got), &e);

	return n == (int64_t)strlen(text) && !memcmp(got, text, (size_t)n);
}

/* Files of an upload, or uploads where id is "". */
static int entries(const char *id)
{
	char path[512];
	struct dirent *entry;
	DIR *dir;
	int n = 0;

	snprintf(path, sizeof(path), "%s/objects/.tmp/%s%s", top.path,
		 *id ? "upload-" : "", id);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		n += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return n;
}

/* --- tests ---------------------------------------------------------------- */

static void check_parts(void)
{
	char id[STAGING_ID];
	struct staging *s;
	struct buf b;

	buf_init(&b, STAGING_NOTE);
	ok(staging_create(store, STR("a note"), id, &e) == 0, "an upload");
	is_i64((int64_t)strlen(id), STAGING_ID - 1, "has an id");
	s = open_upload(id);
	ok(s && staging_note(s, &b, &e) == 0, "and a note");
	is_str(b.p, "a note", "as it was given");
	ok(!staging_ended(s), "it has not ended");
	staging_close(s);
	ok(put_part(id, 3, "three", 5) == 0, "parts in any order");
	ok(put_part(id, 1, "one ", 4) == 0, "another");
	reopen();
	ok(put_part(id, 2, "wrong ", 6) == 0, "after a restart");
	ok(put_part(id, 2, "two ", 4) == 0, "the later of two");
	is_i64(entries(id), 4, "a file for each, and the note");
	ok(join_parts(id, "k") == 0, "joined");
	ok(holds("k", "one two three"), "in their order");
	s = open_upload(id);
	ok(s && staging_ended(s), "it has ended");
	is_i64(entries(id), 2, "its parts are gone");
	ok(staging_remove(s, &e) == 0, "removed");
	staging_close(s);
	is_i64(entries(""), 0, "nothing is left");
	buf_fini(&b);
}

static void check_no_upload(void)
{
	static const char *const ids[] = {"",
					  "..",
					  "../../../etc",
					  "00000000000000000000000000000000",
					  "0000000000000000000000000000000",
					  "0000000000000000000000000000000G",
					  "/0000000000000000000000000000000"};

	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++)
		ok(!open_upload(ids[i]) && e.kind == ERR_NOT_FOUND, ids[i]);
}

static void check_removed(void)
{
	char id[STAGING_ID];
	struct staging *s, *other;
	struct staging_put *p;
	struct object_digest d;

	staging_create(store, STR("n"), id, &e);
	put_part(id, 1, "x", 1);
	other = open_upload(id);
	p = staging_put_begin(other, 2, &e);
	s = staging_open(store, str_from(id), true, &e);
	ok(staging_remove(s, &e) == 0, "removed while a part comes");
	staging_close(s);
	ok(staging_put_write(p, "y", 1, &e) == 0, "it goes on coming");
	ok(staging_put_finish(p, NULL, NULL, &d, &e) < 0, "and is refused");
	staging_put_abort(p);
	staging_close(other);
	ok(!open_upload(id), "there is no such upload");
	is_i64(entries(""), 0, "nothing is left");
}

static int refuse(void *ctx, const struct object_digest *d, struct err *err)
{
	(void)ctx;
	return err_set(err, ERR_INVALID, "not %s", d->sha256);
}

static void check_refused(void)
{
	char id[STAGING_ID];
	struct staging *s;
	struct staging_put *p;
	struct object_digest d;

	staging_create(store, STR("n"), id, &e);
	s = open_upload(id);
	p = staging_put_begin(s, 1, &e);
	staging_put_write(p, "x", 1, &e);
	ok(staging_put_finish(p, refuse, NULL, &d, &e) < 0 &&
		   e.kind == ERR_INVALID,
	   "a part that is not what it should be");
	staging_put_abort(p);
	is_i64(entries(id), 1, "is none");
	staging_remove(s, &e);
	staging_close(s);
}

/* Change a byte of the file of a part. */
static void damage(const char *id, const char *begins)
{
	char dir[512];
	struct dirent *entry;
	DIR *d;

	snprintf(dir, sizeof(dir), "%s/objects/.tmp/upload-%s", top.path, id);
	d = opendir(dir);
	while (d && (entry = readdir(d))) {
		int fd;

		if (strncmp(entry->d_name, begins, strlen(begins)) != 0)
			continue;
		fd = openat(dirfd(d), entry->d_name, O_WRONLY);
		ok(pwrite(fd, "?", 1, 2) == 1, "a part is damaged");
		close(fd);
	}
	if (d)
		closedir(d);
}

static void check_damage(void)
{
	char id[STAGING_ID];

	staging_create(store, STR("n"), id, &e);
	put_part(id, 1, "first", 5);
	put_part(id, 2, "second", 6);
	damage(id, "2.");
	ok(join_parts(id, "damaged") < 0 && e.kind == ERR_CORRUPT,
	   "it is seen");
	ok(object_open(store, STR("damaged"), &e) < 0, "there is no object");
	ok(put_part(id, 2, "second", 6) == 0, "put again");
	ok(join_parts(id, "damaged") == 0, "it is well");
	ok(holds("damaged", "firstsecond"), "all of it");
}

static char id_of_threads[STAGING_ID];

static void *put_large(void *arg)
{
	int number = *(int *)arg;
	char *p = malloc(LARGE);

	memset(p, 'a' + number, LARGE);
	*(int *)arg = put_part(id_of_threads, number, p, LARGE);
	free(p);
	return NULL;
}

static void check_threads(void)
{
	pthread_t threads[THREADS];
	int numbers[THREADS], failed = 0;
	char got;

	staging_create(store, STR("n"), id_of_threads, &e);
	for (int i = 0; i < THREADS; i++) {
		numbers[i] = i + 1;
		pthread_create(&threads[i], NULL, put_large, &numbers[i]);
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		failed += numbers[i] < 0;
	}
	is_i64(failed, 0, "parts at once");
	ok(join_parts(id_of_threads, "large") == 0, "joined");
	for (int i = 0; i < THREADS; i++) {
		object_read(store, STR("large"), (i + 1LL) * LARGE - 1, &got, 1,
			    &e);
		is_i64(got, 'b' + i, "each in its place");
	}
}

static void grow_old(const char *id)
{
	struct timespec t[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
	char path[700];
	DIR *d;
	struct dirent *entry;

	snprintf(path, sizeof(path), "%s/objects/.tmp/upload-%s", top.path, id);
	d = opendir(path);
	while (d && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			utimensat(dirfd(d), entry->d_name, t, 0);
	if (d)
		closedir(d);
	utimensat(AT_FDCWD, path, t, 0);
}

static void check_sweep(void)
{
	char old[STAGING_ID], young[STAGING_ID], held[STAGING_ID];
	int64_t before = clock_ms() - 3600 * 1000, n = 0;
	struct staging *s;

	staging_create(store, STR("n"), old, &e);
	staging_create(store, STR("n"), young, &e);
	staging_create(store, STR("n"), held, &e);
	put_part(old, 1, "x", 1);
	grow_old(old);
	grow_old(held);
	s = staging_open(store, str_from(held), true, &e);
	ok(staging_sweep(store, before, false, &n, &e) == 0, "a look");
	is_i64(n, 1, "at one that is abandoned");
	n = 0;
	ok(staging_sweep(store, before, true, &n, &e) == 0, "a sweep");
	is_i64(n, 1, "of that one");
	ok(!open_upload(old), "it is gone");
	staging_close(s);
	s = open_upload(young);
	ok(s != NULL, "a young one stays");
	staging_close(s);
	s = open_upload(held);
	ok(s != NULL, "and one that is being joined");
	staging_close(s);
}

int main(void)
{
	top = scratch_new();
	store = open_store();
	check_no_upload();
	check_parts();
	check_removed();
	check_refused();
	check_damage();
	check_threads();
	check_sweep();
	objects_close(store);
	scratch_remove(&top);
	return tap_done();
}
