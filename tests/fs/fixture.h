/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a tree over a real index, in one process and without a kernel.
 *
 * Commands go straight to the index's writer; journals are drained by the
 * daemon's own thread. Paths are walked as the kernel would, by look-ups that
 * are counted and forgotten at the end.
 */
#ifndef ORRERY_TESTS_FS_FIXTURE_H
#define ORRERY_TESTS_FS_FIXTURE_H

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/handle.h"
#include "fs/tree.h"
#include "indexer/index/drain.h"
#include "indexer/index/index.h"
#include "tests/tap.h"

struct fixture {
	char dir[64];
	struct index *ix;
	struct drain *drain;
	struct fs *fs;
	atomic_bool away; /* commands find no daemon */
	int posts;
	struct err e; /* of the last thing that failed */
	char text[65536];
	size_t text_n;
};

static inline void fixture_die(const char *what, const struct err *e)
{
	printf("Bail out! %s: %s\n", what, e->msg);
	exit(1);
}

static int fixture_post(void *ctx, struct fs_call *c, struct command *x,
			struct err *e)
{
	struct fixture *f = ctx;

	f->posts++;
	while (f->away) {
		if (fs_left(c, c->fs->wait_ms) == 0)
			return err_set(e, ERR_IO, "the daemon is away");
		if (fs_nap(c, 5, e))
			return -1;
	}
	return index_apply(f->ix, x, e);
}

static inline void fixture_mount(struct fixture *f)
{
	const struct fs_options o = {.data = f->dir,
				     .mountpoint = "/mnt/orrery",
				     .wait_ms = 2000,
				     .journal_size = 64 << 20,
				     .post = fixture_post,
				     .post_ctx = f};

	f->fs = fs_open(&o, &f->e);
	if (!f->fs)
		fixture_die("fs_open", &f->e);
}

static inline void fixture_daemon(struct fixture *f)
{
	f->ix = index_open(f->dir, &f->e);
	if (!f->ix)
		fixture_die("index_open", &f->e);
	f->drain = drain_start(f->ix, &f->e);
	if (!f->drain)
		fixture_die("drain_start", &f->e);
}

static inline void fixture_no_daemon(struct fixture *f)
{
	drain_stop(f->drain);
	index_close(f->ix);
}

static inline void fixture_init(struct fixture *f)
{
	memset(f, 0, sizeof(*f));
	snprintf(f->dir, sizeof(f->dir), "/tmp/orrery-fs-XXXXXX");
	if (!mkdtemp(f->dir))
		exit(1);
	fixture_daemon(f);
	fixture_mount(f);
}

static inline int fixture_remove(const char *path, const struct stat *st,
				 int what, struct FTW *at)
{
	(void)st;
	(void)what;
	(void)at;
	return remove(path);
}

static inline void fixture_fini(struct fixture *f)
{
	ok(fs_close(f->fs, &f->e) == 0, "nothing was lost");
	fixture_no_daemon(f);
	nftw(f->dir, fixture_remove, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- calls ---------------------------------------------------------------- */

static inline struct fs_call call_make(struct fixture *f)
{
	struct fs_call c;

	fs_call_init(&c, f->fs, getpid());
	c.may_wait = true;
	memset(&f->e, 0, sizeof(f->e));
	return c;
}

/* An errno of what failed last, as the kernel would be told. */
static inline int last_errno(const struct fixture *f)
{
	return f->e.kind == ERR_IO && f->e.sys == EXDEV ? EXDEV
							: err_errno(&f->e);
}

static inline struct str next_part(struct str *path)
{
	struct str part = str_cut(path, '/');

	while (!part.n && path->n)
		part = str_cut(path, '/');
	return part;
}

/* The id of a path, 0 where there is none; *x gets what the last look-up
 * told. */
static inline uint64_t walk_to(struct fixture *f, struct str path,
			       struct fs_entry *x)
{
	struct fs_call c;
	struct str part;
	int r = 0;

	*x = (struct fs_entry){.id = NODE_ROOT};
	while (r == 0 && (part = next_part(&path)).n) {
		c = call_make(f);
		r = fs_lookup(&c, x->id, part, x, &f->e);
		fs_call_fini(&c);
	}
	return r ? 0 : x->id;
}

static inline uint64_t walk(struct fixture *f, const char *path)
{
	struct fs_entry x;

	return walk_to(f, str_from(path), &x);
}

/* The directory of a path, and its last part. */
static inline uint64_t walk_dir(struct fixture *f, const char *path,
				struct str *ret_name)
{
	const char *slash = strrchr(path, '/');
	struct fs_entry x;

	*ret_name = str_from(slash ? slash + 1 : path);
	return walk_to(f, str_n(path, slash ? (size_t)(slash - path) : 0), &x);
}

static inline int do_mkdir(struct fixture *f, const char *path)
{
	struct str name;
	uint64_t dir = walk_dir(f, path, &name);
	struct fs_call c = call_make(f);
	struct fs_entry x;
	int r = dir ? fs_mkdir(&c, dir, name, 0755, &x, &f->e) : -1;

	fs_call_fini(&c);
	return r;
}

static inline int do_remove(struct fixture *f, const char *path, bool is_dir)
{
	struct str name;
	uint64_t dir = walk_dir(f, path, &name);
	struct fs_call c = call_make(f);
	int r = -1;

	if (dir)
		r = is_dir ? fs_rmdir(&c, dir, name, &f->e)
			   : fs_unlink(&c, dir, name, &f->e);
	fs_call_fini(&c);
	return r;
}

static inline int do_rename(struct fixture *f, const char *from, const char *to)
{
	struct str a, b;
	uint64_t dir = walk_dir(f, from, &a), to_dir = walk_dir(f, to, &b);
	struct fs_call c = call_make(f);
	int r = dir && to_dir ? fs_rename(&c, dir, a, to_dir, b, 0, &f->e) : -1;

	fs_call_fini(&c);
	return r;
}

static inline int do_stat(struct fixture *f, const char *path, struct attr *ret)
{
	uint64_t id = walk(f, path);
	struct fs_call c = call_make(f);
	int r = id ? fs_getattr(&c, id, NULL, ret, &f->e) : -1;

	fs_call_fini(&c);
	return r;
}

static inline int64_t size_of(struct fixture *f, const char *path)
{
	struct attr a;

	return do_stat(f, path, &a) ? -1 : a.size;
}

/* As the kernel does it: open what is there, create what is not. */
static inline struct fs_handle *do_open(struct fixture *f, const char *path,
					int flags)
{
	const struct fs_creation how = {0644, flags};
	struct fs_handle *h = NULL;
	struct fs_entry x;
	struct str name;
	uint64_t id = walk(f, path), dir;
	struct fs_call c;
	int r = -1;

	dir = walk_dir(f, path, &name);
	c = call_make(f);
	if (id && !(flags & O_EXCL))
		r = fs_open_file(&c, id, flags, &h, &f->e);
	else if (dir && (flags & O_CREAT))
		r = fs_create(&c, dir, name, &how, &x, &h, &f->e);
	fs_call_fini(&c);
	return r ? NULL : h;
}

static inline int do_write_at(struct fixture *f, struct fs_handle *h,
			      int64_t off, const char *text)
{
	struct fs_call c = call_make(f);
	int r = fs_write(&c, h, off, str_from(text), h->flags, &f->e);

	fs_call_fini(&c);
	return r;
}

static inline int do_write(struct fixture *f, struct fs_handle *h,
			   const char *text)
{
	return do_write_at(f, h, 0, text);
}

static inline int do_flush(struct fixture *f, struct fs_handle *h, pid_t pid)
{
	struct fs_call c = call_make(f);
	int r;

	c.pid = pid;
	r = fs_flush(&c, h, &f->e);
	fs_call_fini(&c);
	return r;
}

static inline int do_fsync(struct fixture *f, struct fs_handle *h)
{
	struct fs_call c = call_make(f);
	int r = fs_fsync(&c, h, &f->e);

	fs_call_fini(&c);
	return r;
}

static inline void do_release(struct fixture *f, struct fs_handle *h)
{
	struct fs_call c = call_make(f);

	fs_release(&c, h);
	fs_call_fini(&c);
}

/* close(2): what the last flush says. */
static inline int do_close(struct fixture *f, struct fs_handle *h)
{
	int r = do_flush(f, h, getpid());
	struct err said = f->e;

	do_release(f, h);
	f->e = said;
	return r;
}

/* printf text > path, or >> with O_APPEND. */
static inline int put(struct fixture *f, const char *path, int how,
		      const char *text)
{
	struct fs_handle *h = do_open(f, path, O_WRONLY | O_CREAT | how);
	int r;

	if (!h)
		return -1;
	do_flush(f, h, getpid());
	r = *text ? do_write(f, h, text) : 0;
	if (r) {
		struct err said = f->e;

		do_release(f, h);
		f->e = said;
		return -1;
	}
	return do_close(f, h);
}

/* What reading n bytes at off gives; NUL-terminated in text. */
static inline const char *do_read(struct fixture *f, struct fs_handle *h,
				  int64_t off, size_t n)
{
	struct fs_call c = call_make(f);
	int64_t got = fs_read(&c, h, off, f->text, n, &f->e);

	fs_call_fini(&c);
	f->text_n = got < 0 ? 0 : (size_t)got;
	f->text[f->text_n] = '\0';
	return got < 0 ? NULL : f->text;
}

static inline const char *get(struct fixture *f, const char *path)
{
	struct fs_handle *h = do_open(f, path, O_RDONLY);
	const char *text;

	if (!h)
		return NULL;
	text = do_read(f, h, 0, sizeof(f->text) - 1);
	do_release(f, h);
	return text;
}

struct names {
	struct fixture *f;
	int64_t next;
	int room;
};

static inline int add_name(void *ctx, struct str name, int64_t next,
			   const struct fs_entry *x)
{
	struct names *k = ctx;
	struct fixture *f = k->f;

	(void)x;
	if (k->room-- == 0)
		return 1;
	k->next = next;
	if (name.p[0] == '.' && (name.n == 1 || name.p[1] == '.'))
		return 0;
	f->text_n += (size_t)snprintf(f->text + f->text_n,
				      sizeof(f->text) - f->text_n, "%.*s ",
				      STR_ARG(name));
	return 0;
}

/* Names of a directory, a blank after each, read in pieces of room. */
static inline const char *list_by(struct fixture *f, const char *path, int room)
{
	uint64_t id = walk(f, path);
	struct fs_call c = call_make(f);
	struct fs_handle *h;
	struct names k = {.f = f};
	int64_t before;

	f->text_n = 0;
	f->text[0] = '\0';
	if (!id || fs_opendir(&c, id, &h, &f->e))
		return NULL;
	do {
		before = k.next;
		k.room = room;
		if (fs_readdir(&c, h, k.next, add_name, &k, &f->e))
			return NULL;
	} while (k.next != before);
	fs_release(&c, h);
	fs_call_fini(&c);
	return f->text;
}

static inline const char *list(struct fixture *f, const char *path)
{
	return list_by(f, path, 1000000);
}

#endif
