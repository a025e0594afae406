/* SPDX-License-Identifier: Apache-2.0 */
/* model_source.c - what a version may be made of, and where its files are. */
#include "tests/index/registry.h"

#include "indexer/base/scope.h"
#include "indexer/index/artifact_uri.h"
#include "indexer/index/logged_model.h"

static struct fixture fx;
static const char *run, *other, *local_run, *logged;

static const char *make_logged(void)
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	const char *id = "";

	x->experiment_id = STR("0");
	x->source_run_id = str_from(run);
	if (index_apply(fx.ix, &x->c, &fx.e) == 0)
		id = arena_strdup(&fx.a, x->ret_model_id);
	command_free(&x->c);
	return id;
}

static void make(void)
{
	struct cmd_experiment_create *x =
		command_new(COMMAND_EXPERIMENT_CREATE);

	fx_start(&fx);
	run = fx_run(&fx, "0", "run");
	other = fx_run(&fx, "0", "other");
	x->name = STR("local");
	x->artifact_location = STR("file:///data/artifacts");
	works(fx_apply(&fx, &x->c));
	local_run = fx_run(&fx, "1", "local");
	logged = make_logged();
	ok(*logged, "a logged model");
	works(rg_create(&fx, "m", NULL, 0));
}

/* "%r", "%o", "%l" and "%g" become the ids of the run, of the other one, of
 * the local one, and of the logged model. */
static const char *with_ids(const char *text)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, 1 << 16);
	for (; *text; text++) {
		const char *id = *text != '%'     ? NULL
				 : text[1] == 'r' ? run
				 : text[1] == 'o' ? other
				 : text[1] == 'l' ? local_run
				 : text[1] == 'g' ? logged
						  : NULL;

		if (id)
			buf_puts(&b, id);
		else
			buf_putc(&b, *text);
		text += id != NULL;
	}
	buf_puts(&b, "");
	return arena_strdup(&fx.a, buf_view(&b));
}

static int add(const char *source, const char *run_id, const char *model_id,
	       struct str *ret_version)
{
	struct cmd_version *x = command_new(COMMAND_VERSION_CREATE);
	int rc;

	x->name = STR("m");
	x->source = str_from(with_ids(source));
	x->run_id = str_from(with_ids(run_id));
	x->model_id = str_from(with_ids(model_id));
	x->c.who = fx.who;
	err_clear(&fx.e);
	rc = index_apply(fx.ix, &x->c, &fx.e);
	*ret_version = arena_str(&fx.a, x->ret_version);
	command_free(&x->c);
	return rc;
}

static const struct {
	const char *source, *run_id, *model_id; /* given */
	const char *location, *of_run, *of_model;
} taken[] = {
	{"s3://b/c", "", "", "s3://b/c", "", ""},
	{"s3://b/c", "any", "", "s3://b/c", "any", ""},
	{"s3://b/c", "", "%g", "s3://b/c", "%r", "%g"},
	{"dbfs:/x/y", "", "", "dbfs:/x/y", "", ""},
	{"runs:/%r/m/n", "", "", "runs:/%r/m/n", "%r", ""},
	{"runs:/%r", "%r", "", "runs:/%r", "%r", ""},
	{"runs:/unknown/m", "unknown", "", "runs:/unknown/m", "unknown", ""},
	{"runs:/unknown/m", "other", "", "runs:/unknown/m", "other", ""},
	{"mlflow-artifacts:/0/%r/artifacts/m", "%r", "",
	 "mlflow-artifacts:/0/%r/artifacts/m", "%r", ""},
	{"mlflow-artifacts:/0/%r/artifacts", "", "",
	 "mlflow-artifacts:/0/%r/artifacts", "%r", ""},
	{"mlflow-artifacts:/0/models/%g/artifacts", "", "",
	 "mlflow-artifacts:/0/models/%g/artifacts", "%r", "%g"},
	{"models:/%g", "", "%g", "mlflow-artifacts:/0/models/%g/artifacts",
	 "%r", "%g"},
	{"models:/%g", "%o", "", "mlflow-artifacts:/0/models/%g/artifacts",
	 "%o", "%g"},
	{"/data/artifacts/%l/artifacts/m", "%l", "",
	 "/data/artifacts/%l/artifacts/m", "%l", ""},
	{"file:///data/artifacts/%l/artifacts", "%l", "",
	 "file:///data/artifacts/%l/artifacts", "%l", ""},
};

static void taking(void)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
		struct model_version v;
		struct str version;

		if (!ok(add(taken[i].source, taken[i].run_id, taken[i].model_id,
			    &version) == 0,
			taken[i].source)) {
			printf("# %s\n", fx.e.msg);
			continue;
		}
		v = rg_see_version(&fx, "m", version.p);
		is_str(v.source.p, with_ids(taken[i].source),
		       "as it was given");
		is_str(v.location.p, with_ids(taken[i].location), "location");
		is_str(v.run_id.p, with_ids(taken[i].of_run), "its run");
		is_str(v.model_id.p, with_ids(taken[i].of_model), "its model");
	}
}

static const struct {
	const char *source, *run_id, *model_id;
	enum err_kind kind;
	const char *why;
} bad[] = {
	{"", "", "", ERR_INVALID, "Missing value"},
	{"\xff", "", "", ERR_INVALID, "UTF-8"},
	{"/etc/passwd", "", "", ERR_INVALID, "To use a local path"},
	{"/etc/passwd", "%r", "", ERR_INVALID, "To use a local path"},
	{"file:///etc/passwd", "%l", "", ERR_INVALID, "To use a local path"},
	{"data/artifacts/%l/artifacts", "%l", "", ERR_INVALID, "local path"},
	{"/data/artifacts/%l/artifacts", "", "", ERR_INVALID, "local path"},
	{"/data/artifacts/%l/artifacts/../x", "%l", "", ERR_INVALID, "local"},
	{"/data/artifacts/%l/artifactsx", "%l", "", ERR_INVALID, "local"},
	{"C:\\x", "%l", "", ERR_INVALID, "To use a local path"},
	{"dummy-source", "", "", ERR_INVALID, "To use a local path"},
	{"s3://b/../c", "", "", ERR_INVALID, "relative path references"},
	{"s3://b/./c", "", "", ERR_INVALID, "relative path references"},
	{"s3://b/%2e%2e/c", "", "", ERR_INVALID, "relative path references"},
	{"s3://b/%252E./c", "", "", ERR_INVALID, "relative path references"},
	{"s3://b/%25252525252525252525252e./c", "", "", ERR_INVALID,
	 "relative path references"},
	{"s3://b/c%00", "", "", ERR_INVALID, "relative path references"},
	{"s3://b?x=../..", "", "", ERR_INVALID, "relative path references"},
	{"runs:/unknown/m", "", "", ERR_INVALID, "The run_id request"},
	{"runs:/%r/m", "%o", "", ERR_INVALID, "The run_id request"},
	{"runs:/%r/m", "unknown", "", ERR_INVALID, "The run_id request"},
	{"runs:/unknown/m", "%r", "", ERR_INVALID, "The run_id request"},
	{"runs://%r/m", "%r", "", ERR_INVALID, "The run_id request"},
	{"runs:/", "", "", ERR_INVALID, "The run_id request"},
	{"mlflow-artifacts:/0/%r/artifacts", "%o", "", ERR_INVALID, "run_id"},
	{"mlflow-artifacts:/1/%r/artifacts", "%r", "", ERR_INVALID, "run_id"},
	{"mlflow-artifacts:/0/%r/artifactsx", "%r", "", ERR_INVALID, "run_id"},
	{"mlflow-artifacts:/0/none/artifacts", "", "", ERR_INVALID, "run_id"},
	{"mlflow-artifacts:/artifacts/artifacts/artifacts/artifacts/%r", "", "",
	 ERR_INVALID, "run_id"},
	{"mlflow-artifacts://h/0/%r/artifacts", "%r", "", ERR_INVALID,
	 "run_id"},
	{"mlflow-artifacts:/0/%r/artifacts", "", "%g", ERR_INVALID,
	 "The model_id request"},
	{"models:/%g", "", "m-other", ERR_INVALID, "The model_id request"},
	{"models:/m-none", "", "", ERR_NOT_FOUND,
	 "Logged model with ID 'm-none' not found."},
	{"s3://b/c", "", "m-none", ERR_NOT_FOUND, "'m-none' not found"},
	{"models:/", "", "", ERR_INVALID, "The model_id request"},
	{"models:m/1", "", "", ERR_INVALID, "The model_id request"},
	{"models:/a/b/c", "", "", ERR_INVALID, "The model_id request"},
	{"models:/a/ ", "", "", ERR_INVALID, "The model_id request"},
	{"models:/a@", "", "", ERR_INVALID, "The model_id request"},
	{"models:/@a", "", "", ERR_INVALID, "The model_id request"},
	{"models://h/m/1", "", "", ERR_INVALID, "The model_id request"},
	{"models:/none/1", "", "", ERR_NOT_FOUND,
	 "Registered Model with name=none not found"},
	{"models:/m/999", "", "", ERR_NOT_FOUND,
	 "Model Version (name=m, version=999) not found"},
	{"models:/m@none", "", "", ERR_INVALID, "alias none not found"},
	{"models:/m/Production", "", "", ERR_NOT_FOUND,
	 "No versions of model with name 'm' and stage 'Production' found"},
	{"models:/m/bad", "", "", ERR_INVALID, "Invalid Model Version stage"},
	{"models:/empty/latest", "", "", ERR_NOT_FOUND,
	 "No versions of model with name 'empty' found"},
	{"models:/prompt/1", "", "", ERR_INVALID,
	 "Prompt versions cannot be used"},
	{"models:/m/1", "%r", "", ERR_INVALID, "must match the referenced"},
};

static void refusing(void)
{
	struct key_value prompt = kv(PROMPT_TAG, "true");
	struct registered_model before;
	struct str version;
	char *huge = malloc(4200);

	works(rg_create(&fx, "empty", NULL, 0));
	works(rg_create(&fx, "prompt", &prompt, 1));
	before = rg_see(&fx, "m");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		int rc = add(bad[i].source, bad[i].run_id, bad[i].model_id,
			     &version);

		if (!ok(rc < 0 && fx.e.kind == bad[i].kind &&
				strstr(fx.e.msg, bad[i].why),
			bad[i].source))
			printf("# %s: %s\n", err_kind_name(fx.e.kind),
			       rc < 0 ? fx.e.msg : "taken");
	}
	memset(huge, 'x', 4200);
	memcpy(huge, "s3://", 5);
	huge[4199] = '\0';
	ok(add(huge, "", "", &version) < 0 &&
		   strstr(fx.e.msg, "maximum length of 4096"),
	   "a source that is too long");
	free(huge);
	is_i64(rg_see(&fx, "m").last_version, before.last_version,
	       "what is refused takes no number");
}

/* A version of a version keeps where the files are. */
static void chains(void)
{
	static const char *const named[] = {"models:/m/9", "models:/m@best",
					    "models:/m/Staging",
					    "models:/m/LATEST"};
	struct model_version v, first = rg_see_version(&fx, "m", "9");
	struct str version;

	works(rg_model(&fx, COMMAND_MODEL_ALIAS, "m", "best", "9"));
	works(rg_stage(&fx, "m", "9", "Staging", false));
	for (size_t i = 0; i < 3; i++) {
		works(add(named[i], "", "", &version));
		v = rg_see_version(&fx, "m", version.p);
		is_str(v.source.p, "models:/m/9", "the version it is of");
		is_str(v.location.p, first.location.p, "where that one is");
		is_str(v.run_id.p, run, "of the same run");
	}
	works(add(named[3], run, "", &version));
	is_str(rg_see_version(&fx, "m", version.p).location.p, first.location.p,
	       "over two steps");
	works(rg_version(&fx, COMMAND_VERSION_DELETE, "m", "9", "", ""));
	is_str(rg_see_version(&fx, "m", version.p).location.p, first.location.p,
	       "and when the first is gone");
}

static void prompts(void)
{
	struct cmd_version *x = command_new(COMMAND_VERSION_CREATE);
	struct key_value tag = kv(PROMPT_TAG, "true");

	x->name = STR("prompt");
	x->source = STR("dummy-source");
	x->tags = (struct field_list){&tag, 1};
	works(fx_apply(&fx, &x->c));
	x = command_new(COMMAND_VERSION_CREATE);
	x->name = STR("prompt");
	x->source = STR("s3://b/c");
	x->tags = (struct field_list){&tag, 1};
	fails(fx_apply(&fx, &x->c), ERR_INVALID,
	      "Prompt sources must be what MLflow's clients send");
}

/* --- files --------------------------------------------------------------- */

static int files_of(const char *source, int64_t *owner, struct str *path)
{
	struct model_version v;
	struct str version;
	int rc;

	if (add(source, "", "", &version) < 0)
		return -1;
	v = rg_see_version(&fx, "m", version.p);
	fx_begin(&fx);
	rc = model_version_files(fx.rd, &v, &fx.a, owner, path, &fx.e);
	fx_finish(&fx);
	return rc;
}

static void files(void)
{
	int64_t row = fx_see_run(&fx, run).row;
	struct logged_model g;
	struct str path;
	int64_t owner;

	works(files_of("mlflow-artifacts:/0/%r/artifacts/a/b/", &owner, &path));
	is_i64(owner, row, "those of a run");
	is_str(arena_strdup(&fx.a, path), "a/b", "below its root");
	works(files_of("runs:/%r/a/b", &owner, &path));
	ok(owner == row && str_is(path, "a/b"), "by another name");
	works(files_of("runs:/%r", &owner, &path));
	ok(owner == row && path.p && !path.n, "all of them");
	works(files_of("models:/%g", &owner, &path));
	fx_begin(&fx);
	works(logged_model_by_id(fx.rd, str_from(logged), &fx.a, &g, &fx.e));
	fx_finish(&fx);
	ok(owner == logged_model_owner(g.row) && !path.n,
	   "those of a logged model");
	fails(files_of("s3://b/c", &owner, &path), ERR_NOT_FOUND,
	      "are not here");
}

/* --- registrations -------------------------------------------------------- */

static int keep_tag(void *ctx, struct str key, struct str value,
		    int64_t modified, struct err *e)
{
	(void)e;
	if (modified > 0 && str_is(key, "mlflow.modelVersions"))
		*(struct str *)ctx = arena_str(&fx.a, value);
	return 0;
}

static void registrations(void)
{
	struct str version, told = STR_NONE;
	struct logged_model g;

	logged = make_logged();
	works(rg_create(&fx, "r\"", NULL, 0));
	works(add("models:/%g", "", "", &version));
	is_str(rg_add(&fx, "r\"", with_ids("models:/%g"), ""), "1", "another");
	works(add(arena_printf(&fx.a, "models:/m/%s", version.p), "", "",
		  &version));
	fx_begin(&fx);
	works(logged_model_by_id(fx.rd, str_from(logged), &fx.a, &g, &fx.e));
	works(logged_model_tags(fx.rd, g.row, keep_tag, &told, &fx.e));
	fx_finish(&fx);
	is_str(told.p,
	       arena_printf(&fx.a,
			    "[{\"name\": \"m\", \"version\": %d}, {\"name\": "
			    "\"r\\\"\", \"version\": 1}]",
			    (int)rg_see(&fx, "m").last_version - 1),
	       "a logged model is told of its versions, not of copies");
}

int main(void)
{
	make();
	taking();
	refusing();
	chains();
	prompts();
	files();
	registrations();
	fx_end(&fx);
	return tap_done();
}
