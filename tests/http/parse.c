/* SPDX-License-Identifier: Apache-2.0 */
/* parse.c - heads that are taken and heads that are refused, each fed whole,
 * byte by byte and in random pieces, always from memory of exactly its size.
 */
#include "api/http/parse.h"

#include "tests/tap.h"

#define HOST "Host: a\r\n"
#define GET  "GET / HTTP/1.1\r\n"

struct row {
	const char *name, *text;
	size_t n;
	int status; /* 0: taken */
	enum framing framing;
	int64_t length;
	bool close;
};

#define BAD(name, status, text)                                                \
	{                                                                      \
		name, text, sizeof(text) - 1, status                           \
	}
#define GOOD(name, text) BAD(name, 0, text)
#define BODY(name, framing, length, text)                                      \
	{                                                                      \
		name, text, sizeof(text) - 1, 0, framing, length               \
	}
#define CLOSE(name, text)                                                      \
	{                                                                      \
		name, text, sizeof(text) - 1, 0, FRAMING_NONE, 0, true         \
	}

static const struct row rows[] = {
	/* the probes that libraries let through */
	BAD("two differing lengths", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: 5\r\nContent-Length: 6\r\n\r\n"),
	BAD("two equal lengths", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: 5\r\nContent-Length: 5\r\n\r\n"),
	BAD("length and chunks", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
	BAD("chunks and length", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"),
	BAD("blank before the colon", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length : 5\r\n\r\n"),
	BAD("tab before the colon", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length\t: 5\r\n\r\n"),
	BAD("no Host", 400, GET "\r\n"),
	BAD("two Hosts", 400, GET HOST "Host: b\r\n\r\n"),
	BAD("two equal Hosts", 400, GET HOST HOST "\r\n"),
	BAD("NUL in a value", 400, GET HOST "X: a\0b\r\n\r\n"),
	BAD("NUL in a name", 400, GET HOST "X\0: a\r\n\r\n"),
	BAD("folded line", 400, GET HOST "X: a\r\n b\r\n\r\n"),
	BAD("folded with a tab", 400, GET HOST "X: a\r\n\tb\r\n\r\n"),
	BAD("fold first", 400, GET " X: a\r\n" HOST "\r\n"),
	BAD("bare LF after the request line", 400,
	    "GET / HTTP/1.1\n" HOST "\r\n"),
	BAD("bare LF after a field", 400, GET "Host: a\n\r\n"),
	BAD("bare LF at the end", 400, GET HOST "\n"),
	BAD("bare LF everywhere", 400, "GET / HTTP/1.1\nHost: a\n\n"),

	/* request lines */
	GOOD("plainest", GET HOST "\r\n"),
	GOOD("query", "GET /a?b=c&d=%20 HTTP/1.1\r\n" HOST "\r\n"),
	GOOD("any method token", "M-SEARCH!# / HTTP/1.1\r\n" HOST "\r\n"),
	GOOD("odd but allowed target bytes",
	     "GET /a|b\"<>[]{}^`\\ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("empty line first", 400, "\r\n" GET HOST "\r\n"),
	BAD("blank first", 400, " GET / HTTP/1.1\r\n" HOST "\r\n"),
	BAD("two blanks before the target", 400,
	    "GET  / HTTP/1.1\r\n" HOST "\r\n"),
	BAD("two blanks behind the target", 400,
	    "GET /  HTTP/1.1\r\n" HOST "\r\n"),
	BAD("tab for a blank", 400, "GET\t/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("blank at the end", 400, "GET / HTTP/1.1 \r\n" HOST "\r\n"),
	BAD("no version", 400, "GET /\r\n" HOST "\r\n"),
	BAD("HTTP/0.9", 505, "GET / HTTP/0.9\r\n" HOST "\r\n"),
	BAD("HTTP/1.2", 505, "GET / HTTP/1.2\r\n" HOST "\r\n"),
	BAD("HTTP/2.0", 505, "GET / HTTP/2.0\r\n" HOST "\r\n"),
	BAD("HTTP/11", 400, "GET / HTTP/11\r\n" HOST "\r\n"),
	BAD("HTTP/1.10", 400, "GET / HTTP/1.10\r\n" HOST "\r\n"),
	BAD("HTTP/1.", 400, "GET / HTTP/1.\r\n" HOST "\r\n"),
	BAD("http/1.1", 400, "GET / http/1.1\r\n" HOST "\r\n"),
	BAD("HTTP/+1.1", 400, "GET / HTTP/+1.1\r\n" HOST "\r\n"),
	BAD("HTTPS", 400, "GET / HTTPS/1.1\r\n" HOST "\r\n"),
	BAD("asterisk", 400, "OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
	BAD("absolute form", 400, "GET http://a/ HTTP/1.1\r\n" HOST "\r\n"),
	BAD("authority form", 400, "CONNECT a:80 HTTP/1.1\r\n" HOST "\r\n"),
	BAD("empty target", 400, "GET  HTTP/1.1\r\n" HOST "\r\n"),
	BAD("fragment", 400, "GET /a#b HTTP/1.1\r\n" HOST "\r\n"),
	BAD("NUL in the target", 400, "GET /a\0b HTTP/1.1\r\n" HOST "\r\n"),
	BAD("raw UTF-8 in the target", 400,
	    "GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"),
	BAD("DEL in the target", 400, "GET /\x7f HTTP/1.1\r\n" HOST "\r\n"),
	BAD("CR in the target", 400, "GET /\rX HTTP/1.1\r\n" HOST "\r\n"),
	BAD("CR without LF", 400, "GET / HTTP/1.1\rX" HOST "\r\n"),
	BAD("two CRs", 400, "GET / HTTP/1.1\r\r\n" HOST "\r\n"),
	BAD("colon in the method", 400, "GE:T / HTTP/1.1\r\n" HOST "\r\n"),
	BAD("NUL first", 400, "\0GET / HTTP/1.1\r\n" HOST "\r\n"),
	BAD("TLS hello", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
	BAD("preface of HTTP/2", 400, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
	BAD("method of 33 bytes", 400,
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n" HOST "\r\n"),
	GOOD("method of 32 bytes",
	     "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n" HOST "\r\n"),

	/* fields */
	GOOD("no blank behind the colon", GET "Host:a\r\n\r\n"),
	GOOD("blanks around a value", GET "Host: \t a \t \r\n\r\n"),
	GOOD("empty value", GET HOST "X:\r\n\r\n"),
	GOOD("value of blanks", GET HOST "X: \t \r\n\r\n"),
	GOOD("bytes beyond ASCII in a value", GET HOST "X: \xc3\xa4\r\n\r\n"),
	GOOD("tab within a value", GET HOST "X: a\tb\r\n\r\n"),
	GOOD("name in any case", GET "hOST: a\r\n\r\n"),
	GOOD("a harmless field twice", GET HOST "Via: a\r\nVia: b\r\n\r\n"),
	BAD("no colon", 400, GET HOST "X\r\n\r\n"),
	BAD("empty name", 400, GET HOST ": a\r\n\r\n"),
	BAD("name with a blank", 400, GET HOST "X Y: a\r\n\r\n"),
	BAD("name beyond ASCII", 400, GET HOST "X\xc3\xa4: a\r\n\r\n"),
	BAD("name with a bracket", 400, GET HOST "X(Y): a\r\n\r\n"),
	BAD("CR in a value", 400, GET HOST "X: a\rb\r\n\r\n"),
	BAD("escape in a value", 400, GET HOST "X: a\x1b[0m\r\n\r\n"),
	BAD("DEL in a value", 400, GET HOST "X: \x7f\r\n\r\n"),
	BAD("CR CR LF at the end", 400, GET HOST "\r\r\n"),
	BAD("empty Host", 400, GET "Host:\r\n\r\n"),
	BAD("Host with a path", 400, GET "Host: a/b\r\n\r\n"),
	BAD("Host with a user", 400, GET "Host: u@a\r\n\r\n"),
	BAD("Host with a blank", 400, GET "Host: a b\r\n\r\n"),
	BAD("list of Hosts", 400, GET "Host: a?b\r\n\r\n"),
	GOOD("Host with a port", GET "Host: [::1]:80\r\n\r\n"),
	BAD("two Authorizations", 400,
	    GET HOST "Authorization: a\r\nAuthorization: b\r\n\r\n"),
	BAD("two Content-Types", 400,
	    GET HOST "Content-Type: a\r\ncontent-type: a\r\n\r\n"),
	BAD("two Ranges", 400,
	    GET HOST "Range: bytes=0-1\r\nRange: bytes=2-3\r\n\r\n"),

	/* lengths */
	BODY("length 0", FRAMING_LENGTH, 0,
	     "POST / HTTP/1.1\r\n" HOST "Content-Length: 0\r\n\r\n"),
	BODY("leading zeros", FRAMING_LENGTH, 7,
	     "POST / HTTP/1.1\r\n" HOST "Content-Length: 007\r\n\r\n"),
	BODY("longest length", FRAMING_LENGTH, 999999999999999999,
	     "POST / HTTP/1.1\r\n" HOST
	     "Content-Length: 999999999999999999\r\n\r\n"),
	BODY("GET with a body", FRAMING_LENGTH, 3,
	     GET HOST "Content-Length: 3\r\n\r\n"),
	BAD("length beyond 64 bits", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: 99999999999999999999\r\n\r\n"),
	BAD("length 2^64", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Content-Length: 18446744073709551616\r\n\r\n"),
	BAD("empty length", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length:\r\n\r\n"),
	BAD("signed length", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: +5\r\n\r\n"),
	BAD("negative length", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: -5\r\n\r\n"),
	BAD("hex length", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 0x5\r\n\r\n"),
	BAD("length with a blank", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 5 5\r\n\r\n"),
	BAD("list of lengths", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 5, 5\r\n\r\n"),
	BAD("length with a point", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: 5.0\r\n\r\n"),
	BAD("quoted length", 400,
	    "POST / HTTP/1.1\r\n" HOST "Content-Length: \"5\"\r\n\r\n"),

	/* chunks */
	BODY("chunked", FRAMING_CHUNKED, 0,
	     "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),
	BODY("Chunked", FRAMING_CHUNKED, 0,
	     "POST / HTTP/1.1\r\n" HOST "transfer-encoding:Chunked\r\n\r\n"),
	BAD("gzip, chunked", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Transfer-Encoding: gzip, chunked\r\n\r\n"),
	BAD("chunked, chunked", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Transfer-Encoding: chunked, chunked\r\n\r\n"),
	BAD("chunked twice", 400,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: chunked\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"),
	BAD("identity", 400,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n\r\n"),
	BAD("identity, then chunked", 400,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: identity\r\n"
	    "Transfer-Encoding: chunked\r\n\r\n"),
	BAD("xchunked", 400,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: xchunked\r\n\r\n"),
	BAD("chunked with a parameter", 400,
	    "POST / HTTP/1.1\r\n" HOST
	    "Transfer-Encoding: chunked;q=1\r\n\r\n"),
	BAD("vertical tab before chunked", 400,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding: \x0b"
	    "chunked\r\n\r\n"),
	BAD("empty coding", 400,
	    "POST / HTTP/1.1\r\n" HOST "Transfer-Encoding:\r\n\r\n"),
	BAD("chunks in HTTP/1.0", 400,
	    "POST / HTTP/1.0\r\n" HOST "Transfer-Encoding: chunked\r\n\r\n"),

	/* Connection and Expect */
	CLOSE("close", GET HOST "Connection: close\r\n\r\n"),
	CLOSE("Close in a list", GET HOST "Connection: x, Close\r\n\r\n"),
	CLOSE("close in a second line",
	      GET HOST "Connection: x\r\nConnection: close\r\n\r\n"),
	CLOSE("close wins", GET HOST "Connection: keep-alive, close\r\n\r\n"),
	CLOSE("HTTP/1.0", "GET / HTTP/1.0\r\n\r\n"),
	CLOSE("HTTP/1.0 close", "GET / HTTP/1.0\r\nConnection: close\r\n\r\n"),
	GOOD("HTTP/1.0 keep-alive",
	     "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
	BAD("HTTP/1.0 with two Hosts", 400,
	    "GET / HTTP/1.0\r\n" HOST HOST "\r\n"),
	GOOD("upgrade is not taken",
	     GET HOST "Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"),
	BODY("expect", FRAMING_LENGTH, 5,
	     "PUT / HTTP/1.1\r\n" HOST
	     "Expect: 100-Continue\r\nContent-Length: 5\r\n\r\n"),
	BAD("expect something else", 417,
	    "PUT / HTTP/1.1\r\n" HOST
	    "Expect: 200-ok\r\nContent-Length: 5\r\n\r\n"),
	BAD("expect twice", 400,
	    "PUT / HTTP/1.1\r\n" HOST "Expect: 100-continue\r\n"
	    "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n"),
};

/* Feed in pieces as next says; the memory is exactly as long as what was
 * received. */
static enum parse feed(struct head *h, const char *text, size_t n,
		       unsigned seed)
{
	enum parse r = PARSE_MORE;
	size_t have = 0;

	head_init(h);
	while (r == PARSE_MORE && have < n) {
		size_t step = seed == 0 ? n : seed == 1 ? 1 : seed % 13 + 1;
		char *copy;

		if (seed > 1)
			seed = seed * 1103515245 + 12345;
		have = have + step > n ? n : have + step;
		copy = malloc(have);
		memcpy(copy, text, have);
		r = head_parse(h, str_n(copy, have));
		free(copy);
	}
	return r;
}

static bool same(const struct head *a, const struct head *b)
{
	return a->status == b->status && a->why == b->why &&
	       (a->status || a->at == b->at) && a->count == b->count &&
	       a->framing == b->framing && a->length == b->length &&
	       a->keep_alive == b->keep_alive &&
	       a->expect_continue == b->expect_continue &&
	       memcmp(a->fields, b->fields, a->count * sizeof(a->fields[0])) ==
		       0;
}

static void check_pieces(const char *text, size_t n, const char *name)
{
	static struct head whole, pieces;
	enum parse want = feed(&whole, text, n, 0);
	bool good = true;

	for (unsigned seed = 1; seed < 20; seed++)
		good = good && feed(&pieces, text, n, seed) == want &&
		       same(&whole, &pieces);
	ok(good, name);
}

static void check_row(const struct row *r)
{
	static struct head h;
	char name[200];
	enum parse got = feed(&h, r->text, r->n, 0);

	if (r->status) {
		snprintf(name, sizeof(name), "refused: %s", r->name);
		ok(got == PARSE_BAD && h.status == r->status && h.why, name);
	} else {
		snprintf(name, sizeof(name), "taken: %s", r->name);
		ok(got == PARSE_DONE && h.at == r->n &&
			   h.framing == r->framing && h.length == r->length &&
			   h.keep_alive == !r->close,
		   name);
	}
	if (got == PARSE_BAD)
		printf("# %d %s\n", h.status, h.why);
	snprintf(name, sizeof(name), "in pieces: %s", r->name);
	check_pieces(r->text, r->n, name);
}

/* A request line and fields of chosen lengths. */
static size_t build(char *out, size_t line, unsigned fields, size_t value)
{
	size_t n = 0;

	memcpy(out, "GET /", 5);
	for (n = 5; n < line - 11; n++)
		out[n] = 'x';
	memcpy(out + n, " HTTP/1.1\r\nHost: a\r\n", 20);
	n += 20;
	for (unsigned i = 1; i < fields; i++) {
		memcpy(out + n, "X: ", 3);
		memset(out + n + 3, 'v', value);
		memcpy(out + n + 3 + value, "\r\n", 2);
		n += value + 5;
	}
	memcpy(out + n, "\r\n", 2);
	return n + 2;
}

static const struct {
	const char *name;
	size_t line;
	unsigned fields;
	size_t value;
	int status;
} sizes[] = {
	{"longest request line", HTTP_LINE_MAX, 1, 0, 0},
	{"request line one too long", HTTP_LINE_MAX + 1, 1, 0, 414},
	{"request line far too long", HTTP_LINE_MAX * 3, 1, 0, 414},
	{"most fields", 20, HTTP_FIELDS_MAX, 3, 0},
	{"one field too many", 20, HTTP_FIELDS_MAX + 1, 3, 431},
	/* "Host: a", X lines of value + 5, the empty line */
	{"longest fields", 20, 2, HTTP_HEAD_MAX - 9 - 5 - 2, 0},
	{"fields one byte too long", 20, 2, HTTP_HEAD_MAX - 9 - 5 - 1, 431},
	{"fields far too long", 20, 3, HTTP_HEAD_MAX, 431},
};

static void check_sizes(void)
{
	static char text[HTTP_LINE_MAX * 3 + HTTP_HEAD_MAX * 3];
	static struct head h;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		size_t n = build(text, sizes[i].line, sizes[i].fields,
				 sizes[i].value);
		enum parse got = feed(&h, text, n, 0);

		ok(got == (sizes[i].status ? PARSE_BAD : PARSE_DONE) &&
			   h.status == sizes[i].status,
		   sizes[i].name);
		ok(feed(&h, text, n, 77) == got && h.status == sizes[i].status,
		   "the same in pieces");
	}
}

static void check_values(void)
{
	static const char text[] = "PUT /a%20b?c HTTP/1.1\r\n"
				   "Host: h\r\n"
				   "X-One:  1 \r\n"
				   "Accept: a, \"b,c\" ,,d\r\n\r\nrest";
	static struct head h;
	struct str list, item;

	ok(feed(&h, text, sizeof(text) - 1, 0) == PARSE_DONE, "parsed");
	is_i64(h.at, sizeof(text) - 1 - 4, "what follows is not taken");
	ok(str_is(span_of(h.method, text), "PUT"), "method");
	ok(str_is(span_of(h.target, text), "/a%20b?c"), "target");
	is_i64(h.count, 3, "three fields");
	ok(str_is(head_find(&h, text, STR("x-ONE")), "1"), "value trimmed");
	ok(!head_find(&h, text, STR("X-On")).p, "no such field");
	list = head_find(&h, text, STR("accept"));
	ok(http_list_next(&list, &item) && str_is(item, "a"), "first of list");
	ok(http_list_next(&list, &item) && str_is(item, "\"b,c\""), "quoted");
	ok(http_list_next(&list, &item) && str_is(item, "d"), "last");
	ok(!http_list_next(&list, &item), "end of list");
	ok(http_token(STR("a-b")) && !http_token(STR("")) &&
		   !http_token(STR("a b")),
	   "tokens");
}

int main(void)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(&rows[i]);
	check_sizes();
	check_values();
	return tap_done();
}
