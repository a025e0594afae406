/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - what the calls about artifacts share: whose a path is, how a
 * directory is listed, how a file is sent.
 */
#ifndef ORRERY_TRACKING_ARTIFACT_H
#define ORRERY_TRACKING_ARTIFACT_H

#include "api/app.h"
#include "indexer/index/logged_model.h"

/* Whose artifacts: a run's, a logged model's or a trace's. */
struct artifact_owner {
	int64_t row; /* owner_row of its artifacts */
	int64_t project;
	struct str run_id, model_id, trace_id; /* one of them */
	struct str uri;                        /* of its artifacts */
	struct str home;  /* "<experiment>/<run>": where its objects lie */
	const char *what; /* "run" */
	bool deleted;
};

int artifact_owner_run(const struct run *run, struct arena *a,
		       struct artifact_owner *ret, struct err *e);
int artifact_owner_model(const struct logged_model *m, struct arena *a,
			 struct artifact_owner *ret, struct err *e);

/* A path of the artifact proxy: "<experiment>/<run>/artifacts/model/MLmodel"
 * is model/MLmodel of that run; "<experiment>/models/<model>/artifacts/MLmodel"
 * is MLmodel of that logged model; "<experiment>/traces/<trace>/artifacts/..."
 * likewise. */
struct artifact_ref {
	struct artifact_owner owner;
	struct str path; /* within its artifacts, "" their root */
	struct str root; /* what stands before it */
};

/* Finds the run or model whose artifact_uri the path lies below. ERR_INVALID
 * where the path is none ("Invalid path"), ERR_NOT_FOUND where it is nobody's.
 */
int artifact_resolve(struct reader *rd, struct str path, struct arena *a,
		     struct artifact_ref *ret, struct err *e);

/* Whether it is the file of a trace's spans, which is no artifact (traces.h).
 */
bool artifact_is_spans(const struct artifact_ref *ref);
/* The same for a path within the artifacts of a run. ERR_INVALID where they
 * are not kept here. */
int artifact_of_run(struct reader *rd, struct str run_id, struct str path,
		    struct arena *a, struct artifact_ref *ret, struct err *e);

/* "files": the children of a directory in order of name, their paths behind
 * base (and a slash, where base is not empty). No member at all where there
 * are none, or where path is a file or nothing. */
int artifact_list(struct reading *r, int64_t owner_row, struct str path,
		  struct str base);

/* Whose a path of the artifact proxy is, in a snapshot of its own. */
int artifact_locate(struct call *c, struct str path, struct artifact_ref *ret,
		    struct err *e);
/* The file at a path of the artifact proxy, in a snapshot of its own. The one
 * of a trace's spans (artifact_is_spans) has a name only. */
int artifact_find(struct call *c, struct str path, struct artifact_ref *ret_ref,
		  struct artifact *ret, struct err *e);

/* Sends an artifact that was found, or (row 0) an object that a link names. */
void artifact_send(struct call *c, const struct artifact *x);

/* The entity tag of bytes with this digest; empty where there is none. */
struct str artifact_etag(struct arena *a, struct str sha256);

/* The type by which a file is served, by the ending of its name. */
struct str artifact_type(struct str name);

#endif
