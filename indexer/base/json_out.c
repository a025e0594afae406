/* SPDX-License-Identifier: Apache-2.0 */
/* json_out.c - commas, layout and escapes of JSON that is only appended.
 *
 * Strings go out in runs: what needs no escape is copied as one piece.
 */
#include "indexer/base/json_out.h"

#include <assert.h>
#include <math.h>

#include "indexer/base/json_scan.h"
#include "indexer/base/num.h"
#include "indexer/base/text.h"

void jo_init(struct json_out *j, struct buf *b, unsigned indent)
{
	j->b = b;
	j->depth = 0;
	j->indent = indent;
	j->comma[0] = false;
	j->keyed = false;
	j->python = false;
}

static void new_line(struct json_out *j)
{
	size_t n = 1 + (size_t)j->indent * j->depth;
	char *at;

	if (!j->indent)
		return;
	at = buf_room(j->b, n);
	if (!at)
		return;
	memset(at, ' ', n);
	*at = '\n';
	buf_added(j->b, n);
}

/* What must stand before a key or an element. */
static void separate(struct json_out *j)
{
	if (j->comma[j->depth])
		buf_puts(j->b, j->python ? ", " : ",");
	if (j->depth)
		new_line(j);
	j->comma[j->depth] = true;
}

static void before_value(struct json_out *j)
{
	if (!j->keyed)
		separate(j);
	j->keyed = false;
}

static void open_level(struct json_out *j, char c)
{
	before_value(j);
	assert(j->depth + 1 < sizeof(j->comma));
	buf_putc(j->b, c);
	j->comma[++j->depth] = false;
}

static void close_level(struct json_out *j, char c)
{
	assert(j->depth && !j->keyed);
	j->depth--;
	/* What is empty closes on its own line. */
	if (j->comma[j->depth + 1])
		new_line(j);
	buf_putc(j->b, c);
}

void jo_object(struct json_out *j)
{
	open_level(j, '{');
}

void jo_object_end(struct json_out *j)
{
	close_level(j, '}');
}

void jo_array(struct json_out *j)
{
	open_level(j, '[');
}

void jo_array_end(struct json_out *j)
{
	close_level(j, ']');
}

static void put_escape(struct buf *b, unsigned char c)
{
	static const char from[] = "\"\\\b\f\n\r\t";
	static const char to[] = "\"\\bfnrt";
	const char *at = c ? strchr(from, c) : NULL;

	if (at) {
		char two[2] = {'\\', to[at - from]};

		buf_add(b, two, sizeof(two));
	} else {
		char six[7] = "\\u00";

		hex_encode(&c, 1, six + 4);
		buf_add(b, six, 6);
	}
}

/* Length of the run at the start of s that goes out as it is. */
static size_t plain_run(struct str s)
{
	size_t i = json_plain(s, 0);

	while (i < s.n && (unsigned char)s.p[i] >= 0x80) {
		size_t n = utf8_sequence(str_n(s.p + i, s.n - i));

		if (!n)
			break;
		i = json_plain(s, i + n);
	}
	return i;
}

static void put_string(struct buf *b, struct str s)
{
	buf_putc(b, '"');
	for (;;) {
		size_t n = plain_run(s);

		buf_add(b, s.p, n);
		if (n == s.n)
			break;
		if ((unsigned char)s.p[n] < 0x80)
			put_escape(b, (unsigned char)s.p[n]);
		else
			buf_puts(b, "\xef\xbf\xbd");
		s = str_n(s.p + n + 1, s.n - n - 1);
	}
	buf_putc(b, '"');
}

void jo_key_str(struct json_out *j, struct str key)
{
	assert(j->depth && !j->keyed);
	separate(j);
	put_string(j->b, key);
	buf_puts(j->b, j->indent || j->python ? ": " : ":");
	j->keyed = true;
}

void jo_key(struct json_out *j, const char *key)
{
	jo_key_str(j, str_from(key));
}

void jo_str(struct json_out *j, struct str s)
{
	before_value(j);
	put_string(j->b, s);
}

void jo_i64(struct json_out *j, int64_t v)
{
	before_value(j);
	buf_i64(j->b, v);
}

void jo_u64(struct json_out *j, uint64_t v)
{
	before_value(j);
	buf_printf(j->b, "%llu", (unsigned long long)v);
}

/* What JSON has no number for. */
static void put_odd(const struct json_out *j, double v)
{
	const char *name = isnan(v) ? "NaN" : v < 0 ? "-Infinity" : "Infinity";
	const char *quote = j->python ? "" : "\"";

	buf_printf(j->b, "%s%s%s", quote, name, quote);
}

void jo_f64(struct json_out *j, double v)
{
	char text[NUM_MAX];

	before_value(j);
	if (!isfinite(v))
		put_odd(j, v);
	else
		buf_add(j->b, text, num_format_f64(v, text));
}

void jo_bool(struct json_out *j, bool v)
{
	before_value(j);
	buf_puts(j->b, v ? "true" : "false");
}

void jo_null(struct json_out *j)
{
	before_value(j);
	buf_puts(j->b, "null");
}

void jo_raw(struct json_out *j, struct str json)
{
	before_value(j);
	buf_str(j->b, json);
}

void jo_kstr(struct json_out *j, const char *key, struct str s)
{
	jo_key(j, key);
	jo_str(j, s);
}

void jo_ki64(struct json_out *j, const char *key, int64_t v)
{
	jo_key(j, key);
	jo_i64(j, v);
}

void jo_kf64(struct json_out *j, const char *key, double v)
{
	jo_key(j, key);
	jo_f64(j, v);
}

void jo_kbool(struct json_out *j, const char *key, bool v)
{
	jo_key(j, key);
	jo_bool(j, v);
}
