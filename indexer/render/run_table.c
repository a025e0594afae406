/* SPDX-License-Identifier: Apache-2.0 */
/* run_table.c - the runs of an experiment as one text table.
 *
 * The columns are known only when every run was seen, so the runs are walked
 * twice within the caller's snapshot: once for the distinct keys (a hash set
 * per group), once for the cells.
 */
#include "indexer/render/run_table.h"

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/command.h"
#include "indexer/render/tables.h"

/* Distinct keys: a hash table while runs are walked, then a sorted array. */
struct key_set {
	struct str *slots;
	size_t n, cap;
};

enum group { GROUP_PARAMS, GROUP_METRICS, GROUP_TAGS, GROUPS };

static const char *const group_names[GROUPS] = {"params.", "metrics.", "tags."};

struct table {
	struct reader *rd;
	struct buf *b;
	struct key_set sets[GROUPS];
	size_t first[GROUPS]; /* the column of each group's first key */
	struct str *cells;
	size_t ncells;
	struct arena keys, line;
	enum group group; /* being walked */
};

static void table_fini(struct table *t)
{
	for (int g = 0; g < GROUPS; g++)
		free(t->sets[g].slots);
	free(t->cells);
	arena_fini(&t->keys);
	arena_fini(&t->line);
}

static struct str *slot_of(const struct key_set *s, struct str key)
{
	size_t i = str_hash(key) & (s->cap - 1);

	while (s->slots[i].p && !str_eq(s->slots[i], key))
		i = (i + 1) & (s->cap - 1);
	return &s->slots[i];
}

static int set_grow(struct key_set *s, struct err *e)
{
	struct key_set bigger = {.n = s->n, .cap = s->cap ? s->cap * 2 : 64};

	bigger.slots = calloc(bigger.cap, sizeof(*bigger.slots));
	if (!bigger.slots)
		return err_set(e, ERR_TOO_LARGE, "too many keys for a table");
	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].p)
			*slot_of(&bigger, s->slots[i]) = s->slots[i];
	free(s->slots);
	*s = bigger;
	return 0;
}

static int set_add(struct key_set *s, struct str key, struct arena *a,
		   struct err *e)
{
	struct str *slot;

	if (s->n * 2 >= s->cap && set_grow(s, e))
		return -1;
	slot = slot_of(s, key);
	if (slot->p)
		return 0;
	*slot = arena_str(a, key);
	if (!slot->p)
		return arena_full(a, e);
	s->n++;
	return 0;
}

static int by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* From a hash table to a sorted array of its n keys. */
static void set_sort(struct key_set *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->cap; i++)
		if (s->slots[i].p)
			s->slots[n++] = s->slots[i];
	if (n)
		qsort(s->slots, n, sizeof(*s->slots), by_text);
}

static int see_entry(void *ctx, struct str key, struct str value,
		     int64_t modified, struct err *e)
{
	struct table *t = ctx;

	(void)value;
	(void)modified;
	return set_add(&t->sets[t->group], key, &t->keys, e);
}

static int see_series(void *ctx, const struct series *s, struct err *e)
{
	return see_entry(ctx, s->key, STR_NONE, 0, e);
}

static int set_cell(struct table *t, struct str key, struct str value,
		    struct err *e)
{
	const struct key_set *s = &t->sets[t->group];
	const struct str *found =
		bsearch(&key, s->slots, s->n, sizeof(*s->slots), by_text);
	struct str *cell;

	if (!found)
		return err_set(e, ERR_INTERNAL, "a key appeared meanwhile");
	cell = &t->cells[t->first[t->group] + (size_t)(found - s->slots)];
	*cell = arena_str(&t->line, value);
	return cell->p || !value.n ? 0 : arena_full(&t->line, e);
}

static int fill_entry(void *ctx, struct str key, struct str value,
		      int64_t modified, struct err *e)
{
	(void)modified;
	return set_cell(ctx, key, value, e);
}

static int fill_series(void *ctx, const struct series *s, struct err *e)
{
	char text[NUM_MAX];
	size_t n = num_format_f64(s->latest.value, text);

	return set_cell(ctx, s->key, str_n(text, n), e);
}

/* All entries of a run, group by group. */
static int walk_run(struct table *t, int64_t run_row, key_value_fn *entry,
		    int (*metric)(void *, const struct series *, struct err *),
		    struct err *e)
{
	t->group = GROUP_PARAMS;
	if (run_params(t->rd, run_row, entry, t, e) < 0)
		return -1;
	t->group = GROUP_METRICS;
	if (series_each(t->rd, run_row, STR(""), metric, t, e) < 0)
		return -1;
	t->group = GROUP_TAGS;
	return run_tags(t->rd, run_row, entry, t, e) < 0 ? -1 : 0;
}

static int see_run(void *ctx, const struct run *r, struct err *e)
{
	return walk_run(ctx, r->row, see_entry, see_series, e);
}

static void put_time(struct buf *b, int64_t ms)
{
	buf_putc(b, '\t');
	if (ms >= 0)
		buf_i64(b, ms);
}

static void put_run(struct table *t, const struct run *r)
{
	table_cell(t->b, r->id);
	buf_putc(t->b, '\t');
	table_cell(t->b, r->name);
	buf_putc(t->b, '\t');
	buf_puts(t->b, run_status_names[r->status]);
	put_time(t->b, r->start_time);
	put_time(t->b, r->end_time);
	for (size_t i = 0; i < t->ncells; i++) {
		buf_putc(t->b, '\t');
		table_cell(t->b, t->cells[i]);
	}
	buf_putc(t->b, '\n');
}

static int too_large(struct err *e)
{
	return err_set(e, ERR_TOO_LARGE,
		       "the table would be larger than is shown at once");
}

static int fill_run(void *ctx, const struct run *r, struct err *e)
{
	struct table *t = ctx;

	arena_reset(&t->line);
	if (t->ncells)
		memset(t->cells, 0, t->ncells * sizeof(*t->cells));
	if (walk_run(t, r->row, fill_entry, fill_series, e))
		return -1;
	put_run(t, r);
	return buf_ok(t->b) ? 0 : too_large(e);
}

static int make_columns(struct table *t, struct err *e)
{
	for (int g = 0; g < GROUPS; g++) {
		set_sort(&t->sets[g]);
		t->first[g] = t->ncells;
		t->ncells += t->sets[g].n;
	}
	t->cells = calloc(t->ncells ? t->ncells : 1, sizeof(*t->cells));
	return t->cells ? 0 : too_large(e);
}

static void put_header(const struct table *t)
{
	buf_puts(t->b, "run_id\tname\tstatus\tstart_time\tend_time");
	for (int g = 0; g < GROUPS; g++) {
		for (size_t i = 0; i < t->sets[g].n; i++) {
			buf_putc(t->b, '\t');
			buf_puts(t->b, group_names[g]);
			table_cell(t->b, t->sets[g].slots[i]);
		}
	}
	buf_putc(t->b, '\n');
}

int render_runs_tsv(struct buf *b, struct reader *rd, int64_t experiment_row,
		    struct err *e)
{
	SCOPED(table_fini) struct table t = {.rd = rd, .b = b};

	arena_init(&t.keys, RUN_TABLE_KEYS);
	arena_init(&t.line, RUN_TABLE_LINE);
	if (run_each(rd, experiment_row, LIFE_ACTIVE, 0, see_run, &t, e) < 0 ||
	    make_columns(&t, e))
		return -1;
	put_header(&t);
	if (run_each(rd, experiment_row, LIFE_ACTIVE, 0, fill_run, &t, e) < 0)
		return -1;
	return buf_ok(b) ? 0 : too_large(e);
}
