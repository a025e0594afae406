/* SPDX-License-Identifier: Apache-2.0 */
/* once.c - see once.h. */
#include "indexer/index/once.h"

#include <inttypes.h>
#include <openssl/sha.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"

enum { KEY_MAX = 1024, ANSWER_MAX = 64 << 10 };

/* Of the command's name and its fields. */
static int fingerprint(const struct command *c,
		       unsigned char out[SHA256_DIGEST_LENGTH], struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, LIMIT_COMMAND_BYTES);
	jo_init(&j, &b, 0);
	buf_puts(&b, command_types[c->kind].name);
	field_write_json(&command_types[c->kind].in, c, &j);
	if (!buf_ok(&b))
		return err_set(e, ERR_TOO_LARGE, "request too large");
	SHA256((const unsigned char *)b.p, b.n, out);
	return 0;
}

/* Keys of different principals are different keys, and so are those of
 * different views: what was answered in one is nothing to another. */
static int full_key(struct command *c, struct str *ret, struct err *e)
{
	char view[NUM_MAX + 1] = "";
	const char *key;

	if (c->once.n + c->who.name.n > KEY_MAX)
		return err_set(e, ERR_INVALID,
			       "an idempotency key has at most %d bytes",
			       KEY_MAX);
	if (c->who.view)
		snprintf(view, sizeof(view), "%" PRId64 "\n", c->who.view);
	key = arena_printf(&c->arena, "%.*s\n%s%.*s", STR_ARG(c->who.name),
			   view, STR_ARG(c->once));
	*ret = str_from(key);
	return key ? 0 : arena_full(&c->arena, e);
}

bool once_applies(const struct command *c)
{
	return c->once.n && command_types[c->kind].in.count;
}

static bool is_answer(const struct command *c)
{
	return c->kind != COMMAND_TRACE_DELETE ||
	       !((const struct cmd_trace_delete *)c)->ret_more.v;
}

int once_find(struct writer *w, struct command *c, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct str key;
	int rc;

	if (full_key(c, &key, e) < 0 || fingerprint(c, hash, e) < 0 ||
	    cursor_open(&q, &w->db, STMT_ONCE_FIND, BINDS(B(key)), e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	if (!str_eq(cursor_str(&q, 0), str_n((char *)hash, sizeof(hash))))
		return err_set(e, ERR_CONFLICT,
			       "the idempotency key was used for another "
			       "request");
	if (command_read_answer(c, cursor_str(&q, 1), e) < 0)
		return -1;
	return 1;
}

int once_keep(struct writer *w, struct command *c, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	unsigned char hash[SHA256_DIGEST_LENGTH];
	struct json_out j;
	struct str key;

	buf_init(&b, ANSWER_MAX);
	if (!is_answer(c))
		return 0;
	jo_init(&j, &b, 0);
	field_write_json(&command_types[c->kind].out, c, &j);
	if (!buf_ok(&b))
		return err_set(e, ERR_TOO_LARGE, "answer too large");
	if (full_key(c, &key, e) < 0 || fingerprint(c, hash, e) < 0)
		return -1;
	return db_exec(&w->db, STMT_ONCE_KEEP,
		       BINDS(B(key), BLOB(str_n((char *)hash, sizeof(hash))),
			     B(buf_view(&b)), B(w->now)),
		       e);
}
