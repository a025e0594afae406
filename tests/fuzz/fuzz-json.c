/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-json.c - any bytes as JSON: the reader ends; what it takes becomes a
 * tree (but for duplicate keys) whose text reads back as the same text.
 */
#include "indexer/base/json_doc.h"
#include "indexer/base/json_pull.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static bool walk(struct str text)
{
	struct arena a;
	struct json_pull j;
	struct json_token t;
	struct err e = {0};
	int rc;

	arena_init(&a, 1 << 24);
	json_pull_init(&j, text, &a);
	do
		rc = json_pull_next(&j, &t, &e);
	while (!rc && t.kind != JSON_END);
	if (rc && (e.kind == ERR_NONE || !e.msg[0]))
		abort();
	arena_fini(&a);
	return !rc;
}

/* The tree's text; the tree is freed. */
static void write_tree(cJSON *tree, struct buf *b)
{
	struct json_out j;

	buf_init(b, 1 << 26);
	jo_init(&j, b, 0);
	json_doc_write(&j, tree);
	cJSON_Delete(tree);
	if (!buf_ok(b))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_n((const char *)data, n);
	bool good = walk(text);
	struct err e = {0};
	cJSON *tree = json_doc_parse(text, &e);
	struct buf once, twice;

	if (tree && !good)
		abort();
	if (!tree) {
		if (good && e.kind != ERR_INVALID)
			abort();
		return 0;
	}
	write_tree(tree, &once);
	tree = json_doc_parse(buf_view(&once), &e);
	if (!tree)
		abort();
	write_tree(tree, &twice);
	if (!str_eq(buf_view(&once), buf_view(&twice)))
		abort();
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
