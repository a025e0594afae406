/* SPDX-License-Identifier: Apache-2.0 */
/* bench-cache: reads through the cache, of objects whose bytes lie in a
 * directory too, where their sums and digests are taken from.
 *
 *	bench-cache ENDPOINT BUCKET DIRECTORY CACHE stream KEY STREAMS
 *	bench-cache ENDPOINT BUCKET DIRECTORY CACHE streams PREFIX COUNT
 *	bench-cache ENDPOINT BUCKET DIRECTORY CACHE random KEY READS
 *	bench-cache ENDPOINT BUCKET DIRECTORY CACHE small PREFIX COUNT
 *
 * CACHE is the cache's directory, or - for none. small reads PREFIX0 to
 * PREFIX<COUNT-1> by eight threads, streams by one each. Prints seconds of wall
 *and CPU, peak memory, and the cache's figures.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"
#include "indexer/objects/cache.h"
#include "indexer/objects/digest.h"
#include "indexer/objects/sums.h"

enum { PIECE = 128 << 10, PAGE = 4096, THREADS = 8 };

static struct objects *store;
static struct cache *cache;
static const char *directory, *what, *key;
static atomic_int next_file;
static int64_t count;

struct source {
	char key[300];
	struct buf sums;
	struct object_digest digest;
	struct cached_name name;
};

static void fail(const char *why, const struct err *e)
{
	fprintf(stderr, "%s: %s\n", why, e->msg);
	exit(1);
}

static void source_init(struct source *s, const char *name)
{
	SCOPED_FREE char *path = NULL;
	struct err e = {0};
	SCOPED_FD int fd = -1;

	snprintf(s->key, sizeof(s->key), "%s", name);
	if (asprintf(&path, "%s/%s", directory, name) < 0)
		abort();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	buf_init(&s->sums, SUMS_BYTES);
	if (fd < 0 || digest_file(fd, &s->digest, &s->sums, &e) < 0)
		fail(path, &e);
	s->name = (struct cached_name){.key = str_from(s->key),
				       .size = s->digest.size,
				       .digest = str_from(s->digest.sha256),
				       .sums = buf_view(&s->sums)};
}

static struct cached *begin(struct source *s)
{
	struct err e = {0};
	struct cached *h = cached_open(cache, store, &s->name, &e);

	if (!h)
		fail(s->key, &e);
	return h;
}

static void read_all(struct source *s, char *out)
{
	struct cached *h = begin(s);
	struct err e = {0};

	for (int64_t at = 0, n; at < s->name.size; at += n) {
		n = cached_read(h, at, out, PIECE, NULL, &e);
		if (n <= 0)
			fail(s->key, &e);
	}
	cached_close(h);
}

static void *stream(void *arg)
{
	struct source *s = arg;
	SCOPED_FREE char *out = malloc(PIECE);

	read_all(s, out);
	return NULL;
}

static struct source *small;

static void *small_files(void *arg)
{
	SCOPED_FREE char *out = malloc(PIECE);
	int i;

	(void)arg;
	while ((i = atomic_fetch_add(&next_file, 1)) < count)
		read_all(&small[i], out);
	return NULL;
}

static void random_reads(struct source *s)
{
	struct cached *h = begin(s);
	struct err e = {0};
	unsigned seed = 1;
	char out[PAGE];

	for (int64_t i = 0; i < count; i++) {
		int64_t at = (((int64_t)rand_r(&seed) << 15) + rand_r(&seed)) %
			     (s->name.size / PAGE) * PAGE;

		if (cached_read(h, at, out, PAGE, NULL, &e) != PAGE)
			fail(s->key, &e);
	}
	cached_close(h);
}

static void run(void *(*fn)(void *), void *arg, int threads)
{
	pthread_t t[64];
	struct err e = {0};

	for (int i = 0; i < threads; i++)
		if (thread_start(&t[i], fn, arg, &e) < 0)
			fail("thread", &e);
	for (int i = 0; i < threads; i++)
		pthread_join(t[i], NULL);
}

static double seconds(struct timeval t)
{
	return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

static void report(int64_t began, double cpu)
{
	struct cache_figures f = cache_figures(cache);
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	printf("%s %.3f s, CPU %.3f s, peak %ld MiB, requests %" PRId64
	       ", fetched %" PRId64 ", wasted %" PRId64 ", bypassed %" PRId64
	       "\n",
	       what, (double)(clock_mono_us() - began) / 1e6,
	       seconds(u.ru_utime) + seconds(u.ru_stime) - cpu,
	       u.ru_maxrss >> 10, f.requests, f.fetched, f.wasted, f.bypassed);
}

static double cpu_now(void)
{
	struct rusage u;

	getrusage(RUSAGE_SELF, &u);
	return seconds(u.ru_utime) + seconds(u.ru_stime);
}

static void measure(void)
{
	struct source s = {0};
	int64_t began;
	double cpu;

	if (str_is(str_from(what), "small") ||
	    str_is(str_from(what), "streams")) {
		small = calloc((size_t)count, sizeof(*small));
		for (int64_t i = 0; i < count; i++) {
			char name[300];

			snprintf(name, sizeof(name), "%s%" PRId64, key, i);
			source_init(&small[i], name);
		}
	} else {
		source_init(&s, key);
	}
	cpu = cpu_now();
	began = clock_mono_us();
	if (str_is(str_from(what), "small"))
		run(small_files, NULL, THREADS);
	else if (str_is(str_from(what), "stream"))
		run(stream, &s, (int)count);
	else if (str_is(str_from(what), "streams"))
		run(small_files, NULL, (int)count);
	else
		random_reads(&s);
	report(began, cpu);
}

int main(int argc, char **argv)
{
	struct conf_objects c = {0};
	struct cache_options o = {0};
	struct err e = {0};
	char url[300];

	if (argc != 8 || !num_parse_i64(str_from(argv[7]), &count)) {
		fprintf(stderr, "usage: see tools/bench/cache.c\n");
		return 2;
	}
	snprintf(url, sizeof(url), "s3://%s", argv[2]);
	c.url = str_from(url);
	c.endpoint = str_from(argv[1]);
	c.region = STR("us-east-1");
	c.dialect = STR("versitygw");
	c.path_style = true;
	directory = argv[3];
	o.dir = strcmp(argv[4], "-") != 0 ? argv[4] : NULL;
	what = argv[5];
	key = argv[6];
	store = objects_open("/tmp", &c, &e);
	cache = store ? cache_open(&o, &e) : NULL;
	if (!cache)
		fail("opening", &e);
	measure();
	cache_close(cache);
	objects_close(store);
	return 0;
}
