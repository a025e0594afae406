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
#include <sys/stat.h>
#include <unistd.h>

#include "fs/artifact.h"
#include "fs/bytes.h"
#include "fs/store.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/sums.h"

enum { WANTED_MAX = OBJECT_KEY_MAX };

int file_scratch_fd(struct err *e)
{
	int fd = open(P_tmpdir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	if (fd < 0)
		fd = memfd_create("orrery-scratch", MFD_CLOEXEC);
	return fd < 0 ? err_sys(e, errno, "a temporary file") : fd;
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

static int copy_into(struct fs_call *c, struct file *f, int64_t size, int fd,
		     struct err *e)
{
	if (size == 0 || (f->fd < 0 && !f->bytes))
		return 0;
	if (f->fd >= 0)
		return io_copy(f->fd, fd, size, e);
	return bytes_copy(c, f->bytes, fd, size, e);
}

/* With the first size bytes of the file. */
static int fill_draft(struct fs_call *c, struct file *f, int64_t size,
		      struct object_draft *d, struct err *e)
{
	struct stat st = {.st_size = f->bytes ? f->digest.size : 0};
	int64_t whole;

	if (f->fd >= 0 && fstat(f->fd, &st))
		return err_sys(e, errno, "a temporary file");
	whole = st.st_size;
	if (size < 0 || size > whole)
		size = whole;
	if ((object_draft_cramped(d, size) && object_draft_spread(d, e)) ||
	    object_draft_room(d, size, e) ||
	    copy_into(c, f, size, object_draft_fd(d), e))
		return -1;
	object_draft_wrote(d, 0, (size_t)size);
	return 0;
}

static struct object_draft *new_draft(struct fs_call *c, struct file *f,
				      int64_t size, int *ret_fd, struct err *e)
{
	SCOPED(buf_fini) struct buf path, fallback;
	struct object_draft *d;

	buf_init(&path, WANTED_MAX);
	buf_init(&fallback, WANTED_MAX);
	if (wanted_key(c->fs, f, &path, &fallback, e))
		return NULL;
	d = object_draft_begin(store_drafts(c->fs->store), buf_view(&path),
			       buf_view(&fallback), e);
	if (!d)
		return NULL;
	if (fill_draft(c, f, size, d, e) == 0) {
		*ret_fd = fcntl(object_draft_fd(d), F_DUPFD_CLOEXEC, 3);
		if (*ret_fd >= 0)
			return d;
		err_sys(e, errno, "a temporary file");
	}
	object_draft_free(d);
	return NULL;
}

/* Its name is gone while somebody has it open: bytes for that one alone. */
static int loose_fd(struct fs_call *c, struct file *f, int64_t size,
		    struct err *e)
{
	int fd = file_scratch_fd(e);

	if (fd >= 0 && copy_into(c, f, size, fd, e)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* The bytes that are to be copied are opened by a read of none of them. */
static int have_bytes(struct fs_call *c, struct file *f, struct err *e)
{
	char none;

	if (f->fd >= 0 || f->bytes)
		return 0;
	return file_read(c, f, 0, &none, 0, e) < 0 ? -1 : 0;
}

/* With the turn held: fd is only replaced by who has it. */
static int start_draft(struct fs_call *c, struct file *f, int64_t size,
		       struct err *e)
{
	bool gone = atomic_load(&f->node->gone);
	struct object_draft *d = NULL;
	int fd = -1;

	if (!f->fresh && size != 0 && have_bytes(c, f, e))
		return -1;
	if (gone)
		fd = loose_fd(c, f, size, e);
	else
		d = new_draft(c, f, size, &fd, e);
	if (fd < 0)
		return -1;
	pthread_rwlock_wrlock(&f->lock);
	file_switch(f, fd, NULL);
	f->draft = d;
	f->loose = gone;
	f->stored = false;
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

static bool is_writable(const struct file *f)
{
	return f->draft || f->scratch || f->loose;
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
	return start_draft(c, f, size, e);
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
	if (!r && f->draft)
		object_draft_cut(f->draft, size);
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

	struct objects *o = NULL;

	if (f->stored && f->refused)
		o = store_objects(fs->store, NULL, &ignored);
	if (o)
		object_delete(o, str_from(f->key), &ignored);
	f->stored = f->refused = false;
}

/* Without one nothing was written since it was stored: it is stored anew, for
 * the index has taken something else meanwhile, or nothing. */
static int need_draft(struct fs_call *c, struct file *f, struct err *e)
{
	return f->draft ? 0 : start_draft(c, f, -1, e);
}

/* The index is told of them next; they become the file's. */
struct stored {
	char key[OBJECT_KEY_MAX];
	struct object_digest digest;
	struct buf sums;
};

static void keep_stored(struct fs *fs, struct file *f, struct stored *x)
{
	struct object_draft *done = f->draft;
	struct buf old = f->sums;

	pthread_rwlock_wrlock(&f->lock);
	file_disown(fs, f);
	free(f->key);
	f->key = strdup(x->key);
	f->digest = x->digest;
	f->sums = x->sums;
	f->draft = NULL;
	f->stored = true;
	f->stored_at = clock_mono_ms();
	pthread_rwlock_unlock(&f->lock);
	x->sums = old;
	object_draft_free(done);
}

static bool passes(const struct err *e)
{
	return e->kind == ERR_UNAVAILABLE || e->kind == ERR_BUSY;
}

/* A daemon that does not answer now is tried again as long as a write may wait;
 * a bucket has been tried long enough by who asks it. */
static int finish_patiently(struct fs_call *c, struct file *f,
			    const struct draft_wait *w, struct stored *x,
			    struct err *e)
{
	int64_t until = clock_mono_ms() + w->patience_ms;
	struct draft_wait left = *w;

	while (object_draft_finish(f->draft, &left, x->key, &x->digest,
				   &x->sums, e)) {
		left.patience_ms = until - clock_mono_ms();
		if (!store_is_daemon(c->fs->store) || !passes(e) ||
		    left.patience_ms <= FS_STORE_RETRY_MS ||
		    fs_nap(c, FS_STORE_RETRY_MS, e))
			return -1;
	}
	return 0;
}

/* What fails leaves the draft as it is: the next commit tries again. */
static int finish_draft(struct fs_call *c, struct file *f, struct stored *x,
			struct err *e)
{
	int64_t ms = c->fs->wait_ms;
	struct draft_wait w = {c->cancelled,
			       ms > FS_STORE_MS ? ms : FS_STORE_MS};

	if (finish_patiently(c, f, &w, x, e) == 0) {
		store_note(c->fs->store, NULL);
		return 0;
	}
	store_note(c->fs->store, e);
	bytes_error(e);
	return -1;
}

/* The cache has it from now on: nobody here needs to fetch it. */
static void adopt_stored(struct fs *fs, const struct file *f, bool memory)
{
	struct cache *cache = store_cache(fs->store);
	struct err ignored;

	if (cache && memory)
		cache_adopt_soon(cache, f->fd, CACHE_SHA256,
				 str_from(f->digest.sha256));
	else if (cache)
		cache_adopt(cache, f->fd, CACHE_SHA256,
			    str_from(f->digest.sha256), &ignored);
}

static int store_draft(struct fs_call *c, struct file *f, struct err *e)
{
	struct stored *x;
	bool memory;
	int r = need_draft(c, f, e);

	if (r)
		return -1;
	x = calloc(1, sizeof(*x));
	if (!x)
		return err_set(e, ERR_NO_SPACE, "no memory to store a file");
	buf_init(&x->sums, SUMS_BYTES);
	r = finish_draft(c, f, x, e);
	if (!r) {
		memory = object_draft_cramped(f->draft, INT64_MAX);
		keep_stored(c->fs, f, x);
		adopt_stored(c->fs, f, memory);
	}
	buf_fini(&x->sums);
	free(x);
	return r;
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

/* So lately that the daemon's gc does not take it for what a crash left. */
static bool is_stored(const struct file *f)
{
	return f->stored && !f->draft &&
	       clock_mono_ms() - f->stored_at < FS_STORED_MS;
}

static int commit_turn(struct fs_call *c, struct file *f, struct err *e)
{
	int r;

	if (!atomic_load(&f->dirty) || atomic_load(&f->node->gone))
		return 0;
	seal(f, true);
	r = is_stored(f) ? 0 : store_draft(c, f, e);
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
	if (fs_may_wait(c, e) || fs_lock(c, &f->turn, e))
		return -1;
	r = commit_turn(c, f, e);
	pthread_mutex_unlock(&f->turn);
	return r;
}
