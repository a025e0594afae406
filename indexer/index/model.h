/* SPDX-License-Identifier: Apache-2.0 */
/* model.h - registered models and versions as commands need them (internal).
 *
 * What is visible of a model or version changes through model_touch and
 * version_touch: a version's change is one of its model, too.
 */
#ifndef ORRERY_INDEX_MODEL_H
#define ORRERY_INDEX_MODEL_H

#include "indexer/index/registry.h"
#include "indexer/index/writer.h"

struct model_ref {
	int64_t row, project;
};

struct version_ref {
	int64_t row, number;
	enum model_stage stage;
	struct model_ref model;
};

/* By name, for a write: not found where who may not see it, ERR_DENIED where
 * who may only see. */
int writer_model(struct writer *w, const struct principal *who, struct str name,
		 struct model_ref *ret, struct err *e);
int writer_version(struct writer *w, const struct principal *who,
		   struct str name, struct str version, struct version_ref *ret,
		   struct err *e);

/* Could a model be called what was given here, in either form? */
int model_check_name(const struct principal *who, struct str name,
		     struct err *e);

/* Something of it changed; with updated, also the time that MLflow shows. A
 * version's change is none to the time that MLflow shows of its model. */
int model_touch(struct writer *w, int64_t row, bool updated, struct err *e);
int version_touch(struct writer *w, const struct version_ref *v, bool updated,
		  struct err *e);

/* "Registered Model with name=X not found" and its like; -1. */
int model_not_found(struct str name, struct err *e);
int version_not_found(struct str name, struct str version, struct err *e);
/* "Parameter 'version' must be an integer, got 'x'." */
int version_parse(struct str version, int64_t *ret, struct err *e);

int model_check_description(struct str description, struct err *e);
/* The tags of a creation, or one tag: set by the statement, which takes row,
 * key and value. */
int model_set_tags(struct writer *w, enum stmt_id set, int64_t row,
		   struct field_list tags, struct err *e);
int model_set_tag(struct writer *w, enum stmt_id set, int64_t row,
		  const struct key_value *tag, const char *what, struct err *e);
/* Do they say that this is a prompt? */
bool model_tags_prompt(struct field_list tags);

/* 1 with the row, 0 where there is none, for readers and the writer. */
int model_find(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
	       struct arena *a, struct registered_model *ret, struct err *e);
int version_find(struct db *db, enum stmt_id id, const struct bind *b, size_t n,
		 struct arena *a, struct model_version *ret, struct err *e);

/* Idle work: take away what hangs on removed models, for about budget_ms; 1
 * where something is left. In a transaction. */
int model_reap(struct writer *w, int64_t budget_ms, struct err *e);

#endif
