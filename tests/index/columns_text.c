/* SPDX-License-Identifier: Apache-2.0 */
/* Packed columns of texts: kept current while values come, change and go,
 * loaded once more when most of their texts are no one's, and passed over
 * where there is too much text. */
#include "indexer/index/columns.h"

#include "tests/index/by_hand.h"
#include "tests/index/searching.h"

static struct fixture fx;
static struct searching x = {.fx = &fx};

static const char *found(const char *filter)
{
	return ask(&x, (struct asked){.filter = filter, .order = "run_name"});
}

static void check_current(void)
{
	const char *a = fx_run(&fx, "1", "a");
	const char *b = fx_run(&fx, "1", "b");
	const char *c = fx_run(&fx, "1", "c");
	size_t names;

	is_str(found(""), "a b c", "in order of a column");
	names = x.cols->texts.bytes;
	ok(names > 0, "which is one of texts");
	works(fx_tag(&fx, a, "color", "red"));
	works(fx_tag(&fx, b, "color", "blue"));
	is_str(found("tags.color = 'red'"), "a", "an equal text");
	is_i64((int64_t)x.cols->texts.bytes, (int64_t)names,
	       "is found without a column");
	is_str(found("tags.color != 'red'"), "b", "an unequal one");
	ok(x.cols->texts.bytes > names, "by a column");
	is_str(found("tags.color = 'red'"), "a", "equal by the column");
	is_str(found("tags.color IN ('red', 'none')"), "a", "one of a list");
	is_str(found("tags.color NOT IN ('red', 'none')"), "b", "none of it");
	is_str(found("tags.color IS NULL"), "c", "no text");
	is_str(found("NOT tags.color LIKE 'r%'"), "b c", "not by a pattern");
	works(fx_tag(&fx, a, "color", "green"));
	works(fx_tag(&fx, c, "color", ""));
	is_str(found("tags.color = 'red'"), "", "a text that changed");
	is_str(found("tags.color RLIKE 'e$'"), "b", "by an expression");
	is_str(found("tags.color IS NOT NULL"), "a b c", "an empty text");
	is_str(found("tags.color = ''"), "c", "is one");
	works(fx_untag(&fx, b, "color"));
	is_str(found("tags.color IS NULL"), "b", "a text that went");
	is_str(found("tags.color ILIKE 'G%'"), "a", "and one that stays");
	works(fx_on_run(&fx, COMMAND_RUN_DELETE, a));
	is_str(found("tags.color != 'x'"), "c", "not of a deleted run");
	works(fx_on_run(&fx, COMMAND_RUN_RESTORE, a));
	is_str(found("tags.color != 'x'"), "a c", "of a restored one");
}

static void check_others(void)
{
	const char *d = fx_run(&fx, "1", "d");

	is_str(found("params.lr != '1'"), "", "no such param yet");
	works(fx_param(&fx, d, "lr", "2"));
	is_str(found("params.lr != '1'"), "d", "a param that came");
	is_str(found("run_name LIKE '_' AND run_name != 'a'"), "b c d",
	       "names of runs");
	is_str(found("user_id IS NULL"), "", "users");
	change_by_hand(&fx, "UPDATE run SET user = 'eve', change = change + 1"
			    " WHERE name = 'd';"
			    "UPDATE state SET change = change + 1;"
			    "UPDATE run SET change = (SELECT change FROM state)"
			    " WHERE name = 'd'");
	is_str(found("user_id LIKE 'e%'"), "d", "another user");
}

/* Twenty of a text each, then a thousand times as much. */
static void check_much(void)
{
	change_by_hand(
		&fx,
		"INSERT INTO run (uuid, experiment, name, dir, user, status,"
		" start_time, modified, born, change)"
		" WITH n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < 5000) SELECT printf('%032d', i), 1,"
		" 'n' || i, 'n' || i, '', 1, 0, 0, change, change"
		" FROM n, state;"
		"INSERT INTO tag (run, key, value, modified, born, change)"
		" SELECT id, 'few', 'same', 0, change, change FROM run"
		" WHERE name LIKE 'n%';"
		"INSERT INTO tag (run, key, value, modified, born, change)"
		" SELECT id, 'much', printf('%04000d', id), 0, change, change"
		" FROM run WHERE name LIKE 'n%';"
		"UPDATE state SET epoch = epoch + 1, runs = runs + 5000");
	is_str(found("tags.few != 'same'"), "", "one text of many runs");
	is_str(found("tags.much LIKE '0%77' AND tags.much LIKE '%0077'"), "n73",
	       "more text than a column takes");
	is_str(found("tags.much IS NULL"), "a b c d", "who has none of it");
	change_by_hand(&fx, "UPDATE state SET change = change + 1;"
			    "UPDATE tag SET value = 'v' || run"
			    " WHERE key = 'few';"
			    "UPDATE run SET change = (SELECT change FROM state)"
			    " WHERE name LIKE 'n%'");
	is_str(found("tags.few = 'same'"), "", "all texts changed");
	is_str(found("tags.few LIKE '%v7'"), "n3", "each to its own");
	change_by_hand(&fx, "UPDATE state SET change = change + 1;"
			    "UPDATE tag SET value = 'same' WHERE key = 'few'"
			    " AND value <> 'v7';"
			    "UPDATE run SET change = (SELECT change FROM state)"
			    " WHERE name LIKE 'n%'");
	is_str(found("tags.few != 'same'"), "n3", "all but one changed back");
}

int main(void)
{
	fx_start(&fx);
	x.cols = columns_new();
	fx_experiment(&fx, "one");
	check_current();
	check_others();
	check_much();
	columns_free(x.cols);
	fx_end(&fx);
	return tap_done();
}
