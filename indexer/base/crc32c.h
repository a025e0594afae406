/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c.h - the Castagnoli CRC, by SSE4.2 where the processor has it. */
#ifndef ORRERY_BASE_CRC32C_H
#define ORRERY_BASE_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continue crc (0 at the start) over n bytes. */
uint32_t crc32c(uint32_t crc, const void *p, size_t n);
/* Of two pieces one after the other, of their own ones; the second has n
 * bytes. */
uint32_t crc32c_join(uint32_t a, uint32_t b, uint64_t n);

#endif
