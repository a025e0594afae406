/* SPDX-License-Identifier: Apache-2.0 */
/* body.c - content types, and JSON within a JSON string.
 *
 * MLflow's R client sends its body as one JSON string that holds the JSON:
 * such a body is unwrapped once.
 */
#include "api/http/body.h"

#include "indexer/base/json_pull.h"

static bool json_type(struct str type)
{
	struct str name = str_trim(str_n(type.p, str_find(type, ';')));

	return str_eq_nocase(name, STR("application/json"));
}

static int check_types(const struct exchange *x, struct err *e)
{
	struct str type = call_header(&x->c, "Content-Type");
	struct str coding = call_header(&x->c, "Content-Encoding");

	if (x->c.body.n && type.p && !json_type(type))
		return err_set(e, ERR_MALFORMED,
			       "Bad Request. Content-Type must be one of "
			       "['application/json'].");
	if (coding.p && !str_eq_nocase(coding, STR("identity")))
		return err_set(e, ERR_MALFORMED,
			       "Bad Request. Content-Encoding \"%.*s\" is not "
			       "taken here.",
			       STR_ARG(coding));
	return 0;
}

static struct str skip_blanks(struct str s)
{
	while (s.n && strchr(" \t\r\n", s.p[0]) && s.p[0])
		s = str_n(s.p + 1, s.n - 1);
	return s;
}

static int unwrap(struct str *json, struct arena *a, struct err *e)
{
	struct json_pull pull;
	struct json_token t, end;

	if (!skip_blanks(*json).n || skip_blanks(*json).p[0] != '"')
		return 0;
	json_pull_init(&pull, *json, a);
	if (json_pull_next(&pull, &t, e) || json_pull_next(&pull, &end, e))
		return -1;
	*json = t.text;
	return 0;
}

int body_fields(struct exchange *x, struct err *e)
{
	struct call *c = &x->c;
	const struct field_set *set = c->route->fields;
	bool from_query = c->method & (HTTP_GET | HTTP_HEAD) ||
			  c->route->body != BODY_JSON;
	struct str json = c->body;

	if (!from_query && check_types(x, e))
		return -1;
	if (!set)
		return 0;
	c->request = arena_alloc(c->arena, set->size);
	if (!c->request)
		return arena_full(c->arena, e);
	if (from_query)
		return field_read_query(set, c->query, c->arena, c->request, e);
	if (unwrap(&json, c->arena, e))
		return -1;
	return field_read_json(set, json, c->arena, c->request, e);
}
