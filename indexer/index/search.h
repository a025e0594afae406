/* SPDX-License-Identifier: Apache-2.0 */
/* search.h - searches, evaluated as sets of rows.
 *
 * Each predicate is one fixed statement, or one scan of a packed column, that
 * yields a set of row ids; AND, OR, NOT, view and rights are bit operations.
 * Then the order's index is walked against the set, or the set is sorted by
 * its packed columns. Packed columns (attributes of runs, latest values of a
 * metric key) are derived data in memory: loaded when first asked for,
 * brought up to date by the change number, dropped beyond a limit. They
 * belong to a struct columns that all readers of a process share.
 *
 * Columns and snapshot must be of one change: where another reader has moved
 * the columns on, a search exchanges its reader's snapshot for a newer one,
 * so that what was read before it in the same begin/end may be older.
 *
 * A page token holds the sort key of the page's last row, so paging neither
 * repeats nor skips when rows are added. It is bound to filter and order.
 */
#ifndef ORRERY_INDEX_SEARCH_H
#define ORRERY_INDEX_SEARCH_H

#include "indexer/index/reader.h"
#include "indexer/query/expr.h"

struct columns;
struct columns *columns_new(void);
void columns_free(struct columns *c);

enum view { VIEW_ACTIVE, VIEW_DELETED, VIEW_ALL };

/* Values measured on one of these; an empty digest is any, and so is, in an
 * order, an empty name. */
struct search_dataset {
	struct str name, digest;
};
struct search_datasets {
	const struct search_dataset *items;
	size_t n; /* 0: all values, on whatever they were measured */
};

struct search {
	const struct expr *filter; /* NULL: all */
	const struct expr_order *order;
	size_t norder;
	enum view view;
	size_t max;
	struct str token; /* empty: first page */
	struct str bound; /* text of filter and order: the token is
			     bound to it, to view and experiments */
	/* Runs, logged models, traces: NULL is all experiments; unknown ids are
	 * passed over. */
	const struct str *experiment_ids;
	size_t nexperiment_ids;
	/* Logged models only: metrics that count in the filter, and in each
	 * item of the order (NULL: all). */
	struct search_datasets datasets;
	int64_t home; /* set by the search: what id 0 stands for */
	const struct search_datasets *order_datasets;
};

struct search_page {
	int64_t *rows;
	size_t n;
	int64_t total;
	struct str next_token; /* empty: the last page */
};

/* Within reader_begin/reader_end: rows in order, of one snapshot. */
int search_runs(struct reader *rd, struct columns *cols, const struct search *s,
		struct arena *a, struct search_page *ret, struct err *e);
int search_experiments(struct reader *rd, struct columns *cols,
		       const struct search *s, struct arena *a,
		       struct search_page *ret, struct err *e);
/* Prompts (registry.h) are left out unless the filter names their tag, which
 * everything counts as having: with "true" or with "false". */
int search_registered_models(struct reader *rd, struct columns *cols,
			     const struct search *s, struct arena *a,
			     struct search_page *ret, struct err *e);
int search_model_versions(struct reader *rd, struct columns *cols,
			  const struct search *s, struct arena *a,
			  struct search_page *ret, struct err *e);
int search_logged_models(struct reader *rd, struct columns *cols,
			 const struct search *s, struct arena *a,
			 struct search_page *ret, struct err *e);
/* Of traces, comparisons of spans that stand in one AND are about the same
 * span; elsewhere each may be about another. The view is passed over. */
int search_traces(struct reader *rd, struct columns *cols,
		  const struct search *s, struct arena *a,
		  struct search_page *ret, struct err *e);

#endif
