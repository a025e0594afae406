/* SPDX-License-Identifier: Apache-2.0 */
/* replica_file.c - the file of a replica: opening, beginning anew, the place
 * that it has reached. What pages hold is put into it by replica_apply.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/migrate.h"
#include "indexer/index/replica_apply.h"

/* By embed.py. */
extern const char replica_sql[], replica_clear_sql[];

enum { IDLE_SLICE = 100 };

/* --- the place ------------------------------------------------------------ */

static int load(struct replica_file *f, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &f->db, STMT_REPLICA_READ, NO_BINDS, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc < 0 ? -1
			      : err_set(e, ERR_CORRUPT,
					"replica: no state row");
	f->epoch = cursor_i64(&q, 0);
	f->view = cursor_i64(&q, 1);
	f->at = (struct replica_place){cursor_i64(&q, 2), cursor_i64(&q, 3),
				       cursor_i64(&q, 4), cursor_i64(&q, 5),
				       cursor_i64(&q, 6)};
	f->base = cursor_i64(&q, 7);
	f->began = cursor_i64(&q, 8);
	f->level = cursor_i64(&q, 9) != 0;
	return 0;
}

int replica_save(struct replica_file *f, struct err *e)
{
	return db_exec(&f->db, STMT_REPLICA_WRITE,
		       BINDS(B(f->epoch), B(f->view), B(f->at.change),
			     B(f->at.kind), B(f->at.row), B(f->at.part),
			     B(f->at.after), B(f->base), B(f->began),
			     B((int64_t)f->level)),
		       e);
}

/* A new beginning that has to be left: what was before is there again. */
static void abandon(struct replica_file *f)
{
	struct err e;

	if (!f->anew)
		return;
	f->anew = false;
	if (!sqlite3_get_autocommit(f->db.h))
		db_exec(&f->db, STMT_ROLLBACK, NO_BINDS, &e);
	if (load(f, &e))
		log_error("the replica cannot be read", "why=\"%s\"", e.msg);
}

/* --- opening -------------------------------------------------------------- */

static int take_lock(struct replica_file *f, struct err *e)
{
	SCOPED_FREE char *own = NULL, *daemon = NULL;

	if (asprintf(&own, "%s/replica.lock", f->dir) < 0 ||
	    asprintf(&daemon, "%s/lock", f->dir) < 0)
		abort();
	f->lock = open(own, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	f->daemon = open(daemon, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (f->lock < 0 || f->daemon < 0)
		return err_sys(e, errno, "%s", f->lock < 0 ? own : daemon);
	if (flock(f->lock, LOCK_EX | LOCK_NB))
		return err_set(e, ERR_BUSY,
			       "%s is kept by another mount that runs: name "
			       "another directory by --cache",
			       f->dir);
	return 0;
}

void replica_file_connected(struct replica_file *f, bool connected)
{
	flock(f->daemon, connected ? LOCK_EX | LOCK_NB : LOCK_UN);
}

/* A copy that another version of this program made cannot be continued. */
static int throw_away(struct replica_file *f, struct err *e)
{
	struct stat st;
	int64_t version = 0, ours = 0;
	struct err bad;

	if (stat(f->path, &st))
		return 0;
	if (db_open(&f->db, f->path, DB_WRITER, &bad) == 0) {
		if (db_value(&f->db, "PRAGMA user_version", &version, &bad) ||
		    db_value(&f->db,
			     "SELECT count(*) FROM sqlite_schema"
			     " WHERE name = 'replica'",
			     &ours, &bad))
			version = 0;
		db_close(&f->db);
	}
	if (version == SCHEMA_VERSION && ours)
		return 0;
	if (version && !ours)
		return err_set(e, ERR_STATE,
			       "%s is an index of its own, no replica",
			       f->path);
	if (unlink(f->path))
		return err_sys(e, errno, "%s", f->path);
	db_remove_sides(f->path);
	return 0;
}

/* Whole or not at all: a file that was begun and lacks these tables is thrown
 * away with the next start. */
static int make_tables(struct replica_file *f, struct err *e)
{
	int64_t n;

	if (db_value(
		    &f->db,
		    "SELECT count(*) FROM sqlite_schema WHERE name = 'replica'",
		    &n, e))
		return -1;
	if (n)
		return 0;
	if (db_exec(&f->db, STMT_BEGIN, NO_BINDS, e) < 0 ||
	    db_script(&f->db, replica_sql, e) ||
	    db_script(&f->db, replica_clear_sql, e))
		return -1;
	return db_exec(&f->db, STMT_COMMIT, NO_BINDS, e);
}

/* References may point to what comes later. A copy that loses its last
 * commits with the power fetches them again. */
static int open_index(struct replica_file *f, struct err *e)
{
	if (throw_away(f, e) || db_open(&f->db, f->path, DB_WRITER, e) < 0)
		return -1;
	if (db_script(&f->db,
		      "PRAGMA foreign_keys=OFF; PRAGMA synchronous=NORMAL;", e))
		return -1;
	if (schema_apply(&f->db, &schema_current, e) || make_tables(f, e))
		return -1;
	return load(f, e);
}

static int open_bulletin(struct replica_file *f, struct err *e)
{
	int64_t epoch;

	if (db_value(&f->db, "SELECT epoch FROM state WHERE id = 0", &epoch, e))
		return -1;
	f->bulletin = bulletin_create(f->dir, epoch, e);
	if (!f->bulletin)
		return -1;
	bulletin_post(f->bulletin, f->base);
	return checkpoint_init(&f->checkpoint, &f->db, f->bulletin, e);
}

struct replica_file *replica_file_open(const char *dir, struct err *e)
{
	struct replica_file *f = calloc(1, sizeof(*f));

	if (!f || asprintf(&f->path, "%s/index.db", dir) < 0)
		abort();
	f->lock = f->daemon = -1;
	f->dir = strdup(dir);
	if (f->dir && io_mkdirs(dir, 0700, e) == 0 && take_lock(f, e) == 0 &&
	    open_index(f, e) == 0 && open_bulletin(f, e) == 0)
		return f;
	replica_file_close(f);
	return NULL;
}

void replica_file_close(struct replica_file *f)
{
	if (!f)
		return;
	abandon(f);
	if (f->checkpoint.db)
		checkpoint_close(&f->checkpoint);
	db_close(&f->db);
	bulletin_close(f->bulletin);
	if (f->daemon >= 0)
		close(f->daemon);
	if (f->lock >= 0)
		close(f->lock);
	free(f->dir);
	free(f->path);
	free(f);
}

/* --- how far it has come ---------------------------------------------------
 */

bool replica_file_level(const struct replica_file *f)
{
	return f->level;
}

int64_t replica_file_change(const struct replica_file *f)
{
	return f->base;
}

int replica_file_ask(struct replica_file *f, struct replica_ask *ret,
		     struct err *e)
{
	*ret = (struct replica_ask){.epoch = f->epoch,
				    .view = f->view,
				    .base = f->base,
				    .at = f->at};
	return db_find(&f->db, STMT_REPLICA_REFUSED_LAST, NO_BINDS,
		       &ret->refused, e) < 0
		       ? -1
		       : 0;
}

/* --- beginning anew ------------------------------------------------------- */

int replica_file_restart(struct replica_file *f, struct err *e)
{
	abandon(f);
	if (db_exec(&f->db, STMT_BEGIN, NO_BINDS, e) < 0)
		return -1;
	f->anew = true;
	if (db_script(&f->db, replica_clear_sql, e) == 0 && load(f, e) == 0)
		return 0;
	abandon(f);
	return -1;
}

/* Readers look at the bulletin whether they read the same index as before. */
static int tell_epoch(struct replica_file *f, struct err *e)
{
	struct bulletin *b;
	int64_t epoch;

	if (db_value(&f->db, "SELECT epoch FROM state WHERE id = 0", &epoch, e))
		return -1;
	b = bulletin_create(f->dir, epoch, e);
	bulletin_close(b);
	return b ? 0 : -1;
}

int replica_begin(struct replica_file *f, struct err *e)
{
	if (f->anew)
		return 0;
	return db_exec(&f->db, STMT_BEGIN, NO_BINDS, e) < 0 ? -1 : 0;
}

/* The end of a transaction in which rc is how the work went. */
int replica_end(struct replica_file *f, int rc, bool level, struct err *e)
{
	bool anew = f->anew;
	struct err ignored;

	if (rc == 0 && anew && !level)
		return 0;
	if (rc == 0 && db_exec(&f->db, STMT_COMMIT, NO_BINDS, e) == 0) {
		f->anew = false;
		rc = anew ? tell_epoch(f, e) : 0;
		checkpoint_committed(&f->checkpoint);
		return rc;
	}
	f->anew = false;
	if (!sqlite3_get_autocommit(f->db.h))
		db_exec(&f->db, STMT_ROLLBACK, NO_BINDS, &ignored);
	load(f, &ignored);
	return -1;
}

/* --- idle ----------------------------------------------------------------- */

bool replica_file_idle(struct replica_file *f)
{
	struct err e;
	int rc;

	if (f->anew)
		return false;
	rc = replica_begin(f, &e);
	if (rc == 0) {
		rc = replica_reap(f, IDLE_SLICE, &e);
		if (replica_end(f, rc < 0 ? -1 : 0, false, &e))
			rc = -1;
	}
	if (rc < 0)
		log_warn("the replica cannot be tidied", "why=\"%s\"", e.msg);
	checkpoint_idle(&f->checkpoint);
	return rc > 0;
}
