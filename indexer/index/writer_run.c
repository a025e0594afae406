/* SPDX-License-Identifier: Apache-2.0 */
/* writer_run.c - runs by their public ids, as commands ask for them. */
#include "indexer/base/scope.h"
#include "indexer/index/run_cache.h"
#include "indexer/index/writer.h"

static int run_not_found(struct str id, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "Run with id=%.*s not found",
		       STR_ARG(id));
}

int writer_run(struct writer *w, struct str run_id, struct run_ref *ret,
	       struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (run_cache_get(w->runs, run_id, ret))
		return 0;
	if (cursor_open(&q, &w->db, STMT_RUN_REF, BINDS(B(run_id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return run_not_found(run_id, e);
	*ret = (struct run_ref){
		.row = cursor_i64(&q, 0),
		.experiment = cursor_i64(&q, 1),
		.project = cursor_i64(&q, 2),
		.deleted = cursor_i64(&q, 3) != 0,
	};
	run_cache_put(w->runs, run_id, ret);
	return 0;
}

int writer_run_any(struct writer *w, const struct principal *who,
		   struct str run_id, struct run_ref *ret, struct err *e)
{
	struct run_ref run;

	if (writer_run(w, run_id, &run, e) < 0)
		return -1;
	if (!principal_may(who, run.project, LEVEL_READ))
		return run_not_found(run_id, e);
	if (!principal_may(who, run.project, LEVEL_WRITE))
		return err_set(e, ERR_DENIED,
			       "writing to run %.*s takes write access to its "
			       "project",
			       STR_ARG(run_id));
	*ret = run;
	return 0;
}

int writer_run_seen(struct writer *w, const struct principal *who,
		    struct str run_id, struct err *e)
{
	struct run_ref run;

	if (principal_sees_all(who))
		return 0;
	if (writer_run(w, run_id, &run, e) < 0)
		return -1;
	return principal_may(who, run.project, LEVEL_READ)
		       ? 0
		       : run_not_found(run_id, e);
}

int writer_run_active(struct writer *w, const struct principal *who,
		      struct str run_id, struct run_ref *ret, struct err *e)
{
	struct run_ref run;

	if (writer_run_any(w, who, run_id, &run, e) < 0)
		return -1;
	if (run.deleted)
		return err_set(e, ERR_STATE,
			       "The run %.*s must be in the 'active' state. "
			       "Current state is deleted.",
			       STR_ARG(run_id));
	*ret = run;
	return 0;
}
