/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - see backup.h. The copy is made beside its place, verified there,
 * and then renamed.
 */
#include "indexer/index/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/index/index.h"
#include "indexer/index/writer.h"

enum { SLICE_PAGES = 512 };

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

static int begin(struct writer *w, void *arg, struct err *e)
{
	const struct slice *s = arg;
	struct backup *b;

	if (w->backup)
		return err_set(e, ERR_BUSY, "another backup is under way");
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
		if (call(ix, step, &s, e) < 0)
			return -1;
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

int index_backup(struct index *ix, const char *path, struct err *e)
{
	SCOPED_FREE char *beside = NULL;

	if (asprintf(&beside, "%s.part", path) < 0)
		abort();
	if (unlink(beside) < 0 && errno != ENOENT)
		return err_sys(e, errno, "%s", beside);
	if (copy(ix, beside, e) == 0 && verify(beside, e) == 0 &&
	    put_in_place(beside, path, e) == 0)
		return 0;
	if (e->kind != ERR_BUSY)
		unlink(beside);
	return -1;
}
