/* SPDX-License-Identifier: Apache-2.0 */
/* sentence.c - see sentence.h. */
#include "indexer/query/sentence.h"

#include <string.h>

#include "indexer/base/num.h"
#include "indexer/query/excerpt.h"
#include "indexer/query/lexer.h"

struct scan {
	struct lexer lexer;
	struct token t; /* the one looked at */
	int depth;      /* of parentheses */
};

static void advance(struct scan *s)
{
	s->t = lexer_next(&s->lexer);
	if (s->t.kind == TOKEN_OPEN)
		s->depth++;
	if (s->t.kind == TOKEN_CLOSE)
		s->depth--;
}

static bool at_end(const struct scan *s)
{
	return s->t.kind == TOKEN_END || s->t.kind == TOKEN_BAD;
}

static size_t position(const struct scan *s)
{
	return s->t.kind == TOKEN_END ? s->lexer.text.n
				      : (size_t)(s->t.raw.p - s->lexer.text.p);
}

/* A keyword and what must follow it, looked at without being passed. */
static bool is_pair(const struct scan *s, const char *keyword, const char *word,
		    bool number)
{
	struct scan ahead = *s;

	if (s->depth || s->t.kind != TOKEN_WORD || !token_is(s->t, keyword))
		return false;
	advance(&ahead);
	return number ? ahead.t.kind == TOKEN_NUMBER
		      : ahead.t.kind == TOKEN_WORD && token_is(ahead.t, word);
}

static bool ends_part(const struct scan *s)
{
	return at_end(s) || is_pair(s, "LIMIT", NULL, true) ||
	       is_pair(s, "OFFSET", NULL, true);
}

static struct str slice(const struct scan *s, size_t from)
{
	size_t to = s->t.kind == TOKEN_BAD ? s->lexer.text.n : position(s);

	return str_trim(str_n(s->lexer.text.p + from, to - from));
}

static int take_items(struct scan *s, struct sentence *ret, struct err *e)
{
	size_t from;

	do {
		advance(s); /* BY, or a comma */
		if (ret->norder == SENTENCE_ITEMS)
			return err_set(e, ERR_INVALID,
				       "order by more than %d things",
				       SENTENCE_ITEMS);
		for (from = position(s);
		     !ends_part(s) && (s->depth || s->t.kind != TOKEN_COMMA);)
			advance(s);
		ret->order[ret->norder++] = slice(s, from);
	} while (s->t.kind == TOKEN_COMMA);
	return 0;
}

/* "limit 10", if it is next. */
static int take_number(struct scan *s, const char *keyword, int64_t least,
		       int64_t most, int64_t *ret, struct err *e)
{
	if (!is_pair(s, keyword, NULL, true))
		return 0;
	advance(s);
	if (!num_parse_i64(s->t.raw, ret) || *ret < least || *ret > most)
		return err_set(e, ERR_INVALID,
			       "%s %.*s: a whole number from %lld to %lld is "
			       "taken",
			       keyword, STR_ARG(s->t.raw), (long long)least,
			       (long long)most);
	advance(s);
	return 0;
}

static int check_end(const struct scan *s, struct err *e)
{
	size_t at = position(s);
	struct excerpt rest =
		excerpt(str_n(s->lexer.text.p + at, s->lexer.text.n - at));

	if (at == s->lexer.text.n)
		return 0;
	return err_set(e, ERR_INVALID,
		       "'%s' at position %zu: nothing can follow limit N "
		       "offset N",
		       rest.text, at);
}

int sentence_parse(struct str text, struct sentence *ret, struct err *e)
{
	struct scan s = {.lexer = {.text = text}};

	*ret = (struct sentence){.limit = SENTENCE_LIMIT};
	advance(&s);
	while (!ends_part(&s) && !is_pair(&s, "ORDER", "BY", false))
		advance(&s);
	ret->filter = slice(&s, 0);
	if (s.t.kind == TOKEN_BAD)
		return 0;
	if (is_pair(&s, "ORDER", "BY", false)) {
		advance(&s);
		if (take_items(&s, ret, e) < 0)
			return -1;
		if (s.t.kind == TOKEN_BAD)
			return 0;
	}
	if (take_number(&s, "LIMIT", 1, SENTENCE_LIMIT, &ret->limit, e) < 0 ||
	    take_number(&s, "OFFSET", 0, SENTENCE_OFFSET, &ret->offset, e) < 0)
		return -1;
	return check_end(&s, e);
}

/* --- names ---------------------------------------------------------------- */

/* Bytes of "%", any number of "25", "2F" at the beginning of s; 0: it is no
 * such thing. */
static size_t slash_form(struct str s)
{
	size_t i = 1;

	if (!s.n || s.p[0] != '%')
		return 0;
	while (i + 2 < s.n && memcmp(s.p + i, "25", 2) == 0)
		i += 2;
	if (i + 1 >= s.n || s.p[i] != '2' || (s.p[i + 1] | 32) != 'f')
		return 0;
	return i + 2;
}

size_t sentence_from_name(struct str name, char *out)
{
	size_t n = 0, form;

	for (size_t i = 0; i < name.n;) {
		form = slash_form(str_n(name.p + i, name.n - i));
		if (form == 3) {
			out[n++] = '/';
			i += form;
		} else if (form) {
			out[n++] = '%';
			memcpy(out + n, name.p + i + 3, form - 3);
			n += form - 3;
			i += form;
		} else {
			out[n++] = name.p[i++];
		}
	}
	return n;
}

size_t sentence_to_name(struct str text, char *out)
{
	size_t n = 0;

	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '/') {
			memcpy(out + n, "%2F", 3);
			n += 3;
		} else if (slash_form(str_n(text.p + i, text.n - i))) {
			memcpy(out + n, "%25", 3);
			n += 3;
		} else {
			out[n++] = text.p[i];
		}
	}
	return n;
}
