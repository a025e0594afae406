/* SPDX-License-Identifier: Apache-2.0 */
/* orrery.c - the command line: finds the verb and runs it. */
#include "tools/fstab.h"
#include "tools/verb.h"

enum { PROGRAM_MAX = 64 };

static int wrong_verb(const struct err *e)
{
	fprintf(stderr, "orrery: %s\n", e->msg);
	return EXIT_USAGE;
}

/* `orrery help [VERB]`, and for those who build packages --man [VERB]. */
static int show(const char *name, void overview(void),
		void verb(const struct verb *v))
{
	const struct verb *v;
	struct err e;

	if (!name) {
		overview();
		return EXIT_DONE;
	}
	v = verb_named(name, &e);
	if (!v)
		return wrong_verb(&e);
	verb(v);
	return EXIT_DONE;
}

static int run(const char *name, int argc, char **argv)
{
	char program[PROGRAM_MAX];
	const struct verb *v;
	struct err e;

	v = verb_named(name, &e);
	if (!v)
		return wrong_verb(&e);
	snprintf(program, sizeof(program), "orrery %s", v->name);
	return verb_run(v, program, argc, argv);
}

int main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : "";
	const char *next = argc > 2 ? argv[2] : NULL;

	if (argc > 0 && fstab_named(argv[0]))
		return fstab_mount(argc, argv);
	if (argc < 2) {
		help_overview();
		return EXIT_USAGE;
	}
	if (strcmp(word, "--completion") == 0) {
		help_completion();
		return EXIT_DONE;
	}
	if (strcmp(word, "--man") == 0)
		return show(next, help_man_overview, help_man);
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	    strcmp(word, "help") == 0)
		return show(next, help_overview, help_verb);
	if (strcmp(word, "--version") == 0)
		word = "version";
	return run(word, argc - 2, argv + 2);
}
