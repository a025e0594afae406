/* SPDX-License-Identifier: Apache-2.0 */
/* parse.h - request heads, from bytes; no sockets, no clock, no memory.
 *
 * head_parse is called with everything received so far and goes on where it
 * stopped, so the same bytes give the same result in whatever pieces they
 * come. A head holds offsets, not pointers: the buffer may move while it
 * grows. Strict: whatever two parsers might read differently is refused (bare
 * LF or CR, folded lines, blanks around names, NUL, two lengths, a length
 * with chunks, any coding but "chunked", no Host or two).
 */
#ifndef ORRERY_HTTP_PARSE_H
#define ORRERY_HTTP_PARSE_H

#include "api/http/limits.h"
#include "indexer/base/str.h"

enum parse { PARSE_MORE, PARSE_DONE, PARSE_BAD };

enum framing { FRAMING_NONE, FRAMING_LENGTH, FRAMING_CHUNKED };

struct span {
	uint32_t at, n;
};

struct head_field {
	struct span name, value;
};

struct head {
	struct span method, target;
	struct head_field fields[HTTP_FIELDS_MAX];
	unsigned count;
	unsigned minor; /* HTTP/1.minor */
	enum framing framing;
	int64_t length; /* of the body, where framing is FRAMING_LENGTH */
	bool keep_alive, expect_continue;
	/* PARSE_BAD: what to answer, and why */
	int status;
	const char *why;
	/* where it stopped; at the end, the length of the head */
	uint32_t at, mark, fields_at;
	unsigned char state;
};

void head_init(struct head *h);
/* text is all that was received; only bytes beyond h->at are looked at. */
enum parse head_parse(struct head *h, struct str text);

static inline struct str span_of(struct span s, const char *text)
{
	return str_n(text + s.at, s.n);
}

/* Value of the first field of that name, in any case; p NULL when absent. */
struct str head_find(const struct head *h, const char *text, struct str name);

/* RFC 9110 token bytes. */
bool http_token(struct str s);
/* Next element of a comma-separated list, trimmed, empty ones skipped; false
 * at the end. Quoted strings are kept whole. */
bool http_list_next(struct str *list, struct str *ret);

#endif
