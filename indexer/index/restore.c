/* SPDX-License-Identifier: Apache-2.0 */
/* restore.c - the copy is verified and prepared under another name; only
 * then do two renames put it in place, so a crash leaves the old or the new.
 */
#include "indexer/index/restore.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/file.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/index/db.h"
#include "indexer/index/migrate.h"

struct places {
	char lock[PATH_MAX], fresh[PATH_MAX];
	char index[PATH_MAX], before[PATH_MAX];
	char wal[PATH_MAX], wal_before[PATH_MAX], shm[PATH_MAX];
};

static int name_places(struct places *p, const char *dir, struct err *e)
{
	const struct {
		char *path;
		const char *name;
	} names[] = {{p->lock, "lock"},
		     {p->fresh, "index.db.restoring"},
		     {p->index, "index.db"},
		     {p->before, "index.db.before"},
		     {p->wal, "index.db-wal"},
		     {p->wal_before, "index.db.before-wal"},
		     {p->shm, "index.db-shm"}};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (snprintf(names[i].path, PATH_MAX, "%s/%s", dir,
			     names[i].name) >= PATH_MAX)
			return err_set(e, ERR_TOO_LONG, "%s: path too long",
				       dir);
	return 0;
}

static int copy_file(const char *from, const char *to, struct err *e)
{
	SCOPED_FD int in = open(from, O_RDONLY | O_CLOEXEC);
	SCOPED_FD int out =
		open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (in < 0)
		return err_sys(e, errno, "%s", from);
	if (out < 0)
		return err_sys(e, errno, "%s", to);
	if (io_copy(in, out, -1, e) == 0) {
		if (fsync(out) == 0)
			return 0;
		err_sys(e, errno, "%s", to);
	}
	unlink(to);
	return err_wrap(e, "copy of %s", from);
}

/* The copy must be an index of ours, whole, and gets its new epoch. */
static int prepare(const struct places *p, struct err *e)
{
	struct db db;
	int64_t id = 0, damaged = 1;
	int rc = -1;

	if (db_open(&db, p->fresh, DB_WRITER, e))
		return -1;
	if (db_value(&db, "PRAGMA application_id", &id, e))
		goto out;
	if (id != APPLICATION_ID) {
		err_set(e, ERR_INVALID, "this is not a backup of an index");
		goto out;
	}
	if (db_value(&db,
		     "SELECT count(*) FROM pragma_integrity_check"
		     " WHERE integrity_check <> 'ok'",
		     &damaged, e))
		goto out;
	if (damaged) {
		err_set(e, ERR_CORRUPT, "the backup is damaged");
		goto out;
	}
	if (schema_apply(&db, &schema_current, e) ||
	    db_exec(&db, STMT_RESTORE_EPOCH, BINDS(B(clock_ms())), e) ||
	    db_script(&db, "PRAGMA wal_checkpoint(TRUNCATE)", e))
		goto out;
	rc = 0;
out:
	db_close(&db);
	return rc;
}

static int rename_if_there(const char *from, const char *to, struct err *e)
{
	if (rename(from, to) && errno != ENOENT)
		return err_sys(e, errno, "%s", from);
	return 0;
}

static int put_in_place(const struct places *p, const char *dir, struct err *e)
{
	unlink(p->wal_before);
	if (rename_if_there(p->index, p->before, e) ||
	    rename_if_there(p->wal, p->wal_before, e))
		return -1;
	unlink(p->shm);
	db_remove_sides(p->fresh);
	if (rename(p->fresh, p->index))
		return err_sys(e, errno, "%s", p->index);
	return io_fsync_dir(dir, e);
}

int index_restore(const char *dir, const char *file, struct err *e)
{
	struct places p;
	SCOPED_FD int lock = -1;

	if (access(file, R_OK))
		return err_sys(e, errno, "%s", file);
	if (name_places(&p, dir, e) || io_mkdirs(dir, 0700, e))
		return -1;
	lock = open(p.lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0)
		return err_sys(e, errno, "%s", p.lock);
	if (flock(lock, LOCK_EX | LOCK_NB))
		return err_set(e, ERR_STATE,
			       "a daemon runs on %s: stop it first", dir);
	if (copy_file(file, p.fresh, e))
		return -1;
	if (prepare(&p, e)) {
		unlink(p.fresh);
		db_remove_sides(p.fresh);
		return err_wrap(e, "%s", file);
	}
	return put_in_place(&p, dir, e);
}
