/* SPDX-License-Identifier: Apache-2.0 */
/* s3_xml.c - see s3_xml.h. */
#include "indexer/objects/s3_xml.h"

#include <stdio.h>

#include "indexer/base/text.h"

enum { NAME = 64, REFERENCE = 12, CODE_MAX = 0x10ffff };

/* Where tag ("<name" or "</name") stands followed by what may follow it. */
static const char *find_tag(struct str in, const char *tag)
{
	size_t n = strlen(tag);
	const char *end = in.p + in.n;

	while (in.n) {
		const char *at = memmem(in.p, in.n, tag, n);

		if (!at || at + n >= end)
			return NULL;
		if (at[n] == '>' || at[n] == ' ' || at[n] == '/')
			return at;
		in = str_n(at + n, (size_t)(end - at) - n);
	}
	return NULL;
}

bool s3_xml_next(struct str *doc, const char *name, struct str *ret)
{
	const char *end = doc->p + doc->n, *at, *inside, *close;
	char tag[NAME];

	snprintf(tag, sizeof(tag), "<%s", name);
	at = doc->n ? find_tag(*doc, tag) : NULL;
	inside = at ? memchr(at, '>', (size_t)(end - at)) : NULL;
	if (!inside)
		return false;
	if (inside[-1] == '/') {
		*ret = str_n(inside, 0);
		*doc = str_n(inside + 1, (size_t)(end - inside) - 1);
		return true;
	}
	inside++;
	snprintf(tag, sizeof(tag), "</%s", name);
	close = find_tag(str_n(inside, (size_t)(end - inside)), tag);
	if (!close)
		return false;
	*ret = str_n(inside, (size_t)(close - inside));
	*doc = str_n(close, (size_t)(end - close));
	return true;
}

static size_t utf8_put(uint32_t c, char *out)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* The character that "#38" or "#x26" stands for; 0: none. */
static uint32_t numbered(struct str ref)
{
	bool hex = ref.n > 1 && ref.p[1] == 'x';
	uint32_t code = 0;

	for (size_t i = hex ? 2 : 1; i < ref.n; i++) {
		char c = ref.p[i];
		uint32_t digit =
			c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
			: c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
			: c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
					       : 16;

		if (digit >= (hex ? 16U : 10U))
			return 0;
		code = code * (hex ? 16 : 10) + digit;
		if (code > CODE_MAX)
			return 0;
	}
	return code;
}

/* What stands between '&' and ';'. */
static uint32_t referred(struct str ref)
{
	static const struct {
		const char *name;
		char c;
	} named[] = {{"amp", '&'},
		     {"lt", '<'},
		     {"gt", '>'},
		     {"quot", '"'},
		     {"apos", '\''}};

	if (ref.n && ref.p[0] == '#')
		return numbered(ref);
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++)
		if (str_is(ref, named[i].name))
			return (uint32_t)named[i].c;
	return 0;
}

/* A reference at the front of in: its length, and what it is; 0: none. */
static size_t take_reference(struct str in, uint32_t *ret)
{
	size_t n = in.n < REFERENCE ? in.n : REFERENCE;
	size_t end = str_find(str_n(in.p, n), ';');

	if (end == n)
		return 0;
	*ret = referred(str_n(in.p + 1, end - 1));
	return *ret ? end + 1 : 0;
}

bool s3_xml_text(struct str doc, const char *name, char *out, size_t size)
{
	struct str text;
	size_t n = 0;

	out[0] = '\0';
	if (!s3_xml_next(&doc, name, &text))
		return false;
	for (size_t i = 0; i < text.n && n + 5 < size;) {
		struct str rest = str_n(text.p + i, text.n - i);
		uint32_t c = 0;
		size_t used = rest.p[0] == '&' ? take_reference(rest, &c) : 0;

		if (used)
			n += utf8_put(c, out + n);
		else
			out[n++] = rest.p[0];
		i += used ? used : 1;
	}
	out[n] = '\0';
	return true;
}

void s3_xml_escape(struct buf *b, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		unsigned char c = (unsigned char)text.p[i];

		if (c == '&' || c == '<' || c == '>' || c < ' ')
			buf_printf(b, "&#%d;", c);
		else
			buf_putc(b, (char)c);
	}
}
