/* SPDX-License-Identifier: Apache-2.0 */
/* num_scan.c - the nearest double to digits times a power of ten.
 *
 * Digits below 2^53 and powers up to 10^22 are exact doubles, so one
 * operation rounds correctly. Else the digits are multiplied with 128 bits of
 * the power (the method of Eisel and Lemire): 64 bits of the product nearly
 * always decide, 128 but for cases that are left to long arithmetic.
 */
#include "indexer/base/num_scan.h"

#include <string.h>

#include "indexer/base/num_pow10.h"

enum { EXACT_POWER = 22, LEAST = -342, MOST = 308, BIAS = 1023 };

static bool compose_exact(uint64_t digits, int64_t exponent, double *ret)
{
	static const double powers[EXACT_POWER + 1] = {
		1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
		1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
		1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

	if (digits >> 53 || exponent < -EXACT_POWER || exponent > EXACT_POWER)
		return false;
	if (exponent < 0)
		*ret = (double)digits / powers[-exponent];
	else
		*ret = (double)digits * powers[exponent];
	return true;
}

struct product {
	uint64_t high, low;
};

/* w (top bit set) times 10^k: the first 128 bits, nearly. False where bits
 * behind them might matter. Powers that divide evenly are rounded up, so that
 * an exact quotient does not come out as one bit less. */
static bool multiply(uint64_t w, int k, struct product *ret)
{
	struct pow10 p = k < 0 && k >= -27 ? pow10_ceiling(k) : pow10_floor(k);
	uint64_t ignored, more;

	ret->high = mul128(w, p.high, &ret->low);
	if ((ret->high & 0x1ff) == 0x1ff) {
		more = mul128(w, p.low, &ignored);
		ret->low += more;
		ret->high += ret->low < more;
	}
	return ret->low != UINT64_MAX || (k >= -27 && k <= 55);
}

/* Half of a unit exactly, which goes to the even neighbour: only these powers
 * leave so few bits. */
static bool is_half(const struct product *p, int k, uint64_t bits, int shift)
{
	return p->low <= 1 && k >= -4 && k <= 23 && (bits & 3) == 1 &&
	       bits << shift == p->high;
}

bool num_compose(uint64_t digits, int64_t exponent, double *ret)
{
	int zeros, top, shift, power, k = (int)exponent;
	struct product p;
	uint64_t bits;

	if (compose_exact(digits, exponent, ret))
		return true;
	if (!digits || exponent < LEAST || exponent > MOST)
		return false;
	zeros = __builtin_clzll(digits);
	if (!multiply(digits << zeros, k, &p))
		return false;
	top = (int)(p.high >> 63);
	shift = top + 64 - 52 - 3;
	bits = p.high >> shift;
	power = log2_pow10(k) + 63 + top - zeros + BIAS;
	if (power <= 0)
		return false;
	if (is_half(&p, k, bits, shift))
		bits &= ~UINT64_C(1);
	bits = (bits + (bits & 1)) >> 1;
	if (bits >> 53) {
		bits >>= 1;
		power++;
	}
	if (power >= 2 * BIAS + 1)
		return false;
	bits = (bits & ((UINT64_C(1) << 52) - 1)) | (uint64_t)power << 52;
	memcpy(ret, &bits, sizeof(bits));
	return true;
}
