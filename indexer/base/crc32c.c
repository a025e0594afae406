/* SPDX-License-Identifier: Apache-2.0 */
/* crc32c.c - the reflected CRC of polynomial 0x1EDC6F41.
 *
 * The portable form goes by half bytes with a table of sixteen; the processor
 * form does eight bytes an instruction. Which one is asked of the processor
 * at each call: a load and a test of what the C library already knows.
 */
#include "indexer/base/crc32c.h"

#include <string.h>

static uint32_t by_table(uint32_t crc, const unsigned char *p, size_t n)
{
	static const uint32_t half[16] = {
		0x00000000, 0x105ec76f, 0x20bd8ede, 0x30e349b1,
		0x417b1dbc, 0x5125dad3, 0x61c69362, 0x7198540d,
		0x82f63b78, 0x92a8fc17, 0xa24bb5a6, 0xb21572c9,
		0xc38d26c4, 0xd3d3e1ab, 0xe330a81a, 0xf36e6f75,
	};

	while (n--) {
		crc ^= *p++;
		crc = half[crc & 15] ^ crc >> 4;
		crc = half[crc & 15] ^ crc >> 4;
	}
	return crc;
}

#ifdef __x86_64__
__attribute__((target("sse4.2"))) static uint32_t
by_processor(uint32_t crc, const unsigned char *p, size_t n)
{
	uint64_t wide = crc;

	for (; n >= 8; n -= 8, p += 8) {
		uint64_t word;

		memcpy(&word, p, sizeof(word));
		wide = __builtin_ia32_crc32di(wide, word);
	}
	crc = (uint32_t)wide;
	while (n--)
		crc = __builtin_ia32_crc32qi(crc, *p++);
	return crc;
}

uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	if (__builtin_cpu_supports("sse4.2"))
		return ~by_processor(~crc, p, n);
	return ~by_table(~crc, p, n);
}
#else
uint32_t crc32c(uint32_t crc, const void *p, size_t n)
{
	return ~by_table(~crc, p, n);
}
#endif

/* --- pieces --------------------------------------------------------------- */

/* Polynomials over two elements, the highest power in the lowest bit. */
enum { ONE_BITS = 31 };
#define CASTAGNOLI UINT32_C(0x82f63b78)

static uint32_t times(uint32_t a, uint32_t b)
{
	uint32_t product = 0;

	for (uint32_t bit = UINT32_C(1) << ONE_BITS; bit; bit >>= 1) {
		if (a & bit)
			product ^= b;
		b = b >> 1 ^ (b & 1 ? CASTAGNOLI : 0);
	}
	return product;
}

/* x to the power of 8 n. */
static uint32_t power_of_bytes(uint64_t n)
{
	uint32_t power = UINT32_C(1) << ONE_BITS;
	uint32_t square = UINT32_C(1) << (ONE_BITS - 8);

	for (; n; n >>= 1) {
		if (n & 1)
			power = times(square, power);
		square = times(square, square);
	}
	return power;
}

uint32_t crc32c_join(uint32_t a, uint32_t b, uint64_t n)
{
	return times(power_of_bytes(n), a) ^ b;
}
