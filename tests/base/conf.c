/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - sources and their ranks, bounds, errors with file and line, and a
 * print that can be read back.
 */
#include "indexer/base/conf.h"

#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/json_doc.h"
#include "tests/tap.h"

static char path[256];

/* Reads a file of that text over the defaults. */
static int read_text(struct conf *c, const char *text, struct err *e)
{
	if (conf_init(c, e) || io_replace_file(path, str_from(text), 0600, e))
		return -1;
	return conf_read_file(c, path, e);
}

static const struct str *listens(const struct conf *c)
{
	return c->listen.items;
}

static void test_defaults(void)
{
	struct conf c;
	struct err e = {0};

	is_i64(conf_init(&c, &e), 0, "defaults");
	ok(!c.data.n && c.listen.n == 1 &&
		   str_is(listens(&c)[0], "127.0.0.1:8080") &&
		   str_is(c.log_level, "info"),
	   "strings");
	ok(c.body_limit == 32 << 20 && c.journal_size == 64 << 20 &&
		   c.artifact_limit == 0 && c.workers > 0,
	   "numbers");
	is_i64(conf_source(&c, "workers"), CONF_DEFAULT, "source");
	conf_fini(&c);
}

static void test_file(void)
{
	struct conf c;
	struct err e = {0};

	is_i64(read_text(&c,
			 "# comment\ndata: /d\nlisten: [a:1, 'unix:/x']\n"
			 "body_limit: 1G\nworkers: 7\ntls:\n  cert: /c\n"
			 "objects:\n  url: s3://b/p\n  path_style: true\n"
			 "  direct: false\nlog_level: debug\n",
			 &e),
	       0, "a file");
	ok(str_is(c.data, "/d") && c.listen.n == 2 &&
		   str_is(listens(&c)[1], "unix:/x"),
	   "strings and lists");
	ok(c.body_limit == 1 << 30 && c.workers == 7, "sizes and numbers");
	ok(c.objects.path_style && !c.objects.direct &&
		   str_is(c.objects.dialect, "auto"),
	   "yes, no, and what is not said");
	is_i64(conf_set(&c, "objects.direct", STR("yes"), CONF_FLAG, &e), -1,
	       "neither true nor false");
	ok(str_is(c.tls_cert, "/c") && str_is(c.objects.url, "s3://b/p"),
	   "sections");
	ok(conf_source(&c, "tls.cert") == CONF_FILE &&
		   conf_source(&c, "tls.key") == CONF_DEFAULT,
	   "sources");
	conf_fini(&c);
	is_i64(read_text(&c, "", &e), 0, "an empty file");
	conf_fini(&c);
	is_i64(read_text(&c, "listen: []\n", &e), 0, "an empty list");
	is_i64((int64_t)c.listen.n, 0, "replaces the default");
	conf_fini(&c);
}

static void test_file_errors(void)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{"data: x\nlistn: x\n",
		 ":2: \"listn\" is not a key; the nearest is \"listen\""},
		{"tls:\n  crt: x\n",
		 ":2: \"tls.crt\" is not a key; the nearest is \"tls.cert\""},
		{"tls: x\n", ":1: tls must be a section"},
		{"workers: [1]\n", ":1: workers must be one value"},
		{"listen: {a: 1}\n", ":1: listen must be a list of words"},
		{"listen:\n  - a:1\n  - [b]\n", ":3: listen must be a list"},
		{"workers: many\n", ":1: workers: \"many\" is not a number"},
		{"workers: 0\n", "from 1 to 256"},
		{"workers: 2.5\n", "\"2.5\" is not a number"},
		{"workers: 99999999999999999999\n", "is not a number"},
		{"\nbody_limit: 5Q\n", ":2: body_limit: \"5Q\" is not a size"},
		{"body_limit: -1\n", "is not a size"},
		{"body_limit: 9999999999G\n", "is not a size"},
		{"log_level: loud\n", ":1: log_level: \"loud\" is not a log"},
		{"projects: {id: 1}\n", ":1: projects must be a list of {id"},
		{"projects:\n  - {id: 1}\n", ":2: projects must be a list"},
		{"projects:\n  - {id: x, path: a/b}\n",
		 ":2: projects: \"x:a/b\" is not a project as"},
		{"projects:\n  - id: 1\n    paht: a/b\n",
		 ":3: \"paht\" is not a key of projects"},
		{"projects:\n  - {id: 1, path: 'a/b,2:c/d'}\n",
		 ":2: projects must be a list"},
		{"projects: [a/b]\n", "\"a/b\" is not a project as 1493:"},
		{"- a\n", "must be keys with values"},
		{"data: x\ndata: y\n", "comes twice"},
		{"data: [\n", ":2: "},
	};
	struct conf c;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct err e = {0};

		ok(read_text(&c, rows[i].text, &e) == -1 &&
			   strstr(e.msg, rows[i].message) &&
			   !strncmp(e.msg, path, strlen(path)),
		   rows[i].message);
		conf_fini(&c);
	}
}

static bool is_project(const struct conf *c, size_t i, int64_t id,
		       const char *at)
{
	const struct conf_project *p = c->projects.items;

	return i < c->projects.n && p[i].id == id && str_is(p[i].path, at);
}

static void test_projects(void)
{
	struct conf c, again;
	struct err e = {0};
	struct buf b;

	is_i64(read_text(&c,
			 "projects:\n  - {id: 1493, path: group/sub/name}\n"
			 "  - id: 7\n    path: a/b\n  - 9:c/d\n",
			 &e),
	       0, "projects");
	ok(is_project(&c, 0, 1493, "group/sub/name") &&
		   is_project(&c, 1, 7, "a/b") && is_project(&c, 2, 9, "c/d"),
	   "in any form");
	buf_init(&b, 100000);
	conf_print(&c, &b);
	is_i64(read_text(&again, b.p, &e), 0, "are printed");
	ok(again.projects.n == 3 && is_project(&again, 1, 7, "a/b"),
	   "and read back");
	conf_set(&c, "projects", STR("1:x/y, 2:x/z"), CONF_ENV, &e);
	ok(c.projects.n == 2 && is_project(&c, 1, 2, "x/z"),
	   "the environment replaces them");
	buf_fini(&b);
	conf_fini(&c);
	conf_fini(&again);
}

static void test_environment(void)
{
	static char data[] = "ORRERY_DATA=/e",
		    list[] = "ORRERY_LISTEN=a:1, b:2",
		    url[] = "ORRERY_OBJECTS__URL=s3://x",
		    empty[] = "ORRERY_TLS__KEY=", other[] = "ORRERY_MOUNT=/m",
		    path_var[] = "PATH=/bin", slip[] = "ORRERY_LISTN=x",
		    bad[] = "ORRERY_WORKERS=x", deep[] = "ORRERY_OBJECTS_URL=x",
		    novalue[] = "ORRERY_DATA";
	char *good[] = {data, list, url, empty, other, path_var, novalue, NULL};
	char *slips[] = {slip, NULL}, *bads[] = {bad, NULL};
	char *deeps[] = {deep, NULL};
	struct conf c;
	struct err e = {0};

	conf_init(&c, &e);
	is_i64(conf_read_env(&c, good, &e), 0, "an environment");
	ok(str_is(c.data, "/e") && str_is(c.objects.url, "s3://x"), "values");
	ok(c.listen.n == 2 && str_is(listens(&c)[1], "b:2"), "a list");
	is_i64(conf_source(&c, "tls.key"), CONF_DEFAULT, "empty is unset");
	is_i64(conf_read_env(&c, slips, &e), -1, "a slip of the pen");
	is_str(e.msg,
	       "the environment's ORRERY_LISTN is no key; is ORRERY_LISTEN "
	       "meant?",
	       "is told");
	is_i64(conf_read_env(&c, deeps, &e), -1, "one underscore too few");
	ok(strstr(e.msg, "ORRERY_OBJECTS__URL") != NULL, "is told");
	is_i64(conf_read_env(&c, bads, &e), -1, "a bad value");
	ok(strstr(e.msg, "ORRERY_WORKERS: workers: \"x\"") != NULL, "is named");
	conf_fini(&c);
}

static void test_ranks(void)
{
	struct conf c;
	struct err e = {0};

	conf_init(&c, &e);
	conf_set(&c, "workers", STR("5"), CONF_FLAG, &e);
	conf_set(&c, "workers", STR("6"), CONF_FILE, &e);
	is_i64(c.workers, 5, "a flag holds, whatever is read behind it");
	conf_set(&c, "listen", STR("f:1"), CONF_FILE, &e);
	conf_set(&c, "listen", STR("g:1"), CONF_FLAG, &e);
	conf_set(&c, "listen", STR("g:2"), CONF_FLAG, &e);
	ok(c.listen.n == 2 && str_is(listens(&c)[0], "g:1") &&
		   str_is(listens(&c)[1], "g:2"),
	   "flags add to each other and replace the rest");
	is_i64(conf_set(&c, "wokers", STR("5"), CONF_FLAG, &e), -1, "no key");
	is_str(e.msg, "\"wokers\" is not a key; the nearest is \"workers\"",
	       "the nearest");
	is_i64(conf_set(&c,
			"a.very.long.name.that.is.much.longer.than.any.key."
			"could.ever.be.and.then.some.more",
			STR("5"), CONF_FLAG, &e),
	       -1, "a very long one");
	is_i64(c.workers, 5, "nothing else changes");
	conf_fini(&c);
}

static void test_print(void)
{
	struct conf c, again;
	struct err e = {0};
	struct buf first, second;
	cJSON *tree;

	buf_init(&first, 100000);
	buf_init(&second, 100000);
	read_text(&c, "data: \"/x: \\\"#\\u00e4\"\nlisten: [a:1, 'b: 2']\n",
		  &e);
	conf_print(&c, &first);
	ok(strstr(first.p, "(file)\nlisten: [\"a:1\",\"b: 2\"]\n") != NULL,
	   "a value with its source");
	is_i64(read_text(&again, first.p, &e), 0, "can be read back");
	ok(str_eq(again.data, c.data), "to the same");
	conf_print_json(&c, &second);
	tree = json_doc_parse(buf_view(&second), &e);
	ok(tree != NULL, "the JSON form is JSON");
	is_str(tree ? json_doc_get(json_doc_get(tree, "data"), "source")
			       ->valuestring
		    : NULL,
	       "file", "with sources");
	cJSON_Delete(tree);
	conf_fini(&c);
	conf_fini(&again);
	buf_fini(&first);
	buf_fini(&second);
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	char dir[128];
	struct conf c;
	struct err e = {0};

	snprintf(dir, sizeof(dir), "%s/orrery-conf-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(dir))
		return 1;
	snprintf(path, sizeof(path), "%s/orrery.yaml", dir);
	test_defaults();
	test_file();
	test_file_errors();
	test_projects();
	test_environment();
	test_ranks();
	test_print();
	unlink(path);
	conf_init(&c, &e);
	is_i64(conf_read_file(&c, path, &e), -1, "no file");
	is_i64(e.kind, ERR_NOT_FOUND, "is not found");
	conf_fini(&c);
	rmdir(dir);
	return tap_done();
}
