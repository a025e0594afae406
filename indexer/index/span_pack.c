/* SPDX-License-Identifier: Apache-2.0 */
/* span_pack.c - spans to bytes; see span_block.h. */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/base/varint.h"
#include "indexer/index/span_block.h"
#include "indexer/index/span_raw.h"

const char *const span_known[SPAN_KNOWN] = {
	"mlflow.spanType",
	"mlflow.spanInputs",
	"mlflow.spanOutputs",
	"mlflow.spanFunctionName",
	"mlflow.spanLogLevel",
	"mlflow.chat.tokenUsage",
	"mlflow.chat.tools",
	"mlflow.llm.model",
	"mlflow.llm.provider",
	"mlflow.llm.cost",
	"mlflow.message.format",
	"mlflow.experimentId",
	"UNKNOWN",
	"LLM",
	"CHAIN",
	"CHAT_MODEL",
	"RETRIEVER",
	"TOOL",
	"AGENT",
	"EMBEDDING",
	"PARSER",
	"exception",
	"exception.type",
	"exception.message",
	"exception.stacktrace",
	"exception.escaped",
	"role",
	"content",
	"user",
	"assistant",
	"messages",
	"model",
};

enum {
	PROBES = 16, /* beyond that a string is simply stored once more */
	FIRST_SLOTS = 256,
	BODY_MAX = SPAN_BLOCK_RAW,
};

/* Strings by number, and a table of the numbers (plus 1) by their hash. */
struct dictionary {
	struct str *strings;
	uint32_t *slots;
	size_t n, cap, nslots;
};

struct packing {
	struct dictionary d;
	struct buf body;
	uint64_t time; /* the one written last */
};

/* --- dictionary ---------------------------------------------------------- */

static void *grow(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n, size);
	if (!p)
		abort();
	return p;
}

/* Its number plus 1, or the slot where it belongs in *ret_slot; SIZE_MAX where
 * there is none near. */
static uint32_t look_up(const struct dictionary *d, struct str s,
			size_t *ret_slot)
{
	size_t at = str_hash(s) & (d->nslots - 1);

	for (int i = 0; i < PROBES; i++) {
		uint32_t number = d->slots[at];

		if (!number) {
			*ret_slot = at;
			return 0;
		}
		if (str_eq(d->strings[number - 1], s))
			return number;
		at = (at + 1) & (d->nslots - 1);
	}
	*ret_slot = SIZE_MAX;
	return 0;
}

static void rehash(struct dictionary *d, size_t nslots)
{
	free(d->slots);
	d->slots = calloc(nslots, sizeof(*d->slots));
	if (!d->slots)
		abort();
	d->nslots = nslots;
	for (size_t i = 0; i < d->n; i++) {
		size_t slot;

		if (!look_up(d, d->strings[i], &slot) && slot != SIZE_MAX)
			d->slots[slot] = (uint32_t)i + 1;
	}
}

static uint32_t number_of(struct dictionary *d, struct str s)
{
	size_t slot;
	uint32_t number = look_up(d, s, &slot);

	if (number)
		return number - 1;
	if (d->n == d->cap) {
		d->cap = d->cap ? 2 * d->cap : FIRST_SLOTS / 2;
		d->strings = grow(d->strings, d->cap, sizeof(*d->strings));
	}
	d->strings[d->n++] = s;
	if (slot != SIZE_MAX)
		d->slots[slot] = (uint32_t)d->n;
	if (2 * d->n > d->nslots)
		rehash(d, 2 * d->nslots);
	return (uint32_t)d->n - 1;
}

static void packing_init(struct packing *p)
{
	*p = (struct packing){.time = 0};
	buf_init(&p->body, BODY_MAX);
	rehash(&p->d, FIRST_SLOTS);
	for (size_t i = 0; i < SPAN_KNOWN; i++)
		number_of(&p->d, str_from(span_known[i]));
}

static void packing_fini(struct packing *p)
{
	buf_fini(&p->body);
	free(p->d.strings);
	free(p->d.slots);
}

/* --- messages ------------------------------------------------------------ */

static void put_varint(struct buf *b, uint64_t u)
{
	unsigned char bytes[VARINT_MAX];

	buf_add(b, bytes, (size_t)(varint_put(bytes, u) - bytes));
}

static void put_message(struct packing *p, const struct message *m,
			const void *s);

static void put_time(struct packing *p, uint64_t time)
{
	put_varint(&p->body, zigzag((int64_t)(time - p->time)));
	p->time = time;
}

static void put_list(struct packing *p, const struct message *m,
		     const struct field_list *l)
{
	const char *item = l->items;

	put_varint(&p->body, l->n);
	for (size_t i = 0; i < l->n; i++, item += m->size)
		put_message(p, m, item);
}

static void put_member(struct packing *p, const struct member *f,
		       const void *at)
{
	switch (f->type) {
	case MEMBER_STR:
	case MEMBER_BYTES:
	case MEMBER_ID:
		put_varint(&p->body, number_of(&p->d, *(const struct str *)at));
		break;
	case MEMBER_U64:
		put_time(p, *(const uint64_t *)at);
		break;
	case MEMBER_I64:
	case MEMBER_ENUM:
		put_varint(&p->body, zigzag(*(const int64_t *)at));
		break;
	case MEMBER_F64:
		buf_add(&p->body, at, sizeof(double));
		break;
	case MEMBER_BOOL:
		buf_putc(&p->body, *(const bool *)at);
		break;
	case MEMBER_EMBED:
		put_message(p, f->sub, at);
		break;
	case MEMBER_LIST:
		put_list(p, f->sub, at);
		break;
	}
}

static void put_message(struct packing *p, const struct message *m,
			const void *s)
{
	uint64_t there = 0;

	for (size_t i = 0; i < m->count; i++)
		if (member_present(m, &m->members[i], s))
			there |= UINT64_C(1) << i;
	put_varint(&p->body, there);
	for (size_t i = 0; i < m->count; i++)
		if (there >> i & 1)
			put_member(p, &m->members[i],
				   member_in(&m->members[i], s));
}

static void put_dictionary(const struct dictionary *d, struct buf *raw)
{
	put_varint(raw, d->n - SPAN_KNOWN);
	for (size_t i = SPAN_KNOWN; i < d->n; i++)
		put_varint(raw, d->strings[i].n);
	for (size_t i = SPAN_KNOWN; i < d->n; i++)
		buf_str(raw, d->strings[i]);
}

void span_raw_pack(const struct otlp_span *spans, size_t n, struct buf *raw)
{
	SCOPED(packing_fini) struct packing p;

	packing_init(&p);
	put_varint(&p.body, n);
	for (size_t i = 0; i < n; i++) {
		struct otlp_span span = spans[i];

		span.trace_id = STR_NONE;
		put_message(&p, &otlp_span_message, &span);
	}
	put_dictionary(&p.d, raw);
	if (buf_ok(&p.body))
		buf_str(raw, buf_view(&p.body));
	else
		raw->failed = true;
}
