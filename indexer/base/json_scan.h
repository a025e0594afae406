/* SPDX-License-Identifier: Apache-2.0 */
/* json_scan.h - the scalars of json_pull.h, read from where its reader stands.
 */
#ifndef ORRERY_BASE_JSON_SCAN_H
#define ORRERY_BASE_JSON_SCAN_H

#include "indexer/base/json_pull.h"

/* ERR_MALFORMED with the line and column of the byte at. */
int json_wrong(const struct json_pull *j, size_t at, const char *what,
	       struct err *e);
/* The first byte from i on that is no plain ASCII of a string, or in.n. */
size_t json_plain(struct str in, size_t i);
/* At an opening quote. */
int json_scan_string(struct json_pull *j, struct str *ret, struct err *e);
/* At a digit or a minus; ret->at is set. */
int json_scan_number(struct json_pull *j, struct json_token *ret,
		     struct err *e);
/* At NaN or Infinity, behind a minus if there is one. */
int json_scan_word_number(struct json_pull *j, const char *word,
			  struct json_token *ret, struct err *e);

#endif
