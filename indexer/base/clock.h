/* SPDX-License-Identifier: Apache-2.0 */
/* clock.h - time: milliseconds since 1970 for records, monotonic for waits. */
#ifndef ORRERY_BASE_CLOCK_H
#define ORRERY_BASE_CLOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "indexer/base/err.h"
#include "indexer/base/str.h"

int64_t clock_ms(void);      /* wall clock, ms since the epoch */
int64_t clock_mono_ms(void); /* for deadlines */
int64_t clock_mono_us(void); /* for measuring */
/* "2026-01-02T03:04:05.678Z"; out has room for CLOCK_TEXT bytes. */
enum { CLOCK_TEXT = 32 };
size_t clock_rfc3339(int64_t ms, char *out);
/* The same back, with any fraction and with any offset from UTC. */
bool clock_rfc3339_parse(struct str s, int64_t *ret_ms);
/* Milliseconds as protobuf's JSON has a duration ("1.500s"), and back. */
size_t clock_seconds(int64_t ms, char *out);
bool clock_seconds_parse(struct str s, int64_t *ret_ms);
/* "Fri, 02 Jan 2026 03:04:05 GMT" for HTTP headers, and back. */
size_t clock_http(int64_t ms, char *out);
bool clock_http_parse(struct str s, int64_t *ret_ms);
/* "30s", "5m", "1h", "250ms" to milliseconds. */
int clock_duration_parse(struct str s, int64_t *ret_ms, struct err *e);
/* An absolute CLOCK_MONOTONIC time from now, for timed waits. */
struct timespec clock_deadline(int64_t ms_from_now);

#endif
