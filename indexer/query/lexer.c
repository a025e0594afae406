/* SPDX-License-Identifier: Apache-2.0 */
/* lexer.c - see lexer.h. Keys may hold '-', '/' and ':' without quotes, for
 * the language has no arithmetic they could be mistaken for. */
#include "indexer/query/lexer.h"

#include "indexer/base/num.h"

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || (unsigned char)c >= 0x80 ||
	       (c && strchr("_.-/:", c));
}

static bool is_comparator(char c)
{
	return c && strchr("=<>!~", c);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* End of the quoted text that begins at i, 0 if it is not closed. */
static size_t quoted_end(struct str s, size_t i, bool doubling)
{
	char quote = s.p[i];

	for (i++; i < s.n; i++) {
		if (s.p[i] != quote)
			continue;
		if (!doubling || i + 1 >= s.n || s.p[i + 1] != quote)
			return i + 1;
		i++;
	}
	return 0;
}

/* The sign of an exponent belongs to a number. */
static bool is_exponent_sign(struct str s, size_t start, size_t i)
{
	char first = s.p[start];
	char last = s.p[i - 1];

	return s.p[i] == '+' && (last == 'e' || last == 'E') &&
	       (is_digit(first) || first == '.' || first == '-' ||
		first == '+');
}

static size_t word_end(struct str s, size_t start)
{
	size_t i = start + 1;

	while (i < s.n && (is_word(s.p[i]) || is_exponent_sign(s, start, i)))
		i++;
	return i;
}

/* The word that begins at start and goes on at least to known. */
static struct token lex_word(struct str s, size_t start, size_t known)
{
	size_t i = word_end(s, known);
	struct token t = {TOKEN_WORD, {s.p + start, i - start}};
	double ignored;

	if (i < s.n && s.p[i - 1] == '.' && (s.p[i] == '`' || s.p[i] == '"')) {
		i = quoted_end(s, i, false);
		t.kind = i ? TOKEN_WORD : TOKEN_BAD;
		t.raw.n = (i ? i : s.n) - start;
	} else if (num_parse_f64(t.raw, &ignored)) {
		t.kind = TOKEN_NUMBER;
	}
	return t;
}

static struct token lex_quoted(struct str s, size_t start)
{
	bool backtick = s.p[start] == '`';
	size_t end = quoted_end(s, start, !backtick);

	if (backtick && end && end < s.n && s.p[end] == '.')
		return lex_word(s, start, end); /* `metrics`.loss */
	if (!end)
		return (struct token){TOKEN_BAD, {s.p + start, s.n - start}};
	return (struct token){backtick ? TOKEN_QUOTED : TOKEN_STRING,
			      {s.p + start, end - start}};
}

static enum token_kind punctuation(char c)
{
	switch (c) {
	case '(':
		return TOKEN_OPEN;
	case ')':
		return TOKEN_CLOSE;
	case ',':
		return TOKEN_COMMA;
	case ';':
		return TOKEN_SEMICOLON;
	default:
		return TOKEN_BAD;
	}
}

static struct token lex_at(struct str s, size_t i)
{
	size_t end = i;
	char c = s.p[i];

	if (c == '\'' || c == '"' || c == '`')
		return lex_quoted(s, i);
	if (is_word(c) || c == '+')
		return lex_word(s, i, i);
	while (end < s.n && is_comparator(s.p[end]))
		end++;
	if (end > i)
		return (struct token){TOKEN_COMPARATOR, {s.p + i, end - i}};
	return (struct token){punctuation(c), {s.p + i, 1}};
}

struct token lexer_next(struct lexer *l)
{
	struct token t;

	while (l->at < l->text.n && is_blank(l->text.p[l->at]))
		l->at++;
	if (l->at >= l->text.n)
		return (struct token){TOKEN_END, {l->text.p + l->text.n, 0}};
	t = lex_at(l->text, l->at);
	l->at += t.raw.n;
	return t;
}

bool token_is(struct token t, const char *keyword)
{
	return t.kind == TOKEN_WORD && str_eq_nocase(t.raw, str_from(keyword));
}

int token_unquote(struct token t, struct arena *a, struct str *ret,
		  struct err *e)
{
	struct str in = {t.raw.p + 1, t.raw.n - 2};
	char quote = t.raw.p[0];
	char *out;
	size_t n = 0;

	*ret = in;
	if (str_find(in, quote) == in.n)
		return 0;
	out = arena_alloc(a, in.n);
	if (!out)
		return arena_full(a, e);
	for (size_t i = 0; i < in.n; i++) {
		out[n++] = in.p[i];
		if (in.p[i] == quote)
			i++;
	}
	*ret = str_n(out, n);
	return 0;
}
