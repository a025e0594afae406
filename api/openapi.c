/* SPDX-License-Identifier: Apache-2.0 */
/* openapi.c - the description of all routes, made from their table.
 *
 * Every route stands below the first prefix of its group; the other prefixes
 * of a group are listed with it. Requests are described by their tables of
 * fields, those of the commands that a mount posts, too. What OpenAPI has no
 * word for is said by members that begin with x-orrery-.
 */
#include "api/ops.h"

static const struct {
	enum http_method method;
	const char *name;
} methods[] = {
	{HTTP_GET, "get"},     {HTTP_POST, "post"},     {HTTP_PUT, "put"},
	{HTTP_PATCH, "patch"}, {HTTP_DELETE, "delete"},
};

static const char *const level_names[] = {
	[LEVEL_NONE] = "none",         [LEVEL_GUEST] = "guest",
	[LEVEL_READ] = "read",         [LEVEL_WRITE] = "write",
	[LEVEL_MAINTAIN] = "maintain",
};

static void put_set(struct json_out *j, const struct field_set *set);

static void put_text(struct json_out *j, const char *key, const char *text)
{
	jo_kstr(j, key, str_from(text));
}

static void put_names(struct json_out *j, const char *const *names)
{
	jo_key(j, "enum");
	jo_array(j);
	for (; *names; names++)
		if (**names)
			jo_str(j, str_from(*names));
	jo_array_end(j);
}

static void put_items(struct json_out *j, const struct field *f)
{
	put_text(j, "type", "array");
	if (f->limit)
		jo_ki64(j, "maxItems", (int64_t)f->limit);
	jo_key(j, "items");
	if (f->sub) {
		put_set(j, f->sub);
		return;
	}
	jo_object(j);
	put_text(j, "type", "string");
	jo_object_end(j);
}

/* Text in a form of its own, where JSON has no better. */
static bool put_formed(struct json_out *j, const struct field *f)
{
	bool date = f->flags & FIELD_TIME;

	if (f->flags & FIELD_MAP) {
		put_text(j, "type", "object");
		jo_key(j, "additionalProperties");
		jo_object(j);
		put_text(j, "type", "string");
		jo_object_end(j);
	} else if (f->flags & (FIELD_TIME | FIELD_SECONDS)) {
		put_text(j, "type", "string");
		put_text(j, date ? "format" : "pattern",
			 date ? "date-time" : "^-?[0-9]+([.][0-9]+)?s$");
	} else {
		return false;
	}
	return true;
}

static void put_type(struct json_out *j, const struct field *f)
{
	if (f->sub && (f->type == FIELD_OBJECT || f->type == FIELD_RAW)) {
		put_set(j, f->sub);
		return;
	}
	jo_object(j);
	if (put_formed(j, f)) {
		jo_object_end(j);
		return;
	}
	switch (f->type) {
	case FIELD_STR:
		put_text(j, "type", "string");
		if (f->limit)
			jo_ki64(j, "maxLength", (int64_t)f->limit);
		break;
	case FIELD_I64:
		put_text(j, "type", "integer");
		put_text(j, "format", "int64");
		break;
	case FIELD_F64:
		put_text(j, "type", "number");
		put_text(j, "format", "double");
		break;
	case FIELD_BOOL:
		put_text(j, "type", "boolean");
		break;
	case FIELD_ENUM:
		put_text(j, "type", "string");
		put_names(j, f->names);
		break;
	case FIELD_STRS:
	case FIELD_LIST:
		put_items(j, f);
		break;
	case FIELD_OBJECT:
	case FIELD_RAW:
		break;
	}
	if (f->alias)
		put_text(j, "x-orrery-alias", f->alias);
	jo_object_end(j);
}

static bool required(const struct field *f)
{
	return f->flags & (FIELD_REQUIRED | FIELD_FILLED);
}

static void put_required(struct json_out *j, const struct field_set *set)
{
	bool any = false;

	for (size_t i = 0; i < set->count; i++) {
		if (!required(&set->fields[i]))
			continue;
		if (!any) {
			jo_key(j, "required");
			jo_array(j);
		}
		any = true;
		jo_str(j, str_from(set->fields[i].name));
	}
	if (any)
		jo_array_end(j);
}

static void put_set(struct json_out *j, const struct field_set *set)
{
	jo_object(j);
	put_text(j, "type", "object");
	jo_key(j, "properties");
	jo_object(j);
	for (size_t i = 0; i < set->count; i++) {
		jo_key(j, set->fields[i].name);
		put_type(j, &set->fields[i]);
	}
	jo_object_end(j);
	put_required(j, set);
	jo_object_end(j);
}

static void put_parameter(struct json_out *j, struct str name, const char *in,
			  const struct field *f)
{
	jo_object(j);
	jo_kstr(j, "name", name);
	put_text(j, "in", in);
	jo_kbool(j, "required", !f || required(f));
	jo_key(j, "schema");
	if (f) {
		put_type(j, f);
	} else {
		jo_object(j);
		put_text(j, "type", "string");
		jo_object_end(j);
	}
	jo_object_end(j);
}

/* The next {name} or {name...} of a path; false after the last. */
static bool next_capture(struct str *rest, struct str *ret)
{
	str_cut(rest, '{');
	if (!rest->p)
		return false;
	*ret = str_cut(rest, '}');
	if (str_ends(*ret, STR("...")))
		ret->n -= 3;
	return true;
}

static bool in_query(const struct route *r, enum http_method method)
{
	return r->fields && (r->body != BODY_JSON || method == HTTP_GET);
}

static void put_parameters(struct json_out *j, const struct route *r,
			   enum http_method method)
{
	struct str rest = str_from(r->path), name;

	jo_key(j, "parameters");
	jo_array(j);
	while (next_capture(&rest, &name))
		put_parameter(j, name, "path", NULL);
	for (size_t i = 0; in_query(r, method) && i < r->fields->count; i++)
		put_parameter(j, str_from(r->fields->fields[i].name), "query",
			      &r->fields->fields[i]);
	jo_array_end(j);
}

static size_t body_limit(const struct app *app, const struct route *r)
{
	if (r->limit)
		return r->limit;
	return (size_t)(r->body == BODY_STREAM ? app->conf->artifact_limit
					       : app->conf->body_limit);
}

static void put_body(struct json_out *j, const struct app *app,
		     const struct route *r, enum http_method method)
{
	bool json = r->body == BODY_JSON;

	if (r->body == BODY_NONE || method == HTTP_GET)
		return;
	jo_key(j, "requestBody");
	jo_object(j);
	jo_ki64(j, "x-orrery-limit", (int64_t)body_limit(app, r));
	jo_key(j, "content");
	jo_object(j);
	jo_key(j, json ? "application/json" : "application/octet-stream");
	jo_object(j);
	if (json && r->fields) {
		jo_key(j, "schema");
		put_set(j, r->fields);
	}
	jo_object_end(j);
	jo_object_end(j);
	jo_object_end(j);
}

static void put_responses(struct json_out *j)
{
	jo_key(j, "responses");
	jo_object(j);
	jo_key(j, "200");
	jo_object(j);
	put_text(j, "description", "Done.");
	jo_object_end(j);
	jo_key(j, "default");
	jo_object(j);
	put_text(j, "description",
		 "An error: an object with error_code and message.");
	jo_object_end(j);
	jo_object_end(j);
}

static void put_operation(struct json_out *j, const struct app *app,
			  const struct route *r, enum http_method method)
{
	jo_object(j);
	put_text(j, "summary", r->summary);
	put_text(j, "x-orrery-level", level_names[r->need]);
	put_parameters(j, r, method);
	put_body(j, app, r, method);
	put_responses(j);
	jo_object_end(j);
}

/* The path of a route as OpenAPI writes it: {path...} is {path}. */
static void put_path(struct json_out *j, const char *prefix, const char *path)
{
	char text[512];
	size_t n = 0;

	for (const char *p = prefix; *p && n < sizeof(text) - 1; p++)
		text[n++] = *p;
	for (const char *p = path; *p && n < sizeof(text) - 1; p++)
		if (strncmp(p, "...}", 4) == 0)
			p += 2;
		else
			text[n++] = *p;
	text[n] = '\0';
	jo_key(j, text);
}

static bool same_path(const struct route *a, const struct route *b)
{
	return strcmp(a->path, b->path) == 0;
}

/* All methods of one path; rows of the same path stand together. */
static size_t put_routes(struct json_out *j, const struct app *app,
			 const struct route_group *g, size_t i)
{
	const struct route *first = &g->routes[i];

	put_path(j, g->prefixes[0], first->path);
	jo_object(j);
	for (; i < g->count && same_path(first, &g->routes[i]); i++)
		for (size_t m = 0; m < sizeof(methods) / sizeof(methods[0]);
		     m++)
			if (g->routes[i].methods & methods[m].method) {
				jo_key(j, methods[m].name);
				put_operation(j, app, &g->routes[i],
					      methods[m].method);
			}
	if (g->prefixes[1]) {
		jo_key(j, "x-orrery-prefixes");
		jo_array(j);
		for (const char *const *p = g->prefixes; *p; p++)
			jo_str(j, str_from(*p));
		jo_array_end(j);
	}
	jo_object_end(j);
	return i;
}

/* What a mount may post: the fields of each command by its name. */
static void put_commands(struct json_out *j)
{
	jo_key(j, "x-orrery-commands");
	jo_object(j);
	for (int k = 0; k < COMMAND_KINDS; k++) {
		if (k == COMMAND_JOURNAL || k == COMMAND_CALL)
			continue;
		jo_key(j, command_types[k].name);
		put_set(j, &command_types[k].in);
	}
	jo_object_end(j);
}

static void openapi(struct call *c)
{
	const struct app *app = call_app(c);
	struct json_out *j = reply_json(c, 200);

	jo_object(j);
	put_text(j, "openapi", "3.1.0");
	jo_key(j, "info");
	jo_object(j);
	put_text(j, "title", "Orrery");
	put_text(j, "version", ORRERY_VERSION);
	put_text(
		j, "description",
		"Each route stands below all of its x-orrery-prefixes. Below "
		"/mlflow/{project}/tracking, project being a path of GitLab's, "
		"is the view of that project: nothing else exists there.");
	jo_object_end(j);
	jo_key(j, "paths");
	jo_object(j);
	for (size_t g = 0; g < app->ngroups; g++)
		for (size_t i = 0; i < app->groups[g].count;)
			i = put_routes(j, app, &app->groups[g], i);
	jo_object_end(j);
	put_commands(j);
	jo_object_end(j);
	reply_json_end(c);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/openapi.json",
	 .handle = openapi,
	 .summary = "This description of all routes."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_openapi = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
