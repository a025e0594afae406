/* SPDX-License-Identifier: Apache-2.0 */
/* span_block.h - the spans of a trace packed into few bytes.
 *
 * A block holds some spans of one trace in the order in which they came.
 * Strings and ids stand in a dictionary, each once; those that every tracer
 * uses have numbers from the start. Times are differences. Messages are
 * walked by their tables (otlp.h), so that what is kept of a span is said
 * there alone. Then zstd. Pure functions; a codec is only the memory that
 * they reuse, and belongs to one thread. Unpacking takes hostile bytes: an
 * error, never a crash. Form, integers little-endian:
 *
 *	1 byte   SPAN_BLOCK_VERSION
 *	4 bytes  CRC-32C of all that follows
 *	1 byte   1: the rest is a zstd frame
 *	varint   bytes of the rest without zstd
 *
 *	varint   strings of the dictionary, then their lengths, then they
 *	varint   number of spans, then they
 *
 * A message is a varint with a bit per member that is there, then those. The
 * id of the trace is left out: who keeps a block knows whose it is.
 */
#ifndef ORRERY_INDEX_SPAN_BLOCK_H
#define ORRERY_INDEX_SPAN_BLOCK_H

#include "indexer/formats/otlp.h"

enum {
	SPAN_BLOCK_VERSION = 1,
	SPAN_BLOCK_RAW = 64 << 20 /* bytes before zstd, at most */
};

struct span_codec;
struct span_codec *span_codec_new(void); /* never NULL */
void span_codec_free(struct span_codec *c);

/* Append the packed form of n spans, 1 at least, to out. ERR_TOO_LARGE where
 * they have more than SPAN_BLOCK_RAW bytes. */
int span_block_pack(struct span_codec *c, const struct otlp_span *spans,
		    size_t n, struct buf *out, struct err *e);
/* Spans in the arena, where their strings live, too. */
int span_block_unpack(struct span_codec *c, struct str block, struct arena *a,
		      struct otlp_span **ret, size_t *ret_n, struct err *e);

#endif
