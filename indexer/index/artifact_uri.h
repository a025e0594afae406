/* SPDX-License-Identifier: Apache-2.0 */
/* artifact_uri.h - URIs of artifacts, and whose they are (internal).
 *
 * The hard idea: whose a path of artifacts is stands in the path itself, as
 * the part before "/artifacts"; but a location may be called so, too. So each
 * such place is tried, and only one counts whose owner really has its
 * artifacts there. What may not be seen is nobody's.
 */
#ifndef ORRERY_INDEX_ARTIFACT_URI_H
#define ORRERY_INDEX_ARTIFACT_URI_H

#include "indexer/index/db.h"

/* scheme://authority/path; a file's URI is the same as its path: no scheme. */
struct uri {
	struct str scheme, authority, path;
	bool has_authority;
};

struct uri uri_split(struct str text);
bool uri_is_scheme(const struct uri *u, const char *scheme);
/* Does it name anything by "." or "..", however it is written? */
bool uri_has_relative_part(struct str text);
/* Of runs:/ID/PATH. */
bool uri_parse_run(const struct uri *u, struct str *id, struct str *path);

/* A run or a logged model. */
struct artifact_owner {
	int64_t row; /* owner_row of artifacts */
	struct str root;
	struct str run_id; /* the run itself, or a logged model's source */
};
/* By public id: 1, else 0. */
int artifact_owner_find(struct db *db, struct str id, bool logged,
			struct arena *a, struct artifact_owner *ret,
			struct err *e);

struct artifact_place {
	struct artifact_owner owner;
	bool logged;
	struct str id, path; /* of the owner; below its root */
};
/* 1, or 0 where it is nobody's. */
int artifact_place_find(struct db *db, const struct uri *u, struct arena *a,
			struct artifact_place *ret, struct err *e);
/* The same for a location of any form, runs:/ too. */
int artifact_location_find(struct db *db, struct str location, struct arena *a,
			   int64_t *ret_owner_row, struct str *ret_path,
			   struct err *e);

#endif
