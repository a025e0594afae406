/* SPDX-License-Identifier: Apache-2.0 */
/* page_token.c - see page_token.h. */
#include "indexer/index/page_token.h"

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/base/varint.h"

enum {
	TOKEN_VERSION = 1,
	TOKEN_BYTES_MAX = 16 * 1024,
};

/* --- writing ----------------------------------------------------------- */

static void put_number(struct buf *b, uint64_t v)
{
	unsigned char bytes[8];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(v >> (56 - 8 * i));
	buf_add(b, bytes, sizeof(bytes));
}

static void put_varint(struct buf *b, uint64_t v)
{
	unsigned char bytes[VARINT_MAX];

	buf_add(b, bytes, (size_t)(varint_put(bytes, v) - bytes));
}

/* Length + 1, so that 0 is a missing text. */
static void put_text(struct buf *b, struct str s)
{
	if (s.n == ORDER_NO_TEXT) {
		put_varint(b, 0);
		return;
	}
	put_varint(b, s.n + 1);
	buf_str(b, s);
}

static struct str to_url_form(struct str base64, struct arena *a)
{
	char *p = arena_strdup(a, base64);
	size_t n = base64.n;

	if (!p)
		return STR_NONE;
	while (n && p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++)
		p[i] = p[i] == '+' ? '-' : p[i] == '/' ? '_' : p[i];
	return str_n(p, n);
}

int page_token_write(const struct search_order *o,
		     const struct order_position *p, uint64_t search_hash,
		     struct arena *a, struct str *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	SCOPED(buf_fini) struct buf base64;

	buf_init(&b, TOKEN_BYTES_MAX);
	buf_init(&base64, 2 * TOKEN_BYTES_MAX);
	buf_putc(&b, TOKEN_VERSION);
	put_number(&b, search_hash);
	for (size_t i = 0; i < o->n; i++) {
		if (o->keys[i].field.how == FIELD_TEXT)
			put_text(&b, p->keys[i].text);
		else
			put_number(&b, p->keys[i].number);
	}
	put_varint(&b, zigzag(p->row));
	base64_encode(&base64, buf_view(&b));
	*ret = to_url_form(buf_view(&base64), a);
	return ret->p ? 0 : arena_full(a, e);
}

/* --- reading ----------------------------------------------------------- */

struct input {
	const unsigned char *p, *end;
};

static bool get_number(struct input *in, uint64_t *ret)
{
	*ret = 0;
	if (in->end - in->p < 8)
		return false;
	for (int i = 0; i < 8; i++)
		*ret = *ret << 8 | *in->p++;
	return true;
}

static bool get_varint(struct input *in, uint64_t *ret)
{
	const unsigned char *p = varint_get(in->p, in->end, ret);

	if (p)
		in->p = p;
	return p != NULL;
}

static bool get_text(struct input *in, struct str *ret)
{
	uint64_t n;

	if (!get_varint(in, &n) || n > ORDER_TEXT_MAX + 1)
		return false;
	*ret = (struct str){NULL, ORDER_NO_TEXT};
	if (!n)
		return true;
	n--;
	if ((uint64_t)(in->end - in->p) < n)
		return false;
	*ret = str_n((const char *)in->p, (size_t)n);
	in->p += n;
	return true;
}

static bool get_position(struct input *in, const struct search_order *o,
			 struct order_position *ret)
{
	uint64_t row;

	for (size_t i = 0; i < o->n; i++) {
		bool good = o->keys[i].field.how == FIELD_TEXT
				    ? get_text(in, &ret->keys[i].text)
				    : get_number(in, &ret->keys[i].number);

		if (!good)
			return false;
	}
	if (!get_varint(in, &row) || in->p != in->end)
		return false;
	ret->row = unzigzag(row);
	ret->set = true;
	return true;
}

/* Padded again, in the usual alphabet. */
static bool decode(struct str token, struct buf *b)
{
	SCOPED(buf_fini) struct buf base64;

	buf_init(&base64, 2 * TOKEN_BYTES_MAX);
	for (size_t i = 0; i < token.n; i++) {
		char c = token.p[i];

		if (c == '+' || c == '/' || c == '=')
			return false;
		buf_putc(&base64, (char)(c == '-' ? '+' : c == '_' ? '/' : c));
	}
	while (base64.n % 4)
		buf_putc(&base64, '=');
	return buf_ok(&base64) && base64_decode(buf_view(&base64), b) &&
	       buf_ok(b);
}

int page_token_read(struct str token, const struct search_order *o,
		    uint64_t search_hash, struct arena *a,
		    struct order_position *ret, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct input in;
	struct str copy;
	uint64_t hash;

	buf_init(&b, TOKEN_BYTES_MAX);
	if (!decode(token, &b))
		return err_set(e, ERR_INVALID,
			       "Invalid page token, could not base64-decode");
	copy = arena_str(a, buf_view(&b));
	if (!copy.p)
		return arena_full(a, e);
	in.p = (const unsigned char *)copy.p;
	in.end = in.p + copy.n;
	if (in.p == in.end || *in.p++ != TOKEN_VERSION ||
	    !get_number(&in, &hash))
		return err_set(e, ERR_INVALID,
			       "Invalid page token, not one of this server");
	if (hash != search_hash)
		return err_set(e, ERR_INVALID,
			       "Invalid page token, it belongs to a search "
			       "with another filter, order, view or "
			       "experiments");
	if (!get_position(&in, o, ret))
		return err_set(e, ERR_INVALID, "Invalid page token, damaged");
	return 0;
}
