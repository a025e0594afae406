/* SPDX-License-Identifier: Apache-2.0 */
/* json_doc.h - JSON documents as trees, for the few places that need one.
 *
 * cJSON's nodes behind strict rules: json_pull reads the text and refuses all
 * that is not JSON, duplicate keys are refused, and a number node keeps its
 * text in valuestring (valuedouble is the nearest double). cJSON's own parser
 * and printer are never used (they lose digits); a tree is written with
 * json_doc_write, which writes the numbers' text.
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
/* A member whose name another member has too, NULL if all differ. */
const cJSON *json_doc_duplicate(const cJSON *object);

#endif
