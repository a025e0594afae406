/* SPDX-License-Identifier: Apache-2.0 */
/* s3_time.c - see s3_time.h. */
#include "indexer/objects/s3_time.h"

#include <time.h>

#include "indexer/base/clock.h"

bool s3_time_parse(struct str s, int64_t *ret_ms)
{
	char text[CLOCK_TEXT];
	struct tm tm = {0};
	const char *rest;

	snprintf(text, sizeof(text), "%.*s", STR_ARG(s));
	rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	if (!rest || (*rest != 'Z' && *rest != '.'))
		return false;
	*ret_ms = (int64_t)timegm(&tm) * 1000;
	return true;
}
