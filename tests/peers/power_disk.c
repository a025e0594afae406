/* SPDX-License-Identifier: Apache-2.0 */
/* power_disk.c - a disk whose power can be cut, as one file of a FUSE mount.
 *
 *	power-disk MOUNTPOINT FILE
 *
 * MOUNTPOINT/disk shows FILE. What is written stays in memory, apart, until
 * an fsync moves it into FILE: as a disk does with its cache. SIGUSR1 cuts
 * the power: of what was not flushed a random half of the blocks reaches FILE,
 * the rest is gone, and from then on everything fails with EIO. A loop device
 * and ext4 on it make a machine that can lose power within a test.
 */
#define FUSE_USE_VERSION 314
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/text.h"

enum { BLOCK = 4096, DISK = 2 };

static volatile sig_atomic_t cut_asked;

struct disk {
	int fd;
	off_t size;
	char **cached; /* per block: not yet flushed, or NULL */
	bool dead;
};

static struct disk *disk_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void on_cut(int number)
{
	(void)number;
	cut_asked = 1;
}

static size_t blocks(const struct disk *d)
{
	return (size_t)(d->size / BLOCK);
}

/* Move cached blocks to the file; with chance, only some of them. */
static void settle(struct disk *d, bool chance)
{
	for (size_t i = 0; i < blocks(d); i++) {
		unsigned char coin = 0;

		if (!d->cached[i])
			continue;
		if (chance)
			random_bytes(&coin, 1);
		if (!(coin & 1) && pwrite(d->fd, d->cached[i], BLOCK,
					  (off_t)i * BLOCK) != BLOCK)
			d->dead = true;
		free(d->cached[i]);
		d->cached[i] = NULL;
	}
}

static bool powered(struct disk *d)
{
	if (cut_asked && !d->dead) {
		settle(d, true);
		d->dead = true;
	}
	return !d->dead;
}

static struct stat attributes(const struct disk *d, fuse_ino_t ino)
{
	struct stat st = {.st_ino = ino, .st_nlink = 1};

	st.st_mode = ino == DISK ? S_IFREG | 0600 : S_IFDIR | 0700;
	st.st_size = ino == DISK ? d->size : 0;
	return st;
}

static void disk_getattr(fuse_req_t req, fuse_ino_t ino,
			 struct fuse_file_info *fi)
{
	struct stat st = attributes(disk_of(req), ino);

	(void)fi;
	fuse_reply_attr(req, &st, 1e6);
}

static void disk_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr,
			 int to_set, struct fuse_file_info *fi)
{
	(void)attr;
	(void)to_set;
	disk_getattr(req, ino, fi);
}

static void disk_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {
		.ino = DISK, .attr_timeout = 1e6, .entry_timeout = 1e6};

	if (parent != FUSE_ROOT_ID || strcmp(name, "disk") != 0) {
		fuse_reply_err(req, ENOENT);
		return;
	}
	entry.attr = attributes(disk_of(req), DISK);
	fuse_reply_entry(req, &entry);
}

static void disk_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->direct_io = 1;
	fuse_reply_open(req, fi);
}

static void disk_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		      struct fuse_file_info *fi)
{
	struct disk *d = disk_of(req);
	char *out;
	ssize_t n;

	(void)ino;
	(void)fi;
	if (!powered(d)) {
		fuse_reply_err(req, EIO);
		return;
	}
	out = malloc(size);
	n = pread(d->fd, out, size, off);
	for (off_t at = off; n > 0 && at < off + n;) {
		size_t in = (size_t)(at % BLOCK);
		size_t part = BLOCK - in;
		const char *block = d->cached[at / BLOCK];

		if (part > (size_t)(off + n - at))
			part = (size_t)(off + n - at);
		if (block)
			memcpy(out + (at - off), block + in, part);
		at += (off_t)part;
	}
	fuse_reply_buf(req, out, n > 0 ? (size_t)n : 0);
	free(out);
}

static char *cached_block(struct disk *d, off_t at)
{
	char **block = &d->cached[at / BLOCK];

	if (!*block) {
		*block = calloc(1, BLOCK);
		if (pread(d->fd, *block, BLOCK, at / BLOCK * BLOCK) < 0)
			d->dead = true;
	}
	return *block;
}

static void disk_write(fuse_req_t req, fuse_ino_t ino, const char *p, size_t n,
		       off_t off, struct fuse_file_info *fi)
{
	struct disk *d = disk_of(req);

	(void)ino;
	(void)fi;
	if (!powered(d) || off + (off_t)n > d->size) {
		fuse_reply_err(req, EIO);
		return;
	}
	for (size_t done = 0; done < n;) {
		off_t at = off + (off_t)done;
		size_t in = (size_t)(at % BLOCK), part = BLOCK - in;

		if (part > n - done)
			part = n - done;
		memcpy(cached_block(d, at) + in, p + done, part);
		done += part;
	}
	fuse_reply_write(req, n);
}

static void disk_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
		       struct fuse_file_info *fi)
{
	struct disk *d = disk_of(req);

	(void)ino;
	(void)datasync;
	(void)fi;
	if (powered(d))
		settle(d, false);
	fuse_reply_err(req, d->dead ? EIO : 0);
}

static void disk_done(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	fuse_reply_err(req, 0);
}

static const struct fuse_lowlevel_ops ops = {.lookup = disk_lookup,
					     .getattr = disk_getattr,
					     .setattr = disk_setattr,
					     .open = disk_open,
					     .read = disk_read,
					     .write = disk_write,
					     .fsync = disk_fsync,
					     .flush = disk_done,
					     .release = disk_done};

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, fuse_argv);
	struct sigaction cut = {.sa_handler = on_cut, .sa_flags = SA_RESTART};
	struct disk d = {0};
	struct fuse_session *se;
	struct stat st;

	if (argc != 3)
		return 2;
	d.fd = open(argv[2], O_RDWR | O_CLOEXEC);
	if (d.fd < 0 || fstat(d.fd, &st))
		return 1;
	d.size = st.st_size / BLOCK * BLOCK;
	d.cached = calloc(blocks(&d), sizeof(*d.cached));
	se = fuse_session_new(&args, &ops, sizeof(ops), &d);
	if (!se || fuse_set_signal_handlers(se) ||
	    sigaction(SIGUSR1, &cut, NULL) || fuse_session_mount(se, argv[1]))
		return 1;
	fuse_session_loop(se);
	fuse_session_unmount(se);
	return 0;
}
