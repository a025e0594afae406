/* SPDX-License-Identifier: Apache-2.0 */
/* regex_parse.c - the syntax of regular expressions; see regex_tree.h. */
#include "indexer/base/text.h"
#include "indexer/query/excerpt.h"
#include "indexer/query/regex_tree.h"

enum { NOT_A_CHAR = 0x110000, LAST_CHAR = 0x10ffff };

struct parser {
	struct str s;
	size_t at;
	int depth;
	struct arena *arena;
	struct char_range *ranges; /* all classes share them */
	size_t nranges;
	struct err *e;
};

uint32_t regex_char(struct str s, size_t *i)
{
	const unsigned char *p = (const unsigned char *)s.p + *i;
	size_t n = p[0] < 0x80 ? 1 : utf8_sequence(str_n(s.p + *i, s.n - *i));
	uint32_t c = n > 1 ? p[0] & (0xffU >> (n + 1)) : p[0];

	*i += n ? n : 1;
	if (!n)
		return NOT_A_CHAR + p[0];
	for (size_t k = 1; k < n; k++)
		c = c << 6 | (p[k] & 0x3fU);
	return c;
}

static bool more(const struct parser *p)
{
	return p->at < p->s.n;
}

static char peek(const struct parser *p)
{
	return more(p) ? p->s.p[p->at] : '\0';
}

static bool take(struct parser *p, const char *literal)
{
	if (!str_starts(str_n(p->s.p + p->at, p->s.n - p->at),
			str_from(literal)))
		return false;
	p->at += strlen(literal);
	return true;
}

static void *bad(struct parser *p, const char *what)
{
	struct excerpt x = excerpt(p->s);

	err_set(p->e, ERR_INVALID,
		"Invalid regular expression '%s': %s (position %zu)", x.text,
		what, p->at + 1);
	return NULL;
}

static struct tree *new_tree(struct parser *p, enum tree_kind kind,
			     const struct tree *a, const struct tree *b)
{
	struct tree *t = arena_alloc(p->arena, sizeof(*t));

	if (!t) {
		arena_full(p->arena, p->e);
		return NULL;
	}
	*t = (struct tree){.kind = kind, .a = a, .b = b};
	return t;
}

/* --- classes ----------------------------------------------------------- */

static const struct {
	const char *name; /* in [:name:] */
	char escape;      /* in \x; its capital is the opposite */
	size_t n;
	struct char_range ranges[4];
} classes[] = {
	{"digit", 'd', 1, {{'0', '9'}}},
	{"word", 'w', 4, {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
	{"space", 's', 2, {{'\t', '\r'}, {' ', ' '}}},
	{"alpha", 0, 2, {{'A', 'Z'}, {'a', 'z'}}},
	{"alnum", 0, 3, {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
	{"upper", 0, 1, {{'A', 'Z'}}},
	{"lower", 0, 1, {{'a', 'z'}}},
	{"punct", 0, 4, {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
	{"xdigit", 0, 3, {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

enum { NCLASSES = sizeof(classes) / sizeof(classes[0]) };

static void add_range(struct parser *p, uint32_t low, uint32_t high)
{
	p->ranges[p->nranges++] = (struct char_range){low, high};
}

static void add_class(struct parser *p, size_t k)
{
	for (size_t i = 0; i < classes[k].n; i++)
		add_range(p, classes[k].ranges[i].low,
			  classes[k].ranges[i].high);
}

static size_t class_by_escape(char lower)
{
	size_t k = 0;

	while (k < NCLASSES && classes[k].escape != lower)
		k++;
	return k;
}

/* [:alpha:] inside of brackets, after "[:". */
static bool named_class(struct parser *p)
{
	for (size_t k = 0; k < NCLASSES; k++) {
		size_t start = p->at;

		if (take(p, classes[k].name) && take(p, ":]")) {
			add_class(p, k);
			return true;
		}
		p->at = start;
	}
	bad(p, "unknown class; known are alpha, digit, alnum, upper, lower, "
	       "space, punct, xdigit, word");
	return false;
}

/* What \c stands for as a character; NOT_A_CHAR if it is none. */
static uint32_t escaped_char(char c)
{
	switch (c) {
	case 'n':
		return '\n';
	case 't':
		return '\t';
	case 'r':
		return '\r';
	default:
		return c && strchr("\\.[]{}()*+?^$|/-_ :,\"'`~!@#%&=<>;", c)
			       ? (uint32_t)c
			       : NOT_A_CHAR;
	}
}

static bool bracket_escape(struct parser *p, uint32_t *ret)
{
	size_t k = class_by_escape(peek(p) ? peek(p) : 'n');

	*ret = escaped_char(peek(p));
	if (k == NCLASSES && *ret == NOT_A_CHAR) {
		bad(p, "unknown escape");
		return false;
	}
	if (k < NCLASSES)
		add_class(p, k);
	p->at++;
	return true;
}

/* One character of a bracket; NOT_A_CHAR after a whole class. */
static bool bracket_char(struct parser *p, uint32_t *ret)
{
	*ret = NOT_A_CHAR;
	if (take(p, "[:"))
		return named_class(p);
	if (take(p, "\\"))
		return bracket_escape(p, ret);
	*ret = regex_char(p->s, &p->at);
	return true;
}

static bool bracket_item(struct parser *p)
{
	uint32_t low;
	uint32_t high;

	if (!bracket_char(p, &low))
		return false;
	if (low == NOT_A_CHAR)
		return true;
	high = low;
	if (peek(p) == '-' && p->at + 1 < p->s.n && p->s.p[p->at + 1] != ']') {
		p->at++;
		if (!bracket_char(p, &high))
			return false;
	}
	if (high == NOT_A_CHAR || high < low) {
		bad(p, "range out of order");
		return false;
	}
	add_range(p, low, high);
	return true;
}

/* After '['. */
static struct tree *parse_bracket(struct parser *p)
{
	struct tree *t = new_tree(p, TREE_CLASS, NULL, NULL);
	size_t first = p->nranges;
	bool begun = false;

	if (!t)
		return NULL;
	t->class.negated = take(p, "^");
	while (more(p) && (!begun || peek(p) != ']')) {
		begun = true;
		if (!bracket_item(p))
			return NULL;
	}
	if (!take(p, "]"))
		return bad(p, "'[' without ']'");
	t->class.ranges = p->ranges + first;
	t->class.n = p->nranges - first;
	return t;
}

/* --- atoms, repetition, alternatives ----------------------------------- */

static struct tree *parse_alt(struct parser *p);

static struct tree *new_char(struct parser *p, uint32_t c)
{
	struct tree *t = new_tree(p, TREE_CHAR, NULL, NULL);

	if (t)
		t->c = c;
	return t;
}

/* After a backslash. */
static struct tree *parse_escape(struct parser *p)
{
	char c = peek(p);
	bool upper = c >= 'A' && c <= 'Z';
	size_t k = class_by_escape(upper ? (char)(c + 32) : c ? c : '0');
	struct tree *t;

	if (k == NCLASSES && escaped_char(c) == NOT_A_CHAR)
		return bad(p, "unknown escape");
	p->at++;
	if (k == NCLASSES)
		return new_char(p, escaped_char(c));
	t = new_tree(p, TREE_CLASS, NULL, NULL);
	if (t)
		t->class = (struct char_class){classes[k].ranges, classes[k].n,
					       upper};
	return t;
}

/* After '('. */
static struct tree *parse_group(struct parser *p)
{
	struct tree *t;

	if (peek(p) == '?' && !take(p, "?:"))
		return bad(p, "of (?...) only (?:...) and a leading (?i) are "
			      "known");
	if (++p->depth > REGEX_DEPTH_MAX)
		return bad(p, "groups nested too deeply");
	t = parse_alt(p);
	p->depth--;
	if (t && !take(p, ")"))
		return bad(p, "'(' without ')'");
	return t;
}

static struct tree *parse_atom(struct parser *p)
{
	if (take(p, "("))
		return parse_group(p);
	if (take(p, "["))
		return parse_bracket(p);
	if (take(p, "\\"))
		return parse_escape(p);
	if (take(p, "."))
		return new_tree(p, TREE_ANY, NULL, NULL);
	if (take(p, "^"))
		return new_tree(p, TREE_START, NULL, NULL);
	if (take(p, "$"))
		return new_tree(p, TREE_END, NULL, NULL);
	if (strchr("*+?{", peek(p)))
		return bad(p, "nothing to repeat");
	return new_char(p, regex_char(p->s, &p->at));
}

static bool parse_bound(struct parser *p, int *ret)
{
	size_t start = p->at;
	int n = 0;

	while (peek(p) >= '0' && peek(p) <= '9' && n <= REGEX_REPEAT_MAX)
		n = n * 10 + (p->s.p[p->at++] - '0');
	*ret = n;
	return p->at > start && n <= REGEX_REPEAT_MAX;
}

/* After '{': n} n,} n,m} */
static bool parse_bounds(struct parser *p, int *min, int *max)
{
	bool good = parse_bound(p, min);

	*max = *min;
	if (good && take(p, ",")) {
		*max = REPEAT_FOREVER;
		if (peek(p) != '}')
			good = parse_bound(p, max) && *max >= *min;
	}
	if (!good || !take(p, "}")) {
		bad(p, "bad repetition: write {n}, {n,} or {n,m}, at most 255");
		return false;
	}
	return true;
}

/* *any tells whether a quantifier was there. */
static bool parse_quantifier(struct parser *p, int *min, int *max, bool *any)
{
	*any = true;
	*min = 0;
	*max = REPEAT_FOREVER;
	if (take(p, "{"))
		return parse_bounds(p, min, max);
	if (take(p, "+"))
		*min = 1;
	else if (take(p, "?"))
		*max = 1;
	else
		*any = take(p, "*");
	return true;
}

static struct tree *parse_repeat(struct parser *p)
{
	struct tree *t = parse_atom(p);
	int min;
	int max;
	bool any;

	while (t) {
		if (!parse_quantifier(p, &min, &max, &any))
			return NULL;
		if (!any)
			return t;
		take(p, "?");
		t = new_tree(p, TREE_REPEAT, t, NULL);
		if (t) {
			t->min = min;
			t->max = max;
		}
	}
	return NULL;
}

static struct tree *parse_cat(struct parser *p)
{
	struct tree *t = NULL;

	while (more(p) && peek(p) != '|' && (peek(p) != ')' || !p->depth)) {
		struct tree *next = parse_repeat(p);

		if (!next)
			return NULL;
		t = t ? new_tree(p, TREE_CAT, t, next) : next;
		if (!t)
			return NULL;
	}
	return t ? t : new_tree(p, TREE_EMPTY, NULL, NULL);
}

static struct tree *parse_alt(struct parser *p)
{
	struct tree *t = parse_cat(p);

	while (t && take(p, "|")) {
		struct tree *next = parse_cat(p);

		t = next ? new_tree(p, TREE_ALT, t, next) : NULL;
	}
	return t;
}

int regex_parse(struct str text, struct arena *a, struct pattern *ret,
		struct err *e)
{
	struct parser p = {.s = text, .arena = a, .e = e};

	if (text.n > REGEX_PATTERN_MAX)
		return err_set(e, ERR_INVALID,
			       "Invalid regular expression: longer than %d "
			       "bytes",
			       REGEX_PATTERN_MAX);
	p.ranges =
		arena_array(a, text.n + 1, RANGES_PER_BYTE * sizeof(*p.ranges));
	if (!p.ranges)
		return arena_full(a, e);
	ret->ignore_case = take(&p, "(?i)");
	ret->tree = parse_alt(&p);
	return ret->tree ? 0 : -1;
}
