/* SPDX-License-Identifier: Apache-2.0 */
/* Random filters and orders over random runs that keep changing, against an
 * evaluation as plain as can be, by pages of random size. */
#include <math.h>

#include "indexer/base/scope.h"
#include "indexer/index/search.h"
#include "tests/index/fixture.h"

enum { RUNS = 120, KEYS = 3, SEARCHES = 1500, DEPTH = 3, NODES = 64 };

struct model {
	char id[40];
	int64_t row;
	int experiment; /* 1 or 2 */
	bool deleted;
	enum run_status status;
	int64_t start, end; /* end -1: none */
	const char *params[KEYS], *tags[KEYS];
	double metrics[KEYS];
	bool measured[KEYS];
};

static struct fixture fx;
static struct columns *cols;
static struct model runs[RUNS];
static unsigned seed = 20261121;
static int64_t step;

static const char *const texts[] = {"", "a", "A", "ab", "abc", "b%", "10", "9"};
static const double reals[] = {-1, -0.0, 0, 0.5, 2, 1e9, INFINITY, NAN};
static const char *const param_keys[] = {"p0", "p1", "p2"};
static const char *const tag_keys[] = {"t0", "t1", "t2"};
static const char *const metric_keys[] = {"m0", "m1", "m2"};

static int any(int n)
{
	return rand_r(&seed) % n;
}

static const char *any_text(void)
{
	return texts[any(8)];
}

/* --- runs -------------------------------------------------------------- */

static void log_metric(struct model *r, int k)
{
	r->metrics[k] = reals[any(8)];
	r->measured[k] = true;
	if (fx_metric(&fx, r->id, metric_keys[k], r->metrics[k], ++step) < 0)
		ok(false, fx.e.msg);
}

static void set_tag(struct model *r, int k)
{
	r->tags[k] = any_text();
	if (fx_tag(&fx, r->id, tag_keys[k], r->tags[k]) < 0)
		ok(false, fx.e.msg);
}

static void set_status(struct model *r)
{
	struct cmd_run_update *x = command_new(COMMAND_RUN_UPDATE);

	r->status = (enum run_status)(1 + any(5));
	r->end = any(5);
	x->run_id = str_from(r->id);
	x->status = (struct opt_i64){r->status, true};
	x->end_time = (struct opt_i64){r->end, true};
	if (fx_apply(&fx, &x->c) < 0)
		ok(false, fx.e.msg);
}

static void make_run(struct model *r)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);

	r->experiment = 1 + any(2);
	r->start = any(6);
	r->status = RUN_RUNNING;
	r->end = -1;
	x->experiment_id = r->experiment == 1 ? STR("1") : STR("2");
	x->start_time = (struct opt_i64){r->start, true};
	index_apply(fx.ix, &x->c, &fx.e);
	snprintf(r->id, sizeof(r->id), "%.*s", STR_ARG(x->ret_run_id));
	command_free(&x->c);
	r->row = fx_see_run(&fx, r->id).row;
	for (int k = 0; k < KEYS; k++) {
		if (any(3)) {
			r->params[k] = any_text();
			fx_param(&fx, r->id, param_keys[k], r->params[k]);
		}
		if (any(3))
			set_tag(r, k);
		if (any(3))
			log_metric(r, k);
	}
	if (any(2))
		set_status(r);
}

static void change_run(struct model *r)
{
	int k = any(KEYS);

	if (any(4) == 0) {
		fx_on_run(&fx,
			  r->deleted ? COMMAND_RUN_RESTORE : COMMAND_RUN_DELETE,
			  r->id);
		r->deleted = !r->deleted;
	}
	if (r->deleted)
		return;
	log_metric(r, k);
	if (any(2)) {
		set_tag(r, k);
	} else if (r->tags[k]) {
		fx_untag(&fx, r->id, tag_keys[k]);
		r->tags[k] = NULL;
	}
	if (any(4) == 0)
		set_status(r);
}

/* --- a random search --------------------------------------------------- */

struct random_search {
	struct expr nodes[NODES];
	struct expr_value values[NODES][2];
	size_t n;
	struct expr_order order[3];
	struct search s;
};

static enum expr_family random_field(struct str *key, bool *number)
{
	static const char *const attributes[] = {"status", "start_time",
						 "end_time"};
	int k = any(KEYS);

	*number = false;
	switch (any(4)) {
	case 0:
		*key = str_from(param_keys[k]);
		return FAMILY_PARAM;
	case 1:
		*key = str_from(tag_keys[k]);
		return FAMILY_TAG;
	case 2:
		*number = true;
		*key = str_from(metric_keys[k]);
		return FAMILY_METRIC;
	default:
		*number = k > 0;
		*key = str_from(attributes[k]);
		return FAMILY_ATTRIBUTE;
	}
}

static void random_value(const struct expr *leaf, bool number,
			 struct expr_value *v)
{
	*v = (struct expr_value){.is_number = number};
	if (leaf->family == FAMILY_METRIC) {
		v->real = reals[any(8)];
	} else if (number) {
		v->integer = any(6);
		v->real = (double)v->integer;
		v->is_integer = true;
	} else {
		v->text = str_from(str_is(leaf->key, "status")
					   ? run_status_names[1 + any(5)]
					   : any_text());
	}
}

static struct expr *random_leaf(struct random_search *q)
{
	static const enum expr_cmp of_text[] = {
		CMP_EQ,     CMP_NE, CMP_LIKE,    CMP_ILIKE,
		CMP_NOT_IN, CMP_IN, CMP_IS_NULL, CMP_IS_NOT_NULL};
	static const enum expr_cmp of_number[] = {
		CMP_EQ, CMP_NE, CMP_LT,      CMP_LE,         CMP_GT,
		CMP_GE, CMP_IN, CMP_IS_NULL, CMP_IS_NOT_NULL};
	struct expr *x = &q->nodes[q->n];
	struct expr_value *v = q->values[q->n++];
	bool number;

	*x = (struct expr){.op = EXPR_LEAF};
	x->family = random_field(&x->key, &number);
	x->cmp = number ? of_number[any(9)] : of_text[any(8)];
	x->nvalues = x->cmp == CMP_IN || x->cmp == CMP_NOT_IN ? 2 : 1;
	for (size_t i = 0; i < x->nvalues; i++)
		random_value(x, number, &v[i]);
	x->values = v;
	if (x->cmp == CMP_IS_NULL || x->cmp == CMP_IS_NOT_NULL)
		x->nvalues = 0;
	return x;
}

static struct expr *random_tree(struct random_search *q, int depth)
{
	struct expr *x;

	if (!depth || any(4) == 0)
		return random_leaf(q);
	x = &q->nodes[q->n++];
	*x = (struct expr){.op = (enum expr_op)any(3)};
	x->a = random_tree(q, depth - 1);
	if (x->op != EXPR_NOT)
		x->b = random_tree(q, depth - 1);
	return x;
}

static void random_order(struct random_search *q)
{
	size_t n = (size_t)any(4);

	for (size_t i = 0; i < n; i++) {
		struct expr_order *o = &q->order[q->s.norder];
		bool number;
		bool twice = false;

		o->family = random_field(&o->key, &number);
		o->descending = any(2);
		for (size_t k = 0; k < q->s.norder; k++)
			twice |= str_eq(q->order[k].key, o->key);
		q->s.norder += !twice;
	}
	q->s.order = q->order;
}

/* --- plain evaluation -------------------------------------------------- */

/* What a run has in a field: nothing, text or a number. */
struct has {
	bool there;
	const char *text; /* NULL: a number */
	double v;
};

static struct has field_of(const struct model *r, enum expr_family family,
			   struct str key)
{
	int k = key.p[1] - '0';

	switch (family) {
	case FAMILY_PARAM:
		return (struct has){r->params[k] != NULL, r->params[k], 0};
	case FAMILY_TAG:
		return (struct has){r->tags[k] != NULL, r->tags[k], 0};
	case FAMILY_METRIC:
		return (struct has){r->measured[k], NULL, r->metrics[k]};
	case FAMILY_ATTRIBUTE:
	case FAMILY_DATASET:
	case FAMILY_METADATA:
	case FAMILY_SPAN:
	case FAMILY_SPAN_ATTRIBUTE:
	case FAMILY_FEEDBACK:
	case FAMILY_EXPECTATION:
	case FAMILY_ISSUE:
	case FAMILY_ASSESSMENT:
	default:
		break;
	}
	if (str_is(key, "status"))
		return (struct has){true, run_status_names[r->status], 0};
	if (str_is(key, "start_time"))
		return (struct has){true, NULL, (double)r->start};
	return (struct has){r->end >= 0, NULL, (double)r->end};
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
	if (h->text)
		return str_is(v->text, h->text);
	return h->v == v->real || (isnan(h->v) && isnan(v->real));
}

static bool plain_leaf(const struct model *r, const struct expr *x)
{
	struct has h = field_of(r, x->family, x->key);
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
		return h.v < v->real;
	case CMP_LE:
		return h.v <= v->real;
	case CMP_GT:
		return h.v > v->real;
	case CMP_GE:
		return h.v >= v->real;
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

static bool plain(const struct model *r, const struct expr *x)
{
	switch (x->op) {
	case EXPR_AND:
		return plain(r, x->a) && plain(r, x->b);
	case EXPR_OR:
		return plain(r, x->a) || plain(r, x->b);
	case EXPR_NOT:
		return !plain(r, x->a);
	case EXPR_LEAF:
	default:
		return plain_leaf(r, x);
	}
}

static int class_of(const struct has *h)
{
	return !h->there ? 2 : !h->text && isnan(h->v);
}

static int plain_order(const struct model *a, const struct model *b,
		       const struct expr_order *o)
{
	struct has ha = field_of(a, o->family, o->key);
	struct has hb = field_of(b, o->family, o->key);
	int order = class_of(&ha) - class_of(&hb);

	if (order || class_of(&ha))
		return order;
	order = ha.text ? strcmp(ha.text, hb.text)
			: (ha.v > hb.v) - (ha.v < hb.v);
	return o->descending ? -order : order;
}

static int plain_before(const void *pa, const void *pb, void *arg)
{
	const struct model *a = *(const struct model *const *)pa;
	const struct model *b = *(const struct model *const *)pb;
	const struct random_search *q = arg;

	for (size_t i = 0; i < q->s.norder; i++) {
		int order = plain_order(a, b, &q->order[i]);

		if (order)
			return order;
	}
	if (a->start != b->start)
		return a->start < b->start ? 1 : -1;
	return strcmp(a->id, b->id);
}

static size_t plain_search(struct random_search *q, const struct model **ret)
{
	size_t n = 0;

	for (size_t i = 0; i < RUNS; i++) {
		const struct model *r = &runs[i];
		bool wanted = !q->s.experiment_ids || r->experiment == 2;

		if (q->s.view != VIEW_ALL)
			wanted &= r->deleted == (q->s.view == VIEW_DELETED);
		if (wanted && (!q->s.filter || plain(r, q->s.filter)))
			ret[n++] = r;
	}
	qsort_r(ret, n, sizeof(*ret), plain_before, q);
	return n;
}

/* --- comparing --------------------------------------------------------- */

static bool pages_agree(struct random_search *q, const struct model **want,
			size_t nwant)
{
	size_t at = 0;

	do {
		struct search_page page;

		if (search_runs(fx.rd, cols, &q->s, &fx.a, &page, &fx.e) < 0) {
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
	const struct model *want[RUNS];
	struct random_search q = {.n = 0};
	size_t n;
	bool good;

	q.s.max = (size_t)(any(3) ? 1000 : 1 + any(40));
	q.s.view = (enum view)any(3);
	if (any(3) == 0) {
		q.s.experiment_ids = &two;
		q.s.nexperiment_ids = 1;
	}
	if (any(8))
		q.s.filter = random_tree(&q, DEPTH);
	random_order(&q);
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
	for (int i = 0; i < RUNS; i++)
		make_run(&runs[i]);
	for (int i = 0; i < SEARCHES; i++) {
		if (any(4) == 0)
			change_run(&runs[any(RUNS)]);
		if (!search_agrees() && wrong++ < 5)
			printf("# search %d\n", i);
	}
	is_i64(wrong, 0, "random searches find what plain evaluation finds");
	columns_free(cols);
	fx_end(&fx);
	return tap_done();
}
