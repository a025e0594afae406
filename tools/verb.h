/* SPDX-License-Identifier: Apache-2.0 */
/* verb.h - what `orrery` can do: one table, from which come the parsing of
 * flags, --help, the man pages and the shell completion.
 *
 * A verb is a row of verbs[] (verbs.c): its words for the user, its options,
 * and its function. An option that is given with a key sets that key of the
 * configuration; others are asked for by name.
 */
#ifndef ORRERY_TOOLS_VERB_H
#define ORRERY_TOOLS_VERB_H

#include "indexer/base/conf.h"
#include "indexer/base/err.h"

struct option_row {
	const char *name;  /* "data" for --data */
	char letter;       /* 'f' for -f, 0 for none */
	const char *value; /* "DIR"; NULL for a switch */
	const char *key;   /* of the configuration, or NULL */
	const char *help;
};

enum { OPTION_VALUES = 32, OPERANDS = 4 };

/* A command line, parsed. Strings are those of argv. */
struct args {
	const struct verb *verb;
	struct conf conf; /* in force, for a verb that takes --config */
	struct {
		const struct option_row *option;
		const char *value;
	} given[OPTION_VALUES];
	size_t ngiven;
	const char *operands[OPERANDS];
	size_t noperands;
};

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

struct verb {
	const char *name, *operands; /* "backup", "FILE" */
	size_t min_operands, max_operands;
	const char *summary; /* one line, no full stop */
	const char *text;    /* paragraphs, separated by blank lines */
	const char *example; /* a terminal session */
	const struct option_row *options; /* ended by a row without a name */
	int (*run)(const struct args *a, struct err *e); /* exit status; a
							    message in e if not
							    EXIT_DONE */
};

extern const struct verb verbs[]; /* ended by a row without a name */
extern const size_t verbs_count;

const struct verb *verb_find(const char *name);

/* --- args.c --- */

/* verb_find, or NULL with what was meant. */
const struct verb *verb_named(const char *name, struct err *e);
/* Parse the flags and run it, or print its help: the exit status. */
int verb_run(const struct verb *v, const char *program, int argc, char **argv);

int args_parse(struct args *a, const struct verb *v, int argc, char **argv,
	       struct err *e);
/* Value of an option, or fallback. */
const char *args_value(const struct args *a, const char *name,
		       const char *fallback);
bool args_given(const struct args *a, const char *name);

/* --- help.c --- */

void help_overview(void);
void help_verb(const struct verb *v);
void help_man_overview(void); /* orrery(1) */
void help_man(const struct verb *v);
void help_completion(void); /* for bash */

/* --- settings.c: the configuration in force --- */

/* Fill a->conf: defaults, --config FILE, the environment, then the flags
 * given; the data directory is made absolute. To be ended with conf_fini. */
int settings_load(struct args *a, struct err *e);
/* That there is an index in the data directory. */
int settings_find_index(const struct conf *c, struct err *e);
/* An operand that is a path, from the root. */
int path_absolute(const char *path, char *out, size_t size, struct err *e);

#endif
