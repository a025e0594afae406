/* SPDX-License-Identifier: Apache-2.0 */
/* values.c - see values.h. */
#include "indexer/index/values.h"

#include "indexer/base/text.h"

int check_text(struct str s, const char *what, struct err *e)
{
	if (utf8_valid(s))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Invalid value for parameter '%s' supplied: it is not "
		       "UTF-8",
		       what);
}

static bool begins_character(char c)
{
	return ((unsigned char)c & 0xc0) != 0x80;
}

int64_t text_characters(struct str s)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += begins_character(s.p[i]);
	return n;
}

struct str text_cut(struct str s, int64_t max)
{
	int64_t n = 0;

	if ((int64_t)s.n <= max)
		return s;
	for (size_t i = 0; i < s.n; i++)
		if (begins_character(s.p[i]) && ++n > max)
			return str_n(s.p, i);
	return s;
}

void text_repr(struct buf *b, struct str s)
{
	bool apostrophe = str_find(s, '\'') < s.n;
	char quote = apostrophe && str_find(s, '"') == s.n ? '"' : '\'';

	buf_putc(b, quote);
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\n')
			buf_puts(b, "\\n");
		else if (c == '\r')
			buf_puts(b, "\\r");
		else if (c == '\t')
			buf_puts(b, "\\t");
		else if ((unsigned char)c < 0x20 || c == 0x7f)
			buf_printf(b, "\\x%02x", (unsigned char)c);
		else if (c == quote || c == '\\')
			buf_printf(b, "\\%c", c);
		else
			buf_putc(b, c);
	}
	buf_putc(b, quote);
}

void array_extend(struct buf *ret, struct str array, struct str object)
{
	if (array.n && memmem(array.p, array.n, object.p, object.n))
		return;
	if (array.n < 2 || array.p[0] != '[' || array.p[array.n - 1] != ']')
		array = STR("[]");
	buf_str(ret, str_n(array.p, array.n - 1));
	if (array.n > 2)
		buf_puts(ret, ", ");
	buf_str(ret, object);
	buf_putc(ret, ']');
}
