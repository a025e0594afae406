/* SPDX-License-Identifier: Apache-2.0 */
/* log.c - a line is laid out on the stack and leaves by one write(2).
 *
 * Level and descriptor are the only mutable file-scope state of the library;
 * both are atomic, as threads log while a flag may still change them.
 */
#include "indexer/base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "indexer/base/clock.h"

enum { LINE_MAX_BYTES = 4096 };

static _Atomic int log_level = LOG_INFO;
static _Atomic int log_fd = 2;

static const char *const level_names[] = {"debug", "info", "warn", "error",
					  "off"};

void log_set_level(enum log_level level)
{
	atomic_store(&log_level, (int)level);
}

enum log_level log_get_level(void)
{
	return (enum log_level)atomic_load(&log_level);
}

int log_level_parse(struct str name, enum log_level *ret, struct err *e)
{
	for (int i = LOG_DEBUG; i <= LOG_OFF; i++) {
		if (str_is(name, level_names[i])) {
			*ret = (enum log_level)i;
			return 0;
		}
	}
	return err_set(e, ERR_INVALID,
		       "\"%.*s\" is not a log level; allowed are debug, info, "
		       "warn, error, off",
		       STR_ARG(name));
}

void log_set_fd(int fd)
{
	atomic_store(&log_fd, fd);
}

/* What one byte of s takes in quotes, into out of at least 4 bytes. */
static size_t quote_byte(unsigned char c, char out[5])
{
	static const char digits[] = "0123456789abcdef";

	if (c == '"' || c == '\\') {
		out[0] = '\\';
		out[1] = (char)c;
		return 2;
	}
	if (c >= 0x20 && c != 0x7f) {
		out[0] = (char)c;
		return 1;
	}
	out[0] = '\\';
	if (c == '\n' || c == '\t') {
		out[1] = c == '\n' ? 'n' : 't';
		return 2;
	}
	out[1] = 'x';
	out[2] = digits[c >> 4];
	out[3] = digits[c & 15];
	return 4;
}

const char *log_quote(struct str s, char *out, size_t size)
{
	size_t n = 0;

	if (size < 3) {
		if (size)
			out[0] = '\0';
		return out;
	}
	out[n++] = '"';
	for (size_t i = 0; i < s.n; i++) {
		char piece[5];
		size_t len = quote_byte((unsigned char)s.p[i], piece);

		if (n + len + 2 > size)
			break;
		memcpy(out + n, piece, len);
		n += len;
	}
	out[n++] = '"';
	out[n] = '\0';
	return out;
}

/* Where a line stands after snprintf added n bytes, or what fitted of them;
 * the last byte is kept for the line feed. */
static size_t advance(size_t at, int n)
{
	if (n < 0)
		return at;
	at += (size_t)n;
	return at < LINE_MAX_BYTES - 1 ? at : LINE_MAX_BYTES - 2;
}

/* Line breaks within values would forge lines: they become blanks. */
static void one_line(char *line, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (line[i] == '\n' || line[i] == '\r')
			line[i] = ' ';
}

void log_event(enum log_level level, const char *msg, const char *kv, ...)
{
	char line[LINE_MAX_BYTES], ts[CLOCK_TEXT], quoted[1024];
	size_t n;
	int saved = errno;
	ssize_t written;

	if (level < log_get_level() || level >= LOG_OFF)
		return;
	clock_rfc3339(clock_ms(), ts);
	log_quote(str_from(msg), quoted, sizeof(quoted));
	n = advance(0, snprintf(line, sizeof(line), "ts=%s level=%s msg=%s", ts,
				level_names[level], quoted));
	if (kv) {
		va_list ap;

		line[n++] = ' ';
		va_start(ap, kv);
		n = advance(n, vsnprintf(line + n, sizeof(line) - n, kv, ap));
		va_end(ap);
	}
	one_line(line, n);
	line[n++] = '\n';
	do
		written = write(atomic_load(&log_fd), line, n);
	while (written < 0 && errno == EINTR);
	errno = saved;
}
