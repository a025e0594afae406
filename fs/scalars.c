/* SPDX-License-Identifier: Apache-2.0 */
/* scalars.c - values as files: status, params/<key>, tags/<key>, and whatever
 * else has a value_type in the table of kinds.
 *
 * A value is all that one handle wrote, taken when the process that wrote
 * closes it: a shell opens, duplicates and closes before it writes, so a
 * close before any write means nothing, and an empty value is known only when
 * the handle ends. What is known to be wrong is refused by write already, for
 * shells see no error of close.
 */
#include "fs/scalar.h"

#include <fcntl.h>

#include "fs/families.h"
#include "fs/handle.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"

struct str scalar_value(struct str text)
{
	if (text.n && text.p[text.n - 1] == '\n')
		text.n--;
	return text;
}

/* --- the index ------------------------------------------------------------ */

/* A status has no time of its own: it is as old as the start or the end. */
static int get_status(struct fs_call *c, const struct subject *s,
		      struct str *ret, int64_t *ret_modified, struct err *e)
{
	struct run r;

	if (run_by_row(c->rd, s->row, &c->arena, &r, e))
		return -1;
	*ret = str_from(run_status_names[r.status]);
	*ret_modified = r.end_time > 0 ? r.end_time : r.start_time;
	return 0;
}

static int get_param(struct fs_call *c, const struct subject *s,
		     struct str *ret, int64_t *ret_modified, struct err *e)
{
	return run_param(c->rd, s->row, s->key, &c->arena, ret, ret_modified,
			 e);
}

static int get_tag(struct fs_call *c, const struct subject *s, struct str *ret,
		   int64_t *ret_modified, struct err *e)
{
	return run_tag(c->rd, s->row, s->key, &c->arena, ret, ret_modified, e);
}

static int get_experiment_tag(struct fs_call *c, const struct subject *s,
			      struct str *ret, int64_t *ret_modified,
			      struct err *e)
{
	return experiment_tag(c->rd, s->row, s->key, &c->arena, ret,
			      ret_modified, e);
}

int scalar_get(struct fs_call *c, const struct subject *s, struct str *ret,
	       int64_t *ret_modified, struct err *e)
{
	return kinds[s->kind].value->get(c, s, ret, ret_modified, e);
}

static int status_number(struct str name)
{
	for (int i = RUN_RUNNING; i <= RUN_KILLED; i++) {
		if (str_is(name, run_status_names[i]))
			return i;
	}
	return -1;
}

static int put_status(struct fs_call *c, const struct subject *s,
		      struct node *at, struct str value, struct err *e)
{
	struct cmd_run_update *x;
	int number = status_number(value), r;

	(void)s;
	if (number < 0)
		return err_set(e, ERR_INVALID,
			       "a status is RUNNING, SCHEDULED, FINISHED, "
			       "FAILED or KILLED");
	x = command_new(COMMAND_RUN_UPDATE);
	x->run_id = command_str(&x->c, fs_run_id(c->fs, at));
	x->status = (struct opt_i64){number, true};
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static int put_pair(struct fs_call *c, const struct subject *s, struct node *at,
		    struct str value, struct err *e)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value kv = {command_str(&x->c, s->key),
			       command_str(&x->c, value)};
	int r;

	x->run_id = command_str(&x->c, fs_run_id(c->fs, at));
	if (s->kind == KIND_PARAM)
		x->params = (struct field_list){&kv, 1};
	else
		x->tags = (struct field_list){&kv, 1};
	x->single_param = s->kind == KIND_PARAM;
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static int put_experiment_tag(struct fs_call *c, const struct subject *s,
			      struct node *at, struct str value, struct err *e)
{
	struct cmd_experiment_tag *x = command_new(COMMAND_EXPERIMENT_TAG);
	int r;

	x->experiment_id = command_str(&x->c, fs_experiment_id(c->fs, at));
	x->key = command_str(&x->c, s->key);
	x->value = command_str(&x->c, value);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static int check_status(struct fs_call *c, const struct subject *s,
			struct str text, struct err *e)
{
	bool whole = text.n && text.p[text.n - 1] == '\n';

	(void)c;
	(void)s;
	for (int i = RUN_RUNNING; i <= RUN_KILLED; i++) {
		struct str name = str_from(run_status_names[i]);

		if (whole ? str_eq(scalar_value(text), name)
			  : str_starts(name, text))
			return 0;
	}
	return err_set(e, ERR_INVALID,
		       "a status is RUNNING, SCHEDULED, FINISHED, FAILED or "
		       "KILLED");
}

/* A stored value that was cut says nothing about what is longer. */
static int check_param(struct fs_call *c, const struct subject *s,
		       struct str text, struct err *e)
{
	struct str value;
	int64_t modified;
	bool begins;

	if (fs_begin(c, e))
		return -1;
	if (scalar_get(c, s, &value, &modified, e))
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	if (value.n >= LIMIT_PARAM_VALUE)
		return 0;
	begins = text.n <= value.n ? str_starts(value, text)
				   : str_eq(scalar_value(text), value);
	return begins ? 0
		      : err_set(e, ERR_EXISTS,
				"the param has another value already; it is "
				"written once");
}

static int untag(struct fs_call *c, const struct subject *s, struct node *at,
		 struct err *e)
{
	struct cmd_run_untag *x = command_new(COMMAND_RUN_UNTAG);
	int r;

	x->run_id = command_str(&x->c, fs_run_id(c->fs, at));
	x->key = command_str(&x->c, s->key);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

static int untag_experiment(struct fs_call *c, const struct subject *s,
			    struct node *at, struct err *e)
{
	struct cmd_experiment_tag *x = command_new(COMMAND_EXPERIMENT_UNTAG);
	int r;

	x->experiment_id = command_str(&x->c, fs_experiment_id(c->fs, at));
	x->key = command_str(&x->c, s->key);
	r = fs_post(c, &x->c, e);
	command_free(&x->c);
	return r;
}

const struct value_type status_value = {.of_run = true,
					.never_none = true,
					.check = check_status,
					.get = get_status,
					.put = put_status};
const struct value_type param_value = {.of_run = true,
				       .never_none = true,
				       .check = check_param,
				       .get = get_param,
				       .put = put_pair};
const struct value_type tag_value = {
	.of_run = true, .get = get_tag, .put = put_pair, .remove = untag};
const struct value_type experiment_tag_value = {.get = get_experiment_tag,
						.put = put_experiment_tag,
						.remove = untag_experiment};

/* The lines of a run before its status, its tags, its params. */
int scalar_put(struct fs_call *c, const struct subject *s, struct node *at,
	       struct str value, struct err *e)
{
	const struct value_type *t = kinds[s->kind].value;

	if (fs_may_wait(c, e) || (t->of_run && fs_seen_run(c, s->row, e)))
		return -1;
	return t->put(c, s, at, value, e);
}

/* --- reading -------------------------------------------------------------- */

int scalar_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		struct err *e)
{
	struct str value;
	int64_t since;

	if (scalar_get(c, s, &value, &ret->mtime, e) == 0) {
		ret->size = (int64_t)value.n + 1;
		return 0;
	}
	if (e->kind != ERR_NOT_FOUND)
		return -1;
	since = young_since(&c->fs->young, s->kind, s->row, s->key);
	if (since < 0)
		return -1;
	ret->size = 0;
	ret->mtime = since;
	return 0;
}

int scalar_render(struct fs_call *c, const struct subject *s, struct buf *b,
		  struct err *e)
{
	struct str value;
	int64_t modified;

	if (scalar_get(c, s, &value, &modified, e)) {
		if (e->kind != ERR_NOT_FOUND ||
		    young_since(&c->fs->young, s->kind, s->row, s->key) < 0)
			return -1;
		return 0;
	}
	buf_str(b, value);
	buf_putc(b, '\n');
	return 0;
}

static int64_t scalar_read(struct fs_call *c, struct fs_handle *h, int64_t off,
			   char *out, size_t n, struct err *e)
{
	(void)c;
	(void)e;
	if (!h->has_written)
		return fs_handle_text(h, off, out, n);
	if (off >= (int64_t)h->wrote.n)
		return 0;
	if (n > h->wrote.n - (size_t)off)
		n = h->wrote.n - (size_t)off;
	memcpy(out, h->wrote.p + off, n);
	return (int64_t)n;
}

/* --- writing -------------------------------------------------------------- */

/* Of a tag nothing is known to be wrong before the daemon says so. */
static int check_value(struct fs_call *c, const struct fs_handle *h,
		       struct str text, struct err *e)
{
	struct subject s = subject_of(h->node);
	const struct value_type *t = kinds[s.kind].value;

	return t->check ? t->check(c, &s, text, e) : 0;
}

/* Old with data laid over it at off. */
static int lay_over(struct str old, int64_t off, struct str data,
		    struct buf *ret, struct err *e)
{
	if (off < 0 || off > (int64_t)old.n)
		return err_set(e, ERR_INVALID,
			       "a value is written from its beginning");
	if ((size_t)off + data.n > FS_VALUE_MAX)
		return err_set(e, ERR_TOO_LARGE, "a value has at most %d bytes",
			       FS_VALUE_MAX);
	buf_str(ret, str_n(old.p, (size_t)off));
	buf_str(ret, data);
	if ((size_t)off + data.n < old.n)
		buf_add(ret, old.p + off + data.n,
			old.n - (size_t)off - data.n);
	return buf_ok(ret) ? 0
			   : err_set(e, ERR_NO_SPACE, "no memory for a value");
}

static int scalar_write(struct fs_call *c, struct fs_handle *h, int64_t off,
			struct str data, struct err *e)
{
	struct buf value, old = h->wrote;

	buf_init(&value, FS_TEXT_MAX);
	if (h->flags & O_APPEND)
		off = (int64_t)old.n;
	if (lay_over(buf_view(&old), off, data, &value, e) ||
	    check_value(c, h, buf_view(&value), e)) {
		buf_fini(&value);
		if (!c->parked)
			h->emptied = h->created = false;
		return -1;
	}
	h->wrote = value;
	buf_fini(&old);
	h->has_written = true;
	h->taken = false;
	return 0;
}

/* The index has it from now on, and others see it; unless its name went in
 * the meantime (an empty value is taken after close has returned). */
static int take(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct subject s = subject_of(h->node);
	struct str value = scalar_value(buf_view(&h->wrote));
	int r = 0;

	if (fs_may_wait(c, e) || paths_use(c, e))
		return -1;
	if (!atomic_load(&h->node->gone))
		r = scalar_put(c, &s, h->node, value, e);
	if (!r) {
		young_remove(&c->fs->young, s.kind, s.row, s.key);
		h->taken = true;
	}
	paths_used(c);
	return r;
}

static int scalar_flush(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	if (!h->has_written || h->taken || !same_process(h->writer, c->pid))
		return 0;
	return take(c, h, e);
}

static int scalar_fsync(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	return h->has_written && !h->taken ? take(c, h, e) : 0;
}

static int scalar_release(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct subject s = subject_of(h->node);
	int r = 0;

	if (!h->taken && (h->has_written || h->emptied || h->created))
		r = take(c, h, e);
	if (!c->parked)
		young_remove(&c->fs->young, s.kind, s.row, s.key);
	return r;
}

static int scalar_open(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	(void)c;
	(void)e;
	h->emptied = h->flags & O_TRUNC;
	return 0;
}

/* truncate(2) has no close: what it does is done at once. */
static int truncate_by_path(struct fs_call *c, const struct subject *s,
			    int64_t size, struct err *e)
{
	struct attr now = {0};

	if (fs_begin(c, e) || scalar_attr(c, s, &now, e))
		return -1;
	if (now.size == size)
		return 0;
	if (size > 0)
		return err_set(e, ERR_INVALID, "a value is written whole");
	if (kinds[s->kind].value->never_none)
		return err_set(e, ERR_READ_ONLY, "it cannot be emptied");
	return scalar_put(c, s, s->node, STR_NONE, e);
}

static int scalar_truncate(struct fs_call *c, const struct subject *s,
			   struct fs_handle *h, int64_t size, struct err *e)
{
	if (!h)
		return truncate_by_path(c, s, size, e);
	if (size == (int64_t)h->wrote.n && h->has_written)
		return 0;
	if (size > 0)
		return err_set(e, ERR_INVALID, "a value is written whole");
	buf_reset(&h->wrote);
	h->has_written = h->taken = false;
	h->emptied = true;
	return 0;
}

const struct file_type scalar_file = {
	.open = scalar_open,
	.read = scalar_read,
	.write = scalar_write,
	.flush = scalar_flush,
	.fsync = scalar_fsync,
	.release = scalar_release,
	.truncate = scalar_truncate,
};
