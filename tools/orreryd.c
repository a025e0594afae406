/* SPDX-License-Identifier: Apache-2.0 */
/* orreryd.c - the daemon by its own name: the same as `orrery serve`. */
#include "tools/verb.h"

int main(int argc, char **argv)
{
	return verb_run(verb_find("serve"), "orreryd", argc - 1, argv + 1);
}
