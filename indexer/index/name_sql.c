/* SPDX-License-Identifier: Apache-2.0 */
/* name_sql.c - see name_sql.h. */
#include "indexer/index/name_sql.h"

#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/index/project.h"

static void sees(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct db *db = sqlite3_user_data(ctx);

	(void)n;
	sqlite3_result_int(
		ctx,
		principal_may(&db->who, sqlite3_value_int64(v[0]), LEVEL_READ));
}

static void sees_all(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct db *db = sqlite3_user_data(ctx);

	(void)n;
	(void)v;
	sqlite3_result_int(ctx, principal_sees_all(&db->who));
}

static void in_view(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct db *db = sqlite3_user_data(ctx);

	(void)n;
	(void)v;
	sqlite3_result_int64(ctx, db->who.view);
}

static void named(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	struct db *db = sqlite3_user_data(ctx);
	struct str given = {(const char *)sqlite3_value_text(v[0]),
			    (size_t)sqlite3_value_bytes(v[0])};
	bool full;
	char *text;

	(void)n;
	if (!db->who.view) {
		sqlite3_result_value(ctx, v[0]);
		return;
	}
	given = project_plain_name(&db->who, given, &full);
	db->who.full_names |= full;
	text = sqlite3_mprintf("%.*s (%lld)", STR_ARG(given),
			       (long long)db->who.view);
	if (text)
		sqlite3_result_text(ctx, text, -1, sqlite3_free);
	else
		sqlite3_result_error_nomem(ctx);
}

static void shown(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct db *db = sqlite3_user_data(ctx);

	(void)n;
	sqlite3_result_value(ctx, v[!db->who.view || db->who.full_names]);
}

static void sorted(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	const struct db *db = sqlite3_user_data(ctx);

	(void)n;
	sqlite3_result_value(ctx, v[!db->who.view]);
}

/* Copies text without each number that is followed so. */
static void drop(struct buf *out, struct str text, struct str number,
		 struct str follows)
{
	for (size_t i = 0; i < text.n; i++) {
		struct str rest = str_n(text.p + i, text.n - i);

		if (str_starts(rest, number) &&
		    str_starts(str_n(rest.p + number.n, rest.n - number.n),
			       follows))
			i += number.n - 1;
		else
			buf_putc(out, text.p[i]);
	}
}

/* No string of JSON has a bare quotation mark in it. */
static void told(sqlite3_context *ctx, int n, sqlite3_value **v)
{
	SCOPED(buf_fini) struct buf out;
	const struct db *db = sqlite3_user_data(ctx);
	struct str text = {(const char *)sqlite3_value_text(v[0]),
			   (size_t)sqlite3_value_bytes(v[0])};
	bool uri = str_starts(text, STR("models:/"));
	char number[NUM_MAX + 4];

	(void)n;
	buf_init(&out, text.n + 1);
	snprintf(number, sizeof(number), " (%" PRId64 ")", db->who.view);
	if (db->who.view && !db->who.full_names)
		drop(&out, text, str_from(number),
		     uri ? STR("/") : STR("\", \"version\": "));
	if (out.n)
		sqlite3_result_text64(ctx, out.p, out.n, SQLITE_TRANSIENT,
				      SQLITE_UTF8);
	else
		sqlite3_result_value(ctx, v[0]);
}

void name_sql_add(struct db *db)
{
	static const struct {
		const char *name;
		int arguments;
		void (*fn)(sqlite3_context *ctx, int n, sqlite3_value **v);
	} functions[] = {
		{"sees", 1, sees},       {"sees_all", 0, sees_all},
		{"in_view", 0, in_view}, {"named", 1, named},
		{"shown", 2, shown},     {"sorted", 2, sorted},
		{"told", 1, told},
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		sqlite3_create_function(db->h, functions[i].name,
					functions[i].arguments,
					SQLITE_UTF8 | SQLITE_DIRECTONLY, db,
					functions[i].fn, NULL, NULL);
}
