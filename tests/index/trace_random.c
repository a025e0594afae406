/* SPDX-License-Identifier: Apache-2.0 */
/* Random filters over random traces that keep changing, against an evaluation
 * as plain as can be: above all, what is asked of spans in one AND is asked of
 * one span. Spans come in pieces, come again, and change. */
#include "indexer/index/search.h"
#include "tests/index/tracing.h"

enum {
	TRACES = 60,
	SPANS = 5,
	KEYS = 2,
	SEARCHES = 1500,
	DEPTH = 4,
	NODES = 99
};

struct span_model {
	bool there;
	const char *name, *type, *x; /* type, x: NULL where not there */
	int status;
};

struct model {
	char id[20];
	int64_t row;
	bool there;
	int experiment; /* 1 or 2 */
	int64_t time;
	int64_t duration; /* 0: none */
	int state;
	const char *tags[KEYS], *metadata[KEYS], *feedback;
	struct span_model spans[SPANS];
};

static struct fixture fx;
static struct columns *cols;
static struct model traces[TRACES];
static unsigned seed = 20261130;

static const char *const texts[] = {"", "a", "A", "ab", "abc", "b%", "10", "9"};
static const char *const names[] = {"a", "b", "ab"};
static const char *const types[] = {"LLM", "TOOL", NULL};
static const char *const statuses[] = {"UNSET", "OK", "ERROR"};
static const char *const tag_keys[] = {"t0", "t1"};
static const char *const meta_keys[] = {"m0", "m1"};

static int any(int n)
{
	return rand_r(&seed) % n;
}

static const char *any_text(void)
{
	return texts[any(8)];
}

static void did(int rc)
{
	if (rc < 0)
		ok(false, fx.e.msg);
}

/* --- traces ----------------------------------------------------------------
 */

static void put_span(struct model *t, size_t i, struct otlp_span *ret)
{
	struct span_model *s = &t->spans[i];

	*s = (struct span_model){true, names[any(3)], types[any(3)],
				 any(2) ? any_text() : NULL, any(3)};
	*ret = span(&fx.a, (struct span_of){
				   .id = i + 1,
				   .parent = 99,
				   .name = s->name,
				   .type = s->type,
				   .status = s->status,
				   .start = 1,
				   .end = 2,
				   .attributes = {{s->x ? "x" : NULL, s->x}}});
}

/* Some of its spans, new or once more. */
static void log_some(struct model *t)
{
	struct otlp_span s[SPANS];
	size_t n = 0;

	for (size_t i = 0; i < SPANS; i++)
		if (any(3) == 0)
			put_span(t, i, &s[n++]);
	if (n)
		did(fx_spans(&fx, "1", t->id, s, n));
}

static void set_tag(struct model *t, int k)
{
	t->tags[k] = any_text();
	did(fx_trace_tag(&fx, COMMAND_TRACE_TAG, t->id, tag_keys[k],
			 t->tags[k]));
}

static void assess(struct model *t)
{
	struct cmd_assessment_create *x =
		command_new(COMMAND_ASSESSMENT_CREATE);

	t->feedback = any_text();
	x->trace_id = str_from(t->id);
	x->assessment = (struct trace_assessment){
		.kind = {ASSESSMENT_FEEDBACK, true},
		.name = STR("f"),
		.value = str_from(arena_printf(&fx.a, "\"%s\"", t->feedback))};
	did(fx_apply(&fx, &x->c));
}

static void make_trace(struct model *t, int i)
{
	struct trace_of of = {.id = t->id};

	*t = (struct model){.there = true,
			    .experiment = 1 + any(2),
			    .time = any(6),
			    .duration = any(4),
			    .state = any(4)};
	snprintf(t->id, sizeof(t->id), "tr-%d", i);
	of.experiment = t->experiment == 1 ? "1" : "2";
	of.time = t->time;
	of.duration = t->duration;
	of.state = t->state;
	for (int k = 0; k < KEYS; k++)
		if (any(3)) {
			t->metadata[k] = any_text();
			of.metadata[count_of(of.metadata)] =
				kv(meta_keys[k], t->metadata[k]);
		}
	did(fx_trace(&fx, of));
	t->row = fx_see_trace(&fx, t->id).row;
	for (int k = 0; k < KEYS; k++)
		if (any(3))
			set_tag(t, k);
	if (any(3))
		log_some(t);
	if (any(3) == 0)
		assess(t);
}

static void delete_trace(struct model *t)
{
	struct cmd_trace_delete *x = command_new(COMMAND_TRACE_DELETE);
	struct str id = str_from(t->id);

	x->experiment_id = t->experiment == 1 ? STR("1") : STR("2");
	x->trace_ids = (struct field_list){&id, 1};
	did(fx_apply(&fx, &x->c));
	t->there = false;
}

static void change_trace(struct model *t)
{
	int k = any(KEYS);

	if (!t->there) {
		make_trace(t, (int)(t - traces));
	} else if (any(8) == 0) {
		delete_trace(t);
	} else if (any(2)) {
		log_some(t);
	} else if (t->tags[k] && any(2)) {
		did(fx_trace_tag(&fx, COMMAND_TRACE_UNTAG, t->id, tag_keys[k],
				 NULL));
		t->tags[k] = NULL;
	} else {
		set_tag(t, k);
	}
}

/* --- a random search -------------------------------------------------------
 */

struct random_search {
	struct expr nodes[NODES];
	struct expr_value values[NODES][2];
	size_t n;
	struct search s;
};

static const struct field_kind {
	enum expr_family family;
	const char *key;
	bool number;
} fields[] = {{FAMILY_ATTRIBUTE, "timestamp_ms", true},
	      {FAMILY_ATTRIBUTE, "execution_time_ms", true},
	      {FAMILY_ATTRIBUTE, "end_time_ms", true},
	      {FAMILY_ATTRIBUTE, "status", false},
	      {FAMILY_TAG, "t0", false},
	      {FAMILY_TAG, "t1", false},
	      {FAMILY_METADATA, "m0", false},
	      {FAMILY_METADATA, "m1", false},
	      {FAMILY_FEEDBACK, "f", false},
	      {FAMILY_SPAN, "name", false},
	      {FAMILY_SPAN, "type", false},
	      {FAMILY_SPAN, "status", false},
	      {FAMILY_SPAN_ATTRIBUTE, "x", false},
	      {FAMILY_SPAN, "name", false},
	      {FAMILY_SPAN_ATTRIBUTE, "x", false}};

static struct str text_for(const struct field_kind *f)
{
	bool of_span = f->family == FAMILY_SPAN;

	if (of_span && !strcmp(f->key, "name"))
		return str_from(names[any(3)]);
	if (of_span && !strcmp(f->key, "type"))
		return str_from(any(2) ? "LLM" : "UNKNOWN");
	if (of_span)
		return str_from(statuses[any(3)]);
	if (!strcmp(f->key, "status"))
		return str_from(trace_state_names[any(4)]);
	return str_from(any_text());
}

static struct expr *random_leaf(struct random_search *q)
{
	static const enum expr_cmp of_text[] = {
		CMP_EQ,     CMP_NE, CMP_LIKE,    CMP_ILIKE,
		CMP_NOT_IN, CMP_IN, CMP_IS_NULL, CMP_IS_NOT_NULL};
	static const enum expr_cmp of_number[] = {
		CMP_EQ, CMP_NE, CMP_LT,      CMP_LE,         CMP_GT,
		CMP_GE, CMP_IN, CMP_IS_NULL, CMP_IS_NOT_NULL};
	const struct field_kind *f =
		&fields[any(sizeof(fields) / sizeof(fields[0]))];
	struct expr *x = &q->nodes[q->n];
	struct expr_value *v = q->values[q->n++];

	*x = (struct expr){.op = EXPR_LEAF,
			   .family = f->family,
			   .key = str_from(f->key),
			   .values = v};
	x->cmp = f->number ? of_number[any(9)] : of_text[any(8)];
	x->nvalues = x->cmp == CMP_IN || x->cmp == CMP_NOT_IN ? 2 : 1;
	for (size_t i = 0; i < 2; i++) {
		v[i] = (struct expr_value){.is_number = f->number,
					   .is_integer = f->number,
					   .integer = any(8)};
		v[i].real = (double)v[i].integer;
		if (!f->number)
			v[i].text = text_for(f);
	}
	if (x->cmp == CMP_IS_NULL || x->cmp == CMP_IS_NOT_NULL)
		x->nvalues = 0;
	return x;
}

static struct expr *random_tree(struct random_search *q, int depth)
{
	static const enum expr_op ops[] = {EXPR_AND, EXPR_AND, EXPR_AND,
					   EXPR_OR, EXPR_NOT};
	struct expr *x;

	if (!depth || any(5) == 0)
		return random_leaf(q);
	x = &q->nodes[q->n++];
	*x = (struct expr){.op = ops[any(5)]};
	x->a = random_tree(q, depth - 1);
	if (x->op != EXPR_NOT)
		x->b = random_tree(q, depth - 1);
	return x;
}

/* --- plain evaluation ------------------------------------------------------
 */

/* What is there in a field: nothing, text or a number. */
struct has {
	bool there;
	const char *text; /* NULL: a number */
	int64_t v;
};

static struct has has_text(const char *s)
{
	return (struct has){s != NULL, s, 0};
}

static struct has of_trace(const struct model *t, const struct expr *x)
{
	int k = x->key.p[x->key.n - 1] == '1';

	if (x->family == FAMILY_TAG)
		return has_text(t->tags[k]);
	if (x->family == FAMILY_METADATA)
		return has_text(t->metadata[k]);
	if (x->family == FAMILY_FEEDBACK)
		return has_text(t->feedback);
	if (str_is(x->key, "status"))
		return has_text(trace_state_names[t->state]);
	if (str_is(x->key, "timestamp_ms"))
		return (struct has){true, NULL, t->time};
	if (str_is(x->key, "end_time_ms"))
		return (struct has){true, NULL, t->time + t->duration};
	return (struct has){t->duration != 0, NULL, t->duration};
}

static struct has of_span(const struct span_model *s, const struct expr *x)
{
	if (x->family == FAMILY_SPAN_ATTRIBUTE)
		return has_text(s->x);
	if (str_is(x->key, "name"))
		return has_text(s->name);
	if (str_is(x->key, "type"))
		return has_text(s->type ? s->type : "UNKNOWN");
	return has_text(statuses[s->status]);
}

static bool like(const char *p, const char *s, bool fold)
{
	if (!*p)
		return !*s;
	if (*p == '%')
		return like(p + 1, s, fold) || (*s && like(p, s + 1, fold));
	if (!*s)
		return false;
	if (fold ? (*p | 32) != (*s | 32) : *p != *s)
		return false;
	return like(p + 1, s + 1, fold);
}

static bool same(const struct has *h, const struct expr_value *v)
{
	return h->text ? str_is(v->text, h->text) : h->v == v->integer;
}

static bool holds(struct has h, const struct expr *x)
{
	const struct expr_value *v = x->values;

	if (x->cmp == CMP_IS_NULL)
		return !h.there;
	if (!h.there || x->cmp == CMP_IS_NOT_NULL)
		return h.there;
	switch (x->cmp) {
	case CMP_EQ:
		return same(&h, v);
	case CMP_NE:
		return !same(&h, v);
	case CMP_LT:
		return h.v < v->integer;
	case CMP_LE:
		return h.v <= v->integer;
	case CMP_GT:
		return h.v > v->integer;
	case CMP_GE:
		return h.v >= v->integer;
	case CMP_LIKE:
		return like(v->text.p, h.text, false);
	case CMP_ILIKE:
		return like(v->text.p, h.text, true);
	case CMP_IN:
		return same(&h, &v[0]) || same(&h, &v[1]);
	case CMP_NOT_IN:
		return !same(&h, &v[0]) && !same(&h, &v[1]);
	case CMP_RLIKE:
	case CMP_IS_NULL:
	case CMP_IS_NOT_NULL:
	default:
		return false;
	}
}

static bool of_spans(const struct expr *x)
{
	return x->op == EXPR_LEAF &&
	       (x->family == FAMILY_SPAN || x->family == FAMILY_SPAN_ATTRIBUTE);
}

/* The conjuncts of an AND that ask for a span. */
static size_t asked_of_spans(const struct expr *x, const struct expr **list,
			     size_t n)
{
	if (x->op == EXPR_AND)
		return asked_of_spans(x->b, list,
				      asked_of_spans(x->a, list, n));
	if (of_spans(x) && x->cmp != CMP_IS_NULL)
		list[n++] = x;
	return n;
}

static bool some_span(const struct model *t, const struct expr *const *list,
		      size_t n)
{
	for (size_t i = 0; i < SPANS; i++) {
		size_t k = 0;

		while (t->spans[i].there && k < n &&
		       holds(of_span(&t->spans[i], list[k]), list[k]))
			k++;
		if (t->spans[i].there && k == n)
			return true;
	}
	return false;
}

static bool plain(const struct model *t, const struct expr *x);

/* The conjuncts that ask for no span. */
static bool plain_rest(const struct model *t, const struct expr *x)
{
	if (x->op == EXPR_AND)
		return plain_rest(t, x->a) && plain_rest(t, x->b);
	if (of_spans(x) && x->cmp != CMP_IS_NULL)
		return true;
	return plain(t, x);
}

static bool plain(const struct model *t, const struct expr *x)
{
	const struct expr *list[NODES];
	struct expr there = *x;
	const struct expr *leaf = &there;
	size_t n;

	switch (x->op) {
	case EXPR_AND:
		n = asked_of_spans(x, list, 0);
		return plain_rest(t, x) && (!n || some_span(t, list, n));
	case EXPR_OR:
		return plain(t, x->a) || plain(t, x->b);
	case EXPR_NOT:
		return !plain(t, x->a);
	case EXPR_LEAF:
	default:
		break;
	}
	if (!of_spans(x))
		return holds(of_trace(t, x), x);
	if (x->cmp != CMP_IS_NULL)
		return some_span(t, &leaf, 1);
	there.cmp = CMP_IS_NOT_NULL;
	return !some_span(t, &leaf, 1);
}

/* --- comparing -------------------------------------------------------------
 */

/* Newest first, then by id. */
static int before(const void *pa, const void *pb)
{
	const struct model *a = *(const struct model *const *)pa;
	const struct model *b = *(const struct model *const *)pb;

	if (a->time != b->time)
		return a->time < b->time ? 1 : -1;
	return strcmp(a->id, b->id);
}

static size_t plain_search(struct random_search *q, const struct model **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < TRACES; i++) {
		const struct model *t = &traces[i];
		bool wanted = !q->s.experiment_ids || t->experiment == 2;

		if (t->there && wanted && plain(t, q->s.filter))
			ret[n++] = t;
	}
	qsort(ret, n, sizeof(*ret), before);
	return n;
}

static bool pages_agree(struct random_search *q, const struct model **want,
			size_t nwant)
{
	size_t at = 0;

	do {
		struct search_page page;

		if (search_traces(fx.rd, cols, &q->s, &fx.a, &page, &fx.e) <
		    0) {
			printf("# %s\n", fx.e.msg);
			return false;
		}
		if ((size_t)page.total != nwant || at + page.n > nwant)
			return false;
		for (size_t i = 0; i < page.n; i++)
			if (page.rows[i] != want[at++]->row)
				return false;
		q->s.token = page.next_token;
	} while (q->s.token.n);
	return at == nwant;
}

static bool search_agrees(void)
{
	static const struct str two = {"2", 1};
	const struct model *want[TRACES];
	struct random_search q = {.n = 0};
	size_t n;
	bool good;

	q.s.max = (size_t)(any(3) ? 1000 : 1 + any(20));
	if (any(3) == 0) {
		q.s.experiment_ids = &two;
		q.s.nexperiment_ids = 1;
	}
	q.s.filter = random_tree(&q, DEPTH);
	n = plain_search(&q, want);
	fx_begin(&fx);
	good = pages_agree(&q, want, n);
	fx_finish(&fx);
	arena_reset(&fx.a);
	return good;
}

int main(void)
{
	int wrong = 0;

	fx_start(&fx);
	cols = columns_new();
	fx_experiment(&fx, "one");
	fx_experiment(&fx, "two");
	for (int i = 0; i < TRACES; i++)
		make_trace(&traces[i], i);
	for (int i = 0; i < SEARCHES; i++) {
		if (any(4) == 0)
			change_trace(&traces[any(TRACES)]);
		if (!search_agrees() && wrong++ < 5)
			printf("# search %d\n", i);
	}
	is_i64(wrong, 0, "random searches find what plain evaluation finds");
	is_sound(&fx, "and the index is sound");
	columns_free(cols);
	fx_end(&fx);
	return tap_done();
}
