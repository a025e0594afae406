/* SPDX-License-Identifier: Apache-2.0 */
/* field_json.c - a request body straight into its struct, token by token.
 *
 * The hard idea: the table drives the tokens, so nothing is built that is
 * thrown away, and the path of an error is the C stack itself. Members
 * usually come in the order of the table, so each look-up tries the next row
 * first.
 */
#include <assert.h>
#include <string.h>

#include "indexer/base/field.h"
#include "indexer/base/field_path.h"

/* A member may come once by its name and once by its alias, if both say the
 * same. */
enum seen { SEEN_NAME = 1, SEEN_ALIAS = 2 };

enum { FIELDS_MOST = 64 };

struct reader {
	struct json_pull pull;
	struct arena *arena;
	struct err *e;
};

static int read_object(struct reader *r, const struct field_set *set,
		       const struct field_path *up, void *ret);

static const char *python_type(const struct json_token *t)
{
	switch (t->kind) {
	case JSON_OBJECT:
		return "dict";
	case JSON_ARRAY:
		return "list";
	case JSON_NUMBER:
		return t->is_integer ? "int" : "float";
	case JSON_TRUE:
	case JSON_FALSE:
		return "bool";
	case JSON_NULL:
		return "NoneType";
	case JSON_STRING:
	case JSON_KEY:
	case JSON_END:
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		break;
	}
	return "str";
}

/* The text of the value that t began, read to its end. */
static int raw_text(struct reader *r, const struct json_token *t,
		    struct str *ret)
{
	if (json_pull_skip(&r->pull, t, r->e))
		return -1;
	*ret = str_n(r->pull.in.p + t->at, r->pull.at - t->at);
	return 0;
}

static int refuse(struct reader *r, const struct field_path *at,
		  const struct json_token *t, const char *hint)
{
	struct str json;

	if (raw_text(r, t, &json))
		return -1;
	return field_invalid(at, json, python_type(t), hint, r->e);
}

/* The value just read, refused after the fact. */
static int refuse_read(struct reader *r, const struct field_path *at,
		       const struct json_token *t, const char *hint)
{
	struct str json = str_n(r->pull.in.p + t->at, r->pull.at - t->at);

	return field_invalid(at, json, python_type(t), hint, r->e);
}

static int read_str(struct reader *r, const struct field *f,
		    const struct field_path *at, const struct json_token *t,
		    struct str *ret)
{
	const char *hint = "Expected a string.";

	if (t->kind == JSON_STRING) {
		hint = field_check_str(f, t->text);
		*ret = t->text;
	}
	return hint ? refuse(r, at, t, hint) : 0;
}

static int read_list(struct reader *r, const struct field *f,
		     const struct field_path *at, const struct json_token *t,
		     struct field_list *ret)
{
	bool strs = f->type == FIELD_STRS;
	struct field_grow g = {.list = ret,
			       .size = strs ? sizeof(struct str) : f->sub->size,
			       .limit = f->limit};
	struct field element = {.name = f->name, .flags = f->flags};
	struct json_token next;

	if (t->kind != JSON_ARRAY)
		return refuse(r, at, t, "Expected a list.");
	ret->items = NULL;
	ret->n = 0;
	for (;;) {
		struct field_path item = {at, NULL, ret->n};
		void *room;

		if (json_pull_next(&r->pull, &next, r->e))
			return -1;
		if (next.kind == JSON_ARRAY_END)
			break;
		room = field_add_item(&g, r->arena, at, r->e);
		if (!room)
			return -1;
		if (strs ? read_str(r, &element, &item, &next, room)
		    : next.kind == JSON_OBJECT
			    ? read_object(r, f->sub, &item, room)
			    : refuse(r, &item, &next, "Expected an object."))
			return -1;
	}
	/* A list that came empty is there, and has an address to show it. */
	if (!ret->items)
		ret->items = arena_alloc(r->arena, 1);
	return 0;
}

static bool has_key(const struct field_list *map, struct str key)
{
	const struct field_pair *p = map->items;

	for (size_t i = 0; i < map->n; i++)
		if (str_eq(p[i].key, key))
			return true;
	return false;
}

/* One member of an object that is a list here. */
static int read_pair(struct reader *r, struct field_grow *g,
		     const struct field_path *at, struct str key)
{
	struct field_path item = {at, NULL, g->list->n};
	const struct field value = {.name = "value"};
	struct field_pair *pair;
	struct json_token t;

	if (has_key(g->list, key))
		return field_duplicate(&item, r->e);
	pair = field_add_item(g, r->arena, at, r->e);
	if (!pair || json_pull_next(&r->pull, &t, r->e))
		return -1;
	pair->key = key;
	return read_str(r, &value, &item, &t, &pair->value);
}

static int read_map(struct reader *r, const struct field *f,
		    const struct field_path *at, const struct json_token *t,
		    struct field_list *ret)
{
	struct field_grow g = {.list = ret,
			       .size = sizeof(struct field_pair),
			       .limit = f->limit};
	struct json_token next;

	if (t->kind != JSON_OBJECT)
		return refuse(r, at, t, "Expected an object.");
	ret->items = arena_alloc(r->arena, 1);
	for (;;) {
		if (json_pull_next(&r->pull, &next, r->e))
			return -1;
		if (next.kind == JSON_OBJECT_END)
			return 0;
		if (read_pair(r, &g, at, next.text))
			return -1;
	}
}

/* Numbers and booleans in their own JSON form; those that come as strings
 * are parsed as text. */
static const char *set_scalar(const struct field *f, const struct json_token *t,
			      void *member)
{
	if (t->kind == JSON_STRING)
		return field_set_text(f, t->text, member);
	if (f->type == FIELD_F64 && t->kind == JSON_NUMBER) {
		*(struct opt_f64 *)member = (struct opt_f64){t->real, true};
		return NULL;
	}
	if (f->type == FIELD_I64 && t->kind == JSON_NUMBER && t->is_integer &&
	    !(f->flags & (FIELD_TIME | FIELD_SECONDS))) {
		*(struct opt_i64 *)member = (struct opt_i64){t->integer, true};
		return NULL;
	}
	if (f->type == FIELD_BOOL &&
	    (t->kind == JSON_TRUE || t->kind == JSON_FALSE)) {
		*(struct opt_bool *)member =
			(struct opt_bool){t->kind == JSON_TRUE, true};
		return NULL;
	}
	if (f->type == FIELD_ENUM && t->kind == JSON_NUMBER && t->is_integer)
		return field_set_text(f, t->text, member);
	return field_set_text(f, STR("?"), member);
}

static int read_member(struct reader *r, const struct field *f,
		       const struct field_path *at, const struct json_token *t,
		       void *member)
{
	const char *hint;

	switch (f->type) {
	case FIELD_STR:
		return read_str(r, f, at, t, member);
	case FIELD_STRS:
	case FIELD_LIST:
		return f->flags & FIELD_MAP ? read_map(r, f, at, t, member)
					    : read_list(r, f, at, t, member);
	case FIELD_OBJECT:
		if (t->kind != JSON_OBJECT)
			return refuse(r, at, t, "Expected an object.");
		return read_object(r, f->sub, at, member);
	case FIELD_RAW:
		if (raw_text(r, t, member))
			return -1;
		if (f->limit && ((struct str *)member)->n > f->limit)
			return refuse_read(r, at, t, "The value is too long.");
		return 0;
	case FIELD_I64:
	case FIELD_F64:
	case FIELD_BOOL:
	case FIELD_ENUM:
		break;
	}
	hint = set_scalar(f, t, member);
	return hint ? refuse(r, at, t, hint) : 0;
}

/* Any member that is one value. */
union scalar {
	struct str str;
	struct opt_i64 i64;
	struct opt_f64 f64;
	struct opt_bool boolean;
};

static bool same_scalar(enum field_type type, const union scalar *a,
			const union scalar *b)
{
	switch (type) {
	case FIELD_STR:
	case FIELD_RAW:
		return str_eq(a->str, b->str);
	case FIELD_I64:
	case FIELD_ENUM:
		return a->i64.v == b->i64.v;
	case FIELD_F64:
		return memcmp(&a->f64.v, &b->f64.v, sizeof(double)) == 0;
	case FIELD_BOOL:
		return a->boolean.v == b->boolean.v;
	case FIELD_STRS:
	case FIELD_LIST:
	case FIELD_OBJECT:
		break;
	}
	return false;
}

/* A member that came already, now by its other name: the same value again is
 * fine, anything else is not. Lists and objects come once. */
static int read_again(struct reader *r, const struct field *f,
		      const struct field_path *at, const struct json_token *t,
		      const void *member)
{
	union scalar again = {0};

	if (f->type == FIELD_STRS || f->type == FIELD_LIST ||
	    f->type == FIELD_OBJECT)
		return field_duplicate(at, r->e);
	if (read_member(r, f, at, t, &again))
		return -1;
	if (!same_scalar(f->type, &again, member))
		return refuse_read(r, at, t,
				   "It differs from what its other name says.");
	return 0;
}

static int read_known(struct reader *r, const struct field *f, bool alias,
		      const struct field_path *up, unsigned char *seen,
		      void *ret)
{
	struct field_path at = {up, alias ? f->alias : f->name, 0};
	enum seen how = alias ? SEEN_ALIAS : SEEN_NAME;
	void *member = field_member(f, ret);
	struct json_token t;

	if (json_pull_next(&r->pull, &t, r->e))
		return -1;
	if (*seen & how)
		return field_duplicate(&at, r->e);
	*seen = (unsigned char)(*seen | how);
	if (t.kind == JSON_NULL)
		return 0;
	if (*seen != how && field_present(&(struct field){.type = f->type,
							  .offset = f->offset,
							  .sub = f->sub},
					  ret))
		return read_again(r, f, &at, &t, member);
	return read_member(r, f, &at, &t, member);
}

static int read_object(struct reader *r, const struct field_set *set,
		       const struct field_path *up, void *ret)
{
	unsigned char seen[FIELDS_MOST] = {0};
	size_t guess = 0;
	struct json_token t;

	assert(set->count <= FIELDS_MOST);
	for (;;) {
		const struct field *f;
		bool alias;

		if (json_pull_next(&r->pull, &t, r->e))
			return -1;
		if (t.kind == JSON_OBJECT_END)
			break;
		f = field_find(set, t.text, &guess, &alias);
		if (f ? read_known(r, f, alias, up, &seen[f - set->fields], ret)
		      : json_pull_skip(&r->pull, &t, r->e))
			return -1;
	}
	return field_check_required(set, ret, up, r->e);
}

/* The body; one that is a string of JSON is opened once more, as some
 * clients encode twice. */
static int read_body(struct reader *r, const struct field_set *set, void *ret,
		     bool again)
{
	struct json_token t;

	if (json_pull_next(&r->pull, &t, r->e))
		return -1;
	if (t.kind == JSON_STRING && again) {
		struct str inner = t.text;

		if (json_pull_next(&r->pull, &t, r->e))
			return -1;
		json_pull_init(&r->pull, inner, r->arena);
		return read_body(r, set, ret, false);
	}
	if (t.kind != JSON_OBJECT)
		return err_set(r->e, ERR_MALFORMED,
			       "The body must be a JSON object, but it is %s.",
			       json_kind_name(t.kind));
	if (read_object(r, set, NULL, ret))
		return -1;
	return json_pull_next(&r->pull, &t, r->e);
}

static bool only_blanks(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr(" \t\r\n", s.p[i]) || !s.p[i])
			return false;
	return true;
}

int field_read_json(const struct field_set *set, struct str json,
		    struct arena *a, void *ret, struct err *e)
{
	struct reader r = {.arena = a, .e = e};

	field_zero(set, ret);
	if (only_blanks(json))
		return field_check_required(set, ret, NULL, e);
	json_pull_init(&r.pull, json, a);
	return read_body(&r, set, ret, true);
}
