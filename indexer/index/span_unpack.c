/* SPDX-License-Identifier: Apache-2.0 */
/* span_unpack.c - bytes to spans; see span_block.h. */
#include "indexer/base/varint.h"
#include "indexer/index/span_raw.h"

struct unpacking {
	const unsigned char *at, *end;
	struct str *strings; /* of the block, behind those known */
	uint64_t nstrings, time;
	unsigned depth;
	struct arena *arena;
	struct err *e;
};

static int damaged(const struct unpacking *u, const char *what)
{
	return err_set(u->e, ERR_CORRUPT, "stored spans are damaged: %s", what);
}

static int get_varint(struct unpacking *u, uint64_t *ret)
{
	u->at = varint_get(u->at, u->end, ret);
	if (u->at)
		return 0;
	u->at = u->end;
	return damaged(u, "a bad number");
}

/* A count of things of one byte at least. */
static int get_count(struct unpacking *u, uint64_t *ret)
{
	if (get_varint(u, ret) < 0)
		return -1;
	if (*ret > (uint64_t)(u->end - u->at))
		return damaged(u, "more things than bytes");
	return 0;
}

/* --- dictionary ---------------------------------------------------------- */

static int get_lengths(struct unpacking *u)
{
	for (uint64_t i = 0; i < u->nstrings; i++) {
		uint64_t n;

		if (get_count(u, &n) < 0)
			return -1;
		u->strings[i].n = (size_t)n;
	}
	return 0;
}

static int get_dictionary(struct unpacking *u)
{
	if (get_count(u, &u->nstrings) < 0)
		return -1;
	u->strings = arena_array(u->arena, (size_t)u->nstrings + 1,
				 sizeof(*u->strings));
	if (!u->strings)
		return arena_full(u->arena, u->e);
	if (get_lengths(u) < 0)
		return -1;
	for (uint64_t i = 0; i < u->nstrings; i++) {
		struct str *s = &u->strings[i];

		if (s->n > (size_t)(u->end - u->at))
			return damaged(u, "a string cut short");
		s->p = (const char *)u->at;
		u->at += s->n;
	}
	return 0;
}

static int get_str(struct unpacking *u, struct str *ret)
{
	uint64_t number;

	if (get_varint(u, &number) < 0)
		return -1;
	if (number < SPAN_KNOWN)
		*ret = str_from(span_known[number]);
	else if (number - SPAN_KNOWN < u->nstrings)
		*ret = u->strings[number - SPAN_KNOWN];
	else
		return damaged(u, "a string that it does not have");
	return 0;
}

/* --- messages ------------------------------------------------------------ */

static int get_message(struct unpacking *u, const struct message *m, void *ret);

static int get_bytes(struct unpacking *u, void *ret, size_t n)
{
	if ((size_t)(u->end - u->at) < n)
		return damaged(u, "a value cut short");
	memcpy(ret, u->at, n);
	u->at += n;
	return 0;
}

static int get_time(struct unpacking *u, uint64_t *ret)
{
	uint64_t step;

	if (get_varint(u, &step) < 0)
		return -1;
	u->time += (uint64_t)unzigzag(step);
	*ret = u->time;
	return 0;
}

static int get_integer(struct unpacking *u, const struct member *f,
		       int64_t *ret)
{
	uint64_t v;

	if (get_varint(u, &v) < 0)
		return -1;
	*ret = unzigzag(v);
	if (f->type == MEMBER_ENUM && (*ret < 0 || *ret >= member_names(f)))
		return damaged(u, "a number without a name");
	return 0;
}

static int get_bool(struct unpacking *u, bool *ret)
{
	unsigned char c;

	if (get_bytes(u, &c, 1) < 0)
		return -1;
	*ret = c != 0;
	return 0;
}

static int get_list(struct unpacking *u, const struct message *m,
		    struct field_list *ret)
{
	uint64_t n;
	char *item;

	if (get_count(u, &n) < 0)
		return -1;
	item = arena_array(u->arena, (size_t)n + 1, m->size);
	if (!item)
		return arena_full(u->arena, u->e);
	*ret = (struct field_list){item, (size_t)n};
	for (uint64_t i = 0; i < n; i++, item += m->size)
		if (get_message(u, m, item) < 0)
			return -1;
	return 0;
}

static int get_member(struct unpacking *u, const struct member *f, void *at)
{
	switch (f->type) {
	case MEMBER_STR:
	case MEMBER_BYTES:
	case MEMBER_ID:
		return get_str(u, at);
	case MEMBER_U64:
		return get_time(u, at);
	case MEMBER_I64:
	case MEMBER_ENUM:
		return get_integer(u, f, at);
	case MEMBER_F64:
		return get_bytes(u, at, sizeof(double));
	case MEMBER_BOOL:
		return get_bool(u, at);
	case MEMBER_EMBED:
		return get_message(u, f->sub, at);
	case MEMBER_LIST:
		return get_list(u, f->sub, at);
	}
	return 0;
}

static int get_members(struct unpacking *u, const struct message *m, void *ret)
{
	uint64_t there;

	if (get_varint(u, &there) < 0)
		return -1;
	if (there >> m->count)
		return damaged(u, "a member that there is not");
	for (size_t i = 0; i < m->count; i++) {
		const struct member *f = &m->members[i];

		if (!(there >> i & 1))
			continue;
		if (f->one_of)
			message_set_kind(m, f, ret);
		if (get_member(u, f, member_of(f, ret)) < 0)
			return -1;
	}
	return 0;
}

/* ret is zeroed. */
static int get_message(struct unpacking *u, const struct message *m, void *ret)
{
	int rc;

	if (u->depth == MESSAGE_DEPTH)
		return damaged(u, "nested too deeply");
	u->depth++;
	rc = get_members(u, m, ret);
	u->depth--;
	return rc;
}

int span_raw_unpack(struct str raw, struct arena *a, struct otlp_span **ret,
		    size_t *ret_n, struct err *e)
{
	struct unpacking u = {.at = (const unsigned char *)raw.p,
			      .end = (const unsigned char *)raw.p + raw.n,
			      .arena = a,
			      .e = e};
	struct field_list spans;

	if (get_dictionary(&u) < 0 ||
	    get_list(&u, &otlp_span_message, &spans) < 0)
		return -1;
	if (u.at != u.end)
		return damaged(&u, "bytes behind the last");
	*ret = spans.items;
	*ret_n = spans.n;
	return 0;
}
