/* SPDX-License-Identifier: Apache-2.0 */
/* draft.c - drafts: started, cut, committed.
 *
 * Whatever fails on the way to the index leaves the bytes where they are, in
 * the open descriptor, and the file dirty: the next flush, fsync or release
 * tries again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/artifact.h"
#include "fs/file.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/sums.h"

enum { COPY_CHUNK = 1 << 20, WANTED_MAX = OBJECT_KEY_MAX };

int file_scratch_fd(struct err *e)
{
	int fd = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("orrery-scratch", MFD_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "a temporary file") : fd;
}

/* Through memory, where the kernel cannot copy by itself. */
static int copy_by_hand(int from, int to, int64_t at, int64_t end,
			struct err *e)
{
	SCOPED_FREE char *chunk = malloc(COPY_CHUNK);
	ssize_t n = 1;

	if (!chunk)
		return err_set(e, ERR_NO_SPACE, "no memory to copy a file");
	for (; at < end && n > 0; at += n) {
		n = end - at < COPY_CHUNK ? end - at : COPY_CHUNK;
		n = io_pread_all(from, chunk, (size_t)n, at, e);
		if (n < 0 || io_pwrite_all(to, chunk, (size_t)n, at, e))
			return -1;
	}
	return 0;
}

/* The kernel shares blocks where the file system can. */
static int copy_bytes(int from, int to, int64_t size, struct err *e)
{
	int64_t end = size < 0 ? INT64_MAX : size;
	off64_t in = 0, out = 0;
	ssize_t n = 1;

	while (in < end && n > 0) {
		n = copy_file_range(
			from, &in, to, &out,
			end - in < 1 << 30 ? (size_t)(end - in) : 1 << 30, 0);
		if (n < 0)
			return copy_by_hand(from, to, in, end, e);
	}
	return 0;
}

/* The key an artifact gets if it is free, and the prefix of a made-up one. */
static int wanted_key(struct fs *fs, struct file *f, struct buf *path,
		      struct buf *fallback, struct err *e)
{
	struct buf rest;
	struct str run = fs_run_id(fs, f->node);
	struct str experiment = fs_experiment_id(fs, f->node);

	buf_init(&rest, WANTED_MAX);
	nodes_path(&fs->nodes, f->node, STR_NONE, KIND_ARTIFACTS, &rest);
	buf_printf(path, "%.*s/%.*s/artifacts/", STR_ARG(experiment),
		   STR_ARG(run));
	buf_str(path, buf_view(&rest));
	buf_printf(fallback, "%.*s/%.*s/generations/", STR_ARG(experiment),
		   STR_ARG(run));
	buf_fini(&rest);
	if (!buf_ok(path) || !buf_ok(fallback))
		return err_set(e, ERR_TOO_LONG, "the path is too long");
	return 0;
}

static struct object_put *begin_put(struct fs *fs, struct file *f,
				    struct err *e)
{
	SCOPED(buf_fini) struct buf path, fallback;

	buf_init(&path, WANTED_MAX);
	buf_init(&fallback, WANTED_MAX);
	if (fs_bytes(fs, e) || wanted_key(fs, f, &path, &fallback, e))
		return NULL;
	return object_put_begin(fs->objects, buf_view(&path),
				buf_view(&fallback), e);
}

/* A put whose file holds the first size bytes; its own descriptor. */
static struct object_put *put_with(struct fs *fs, struct file *f, int64_t size,
				   int *ret_fd, struct err *e)
{
	struct object_put *put = begin_put(fs, f, e);
	int fd;

	if (!put)
		return NULL;
	fd = fcntl(object_put_fd(put), F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		err_sys(e, errno, "a temporary file");
	if (fd >= 0 && f->fd >= 0 && size != 0 &&
	    copy_bytes(f->fd, fd, size, e)) {
		close(fd);
		fd = -1;
	}
	if (fd < 0) {
		object_put_abort(put);
		return NULL;
	}
	*ret_fd = fd;
	return put;
}

/* Its name is gone while somebody has it open: bytes for that one alone. */
static int loose_fd(struct file *f, int64_t size, struct err *e)
{
	int fd = file_scratch_fd(e);

	if (fd >= 0 && size != 0 && copy_bytes(f->fd, fd, size, e)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* With the turn held: fd is only replaced by who has it. */
static int start_draft(struct fs *fs, struct file *f, int64_t size,
		       struct err *e)
{
	bool gone = atomic_load(&f->node->gone);
	struct object_put *put = NULL;
	int fd = -1, old;

	if (f->fd < 0 && !f->fresh && size != 0)
		return err_set(e, ERR_IO, "the bytes of the file are missing");
	if (gone)
		fd = loose_fd(f, size, e);
	else
		put = put_with(fs, f, size, &fd, e);
	if (fd < 0)
		return -1;
	pthread_rwlock_wrlock(&f->lock);
	old = f->fd;
	f->fd = fd;
	f->put = put;
	f->loose = gone;
	f->stored = false;
	pthread_rwlock_unlock(&f->lock);
	if (old >= 0)
		close(old);
	return 0;
}

static bool is_writable(const struct file *f)
{
	return f->put || f->scratch || f->loose;
}

/* With the turn held. A fresh or emptied file copies nothing and waits for
 * nobody. */
static int draft_turn(struct fs_call *c, struct file *f, int64_t size,
		      struct err *e)
{
	if (is_writable(f))
		return 0;
	if (size != 0 && !f->fresh && fs_may_wait(c, e))
		return -1;
	return start_draft(c->fs, f, size, e);
}

int file_draft(struct fs_call *c, struct file *f, int64_t size, struct err *e)
{
	int r;

	if (fs_lock(c, &f->turn, e))
		return -1;
	r = draft_turn(c, f, size, e);
	pthread_mutex_unlock(&f->turn);
	return r;
}

static int cut(struct file *f, int64_t size, struct err *e)
{
	int r;

	pthread_rwlock_wrlock(&f->lock);
	r = ftruncate(f->fd, size) ? err_sys(e, errno, "truncate") : 0;
	if (!r) {
		atomic_store(&f->mtime, clock_ms());
		atomic_store(&f->dirty, true);
	}
	pthread_rwlock_unlock(&f->lock);
	return r;
}

int file_truncate(struct fs_call *c, struct file *f, int64_t size,
		  struct err *e)
{
	int r;

	if (size > FS_SCRATCH_BYTES && f->scratch)
		return err_set(e, ERR_TOO_LARGE, "too large for scratch");
	if (fs_lock(c, &f->turn, e))
		return -1;
	r = draft_turn(c, f, size, e);
	if (!r)
		r = cut(f, size, e);
	pthread_mutex_unlock(&f->turn);
	return r;
}

int file_set(struct fs_call *c, struct file *f, const struct fs_changes *set,
	     struct err *e)
{
	bool ours;

	if (fs_lock(c, &f->turn, e))
		return -1;
	pthread_rwlock_wrlock(&f->lock);
	if (set->set_mode)
		f->mode = set->mode & 07777;
	if (set->set_mtime)
		atomic_store(&f->mtime, set->mtime);
	ours = f->scratch || f->fresh || atomic_load(&f->dirty);
	pthread_rwlock_unlock(&f->lock);
	pthread_mutex_unlock(&f->turn);
	return ours;
}

/* --- commit --------------------------------------------------------------- */

/* Whether the index surely did not take it. Where the answer was lost it may
 * have: then the bytes stay, for gc to look at. */
static bool surely_refused(const struct err *e)
{
	static const enum err_kind doubtful[] = {
		ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_INTERRUPTED,
		ERR_BUSY,    ERR_IO,          ERR_INTERNAL};

	for (size_t i = 0; i < sizeof(doubtful) / sizeof(doubtful[0]); i++)
		if (e->kind == doubtful[i])
			return false;
	return true;
}

void file_disown(struct fs *fs, struct file *f)
{
	struct err ignored;

	if (f->stored && f->refused)
		object_delete(fs->objects, str_from(f->key), &ignored);
	f->stored = f->refused = false;
}

static int digest_draft(struct fs *fs, struct file *f, struct err *e)
{
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct object_put *put = f->put;
	int fd;

	if (!put) {
		put = put_with(fs, f, -1, &fd, e);
		if (!put)
			return -1;
		close(fd);
	}
	pthread_rwlock_wrlock(&f->lock);
	f->put = NULL;
	pthread_rwlock_unlock(&f->lock);
	buf_reset(&f->sums);
	object_put_sums(put, &f->sums);
	if (object_put_finish(put, key, &digest, e)) {
		object_put_abort(put);
		return -1;
	}
	pthread_rwlock_wrlock(&f->lock);
	file_disown(fs, f);
	free(f->key);
	f->key = strdup(key);
	f->digest = digest;
	f->stored = true;
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static void describe(const struct file *f, struct cmd_artifact_put *x)
{
	x->key = command_str(&x->c, str_from(f->key));
	x->sha256 = command_str(&x->c, str_from(f->digest.sha256));
	x->crc32c = command_str(&x->c, str_from(f->digest.crc32c));
	x->sums = sums_as_hex(&x->c.arena, buf_view(&f->sums));
	x->size = (struct opt_i64){f->digest.size, true};
	x->mtime = (struct opt_i64){atomic_load(&f->mtime), true};
	x->mode = (struct opt_i64){f->mode & 07777, true};
	if (f->fresh && f->exclusive)
		x->exclusive = (struct opt_bool){true, true};
}

static int post_put(struct fs_call *c, struct file *f, struct err *e)
{
	struct cmd_artifact_put *x = command_new(COMMAND_ARTIFACT_PUT);
	struct artifact_place at;
	int r = artifact_path(c, &x->c, f->node, STR_NONE, &at, e);

	if (!r) {
		x->run_id = at.run;
		x->path = at.path;
		describe(f, x);
		r = fs_post(c, &x->c, e);
	}
	command_free(&x->c);
	return r;
}

/* The row it has now: the same inode after a remount. */
static void settle(struct fs_call *c, struct file *f)
{
	struct err e = {0};
	struct artifact x;
	struct buf path;

	buf_init(&path, OBJECT_KEY_MAX);
	nodes_path(&c->fs->nodes, f->node, STR_NONE, KIND_ARTIFACTS, &path);
	if (fs_begin(c, &e) == 0 &&
	    artifact_by_path(c->rd, fs_run_row(c->fs, f->node), buf_view(&path),
			     &c->arena, &x, &e) == 0)
		nodes_settle(&c->fs->nodes, f->node, x.row);
	fs_end(c);
	buf_fini(&path);
}

static void seal(struct file *f, bool on)
{
	pthread_rwlock_wrlock(&f->lock);
	f->sealing = on;
	pthread_rwlock_unlock(&f->lock);
}

/* What the page cache holds went through this mount: it is what was stored. */
static void committed(struct fs_call *c, struct file *f)
{
	pthread_rwlock_wrlock(&f->lock);
	f->stored = false;
	atomic_store(&f->fresh, false);
	atomic_store(&f->dirty, false);
	atomic_store(&f->written, false);
	atomic_store(&f->node->content, content_mark(f->digest.sha256));
	pthread_rwlock_unlock(&f->lock);
	settle(c, f);
}

/* Its path is made, and takes effect, while no name changes. What has lost its
 * name in the meantime is nobody's any more. */
static int tell_index(struct fs_call *c, struct file *f, struct err *e)
{
	int r = 0;

	if (paths_use(c, e))
		return -1;
	if (atomic_load(&f->node->gone)) {
		f->refused = true;
	} else {
		r = post_put(c, f, e);
		if (r)
			f->refused = surely_refused(e);
		else
			committed(c, f);
	}
	paths_used(c);
	return r;
}

static int commit_turn(struct fs_call *c, struct file *f, struct err *e)
{
	int r;

	if (!atomic_load(&f->dirty) || atomic_load(&f->node->gone))
		return 0;
	seal(f, true);
	r = f->stored && !f->put ? 0 : digest_draft(c->fs, f, e);
	if (!r)
		r = tell_index(c, f, e);
	seal(f, false);
	return r;
}

int file_commit(struct fs_call *c, struct file *f, struct err *e)
{
	int r;

	if (f->scratch || !atomic_load(&f->dirty) ||
	    atomic_load(&f->node->gone))
		return 0;
	if (fs_may_wait(c, e))
		return -1;
	pthread_mutex_lock(&f->turn);
	r = commit_turn(c, f, e);
	pthread_mutex_unlock(&f->turn);
	return r;
}
