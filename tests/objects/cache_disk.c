/* SPDX-License-Identifier: Apache-2.0 */
/* cache_disk.c - the cache's directory: bounded, believed only as far as it is
 * right, and used. */
#include "tests/objects/cached.h"

/* --- bounds --------------------------------------------------------------- */

static void check_eviction(void)
{
	struct memory_object *x;

	start(6 * MB, 0);
	for (int i = 0; i < 10; i++)
		memory_add(&store, 1500 * KB + i);
	for (int i = 0; i < 10; i++) {
		x = &store.v[i];
		ok(reads(x), "read");
		if (i < 4)
			ok(comes(path_of("files", x)), "and kept");
		if (i == 3)
			ok(reads(&store.v[0]), "the first one is used again");
	}
	usleep(200000);
	ok(bytes_there() <= 6 * MB, "never more than the limit");
	ok(bytes_there() >= 2 * MB, "but not nothing");
	ok(cache_figures(cache).evicted > 0, "others went");
	ok(access(path_of("files", &store.v[1]), F_OK) < 0,
	   "first what was not used for longest");
	for (int i = 0; i < 10; i++)
		ok(reads(&store.v[i]), "all can still be read");
	stop();
}

/* Who has it open goes on reading. */
static void check_open_evicted(void)
{
	struct memory_object *x;
	struct cached *h;

	start(0, 0);
	x = memory_add(&store, 3 * MB);
	ok(reads(x) && comes(path_of("files", x)), "an object is whole");
	again();
	h = open_object(x);
	unlink(path_of("files", x));
	unlink(path_of("stamps", x));
	store.requests = 0;
	ok(read_all(h, x) && store.requests == 0, "removed while it is open");
	cached_close(h);
	stop();
}

static void check_floor(void)
{
	start(0, INT64_MAX / 4);
	ok(reads(memory_add(&store, 3 * MB)), "no room is to be had");
	usleep(100000);
	is_i64(bytes_there(), 0, "nothing is written");
	ok(cache_figures(cache).bypassed > 0, "and that is counted");
	stop();
}

/* --- trust ---------------------------------------------------------------- */

static void check_damage(int64_t size)
{
	struct memory_object *x;

	start(0, 0);
	x = memory_add(&store, size);
	ok(reads(x) && comes(path_of("files", x)), "whole");
	again();
	flip_in(path_of("files", x), size / 2);
	ok(reads(x), "a damaged file is fetched again");
	is_i64(cache_figures(cache).corrupt, 1, "which is counted");
	ok(comes(path_of("files", x)), "and kept again");
	again();
	store.requests = 0;
	ok(reads(x) && store.requests == 0, "and right now");
	again();
	if (truncate(path_of("files", x), size / 2) < 0)
		perror("truncate");
	ok(reads(x), "a file that is too short");
	ok(comes(path_of("files", x)), "is replaced");
	again();
	if (truncate(path_of("files", x), 0) < 0 ||
	    truncate(path_of("files", x), size) < 0)
		perror("truncate");
	ok(reads(x), "one without its bytes, as after a power cut");
	stop();
}

static void check_stamp(void)
{
	struct memory_object *x;
	struct cached *h;

	start(0, 0);
	x = memory_add(&store, 5 * MB);
	ok(reads(x) && comes(path_of("stamps", x)), "a large file is stamped");
	again();
	h = open_object(x);
	ok(cached_fd(h) >= 0, "and trusted at once");
	cached_close(h);
	unlink(path_of("stamps", x));
	again();
	h = open_object(x);
	ok(cached_fd(h) < 0, "without its stamp it is not");
	store.requests = 0;
	ok(read_all(h, x) && store.requests == 0, "before it was read");
	ok(cached_fd(h) >= 0, "and found right");
	cached_close(h);
	ok(access(path_of("stamps", x), F_OK) == 0, "then it has one again");
	stop();
}

/* Opened before its store is there. */
static void check_without_store(void)
{
	struct memory_object *x, *far, *unknown;
	struct cached_name name;
	struct cached *h, *g;
	char out[100];

	start(0, 0);
	x = memory_add(&store, 5 * MB);
	far = memory_add(&store, 5 * MB);
	unknown = memory_add(&store, 5 * MB);
	ok(reads(x) && comes(path_of("stamps", x)), "one is there");
	again();
	name = memory_name(x, true);
	h = cached_open(cache, NULL, &name, &e);
	ok(cached_fd(h) >= 0 && read_all(h, x), "what is there is read");
	g = open_object(x);
	ok(read_all(g, x), "also by who has the store");
	cached_close(g);
	cached_close(h);
	name = memory_name(unknown, false);
	h = cached_open(cache, NULL, &name, &e);
	ok(cached_read(h, 0, out, sizeof(out), NULL, &e) < 0 &&
		   e.kind == ERR_UNAVAILABLE,
	   "without sums, what is not there is not");
	cached_close(h);
	name = memory_name(far, true);
	h = cached_open(cache, NULL, &name, &e);
	ok(cached_fd(h) < 0 &&
		   cached_read(h, 0, out, sizeof(out), NULL, &e) < 0 &&
		   e.kind == ERR_UNAVAILABLE,
	   "nor with them");
	cached_join(h, &store.base);
	ok(read_all(h, far), "once the store has come, it is");
	cached_close(h);
	stop();
}

static void check_part(void)
{
	struct memory_object *x;
	struct cached *h;
	char out[100];

	start(0, 0);
	x = memory_add(&store, 5 * MB);
	h = open_object(x);
	cached_read(h, 3 * MB, out, sizeof(out), NULL, &e);
	ok(comes(part_of(x)), "a part");
	usleep(100000);
	cached_close(h);
	again();
	h = open_object(x);
	store.requests = 0;
	cached_read(h, 3 * MB + 5, out, sizeof(out), NULL, &e);
	ok(!memcmp(out, x->bytes + 3 * MB + 5, sizeof(out)) && !store.requests,
	   "is used after a restart");
	cached_close(h);
	flip_in(part_of(x), 3 * MB + 7);
	again();
	h = open_object(x);
	cached_read(h, 3 * MB + 5, out, sizeof(out), NULL, &e);
	ok(!memcmp(out, x->bytes + 3 * MB + 5, sizeof(out)) &&
		   store.requests == 1,
	   "and not believed");
	ok(read_all(h, x) && comes(path_of("files", x)), "it becomes whole");
	ok(access(part_of(x), F_OK) < 0, "and is no part then");
	cached_close(h);
	stop();
}

/* --- adopting, MD5, neighbours -------------------------------------------- */

static void check_adopt(void)
{
	struct memory_object *x;
	char path[400];
	int fd;

	start(0, 0);
	x = memory_add(&store, 2 * MB);
	snprintf(path, sizeof(path), "%s/a", cache_spool(cache));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	io_write_all(fd, x->bytes, (size_t)x->size, &e);
	is_i64(cache_adopt(cache, fd, CACHE_SHA256, str_from(x->sha256), &e), 0,
	       "a spool file is adopted");
	close(fd);
	ok(reads(x) && store.requests == 0, "its bytes are there");
	fd = open(dir.path, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	x = memory_add(&store, 5 * KB);
	io_write_all(fd, x->bytes, (size_t)x->size, &e);
	is_i64(cache_adopt(cache, fd, CACHE_SHA256, str_from(x->sha256), &e), 0,
	       "one without a name, too");
	close(fd);
	ok(reads(x) && store.requests == 0, "its bytes are there");
	stop();
}

static void check_md5(void)
{
	struct memory_object *x;
	struct cached_name name;
	struct cached *h;
	char out[10], path[400];

	start(0, 0);
	x = memory_add(&store, 5);
	memcpy(x->bytes, "hello", 5);
	name = memory_name(x, false);
	name.kind = CACHE_MD5;
	name.digest = STR("5D41402ABC4B2A76B9719D911017C592");
	h = cached_open(cache, &store.base, &name, &e);
	is_i64(cached_read(h, 0, out, 10, NULL, &e), 5, "a name by MD5");
	snprintf(path, sizeof(path),
		 "%s/files/md5/5d/41402abc4b2a76b9719d911017c592", dir.path);
	ok(comes(path), "lies where DVC has it");
	cached_close(h);
	x->bytes[0] = 'j';
	name.digest = STR("00000000000000000000000000000000");
	h = cached_open(cache, &store.base, &name, &e);
	is_i64(cached_read(h, 0, out, 10, NULL, &e), -1, "another digest");
	is_i64(e.kind, ERR_CORRUPT, "is not met");
	cached_close(h);
	stop();
}

static void check_soon(void)
{
	struct cached_name names[40];
	int requests;

	start(0, 0);
	store.delay_us = 20000;
	for (int i = 0; i < 40; i++)
		names[i] = memory_name(memory_add(&store, 3000 + i), true);
	names[39].size = 100 * MB;
	cache_soon(cache, &store.base, names, 30);
	cache_soon(cache, &store.base, names, 30);
	ok(comes(path_of("files", &store.v[29])), "neighbours are kept");
	ok(store.most > 4, "fetched at one time");
	is_i64(store.requests, 30, "by one request each");
	for (int i = 0; i < 30; i++)
		ok(reads(&store.v[i]), "read");
	is_i64(store.requests, 30, "without a request");
	is_i64(cache_figures(cache).soon_hits, 30, "which is counted");
	requests = store.requests;
	cache_soon(cache, &store.base, names + 39, 1);
	is_i64(store.requests, requests, "a large one is left");
	stop();
}

int main(void)
{
	check_eviction();
	check_open_evicted();
	check_floor();
	check_damage(3 * MB);
	check_damage(100 * KB);
	check_stamp();
	check_without_store();
	check_part();
	check_adopt();
	check_md5();
	check_soon();
	return tap_done();
}
