/* SPDX-License-Identifier: Apache-2.0 */
/* run_log.c - what is logged to a run: params, tags, and points handed on.
 *
 * A batch is all or nothing, and a replay of it changes nothing: params that
 * are there with the same value, tags that stand so already, and points that
 * are exact duplicates count as success.
 */
#include <inttypes.h>

#include "indexer/base/scope.h"
#include "indexer/index/apply.h"
#include "indexer/index/logged.h"
#include "indexer/index/names.h"
#include "indexer/index/points.h"
#include "indexer/index/run.h"
#include "indexer/index/values.h"

enum { CHANGES_MAX = 4096 }; /* bytes of a message about changed params */

/* --- limits of a batch -------------------------------------------------- */

static int check_count(size_t n, size_t limit, const char *what, struct err *e)
{
	if (n <= limit)
		return 0;
	return err_set(e, ERR_INVALID,
		       "A batch logging request can contain at most %zu %s. "
		       "Got %zu %s. Please split up %s across multiple "
		       "requests and try again.",
		       limit, what, n, what, what);
}

static int check_batch(const struct cmd_run_log *x, struct err *e)
{
	size_t all = x->metrics.n + x->params.n + x->tags.n;

	if (check_count(x->metrics.n, LIMIT_BATCH_METRICS, "metrics", e) < 0 ||
	    check_count(x->params.n, LIMIT_BATCH_PARAMS, "params", e) < 0 ||
	    check_count(x->tags.n, LIMIT_BATCH_TAGS, "tags", e) < 0)
		return -1;
	return check_count(all, LIMIT_BATCH, "metrics, params, and tags", e);
}

/* --- params ------------------------------------------------------------- */

static int check_params(const struct cmd_run_log *x, struct err *e)
{
	const struct key_value *kv = x->params.items;
	char what[40];

	for (size_t i = 0; i < x->params.n; i++) {
		snprintf(what, sizeof(what), "params[%zu].key", i);
		if (x->single_param)
			snprintf(what, sizeof(what), "key");
		if (name_check_key(kv[i].key, what, e) < 0 ||
		    check_text(kv[i].value, what, e) < 0)
			return -1;
		for (size_t k = 0; k < i; k++)
			if (str_eq(kv[i].key, kv[k].key))
				return err_set(
					e, ERR_INVALID,
					"Duplicate parameter keys have been "
					"submitted: ['%.*s']. Please ensure "
					"the request contains only one param "
					"value per param key.",
					STR_ARG(kv[i].key));
	}
	return 0;
}

static void add_change(struct buf *b, const struct key_value *kv,
		       struct str old)
{
	buf_puts(b, b->n ? ", {'key': " : "{'key': ");
	text_repr(b, kv->key);
	buf_puts(b, ", 'old_value': ");
	text_repr(b, old);
	buf_puts(b, ", 'new_value': ");
	text_repr(b, kv->value);
	buf_putc(b, '}');
}

/* A param that is there already: the same value is fine, another one is told
 * in changes. *ret_old is valid until q is closed. */
static int compare_param(struct writer *w, int64_t row,
			 const struct key_value *kv, struct cursor *q,
			 struct str *ret_old, struct err *e)
{
	if (cursor_open(q, &w->db, STMT_PARAM_GET, BINDS(B(row), B(kv->key)),
			e) < 0 ||
	    cursor_next(q, e) < 0)
		return -1;
	*ret_old = cursor_str(q, 0);
	return str_eq(*ret_old, kv->value) ? 0 : 1;
}

/* 1 where it is new. */
static int set_param(struct writer *w, const struct cmd_run_log *x, int64_t row,
		     const struct key_value *given, struct buf *changes,
		     struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct key_value kv = {given->key,
			       text_cut(given->value, LIMIT_PARAM_VALUE)};
	struct str old;
	int rc;

	if (db_exec(&w->db, STMT_PARAM_ADD,
		    BINDS(B(row), B(kv.key), B(kv.value), B(w->now),
			  B(w->change)),
		    e) < 0)
		return -1;
	if (db_changes(&w->db))
		return 1;
	rc = compare_param(w, row, &kv, &q, &old, e);
	if (rc <= 0)
		return rc;
	if (x->single_param)
		return err_set(
			e, ERR_INVALID,
			"Changing param values is not allowed. Param with "
			"key='%.*s' was already logged with value='%.*s' for "
			"run ID='%.*s'. Attempted logging new value '%.*s'.",
			STR_ARG(kv.key), STR_ARG(old), STR_ARG(x->run_id),
			STR_ARG(kv.value));
	add_change(changes, &kv, old);
	return 0;
}

/* *ret_new counts what was not there before. */
static int set_params(struct writer *w, const struct cmd_run_log *x,
		      int64_t row, size_t *ret_new, struct err *e)
{
	SCOPED(buf_fini) struct buf changes;
	const struct key_value *kv = x->params.items;

	buf_init(&changes, CHANGES_MAX);
	for (size_t i = 0; i < x->params.n; i++) {
		int rc = set_param(w, x, row, &kv[i], &changes, e);

		if (rc < 0)
			return -1;
		*ret_new += (size_t)rc;
	}
	if (!changes.n && buf_ok(&changes))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Changing param values is not allowed. Params were "
		       "already logged='[%s]' for run ID='%.*s'.",
		       buf_ok(&changes) ? changes.p : "...",
		       STR_ARG(x->run_id));
}

/* --- tags --------------------------------------------------------------- */

int run_tag_set(struct writer *w, int64_t run_row, const struct key_value *kv,
		const char *what, struct err *e)
{
	struct str value = text_cut(kv->value, LIMIT_TAG_VALUE);

	if (name_check_key(kv->key, what, e) < 0 ||
	    check_text(kv->value, what, e) < 0 ||
	    db_exec(&w->db, STMT_TAG_SET,
		    BINDS(B(run_row), B(kv->key), B(value), B(w->now),
			  B(w->change)),
		    e) < 0)
		return -1;
	return db_changes(&w->db) > 0;
}

static int set_tags(struct writer *w, const struct cmd_run_log *x,
		    const struct run_ref *run, size_t *ret_new, struct err *e)
{
	const struct key_value *kv = x->tags.items;
	char what[32];

	for (size_t i = 0; i < x->tags.n; i++) {
		int rc;

		snprintf(what, sizeof(what), "tags[%zu].key", i);
		if (str_is(kv[i].key, RUN_NAME_TAG) &&
		    run_rename(w, run, x->run_id, kv[i].value, STR_NONE, e) < 0)
			return -1;
		rc = run_tag_set(w, run->row, &kv[i], what, e);
		if (rc < 0)
			return -1;
		*ret_new += (size_t)rc;
	}
	return 0;
}

int apply_run_log(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run_log *x = (struct cmd_run_log *)c;
	struct run_ref run;
	size_t fresh = 0;

	if (check_batch(x, e) < 0 || check_params(x, e) < 0 ||
	    writer_run_active(w, &c->who, x->run_id, &run, e) < 0 ||
	    set_params(w, x, run.row, &fresh, e) < 0 ||
	    set_tags(w, x, &run, &fresh, e) < 0)
		return -1;
	if (x->metrics.n &&
	    (logged_points(w, &c->who, run.row, x->metrics.items, x->metrics.n,
			   e) < 0 ||
	     points_log(w, run.row, x->metrics.items, x->metrics.n, e) < 0))
		return -1;
	if (fresh)
		writer_touch_run(w, run.row);
	return 0;
}

int apply_run_untag(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_run_untag *x = (struct cmd_run_untag *)c;
	struct changed gone = {.thing = THING_TAG, .name = x->key};
	struct run_ref run;

	if (writer_run_active(w, &c->who, x->run_id, &run, e) < 0 ||
	    db_exec(&w->db, STMT_TAG_TRASH,
		    BINDS(B(run.row), B(x->key), B(w->now)), e) < 0)
		return -1;
	if (!db_changes(&w->db))
		return err_set(e, ERR_NOT_FOUND,
			       "No tag with name: %.*s in run with id %.*s",
			       STR_ARG(x->key), STR_ARG(x->run_id));
	gone.row = gone.parent = run.row;
	if (db_exec(&w->db, STMT_TAG_DELETE, BINDS(B(run.row), B(x->key)), e) <
		    0 ||
	    writer_removed(w, &gone, run.project, e) < 0)
		return -1;
	writer_touch_run(w, run.row);
	return 0;
}
