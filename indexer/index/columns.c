/* SPDX-License-Identifier: Apache-2.0 */
/* columns.c - see columns.h.
 *
 * Row ids of runs are given one after the other, so runs lie in an array by
 * row id. Those of experiments may be any number (they are public, and come
 * along when experiments are taken over), so experiments lie in order of
 * arrival, with an index by row id.
 */
#include "indexer/index/columns.h"

#include "indexer/base/scope.h"
#include "indexer/index/command.h"
#include "indexer/index/db.h"
#include "indexer/index/limits.h"

struct metric_column {
	struct metric_column *next;
	uint64_t *bits;
	size_t n;
	int64_t change; /* up to which it is read */
	size_t key_length;
	char key[];
};

enum { NOTHING_LOADED = -1 };

/* --- memory ------------------------------------------------------------ */

/* Room for n elements, zeroed; some more, so that it is seldom asked. */
static void *grow(void *p, size_t *cap, size_t n, size_t size)
{
	size_t old = *cap;
	char *grown;

	if (n <= old)
		return p;
	*cap = n + n / 4 + 64;
	grown = reallocarray(p, *cap, size);
	if (!grown)
		abort();
	memset(grown + old * size, 0, (*cap - old) * size);
	return grown;
}

static size_t metric_size(const struct metric_column *m)
{
	return sizeof(*m) + m->key_length + m->n * sizeof(*m->bits);
}

static void metric_free(struct metric_column *m)
{
	free(m->bits);
	free(m);
}

static void drop_metrics(struct columns *c)
{
	while (c->metrics) {
		struct metric_column *m = c->metrics;

		c->metrics = m->next;
		metric_free(m);
	}
	c->metric_bytes = 0;
}

static void forget(struct columns *c)
{
	drop_metrics(c);
	text_columns_clear(&c->texts);
	if (c->runs)
		memset(c->runs, 0, c->runs_cap * sizeof(*c->runs));
	c->nruns = 0;
	c->nexperiments = 0;
	columns_tables_clear(c->tables);
	c->change = NOTHING_LOADED;
}

struct columns *columns_new(void)
{
	struct columns *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	pthread_mutex_init(&c->lock, NULL);
	c->change = NOTHING_LOADED;
	return c;
}

void columns_free(struct columns *c)
{
	if (!c)
		return;
	drop_metrics(c);
	text_columns_clear(&c->texts);
	pthread_mutex_destroy(&c->lock);
	free(c->runs);
	free(c->experiments);
	free(c->by_row);
	columns_tables_free(c->tables);
	free(c);
}

/* --- experiments ------------------------------------------------------- */

/* Place of a row in by_row: where it is, or where it belongs. */
static size_t find_place(const struct columns *c, int64_t row)
{
	size_t low = 0;
	size_t high = c->nexperiments;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->experiments[c->by_row[mid]].row < row)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct experiment_entry *columns_experiment(const struct columns *c,
					    int64_t row)
{
	size_t place = find_place(c, row);
	struct experiment_entry *x;

	if (place == c->nexperiments)
		return NULL;
	x = &c->experiments[c->by_row[place]];
	return x->row == row ? x : NULL;
}

static struct experiment_entry *add_experiment(struct columns *c, int64_t row)
{
	size_t place = find_place(c, row);
	size_t n = c->nexperiments;
	size_t cap = c->experiments_cap;

	c->experiments =
		grow(c->experiments, &cap, n + 1, sizeof(*c->experiments));
	c->by_row =
		grow(c->by_row, &c->experiments_cap, n + 1, sizeof(*c->by_row));
	memmove(c->by_row + place + 1, c->by_row + place,
		(n - place) * sizeof(*c->by_row));
	c->by_row[place] = (uint32_t)n;
	c->nexperiments++;
	return &c->experiments[n];
}

static void set_experiment(struct columns *c, const struct cursor *q)
{
	int64_t row = cursor_i64(q, 0);
	struct experiment_entry *x = columns_experiment(c, row);

	if (!x)
		x = add_experiment(c, row);
	*x = (struct experiment_entry){.row = row,
				       .project = cursor_i64(q, 1),
				       .deleted = cursor_i64(q, 2) != 0,
				       .created = cursor_i64(q, 3),
				       .updated = cursor_i64(q, 4),
				       .present = true};
}

/* --- runs -------------------------------------------------------------- */

static uint64_t prefix_of(struct str id)
{
	uint64_t prefix = 0;

	for (size_t i = 0; i < sizeof(prefix); i++)
		prefix = prefix << 8 | (i < id.n ? (unsigned char)id.p[i] : 0);
	return prefix;
}

static int set_run(struct columns *c, const struct cursor *q, struct err *e)
{
	int64_t row = cursor_i64(q, 0);
	int64_t status = cursor_i64(q, 2);
	const struct experiment_entry *x =
		columns_experiment(c, cursor_i64(q, 1));

	if (row < 0 || (uint64_t)row >= c->nruns || !x ||
	    status < RUN_RUNNING || status > RUN_KILLED)
		return err_set(e, ERR_CORRUPT,
			       "index: a run of no experiment or status");
	c->runs[row] = (struct run_entry){
		.experiment = (uint32_t)(x - c->experiments),
		.status = (uint8_t)status,
		.deleted = cursor_i64(q, 3) != 0,
		.start_time = cursor_i64(q, 4),
		.end_time =
			cursor_null(q, 5) ? COLUMN_NO_TIME : cursor_i64(q, 5),
		.id_prefix = prefix_of(cursor_str(q, 6))};
	return 0;
}

/* --- bringing them up to date ------------------------------------------ */

/* What went to or from the trash is among the changed rows as well. */
static int read_removed(struct columns *c, struct db *db, enum thing thing,
			struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, STMT_COLUMNS_REMOVED,
			BINDS(B(c->change), B((int64_t)thing)), e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0) {
		int64_t row = cursor_i64(&q, 0);
		struct experiment_entry *x = columns_experiment(c, row);

		if (thing == THING_EXPERIMENT && x)
			x->present = false;
		if (thing == THING_RUN && row >= 0 && (uint64_t)row < c->nruns)
			c->runs[row].status = 0;
	}
	return rc;
}

static int read_experiments(struct columns *c, struct db *db, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, STMT_COLUMNS_EXPERIMENTS, BINDS(B(c->change)),
			e) < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		set_experiment(c, &q);
	return rc;
}

static int read_runs(struct columns *c, struct db *db, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t last = 0;
	int rc;

	if (db_find(db, STMT_COLUMNS_LAST_RUN, NO_BINDS, &last, e) < 0 ||
	    cursor_open(&q, db, STMT_COLUMNS_RUNS, BINDS(B(c->change)), e) < 0)
		return -1;
	if ((size_t)last + 1 > c->nruns) {
		c->runs = grow(c->runs, &c->runs_cap, (size_t)last + 1,
			       sizeof(*c->runs));
		c->nruns = (size_t)last + 1;
	}
	while ((rc = cursor_next(&q, e)) > 0)
		if (set_run(c, &q, e) < 0)
			return -1;
	return rc;
}

static int refresh(struct columns *c, struct reader *rd, struct err *e)
{
	struct db *db = reader_db(rd);

	if (c->epoch != reader_epoch(rd) || c->change < reader_forgotten(rd))
		forget(c);
	c->epoch = reader_epoch(rd);
	if (read_removed(c, db, THING_EXPERIMENT, e) < 0 ||
	    read_removed(c, db, THING_RUN, e) < 0 ||
	    read_experiments(c, db, e) < 0 || read_runs(c, db, e) < 0 ||
	    columns_tables_refresh(c->tables, db, c->change, e) < 0)
		return -1;
	c->change = reader_change(rd);
	return 0;
}

static int meet(struct columns *c, struct reader *rd, struct err *e)
{
	if (c->epoch == reader_epoch(rd) && c->change > reader_change(rd) &&
	    reader_renew(rd, e) < 0)
		return -1;
	if (c->epoch == reader_epoch(rd) && c->change == reader_change(rd))
		return 0;
	if (refresh(c, rd, e) == 0)
		return 0;
	forget(c);
	return -1;
}

int columns_lock(struct columns *c, struct reader *rd, struct err *e)
{
	pthread_mutex_lock(&c->lock);
	if (meet(c, rd, e) == 0)
		return 0;
	pthread_mutex_unlock(&c->lock);
	return -1;
}

void columns_unlock(struct columns *c)
{
	pthread_mutex_unlock(&c->lock);
}

/* --- metrics ----------------------------------------------------------- */

/* Take it out of the list; NULL where it is not there. */
static struct metric_column *take_metric(struct columns *c, struct str key)
{
	for (struct metric_column **at = &c->metrics; *at; at = &(*at)->next) {
		struct metric_column *m = *at;

		if (!str_eq(str_n(m->key, m->key_length), key))
			continue;
		*at = m->next;
		c->metric_bytes -= metric_size(m);
		return m;
	}
	return NULL;
}

static struct metric_column *new_metric(struct str key)
{
	struct metric_column *m = calloc(1, sizeof(*m) + key.n);

	if (!m)
		abort();
	m->change = NOTHING_LOADED;
	m->key_length = key.n;
	memcpy(m->key, key.p, key.n);
	return m;
}

static void stretch_metric(struct metric_column *m, size_t n)
{
	if (n <= m->n)
		return;
	m->bits = reallocarray(m->bits, n, sizeof(*m->bits));
	if (!m->bits)
		abort();
	memset(m->bits + m->n, 0xff, (n - m->n) * sizeof(*m->bits));
	m->n = n;
}

static void set_metric(struct metric_column *m, const struct cursor *q)
{
	int64_t row = cursor_i64(q, 0);
	uint64_t bits = (uint64_t)cursor_i64(q, 1);
	double v;

	memcpy(&v, &bits, sizeof(v));
	if (row >= 0 && (uint64_t)row < m->n)
		m->bits[row] = v != v ? METRIC_NAN : bits;
}

static int read_metric(struct metric_column *m, struct reader *rd,
		       struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	struct str key = str_n(m->key, m->key_length);
	int rc = m->change == NOTHING_LOADED
			 ? cursor_open(&q, reader_db(rd), STMT_COLUMNS_METRIC,
				       BINDS(B(key)), e)
			 : cursor_open(&q, reader_db(rd),
				       STMT_COLUMNS_METRIC_SINCE,
				       BINDS(B(m->change), B(key)), e);

	if (rc < 0)
		return -1;
	while ((rc = cursor_next(&q, e)) > 0)
		set_metric(m, &q);
	return rc;
}

/* Drop the last of the list, but never the first. */
static void keep_limit(struct columns *c)
{
	while (c->metric_bytes > LIMIT_COLUMN_CACHE && c->metrics->next) {
		struct metric_column **at = &c->metrics->next;

		while ((*at)->next)
			at = &(*at)->next;
		c->metric_bytes -= metric_size(*at);
		metric_free(*at);
		*at = NULL;
	}
}

int columns_metric(struct columns *c, struct reader *rd, struct str key,
		   const uint64_t **ret, struct err *e)
{
	struct metric_column *m = take_metric(c, key);

	if (!m)
		m = new_metric(key);
	stretch_metric(m, c->nruns);
	if (m->change != c->change && read_metric(m, rd, e) < 0) {
		metric_free(m);
		return -1;
	}
	m->change = c->change;
	m->next = c->metrics;
	c->metrics = m;
	c->metric_bytes += metric_size(m);
	keep_limit(c);
	*ret = m->bits;
	return 0;
}

int columns_text(struct columns *c, struct reader *rd,
		 const struct text_origin *from, bool load,
		 struct text_column **ret, struct err *e)
{
	struct text_now now = {
		.db = reader_db(rd), .nrows = c->nruns, .change = c->change};

	return text_columns_get(&c->texts, from, &now, load, ret, e);
}
