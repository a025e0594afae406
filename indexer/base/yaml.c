/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.c - libyaml's events folded into a tree by recursion.
 *
 * The hard idea: an alias is a copy of a finished node, and each copy counts
 * all its nodes, so a "billion laughs" stops at the limit before it is built.
 * A node's line lies in the bits of its type that cJSON leaves alone.
 */
#include "indexer/base/yaml.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "indexer/base/json_doc.h"
#include "indexer/base/json_pull.h"
#include "indexer/base/num.h"

enum { LINE_SHIFT = 10, LINE_MOST = 1 << 20, ANCHORS_MOST = 1000 };

struct anchor {
	char *name;
	const cJSON *node;
	size_t nodes;
};

struct loader {
	yaml_parser_t parser;
	const char *name;
	struct err *e;
	struct anchor anchors[ANCHORS_MOST];
	size_t nanchors, nodes;
	int depth;
};

int yaml_line(const cJSON *node)
{
	return node->type >> LINE_SHIFT;
}

/* libyaml counts lines from 0. */
static void set_line(cJSON *node, size_t mark_line)
{
	int line = mark_line < LINE_MOST ? (int)mark_line + 1 : LINE_MOST;

	node->type =
		(node->type & ((1 << LINE_SHIFT) - 1)) | line << LINE_SHIFT;
}

static int wrong(struct loader *l, size_t mark_line, const char *what)
{
	return err_set(l->e, ERR_MALFORMED, "%s:%zu: %s", l->name,
		       mark_line + 1, what);
}

static int next_event(struct loader *l, yaml_event_t *ret)
{
	const yaml_parser_t *p = &l->parser;

	if (yaml_parser_parse(&l->parser, ret))
		return 0;
	return wrong(l, p->problem_mark.line,
		     p->problem ? p->problem : "not valid YAML");
}

/* --- scalars ------------------------------------------------------------ */

static bool one_of(struct str s, const char *const *names)
{
	for (; *names; names++)
		if (str_is(s, *names))
			return true;
	return false;
}

/* A number node; text is kept where it is JSON as it stands. */
static cJSON *number(double v, struct str text)
{
	cJSON *node = cJSON_CreateNumber(v);

	if (!node || !text.n)
		return node;
	node->valuestring = cJSON_malloc(text.n + 1);
	if (node->valuestring) {
		memcpy(node->valuestring, text.p, text.n);
		node->valuestring[text.n] = '\0';
	}
	return node;
}

/* 0x1f, 0o17: an exact integer or nothing. */
static bool parse_based(struct str s, double *ret)
{
	uint64_t base = 0, v = 0;

	if (str_starts(s, STR("0x")))
		base = 16;
	else if (str_starts(s, STR("0o")))
		base = 8;
	if (!base || s.n < 3 || s.n > 15)
		return false;
	for (size_t i = 2; i < s.n; i++) {
		unsigned c = (unsigned char)s.p[i] | 0x20u;
		unsigned digit = c - (c <= '9' ? '0' : 'a' - 10u);

		if (digit >= base)
			return false;
		v = v * base + digit;
	}
	*ret = (double)v;
	return true;
}

/* The schema's floats and integers are digits, a point, an exponent; the
 * words of num_parse_f64 are not among them. */
static bool parse_decimal(struct str s, double *ret)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789+-.eE", s.p[i]))
			return false;
	return num_parse_f64(s, ret);
}

static bool is_json_number(struct str s)
{
	struct json_pull j;
	struct json_token t;
	struct err e;

	json_pull_init(&j, s, NULL);
	return s.n && s.p[0] != '"' && !json_pull_next(&j, &t, &e) &&
	       t.kind == JSON_NUMBER && j.at == s.n;
}

static cJSON *decimal(struct str s, double v)
{
	char text[NUM_MAX];
	int64_t whole;

	if (is_json_number(s))
		return number(v, s);
	if (num_parse_i64(s, &whole))
		return number(v, str_n(text, num_format_i64(whole, text)));
	return number(v, STR_NONE);
}

/* A plain scalar by the core schema; NULL with *ret_plain false: a string. */
static cJSON *plain(struct str s, bool *ret_plain)
{
	static const char *const nulls[] = {"",     "~",    "null",
					    "Null", "NULL", NULL};
	static const char *const trues[] = {"true", "True", "TRUE", NULL};
	static const char *const falses[] = {"false", "False", "FALSE", NULL};
	static const char *const infs[] = {".inf",  ".Inf",  ".INF", "+.inf",
					   "+.Inf", "+.INF", NULL};
	static const char *const negs[] = {"-.inf", "-.Inf", "-.INF", NULL};
	static const char *const nans[] = {".nan", ".NaN", ".NAN", NULL};
	double v;

	*ret_plain = true;
	if (one_of(s, nulls))
		return cJSON_CreateNull();
	if (one_of(s, trues) || one_of(s, falses))
		return cJSON_CreateBool(one_of(s, trues));
	if (parse_decimal(s, &v))
		return decimal(s, v);
	if (parse_based(s, &v))
		return number(v, STR_NONE);
	if (one_of(s, infs) || one_of(s, negs))
		return number(one_of(s, negs) ? -HUGE_VAL : HUGE_VAL, STR_NONE);
	if (one_of(s, nans))
		return number((double)NAN, STR_NONE);
	*ret_plain = false;
	return NULL;
}

static cJSON *load_scalar(struct loader *l, const yaml_event_t *ev)
{
	const char *text = (const char *)ev->data.scalar.value;
	size_t n = ev->data.scalar.length;
	bool is_plain = false;
	cJSON *node = NULL;

	if (memchr(text, '\0', n)) {
		wrong(l, ev->start_mark.line, "a string with a NUL in it");
		return NULL;
	}
	if (ev->data.scalar.plain_implicit &&
	    ev->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
		node = plain(str_n(text, n), &is_plain);
	if (!is_plain)
		node = cJSON_CreateString(text);
	if (!node)
		wrong(l, ev->start_mark.line, "no memory");
	return node;
}

/* --- structure ---------------------------------------------------------- */

static cJSON *load(struct loader *l, const yaml_event_t *ev);

static void remember(struct loader *l, const yaml_char_t *name,
		     const cJSON *node, size_t nodes)
{
	struct anchor *a = &l->anchors[l->nanchors];

	if (!name || l->nanchors == ANCHORS_MOST)
		return;
	a->name = strdup((const char *)name);
	a->node = node;
	a->nodes = nodes;
	if (a->name)
		l->nanchors++;
}

static bool count(struct loader *l, size_t n, size_t mark_line)
{
	if (n > YAML_NODES - l->nodes) {
		wrong(l, mark_line, "too many values");
		return false;
	}
	l->nodes += n;
	return true;
}

/* The last anchor of that name holds. */
static cJSON *load_alias(struct loader *l, const yaml_event_t *ev)
{
	const char *name = (const char *)ev->data.alias.anchor;

	for (size_t i = l->nanchors; i-- > 0;) {
		const struct anchor *a = &l->anchors[i];
		cJSON *copy;

		if (strcmp(a->name, name) != 0)
			continue;
		if (!count(l, a->nodes, ev->start_mark.line))
			return NULL;
		copy = cJSON_Duplicate(a->node, true);
		if (!copy)
			wrong(l, ev->start_mark.line, "no memory");
		return copy;
	}
	wrong(l, ev->start_mark.line, "an alias of nothing");
	return NULL;
}

/* The value of a key that was just read. */
static int load_value(struct loader *l, const yaml_event_t *key, cJSON *object)
{
	const char *name = (const char *)key->data.scalar.value;
	yaml_event_t ev;
	cJSON *node;

	if (next_event(l, &ev))
		return -1;
	node = load(l, &ev);
	yaml_event_delete(&ev);
	if (!node)
		return -1;
	set_line(node, key->start_mark.line);
	if (!cJSON_AddItemToObject(object, name, node)) {
		cJSON_Delete(node);
		return wrong(l, key->start_mark.line, "no memory");
	}
	return 0;
}

static int load_pair(struct loader *l, const yaml_event_t *key, cJSON *object)
{
	if (key->type != YAML_SCALAR_EVENT ||
	    memchr(key->data.scalar.value, '\0', key->data.scalar.length))
		return wrong(l, key->start_mark.line,
			     "a key must be a plain word or a string");
	return load_value(l, key, object);
}

static int load_item(struct loader *l, const yaml_event_t *ev, cJSON *array)
{
	cJSON *node = load(l, ev);

	if (!node)
		return -1;
	cJSON_AddItemToArray(array, node);
	return 0;
}

static int fill(struct loader *l, cJSON *node)
{
	bool object = cJSON_IsObject(node);

	for (;;) {
		yaml_event_t ev;
		int rc = 0;

		if (next_event(l, &ev))
			return -1;
		if (ev.type == YAML_MAPPING_END_EVENT ||
		    ev.type == YAML_SEQUENCE_END_EVENT) {
			yaml_event_delete(&ev);
			return 0;
		}
		rc = object ? load_pair(l, &ev, node) : load_item(l, &ev, node);
		yaml_event_delete(&ev);
		if (rc)
			return -1;
	}
}

static int refuse_duplicates(struct loader *l, const cJSON *object)
{
	const cJSON *twice = json_doc_duplicate(object);

	if (!twice)
		return 0;
	return err_set(l->e, ERR_MALFORMED, "%s:%d: key \"%.100s\" comes twice",
		       l->name, yaml_line(twice), twice->string);
}

static cJSON *load_container(struct loader *l, const yaml_event_t *ev)
{
	bool object = ev->type == YAML_MAPPING_START_EVENT;
	cJSON *node;

	if (l->depth == YAML_DEPTH) {
		wrong(l, ev->start_mark.line, "nested too deeply");
		return NULL;
	}
	node = object ? cJSON_CreateObject() : cJSON_CreateArray();
	if (!node) {
		wrong(l, ev->start_mark.line, "no memory");
		return NULL;
	}
	l->depth++;
	if (fill(l, node) || (object && refuse_duplicates(l, node))) {
		cJSON_Delete(node);
		return NULL;
	}
	l->depth--;
	return node;
}

static const yaml_char_t *anchor_of(const yaml_event_t *ev)
{
	if (ev->type == YAML_SCALAR_EVENT)
		return ev->data.scalar.anchor;
	if (ev->type == YAML_MAPPING_START_EVENT)
		return ev->data.mapping_start.anchor;
	return ev->data.sequence_start.anchor;
}

static cJSON *load(struct loader *l, const yaml_event_t *ev)
{
	size_t before = l->nodes;
	cJSON *node;

	if (ev->type == YAML_ALIAS_EVENT)
		return load_alias(l, ev);
	if (!count(l, 1, ev->start_mark.line))
		return NULL;
	if (ev->type == YAML_SCALAR_EVENT)
		node = load_scalar(l, ev);
	else
		node = load_container(l, ev);
	if (!node)
		return NULL;
	set_line(node, ev->start_mark.line);
	remember(l, anchor_of(ev), node, l->nodes - before);
	return node;
}

/* The one event that must come next, or an error that says what. */
static int expect(struct loader *l, yaml_event_type_t type, const char *what)
{
	yaml_event_t ev;
	int rc = next_event(l, &ev);

	if (rc)
		return -1;
	if (ev.type != type)
		rc = wrong(l, ev.start_mark.line, what);
	yaml_event_delete(&ev);
	return rc;
}

/* Between the stream's start and its end: one document or none. */
static cJSON *load_stream(struct loader *l)
{
	yaml_event_t ev;
	cJSON *root;

	if (expect(l, YAML_STREAM_START_EVENT, "no YAML") || next_event(l, &ev))
		return NULL;
	if (ev.type == YAML_STREAM_END_EVENT) {
		yaml_event_delete(&ev);
		return cJSON_CreateNull();
	}
	yaml_event_delete(&ev);
	if (next_event(l, &ev))
		return NULL;
	root = load(l, &ev);
	yaml_event_delete(&ev);
	if (root && (expect(l, YAML_DOCUMENT_END_EVENT, "no end") ||
		     expect(l, YAML_STREAM_END_EVENT, "a second document"))) {
		cJSON_Delete(root);
		return NULL;
	}
	return root;
}

cJSON *yaml_parse(struct str text, const char *name, struct err *e)
{
	struct loader *l;
	cJSON *root;

	if (text.n > YAML_BYTES) {
		err_set(e, ERR_TOO_LARGE, "%s: larger than %d bytes", name,
			YAML_BYTES);
		return NULL;
	}
	l = calloc(1, sizeof(*l));
	if (!l || !yaml_parser_initialize(&l->parser)) {
		free(l);
		err_set(e, ERR_INTERNAL, "%s: no memory", name);
		return NULL;
	}
	l->name = name;
	l->e = e;
	yaml_parser_set_input_string(&l->parser, (const unsigned char *)text.p,
				     text.n);
	yaml_parser_set_encoding(&l->parser, YAML_UTF8_ENCODING);
	root = load_stream(l);
	yaml_parser_delete(&l->parser);
	for (size_t i = 0; i < l->nanchors; i++)
		free(l->anchors[i].name);
	free(l);
	return root;
}
