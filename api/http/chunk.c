/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.c - the grammar of chunked bodies.
 *
 * One byte at a time but for the data itself. A chunk is SIZE [;extension]
 * CR LF data CR LF; the last has size 0 and is followed by trailer lines and
 * an empty line.
 */
#include "api/http/chunk.h"

enum state {
	AT_SIZE,
	AT_EXTENSION,
	AT_SIZE_LF,
	AT_DATA,
	AT_DATA_CR,
	AT_DATA_LF,
	AT_TRAILER,
	AT_TRAILER_TEXT,
	AT_TRAILER_LF,
	AT_LAST_LF,
	AT_END,
	AT_BAD
};

void chunks_init(struct chunks *k)
{
	*k = (struct chunks){.state = AT_SIZE};
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum state at_size(struct chunks *k, char c)
{
	int v = hex_value(c);

	if (v < 0 && k->digits == 0)
		return AT_BAD;
	if (c == '\r')
		return AT_SIZE_LF;
	if (c == ';')
		return AT_EXTENSION;
	if (v < 0 || k->digits == HTTP_CHUNK_DIGITS_MAX)
		return AT_BAD;
	k->digits++;
	k->left = k->left << 4 | (uint64_t)v;
	return AT_SIZE;
}

/* Text of an extension or a trailer, up to its CR. */
static enum state at_text(struct chunks *k, char c, enum state self,
			  enum state after)
{
	if (c == '\r')
		return after;
	if (++k->extra > HTTP_CHUNK_EXTRA_MAX)
		return AT_BAD;
	if (c != '\t' && ((unsigned char)c < ' ' || c == 0x7f))
		return AT_BAD;
	return self;
}

static enum state at_size_end(struct chunks *k)
{
	k->digits = 0;
	if (k->left)
		return AT_DATA;
	k->extra = 0;
	return AT_TRAILER;
}

static enum state at_trailer(struct chunks *k, char c)
{
	if (c == '\r')
		return AT_LAST_LF;
	if (c == ' ' || c == '\t' || c == ':')
		return AT_BAD;
	return at_text(k, c, AT_TRAILER_TEXT, AT_TRAILER_LF);
}

static enum state step(struct chunks *k, char c)
{
	switch ((enum state)k->state) {
	case AT_SIZE:
		return at_size(k, c);
	case AT_EXTENSION:
		return at_text(k, c, AT_EXTENSION, AT_SIZE_LF);
	case AT_SIZE_LF:
		return c == '\n' ? at_size_end(k) : AT_BAD;
	case AT_DATA_CR:
		return c == '\r' ? AT_DATA_LF : AT_BAD;
	case AT_DATA_LF:
		return c == '\n' ? AT_SIZE : AT_BAD;
	case AT_TRAILER:
		return at_trailer(k, c);
	case AT_TRAILER_TEXT:
		return at_text(k, c, AT_TRAILER_TEXT, AT_TRAILER_LF);
	case AT_TRAILER_LF:
		return c == '\n' ? AT_TRAILER : AT_BAD;
	case AT_LAST_LF:
		return c == '\n' ? AT_END : AT_BAD;
	case AT_DATA:
	case AT_END:
	case AT_BAD:
		break;
	}
	return AT_BAD;
}

static enum chunk take_data(struct chunks *k, struct str *in, struct str *ret)
{
	size_t n = in->n < k->left ? in->n : (size_t)k->left;

	*ret = str_n(in->p, n);
	*in = str_n(in->p + n, in->n - n);
	k->left -= n;
	if (!k->left)
		k->state = AT_DATA_CR;
	return CHUNK_DATA;
}

enum chunk chunks_next(struct chunks *k, struct str *in, struct str *ret)
{
	while (k->state != AT_END && in->n) {
		if (k->state == AT_DATA)
			return take_data(k, in, ret);
		k->state = (unsigned char)step(k, in->p[0]);
		if (k->state == AT_BAD)
			return CHUNK_BAD;
		*in = str_n(in->p + 1, in->n - 1);
	}
	if (k->state == AT_BAD)
		return CHUNK_BAD;
	return k->state == AT_END ? CHUNK_END : CHUNK_MORE;
}
