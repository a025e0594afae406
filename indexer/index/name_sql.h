/* SPDX-License-Identifier: Apache-2.0 */
/* name_sql.h - rights and names inside statements (internal).
 *
 * Functions of SQL, bound to the principal of their connection:
 *   sees(project)       may it be read?
 *   sees_all()          may everything be read?
 *   in_view()           the project whose view this is, 0: none
 *   named(given)        the full name of what was named in either form
 *   shown(name, full)   how it reads in answers: in a view the plain name,
 *                       unless the call itself named something in full
 *   sorted(name, full)  by what it is searched and sorted: in a view the plain
 *                       name, whatever the call named
 *   told(text)          a stored text that names models in full ("models:/m
 *                       (7)/1", {"name": "m (7)", "version": 1}), as shown()
 *                       would say it
 */
#ifndef ORRERY_INDEX_NAME_SQL_H
#define ORRERY_INDEX_NAME_SQL_H

#include "indexer/index/db.h"

void name_sql_add(struct db *db);

#endif
