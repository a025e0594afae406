/* SPDX-License-Identifier: Apache-2.0 */
/* Types and tags by which artifacts are served. */
#include "api/tracking/artifact.h"

#include "tests/tap.h"

static void types(void)
{
	static const struct {
		const char *name, *type;
	} rows[] = {
		{"a.json", "application/json"},
		{"A.JSON", "application/json"},
		{"x.tar.gz", "application/gzip"},
		{"plot.png", "image/png"},
		{"MLmodel", "text/plain"},
		{"mlproject", "text/plain"},
		{"conda.yaml", "text/plain"},
		{"model.pkl", "application/octet-stream"},
		{"json", "application/octet-stream"},
		{".json", "application/json"},
		{"a.", "application/octet-stream"},
		{"", "application/octet-stream"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		is_str(artifact_type(str_from(rows[i].name)).p, rows[i].type,
		       rows[i].name);
}

static void tags(void)
{
	struct arena a;

	arena_init(&a, 1 << 10);
	is_str(artifact_etag(&a, STR("abc")).p, "\"abc\"", "a tag is quoted");
	is_i64((int64_t)artifact_etag(&a, STR("")).n, 0, "no digest, no tag");
	arena_fini(&a);
}

int main(void)
{
	types();
	tags();
	return tap_done();
}
