/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - the metrics of a run as text tables.
 *
 * All points of the run are gathered once, each with the number of its key,
 * and sorted into the order of the lines; then a table is one walk over them.
 */
#include "indexer/render/tables.h"

#include <inttypes.h>

#include "indexer/base/json_out.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"

/* Points of a run. The keys' texts lie one behind the other. */
struct entry {
	struct point p;
	uint32_t key, arrival;
};

struct key_text {
	size_t at, n;
};

struct gathered {
	struct buf entries; /* of struct entry */
	struct buf keys;    /* of struct key_text, in order */
	struct buf text;
	struct reader *rd;
};

enum {
	ENTRIES_MAX = TABLE_POINTS * sizeof(struct entry),
	KEYS_MAX = 16 << 20,
};

static void gathered_init(struct gathered *g, struct reader *rd)
{
	buf_init(&g->entries, ENTRIES_MAX);
	buf_init(&g->keys, KEYS_MAX);
	buf_init(&g->text, KEYS_MAX);
	g->rd = rd;
}

static void gathered_fini(struct gathered *g)
{
	buf_fini(&g->entries);
	buf_fini(&g->keys);
	buf_fini(&g->text);
}

static uint32_t key_count(const struct gathered *g)
{
	return (uint32_t)(g->keys.n / sizeof(struct key_text));
}

static struct str key_at(const struct gathered *g, uint32_t i)
{
	struct key_text t;

	memcpy(&t, g->keys.p + i * sizeof(t), sizeof(t));
	return str_n(g->text.p + t.at, t.n);
}

static int too_large(struct err *e)
{
	return err_set(e, ERR_TOO_LARGE,
		       "the table would be larger than is shown at once; at "
		       "most %d points, ask for one metric's file instead",
		       TABLE_POINTS);
}

static int table_end(const struct buf *b, struct err *e)
{
	return buf_ok(b) ? 0 : too_large(e);
}

static int gather_points(void *ctx, const struct point *p, size_t n,
			 struct err *e)
{
	struct gathered *g = ctx;
	uint32_t key = key_count(g) - 1;

	for (size_t i = 0; i < n; i++) {
		struct entry x = {p[i], key,
				  (uint32_t)(g->entries.n / sizeof(x))};

		buf_add(&g->entries, &x, sizeof(x));
	}
	return buf_ok(&g->entries) ? 0 : too_large(e);
}

static int gather_series(void *ctx, const struct series *s, struct err *e)
{
	struct gathered *g = ctx;
	struct key_text t = {g->text.n, s->key.n};

	buf_str(&g->text, s->key);
	buf_add(&g->keys, &t, sizeof(t));
	if (!buf_ok(&g->text) || !buf_ok(&g->keys))
		return too_large(e);
	return series_points(g->rd, s, 0, gather_points, g, e) < 0 ? -1 : 0;
}

static int compare_i64(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

/* By step, then key; the latest of a key's points comes last. */
static int by_step(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = compare_i64(x->p.step, y->p.step);

	if (!r)
		r = compare_i64(x->key, y->key);
	if (!r)
		r = point_later(&x->p, &y->p) - point_later(&y->p, &x->p);
	return r;
}

static int by_time(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	int r = compare_i64(x->p.time, y->p.time);

	if (!r)
		r = compare_i64(x->p.step, y->p.step);
	if (!r)
		r = compare_i64(x->key, y->key);
	return r ? r : compare_i64(x->arrival, y->arrival);
}

static int gather(struct gathered *g, int64_t run_row,
		  int (*order)(const void *, const void *), struct err *e)
{
	if (series_each(g->rd, run_row, STR(""), gather_series, g, e) < 0)
		return -1;
	if (g->entries.n)
		qsort(g->entries.p, g->entries.n / sizeof(struct entry),
		      sizeof(struct entry), order);
	return 0;
}

static const struct entry *entries_of(const struct gathered *g, size_t *n)
{
	*n = g->entries.n / sizeof(struct entry);
	return (const void *)g->entries.p;
}

void table_cell(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		switch (s.p[i]) {
		case '\t':
			buf_puts(b, "\\t");
			break;
		case '\n':
			buf_puts(b, "\\n");
			break;
		case '\\':
			buf_puts(b, "\\\\");
			break;
		default:
			buf_putc(b, s.p[i]);
		}
	}
}

static void put_number(struct buf *b, double v)
{
	char text[NUM_MAX];

	buf_add(b, text, num_format_f64(v, text));
}

/* The cells of one step, the first of which is x[i]; returns the next one. */
static size_t put_step(struct buf *b, const struct entry *x, size_t i, size_t n,
		       uint32_t nkeys)
{
	int64_t step = x[i].p.step;
	uint32_t column = 0;

	buf_i64(b, step);
	for (; i < n && x[i].p.step == step; i++) {
		if (i + 1 < n && x[i + 1].p.step == step &&
		    x[i + 1].key == x[i].key)
			continue;
		for (; column <= x[i].key; column++)
			buf_putc(b, '\t');
		put_number(b, x[i].p.value);
	}
	for (; column < nkeys; column++)
		buf_putc(b, '\t');
	buf_putc(b, '\n');
	return i;
}

int render_metrics_tsv(struct buf *b, struct reader *rd, int64_t run_row,
		       struct err *e)
{
	SCOPED(gathered_fini) struct gathered g;
	const struct entry *x;
	size_t n;

	gathered_init(&g, rd);
	if (gather(&g, run_row, by_step, e) < 0)
		return -1;
	buf_puts(b, "step");
	for (uint32_t k = 0; k < key_count(&g); k++) {
		buf_putc(b, '\t');
		table_cell(b, key_at(&g, k));
	}
	buf_putc(b, '\n');
	x = entries_of(&g, &n);
	for (size_t i = 0; i < n && buf_ok(b);)
		i = put_step(b, x, i, n, key_count(&g));
	return table_end(b, e);
}

static bool reserved(struct str key)
{
	return str_is(key, "step") || str_is(key, "timestamp");
}

/* One line: points of one step and time, until a key comes again. */
static size_t put_line(struct buf *b, const struct gathered *g,
		       const struct entry *x, size_t i, size_t n)
{
	struct json_out j;
	size_t first = i;

	jo_init(&j, b, 0);
	jo_object(&j);
	jo_ki64(&j, "step", x[i].p.step);
	jo_ki64(&j, "timestamp", x[i].p.time);
	do {
		jo_key_str(&j, key_at(g, x[i].key));
		jo_f64(&j, x[i].p.value);
		i++;
	} while (i < n && x[i].p.step == x[first].p.step &&
		 x[i].p.time == x[first].p.time && x[i].key != x[i - 1].key &&
		 !reserved(key_at(g, x[i].key)));
	jo_object_end(&j);
	buf_putc(b, '\n');
	return i;
}

int render_metrics_jsonl(struct buf *b, struct reader *rd, int64_t run_row,
			 struct err *e)
{
	SCOPED(gathered_fini) struct gathered g;
	const struct entry *x;
	size_t n;

	gathered_init(&g, rd);
	if (gather(&g, run_row, by_time, e) < 0)
		return -1;
	x = entries_of(&g, &n);
	for (size_t i = 0; i < n && buf_ok(b);) {
		if (reserved(key_at(&g, x[i].key)))
			i++;
		else
			i = put_line(b, &g, x, i, n);
	}
	return table_end(b, e);
}

static int put_latest(void *ctx, const struct series *s, struct err *e)
{
	struct json_out *j = ctx;

	(void)e;
	jo_key_str(j, s->key);
	jo_f64(j, s->latest.value);
	return 0;
}

int render_latest_json(struct buf *b, struct reader *rd, int64_t run_row,
		       struct err *e)
{
	struct json_out j;
	int r;

	jo_init(&j, b, 0);
	jo_object(&j);
	r = series_each(rd, run_row, STR(""), put_latest, &j, e);
	jo_object_end(&j);
	buf_putc(b, '\n');
	return r < 0 ? -1 : table_end(b, e);
}
