/* SPDX-License-Identifier: Apache-2.0 */
/* model_source.c - see model_source.h. Each form of a source has a function
 * that says where the files are and which run and logged model they are of;
 * ids that came along must say the same. Refusals are MLflow's sentences.
 */
#include "indexer/index/model_source.h"

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/artifact_uri.h"
#include "indexer/index/model.h"
#include "indexer/index/project.h"
#include "indexer/index/values.h"

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
	struct artifact_place p;
	int rc = artifact_place_find(&s->w->db, &s->uri, s->arena, &p, e);

	if (rc < 0)
		return -1;
	if (local && (!rc || s->uri.path.p[0] != '/' ||
		      uri_has_relative_part(x->source) ||
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

static int run_is_here(const struct asked *s, struct str id, struct err *e)
{
	struct artifact_owner run;

	return artifact_owner_find(&s->w->db, id, false, s->arena, &run, e);
}

/* Two different runs are taken if neither is known: then they are another
 * server's, and which of them has the files is its business. */
static int resolve_run(const struct asked *s, struct err *e)
{
	struct str given = s->x->run_id, id, path;
	int here;

	if (!uri_parse_run(&s->uri, &id, &path))
		return refuse_run(s->x->source, e);
	s->ret->run_id = either(given, id);
	if (str_eq(given, id))
		return 0;
	if (writer_run_seen(s->w, &s->x->c.who, id, e) < 0)
		return -1;
	here = run_is_here(s, id, e);
	if (here == 0 && given.n)
		here = run_is_here(s, given, e);
	if (here < 0)
		return -1;
	return here == !given.n ? 0 : refuse_run(s->x->source, e);
}

/* A logged model that the source or the caller names. */
static int take_logged(const struct asked *s, struct str id,
		       struct artifact_owner *ret_model, struct err *e)
{
	int rc;

	if (differs(s->x->model_id, id))
		return refuse_model(s->x->source, e);
	rc = artifact_owner_find(&s->w->db, id, true, s->arena, ret_model, e);
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
	struct artifact_owner model;

	if (take_logged(s, id, &model, e) < 0)
		return -1;
	s->ret->location = model.root;
	return 0;
}

/* Somewhere that is not ours. */
static int resolve_elsewhere(const struct asked *s, struct err *e)
{
	struct artifact_owner model;

	return s->x->model_id.n ? take_logged(s, s->x->model_id, &model, e) : 0;
}

/* --- other versions ------------------------------------------------------ */

/* models:/NAME/SUFFIX, models:/NAME@ALIAS; without both NAME is the id of a
 * logged model. */
struct version_uri {
	struct str name, suffix, alias;
};

/* The name is followed by an alias where there is an '@' in it. */
static bool parse_alias(struct version_uri *v)
{
	size_t at = v->name.n;

	while (at && v->name.p[at - 1] != '@')
		at--;
	if (!at)
		return true;
	v->alias = str_n(v->name.p + at, v->name.n - at);
	v->name.n = at - 1;
	return v->name.n && v->alias.n;
}

static bool parse_version(const struct uri *u, struct version_uri *ret)
{
	struct str rest = u->path;

	if (u->has_authority || !rest.n || rest.p[0] != '/')
		return false;
	while (rest.n && rest.p[0] == '/')
		rest = str_n(rest.p + 1, rest.n - 1);
	*ret = (struct version_uri){.name = str_cut(&rest, '/')};
	ret->suffix = rest;
	if (!str_trim(ret->name).n)
		return false;
	if (!rest.p)
		return parse_alias(ret);
	return str_trim(rest).n && str_find(rest, '/') == rest.n;
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

/* Where the other version's files are, so that it may go. The name is one that
 * leads there from everywhere. */
static int resolve_version(const struct asked *s, const struct version_uri *uri,
			   struct err *e)
{
	struct model_version v;
	struct str model;
	const char *source;

	if (find_version(s, uri, &v, e) < 0 ||
	    project_full_name(&s->x->c.who, v.model, s->arena, &model, e) < 0)
		return -1;
	if (differs(s->x->run_id, v.run_id) ||
	    differs(s->x->model_id, v.model_id))
		return refuse(s->x->source,
			      "The run_id and model_id request parameters must "
			      "match the referenced model version.",
			      e);
	source = arena_printf(s->arena, "models:/%.*s/%.*s", STR_ARG(model),
			      STR_ARG(v.version));
	if (!source)
		return arena_full(s->arena, e);
	*s->ret = (struct model_source){str_from(source), v.location, v.run_id,
					v.model_id, true};
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
		       "Invalid prompt source: '%.*s'. Prompt sources must be "
		       "what MLflow's clients send: 'dummy-source' or "
		       "'prompt-template'.",
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
	struct asked s = {.w = w, .x = x, .arena = a, .ret = ret};

	if (check_source(x->source, e) < 0 ||
	    (x->run_id.n && writer_run_seen(w, &x->c.who, x->run_id, e) < 0))
		return -1;
	*ret = (struct model_source){x->source, x->source, x->run_id,
				     x->model_id, false};
	if (model_tags_prompt(x->tags))
		return resolve_prompt(x, e);
	s.uri = uri_split(x->source);
	if (!s.uri.scheme.n)
		return resolve_placed(&s, e);
	if (uri_has_relative_part(x->source))
		return refuse_relative(x->source, e);
	if (uri_is_scheme(&s.uri, "runs"))
		return resolve_run(&s, e);
	if (uri_is_scheme(&s.uri, "models"))
		return resolve_models(&s, e);
	if (uri_is_scheme(&s.uri, "mlflow-artifacts"))
		return resolve_placed(&s, e);
	return resolve_elsewhere(&s, e);
}
