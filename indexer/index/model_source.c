/* SPDX-License-Identifier: Apache-2.0 */
/* model_source.c - see model_source.h.
 *
 * The hard idea: whose a path of artifacts is stands in the path itself, as
 * the part before "/artifacts"; but a location may be called so, too. So each
 * such place is tried, and only one counts whose owner really has its
 * artifacts there. A run_id that came along must then say the same.
 */
#include "indexer/index/model_source.h"

#include <stdlib.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/logged_model.h"
#include "indexer/index/model.h"
#include "indexer/index/values.h"

enum {
	ROOTS_TRIED = 4, /* places of "/artifacts" in a path */
	DECODINGS = 8,   /* of percent signs, before it is refused */
};

struct uri {
	struct str scheme, authority, path;
	bool has_authority;
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

/* A file's URI is the same as its path. */
static struct uri split(struct str text)
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

static bool is_scheme(const struct uri *u, const char *scheme)
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
	struct uri r = split(root);
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

/* Does it name anything by "." or "..", however it is written? */
static bool has_relative_part(struct str source)
{
	char text[LIMIT_SOURCE];
	size_t n = source.n;
	int decodings = 0;
	struct str rest;

	memcpy(text, source.p, n);
	while (decode(text, &n))
		if (++decodings > DECODINGS)
			return true;
	rest = str_n(text, n);
	if (memchr(text, '\0', n))
		return true;
	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (str_is(part, "..") || str_is(part, "."))
			return true;
	}
	return false;
}

/* --- refusals ------------------------------------------------------------ */

static int refuse(struct str source, const char *why, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "Invalid model version source: '%.*s'. %s",
		       (int)(source.n < 200 ? source.n : 200), source.p, why);
}

static int refuse_local(struct str source, struct err *e)
{
	return refuse(source,
		      "To use a local path as a model version source, the "
		      "run_id request parameter has to be specified and the "
		      "local path has to be contained within the artifact "
		      "directory of the run specified by the run_id.",
		      e);
}

static int refuse_relative(struct str source, struct err *e)
{
	return refuse(source,
		      "If supplying a source as an http, https, local file "
		      "path, ftp, objectstore, or mlflow-artifacts uri, an "
		      "absolute path must be provided without relative path "
		      "references present. Please provide an absolute path.",
		      e);
}

static int refuse_run(struct str source, struct err *e)
{
	return refuse(source,
		      "The run_id request parameter must identify the "
		      "resource that contains the source.",
		      e);
}

static int refuse_model(struct str source, struct err *e)
{
	return refuse(source,
		      "The model_id request parameter must identify the "
		      "resource that contains the source.",
		      e);
}

/* --- whose artifacts ----------------------------------------------------- */

struct owner {
	int64_t row; /* of artifacts */
	struct str root;
	struct str run_id; /* the run itself, or a logged model's source */
};

/* A run or a logged model that may be seen: 1, else 0. */
static int find_owner(struct db *db, struct str id, bool logged,
		      struct arena *a, struct owner *ret, struct err *e)
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

struct place {
	struct owner owner;
	bool logged;
	struct str id, path;
};

/* The owner named before the "/artifacts" that begins at so many bytes. */
static int try_place(struct db *db, const struct uri *u, size_t at,
		     struct arena *a, struct place *ret, struct err *e)
{
	size_t start = at;
	int rc;

	while (start && u->path.p[start - 1] != '/')
		start--;
	ret->id = str_n(u->path.p + start, at - start);
	ret->logged = str_starts(ret->id, STR("m-"));
	rc = find_owner(db, ret->id, ret->logged, a, &ret->owner, e);
	if (rc <= 0)
		return rc;
	return lies_below(u, ret->owner.root, &ret->path);
}

/* 1, or 0 where it is nobody's. */
static int find_place(struct db *db, const struct uri *u, struct arena *a,
		      struct place *ret, struct err *e)
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

/* runs:/ID/PATH */
static bool parse_run(const struct uri *u, struct str *id, struct str *path)
{
	*path = without_slashes(u->path);
	*id = str_cut(path, '/');
	return !u->has_authority && id->n && u->path.p[0] == '/';
}

int model_source_place(struct db *db, struct str location, struct arena *a,
		       int64_t *ret_owner_row, struct str *ret_path,
		       struct err *e)
{
	struct uri u = split(location);
	struct place p;
	int rc;

	if (is_scheme(&u, "runs")) {
		if (!parse_run(&u, &p.id, &p.path))
			return 0;
		rc = find_owner(db, p.id, false, a, &p.owner, e);
	} else {
		rc = find_place(db, &u, a, &p, e);
	}
	if (rc <= 0)
		return rc;
	*ret_owner_row = p.owner.row;
	*ret_path = p.path.n ? p.path : STR("");
	return 1;
}

/* --- sources ------------------------------------------------------------- */

/* A source in the making. */
struct asked {
	struct writer *w;
	const struct cmd_version *x;
	struct uri uri;
	struct arena *arena;
	struct model_source *ret;
};

/* Is the id that came along, if one did, another one? */
static bool differs(struct str given, struct str id)
{
	return given.n && !str_eq(given, id);
}

static struct str either(struct str given, struct str id)
{
	return given.n ? given : id;
}

static int resolve_placed(const struct asked *s, struct err *e)
{
	const struct cmd_version *x = s->x;
	bool local = !s->uri.scheme.n;
	struct place p;
	int rc = find_place(&s->w->db, &s->uri, s->arena, &p, e);

	if (rc < 0)
		return -1;
	if (local && (!rc || has_relative_part(x->source) ||
		      !(p.logged ? x->model_id.n : x->run_id.n)))
		return refuse_local(x->source, e);
	if (!rc || (!p.logged && differs(x->run_id, p.id)))
		return refuse_run(x->source, e);
	if (differs(x->model_id, p.logged ? p.id : STR_NONE))
		return refuse_model(x->source, e);
	s->ret->run_id = either(x->run_id, p.owner.run_id);
	s->ret->model_id = p.logged ? p.id : STR_NONE;
	return 0;
}

/* A run that is not known is taken where the caller names it, too: it may be
 * another server's. */
static int resolve_run(const struct asked *s, struct err *e)
{
	struct str id, path;
	struct owner run;
	int rc;

	if (!parse_run(&s->uri, &id, &path) || differs(s->x->run_id, id))
		return refuse_run(s->x->source, e);
	s->ret->run_id = id;
	if (s->x->run_id.n)
		return 0;
	rc = find_owner(&s->w->db, id, false, s->arena, &run, e);
	return rc ? rc < 0 ? -1 : 0 : refuse_run(s->x->source, e);
}

/* A logged model that the source or the caller names. */
static int take_logged(const struct asked *s, struct str id,
		       struct owner *ret_model, struct err *e)
{
	int rc;

	if (differs(s->x->model_id, id))
		return refuse_model(s->x->source, e);
	rc = find_owner(&s->w->db, id, true, s->arena, ret_model, e);
	if (rc < 0)
		return -1;
	if (!rc)
		return err_set(e, ERR_NOT_FOUND,
			       "Logged model with ID '%.*s' not found.",
			       STR_ARG(id));
	s->ret->run_id = either(s->x->run_id, ret_model->run_id);
	s->ret->model_id = id;
	return 0;
}

static int resolve_logged(const struct asked *s, struct str id, struct err *e)
{
	struct owner model;

	if (take_logged(s, id, &model, e) < 0)
		return -1;
	s->ret->location = model.root;
	return 0;
}

/* Somewhere that is not ours. */
static int resolve_elsewhere(const struct asked *s, struct err *e)
{
	struct owner model;

	return s->x->model_id.n ? take_logged(s, s->x->model_id, &model, e) : 0;
}

/* --- other versions ------------------------------------------------------ */

/* models:/NAME/SUFFIX, models:/NAME@ALIAS; without both NAME is the id of a
 * logged model. */
struct version_uri {
	struct str name, suffix, alias;
};

static bool parse_version(const struct uri *u, struct version_uri *ret)
{
	struct str rest = without_slashes(u->path);
	size_t at;

	*ret = (struct version_uri){.name = str_cut(&rest, '/')};
	ret->suffix = rest;
	if (u->has_authority || !u->path.n || u->path.p[0] != '/' ||
	    !str_trim(ret->name).n || str_find(rest, '/') < rest.n)
		return false;
	at = ret->name.n;
	while (!rest.n && at && ret->name.p[at - 1] != '@')
		at--;
	if (rest.n || !at)
		return true;
	ret->alias = str_n(ret->name.p + at, ret->name.n - at);
	ret->name.n = at - 1;
	return ret->name.n && ret->alias.n;
}

static int no_version(struct str name, struct str stage, struct err *e)
{
	if (!stage.n)
		return err_set(e, ERR_NOT_FOUND,
			       "No versions of model with name '%.*s' found",
			       STR_ARG(name));
	return err_set(e, ERR_NOT_FOUND,
		       "No versions of model with name '%.*s' and stage "
		       "'%.*s' found",
		       STR_ARG(name), STR_ARG(stage));
}

static int find_alias(const struct asked *s, int64_t model, struct str alias,
		      struct model_version *ret, struct err *e)
{
	int rc = version_find(&s->w->db, STMT_VERSION_BY_ALIAS,
			      BINDS(B(model), B(alias)), s->arena, ret, e);

	if (rc == 0)
		return err_set(e, ERR_INVALID,
			       "Registered model alias %.*s not found.",
			       STR_ARG(alias));
	return rc < 0 ? -1 : 0;
}

/* By number, by "latest", or by stage. */
static int find_suffix(const struct asked *s, int64_t model,
		       const struct version_uri *v, struct model_version *ret,
		       struct err *e)
{
	struct db *db = &s->w->db;
	enum model_stage stage;
	int64_t number;
	int rc;

	if (num_parse_i64(v->suffix, &number)) {
		rc = version_find(db, STMT_VERSION_BY_NUMBER,
				  BINDS(B(model), B(number)), s->arena, ret, e);
		if (rc == 0)
			return version_not_found(v->name, v->suffix, e);
	} else if (str_eq_nocase(v->suffix, STR("latest"))) {
		rc = version_find(db, STMT_VERSION_NEWEST, BINDS(B(model)),
				  s->arena, ret, e);
		if (rc == 0)
			return no_version(v->name, STR_NONE, e);
	} else {
		if (model_stage_parse(v->suffix, &stage, e) < 0)
			return -1;
		rc = version_find(db, STMT_VERSION_NEWEST_IN,
				  BINDS(B(model), B((int64_t)stage)), s->arena,
				  ret, e);
		if (rc == 0)
			return no_version(v->name, v->suffix, e);
	}
	return rc < 0 ? -1 : 0;
}

static int find_version(const struct asked *s, const struct version_uri *v,
			struct model_version *ret, struct err *e)
{
	struct registered_model m;
	int rc = model_find(&s->w->db, STMT_MODEL_BY_NAME, BINDS(B(v->name)),
			    s->arena, &m, e);

	if (rc <= 0)
		return rc < 0 ? -1 : model_not_found(v->name, e);
	if (m.prompt)
		return refuse(s->x->source,
			      "Prompt versions cannot be used as model version "
			      "sources.",
			      e);
	if (v->alias.n)
		return find_alias(s, m.row, v->alias, ret, e);
	return find_suffix(s, m.row, v, ret, e);
}

/* Where the other version's files are, so that it may go. */
static int resolve_version(const struct asked *s, const struct version_uri *uri,
			   struct err *e)
{
	struct model_version v;
	const char *source;

	if (find_version(s, uri, &v, e) < 0)
		return -1;
	if (differs(s->x->run_id, v.run_id) ||
	    differs(s->x->model_id, v.model_id))
		return refuse(s->x->source,
			      "The run_id and model_id request parameters must "
			      "match the referenced model version.",
			      e);
	source = arena_printf(s->arena, "models:/%.*s/%.*s", STR_ARG(v.model),
			      STR_ARG(v.version));
	if (!source)
		return arena_full(s->arena, e);
	*s->ret = (struct model_source){str_from(source), v.location, v.run_id,
					v.model_id};
	return 0;
}

static int resolve_models(const struct asked *s, struct err *e)
{
	struct version_uri v;

	if (!parse_version(&s->uri, &v))
		return refuse_model(s->x->source, e);
	if (v.suffix.n || v.alias.n)
		return resolve_version(s, &v, e);
	return resolve_logged(s, v.name, e);
}

/* --- all of them --------------------------------------------------------- */

static int resolve_prompt(const struct cmd_version *x, struct err *e)
{
	if (str_is(x->source, "dummy-source") ||
	    str_is(x->source, "prompt-template"))
		return 0;
	return err_set(e, ERR_INVALID,
		       "Invalid prompt source: '%.*s'. Prompt sources must use "
		       "an MLflow placeholder.",
		       (int)(x->source.n < 200 ? x->source.n : 200),
		       x->source.p);
}

static int check_source(struct str source, struct err *e)
{
	if (!source.n)
		return err_set(e, ERR_INVALID,
			       "Missing value for required parameter 'source'. "
			       "See the API docs for more information about "
			       "request parameters.");
	if (source.n > LIMIT_SOURCE)
		return err_set(
			e, ERR_INVALID,
			"'source' exceeds the maximum length of %d bytes",
			LIMIT_SOURCE);
	return check_text(source, "source", e);
}

int model_source_resolve(struct writer *w, const struct cmd_version *x,
			 struct arena *a, struct model_source *ret,
			 struct err *e)
{
	struct asked s = {w, x, {.has_authority = false}, a, ret};

	if (check_source(x->source, e) < 0)
		return -1;
	*ret = (struct model_source){x->source, x->source, x->run_id,
				     x->model_id};
	if (model_tags_prompt(x->tags))
		return resolve_prompt(x, e);
	s.uri = split(x->source);
	if (!s.uri.scheme.n)
		return resolve_placed(&s, e);
	if (has_relative_part(x->source))
		return refuse_relative(x->source, e);
	if (is_scheme(&s.uri, "runs"))
		return resolve_run(&s, e);
	if (is_scheme(&s.uri, "models"))
		return resolve_models(&s, e);
	if (is_scheme(&s.uri, "mlflow-artifacts"))
		return resolve_placed(&s, e);
	return resolve_elsewhere(&s, e);
}
