/* SPDX-License-Identifier: Apache-2.0 */
/* s3_source.c - keys of the environment and of the shared files. */
#include "indexer/objects/s3_source.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"

enum { FILE_MAX = 1 << 20, PATH_SIZE = 4096, SECTION = 256 };

/* --- the environment ---------------------------------------------------- */

static const char *variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* Bytes that would end a header are in no key. */
static bool usable(const char *s)
{
	for (; *s; s++)
		if (*s <= ' ' || *s > '~')
			return false;
	return true;
}

static int take(const char *id, const char *secret, const char *token,
		struct s3_key *ret, struct err *e)
{
	if (strlen(id) >= sizeof(ret->id) ||
	    strlen(secret) >= sizeof(ret->secret) ||
	    strlen(token) >= sizeof(ret->token) || !usable(id) ||
	    !usable(secret) || !usable(token))
		return err_set(e, ERR_INVALID,
			       "an access key that cannot be one");
	snprintf(ret->id, sizeof(ret->id), "%s", id);
	snprintf(ret->secret, sizeof(ret->secret), "%s", secret);
	snprintf(ret->token, sizeof(ret->token), "%s", token);
	return 1;
}

int s3_source_env(struct s3_grant *ret, struct err *e)
{
	const char *id = variable("AWS_ACCESS_KEY_ID");
	const char *secret = variable("AWS_SECRET_ACCESS_KEY");
	const char *token = variable("AWS_SESSION_TOKEN");

	if (!id && !secret)
		return 0;
	if (!id || !secret)
		return err_set(
			e, ERR_INVALID, "%s is set and %s is not",
			id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
			id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
	ret->expires = 0;
	return take(id, secret, token ? token : "", &ret->key, e);
}

/* --- shared files ------------------------------------------------------- */

static const char *profile(void)
{
	const char *name = variable("AWS_PROFILE");

	if (!name)
		name = variable("AWS_DEFAULT_PROFILE");
	return name ? name : "default";
}

/* "[name]" or "[profile name]" */
static bool is_section(struct str line, const char *name)
{
	line = str_trim(str_n(line.p + 1, line.n - 1));
	if (!str_ends(line, STR("]")))
		return false;
	line = str_trim(str_n(line.p, line.n - 1));
	if (str_starts(line, STR("profile ")))
		line = str_trim(str_n(line.p + 8, line.n - 8));
	return str_is(line, name);
}

static void find_value(struct str text, const char *name, char *out,
		       size_t size)
{
	bool inside = false;

	while (text.n) {
		struct str line = str_cut(&text, '\n'), key;

		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		if (line.n && line.p[0] == '[')
			inside = is_section(line, profile());
		if (!inside || !line.n || line.p[0] == '[' ||
		    line.p[0] == '#' || line.p[0] == ';')
			continue;
		key = str_trim(str_cut(&line, '='));
		line = str_trim(line);
		if (str_is(key, name))
			snprintf(out, size, "%.*s", STR_ARG(line));
	}
}

/* The file that a variable names, or its usual place. */
static void read_shared(const char *names_it, const char *usual, struct buf *b)
{
	const char *path = variable(names_it), *home = variable("HOME");
	char place[PATH_SIZE];
	struct err none;

	if (!path && !home)
		return;
	if (!path) {
		snprintf(place, sizeof(place), "%s/.aws/%s", home, usual);
		path = place;
	}
	io_read_file(path, FILE_MAX, b, &none);
}

static void value_in(const char *names_it, const char *usual, const char *name,
		     char *out, size_t size)
{
	SCOPED(buf_fini) struct buf b;

	out[0] = '\0';
	buf_init(&b, FILE_MAX + 1);
	read_shared(names_it, usual, &b);
	if (buf_ok(&b))
		find_value(buf_view(&b), name, out, size);
	if (b.p)
		explicit_bzero(b.p, b.n);
}

void s3_profile_value(const char *name, char *out, size_t size)
{
	value_in("AWS_SHARED_CREDENTIALS_FILE", "credentials", name, out, size);
	if (!out[0])
		value_in("AWS_CONFIG_FILE", "config", name, out, size);
}

int s3_source_files(struct s3_grant *ret, struct err *e)
{
	struct s3_key *k = &ret->key;

	ret->expires = 0;
	s3_profile_value("aws_access_key_id", k->id, sizeof(k->id));
	s3_profile_value("aws_secret_access_key", k->secret, sizeof(k->secret));
	s3_profile_value("aws_session_token", k->token, sizeof(k->token));
	if (!k->id[0] && !k->secret[0]) {
		if (!variable("AWS_PROFILE"))
			return 0;
		return err_set(e, ERR_INVALID,
			       "the profile %.100s (AWS_PROFILE) has no "
			       "aws_access_key_id in the shared files",
			       profile());
	}
	if (!k->id[0] || !k->secret[0] || !usable(k->id) ||
	    !usable(k->secret) || !usable(k->token))
		return err_set(e, ERR_INVALID,
			       "the profile %.100s of the shared files has "
			       "not both of aws_access_key_id and "
			       "aws_secret_access_key, or what cannot be one",
			       profile());
	return 1;
}
