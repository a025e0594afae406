/* SPDX-License-Identifier: Apache-2.0 */
/* device.h - what passes between the kernel and libfuse, byte by byte.
 *
 * libfuse 3.14 of Debian 12 speaks an old minor version and never asks for
 * parallel look-ups in one directory, which the kernel offers; nor for writes
 * that do not ask for the attribute security.capability before each. It lets
 * us own read and write of the device, so the one answer to INIT is completed
 * on its way out.
 */
#ifndef ORRERY_FS_DEVICE_H
#define ORRERY_FS_DEVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct device {
	uint64_t init; /* the request INIT, until it is answered */
	uint32_t offered;
};

ssize_t device_read(struct device *d, int fd, void *p, size_t size);
ssize_t device_write(struct device *d, int fd, struct iovec *iov, int count);
/* A request of n bytes that takes a few microseconds. */
bool device_is_quick(const void *request, size_t n);

#endif
