/* SPDX-License-Identifier: Apache-2.0 */
/* ask.h - one question to the running daemon, answered with a tree. */
#ifndef ORRERY_TOOLS_ASK_H
#define ORRERY_TOOLS_ASK_H

#include "indexer/base/json_doc.h"

#include "indexer/base/client.h"
#include "tools/verb.h"

/* A client for the daemon that these flags name. */
struct client *ask_open(const struct args *a, struct err *e);
/* body NULL: GET, else POST. The answer as a tree (cJSON_Delete), or NULL:
 * not reached, or the daemon's own error in e. */
cJSON *ask(struct client *c, const char *path, const char *body, struct err *e);
/* The text of the last answer's member, "" if absent. */
const char *ask_string(const cJSON *answer, const char *name);
double ask_number(const cJSON *answer, const char *name);

#endif
