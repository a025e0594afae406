/* SPDX-License-Identifier: Apache-2.0 */
/* conf_key.h - the table of keys, for those who read into it and print it.
 */
#ifndef ORRERY_BASE_CONF_KEY_H
#define ORRERY_BASE_CONF_KEY_H

#include "indexer/base/conf.h"

enum { CONF_NAME_MOST = 64 };

enum conf_type {
	CONF_STR,
	CONF_LEVEL,
	CONF_BOOL,
	CONF_INT,
	CONF_SIZE,
	CONF_STRS,
	CONF_PROJECTS
};

struct conf_key {
	const char *name; /* dotted */
	enum conf_type type;
	size_t offset;
	const char *initial;
	int64_t least, most; /* of numbers and sizes */
	const char *sentence;
};

extern const struct conf_key conf_keys[];
extern const size_t conf_key_count;

/* NULL if there is none. */
const struct conf_key *conf_key_named(struct str name);
/* The key that the fewest edits make of name, and how many. */
const struct conf_key *conf_key_nearest(struct str name, size_t *ret_distance);
/* Parse value into the member, unless a later source has set it. */
int conf_store(struct conf *c, const struct conf_key *k, struct str value,
	       enum conf_source source, struct err *e);

#endif
