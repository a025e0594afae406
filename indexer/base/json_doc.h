/* SPDX-License-Identifier: Apache-2.0 */
/* json_doc.h - JSON documents as trees, for the few places that need one.
 *
 * cJSON behind strict rules: the text is first walked by json_pull, which
 * refuses all that is not JSON, then duplicate keys are refused, then cJSON
 * builds the tree. cJSON's own printing is never used (it loses digits); a
 * tree is written with json_doc_write, which keeps the numbers' text.
 */
#ifndef ORRERY_BASE_JSON_DOC_H
#define ORRERY_BASE_JSON_DOC_H

#include <cjson/cJSON.h>

#include "indexer/base/arena.h"
#include "indexer/base/err.h"
#include "indexer/base/json_out.h"

/* A tree to be freed with cJSON_Delete, or NULL. */
cJSON *json_doc_parse(struct str text, struct err *e);
void json_doc_write(struct json_out *j, const cJSON *node);
/* Member of an object by exact name, NULL if absent. */
const cJSON *json_doc_get(const cJSON *object, const char *name);

#endif
