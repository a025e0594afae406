/* SPDX-License-Identifier: Apache-2.0 */
/* mlflow.c - the parser of filters and orders; see mlflow.h.
 *
 * Recursive descent. The shape of a whole comparison is read before its words
 * are looked up, so that broken syntax is told before an unknown name, as
 * MLflow's clients expect.
 */
#include "indexer/query/mlflow.h"

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/query/excerpt.h"
#include "indexer/query/lexer.h"
#include "indexer/query/match.h"
#include "indexer/query/value.h"
#include "indexer/query/vocabulary.h"

enum { PATTERN_ARENA = 1 << 20 };

struct parser {
	struct lexer lexer;
	struct token t; /* the one looked at */
	const struct vocabulary *v;
	struct arena *arena;
	int depth, leaves;
	struct err *e;
};

/* A comparison before its words are looked up. */
struct clause {
	struct token identifier;
	const char *comparator; /* of words; NULL: as written */
	struct token op;
	struct token *values;
	size_t nvalues;
	bool list;
};

static void advance(struct parser *p)
{
	p->t = lexer_next(&p->lexer);
}

static bool take(struct parser *p, const char *keyword)
{
	if (!token_is(p->t, keyword))
		return false;
	advance(p);
	return true;
}

static int bad_token(struct parser *p, struct token t, const char *expected)
{
	struct str all = p->lexer.text;
	struct excerpt x = excerpt(t.kind == TOKEN_END ? all : t.raw);

	return err_set(p->e, ERR_INVALID,
		       "Invalid clause(s) in filter string: '%s'. Expected %s "
		       "at position %zu",
		       x.text, expected, (size_t)(t.raw.p - all.p) + 1);
}

static struct expr *new_node(struct parser *p, enum expr_op op, struct expr *a,
			     struct expr *b)
{
	struct expr *x = arena_alloc(p->arena, sizeof(*x));

	if (!x) {
		arena_full(p->arena, p->e);
		return NULL;
	}
	*x = (struct expr){.op = op, .a = a, .b = b};
	return x;
}

/* --- values ------------------------------------------------------------ */

static int clause_values(struct parser *p, const struct clause *c,
			 const struct field_ref *f, struct expr *leaf)
{
	leaf->nvalues = c->nvalues;
	if (!c->nvalues)
		return 0;
	leaf->values = arena_array(p->arena, c->nvalues, sizeof(*leaf->values));
	if (!leaf->values)
		return arena_full(p->arena, p->e);
	for (size_t i = 0; i < c->nvalues; i++) {
		if (value_parse(f, c->values[i], p->arena, &leaf->values[i],
				p->e) < 0)
			return -1;
	}
	return 0;
}

/* --- one comparison ---------------------------------------------------- */

static bool is_value(struct token t)
{
	return t.kind == TOKEN_STRING || t.kind == TOKEN_NUMBER ||
	       t.kind == TOKEN_WORD || t.kind == TOKEN_QUOTED;
}

static int parse_identifier(struct parser *p, struct clause *c)
{
	struct token t = p->t;
	struct excerpt x = excerpt(t.raw);
	bool literal = t.kind == TOKEN_NUMBER ||
		       (t.kind == TOKEN_STRING && t.raw.p[0] == '\'');

	if (literal)
		return err_set(p->e, ERR_INVALID,
			       "Invalid comparison clause. Expected "
			       "'Identifier' found '%s'",
			       x.text);
	if (!is_value(t) || token_is(t, "and") || token_is(t, "or"))
		return bad_token(p, t, "an identifier");
	c->identifier = t;
	advance(p);
	return 0;
}

/* Words that make a comparator; c->op stays as it is for the others. */
static int parse_comparator(struct parser *p, struct clause *c)
{
	c->op = p->t;
	if (p->t.kind == TOKEN_COMPARATOR || token_is(p->t, "like") ||
	    token_is(p->t, "ilike") || token_is(p->t, "rlike")) {
		advance(p);
	} else if (take(p, "in")) {
		c->comparator = "IN";
		c->list = true;
	} else if (take(p, "not")) {
		if (!token_is(p->t, "in"))
			return bad_token(p, p->t, "IN after NOT");
		advance(p);
		c->comparator = "NOT IN";
		c->list = true;
	} else if (take(p, "is")) {
		c->comparator = take(p, "not") ? "IS NOT NULL" : "IS NULL";
		if (!token_is(p->t, "null"))
			return bad_token(p, p->t, "NULL or NOT NULL after IS");
		advance(p);
	} else {
		return bad_token(p, p->t, "a comparator");
	}
	return 0;
}

static size_t count_list(const struct parser *p)
{
	struct lexer l = p->lexer;
	size_t n = 1;
	struct token t;

	while ((t = lexer_next(&l)).kind != TOKEN_CLOSE && t.kind != TOKEN_END)
		n += t.kind == TOKEN_COMMA;
	return n;
}

/* One comma may end it: so Python writes a tuple of one. */
static int parse_list(struct parser *p, struct clause *c)
{
	size_t n = count_list(p);

	if (p->t.kind != TOKEN_OPEN)
		return bad_token(p, p->t, "a list in parentheses");
	advance(p);
	if (n > FILTER_LIST_MAX)
		return err_set(p->e, ERR_INVALID,
			       "Invalid filter: a list has %zu values; at most "
			       "%d are allowed",
			       n, FILTER_LIST_MAX);
	c->values = arena_array(p->arena, n, sizeof(*c->values));
	if (!c->values)
		return arena_full(p->arena, p->e);
	do {
		if (!is_value(p->t))
			return bad_token(p, p->t, "a value of the list");
		c->values[c->nvalues++] = p->t;
		advance(p);
		if (p->t.kind != TOKEN_COMMA)
			break;
		advance(p);
	} while (p->t.kind != TOKEN_CLOSE);
	if (p->t.kind != TOKEN_CLOSE)
		return bad_token(p, p->t, "',' or ')'");
	advance(p);
	return 0;
}

static int parse_value(struct parser *p, struct clause *c)
{
	if (!is_value(p->t))
		return bad_token(p, p->t, "a value");
	c->values = arena_alloc(p->arena, sizeof(*c->values));
	if (!c->values)
		return arena_full(p->arena, p->e);
	c->values[c->nvalues++] = p->t;
	advance(p);
	return 0;
}

/* Patterns are compiled once here so that a bad one is told with the rest of
 * the syntax; who evaluates makes its own. */
static int check_pattern(const struct expr *leaf, struct err *e)
{
	SCOPED(arena_fini) struct arena scratch;
	struct match m;

	arena_init(&scratch, PATTERN_ARENA);
	return match_compile(&m, leaf, &scratch, e);
}

/* Look the words of a clause up, and check its values. */
static int resolve_clause(struct parser *p, const struct clause *c,
			  struct expr *leaf)
{
	struct str comparator =
		c->comparator ? str_from(c->comparator) : c->op.raw;
	struct field_ref f;

	if (vocabulary_resolve(p->v, c->identifier.raw, USE_FILTER, &f, p->e) <
		    0 ||
	    comparator_resolve(comparator, f.type, &leaf->cmp, p->e) < 0 ||
	    clause_values(p, c, &f, leaf) < 0)
		return -1;
	leaf->family = f.family;
	leaf->key = f.key;
	if (leaf->cmp == CMP_LIKE || leaf->cmp == CMP_ILIKE ||
	    leaf->cmp == CMP_RLIKE)
		return check_pattern(leaf, p->e);
	return 0;
}

static struct expr *parse_clause(struct parser *p)
{
	struct clause c = {.list = false};
	struct expr *leaf = new_node(p, EXPR_LEAF, NULL, NULL);
	int rc;

	if (!leaf || parse_identifier(p, &c) < 0 || parse_comparator(p, &c) < 0)
		return NULL;
	if (c.list)
		rc = parse_list(p, &c);
	else
		rc = c.comparator ? 0 : parse_value(p, &c);
	if (rc < 0 || resolve_clause(p, &c, leaf) < 0)
		return NULL;
	if (++p->leaves > FILTER_LEAVES_MAX) {
		err_set(p->e, ERR_INVALID,
			"Invalid filter: more than %d comparisons",
			FILTER_LEAVES_MAX);
		return NULL;
	}
	return leaf;
}

/* --- and, or, not ------------------------------------------------------ */

static struct expr *parse_or(struct parser *p);

static struct expr *parse_parentheses(struct parser *p)
{
	struct expr *x;

	advance(p);
	x = parse_or(p);
	if (x && p->t.kind != TOKEN_CLOSE) {
		bad_token(p, p->t, "AND, OR or ')'");
		return NULL;
	}
	advance(p);
	return x;
}

static struct expr *parse_unary(struct parser *p)
{
	struct expr *x;

	if (p->t.kind != TOKEN_OPEN && !token_is(p->t, "not"))
		return parse_clause(p);
	if (++p->depth > FILTER_DEPTH_MAX) {
		err_set(p->e, ERR_INVALID,
			"Invalid filter: nested deeper than %d",
			FILTER_DEPTH_MAX);
		return NULL;
	}
	if (take(p, "not")) {
		x = parse_unary(p);
		x = x ? new_node(p, EXPR_NOT, x, NULL) : NULL;
	} else {
		x = parse_parentheses(p);
	}
	p->depth--;
	return x;
}

static struct expr *parse_and(struct parser *p)
{
	struct expr *x = parse_unary(p);

	while (x && take(p, "and")) {
		struct expr *b = parse_unary(p);

		x = b ? new_node(p, EXPR_AND, x, b) : NULL;
	}
	return x;
}

static struct expr *parse_or(struct parser *p)
{
	struct expr *x = parse_and(p);

	while (x && take(p, "or")) {
		struct expr *b = parse_and(p);

		x = b ? new_node(p, EXPR_OR, x, b) : NULL;
	}
	return x;
}

/* --- the whole --------------------------------------------------------- */

static int check_text(struct str text, size_t max, const char *what,
		      struct err *e)
{
	if (text.n > max)
		return err_set(e, ERR_INVALID,
			       "Invalid %s: it has %zu bytes, at most %zu are "
			       "allowed",
			       what, text.n, max);
	if (!utf8_valid(text) || str_find(text, '\0') < text.n)
		return err_set(e, ERR_INVALID, "Invalid %s: not text in UTF-8",
			       what);
	return 0;
}

/* What no rule takes anywhere, told first. */
static int check_tokens(struct parser *p)
{
	struct lexer l = p->lexer;
	struct excerpt x = excerpt(l.text);
	struct token t;

	while ((t = lexer_next(&l)).kind != TOKEN_END) {
		if (t.kind == TOKEN_BAD)
			return bad_token(p, t, "a closed quote or a word");
		if (t.kind == TOKEN_SEMICOLON)
			return err_set(p->e, ERR_INVALID,
				       "Search filter contained multiple "
				       "expressions '%s'. Provide AND-ed "
				       "expression list.",
				       x.text);
	}
	return 0;
}

int mlflow_filter_parse(struct str filter, const struct vocabulary *v,
			struct arena *a, struct expr **ret, struct err *e)
{
	struct parser p = {
		.lexer = {.text = filter}, .v = v, .arena = a, .e = e};

	*ret = NULL;
	if (!filter.n)
		return 0;
	if (check_text(filter, FILTER_BYTES_MAX, "filter", e) < 0 ||
	    check_tokens(&p) < 0)
		return -1;
	advance(&p);
	if (p.t.kind == TOKEN_END)
		return err_set(e, ERR_INVALID,
			       "Invalid filter '': only blanks. Leave it empty "
			       "to find all");
	*ret = parse_or(&p);
	if (!*ret)
		return -1;
	if (p.t.kind != TOKEN_END)
		return bad_token(&p, p.t, "AND or OR");
	return 0;
}

static int bad_order(struct str item, const char *what, struct err *e)
{
	struct excerpt x = excerpt(item);

	return err_set(e, ERR_INVALID, "Invalid %s '%s'. %s", what, x.text,
		       "Write a column and ASC or DESC, as in "
		       "\"metrics.loss DESC\".");
}

int mlflow_order_parse(struct str item, const struct vocabulary *v,
		       struct arena *a, struct expr_order *ret, struct err *e)
{
	struct lexer l = {.text = item};
	struct token column;
	struct token direction;
	struct field_ref f;

	(void)a;
	if (check_text(item, ORDER_BYTES_MAX, "order_by clause", e) < 0)
		return -1;
	column = lexer_next(&l);
	direction = lexer_next(&l);
	if (!is_value(column) || column.kind == TOKEN_NUMBER ||
	    (direction.kind != TOKEN_END && direction.kind != TOKEN_WORD) ||
	    lexer_next(&l).kind != TOKEN_END)
		return bad_order(item, "order_by clause", e);
	ret->descending = token_is(direction, "desc");
	if (direction.kind == TOKEN_WORD && !ret->descending &&
	    !token_is(direction, "asc"))
		return bad_order(item, "ordering key in order_by clause", e);
	if (vocabulary_resolve(v, column.raw, USE_ORDER, &f, e) < 0)
		return -1;
	ret->family = f.family;
	ret->key = f.key;
	return 0;
}
