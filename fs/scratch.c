/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.c - temporary files of editors.
 */
#include "fs/scratch.h"

#include <fnmatch.h>
#include <limits.h>

#include "fs/kind.h"
#include "indexer/base/scope.h"

/* vim, emacs, sed -i, rsync, and what writes a file whole in general. */
static const char *const patterns[] = {
	".*",        "*~",    "*.swp",   "4913",   "#*#",
	"sed??????", "*.tmp", "*.tmp.*", "*.lock",
};

bool scratch_name(struct str name)
{
	char text[NAME_MAX + 1];

	if (name.n == 0 || name.n > NAME_MAX)
		return false;
	memcpy(text, name.p, name.n);
	text[name.n] = '\0';
	for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++) {
		if (fnmatch(patterns[i], text, 0) == 0)
			return true;
	}
	return false;
}

static int give_fd(struct file *f, struct err *e)
{
	int fd = file_scratch_fd(e);

	if (fd < 0)
		return -1;
	pthread_rwlock_wrlock(&f->lock);
	f->fd = fd;
	pthread_rwlock_unlock(&f->lock);
	return 0;
}

int scratch_create(struct fs_call *c, struct node *dir, struct str name,
		   uint32_t mode, struct found *ret, struct err *e)
{
	struct fs *fs = c->fs;
	struct node *n;
	struct file *f;

	if (atomic_load(&fs->scratches.count) >= FS_SCRATCH_FILES)
		return err_set(e, ERR_NO_SPACE,
			       "%d temporary files in this mount",
			       FS_SCRATCH_FILES);
	n = nodes_make_up(&fs->nodes, dir, KIND_SCRATCH, name);
	f = n ? file_get(c, n, NULL, mode, e) : NULL;
	if (!f || give_fd(f, e)) {
		if (f)
			file_put(fs, f);
		nodes_drop(&fs->nodes, n);
		return err_set(e, ERR_NO_SPACE, "no room for a temporary file");
	}
	atomic_fetch_add(&fs->scratches.count, 1);
	*ret = (struct found){.kind = KIND_SCRATCH, .name = name, .node = n};
	ret->has_attr = file_attr(f, &ret->attr);
	return 0;
}

void scratch_remove(struct fs *fs, struct node *n)
{
	struct file *f = file_of(fs, n);

	if (!f)
		return;
	if (!atomic_exchange(&n->gone, true)) {
		atomic_fetch_sub(&fs->scratches.count, 1);
		nodes_move(&fs->nodes, n, NULL, str_from(n->name));
		file_put(fs, f);
	}
	file_put(fs, f);
}

int scratch_read(struct fs_call *c, struct node *n, size_t limit,
		 struct buf *ret, struct err *e)
{
	struct file *f = file_of(c->fs, n);
	struct attr attr = {0};
	int64_t got = -1;
	char *room;

	if (!f)
		return err_set(e, ERR_NOT_FOUND, "no such temporary file");
	file_attr(f, &attr);
	room = (size_t)attr.size <= limit ? buf_room(ret, (size_t)attr.size + 1)
					  : NULL;
	if (room)
		got = file_read(c, f, 0, room, (size_t)attr.size, e);
	else
		err_set(e, ERR_TOO_LARGE, "a value of %lld bytes; at most %zu",
			(long long)attr.size, limit);
	if (got > 0)
		buf_added(ret, (size_t)got);
	file_put(c->fs, f);
	return got < 0 ? -1 : 0;
}

/* The oldest one that is due, held; or NULL. */
static struct node *due(struct fs *fs, int64_t before)
{
	SCOPED_LOCK(&fs->files.mu);

	for (struct file *f = fs->files.list; f; f = f->next) {
		if (f->scratch && f->opens == 1 &&
		    !atomic_load(&f->node->gone) &&
		    atomic_load(&f->mtime) < before) {
			nodes_hold(&fs->nodes, f->node);
			return f->node;
		}
	}
	return NULL;
}

void scratch_expire(struct fs *fs, int64_t now)
{
	struct node *n;

	while ((n = due(fs, now - FS_SCRATCH_AGE_MS))) {
		scratch_remove(fs, n);
		nodes_drop(&fs->nodes, n);
	}
}
