/* SPDX-License-Identifier: Apache-2.0 */
/* regex.h - regular expressions for RLIKE, in time linear in the text.
 *
 * The C library's matcher takes minutes and unbounded memory for some twenty
 * bytes of pattern, and patterns come from users. This one runs all threads
 * of a small program side by side, so that a byte of text costs at most the
 * program's length, which is limited.
 *
 * POSIX extended syntax on characters (UTF-8), and of Perl's: \d \w \s and
 * their opposites, (?:...), a leading (?i), lazy quantifiers (a match is a
 * match). No back references, no assertions but ^ and $, which are the ends
 * of the text. Classes like [:alpha:] and ignoring case are ASCII.
 */
#ifndef ORRERY_QUERY_REGEX_H
#define ORRERY_QUERY_REGEX_H

#include "indexer/base/arena.h"

enum {
	REGEX_PATTERN_MAX = 256, /* bytes */
	REGEX_DEPTH_MAX = 32,    /* of groups */
	REGEX_REPEAT_MAX = 255,  /* bound of {n,m} */
	REGEX_PROGRAM_MAX = 1000 /* instructions, repetitions written out */
};

struct regex;

/* Lives in the arena; one thread at a time. ERR_INVALID tells what is wrong
 * and where. */
int regex_compile(struct str pattern, struct arena *a, struct regex **ret,
		  struct err *e);
/* Whether it matches anywhere in the text. */
bool regex_search(struct regex *r, struct str text);

#endif
