/* SPDX-License-Identifier: Apache-2.0 */
/* message_json.c - messages from JSON, and as JSON. */
#include "indexer/base/json_pull.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/formats/message.h"

/* --- reading ------------------------------------------------------------- */

struct reading {
	struct json_pull pull;
	struct arena *arena;
	struct err *e;
};

static int wrong(struct reading *r, const struct member *f, const char *what)
{
	return err_set(r->e, ERR_MALFORMED, "'%s' must be %s", f->json, what);
}

static int read_object(struct reading *r, const struct message *m, void *ret);

static int keep(struct reading *r, struct str s, struct str *ret)
{
	*ret = arena_str(r->arena, s);
	return ret->p ? 0 : arena_full(r->arena, r->e);
}

static int read_hex(struct reading *r, const struct member *f, struct str text,
		    struct str *ret)
{
	char *bytes = arena_alloc(r->arena, text.n / 2 + 1);

	if (!bytes)
		return arena_full(r->arena, r->e);
	if (text.n % 2 || !hex_decode(text, bytes))
		return wrong(r, f, "hex digits");
	*ret = str_n(bytes, text.n / 2);
	return 0;
}

static int read_base64(struct reading *r, const struct member *f,
		       struct str text, struct str *ret)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, r->arena->ceiling);
	if (!base64_decode(text, &b))
		return wrong(r, f, "base64");
	return keep(r, buf_view(&b), ret);
}

static int read_text(struct reading *r, const struct member *f,
		     const struct json_token *t, struct str *ret)
{
	if (t->kind != JSON_STRING)
		return wrong(r, f, "a string");
	if (f->type == MEMBER_ID)
		return read_hex(r, f, t->text, ret);
	if (f->type == MEMBER_BYTES)
		return read_base64(r, f, t->text, ret);
	*ret = t->text;
	return 0;
}

/* Decimal digits beyond int64, as times may have. */
static bool parse_u64(struct str s, uint64_t *ret)
{
	uint64_t v = 0;

	for (size_t i = 0; i < s.n; i++) {
		uint64_t digit = (uint64_t)(s.p[i] - '0');

		if (s.p[i] < '0' || s.p[i] > '9' ||
		    v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	*ret = v;
	return s.n > 0;
}

static int read_integer(struct reading *r, const struct member *f,
			const struct json_token *t, void *p)
{
	bool good = t->kind == JSON_NUMBER || t->kind == JSON_STRING;

	if (good)
		good = f->type == MEMBER_U64 ? parse_u64(t->text, p)
					     : num_parse_i64(t->text, p);
	return good ? 0 : wrong(r, f, "a whole number of 64 bits");
}

static int read_real(struct reading *r, const struct member *f,
		     const struct json_token *t, double *p)
{
	bool good = (t->kind == JSON_NUMBER || t->kind == JSON_STRING) &&
		    num_parse_f64(t->text, p);

	return good ? 0 : wrong(r, f, "a number");
}

static int read_enum(struct reading *r, const struct member *f,
		     const struct json_token *t, int64_t *p)
{
	int64_t n = member_names(f);

	if (t->kind == JSON_NUMBER && t->is_integer) {
		*p = t->integer >= 0 && t->integer < n ? t->integer : 0;
		return 0;
	}
	for (int64_t i = 0; t->kind == JSON_STRING && i < n; i++)
		if (str_is(t->text, f->names[i])) {
			*p = i;
			return 0;
		}
	return wrong(r, f, "one of its names or numbers");
}

static int read_list(struct reading *r, const struct member *f,
		     struct field_list *l)
{
	struct json_token t;

	for (;;) {
		void *item;

		if (json_pull_next(&r->pull, &t, r->e) < 0)
			return -1;
		if (t.kind == JSON_ARRAY_END)
			return 0;
		if (t.kind != JSON_OBJECT)
			return wrong(r, f, "a list of objects");
		item = message_list_add(l, f->sub->size, r->arena);
		if (!item)
			return arena_full(r->arena, r->e);
		if (read_object(r, f->sub, item) < 0)
			return -1;
	}
}

static int read_value(struct reading *r, const struct member *f,
		      const struct json_token *t, void *p)
{
	switch (f->type) {
	case MEMBER_STR:
	case MEMBER_BYTES:
	case MEMBER_ID:
		return read_text(r, f, t, p);
	case MEMBER_U64:
	case MEMBER_I64:
		return read_integer(r, f, t, p);
	case MEMBER_ENUM:
		return read_enum(r, f, t, p);
	case MEMBER_F64:
		return read_real(r, f, t, p);
	case MEMBER_BOOL:
		if (t->kind != JSON_TRUE && t->kind != JSON_FALSE)
			return wrong(r, f, "true or false");
		*(bool *)p = t->kind == JSON_TRUE;
		return 0;
	case MEMBER_EMBED:
		if (t->kind != JSON_OBJECT)
			return wrong(r, f, "an object");
		return read_object(r, f->sub, p);
	case MEMBER_LIST:
		if (t->kind != JSON_ARRAY)
			return wrong(r, f, "a list");
		return read_list(r, f, p);
	}
	return 0;
}

static const struct member *find_name(const struct message *m, struct str name)
{
	for (size_t i = 0; i < m->count; i++) {
		const struct member *f = &m->members[i];

		if (!f->own && (str_is(name, f->json) || str_is(name, f->name)))
			return f;
	}
	return NULL;
}

static int read_known(struct reading *r, const struct message *m,
		      const struct member *f, uint32_t *seen, void *ret)
{
	uint32_t bit = UINT32_C(1) << (f - m->members);
	struct json_token t;

	if (*seen & bit)
		return wrong(r, f, "given once");
	*seen |= bit;
	if (json_pull_next(&r->pull, &t, r->e) < 0)
		return -1;
	if (t.kind == JSON_NULL)
		return 0;
	if (f->one_of)
		message_set_kind(m, f, ret);
	return read_value(r, f, &t, member_of(f, ret));
}

/* Behind its opening. json_pull limits the depth. */
static int read_object(struct reading *r, const struct message *m, void *ret)
{
	uint32_t seen = 0;
	struct json_token t;

	memset(ret, 0, m->size);
	for (;;) {
		const struct member *f;
		int rc;

		if (json_pull_next(&r->pull, &t, r->e) < 0)
			return -1;
		if (t.kind == JSON_OBJECT_END)
			return 0;
		f = find_name(m, t.text);
		rc = f ? read_known(r, m, f, &seen, ret)
		       : json_pull_skip(&r->pull, &t, r->e);
		if (rc < 0)
			return -1;
	}
}

int message_read_json(const struct message *m, struct str json, struct arena *a,
		      void *ret, struct err *e)
{
	struct reading r = {.arena = a, .e = e};
	struct json_token t;

	json_pull_init(&r.pull, json, a);
	if (json_pull_next(&r.pull, &t, e) < 0)
		return -1;
	if (t.kind != JSON_OBJECT)
		return err_set(e, ERR_MALFORMED,
			       "The body must be a JSON object, but it is %s.",
			       json_kind_name(t.kind));
	if (read_object(&r, m, ret) < 0)
		return -1;
	return json_pull_next(&r.pull, &t, e);
}

/* --- writing ------------------------------------------------------------- */

static void write_base64(struct json_out *j, struct str bytes)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 2 * bytes.n + 16);
	base64_encode(&b, bytes);
	jo_str(j, buf_view(&b));
}

static void write_list(struct json_out *j, const struct message *m,
		       const struct field_list *l)
{
	const char *item = l->items;

	jo_array(j);
	for (size_t i = 0; i < l->n; i++, item += m->size)
		message_write_json(m, item, j);
	jo_array_end(j);
}

static void write_value(struct json_out *j, const struct member *f,
			const void *p)
{
	switch (f->type) {
	case MEMBER_STR:
		jo_str(j, *(const struct str *)p);
		break;
	case MEMBER_BYTES:
	case MEMBER_ID:
		write_base64(j, *(const struct str *)p);
		break;
	case MEMBER_U64:
		jo_u64(j, *(const uint64_t *)p);
		break;
	case MEMBER_I64:
		jo_i64(j, *(const int64_t *)p);
		break;
	case MEMBER_ENUM:
		jo_str(j, str_from(f->names[*(const int64_t *)p]));
		break;
	case MEMBER_F64:
		jo_f64(j, *(const double *)p);
		break;
	case MEMBER_BOOL:
		jo_bool(j, *(const bool *)p);
		break;
	case MEMBER_EMBED:
		message_write_json(f->sub, p, j);
		break;
	case MEMBER_LIST:
		write_list(j, f->sub, p);
		break;
	}
}

void message_write_json(const struct message *m, const void *s,
			struct json_out *j)
{
	jo_object(j);
	for (size_t i = 0; i < m->count; i++) {
		const struct member *f = &m->members[i];

		if (f->own || !member_present(m, f, s))
			continue;
		jo_key(j, f->name);
		write_value(j, f, member_in(f, s));
	}
	jo_object_end(j);
}
