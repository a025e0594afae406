/* SPDX-License-Identifier: Apache-2.0 */
/* regex.c - the program of a regular expression, and its run.
 *
 * A thread is a place in the program. All threads advance together, one
 * character at a time; a place is entered once per character, so the work is
 * bounded by text times program. A new thread starts at every character.
 */
#include "indexer/query/regex.h"

#include "indexer/query/regex_tree.h"

enum op {
	OP_CHAR,
	OP_ANY,
	OP_CLASS,
	OP_START,
	OP_END,
	OP_SPLIT,
	OP_JUMP,
	OP_MATCH
};

struct inst {
	enum op op;
	uint32_t c;
	const struct char_class *class;
	uint32_t x, y; /* targets */
};

/* Places to look at; seen tells by generation which are in it. */
struct threads {
	uint32_t *places;
	size_t n;
};

struct regex {
	struct inst *program;
	uint32_t length;
	bool ignore_case;
	struct threads now, next;
	uint32_t *stack;
	uint64_t *seen;
	uint64_t generation;
};

struct position {
	struct str text;
	size_t at;
};

/* --- tree to program --------------------------------------------------- */

static bool emit(struct regex *r, const struct tree *t);

static bool add(struct regex *r, struct inst in)
{
	if (r->length >= REGEX_PROGRAM_MAX)
		return false;
	r->program[r->length++] = in;
	return true;
}

static bool emit_alt(struct regex *r, const struct tree *t)
{
	uint32_t split = r->length;
	uint32_t jump;

	if (!add(r, (struct inst){.op = OP_SPLIT, .x = split + 1}) ||
	    !emit(r, t->a))
		return false;
	jump = r->length;
	if (!add(r, (struct inst){.op = OP_JUMP}))
		return false;
	r->program[split].y = r->length;
	if (!emit(r, t->b))
		return false;
	r->program[jump].x = r->length;
	return true;
}

/* once: x?; else x* */
static bool emit_optional(struct regex *r, const struct tree *t, bool once)
{
	uint32_t split = r->length;

	if (!add(r, (struct inst){.op = OP_SPLIT, .x = split + 1}) ||
	    !emit(r, t))
		return false;
	if (!once && !add(r, (struct inst){.op = OP_JUMP, .x = split}))
		return false;
	r->program[split].y = r->length;
	return true;
}

static bool emit_repeat(struct regex *r, const struct tree *t)
{
	/* Whatever is emitted counts against the limit, so must {0}. */
	if (t->max == 0)
		return add(r, (struct inst){.op = OP_JUMP, .x = r->length + 1});
	for (int i = 0; i < t->min; i++)
		if (!emit(r, t->a))
			return false;
	if (t->max == REPEAT_FOREVER)
		return emit_optional(r, t->a, false);
	for (int i = t->min; i < t->max; i++)
		if (!emit_optional(r, t->a, true))
			return false;
	return true;
}

static bool emit(struct regex *r, const struct tree *t)
{
	switch (t->kind) {
	case TREE_EMPTY:
		return add(r, (struct inst){.op = OP_JUMP, .x = r->length + 1});
	case TREE_CHAR:
		return add(r, (struct inst){.op = OP_CHAR, .c = t->c});
	case TREE_ANY:
		return add(r, (struct inst){.op = OP_ANY});
	case TREE_CLASS:
		return add(r,
			   (struct inst){.op = OP_CLASS, .class = &t->class});
	case TREE_START:
		return add(r, (struct inst){.op = OP_START});
	case TREE_END:
		return add(r, (struct inst){.op = OP_END});
	case TREE_CAT:
		return emit(r, t->a) && emit(r, t->b);
	case TREE_ALT:
		return emit_alt(r, t);
	case TREE_REPEAT:
		return emit_repeat(r, t);
	}
	return false;
}

static bool allocate(struct regex *r, struct arena *a)
{
	size_t n = REGEX_PROGRAM_MAX;

	r->program = arena_array(a, n, sizeof(*r->program));
	r->now.places = arena_array(a, n, sizeof(*r->now.places));
	r->next.places = arena_array(a, n, sizeof(*r->next.places));
	r->stack = arena_array(a, 2 * n, sizeof(*r->stack));
	r->seen = arena_array(a, n, sizeof(*r->seen));
	return r->program && r->now.places && r->next.places && r->stack &&
	       r->seen;
}

int regex_compile(struct str pattern, struct arena *a, struct regex **ret,
		  struct err *e)
{
	struct regex *r = arena_alloc(a, sizeof(*r));
	struct pattern p;

	if (!r || !allocate(r, a))
		return arena_full(a, e);
	if (regex_parse(pattern, a, &p, e) < 0)
		return -1;
	r->ignore_case = p.ignore_case;
	if (!emit(r, p.tree) || !add(r, (struct inst){.op = OP_MATCH}))
		return err_set(e, ERR_INVALID,
			       "Invalid regular expression: its repetitions "
			       "written out need more than %d steps",
			       REGEX_PROGRAM_MAX);
	*ret = r;
	return 0;
}

/* --- the run ----------------------------------------------------------- */

static uint32_t lower(uint32_t c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

static uint32_t upper(uint32_t c)
{
	return c >= 'a' && c <= 'z' ? c - 32 : c;
}

static bool in_ranges(const struct char_class *k, uint32_t c)
{
	for (size_t i = 0; i < k->n; i++)
		if (c >= k->ranges[i].low && c <= k->ranges[i].high)
			return true;
	return false;
}

static bool accepts(const struct regex *r, const struct inst *in, uint32_t c)
{
	bool found;

	switch (in->op) {
	case OP_CHAR:
		return in->c == c ||
		       (r->ignore_case && lower(in->c) == lower(c));
	case OP_ANY:
		return true;
	case OP_CLASS:
		found = in_ranges(in->class, c) ||
			(r->ignore_case && (in_ranges(in->class, lower(c)) ||
					    in_ranges(in->class, upper(c))));
		return found != in->class->negated;
	case OP_START:
	case OP_END:
	case OP_SPLIT:
	case OP_JUMP:
	case OP_MATCH:
		break;
	}
	return false;
}

/* Push what follows place without taking a character. */
static size_t follow(struct regex *r, uint32_t place, struct position pos,
		     size_t depth)
{
	const struct inst *in = &r->program[place];

	if (in->op == OP_SPLIT) {
		r->stack[depth++] = in->y;
		r->stack[depth++] = in->x;
	} else if (in->op == OP_JUMP) {
		r->stack[depth++] = in->x;
	} else if ((in->op == OP_START && pos.at == 0) ||
		   (in->op == OP_END && pos.at == pos.text.n)) {
		r->stack[depth++] = place + 1;
	}
	return depth;
}

/* Let a thread reach place and all that follows; true at a match. A place
 * pushes at most two and is entered once, so 2 * length are enough. */
static bool enter(struct regex *r, struct threads *list, uint32_t place,
		  struct position pos)
{
	size_t depth = 0;

	r->stack[depth++] = place;
	while (depth) {
		place = r->stack[--depth];
		if (r->seen[place] == r->generation)
			continue;
		r->seen[place] = r->generation;
		if (r->program[place].op == OP_MATCH)
			return true;
		if (r->program[place].op <= OP_CLASS)
			list->places[list->n++] = place;
		else
			depth = follow(r, place, pos, depth);
	}
	return false;
}

static bool step(struct regex *r, uint32_t c, struct position after)
{
	struct threads swap = r->now;

	r->generation++;
	r->next.n = 0;
	for (size_t i = 0; i < r->now.n; i++) {
		uint32_t place = r->now.places[i];

		if (accepts(r, &r->program[place], c) &&
		    enter(r, &r->next, place + 1, after))
			return true;
	}
	r->now = r->next;
	r->next = swap;
	return false;
}

bool regex_search(struct regex *r, struct str text)
{
	struct position pos = {text, 0};

	r->generation++;
	r->now.n = 0;
	for (;;) {
		uint32_t c;

		if (enter(r, &r->now, 0, pos))
			return true;
		if (pos.at >= text.n)
			return false;
		c = regex_char(text, &pos.at);
		if (step(r, c, pos))
			return true;
	}
}
