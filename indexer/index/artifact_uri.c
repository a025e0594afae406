/* SPDX-License-Identifier: Apache-2.0 */
/* artifact_uri.c - see artifact_uri.h. */
#include "indexer/index/artifact_uri.h"

#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/index/logged_model.h"

enum {
	ROOTS_TRIED = 4, /* places of "/artifacts" in a path */
	DECODINGS = 8,   /* of percent signs, before it is refused */
};

/* --- URIs ---------------------------------------------------------------- */

static bool is_alpha(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool in_scheme(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9') || c == '+' || c == '-' ||
	       c == '.';
}

/* Length of the scheme. One letter is a drive and none. */
static size_t scheme_length(struct str text)
{
	size_t n = 0;

	while (n < text.n && in_scheme(text.p[n]))
		n++;
	if (n < 2 || n == text.n || text.p[n] != ':' || !is_alpha(text.p[0]))
		return 0;
	return n;
}

struct uri uri_split(struct str text)
{
	struct uri u = {.path = text};
	size_t n = scheme_length(text);

	if (!n)
		return u;
	u.scheme = str_n(text.p, n);
	u.path = str_n(text.p + n + 1, text.n - n - 1);
	if (str_starts(u.path, STR("//"))) {
		n = 2;
		while (n < u.path.n && u.path.p[n] != '/')
			n++;
		u.authority = str_n(u.path.p + 2, n - 2);
		u.has_authority = u.authority.n > 0;
		u.path = str_n(u.path.p + n, u.path.n - n);
	}
	if (str_eq_nocase(u.scheme, STR("file")))
		u.scheme = STR_NONE;
	return u;
}

bool uri_is_scheme(const struct uri *u, const char *scheme)
{
	return str_eq_nocase(u->scheme, str_from(scheme));
}

static struct str without_slashes(struct str path)
{
	while (path.n && path.p[0] == '/')
		path = str_n(path.p + 1, path.n - 1);
	while (path.n && path.p[path.n - 1] == '/')
		path.n--;
	return path;
}

/* Whether u lies at or below root; the rest of its path. */
static bool lies_below(const struct uri *u, struct str root, struct str *rest)
{
	struct uri r = uri_split(root);
	struct str path = without_slashes(u->path);
	struct str base = without_slashes(r.path);

	if (!str_eq_nocase(u->scheme, r.scheme) ||
	    !str_eq_nocase(u->authority, r.authority) || !base.n ||
	    !str_starts(path, base) ||
	    (path.n > base.n && path.p[base.n] != '/'))
		return false;
	*rest = without_slashes(str_n(path.p + base.n, path.n - base.n));
	return true;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* In place; what is no escape stays. Whether there was one. */
static bool decode(char *p, size_t *n)
{
	size_t out = 0;
	bool found = false;

	for (size_t i = 0; i < *n; i++, out++) {
		int high = i + 2 < *n && p[i] == '%' ? hex_digit(p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(p[i + 2]) : -1;

		p[out] = low >= 0 ? (char)(high << 4 | low) : p[i];
		i += low >= 0 ? 2 : 0;
		found = found || low >= 0;
	}
	*n = out;
	return found;
}

bool uri_has_relative_part(struct str text)
{
	char copy[LIMIT_SOURCE];
	size_t n = text.n;
	int decodings = 0;
	struct str rest;

	if (n > sizeof(copy))
		return true;
	memcpy(copy, text.p, n);
	while (decode(copy, &n))
		if (++decodings > DECODINGS)
			return true;
	rest = str_n(copy, n);
	if (memchr(copy, '\0', n))
		return true;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (str_is(part, "..") || str_is(part, "."))
			return true;
	}
	return false;
}

bool uri_parse_run(const struct uri *u, struct str *id, struct str *path)
{
	*path = without_slashes(u->path);
	*id = str_cut(path, '/');
	return !u->has_authority && id->n && u->path.p[0] == '/';
}

/* --- whose artifacts ----------------------------------------------------- */

int artifact_owner_find(struct db *db, struct str id, bool logged,
			struct arena *a, struct artifact_owner *ret,
			struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, db, logged ? STMT_LOGGED_URI : STMT_RUN_URI,
			BINDS(B(id)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	ret->row = cursor_i64(&q, 0);
	if (logged)
		ret->row = logged_model_owner(ret->row);
	if (cursor_copy(&q, 1, a, &ret->root, e) < 0 ||
	    cursor_copy(&q, 2, a, &ret->run_id, e) < 0)
		return -1;
	return 1;
}

/* The owner named before the "/artifacts" that begins at so many bytes. */
static int try_place(struct db *db, const struct uri *u, size_t at,
		     struct arena *a, struct artifact_place *ret, struct err *e)
{
	size_t start = at;
	int rc;

	while (start && u->path.p[start - 1] != '/')
		start--;
	ret->id = str_n(u->path.p + start, at - start);
	ret->logged = str_starts(ret->id, STR("m-"));
	rc = artifact_owner_find(db, ret->id, ret->logged, a, &ret->owner, e);
	if (rc <= 0)
		return rc;
	return lies_below(u, ret->owner.root, &ret->path);
}

int artifact_place_find(struct db *db, const struct uri *u, struct arena *a,
			struct artifact_place *ret, struct err *e)
{
	static const struct str end = {"/artifacts", sizeof("/artifacts") - 1};
	int tried = 0;

	for (size_t at = 0; at + end.n <= u->path.n && tried < ROOTS_TRIED;
	     at++) {
		struct str here = str_n(u->path.p + at, u->path.n - at);
		int rc;

		if (!str_starts(here, end))
			continue;
		tried++;
		rc = try_place(db, u, at, a, ret, e);
		if (rc)
			return rc;
	}
	return 0;
}

int artifact_location_find(struct db *db, struct str location, struct arena *a,
			   int64_t *ret_owner_row, struct str *ret_path,
			   struct err *e)
{
	struct uri u = uri_split(location);
	struct artifact_place p;
	int rc;

	if (uri_is_scheme(&u, "runs")) {
		if (!uri_parse_run(&u, &p.id, &p.path))
			return 0;
		rc = artifact_owner_find(db, p.id, false, a, &p.owner, e);
	} else {
		rc = artifact_place_find(db, &u, a, &p, e);
	}
	if (rc <= 0)
		return rc;
	*ret_owner_row = p.owner.row;
	*ret_path = p.path.n ? p.path : STR("");
	return 1;
}
