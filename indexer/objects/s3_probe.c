/* SPDX-License-Identifier: Apache-2.0 */
/* s3_probe.c - what a store can be relied on for: stated, or tried.
 *
 * Servers take headers that they do not know and pass over them: whether a
 * condition or a checksum counts is seen only by one that must fail.
 */
#include <stdlib.h>

#include "indexer/base/text.h"
#include "indexer/objects/s3.h"

#define WITH "with:"

enum { NAME_BYTES = 16 };

static const struct {
	const char *name;
	struct s3_dialect dialect;
} dialects[] = {
	{"aws", {.conditional = true, .joins = true, .crc32c = true}},
	{"ceph", {.conditional = true}},
	{"garage", {.crc32c = true}},
	{"minio", {.conditional = true, .joins = true, .crc32c = true}},
	{"versitygw", {.conditional = true, .joins = true, .crc32c = true}},
};

#define FEATURE(member)                                                        \
	{                                                                      \
#member, offsetof(struct s3_dialect, member)                   \
	}
static const struct {
	const char *name;
	size_t offset;
} features[] = {FEATURE(conditional), FEATURE(joins), FEATURE(crc32c)};
enum { FEATURES = sizeof(features) / sizeof(features[0]) };

static bool *feature(struct s3_dialect *d, size_t i)
{
	return (bool *)((char *)d + features[i].offset);
}

/* "with:conditional,crc32c" */
static bool read_features(struct str list, struct s3_dialect *ret)
{
	*ret = (struct s3_dialect){0};
	while (list.n) {
		struct str word = str_cut(&list, ',');
		size_t i = 0;

		while (i < FEATURES && !str_is(word, features[i].name))
			i++;
		if (i == FEATURES)
			return false;
		*feature(ret, i) = true;
	}
	return true;
}

void s3_dialect_print(const struct s3_dialect *d, struct buf *b)
{
	struct s3_dialect copy = *d;
	const char *between = "";

	buf_puts(b, WITH);
	for (size_t i = 0; i < FEATURES; i++) {
		if (!*feature(&copy, i))
			continue;
		buf_printf(b, "%s%s", between, features[i].name);
		between = ",";
	}
}

bool s3_dialect_named(struct str name, struct s3_dialect *ret)
{
	for (size_t i = 0; i < sizeof(dialects) / sizeof(dialects[0]); i++)
		if (str_is(name, dialects[i].name)) {
			*ret = dialects[i].dialect;
			return true;
		}
	if (!str_starts(name, STR(WITH)))
		return false;
	return read_features(
		str_n(name.p + sizeof(WITH) - 1, name.n - (sizeof(WITH) - 1)),
		ret);
}

/* One PUT; the status is what counts. -1 where it tells nothing. */
static int try_put(struct s3_store *s, struct str key,
		   const struct s3_pairs *headers, struct err *e)
{
	struct s3_request r;
	int rc, status;

	s3_request_init(&r, "PUT", key);
	r.body = STR("orrery");
	r.budget_ms = S3_START_MS;
	r.headers = *headers;
	rc = s3_send(s->engine, &r, e);
	status = r.status;
	s3_request_fini(&r);
	if (rc == 0)
		return status;
	if (status == 400 || status == 412 || status == 501) {
		err_clear(e);
		return status;
	}
	return err_wrap(e, "a first object could not be written");
}

/* A false checksum, a true one, and a condition that does not hold. */
static int probe(struct s3_store *s, struct str key, struct err *e)
{
	const struct s3_pairs wrong = {
		{{"x-amz-checksum-crc32c", STR("AAAAAA==")}}, 1};
	struct s3_pairs right = {
		{{"content-md5", STR("TIaL6C8Wh8GmFUyQ7jpuxA==")}}, 1};
	int status = try_put(s, key, &wrong, e);

	if (status < 0)
		return -1;
	s->dialect.crc32c = status == 400;
	status = try_put(s, key, &right, e);
	s3_pairs_add(&right, "if-none-match", STR("*"));
	if (status >= 0)
		status = try_put(s, key, &right, e);
	s->dialect.conditional = status == 412;
	return status < 0 ? -1 : 0;
}

int s3_find_dialect(struct s3_store *s, struct err *e)
{
	char key[sizeof(".orrery-probe-") + 2 * NAME_BYTES] = ".orrery-probe-";
	struct str name;
	bool gone;
	int rc;

	random_hex(key + sizeof(".orrery-probe-") - 1, NAME_BYTES);
	name = str_from(key);
	rc = probe(s, name, e);
	if (rc == 0)
		rc = s3_remove(&s->base, &name, 1, &gone, e);
	return rc;
}
