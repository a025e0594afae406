/* SPDX-License-Identifier: Apache-2.0 */
/* fault.c - the disk is full, the disk fails, descriptors run out: commands
 * say so, nothing half is kept, and all goes on when it is over.
 */
#include <errno.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/index/fixture.h"

static struct fixture fx;

/* What SQLite's writes and syncs answer while this is set. */
static _Atomic int write_errno, sync_errno;
static _Atomic int writes_left; /* that still succeed */

static bool fails_now(_Atomic int *error)
{
	if (!*error)
		return false;
	if (writes_left > 0) {
		writes_left--;
		return false;
	}
	errno = *error;
	return true;
}

static ssize_t faulty_write(int fd, const void *p, size_t n)
{
	return fails_now(&write_errno) ? -1 : write(fd, p, n);
}

static ssize_t faulty_pwrite(int fd, const void *p, size_t n, off_t off)
{
	return fails_now(&write_errno) ? -1 : pwrite(fd, p, n, off);
}

/* These stand before the C library's: SQLite lets all be replaced but them. */
int fdatasync(int fd)
{
	if (sync_errno) {
		errno = sync_errno;
		return -1;
	}
	return (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
	return fdatasync(fd);
}

static void install(void)
{
	sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	vfs->xSetSystemCall(vfs, "write", (sqlite3_syscall_ptr)faulty_write);
	vfs->xSetSystemCall(vfs, "pwrite", (sqlite3_syscall_ptr)faulty_pwrite);
	vfs->xSetSystemCall(vfs, "pwrite64",
			    (sqlite3_syscall_ptr)faulty_pwrite);
}

static void report(void *ctx, const char *what, const char *detail)
{
	printf("# %s: %s\n", what, detail);
	++*(int *)ctx;
}

static bool whole(void)
{
	int findings = 0;

	return index_check(fx.dir, report, &findings, &fx.e) == 0 && !findings;
}

/* Commands fail with the kind while the call answers with error, and work again
 * after. */
static void goes_wrong(_Atomic int *call, int error, enum err_kind kind,
		       const char *what)
{
	const char *run = fx_run(&fx, "0", what);
	int64_t change = index_change(fx.ix);
	struct index_totals t;

	works(fx_metric(&fx, run, "m", 1, 1));
	*call = error;
	fails(fx_tag(&fx, run, "k", "1"), kind, "");
	fails(fx_param(&fx, run, "k", "1"), kind, "");
	fails(fx_metric(&fx, run, "m", 2, 2), kind, "");
	fails(fx_put(&fx, run, "f", "", 0), kind, "");
	ok(!*fx_run(&fx, "0", "none") && fx.e.kind == kind, "no run is made");
	is_i64(index_change(fx.ix), change + 1, "nothing changed");
	is_str(fx_see_tag(&fx, run, "k"), NULL, "readers go on");
	*call = 0;
	works(fx_tag(&fx, run, "k", "1"));
	works(fx_param(&fx, run, "k", "1"));
	works(fx_metric(&fx, run, "m", 2, 2));
	works(fx_put(&fx, run, "f", "", 0));
	is_i64(index_change(fx.ix), change + 5, "numbers go on without a gap");
	fx_begin(&fx);
	works(index_totals(fx.rd, &t, &fx.e));
	fx_finish(&fx);
	ok(whole(), "the index is whole");
}

/* The same at any point within a transaction. */
static void somewhere_within(void)
{
	const char *run = fx_run(&fx, "0", "within");
	int failed = 0, done = 0;
	char key[32], value[2000];

	memset(value, 'v', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	for (int i = 0; i < 60; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		writes_left = i % 12;
		write_errno = i % 2 ? EIO : ENOSPC;
		if (fx_tag(&fx, run, key, value) < 0) {
			failed++;
			ok(fx.e.kind == (i % 2 ? ERR_IO : ERR_NO_SPACE),
			   "the error is what happened");
		}
		write_errno = 0;
		writes_left = 0;
		done += fx_tag(&fx, run, key, value) == 0;
	}
	ok(failed > 10, "some commands failed");
	is_i64(done, 60, "each succeeds when tried again");
	is_i64(fx_see_run(&fx, run).ntags, 61, "and is there once");
	ok(whole(), "the index is whole");
}

/* All commands of a group fail with it. */
struct tally {
	_Atomic int good, full, other;
};

static void count(struct command *c, void *ctx)
{
	struct tally *t = ctx;

	if (c->err.kind == ERR_NONE)
		t->good++;
	else if (c->err.kind == ERR_NO_SPACE)
		t->full++;
	else
		t->other++;
	command_free(c);
}

static void group_fails(void)
{
	const char *run = fx_run(&fx, "0", "group");
	struct tally t = {0};
	char key[32];

	write_errno = ENOSPC;
	for (int i = 0; i < 200; i++) {
		struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
		struct key_value *tag = arena_alloc(&x->c.arena, sizeof(*tag));

		snprintf(key, sizeof(key), i % 20 ? "k%d" : "bad|%d", i);
		tag->key = arena_str(&x->c.arena, str_from(key));
		tag->value = STR("v");
		x->run_id = str_from(run);
		x->tags = (struct field_list){tag, 1};
		x->c.done = count;
		x->c.ctx = &t;
		works(index_submit(fx.ix, &x->c, &fx.e));
	}
	for (int i = 0; i < 2000 && t.good + t.full + t.other < 200; i++)
		usleep(5000);
	write_errno = 0;
	is_i64(t.good, 0, "none succeeds");
	is_i64(t.full, 190, "they say that the disk is full");
	is_i64(t.other, 10, "but for those that were wrong themselves");
	is_i64(fx_see_run(&fx, run).ntags, 1, "none of it is there");
	works(fx_tag(&fx, run, "k", "v"));
}

/* While the disk is full the daemon can end, and start when it is over. */
static void stop_and_start(void)
{
	const char *run = fx_run(&fx, "0", "stop");

	write_errno = ENOSPC;
	fails(fx_tag(&fx, run, "k", "v"), ERR_NO_SPACE, "");
	fx_close(&fx);
	write_errno = 0;
	fx_open(&fx);
	works(fx_tag(&fx, run, "k", "v"));
	ok(whole(), "the index is whole");
}

static void no_descriptors(void)
{
	const char *run = fx_run(&fx, "0", "fds");
	struct rlimit old, few = {3, 3};
	struct reader *rd;

	getrlimit(RLIMIT_NOFILE, &old);
	few.rlim_max = old.rlim_max;
	setrlimit(RLIMIT_NOFILE, &few);
	rd = reader_open(fx.dir, &fx.e);
	ok(!rd && fx.e.kind == ERR_IO, "no reader can be opened");
	works(fx_tag(&fx, run, "k", "v"));
	works(fx_metric(&fx, run, "m", 1, 1));
	is_str(fx_see_tag(&fx, run, "k"), "v", "the open ones go on");
	setrlimit(RLIMIT_NOFILE, &old);
	rd = reader_open(fx.dir, &fx.e);
	ok(rd != NULL, "and again when there are some");
	reader_close(rd);
}

int main(void)
{
	install();
	fx_start(&fx);
	goes_wrong(&write_errno, ENOSPC, ERR_NO_SPACE, "full");
	goes_wrong(&write_errno, EIO, ERR_IO, "broken");
	goes_wrong(&write_errno, EDQUOT, ERR_NO_SPACE, "quota");
	goes_wrong(&sync_errno, EIO, ERR_IO, "sync");
	goes_wrong(&sync_errno, ENOSPC, ERR_NO_SPACE, "late");
	somewhere_within();
	group_fails();
	stop_and_start();
	no_descriptors();
	fx_end(&fx);
	return tap_done();
}
