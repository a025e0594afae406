/* SPDX-License-Identifier: Apache-2.0 */
/* bulletin.c - the page between processes: posts, the gate, who runs. */
#include "indexer/index/bulletin.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/wait.h>

#include "indexer/base/clock.h"
#include "tests/index/fixture.h"

static struct fixture fx;
static struct bulletin *made;

static int lock_directory(void)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), "%s/lock", fx.dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		abort();
	return fd;
}

/* Another process waits for a post and tells what it saw. */
static void posts(void)
{
	int status;
	pid_t pid;

	bulletin_post(made, 41);
	pid = fork();
	if (pid == 0) {
		struct bulletin *b = bulletin_open(fx.dir, &fx.e);
		int64_t got = b ? bulletin_wait(b, 41, 10000) : -1;

		_exit(got == 42 && bulletin_epoch(b) == 7 ? 0 : 1);
	}
	usleep(20000);
	bulletin_post(made, 42);
	waitpid(pid, &status, 0);
	is_i64(status, 0, "a post wakes another process");
	is_i64(bulletin_wait(made, 41, 0), 42, "what is past is told at once");
	is_i64(bulletin_wait(made, 42, 10), 42, "a wait has an end");
}

static void *pass(void *arg)
{
	bulletin_gate_pass(made);
	*(_Atomic int *)arg = 1;
	return NULL;
}

static void gate(void)
{
	_Atomic int passed = 0;
	int lock = lock_directory();
	int64_t began;
	pthread_t t;

	bulletin_gate_pass(made);
	bulletin_gate_close(made);
	pthread_create(&t, NULL, pass, &passed);
	usleep(50000);
	is_i64(passed, 0, "a closed gate holds");
	bulletin_gate_open(made);
	pthread_join(t, NULL);
	is_i64(passed, 1, "until it opens");
	bulletin_gate_close(made);
	began = clock_mono_ms();
	bulletin_gate_pass(made);
	ok(clock_mono_ms() - began < 5000, "and not for ever");
	close(lock);
	began = clock_mono_ms();
	bulletin_gate_pass(made);
	ok(clock_mono_ms() - began < 900, "less so when nobody runs");
	bulletin_gate_open(made);
}

static void liveness(void)
{
	int lock;

	ok(!bulletin_daemon_runs(made), "nobody holds the lock");
	lock = lock_directory();
	ok(bulletin_daemon_runs(made), "somebody does");
	close(lock);
	ok(!bulletin_daemon_runs(made), "no more");
}

static void not_one(void)
{
	char path[300];
	FILE *f;

	bulletin_close(made);
	snprintf(path, sizeof(path), "%s/bulletin", fx.dir);
	ok(truncate(path, 100) == 0, "it is cut");
	ok(!bulletin_open(fx.dir, &fx.e) && fx.e.kind == ERR_CORRUPT,
	   "a short file is none");
	f = fopen(path, "w");
	for (int i = 0; i < 4096; i++)
		putc('x', f);
	fclose(f);
	ok(!bulletin_open(fx.dir, &fx.e) && fx.e.kind == ERR_CORRUPT,
	   "another file is none");
	unlink(path);
	ok(!bulletin_open(fx.dir, &fx.e) && fx.e.kind == ERR_NOT_FOUND,
	   "no file is none");
}

int main(void)
{
	fx_make_dir(&fx);
	made = bulletin_create(fx.dir, 7, &fx.e);
	ok(made != NULL, "it is made");
	posts();
	liveness();
	gate();
	not_one();
	fx_remove_dir(&fx);
	return tap_done();
}
