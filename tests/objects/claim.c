/* SPDX-License-Identifier: Apache-2.0 */
/* claim.c - what senders say of their bytes, in all spellings; and texts that
 * are signed. */
#include <fcntl.h>
#include <sys/stat.h>

#include "indexer/objects/claim.h"
#include "indexer/objects/digest.h"
#include "indexer/objects/signer.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

/* Of "hello". */
#define MD5    "XUFAKrxLKna5cZ2REBfFkg=="
#define SHA256 "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
#define OTHER  "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

static struct err e;

enum outcome { HOLDS, DIFFERS, UNREADABLE };

static const struct {
	const char *md5, *digest, *repr;
	enum outcome outcome;
} rows[] = {
	{NULL, NULL, NULL, HOLDS},
	{MD5, NULL, NULL, HOLDS},
	{" " MD5 " ", NULL, NULL, HOLDS},
	{"AAAAAAAAAAAAAAAAAAAAAA==", NULL, NULL, DIFFERS},
	{"", NULL, NULL, UNREADABLE},
	{"XUFAKrxLKna5cZ2REBfF", NULL, NULL, UNREADABLE},
	{MD5 MD5, NULL, NULL, UNREADABLE},
	{"************************", NULL, NULL, UNREADABLE},
	{NULL, "sha-256=:" SHA256 ":", NULL, HOLDS},
	{NULL, "SHA-256=" SHA256, NULL, HOLDS},
	{NULL, "sha-256=:" SHA256 ":;q=1", NULL, HOLDS},
	{NULL, "sha-512=:AAAA:, sha-256=:" SHA256 ": ,x", NULL, HOLDS},
	{NULL, "sha-256=:" OTHER ":", NULL, DIFFERS},
	{NULL, NULL, "sha-256=:" OTHER ":", DIFFERS},
	{MD5, "sha-256=:" SHA256 ":", "sha-256=:" SHA256 ":", HOLDS},
	{MD5, "sha-256=:" OTHER ":", NULL, DIFFERS},
	{NULL, "sha-256=:" SHA256 ":", "sha-256=:" OTHER ":", UNREADABLE},
	{NULL, "sha-256=:" SHA256 ":,sha-256=:" OTHER ":", NULL, UNREADABLE},
	{NULL, "sha-512=:AAAA:", "md5=x,,=,", HOLDS},
	{NULL, "", NULL, HOLDS},
	{NULL, "sha-256", NULL, UNREADABLE},
	{NULL, "sha-256=", NULL, UNREADABLE},
	{NULL, "sha-256=:", NULL, UNREADABLE},
	{NULL, "sha-256=::", NULL, UNREADABLE},
	{NULL, "sha-256=:AAAA:", NULL, UNREADABLE},
};

static enum outcome judge(size_t i, const char *bytes)
{
	struct str digests[] = {str_from(rows[i].digest),
				str_from(rows[i].repr)};
	struct digest *d = digest_new(&e);
	struct object_digest sum;
	struct claim c;
	enum outcome o = HOLDS;

	for (const char *p = bytes; *p; p++)
		digest_add(d, p, 1, &e);
	digest_finish(d, &sum, &e);
	digest_free(d);
	err_clear(&e);
	if (claim_init(&c, str_from(rows[i].md5), digests, 2, &e) < 0)
		o = UNREADABLE;
	for (const char *p = bytes; *p && o == HOLDS; p++)
		claim_add(&c, p, 1, &e);
	if (o == HOLDS && claim_check(&c, &sum, &e) < 0)
		o = DIFFERS;
	claim_fini(&c);
	return o;
}

static void check_claims(void)
{
	char what[300];

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(what, sizeof(what), "md5 %s digest %s repr %s",
			 rows[i].md5 ? rows[i].md5 : "-",
			 rows[i].digest ? rows[i].digest : "-",
			 rows[i].repr ? rows[i].repr : "-");
		is_i64(judge(i, "hello"), rows[i].outcome, what);
		ok(rows[i].outcome == HOLDS || e.kind == ERR_INVALID,
		   "and why");
	}
	is_i64(judge(1, "hellp"), DIFFERS, "one other byte: MD5");
	is_i64(judge(8, "hellp"), DIFFERS, "one other byte: SHA-256");
}

static void check_signer(void)
{
	struct scratch dir = scratch_new();
	struct signer a, b;
	char path[300], one[SIGNATURE_TEXT], two[SIGNATURE_TEXT];
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "%s/secret", dir.path);
	ok(signer_load(&a, path, &e) == 0, "a key is made");
	ok(stat(path, &st) == 0 && (st.st_mode & 0777) == 0600,
	   "nobody else's");
	ok(signer_load(&b, path, &e) == 0, "and read");
	ok(signer_sign(&a, STR("text"), one, &e) == 0, "a text is signed");
	ok(signer_sign(&b, STR("text"), two, &e) == 0, "and again");
	is_str(one, two, "with the same key");
	ok(signer_holds(&a, STR("text"), str_from(one)), "it holds");
	ok(!signer_holds(&a, STR("texT"), str_from(one)), "of this text only");
	ok(!signer_holds(&a, STR("text"), STR("")), "not an empty one");
	ok(!signer_holds(&a, STR("text"), str_n(one, 63)), "nor a part");
	one[5] ^= 1;
	ok(!signer_holds(&a, STR("text"), str_from(one)), "nor another");
	fd = open(path, O_WRONLY | O_TRUNC);
	ok(write(fd, "short", 5) == 5, "a key that is cut");
	close(fd);
	ok(signer_load(&a, path, &e) < 0 && e.kind == ERR_CORRUPT, "is none");
	unlink(path);
	ok(signer_load(&b, path, &e) == 0, "a new one");
	signer_sign(&b, STR("text"), one, &e);
	ok(strcmp(one, two) != 0, "is another");
	scratch_remove(&dir);
}

int main(void)
{
	check_claims();
	check_signer();
	return tap_done();
}
