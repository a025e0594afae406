/* SPDX-License-Identifier: Apache-2.0 */
/* field_query.c - the same tables read from "a=1&b=2".
 *
 * Every piece is decoded once into the arena; a key that comes again fills a
 * list, and is refused everywhere else.
 */
#include <string.h>

#include "indexer/base/field.h"
#include "indexer/base/field_path.h"
#include "indexer/base/text.h"

struct query {
	const struct field_set *set;
	struct arena *arena;
	void *ret;
	struct err *e;
	uint64_t by_name, by_alias; /* fields that came, a bit for each */
};

/* Decoded, and a text that JSON could hold: UTF-8 without NUL. */
static int decode(struct query *q, struct str raw, struct str *ret)
{
	char *out = arena_strdup(q->arena, raw);
	int64_t n;

	if (!out)
		return arena_full(q->arena, q->e);
	n = pct_decode(raw, true, out);
	if (n < 0 || !utf8_valid(str_n(out, (size_t)n)) ||
	    memchr(out, '\0', (size_t)n))
		return err_set(q->e, ERR_MALFORMED,
			       "The query has an escape that is not UTF-8: "
			       "\"%.*s\"",
			       raw.n > 80 ? 80 : (int)raw.n, raw.p);
	*ret = str_n(out, (size_t)n);
	return 0;
}

static int refuse(struct query *q, const struct field *f, struct str value,
		  const char *hint)
{
	struct field_path at = {NULL, f->name, 0};
	char *quoted = arena_printf(q->arena, "\"%.*s\"", STR_ARG(value));

	if (!quoted)
		return arena_full(q->arena, q->e);
	return field_invalid(&at, str_from(quoted), "str", hint, q->e);
}

/* Lists keep their own place, so the room is what the count says: it doubles
 * at powers of two from 8 on. */
static int add_to_list(struct query *q, const struct field *f, struct str value)
{
	struct field_list *list = field_member(f, q->ret);
	struct field_path at = {NULL, f->name, 0};
	bool full = list->n >= 8 && !(list->n & (list->n - 1));
	struct field_grow g = {.list = list,
			       .size = sizeof(struct str),
			       .limit = f->limit,
			       .cap = full || !list->n ? list->n : SIZE_MAX};
	struct str *room = field_add_item(&g, q->arena, &at, q->e);

	if (!room)
		return -1;
	*room = value;
	return 0;
}

/* A member that has two names may come once by each, with one value. */
static bool may_come(struct query *q, const struct field *f, bool alias,
		     struct str value)
{
	size_t i = (size_t)(f - q->set->fields);
	uint64_t bit = i < 64 ? UINT64_C(1) << i : 0;
	uint64_t *now = alias ? &q->by_alias : &q->by_name;
	uint64_t other = alias ? q->by_name : q->by_alias;

	if (*now & bit || (other & bit && f->type != FIELD_STR))
		return false;
	*now |= bit;
	return !(other & bit) ||
	       str_eq(*(const struct str *)field_member(f, q->ret), value);
}

static int read_pair(struct query *q, struct str pair)
{
	struct str raw_name = str_cut(&pair, '='), name, value;
	const struct field *f;
	const char *hint;
	size_t guess = 0;
	bool alias;

	if (decode(q, raw_name, &name) || decode(q, pair, &value))
		return -1;
	f = field_find(q->set, name, &guess, &alias);
	if (!f)
		return 0;
	if (f->type == FIELD_STRS)
		return add_to_list(q, f, value);
	if (!may_come(q, f, alias, value)) {
		struct field_path at = {NULL, f->name, 0};

		return field_duplicate(&at, q->e);
	}
	hint = field_set_text(f, value, field_member(f, q->ret));
	return hint ? refuse(q, f, value, hint) : 0;
}

int field_read_query(const struct field_set *set, struct str query,
		     struct arena *a, void *ret, struct err *e)
{
	struct query q = {set, a, ret, e, 0, 0};

	field_zero(set, ret);
	while (query.n) {
		struct str pair = str_cut(&query, '&');

		if (pair.n && read_pair(&q, pair))
			return -1;
	}
	return field_check_required(set, ret, NULL, e);
}
