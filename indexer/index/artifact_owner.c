/* SPDX-License-Identifier: Apache-2.0 */
/* artifact_owner.c - whose a tree of artifacts is, for commands: found by
 * what they name, and touched when the tree changes. */
#include "indexer/index/artifact.h"
#include "indexer/index/logged.h"
#include "indexer/index/trace_write.h"

static int find_run(struct writer *w, const struct principal *who,
		    struct str id, struct tree_owner *ret, struct err *e)
{
	struct run_ref run;

	if (writer_run_active(w, who, id, &run, e) < 0)
		return -1;
	*ret = (struct tree_owner){run.row, run.experiment, run.project, id};
	return 0;
}

static int find_model(struct writer *w, const struct principal *who,
		      struct str id, struct tree_owner *ret, struct err *e)
{
	struct logged_ref model;

	if (writer_logged(w, who, id, &model, e) < 0)
		return -1;
	if (model.deleted)
		return err_set(e, ERR_STATE,
			       "The logged model %.*s must be in the 'active' "
			       "state. Current state is deleted.",
			       STR_ARG(id));
	*ret = (struct tree_owner){logged_model_owner(model.row),
				   model.experiment, model.project, id};
	return 0;
}

static int find_trace(struct writer *w, const struct principal *who,
		      struct str id, struct tree_owner *ret, struct err *e)
{
	struct trace_ref t;

	if (writer_trace(w, who, id, &t, e) < 0)
		return -1;
	*ret = (struct tree_owner){trace_owner(t.row), t.experiment, t.project,
				   id};
	return 0;
}

int tree_owner_find(struct writer *w, const struct command *c,
		    const struct owner_ids *ids, struct tree_owner *ret,
		    struct err *e)
{
	if (ids->run.n)
		return find_run(w, &c->who, ids->run, ret, e);
	if (ids->model.n)
		return find_model(w, &c->who, ids->model, ret, e);
	if (ids->trace.n)
		return find_trace(w, &c->who, ids->trace, ret, e);
	return err_set(e, ERR_INVALID,
		       "Missing value for required parameter 'run_id'. See the "
		       "API docs for more information about request "
		       "parameters.");
}

static int touch_run(struct writer *w, int64_t row, struct err *e)
{
	(void)e;
	writer_touch_run(w, row);
	return 0;
}

int tree_owner_touch(struct writer *w, const struct tree_owner *owner,
		     struct err *e)
{
	static int (*const touch[OWNER_KINDS])(struct writer * w, int64_t row,
					       struct err * e) = {
		[OWNER_RUN] = touch_run,
		[OWNER_MODEL] = logged_touch,
		[OWNER_TRACE] = trace_touch};

	return touch[owner_kind(owner->row)](w, owner_row(owner->row), e);
}
