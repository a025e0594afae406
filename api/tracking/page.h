/* SPDX-License-Identifier: Apache-2.0 */
/* page.h - one page of what a search found, as the answer to a call.
 *
 * A search yields rows in order; each is then rendered within the same
 * snapshot. A page that grows beyond PAGE_BYTES ends early, with a token for
 * what follows it: clients go on as with any other page.
 */
#ifndef ORRERY_TRACKING_PAGE_H
#define ORRERY_TRACKING_PAGE_H

#include "api/app.h"

struct vocabulary;

/* A kind of thing: the list's name, how it is searched, one row rendered. */
struct page_kind {
	const char *name;
	int (*run)(struct reader *rd, struct columns *cols,
		   const struct search *s, struct arena *a,
		   struct search_page *ret, struct err *e);
	int (*put)(struct reading *r, int64_t row, struct arena *a);
};

/* Sets filter, order and token of s from texts in the words of v. */
struct page_text {
	struct str filter, page_token;
	struct field_list order_by; /* of struct str */
};
int page_parse(struct search *s, const struct page_text *q,
	       const struct vocabulary *v, struct arena *a, struct err *e);
/* Sets s->max; ERR_INVALID where it is less than 1 or beyond the limit. */
int page_max(struct search *s, int64_t max, int64_t limit, struct err *e);
/* ERR_INVALID where one of the strings is no experiment's id. */
int page_check_ids(const struct field_list *ids, struct err *e);
void page_answer(struct call *c, const struct page_kind *kind,
		 struct search *s);
/* Where nothing can be found, whatever the filter says: no experiments. */
void page_answer_none(struct call *c);

#endif
