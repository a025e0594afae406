/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - see backup.h. The copy is made beside its place, verified there,
 * and then renamed.
 */
#include "indexer/index/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/index/index.h"
#include "indexer/index/writer.h"

enum { SLICE_PAGES = 512, QUEUE_FULL_US = 10000 };

struct backup {
	sqlite3 *to;
	sqlite3_backup *copy;
};

/* What one call on the writer is given, and how it went. */
struct slice {
	const char *path;
	bool done;
};

void backup_drop(struct backup *b)
{
	if (!b)
		return;
	sqlite3_backup_finish(b->copy);
	sqlite3_close(b->to);
	free(b);
}

/* Where the copy is made, readable by its owner alone. */
static int make_place(const char *beside, struct err *e)
{
	SCOPED_FD int fd = -1;

	if (unlink(beside) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", beside);
	fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd < 0 ? err_sys(e, errno, "%s", beside) : 0;
}

static int begin(struct writer *w, void *arg, struct err *e)
{
	const struct slice *s = arg;
	struct backup *b;

	if (w->backup)
		return err_set(e, ERR_BUSY, "another backup is under way");
	if (make_place(s->path, e) < 0)
		return -1;
	b = calloc(1, sizeof(*b));
	if (!b)
		abort();
	if (sqlite3_open_v2(s->path, &b->to,
			    SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE |
				    SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
			    NULL) == SQLITE_OK)
		b->copy = sqlite3_backup_init(b->to, "main", w->db.h, "main");
	if (!b->copy) {
		int sys = sqlite3_system_errno(b->to);

		err_sys(e, sys ? sys : EIO, "%s", s->path);
		backup_drop(b);
		return -1;
	}
	w->backup = b;
	return 0;
}

static int finish(struct writer *w, int rc, const char *path, struct err *e)
{
	sqlite3 *to = w->backup->to;
	int sys = sqlite3_system_errno(to);

	if (rc != SQLITE_DONE && sys)
		err_sys(e, sys, "%s", path);
	else if (rc != SQLITE_DONE)
		err_set(e, (rc & 0xff) == SQLITE_FULL ? ERR_NO_SPACE : ERR_IO,
			"%s: %s", path, sqlite3_errstr(rc));
	backup_drop(w->backup);
	w->backup = NULL;
	return rc == SQLITE_DONE ? 0 : -1;
}

static int step(struct writer *w, void *arg, struct err *e)
{
	struct slice *s = arg;
	int rc = sqlite3_backup_step(w->backup->copy, SLICE_PAGES);

	if (rc == SQLITE_OK || rc == SQLITE_BUSY || rc == SQLITE_LOCKED)
		return 0;
	s->done = true;
	return finish(w, rc, s->path, e);
}

static int call(struct index *ix,
		int (*fn)(struct writer *w, void *arg, struct err *e),
		struct slice *s, struct err *e)
{
	struct cmd_call *x = command_new(COMMAND_CALL);
	int rc;

	x->c.lane = LANE_CRAWL;
	x->fn = fn;
	x->arg = s;
	rc = index_apply(ix, &x->c, e);
	command_free(&x->c);
	return rc;
}

static int copy(struct index *ix, const char *path, struct err *e)
{
	struct slice s = {.path = path};

	if (call(ix, begin, &s, e) < 0)
		return -1;
	while (!s.done)
		if (call(ix, step, &s, e) < 0) {
			if (e->kind != ERR_BUSY)
				return -1;
			usleep(QUEUE_FULL_US);
		}
	return 0;
}

static int verify(const char *path, struct err *e)
{
	int64_t bad = 1;
	struct db db;
	int rc;

	if (db_open(&db, path, DB_READER, e) < 0)
		return -1;
	rc = db_value(&db,
		      "SELECT count(*) FROM pragma_quick_check"
		      " WHERE quick_check <> 'ok'",
		      &bad, e);
	db_close(&db);
	if (rc == 0 && bad)
		return err_set(e, ERR_CORRUPT, "%s: the copy is damaged", path);
	return rc;
}

static int fsync_file(const char *path, struct err *e)
{
	SCOPED_FD int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, errno, "%s", path);
	return 0;
}

static int put_in_place(const char *from, const char *path, struct err *e)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%s", path);
	if (fsync_file(from, e) < 0)
		return -1;
	if (rename(from, path) < 0)
		return err_sys(e, errno, "%s", path);
	return io_fsync_dir(dirname(dir), e);
}

/* A copy in the place of the index itself would be its end. */
static int check_place(const struct index *ix, const char *path, struct err *e)
{
	SCOPED_FREE char *own = NULL;
	struct stat there, mine;

	if (asprintf(&own, "%s/index.db", index_dir(ix)) < 0)
		abort();
	if (stat(path, &there) < 0 || stat(own, &mine) < 0)
		return 0;
	if (S_ISDIR(there.st_mode))
		return err_set(e, ERR_INVALID, "%s is a directory", path);
	if (there.st_dev == mine.st_dev && there.st_ino == mine.st_ino)
		return err_set(e, ERR_INVALID, "%s is the index itself", path);
	return 0;
}

int index_backup(struct index *ix, const char *path, struct err *e)
{
	SCOPED_FREE char *beside = NULL;
	int rc;

	if (asprintf(&beside, "%s.part", path) < 0)
		abort();
	if (check_place(ix, path, e) < 0)
		return -1;
	rc = copy(ix, beside, e);
	if (rc < 0 && e->kind == ERR_BUSY)
		return -1; /* the file is another's */
	if (rc == 0)
		rc = verify(beside, e);
	db_remove_sides(beside);
	if (rc == 0)
		rc = put_in_place(beside, path, e);
	if (rc < 0)
		unlink(beside);
	return rc;
}
