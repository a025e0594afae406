/* SPDX-License-Identifier: Apache-2.0 */
/* run_links.c - runs/<run>/models/ and runs/<run>/inputs/: what a run is tied
 * to.
 *
 * Both are small and collected whole. A logged model is a link to where it
 * lives, under its name where the run has no other of that name; a dataset is
 * a file that says what it was, called name, or name~digest.
 */
#include "fs/families.h"
#include "indexer/base/num.h"
#include "indexer/index/names.h"
#include "indexer/render/logged.h"

/* What is collected: a name of its own, and one that is for sure apart. */
struct item {
	struct str plain, apart, id, target;
	int64_t row, time;
};

struct items {
	struct fs_call *c;
	struct node *dir;
	struct item *list;
	size_t n, cap;
};

static int add(struct items *k, const struct item *x, struct err *e)
{
	size_t cap = k->cap ? k->cap * 2 : 32;
	struct item *more;

	if (!x->plain.p || !x->apart.p || !x->id.p || !x->target.p)
		return arena_full(&k->c->arena, e);
	if (k->n == k->cap) {
		more = arena_array(&k->c->arena, cap, sizeof(*more));
		if (!more)
			return arena_full(&k->c->arena, e);
		if (k->n)
			memcpy(more, k->list, k->n * sizeof(*more));
		k->list = more;
		k->cap = cap;
	}
	k->list[k->n++] = *x;
	return 0;
}

static struct str listed_name(const struct items *k, const struct item *x)
{
	for (size_t i = 0; i < k->n; i++) {
		if (&k->list[i] != x && str_eq(k->list[i].plain, x->plain))
			return x->apart;
	}
	return x->plain;
}

/* By any of its names; the plain one only where it is listed. */
static const struct item *find(const struct items *k, struct str name)
{
	for (size_t i = 0; i < k->n; i++) {
		const struct item *x = &k->list[i];

		if (str_eq(x->apart, name) || str_eq(x->id, name) ||
		    str_eq(listed_name(k, x), name))
			return x;
	}
	return NULL;
}

/* --- models --------------------------------------------------------------- */

/* From the run's models/ up to the root, or to what stands for it. */
static const char *way_up(struct nodes *t, struct node *dir)
{
	return nodes_above(t, dir, KIND_TRASH_EXPERIMENTS) ? "../../../../../.."
							   : "../../../../..";
}

/* Its experiment is three levels up, if it is the run's own and the run does
 * not lie in the trash by itself. Without memory: STR_NONE. */
static struct str target_of(struct items *k, const struct logged_model *m,
			    struct err *e)
{
	struct nodes *t = &k->c->fs->nodes;
	struct node *runs = nodes_above(t, k->dir, KIND_RUNS);
	struct str model = logged_dir(k->c, m);
	struct experiment x;
	const char *text;

	if (runs && runs->row == m->experiment_row)
		text = arena_printf(&k->c->arena, "../../../models/%.*s",
				    STR_ARG(model));
	else if (experiment_by_row(k->c->rd, m->experiment_row, &k->c->arena,
				   &x, e))
		return STR_NONE;
	else
		text = arena_printf(&k->c->arena, "%s/%s/%.*s/models/%.*s",
				    way_up(t, k->dir),
				    x.lifecycle == LIFE_DELETED
					    ? "trash/experiments"
					    : "experiments",
				    STR_ARG(x.dir), STR_ARG(model));
	return text ? str_from(text) : STR_NONE;
}

static int add_model(void *ctx, const struct logged_model *m, struct err *e)
{
	struct items *k = ctx;
	struct item x = {
		.plain = fs_encode(k->c, m->name),
		.apart = logged_dir(k->c, m),
		.id = arena_str(&k->c->arena, m->id),
		.target = target_of(k, m, e),
		.time = m->created,
	};

	return add(k, &x, e);
}

static int models_of(struct fs_call *c, struct node *dir, struct items *ret,
		     struct err *e)
{
	*ret = (struct items){.c = c, .dir = dir};
	return logged_model_of_run(c->rd, dir->row, add_model, ret, e);
}

static struct found model_link(const struct items *k, const struct item *x)
{
	return (struct found){
		.kind = KIND_LINK,
		.row = k->dir->row,
		.key = x->target,
		.name = listed_name(k, x),
		.has_attr = true,
		.attr = attr_of(kinds[KIND_LINK].mode, (int64_t)x->target.n,
				x->time),
	};
}

int run_models_lookup(struct fs_call *c, struct node *dir, struct str name,
		      struct found *ret, struct err *e)
{
	const struct item *x;
	struct items k;

	if (models_of(c, dir, &k, e))
		return -1;
	x = find(&k, name);
	if (!x)
		return fs_no_entry(name, e);
	*ret = model_link(&k, x);
	return 0;
}

int run_models_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct items k;
	struct found t;

	if (models_of(c, lister_dir(l), &k, e))
		return -1;
	for (size_t i = 0; i < k.n; i++) {
		t = model_link(&k, &k.list[i]);
		if (lister_add(l, &t, -1, e) < 0)
			return -1;
	}
	return 0;
}

/* --- inputs --------------------------------------------------------------- */

static int add_input(void *ctx, const struct dataset *d, struct err *e)
{
	struct items *k = ctx;
	char file[NAME_FILE_MAX], row[NUM_MAX];
	struct str digest = d->digest;
	struct item x = {.row = d->row, .target = STR("")};

	x.plain = fs_encode(k->c, d->name);
	digest = fs_encode(k->c, digest);
	x.apart = arena_str(
		&k->c->arena,
		str_n(file, name_to_file_apart(d->name, digest, file)));
	x.id = arena_str(&k->c->arena, str_n(row, num_format_i64(d->row, row)));
	return add(k, &x, e);
}

static int inputs_of(struct fs_call *c, struct node *dir, struct items *ret,
		     struct err *e)
{
	*ret = (struct items){.c = c, .dir = dir};
	return run_inputs(c->rd, dir->row, add_input, ret, e);
}

int run_inputs_lookup(struct fs_call *c, struct node *dir, struct str name,
		      struct found *ret, struct err *e)
{
	const struct item *x;
	struct items k;

	if (inputs_of(c, dir, &k, e))
		return -1;
	x = find(&k, name);
	if (!x || str_eq(x->id, name))
		return fs_no_entry(name, e);
	*ret = (struct found){
		.kind = KIND_RUN_INPUT, .row = dir->row, .key = x->id};
	return 0;
}

/* Their sizes are known by rendering them: they are listed without. */
int run_inputs_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct items k;
	struct found t;

	if (inputs_of(c, lister_dir(l), &k, e))
		return -1;
	for (size_t i = 0; i < k.n; i++) {
		t = (struct found){.kind = KIND_RUN_INPUT,
				   .row = k.dir->row,
				   .key = k.list[i].id,
				   .name = listed_name(&k, &k.list[i])};
		if (lister_add(l, &t, -1, e) < 0)
			return -1;
	}
	return 0;
}

int run_input_text(struct fs_call *c, const struct subject *s, struct buf *b,
		   struct err *e)
{
	struct json_out j;
	int64_t row;

	if (!num_parse_i64(s->key, &row))
		return fs_no_entry(s->key, e);
	jo_init(&j, b, 2);
	if (render_run_input(&j, c->rd, s->row, row, e))
		return -1;
	buf_putc(b, '\n');
	return 0;
}
