/* SPDX-License-Identifier: Apache-2.0 */
/* assessment.c - commands about assessments of traces.
 *
 * One that stands for another makes that one invalid for as long as it is
 * there.
 */
#include "indexer/base/json_doc.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/apply.h"
#include "indexer/index/trace_write.h"
#include "indexer/index/values.h"

enum { ID_BYTES = 16, ID_TEXT = 2 + 2 * ID_BYTES };

const char *const assessment_kind_names[] = {"feedback", "expectation", "issue",
					     NULL};

static int not_found(struct str id, struct str trace, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND,
		       "Assessment with ID '%.*s' not found for trace '%.*s'",
		       STR_ARG(id), STR_ARG(trace));
}

/* --- checks -------------------------------------------------------------- */

static int check_short(struct str s, const char *what, int64_t limit,
		       struct err *e)
{
	if (text_characters(s) <= limit)
		return check_text(s, what, e);
	return err_set(e, ERR_INVALID,
		       "an assessment's '%s' exceeds the maximum length of "
		       "%lld characters",
		       what, (long long)limit);
}

static int check_long(struct str s, const char *what, struct err *e)
{
	if (s.n <= LIMIT_ASSESSMENT_TEXT)
		return check_text(s, what, e);
	return err_set(e, ERR_INVALID,
		       "an assessment's '%s' exceeds the maximum of %d bytes",
		       what, LIMIT_ASSESSMENT_TEXT);
}

static int check_longs(struct str value, struct str error, struct str rationale,
		       struct str metadata, struct err *e)
{
	if (check_long(value, "value", e) < 0 ||
	    check_long(error, "error", e) < 0 ||
	    check_long(rationale, "rationale", e) < 0)
		return -1;
	return check_long(metadata, "metadata", e);
}

static int check(const struct trace_assessment *x, struct err *e)
{
	const struct {
		struct str text;
		const char *what;
		int64_t limit;
	} parts[] = {{x->assessment_id, "assessment_id", LIMIT_ASSESSMENT_ID},
		     {x->name, "name", LIMIT_ASSESSMENT_NAME},
		     {x->source_type, "source_type", LIMIT_ASSESSMENT_ID},
		     {x->source_id, "source_id", LIMIT_ASSESSMENT_NAME},
		     {x->run_id, "run_id", LIMIT_ASSESSMENT_NAME},
		     {x->span_id, "span_id", LIMIT_ASSESSMENT_ID},
		     {x->overrides, "overrides", LIMIT_ASSESSMENT_ID}};

	if (!x->kind.set || x->kind.v < 0 || x->kind.v >= ASSESSMENT_KINDS)
		return err_set(e, ERR_INVALID,
			       "Assessment must have either feedback, "
			       "expectation, or issue value");
	if (!x->name.n)
		return err_set(e, ERR_INVALID, "an assessment has a name");
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (check_short(parts[i].text, parts[i].what, parts[i].limit,
				e) < 0)
			return -1;
	return check_longs(x->value, x->error, x->rationale, x->metadata, e);
}

/* --- create -------------------------------------------------------------- */

static int invent_id(struct arena *a, struct str *ret, struct err *e)
{
	char *id = arena_alloc(a, ID_TEXT + 1);

	if (!id)
		return arena_full(a, e);
	memcpy(id, "a-", 2);
	random_hex(id + 2, ID_BYTES);
	*ret = str_n(id, ID_TEXT);
	return 0;
}

static struct bind text_or_null(struct str s)
{
	return s.p ? B(s) : B_NULL;
}

static struct str value_of(const struct trace_assessment *x)
{
	return x->value.n ? x->value : STR("null");
}

/* 1 where it is there already: by its id, or, without one, by all it says. */
static int find_same(struct writer *w, int64_t trace,
		     const struct trace_assessment *x, struct err *e)
{
	struct opt_i64 created = x->created;
	int64_t row;

	if (x->assessment_id.n)
		return db_find(&w->db, STMT_ASSESSMENT_FIND,
			       BINDS(B(trace), B(x->assessment_id)), &row, e);
	return db_find(&w->db, STMT_ASSESSMENT_SAME,
		       BINDS(B(trace), B(x->kind), B(x->name), B(value_of(x)),
			     B(x->source_type.n ? x->source_type : STR("")),
			     text_or_null(x->source_id),
			     text_or_null(x->span_id), B(created)),
		       &row, e);
}

static int insert(struct writer *w, int64_t trace,
		  const struct trace_assessment *x, struct str id,
		  struct err *e)
{
	bool valid = !x->valid.set || x->valid.v;
	int64_t created = x->created.set ? x->created.v : w->now;
	int64_t updated = x->updated.set ? x->updated.v : created;

	return db_exec(&w->db, STMT_ASSESSMENT_ADD,
		       BINDS(B(trace), B(id), B(x->kind), B(x->name),
			     B(value_of(x)), text_or_null(x->error),
			     B(x->source_type.n ? x->source_type : STR("")),
			     text_or_null(x->source_id),
			     text_or_null(x->run_id), text_or_null(x->span_id),
			     text_or_null(x->rationale),
			     text_or_null(x->overrides), B((int64_t)valid),
			     text_or_null(x->metadata), B(created), B(updated)),
		       e);
}

/* 1 where it is new; *ret_id is its id then. */
static int add(struct writer *w, int64_t trace,
	       const struct trace_assessment *x, struct arena *a,
	       struct str *ret_id, struct err *e)
{
	int rc;

	*ret_id = x->assessment_id;
	if (check(x, e) < 0)
		return -1;
	rc = find_same(w, trace, x, e);
	if (rc)
		return rc < 0 ? -1 : 0;
	if ((!ret_id->n && invent_id(a, ret_id, e) < 0) ||
	    insert(w, trace, x, *ret_id, e) < 0)
		return -1;
	return 1;
}

int assessments_add(struct writer *w, int64_t trace, struct field_list list,
		    struct arena *a, struct err *e)
{
	const struct trace_assessment *x = list.items;
	int fresh = 0;

	for (size_t i = 0; i < list.n; i++) {
		struct str id;
		int rc = add(w, trace, &x[i], a, &id, e);

		if (rc < 0)
			return -1;
		fresh |= rc;
	}
	return fresh;
}

static int set_valid(struct writer *w, int64_t trace, struct str id, bool valid,
		     struct err *e)
{
	return db_exec(&w->db, STMT_ASSESSMENT_VALID,
		       BINDS(B(trace), B(id), B((int64_t)valid)), e);
}

int apply_assessment_create(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_assessment_create *x = (struct cmd_assessment_create *)c;
	struct trace_assessment given = x->assessment;
	struct trace_ref t;

	if (check(&given, e) < 0 ||
	    writer_trace(w, &c->who, x->trace_id, &t, e) < 0)
		return -1;
	if (!given.assessment_id.n &&
	    invent_id(&c->arena, &given.assessment_id, e) < 0)
		return -1;
	if (given.overrides.n) {
		if (set_valid(w, t.row, given.overrides, false, e) < 0)
			return -1;
		if (!db_changes(&w->db))
			return not_found(given.overrides, x->trace_id, e);
	}
	if (add(w, t.row, &given, &c->arena, &x->ret_assessment_id, e) < 0)
		return -1;
	return trace_touch(w, t.row, e);
}

/* --- update -------------------------------------------------------------- */

struct old {
	int64_t row, kind;
	struct str metadata;
};

static int find(struct writer *w, int64_t trace, const struct str id,
		struct arena *a, struct old *ret, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_ASSESSMENT_FIND,
			BINDS(B(trace), B(id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	ret->row = cursor_i64(&q, 0);
	ret->kind = cursor_i64(&q, 1);
	if (cursor_copy(&q, 2, a, &ret->metadata, e) < 0)
		return -1;
	return 1;
}

static int check_kind(const struct cmd_assessment_update *x, int64_t kind,
		      struct err *e)
{
	static const char *const nouns[] = {"Feedback", "Expectation",
					    "IssueReference"};

	if (!x->value.n || !x->kind.set || x->kind.v == kind)
		return 0;
	if (x->kind.v < 0 || x->kind.v >= ASSESSMENT_KINDS)
		return err_set(e, ERR_INVALID, "no such kind of assessment");
	return err_set(e, ERR_INVALID,
		       "Cannot update %s value on a%s %s assessment.",
		       assessment_kind_names[x->kind.v],
		       kind == ASSESSMENT_FEEDBACK ? "" : "n", nouns[kind]);
}

/* The members of b are added to those of a, in their place where they are. */
static int merge(struct str a, struct str b, struct buf *ret, struct err *e)
{
	struct json_out j;
	cJSON *into = json_doc_parse(a.n ? a : STR("{}"), e);
	cJSON *from = into ? json_doc_parse(b, e) : NULL;
	int rc = from ? 0 : -1;

	if (rc == 0 && (!cJSON_IsObject(into) || !cJSON_IsObject(from)))
		rc = err_set(e, ERR_INVALID, "metadata is a JSON object");
	while (rc == 0 && from->child) {
		cJSON *m = cJSON_DetachItemViaPointer(from, from->child);

		cJSON_DeleteItemFromObjectCaseSensitive(into, m->string);
		cJSON_AddItemToArray(into, m);
	}
	jo_init(&j, ret, 0);
	if (rc == 0)
		json_doc_write(&j, into);
	cJSON_Delete(into);
	cJSON_Delete(from);
	return rc;
}

static int update(struct writer *w, const struct cmd_assessment_update *x,
		  const struct old *old, struct err *e)
{
	SCOPED(buf_fini) struct buf metadata;

	buf_init(&metadata, 2 * LIMIT_ASSESSMENT_TEXT);
	if (x->metadata.n &&
	    merge(old->metadata, x->metadata, &metadata, e) < 0)
		return -1;
	if (!buf_ok(&metadata) ||
	    check_long(buf_view(&metadata), "metadata", e) < 0)
		return err_set(e, ERR_INVALID,
			       "an assessment's metadata have at most %d bytes",
			       LIMIT_ASSESSMENT_TEXT);
	return db_exec(&w->db, STMT_ASSESSMENT_SET,
		       BINDS(B(old->row), text_or_null(x->name),
			     text_or_null(x->value), text_or_null(x->error),
			     text_or_null(x->rationale),
			     metadata.n ? B(buf_view(&metadata)) : B_NULL,
			     B(w->now)),
		       e);
}

int apply_assessment_update(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_assessment_update *x = (struct cmd_assessment_update *)c;
	struct trace_ref t;
	struct old old;
	int rc;

	if (check_short(x->name, "name", LIMIT_ASSESSMENT_NAME, e) < 0 ||
	    check_longs(x->value, x->error, x->rationale, x->metadata, e) < 0 ||
	    writer_trace(w, &c->who, x->trace_id, &t, e) < 0)
		return -1;
	rc = find(w, t.row, x->assessment_id, &c->arena, &old, e);
	if (rc == 0)
		return not_found(x->assessment_id, x->trace_id, e);
	if (rc < 0 || check_kind(x, old.kind, e) < 0 ||
	    update(w, x, &old, e) < 0)
		return -1;
	return trace_touch(w, t.row, e);
}

/* What is not there need not be deleted. */
int apply_assessment_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_assessment_update *x = (struct cmd_assessment_update *)c;
	struct trace_ref t;

	if (writer_trace(w, &c->who, x->trace_id, &t, e) < 0 ||
	    db_exec(&w->db, STMT_ASSESSMENT_RESTORE,
		    BINDS(B(t.row), B(x->assessment_id)), e) < 0 ||
	    db_exec(&w->db, STMT_ASSESSMENT_DELETE,
		    BINDS(B(t.row), B(x->assessment_id)), e) < 0)
		return -1;
	return db_changes(&w->db) ? trace_touch(w, t.row, e) : 0;
}
