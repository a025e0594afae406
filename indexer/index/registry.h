/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - registered models, their versions and aliases, as readers see
 * them.
 *
 * The rules are those of reader.h: within reader_begin and reader_end, strings
 * of structs in the caller's arena, those of call-backs for the call. What is
 * found by the name of a model is found among those of no project. A prompt is
 * a registered model with the tag PROMPT_TAG; text and all lie in tags of its
 * versions.
 */
#ifndef ORRERY_INDEX_REGISTRY_H
#define ORRERY_INDEX_REGISTRY_H

#include "indexer/index/reader.h"

#define PROMPT_TAG "mlflow.prompt.is_prompt"

enum model_stage {
	STAGE_NONE,
	STAGE_STAGING,
	STAGE_PRODUCTION,
	STAGE_ARCHIVED,
	STAGES
};
extern const char *const model_stage_names[STAGES];
/* In any case: "Invalid Model Version stage: ..." */
int model_stage_parse(struct str name, enum model_stage *ret, struct err *e);

struct registered_model {
	int64_t row, project, change;
	struct str name, dir, description;
	int64_t last_version; /* number given last; that version may be gone */
	int64_t created, updated;
	int64_t modified; /* ms of its last change: mtime */
	bool prompt;
};

struct model_version {
	int64_t row, model_row, project, change;
	int64_t number;
	struct str model, version; /* the model's name, number as text */
	enum model_stage stage;
	struct str description, source;
	struct str location; /* the URI below which its files are */
	struct str run_id, run_link, model_id; /* empty where there is none */
	int64_t created, updated, modified;
};

struct model_alias {
	int64_t model_row, version_row, number, change, modified;
	struct str alias, version; /* number as text */
};

typedef int registered_model_fn(void *ctx, const struct registered_model *x,
				struct err *e);
typedef int model_version_fn(void *ctx, const struct model_version *x,
			     struct err *e);
typedef int model_alias_fn(void *ctx, const struct model_alias *x,
			   struct err *e);

/* Models: "Registered Model with name=X not found". */
int registered_model_by_name(struct reader *rd, struct str name,
			     struct arena *a, struct registered_model *ret,
			     struct err *e);
int registered_model_by_dir(struct reader *rd, struct str dir, struct arena *a,
			    struct registered_model *ret, struct err *e);
int registered_model_by_row(struct reader *rd, int64_t row, struct arena *a,
			    struct registered_model *ret, struct err *e);
/* In order of row, from after (exclusive), prompts too. */
int registered_model_each(struct reader *rd, int64_t after,
			  registered_model_fn *fn, void *ctx, struct err *e);
int registered_model_tags(struct reader *rd, int64_t model_row,
			  key_value_fn *fn, void *ctx, struct err *e);

/* Versions: "Model Version (name=X, version=N) not found". */
int model_version_by_name(struct reader *rd, struct str name,
			  struct str version, struct arena *a,
			  struct model_version *ret, struct err *e);
int model_version_by_number(struct reader *rd, int64_t model_row,
			    int64_t number, struct arena *a,
			    struct model_version *ret, struct err *e);
int model_version_by_row(struct reader *rd, int64_t row, struct arena *a,
			 struct model_version *ret, struct err *e);
/* The one that an alias names; "latest" in any case is the newest. A model
 * that has no such alias is ERR_INVALID, as in MLflow. */
int model_version_by_alias(struct reader *rd, struct str name, struct str alias,
			   struct arena *a, struct model_version *ret,
			   struct err *e);
/* The newest one, whatever its stage. */
int model_version_newest(struct reader *rd, int64_t model_row, struct arena *a,
			 struct model_version *ret, struct err *e);
/* The newest one of each stage, in order of number. */
int model_version_newest_each(struct reader *rd, int64_t model_row,
			      model_version_fn *fn, void *ctx, struct err *e);
/* In order of number, from after (exclusive). */
int model_version_each(struct reader *rd, int64_t model_row, int64_t after,
		       model_version_fn *fn, void *ctx, struct err *e);
int model_version_tags(struct reader *rd, int64_t version_row, key_value_fn *fn,
		       void *ctx, struct err *e);
/* Where its files are, if they are here: whose artifacts (owner_row of
 * artifacts: a run's, or a logged model's), and a path among them ("" is all).
 * Else ERR_NOT_FOUND. */
int model_version_files(struct reader *rd, const struct model_version *v,
			struct arena *a, int64_t *ret_owner_row,
			struct str *ret_path, struct err *e);

/* Aliases, in order of their names. */
int model_alias_each(struct reader *rd, int64_t model_row, model_alias_fn *fn,
		     void *ctx, struct err *e);
int model_alias_of_version(struct reader *rd, int64_t version_row,
			   model_alias_fn *fn, void *ctx, struct err *e);
int model_alias_by_name(struct reader *rd, int64_t model_row, struct str alias,
			struct arena *a, struct model_alias *ret,
			struct err *e);

#endif
