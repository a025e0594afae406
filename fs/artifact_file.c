/* SPDX-License-Identifier: Apache-2.0 */
/* artifact_file.c - an artifact, or a scratch file, as an open file.
 *
 * A close by the process that wrote commits; a forked child that ends closes
 * what it inherited, and nothing happens then. What was made or emptied and
 * never written is committed when the handle ends, for a shell closes a first
 * time before it writes.
 */
#include <fcntl.h>

#include "fs/artifact.h"
#include "fs/families.h"
#include "fs/handle.h"

static struct file *file_to_open(struct fs_call *c, struct node *n,
				 struct err *e)
{
	struct file *f = file_of(c->fs, n), *g;
	struct artifact x;

	if (f && (f->scratch || f->fresh))
		return f;
	if (n->kind == KIND_SCRATCH || fs_begin(c, e) ||
	    artifact_of(c, n, &x, e)) {
		if (f)
			file_put(c->fs, f);
		if (n->kind == KIND_SCRATCH)
			err_set(e, ERR_NOT_FOUND, "it was removed");
		return NULL;
	}
	soon_opened(c, &x);
	g = file_get(c, n, &x, 0, e);
	if (f)
		file_put(c->fs, f);
	return g;
}

static int bytes_open(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct file *f;

	f = file_to_open(c, h->node, e);
	if (!f)
		return -1;
	h->file = f;
	return h->flags & O_TRUNC ? file_truncate(c, f, 0, e) : 0;
}

/* Others may have stored it anew, as who appends to a log does: a follower
 * goes on in the new bytes. */
static void follow(struct fs_call *c, struct fs_handle *h)
{
	struct file *f = h->file;
	int64_t now = bulletin_change(c->fs->bulletin);
	struct artifact x;
	struct err e;

	if (f->scratch || atomic_load(&f->dirty) ||
	    atomic_load(&h->node->gone) ||
	    atomic_exchange(&f->seen, now) == now)
		return;
	if (fs_begin(c, &e) == 0 && artifact_of(c, h->node, &x, &e) == 0)
		file_adopt(c->fs, f, &x);
	fs_end(c);
}

static int64_t bytes_read(struct fs_call *c, struct fs_handle *h, int64_t off,
			  char *out, size_t n, struct err *e)
{
	follow(c, h);
	return file_read(c, h->file, off, out, n, e);
}

static int bytes_write(struct fs_call *c, struct fs_handle *h, int64_t off,
		       struct str data, struct err *e)
{
	return file_write(c, h->file, off, data, e);
}

static int bytes_flush(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct file *f = h->file;

	if (!atomic_load(&f->written) ||
	    !same_process(atomic_load(&f->writer), c->pid))
		return 0;
	return file_commit(c, f, e);
}

static int bytes_sync(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	return file_commit(c, h->file, e);
}

static void mark_written(struct fs_call *c, struct file *f)
{
	atomic_store(&f->writer, c->pid);
	atomic_store(&f->written, true);
}

static int truncate_by_path(struct fs_call *c, struct node *n, int64_t size,
			    struct err *e)
{
	struct file *f;
	int r;

	if (fs_may_wait(c, e))
		return -1;
	f = file_to_open(c, n, e);
	if (!f)
		return -1;
	r = file_truncate(c, f, size, e);
	if (!r)
		r = file_commit(c, f, e);
	file_put(c->fs, f);
	return r;
}

static int bytes_truncate(struct fs_call *c, const struct subject *s,
			  struct fs_handle *h, int64_t size, struct err *e)
{
	if (!h)
		return truncate_by_path(c, s->node, size, e);
	if (file_truncate(c, h->file, size, e))
		return -1;
	mark_written(c, h->file);
	return 0;
}

const struct file_type artifact_file = {
	.open = bytes_open,
	.read = bytes_read,
	.write = bytes_write,
	.flush = bytes_flush,
	.fsync = bytes_sync,
	.release = bytes_sync,
	.truncate = bytes_truncate,
};

/* Read only: the same bytes, shown elsewhere (views.c). */
const struct file_type view_file = {.open = bytes_open, .read = bytes_read};

/* --- scratch -------------------------------------------------------------- */

int scratch_unlink(struct fs_call *c, struct node *dir, const struct found *x,
		   struct err *e)
{
	(void)dir;
	(void)e;
	scratch_remove(c->fs, x->node);
	return 0;
}

/* Whoever still knows it by name is told to look again. */
int scratch_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		 struct err *e)
{
	(void)c;
	(void)ret;
	return fs_no_entry(s->key, e);
}

int scratch_set(struct fs_call *c, const struct subject *s,
		const struct fs_changes *set, struct err *e)
{
	struct file *f = file_of(c->fs, s->node);
	int r;

	if (!f)
		return fs_no_entry(s->key, e);
	r = file_set(c, f, set, e);
	file_put(c->fs, f);
	return r < 0 ? -1 : 0;
}
