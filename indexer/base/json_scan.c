/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.c - strings and numbers of JSON, each byte looked at once where
 * that can be.
 *
 * Strings are checked eight bytes at a time; what has no escapes stays where
 * it is. Digits are gathered while the grammar of a number is checked, so
 * most numbers need no second look.
 */
#include "indexer/base/json_scan.h"

#include <string.h>

#include "indexer/base/num.h"
#include "indexer/base/num_scan.h"
#include "indexer/base/text.h"

int json_wrong(const struct json_pull *j, size_t at, const char *what,
	       struct err *e)
{
	size_t line = 1, start = 0;

	for (size_t i = 0; i < at && i < j->in.n; i++) {
		if (j->in.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	return err_set(e, ERR_MALFORMED,
		       "not valid JSON: line %zu, column %zu: %s", line,
		       at - start + 1, what);
}

static int peek(const struct json_pull *j)
{
	return j->at < j->in.n ? (unsigned char)j->in.p[j->at] : -1;
}

/* --- strings ------------------------------------------------------------ */

/* Eight bytes that are all plain: ASCII from 0x20 on, no quote, no
 * backslash. A byte is zero in x exactly where (x - 1s) & ~x has its top bit
 * set, up to the first such byte, which is enough for yes or no. */
static bool plain8(const char *p)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	const uint64_t tops = ones << 7;
	uint64_t w, quote, slash;

	memcpy(&w, p, sizeof(w));
	quote = w ^ (ones * '"');
	slash = w ^ (ones * '\\');
	return !((w | (w - ones * 0x20) | ((quote - ones) & ~quote) |
		  ((slash - ones) & ~slash)) &
		 tops);
}

size_t json_plain(struct str in, size_t i)
{
	while (in.n - i >= 8 && plain8(in.p + i))
		i += 8;
	for (; i < in.n; i++) {
		unsigned char c = (unsigned char)in.p[i];

		if (c < 0x20 || c >= 0x80 || c == '"' || c == '\\')
			break;
	}
	return i;
}

/* Four hex digits at i: their value, or -1. */
static int hex4(struct str in, size_t i)
{
	unsigned char two[2];

	if (in.n - i < 4 || !hex_decode(str_n(in.p + i, 4), two))
		return -1;
	return two[0] << 8 | two[1];
}

/* Reads \uXXXX (i behind the u), both halves of a pair; returns how many
 * bytes it took, 0 where it is not a character that a string may hold. */
static size_t unicode_escape(struct str in, size_t i, unsigned *ret)
{
	int high = hex4(in, i), low;

	if (high <= 0 || (high >= 0xdc00 && high <= 0xdfff))
		return 0;
	*ret = (unsigned)high;
	if (high < 0xd800 || high > 0xdbff)
		return 4;
	if (in.n - i < 10 || in.p[i + 4] != '\\' || in.p[i + 5] != 'u')
		return 0;
	low = hex4(in, i + 6);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*ret = 0x10000 + ((unsigned)(high - 0xd800) << 10) +
	       (unsigned)(low - 0xdc00);
	return 10;
}

/* What \c stands for, 0 if it is no simple escape. */
static char simple_escape(char c)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *at = c ? strchr(from, c) : NULL;

	return at ? to[at - from] : '\0';
}

/* Length of the escape at i (a backslash), 0 if it is none. */
static size_t escape_length(struct str in, size_t i)
{
	unsigned code;
	size_t n;

	if (in.n - i < 2)
		return 0;
	if (in.p[i + 1] != 'u')
		return simple_escape(in.p[i + 1]) ? 2 : 0;
	n = unicode_escape(in, i + 2, &code);
	return n ? n + 2 : 0;
}

static char *put_utf8(char *at, unsigned code)
{
	if (code < 0x80) {
		*at++ = (char)code;
		return at;
	}
	if (code < 0x800) {
		*at++ = (char)(0xc0 | code >> 6);
	} else {
		if (code < 0x10000) {
			*at++ = (char)(0xe0 | code >> 12);
		} else {
			*at++ = (char)(0xf0 | code >> 18);
			*at++ = (char)(0x80 | (code >> 12 & 63));
		}
		*at++ = (char)(0x80 | (code >> 6 & 63));
	}
	*at++ = (char)(0x80 | (code & 63));
	return at;
}

/* raw was checked; what comes out is never longer. */
static int unescape(struct json_pull *j, struct str raw, struct str *ret,
		    struct err *e)
{
	char *out = arena_strdup(j->arena, raw), *at = out;
	size_t i = 0;

	if (!out)
		return arena_full(j->arena, e);
	while (i < raw.n) {
		unsigned code;

		if (raw.p[i] != '\\') {
			*at++ = raw.p[i++];
		} else if (raw.p[i + 1] != 'u') {
			*at++ = simple_escape(raw.p[i + 1]);
			i += 2;
		} else {
			i += 2 + unicode_escape(raw, i + 2, &code);
			at = put_utf8(at, code);
		}
	}
	*at = '\0';
	*ret = str_n(out, (size_t)(at - out));
	return 0;
}

static int wrong_in_string(const struct json_pull *j, size_t i, struct err *e)
{
	unsigned char c;

	if (i >= j->in.n)
		return json_wrong(j, i, "a string without its end", e);
	c = (unsigned char)j->in.p[i];
	if (c == '\\')
		return json_wrong(j, i,
				  "an escape that JSON does not have, a NUL or "
				  "half a surrogate pair",
				  e);
	if (c < 0x20)
		return json_wrong(j, i, "a control character in a string", e);
	return json_wrong(j, i, "bytes that are not UTF-8", e);
}

/* At the opening quote. */
int json_scan_string(struct json_pull *j, struct str *ret, struct err *e)
{
	size_t start = j->at + 1, i = start;
	bool escaped = false;
	struct str raw;

	for (;;) {
		size_t n;

		i = json_plain(j->in, i);
		if (i < j->in.n && j->in.p[i] == '"')
			break;
		if (i < j->in.n && j->in.p[i] == '\\') {
			escaped = true;
			n = escape_length(j->in, i);
		} else {
			n = i < j->in.n && (unsigned char)j->in.p[i] >= 0x80
				    ? utf8_sequence(
					      str_n(j->in.p + i, j->in.n - i))
				    : 0;
		}
		if (!n)
			return wrong_in_string(j, i, e);
		i += n;
	}
	j->at = i + 1;
	raw = str_n(j->in.p + start, i - start);
	if (escaped)
		return unescape(j, raw, ret, e);
	*ret = raw;
	return 0;
}

/* --- numbers and words -------------------------------------------------- */

/* Digits seen, with what they add up to while they fit. */
struct digits {
	uint64_t value;
	size_t count;
};

enum { DIGITS_FIT = 19 };

static size_t take_digits(struct json_pull *j, struct digits *d)
{
	size_t start = j->at;

	while (j->at < j->in.n) {
		unsigned digit = (unsigned char)j->in.p[j->at] - '0';

		if (digit > 9)
			break;
		d->value = d->value * 10 + digit;
		j->at++;
	}
	d->count += j->at - start;
	return j->at - start;
}

/* "e-12" behind the digits: 0 read or absent, -1 cut short. */
static int take_exponent(struct json_pull *j, int64_t *exponent)
{
	struct digits d = {0};
	bool negative;
	int c = peek(j);

	if (c != 'e' && c != 'E')
		return 0;
	j->at++;
	c = peek(j);
	negative = c == '-';
	if (c == '-' || c == '+')
		j->at++;
	if (!take_digits(j, &d))
		return -1;
	if (d.count > 5)
		d.value = 100000;
	*exponent += negative ? -(int64_t)d.value : (int64_t)d.value;
	return 0;
}

/* The grammar of RFC 8259 behind an optional minus. */
static int number_grammar(struct json_pull *j, struct digits *d,
			  int64_t *exponent)
{
	bool zero = peek(j) == '0';

	if (!take_digits(j, d) || (zero && d->count > 1))
		return -1;
	if (peek(j) == '.') {
		size_t n;

		j->at++;
		n = take_digits(j, d);
		if (!n)
			return -1;
		*exponent = -(int64_t)n;
	}
	return take_exponent(j, exponent);
}

int json_scan_word_number(struct json_pull *j, const char *word,
			  struct json_token *ret, struct err *e)
{
	size_t n = strlen(word), start = ret->at;

	if (j->in.n - j->at < n || memcmp(j->in.p + j->at, word, n) != 0)
		return json_wrong(j, j->at, "a value was expected", e);
	j->at += n;
	ret->kind = JSON_NUMBER;
	ret->is_integer = false;
	ret->text = str_n(j->in.p + start, j->at - start);
	num_parse_f64(ret->text, &ret->real);
	return 0;
}

static void number_value(struct json_token *t, const struct digits *d,
			 int64_t exponent, bool written_as_integer)
{
	bool negative = t->text.p[0] == '-';

	if (d->count <= DIGITS_FIT && num_compose(d->value, exponent, &t->real))
		t->real = negative ? -t->real : t->real;
	else if (!num_parse_f64(t->text, &t->real))
		t->kind = JSON_END;
	t->is_integer = written_as_integer;
	if (!written_as_integer)
		return;
	if (d->count < DIGITS_FIT)
		t->integer = negative ? -(int64_t)d->value : (int64_t)d->value;
	else
		t->is_integer = num_parse_i64(t->text, &t->integer);
}

int json_scan_number(struct json_pull *j, struct json_token *ret, struct err *e)
{
	struct digits d = {0};
	int64_t exponent = 0;
	size_t start = j->at;
	bool integer;

	if (peek(j) == '-')
		j->at++;
	if (peek(j) == 'I')
		return json_scan_word_number(j, "Infinity", ret, e);
	if (number_grammar(j, &d, &exponent))
		return json_wrong(j, start, "a number that JSON does not have",
				  e);
	ret->kind = JSON_NUMBER;
	ret->text = str_n(j->in.p + start, j->at - start);
	integer = !memchr(ret->text.p, '.', ret->text.n) &&
		  !memchr(ret->text.p, 'e', ret->text.n) &&
		  !memchr(ret->text.p, 'E', ret->text.n);
	number_value(ret, &d, exponent, integer);
	if (ret->kind == JSON_END)
		return json_wrong(j, start, "a number beyond a double's range",
				  e);
	return 0;
}
