/* SPDX-License-Identifier: Apache-2.0 */
/* lexer.h - a filter's text as tokens.
 *
 * A token is a slice of the text; nothing is allocated until a string is
 * unquoted. An identifier is one token with its quoted key, so that
 * params."learning rate" and a value "LR" cannot be taken for each other.
 */
#ifndef ORRERY_QUERY_LEXER_H
#define ORRERY_QUERY_LEXER_H

#include "indexer/base/arena.h"

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,   /* status, metrics.loss, params."a b", AND */
	TOKEN_NUMBER, /* also nan, inf, infinity */
	TOKEN_STRING, /* '...' or "...", a quote in it doubled */
	TOKEN_QUOTED, /* `...` */
	TOKEN_COMPARATOR,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_SEMICOLON,
	TOKEN_BAD /* a quote that is not closed, or a byte of no meaning */
};

struct token {
	enum token_kind kind;
	struct str raw;
};

struct lexer {
	struct str text;
	size_t at; /* of what follows the last token */
};

struct token lexer_next(struct lexer *l);
/* Whether a word is this keyword (given in upper case). */
bool token_is(struct token t, const char *keyword);
/* The text of a TOKEN_STRING without its quotes; *ret may point into the
 * token. -1 where the arena is full. */
int token_unquote(struct token t, struct arena *a, struct str *ret,
		  struct err *e);

#endif
