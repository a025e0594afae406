/* SPDX-License-Identifier: Apache-2.0 */
/* log.h - logfmt lines on standard error.
 *
 * One line per event: ts=2026-01-02T03:04:05.678Z level=info msg="..."
 * followed by key=value pairs that the caller formats with log_field-style
 * text. Lines are written by one write(2) each, so threads never interleave.
 * No secret is ever passed here: tokens and cookies have no formatter.
 */
#ifndef ORRERY_BASE_LOG_H
#define ORRERY_BASE_LOG_H

#include "indexer/base/err.h"
#include "indexer/base/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_OFF };

void log_set_level(enum log_level level);
enum log_level log_get_level(void);
int log_level_parse(struct str name, enum log_level *ret, struct err *e);
/* Where lines go, 2 at the start. */
void log_set_fd(int fd);

/* kv is printf-formatted text of "key=value" pairs; values that may hold
 * blanks or quotes are passed through log_quote first. NULL for none. */
void log_event(enum log_level level, const char *msg, const char *kv, ...)
	__attribute__((format(printf, 3, 4)));
/* Quotes s into out (always NUL-terminated, cut if too long); returns out. */
const char *log_quote(struct str s, char *out, size_t size);

#define log_debug(...) log_event(LOG_DEBUG, __VA_ARGS__)
#define log_info(...)  log_event(LOG_INFO, __VA_ARGS__)
#define log_warn(...)  log_event(LOG_WARN, __VA_ARGS__)
#define log_error(...) log_event(LOG_ERROR, __VA_ARGS__)

#endif
