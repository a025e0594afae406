/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-http_parse.c - heads and chunked bodies: however the bytes are cut,
 * the result is the same, and what is taken holds to its limits.
 */
#include <stdlib.h>

#include "api/http/chunk.h"
#include "api/http/framing.h"
#include "api/http/parse.h"
#include "api/http/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* With memory of exactly the size of what was received. */
static enum parse feed(struct head *h, struct str in, size_t step)
{
	enum parse r = PARSE_MORE;
	size_t have = 0;

	head_init(h);
	while (r == PARSE_MORE && have < in.n) {
		char *copy;

		have = in.n - have < step ? in.n : have + step;
		copy = malloc(have);
		memcpy(copy, in.p, have);
		r = head_parse(h, str_n(copy, have));
		free(copy);
	}
	return r;
}

static bool clean(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (((unsigned char)s.p[i] < ' ' && s.p[i] != '\t') ||
		    s.p[i] == 0x7f)
			return false;
	return true;
}

static void check_head(const struct head *h, struct str in)
{
	struct str path, query;

	must(h->at <= in.n && h->count <= HTTP_FIELDS_MAX && h->minor <= 1);
	must(http_token(span_of(h->method, in.p)) && h->target.n &&
	     in.p[h->target.at] == '/');
	for (unsigned i = 0; i < h->count; i++)
		must(http_token(span_of(h->fields[i].name, in.p)) &&
		     clean(span_of(h->fields[i].value, in.p)));
	must(h->length >= 0 &&
	     (h->framing == FRAMING_LENGTH || h->length == 0));
	must(h->minor == 0 || head_find(h, in.p, STR("host")).p);
	must((h->framing == FRAMING_CHUNKED) ==
	     (head_find(h, in.p, STR("transfer-encoding")).p != NULL));
	target_split(span_of(h->target, in.p), &path, &query);
	target_path_valid(path);
}

/* What comes out of the chunks, as a sum, and where they end. */
static enum chunk decode(struct str in, size_t step, uint64_t *sum,
			 size_t *used)
{
	struct chunks k;
	enum chunk r = CHUNK_MORE;
	size_t at = 0;

	*sum = 14695981039346656037u;
	chunks_init(&k);
	while (at < in.n) {
		struct str piece =
			str_n(in.p + at, in.n - at < step ? in.n - at : step);
		struct str out;

		r = chunks_next(&k, &piece, &out);
		if (r == CHUNK_DATA)
			for (size_t i = 0; i < out.n; i++)
				*sum = (*sum ^ (unsigned char)out.p[i]) *
				       1099511628211u;
		at = (size_t)(piece.p - in.p);
		if (r == CHUNK_END || r == CHUNK_BAD)
			break;
	}
	*used = at;
	return r == CHUNK_DATA ? CHUNK_MORE : r;
}

static void check_chunks(struct str in)
{
	uint64_t a, b;
	size_t m, n;
	enum chunk r = decode(in, in.n, &a, &m);

	must(decode(in, 1, &b, &n) == r && a == b);
	must(r != CHUNK_END || m == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct head whole, cut;
	struct str in = str_n((const char *)data, size);
	enum parse r = feed(&whole, in, size + 1);

	for (size_t step = 1; step < 8 && size < 4096; step += 3) {
		must(feed(&cut, in, step) == r &&
		     (r == PARSE_BAD || cut.at == whole.at) &&
		     cut.status == whole.status && cut.why == whole.why &&
		     cut.count == whole.count && cut.framing == whole.framing &&
		     cut.length == whole.length);
	}
	must(r != PARSE_BAD || (whole.status >= 400 && whole.why));
	if (r == PARSE_DONE) {
		check_head(&whole, in);
		in = str_n(in.p + whole.at, in.n - whole.at);
	}
	if (in.n)
		check_chunks(in);
	return 0;
}
