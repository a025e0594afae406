/* SPDX-License-Identifier: Apache-2.0 */
/* The registry in the tree: models, their values, versions, aliases. */
#include "tests/fs/registry.h"

static void test_models(struct fixture *f)
{
	struct attr a, b;

	is_str(list(f, "models"), "", "no models");
	ok(do_mkdir(f, "models/net") == 0, "mkdir makes one");
	ok(refused(f, do_mkdir(f, "models/net"), EEXIST), "not twice");
	is_str(list(f, "models/net"),
	       "versions aliases description tags meta.json ",
	       "what a model without versions has");
	ok(!link_of(f, "models/net/latest") && last_errno(f) == ENOENT,
	   "there is no latest");
	ok(get(f, "models/net/meta.json") &&
		   strstr(f->text, "\"name\": \"net\""),
	   "its meta.json");
	is_i64(size_of(f, "models/net/meta.json"), (int64_t)f->text_n,
	       "with its size");
	ok(!do_stat(f, "models/net", &a) &&
		   !do_rename(f, "models/net", "models/two words") &&
		   !do_stat(f, "models/two words", &b) && a.ino == b.ino,
	   "renamed, it is the same one");
	is_str(link_of(f, "models/two%20words"), "two words",
	       "another spelling is a link");
	ok(do_mkdir(f, "models/other") == 0, "another model");
	ok(refused(f, do_rename(f, "models/other", "models/two words"), EEXIST),
	   "not onto another");
	ok(refused(f, do_rename(f, "models/other", "trash/other"), EPERM),
	   "there is no trash for models");
	ok(do_remove(f, "models/other", true) == 0, "rmdir of an empty one");
	is_str(list(f, "models"), "two words ", "it is gone");
	ok(refused(f, do_mkdir(f, "models/a%3Ab"), EINVAL),
	   "names that MLflow refuses are refused");
	ok(do_rename(f, "models/two words", "models/net") == 0, "back");
}

static void test_values(struct fixture *f)
{
	is_str(get(f, "models/net/description"), "\n", "no description");
	ok(put(f, "models/net/description", O_TRUNC, "a net\n") == 0, "one");
	is_str(get(f, "models/net/description"), "a net\n", "is read");
	ok(put(f, "models/net/tags/a%2Fb", 0, "1\n") == 0, "a tag");
	is_str(list(f, "models/net/tags"), "a%2Fb ", "is listed");
	is_str(get(f, "models/net/tags/a%2Fb"), "1\n", "and read");
	ok(do_rename(f, "models/net/tags/a%2Fb", "models/net/tags/c") == 0,
	   "renamed");
	ok(do_remove(f, "models/net/tags/c", false) == 0, "removed");
	is_str(list(f, "models/net/tags"), "", "it is gone");
	ok(put(f, "models/net/description.tmp", 0, "new\n") == 0 &&
		   !do_rename(f, "models/net/description.tmp",
			      "models/net/description"),
	   "an editor's write and rename");
	is_str(get(f, "models/net/description"), "new\n", "sets it");
}

static void test_register(struct fixture *f)
{
	struct attr a, b;

	is_str(list(f, "models/net/versions"), "", "no versions");
	ok(do_link(f, FILES "/model", "models/net/versions/new") == 0,
	   "a link to artifacts registers");
	is_str(list(f, "models/net/versions"), "1 ", "the first version");
	is_str(link_of(f, "models/net/latest"), "versions/1", "the latest");
	is_str(list(f, "models/net/versions/1"),
	       ".meta.json .description .stage .tags sub model.onnx ",
	       "with its files");
	is_str(list_by(f, "models/net/versions/1", 1),
	       ".meta.json .description .stage .tags sub model.onnx ",
	       "also one by one");
	is_str(get(f, "models/net/versions/1/model.onnx"), "weights",
	       "they are read");
	is_str(get(f, "models/net/versions/1/sub/w"), "deep", "deep ones too");
	ok(!do_stat(f, "models/net/versions/1/model.onnx", &a) &&
		   !do_stat(f, RUN "/artifacts/model/model.onnx", &b) &&
		   a.ino != b.ino && a.size == b.size && a.mtime == b.mtime,
	   "another node with the same bytes");
	ok(do_link(f, FILES "/model/model.onnx", "models/net/versions/new") ==
		   0,
	   "a file is registered as well");
	is_str(list(f, "models/net/versions/2"),
	       ".meta.json .description .stage .tags model.onnx ",
	       "it is the only one there");
	is_str(get(f, "models/net/versions/2/model.onnx"), "weights", "as is");
	ok(do_link(f, "../latest", "models/net/versions/new") == 0,
	   "a version of a version, through a link");
	is_str(get(f, "models/net/versions/3/model.onnx"), "weights", "as is");
	is_str(link_of(f, "models/net/latest"), "versions/3", "the latest");
	ok(!do_stat(f, "models/net/versions/3/model.onnx", &b) &&
		   a.ino != b.ino,
	   "versions do not share nodes");
}

static void test_refused(struct fixture *f)
{
	static const struct {
		const char *target;
		int number;
	} rows[] = {
		{FILES "/none", ENOENT},
		{"../../../" RUN, EINVAL},
		{"../../../" RUN "/params", EINVAL},
		{"../../../models/net", EINVAL},
		{"../../../../../etc", EINVAL},
		{"/etc/passwd", EINVAL},
		{"/mnt/orreryX/" RUN "/artifacts/model", EINVAL},
		{FILES "/model/model.onnx/x", ENOTDIR},
		{RUN "/artifacts/model", ENOENT},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		ok(refused(f,
			   do_link(f, rows[i].target,
				   "models/net/versions/new"),
			   rows[i].number),
		   rows[i].target);
	ok(refused(f, do_link(f, FILES "/model", "models/net/versions/9"),
		   EINVAL),
	   "the number is not chosen");
	ok(refused(f, do_link(f, FILES "/model", "models/net/new"), EPERM),
	   "no links elsewhere");
	ok(refused(f, do_link(f, FILES "/model", "models/new"), EPERM),
	   "nor here");
	ok(!walk(f, "models/net/versions/new"), "new is never there");
	ok(!walk(f, "models/net/versions/01"), "a number has one spelling");
	ok(!do_open(f, "models/net/versions/1/model.onnx", O_WRONLY) &&
		   last_errno(f) == EPERM,
	   "a version's files are only read");
	ok(refused(f, put(f, "models/net/versions/1/x", 0, "y"), EPERM),
	   "none is made");
	ok(refused(f, do_remove(f, "models/net/versions/1/model.onnx", false),
		   EPERM),
	   "none is removed");
	ok(refused(f, do_remove(f, "models/net", true), ENOTEMPTY),
	   "a model with versions stays");
	is_str(list(f, "models/net/versions"), "1 2 3 ", "nothing was made");
}

static void test_absolute(struct fixture *f)
{
	ok(do_link(f, "/mnt/orrery/" RUN "/artifacts",
		   "models/net/versions/new") == 0,
	   "an absolute target below the mountpoint");
	is_str(list(f, "models/net/versions/4"),
	       ".meta.json .description .stage .tags model ",
	       "all artifacts of a run");
	ok(do_remove(f, "models/net/versions/4", true) == 0,
	   "rmdir deletes a version with its files in it");
	is_str(get(f, RUN "/artifacts/model/model.onnx"), "weights",
	       "which stay in the run");
	is_str(link_of(f, "models/net/latest"), "versions/3",
	       "the latest is another");
}

static void test_version_values(struct fixture *f)
{
	is_str(get(f, "models/net/versions/1/.stage"), "None\n", "its stage");
	ok(put(f, "models/net/versions/1/.stage", O_TRUNC, "Staging\n") == 0,
	   "is set");
	is_str(get(f, "models/net/versions/1/.stage"), "Staging\n", "as read");
	ok(refused(f,
		   put(f, "models/net/versions/1/.stage", O_TRUNC, "Nowhere\n"),
		   EINVAL),
	   "an unknown one is refused by write");
	ok(put(f, "models/net/versions/1/.description", O_TRUNC, "first") == 0,
	   "a description");
	ok(put(f, "models/net/versions/1/.tags/k", 0, "v") == 0, "a tag");
	ok(get(f, "models/net/versions/1/.meta.json") &&
		   strstr(f->text, "\"first\"") && strstr(f->text, "\"k\""),
	   "all in its meta.json");
	ok(do_remove(f, "models/net/versions/1/.tags/k", false) == 0,
	   "the tag is removed");
	is_str(list(f, "models/net/versions/1/.tags"), "", "it is gone");
}

static void test_aliases(struct fixture *f)
{
	ok(do_link(f, "../versions/1", "models/net/aliases/best") == 0, "set");
	is_str(link_of(f, "models/net/aliases/best"), "../versions/1", "read");
	is_str(list(f, "models/net/aliases"), "best ", "listed");
	ok(refused(f, do_link(f, "../versions/2", "models/net/aliases/best"),
		   EEXIST),
	   "not over another");
	ok(do_link(f, "../versions/2", "models/net/aliases/CuAbCdEf") == 0 &&
		   !do_rename(f, "models/net/aliases/CuAbCdEf",
			      "models/net/aliases/best"),
	   "ln -sfn: by a temporary name");
	is_str(link_of(f, "models/net/aliases/best"), "../versions/2", "moved");
	is_str(list(f, "models/net/aliases"), "best ", "it alone is left");
	ok(do_link(f, "../versions/3", "models/net/aliases/best.tmp") == 0,
	   "a name that is no alias");
	is_str(link_of(f, "models/net/aliases/best.tmp"), "../versions/3",
	       "is a link of this mount");
	is_str(list(f, "models/net/aliases"), "best ", "not listed");
	ok(do_rename(f, "models/net/aliases/best.tmp",
		     "models/net/aliases/best") == 0,
	   "until it is renamed");
	is_str(link_of(f, "models/net/aliases/best"), "../versions/3", "moved");
	ok(!walk(f, "models/net/aliases/best.tmp"), "it is gone");
	ok(do_link(f, "../latest", "models/net/aliases/x") == 0 &&
		   !do_remove(f, "models/net/aliases/x", false),
	   "set through a link, and removed");
	is_str(list(f, "models/net/aliases"), "best ", "it is gone");
}

static void test_wrong_aliases(struct fixture *f)
{
	static const struct {
		const char *target, *name;
		int number;
	} rows[] = {
		{"../versions/1", "latest", EINVAL},
		{"../versions/1", "v12", EINVAL},
		{"../versions/1", "a b", EINVAL},
		{"../versions/9", "x", ENOENT},
		{"../versions", "x", EINVAL},
		{"../../../models/else/versions/1", "x", EINVAL},
		{"../../../" RUN "/artifacts/model", "x", EINVAL},
	};
	char path[64];

	do_mkdir(f, "models/else");
	do_link(f, FILES "/model", "models/else/versions/new");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(path, sizeof(path), "models/net/aliases/%s",
			 rows[i].name);
		ok(refused(f, do_link(f, rows[i].target, path), rows[i].number),
		   rows[i].target);
	}
	ok(do_remove(f, "models/net/versions/3", true) == 0,
	   "a version is deleted");
	is_str(list(f, "models/net/aliases"), "", "with its aliases");
	ok(do_remove(f, "models/else/versions/1", true) == 0 &&
		   !do_remove(f, "models/else", true),
	   "a model after its last version");
}

int main(void)
{
	struct fixture f;

	fixture_init(&f);
	make_files(&f);
	test_models(&f);
	test_values(&f);
	test_register(&f);
	test_refused(&f);
	test_absolute(&f);
	test_version_values(&f);
	test_aliases(&f);
	test_wrong_aliases(&f);
	fixture_fini(&f);
	return tap_done();
}
