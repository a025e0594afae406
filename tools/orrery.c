/* SPDX-License-Identifier: Apache-2.0 */
/* orrery.c - the command line: finds the verb, parses its flags, runs it. */
#include "indexer/base/log.h"
#include "tools/verb.h"

/* Pages for those who build packages: --man [VERB], --completion. */
static bool pages(int argc, char **argv)
{
	if (strcmp(argv[1], "--completion") == 0)
		help_completion();
	else if (strcmp(argv[1], "--man") == 0)
		help_man(argc > 2 ? verb_find(argv[2]) : NULL);
	else
		return false;
	return true;
}

static bool wants_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
	       strcmp(word, "help") == 0;
}

static int run(const struct verb *v, int argc, char **argv)
{
	struct args a;
	struct err e = {0};
	int status;

	for (int i = 0; i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			break;
		if (strcmp(argv[i], "--help") == 0 ||
		    strcmp(argv[i], "-h") == 0) {
			help_verb(v);
			return EXIT_DONE;
		}
	}
	status =
		args_parse(&a, v, argc, argv, &e) ? EXIT_USAGE : v->run(&a, &e);
	if (status != EXIT_DONE && e.msg[0])
		fprintf(stderr, "orrery %s: %s\n", v->name, e.msg);
	return status;
}

int main(int argc, char **argv)
{
	const struct verb *v;

	if (argc < 2) {
		help_overview();
		return EXIT_USAGE;
	}
	if (pages(argc, argv))
		return EXIT_DONE;
	if (wants_help(argv[1])) {
		v = argc > 2 ? verb_find(argv[2]) : NULL;
		if (v)
			help_verb(v);
		else
			help_overview();
		return EXIT_DONE;
	}
	v = verb_find(strcmp(argv[1], "--version") == 0 ? "version" : argv[1]);
	if (!v) {
		fprintf(stderr,
			"orrery: there is no verb %s; orrery --help "
			"lists them\n",
			argv[1]);
		return EXIT_USAGE;
	}
	return run(v, argc - 2, argv + 2);
}
