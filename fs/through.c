/* SPDX-License-Identifier: Apache-2.0 */
/* through.c - which handle reads through, and which node has to give way.
 */
#include "fs/through.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "fs/handle.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"

struct through {
	int number; /* of the kernel */
	dev_t dev;  /* of the stored file: */
	ino_t ino;
	unsigned uses; /* handles; guarded by: throughs.mu */
	struct attr attr;
};

void throughs_init(struct throughs *t)
{
	*t = (struct throughs){0};
	pthread_mutex_init(&t->mu, NULL);
}

void throughs_fini(struct throughs *t)
{
	pthread_mutex_destroy(&t->mu);
}

void throughs_offer(struct throughs *t, const struct through_sink *sink)
{
	SCOPED_LOCK(&t->mu);
	t->sink = *sink;
}

int64_t throughs_handles(struct throughs *t)
{
	SCOPED_LOCK(&t->mu);
	return t->handles;
}

int through_number(const struct fs_handle *h)
{
	return h->through ? h->through->number : 0;
}

static bool has_bytes(const struct fs_handle *h)
{
	return kinds[h->node->kind].flags & KIND_BYTES;
}

/* O_DIRECT: the file system below may not have it. O_CREAT: libfuse makes
 * that answer. */
static bool only_reads(const struct fs_handle *h)
{
	return !fs_handle_writes(h) &&
	       !(h->flags & (O_CREAT | O_TRUNC | O_DIRECT));
}

static int stale(struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "another file has taken its place");
}

static int64_t *retired_slot(struct fs *fs, const struct node *n)
{
	return &fs->throughs.retired[n->ident % THROUGH_RETIRED];
}

/* With mu held. */
static int retire(struct fs *fs, struct node *n, struct err *e)
{
	*retired_slot(fs, n) = clock_mono_ms();
	nodes_retire(&fs->nodes, n);
	return stale(e);
}

static int count_plain(struct fs *fs, struct fs_handle *h, struct err *e)
{
	struct node *n = h->node;

	if (n->through)
		return retire(fs, n, e);
	n->plain++;
	h->plain = true;
	return 0;
}

int through_begin(struct fs *fs, struct fs_handle *h, struct err *e)
{
	SCOPED_LOCK(&fs->throughs.mu);

	if (!has_bytes(h))
		return 0;
	if (atomic_load(&h->node->retired))
		return stale(e);
	return only_reads(h) ? 0 : count_plain(fs, h, e);
}

int through_break(struct fs *fs, struct node *n, struct err *e)
{
	SCOPED_LOCK(&fs->throughs.mu);

	if (atomic_load(&n->retired))
		return stale(e);
	return n->through ? retire(fs, n, e) : 0;
}

/* --- what may be read through --------------------------------------------- */

static bool run_has_ended(struct fs_call *c, struct node *n)
{
	int64_t row = fs_run_row(c->fs, n);
	struct err e = {0};
	struct run run;

	return row > 0 && fs_begin(c, &e) == 0 &&
	       run_by_row(c->rd, row, &c->arena, &run, &e) == 0 &&
	       run.status >= RUN_FINISHED;
}

/* One that has just taken the place of another is left to who asked for it:
 * the kernel looks a path up again only once. */
static bool is_left_alone(struct fs *fs, const struct node *n)
{
	int64_t gave_way = *retired_slot(fs, n);

	return !gave_way || clock_mono_ms() - gave_way > FS_RENEWED_MS;
}

static bool has_settled(struct fs_call *c, struct node *n)
{
	return n->kind == KIND_VIEW_FILE ||
	       (n->kind == KIND_ARTIFACT && run_has_ended(c, n));
}

/* -1 where it is too small, or still changes. With the file's lock. */
static int stored_fd(const struct file *f, struct stat *st)
{
	int fd = file_settled_fd(f);

	if (fd < 0 || fstat(fd, st) || !S_ISREG(st->st_mode) ||
	    st->st_size < FS_THROUGH_MIN)
		return -1;
	return fd;
}

static struct through *hand_over(struct throughs *t, struct file *f)
{
	struct through *x = calloc(1, sizeof(*x));
	struct stat st;
	int fd = x ? stored_fd(f, &st) : -1;

	if (fd >= 0)
		x->number = t->sink.open(t->sink.ctx, fd);
	if (fd < 0 || x->number <= 0) {
		/* It may not: no other will do. */
		if (fd >= 0 && x->number == -EPERM)
			t->sink.open = NULL;
		free(x);
		return NULL;
	}
	x->dev = st.st_dev;
	x->ino = st.st_ino;
	x->attr = (struct attr){.ino = f->node->id,
				.mode = S_IFREG | (f->mode & 07777),
				.size = st.st_size,
				.mtime = atomic_load(&f->mtime)};
	t->count++;
	return x;
}

static bool is_same(const struct through *x, struct file *f)
{
	struct stat st;
	bool same;

	pthread_rwlock_rdlock(&f->lock);
	same = stored_fd(f, &st) >= 0 && st.st_dev == x->dev &&
	       st.st_ino == x->ino;
	pthread_rwlock_unlock(&f->lock);
	return same;
}

/* With mu held: the first handle decides for those that follow. */
static void try_through(struct throughs *t, struct fs_handle *h)
{
	struct node *n = h->node;
	struct file *f = h->file;

	if (!t->sink.open || t->count >= FS_THROUGHS)
		return;
	pthread_rwlock_rdlock(&f->lock);
	n->through = hand_over(t, f);
	pthread_rwlock_unlock(&f->lock);
}

static int choose(struct fs *fs, struct fs_handle *h, bool settled,
		  struct err *e)
{
	SCOPED_LOCK(&fs->throughs.mu);
	struct node *n = h->node;

	if (atomic_load(&n->retired))
		return stale(e);
	if (n->through && !is_same(n->through, h->file))
		return retire(fs, n, e);
	if (!n->through && settled && !n->plain && is_left_alone(fs, n))
		try_through(&fs->throughs, h);
	if (!n->through)
		return count_plain(fs, h, e);
	n->through->uses++;
	h->through = n->through;
	fs->throughs.handles++;
	return 0;
}

/* Asked before the index is: where the kernel takes none, nothing is. */
static bool is_offered(struct throughs *t)
{
	SCOPED_LOCK(&t->mu);
	return t->sink.open != NULL;
}

int through_choose(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	bool settled;

	if (!h->file || h->plain)
		return 0;
	settled = is_offered(&c->fs->throughs) && has_settled(c, h->node);
	if (settled)
		file_near(c, h->file, FS_THROUGH_MIN);
	return choose(c->fs, h, settled, e);
}

/* The kernel let go of the file before it said so. */
void through_leave(struct fs *fs, struct fs_handle *h)
{
	struct throughs *t = &fs->throughs;
	SCOPED_LOCK(&t->mu);
	struct through *x = h->through;

	h->node->plain -= h->plain;
	if (!x || --x->uses > 0)
		return;
	h->node->through = NULL;
	t->sink.close(t->sink.ctx, x->number);
	t->count--;
	free(x);
}

bool through_attr(struct fs *fs, struct node *n, struct attr *ret)
{
	SCOPED_LOCK(&fs->throughs.mu);

	if (!atomic_load(&n->retired) || !n->through)
		return false;
	*ret = n->through->attr;
	return true;
}
