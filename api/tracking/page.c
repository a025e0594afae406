/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - see page.h. */
#include "api/tracking/page.h"

#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/render/render.h"

enum {
	PAGE_BYTES = 8 << 20,
	ENTITY_BYTES = 1 << 20, /* the strings of one thing */
};

int page_max(struct search *s, int64_t max, int64_t limit, struct err *e)
{
	if (max < 1)
		return err_set(e, ERR_INVALID,
			       "Invalid value %" PRId64 " for parameter "
			       "'max_results' supplied. It must be a positive "
			       "integer",
			       max);
	if (max > limit)
		return err_set(e, ERR_INVALID,
			       "Invalid value %" PRId64 " for parameter "
			       "'max_results' supplied. It must be at most "
			       "%" PRId64,
			       max, limit);
	s->max = (size_t)max;
	return 0;
}

int page_check_ids(const struct field_list *ids, struct err *e)
{
	const struct str *id = ids->items;
	int64_t number;

	for (size_t i = 0; i < ids->n; i++)
		if (!num_parse_i64(id[i], &number))
			return err_set(e, ERR_INVALID,
				       "Invalid experiment ID '%.*s'. "
				       "Experiment ID must be a valid integer.",
				       (int)(id[i].n < 100 ? id[i].n : 100),
				       id[i].n ? id[i].p : "");
	return 0;
}

/* How many rows of the page were written, -1 on an error. */
static int64_t put_rows(struct reading *r, const struct page_kind *kind,
			const struct search_page *page)
{
	SCOPED(arena_fini) struct arena a;
	struct render_list list = {r->j, kind->name, false};
	size_t i;
	int failed = 0;

	arena_init(&a, ENTITY_BYTES);
	for (i = 0; i < page->n && r->j->b->n < PAGE_BYTES; i++) {
		render_list_next(&list);
		arena_reset(&a);
		failed = kind->put(r, page->rows[i], &a);
		if (failed)
			break;
	}
	render_list_end(&list);
	return failed ? -1 : (int64_t)i;
}

static int put_page(struct reading *r, const struct page_kind *kind,
		    struct search *s)
{
	struct columns *columns = call_app(r->c)->columns;
	struct arena *a = r->c->arena;
	struct search_page page;
	int64_t put;

	if (kind->run(r->rd, columns, s, a, &page, &r->e))
		return -1;
	put = put_rows(r, kind, &page);
	if (put < 0)
		return -1;
	s->max = (size_t)put;
	if (s->max < page.n && kind->run(r->rd, columns, s, a, &page, &r->e))
		return -1;
	if (page.next_token.n)
		jo_kstr(r->j, "next_page_token", page.next_token);
	return 0;
}

void page_answer(struct call *c, const struct page_kind *kind, struct search *s)
{
	struct reading r;

	if (reading_begin(&r, c) == 0)
		put_page(&r, kind, s);
	reading_end(&r);
}

void page_answer_none(struct call *c)
{
	reply_bytes(c, 200, "application/json", STR("{}"));
}
