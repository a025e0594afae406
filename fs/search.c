/* SPDX-License-Identifier: Apache-2.0 */
/* search.c - see search.h. */
#include "fs/search.h"

#include <stdlib.h>

#include "fs/tree.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/limits.h"
#include "indexer/index/registry.h"
#include "indexer/index/search.h"
#include "indexer/query/mlflow.h"
#include "indexer/query/sentence.h"

struct kept {
	struct arena arena;
	enum search_about about;
	struct str name;
	int64_t change, at; /* as of; monotonic ms */
	struct search_result result;
};

struct searches {
	pthread_mutex_t mu;
	/* guarded by mu: */
	struct columns *columns;
	int64_t generation;             /* of the index that all of it is of */
	struct kept *kept[FS_SEARCHES]; /* most recently used first */
	/* under its own: */
	struct problems refused;
};

/* --- the kinds ------------------------------------------------------------ */

/* Names a row; ret in a. Rows are of the snapshot: each is there. */
typedef int hit_fn(struct fs_call *c, int64_t row, struct arena *a,
		   struct search_hit *ret, struct err *e);
typedef int search_fn(struct reader *rd, struct columns *cols,
		      const struct search *s, struct arena *a,
		      struct search_page *ret, struct err *e);

static struct str printed(const char *text)
{
	return text ? str_from(text) : STR_NONE;
}

static int run_hit(struct fs_call *c, int64_t row, struct arena *a,
		   struct search_hit *ret, struct err *e)
{
	struct run r;
	struct experiment x;

	if (run_by_row(c->rd, row, &c->arena, &r, e) ||
	    experiment_by_row(c->rd, r.experiment_row, &c->arena, &x, e))
		return -1;
	ret->name = printed(
		arena_printf(a, "%.*s~%.*s", STR_ARG(x.dir), STR_ARG(r.dir)));
	ret->target =
		printed(arena_printf(a, "../../../experiments/%.*s/runs/%.*s",
				     STR_ARG(x.dir), STR_ARG(r.dir)));
	ret->id = arena_str(a, r.id);
	ret->mtime = r.modified;
	return 0;
}

static int model_hit(struct fs_call *c, int64_t row, struct arena *a,
		     struct search_hit *ret, struct err *e)
{
	struct registered_model m;

	if (registered_model_by_row(c->rd, row, &c->arena, &m, e))
		return -1;
	ret->name = arena_str(a, m.dir);
	ret->target = printed(
		arena_printf(a, "../../../models/%.*s", STR_ARG(m.dir)));
	ret->id = ret->name;
	ret->mtime = m.modified;
	return 0;
}

static int version_hit(struct fs_call *c, int64_t row, struct arena *a,
		       struct search_hit *ret, struct err *e)
{
	struct registered_model m;
	struct model_version v;

	if (model_version_by_row(c->rd, row, &c->arena, &v, e) ||
	    registered_model_by_row(c->rd, v.model_row, &c->arena, &m, e))
		return -1;
	ret->name = printed(arena_printf(a, "%.*s~%.*s", STR_ARG(m.dir),
					 STR_ARG(v.version)));
	ret->target =
		printed(arena_printf(a, "../../../models/%.*s/versions/%.*s",
				     STR_ARG(m.dir), STR_ARG(v.version)));
	ret->id = printed(arena_printf(a, "%lld", (long long)row));
	ret->mtime = v.modified;
	return 0;
}

static const struct about {
	const struct vocabulary *vocabulary;
	search_fn *search;
	hit_fn *hit;
} abouts[SEARCHES] = {
	[SEARCH_RUNS] = {&vocabulary_runs, search_runs, run_hit},
	[SEARCH_MODELS] = {&vocabulary_models, search_registered_models,
			   model_hit},
	[SEARCH_VERSIONS] = {&vocabulary_versions, search_model_versions,
			     version_hit},
};

/* --- sentences ------------------------------------------------------------ */

static int parse_order(const struct sentence *w, const struct about *about,
		       struct arena *a, struct search *ret, struct err *e)
{
	struct expr_order *order =
		arena_array(a, SENTENCE_ITEMS, sizeof(*order));

	if (!order)
		return arena_full(a, e);
	for (size_t i = 0; i < w->norder; i++) {
		if (mlflow_order_parse(w->order[i], about->vocabulary, a,
				       &order[i], e))
			return -1;
	}
	ret->order = order;
	ret->norder = w->norder;
	return 0;
}

static int parse(struct arena *a, enum search_about about, struct str name,
		 struct search *ret, int64_t *ret_offset, struct err *e)
{
	const struct about *k = &abouts[about];
	char *text = arena_alloc(a, name.n + 1);
	struct expr *filter = NULL;
	struct sentence w;

	if (!text)
		return arena_full(a, e);
	*ret = (struct search){.view = VIEW_ACTIVE};
	ret->bound = str_n(text, sentence_from_name(name, text));
	if (!utf8_valid(ret->bound))
		return err_set(e, ERR_INVALID, "a search must be UTF-8");
	if (sentence_parse(ret->bound, &w, e) ||
	    mlflow_filter_parse(w.filter, k->vocabulary, a, &filter, e) ||
	    parse_order(&w, k, a, ret, e))
		return -1;
	ret->filter = filter;
	ret->max = (size_t)(w.offset + w.limit);
	*ret_offset = w.offset;
	return 0;
}

/* A shell says no more than "Invalid argument": .errors has the rest. */
static int refuse(struct fs_call *c, struct str name, const struct err *e)
{
	if (e->kind == ERR_INVALID)
		problems_add(searches_refused(c->fs->searches), name, e->msg);
	return -1;
}

/* Programs look for dot files wherever they come: no search begins so. */
int search_check(struct fs_call *c, enum search_about about, struct str name,
		 struct err *e)
{
	struct search s;
	int64_t offset;

	if (!name.n || name.p[0] == '.')
		return err_set(e, ERR_NOT_FOUND, "no search begins with '.'");
	return parse(&c->arena, about, name, &s, &offset, e)
		       ? refuse(c, name, e)
		       : 0;
}

/* --- results -------------------------------------------------------------- */

static void kept_free(struct kept *k)
{
	if (!k)
		return;
	arena_fini(&k->arena);
	free(k);
}

static int by_name(const void *a, const void *b)
{
	const struct search_hit *const *x = a, *const *y = b;

	return str_cmp((*x)->name, (*y)->name);
}

/* "a~b" of "c" and "a" of "b~c" are told apart by their ids. */
static int name_apart(struct arena *a, struct search_hit *hits, size_t n,
		      struct err *e)
{
	struct search_hit **sorted = arena_array(a, n + 1, sizeof(*sorted));
	bool same, before = false;

	if (!sorted)
		return arena_full(a, e);
	for (size_t i = 0; i < n; i++)
		sorted[i] = &hits[i];
	qsort(sorted, n, sizeof(*sorted), by_name);
	for (size_t i = 0; i < n; i++, before = same) {
		same = i + 1 < n &&
		       str_eq(sorted[i]->name, sorted[i + 1]->name);
		if (same || before || sorted[i]->name.n > LIMIT_FILE_NAME)
			sorted[i]->name = sorted[i]->id;
	}
	return 0;
}

static int make_hits(struct fs_call *c, struct kept *k, hit_fn *fn,
		     const struct search_page *page, struct err *e)
{
	size_t first = (size_t)k->result.offset;
	size_t n = page->n > first ? page->n - first : 0;
	struct search_hit *hits = arena_array(&k->arena, n + 1, sizeof(*hits));

	if (!hits)
		return arena_full(&k->arena, e);
	for (size_t i = 0; i < n; i++) {
		if (fs_check_cancelled(c, e) ||
		    fn(c, page->rows[first + i], &k->arena, &hits[i], e))
			return -1;
		if (!hits[i].name.p || !hits[i].target.p || !hits[i].id.p)
			return arena_full(&k->arena, e);
	}
	k->result.hits = hits;
	k->result.n = n;
	k->result.found = page->total;
	return name_apart(&c->arena, hits, n, e);
}

static int evaluate(struct fs_call *c, struct kept *k, struct err *e)
{
	const struct about *about = &abouts[k->about];
	struct search_page page;
	struct search s;

	if (parse(&c->arena, k->about, k->name, &s, &k->result.offset, e) ||
	    about->search(c->rd, c->fs->searches->columns, &s, &c->arena, &page,
			  e))
		return refuse(c, k->name, e);
	k->change = reader_change(c->rd);
	k->at = clock_mono_ms();
	return make_hits(c, k, about->hit, &page, e);
}

static struct kept *kept_new(enum search_about about, struct str name)
{
	struct kept *k = calloc(1, sizeof(*k));

	if (!k)
		return NULL;
	arena_init(&k->arena, FS_SEARCH_BYTES);
	k->about = about;
	k->name = arena_str(&k->arena, name);
	if (k->name.p)
		return k;
	kept_free(k);
	return NULL;
}

static struct searches *locked(struct fs_call *c, struct err *e)
{
	struct searches *s = c->fs->searches;

	return fs_lock(c, &s->mu, e) ? NULL : s;
}

/* Of another index nothing is kept. */
static int be_of(struct searches *s, int64_t generation, struct err *e)
{
	if (s->columns && s->generation == generation)
		return 0;
	for (size_t i = 0; i < FS_SEARCHES; i++) {
		kept_free(s->kept[i]);
		s->kept[i] = NULL;
	}
	if (s->columns)
		columns_free(s->columns);
	s->columns = columns_new();
	s->generation = generation;
	return s->columns ? 0 : err_set(e, ERR_NO_SPACE, "no memory to search");
}

static void put_first(struct searches *s, size_t at, struct kept *k)
{
	memmove(s->kept + 1, s->kept, at * sizeof(s->kept[0]));
	s->kept[0] = k;
}

/* Its place, or that of the one to be given up. */
static size_t place_of(const struct searches *s, enum search_about about,
		       struct str name)
{
	size_t i = 0;

	while (i < FS_SEARCHES - 1 && s->kept[i] &&
	       (s->kept[i]->about != about || !str_eq(s->kept[i]->name, name)))
		i++;
	return i;
}

static bool still_true(const struct fs_call *c, const struct kept *k,
		       bool recent)
{
	return k->change == bulletin_change(c->fs->bulletin) ||
	       (recent && clock_mono_ms() - k->at < FS_SEARCH_MS);
}

static int find(struct fs_call *c, struct searches *s, struct kept *key,
		bool recent, struct err *e)
{
	size_t at = place_of(s, key->about, key->name);
	struct kept *k = s->kept[at];

	if (k && k->about == key->about && str_eq(k->name, key->name) &&
	    still_true(c, k, recent)) {
		put_first(s, at, k);
		return 0;
	}
	if (fs_may_wait(c, e))
		return -1;
	k = kept_new(key->about, key->name);
	if (!k)
		return err_set(e, ERR_NO_SPACE, "no memory to search");
	if (evaluate(c, k, e)) {
		kept_free(k);
		return -1;
	}
	kept_free(s->kept[at]);
	put_first(s, at, k);
	return 0;
}

int search_find(struct fs_call *c, enum search_about about, struct str name,
		bool recent, struct search_result *ret, struct err *e)
{
	struct kept key = {.about = about, .name = name};
	struct searches *s = locked(c, e);

	if (!s)
		return -1;
	if (be_of(s, c->generation, e) || find(c, s, &key, recent, e)) {
		pthread_mutex_unlock(&s->mu);
		return -1;
	}
	*ret = s->kept[0]->result;
	return 0;
}

void search_done(struct fs_call *c)
{
	pthread_mutex_unlock(&c->fs->searches->mu);
}

/* --- life ----------------------------------------------------------------- */

struct searches *searches_new(void)
{
	struct searches *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	pthread_mutex_init(&s->mu, NULL);
	problems_init(&s->refused, "search refused");
	return s;
}

void searches_free(struct searches *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < FS_SEARCHES; i++)
		kept_free(s->kept[i]);
	if (s->columns)
		columns_free(s->columns);
	problems_fini(&s->refused);
	pthread_mutex_destroy(&s->mu);
	free(s);
}

struct problems *searches_refused(struct searches *s)
{
	return &s->refused;
}
