/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - file forms are injective and come back; checks say what is wrong.
 */
#include "indexer/index/names.h"

#include <fcntl.h>

#include "indexer/base/text.h"
#include "tests/tap.h"

static const char *form(const char *name)
{
	static char out[NAME_FILE_MAX];

	name_to_file(str_from(name), out);
	return out;
}

static const char *back(const char *file)
{
	static char out[1000];
	size_t n;

	return name_from_file(str_from(file), out, &n) ? out : NULL;
}

static void forms(void)
{
	is_str(form("plain name-1.2_x"), "plain name-1.2_x", "as it is");
	is_str(form("a/b"), "a%2Fb", "a slash");
	is_str(form(".hidden"), "%2Ehidden", "a dot at the start");
	is_str(form(".."), "%2E.", "two dots");
	is_str(form("a.b"), "a.b", "a dot within");
	is_str(form("75%"), "75%", "a percent sign alone");
	is_str(form("%zz"), "%zz", "one before no digits");
	is_str(form("%41"), "%2541", "one that would read as an escape");
	is_str(form("a\nb\x7f"), "a%0Ab%7F", "control bytes");
	is_str(form("\xc3\xa4"), "\xc3\xa4", "other scripts");
	is_str(back("%41%2f"), "A/", "escapes of both cases are read");
	is_str(back("75%"), "75%", "no escape stands for itself");
}

static void cut(void)
{
	char name[600], other[600];
	struct str s;

	memset(name, 'a', 300);
	name[300] = '\0';
	is_i64((int64_t)strlen(form(name)), 217, "a long name is cut");
	ok(form(name)[200] == '~', "with its hash behind '~'");
	ok(back(form(name)) == NULL, "it does not come back");
	snprintf(other, sizeof(other), "%s", form(name));
	name[299] = 'b';
	ok(strcmp(form(name), other) != 0, "another name, another form");
	ok(strcmp(form(other), other) != 0,
	   "a name that looks like a cut form has another form");
	is_str(back(form(other)), other, "which comes back");
	memset(name, 'a', 199);
	memcpy(name + 199, "\xc3\xa4", 2);
	memset(name + 201, 'x', 100);
	name[301] = '\0';
	s = str_from(form(name));
	is_i64((int64_t)s.n, 216, "no character is cut in two");
	ok(utf8_valid(s), "it is UTF-8");
}

/* Random names of the bytes that matter: each comes back as it was, so no two
 * have the same form. */
static void comes_back(void)
{
	static const char bytes[] = "%%%%./~0123456789abcdefABCDEF\x01\x7f x";
	int bad = 0;

	for (int i = 0; i < 200000; i++) {
		unsigned char r[40];
		char name[40], file[NAME_FILE_MAX];
		const char *again;
		size_t n;

		random_bytes(r, sizeof(r));
		n = r[39] % 39;
		for (size_t k = 0; k < n; k++)
			name[k] = bytes[r[k] % (sizeof(bytes) - 1)];
		name[n] = '\0';
		name_to_file(str_n(name, n), file);
		again = back(file);
		bad += !again || strcmp(again, name) != 0;
		bad += file[0] == '.' || strchr(file, '/') != NULL;
	}
	is_i64(bad, 0, "random names come back from their forms");
}

/* Names around the length where cutting begins, and ones with a tail like a
 * cut form's. */
static void long_ones(void)
{
	char name[400], file[NAME_FILE_MAX];
	int bad = 0;

	for (size_t n = 150; n < 300; n++)
		for (int tail = 0; tail < 2; tail++) {
			const char *again;
			size_t k;

			memset(name, 'f', n);
			name[n] = '\0';
			if (tail)
				name[n - 17] = '~';
			k = name_to_file(str_n(name, n), file);
			again = back(file);
			bad += k > 255 || strlen(file) != k;
			bad += again ? strcmp(again, name) != 0 : n <= 253;
		}
	is_i64(bad, 0, "long names come back until they are cut");
}

static void apart(void)
{
	char name[300], file[NAME_FILE_MAX];

	name_to_file_apart(STR("a/b"), STR("12345678"), file);
	is_str(file, "a%2Fb~12345678", "a suffix tells two apart");
	memset(name, 'a', 255);
	is_i64((int64_t)name_to_file_apart(str_n(name, 255), STR("12345678"),
					   file),
	       209, "a long name gives way to it");
}

static bool key_ok(const char *key)
{
	struct err e;

	return name_check_key(str_from(key), "key", &e) == 0;
}

static void keys(void)
{
	char big[252];
	struct err e;

	ok(key_ok("a_B-9. :x/y"), "the bytes that are allowed");
	ok(key_ok("\xc3\xa4"), "letters of other scripts");
	ok(!key_ok(""), "not empty");
	ok(!key_ok("a|b") && !key_ok("a\nb") && !key_ok("a%"), "no others");
	ok(!key_ok("\xc2\x80") && !key_ok("\xff"), "no control, no bad UTF-8");
	ok(!key_ok("/a") && !key_ok("a/") && !key_ok("a//b"), "plain paths");
	ok(!key_ok("..") && !key_ok("a/./b") && !key_ok("../a"), "no dots");
	memset(big, 'x', 251);
	big[251] = '\0';
	ok(!key_ok(big), "251 characters are too many");
	big[250] = '\0';
	ok(key_ok(big), "250 are not");
	name_check_key(STR(""), "metrics[3].key", &e);
	is_str(e.msg,
	       "Missing value for required parameter 'metrics[3].key'. See the "
	       "API docs for more information about request parameters.",
	       "MLflow's sentence");
	ok(name_check_key(str_n("a\0b", 3), "key", &e) < 0, "no NUL");
}

static bool path_ok(const char *path)
{
	struct err e;

	return name_check_artifact(str_from(path), false, &e) == 0;
}

static void paths(void)
{
	struct err e;
	char deep[600] = "a";

	ok(path_ok("a") && path_ok("a/b c/\xff.x"),
	   "any bytes between slashes");
	ok(!path_ok("") && !path_ok("/a") && !path_ok("a/"), "no empty part");
	ok(!path_ok(".") && !path_ok("a/../b") && !path_ok(".."), "no dots");
	ok(path_ok("...") && path_ok(".x"), "but names that begin with one");
	ok(!path_ok("a\\b"), "no backslash");
	ok(name_check_artifact(STR(""), true, &e) == 0, "the root if allowed");
	ok(name_check_artifact(str_n("a\0b", 3), false, &e) < 0, "no NUL");
	ok(name_check_artifact(STR("../x"), false, &e) < 0 &&
		   strstr(e.msg, "Invalid path"),
	   "MLflow's words");
	for (int i = 0; i < 128; i++)
		memcpy(deep + 1 + (ptrdiff_t)2 * i, "/a", 3);
	ok(!path_ok(deep), "no more than 128 parts");
	deep[255] = '\0';
	ok(path_ok(deep), "128 parts");
}

static void run_ids(void)
{
	struct err e;

	ok(name_check_run_id(STR("0a-b_C"), &e) == 0, "letters and digits");
	ok(name_check_run_id(STR("-a"), &e) < 0 &&
		   name_check_run_id(STR("a/b"), &e) < 0 &&
		   name_check_run_id(STR(""), &e) < 0,
	   "no others");
}

static void invented(void)
{
	int bad = 0;

	for (int i = 0; i < 1000; i++) {
		char name[32];
		struct err e;

		name_invent(name);
		bad += strlen(name) > 20 || !strchr(name, '-');
		bad += name_check_run(str_from(name), &e) < 0;
	}
	is_i64(bad, 0, "made-up names have at most 20 characters");
}

int main(void)
{
	forms();
	cut();
	comes_back();
	long_ones();
	apart();
	keys();
	paths();
	run_ids();
	invented();
	return tap_done();
}
