/* SPDX-License-Identifier: Apache-2.0 */
/* families.h - the functions that the table of kinds names, by the file in
 * which they are. What each does is said at its member of struct kind.
 */
#ifndef ORRERY_FS_FAMILIES_H
#define ORRERY_FS_FAMILIES_H

#include "fs/kind.h"
#include "fs/list.h"
#include "indexer/index/logged_model.h"
#include "indexer/index/registry.h"

typedef int lookup_fn(struct fs_call *c, struct node *dir, struct str name,
		      struct found *ret, struct err *e);
typedef int list_fn(struct fs_call *c, struct lister *l, struct err *e);
typedef int mkdir_fn(struct fs_call *c, struct node *dir, struct str name,
		     uint32_t mode, struct err *e);
typedef int create_fn(struct fs_call *c, struct node *dir, struct str name,
		      const struct fs_creation *how, struct found *ret,
		      struct err *e);
typedef int symlink_fn(struct fs_call *c, struct node *dir, struct str name,
		       struct str target, struct found *ret, struct err *e);
typedef int remove_fn(struct fs_call *c, struct node *dir,
		      const struct found *x, struct err *e);
typedef int attr_fn(struct fs_call *c, const struct subject *s,
		    struct attr *ret, struct err *e);
typedef int set_fn(struct fs_call *c, const struct subject *s,
		   const struct fs_changes *set, struct err *e);
typedef int render_fn(struct fs_call *c, const struct subject *s, struct buf *b,
		      struct err *e);

/* experiments.c */
lookup_fn experiments_lookup;
list_fn experiments_list;
mkdir_fn experiment_mkdir;
remove_fn experiment_remove;
attr_fn experiment_attr;
render_fn experiment_meta;
struct found experiment_thing(const struct experiment *x);

/* runs.c */
lookup_fn runs_lookup;
list_fn runs_list;
mkdir_fn run_mkdir;
remove_fn run_remove;
attr_fn run_attr, run_part_attr;
render_fn run_meta;

/* scalars.c, keys.c */
extern const struct value_type status_value, param_value, tag_value,
	experiment_tag_value;
extern const struct key_dir params_keys, tags_keys, experiment_tags_keys;
lookup_fn keys_lookup;
list_fn keys_list;
create_fn scalar_create;
remove_fn tag_remove;
attr_fn scalar_attr;
render_fn scalar_render;
extern const struct file_type scalar_file;

/* metrics.c, lines.c, jsonl.c */
lookup_fn metrics_lookup;
list_fn metrics_list;
mkdir_fn metric_mkdir;
create_fn metric_create;
remove_fn metric_remove, metric_dir_remove;
attr_fn metric_attr, metric_dir_attr;
extern const struct file_type metric_file, jsonl_file;
int lines_fsync(struct fs_call *c, struct fs_handle *h, struct err *e);

/* tables.c */
render_fn table_latest, table_metrics_tsv, table_metrics_jsonl, table_runs_tsv;

/* artifacts.c */
lookup_fn artifacts_lookup;
list_fn artifacts_list;
mkdir_fn artifact_mkdir;
create_fn artifact_create;
attr_fn artifact_attr, artifacts_attr;
set_fn artifact_set;

/* artifact_names.c */
remove_fn artifact_remove;

/* artifact_file.c: artifacts and scratch files */
remove_fn scratch_unlink;
attr_fn scratch_attr;
set_fn scratch_set;
extern const struct file_type artifact_file;

/* trash.c */
lookup_fn trash_experiments_lookup, trash_runs_lookup;
list_fn trash_experiments_list, trash_runs_list;

/* models.c */
lookup_fn models_lookup;
list_fn models_list;
mkdir_fn model_mkdir;
remove_fn model_remove;
attr_fn model_attr;
render_fn model_meta, model_latest;
/* The name by which commands call the model of a row. */
int model_name(struct fs_call *c, int64_t row, struct str *ret, struct err *e);

/* aliases.c */
lookup_fn alias_lookup;
list_fn alias_list;
symlink_fn alias_symlink;
remove_fn alias_remove, alias_draft_remove;
attr_fn alias_attr;
render_fn alias_text, alias_draft_text;

/* versions.c, register.c */
lookup_fn versions_lookup;
list_fn versions_list;
symlink_fn version_register;
remove_fn version_remove;
attr_fn version_attr;
render_fn version_meta, prompt_text;
/* The file that a version of a prompt has; ERR_NOT_FOUND. */
int version_prompt(struct fs_call *c, int64_t row, struct found *ret,
		   struct err *e);

/* views.c */
lookup_fn view_lookup;
list_fn view_list;
attr_fn view_attr;
set_fn view_set;
extern const struct file_type view_file;

/* model_values.c */
extern const struct value_type model_description_value, model_tag_value,
	version_description_value, version_stage_value, version_tag_value,
	logged_param_value, logged_tag_value;
extern const struct key_dir model_tags_keys, version_tags_keys,
	logged_params_keys, logged_tags_keys;

/* logged.c */
lookup_fn logged_models_lookup;
list_fn logged_models_list;
attr_fn logged_attr;
render_fn logged_meta;
/* The name of its directory, in the arena. */
struct str logged_dir(struct fs_call *c, const struct logged_model *m);

/* run_links.c */
lookup_fn run_models_lookup, run_inputs_lookup;
list_fn run_models_list, run_inputs_list;
render_fn run_input_text;

/* found.c */
lookup_fn search_lookup, found_lookup;
list_fn found_list;
render_fn found_count;

/* ctl.c */
render_fn readme_text, ctl_text, stats_text, errors_text;
extern const struct file_type ctl_file;
/* What was refused before this mount is not its business. */
void ctl_start(struct fs_call *c);

#endif
