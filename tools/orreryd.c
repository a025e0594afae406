/* SPDX-License-Identifier: Apache-2.0 */
/* orreryd.c - the daemon by its own name: the same as `orrery serve`. */
#include "tools/verb.h"

int main(int argc, char **argv)
{
	const struct verb *v = verb_find("serve");
	struct args a;
	struct err e = {0};
	int status;

	if (argc > 1 && strcmp(argv[1], "--help") == 0) {
		help_verb(v);
		return EXIT_DONE;
	}
	status = args_parse(&a, v, argc - 1, argv + 1, &e) ? EXIT_USAGE
							   : v->run(&a, &e);
	if (status != EXIT_DONE && e.msg[0])
		fprintf(stderr, "orreryd: %s\n", e.msg);
	return status;
}
