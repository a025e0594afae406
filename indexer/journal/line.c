/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - metric lines: parsed, packed, unpacked.
 *
 * The hard idea: this is the inner loop of a training script's logging, so
 * the usual line (a few digits, a point, an exponent at most) is read in one
 * walk over its bytes; whatever is unusual, good or bad, goes the long way
 * that also finds the words for its error.
 */
#include "indexer/journal/line.h"

#include "indexer/base/num.h"
#include "indexer/base/num_scan.h"
#include "indexer/base/varint.h"

enum {
	HAS_STEP = 1 << 0,
	HAS_TIME = 1 << 1,
	FIELDS = 3,
	DIGITS_EXACT = 19, /* decimal digits that always fit into 64 bits */
	QUOTED = 40,       /* bytes of a bad field that a message shows */
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* --- numbers ------------------------------------------------------------ */

/* Digits from p on, added to *digits; *count grows by the significant ones. */
static const char *take_digits(const char *p, const char *end, uint64_t *digits,
			       unsigned *count)
{
	uint64_t u = *digits;
	unsigned n = *count;

	for (; p < end && is_digit(*p); p++) {
		u = u * 10 + (uint64_t)(*p - '0');
		n += u != 0;
	}
	*digits = u;
	*count = n;
	return p;
}

/* "e-07" at p; NULL where it is anything else. */
static const char *take_exponent(const char *p, const char *end, int64_t *add)
{
	bool negative;
	uint64_t v = 0;
	unsigned n = 0;
	const char *first;

	p++;
	negative = p < end && *p == '-';
	if (p < end && (*p == '-' || *p == '+'))
		p++;
	first = p;
	p = take_digits(p, end, &v, &n);
	if (p == first || n > 4)
		return NULL;
	*add += negative ? -(int64_t)v : (int64_t)v;
	return p;
}

/* The usual shape: digits, perhaps a point and digits, perhaps an exponent. */
static bool value_fast(struct str s, double *ret)
{
	const char *p = s.p, *end = s.p + s.n, *first;
	bool negative = *p == '-';
	uint64_t digits = 0;
	unsigned count = 0;
	int64_t exponent = 0;

	p += negative || *p == '+';
	first = p;
	p = take_digits(p, end, &digits, &count);
	if (p == first)
		return false;
	if (p < end && *p == '.') {
		first = ++p;
		p = take_digits(p, end, &digits, &count);
		exponent = first - p;
	}
	if (p < end && (*p == 'e' || *p == 'E'))
		p = take_exponent(p, end, &exponent);
	if (p != end || count > DIGITS_EXACT ||
	    !num_compose(digits, exponent, ret))
		return false;
	if (negative)
		*ret = -*ret;
	return true;
}

static bool value_parse(struct str s, double *ret)
{
	return value_fast(s, ret) || num_parse_f64(s, ret);
}

static bool integer_parse(struct str s, int64_t *ret)
{
	uint64_t digits = 0;
	unsigned count = 0;

	if (take_digits(s.p, s.p + s.n, &digits, &count) == s.p + s.n &&
	    count < DIGITS_EXACT) {
		*ret = (int64_t)digits;
		return true;
	}
	return num_parse_i64(s, ret);
}

/* --- one line ----------------------------------------------------------- */

/* A field as a message may show it: cut, and without what is not ASCII. */
struct quoted {
	char text[QUOTED + 4];
};

static struct quoted quote(struct str s)
{
	struct quoted q;
	size_t n = s.n < QUOTED ? s.n : QUOTED;

	for (size_t i = 0; i < n; i++)
		q.text[i] = s.p[i] >= ' ' && s.p[i] <= '~' && s.p[i] != '"'
				    ? s.p[i]
				    : '?';
	memcpy(q.text + n, "...", 4);
	if (n == s.n)
		q.text[n] = '\0';
	return q;
}

/* Cut into fields; their number, FIELDS + 1 where there are more. */
static unsigned split(struct str line, struct str *fields)
{
	const char *p = line.p, *end = line.p + line.n;
	unsigned n = 0;

	for (;;) {
		const char *from;

		while (p < end && is_blank(*p))
			p++;
		if (p == end)
			return n;
		if (n == FIELDS)
			return FIELDS + 1;
		from = p;
		while (p < end && !is_blank(*p))
			p++;
		fields[n++] = str_n(from, (size_t)(p - from));
	}
}

static int refuse_fields(struct str line, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "\"%s\" is not a metric line: it is \"value\", "
		       "\"step value\" or \"step value timestamp\"",
		       quote(line).text);
}

static int refuse_step(struct str s, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "step \"%s\" is not a whole number of 64 bits",
		       quote(s).text);
}

static int refuse_value(struct str s, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "value \"%s\" is not a decimal number that a double can "
		       "hold",
		       quote(s).text);
}

static int refuse_time(struct str s, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "timestamp \"%s\" is not milliseconds since 1970, 0 or "
		       "more",
		       quote(s).text);
}

int line_parse(struct str line, struct journal_point *ret, struct err *e)
{
	struct str field[FIELDS];
	struct journal_point p = {.has_step = false};
	unsigned n;

	if (line.n > LINE_MAX_BYTES)
		return err_set(e, ERR_INVALID, "a line has at most %d bytes",
			       LINE_MAX_BYTES);
	n = split(line, field);
	if (!n)
		return 0;
	if (n > FIELDS)
		return refuse_fields(line, e);
	p.has_step = n > 1;
	p.has_time = n > 2;
	if (p.has_step && !integer_parse(field[0], &p.p.step))
		return refuse_step(field[0], e);
	if (!value_parse(field[n > 1], &p.p.value))
		return refuse_value(field[n > 1], e);
	if (p.has_time && (!integer_parse(field[2], &p.p.time) || p.p.time < 0))
		return refuse_time(field[2], e);
	*ret = p;
	return 1;
}

/* --- packed ------------------------------------------------------------- */

static unsigned char *pack(unsigned char *at, const struct journal_point *p)
{
	*at++ = (unsigned char)((p->has_step ? HAS_STEP : 0) |
				(p->has_time ? HAS_TIME : 0));
	if (p->has_step)
		at = varint_put(at, zigzag(p->p.step));
	if (p->has_time)
		at = varint_put(at, (uint64_t)p->p.time);
	memcpy(at, &p->p.value, sizeof(p->p.value));
	return at + sizeof(p->p.value);
}

void points_pack(struct buf *out, const struct journal_point *p)
{
	unsigned char packed[POINT_PACKED_MAX];

	if (out->cap - out->n > POINT_PACKED_MAX) {
		unsigned char *at = (unsigned char *)out->p + out->n;

		buf_added(out, (size_t)(pack(at, p) - at));
		return;
	}
	buf_add(out, packed, (size_t)(pack(packed, p) - packed));
}

static int pack_lines(struct str full, struct buf *out, size_t *ret_points,
		      struct err *e)
{
	for (size_t number = 1; full.n; number++) {
		struct journal_point p;
		int got = line_parse(str_cut(&full, '\n'), &p, e);

		if (got < 0)
			return err_wrap(e, "line %zu", number);
		if (got) {
			points_pack(out, &p);
			++*ret_points;
		}
	}
	return 0;
}

int lines_pack(struct str text, struct buf *out, size_t *ret_points,
	       size_t *ret_tail, struct err *e)
{
	const char *last = text.n ? memrchr(text.p, '\n', text.n) : NULL;
	size_t full = last ? (size_t)(last + 1 - text.p) : 0;
	size_t before = out->n;

	*ret_points = 0;
	*ret_tail = text.n - full;
	if (pack_lines(str_n(text.p, full), out, ret_points, e) < 0) {
		if (buf_ok(out))
			out->n = before;
		return -1;
	}
	if (!buf_ok(out))
		return err_set(e, ERR_TOO_LARGE,
			       "more than %zu bytes of packed metric lines",
			       out->ceiling);
	return 0;
}

/* --- unpacked ----------------------------------------------------------- */

/* One point at p; what follows it, or NULL where there is none. */
static const unsigned char *unpack(const unsigned char *p,
				   const unsigned char *end,
				   struct journal_point *ret)
{
	unsigned flags = *p++;
	uint64_t u = 0;

	*ret = (struct journal_point){.has_step = flags & HAS_STEP,
				      .has_time = flags & HAS_TIME};
	if (flags & ~(unsigned)(HAS_STEP | HAS_TIME))
		return NULL;
	if (ret->has_step) {
		p = varint_get(p, end, &u);
		ret->p.step = unzigzag(u);
	}
	if (ret->has_time) {
		p = p ? varint_get(p, end, &u) : NULL;
		ret->p.time = (int64_t)u;
	}
	if (!p || ret->p.time < 0 || (size_t)(end - p) < sizeof(ret->p.value))
		return NULL;
	memcpy(&ret->p.value, p, sizeof(ret->p.value));
	return p + sizeof(ret->p.value);
}

int64_t points_count(struct str packed)
{
	const unsigned char *p = (const unsigned char *)packed.p;
	const unsigned char *end = p + packed.n;
	struct journal_point ignored;
	int64_t n = 0;

	for (; p && p < end; n++)
		p = unpack(p, end, &ignored);
	return p || !packed.n ? n : -1;
}

int points_unpack(struct str packed, struct journal_point *out, size_t n,
		  struct err *e)
{
	const unsigned char *p = (const unsigned char *)packed.p;
	const unsigned char *end = p + packed.n;
	size_t i;

	for (i = 0; i < n && p && p < end; i++)
		p = unpack(p, end, &out[i]);
	if (i < n || (packed.n && p != end))
		return err_set(e, ERR_CORRUPT,
			       "%zu bytes are not %zu packed points", packed.n,
			       n);
	return 0;
}
