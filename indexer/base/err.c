/* SPDX-License-Identifier: Apache-2.0 */
/* err.c - filling errors, and the one table of what each kind means outside.
 *
 * A row per kind: its name in logs, the errno a file system answers, the
 * HTTP status, and MLflow's code in the JSON body. The errno of a failed
 * system call stays in e->sys: what the user of a mount gets to see follows
 * from the kind alone, so that a fault of ours never looks like one of his.
 */
#include "indexer/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	int sys;
	int status;
	const char *code;
} kinds[ERR_KINDS] = {
	[ERR_NONE] = {"none", EIO, 500, "INTERNAL_ERROR"},
	[ERR_INVALID] = {"invalid", EINVAL, 400, "INVALID_PARAMETER_VALUE"},
	[ERR_MALFORMED] = {"malformed", EINVAL, 400, "BAD_REQUEST"},
	[ERR_NOT_FOUND] = {"not_found", ENOENT, 404, "RESOURCE_DOES_NOT_EXIST"},
	[ERR_NO_ENDPOINT] = {"no_endpoint", ENOENT, 404, "ENDPOINT_NOT_FOUND"},
	[ERR_NO_METHOD] = {"no_method", EPERM, 405, "BAD_REQUEST"},
	[ERR_EXISTS] = {"exists", EEXIST, 400, "RESOURCE_ALREADY_EXISTS"},
	[ERR_STATE] = {"state", EPERM, 400, "INVALID_PARAMETER_VALUE"},
	[ERR_CONFLICT] = {"conflict", EAGAIN, 409, "RESOURCE_CONFLICT"},
	[ERR_DENIED] = {"denied", EACCES, 403, "PERMISSION_DENIED"},
	[ERR_UNAUTHENTICATED] = {"unauthenticated", EACCES, 401,
				 "UNAUTHENTICATED"},
	[ERR_TOO_LARGE] = {"too_large", EFBIG, 413, "BAD_REQUEST"},
	[ERR_TOO_LONG] = {"too_long", ENAMETOOLONG, 414, "BAD_REQUEST"},
	[ERR_PRECONDITION] = {"precondition", EAGAIN, 412, "BAD_REQUEST"},
	[ERR_RANGE] = {"range", EINVAL, 416, "BAD_REQUEST"},
	[ERR_NOT_DIR] = {"not_dir", ENOTDIR, 400, "INVALID_PARAMETER_VALUE"},
	[ERR_IS_DIR] = {"is_dir", EISDIR, 400, "INVALID_PARAMETER_VALUE"},
	[ERR_NOT_EMPTY] = {"not_empty", ENOTEMPTY, 400,
			   "INVALID_PARAMETER_VALUE"},
	[ERR_READ_ONLY] = {"read_only", EPERM, 403, "PERMISSION_DENIED"},
	[ERR_UNSUPPORTED] = {"unsupported", EOPNOTSUPP, 501, "NOT_IMPLEMENTED"},
	[ERR_BUSY] = {"busy", EAGAIN, 503, "TEMPORARILY_UNAVAILABLE"},
	[ERR_UNAVAILABLE] = {"unavailable", EIO, 503,
			     "TEMPORARILY_UNAVAILABLE"},
	[ERR_TIMEOUT] = {"timeout", EIO, 504, "DEADLINE_EXCEEDED"},
	[ERR_INTERRUPTED] = {"interrupted", EINTR, 500, "INTERNAL_ERROR"},
	[ERR_NO_SPACE] = {"no_space", ENOSPC, 507, "INTERNAL_ERROR"},
	[ERR_IO] = {"io", EIO, 500, "INTERNAL_ERROR"},
	[ERR_CORRUPT] = {"corrupt", EIO, 500, "INTERNAL_ERROR"},
	[ERR_INTERNAL] = {"internal", EIO, 500, "INTERNAL_ERROR"},
};

int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
{
	va_list ap;

	e->kind = kind;
	e->sys = 0;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	return -1;
}

static enum err_kind kind_of_errno(int errnum)
{
	switch (errnum) {
	case ENOSPC:
	case EDQUOT:
		return ERR_NO_SPACE;
	case EFBIG:
		return ERR_TOO_LARGE;
	case ENOENT:
		return ERR_NOT_FOUND;
	default:
		return ERR_IO;
	}
}

int err_sys(struct err *e, int errnum, const char *fmt, ...)
{
	const char *text = strerrordesc_np(errnum);
	va_list ap;
	size_t n;

	e->kind = kind_of_errno(errnum);
	e->sys = errnum;
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s",
		 text ? text : "unknown error");
	return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	char inner[sizeof(e->msg)];
	va_list ap;
	size_t n;

	memcpy(inner, e->msg, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
	va_end(ap);
	n = strlen(e->msg);
	snprintf(e->msg + n, sizeof(e->msg) - n, ": %s", inner);
	return -1;
}

int err_errno(const struct err *e)
{
	return kinds[e->kind].sys;
}

int err_http_status(enum err_kind kind)
{
	return kinds[kind].status;
}

const char *err_mlflow_code(enum err_kind kind)
{
	return kinds[kind].code;
}

const char *err_kind_name(enum err_kind kind)
{
	return kinds[kind].name;
}
