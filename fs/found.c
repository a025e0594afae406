/* SPDX-License-Identifier: Apache-2.0 */
/* found.c - search/runs/<sentence>/: a directory named by a search, with a
 * link to each thing that it finds.
 *
 * It resolves by name and is never listed, so nothing that walks the tree
 * comes upon it. Its row says what it is about, its key is its name; the
 * kernel believes what it was told of it, and of its links, for a moment.
 */
#include "fs/families.h"
#include "fs/search.h"

static enum search_about about_of(const struct node *dir)
{
	switch ((int)dir->kind) {
	case KIND_SEARCH_MODELS:
		return SEARCH_MODELS;
	case KIND_SEARCH_VERSIONS:
		return SEARCH_VERSIONS;
	default:
		return SEARCH_RUNS;
	}
}

int search_lookup(struct fs_call *c, struct node *dir, struct str name,
		  struct found *ret, struct err *e)
{
	enum search_about about = about_of(dir);

	if (search_check(c, about, name, e))
		return -1;
	*ret = (struct found){
		.kind = KIND_FOUND,
		.row = about,
		.key = name,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_FOUND].mode, 0, c->fs->born),
	};
	return 0;
}

static struct found link_to(const struct node *dir, const struct search_hit *h)
{
	return (struct found){
		.kind = KIND_FOUND_LINK,
		.row = dir->row,
		.key = h->target,
		.name = h->name,
		.has_attr = true,
		.attr = attr_of(kinds[KIND_FOUND_LINK].mode,
				(int64_t)h->target.n, h->mtime),
	};
}

static struct found count_of(const struct node *dir)
{
	return (struct found){.kind = KIND_FOUND_COUNT,
			      .row = dir->row,
			      .key = dir->key,
			      .name = STR(".count")};
}

static const struct search_hit *hit_named(const struct search_result *r,
					  struct str name)
{
	for (size_t i = 0; i < r->n; i++) {
		if (str_eq(r->hits[i].name, name) ||
		    str_eq(r->hits[i].id, name))
			return &r->hits[i];
	}
	return NULL;
}

int found_lookup(struct fs_call *c, struct node *dir, struct str name,
		 struct found *ret, struct err *e)
{
	const struct search_hit *h;
	struct search_result r;

	if (str_is(name, ".count")) {
		*ret = count_of(dir);
		return 0;
	}
	if (search_find(c, (enum search_about)dir->row, dir->key, true, &r, e))
		return -1;
	h = hit_named(&r, name);
	if (h) {
		*ret = link_to(dir, h);
		ret->key = arena_str(&c->arena, h->target);
	}
	search_done(c);
	if (!h)
		return fs_no_entry(name, e);
	return ret->key.p ? 0 : arena_full(&c->arena, e);
}

int found_list(struct fs_call *c, struct lister *l, struct err *e)
{
	struct node *dir = lister_dir(l);
	struct found t = count_of(dir);
	struct search_result r;
	int put;

	if (search_find(c, (enum search_about)dir->row, dir->key, false, &r, e))
		return -1;
	put = lister_add(l, &t, -1, e);
	for (size_t i = 0; put >= 0 && i < r.n; i++) {
		t = link_to(dir, &r.hits[i]);
		put = lister_add(l, &t, -1, e);
	}
	search_done(c);
	return put < 0 ? -1 : 0;
}

/* Three lines, the last where there is more: how to go on. */
int found_count(struct fs_call *c, const struct subject *s, struct buf *b,
		struct err *e)
{
	struct search_result r;
	int64_t next;

	if (search_find(c, (enum search_about)s->row, s->key, true, &r, e))
		return -1;
	next = r.offset + (int64_t)r.n;
	buf_printf(b, "found\t%lld\nshown\t%zu\n", (long long)r.found, r.n);
	if (r.n && next < r.found)
		buf_printf(b, "next\toffset %lld\n", (long long)next);
	search_done(c);
	return 0;
}
