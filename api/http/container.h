/* SPDX-License-Identifier: Apache-2.0 */
/* container.h - from a member to the struct that it lies in. */
#ifndef ORRERY_HTTP_CONTAINER_H
#define ORRERY_HTTP_CONTAINER_H

#include <stddef.h>

#define CONTAINER_OF(p, type, member)                                          \
	((type *)(void *)((char *)(p)-offsetof(type, member)))

#endif
