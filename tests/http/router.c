/* SPDX-License-Identifier: Apache-2.0 */
/* router.c - which row a path leads to, and what it captures. */
#include "api/http/router.h"

#include <time.h>

#include "api/http/target.h"
#include "tests/tap.h"

static void handle(struct call *c)
{
	(void)c;
}

static void error_a(struct json_out *j, const struct err *e)
{
	(void)j;
	(void)e;
}

#define R(m, p)                                                                \
	{                                                                      \
		.methods = (m), .path = (p), .handle = handle, .summary = (p)  \
	}

static const struct route tracking[] = {
	R(HTTP_GET, "/api/2.0/mlflow/runs/get"),
	R(HTTP_POST, "/api/2.0/mlflow/runs/create"),
	R(HTTP_GET, "/api/2.0/mlflow-artifacts/artifacts"),
	R(HTTP_GET | HTTP_PUT | HTTP_DELETE,
	  "/api/2.0/mlflow-artifacts/artifacts/{path...}"),
};

static const struct route stac[] = {
	R(HTTP_GET, ""),
	R(HTTP_GET, "/collections"),
	R(HTTP_GET, "/collections/{c}"),
	R(HTTP_GET | HTTP_POST, "/collections/{c}/items"),
	R(HTTP_GET, "/collections/{c}/items/{id...}"),
	R(HTTP_GET, "/collections/special/items"),
	R(HTTP_PATCH, "/collections/{c}/items/{id}"),
};

static const struct route ui[] = {
	R(HTTP_GET, "/"),
	R(HTTP_GET, "/static/{file...}"),
};

static const char *const tracking_at[] = {
	"", "/mlflow", "/mlflow/{project...}/tracking", NULL};
static const char *const stac_at[] = {"/api/stac", "/stac", NULL};
static const char *const ui_at[] = {"", "/mlflow", NULL};

static const struct route_group groups[] = {
	{tracking_at, tracking, sizeof(tracking) / sizeof(tracking[0])},
	{stac_at, stac, sizeof(stac) / sizeof(stac[0]), error_a},
	{ui_at, ui, sizeof(ui) / sizeof(ui[0])},
};

static const struct {
	const char *path;
	unsigned method;
	const char *route; /* NULL: none */
	int group;
	unsigned allow; /* where there is no route */
	const char *prefix;
	const char *captures[3];
} rows[] = {
	{"/", HTTP_GET, "/", 2, 0, ""},
	{"/mlflow/", HTTP_GET, "/", 2, 0, "/mlflow"},
	{"/mlflow", HTTP_GET, NULL, 0, 0},
	{"/static/a/b.js", HTTP_GET, "/static/{file...}", 2, 0, "", {"a/b.js"}},
	{"/static/", HTTP_GET, "/static/{file...}", 2, 0, "", {""}},
	{"/static", HTTP_GET, NULL, 2, 0},
	{"/api/2.0/mlflow/runs/get", HTTP_GET, "/api/2.0/mlflow/runs/get", 0, 0,
	 ""},
	{"/mlflow/api/2.0/mlflow/runs/get", HTTP_GET,
	 "/api/2.0/mlflow/runs/get", 0, 0, "/mlflow"},
	{"/mlflow/g/p/tracking/api/2.0/mlflow/runs/get",
	 HTTP_GET,
	 "/api/2.0/mlflow/runs/get",
	 0,
	 0,
	 "/mlflow/g/p/tracking",
	 {"g/p"}},
	{"/mlflow/g%2Fp/tracking/api/2.0/mlflow/runs/get",
	 HTTP_GET,
	 "/api/2.0/mlflow/runs/get",
	 0,
	 0,
	 "/mlflow/g%2Fp/tracking",
	 {"g%2Fp"}},
	{"/mlflow/tracking/tracking/api/2.0/mlflow/runs/get",
	 HTTP_GET,
	 "/api/2.0/mlflow/runs/get",
	 0,
	 0,
	 "/mlflow/tracking/tracking",
	 {"tracking"}},
	{"/mlflow/g/tracking/p/tracking/api/2.0/mlflow/runs/create",
	 HTTP_POST,
	 "/api/2.0/mlflow/runs/create",
	 0,
	 0,
	 "/mlflow/g/tracking/p/tracking",
	 {"g/tracking/p"}},
	{"/mlflow/p/tracking/api/2.0/mlflow-artifacts/artifacts/1/x/tracking/y",
	 HTTP_PUT,
	 "/api/2.0/mlflow-artifacts/artifacts/{path...}",
	 0,
	 0,
	 "/mlflow/p/tracking",
	 {"p", "1/x/tracking/y"}},
	{"/api/2.0/mlflow-artifacts/artifacts/a//b/",
	 HTTP_DELETE,
	 "/api/2.0/mlflow-artifacts/artifacts/{path...}",
	 0,
	 0,
	 "",
	 {"a//b/"}},
	{"/api/2.0/mlflow/runs/get", HTTP_POST, NULL, 0, HTTP_GET},
	{"/api/2.0/mlflow/runs/get/", HTTP_GET, NULL, 0, 0},
	{"/api/2.0/mlflow/runs/nope", HTTP_GET, NULL, 0, 0},
	{"/api/2.0/mlflow/runs", HTTP_GET, NULL, 0, 0},
	{"/API/2.0/mlflow/runs/get", HTTP_GET, NULL, 0, 0},
	{"/api/stac", HTTP_GET, "", 1, 0, "/api/stac"},
	{"/stac/collections", HTTP_GET, "/collections", 1, 0, "/stac"},
	{"/stac/collections/", HTTP_GET, NULL, 1, 0},
	{"/stac/nope", HTTP_GET, NULL, 1, 0},
	{"/stac/collections/a/nope", HTTP_GET, NULL, 1, 0},
	{"/stac/collections/a",
	 HTTP_GET,
	 "/collections/{c}",
	 1,
	 0,
	 "/stac",
	 {"a"}},
	{"/stac/collections/special/items", HTTP_GET,
	 "/collections/special/items", 1, 0, "/stac"},
	{"/stac/collections/special/items",
	 HTTP_POST,
	 "/collections/{c}/items",
	 1,
	 0,
	 "/stac",
	 {"special"}},
	{"/stac/collections/special/items", HTTP_PUT, NULL, 1,
	 HTTP_GET | HTTP_POST},
	{"/stac/collections/special/items/i",
	 HTTP_GET,
	 "/collections/{c}/items/{id...}",
	 1,
	 0,
	 "/stac",
	 {"special", "i"}},
	{"/stac/collections/a/items/g/p",
	 HTTP_GET,
	 "/collections/{c}/items/{id...}",
	 1,
	 0,
	 "/stac",
	 {"a", "g/p"}},
	{"/stac/collections/a/items/i",
	 HTTP_PATCH,
	 "/collections/{c}/items/{id}",
	 1,
	 0,
	 "/stac",
	 {"a", "i"}},
	{"/stac/collections/a/items/i", HTTP_DELETE, NULL, 1,
	 HTTP_GET | HTTP_PATCH},
	{"/stac/collections/a/items/i", 0, NULL, 1, HTTP_GET | HTTP_PATCH},
	{"//", HTTP_GET, NULL, 2, 0},
};

static bool row_holds(const struct router *r, size_t i)
{
	struct route_match m;

	router_find(r, str_from(rows[i].path), rows[i].method, &m);
	if (m.group != &groups[rows[i].group])
		return false;
	if (!rows[i].route)
		return !m.route && m.allow == rows[i].allow;
	if (!m.route || strcmp(m.route->path, rows[i].route) != 0 ||
	    !str_is(m.prefix, rows[i].prefix))
		return false;
	for (unsigned k = 0; k < m.count; k++)
		if (!rows[i].captures[k] ||
		    !str_is(m.captures[k], rows[i].captures[k]))
			return false;
	return m.count == 3 || !rows[i].captures[m.count];
}

static void check_depth(const struct router *r)
{
	static char path[HTTP_LINE_MAX];
	struct route_match m;
	clock_t began;

	memset(path, '/', sizeof(path));
	router_find(r, str_n(path, HTTP_SEGMENTS_MAX), HTTP_GET, &m);
	ok(!m.too_deep && !m.route, "deepest path");
	router_find(r, str_n(path, HTTP_SEGMENTS_MAX + 1), HTTP_GET, &m);
	ok(m.too_deep, "path too deep");

	/* "/mlflow/tracking/tracking/..." tries every split. */
	memcpy(path, "/mlflow", 7);
	for (size_t i = 7; i + 9 < 255 * 9; i += 9)
		memcpy(path + i, "/tracking", 9);
	began = clock();
	router_find(r, str_n(path, 7 + 9 * 250), HTTP_GET, &m);
	ok(!m.route && clock() - began < CLOCKS_PER_SEC / 5,
	   "no path takes long");
}

static void refuses(const struct route *routes, size_t n, const char *what)
{
	static const char *const at[] = {"", NULL};
	struct route_group g = {at, routes, n};
	struct err e = {0};

	ok(!router_new(&g, 1, &e) && e.kind == ERR_INVALID, what);
}

static void check_tables(void)
{
	static const struct route twice[] = {R(HTTP_GET | HTTP_PUT, "/a/{x}"),
					     R(HTTP_PUT, "/a/{y}")};
	static const struct route rootless[] = {R(HTTP_GET, "a")};
	static const struct route empty[] = {R(HTTP_GET, "")};
	static const struct route many[] = {
		R(HTTP_GET, "/{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}")};

	refuses(twice, 2, "two routes for one method of a path");
	refuses(rootless, 1, "a path without a slash");
	refuses(empty, 1, "no path at all");
	refuses(many, 1, "too many captures");
}

static void check_target(void)
{
	struct arena a;
	struct str path, query, out;
	struct err e;

	arena_init(&a, 1 << 16);
	target_split(STR("/a?b?c"), &path, &query);
	ok(str_is(path, "/a") && str_is(query, "b?c"), "split at the first ?");
	target_split(STR("/a"), &path, &query);
	ok(str_is(path, "/a") && query.n == 0, "no query");
	ok(target_path_valid(STR("/%41%zz")) == false &&
		   !target_path_valid(STR("/%4")) &&
		   !target_path_valid(STR("/%")) &&
		   !target_path_valid(STR("/%00")) &&
		   target_path_valid(STR("/%25%2f")),
	   "escapes of a path");
	ok(target_decode(STR("a%2Fb%252e"), &a, &out, &e) == 0 &&
		   str_is(out, "a/b%2e"),
	   "decoded exactly once");
	ok(target_decode(STR("a+b"), &a, &out, &e) == 0 && str_is(out, "a+b"),
	   "plus is plus");
	ok(target_decode(STR("%ff"), &a, &out, &e) && e.kind == ERR_MALFORMED,
	   "not UTF-8");
	ok(target_decode(STR("%c3%a4"), &a, &out, &e) == 0 &&
		   str_is(out, "\xc3\xa4"),
	   "UTF-8");
	ok(target_decode(STR("a%00"), &a, &out, &e), "NUL");
	ok(target_decode(STR("a%0"), &a, &out, &e), "half an escape");
	arena_fini(&a);
}

int main(void)
{
	struct err e = {0};
	struct router *r = router_new(groups, 3, &e);

	ok(r != NULL, "built");
	if (!r) {
		printf("# %s\n", e.msg);
		return tap_done();
	}
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(row_holds(r, i), rows[i].path);
	check_depth(r);
	router_free(r);
	check_tables();
	check_target();
	return tap_done();
}
