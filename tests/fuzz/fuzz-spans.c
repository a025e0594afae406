/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-spans.c - blocks of spans and OTLP requests of any kind: an error, or
 * spans that are the same once they are packed and unpacked again, and as text
 * whatever they hold. Input: a byte (0: what lies in the frame of a block, 1:
 * a request in protobuf, else one in JSON), and the bytes. The frame is made
 * here, so that what lies behind the checksum is reached.
 */
#include <stdlib.h>

#include "indexer/base/crc32c.h"
#include "indexer/base/scope.h"
#include "indexer/base/varint.h"
#include "indexer/index/span_block.h"
#include "indexer/index/span_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 1 << 20, ARENA = 64 << 20, FRAME = 1 + 4 + 1 + VARINT_MAX };

static void must(bool good)
{
	if (!good)
		abort();
}

static void write_all(struct buf *b, const struct otlp_span *spans, size_t n)
{
	struct json_out j;

	jo_init(&j, b, 0);
	jo_array(&j);
	for (size_t i = 0; i < n; i++) {
		struct otlp_span s = spans[i];

		s.trace_id = STR_NONE; /* a block does not keep it */
		message_write_json(&otlp_span_message, &s, &j);
	}
	jo_array_end(&j);
}

/* What searches and summaries make of them. */
static void use(const struct otlp_span *spans, size_t n)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, SPAN_TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		const struct otlp_value v = {.kind = OTLP_PAIRS,
					     .items = spans[i].attributes};
		struct span_sums sums = {.kind = SUMS_COSTS};

		buf_reset(&b);
		span_content(&b, &spans[i]);
		span_preview(&b, &v, "user");
		span_sums_add_span(&sums, &spans[i], 1);
		span_sums_json(&b, &sums);
	}
}

static void again(struct span_codec *c, const struct otlp_span *spans, size_t n)
{
	SCOPED(arena_fini) struct arena a;
	SCOPED(buf_fini) struct buf block;
	SCOPED(buf_fini) struct buf one;
	SCOPED(buf_fini) struct buf two;
	struct otlp_span *back;
	size_t nback;
	struct err e;

	arena_init(&a, ARENA);
	buf_init(&block, ARENA);
	buf_init(&one, ARENA);
	buf_init(&two, ARENA);
	must(span_block_pack(c, spans, n, &block, &e) == 0);
	must(span_block_unpack(c, buf_view(&block), &a, &back, &nback, &e) ==
	     0);
	must(nback == n);
	write_all(&one, spans, n);
	write_all(&two, back, n);
	must(buf_ok(&one) && str_eq(buf_view(&one), buf_view(&two)));
	use(spans, n);
}

static void try_block(struct span_codec *c, struct str raw)
{
	SCOPED(arena_fini) struct arena a;
	unsigned char *block = malloc(FRAME + raw.n);
	unsigned char *at;
	struct otlp_span *spans;
	uint32_t crc;
	size_t n, size;
	struct err e;

	must(block != NULL);
	block[0] = SPAN_BLOCK_VERSION;
	block[5] = 0; /* without zstd */
	at = varint_put(block + 6, raw.n);
	memcpy(at, raw.p, raw.n);
	size = (size_t)(at - block) + raw.n;
	crc = crc32c(0, block + 5, size - 5);
	for (int i = 0; i < 4; i++)
		block[1 + i] = (unsigned char)(crc >> 8 * i);
	arena_init(&a, ARENA);
	if (span_block_unpack(c, str_n((const char *)block, size), &a, &spans,
			      &n, &e) == 0 &&
	    n)
		again(c, spans, n);
	free(block);
}

static void try_spans(struct span_codec *c, const struct otlp_request *r)
{
	const struct otlp_resource_spans *resource = r->resources.items;

	for (size_t i = 0; i < r->resources.n; i++) {
		const struct otlp_scope_spans *scope = resource[i].scopes.items;

		for (size_t k = 0; k < resource[i].scopes.n; k++)
			if (scope[k].spans.n)
				again(c, scope[k].spans.items,
				      scope[k].spans.n);
	}
}

static void try_request(struct span_codec *c, struct str in, bool json)
{
	SCOPED(arena_fini) struct arena a;
	struct otlp_request r;
	struct err e;
	int rc;

	arena_init(&a, ARENA);
	rc = json ? message_read_json(&otlp_request_message, in, &a, &r, &e)
		  : message_read(&otlp_request_message, in, &a, &r, &e);
	if (rc == 0)
		try_spans(c, &r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span_codec *c;
	struct str rest;

	if (size < 2 || size > MOST)
		return 0;
	c = span_codec_new();
	rest = str_n((const char *)data + 1, size - 1);
	if (data[0] == 0)
		try_block(c, rest);
	else
		try_request(c, rest, data[0] != 1);
	span_codec_free(c);
	return 0;
}
