/* SPDX-License-Identifier: Apache-2.0 */
/* page.c - see page.h. */
#include "api/tracking/page.h"

#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/query/mlflow.h"
#include "indexer/render/render.h"

enum {
	PAGE_BYTES = 8 << 20,
	ENTITY_BYTES = 1 << 20, /* the strings of one thing */
};

/* The text that a page token is bound to. */
static int set_bound(struct search *s, const struct page_text *q,
		     struct arena *a, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	const struct str *order = q->order_by.items;

	buf_init(&b, a->ceiling);
	buf_str(&b, q->filter);
	for (size_t i = 0; i < q->order_by.n; i++) {
		buf_putc(&b, '\n');
		buf_str(&b, order[i]);
	}
	s->bound = arena_str(a, buf_view(&b));
	return buf_ok(&b) && (s->bound.p || !b.n) ? 0 : arena_full(a, e);
}

static int set_order(struct search *s, const struct field_list *items,
		     const struct vocabulary *v, struct arena *a, struct err *e)
{
	const struct str *text = items->items;
	struct expr_order *order =
		arena_array(a, items->n ? items->n : 1, sizeof(*order));

	if (!order)
		return arena_full(a, e);
	for (size_t i = 0; i < items->n; i++)
		if (mlflow_order_parse(text[i], v, a, &order[i], e))
			return -1;
	s->order = order;
	s->norder = items->n;
	return 0;
}

int page_parse(struct search *s, const struct page_text *q,
	       const struct vocabulary *v, struct arena *a, struct err *e)
{
	struct expr *filter = NULL;

	if (mlflow_filter_parse(q->filter, v, a, &filter, e) ||
	    set_order(s, &q->order_by, v, a, e) || set_bound(s, q, a, e))
		return -1;
	s->filter = filter;
	s->token = q->page_token;
	return 0;
}

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
