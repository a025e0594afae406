/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - metrics/: keys as nested directories.
 *
 * A key is cut at its slashes; each part is a name. Where a key is also the
 * beginning of others, its name is the directory's, and its file is
 * <name>.tsv; that form resolves for every metric, so a part that ends with
 * .tsv by itself is shown with its dot escaped.
 *
 * The node of a directory has the prefix as its key: "" at the top, "a/b/"
 * below.
 */
#include "fs/families.h"
#include "indexer/base/clock.h"
#include "indexer/index/names.h"

enum { FORM_MAX = NAME_FILE_MAX + 8 };

static const struct str tsv = {".tsv", 4};

/* The file name of a part of a key. */
static struct str form_of(struct str part, char out[FORM_MAX])
{
	size_t n = name_to_file(part, out);

	if (str_ends(str_n(out, n), tsv) && n - 4 + 6 < NAME_FILE_MAX) {
		memcpy(out + n - 4, "%2Etsv", 6);
		n += 2;
	}
	return str_n(out, n);
}

/* How a metric with this last part is called in the presence of others. */
static struct str file_form(struct str part, bool is_prefix, char out[FORM_MAX])
{
	struct str form = form_of(part, out);

	if (is_prefix) {
		memcpy(out + form.n, tsv.p, tsv.n);
		form.n += tsv.n;
	}
	return form;
}

static struct str first_part(struct str rest)
{
	return str_n(rest.p, str_find(rest, '/'));
}

static struct str joined(struct fs_call *c, struct str prefix, struct str part,
			 const char *end)
{
	return str_from(arena_printf(&c->arena, "%.*s%.*s%s", STR_ARG(prefix),
				     STR_ARG(part), end));
}

/* --- looking up ----------------------------------------------------------- */

struct form_search { /* for the part whose form is name */
	struct fs_call *c;
	size_t prefix;
	struct str name, part;
};

static int compare_form(void *ctx, const struct series *s, struct err *e)
{
	struct form_search *f = ctx;
	struct str part =
		first_part(str_n(s->key.p + f->prefix, s->key.n - f->prefix));
	char form[FORM_MAX];

	if (!str_eq(form_of(part, form), f->name))
		return 0;
	f->part = arena_str(&f->c->arena, part);
	return f->part.p ? 1 : arena_full(&f->c->arena, e);
}

/* The part that a name (without .tsv) stands for. */
static int part_of(struct fs_call *c, const struct node *dir, struct str name,
		   struct str *ret, struct err *e)
{
	struct form_search f = {c, dir->key.n, name, STR_NONE};

	if (fs_decode(c, name, ret, e) == 0)
		return ret->n && !memchr(ret->p, '/', ret->n)
			       ? 0
			       : fs_no_entry(name, e);
	if (fs_begin(c, e) ||
	    series_each(c->rd, dir->row, dir->key, compare_form, &f, e) < 0)
		return -1;
	*ret = f.part;
	return f.part.p ? 0 : fs_no_entry(name, e);
}

static int found_one(void *ctx, const struct series *s, struct err *e)
{
	(void)s;
	(void)e;
	*(bool *)ctx = true;
	return 1;
}

/* Does any key begin so? Also one that this mount alone knows. */
static int is_prefix(struct fs_call *c, int64_t run, struct str prefix,
		     bool *ret, struct err *e)
{
	*ret = young_since(&c->fs->young, KIND_METRIC_DIR, run, prefix) >= 0;
	if (*ret)
		return 0;
	return series_each(c->rd, run, prefix, found_one, ret, e) < 0 ? -1 : 0;
}

/* A part that begins longer keys is a directory ... */
static int find_dir(struct fs_call *c, struct node *dir, struct str part,
		    struct found *ret, struct err *e)
{
	bool is = false;

	*ret = (struct found){.kind = KIND_METRIC_DIR,
			      .row = dir->row,
			      .key = joined(c, dir->key, part, "/")};
	if (!ret->key.p)
		return arena_full(&c->arena, e);
	if (is_prefix(c, dir->row, ret->key, &is, e))
		return -1;
	return is ? 0 : fs_no_entry(part, e);
}

/* ... and whether or not, it may be a metric. */
static int find_metric(struct fs_call *c, struct node *dir, struct str part,
		       struct found *ret, struct err *e)
{
	struct subject s;

	*ret = (struct found){.kind = KIND_METRIC,
			      .row = dir->row,
			      .key = joined(c, dir->key, part, "")};
	if (!ret->key.p)
		return arena_full(&c->arena, e);
	ret->attr = attr_of(kinds[KIND_METRIC].mode, 0, 0);
	s = subject_of_thing(ret);
	if (metric_attr(c, &s, &ret->attr, e))
		return -1;
	ret->has_attr = true;
	return 0;
}

int metrics_lookup(struct fs_call *c, struct node *dir, struct str name,
		   struct found *ret, struct err *e)
{
	struct str part;

	if (str_ends(name, tsv) && name.n > tsv.n) {
		name.n -= tsv.n;
		return part_of(c, dir, name, &part, e) ||
				       find_metric(c, dir, part, ret, e)
			       ? -1
			       : 0;
	}
	if (part_of(c, dir, name, &part, e))
		return -1;
	if (find_dir(c, dir, part, ret, e) == 0)
		return 0;
	return e->kind == ERR_NOT_FOUND ? find_metric(c, dir, part, ret, e)
					: -1;
}

/* --- attributes ----------------------------------------------------------- */

int metric_attr(struct fs_call *c, const struct subject *s, struct attr *ret,
		struct err *e)
{
	struct series x;
	int64_t since;

	if (series_by_key(c->rd, s->row, s->key, &c->arena, &x, e) == 0) {
		ret->size = x.text;
		ret->mtime = x.modified;
		return 0;
	}
	if (e->kind != ERR_NOT_FOUND)
		return -1;
	since = young_since(&c->fs->young, KIND_METRIC, s->row, s->key);
	if (since < 0)
		return -1;
	ret->size = 0;
	ret->mtime = since;
	return 0;
}

int metric_dir_attr(struct fs_call *c, const struct subject *s,
		    struct attr *ret, struct err *e)
{
	bool is = false;

	if (is_prefix(c, s->row, s->key, &is, e))
		return -1;
	if (!is)
		return fs_no_entry(s->key, e);
	return run_part_attr(c, s, ret, e);
}

/* --- listing -------------------------------------------------------------- */

struct part {            /* a name of the directory being listed */
	struct str name; /* part of a key */
	bool file, dir;
	int64_t size, modified;
};

struct parts {
	struct fs_call *c;
	struct str prefix;
	struct part *list;
	size_t n, cap;
	int64_t started;
	bool full;
};

static struct part *new_part(struct parts *p, struct str name)
{
	struct part *more;
	size_t cap = p->cap ? p->cap * 2 : 64;

	if (p->n == p->cap) {
		more = arena_array(&p->c->arena, cap, sizeof(*more));
		if (!more)
			return NULL;
		if (p->n)
			memcpy(more, p->list, p->n * sizeof(*more));
		p->list = more;
		p->cap = cap;
	}
	more = &p->list[p->n];
	*more = (struct part){.name = arena_str(&p->c->arena, name)};
	if (!more->name.p)
		return NULL;
	p->n++;
	return more;
}

/* Keys come in order, so those of one directory mostly follow each other; what
 * does not is brought together by sorting. */
static bool add_part(struct parts *p, struct str rest, int64_t size,
		     int64_t modified)
{
	struct str name = first_part(rest);
	bool file = name.n == rest.n;
	struct part *last = p->n ? &p->list[p->n - 1] : NULL;

	if (!name.n)
		return true;
	if (!last || file || !last->dir || !str_eq(last->name, name))
		last = new_part(p, name);
	if (!last)
		return false;
	last->file = file;
	last->dir = !file;
	last->size = size;
	last->modified = modified;
	return true;
}

static int add_series(void *ctx, const struct series *s, struct err *e)
{
	struct parts *p = ctx;
	struct str rest = str_n(s->key.p + p->prefix.n, s->key.n - p->prefix.n);

	return add_part(p, rest, s->text, s->modified)
		       ? 0
		       : arena_full(&p->c->arena, e);
}

static void add_young(void *ctx, enum node_kind kind, struct str key,
		      int64_t since)
{
	struct parts *p = ctx;

	if ((kind != KIND_METRIC && kind != KIND_METRIC_DIR) ||
	    key.n <= p->prefix.n)
		return;
	if (!add_part(p, str_n(key.p + p->prefix.n, key.n - p->prefix.n), 0,
		      since))
		p->full = true;
}

/* By name, the directory before the file. */
static int by_name(const void *x, const void *y)
{
	const struct part *a = x, *b = y;
	int order = str_cmp(a->name, b->name);

	if (order)
		return order;
	if (a->dir != b->dir)
		return a->dir ? -1 : 1;
	return (a->size < b->size) - (a->size > b->size);
}

static int give_part(struct lister *l, const struct parts *p, size_t i,
		     struct err *e)
{
	const struct part *x = &p->list[i];
	bool after_dir = i > 0 && x[-1].dir && str_eq(x[-1].name, x->name);
	struct node *dir = lister_dir(l);
	char form[FORM_MAX];
	struct found t = {.row = dir->row, .has_attr = true};

	t.kind = x->dir ? KIND_METRIC_DIR : KIND_METRIC;
	t.key = joined(p->c, p->prefix, x->name, x->dir ? "/" : "");
	t.name = x->dir ? form_of(x->name, form)
			: file_form(x->name, after_dir, form);
	t.attr = attr_of(kinds[t.kind].mode, x->dir ? 0 : x->size,
			 x->dir ? p->started : x->modified);
	if (!t.key.p)
		return arena_full(&p->c->arena, e);
	return lister_add(l, &t, -1, e);
}

/* Known to the index and not yet forgotten as young: listed once. */
static bool is_repeated(const struct parts *p, size_t i)
{
	const struct part *x = &p->list[i];

	return i > 0 && x[-1].dir == x->dir && str_eq(x[-1].name, x->name);
}

int metrics_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct node *dir = lister_dir(l);
	struct parts p = {.c = c, .prefix = dir->key};
	struct run r;

	if (run_by_row(c->rd, dir->row, &c->arena, &r, e) ||
	    series_each(c->rd, dir->row, p.prefix, add_series, &p, e) < 0)
		return -1;
	p.started = r.start_time;
	young_each(&c->fs->young, dir->row, p.prefix, add_young, &p);
	if (p.full)
		return arena_full(&c->arena, e);
	if (p.n)
		qsort(p.list, p.n, sizeof(*p.list), by_name);
	for (size_t i = 0; i < p.n; i++) {
		if (!is_repeated(&p, i) && give_part(l, &p, i, e) < 0)
			return -1;
	}
	return 0;
}

/* --- making and removing -------------------------------------------------- */

static int new_key(struct fs_call *c, const struct node *dir, struct str name,
		   const char *end, struct str *ret, struct err *e)
{
	struct str part;

	if (fs_decode(c, name, &part, e))
		return -1;
	if (memchr(part.p, '/', part.n))
		return err_set(e, ERR_INVALID,
			       "a slash in the name of a metric is a "
			       "directory");
	*ret = joined(c, dir->key, part, "");
	if (!ret->p)
		return arena_full(&c->arena, e);
	if (name_check_key(*ret, "name", e))
		return -1;
	*ret = joined(c, dir->key, part, end);
	return ret->p ? 0 : arena_full(&c->arena, e);
}

/* The index knows no empty directory: it is young until a metric is in it. */
int metric_mkdir(struct fs_call *c, struct node *dir, struct str name,
		 uint32_t mode, struct err *e)
{
	struct str prefix;

	(void)mode;
	if (new_key(c, dir, name, "/", &prefix, e))
		return -1;
	return young_add(&c->fs->young, KIND_METRIC_DIR, dir->row, prefix, e);
}

int metric_create(struct fs_call *c, struct node *dir, struct str name,
		  const struct fs_creation *how, struct found *ret,
		  struct err *e)
{
	struct str key;

	(void)how;
	if (str_ends(name, tsv) && name.n > tsv.n)
		name.n -= tsv.n;
	if (new_key(c, dir, name, "", &key, e) ||
	    young_add(&c->fs->young, KIND_METRIC, dir->row, key, e))
		return -1;
	*ret = (struct found){
		.kind = KIND_METRIC,
		.row = dir->row,
		.key = key,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_METRIC].mode, 0, clock_ms())};
	return 0;
}

int metric_remove(struct fs_call *c, struct node *dir, const struct found *x,
		  struct err *e)
{
	struct series s;

	(void)dir;
	if (fs_begin(c, e) == 0 &&
	    series_by_key(c->rd, x->row, x->key, &c->arena, &s, e) &&
	    e->kind == ERR_NOT_FOUND &&
	    young_remove(&c->fs->young, KIND_METRIC, x->row, x->key))
		return 0;
	return err_set(e, ERR_READ_ONLY, "a metric with points stays");
}

int metric_dir_remove(struct fs_call *c, struct node *dir,
		      const struct found *x, struct err *e)
{
	struct parts p = {.c = c, .prefix = x->key};
	bool any = false;

	(void)dir;
	if (fs_begin(c, e) ||
	    series_each(c->rd, x->row, x->key, found_one, &any, e) < 0)
		return -1;
	young_each(&c->fs->young, x->row, x->key, add_young, &p);
	if (any || p.n)
		return err_set(e, ERR_NOT_EMPTY, "the directory is not empty");
	young_remove(&c->fs->young, KIND_METRIC_DIR, x->row, x->key);
	return 0;
}
