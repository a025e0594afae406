/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - YAML to the tree that json_doc.h knows, by libyaml's events.
 *
 * Plain scalars become numbers, booleans and null by YAML 1.2's core schema,
 * all else strings. Aliases are followed up to a total of nodes; depth, nodes
 * and bytes have limits, so hostile text costs an error. Duplicate keys, keys
 * that are no scalars and a second document are refused. Numbers keep their
 * text in valuestring where JSON could hold it, as json_doc_parse does.
 */
#ifndef ORRERY_BASE_YAML_H
#define ORRERY_BASE_YAML_H

#include <cjson/cJSON.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum { YAML_BYTES = 4 * 1024 * 1024, YAML_NODES = 200 * 1000, YAML_DEPTH = 64 };

/* A tree to be freed with cJSON_Delete; an empty text is null. name is for
 * messages ("FILE:LINE"). */
cJSON *yaml_parse(struct str text, const char *name, struct err *e);
/* The line of a node of such a tree, of its key where it has one. */
int yaml_line(const cJSON *node);

#endif
