/* SPDX-License-Identifier: Apache-2.0 */
/* trace_spans.c - spans come to traces.
 *
 * A span that is there already, by its id, is replaced where it lies; others
 * go behind the last, into the last block while that is small. So each block
 * is packed anew a bounded number of times, and a replay changes nothing: it
 * packs to the very same bytes. Beside the blocks, each with the ids of its
 * spans, stands a count per name, type and status (trace_span), for searches.
 */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/apply.h"
#include "indexer/index/experiment.h"
#include "indexer/index/span_block.h"
#include "indexer/index/span_text.h"
#include "indexer/index/trace_write.h"
#include "indexer/index/values.h"

enum {
	ID_BYTES = 8,
	OTEL_BYTES = 16,
	BLOCK_SPANS = 128,       /* then the next one is begun */
	BLOCK_BYTES = 256 << 10, /* packed */
	MERGE_ARENA = 256 << 20, /* blocks unpacked for one command */
	IDS_MAX = ID_BYTES * BLOCK_SPANS,
};

/* One command's spans of one trace. */
struct merge {
	struct writer *w;
	struct arena arena;
	struct trace_ref t;
	struct otlp_span *came, *went; /* each id once */
	size_t ncame, nwent, went_cap;
	bool *placed;    /* of those that came: they replaced one */
	uint32_t *slots; /* places in came, plus 1, by id */
	size_t nslots;
	/* The last block, where it is small; seq 0: there is none. */
	int64_t last_seq;
	bool last_small;
	bool changed;
};

static void merge_fini(struct merge *m)
{
	arena_fini(&m->arena);
	free(m->came);
	free(m->went);
	free(m->placed);
	free(m->slots);
}

/* --- by id --------------------------------------------------------------- */

/* Of the slot that holds this id, or where it belongs. */
static uint32_t *slot_of_id(struct merge *m, const char *id)
{
	size_t at = str_hash(str_n(id, ID_BYTES)) & (m->nslots - 1);

	while (m->slots[at] &&
	       memcmp(m->came[m->slots[at] - 1].span_id.p, id, ID_BYTES) != 0)
		at = (at + 1) & (m->nslots - 1);
	return &m->slots[at];
}

/* Where the same id comes twice the last one counts. */
static void merge_init(struct merge *m, const struct otlp_span *spans, size_t n)
{
	m->nslots = 16;
	while (m->nslots < 2 * n)
		m->nslots *= 2;
	m->slots = calloc(m->nslots, sizeof(*m->slots));
	m->came = calloc(n + 1, sizeof(*m->came));
	m->placed = calloc(n + 1, sizeof(*m->placed));
	if (!m->slots || !m->came || !m->placed)
		abort();
	arena_init(&m->arena, MERGE_ARENA);
	for (size_t i = 0; i < n; i++) {
		uint32_t *slot = slot_of_id(m, spans[i].span_id.p);

		if (!*slot)
			*slot = (uint32_t)++m->ncame;
		m->came[*slot - 1] = spans[i];
	}
}

static void add_went(struct merge *m, const struct otlp_span *span)
{
	if (m->nwent == m->went_cap) {
		m->went_cap = m->went_cap ? 2 * m->went_cap : 64;
		m->went = reallocarray(m->went, m->went_cap, sizeof(*m->went));
		if (!m->went)
			abort();
	}
	m->went[m->nwent++] = *span;
}

/* --- blocks -------------------------------------------------------------- */

struct block {
	int64_t seq;
	struct str ids, data;
};

static struct span_codec *codec(struct writer *w)
{
	if (!w->spans)
		w->spans = span_codec_new();
	return w->spans;
}

static bool has_any(struct merge *m, struct str ids)
{
	for (size_t i = 0; i + ID_BYTES <= ids.n; i += ID_BYTES)
		if (*slot_of_id(m, ids.p + i))
			return true;
	return false;
}

static void put_ids(struct buf *b, const struct otlp_span *spans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		buf_add(b, spans[i].span_id.p, ID_BYTES);
}

static int write_block(struct merge *m, enum stmt_id id, int64_t seq,
		       const struct otlp_span *spans, size_t n, struct err *e)
{
	SCOPED(buf_fini) struct buf data;
	SCOPED(buf_fini) struct buf ids;

	buf_init(&data, 2 * (size_t)SPAN_BLOCK_RAW);
	buf_init(&ids, 2 * IDS_MAX);
	put_ids(&ids, spans, n);
	if (span_block_pack(codec(m->w), spans, n, &data, e) < 0)
		return -1;
	if (!buf_ok(&data) || !buf_ok(&ids))
		return err_set(e, ERR_TOO_LARGE, "too many spans at once");
	if (db_exec(&m->w->db, id,
		    BINDS(B(m->t.row), B(seq), BLOB(buf_view(&ids)),
			  BLOB(buf_view(&data))),
		    e) < 0)
		return -1;
	m->changed |= db_changes(&m->w->db) > 0;
	return 0;
}

/* Unpacked, with room at the end for others. */
static int open_block(struct merge *m, const struct block *b,
		      struct otlp_span ret[BLOCK_SPANS], size_t *ret_n,
		      struct err *e)
{
	struct otlp_span *spans;

	if (span_block_unpack(codec(m->w), b->data, &m->arena, &spans, ret_n,
			      e) < 0)
		return -1;
	if (*ret_n > BLOCK_SPANS || *ret_n * ID_BYTES != b->ids.n)
		return err_set(e, ERR_CORRUPT,
			       "stored spans are damaged: of another number");
	memcpy(ret, spans, *ret_n * sizeof(*ret));
	return 0;
}

/* Those that came again replace what was; with whole, others go. The number of
 * those left. */
static size_t replace(struct merge *m, struct otlp_span *spans, size_t n,
		      bool whole)
{
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		uint32_t at = *slot_of_id(m, spans[i].span_id.p);

		if (at || whole)
			add_went(m, &spans[i]);
		if (at)
			m->placed[at - 1] = true;
		if (at || !whole)
			spans[left++] = at ? m->came[at - 1] : spans[i];
	}
	return left;
}

static int replace_in(struct merge *m, const struct block *b, bool whole,
		      struct err *e)
{
	struct otlp_span spans[BLOCK_SPANS];
	size_t n;

	if (open_block(m, b, spans, &n, e) < 0)
		return -1;
	n = replace(m, spans, n, whole);
	if (n)
		return write_block(m, STMT_TRACE_BLOCK_SET, b->seq, spans, n,
				   e);
	m->changed = true;
	m->last_small = false;
	return db_exec(&m->w->db, STMT_TRACE_BLOCK_DELETE,
		       BINDS(B(m->t.row), B(b->seq)), e);
}

/* The first block behind a place, copied into the arena; data only where it
 * is wanted. 1, or 0 behind the last. */
static int next_block(struct merge *m, int64_t after, bool whole,
		      struct block *b, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &m->w->db, STMT_TRACE_BLOCK_NEXT,
			BINDS(B(m->t.row), B(after)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	*b = (struct block){.seq = cursor_i64(&q, 0), .ids = cursor_str(&q, 1)};
	m->last_seq = b->seq;
	m->last_small = b->ids.n < (size_t)ID_BYTES * BLOCK_SPANS &&
			cursor_i64(&q, 2) < BLOCK_BYTES;
	if (!whole && !has_any(m, b->ids))
		return 1;
	if (cursor_copy(&q, 1, &m->arena, &b->ids, e) < 0 ||
	    cursor_copy(&q, 3, &m->arena, &b->data, e) < 0)
		return -1;
	return 1;
}

/* What is there and comes again is replaced; with whole the rest goes. */
static int look_through(struct merge *m, bool whole, struct err *e)
{
	struct block b = {.seq = 0};
	int rc;

	while ((rc = next_block(m, b.seq, whole, &b, e)) > 0) {
		if (b.data.n && replace_in(m, &b, whole, e) < 0)
			return -1;
	}
	return rc;
}

/* --- those that are new -------------------------------------------------- */

/* A block that is too large in one is made several. */
static int add_blocks(struct merge *m, const struct otlp_span *spans, size_t n,
		      struct err *e)
{
	int rc = write_block(m, STMT_TRACE_BLOCK_ADD, m->last_seq + 1, spans, n,
			     e);

	if (rc == 0)
		m->last_seq++;
	if (rc == 0 || e->kind != ERR_TOO_LARGE || n < 2)
		return rc;
	err_clear(e);
	if (add_blocks(m, spans, n / 2, e) < 0)
		return -1;
	return add_blocks(m, spans + n / 2, n - n / 2, e);
}

/* As many as fit into the last block; *ret_n how many. */
static int fill_last(struct merge *m, const struct otlp_span *fresh, size_t n,
		     size_t *ret_n, struct err *e)
{
	struct otlp_span spans[BLOCK_SPANS];
	struct block b;
	size_t old;

	*ret_n = 0;
	if (next_block(m, m->last_seq - 1, true, &b, e) < 0 ||
	    open_block(m, &b, spans, &old, e) < 0)
		return -1;
	if (n > BLOCK_SPANS - old)
		n = BLOCK_SPANS - old;
	memcpy(spans + old, fresh, n * sizeof(*fresh));
	if (write_block(m, STMT_TRACE_BLOCK_SET, b.seq, spans, old + n, e) ==
	    0) {
		*ret_n = n;
		return 0;
	}
	return e->kind == ERR_TOO_LARGE ? 0 : -1;
}

static int append(struct merge *m, const struct otlp_span *fresh, size_t n,
		  struct err *e)
{
	size_t done = 0;

	if (n && m->last_seq && m->last_small &&
	    fill_last(m, fresh, n, &done, e) < 0)
		return -1;
	while (done < n) {
		size_t some = n - done < BLOCK_SPANS ? n - done : BLOCK_SPANS;

		if (add_blocks(m, fresh + done, some, e) < 0)
			return -1;
		done += some;
	}
	return 0;
}

/* Those that came and replaced none. */
static int append_rest(struct merge *m, struct err *e)
{
	SCOPED_FREE struct otlp_span *fresh =
		calloc(m->ncame + 1, sizeof(*fresh));
	size_t n = 0;

	if (!fresh)
		abort();
	for (size_t i = 0; i < m->ncame; i++)
		if (!m->placed[i])
			fresh[n++] = m->came[i];
	return append(m, fresh, n, e);
}

/* --- kinds of spans ------------------------------------------------------ */

/* Add so many times what these spans are. */
static int count_kinds(struct merge *m, const struct otlp_span *spans, size_t n,
		       int64_t times, struct err *e)
{
	struct span_kind *k;
	size_t nkinds = span_kinds(spans, n, &k);
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < nkinds; i++)
		rc = db_exec(&m->w->db, STMT_TRACE_SPAN_COUNT,
			     BINDS(B(m->t.row), B(k[i].name), B(k[i].type),
				   B(k[i].status), B(times * k[i].count)),
			     e);
	free(k);
	return rc;
}

static int recount_kinds(struct merge *m, struct err *e)
{
	if (count_kinds(m, m->came, m->ncame, 1, e) < 0 ||
	    count_kinds(m, m->went, m->nwent, -1, e) < 0)
		return -1;
	return db_exec(&m->w->db, STMT_TRACE_SPAN_NONE, BINDS(B(m->t.row)), e);
}

static int count_spans(struct merge *m, struct err *e)
{
	int64_t more = (int64_t)m->ncame - (int64_t)m->nwent;

	if (m->t.spans + more > LIMIT_TRACE_SPANS)
		return err_set(e, ERR_TOO_LARGE, "a trace has at most %d spans",
			       LIMIT_TRACE_SPANS);
	m->w->totals.spans += more;
	return db_exec(&m->w->db, STMT_TRACE_SPANS,
		       BINDS(B(m->t.row), B(m->t.spans + more)), e);
}

/* --- the command --------------------------------------------------------- */

static int check_span(const struct otlp_span *s, struct err *e)
{
	if (s->span_id.n != ID_BYTES ||
	    (s->parent_span_id.n && s->parent_span_id.n != ID_BYTES))
		return err_set(e, ERR_INVALID,
			       "a span's id, and that of its parent, has %d "
			       "bytes",
			       ID_BYTES);
	if (s->name.n > LIMIT_SPAN_NAME)
		return err_set(e, ERR_INVALID,
			       "a span's name has at most %d bytes",
			       LIMIT_SPAN_NAME);
	if (s->status.code < OTLP_UNSET || s->status.code > OTLP_ERROR)
		return err_set(e, ERR_INVALID, "a span's status is unknown");
	return check_text(s->name, "name", e);
}

static int check_spans(const struct cmd_trace_spans *x, struct err *e)
{
	size_t n = 0;

	for (size_t i = 0; i < x->ntraces; i++) {
		n += x->traces[i].n;
		if (n > LIMIT_BATCH_SPANS)
			return err_set(e, ERR_INVALID,
				       "at most %d spans come at once",
				       LIMIT_BATCH_SPANS);
		for (size_t k = 0; k < x->traces[i].n; k++)
			if (check_span(&x->traces[i].spans[k], e) < 0)
				return -1;
	}
	return 0;
}

/* A new trace in the experiment that was named. */
static int add_trace(struct writer *w, struct cmd_trace_spans *x,
		     const struct trace_spans *t, struct trace_ref *ret,
		     struct err *e)
{
	struct experiment_ref in;
	struct trace_new made = {.id = t->trace_id};

	if (trace_check_id(t->trace_id, e) < 0 ||
	    writer_experiment_active(w, &x->c, x->experiment_id, &in, e) < 0)
		return -1;
	made.experiment = in.row;
	made.project = in.project;
	trace_outline(t->spans, t->n, &made);
	return trace_add(w, &made, ret, e);
}

static int find_trace(struct merge *m, struct cmd_trace_spans *x,
		      const struct trace_spans *t, struct err *e)
{
	int rc = writer_trace_find(m->w, &x->c.who, t->trace_id, &m->t, e);

	if (rc < 0)
		return -1;
	if (rc > 0 || x->whole)
		return writer_trace(m->w, &x->c.who, t->trace_id, &m->t, e);
	m->changed = true;
	return add_trace(m->w, x, t, &m->t, e);
}

/* The spans' own id of the trace, where the public one does not say it. */
static int remember_id(struct merge *m, struct str id, struct err *e)
{
	struct str otel = m->came[0].trace_id;
	char says[3 + 2 * OTEL_BYTES + 1] = "tr-";

	if (m->t.has_otel || otel.n != OTEL_BYTES)
		return 0;
	hex_encode(otel.p, OTEL_BYTES, says + 3);
	if (str_is(id, says))
		return 0;
	m->changed = true;
	return db_exec(&m->w->db, STMT_TRACE_OTEL,
		       BINDS(B(m->t.row), BLOB(otel)), e);
}

static int summarize(struct merge *m, const struct cmd_trace_spans *x,
		     struct err *e)
{
	const struct span_change change = {m->came, m->went, m->ncame,
					   m->nwent};
	int tag = 0;
	int rc = trace_summarize(m->w, &m->t, &change, e);

	if (rc >= 0 && x->location.n)
		tag = trace_set_tag(m->w, m->t.row,
				    STR("mlflow.trace.spansLocation"),
				    x->location, e);
	if (rc < 0 || tag < 0)
		return -1;
	m->changed |= rc || tag;
	return m->changed ? trace_touch(m->w, m->t.row, e) : 0;
}

static int log_spans(struct writer *w, struct cmd_trace_spans *x,
		     const struct trace_spans *t, struct err *e)
{
	SCOPED(merge_fini) struct merge m = {.w = w};

	merge_init(&m, t->spans, t->n);
	if (find_trace(&m, x, t, e) < 0 || look_through(&m, x->whole, e) < 0 ||
	    append_rest(&m, e) < 0 || recount_kinds(&m, e) < 0 ||
	    count_spans(&m, e) < 0)
		return -1;
	if (m.ncame && remember_id(&m, t->trace_id, e) < 0)
		return -1;
	return summarize(&m, x, e);
}

int apply_trace_spans(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_trace_spans *x = (struct cmd_trace_spans *)c;

	if (check_spans(x, e) < 0)
		return -1;
	for (size_t i = 0; i < x->ntraces; i++)
		if ((x->traces[i].n || x->whole) &&
		    log_spans(w, x, &x->traces[i], e) < 0)
			return -1;
	return 0;
}
