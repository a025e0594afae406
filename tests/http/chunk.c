/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.c - chunked bodies that are taken and refused, whole and in pieces. */
#include "api/http/chunk.h"

#include "tests/tap.h"

static const struct {
	const char *name, *text;
	size_t n;
	const char *body; /* NULL: refused */
	const char *rest;
} rows[] = {
#define ROW(name, text, body, rest)                                            \
	{                                                                      \
		name, text, sizeof(text) - 1, body, rest                       \
	}
	ROW("empty", "0\r\n\r\n", "", ""),
	ROW("one", "5\r\nhello\r\n0\r\n\r\n", "hello", ""),
	ROW("two", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world", ""),
	ROW("hex in both cases",
	    "A\r\n0123456789\r\na\r\nabcdefghij\r\n"
	    "0\r\n\r\n",
	    "0123456789abcdefghij", ""),
	ROW("leading zeros", "0005\r\nhello\r\n000\r\n\r\n", "hello", ""),
	ROW("extension", "5;a=b;c=\"d\"\r\nhello\r\n0;x\r\n\r\n", "hello", ""),
	ROW("trailers", "0\r\nX-Sum: 1\r\nY: 2\r\n\r\n", "", ""),
	ROW("what follows stays", "1\r\nx\r\n0\r\n\r\nGET /", "x", "GET /"),
	ROW("line ends in the data", "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n",
	    ""),
	ROW("15 digits", "000000000000001\r\nx\r\n0\r\n\r\n", "x", ""),
	ROW("16 digits", "0000000000000001\r\nx\r\n0\r\n\r\n", NULL, NULL),
	ROW("no size", "\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("not hex", "g\r\n", NULL, NULL),
	ROW("prefix 0x", "0x5\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("signed", "+5\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("negative", "-5\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("blank first", " 5\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("blank behind", "5 \r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("bare LF", "5\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("CR without LF", "5\rXhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("LF in an extension", "5;a\nb\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("NUL in an extension", "5;a\0b\r\nhello\r\n0\r\n\r\n", NULL, NULL),
	ROW("data too long", "5\r\nhello!\r\n0\r\n\r\n", NULL, NULL),
	ROW("data too short", "5\r\nhel\r\n0\r\n\r\n", NULL, NULL),
	ROW("bare LF behind the data", "5\r\nhello\n0\r\n\r\n", NULL, NULL),
	ROW("bare LF at the end", "0\r\n\n", NULL, NULL),
	ROW("folded trailer", "0\r\nX: 1\r\n 2\r\n\r\n", NULL, NULL),
	ROW("trailer without a name", "0\r\n: 1\r\n\r\n", NULL, NULL),
	ROW("bare CR in a trailer", "0\r\nX: 1\rY\r\n\r\n", NULL, NULL),
	ROW("huge size", "ffffffffffffffffffff\r\n", NULL, NULL),
};

/* Decode in pieces of at most step bytes; false where it is refused. */
static bool decode(const char *text, size_t n, size_t step, struct buf *out,
		   size_t *used)
{
	struct chunks k;
	struct str in, data;
	size_t at = 0;

	chunks_init(&k);
	buf_reset(out);
	while (at < n) {
		in = str_n(text + at, n - at < step ? n - at : step);
		switch (chunks_next(&k, &in, &data)) {
		case CHUNK_BAD:
			return false;
		case CHUNK_DATA:
			buf_str(out, data);
			break;
		case CHUNK_END:
			*used = (size_t)(in.p - text);
			return true;
		case CHUNK_MORE:
			break;
		}
		at = (size_t)(in.p - text);
	}
	return false;
}

static void check_rows(void)
{
	struct buf out;
	size_t used = 0;

	buf_init(&out, 1 << 20);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bool good = true;

		for (size_t step = 1; step < 40; step++) {
			bool taken = decode(rows[i].text, rows[i].n, step, &out,
					    &used);

			good = good && taken == (rows[i].body != NULL);
			if (!taken || !rows[i].body)
				continue;
			good = good && str_is(buf_view(&out), rows[i].body) &&
			       strcmp(rows[i].text + used, rows[i].rest) == 0;
		}
		ok(good, rows[i].name);
	}
	buf_fini(&out);
}

static bool long_text(const char *before, size_t n, const char *after)
{
	struct buf in, out;
	size_t used;
	bool taken;

	buf_init(&in, 1 << 20);
	buf_init(&out, 1 << 20);
	buf_puts(&in, before);
	for (size_t i = 0; i < n; i++)
		buf_putc(&in, 'x');
	buf_puts(&in, after);
	taken = decode(in.p, in.n, 1000, &out, &used);
	buf_fini(&in);
	buf_fini(&out);
	return taken;
}

int main(void)
{
	check_rows();
	ok(long_text("1;", HTTP_CHUNK_EXTRA_MAX, "\r\nx\r\n0\r\n\r\n"),
	   "longest extension");
	ok(!long_text("1;", HTTP_CHUNK_EXTRA_MAX + 1, "\r\nx\r\n0\r\n\r\n"),
	   "extension too long");
	ok(!long_text("1;x\r\ny\r\n1;", HTTP_CHUNK_EXTRA_MAX,
		      "\r\nx\r\n0\r\n\r\n"),
	   "extensions together too long");
	ok(long_text("0\r\nX", HTTP_CHUNK_EXTRA_MAX - 1, "\r\n\r\n"),
	   "longest trailer");
	ok(!long_text("0\r\nX", HTTP_CHUNK_EXTRA_MAX, "\r\n\r\n"),
	   "trailer too long");
	return tap_done();
}
