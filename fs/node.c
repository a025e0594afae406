/* SPDX-License-Identifier: Apache-2.0 */
/* node.c - two hash tables over the same nodes, by id and by identity.
 *
 * They are kept apart only for the few nodes whose id was made up; every
 * other node stands in both under the same number.
 */
#include "fs/node.h"

#include <assert.h>
#include <stdlib.h>

#include "indexer/base/scope.h"

enum {
	BUCKETS_MIN = 1024,
	KIND_SHIFT =
		56, /* of an identity: the kind lies above, the row below */
	KIND_MADE_UP = 0x7f,
};

/* Spreads row numbers, which follow each other, over the buckets. */
static uint64_t mix(uint64_t x)
{
	x ^= x >> 30;
	x *= UINT64_C(0xbf58476d1ce4e5b9);
	x ^= x >> 27;
	x *= UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

static uint64_t low(uint64_t x)
{
	return x & ((UINT64_C(1) << KIND_SHIFT) - 1);
}

/* Others are told apart by their key, within the row they belong to. */
static bool has_own_row(enum node_kind kind)
{
	switch ((int)kind) {
	case KIND_EXPERIMENT_TAG:
	case KIND_PARAM:
	case KIND_TAG:
	case KIND_METRIC_DIR:
	case KIND_METRIC:
	case KIND_LINK:
	case KIND_MODEL_TAG:
	case KIND_ALIAS:
	case KIND_ALIAS_DRAFT:
	case KIND_VERSION_TAG:
	case KIND_VIEW_DIR:
	case KIND_VIEW_FILE:
	case KIND_LOGGED_PARAM:
	case KIND_LOGGED_TAG:
	case KIND_RUN_INPUT:
	case KIND_FOUND:
	case KIND_FOUND_COUNT:
	case KIND_FOUND_LINK:
		return false;
	default:
		return true;
	}
}

uint64_t node_ident(enum node_kind kind, int64_t row, struct str key)
{
	uint64_t number = (uint64_t)row;

	if (kind == KIND_ROOT)
		return NODE_ROOT;
	if (!has_own_row(kind))
		number = mix(mix((uint64_t)row) ^ str_hash(key));
	return (uint64_t)kind << KIND_SHIFT | low(number);
}

/* --- the tables ----------------------------------------------------------- */

static struct node **id_slot(const struct nodes *t, uint64_t id)
{
	return &t->by_id[mix(id) & (t->buckets - 1)];
}

static struct node **ident_slot(const struct nodes *t, uint64_t ident)
{
	return &t->by_ident[mix(ident) & (t->buckets - 1)];
}

static struct node *find_id(const struct nodes *t, uint64_t id)
{
	struct node *n = *id_slot(t, id);

	while (n && n->id != id)
		n = n->next_id;
	return n;
}

static struct node *find_ident(const struct nodes *t, uint64_t ident)
{
	struct node *n = *ident_slot(t, ident);

	while (n && n->ident != ident)
		n = n->next_ident;
	return n;
}

static void link_id(struct nodes *t, struct node *n)
{
	struct node **slot = id_slot(t, n->id);

	n->next_id = *slot;
	*slot = n;
}

static void link_ident(struct nodes *t, struct node *n)
{
	struct node **slot = ident_slot(t, n->ident);

	n->next_ident = *slot;
	*slot = n;
}

static void unlink_id(struct nodes *t, const struct node *n)
{
	struct node **p = id_slot(t, n->id);

	while (*p != n)
		p = &(*p)->next_id;
	*p = n->next_id;
}

static void unlink_ident(struct nodes *t, const struct node *n)
{
	struct node **p = ident_slot(t, n->ident);

	while (*p != n)
		p = &(*p)->next_ident;
	*p = n->next_ident;
}

/* Few nodes have an owner: that table does not grow. */
static void link_owner(struct nodes *t, struct node *n)
{
	struct node **slot = node_owner_slot(t, n->owner);

	if (!n->owner)
		return;
	n->next_owner = *slot;
	*slot = n;
}

static void unlink_owner(struct nodes *t, const struct node *n)
{
	struct node **p = node_owner_slot(t, n->owner);

	if (!n->owner)
		return;
	while (*p != n)
		p = &(*p)->next_owner;
	*p = n->next_owner;
}

/* Twice the buckets; without memory the chains grow longer instead. */
static void grow(struct nodes *t)
{
	size_t old = t->buckets;
	struct node **ids = t->by_id, **idents = t->by_ident, *n, *next;
	struct node **more_ids = calloc(old * 2, sizeof(*ids));
	struct node **more_idents = calloc(old * 2, sizeof(*idents));

	if (!more_ids || !more_idents) {
		free(more_ids);
		free(more_idents);
		return;
	}
	t->by_id = more_ids;
	t->by_ident = more_idents;
	t->buckets = old * 2;
	for (size_t i = 0; i < old; i++) {
		for (n = ids[i]; n; n = next) {
			next = n->next_id;
			link_id(t, n);
			link_ident(t, n);
		}
	}
	free(ids);
	free(idents);
}

/* --- life ----------------------------------------------------------------- */

/* The key never changes and lies behind the node; the name may. */
static struct node *node_new(enum node_kind kind, struct str key,
			     struct str name)
{
	struct node *n = calloc(1, sizeof(*n) + key.n + 1);

	if (!n)
		return NULL;
	n->name = strndup(name.n ? name.p : "", name.n);
	if (!n->name) {
		free(n);
		return NULL;
	}
	n->kind = kind;
	if (key.n)
		memcpy(n->text, key.p, key.n);
	n->key = str_n(n->text, key.n);
	return n;
}

static void node_free(struct node *n)
{
	free(n->name);
	free(n);
}

static void insert(struct nodes *t, struct node *n, struct node *dir)
{
	if (t->count >= t->buckets)
		grow(t);
	t->count++;
	link_id(t, n);
	link_ident(t, n);
	link_owner(t, n);
	n->parent = dir;
	if (dir)
		dir->refs++;
}

/* Frees n if nothing needs it, and then what only n needed. */
static void reap(struct nodes *t, struct node *n)
{
	struct node *parent;

	while (n && !n->lookups && !n->refs && n != t->root) {
		parent = n->parent;
		unlink_id(t, n);
		unlink_ident(t, n);
		unlink_owner(t, n);
		t->count--;
		node_free(n);
		if (parent)
			parent->refs--;
		n = parent;
	}
}

int nodes_init(struct nodes *t, struct err *e)
{
	*t = (struct nodes){.buckets = BUCKETS_MIN};
	pthread_mutex_init(&t->mu, NULL);
	t->by_id = calloc(BUCKETS_MIN, sizeof(struct node *));
	t->by_ident = calloc(BUCKETS_MIN, sizeof(struct node *));
	t->root = node_new(KIND_ROOT, STR_NONE, STR_NONE);
	if (!t->by_id || !t->by_ident || !t->root)
		return err_set(e, ERR_NO_SPACE, "no memory for the nodes");
	t->root->id = t->root->ident = NODE_ROOT;
	insert(t, t->root, NULL);
	return 0;
}

void nodes_fini(struct nodes *t)
{
	struct node *n, *next;

	for (size_t i = 0; i < t->buckets && t->by_id; i++) {
		for (n = t->by_id[i]; n; n = next) {
			next = n->next_id;
			node_free(n);
		}
	}
	free(t->by_id);
	free(t->by_ident);
	pthread_mutex_destroy(&t->mu);
}

struct node *nodes_find(struct nodes *t, uint64_t id)
{
	SCOPED_LOCK(&t->mu);
	return find_id(t, id);
}

int64_t nodes_count(struct nodes *t)
{
	SCOPED_LOCK(&t->mu);
	return (int64_t)t->count;
}

/* --- places --------------------------------------------------------------- */

/* Without memory for the name the old one stays: a path that leads nowhere is
 * an error of that request, no more. */
static void set_place(struct nodes *t, struct node *n, struct node *dir,
		      struct str name)
{
	struct node *old = n->parent;
	char *copy;

	if (!str_is(name, n->name)) {
		copy = strndup(name.n ? name.p : "", name.n);
		if (copy) {
			free(n->name);
			n->name = copy;
		}
	}
	if (old == dir)
		return;
	n->parent = dir;
	if (dir)
		dir->refs++;
	if (old) {
		old->refs--;
		reap(t, old);
	}
}

static bool lies_in(const struct node *n, const struct node *top)
{
	while (n && n != top)
		n = n->parent;
	return n != NULL;
}

/* A thing has one place: where it was seen last. But never below itself, as
 * two moves of others seen in the wrong order would have it. */
static struct node *take_known(struct nodes *t, struct node *n,
			       struct node *dir, struct str name)
{
	if (n != t->root && (n->parent != dir || !str_is(name, n->name)) &&
	    !lies_in(dir, n))
		set_place(t, n, dir, name);
	return n;
}

/* Its id may still be that of a node that was retired. */
static struct node *take_new(struct nodes *t, struct node *dir,
			     const struct found *x, uint64_t ident)
{
	struct node *n = node_new(x->kind, x->key, x->name);

	if (!n)
		return NULL;
	n->ident = n->id = ident;
	if (find_id(t, ident))
		n->id = nodes_made_up_id(++t->made_up);
	n->row = x->row;
	n->owner = x->owner;
	insert(t, n, dir);
	return n;
}

/* Hashes may meet; rows do not. */
static bool is_thing(const struct node *n, const struct found *x)
{
	return n->kind == x->kind && n->row == x->row &&
	       (has_own_row(x->kind) || str_eq(n->key, x->key));
}

struct node *nodes_take(struct nodes *t, struct node *dir,
			const struct found *x)
{
	SCOPED_LOCK(&t->mu);
	uint64_t ident;
	struct node *n = x->node;

	if (!n) {
		ident = node_ident(x->kind, x->row, x->key);
		while ((n = find_ident(t, ident)) && !is_thing(n, x))
			ident = (ident & ~low(~UINT64_C(0))) | low(ident + 1);
		n = n ? take_known(t, n, dir, x->name)
		      : take_new(t, dir, x, ident);
	}
	if (n)
		n->lookups++;
	return n;
}

uint64_t nodes_made_up_id(uint64_t n)
{
	return (uint64_t)KIND_MADE_UP << KIND_SHIFT | n;
}

struct node *nodes_make_up(struct nodes *t, struct node *dir,
			   enum node_kind kind, struct str name)
{
	SCOPED_LOCK(&t->mu);
	struct node *n = node_new(kind, STR_NONE, name);

	if (!n)
		return NULL;
	n->id = nodes_made_up_id(++t->made_up);
	n->ident = n->id;
	n->refs = 1;
	insert(t, n, dir);
	return n;
}

void nodes_forget(struct nodes *t, uint64_t id, uint64_t count)
{
	SCOPED_LOCK(&t->mu);
	struct node *n = find_id(t, id);

	if (!n)
		return;
	n->lookups -= count < n->lookups ? count : n->lookups;
	reap(t, n);
}

void nodes_hold(struct nodes *t, struct node *n)
{
	SCOPED_LOCK(&t->mu);
	n->refs++;
}

struct node *nodes_hold_id(struct nodes *t, uint64_t id)
{
	SCOPED_LOCK(&t->mu);
	struct node *n = find_id(t, id);

	if (n)
		n->refs++;
	return n;
}

void nodes_drop(struct nodes *t, struct node *n)
{
	if (!n)
		return;
	SCOPED_LOCK(&t->mu);
	assert(n->refs > 0);
	n->refs--;
	reap(t, n);
}

struct node *nodes_known(struct nodes *t, uint64_t ident)
{
	SCOPED_LOCK(&t->mu);
	struct node *n = find_ident(t, ident);

	if (n)
		n->refs++;
	return n;
}

void nodes_count_lookup(struct nodes *t, struct node *n)
{
	SCOPED_LOCK(&t->mu);
	n->lookups++;
}

void nodes_move(struct nodes *t, struct node *n, struct node *dir,
		struct str name)
{
	SCOPED_LOCK(&t->mu);
	set_place(t, n, dir, name);
}

void nodes_settle(struct nodes *t, struct node *n, int64_t row)
{
	SCOPED_LOCK(&t->mu);
	uint64_t ident = node_ident(n->kind, row, STR_NONE);
	struct node *other = find_ident(t, ident);

	if (n->ident == ident)
		return;
	unlink_ident(t, n);
	n->row = row;
	n->ident = other ? n->id : ident;
	link_ident(t, n);
}

void nodes_retire(struct nodes *t, struct node *n)
{
	SCOPED_LOCK(&t->mu);

	if (atomic_exchange(&n->retired, true))
		return;
	unlink_ident(t, n);
	n->ident = nodes_made_up_id(++t->made_up);
	link_ident(t, n);
	set_place(t, n, NULL, str_from(n->name));
}
