/* SPDX-License-Identifier: Apache-2.0 */
/* trace.c - commands about a trace itself and its tags.
 *
 * To start one is to say how it is: spans may have made it before. Replays
 * change nothing.
 */
#include "indexer/index/trace.h"

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/apply.h"
#include "indexer/index/experiment.h"
#include "indexer/index/names.h"
#include "indexer/index/trace_write.h"
#include "indexer/index/values.h"

enum { TRACE_ID_BYTES = 16, TRACE_ID_TEXT = 3 + 2 * TRACE_ID_BYTES };

const char *const trace_state_names[] = {"STATE_UNSPECIFIED", "OK", "ERROR",
					 "IN_PROGRESS", NULL};

/* --- by id -------------------------------------------------------------- */

static int not_found(struct str id, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "Trace with ID '%.*s' not found.",
		       STR_ARG(id));
}

static struct opt_i64 opt_column(const struct cursor *q, int column)
{
	return (struct opt_i64){cursor_i64(q, column), !cursor_null(q, column)};
}

/* Whoever may see it. */
static int find_any(struct writer *w, struct str id, struct trace_ref *ret,
		    struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_TRACE_REF, BINDS(B(id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	*ret = (struct trace_ref){
		.row = cursor_i64(&q, 0),
		.experiment = cursor_i64(&q, 1),
		.project = cursor_i64(&q, 2),
		.deleted = cursor_i64(&q, 3) != 0,
		.time = cursor_i64(&q, 4),
		.duration = opt_column(&q, 5),
		.state = (int)cursor_i64(&q, 6),
		.has_request = cursor_i64(&q, 7) != 0,
		.has_response = cursor_i64(&q, 8) != 0,
		.has_otel = cursor_i64(&q, 9) != 0,
		.spans = cursor_i64(&q, 10),
	};
	return 1;
}

int writer_trace_find(struct writer *w, const struct principal *who,
		      struct str id, struct trace_ref *ret, struct err *e)
{
	int rc = find_any(w, id, ret, e);

	if (rc > 0 && !principal_may(who, ret->project, LEVEL_READ))
		return 0;
	return rc;
}

static int check_write(const struct principal *who, const struct trace_ref *t,
		       struct str id, struct err *e)
{
	if (principal_may(who, t->project, LEVEL_WRITE))
		return 0;
	return err_set(e, ERR_DENIED,
		       "writing to trace %.*s takes write access to its "
		       "project",
		       STR_ARG(id));
}

int writer_trace(struct writer *w, const struct principal *who, struct str id,
		 struct trace_ref *ret, struct err *e)
{
	int rc = writer_trace_find(w, who, id, ret, e);

	if (rc == 0)
		return not_found(id, e);
	return rc < 0 ? -1 : check_write(who, ret, id, e);
}

int trace_touch(struct writer *w, int64_t row, struct err *e)
{
	return db_exec(&w->db, STMT_TRACE_TOUCH,
		       BINDS(B(row), B(w->now), B(writer_changes(w))), e);
}

/* It becomes part of paths and links. */
int trace_check_id(struct str id, struct err *e)
{
	bool good = id.n > 0 && id.n <= LIMIT_TRACE_ID && id.p[0] != '.';

	for (size_t i = 0; good && i < id.n; i++)
		good = id.p[i] > 0x20 && id.p[i] < 0x7f &&
		       !strchr("/\\%#?\"'", id.p[i]);
	if (good)
		return 0;
	return err_set(e, ERR_INVALID,
		       "Invalid trace ID '%.*s': it has 1 to %d letters, "
		       "digits, '-', '_' and the like",
		       id.n < 100 ? (int)id.n : 100, id.n ? id.p : "",
		       LIMIT_TRACE_ID);
}

int trace_add(struct writer *w, const struct trace_new *t,
	      struct trace_ref *ret, struct err *e)
{
	int rc = find_any(w, t->id, ret, e);

	if (rc > 0)
		return err_set(e, ERR_EXISTS, "trace ID '%.*s' is taken",
			       STR_ARG(t->id));
	if (rc < 0)
		return -1;
	if (db_exec(&w->db, STMT_TRACE_ADD,
		    BINDS(B(t->id), B(t->experiment), B(t->time),
			  B(t->duration), B((int64_t)t->state), B(w->now),
			  B(writer_changes(w))),
		    e) < 0)
		return -1;
	w->totals.traces++;
	*ret = (struct trace_ref){.row = db_last_id(&w->db),
				  .experiment = t->experiment,
				  .project = t->project,
				  .time = t->time,
				  .duration = t->duration,
				  .state = t->state};
	if (db_exec(&w->db, STMT_TRACE_LINK_ARRIVE,
		    BINDS(B(ret->row), B(t->id), B(t->project), B(w->change)),
		    e) < 0)
		return -1;
	return db_exec(&w->db, STMT_TRACE_LINK_ARRIVED,
		       BINDS(B(t->id), B(t->project)), e);
}

/* --- tags, metadata ------------------------------------------------------ */

static int set_value(struct writer *w, enum stmt_id id, int64_t row,
		     struct str key, struct str value, struct err *e)
{
	struct str cut = text_cut(value, LIMIT_TRACE_VALUE);

	if (name_check_key(key, "key", e) < 0 ||
	    check_text(cut, "value", e) < 0 ||
	    db_exec(&w->db, id,
		    BINDS(B(row), B(key), B(cut.n ? cut : STR("")), B(w->now)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) > 0;
}

int trace_set_tag(struct writer *w, int64_t row, struct str key,
		  struct str value, struct err *e)
{
	return set_value(w, STMT_TRACE_TAG_SET, row, key, value, e);
}

int trace_set_metadata(struct writer *w, int64_t row, struct str key,
		       struct str value, struct err *e)
{
	return set_value(w, STMT_TRACE_METADATA_SET, row, key, value, e);
}

int trace_get_metadata(struct writer *w, int64_t row, const char *key,
		       struct arena *a, struct str *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_TRACE_METADATA_GET,
			BINDS(B(row), B(str_from(key))), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc > 0 && cursor_copy(&q, 0, a, ret, e) < 0)
		return -1;
	return rc;
}

/* 1 where any was not so before. */
static int set_values(struct writer *w, enum stmt_id id, int64_t row,
		      struct field_list values, struct err *e)
{
	const struct key_value *kv = values.items;
	int fresh = 0;

	if (values.n > LIMIT_TRACE_VALUES)
		return err_set(e, ERR_INVALID,
			       "a trace may be given at most %d tags and as "
			       "many metadata in one call",
			       LIMIT_TRACE_VALUES);
	for (size_t i = 0; i < values.n; i++) {
		int rc = set_value(w, id, row, kv[i].key, kv[i].value, e);

		if (rc < 0)
			return -1;
		fresh |= rc;
	}
	return fresh;
}

int apply_trace_tag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_tag *x = (struct cmd_trace_tag *)c;
	struct trace_ref t;
	int rc;

	if (writer_trace(w, &c->who, x->trace_id, &t, e) < 0)
		return -1;
	rc = trace_set_tag(w, t.row, x->key, x->value, e);
	return rc > 0 ? trace_touch(w, t.row, e) : rc;
}

int apply_trace_untag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_tag *x = (struct cmd_trace_tag *)c;
	struct trace_ref t;

	if (writer_trace(w, &c->who, x->trace_id, &t, e) < 0 ||
	    db_exec(&w->db, STMT_TRACE_TAG_DELETE, BINDS(B(t.row), B(x->key)),
		    e) < 0)
		return -1;
	if (!db_changes(&w->db))
		return err_set(e, ERR_NOT_FOUND,
			       "No trace tag with key '%.*s' for trace with ID "
			       "'%.*s'",
			       STR_ARG(x->key), STR_ARG(x->trace_id));
	return trace_touch(w, t.row, e);
}

/* --- start, end ---------------------------------------------------------- */

static int check_state(struct opt_i64 state, struct err *e)
{
	if (!state.set || (state.v >= 0 && state.v < TRACE_STATES))
		return 0;
	return err_set(e, ERR_INVALID,
		       "a trace's state is one of STATE_UNSPECIFIED, OK, "
		       "ERROR, IN_PROGRESS");
}

static int check_start(const struct cmd_trace_start *x, struct err *e)
{
	if (text_characters(x->client_request_id) > LIMIT_CLIENT_REQUEST_ID)
		return err_set(e, ERR_INVALID,
			       "'client_request_id' exceeds the maximum length "
			       "of %d characters",
			       LIMIT_CLIENT_REQUEST_ID);
	if (x->assessments.n > LIMIT_TRACE_ASSESSMENTS)
		return err_set(e, ERR_INVALID,
			       "a trace may be given at most %d assessments",
			       LIMIT_TRACE_ASSESSMENTS);
	if (check_state(x->state, e) < 0 ||
	    check_text(x->client_request_id, "client_request_id", e) < 0 ||
	    check_text(x->request_preview, "request_preview", e) < 0)
		return -1;
	return check_text(x->response_preview, "response_preview", e);
}

static int make_id(struct cmd_trace_start *x, struct err *e)
{
	char *id = arena_alloc(&x->c.arena, TRACE_ID_TEXT + 1);

	if (!id)
		return arena_full(&x->c.arena, e);
	memcpy(id, "tr-", 3);
	random_hex(id + 3, TRACE_ID_BYTES);
	x->ret_trace_id = str_n(id, TRACE_ID_TEXT);
	return 0;
}

/* The trace that is there, or a new one; *ret_new says which. */
static int find_or_add(struct writer *w, struct cmd_trace_start *x,
		       const struct trace_new *t, struct trace_ref *ret,
		       bool *ret_new, struct err *e)
{
	int rc = writer_trace_find(w, &x->c.who, t->id, ret, e);

	*ret_new = rc == 0;
	if (rc == 0)
		return trace_add(w, t, ret, e);
	return rc < 0 ? -1 : check_write(&x->c.who, ret, t->id, e);
}

static struct bind opt_text(struct str s, int64_t limit)
{
	return s.p ? B(text_cut(s, limit)) : B_NULL;
}

/* What is not said stays as it is. 1 where anything changed. */
static int set_info(struct writer *w, const struct cmd_trace_start *x,
		    int64_t row, int64_t experiment, struct err *e)
{
	if (db_exec(&w->db, STMT_TRACE_SET,
		    BINDS(B(row), B(experiment), B(x->request_time),
			  B(x->duration), B(x->state),
			  opt_text(x->client_request_id,
				   LIMIT_CLIENT_REQUEST_ID),
			  opt_text(x->request_preview, LIMIT_TRACE_PREVIEW),
			  opt_text(x->response_preview, LIMIT_TRACE_PREVIEW)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) > 0;
}

/* What may change anything returns 1 where it did. */
static int note(bool *changed, int rc)
{
	*changed |= rc > 0;
	return rc;
}

static int set_all(struct writer *w, struct cmd_trace_start *x, int64_t row,
		   int64_t experiment, bool *changed, struct err *e)
{
	if (note(changed, set_info(w, x, row, experiment, e)) < 0 ||
	    note(changed, set_values(w, STMT_TRACE_TAG_SET, row, x->tags, e)) <
		    0 ||
	    note(changed, set_values(w, STMT_TRACE_METADATA_SET, row,
				     x->metadata, e)) < 0 ||
	    note(changed,
		 assessments_add(w, row, x->assessments, &x->c.arena, e)) < 0)
		return -1;
	if (!x->trace_id.n)
		return 0;
	return note(changed, trace_set_metadata(w, row, STR(TRACE_FINALIZED),
						STR("true"), e));
}

int apply_trace_start(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_start *x = (struct cmd_trace_start *)c;
	int64_t state = x->trace_id.n ? TRACE_UNSPECIFIED : TRACE_IN_PROGRESS;
	struct experiment_ref in;
	struct trace_new t;
	struct trace_ref ref;
	bool changed;

	x->ret_trace_id = x->trace_id;
	if (check_start(x, e) < 0 ||
	    writer_experiment_active(w, c, x->experiment_id, &in, e) < 0 ||
	    (x->trace_id.n ? trace_check_id(x->trace_id, e) : make_id(x, e)) <
		    0)
		return -1;
	t = (struct trace_new){
		.id = x->ret_trace_id,
		.experiment = in.row,
		.project = in.project,
		.time = x->request_time.set ? x->request_time.v : w->now,
		.duration = x->duration,
		.state = (int)(x->state.set ? x->state.v : state)};
	if (find_or_add(w, x, &t, &ref, &changed, e) < 0 ||
	    set_all(w, x, ref.row, in.row, &changed, e) < 0)
		return -1;
	return changed ? trace_touch(w, ref.row, e) : 0;
}

/* 1 where anything changed. */
static int set_end(struct writer *w, const struct cmd_trace_end *x,
		   const struct trace_ref *t, struct err *e)
{
	int64_t duration = 0;

	if (x->end_time.set &&
	    __builtin_sub_overflow(x->end_time.v, t->time, &duration))
		return err_set(e, ERR_INVALID,
			       "'timestamp_ms' is no time of a trace that "
			       "began at %lld",
			       (long long)t->time);
	if (db_exec(&w->db, STMT_TRACE_END,
		    BINDS(B(t->row),
			  x->end_time.set ? B(duration) : B(t->duration),
			  B(x->state.set ? x->state.v : t->state)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) > 0;
}

int apply_trace_end(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_end *x = (struct cmd_trace_end *)c;
	struct trace_ref t;
	bool changed = false;

	if (check_state(x->state, e) < 0 ||
	    writer_trace(w, &c->who, x->trace_id, &t, e) < 0 ||
	    note(&changed, set_end(w, x, &t, e)) < 0 ||
	    note(&changed,
		 set_values(w, STMT_TRACE_TAG_SET, t.row, x->tags, e)) < 0 ||
	    note(&changed, set_values(w, STMT_TRACE_METADATA_SET, t.row,
				      x->metadata, e)) < 0)
		return -1;
	return changed ? trace_touch(w, t.row, e) : 0;
}
