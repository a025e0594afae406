/* SPDX-License-Identifier: Apache-2.0 */
/* cache.c - reads through the cache: what they give, what they cost, and what
 * happens when the store or the directory misbehaves. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "indexer/base/clock.h"
#include "tests/journal/scratch.h"
#include "tests/objects/memory.h"
#include "tests/tap.h"

static struct err e;
static struct scratch dir;
static struct memory store;
static struct cache *cache;

enum { KB = 1 << 10, MB = 1 << 20, PIECE = 128 << 10 };

static void start(bool fetches)
{
	dir = scratch_new();
	memory_init(&store, fetches);
	cache = cache_open(&(struct cache_options){.dir = dir.path, .floor = 1},
			   &e);
}

static void again(const char *path)
{
	cache_close(cache);
	cache = cache_open(&(struct cache_options){.dir = path, .floor = 1},
			   &e);
}

static void stop(void)
{
	cache_close(cache);
	memory_fini(&store);
	scratch_remove(&dir);
	err_clear(&e);
}

/* All of it in pieces: whether it is right. */
static bool reads(struct memory_object *x, bool sums, size_t piece)
{
	struct cached_name name = memory_name(x, sums);
	struct cached *h = cached_open(cache, &store.base, &name, &e);
	char *out = malloc(piece);
	bool good = h != NULL;
	int64_t at = 0, n = 1;

	for (; good && n > 0; at += n) {
		n = cached_read(h, at, out, piece, NULL, &e);
		good = n >= 0 && (n == (int64_t)piece || at + n == x->size) &&
		       !memcmp(out, x->bytes + at, (size_t)n);
	}
	if (!good)
		printf("# %s: %s at %lld\n", x->key, e.msg, (long long)at);
	free(out);
	cached_close(h);
	return good && at == x->size;
}

static void settle(void)
{
	usleep(150000);
}

static void check_reads(bool fetches, bool sums)
{
	static const int64_t sizes[] = {
		0,        1,      4 * KB, 256 * KB, 256 * KB + 1,
		700 * KB, 5 * MB, 33 * MB};
	int before;

	start(fetches);
	for (int i = 0; i < 8; i++)
		ok(reads(memory_add(&store, sizes[i]), sums, PIECE),
		   "all bytes come");
	settle();
	before = store.requests;
	for (int i = 0; i < 8; i++)
		ok(reads(&store.v[i], sums, 100000), "all bytes come again");
	is_i64(store.requests, before, "from the directory");
	again(dir.path);
	for (int i = 0; i < 8; i++)
		ok(reads(&store.v[i], sums, 1 * MB), "and once more");
	is_i64(store.requests, before, "after a restart");
	stop();
}

/* --- the store's faults --------------------------------------------------- */

/* In memory only; so each read asks. */
static void start_bare(bool fetches)
{
	memory_init(&store, fetches);
	dir = scratch_new();
	cache = cache_open(&(struct cache_options){.dir = NULL}, &e);
}

static int64_t read_at(struct cached *h, struct memory_object *x, int64_t off,
		       size_t n, const struct cached_wait *w)
{
	char *out = malloc(n);
	int64_t got;

	err_clear(&e);
	got = cached_read(h, off, out, n, w, &e);
	if (got > 0 && memcmp(out, x->bytes + off, (size_t)got) != 0)
		got = -99;
	free(out);
	return got;
}

static void check_wrong_bytes(bool fetches, bool sums)
{
	struct memory_object *x, *y;

	start_bare(fetches);
	x = memory_add(&store, 6 * MB);
	y = memory_add(&store, 20 * KB);
	store.flips = 2;
	ok(reads(x, sums, PIECE), "flipped bits are asked for again");
	store.shorts = 2;
	ok(reads(y, sums, PIECE), "a flipped bit in a small object, too");
	ok(cache_figures(cache).corrupt > 0, "it is counted");
	store.flips = 1000;
	x = memory_add(&store, 6 * MB + 1);
	ok(!reads(x, sums, PIECE), "always wrong: no byte is given");
	is_i64(e.kind, ERR_CORRUPT, "and the reader is told");
	store.flips = 0;
	err_clear(&e);
	ok(reads(x, sums, PIECE), "it heals");
	stop();
}

static void check_errors(bool fetches)
{
	struct memory_object *x, *y;
	struct cached_name name;
	struct cached *h;

	start_bare(fetches);
	x = memory_add(&store, 6 * MB);
	y = memory_add(&store, 6 * MB);
	name = memory_name(x, true);
	h = cached_open(cache, &store.base, &name, &e);
	store.errors = 1;
	is_i64(read_at(h, x, 0, PIECE, NULL), -1, "an error is the reader's");
	is_i64(e.kind, ERR_UNAVAILABLE, "as it came");
	ok(reads(y, true, PIECE), "others are not concerned");
	is_i64(read_at(h, x, 0, PIECE, NULL), PIECE, "it heals");
	cached_close(h);
	name.key = STR("1/none");
	name.digest = str_from("00000000000000000000000000000000"
			       "00000000000000000000000000000000");
	h = cached_open(cache, &store.base, &name, &e);
	is_i64(read_at(h, x, 0, PIECE, NULL), -1, "nothing is there");
	is_i64(e.kind, ERR_NOT_FOUND, "and that is said");
	cached_close(h);
	name.digest = STR("xyz");
	ok(!cached_open(cache, &store.base, &name, &e) && e.kind == ERR_INVALID,
	   "a digest that is none");
	stop();
}

struct hung {
	struct cached *h;
	struct memory_object *x;
	atomic_bool cancelled;
	int64_t got, took;
	struct err e;
};

static void *hung_main(void *arg)
{
	struct hung *u = arg;
	struct cached_wait w = {.cancelled = &u->cancelled};
	int64_t began = clock_mono_ms();
	char out[100];

	u->got = cached_read(u->h, 0, out, sizeof(out), &w, &u->e);
	u->took = clock_mono_ms() - began;
	return NULL;
}

static void check_hang(bool fetches, bool sums)
{
	struct memory_object *x, *y;
	struct cached_name name;
	struct hung u[3] = {0};
	pthread_t t[3];
	int64_t began;

	start_bare(fetches);
	x = memory_add(&store, 6 * MB);
	y = memory_add(&store, 5 * MB);
	store.hang_at = x->size;
	store.hang = true;
	name = memory_name(x, sums);
	for (int i = 0; i < 3; i++) {
		u[i].x = x;
		u[i].h = cached_open(cache, &store.base, &name, &e);
		if (thread_start(&t[i], hung_main, &u[i], &e) < 0)
			abort();
	}
	usleep(50000);
	is_i64(read_at(u[0].h, x, 0, 10, &(struct cached_wait){.never = true}),
	       CACHED_WAIT, "who may not wait is told so");
	began = clock_mono_ms();
	is_i64(read_at(u[0].h, x, 0, 10,
		       &(struct cached_wait){.until = began + 100}),
	       -1, "who waits until a time gives up then");
	ok(e.kind == ERR_TIMEOUT && clock_mono_ms() - began < 1000,
	   "and soon enough");
	ok(reads(y, sums, PIECE), "another file is not concerned");
	began = clock_mono_ms();
	atomic_store(&u[0].cancelled, true);
	pthread_join(t[0], NULL);
	ok(u[0].e.kind == ERR_INTERRUPTED, "a cancelled reader leaves");
	ok(clock_mono_ms() - began < 1000, "at once");
	store.hang = false;
	for (int i = 1; i < 3; i++) {
		pthread_join(t[i], NULL);
		is_i64(u[i].got, 100, "others get their bytes");
	}
	for (int i = 0; i < 3; i++)
		cached_close(u[i].h);
	stop();
}

static void check_cost(void)
{
	struct memory_object *x;
	struct cached_name name;
	struct cached *h;
	int64_t sent;

	start_bare(true);
	x = memory_add(&store, 40 * MB);
	name = memory_name(x, true);
	h = cached_open(cache, &store.base, &name, &e);
	read_at(h, x, 0, 4 * KB, NULL);
	is_i64(store.requests, 1, "a first read costs one request");
	is_i64(store.sent, 256 * KB, "of one block");
	sent = store.sent;
	for (int i = 0; i < 10; i++)
		read_at(h, x, (7 * i + 30) % 39 * MB, 4 * KB, NULL);
	settle();
	is_i64(store.sent - sent, 10 * 256 * KB, "random reads of one each");
	cached_close(h);
	is_i64(cache_figures(cache).requests, 11, "which is counted");
	stop();
}

/* --- many threads --------------------------------------------------------- */

enum { THREADS = 8, FILES = 12, READS = 150 };

static atomic_int wrong;

static void *reader(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	char *out = malloc(2 * MB);

	for (int i = 0; i < READS; i++) {
		struct memory_object *x = &store.v[rand_r(&seed) % FILES];
		struct cached_name name = memory_name(x, x->size % 2);
		struct err mine = {0};
		struct cached *h =
			cached_open(cache, &store.base, &name, &mine);
		int64_t off = rand_r(&seed) % (x->size + 1000);
		size_t most =
			(size_t)rand_r(&seed) % (i % 7 ? 200 * KB : 2 * MB);

		for (int k = 0; k < 4; k++, off += (int64_t)most) {
			int64_t left = x->size - off, n;
			int64_t want = left < 0 ? 0 : left;

			if (want > (int64_t)most)
				want = (int64_t)most;
			n = cached_read(h, off, out, most, NULL, &mine);
			if (n != want || (n && memcmp(out, x->bytes + off,
						      (size_t)n) != 0)) {
				printf("# %lld of %lld: %s\n", (long long)n,
				       (long long)want, mine.msg);
				atomic_fetch_add(&wrong, 1);
			}
		}
		cached_close(h);
	}
	free(out);
	return NULL;
}

static void run_readers(void)
{
	pthread_t t[THREADS];

	wrong = 0;
	for (uintptr_t i = 0; i < THREADS; i++)
		if (thread_start(&t[i], reader, (void *)(i + 1), &e) < 0)
			abort();
	for (int i = 0; i < THREADS; i++)
		pthread_join(t[i], NULL);
}

static void check_threads(bool fetches, bool disk)
{
	if (disk)
		start(fetches);
	else
		start_bare(fetches);
	for (int i = 0; i < FILES; i++)
		memory_add(&store, i < 4 ? 1000 + i : 700 * KB * i + i);
	store.flips = 3;
	store.shorts = 3;
	run_readers();
	is_i64(wrong, 0, "many readers get what they should");
	if (disk) {
		again(dir.path);
		store.requests = 0;
		run_readers();
		is_i64(wrong, 0, "and after a restart");
	}
	stop();
}

int main(void)
{
	for (int i = 0; i < 4; i++) {
		check_reads(i & 1, i & 2);
		check_wrong_bytes(i & 1, i & 2);
		check_hang(i & 1, i & 2);
		check_threads(i & 1, i & 2);
	}
	check_errors(false);
	check_errors(true);
	check_cost();
	return tap_done();
}
