/* SPDX-License-Identifier: Apache-2.0 */
/* draft.c - drafts where objects are files, and what a store is told to be
 * like. Drafts on their way to a bucket are tested by tests/s3/test_mount.py.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/draft.h"
#include "indexer/objects/sums.h"
#include "indexer/objects/told.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

static struct err e;

static struct objects *the_store(void *ctx, struct err *ret)
{
	(void)ret;
	return ctx;
}

static struct objects *no_store(void *ctx, struct err *ret)
{
	(void)ctx;
	err_set(ret, ERR_UNAVAILABLE, "it is away");
	return NULL;
}

static void write_at(struct object_draft *d, int64_t off, const char *text)
{
	ok(io_pwrite_all(object_draft_fd(d), text, strlen(text), off, &e) == 0,
	   "write");
	object_draft_wrote(d, off, strlen(text));
}

static void files(const char *dir)
{
	struct objects *o = objects_join(dir, NULL, &e);
	struct draft_options options = {the_store, o, true, NULL, 0};
	struct drafts *home = drafts_open(&options, &e);
	struct draft_wait w = {NULL, 1000};
	struct object_digest digest;
	char key[OBJECT_KEY_MAX], text[16] = "";
	SCOPED(buf_fini) struct buf sums;
	struct object_draft *d =
		object_draft_begin(home, STR("a/b"), STR("g/"), &e);

	buf_init(&sums, SUMS_BYTES);
	write_at(d, 3, "def");
	write_at(d, 0, "abc");
	ok(object_draft_finish(d, &w, key, &digest, &sums, &e) == 0, "finish");
	is_str(key, "a/b", "at the key that was wanted");
	is_i64(digest.size, 6, "all of it");
	is_i64(object_read(o, STR("a/b"), 0, text, 16, &e), 6, "it is there");
	is_str(text, "abcdef", "as it was written");
	object_draft_free(d);
	drafts_close(home);
	objects_close(o);
}

static void spools(const char *dir)
{
	struct draft_options options = {no_store, NULL, false, dir, 0};
	struct drafts *home = drafts_open(&options, &e);
	struct object_draft *d =
		object_draft_begin(home, STR("a/b"), STR("g/"), &e);
	struct draft_wait w = {NULL, 1000};
	struct object_digest digest;
	char key[OBJECT_KEY_MAX], text[8] = "";
	SCOPED(buf_fini) struct buf sums;

	buf_init(&sums, SUMS_BYTES);
	ok(object_draft_room(d, 100, &e) == 0, "there is room");
	write_at(d, 0, "abc");
	for (int i = 0; i < 2; i++) {
		ok(object_draft_finish(d, &w, key, &digest, &sums, &e) < 0,
		   "a store that is away takes nothing");
		is_i64(e.kind, ERR_UNAVAILABLE, "and says so");
	}
	object_draft_free(d);
	ok(ftruncate(object_draft_fd((d = object_draft_begin(home, STR("x"),
							     STR("g/"), &e))),
		     20 << 20) == 0,
	   "a long one");
	object_draft_wrote(d, 0, 20 << 20);
	object_draft_cut(d, 5);
	object_draft_wrote(d, 5, 1);
	object_draft_free(d);
	drafts_close(home);
	options.floor = INT64_MAX;
	home = drafts_open(&options, &e);
	d = object_draft_begin(home, STR("x"), STR("g/"), &e);
	ok(object_draft_room(d, 1, &e) == 0, "memory has room");
	ok(!object_draft_cramped(d, 1 << 16) &&
		   object_draft_cramped(d, (1 << 16) + 1),
	   "for so much");
	write_at(d, 0, "abc");
	ok(object_draft_spread(d, &e) == 0, "it goes to the disk");
	ok(io_pread_all(object_draft_fd(d), text, 4, 0, &e) == 3 &&
		   !strcmp(text, "abc"),
	   "with what it has");
	ok(object_draft_room(d, 1, &e) < 0, "a floor is kept free");
	is_i64(e.kind, ERR_NO_SPACE, "as a full disk");
	object_draft_free(d);
	drafts_close(home);
}

static void told(const char *dir)
{
	struct objects *o = objects_join(dir, NULL, &e);
	struct conf_objects c = {.url = STR("s3://bucket/a \"b\""),
				 .endpoint = STR("http://h:1"),
				 .region = STR(""),
				 .dialect = STR("ceph"),
				 .path_style = true};
	struct conf conf;

	ok(conf_init(&conf, &e) == 0 && objects_told(dir, &conf, &e) == 0,
	   "nothing is told");
	is_i64((int64_t)conf.objects.url.n, 0, "of objects in DATA/objects");
	ok(objects_tell(dir, &c, o, &e) == 0, "tell");
	ok(objects_told(dir, &conf, &e) == 0, "read");
	ok(str_eq(conf.objects.url, c.url) &&
		   str_eq(conf.objects.endpoint, c.endpoint) &&
		   str_eq(conf.objects.dialect, c.dialect) &&
		   conf.objects.path_style,
	   "as it was told");
	conf_fini(&conf);
	c.url = STR_NONE;
	ok(objects_tell(dir, &c, o, &e) == 0, "no more");
	ok(conf_init(&conf, &e) == 0 && objects_told(dir, &conf, &e) == 0 &&
		   !conf.objects.url.n,
	   "it is forgotten");
	conf_fini(&conf);
	objects_close(o);
}

int main(void)
{
	struct scratch s = scratch_new();

	files(s.path);
	spools(s.path);
	told(s.path);
	scratch_remove(&s);
	return tap_done();
}
