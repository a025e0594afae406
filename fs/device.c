/* SPDX-License-Identifier: Apache-2.0 */
/* device.c - the device of FUSE, by the kernel's own header.
 */
#include "fs/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
	INIT_BYTES = 16,  /* of a request that has flags */
	INIT2_BYTES = 20, /* ... and more of them */
	/* That a write takes set-user-id bits away is left to us, and we
	 * show none: else each write is preceded by a question. */
	WANTED = FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2,
	DEPTH_AT = 9, /* of the answer: its word for stacked file systems */
	QUICK_WRITE = 16 << 10, /* bytes of a request */
};

/* What this header is too old for. */
enum {
	INIT_PASSTHROUGH = 1 << 5, /* of flags2 */
	OPENED_NOFLUSH = 1 << 5,
	OPENED_PASSTHROUGH = 1 << 7,
	NOTIFY_PRUNE = 9,
	STACK_DEPTH = 1, /* our bytes lie on a file system of their own */
};

struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};

struct prune {
	struct fuse_out_header head;
	uint32_t count, padding;
	uint64_t spare;
};

#define BACKING_OPEN  _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

ssize_t device_read(struct device *d, int fd, void *p, size_t size)
{
	const struct fuse_in_header *in = p;
	const struct fuse_init_in *init = (const void *)(in + 1);
	ssize_t n = read(fd, p, size);

	if (n >= (ssize_t)sizeof(*in) + INIT_BYTES && in->opcode == FUSE_INIT) {
		d->init = in->unique;
		d->offered = init->flags;
		d->minor = init->minor;
		d->has_through = n >= (ssize_t)sizeof(*in) + INIT2_BYTES &&
				 (init->flags & FUSE_INIT_EXT) &&
				 (init->flags2 & INIT_PASSTHROUGH);
	}
	return n;
}

static void ask_for_through(struct fuse_init_out *init)
{
	init->flags |= FUSE_INIT_EXT;
	init->flags2 |= INIT_PASSTHROUGH;
	((uint32_t *)init)[DEPTH_AT] = STACK_DEPTH;
}

ssize_t device_write(struct device *d, int fd, struct iovec *iov, int count)
{
	const struct fuse_out_header *out = iov[0].iov_base;
	struct fuse_init_out *init;

	if (d->init && count > 1 && out->unique == d->init) {
		init = iov[1].iov_base;
		init->flags |= d->offered & WANTED;
		if (d->has_through && iov[1].iov_len >= sizeof(*init))
			ask_for_through(init);
		d->init = 0;
	}
	return writev(fd, iov, count);
}

int device_through(void *device, int file)
{
	const struct device *d = device;
	const struct backing_map map = {.fd = file};
	int number = ioctl(d->fd, BACKING_OPEN, &map);

	return number < 0 ? -errno : number;
}

void device_not_through(void *device, int number)
{
	const struct device *d = device;
	uint32_t it = (uint32_t)number;

	ioctl(d->fd, BACKING_CLOSE, &it);
}

struct device_opened device_opened(uint64_t fh, int number)
{
	return (struct device_opened){fh, OPENED_PASSTHROUGH | OPENED_NOFLUSH,
				      number};
}

int device_prune(const struct device *d, const uint64_t *ids, uint32_t n)
{
	size_t size = n * sizeof(*ids);
	struct prune p = {.head = {.len = (uint32_t)(sizeof(p) + size),
				   .error = NOTIFY_PRUNE},
			  .count = n};
	struct iovec iov[2] = {{&p, sizeof(p)}, {(void *)(uintptr_t)ids, size}};

	return writev(d->fd, iov, 2) < 0 ? -1 : 0;
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
