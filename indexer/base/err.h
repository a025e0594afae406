/* SPDX-License-Identifier: Apache-2.0 */
/* err.h - the one error type of the program.
 *
 * A struct err is owned by the caller and passed as the last parameter. A
 * function that fails fills it and returns -1 (or NULL); on success it is
 * left untouched. Nothing allocates, nothing is thread-local or global. The
 * kind says whose fault it was and what may be done about it; two tables in
 * err.c map it to an errno (for the file system) and to an HTTP status with
 * MLflow's error code (for the APIs). The message is for the user: what was
 * wrong, where, and what is allowed. It is logged once, by who handles it.
 */
#ifndef ORRERY_BASE_ERR_H
#define ORRERY_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>

enum err_kind {
	ERR_NONE = 0,
	ERR_INVALID,         /* a value that is not allowed */
	ERR_MALFORMED,       /* the request itself cannot be read */
	ERR_NOT_FOUND,       /* no such thing, or not for this principal */
	ERR_NO_ENDPOINT,     /* no such route */
	ERR_NO_METHOD,       /* the route has no such method */
	ERR_EXISTS,          /* the name is taken */
	ERR_STATE,           /* the thing is in a state that forbids this */
	ERR_CONFLICT,        /* lost against a concurrent change */
	ERR_DENIED,          /* known, and not allowed */
	ERR_UNAUTHENTICATED, /* no or bad credentials */
	ERR_TOO_LARGE,       /* beyond a limit on size */
	ERR_TOO_LONG,        /* a name or target too long */
	ERR_PRECONDITION,    /* If-Match and the like did not hold */
	ERR_RANGE,           /* range not satisfiable */
	ERR_NOT_DIR,         /* a file where a directory is needed */
	ERR_IS_DIR,          /* a directory where a file is needed */
	ERR_NOT_EMPTY,       /* directory has entries */
	ERR_READ_ONLY,       /* can be read only: EPERM */
	ERR_UNSUPPORTED,     /* known but not offered: EOPNOTSUPP, 501 */
	ERR_BUSY,            /* a queue is full: try again later */
	ERR_UNAVAILABLE,     /* the other side does not answer */
	ERR_TIMEOUT,         /* a deadline passed */
	ERR_INTERRUPTED,     /* the caller gave up */
	ERR_NO_SPACE,        /* disk full */
	ERR_IO,              /* the operating system failed; see sys */
	ERR_CORRUPT,         /* stored bytes are not what was stored */
	ERR_INTERNAL,        /* our own fault */
	ERR_KINDS
};

struct err {
	enum err_kind kind;
	int sys; /* errno where the system failed, else 0 */
	char msg[600];
};

/* Fill e and return -1, so that "return err_set(...)" reads well. */
int err_set(struct err *e, enum err_kind kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The same for a failed system call: the kind follows from errno (ENOSPC and
 * EDQUOT are ERR_NO_SPACE, ENOENT is ERR_NOT_FOUND, else ERR_IO), and the
 * text of errno is appended to the message. */
int err_sys(struct err *e, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Put "context: " before the message, keeping the kind; returns -1. */
int err_wrap(struct err *e, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static inline void err_clear(struct err *e)
{
	e->kind = ERR_NONE;
	e->sys = 0;
	e->msg[0] = '\0';
}

/* The two tables. err_errno is a positive errno value. */
int err_errno(const struct err *e);
int err_http_status(enum err_kind kind);
const char *err_mlflow_code(enum err_kind kind);

/* Name of a kind, for logs: "not_found". */
const char *err_kind_name(enum err_kind kind);

#endif
