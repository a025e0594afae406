/* SPDX-License-Identifier: Apache-2.0 */
/* Prompts, logged models and inputs in the tree, and what the kernel is told
 * when others change the registry. */
#include "fs/watch.h"
#include "indexer/base/clock.h"
#include "tests/fs/registry.h"

/* --- prompts, logged models ----------------------------------------------- */

static void make_prompt(struct fixture *f, const char *type, const char *text)
{
	struct cmd_version *x = command_new(COMMAND_VERSION_CREATE);
	struct key_value tags[] = {
		{STR("mlflow.prompt.is_prompt"), STR("true")},
		{STR("_mlflow_prompt_type"), str_from(type)},
		{STR("mlflow.prompt.text"), str_from(text)}};

	x->name = STR("ask");
	x->source = STR("dummy-source");
	x->tags = (struct field_list){tags, 3};
	as_others(f, &x->c);
}

static void test_prompts(struct fixture *f)
{
	struct cmd_model *x = command_new(COMMAND_MODEL_CREATE);
	struct key_value tag = {STR("mlflow.prompt.is_prompt"), STR("true")};

	x->name = STR("ask");
	x->tags = (struct field_list){&tag, 1};
	as_others(f, &x->c);
	make_prompt(f, "text", "Say {{it}}");
	make_prompt(f, "chat", "[]");
	is_str(list_by(f, "models/ask/versions/1", 1),
	       ".meta.json .description .stage .tags prompt.txt ", "a prompt");
	is_str(get(f, "models/ask/versions/1/prompt.txt"), "Say {{it}}",
	       "its text, nothing added");
	is_i64(size_of(f, "models/ask/versions/1/prompt.txt"), 10, "its size");
	is_str(get(f, "models/ask/versions/2/prompt.json"), "[]", "of a chat");
	ok(!walk(f, "models/ask/versions/2/prompt.txt"), "one of them only");
}

static void make_logged(struct fixture *f, const char *name, char id[64])
{
	struct cmd_logged_create *x = command_new(COMMAND_LOGGED_CREATE);
	struct cmd_run_outputs *y = command_new(COMMAND_RUN_OUTPUTS);
	struct cmd_artifact_put *z = command_new(COMMAND_ARTIFACT_PUT);
	struct key_value p = {STR("lr"), STR("0.1")};
	struct run_model made = {0};
	char run[64];

	get(f, RUN "/meta.json");
	snprintf(run, sizeof(run), "%.32s",
		 strstr(f->text, "\"run_id\": \"") + 11);
	x->experiment_id = STR("1");
	x->name = str_from(name);
	x->source_run_id = str_from(run);
	x->params = (struct field_list){&p, 1};
	if (index_apply(f->ix, &x->c, &f->e))
		fixture_die("logged", &f->e);
	snprintf(id, 64, "%.*s", STR_ARG(x->ret_model_id));
	command_free(&x->c);
	made.model_id = str_from(id);
	y->run_id = str_from(run);
	y->models = (struct field_list){&made, 1};
	as_others(f, &y->c);
	z->model_id = str_from(id);
	z->path = STR("MLmodel");
	z->size = (struct opt_i64){0, true};
	as_others(f, &z->c);
}

static void test_logged(struct fixture *f)
{
	char a[64], b[64], path[256], want[256];

	make_logged(f, "model", a);
	snprintf(want, sizeof(want), "../../../models/model~%.8s", a + 2);
	is_str(list(f, RUN "/models"), "model ", "the run's model");
	is_str(link_of(f, RUN "/models/model"), want, "leads there");
	make_logged(f, "model", b);
	snprintf(want, sizeof(want), "model~%.8s model~%.8s ", a + 2, b + 2);
	is_str(list(f, "experiments/e/models"), want, "two of one name");
	is_str(list(f, RUN "/models"), want, "in the run, too");
	snprintf(path, sizeof(path), "experiments/e/models/%s", a);
	snprintf(want, sizeof(want), "model~%.8s", a + 2);
	is_str(link_of(f, path), want, "found by its id");
	snprintf(want, sizeof(want), "model~%.8s", b + 2);
	is_str(link_of(f, "experiments/e/models/model"), want,
	       "the name leads to the newest");
	snprintf(path, sizeof(path), "experiments/e/models/model~%.8s", a + 2);
	is_str(list(f, path), "artifacts params tags meta.json ", "its parts");
	snprintf(path, sizeof(path),
		 "experiments/e/models/model~%.8s/params/lr", a + 2);
	is_str(get(f, path), "0.1\n", "a param");
	ok(!do_open(f, path, O_WRONLY) && last_errno(f) == EPERM, "only read");
	snprintf(path, sizeof(path), "experiments/e/models/model~%.8s/tags/t",
		 a + 2);
	ok(put(f, path, 0, "v") == 0, "a tag is set");
	is_str(get(f, path), "v\n", "and read");
	snprintf(path, sizeof(path),
		 "experiments/e/models/model~%.8s/artifacts", a + 2);
	is_str(list(f, path), "MLmodel ", "its files");
	snprintf(path, sizeof(path), "../../../" RUN "/models/%s", a);
	ok(do_link(f, path, "models/net/versions/new") == 0,
	   "registered by the run's link");
	ok(get(f, "models/net/versions/2/.meta.json") && strstr(f->text, a),
	   "as that model");
	is_str(list(f, "models/net/versions/2"),
	       ".meta.json .description .stage .tags MLmodel ", "its files");
	snprintf(path, sizeof(path),
		 "../../../experiments/e/models/%s/artifacts/MLmodel", a);
	ok(do_link(f, path, "models/net/versions/new") == 0, "one file of it");
}

static void test_trash(struct fixture *f)
{
	char id[64], want[256];
	const char *at = "trash/experiments/e/runs/r/models/odd";
	struct cmd_run_inputs *x = command_new(COMMAND_RUN_INPUTS);
	struct run_model m = {0};
	char run[64];

	make_logged(f, "odd", id);
	do_mkdir(f, "experiments/o");
	do_mkdir(f, "experiments/o/runs/s");
	get(f, "experiments/o/runs/s/meta.json");
	snprintf(run, sizeof(run), "%.32s",
		 strstr(f->text, "\"run_id\": \"") + 11);
	m.model_id = str_from(id);
	x->run_id = str_from(run);
	x->models = (struct field_list){&m, 1};
	as_others(f, &x->c);
	snprintf(want, sizeof(want),
		 "../../../../../experiments/e/models/odd~%.8s", id + 2);
	is_str(link_of(f, "experiments/o/runs/s/models/odd"), want,
	       "a model of another experiment");
	do_remove(f, "experiments/o/runs/s", true);
	is_str(link_of(f, "trash/runs/o/s/models/odd"), want,
	       "from the trash, too");
	do_remove(f, "experiments/e", true);
	snprintf(want, sizeof(want), "../../../models/odd~%.8s", id + 2);
	is_str(link_of(f, at), want, "both in the trash");
	snprintf(want, sizeof(want),
		 "../../../../../trash/experiments/e/models/odd~%.8s", id + 2);
	is_str(link_of(f, "trash/runs/o/s/models/odd"), want,
	       "one here, one there");
	do_rename(f, "trash/experiments/e", "experiments/e");
}

static void test_inputs(struct fixture *f)
{
	struct cmd_run_inputs *x = command_new(COMMAND_RUN_INPUTS);
	struct key_value tag = {STR("mlflow.data.context"), STR("train")};
	struct run_input in[3] = {0};
	char run[64];

	get(f, RUN "/meta.json");
	snprintf(run, sizeof(run), "%.32s",
		 strstr(f->text, "\"run_id\": \"") + 11);
	for (int i = 0; i < 3; i++) {
		in[i].dataset = (struct input_dataset){
			.name = i ? STR("iris/x") : STR("one"),
			.digest = i == 1 ? STR("aa") : STR("bb"),
			.source_type = STR("local"),
			.source = STR("{}")};
		in[i].tags = (struct field_list){&tag, 1};
	}
	x->run_id = str_from(run);
	x->datasets = (struct field_list){in, 3};
	as_others(f, &x->c);
	is_str(list(f, RUN "/inputs"), "one iris%2Fx~aa iris%2Fx~bb ",
	       "datasets that the run took");
	ok(get(f, RUN "/inputs/iris%2Fx~aa") &&
		   strstr(f->text, "\"digest\": \"aa\"") &&
		   strstr(f->text, "train"),
	   "each says what it was");
	is_i64(size_of(f, RUN "/inputs/iris%2Fx~aa"), (int64_t)f->text_n,
	       "with its size");
	ok(walk(f, RUN "/inputs/one~bb") != 0, "the long name resolves");
	ok(!walk(f, RUN "/inputs/iris%2Fx") && !walk(f, RUN "/inputs/1"),
	   "no other does");
}

/* --- what the kernel is told ---------------------------------------------- */

struct told {
	pthread_mutex_t mu;
	char text[65536];
};

static void tell_inode(void *ctx, uint64_t id, bool data)
{
	struct told *t = ctx;
	size_t n;

	pthread_mutex_lock(&t->mu);
	n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "%s%llx;",
		 data ? "list " : "attr ", (unsigned long long)id);
	pthread_mutex_unlock(&t->mu);
}

static void tell_entry(void *ctx, uint64_t dir, struct str name)
{
	struct told *t = ctx;
	size_t n;

	pthread_mutex_lock(&t->mu);
	n = strlen(t->text);
	snprintf(t->text + n, sizeof(t->text) - n, "name %llx/%.*s;",
		 (unsigned long long)dir, STR_ARG(name));
	pthread_mutex_unlock(&t->mu);
}

static bool soon(struct told *t, const char *what, uint64_t id,
		 const char *name)
{
	int64_t end = clock_mono_ms() + 10000;
	bool found = false;
	char text[256];

	snprintf(text, sizeof(text), "%s %llx%s;", what, (unsigned long long)id,
		 name);
	while (!found && clock_mono_ms() < end) {
		usleep(2000);
		pthread_mutex_lock(&t->mu);
		found = strstr(t->text, text) != NULL;
		pthread_mutex_unlock(&t->mu);
	}
	return found;
}

static void forget_told(struct told *t)
{
	usleep(600000);
	pthread_mutex_lock(&t->mu);
	t->text[0] = '\0';
	pthread_mutex_unlock(&t->mu);
}

static void change_version(struct fixture *f, enum command_kind kind,
			   const char *version)
{
	struct cmd_version *x = command_new(kind);

	x->name = STR("net");
	x->version = str_from(version);
	x->description = STR("others");
	x->source = STR("models:/net/1");
	as_others(f, &x->c);
}

static void test_told_versions(struct fixture *f, struct told *t)
{
	uint64_t versions = walk(f, "models/net/versions");
	uint64_t second = walk(f, "models/net/versions/2");

	forget_told(t);
	change_version(f, COMMAND_VERSION_CREATE, "");
	ok(soon(t, "list", versions, ""), "a new version: list again");
	forget_told(t);
	change_version(f, COMMAND_VERSION_UPDATE, "2");
	ok(soon(t, "attr", second, ""), "a changed one");
	forget_told(t);
	change_version(f, COMMAND_VERSION_DELETE, "2");
	ok(soon(t, "name", versions, "/2"), "a deleted one: its name is over");
}

static void test_told_files(struct fixture *f, struct told *t)
{
	uint64_t first = walk(f, "models/net/versions/1");
	uint64_t sub = walk(f, "models/net/versions/1/sub");
	uint64_t w = walk(f, "models/net/versions/1/sub/w");

	forget_told(t);
	put(f, RUN "/artifacts/model/sub/w", O_TRUNC, "replaced");
	ok(soon(t, "attr", w, ""), "an artifact that is shown has changed");
	is_str(get(f, "models/net/versions/1/sub/w"), "replaced", "is read so");
	forget_told(t);
	put(f, RUN "/artifacts/model/sub/v", 0, "more");
	ok(soon(t, "list", sub, ""), "another has come");
	forget_told(t);
	do_remove(f, RUN "/artifacts/model/sub/w", false);
	ok(soon(t, "name", sub, "/w"), "one was removed");
	forget_told(t);
	do_rename(f, RUN "/artifacts/model", RUN "/artifacts/elsewhere");
	ok(soon(t, "name", first, "/sub"), "all of them were");
	is_str(list(f, "models/net/versions/1"),
	       ".meta.json .description .stage .tags ", "so it is");
}

static void test_told_models(struct fixture *f, struct told *t)
{
	uint64_t models = walk(f, "models");
	struct cmd_model *x = command_new(COMMAND_MODEL_RENAME);

	walk(f, "models/net");
	forget_told(t);
	x->name = STR("net");
	x->new_name = STR("web");
	as_others(f, &x->c);
	ok(soon(t, "name", models, "/net"), "renamed: the name is over");
	ok(soon(t, "list", models, ""), "list again");
	walk(f, "models/web/versions/1");
	ok(put(f, "models/web/description", O_TRUNC, "x") == 0,
	   "it is written by its new name");
}

static void test_told_logged(struct fixture *f, struct told *t)
{
	struct cmd_logged *x = command_new(COMMAND_LOGGED_DELETE);
	uint64_t models = walk(f, "experiments/e/models");
	char id[64], path[256];

	forget_told(t);
	make_logged(f, "late", id);
	ok(soon(t, "list", models, ""), "a new logged model: list again");
	snprintf(path, sizeof(path), "experiments/e/models/late~%.8s", id + 2);
	walk(f, path);
	forget_told(t);
	x->model_id = str_from(id);
	as_others(f, &x->c);
	snprintf(path, sizeof(path), "/late~%.8s", id + 2);
	ok(soon(t, "name", models, path), "deleted: its name is over");
	ok(!walk(f, RUN "/models/late"), "and the run's link to it");
}

int main(void)
{
	static struct told t = {.mu = PTHREAD_MUTEX_INITIALIZER};
	const struct watch_sink sink = {
		.inode = tell_inode, .entry = tell_entry, .ctx = &t};
	struct fixture f;
	struct watch *w;

	fixture_init(&f);
	make_files(&f);
	do_mkdir(&f, "models/net");
	do_link(&f, FILES "/model", "models/net/versions/new");
	test_prompts(&f);
	test_logged(&f);
	test_trash(&f);
	test_inputs(&f);
	w = watch_start(f.fs, &sink, &f.e);
	test_told_versions(&f, &t);
	test_told_files(&f, &t);
	test_told_models(&f, &t);
	test_told_logged(&f, &t);
	watch_stop(w);
	fixture_fini(&f);
	return tap_done();
}
