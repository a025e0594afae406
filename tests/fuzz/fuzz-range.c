/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-range.c - header values: ranges lie within what they are of, entity
 * tags match themselves, hosts and encodings are read to their end.
 */
#include <stdlib.h>

#include "api/http/guard.h"
#include "api/http/gzip.h"
#include "api/http/range.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_range(struct str s, int64_t size)
{
	int64_t first = -1, n = -1;

	if (range_parse(s, size, &first, &n) == RANGE_PART)
		must(first >= 0 && n > 0 && first < size && n <= size - first);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1);
	struct str s = str_n(copy, size);
	struct conditions c = {s, s, s, s, s};
	int status;

	memcpy(copy, data, size);
	check_range(s, 0);
	check_range(s, 1);
	check_range(s, 1000);
	check_range(s, INT64_MAX);
	must(!etag_matches(s, STR("\"x\""), false) ||
	     etag_matches(s, STR("\"x\""), true));
	status = conditions_check(&c, STR("\"x\""), 1700000000000, true);
	must(status == 200 || status == 304 || status == 412);
	conditions_range(&c, STR("\"x\""), 1700000000000);
	gzip_accepted(s);
	must(!guard_host(s, 8080) || size >= 10);
	guard_origin(s);
	free(copy);
	return 0;
}
