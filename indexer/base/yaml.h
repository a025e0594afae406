/* SPDX-License-Identifier: Apache-2.0 */
/* yaml.h - YAML to the tree that json_doc.h knows, by libyaml's events.
 *
 * Plain scalars become numbers, booleans and null by YAML 1.2's core schema,
 * all else strings. Aliases are followed up to a total of nodes; depth, nodes
 * and bytes have limits, so hostile text costs an error. Lines are kept for
 * messages in the error only.
 */
#ifndef ORRERY_BASE_YAML_H
#define ORRERY_BASE_YAML_H

#include <cjson/cJSON.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

/* A tree to be freed with cJSON_Delete. name is for messages ("FILE:LINE"). */
cJSON *yaml_parse(struct str text, const char *name, struct err *e);

#endif
