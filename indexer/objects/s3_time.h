/* SPDX-License-Identifier: Apache-2.0 */
/* s3_time.h - times as XML and JSON answers of AWS have them. */
#ifndef ORRERY_OBJECTS_S3_TIME_H
#define ORRERY_OBJECTS_S3_TIME_H

#include "indexer/base/str.h"

/* "2026-01-02T03:04:05Z", with or without a fraction, as ms since 1970. */
bool s3_time_parse(struct str s, int64_t *ret_ms);

#endif
