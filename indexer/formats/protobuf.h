/* SPDX-License-Identifier: Apache-2.0 */
/* protobuf.h - the fields of a protobuf message, one after the other.
 *
 * Only the wire format: numbers, wire types, bytes. What a field means is
 * said by tables (message.h). Refused: a field cut short, a varint longer
 * than 64 bits, number 0, groups, and wire types that do not exist. Nothing
 * is copied or allocated.
 */
#ifndef ORRERY_FORMATS_PROTOBUF_H
#define ORRERY_FORMATS_PROTOBUF_H

#include <stdint.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum pb_wire { PB_VARINT = 0, PB_FIXED64 = 1, PB_BYTES = 2, PB_FIXED32 = 5 };

struct pb_field {
	uint32_t number;
	enum pb_wire wire;
	uint64_t value;   /* of a varint or fixed one */
	struct str bytes; /* of PB_BYTES */
};

struct pb_reader {
	const unsigned char *start, *at, *end;
};

void pb_init(struct pb_reader *r, struct str message);
/* 1 with the next field, 0 at the end, -1 with ERR_MALFORMED. */
int pb_next(struct pb_reader *r, struct pb_field *ret, struct err *e);

#endif
