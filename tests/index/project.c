/* SPDX-License-Identifier: Apache-2.0 */
/* project.c - which projects there are, and names in them, of both forms. */
#include "tests/index/projects.h"
#include "tests/index/registry.h"
#include "tests/index/searching.h"

static struct fixture fx;
static struct searching x;

/* --- which there are ------------------------------------------------------ */

static const char *wrong(int64_t id, const char *path)
{
	struct project p = {id, str_from(path)};
	static struct err e;

	err_clear(&e);
	return projects_check(&p, 1, &e) < 0 ? e.msg : "";
}

static void checks(void)
{
	const char *deep = "a";
	char part[300];
	struct project twice[] = {
		{1, STR("a/b")}, {2, STR("a/c")}, {1, STR("a/d")}};

	is_str(wrong(1, "group/sub/na-me_1.x"), "", "a good one");
	is_str(wrong(INT64_MAX, "_g/n"), "", "the greatest id");
	ok(strstr(wrong(0, "a/b"), "from 1 on"), "no id 0");
	ok(strstr(wrong(-1, "a/b"), "from 1 on"), "none below");
	ok(strstr(wrong(1, ""), "is empty"), "no path");
	ok(strstr(wrong(1, "name"), "a group"), "no group");
	ok(strstr(wrong(1, "a//b"), "may be empty"), "an empty part");
	ok(strstr(wrong(1, "/a/b"), "may be empty"), "a slash before");
	ok(strstr(wrong(1, "a/b/"), "may be empty"), "a slash behind");
	ok(strstr(wrong(1, "a/-b"), "begin with '-'"), "a dash");
	ok(strstr(wrong(1, "a/b.git"), ".atom"), "what git clones");
	ok(strstr(wrong(1, "a/b.atom"), ".atom"), "what is a feed");
	ok(strstr(wrong(1, "a/../b"), "'..'"), "no way up");
	ok(strstr(wrong(1, "a/b c"), "letters"), "a blank");
	memset(part, 'p', 299);
	part[299] = '\0';
	is_str(wrong(1, arena_printf(&fx.a, "a/%.255s", part)), "",
	       "a long part");
	ok(strstr(wrong(1, arena_printf(&fx.a, "a/%.256s", part)), "255"),
	   "one too long");
	for (int i = 1; i < 20; i++)
		deep = arena_printf(&fx.a, "%s/a", deep);
	is_str(wrong(1, deep), "", "20 levels");
	ok(strstr(wrong(1, arena_printf(&fx.a, "%s/a", deep)), "20 levels"),
	   "and no more");
	fails(pr_list(&fx, twice, 3), ERR_INVALID,
	      "1 'a/b' and 1 'a/d' have the same id");
	twice[2] = (struct project){3, STR("a/b")};
	fails(pr_list(&fx, twice, 3), ERR_INVALID, "have the same path");
}

static void listed(void)
{
	struct project p[] = {{1, STR("a/one")}, {2, STR("a/two")}};
	int64_t change, n;

	works(pr_list(&fx, p, 2));
	ok(pr_at(&fx, "a/one") == 1 && pr_at(&fx, "a/two") == 2, "both");
	is_i64(pr_at(&fx, "a/three"), 0, "no other");
	ok(fx.e.kind == ERR_NOT_FOUND && strstr(fx.e.msg, "a/three"), "told");
	change = index_change(fx.ix);
	works(pr_list(&fx, p, 2));
	is_i64(index_change(fx.ix), change, "the same again changes nothing");
	p[0].path = STR("a/two");
	p[1].path = STR("a/one");
	works(pr_list(&fx, p, 2));
	ok(pr_at(&fx, "a/one") == 2 && pr_at(&fx, "a/two") == 1,
	   "paths change hands");
	works(pr_list(&fx, p, 1));
	ok(pr_at(&fx, "a/two") == 1 && !pr_at(&fx, "a/one"), "one is gone");
	fx_begin(&fx);
	works(project_count(fx.rd, &n, &fx.e));
	fx_finish(&fx);
	is_i64(n, 1, "and not counted");
	p[1] = (struct project){3, STR("a/one")};
	works(pr_list(&fx, p, 2));
	is_i64(pr_at(&fx, "a/one"), 3, "its path is free");
	pr_view(&fx, 1);
	fails(pr_list(&fx, p, 2), ERR_DENIED, "the owner's");
	is_i64(pr_at(&fx, "a/one"), 0, "from a view no other is seen");
	pr_view(&fx, 0);
}

/* --- names ---------------------------------------------------------------- */

/* What was given in a view of project 7, its plain form, and the full one. */
static void forms(void)
{
	static const struct {
		const char *given, *plain;
		bool full;
	} rows[] = {
		{"x", "x", false},           {"x (7)", "x", true},
		{"x\t(7)", "x", true},       {"x  (7)", "x ", true},
		{"x (7) (7)", "x", true},    {"x(7)", "x(7)", false},
		{"(7)", "(7)", false},       {" (7)", " (7)", false},
		{"x (77)", "x (77)", false}, {"x (07)", "x (07)", false},
		{"x (7) ", "x (7) ", false}, {"x (7) (8)", "x (7) (8)", false},
	};
	struct principal who = principal_owner();
	struct str plain, again;
	bool full;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str given = str_from(rows[i].given);

		who.view = 7;
		plain = project_plain_name(&who, given, &full);
		ok(str_is(plain, rows[i].plain) && full == rows[i].full,
		   rows[i].given);
		works(project_full_name(&who, given, &fx.a, &again, &fx.e));
		plain = project_plain_name(&who, again, NULL);
		ok(str_is(plain, rows[i].plain), "and back");
		who.view = 0;
		works(project_full_name(&who, given, &fx.a, &again, &fx.e));
		ok(str_eq(again, given), "outside it stays");
	}
}

static void created(void)
{
	const char *a, *b;

	pr_view(&fx, 1);
	a = fx_experiment(&fx, "exp");
	fails(*fx_experiment(&fx, "exp (1)") ? 0 : -1, ERR_EXISTS, "exists");
	pr_view(&fx, 3);
	b = fx_experiment(&fx, "exp (3)");
	ok(*a && *b && strcmp(a, b) != 0, "one name in two projects");
	is_str(pr_named(&fx, "exp", false), "exp", "plain where asked so");
	is_str(pr_named(&fx, "exp (3)", false), "exp (3)", "full where so");
	is_str(pr_named(&fx, "exp (1)", false), NULL, "no other's");
	is_str(fx_see_experiment(&fx, b).name.p, "exp", "plain by its id");
	is_str(fx_see_experiment(&fx, a).name.p, NULL, "no other's by id");
	is_str(pr_named(&fx, "exp", true), "exp (3)", "its directory");
	pr_view(&fx, 0);
	is_str(pr_named(&fx, "exp (1)", false), "exp (1)", "full outside");
	is_str(pr_named(&fx, "exp", false), NULL, "and not plain");
	fails(*fx_experiment(&fx, "new (1)") ? 0 : -1, ERR_INVALID,
	      "those of project 'a/two'");
	fails(*fx_experiment(&fx, "new (2)") ? 0 : -1, ERR_INVALID,
	      "project 'a/one'");
	ok(*fx_experiment(&fx, "new (4)"), "a number that is no project's");
	ok(*fx_experiment(&fx, "new (1) x"), "or elsewhere");
	ok(*fx_experiment(&fx, "exp"), "what is in projects is free outside");
}

/* Names from before there was the project stay whose they are. */
static void taken(void)
{
	struct project p[] = {
		{1, STR("a/two")}, {3, STR("a/one")}, {4, STR("a/four")}};

	works(pr_list(&fx, p, 3));
	pr_view(&fx, 4);
	is_str(pr_named(&fx, "new", false), NULL, "not of the project");
	fails(*fx_experiment(&fx, "new") ? 0 : -1, ERR_EXISTS, "new");
	pr_view(&fx, 0);
	is_str(pr_named(&fx, "new (4)", false), "new (4)", "still there");
}

static void renamed(void)
{
	const char *id, *none;

	pr_view(&fx, 1);
	id = fx_experiment(&fx, "old");
	works(fx_rename_experiment(&fx, id, "newer (1)"));
	is_str(pr_named(&fx, "newer", true), "newer (1)", "in its view");
	works(fx_rename_experiment(&fx, id, "newer"));
	works(fx_rename_experiment(&fx, id, "newest"));
	fails(fx_rename_experiment(&fx, id, "exp"), ERR_EXISTS, "exists");
	pr_view(&fx, 0);
	works(fx_rename_experiment(&fx, id, "newest (1)"));
	works(fx_rename_experiment(&fx, id, "outside (1)"));
	fails(fx_rename_experiment(&fx, id, "plain"), ERR_INVALID,
	      "'name (1)'");
	fails(fx_rename_experiment(&fx, id, "x (3)"), ERR_INVALID, "(1)");
	fails(fx_rename_experiment(&fx, id, "x\t(1)"), ERR_INVALID, "(1)");
	none = fx_experiment(&fx, "none");
	fails(fx_rename_experiment(&fx, none, "x (1)"), ERR_INVALID, "a/two");
	works(fx_rename_experiment(&fx, none, "x (99)"));
	pr_view(&fx, 3);
	fails(fx_rename_experiment(&fx, id, "mine"), ERR_NOT_FOUND,
	      "No Experiment with id=");
	pr_view(&fx, 0);
}

/* --- models --------------------------------------------------------------- */

static void models(void)
{
	for (int64_t project = 1; project <= 3; project += 2) {
		pr_view(&fx, project);
		works(rg_create(&fx, "model", NULL, 0));
		is_str(rg_add(&fx, "model", "s3://b/k", ""), "1", "a version");
		works(rg_model(&fx, COMMAND_MODEL_ALIAS, "model", "best", "1"));
	}
	fails(rg_create(&fx, "model (3)", NULL, 0), ERR_EXISTS, "model (3)");
	is_str(rg_see(&fx, "model (3)").name.p, "model (3)", "in both forms");
	is_str(rg_see(&fx, "model").name.p, "model", "in both forms");
	is_str(rg_see_version(&fx, "model (3)", "1").model.p, "model (3)",
	       "a version, too");
	is_str(rg_see_alias(&fx, "model", "best").model.p, "model",
	       "by its alias");
	is_str(rg_see(&fx, "model (1)").name.p, NULL, "no other's");
	fails(rg_model(&fx, COMMAND_MODEL_UPDATE, "model (1)", "", ""),
	      ERR_NOT_FOUND, "name=model (1) not found");
	works(rg_model(&fx, COMMAND_MODEL_RENAME, "model (3)", "other", ""));
	is_str(rg_see(&fx, "other").dir.p, "other (3)", "its directory");
	is_str(rg_add(&fx, "other", "models:/other (3)/1", ""), "2", "copied");
	is_str(rg_see_version(&fx, "other", "2").source.p, "models:/other/1",
	       "with a plain source");
	is_str(rg_see_version(&fx, "other (3)", "2").source.p,
	       "models:/other (3)/1", "or a full one");
	pr_view(&fx, 0);
	is_str(rg_see(&fx, "other (3)").name.p, "other (3)", "full outside");
	is_str(rg_see_version(&fx, "other (3)", "2").source.p,
	       "models:/other (3)/1", "with a source that leads there");
	fails(rg_create(&fx, "m (1)", NULL, 0), ERR_INVALID, "a/two");
	fails(rg_model(&fx, COMMAND_MODEL_RENAME, "other (3)", "x", ""),
	      ERR_INVALID, "'name (3)'");
	works(rg_model(&fx, COMMAND_MODEL_DELETE, "other (3)", "", ""));
	pr_view(&fx, 3);
	works(rg_create(&fx, "other", NULL, 0));
	pr_view(&fx, 0);
}

/* --- searches ------------------------------------------------------------- */

static const char *found(const char *filter, const char *order)
{
	return ask(&x, (struct asked){.filter = filter,
				      .order = order,
				      .experiments = true});
}

static void searches(void)
{
	struct project p[] = {{8, STR("a/eight")}};
	const char *pages;

	works(pr_list(&fx, p, 1));
	pr_view(&fx, 8);
	fx_experiment(&fx, "a");
	fx_experiment(&fx, "a !b");
	fx_experiment(&fx, "B");
	is_str(found("", "name"), "B a a !b", "in order of plain names");
	is_str(found("", "name DESC"), "a !b a B", "and backwards");
	pages = ask(
		&x,
		(struct asked){.order = "name", .experiments = true, .max = 2});
	is_str(pages, "B a", "a page");
	is_str(ask(&x, (struct asked){.order = "name",
				      .experiments = true,
				      .token = x.page.next_token}),
	       "a !b", "and the rest");
	is_str(found("name = 'a'", ""), "a", "by the plain name");
	is_str(found("name = 'a (8)'", ""), "a (8)", "by the full one");
	is_str(found("name != 'a (8)'", "name"), "B (8) a !b (8)", "not it");
	is_str(found("name LIKE 'a% (8)'", "name"), "a (8) a !b (8)", "like");
	is_str(found("name LIKE '%8%'", ""), "", "not by the number alone");
	is_str(found("name = 'exp'", ""), "", "no other's");
	pr_view(&fx, 0);
	is_str(found("name LIKE '%(8)'", "name"), "B (8) a !b (8) a (8)",
	       "outside in order of full names");
	is_str(found("name = 'a (8)'", ""), "a (8)", "and by them");
	is_str(found("name = 'a'", ""), "", "only");
}

int main(void)
{
	fx_start(&fx);
	x = (struct searching){.fx = &fx, .cols = columns_new()};
	checks();
	listed();
	forms();
	created();
	taken();
	renamed();
	models();
	searches();
	columns_free(x.cols);
	fx_end(&fx);
	return tap_done();
}
