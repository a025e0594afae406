/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - what passes between the kernel and libfuse, byte by byte.
 *
 * libfuse 3.14 of Debian 12 speaks an old minor version and never asks for
 * parallel look-ups in one directory, for writes without a question after the
 * attribute security.capability before each, nor for files that the kernel
 * reads by itself, which newer ones offer. It lets us own read and write of
 * the device, so the one answer to INIT is completed on its way out; what
 * libfuse has no call for is written to the device as it is.
 */
#ifndef ORRERY_FS_DEVICE_H
#define ORRERY_FS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct device {
	int fd;
	uint64_t init; /* the request INIT, until it is answered */
	uint32_t offered;
	uint32_t minor;   /* of the kernel's protocol */
	bool has_through; /* it reads files by itself, if it is let */
};

/* The answer to an open of a file that the kernel reads by itself. */
struct device_opened {
	uint64_t fh;
	uint32_t flags;
	int32_t number;
};

ssize_t device_read(struct device *d, int fd, void *p, size_t size);
ssize_t device_write(struct device *d, int fd, struct iovec *iov, int count);
/* The number of a file that the kernel may read by itself, or -errno. */
int device_through(void *device, int file);
void device_not_through(void *device, int number);
struct device_opened device_opened(uint64_t fh, int number);
/* The kernel forgets these inodes as far as nobody uses them; -1 where it is
 * too old for that. */
int device_prune(const struct device *d, const uint64_t *ids, uint32_t n);
/* A request of n bytes that takes a few microseconds. */
bool device_is_quick(const void *request, size_t n);

#endif
