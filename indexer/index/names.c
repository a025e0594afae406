/* SPDX-License-Identifier: Apache-2.0 */
/* names.c - checks of names, their file form, and made-up ones.
 *
 * The file form is injective because an escape is never ambiguous ('%' is
 * escaped exactly where it would read as one) and because no short name's
 * form looks like a cut one: there its '~' is escaped.
 */
#include "indexer/index/names.h"

#include <inttypes.h>
#include <openssl/sha.h>

#include "indexer/base/text.h"
#include "indexer/index/limits.h"

enum {
	FILE_MAX = NAME_FILE_MAX - 1,
	CUT_AT = 200,  /* bytes kept of a form that is too long */
	CUT_HASH = 16, /* hex digits of its hash */
	/* A cut may stop short of CUT_AT by an unfinished character. */
	CUT_LEAST = CUT_AT - 3,
};

/* --- checks ------------------------------------------------------------- */

/* Number of characters, -1 where it is not UTF-8 or holds a NUL. */
static int64_t characters(struct str s)
{
	int64_t count = 0;

	for (size_t i = 0; i < s.n; count++) {
		size_t n = utf8_sequence(str_n(s.p + i, s.n - i));

		if (!n || !s.p[i])
			return -1;
		i += n;
	}
	return count;
}

static int missing(const char *what, struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "Missing value for required parameter '%s'. See the API "
		       "docs for more information about request parameters.",
		       what);
}

static int check_length(struct str s, int64_t limit, const char *what,
			struct err *e)
{
	int64_t n = characters(s);

	if (!s.n)
		return missing(what, e);
	if (n < 0)
		return err_set(e, ERR_INVALID,
			       "Invalid value for parameter '%s' supplied: it "
			       "must be UTF-8 without NUL",
			       what);
	if (n > limit)
		return err_set(e, ERR_INVALID,
			       "'%s' exceeds the maximum length of %" PRId64
			       " characters",
			       what, limit);
	return 0;
}

static bool word_byte(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || c == '_';
}

/* Letters of other scripts are taken as words; U+0080 to U+009F are control
 * characters. */
static bool key_characters(struct str key)
{
	for (size_t i = 0; i < key.n; i++) {
		unsigned char c = (unsigned char)key.p[i];

		if (c == 0xc2 && (unsigned char)key.p[i + 1] < 0xa0)
			return false;
		if (c < 0x80 && !word_byte(c) && !strchr("-./: ", c))
			return false;
	}
	return true;
}

/* Whether a key read as a path is in its shortest form. */
static bool key_is_plain_path(struct str key)
{
	struct str rest = key;

	while (rest.p) {
		struct str part = str_cut(&rest, '/');

		if (!part.n || str_is(part, ".") || str_is(part, ".."))
			return false;
	}
	return true;
}

int name_check_key(struct str key, const char *what, struct err *e)
{
	if (check_length(key, LIMIT_KEY, what, e) < 0)
		return -1;
	if (!key_characters(key))
		return err_set(
			e, ERR_INVALID,
			"Invalid value \"%.*s\" for parameter '%s' supplied: "
			"Names may only contain alphanumerics, underscores "
			"(_), dashes (-), periods (.), spaces ( ), colon(:) "
			"and slashes (/).",
			STR_ARG(key), what);
	if (!key_is_plain_path(key))
		return err_set(
			e, ERR_INVALID,
			"Invalid value \"%.*s\" for parameter '%s' supplied: "
			"Names may be treated as files in certain cases, and "
			"must not resolve to other names when treated as "
			"such: no part between slashes may be empty, '.' or "
			"'..'",
			STR_ARG(key), what);
	return 0;
}

int name_check_experiment(struct str name, struct err *e)
{
	return check_length(name, LIMIT_EXPERIMENT_NAME, "name", e);
}

int name_check_run(struct str name, struct err *e)
{
	return check_length(name, LIMIT_RUN_NAME, "run_name", e);
}

int name_check_run_id(struct str id, struct err *e)
{
	bool good = id.n > 0 && id.n <= 256 && id.p[0] != '_';

	for (size_t i = 0; good && i < id.n; i++)
		good = word_byte((unsigned char)id.p[i]) ||
		       (i > 0 && id.p[i] == '-');
	if (!id.n)
		return missing("run_id", e);
	return good ? 0
		    : err_set(e, ERR_INVALID, "Invalid run ID: '%.*s'",
			      STR_ARG(id));
}

/* Blanks as Python strips them; the rest of them is no ASCII. */
static bool is_blank(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr(" \t\n\r\v\f", s.p[i]) || !s.p[i])
			return false;
	return true;
}

int name_check_model(struct str name, const char *what, struct err *e)
{
	if (is_blank(name))
		return err_set(e, ERR_INVALID,
			       "Missing value for required parameter '%s'.",
			       what);
	if (check_length(name, LIMIT_MODEL_NAME, what, e) < 0)
		return -1;
	if (memchr(name.p, '/', name.n) || memchr(name.p, ':', name.n))
		return err_set(e, ERR_INVALID,
			       "Invalid model name '%.*s'. Names cannot "
			       "contain '/' or ':'.",
			       STR_ARG(name));
	if (!key_is_plain_path(name))
		return err_set(
			e, ERR_INVALID,
			"Invalid value \"%.*s\" for parameter 'name' "
			"supplied: Names may be treated as files in certain "
			"cases, and must not resolve to other names when "
			"treated as such. This name would resolve to '%.*s'",
			STR_ARG(name), STR_ARG(name));
	return 0;
}

int name_check_alias(struct str alias, struct err *e)
{
	int64_t n = characters(alias);

	if (!alias.n)
		return err_set(e, ERR_INVALID,
			       "Registered model alias name cannot be empty.");
	if (n > LIMIT_ALIAS)
		return err_set(e, ERR_INVALID,
			       "'Registered model alias name' exceeds the "
			       "maximum length of %d characters",
			       LIMIT_ALIAS);
	for (size_t i = 0; n > 0 && i < alias.n; i++) {
		unsigned char c = (unsigned char)alias.p[i];

		if (c < 0x80 && c != '-' && !word_byte(c))
			n = -1;
	}
	if (n < 0 || !key_characters(alias))
		return err_set(e, ERR_INVALID,
			       "Invalid alias name: '%.*s'. Names may only "
			       "contain alphanumerics, underscores (_), and "
			       "dashes (-).",
			       STR_ARG(alias));
	return 0;
}

static int bad_path(struct str path, const char *why, struct err *e)
{
	return err_set(e, ERR_INVALID, "Invalid path '%.*s': %s", STR_ARG(path),
		       why);
}

static int check_part(struct str path, struct str part, struct err *e)
{
	if (!part.n)
		return bad_path(path,
				"no '/' at its start, its end, or twice "
				"in a row is allowed",
				e);
	if (str_is(part, ".") || str_is(part, ".."))
		return bad_path(path, "no part may be '.' or '..'", e);
	if (part.n > LIMIT_FILE_NAME)
		return err_set(e, ERR_TOO_LONG,
			       "Invalid path: a part of it is longer than %d "
			       "bytes",
			       LIMIT_FILE_NAME);
	return 0;
}

int name_check_artifact(struct str path, bool root_ok, struct err *e)
{
	struct str rest = path;
	int depth = 0;

	if (!path.n)
		return root_ok ? 0 : bad_path(path, "it is empty", e);
	if (path.n > LIMIT_ARTIFACT_PATH)
		return err_set(e, ERR_TOO_LONG,
			       "Invalid path: longer than %d bytes",
			       LIMIT_ARTIFACT_PATH);
	if (memchr(path.p, '\0', path.n) || memchr(path.p, '\\', path.n))
		return bad_path(path, "no NUL and no backslash is allowed", e);
	while (rest.p) {
		if (check_part(path, str_cut(&rest, '/'), e) < 0)
			return -1;
		if (++depth > LIMIT_ARTIFACT_DEPTH)
			return err_set(e, ERR_TOO_LONG,
				       "Invalid path: more than %d "
				       "directories deep",
				       LIMIT_ARTIFACT_DEPTH);
	}
	return 0;
}

/* --- the file form ------------------------------------------------------ */

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Does an escape begin at s.p[i]? */
static bool escape_at(struct str s, size_t i)
{
	return s.p[i] == '%' && i + 2 < s.n && hex_value(s.p[i + 1]) >= 0 &&
	       hex_value(s.p[i + 2]) >= 0;
}

static bool must_escape(struct str name, size_t i)
{
	unsigned char c = (unsigned char)name.p[i];

	return c < 0x20 || c == 0x7f || c == '/' || (c == '.' && i == 0) ||
	       escape_at(name, i);
}

/* The form of the character at i, into out (4 bytes); *i moves behind it. */
static size_t form_of(struct str name, size_t *i, char out[4])
{
	static const char digits[] = "0123456789ABCDEF";
	unsigned char c = (unsigned char)name.p[*i];
	size_t n = 1;

	if (must_escape(name, *i)) {
		out[0] = '%';
		out[1] = digits[c >> 4];
		out[2] = digits[c & 15];
		++*i;
		return 3;
	}
	if (c >= 0x80)
		n = utf8_sequence(str_n(name.p + *i, name.n - *i));
	if (!n)
		n = 1; /* not UTF-8: a byte for itself */
	memcpy(out, name.p + *i, n);
	*i += n;
	return n;
}

static bool looks_cut(struct str file)
{
	size_t prefix = file.n - CUT_HASH - 1;

	if (file.n < CUT_LEAST + CUT_HASH + 1 ||
	    file.n > CUT_AT + CUT_HASH + 1 || file.p[prefix] != '~')
		return false;
	for (size_t i = prefix + 1; i < file.n; i++)
		if (hex_value(file.p[i]) < 0 ||
		    (file.p[i] >= 'A' && file.p[i] <= 'F'))
			return false;
	return true;
}

/* Characters of the form while they fit into max bytes; *all tells whether
 * the whole name did. */
static size_t form(struct str name, char *out, size_t max, bool *all)
{
	size_t n = 0;

	for (size_t i = 0; i < name.n;) {
		char one[4];
		size_t k = form_of(name, &i, one);

		if (n + k > max) {
			*all = false;
			return n;
		}
		memcpy(out + n, one, k);
		n += k;
	}
	*all = true;
	return n;
}

static size_t cut_form(struct str name, char *out)
{
	unsigned char hash[SHA256_DIGEST_LENGTH];
	bool all;
	size_t n = form(name, out, CUT_AT, &all);

	SHA256((const unsigned char *)name.p, name.n, hash);
	out[n++] = '~';
	hex_encode(hash, CUT_HASH / 2, out + n);
	return n + CUT_HASH;
}

size_t name_to_file(struct str name, char out[NAME_FILE_MAX])
{
	bool all;
	size_t n = form(name, out, FILE_MAX, &all);

	if (!all) {
		n = cut_form(name, out);
	} else if (looks_cut(str_n(out, n))) {
		size_t at = n - CUT_HASH - 1;

		memmove(out + at + 3, out + at + 1, CUT_HASH);
		memcpy(out + at, "%7E", 3);
		n += 2;
	}
	out[n] = '\0';
	return n;
}

bool name_from_file(struct str file, char *out, size_t *ret_n)
{
	size_t n = 0;

	if (looks_cut(file))
		return false;
	for (size_t i = 0; i < file.n; i++) {
		if (!escape_at(file, i)) {
			out[n++] = file.p[i];
			continue;
		}
		out[n++] = (char)(hex_value(file.p[i + 1]) << 4 |
				  hex_value(file.p[i + 2]));
		i += 2;
	}
	out[n] = '\0';
	*ret_n = n;
	return true;
}

size_t name_to_file_apart(struct str name, struct str suffix,
			  char out[NAME_FILE_MAX])
{
	size_t n = name_to_file(name, out);

	if (n + 1 + suffix.n > FILE_MAX) {
		bool all;

		n = form(name, out, CUT_AT, &all);
	}
	out[n++] = '~';
	memcpy(out + n, suffix.p, suffix.n);
	n += suffix.n;
	out[n] = '\0';
	return n;
}
