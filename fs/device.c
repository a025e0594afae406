/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - the device of FUSE, by the kernel's own header.
 */
#include "fs/device.h"

#include <fcntl.h>
#include <linux/fuse.h>
#include <unistd.h>

enum {
	INIT_BYTES = 16,        /* of a request that has flags */
	QUICK_WRITE = 16 << 10, /* bytes of a request */
};

ssize_t device_read(struct device *d, int fd, void *p, size_t size)
{
	const struct fuse_in_header *in = p;
	const struct fuse_init_in *init = (const void *)(in + 1);
	ssize_t n = read(fd, p, size);

	if (n >= (ssize_t)sizeof(*in) + INIT_BYTES && in->opcode == FUSE_INIT) {
		d->init = in->unique;
		d->offered = init->flags;
	}
	return n;
}

ssize_t device_write(struct device *d, int fd, struct iovec *iov, int count)
{
	const struct fuse_out_header *out = iov[0].iov_base;
	struct fuse_init_out *init;

	if (d->init && count > 1 && out->unique == d->init) {
		init = iov[1].iov_base;
		init->flags |= d->offered &
			       (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2);
		d->init = 0;
	}
	return writev(fd, iov, count);
}

/* An append to an open file: neither the index nor the disk is read. */
bool device_is_quick(const void *request, size_t n)
{
	const struct fuse_in_header *in = request;
	const struct fuse_open_in *how = (const void *)(in + 1);

	switch (in->opcode) {
	case FUSE_OPEN:
		return (how->flags & O_ACCMODE) == O_WRONLY;
	case FUSE_WRITE:
		return n <= QUICK_WRITE;
	case FUSE_FLUSH:
	case FUSE_RELEASE:
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
	case FUSE_INTERRUPT:
		return true;
	default:
		return false;
	}
}
