/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_value.c - values of attributes, as JSON and from it.
 *
 * A tracer of MLflow dumps each attribute as JSON text. Most such texts are
 * what they would be once more after reading and writing them, so the value is
 * kept; of the few others (text that is no JSON, a number of 30 digits) the
 * text itself is kept, and read when somebody wants the value.
 */
#include "indexer/base/json_pull.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/formats/otlp.h"

enum { VERBATIM_BYTES = 64 << 20 }; /* memory to read one */

const struct otlp_value *otlp_find(const struct field_list *attributes,
				   const char *key)
{
	const struct otlp_pair *p = attributes->items;

	for (size_t i = 0; i < attributes->n; i++)
		if (str_is(p[i].key, key))
			return &p[i].value;
	return NULL;
}

static void bytes_json(struct json_out *j, struct str bytes)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 2 * bytes.n + 16);
	base64_encode(&b, bytes);
	jo_str(j, buf_view(&b));
}

static void array_json(struct json_out *j, const struct field_list *l)
{
	const struct otlp_value *v = l->items;

	jo_array(j);
	for (size_t i = 0; i < l->n; i++)
		otlp_value_json(j, &v[i]);
	jo_array_end(j);
}

static void pairs_json(struct json_out *j, const struct field_list *l)
{
	const struct otlp_pair *p = l->items;

	jo_object(j);
	for (size_t i = 0; i < l->n; i++) {
		jo_key_str(j, p[i].key);
		otlp_value_json(j, &p[i].value);
	}
	jo_object_end(j);
}

static void verbatim_json(struct json_out *j, struct otlp_value v)
{
	SCOPED(arena_fini) struct arena a;

	arena_init(&a, VERBATIM_BYTES);
	otlp_value_plain(&v, &a);
	otlp_value_json(j, &v);
}

void otlp_value_json(struct json_out *j, const struct otlp_value *v)
{
	switch ((enum otlp_kind)v->kind) {
	case OTLP_STRING:
		jo_str(j, v->text);
		break;
	case OTLP_BOOL:
		jo_bool(j, v->truth);
		break;
	case OTLP_INT:
		jo_i64(j, v->integer);
		break;
	case OTLP_DOUBLE:
		jo_f64(j, v->real);
		break;
	case OTLP_ARRAY:
		array_json(j, &v->items);
		break;
	case OTLP_PAIRS:
		pairs_json(j, &v->items);
		break;
	case OTLP_BYTES:
		bytes_json(j, v->text);
		break;
	case OTLP_VERBATIM:
		verbatim_json(j, *v);
		break;
	case OTLP_NONE:
		jo_null(j);
		break;
	}
}

void otlp_value_text(struct buf *b, const struct otlp_value *v)
{
	SCOPED(arena_fini) struct arena a;
	struct otlp_value plain = *v;
	struct json_out j;

	arena_init(&a, VERBATIM_BYTES);
	otlp_value_plain(&plain, &a);
	if (plain.kind == OTLP_STRING) {
		buf_str(b, plain.text);
		return;
	}
	jo_init(&j, b, 0);
	otlp_value_json(&j, &plain);
}

/* --- reading ------------------------------------------------------------- */

struct parsing {
	struct json_pull pull;
	struct arena *arena;
	struct err *e;
};

static int parse_value(struct parsing *p, const struct json_token *t,
		       struct otlp_value *ret);

static void parse_number(const struct json_token *t, struct otlp_value *ret)
{
	ret->kind = t->is_integer ? OTLP_INT : OTLP_DOUBLE;
	if (t->is_integer)
		ret->integer = t->integer;
	else
		ret->real = t->real;
}

static int parse_array(struct parsing *p, struct otlp_value *ret)
{
	struct json_token t;

	ret->kind = OTLP_ARRAY;
	for (;;) {
		void *item;

		if (json_pull_next(&p->pull, &t, p->e) < 0)
			return -1;
		if (t.kind == JSON_ARRAY_END)
			return 0;
		item = message_list_add(&ret->items, sizeof(struct otlp_value),
					p->arena);
		if (!item)
			return arena_full(p->arena, p->e);
		if (parse_value(p, &t, item) < 0)
			return -1;
	}
}

static int parse_pairs(struct parsing *p, struct field_list *ret)
{
	struct json_token t;

	for (;;) {
		struct otlp_pair *pair;

		if (json_pull_next(&p->pull, &t, p->e) < 0)
			return -1;
		if (t.kind == JSON_OBJECT_END)
			return 0;
		pair = message_list_add(ret, sizeof(*pair), p->arena);
		if (!pair)
			return arena_full(p->arena, p->e);
		pair->key = t.text;
		if (json_pull_next(&p->pull, &t, p->e) < 0 ||
		    parse_value(p, &t, &pair->value) < 0)
			return -1;
	}
}

/* The value that t began; ret is zeroed. */
static int parse_value(struct parsing *p, const struct json_token *t,
		       struct otlp_value *ret)
{
	if (p->pull.depth > OTLP_JSON_DEPTH)
		return err_set(p->e, ERR_TOO_LARGE,
			       "JSON nested deeper than %d", OTLP_JSON_DEPTH);
	switch (t->kind) {
	case JSON_STRING:
		*ret = (struct otlp_value){OTLP_STRING, {.text = t->text}};
		return 0;
	case JSON_NUMBER:
		parse_number(t, ret);
		return 0;
	case JSON_TRUE:
	case JSON_FALSE:
		*ret = (struct otlp_value){OTLP_BOOL,
					   {.truth = t->kind == JSON_TRUE}};
		return 0;
	case JSON_ARRAY:
		return parse_array(p, ret);
	case JSON_OBJECT:
		ret->kind = OTLP_PAIRS;
		return parse_pairs(p, &ret->items);
	case JSON_NULL:
	case JSON_END:
	case JSON_KEY:
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		break;
	}
	return 0;
}

int otlp_value_parse(struct str json, struct arena *a, struct otlp_value *ret,
		     struct err *e)
{
	struct parsing p = {.arena = a, .e = e};
	struct json_token t;

	*ret = (struct otlp_value){0};
	json_pull_init(&p.pull, json, a);
	if (json_pull_next(&p.pull, &t, e) < 0 || parse_value(&p, &t, ret) < 0)
		return -1;
	return json_pull_next(&p.pull, &t, e);
}

void otlp_value_plain(struct otlp_value *v, struct arena *a)
{
	struct str text = v->text;
	struct otlp_value whole;
	struct err e;

	if (v->kind != OTLP_VERBATIM)
		return;
	/* A string that is JSON itself means that. */
	if (otlp_value_parse(text, a, &whole, &e) == 0 &&
	    whole.kind == OTLP_STRING) {
		text = whole.text;
		if (otlp_value_parse(text, a, v, &e) == 0)
			return;
	} else if (otlp_value_parse(text, a, v, &e) == 0) {
		return;
	}
	*v = (struct otlp_value){OTLP_STRING, {.text = text}};
}
