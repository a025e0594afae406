/* SPDX-License-Identifier: Apache-2.0 */
/* families.h - the functions that the table of kinds names, by the file in
 * which they are. What each does is said at its member of struct kind.
 */
#ifndef ORRERY_FS_FAMILIES_H
#define ORRERY_FS_FAMILIES_H

#include "fs/kind.h"
#include "fs/list.h"

typedef int lookup_fn(struct fs_call *c, struct node *dir, struct str name,
		      struct found *ret, struct err *e);
typedef int list_fn(struct fs_call *c, struct lister *l, struct err *e);
typedef int mkdir_fn(struct fs_call *c, struct node *dir, struct str name,
		     uint32_t mode, struct err *e);
typedef int create_fn(struct fs_call *c, struct node *dir, struct str name,
		      const struct fs_creation *how, struct found *ret,
		      struct err *e);
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

/* scalars.c, tags.c */
lookup_fn params_lookup, tags_lookup, experiment_tags_lookup;
list_fn params_list, tags_list, experiment_tags_list;
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

/* ctl.c */
render_fn readme_text, ctl_text, stats_text, errors_text;
extern const struct file_type ctl_file;
/* What was refused before this mount is not its business. */
void ctl_start(struct fs_call *c);

#endif
