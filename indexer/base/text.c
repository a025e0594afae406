/* SPDX-License-Identifier: Apache-2.0 */
/* text.c - encodings of text; every decoder is strict and total.
 *
 * UTF-8 is checked eight bytes at a time while it is ASCII; what lies beyond
 * is checked against the table of Unicode (Table 3-7): the second byte's
 * range depends on the first, all others are continuations.
 */
#include "indexer/base/text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static bool within(char c, unsigned low, unsigned high)
{
	return (unsigned char)c >= low && (unsigned char)c <= high;
}

static size_t sequence3(const char *p)
{
	unsigned char c = (unsigned char)p[0];
	unsigned low = c == 0xe0 ? 0xa0 : 0x80;
	unsigned high = c == 0xed ? 0x9f : 0xbf;

	return within(p[1], low, high) && within(p[2], 0x80, 0xbf) ? 3 : 0;
}

static size_t sequence4(const char *p)
{
	unsigned char c = (unsigned char)p[0];
	unsigned low = c == 0xf0 ? 0x90 : 0x80;
	unsigned high = c == 0xf4 ? 0x8f : 0xbf;

	return within(p[1], low, high) && within(p[2], 0x80, 0xbf) &&
			       within(p[3], 0x80, 0xbf)
		       ? 4
		       : 0;
}

size_t utf8_sequence(struct str s)
{
	unsigned char c;

	if (!s.n)
		return 0;
	c = (unsigned char)s.p[0];
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return s.n >= 2 && within(s.p[1], 0x80, 0xbf) ? 2 : 0;
	if (c >= 0xe0 && c <= 0xef)
		return s.n >= 3 ? sequence3(s.p) : 0;
	if (c >= 0xf0 && c <= 0xf4)
		return s.n >= 4 ? sequence4(s.p) : 0;
	return 0;
}

static bool ascii8(const char *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof(w));
	return !(w & UINT64_C(0x8080808080808080));
}

bool utf8_valid(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		size_t n;

		if (s.n - i >= 8 && ascii8(s.p + i)) {
			i += 8;
			continue;
		}
		n = utf8_sequence(str_n(s.p + i, s.n - i));
		if (!n)
			return false;
		i += n;
	}
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* The byte that two hex digits stand for, -1 if they are not. */
static int hex_byte(const char *p)
{
	int high = hex_digit(p[0]), low = hex_digit(p[1]);

	return high < 0 || low < 0 ? -1 : high * 16 + low;
}

int64_t pct_decode(struct str s, bool plus, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			int byte = s.n - i > 2 ? hex_byte(s.p + i + 1) : -1;

			if (byte < 0)
				return -1;
			c = (char)byte;
			i += 2;
		} else if (c == '+' && plus) {
			c = ' ';
		}
		out[n++] = c;
	}
	return (int64_t)n;
}

static bool unreserved(char c)
{
	return within(c, 'a', 'z') || within(c, 'A', 'Z') ||
	       within(c, '0', '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

void pct_encode(struct buf *b, struct str s, const char *keep)
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (unreserved(c) || (c && keep && strchr(keep, c))) {
			buf_putc(b, c);
		} else {
			char escape[3] = {'%', digits[(unsigned char)c >> 4],
					  digits[c & 15]};

			buf_add(b, escape, sizeof(escape));
		}
	}
}

void hex_encode(const void *p, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = p;

	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

bool hex_decode(struct str s, void *out)
{
	unsigned char *bytes = out;

	if (s.n % 2)
		return false;
	for (size_t i = 0; i < s.n; i += 2) {
		int byte = hex_byte(s.p + i);

		if (byte < 0)
			return false;
		bytes[i / 2] = (unsigned char)byte;
	}
	return true;
}

static const char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "abcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *b, struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0; i < s.n; i += 3) {
		size_t left = s.n - i;
		unsigned v = (unsigned)p[i] << 16 |
			     (left > 1 ? (unsigned)p[i + 1] << 8 : 0) |
			     (left > 2 ? p[i + 2] : 0u);
		char four[4] = {base64_digits[v >> 18],
				base64_digits[v >> 12 & 63],
				left > 1 ? base64_digits[v >> 6 & 63] : '=',
				left > 2 ? base64_digits[v & 63] : '='};

		buf_add(b, four, sizeof(four));
	}
}

static int base64_value(char c)
{
	if (within(c, 'A', 'Z'))
		return c - 'A';
	if (within(c, 'a', 'z'))
		return c - 'a' + 26;
	if (within(c, '0', '9'))
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* n digits (2 to 4) of one group; the bits beyond whole bytes must be 0. */
static bool base64_group(const char *p, size_t n, struct buf *b)
{
	unsigned v = 0, unused;
	char bytes[3];

	for (size_t i = 0; i < 4; i++) {
		int digit = i < n ? base64_value(p[i]) : 0;

		if (digit < 0)
			return false;
		v = v << 6 | (unsigned)digit;
	}
	unused = n == 2 ? 0xffff : n == 3 ? 0xff : 0;
	if (n < 2 || v & unused)
		return false;
	for (size_t i = 0; i < n - 1; i++)
		bytes[i] = (char)(v >> (16 - 8 * i));
	buf_add(b, bytes, n - 1);
	return true;
}

bool base64_decode(struct str s, struct buf *b)
{
	if (s.n % 4)
		return false;
	if (s.n && s.p[s.n - 1] == '=')
		s.n -= s.p[s.n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < s.n; i += 4)
		if (!base64_group(s.p + i, s.n - i < 4 ? s.n - i : 4, b))
			return false;
	return true;
}

void random_bytes(void *p, size_t n)
{
	char *at = p;

	while (n) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0)
			continue; /* EINTR only, with a valid buffer */
		at += got;
		n -= (size_t)got;
	}
}

void random_hex(char *out, size_t n)
{
	/* The bytes wait in the second half; two digits for each never
	 * overtake what is still to be read. */
	random_bytes(out + n, n);
	for (size_t i = 0; i < n; i++)
		hex_encode(out + n + i, 1, out + 2 * i);
}
