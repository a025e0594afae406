/* SPDX-License-Identifier: Apache-2.0 */
/* names.h - what may be called what, and how a name looks as a file name.
 *
 * Lengths of keys and names are in characters. The checks give MLflow's own
 * sentences, for its clients match them. The file form is injective: control
 * bytes, '/', a leading '.', and a '%' that would otherwise read as an escape
 * are %XX; what would pass 255 bytes is its first 200 bytes (cut at a
 * character), '~' and 16 hex digits of its hash. A '%' not followed by two hex
 * digits stands for itself.
 */
#ifndef ORRERY_INDEX_NAMES_H
#define ORRERY_INDEX_NAMES_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum { NAME_FILE_MAX = 256 }; /* a file name and its NUL */

/* what is "metrics[3].name" or "key": it goes into the message. */
int name_check_key(struct str key, const char *what, struct err *e);
int name_check_experiment(struct str name, struct err *e);
int name_check_run(struct str name, struct err *e);
int name_check_run_id(struct str id, struct err *e);
/* Of a registered model; what is "name" or "new_name". */
int name_check_model(struct str name, const char *what, struct err *e);
int name_check_alias(struct str alias, struct err *e);
/* A relative artifact path already decoded: no empty part, '.', '..', NUL,
 * backslash, leading '/'. "" is the root and allowed only with root_ok. */
int name_check_artifact(struct str path, bool root_ok, struct err *e);

/* The file form of a name; returns its length. */
size_t name_to_file(struct str name, char out[NAME_FILE_MAX]);
/* The same followed by '~' and a suffix (at most 36 bytes), for a name that is
 * taken. */
size_t name_to_file_apart(struct str name, struct str suffix,
			  char out[NAME_FILE_MAX]);
/* The name that a file name stands for, unless it is a cut one (false): then
 * compare file forms of candidates. out has room for s.n + 1 bytes. */
bool name_from_file(struct str file, char *out, size_t *ret_n);
/* A made-up run name like MLflow's: "predicate-noun-123", at most 20. */
void name_invent(char out[32]);

#endif
