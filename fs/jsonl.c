/* SPDX-License-Identifier: Apache-2.0 */
/* jsonl.c - metrics.jsonl: objects of many metrics, one a line.
 *
 * {"step": 1, "timestamp": 1700000000000, "loss": 0.3, "acc": 0.9}. step and
 * timestamp are reserved; every other member is a point of the metric so
 * named. All full lines of a write are read before one of them is taken: the
 * points of each metric become one record of the journal, all or none.
 */
#include <fcntl.h>
#include <stdlib.h>

#include "fs/append.h"
#include "fs/families.h"
#include "fs/handle.h"
#include "indexer/base/json_pull.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/names.h"
#include "indexer/journal/line.h"

struct metric { /* the points of one key in this write */
	struct str key;
	struct buf packed;
	int64_t points;
	size_t line; /* in which it was seen last, from 1 */
};

struct lines {
	struct fs_call *c;
	struct metric *list;
	size_t n, cap;
	size_t guess; /* where the next key probably is */
	size_t line;
};

static void lines_fini(struct lines *l)
{
	for (size_t i = 0; i < l->n; i++)
		buf_fini(&l->list[i].packed);
	free(l->list);
}

/* Lines mostly have the same keys in the same order. */
static struct metric *find(struct lines *l, struct str key)
{
	struct metric *m;

	for (size_t i = 0; i < l->n; i++) {
		m = &l->list[(l->guess + i) % l->n];
		if (str_eq(m->key, key)) {
			l->guess = (l->guess + i + 1) % l->n;
			return m;
		}
	}
	return NULL;
}

static struct metric *add(struct lines *l, struct str key, struct err *e)
{
	size_t cap = l->cap ? l->cap * 2 : 16;
	struct metric *m;

	if (name_check_key(key, "name", e))
		return NULL;
	if (l->n == FS_JSON_KEYS) {
		err_set(e, ERR_INVALID, "more than %d metrics in one write",
			FS_JSON_KEYS);
		return NULL;
	}
	if (l->n == l->cap) {
		m = realloc(l->list, cap * sizeof(*m));
		if (!m) {
			err_set(e, ERR_NO_SPACE, "no memory for lines");
			return NULL;
		}
		l->list = m;
		l->cap = cap;
	}
	m = &l->list[l->n++];
	*m = (struct metric){.key = arena_str(&l->c->arena, key)};
	buf_init(&m->packed, JOURNAL_RECORD_MAX);
	l->guess = 0;
	return m;
}

/* --- one line ------------------------------------------------------------- */

enum { LINE_KEYS = 1024 };

struct object { /* one line: its values, and what holds for all of them */
	struct journal_point common;
	struct str keys[LINE_KEYS];
	double values[LINE_KEYS];
	size_t n;
};

static int not_a(struct str key, const char *what, struct err *e)
{
	return err_set(e, ERR_INVALID, "'%.*s' must be %s",
		       (int)(key.n < 100 ? key.n : 100), key.p, what);
}

/* "NaN" and its like come as strings, as they are written. */
static int read_value(struct str key, const struct json_token *t,
		      struct object *o, struct err *e)
{
	double v = t->real;

	if (t->kind == JSON_STRING && !num_parse_f64(t->text, &v))
		return not_a(key, "a number", e);
	if (t->kind != JSON_STRING && t->kind != JSON_NUMBER)
		return not_a(key, "a number", e);
	for (size_t i = 0; i < o->n; i++) {
		if (str_eq(o->keys[i], key))
			return not_a(key, "there once only", e);
	}
	if (o->n == LINE_KEYS)
		return err_set(e, ERR_INVALID,
			       "more than %d metrics in one line", LINE_KEYS);
	o->keys[o->n] = key;
	o->values[o->n++] = v;
	return 0;
}

/* step and timestamp: once, and whole numbers. */
static int read_whole(struct str key, const struct json_token *t, bool *set,
		      int64_t *ret, struct err *e)
{
	if (*set)
		return not_a(key, "there once only", e);
	if (t->kind != JSON_NUMBER || !t->is_integer)
		return not_a(key, "a whole number", e);
	*ret = t->integer;
	*set = true;
	return 0;
}

static int read_member(struct str key, const struct json_token *t,
		       struct object *o, struct err *e)
{
	if (str_is(key, "step"))
		return read_whole(key, t, &o->common.has_step,
				  &o->common.p.step, e);
	if (str_is(key, "timestamp")) {
		if (read_whole(key, t, &o->common.has_time, &o->common.p.time,
			       e))
			return -1;
		return o->common.p.time < 0
			       ? not_a(key, "milliseconds since 1970", e)
			       : 0;
	}
	return read_value(key, t, o, e);
}

static int read_object(struct str line, struct arena *a, struct object *o,
		       struct err *e)
{
	struct json_pull j;
	struct json_token t;
	struct str key;

	json_pull_init(&j, line, a);
	if (json_pull_next(&j, &t, e))
		return -1;
	if (t.kind != JSON_OBJECT)
		return err_set(e, ERR_INVALID, "a line must be an object");
	for (;;) {
		if (json_pull_next(&j, &t, e))
			return -1;
		if (t.kind == JSON_OBJECT_END)
			break;
		key = t.text;
		if (json_pull_next(&j, &t, e) || read_member(key, &t, o, e))
			return -1;
	}
	return json_pull_next(&j, &t, e);
}

/* Each value becomes a point of its metric, with the line's step and time. */
static int take_object(struct lines *l, const struct object *o, struct err *e)
{
	struct journal_point p = o->common;
	struct metric *m;

	for (size_t i = 0; i < o->n; i++) {
		m = find(l, o->keys[i]);
		if (!m)
			m = add(l, o->keys[i], e);
		if (!m)
			return -1;
		p.p.value = o->values[i];
		points_pack(&m->packed, &p);
		m->points++;
		if (!m->key.p || !buf_ok(&m->packed))
			return err_set(e, ERR_NO_SPACE, "no memory for lines");
	}
	return 0;
}

static int take_line(struct lines *l, struct str line, struct object *o,
		     struct err *e)
{
	l->line++;
	if (!str_trim(line).n)
		return 0;
	o->n = 0;
	o->common = (struct journal_point){0};
	if (read_object(line, &l->c->arena, o, e) || take_object(l, o, e))
		return err_wrap(e, "line %zu", l->line);
	return 0;
}

/* --- writing -------------------------------------------------------------- */

static int read_lines(struct lines *l, struct str *text, struct err *e)
{
	SCOPED_FREE struct object *o = malloc(sizeof(*o));
	const char *end;
	struct str line;

	if (!o)
		return err_set(e, ERR_NO_SPACE, "no memory for a line");
	while (text->n && (end = memchr(text->p, '\n', text->n))) {
		line = str_n(text->p, (size_t)(end - text->p));
		if (take_line(l, line, o, e))
			return -1;
		text->p = end + 1;
		text->n -= line.n + 1;
	}
	return 0;
}

static int append_all(struct lines *l, struct node *n, struct err *e)
{
	struct node *run = nodes_above(&l->c->fs->nodes, n, KIND_RUN);
	SCOPED_FREE struct append *list = NULL;

	if (!run || fs_check_alive(l->c, n, e))
		return run ? -1 : err_set(e, ERR_NOT_FOUND, "no such run");
	list = calloc(l->n, sizeof(*list));
	if (!list)
		return err_set(e, ERR_NO_SPACE, "no memory for lines");
	for (size_t i = 0; i < l->n; i++)
		list[i] = (struct append){l->list[i].key,
					  buf_view(&l->list[i].packed),
					  l->list[i].points};
	return append_lines(l->c, n->row, run->key, list, l->n, e);
}

/* Every full line of text, or none; *text is left as what follows them. */
static int take_text(struct fs_call *c, struct node *n, struct str *text,
		     struct err *e)
{
	SCOPED(lines_fini) struct lines l = {.c = c};

	if (read_lines(&l, text, e))
		return -1;
	return l.n ? append_all(&l, n, e) : 0;
}

static int jsonl_write(struct fs_call *c, struct fs_handle *h, int64_t off,
		       struct str data, struct err *e)
{
	SCOPED(buf_fini) struct buf joined;
	struct str text;

	buf_init(&joined, FS_TEXT_MAX);
	if (!(h->flags & O_APPEND) && h->next >= 0 && off != h->next)
		return err_set(e, ERR_READ_ONLY, "it is only appended to");
	buf_str(&joined, buf_view(&h->wrote));
	buf_str(&joined, data);
	text = buf_view(&joined);
	if (!buf_ok(&joined))
		return err_set(e, ERR_NO_SPACE, "no memory for lines");
	if (fs_unfinished(text).n > FS_JSON_LINE_MAX)
		return err_set(e, ERR_INVALID, "a line of more than %d bytes",
			       FS_JSON_LINE_MAX);
	if (take_text(c, h->node, &text, e))
		return -1;
	h->next = off + (int64_t)data.n;
	buf_reset(&h->wrote);
	buf_str(&h->wrote, text);
	return 0;
}

static int jsonl_flush(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	SCOPED_FREE struct object *o = calloc(1, sizeof(*o));

	if (!o || !str_trim(buf_view(&h->wrote)).n)
		return 0;
	return read_object(buf_view(&h->wrote), &c->arena, o, e);
}

static int jsonl_release(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct str text;

	if (!h->wrote.n)
		return 0;
	buf_putc(&h->wrote, '\n');
	text = buf_view(&h->wrote);
	if (!take_text(c, h->node, &text, e))
		return 0;
	if (c->parked)
		h->wrote.n--;
	return -1;
}

static int jsonl_open(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct subject s = subject_of(h->node);
	struct attr now = {0};

	if (!(h->flags & O_TRUNC))
		return 0;
	if (fs_seen(c, &s, e) || fs_begin(c, e) ||
	    fs_subject_attr(c, &s, &now, e))
		return -1;
	return now.size == 0 ? 0
			     : err_set(e, ERR_READ_ONLY,
				       "points cannot be taken back");
}

static int jsonl_truncate(struct fs_call *c, const struct subject *s,
			  struct fs_handle *h, int64_t size, struct err *e)
{
	struct attr now = {0};

	(void)h;
	if (fs_seen(c, s, e) || fs_begin(c, e) ||
	    fs_subject_attr(c, s, &now, e))
		return -1;
	return now.size == size ? 0
				: err_set(e, ERR_READ_ONLY,
					  "points cannot be taken back");
}

const struct file_type jsonl_file = {
	.open = jsonl_open,
	.write = jsonl_write,
	.flush = jsonl_flush,
	.fsync = lines_fsync,
	.release = jsonl_release,
	.truncate = jsonl_truncate,
};
