/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-yaml.c - any bytes as YAML: an error that names its line, or a tree
 * whose text is JSON.
 */
#include "indexer/base/json_doc.h"
#include "indexer/base/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct err e = {0};
	cJSON *tree = yaml_parse(str_n((const char *)data, n), "f", &e);
	struct json_out j;
	struct buf b;

	if (!tree) {
		if (e.kind == ERR_NONE || strncmp(e.msg, "f:", 2) != 0)
			abort();
		return 0;
	}
	buf_init(&b, 1 << 28);
	jo_init(&j, &b, 0);
	json_doc_write(&j, tree);
	cJSON_Delete(tree);
	tree = json_doc_parse(buf_view(&b), &e);
	if (!tree)
		abort();
	cJSON_Delete(tree);
	buf_fini(&b);
	return 0;
}
