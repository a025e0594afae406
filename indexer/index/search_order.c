/* SPDX-License-Identifier: Apache-2.0 */
/* search_order.c - keys of an order, and the page; see search_order.h. Ranks
 * of texts are made in search_rank.c. */
#include "indexer/index/search_order.h"

#include "indexer/index/search_rank.h"
#include "indexer/index/search_reals.h"

/* --- which keys -------------------------------------------------------- */

static int check_new(const struct search_order *o, const struct expr_order *by,
		     size_t i, struct err *e)
{
	for (size_t k = 0; k < i; k++)
		if (by[k].family == by[i].family &&
		    str_eq(by[k].key, by[i].key))
			return err_set(
				e, ERR_INVALID,
				"`order_by` contains duplicate fields: "
				"'%.*s'",
				(int)(by[i].key.n < 200 ? by[i].key.n : 200),
				by[i].key.p);
	if (o->n >= ORDER_FIELDS_MAX)
		return err_set(e, ERR_INVALID,
			       "`order_by` has more than %d fields",
			       ORDER_FIELDS_MAX);
	return 0;
}

static bool is_asked(const struct search_order *o,
		     const struct fixed_order *fixed)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct search_field *f = &o->keys[i].field;

		if (fixed->text ? f->how == FIELD_TEXT && f->text == fixed->text
				: f->how == FIELD_NUMBER &&
					  f->number == fixed->number)
			return true;
	}
	return false;
}

static void add_fixed(struct search_order *o, const struct fixed_order *fixed)
{
	for (size_t i = 0;
	     i < FIXED_ORDERS && (fixed[i].number || fixed[i].text); i++)
		if (!is_asked(o, &fixed[i]))
			o->keys[o->n++] = (struct order_key){
				.field = {.how = fixed[i].text ? FIELD_TEXT
							       : FIELD_NUMBER,
					  .number = fixed[i].number,
					  .text = fixed[i].text},
				.descending = fixed[i].descending};
}

int search_order_init(struct search_order *o, const struct search *s,
		      struct err *e)
{
	const struct expr_order *by = s->order;

	for (size_t i = 0; i < s->norder; i++) {
		struct order_key *k = &o->keys[o->n];

		if (check_new(o, by, i, e) < 0 ||
		    search_field(o->kind, by[i].family, by[i].key, &k->field,
				 e) < 0)
			return -1;
		k->descending = by[i].descending;
		if (s->order_datasets)
			k->datasets = s->order_datasets[i];
		o->n++;
	}
	add_fixed(o, s->norder ? o->kind->ties : o->kind->unordered);
	return 0;
}

void search_order_fini(struct search_order *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->keys[i].numbers);
	o->n = 0;
}

/* --- numbers from columns ---------------------------------------------- */

static uint64_t turned(uint64_t number, bool descending)
{
	return descending && number <= ORDER_GREATEST ? ORDER_GREATEST - number
						      : number;
}

static uint64_t of_integer(int64_t v)
{
	uint64_t number = (uint64_t)v ^ UINT64_C(1) << 63;

	return number < ORDER_GREATEST ? number : ORDER_GREATEST;
}

/* Doubles compare as their bits do once negative ones are turned around. */
static uint64_t of_real(uint64_t bits)
{
	if (bits == METRIC_MISSING)
		return ORDER_MISSING;
	if (bits == METRIC_NAN)
		return ORDER_NAN;
	if (bits == UINT64_C(1) << 63)
		bits = 0; /* -0.0 equals 0.0 */
	return bits >> 63 ? ~bits : bits | UINT64_C(1) << 63;
}

static void integers(struct order_key *k, const struct columns *c, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int64_t v = k->field.number(c, i);

		k->numbers[i] = v == COLUMN_NO_TIME
					? ORDER_MISSING
					: turned(of_integer(v), k->descending);
	}
}

/* By the place of a name among all names in order of the alphabet. */
static void names(struct order_key *k, const struct columns *c, size_t n)
{
	const char *const *texts = k->field.number_names;
	uint64_t places[NAMES_MAX] = {0};

	for (size_t i = 0; i < NAMES_MAX && texts[i]; i++) {
		for (size_t other = 0; texts[other]; other++)
			places[i] += strcmp(texts[other], texts[i]) < 0;
		places[i] = turned(places[i], k->descending);
	}
	for (size_t i = 0; i < n; i++)
		k->numbers[i] = places[k->field.number(c, i)];
}

static int reals(struct search_order *o, struct order_key *k, struct columns *c,
		 struct err *e)
{
	const uint64_t *bits;

	if (columns_metric(c, o->rd, k->field.key, &bits, e) < 0)
		return -1;
	for (size_t i = 0; i < o->slots->n; i++)
		k->numbers[i] = turned(of_real(bits[i]), k->descending);
	return 0;
}

/* Ranks as search_rank has them: odd, so that others lie between. */
static uint64_t odd_rank(size_t rank)
{
	return 2 * (uint64_t)rank + 3;
}

static void place_after(struct order_key *k, const struct text_column *texts,
			struct str after)
{
	bool there;
	size_t rank;

	if (after.n == ORDER_NO_TEXT) {
		k->after = ORDER_MISSING;
		return;
	}
	rank = text_column_rank(texts, after, ORDER_TEXT_MAX, &there);
	k->after = turned(odd_rank(rank) - !there, k->descending);
}

static int texts(struct search_order *o, struct order_key *k, struct columns *c,
		 const struct str *after, struct err *e)
{
	struct text_origin from;
	struct text_column *column;
	const uint32_t *ranks;

	if (!text_origin_of(&k->field, &from))
		return 0;
	if (columns_text(c, o->rd, &from, true, &column, e) < 0)
		return -1;
	if (!column)
		return 0;
	ranks = text_column_ranks(column, ORDER_TEXT_MAX);
	for (size_t i = 0; i < o->slots->n; i++) {
		uint32_t code = text_column_code(column, i);

		k->numbers[i] =
			code ? turned(odd_rank(ranks[code]), k->descending)
			     : ORDER_MISSING;
	}
	if (after)
		place_after(k, column, *after);
	k->ranked = true;
	return 0;
}

int search_order_columns(struct search_order *o, struct columns *c,
			 const struct order_position *after, struct err *e)
{
	size_t n = o->slots->n;

	for (size_t i = 0; i < o->n; i++) {
		struct order_key *k = &o->keys[i];

		k->numbers = calloc(n ? n : 1, sizeof(*k->numbers));
		if (!k->numbers)
			abort();
		if (k->field.how == FIELD_NUMBER)
			integers(k, c, n);
		else if (k->field.how == FIELD_NAMED)
			names(k, c, n);
		else if (k->field.how == FIELD_METRIC && reals(o, k, c, e) < 0)
			return -1;
		else if (k->field.how == FIELD_TEXT &&
			 texts(o, k, c,
			       after->set ? &after->keys[i].text : NULL, e) < 0)
			return -1;
	}
	return 0;
}

static int latest_reals(const struct search_order *o, struct order_key *k,
			struct err *e)
{
	if (reals_latest(o->rd, &k->field, o->slots, &k->datasets, k->numbers,
			 e) < 0)
		return -1;
	for (size_t i = 0; i < o->slots->n; i++)
		k->numbers[i] = turned(of_real(k->numbers[i]), k->descending);
	return 0;
}

int search_order_texts(struct search_order *o, const struct bitset *found,
		       const struct order_position *after, struct err *e)
{
	for (size_t i = 0; i < o->n; i++) {
		struct order_key *k = &o->keys[i];

		if (k->ranked)
			continue;
		k->after = after->keys[i].number;
		if (k->field.how == FIELD_REAL && latest_reals(o, k, e) < 0)
			return -1;
		if (k->field.how != FIELD_TEXT)
			continue;
		if (search_rank(o, k, found,
				after->set ? &after->keys[i].text : NULL,
				e) < 0)
			return -1;
		for (size_t s = 0; s < o->slots->n; s++)
			k->numbers[s] = turned(k->numbers[s], k->descending);
		k->after = turned(k->after, k->descending);
	}
	return 0;
}

/* --- a page ------------------------------------------------------------ */

static bool before(const struct search_order *o, uint32_t a, uint32_t b)
{
	for (size_t i = 0; i < o->n; i++) {
		const uint64_t *numbers = o->keys[i].numbers;

		if (numbers[a] != numbers[b])
			return numbers[a] < numbers[b];
	}
	return a < b;
}

static bool is_after(const struct search_order *o, size_t slot,
		     const struct order_position *p)
{
	for (size_t i = 0; i < o->n; i++) {
		uint64_t number = o->keys[i].numbers[slot];

		if (number != o->keys[i].after)
			return number > o->keys[i].after;
	}
	return slot_row(o->slots, slot) > p->row;
}

/* A heap with the last of the page on top. */
static void sift_down(const struct search_order *o, uint32_t *heap, size_t n,
		      size_t i)
{
	uint32_t moved = heap[i];

	for (;;) {
		size_t child = 2 * i + 1;

		if (child >= n)
			break;
		if (child + 1 < n && before(o, heap[child], heap[child + 1]))
			child++;
		if (!before(o, moved, heap[child]))
			break;
		heap[i] = heap[child];
		i = child;
	}
	heap[i] = moved;
}

static void sift_up(const struct search_order *o, uint32_t *heap, size_t i)
{
	uint32_t moved = heap[i];

	while (i > 0 && before(o, heap[(i - 1) / 2], moved)) {
		heap[i] = heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	heap[i] = moved;
}

static void sort_heap(const struct search_order *o, uint32_t *heap, size_t n)
{
	while (n > 1) {
		uint32_t last = heap[0];

		heap[0] = heap[--n];
		heap[n] = last;
		sift_down(o, heap, n, 0);
	}
}

/* Slots found, in the direction that is likelier to meet the page's early:
 * what is ordered by time is met in order or in reverse. */
static size_t list_found(const struct search_order *o,
			 const struct bitset *found, uint32_t *list)
{
	size_t n = 0;

	for (int64_t i = bitset_next(found, 0); i >= 0;
	     i = bitset_next(found, i + 1))
		list[n++] = (uint32_t)i;
	if (n < 2 || before(o, list[0], list[n - 1]))
		return n;
	for (size_t i = 0; i < n / 2; i++) {
		uint32_t swap = list[i];

		list[i] = list[n - 1 - i];
		list[n - 1 - i] = swap;
	}
	return n;
}

size_t search_order_page(const struct search_order *o,
			 const struct bitset *found,
			 const struct order_position *after, uint32_t *slots,
			 size_t max, size_t *ret_n)
{
	size_t total = list_found(o, found, slots);
	size_t n = 0;
	size_t beyond = 0;

	for (size_t k = 0; k < total; k++) {
		uint32_t slot = slots[k];

		if (after->set && !is_after(o, slot, after))
			continue;
		if (n < max) {
			slots[n] = slot;
			sift_up(o, slots, n++);
			continue;
		}
		beyond++;
		if (max && before(o, slot, slots[0])) {
			slots[0] = slot;
			sift_down(o, slots, n, 0);
		}
	}
	sort_heap(o, slots, n);
	*ret_n = n;
	return beyond;
}

int search_order_position(const struct search_order *o, size_t slot,
			  struct arena *a, struct order_position *ret,
			  struct err *e)
{
	*ret = (struct order_position){.set = true,
				       .row = slot_row(o->slots, slot)};
	for (size_t i = 0; i < o->n; i++) {
		const struct order_key *k = &o->keys[i];

		ret->keys[i].number = k->numbers[slot];
		if (k->field.how == FIELD_TEXT &&
		    search_rank_text(o, k, slot, a, &ret->keys[i].text, e) < 0)
			return -1;
	}
	return 0;
}
