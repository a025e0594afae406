/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-routes.c - any bytes as the request of every route: the first byte
 * chooses the route, the rest is its body, and its query. What is taken, is
 * written and read again; what is refused, says why.
 */
#include "api/app.h"
#include "api/routes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { ROUTES_MAX = 256, ARENA = 64 << 20 };

static size_t tables(const struct field_set *ret[ROUTES_MAX])
{
	struct route_group groups[ROUTE_GROUPS];
	size_t n = 0;

	routes_all(groups);
	for (size_t g = 0; g < ROUTE_GROUPS; g++)
		for (size_t i = 0; i < groups[g].count && n < ROUTES_MAX; i++)
			if (groups[g].routes[i].fields)
				ret[n++] = groups[g].routes[i].fields;
	for (int k = 0; k < COMMAND_KINDS && n < ROUTES_MAX; k++)
		if (command_types[k].in.count)
			ret[n++] = &command_types[k].in;
	return n;
}

static void must(bool good)
{
	if (!good)
		abort();
}

static void written_is_read(const struct field_set *set, const void *request,
			    struct arena *a)
{
	void *again = arena_alloc(a, set->size);
	struct json_out j;
	struct buf b;
	struct err e;

	buf_init(&b, ARENA);
	jo_init(&j, &b, 0);
	field_write_json(set, request, &j);
	if (again && buf_ok(&b) && a->used < ARENA / 2)
		must(field_read_json(set, buf_view(&b), a, again, &e) == 0);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct field_set *sets[ROUTES_MAX], *set;
	struct str text;
	struct arena a;
	struct err e;
	void *request;

	if (!n)
		return 0;
	set = sets[data[0] % tables(sets)];
	text = str_n((const char *)data + 1, n - 1);
	arena_init(&a, ARENA);
	request = arena_alloc(&a, set->size);
	must(request != NULL);
	err_clear(&e);
	if (field_read_json(set, text, &a, request, &e) == 0)
		written_is_read(set, request, &a);
	else
		must(e.kind != ERR_NONE && e.msg[0]);
	if (field_read_query(set, text, &a, request, &e))
		must(e.kind != ERR_NONE && e.msg[0]);
	arena_fini(&a);
	return 0;
}
