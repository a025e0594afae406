/* SPDX-License-Identifier: Apache-2.0 */
/* lines.c - a metric as a file that is appended to.
 *
 * Each write is accepted as a whole: its full lines are checked and laid into
 * the journal as one record. What follows the last newline belongs to the
 * handle until its line is complete; it becomes a line when the handle ends.
 * The text that is read is made from the points, so sizes and offsets of what
 * was written say nothing about it; where a write that is no append may stand
 * is told by the handle's own count.
 */
#include <fcntl.h>

#include "fs/append.h"
#include "fs/catch_up.h"
#include "fs/families.h"
#include "fs/handle.h"
#include "fs/move.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/journal/line.h"

static int run_takes_points(struct fs_call *c, struct node *n,
			    struct node **ret_run, struct err *e)
{
	*ret_run = nodes_above(&c->fs->nodes, n, KIND_RUN);
	if (!*ret_run)
		return err_set(e, ERR_NOT_FOUND, "the run is gone");
	return fs_check_alive(c, n, e);
}

static int append_text(struct fs_call *c, struct node *n, struct str text,
		       size_t *ret_tail, struct err *e)
{
	SCOPED(buf_fini) struct buf packed;
	struct append a = {.key = n->key};
	struct node *run;
	size_t points;

	buf_init(&packed, JOURNAL_RECORD_MAX);
	if (run_takes_points(c, n, &run, e) ||
	    lines_pack(text, &packed, &points, ret_tail, e))
		return -1;
	if (!buf_ok(&packed))
		return err_set(e, ERR_TOO_LARGE, "too much for one write");
	if (!points)
		return 0;
	a.packed = buf_view(&packed);
	a.points = (int64_t)points;
	return append_lines(c, n->row, run->key, &a, 1, e);
}

/* --- writing -------------------------------------------------------------- */

static int size_now(struct fs_call *c, const struct subject *s, int64_t *ret,
		    struct err *e)
{
	struct attr now = {0};

	if (fs_seen(c, s, e) || fs_begin(c, e))
		return -1;
	if (metric_attr(c, s, &now, e) && e->kind != ERR_NOT_FOUND)
		return -1;
	*ret = now.size;
	fs_end(c);
	return 0;
}

/* A write that is no append stands where the last one ended, or at the end of
 * what is there. */
static int check_place(struct fs_call *c, struct fs_handle *h, int64_t off,
		       struct err *e)
{
	struct subject s = subject_of(h->node);
	int64_t size;

	if ((h->flags & O_APPEND) || off == h->next)
		return 0;
	if (size_now(c, &s, &size, e))
		return -1;
	if (off == size)
		return 0;
	return err_set(e, ERR_READ_ONLY, "a metric is only appended to");
}

static int join_tail(struct fs_handle *h, struct str data, struct buf *joined,
		     struct err *e)
{
	buf_str(joined, buf_view(&h->wrote));
	buf_str(joined, data);
	return buf_ok(joined) ? 0
			      : err_set(e, ERR_NO_SPACE, "no memory for lines");
}

static int keep_tail(struct fs_handle *h, struct str tail, struct err *e)
{
	buf_reset(&h->wrote);
	buf_str(&h->wrote, tail);
	return buf_ok(&h->wrote)
		       ? 0
		       : err_set(e, ERR_NO_SPACE, "no memory for a line");
}

static int lines_write(struct fs_call *c, struct fs_handle *h, int64_t off,
		       struct str data, struct err *e)
{
	SCOPED(buf_fini) struct buf joined;
	struct str text = data;
	size_t tail = 0;

	buf_init(&joined, FS_TEXT_MAX);
	if (check_place(c, h, off, e))
		return -1;
	if (h->wrote.n) {
		if (join_tail(h, data, &joined, e))
			return -1;
		text = buf_view(&joined);
	}
	if (fs_unfinished(text).n > FS_LINE_MAX)
		return err_set(e, ERR_INVALID, "a line of more than %d bytes",
			       FS_LINE_MAX);
	if (append_text(c, h->node, text, &tail, e))
		return -1;
	h->next = off + (int64_t)data.n;
	if (!tail && !h->wrote.n)
		return 0;
	return keep_tail(h, str_n(text.p + text.n - tail, tail), e);
}

static int check_tail(const struct fs_handle *h, struct err *e)
{
	struct journal_point p;

	if (!h->wrote.n)
		return 0;
	return line_parse(buf_view(&h->wrote), &p, e) < 0 ? -1 : 0;
}

static int lines_flush(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	(void)c;
	return check_tail(h, e);
}

int lines_fsync(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	(void)h;
	if (fs_may_wait(c, e))
		return -1;
	if (journal_sync(c->fs->journal, e))
		return -1;
	return c->fs->sync_remote ? append_ship(c, c->fs->wait_ms, e) : 0;
}

static int lines_release(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	size_t tail;

	if (!h->wrote.n)
		return 0;
	buf_putc(&h->wrote, '\n');
	if (!append_text(c, h->node, buf_view(&h->wrote), &tail, e))
		return 0;
	if (c->parked)
		h->wrote.n--;
	return -1;
}

/* --- the rest ------------------------------------------------------------- */

static int must_be_empty(struct fs_call *c, const struct subject *s,
			 int64_t size, struct err *e)
{
	int64_t now;

	if (size_now(c, s, &now, e))
		return -1;
	if (now == size)
		return 0;
	return err_set(e, ERR_READ_ONLY,
		       "the points of a metric cannot be taken back");
}

static int lines_open(struct fs_call *c, struct fs_handle *h, struct err *e)
{
	struct subject s = subject_of(h->node);

	return h->flags & O_TRUNC ? must_be_empty(c, &s, 0, e) : 0;
}

static int lines_truncate(struct fs_call *c, const struct subject *s,
			  struct fs_handle *h, int64_t size, struct err *e)
{
	(void)h;
	return must_be_empty(c, s, size, e);
}

static int64_t lines_read(struct fs_call *c, struct fs_handle *h, int64_t off,
			  char *out, size_t n, struct err *e)
{
	struct subject s = subject_of(h->node);
	struct series x;

	if (fs_seen(c, &s, e) || fs_begin_points(c, s.row, e))
		return -1;
	if (series_by_key(c->rd, s.row, s.key, &c->arena, &x, e))
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	return off >= x.text ? 0 : series_read_text(c->rd, &x, off, out, n, e);
}

const struct file_type metric_file = {
	.open = lines_open,
	.read = lines_read,
	.write = lines_write,
	.flush = lines_flush,
	.fsync = lines_fsync,
	.release = lines_release,
	.truncate = lines_truncate,
};

/* An editor's or rsync's copy, renamed onto a metric: all its lines, if there
 * are none yet. */
int scratch_to_metric(struct fs_call *c, struct move *m, struct err *e)
{
	SCOPED(buf_fini) struct buf text;
	struct fs_creation how = {0644, 0};
	struct found made = m->over;
	struct node *n;
	size_t tail;
	int r;

	buf_init(&text, FS_TEXT_MAX);
	if (m->over.kind && m->over.attr.size > 0)
		return err_set(e, ERR_READ_ONLY,
			       "the points of a metric cannot be taken back");
	if (scratch_read(c, m->what.node, JOURNAL_RECORD_MAX, &text, e))
		return -1;
	if (text.n && text.p[text.n - 1] != '\n')
		buf_putc(&text, '\n');
	if (!m->over.kind &&
	    metric_create(c, m->to, m->to_name, &how, &made, e))
		return -1;
	made.name = m->to_name;
	n = nodes_take(&c->fs->nodes, m->to, &made);
	if (!n)
		return err_set(e, ERR_NO_SPACE, "no memory for a node");
	r = append_text(c, n, buf_view(&text), &tail, e);
	nodes_forget(&c->fs->nodes, n->id, 1);
	if (r)
		return -1;
	scratch_remove(c->fs, m->what.node);
	m->moved = true;
	return 0;
}
