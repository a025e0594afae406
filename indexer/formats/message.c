/* SPDX-License-Identifier: Apache-2.0 */
/* message.c - messages from protobuf's wire format, and walking them. */
#include "indexer/formats/message.h"

#include <assert.h>

#include "indexer/base/text.h"
#include "indexer/formats/protobuf.h"

/* --- walking ------------------------------------------------------------- */

int64_t message_kind(const struct message *m, const void *s)
{
	int64_t kind = 0;

	if (m->kind != MESSAGE_NO_KIND)
		memcpy(&kind, (const char *)s + m->kind, sizeof(kind));
	return kind;
}

void message_set_kind(const struct message *m, const struct member *f, void *s)
{
	int64_t kind = f - m->members + 1;

	memset(s, 0, m->size);
	memcpy((char *)s + m->kind, &kind, sizeof(kind));
}

int64_t member_names(const struct member *f)
{
	int64_t n = 0;

	while (f->names[n])
		n++;
	return n;
}

static bool message_empty(const struct message *m, const void *s)
{
	for (size_t i = 0; i < m->count; i++)
		if (member_present(m, &m->members[i], s))
			return false;
	return true;
}

bool member_present(const struct message *m, const struct member *f,
		    const void *s)
{
	const void *p = member_in(f, s);

	if (f->one_of)
		return message_kind(m, s) == f - m->members + 1;
	switch (f->type) {
	case MEMBER_STR:
	case MEMBER_BYTES:
	case MEMBER_ID:
		return ((const struct str *)p)->n > 0;
	case MEMBER_U64:
	case MEMBER_I64:
	case MEMBER_ENUM:
		return *(const uint64_t *)p != 0;
	case MEMBER_F64:
		return *(const double *)p != 0;
	case MEMBER_BOOL:
		return *(const bool *)p;
	case MEMBER_EMBED:
		return !message_empty(f->sub, p);
	case MEMBER_LIST:
		return ((const struct field_list *)p)->n > 0;
	}
	return false;
}

/* The room doubles whenever the count is a power of two. */
void *message_list_add(struct field_list *l, size_t size, struct arena *a)
{
	if ((l->n & (l->n - 1)) == 0) {
		void *grown = arena_array(a, l->n ? 2 * l->n : 1, size);

		if (!grown)
			return NULL;
		if (l->n)
			memcpy(grown, l->items, l->n * size);
		l->items = grown;
	}
	return (char *)l->items + size * l->n++;
}

/* --- reading ------------------------------------------------------------- */

struct reading {
	struct arena *arena;
	unsigned depth;
	struct err *e;
};

static const enum pb_wire wire_of[] = {
	[MEMBER_STR] = PB_BYTES,   [MEMBER_BYTES] = PB_BYTES,
	[MEMBER_ID] = PB_BYTES,    [MEMBER_U64] = PB_FIXED64,
	[MEMBER_I64] = PB_VARINT,  [MEMBER_ENUM] = PB_VARINT,
	[MEMBER_F64] = PB_FIXED64, [MEMBER_BOOL] = PB_VARINT,
	[MEMBER_EMBED] = PB_BYTES, [MEMBER_LIST] = PB_BYTES,
};

static int read_message(struct reading *r, const struct message *m,
			struct str in, void *ret);

static int read_text(struct reading *r, const struct member *f,
		     struct str bytes, struct str *ret)
{
	if (f->type == MEMBER_STR && !utf8_valid(bytes))
		return err_set(r->e, ERR_MALFORMED, "'%s' is not UTF-8",
			       f->name);
	*ret = bytes;
	return 0;
}

/* Numbers of an enum that it does not have count as 0, as elsewhere. */
static int64_t known_enum(const struct member *f, uint64_t v)
{
	return v < (uint64_t)member_names(f) ? (int64_t)v : 0;
}

static int read_member(struct reading *r, const struct member *f,
		       const struct pb_field *x, void *p)
{
	void *item;

	switch (f->type) {
	case MEMBER_STR:
	case MEMBER_BYTES:
	case MEMBER_ID:
		return read_text(r, f, x->bytes, p);
	case MEMBER_U64:
	case MEMBER_I64:
	case MEMBER_F64:
		memcpy(p, &x->value, sizeof(x->value));
		break;
	case MEMBER_ENUM:
		*(int64_t *)p = known_enum(f, x->value);
		break;
	case MEMBER_BOOL:
		*(bool *)p = x->value != 0;
		break;
	case MEMBER_EMBED:
		return read_message(r, f->sub, x->bytes, p);
	case MEMBER_LIST:
		item = message_list_add(p, f->sub->size, r->arena);
		if (!item)
			return arena_full(r->arena, r->e);
		return read_message(r, f->sub, x->bytes, item);
	}
	return 0;
}

static const struct member *find_number(const struct message *m,
					unsigned number)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->members[i].number == number && !m->members[i].own)
			return &m->members[i];
	return NULL;
}

static int read_fields(struct reading *r, const struct message *m,
		       struct str in, void *ret)
{
	struct pb_reader pb;
	struct pb_field x;
	int rc;

	pb_init(&pb, in);
	while ((rc = pb_next(&pb, &x, r->e)) > 0) {
		const struct member *f = find_number(m, x.number);

		if (!f)
			continue;
		if (x.wire != wire_of[f->type])
			return err_set(r->e, ERR_MALFORMED,
				       "not such a protobuf message: '%s' has "
				       "another type",
				       f->name);
		if (f->one_of)
			message_set_kind(m, f, ret);
		if (read_member(r, f, &x, member_of(f, ret)) < 0)
			return -1;
	}
	return rc;
}

static int read_message(struct reading *r, const struct message *m,
			struct str in, void *ret)
{
	int rc;

	if (r->depth == MESSAGE_DEPTH)
		return err_set(r->e, ERR_MALFORMED,
			       "a protobuf message nested deeper than %d",
			       MESSAGE_DEPTH);
	r->depth++;
	memset(ret, 0, m->size);
	rc = read_fields(r, m, in, ret);
	r->depth--;
	return rc;
}

int message_read(const struct message *m, struct str in, struct arena *a,
		 void *ret, struct err *e)
{
	struct reading r = {a, 0, e};

	return read_message(&r, m, in, ret);
}
