/* SPDX-License-Identifier: Apache-2.0 */
/* json_doc.c - trees of cJSON nodes, built from our own reader's tokens.
 *
 * The hard idea: cJSON holds a number as a double only, so a number node also
 * keeps its text in valuestring, and that text is what is written. Nodes come
 * from cJSON's constructors and die by cJSON_Delete; what is decoded on the
 * way lives in an arena of the parse.
 */
#include "indexer/base/json_doc.h"

#include <stdlib.h>
#include <string.h>

#include "indexer/base/json_pull.h"
#include "indexer/base/scope.h"

enum { NODES_MOST = 4 * 1000 * 1000 };

struct builder {
	struct json_pull pull;
	struct arena *arena;
	struct err *e;
	size_t nodes;
};

static cJSON *build(struct builder *b, const struct json_token *t);

static cJSON *no_memory(struct builder *b, cJSON *node)
{
	cJSON_Delete(node);
	err_set(b->e, ERR_TOO_LARGE, "no memory for a JSON document");
	return NULL;
}

/* cJSON's strings end in NUL, which the reader never lets through. */
static cJSON *string_node(struct builder *b, struct str s)
{
	const char *text = arena_strdup(b->arena, s);
	cJSON *node = text ? cJSON_CreateString(text) : NULL;

	return node ? node : no_memory(b, NULL);
}

static cJSON *number_node(struct builder *b, const struct json_token *t)
{
	cJSON *node = cJSON_CreateNumber(t->real);

	if (!node)
		return no_memory(b, NULL);
	node->valuestring = cJSON_malloc(t->text.n + 1);
	if (!node->valuestring)
		return no_memory(b, node);
	memcpy(node->valuestring, t->text.p, t->text.n);
	node->valuestring[t->text.n] = '\0';
	return node;
}

static int compare_names(const void *a, const void *b)
{
	const cJSON *const *left = a, *const *right = b;

	return strcmp((*left)->string, (*right)->string);
}

/* Equal names are neighbours once sorted. */
const cJSON *json_doc_duplicate(const cJSON *object)
{
	size_t n = 0, count = 1;
	SCOPED_FREE const cJSON **sorted = NULL;

	for (const cJSON *c = object->child; c; c = c->next)
		count++;
	sorted = reallocarray(NULL, count, sizeof(*sorted));
	if (!sorted)
		abort();
	for (const cJSON *c = object->child; c; c = c->next)
		sorted[n++] = c;
	qsort(sorted, n, sizeof(*sorted), compare_names);
	for (size_t i = 1; i < n; i++)
		if (!strcmp(sorted[i - 1]->string, sorted[i]->string))
			return sorted[i];
	return NULL;
}

static int refuse_duplicates(struct builder *b, const cJSON *object)
{
	const cJSON *twice = json_doc_duplicate(object);

	if (!twice)
		return 0;
	return err_set(b->e, ERR_INVALID,
		       "key \"%.100s\" comes twice in one JSON object",
		       twice->string);
}

/* The member whose key t is; added to object. */
static int build_member(struct builder *b, const struct json_token *t,
			cJSON *object)
{
	const char *key = arena_strdup(b->arena, t->text);
	struct json_token value;
	cJSON *node;

	if (!key)
		return arena_full(b->arena, b->e);
	if (json_pull_next(&b->pull, &value, b->e))
		return -1;
	node = build(b, &value);
	if (!node)
		return -1;
	if (!cJSON_AddItemToObject(object, key, node)) {
		no_memory(b, node);
		return -1;
	}
	return 0;
}

static int build_element(struct builder *b, const struct json_token *t,
			 cJSON *array)
{
	cJSON *node = build(b, t);

	if (!node)
		return -1;
	cJSON_AddItemToArray(array, node);
	return 0;
}

static int fill(struct builder *b, cJSON *node)
{
	bool object = cJSON_IsObject(node);
	struct json_token t;

	for (;;) {
		if (json_pull_next(&b->pull, &t, b->e))
			return -1;
		if (t.kind == JSON_OBJECT_END || t.kind == JSON_ARRAY_END)
			break;
		if (object ? build_member(b, &t, node)
			   : build_element(b, &t, node))
			return -1;
	}
	return object ? refuse_duplicates(b, node) : 0;
}

static cJSON *build_container(struct builder *b, cJSON *node)
{
	if (!node)
		return no_memory(b, NULL);
	if (fill(b, node)) {
		cJSON_Delete(node);
		return NULL;
	}
	return node;
}

static cJSON *build(struct builder *b, const struct json_token *t)
{
	cJSON *node = NULL;

	if (++b->nodes > NODES_MOST) {
		err_set(b->e, ERR_TOO_LARGE,
			"a JSON document of more than %d values", NODES_MOST);
		return NULL;
	}
	switch (t->kind) {
	case JSON_OBJECT:
		return build_container(b, cJSON_CreateObject());
	case JSON_ARRAY:
		return build_container(b, cJSON_CreateArray());
	case JSON_STRING:
		return string_node(b, t->text);
	case JSON_NUMBER:
		return number_node(b, t);
	case JSON_TRUE:
	case JSON_FALSE:
		node = cJSON_CreateBool(t->kind == JSON_TRUE);
		break;
	case JSON_NULL:
		node = cJSON_CreateNull();
		break;
	case JSON_KEY:
	case JSON_END:
	case JSON_OBJECT_END:
	case JSON_ARRAY_END:
		break;
	}
	return node ? node : no_memory(b, NULL);
}

cJSON *json_doc_parse(struct str text, struct err *e)
{
	SCOPED(arena_fini) struct arena arena;
	struct builder b = {.arena = &arena, .e = e};
	struct json_token t;
	cJSON *root;

	/* A string of one byte takes sixteen of the arena. */
	arena_init(&arena, 4096 + 32 * text.n);
	json_pull_init(&b.pull, text, &arena);
	if (json_pull_next(&b.pull, &t, e))
		return NULL;
	root = build(&b, &t);
	if (root && json_pull_next(&b.pull, &t, e)) {
		cJSON_Delete(root);
		return NULL;
	}
	return root;
}

static void write_number(struct json_out *j, const cJSON *node)
{
	const char *text = node->valuestring;

	if (text && strpbrk(text, "0123456789"))
		jo_raw(j, str_from(text));
	else
		jo_f64(j, node->valuedouble);
}

void json_doc_write(struct json_out *j, const cJSON *node)
{
	switch (node->type & 0xff) {
	case cJSON_Object:
		jo_object(j);
		break;
	case cJSON_Array:
		jo_array(j);
		break;
	case cJSON_String:
		jo_str(j, str_from(node->valuestring));
		return;
	case cJSON_Number:
		write_number(j, node);
		return;
	case cJSON_True:
	case cJSON_False:
		jo_bool(j, cJSON_IsTrue(node));
		return;
	case cJSON_Raw:
		jo_raw(j, str_from(node->valuestring));
		return;
	default:
		jo_null(j);
		return;
	}
	for (const cJSON *c = node->child; c; c = c->next) {
		if (cJSON_IsObject(node))
			jo_key(j, c->string);
		json_doc_write(j, c);
	}
	if (cJSON_IsObject(node))
		jo_object_end(j);
	else
		jo_array_end(j);
}

const cJSON *json_doc_get(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}
