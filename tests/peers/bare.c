/* SPDX-License-Identifier: Apache-2.0 */
/* bare.c - the least that a FUSE mount can do, as a peer for benchmarks.
 *
 *	bare-fuse MOUNTPOINT ENTRIES BIGFILE
 *
 * append   a file that takes writes and forgets them (direct I/O)
 * dir/     ENTRIES directories, listed with readdirplus, cached for ever
 * big      BIGFILE, read by pread through the page cache
 *
 * Nothing is computed: what a file system of ours costs beyond this is ours.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/num.h"

enum { ROOT = FUSE_ROOT_ID, APPEND, DIRECTORY, BIG, FIRST };

static const double for_ever = 1e6;

struct bare {
	int64_t entries, big_size;
	int big;
	off_t appended;
};

static struct bare *bare_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static struct stat attributes(const struct bare *b, fuse_ino_t ino)
{
	struct stat st = {.st_ino = ino, .st_nlink = 1};

	st.st_mode =
		ino == APPEND || ino == BIG ? S_IFREG | 0644 : S_IFDIR | 0755;
	if (ino == APPEND)
		st.st_size = b->appended;
	if (ino == BIG)
		st.st_size = b->big_size;
	return st;
}

static void bare_getattr(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	struct stat st = attributes(bare_of(req), ino);

	(void)fi;
	fuse_reply_attr(req, &st, ino == APPEND ? 0 : for_ever);
}

static fuse_ino_t find(const struct bare *b, fuse_ino_t parent,
		       const char *name)
{
	static const char *const top[] = {"append", "dir", "big"};
	int64_t n;

	for (size_t i = 0; parent == ROOT && i < 3; i++)
		if (strcmp(name, top[i]) == 0)
			return APPEND + i;
	if (parent == DIRECTORY && num_parse_i64(str_from(name), &n) &&
	    n >= 0 && n < b->entries)
		return FIRST + (fuse_ino_t)n;
	return 0;
}

static void bare_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {
		.ino = find(bare_of(req), parent, name),
		.attr_timeout = for_ever,
		.entry_timeout = for_ever};

	if (!entry.ino) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry.attr = attributes(bare_of(req), entry.ino);
	if (entry.ino == APPEND)
		entry.attr_timeout = 0;
	fuse_reply_entry(req, &entry);
}

static void bare_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size,
			     off_t off, struct fuse_file_info *fi)
{
	struct bare *b = bare_of(req);
	char *out = malloc(size);
	size_t n = 0;

	(void)fi;
	for (int64_t i = off; ino == DIRECTORY && i < b->entries; i++) {
		struct fuse_entry_param entry = {.ino = FIRST + (fuse_ino_t)i,
						 .attr_timeout = for_ever,
						 .entry_timeout = for_ever};
		char name[NUM_MAX];
		size_t added;

		name[num_format_i64(i, name)] = '\0';
		entry.attr = attributes(b, entry.ino);
		added = fuse_add_direntry_plus(req, out + n, size - n, name,
					       &entry, i + 1);
		if (added > size - n)
			break;
		n += added;
	}
	fuse_reply_buf(req, out, n);
	free(out);
}

static void bare_opendir(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	(void)ino;
	fi->cache_readdir = 1;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void bare_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	fi->direct_io = ino == APPEND;
	fi->keep_cache = ino == BIG;
	fuse_reply_open(req, fi);
}

static void bare_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n,
		       off_t off, struct fuse_file_info *fi)
{
	(void)ino;
	(void)p;
	(void)off;
	(void)fi;
	bare_of(req)->appended += (off_t)n;
	fuse_reply_write(req, n);
}

static void bare_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	char *out = malloc(size);
	ssize_t n = ino == BIG ? pread(bare_of(req)->big, out, size, off) : 0;

	(void)fi;
	fuse_reply_buf(req, out, n > 0 ? (size_t)n : 0);
	free(out);
}

static void bare_done(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static void bare_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name,
			  size_t size)
{
	(void)ino;
	(void)name;
	(void)size;
	fuse_reply_err(req, ENOSYS);
}

static void bare_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	conn->want &= ~(unsigned)FUSE_CAP_READDIRPLUS_AUTO;
}

static const struct fuse_lowlevel_ops ops = {.init = bare_init,
					     .lookup = bare_lookup,
					     .getattr = bare_getattr,
					     .opendir = bare_opendir,
					     .readdirplus = bare_readdirplus,
					     .open = bare_open,
					     .read = bare_read,
					     .write = bare_write,
					     .flush = bare_done,
					     .release = bare_done,
					     .getxattr = bare_getxattr};

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, fuse_argv);
	struct bare b = {0};
	struct fuse_session *se;
	struct stat st;

	if (argc != 4 || !num_parse_i64(str_from(argv[2]), &b.entries))
		return 2;
	b.big = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (b.big < 0 || fstat(b.big, &st))
		return 1;
	b.big_size = st.st_size;
	se = fuse_session_new(&args, &ops, sizeof(ops), &b);
	if (!se || fuse_set_signal_handlers(se) ||
	    fuse_session_mount(se, argv[1]))
		return 1;
	fuse_session_loop(se);
	fuse_session_unmount(se);
	return 0;
}
