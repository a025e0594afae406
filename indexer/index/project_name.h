/* SPDX-License-Identifier: Apache-2.0 */
/* project_name.h - names that commands give (internal).
 *
 * Outside of its view a thing of a project keeps its number when it is
 * renamed, and what belongs to no project takes no name that reads like one of
 * a project: so a full name always tells whose it is.
 */
#ifndef ORRERY_INDEX_PROJECT_NAME_H
#define ORRERY_INDEX_PROJECT_NAME_H

#include "indexer/index/names.h"
#include "indexer/index/writer.h"

struct project_name {
	int64_t project;
	struct str name, full; /* plain, and outside of the project */
	struct str file;       /* the full one as file name, in dir */
	char dir[NAME_FILE_MAX];
};

/* The name that something of this project is to have, given in either form in
 * its view and in full outside. Lives as long as the command. */
int project_name_new(struct writer *w, struct command *c, int64_t project,
		     struct str given, struct project_name *ret, struct err *e);

#endif
