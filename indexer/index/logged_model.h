/* SPDX-License-Identifier: Apache-2.0 */
/* logged_model.h - logged models, and what runs took as input and made, as
 * readers see them; within reader_begin and reader_end (reader.h).
 *
 * A logged model belongs to an experiment and lives on its own: its id, not
 * its name, is unique. Its artifacts are a tree like a run's; whatever takes
 * the owner of such a tree takes logged_model_owner() for it.
 */
#ifndef ORRERY_INDEX_LOGGED_MODEL_H
#define ORRERY_INDEX_LOGGED_MODEL_H

#include "indexer/index/owner.h"
#include "indexer/index/reader.h"

enum logged_status { LOGGED_PENDING = 1, LOGGED_READY, LOGGED_UPLOAD_FAILED };
/* MLflow's names by number, also the FIELD_ENUM table. */
extern const char *const logged_status_names[];

struct logged_model {
	int64_t row, change, experiment_row, project;
	struct str id, experiment_id, name, model_type, source_run_id;
	struct str artifact_uri;
	int status; /* enum logged_status */
	enum lifecycle lifecycle;
	int64_t created, updated;
	int64_t modified; /* ms of its last change of any kind */
	/* Its name and LOGGED_DIR_DIGITS of its id do not tell it apart. */
	bool crowded;
};

enum { LOGGED_DIR_DIGITS = 8 };

/* Deleted ones are found, too. ERR_NOT_FOUND "Logged model with ID 'm-...'
 * not found." */
int logged_model_by_id(struct reader *rd, struct str id, struct arena *a,
		       struct logged_model *ret, struct err *e);
int logged_model_by_row(struct reader *rd, int64_t row, struct arena *a,
			struct logged_model *ret, struct err *e);

/* The earliest whose id begins so; any may be found, deleted ones too. */
int logged_model_by_prefix(struct reader *rd, struct str prefix,
			   struct arena *a, struct logged_model *ret,
			   struct err *e);
/* The newest of a name in an experiment that is not deleted. */
int logged_model_newest_named(struct reader *rd, int64_t experiment_row,
			      struct str name, struct arena *a,
			      struct logged_model *ret, struct err *e);
typedef int logged_model_fn(void *ctx, const struct logged_model *m,
			    struct err *e);
/* Those that are not deleted, in order of row: of an experiment after a given
 * row, and those that a run took or made. */
int logged_model_each(struct reader *rd, int64_t experiment_row, int64_t after,
		      logged_model_fn *fn, void *ctx, struct err *e);
int logged_model_of_run(struct reader *rd, int64_t run_row, logged_model_fn *fn,
			void *ctx, struct err *e);

int logged_model_params(struct reader *rd, int64_t row, key_value_fn *fn,
			void *ctx, struct err *e);
int logged_model_tags(struct reader *rd, int64_t row, key_value_fn *fn,
		      void *ctx, struct err *e);

/* Metrics: every point that a run logged for the model, by key and time. */
struct logged_metric {
	struct str key, run_id, dataset_name, dataset_digest;
	struct point p;
};
int logged_model_metrics(struct reader *rd, int64_t row,
			 int (*fn)(void *ctx, const struct logged_metric *m,
				   struct err *e),
			 void *ctx, struct err *e);

/* Datasets that a run took as input. */
struct dataset {
	int64_t row;
	struct str name, digest, source_type, source;
	struct str schema, profile; /* empty where not given */
};
int run_inputs(struct reader *rd, int64_t run_row,
	       int (*fn)(void *ctx, const struct dataset *d, struct err *e),
	       void *ctx, struct err *e);
int run_input_tags(struct reader *rd, int64_t run_row, int64_t dataset_row,
		   key_value_fn *fn, void *ctx, struct err *e);

/* Logged models that a run took as input or made. */
enum model_role { MODEL_INPUT, MODEL_OUTPUT };
int run_models(struct reader *rd, int64_t run_row, enum model_role role,
	       int (*fn)(void *ctx, struct str model_id, int64_t step,
			 struct err *e),
	       void *ctx, struct err *e);

/* Which datasets the runs of an experiment took, and as what (the tag
 * mlflow.data.context); each combination once. */
int dataset_contexts(struct reader *rd, int64_t experiment_row,
		     int (*fn)(void *ctx, struct str name, struct str digest,
			       struct str context, struct err *e),
		     void *ctx, struct err *e);

#endif
