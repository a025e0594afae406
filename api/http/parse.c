/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - the grammar of a request head.
 *
 * Each state has a step that consumes a run of bytes up to a limit, so that
 * limits hold at the same byte however the input was cut. Length checks come
 * before looks at the next byte for the same reason. What the lines mean is
 * framing.c.
 */
#include "api/http/parse.h"

#include "api/http/framing.h"

enum state {
	AT_METHOD,
	AT_TARGET,
	AT_VERSION,
	AT_LINE_LF,
	AT_FIELD,
	AT_NAME,
	AT_BLANK,
	AT_VALUE,
	AT_FIELD_LF,
	AT_LAST_LF,
	AT_END
};

/* A bit per byte: letters, digits and !#$%&'*+-.^_`|~ */
static const uint32_t token_bits[8] = {0, 0x3ff6cfa, 0xc7fffffe, 0x57ffffff};

static bool is_token_byte(unsigned char c)
{
	return token_bits[c >> 5] >> (c & 31) & 1;
}

static bool is_value_byte(unsigned char c)
{
	return c == '\t' || (c >= ' ' && c != 0x7f);
}

static bool is_target_byte(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '#';
}

static enum parse bad(struct head *h, int status, const char *why)
{
	h->status = status;
	h->why = why;
	return PARSE_BAD;
}

static struct span taken(const struct head *h)
{
	return (struct span){h->mark, h->at - h->mark};
}

/* Past the byte at h->at, into another state. */
static enum parse go(struct head *h, enum state state)
{
	h->at++;
	h->mark = h->at;
	h->state = (unsigned char)state;
	return PARSE_DONE;
}

typedef bool byte_class(unsigned char c);

/* Skip a run; true when it ended before the limit. */
static bool run(struct head *h, const char *p, uint32_t end, byte_class *in)
{
	while (h->at < end && in((unsigned char)p[h->at]))
		h->at++;
	return h->at < end;
}

typedef enum parse step_fn(struct head *h, const char *p, uint32_t end);

static enum parse step_method(struct head *h, const char *p, uint32_t end)
{
	bool stopped = run(h, p, end, is_token_byte);

	if (h->at - h->mark > HTTP_METHOD_MAX)
		return bad(h, 400, "the method is too long");
	if (!stopped)
		return PARSE_MORE;
	if (p[h->at] != ' ' || h->at == h->mark)
		return bad(h, 400,
			   "the request line does not begin with a "
			   "method and a blank");
	h->method = taken(h);
	return go(h, AT_TARGET);
}

static enum parse step_target(struct head *h, const char *p, uint32_t end)
{
	if (h->at == h->mark && p[h->at] != '/')
		return bad(h, 400, "the request target must begin with '/'");
	if (!run(h, p, end, is_target_byte))
		return PARSE_MORE;
	if (p[h->at] != ' ')
		return bad(h, 400,
			   "the request target holds a byte that is "
			   "not allowed");
	h->target = taken(h);
	return go(h, AT_VERSION);
}

static enum parse version(struct head *h, struct str v)
{
	if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[6] != '.' ||
	    v.p[5] < '0' || v.p[5] > '9' || v.p[7] < '0' || v.p[7] > '9')
		return bad(h, 400,
			   "the request line does not end in "
			   "\"HTTP/1.1\"");
	if (v.p[5] != '1' || v.p[7] > '1')
		return bad(h, 505, "only HTTP/1.1 and HTTP/1.0 are spoken");
	h->minor = (unsigned)(v.p[7] - '0');
	return PARSE_DONE;
}

static enum parse step_version(struct head *h, const char *p, uint32_t end)
{
	if (!run(h, p, end, is_target_byte))
		return PARSE_MORE;
	if (p[h->at] != '\r')
		return bad(h, 400, "the request line does not end in CR LF");
	if (version(h, span_of(taken(h), p)) == PARSE_BAD)
		return PARSE_BAD;
	return go(h, AT_LINE_LF);
}

static enum parse step_lf(struct head *h, const char *p, uint32_t end)
{
	bool first = h->state == AT_LINE_LF, last = h->state == AT_LAST_LF;

	(void)end;
	if (p[h->at] != '\n')
		return bad(h, 400, "a CR is not followed by LF");
	go(h, last ? AT_END : AT_FIELD);
	if (first)
		h->fields_at = h->at;
	return PARSE_DONE;
}

static enum parse step_field(struct head *h, const char *p, uint32_t end)
{
	char c = p[h->at];

	(void)end;
	if (c == '\r')
		return go(h, AT_LAST_LF);
	if (c == ' ' || c == '\t')
		return bad(h, 400, "folded header lines are not allowed");
	if (h->count == HTTP_FIELDS_MAX)
		return bad(h, 431, "too many header lines");
	h->state = AT_NAME;
	return PARSE_DONE;
}

static enum parse step_name(struct head *h, const char *p, uint32_t end)
{
	if (!run(h, p, end, is_token_byte))
		return PARSE_MORE;
	if (p[h->at] != ':' || h->at == h->mark)
		return bad(h, 400,
			   "a header line has no proper name before "
			   "its colon");
	h->fields[h->count].name = taken(h);
	return go(h, AT_BLANK);
}

static enum parse step_blank(struct head *h, const char *p, uint32_t end)
{
	while (h->at < end && (p[h->at] == ' ' || p[h->at] == '\t'))
		h->at++;
	if (h->at == end)
		return PARSE_MORE;
	h->mark = h->at;
	h->state = AT_VALUE;
	return PARSE_DONE;
}

static enum parse step_value(struct head *h, const char *p, uint32_t end)
{
	struct span *value = &h->fields[h->count].value;

	if (!run(h, p, end, is_value_byte))
		return PARSE_MORE;
	if (p[h->at] != '\r')
		return bad(h, 400,
			   "a header value holds a byte that is not "
			   "allowed, or its line does not end in CR "
			   "LF");
	*value = taken(h);
	while (value->n && (p[value->at + value->n - 1] == ' ' ||
			    p[value->at + value->n - 1] == '\t'))
		value->n--;
	h->count++;
	return go(h, AT_FIELD_LF);
}

static step_fn *const steps[] = {
	[AT_METHOD] = step_method,   [AT_TARGET] = step_target,
	[AT_VERSION] = step_version, [AT_LINE_LF] = step_lf,
	[AT_FIELD] = step_field,     [AT_NAME] = step_name,
	[AT_BLANK] = step_blank,     [AT_VALUE] = step_value,
	[AT_FIELD_LF] = step_lf,     [AT_LAST_LF] = step_lf,
};

static enum parse too_long(struct head *h)
{
	if (h->state <= AT_LINE_LF)
		return bad(h, 414, "the request line is too long");
	return bad(h, 431, "the header lines are too long");
}

void head_init(struct head *h)
{
	/* The fields need no clearing: count says how many there are. */
	h->count = 0;
	h->minor = 1;
	h->framing = FRAMING_NONE;
	h->length = 0;
	h->keep_alive = h->expect_continue = false;
	h->status = 0;
	h->why = NULL;
	h->at = h->mark = h->fields_at = 0;
	h->method = h->target = (struct span){0, 0};
	h->state = AT_METHOD;
}

enum parse head_parse(struct head *h, struct str text)
{
	while (h->state != AT_END) {
		size_t limit = h->state <= AT_LINE_LF
				       ? HTTP_LINE_MAX
				       : h->fields_at + HTTP_HEAD_MAX;
		size_t end = text.n < limit ? text.n : limit;
		enum parse r;

		if (h->at >= end)
			return end == limit ? too_long(h) : PARSE_MORE;
		r = steps[h->state](h, text.p, (uint32_t)end);
		if (r == PARSE_BAD)
			return r;
	}
	return framing_settle(h, text.p);
}

struct str head_find(const struct head *h, const char *text, struct str name)
{
	for (unsigned i = 0; i < h->count; i++) {
		const struct head_field *f = &h->fields[i];

		if (f->name.n == name.n &&
		    str_eq_nocase(span_of(f->name, text), name))
			return span_of(f->value, text);
	}
	return STR_NONE;
}

bool http_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token_byte((unsigned char)s.p[i]))
			return false;
	return s.n > 0;
}

/* Length up to the next comma outside of quotes. */
static size_t element_length(struct str s)
{
	bool quoted = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (quoted && s.p[i] == '\\' && i + 1 < s.n)
			i++;
		else if (s.p[i] == '"')
			quoted = !quoted;
		else if (s.p[i] == ',' && !quoted)
			break;
	}
	return i;
}

bool http_list_next(struct str *list, struct str *ret)
{
	while (list->n) {
		size_t n = element_length(*list);

		*ret = str_trim(str_n(list->p, n));
		if (n < list->n)
			n++;
		*list = str_n(list->p + n, list->n - n);
		if (ret->n)
			return true;
	}
	return false;
}
