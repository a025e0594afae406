/* SPDX-License-Identifier: Apache-2.0 */
/* handle.c - open files: the ordinary behaviour, and the way to what differs.
 *
 * Most files are a text rendered at open. A handle keeps it, so that what one
 * handle reads is one state; when it has read to the end and the index has
 * changed since, it is rendered again, so that a follower sees what was
 * added.
 */
#include "fs/handle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fs/list.h"
#include "indexer/base/io.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"

static void link_handle(struct fs *fs, struct fs_handle *h)
{
	SCOPED_LOCK(&fs->handles.mu);

	h->next_open = fs->handles.list;
	h->at = &fs->handles.list;
	if (h->next_open)
		h->next_open->at = &h->next_open;
	fs->handles.list = h;
}

static void unlink_handle(struct fs *fs, struct fs_handle *h)
{
	SCOPED_LOCK(&fs->handles.mu);

	*h->at = h->next_open;
	if (h->next_open)
		h->next_open->at = h->at;
}

struct fs_handle *fs_handle_new(struct fs_call *c, struct node *n, int flags,
				struct err *e)
{
	struct fs_handle *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set(e, ERR_NO_SPACE, "no memory for an open file");
		return NULL;
	}
	nodes_hold(&c->fs->nodes, n);
	h->node = n;
	h->flags = flags;
	h->pid = c->pid;
	h->next = -1;
	pthread_mutex_init(&h->mu, NULL);
	buf_init(&h->text, FS_TEXT_MAX);
	buf_init(&h->wrote, FS_TEXT_MAX);
	link_handle(c->fs, h);
	return h;
}

void fs_handle_free(struct fs *fs, struct fs_handle *h)
{
	unlink_handle(fs, h);
	through_leave(fs, h);
	if (h->file)
		file_put(fs, h->file);
	listing_free(h->listing);
	buf_fini(&h->text);
	buf_fini(&h->wrote);
	pthread_mutex_destroy(&h->mu);
	nodes_drop(&fs->nodes, h->node);
	free(h);
}

bool fs_handle_writes(const struct fs_handle *h)
{
	return (h->flags & O_ACCMODE) != O_RDONLY;
}

/* open(O_CREAT | O_RDONLY), as flock(1) does, makes a file, too. */
static bool stores(const struct fs_handle *h)
{
	return fs_handle_writes(h) || h->created;
}

static bool fs_handle_reads(const struct fs_handle *h)
{
	return (h->flags & O_ACCMODE) != O_WRONLY;
}

/* The Tgid line of /proc; the thread itself where it cannot be read. */
static pid_t process_of(pid_t thread)
{
	SCOPED(buf_fini) struct buf text;
	struct str rest, line;
	struct err e = {0};
	char path[64];
	int64_t id;

	buf_init(&text, 16384);
	snprintf(path, sizeof(path), "/proc/%d/status", (int)thread);
	if (io_read_file(path, 16384, &text, &e))
		return thread;
	rest = buf_view(&text);
	while (rest.n > 0) {
		line = str_cut(&rest, '\n');
		if (str_starts(line, STR("Tgid:")) &&
		    num_parse_i64(str_trim(str_n(line.p + 5, line.n - 5)), &id))
			return (pid_t)id;
	}
	return thread;
}

bool same_process(pid_t a, pid_t b)
{
	return a == b || process_of(a) == process_of(b);
}

struct str fs_unfinished(struct str text)
{
	size_t n = 0;

	while (n < text.n && text.p[text.n - 1 - n] != '\n')
		n++;
	return str_n(text.p + text.n - n, n);
}

/* --- text ----------------------------------------------------------------- */

/* Render what reads see; within a snapshot. */
static int fs_handle_render(struct fs_call *c, struct fs_handle *h,
			    struct err *e)
{
	struct subject s = subject_of(h->node);

	if (fs_seen(c, &s, e))
		return -1;
	if (!(kinds[s.kind].flags & KIND_NO_INDEX) && fs_begin(c, e))
		return -1;
	buf_reset(&h->text);
	if (kinds[s.kind].render(c, &s, &h->text, e))
		return -1;
	if (!buf_ok(&h->text))
		return err_set(e, ERR_TOO_LARGE, "the text is too large");
	h->text_change =
		c->rd ? reader_change(c->rd) : bulletin_change(c->fs->bulletin);
	return 0;
}

int64_t fs_handle_text(const struct fs_handle *h, int64_t off, char *out,
		       size_t n)
{
	if (off >= (int64_t)h->text.n)
		return 0;
	if (n > h->text.n - (size_t)off)
		n = h->text.n - (size_t)off;
	memcpy(out, h->text.p + off, n);
	return (int64_t)n;
}

/* Behind its end: what only grew goes on there; what is another text by now
 * ends as what it was, or its reader got the end of one behind the other. */
static int read_on(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct buf before = h->text;
	int r;

	buf_init(&h->text, FS_TEXT_MAX);
	r = fs_handle_render(c, h, e);
	if (r || !str_starts(buf_view(&h->text), buf_view(&before))) {
		buf_fini(&h->text);
		h->text = before;
	} else {
		buf_fini(&before);
	}
	return r;
}

static int64_t read_text(struct fs_call *c, struct fs_handle *h, int64_t off,
			 char *out, size_t n, struct err *e)
{
	if (off > 0 && off >= (int64_t)h->text.n &&
	    bulletin_change(c->fs->bulletin) != h->text_change &&
	    read_on(c, h, e))
		return -1;
	return fs_handle_text(h, off, out, n);
}

/* --- open ----------------------------------------------------------------- */

/* default_permissions does not stop root: this does. */
static int check_access(struct fs_call *c, struct node *n, int flags,
			struct err *e)
{
	const struct kind *k = &kinds[n->kind];

	if ((flags & O_ACCMODE) == O_RDONLY && !(flags & O_TRUNC))
		return 0;
	if (!k->file || !k->file->write)
		return err_set(e, ERR_READ_ONLY, "this can only be read");
	return fs_check_alive(c, n, e);
}

static int open_handle(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	const struct kind *k = &kinds[h->node->kind];

	if (through_begin(c->fs, h, e))
		return -1;
	if (k->file && k->file->open && k->file->open(c, h, e))
		return -1;
	if (through_choose(c, h, e))
		return -1;
	if (k->render && fs_handle_reads(h) && !h->text_change)
		return fs_handle_render(c, h, e);
	return 0;
}

int fs_open_file(struct fs_call *c, uint64_t id, int flags,
		 struct fs_handle **ret, struct err *e)
{
	struct node *n = nodes_find(&c->fs->nodes, id);
	struct fs_handle *h;
	int r;

	atomic_fetch_add(&c->fs->stats.requests, 1);
	if (!n)
		return err_set(e, ERR_NOT_FOUND, "no such file any more");
	if (kind_is_dir(n->kind))
		return err_set(e, ERR_IS_DIR, "it is a directory");
	if (check_access(c, n, flags, e)) {
		fs_end(c);
		return -1;
	}
	h = fs_handle_new(c, n, flags, e);
	if (!h)
		return -1;
	r = open_handle(c, h, e);
	fs_end(c);
	if (r)
		fs_handle_free(c->fs, h);
	else
		*ret = h;
	return r;
}

/* The page cache stays when the bytes are those it was filled with: while
 * they change they change through it. */
static bool cache_is_true(const struct fs_handle *h)
{
	uint64_t mark = h->file ? file_content(h->file) : 0;

	return !mark || atomic_exchange(&h->node->content, mark) == mark;
}

void fs_handle_how(const struct fs_handle *h, struct fs_opened *ret)
{
	unsigned flags = kinds[h->node->kind].flags;
	bool bytes = flags & KIND_BYTES;

	if (h->listing) {
		*ret = (struct fs_opened){
			.keep_cache = flags & KIND_CACHED,
			.cache_listing = flags & KIND_CACHED,
		};
		return;
	}
	*ret = (struct fs_opened){
		.direct = !bytes,
		.keep_cache = bytes && !h->through && cache_is_true(h),
		.no_flush = !fs_handle_writes(h),
	};
}

/* --- what is done with it ------------------------------------------------- */

static const struct file_type plain;

static const struct file_type *type_of(const struct fs_handle *h)
{
	const struct file_type *t = kinds[h->node->kind].file;

	return t ? t : &plain;
}

/* Artifacts have locks of their own, and many reads at a time. */
static bool locks_itself(const struct fs_handle *h)
{
	return h->file != NULL;
}

static int begin(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	atomic_fetch_add(&c->fs->stats.requests, 1);
	return locks_itself(h) ? 0 : fs_lock(c, &h->mu, e);
}

static void end(struct fs_call *c, struct fs_handle *h)
{
	fs_end(c);
	if (!locks_itself(h))
		pthread_mutex_unlock(&h->mu);
}

int64_t fs_read(struct fs_call *c, struct fs_handle *h, int64_t off, char *out,
		size_t n, struct err *e)
{
	const struct file_type *t = type_of(h);
	int64_t got;

	if (begin(c, h, e))
		return -1;
	got = t->read ? t->read(c, h, off, out, n, e)
		      : read_text(c, h, off, out, n, e);
	end(c, h);
	return got;
}

int fs_write(struct fs_call *c, struct fs_handle *h, int64_t off,
	     struct str data, int flags, struct err *e)
{
	const struct file_type *t = type_of(h);
	int r;

	if (!t->write)
		return err_set(e, ERR_READ_ONLY, "this can only be read");
	if (begin(c, h, e))
		return -1;
	h->flags = (h->flags & ~O_APPEND) | (flags & O_APPEND);
	r = t->write(c, h, off, data, e);
	if (!r)
		h->writer = c->pid;
	end(c, h);
	return r;
}

int fs_flush(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	const struct file_type *t = type_of(h);
	int r;

	if (!t->flush || !fs_handle_writes(h))
		return 0;
	if (begin(c, h, e))
		return -1;
	r = t->flush(c, h, e);
	end(c, h);
	return r;
}

int fs_fsync(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	const struct file_type *t = type_of(h);
	int r;

	if (!t->fsync || !stores(h))
		return 0;
	if (begin(c, h, e))
		return -1;
	r = t->fsync(c, h, e);
	end(c, h);
	return r;
}

/* Nobody waits for the answer to a release. */
static void note_problem(struct fs_call *c, struct fs_handle *h,
			 const struct err *e)
{
	SCOPED(buf_fini) struct buf path;

	buf_init(&path, 65536);
	if (!nodes_path(&c->fs->nodes, h->node, STR_NONE, KIND_ROOT, &path)) {
		buf_reset(&path);
		buf_puts(&path, h->node->name);
	}
	problems_add(&c->fs->problems, buf_view(&path), e->msg);
}

void fs_release(struct fs_call *c, struct fs_handle *h)
{
	const struct file_type *t = type_of(h);
	struct err e = {0};
	int r = 0;

	if (begin(c, h, &e))
		return;
	if (t->release && stores(h))
		r = t->release(c, h, &e);
	end(c, h);
	if (c->parked)
		return;
	if (r)
		note_problem(c, h, &e);
	fs_handle_free(c->fs, h);
}

void fs_release_all(struct fs *fs)
{
	struct fs_handle *h;
	struct fs_call c;

	while ((h = fs->handles.list)) {
		fs_call_init(&c, fs, h->pid);
		c.may_wait = true;
		fs_release(&c, h);
		fs_call_fini(&c);
	}
}

/* --- attributes ----------------------------------------------------------- */

static int attr_of_node(struct fs_call *c, struct node *n, struct attr *ret,
			struct err *e)
{
	struct subject s = subject_of(n);
	struct file *f = file_of(c->fs, n);
	bool ours = through_attr(c->fs, n, ret) || (f && file_attr(f, ret));
	int r = 0;

	if (f)
		file_put(c->fs, f);
	if (!ours)
		r = fs_seen(c, &s, e) || fs_subject_attr(c, &s, ret, e) ? -1
									: 0;
	ret->ino = n->id;
	kind_patience(n, ret);
	return r;
}

int fs_getattr(struct fs_call *c, uint64_t id, struct fs_handle *h,
	       struct attr *ret, struct err *e)
{
	struct node *n = h ? h->node : nodes_find(&c->fs->nodes, id);
	int r;

	atomic_fetch_add(&c->fs->stats.requests, 1);
	if (!n)
		return err_set(e, ERR_NOT_FOUND, "no such thing any more");
	r = attr_of_node(c, n, ret, e);
	fs_end(c);
	return r;
}

static int apply_changes(struct fs_call *c, struct node *n, struct fs_handle *h,
			 const struct fs_changes *set, struct err *e)
{
	const struct kind *k = &kinds[n->kind];
	struct subject s = subject_of(n);

	if (fs_check_alive(c, n, e))
		return -1;
	if (set->set_size && !h && through_break(c->fs, n, e))
		return -1;
	if (set->set_size) {
		if (!k->file || !k->file->truncate)
			return err_set(e, ERR_READ_ONLY,
				       "this can only be read");
		if (k->file->truncate(c, &s, h, set->size, e))
			return -1;
	}
	if (k->set && (set->set_mtime || set->set_mode))
		return k->set(c, &s, set, e);
	return 0;
}

int fs_setattr(struct fs_call *c, uint64_t id, struct fs_handle *h,
	       const struct fs_changes *set, struct attr *ret, struct err *e)
{
	struct node *n = h ? h->node : nodes_find(&c->fs->nodes, id);
	int r;

	if (!n)
		return err_set(e, ERR_NOT_FOUND, "no such thing any more");
	if (h && begin(c, h, e))
		return -1;
	r = apply_changes(c, n, h, set, e);
	if (!r)
		r = attr_of_node(c, n, ret, e);
	if (h)
		end(c, h);
	fs_end(c);
	return r;
}
