/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - messages, kinds and the two tables; log lines through a pipe. */
#include "indexer/base/err.h"

#include <errno.h>
#include <unistd.h>

#include "indexer/base/log.h"
#include "tests/tap.h"

static void test_messages(void)
{
	struct err e = {0};

	is_i64(err_set(&e, ERR_STATE, "run %d", 7), -1, "err_set gives -1");
	is_i64(e.kind, ERR_STATE, "kind is kept");
	is_str(e.msg, "run 7", "message is formatted");
	is_i64(err_wrap(&e, "line %d", 3), -1, "err_wrap gives -1");
	is_str(e.msg, "line 3: run 7", "context comes first");
	is_i64(e.kind, ERR_STATE, "wrapping keeps the kind");
	err_sys(&e, ENOSPC, "file %s", "x");
	is_i64(e.kind, ERR_NO_SPACE, "ENOSPC is no space");
	is_i64(e.sys, ENOSPC, "errno is kept");
	is_str(e.msg, "file x: No space left on device", "errno has a text");
	err_sys(&e, EDQUOT, "x");
	is_i64(e.kind, ERR_NO_SPACE, "EDQUOT is no space");
	err_sys(&e, ENOENT, "x");
	is_i64(e.kind, ERR_NOT_FOUND, "ENOENT is not found");
	err_sys(&e, EIO, "x");
	is_i64(e.kind, ERR_IO, "all else is io");
	err_sys(&e, 99999, "x");
	is_str(e.msg, "x: unknown error", "errno without a text");
	err_clear(&e);
	ok(e.kind == ERR_NONE && !e.sys && !e.msg[0], "cleared");
}

static void test_long_messages(void)
{
	char big[2000];
	struct err e = {0};

	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	err_set(&e, ERR_INVALID, "%s", big);
	is_i64((int64_t)strlen(e.msg), sizeof(e.msg) - 1, "cut at its room");
	err_wrap(&e, "%s", big);
	is_i64((int64_t)strlen(e.msg), sizeof(e.msg) - 1, "wrapped and cut");
	err_sys(&e, EIO, "%s", big);
	is_i64((int64_t)strlen(e.msg), sizeof(e.msg) - 1, "errno and cut");
}

static void test_tables(void)
{
	static const struct {
		enum err_kind kind;
		int sys, status;
		const char *code;
	} rows[] = {
		{ERR_INVALID, EINVAL, 400, "INVALID_PARAMETER_VALUE"},
		{ERR_MALFORMED, EINVAL, 400, "BAD_REQUEST"},
		{ERR_NOT_FOUND, ENOENT, 404, "RESOURCE_DOES_NOT_EXIST"},
		{ERR_NO_ENDPOINT, ENOENT, 404, "ENDPOINT_NOT_FOUND"},
		{ERR_EXISTS, EEXIST, 400, "RESOURCE_ALREADY_EXISTS"},
		{ERR_STATE, EPERM, 400, "INVALID_PARAMETER_VALUE"},
		{ERR_CONFLICT, EAGAIN, 409, "RESOURCE_CONFLICT"},
		{ERR_DENIED, EACCES, 403, "PERMISSION_DENIED"},
		{ERR_UNAUTHENTICATED, EACCES, 401, "UNAUTHENTICATED"},
		{ERR_READ_ONLY, EPERM, 403, "PERMISSION_DENIED"},
		{ERR_TOO_LONG, ENAMETOOLONG, 414, "BAD_REQUEST"},
		{ERR_UNSUPPORTED, EOPNOTSUPP, 501, "NOT_IMPLEMENTED"},
		{ERR_BUSY, EAGAIN, 503, "TEMPORARILY_UNAVAILABLE"},
		{ERR_TIMEOUT, EIO, 504, "DEADLINE_EXCEEDED"},
		{ERR_INTERRUPTED, EINTR, 500, "INTERNAL_ERROR"},
		{ERR_NO_SPACE, ENOSPC, 507, "INTERNAL_ERROR"},
		{ERR_CORRUPT, EIO, 500, "INTERNAL_ERROR"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {.kind = rows[i].kind};
		const char *name = err_kind_name(rows[i].kind);

		is_i64(err_errno(&e), rows[i].sys, name);
		is_i64(err_http_status(rows[i].kind), rows[i].status, name);
		is_str(err_mlflow_code(rows[i].kind), rows[i].code, name);
	}
	for (int k = 0; k < ERR_KINDS; k++) {
		struct err e = {.kind = (enum err_kind)k};

		ok(err_kind_name(e.kind) && err_mlflow_code(e.kind) &&
			   err_errno(&e) > 0 && err_http_status(e.kind) >= 400,
		   "every kind has its row");
	}
}

/* What log lines were written, from a pipe. */
static char *drain(int fd, char *out, size_t size)
{
	ssize_t n = read(fd, out, size - 1);

	out[n < 0 ? 0 : n] = '\0';
	return out;
}

static void test_log(void)
{
	char got[8192], quoted[32], big[6000];
	int fds[2];

	if (!ok(pipe(fds) == 0, "pipe"))
		return;
	log_set_fd(fds[1]);
	log_set_level(LOG_WARN);
	log_info("not this", NULL);
	log_warn("this", "a=%d b=%s", 1,
		 log_quote(STR("x \"y\"\n\x01"), quoted, sizeof(quoted)));
	drain(fds[0], got, sizeof(got));
	ok(!strncmp(got, "ts=", 3), "begins with the time");
	is_str(strchr(got, ' '),
	       " level=warn msg=\"this\" a=1 b=\"x \\\"y\\\"\\n\\x01\"\n",
	       "level, message, pairs, and nothing of a lower level");
	log_error("bad\nline", "v=%s", "a\nlevel=forged");
	drain(fds[0], got, sizeof(got));
	is_i64(strchr(got, '\n') - got, (int64_t)strlen(got) - 1,
	       "an event is one line whatever is in it");
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	log_error(big, "%s", big);
	drain(fds[0], got, sizeof(got));
	is_i64((int64_t)strlen(got), 4095, "a long event is cut");
	is_i64(got[strlen(got) - 1], '\n', "and still ends its line");
	log_set_level(LOG_OFF);
	log_error("nothing", NULL);
	close(fds[1]);
	is_i64(read(fds[0], got, 1), 0, "off is silent");
	close(fds[0]);
}

static void test_quote(void)
{
	char out[8];
	enum log_level level = LOG_OFF;
	struct err e = {0};

	is_str(log_quote(STR("abcdefgh"), out, sizeof(out)), "\"abcde\"",
	       "cut at its room");
	is_str(log_quote(STR("abcd\n"), out, sizeof(out)), "\"abcd\"",
	       "no half of an escape");
	is_str(log_quote(STR("x"), out, 2), "", "no room at all");
	is_i64(log_level_parse(STR("debug"), &level, &e), 0, "a level");
	is_i64(level, LOG_DEBUG, "which is debug");
	is_i64(log_level_parse(STR("loud"), &level, &e), -1, "no level");
	ok(strstr(e.msg, "\"loud\"") && strstr(e.msg, "debug, info"),
	   "says what and what is allowed");
}

int main(void)
{
	test_messages();
	test_long_messages();
	test_tables();
	test_quote();
	test_log();
	return tap_done();
}
