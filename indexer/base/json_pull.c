/* SPDX-License-Identifier: Apache-2.0 */
/* json_pull.c - a state machine over the text; nothing is copied but strings
 * with escapes.
 *
 * The hard idea: each call reads exactly one token and leaves a state that
 * says what may come next, so depth costs a byte on a fixed stack and hostile
 * nesting costs an error. json_scan.c reads the strings and numbers.
 */
#include "indexer/base/json_pull.h"

#include <string.h>

#include "indexer/base/json_scan.h"

enum state {
	VALUE,       /* a value must come */
	FIRST_VALUE, /* just behind [ */
	FIRST_KEY,   /* just behind { */
	AFTER,       /* behind a value in a container: comma or its end */
	DONE         /* behind the outermost value */
};

void json_pull_init(struct json_pull *j, struct str in, struct arena *arena)
{
	j->in = in;
	j->at = 0;
	j->arena = arena;
	j->state = VALUE;
	j->depth = 0;
}

const char *json_kind_name(enum json_kind kind)
{
	static const char *const names[] = {
		[JSON_END] = "the end",     [JSON_OBJECT] = "an object",
		[JSON_OBJECT_END] = "a }",  [JSON_ARRAY] = "an array",
		[JSON_ARRAY_END] = "a ]",   [JSON_KEY] = "a key",
		[JSON_STRING] = "a string", [JSON_NUMBER] = "a number",
		[JSON_TRUE] = "a boolean",  [JSON_FALSE] = "a boolean",
		[JSON_NULL] = "null",
	};

	return names[kind];
}

static int peek_past_blanks(struct json_pull *j)
{
	while (j->at < j->in.n) {
		char c = j->in.p[j->at];

		if (c != ' ' && c != '\n' && c != '\t' && c != '\r')
			return (unsigned char)c;
		j->at++;
	}
	return -1;
}

static int read_word(struct json_pull *j, const char *word, enum json_kind kind,
		     struct json_token *ret, struct err *e)
{
	size_t n = strlen(word);

	if (j->in.n - j->at < n || memcmp(j->in.p + j->at, word, n) != 0)
		return json_wrong(j, j->at, "a value was expected", e);
	j->at += n;
	ret->kind = kind;
	return 0;
}

static int open_container(struct json_pull *j, struct json_token *ret,
			  bool object, struct err *e)
{
	if (j->depth == JSON_DEPTH)
		return json_wrong(j, j->at, "nested too deeply", e);
	j->stack[j->depth++] = object;
	j->state = object ? FIRST_KEY : FIRST_VALUE;
	j->at++;
	ret->kind = object ? JSON_OBJECT : JSON_ARRAY;
	return 0;
}

static int close_container(struct json_pull *j, struct json_token *ret)
{
	bool object = j->stack[--j->depth];

	j->state = j->depth ? AFTER : DONE;
	j->at++;
	ret->kind = object ? JSON_OBJECT_END : JSON_ARRAY_END;
	return 0;
}

static int read_scalar(struct json_pull *j, int c, struct json_token *ret,
		       struct err *e)
{
	j->state = j->depth ? AFTER : DONE;
	switch (c) {
	case '"':
		ret->kind = JSON_STRING;
		return json_scan_string(j, &ret->text, e);
	case 't':
		return read_word(j, "true", JSON_TRUE, ret, e);
	case 'f':
		return read_word(j, "false", JSON_FALSE, ret, e);
	case 'n':
		return read_word(j, "null", JSON_NULL, ret, e);
	case 'N':
		return json_scan_word_number(j, "NaN", ret, e);
	case 'I':
		return json_scan_word_number(j, "Infinity", ret, e);
	default:
		if (c == '-' || (c >= '0' && c <= '9'))
			return json_scan_number(j, ret, e);
		return json_wrong(j, j->at,
				  c < 0 ? "the text ends too early"
					: "a value was expected",
				  e);
	}
}

static int read_value(struct json_pull *j, int c, struct json_token *ret,
		      struct err *e)
{
	if (c == '{' || c == '[')
		return open_container(j, ret, c == '{', e);
	return read_scalar(j, c, ret, e);
}

static int read_key(struct json_pull *j, int c, struct json_token *ret,
		    struct err *e)
{
	if (c != '"')
		return json_wrong(j, j->at, "a key in quotes was expected", e);
	ret->kind = JSON_KEY;
	if (json_scan_string(j, &ret->text, e))
		return -1;
	if (peek_past_blanks(j) != ':')
		return json_wrong(j, j->at, "a colon was expected", e);
	j->at++;
	j->state = VALUE;
	return 0;
}

static int read_after(struct json_pull *j, int c, struct json_token *ret,
		      struct err *e)
{
	bool object = j->stack[j->depth - 1];

	if (c == (object ? '}' : ']'))
		return close_container(j, ret);
	if (c != ',')
		return json_wrong(j, j->at, "a comma or the end was expected",
				  e);
	j->at++;
	c = peek_past_blanks(j);
	ret->at = j->at;
	return object ? read_key(j, c, ret, e) : read_value(j, c, ret, e);
}

int json_pull_next(struct json_pull *j, struct json_token *ret, struct err *e)
{
	int c = peek_past_blanks(j);

	ret->at = j->at;
	switch ((enum state)j->state) {
	case VALUE:
		return read_value(j, c, ret, e);
	case FIRST_VALUE:
		if (c == ']')
			return close_container(j, ret);
		return read_value(j, c, ret, e);
	case FIRST_KEY:
		if (c == '}')
			return close_container(j, ret);
		return read_key(j, c, ret, e);
	case AFTER:
		return read_after(j, c, ret, e);
	case DONE:
		break;
	}
	ret->kind = JSON_END;
	return c < 0 ? 0
		     : json_wrong(j, j->at, "more text behind the value", e);
}

int json_pull_skip(struct json_pull *j, const struct json_token *t,
		   struct err *e)
{
	struct json_token next;
	unsigned outside = j->depth;

	if (t->kind == JSON_KEY) {
		if (json_pull_next(j, &next, e))
			return -1;
		return json_pull_skip(j, &next, e);
	}
	if (t->kind != JSON_OBJECT && t->kind != JSON_ARRAY)
		return 0;
	outside--;
	while (j->depth > outside)
		if (json_pull_next(j, &next, e))
			return -1;
	return 0;
}
