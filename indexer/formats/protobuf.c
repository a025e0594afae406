/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf.c - see protobuf.h. */
#include "indexer/formats/protobuf.h"

#include "indexer/base/varint.h"

enum { WIRE_BITS = 3, NUMBER_MAX = (1 << 29) - 1 };

void pb_init(struct pb_reader *r, struct str message)
{
	r->start = r->at = (const unsigned char *)message.p;
	r->end = r->at + message.n;
}

static int wrong(const struct pb_reader *r, const char *what, struct err *e)
{
	return err_set(e, ERR_MALFORMED,
		       "not a protobuf message: %s at byte %zu", what,
		       (size_t)(r->at - r->start));
}

static int get_varint(struct pb_reader *r, uint64_t *ret, struct err *e)
{
	const unsigned char *next = varint_get(r->at, r->end, ret);

	if (!next)
		return wrong(r, "a bad varint", e);
	r->at = next;
	return 0;
}

static int get_fixed(struct pb_reader *r, size_t n, uint64_t *ret,
		     struct err *e)
{
	if ((size_t)(r->end - r->at) < n)
		return wrong(r, "a number cut short", e);
	*ret = 0;
	for (size_t i = 0; i < n; i++)
		*ret |= (uint64_t)r->at[i] << 8 * i;
	r->at += n;
	return 0;
}

static int get_bytes(struct pb_reader *r, struct str *ret, struct err *e)
{
	uint64_t n;

	if (get_varint(r, &n, e) < 0)
		return -1;
	if (n > (uint64_t)(r->end - r->at))
		return wrong(r, "a field cut short", e);
	*ret = str_n((const char *)r->at, (size_t)n);
	r->at += n;
	return 0;
}

int pb_next(struct pb_reader *r, struct pb_field *ret, struct err *e)
{
	uint64_t key;
	int rc;

	if (r->at == r->end)
		return 0;
	if (get_varint(r, &key, e) < 0)
		return -1;
	if (key >> WIRE_BITS == 0 || key >> WIRE_BITS > NUMBER_MAX)
		return wrong(r, "a field of no number", e);
	*ret = (struct pb_field){.number = (uint32_t)(key >> WIRE_BITS)};
	switch (key & ((1 << WIRE_BITS) - 1)) {
	case PB_VARINT:
		ret->wire = PB_VARINT;
		rc = get_varint(r, &ret->value, e);
		break;
	case PB_FIXED64:
		ret->wire = PB_FIXED64;
		rc = get_fixed(r, sizeof(uint64_t), &ret->value, e);
		break;
	case PB_BYTES:
		ret->wire = PB_BYTES;
		rc = get_bytes(r, &ret->bytes, e);
		break;
	case PB_FIXED32:
		ret->wire = PB_FIXED32;
		rc = get_fixed(r, sizeof(uint32_t), &ret->value, e);
		break;
	default:
		return wrong(r, "a field of no known type", e);
	}
	return rc < 0 ? -1 : 1;
}
