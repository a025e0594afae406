/* SPDX-License-Identifier: Apache-2.0 */
/* cache_trouble.c - the cache's directory full, gone, shared with others, and
 * whoever fills it killed at any moment. */
#include "tests/objects/cached.h"

/* --- trouble -------------------------------------------------------------- */

/* In a process of its own: fn says whether all went well. */
static bool apart(bool (*fn)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0)
		_exit(fn() ? 0 : 1);
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool all_read(void)
{
	bool good = true;

	open_cache(0, 0);
	for (int i = 0; i < store.n; i++)
		good = reads(&store.v[i]) && good;
	cache_close(cache);
	return good;
}

static bool when_full(void)
{
	return deny_where(SYS_pwrite64, ENOSPC, 0, 0) && all_read();
}

static bool when_read_only(void)
{
	return deny_where(SYS_openat, EROFS, 2, O_CREAT) &&
	       deny_where(SYS_mkdir, EROFS, 0, 0) && all_read();
}

static bool when_unreadable(void)
{
	return deny_where(SYS_pread64, EIO, 0, 0) && all_read();
}

static void check_trouble(void)
{
	start(0, 0);
	cache_close(cache);
	memory_add(&store, 5 * MB);
	memory_add(&store, 10 * KB);
	ok(apart(when_full), "a full disk");
	ok(apart(when_read_only), "a directory that cannot be written to");
	ok(apart(all_read), "an ordinary run");
	ok(apart(when_unreadable), "a disk that cannot be read");
	ok(apart(all_read), "and after it");
	open_cache(0, 0);
	stop();
}

static void check_removed(void)
{
	struct memory_object *x, *y;
	struct cached *h;

	start(0, 0);
	x = memory_add(&store, 5 * MB);
	y = memory_add(&store, 5 * MB);
	h = open_object(x);
	ok(read_all(h, x) && comes(path_of("files", x)), "all is well");
	scratch_remove(&dir);
	ok(read_all(h, x), "the directory is gone: what is open is read");
	ok(reads(y), "and what is not");
	usleep(1200000);
	cached_close(h);
	ok(reads(y) && reads(x), "again");
	ok(comes(path_of("files", x)), "the directory is used again");
	stop();
}

static void check_garbage(void)
{
	char path[400];
	int fd;

	start(4 * MB, 0);
	snprintf(path, sizeof(path), "%s/usage", dir.path);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	io_write_all(fd, "\xff\xff\xff\xff\xff\xff\xff\x7f", 8, &e);
	close(fd);
	for (int i = 0; i < 6; i++)
		ok(reads(memory_add(&store, 1 * MB + i)), "a wrong count");
	ok(comes(path_of("files", &store.v[5])), "is made right");
	ok(bytes_there() <= 4 * MB, "and kept to");
	stop();
}

/* --- processes ------------------------------------------------------------ */

static bool reads_at_random(void)
{
	unsigned seed = (unsigned)getpid();
	bool good = true;
	char out[64 * KB];

	open_cache(8 * MB, 0);
	for (int i = 0; i < 60; i++) {
		struct memory_object *x =
			&store.v[rand_r(&seed) % (unsigned)store.n];
		struct cached *h = open_object(x);

		for (int k = 0; k < 5; k++) {
			int64_t at = rand_r(&seed) % x->size, n;

			n = cached_read(h, at, out, sizeof(out), NULL, &e);
			good = good && n > 0 &&
			       !memcmp(out, x->bytes + at, (size_t)n);
		}
		if (i % 3 == 0)
			good = read_all(h, x) && good;
		cached_close(h);
	}
	cache_close(cache);
	return good;
}

static void check_processes(void)
{
	enum { MANY = 3 };
	pid_t pid[MANY];
	bool good = true;

	start(0, 0);
	cache_close(cache);
	for (int i = 0; i < 8; i++)
		memory_add(&store, 300 * KB * (i + 1));
	for (int i = 0; i < MANY; i++) {
		pid[i] = fork();
		if (pid[i] == 0)
			_exit(reads_at_random() ? 0 : 1);
	}
	for (int i = 0; i < MANY; i++) {
		int status = -1;

		waitpid(pid[i], &status, 0);
		good = good && status == 0;
	}
	ok(good, "processes share a directory that is too small for them");
	ok(bytes_there() <= 8 * MB, "and keep to its limit");
	open_cache(0, 0);
	stop();
}

static void check_kill(void)
{
	bool good = true;

	start(0, 0);
	cache_close(cache);
	for (int i = 0; i < 4; i++)
		memory_add(&store, 1500 * KB * (i + 1));
	for (int i = 0; i < 15; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(all_read() ? 0 : 1);
		usleep((useconds_t)(i * 2500));
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		if (i % 5 == 4)
			good = apart(all_read) && good;
	}
	ok(good, "killed while it fills");
	open_cache(0, 0);
	stop();
}

/* --- all at once ---------------------------------------------------------- */

enum { MODEL_OBJECTS = 6, MODEL_STEPS = 400, MODEL_THREADS = 4 };

static atomic_int wrong;
static atomic_bool sabotage;

static void damage(unsigned *seed)
{
	struct memory_object *x =
		&store.v[(unsigned)rand_r(seed) % MODEL_OBJECTS];
	char path[600];

	snprintf(path, sizeof(path), "%s",
		 rand_r(seed) % 2 ? path_of("files", x) : part_of(x));
	switch (rand_r(seed) % 5) {
	case 0:
		unlink(path);
		break;
	case 1:
		unlink(path_of("stamps", x));
		break;
	case 2:
		store.flips = 2;
		break;
	case 3:
		store.shorts = 2;
		break;
	default:
		if (access(path, F_OK) == 0)
			flip_in(path, rand_r(seed) % x->size);
	}
}

/* Where the file is not damaged behind the back of who checked it. */
static void *saboteur(void *arg)
{
	unsigned seed = 7;

	(void)arg;
	while (atomic_load(&sabotage)) {
		char path[600];

		snprintf(path, sizeof(path), "%s/%s", dir.path,
			 rand_r(&seed) % 2 ? "files" : "parts");
		nftw(path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
		/* So seldom that an answer is not wrong four times. */
		if (rand_r(&seed) % 64 == 0)
			store.flips = 2;
		usleep(20000);
	}
	return NULL;
}

static bool read_once(unsigned *seed, char *out, size_t room)
{
	struct memory_object *x =
		&store.v[(unsigned)rand_r(seed) % MODEL_OBJECTS];
	struct cached_name name = memory_name(x, rand_r(seed) % 4);
	struct err mine = {0};
	struct cached *h = cached_open(cache, &store.base, &name, &mine);
	int64_t at = rand_r(seed) % x->size;
	size_t n = (size_t)rand_r(seed) % room;
	int64_t want = x->size - at < (int64_t)n ? x->size - at : (int64_t)n;
	bool good = cached_read(h, at, out, n, NULL, &mine) == want &&
		    !memcmp(out, x->bytes + at, (size_t)want);

	if (!good)
		printf("# %s at %lld: %s\n", x->key, (long long)at, mine.msg);
	cached_close(h);
	return good;
}

static void *model_reader(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	enum { ROOM = 600 * KB };
	char *out = malloc(ROOM);

	for (int i = 0; i < MODEL_STEPS; i++)
		if (!read_once(&seed, out, ROOM))
			atomic_fetch_add(&wrong, 1);
	free(out);
	return NULL;
}

static void check_model(void)
{
	pthread_t t[MODEL_THREADS], other;
	unsigned seed = 3;
	char *out = malloc(600 * KB);

	start(12 * MB, 0);
	for (int i = 0; i < MODEL_OBJECTS; i++)
		memory_add(&store, i < 2 ? 5000 * i + 7 : 1100 * KB * i + i);
	for (int i = 0; i < MODEL_STEPS; i++) {
		damage(&seed);
		again();
		wrong += !read_once(&seed, out, 600 * KB);
	}
	is_i64(wrong, 0, "whatever becomes of files between two runs");
	atomic_store(&sabotage, true);
	if (thread_start(&other, saboteur, NULL, &e) < 0)
		abort();
	for (uintptr_t i = 0; i < MODEL_THREADS; i++)
		if (thread_start(&t[i], model_reader, (void *)(i + 1), &e) < 0)
			abort();
	for (int i = 0; i < MODEL_THREADS; i++)
		pthread_join(t[i], NULL);
	atomic_store(&sabotage, false);
	pthread_join(other, NULL);
	is_i64(wrong, 0, "and while they are removed under readers");
	free(out);
	stop();
}

/* A store that says nothing at all. */
static void check_silence(void)
{
	struct memory_object *x;
	struct cached *h;
	int64_t began = clock_mono_ms();

	start(0, 0);
	x = memory_add(&store, 5 * MB);
	h = open_object(x);
	store.hang = true;
	ok(!read_all(h, x), "a silent store");
	is_i64(e.kind, ERR_TIMEOUT, "is given up");
	ok(clock_mono_ms() - began < 10000, "within ten seconds");
	store.hang = false;
	err_clear(&e);
	ok(read_all(h, x), "and asked anew by the next read");
	cached_close(h);
	stop();
}

int main(void)
{
	check_processes();
	check_kill();
	check_trouble();
	check_removed();
	check_garbage();
	check_model();
	check_silence();
	return tap_done();
}
