/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-names.c - any bytes as a name, as a file name, and as what the checks
 * look at. A form is a file name; it comes back as its name unless it is a cut
 * one; and the form of what a file name stands for stands for the same.
 */
#include <stdlib.h>

#include "indexer/index/names.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MOST = 4096 };

static void must(bool good)
{
	if (!good)
		abort();
}

static void file_name(const char *file, size_t n)
{
	must(n < NAME_FILE_MAX && strlen(file) == n);
	must(file[0] != '.' && !memchr(file, '/', n));
}

static void there_and_back(struct str name)
{
	char file[NAME_FILE_MAX], back[NAME_FILE_MAX];
	size_t n = name_to_file(name, file), k;

	file_name(file, n);
	if (name_from_file(str_n(file, n), back, &k))
		must(str_eq(str_n(back, k), name));
	file_name(file, name_to_file_apart(name, STR("12345678"), file));
}

static void back_and_there(struct str file)
{
	char name[MOST + 1], form[NAME_FILE_MAX], again[NAME_FILE_MAX];
	size_t n, k;

	if (!name_from_file(file, name, &n))
		return;
	k = name_to_file(str_n(name, n), form);
	if (name_from_file(str_n(form, k), again, &k))
		must(str_eq(str_n(again, k), str_n(name, n)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n((const char *)data, size);
	struct err e;

	if (size > MOST)
		return 0;
	there_and_back(s);
	back_and_there(s);
	name_check_key(s, "key", &e);
	name_check_experiment(s, &e);
	name_check_run_id(s, &e);
	name_check_artifact(s, true, &e);
	return 0;
}
