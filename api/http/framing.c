/* SPDX-License-Identifier: Apache-2.0 */
/* framing.c - length, chunks, Host, Connection, Expect; and what may come
 * only once.
 *
 * One table names the fields that matter here. A field that decides anything
 * (where the message ends, who asks, which bytes) is refused when it comes
 * twice, even with equal values: whoever sits in front of us might have read
 * the other one.
 */
#include "api/http/framing.h"

struct settling {
	struct head *h;
	bool host, length, chunked, close, keep;
};

typedef enum parse take_fn(struct settling *s, struct str value);

static enum parse bad(struct settling *s, int status, const char *why)
{
	s->h->status = status;
	s->h->why = why;
	return PARSE_BAD;
}

bool framing_host_valid(struct str host)
{
	for (size_t i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		      (c >= 'A' && c <= 'Z') ||
		      (c && strchr("-._~!$&'()*+;=:[]%", c))))
			return false;
	}
	return host.n > 0;
}

static enum parse take_host(struct settling *s, struct str value)
{
	s->host = true;
	if (!framing_host_valid(value))
		return bad(s, 400, "the Host header is not a host");
	return PARSE_DONE;
}

static enum parse take_length(struct settling *s, struct str value)
{
	int64_t n = 0;

	if (!value.n || value.n > 18)
		return bad(s, 400, "the Content-Length is not a length");
	for (size_t i = 0; i < value.n; i++) {
		if (value.p[i] < '0' || value.p[i] > '9')
			return bad(s, 400,
				   "the Content-Length is not a "
				   "length");
		n = n * 10 + (value.p[i] - '0');
	}
	s->length = true;
	s->h->length = n;
	return PARSE_DONE;
}

static enum parse take_coding(struct settling *s, struct str value)
{
	if (!str_eq_nocase(value, STR("chunked")))
		return bad(s, 400, "the Transfer-Encoding is not \"chunked\"");
	s->chunked = true;
	return PARSE_DONE;
}

static enum parse take_connection(struct settling *s, struct str value)
{
	struct str part;

	while (http_list_next(&value, &part)) {
		if (str_eq_nocase(part, STR("close")))
			s->close = true;
		else if (str_eq_nocase(part, STR("keep-alive")))
			s->keep = true;
	}
	return PARSE_DONE;
}

static enum parse take_expect(struct settling *s, struct str value)
{
	if (!str_eq_nocase(value, STR("100-continue")))
		return bad(s, 417, "nothing but 100-continue can be expected");
	s->h->expect_continue = s->h->minor >= 1;
	return PARSE_DONE;
}

static const struct {
	struct str name;
	take_fn *take; /* NULL: only counted */
	bool once;
} table[] = {
	{{"Host", 4}, take_host, true},
	{{"Content-Length", 14}, take_length, true},
	{{"Transfer-Encoding", 17}, take_coding, true},
	{{"Connection", 10}, take_connection, false},
	{{"Expect", 6}, take_expect, true},
	{{"Content-Type", 12}, NULL, true},
	{{"Content-Encoding", 16}, NULL, true},
	{{"Content-Range", 13}, NULL, true},
	{{"Authorization", 13}, NULL, true},
	{{"PRIVATE-TOKEN", 13}, NULL, true},
	{{"X-Gitlab-Token", 14}, NULL, true},
	{{"Cookie", 6}, NULL, true},
	{{"Range", 5}, NULL, true},
	{{"If-Range", 8}, NULL, true},
	{{"Origin", 6}, NULL, true},
};

enum { TABLE = sizeof(table) / sizeof(table[0]) };

static unsigned table_find(struct str name)
{
	unsigned i;

	for (i = 0; i < TABLE; i++)
		if (table[i].name.n == name.n &&
		    str_eq_nocase(table[i].name, name))
			break;
	return i;
}

static enum parse take_fields(struct settling *s, const char *text)
{
	unsigned seen = 0;

	for (unsigned i = 0; i < s->h->count; i++) {
		const struct head_field *f = &s->h->fields[i];
		unsigned t = table_find(span_of(f->name, text));

		if (t == TABLE)
			continue;
		if (table[t].once && (seen & 1u << t))
			return bad(s, 400,
				   "a header that may come once comes "
				   "twice");
		seen |= 1u << t;
		if (table[t].take &&
		    table[t].take(s, span_of(f->value, text)) == PARSE_BAD)
			return PARSE_BAD;
	}
	return PARSE_DONE;
}

enum parse framing_settle(struct head *h, const char *text)
{
	struct settling s = {.h = h};

	if (take_fields(&s, text) == PARSE_BAD)
		return PARSE_BAD;
	if (!s.host && h->minor >= 1)
		return bad(&s, 400, "the Host header is missing");
	if (s.chunked && s.length)
		return bad(&s, 400,
			   "Content-Length and Transfer-Encoding "
			   "exclude each other");
	if (s.chunked && h->minor == 0)
		return bad(&s, 400, "HTTP/1.0 has no Transfer-Encoding");
	if (s.chunked)
		h->framing = FRAMING_CHUNKED;
	else if (s.length)
		h->framing = FRAMING_LENGTH;
	h->keep_alive = !s.close && (h->minor >= 1 || s.keep);
	return PARSE_DONE;
}
