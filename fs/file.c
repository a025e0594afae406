/* SPDX-License-Identifier: Apache-2.0 */
/* file.c - open files: the table of them, reads, writes.
 */
#include "fs/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/bytes.h"
#include "fs/store.h"
#include "fs/tree.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/objects/sums.h"

void files_init(struct files *t)
{
	*t = (struct files){0};
	pthread_mutex_init(&t->mu, NULL);
}

static void file_free(struct file *f)
{
	object_draft_free(f->draft);
	bytes_drop(f->bytes);
	if (f->fd >= 0)
		close(f->fd);
	free(f->key);
	buf_fini(&f->sums);
	pthread_mutex_destroy(&f->turn);
	pthread_rwlock_destroy(&f->lock);
	free(f);
}

void files_fini(struct files *t)
{
	struct file *f;

	while ((f = t->list)) {
		t->list = f->next;
		file_free(f);
	}
	pthread_mutex_destroy(&t->mu);
}

static struct file *file_new(struct node *n, uint32_t mode)
{
	struct file *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	f->node = n;
	f->fd = -1;
	buf_init(&f->sums, SUMS_BYTES);
	f->mode = mode;
	atomic_init(&f->mtime, clock_ms());
	f->scratch = n->kind == KIND_SCRATCH;
	pthread_mutex_init(&f->turn, NULL);
	pthread_rwlock_init(&f->lock, NULL);
	return f;
}

/* Bytes that cannot be had make reads fail, not the open. Those that are no
 * file are opened by the first read. */
static int open_bytes(struct fs *fs, struct str key, struct err *e)
{
	if (!key.n)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!store_is_files(fs->store))
		return -1;
	return object_open(store_objects(fs->store, NULL, e), key, e);
}

void file_switch(struct file *f, int fd, struct bytes *b)
{
	if (f->fd >= 0)
		close(f->fd);
	bytes_drop(f->bytes);
	f->fd = fd;
	f->bytes = b;
}

static void adopt_locked(struct fs *fs, struct file *f,
			 const struct artifact *x)
{
	struct err e = {0};
	int fd;

	if (f->draft || f->stored || f->fresh || atomic_load(&f->dirty))
		return;
	f->mode = (uint32_t)x->mode;
	atomic_store(&f->mtime, x->mtime);
	if ((f->fd >= 0 || f->bytes) && f->key && str_is(x->key, f->key))
		return;
	fd = open_bytes(fs, x->key, &e);
	file_switch(f, fd, NULL);
	free(f->key);
	f->key = strndup(x->key.n ? x->key.p : "", x->key.n);
	f->digest.size = x->size;
	snprintf(f->digest.sha256, sizeof(f->digest.sha256), "%.*s",
		 STR_ARG(x->sha256));
}

/* Take over what the index says, unless this mount knows better or is about
 * to: who has the turn may be copying from fd. */
void file_adopt(struct fs *fs, struct file *f, const struct artifact *x)
{
	if (pthread_mutex_trylock(&f->turn))
		return;
	pthread_rwlock_wrlock(&f->lock);
	adopt_locked(fs, f, x);
	pthread_rwlock_unlock(&f->lock);
	pthread_mutex_unlock(&f->turn);
}

static struct file *get_locked(struct fs *fs, struct node *n, uint32_t mode)
{
	struct file *f = n->file;

	if (!f) {
		f = file_new(n, mode);
		if (!f)
			return NULL;
		nodes_hold(&fs->nodes, n);
		f->next = fs->files.list;
		fs->files.list = f;
		n->file = f;
	}
	f->opens++;
	return f;
}

struct file *file_get(struct fs_call *c, struct node *n,
		      const struct artifact *x, uint32_t mode, struct err *e)
{
	struct fs *fs = c->fs;
	struct file *f;

	pthread_mutex_lock(&fs->files.mu);
	f = get_locked(fs, n, mode);
	pthread_mutex_unlock(&fs->files.mu);
	if (!f) {
		err_set(e, ERR_NO_SPACE, "no memory for an open file");
		return NULL;
	}
	if (x)
		file_adopt(fs, f, x);
	else if (!f->scratch)
		atomic_store(&f->fresh, true);
	return f;
}

struct file *file_of(struct fs *fs, struct node *n)
{
	SCOPED_LOCK(&fs->files.mu);

	if (n->file)
		n->file->opens++;
	return n->file;
}

/* True when that was the last use: it is out of the table. */
static bool file_leave(struct fs *fs, struct file *f)
{
	SCOPED_LOCK(&fs->files.mu);
	struct file **p = &fs->files.list;

	if (--f->opens > 0)
		return false;
	while (*p != f)
		p = &(*p)->next;
	*p = f->next;
	f->node->file = NULL;
	return true;
}

void file_put(struct fs *fs, struct file *f)
{
	struct node *n = f->node;

	if (!file_leave(fs, f))
		return;
	file_disown(fs, f);
	file_free(f);
	nodes_drop(&fs->nodes, n);
}

struct node *files_local(struct fs *fs, const struct node *dir, struct str name)
{
	SCOPED_LOCK(&fs->files.mu);

	for (struct file *f = fs->files.list; f; f = f->next) {
		if ((f->fresh || f->scratch) &&
		    nodes_is_at(&fs->nodes, f->node, dir, name)) {
			nodes_hold(&fs->nodes, f->node);
			return f->node;
		}
	}
	return NULL;
}

static struct node *fresh_after(struct fs *fs, const struct node *dir,
				uint64_t after)
{
	SCOPED_LOCK(&fs->files.mu);
	struct node *best = NULL;

	for (struct file *f = fs->files.list; f; f = f->next) {
		if (f->fresh && f->node->id > after &&
		    (!best || f->node->id < best->id) &&
		    nodes_is_at(&fs->nodes, f->node, dir, STR_NONE))
			best = f->node;
	}
	if (best)
		nodes_hold(&fs->nodes, best);
	return best;
}

int files_each_fresh(struct fs *fs, const struct node *dir, uint64_t after,
		     int (*fn)(void *ctx, struct node *n, struct err *e),
		     void *ctx, struct err *e)
{
	struct node *n;
	int r = 0;

	while (r == 0 && (n = fresh_after(fs, dir, after))) {
		after = n->id;
		r = fn(ctx, n, e);
		nodes_drop(&fs->nodes, n);
	}
	return r;
}

uint64_t file_content(struct file *f)
{
	bool moving = atomic_load(&f->dirty) || atomic_load(&f->fresh);
	uint64_t mark = 0;

	pthread_rwlock_rdlock(&f->lock);
	if (!moving && !f->draft && !f->scratch)
		mark = content_mark(f->digest.sha256);
	pthread_rwlock_unlock(&f->lock);
	return mark;
}

bool file_attr(struct file *f, struct attr *ret)
{
	struct stat st = {0};
	bool ours;

	pthread_rwlock_rdlock(&f->lock);
	ours = f->scratch || f->fresh || f->draft || atomic_load(&f->dirty) ||
	       atomic_load(&f->node->gone);
	st.st_size = f->digest.size;
	if (ours && (f->fd < 0 ? f->key != NULL : fstat(f->fd, &st) == 0))
		*ret = (struct attr){
			.ino = f->node->id,
			.mode = S_IFREG | (f->mode & 07777),
			.size = st.st_size,
			.mtime = atomic_load(&f->mtime),
		};
	else
		ours = false;
	pthread_rwlock_unlock(&f->lock);
	return ours;
}

static int lock_shared(struct fs_call *c, struct file *f, struct err *e)
{
	if (pthread_rwlock_tryrdlock(&f->lock) == 0)
		return 0;
	if (fs_may_wait(c, e))
		return -1;
	pthread_rwlock_rdlock(&f->lock);
	return 0;
}

/* Sums of the blocks of a large one, as the index has them. near: only where
 * it needs no store. */
static struct bytes *open_named(struct fs_call *c, struct cached_name *name,
				bool near, struct err *e)
{
	SCOPED(buf_fini) struct buf sums;
	int r = 0;

	buf_init(&sums, SUMS_BYTES);
	if (name->size >= SUMS_FROM) {
		r = fs_begin(c, e);
		if (!r)
			r = object_sums(c->rd, name->key, &sums, e);
		fs_end(c);
	}
	name->sums = buf_view(&sums);
	if (r < 0)
		return NULL;
	return near ? bytes_near(c->fs, name) : bytes_open(c, name, e);
}

/* They are opened as they are now; if they are others by then, those count. */
static int open_cached(struct fs_call *c, struct file *f, bool near,
		       struct err *e)
{
	SCOPED_FREE char *key = NULL;
	struct cached_name name = {.kind = CACHE_SHA256};
	struct object_digest digest;
	struct bytes *b;

	pthread_rwlock_rdlock(&f->lock);
	key = strdup(f->key ? f->key : "");
	digest = f->digest;
	pthread_rwlock_unlock(&f->lock);
	if (!key)
		abort();
	name.key = str_from(key);
	name.size = digest.size;
	name.digest = str_from(digest.sha256);
	b = open_named(c, &name, near, e);
	if (!b) {
		bytes_error(e);
		return -1;
	}
	pthread_rwlock_wrlock(&f->lock);
	if (f->fd < 0 && !f->bytes && strcmp(f->key, key) == 0)
		f->bytes = bytes_hold(b);
	pthread_rwlock_unlock(&f->lock);
	bytes_drop(b);
	return 0;
}

/* They are not opened, or could not be had before: perhaps they are back. */
static int heal(struct fs_call *c, struct file *f, struct err *e)
{
	int fd;

	if (f->key && *f->key && !store_is_files(c->fs->store))
		return open_cached(c, f, false, e);
	fd = open_bytes(c->fs, str_from(f->key), e);
	if (fd < 0)
		return err_set(e, ERR_IO, "the bytes of '%s' are missing",
			       f->key ? f->key : "");
	pthread_rwlock_wrlock(&f->lock);
	if (f->fd < 0)
		f->fd = fd;
	else
		close(fd);
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

int64_t file_read(struct fs_call *c, struct file *f, int64_t off, char *out,
		  size_t n, struct err *e)
{
	struct bytes *held = NULL;
	int64_t got = -1;
	bool was_read;

	do {
		if (lock_shared(c, f, e))
			return -1;
		was_read = f->fd >= 0;
		if (was_read)
			got = io_pread_all(f->fd, out, n, off, e);
		else
			held = bytes_hold(f->bytes);
		pthread_rwlock_unlock(&f->lock);
	} while (!was_read && !held && heal(c, f, e) == 0);
	if (held)
		got = bytes_read(c, held, off, out, n, e);
	bytes_drop(held);
	return got;
}

void file_near(struct fs_call *c, struct file *f, int64_t least)
{
	struct err ignored = {0};
	bool missing;

	if (store_is_files(c->fs->store))
		return;
	pthread_rwlock_rdlock(&f->lock);
	missing = f->fd < 0 && !f->bytes && f->key && *f->key &&
		  f->digest.size >= least;
	pthread_rwlock_unlock(&f->lock);
	if (missing)
		open_cached(c, f, true, &ignored);
}

int file_settled_fd(const struct file *f)
{
	if (f->draft || f->scratch || f->loose || atomic_load(&f->dirty) ||
	    atomic_load(&f->fresh))
		return -1;
	return f->fd >= 0 ? f->fd : bytes_fd(f->bytes);
}

static int write_bytes(struct file *f, int64_t off, struct str data,
		       struct err *e)
{
	if (f->draft && object_draft_room(f->draft, off + (int64_t)data.n, e))
		return -1;
	if (io_pwrite_all(f->fd, data.p, data.n, off, e))
		return -1;
	if (f->draft)
		object_draft_wrote(f->draft, off, data.n);
	return 0;
}

static bool is_cramped(const struct file *f, int64_t end)
{
	return f->draft && object_draft_cramped(f->draft, end);
}

/* It grows beyond what is kept in memory. */
static int spread(struct file *f, int64_t end, struct err *e)
{
	int r = 0;

	pthread_rwlock_wrlock(&f->lock);
	if (is_cramped(f, end)) {
		r = object_draft_spread(f->draft, e);
		if (!r && dup3(object_draft_fd(f->draft), f->fd, O_CLOEXEC) < 0)
			r = err_sys(e, errno, "a temporary file");
	}
	pthread_rwlock_unlock(&f->lock);
	return r;
}

/* 1 when written, 0 when there is no draft to write to, CRAMPED when there is
 * room for it now. */
enum { CRAMPED = 2 };

static int try_write(struct fs_call *c, struct file *f, int64_t off,
		     struct str data, struct err *e)
{
	int64_t end = off + (int64_t)data.n;
	int r = 0;

	if (lock_shared(c, f, e))
		return -1;
	if (!f->sealing && is_cramped(f, end)) {
		pthread_rwlock_unlock(&f->lock);
		return spread(f, end, e) ? -1 : CRAMPED;
	}
	if ((f->draft && !f->sealing) || f->scratch || f->loose) {
		r = write_bytes(f, off, data, e) ? -1 : 1;
		atomic_store(&f->mtime, clock_ms());
		atomic_store(&f->writer, c->pid);
		atomic_store(&f->dirty, true);
		atomic_store(&f->written, true);
	}
	pthread_rwlock_unlock(&f->lock);
	return r;
}

int file_write(struct fs_call *c, struct file *f, int64_t off, struct str data,
	       struct err *e)
{
	int r;

	if (f->scratch && off + (int64_t)data.n > FS_SCRATCH_BYTES)
		return err_set(e, ERR_TOO_LARGE,
			       "a temporary file here holds at most %d bytes",
			       FS_SCRATCH_BYTES);
	while ((r = try_write(c, f, off, data, e)) != 1) {
		if (r < 0 || (r == 0 && file_draft(c, f, -1, e)))
			return -1;
	}
	return 0;
}
