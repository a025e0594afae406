/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.h - what the calls about artifacts share: whose a path is, how a
 * directory is listed, how a file is sent.
 */
#ifndef ORRERY_TRACKING_ARTIFACT_H
#define ORRERY_TRACKING_ARTIFACT_H

#include "api/app.h"

/* A path of the artifact proxy: "<experiment>/<run>/artifacts/model/MLmodel"
 * is model/MLmodel of that run. */
struct artifact_ref {
	struct run run;
	struct str path; /* within the run, "" its root */
	struct str root; /* "<experiment>/<run>/artifacts" */
};

/* Finds the run whose artifact_uri the path lies below. ERR_INVALID where the
 * path is none ("Invalid path"), ERR_NOT_FOUND where it is nobody's. */
int artifact_resolve(struct reader *rd, struct str path, struct arena *a,
		     struct artifact_ref *ret, struct err *e);

/* "files": the children of a directory in order of name, their paths behind
 * base (and a slash, where base is not empty). No member at all where there
 * are none, or where path is a file or nothing. */
int artifact_list(struct reading *r, const struct run *run, struct str path,
		  struct str base);

/* Sends an artifact that was found. */
void artifact_send(struct call *c, const struct artifact *x);

/* The entity tag of bytes with this digest; empty where there is none. */
struct str artifact_etag(struct arena *a, struct str sha256);

/* The type by which a file is served, by the ending of its name. */
struct str artifact_type(struct str name);

#endif
