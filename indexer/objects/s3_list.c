/* SPDX-License-Identifier: Apache-2.0 */
/* s3_list.c - what lies in the bucket: listed page by page, removed by the
 * thousand.
 */
#include <stdlib.h>

#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/s3.h"
#include "indexer/objects/s3_time.h"
#include "indexer/objects/s3_xml.h"

enum {
	TOKEN = 4096,
	TEXT = 64,
	REMOVE_MAX = 8 << 20,
};

static const char page_size[] = "1000";

/* --- listing -------------------------------------------------------------- */

bool s3_read_key(struct s3_store *s, struct str xml, char *out, size_t *n)
{
	struct str prefix = s3_engine_prefix(s->engine), key;
	char text[S3_KEY_TEXT];
	int64_t got;

	if (!s3_xml_text(xml, "Key", text, sizeof(text)))
		return false;
	got = pct_decode(str_from(text), true, out);
	key = str_n(out, got < 0 ? 0 : (size_t)got);
	if (!str_starts(key, prefix) || key.n == prefix.n)
		return false;
	*n = key.n - prefix.n;
	memmove(out, out + prefix.n, *n);
	return true;
}

struct listing {
	struct s3_store *s;
	int (*fn)(void *ctx, struct str key, int64_t size, int64_t mtime,
		  struct err *e);
	void *ctx;
};

static int list_one(const struct listing *l, struct str item, struct err *e)
{
	char key[S3_KEY_TEXT], size[TEXT], date[TEXT];
	int64_t bytes, mtime;
	size_t n;

	s3_xml_text(item, "Size", size, sizeof(size));
	s3_xml_text(item, "LastModified", date, sizeof(date));
	if (!s3_read_key(l->s, item, key, &n))
		return 0;
	if (!num_parse_i64(str_from(size), &bytes) ||
	    !s3_time_parse(str_from(date), &mtime))
		return err_set(e, ERR_UNAVAILABLE,
			       "the object store (%s) lists an object without "
			       "size and time",
			       s3_engine_name(l->s->engine));
	return l->fn(l->ctx, str_n(key, n), bytes, mtime, e);
}

static int list_items(const struct listing *l, struct str page, struct err *e)
{
	struct str item;
	int rc = 0;

	while (rc == 0 && s3_xml_next(&page, "Contents", &item))
		rc = list_one(l, item, e);
	return rc;
}

/* 1 when there is another page, which token names then. */
static int list_page(const struct listing *l, char token[TOKEN], int *ret_fn,
		     struct err *e)
{
	struct s3_request r;
	char more[TEXT];
	int rc;

	s3_request_init(&r, "GET", STR_NONE);
	s3_pairs_add(&r.query, "list-type", STR("2"));
	s3_pairs_add(&r.query, "encoding-type", STR("url"));
	s3_pairs_add(&r.query, "max-keys", str_from(page_size));
	s3_pairs_add(&r.query, "prefix", s3_engine_prefix(l->s->engine));
	if (token[0])
		s3_pairs_add(&r.query, "continuation-token", str_from(token));
	rc = s3_send(l->s->engine, &r, e);
	if (rc == 0) {
		s3_xml_text(buf_view(&r.reply), "IsTruncated", more,
			    sizeof(more));
		s3_xml_text(buf_view(&r.reply), "NextContinuationToken", token,
			    TOKEN);
		*ret_fn = list_items(l, buf_view(&r.reply), e);
		rc = !strcmp(more, "true") && token[0];
	}
	s3_request_fini(&r);
	return rc;
}

int s3_each(struct objects *o,
	    int (*fn)(void *ctx, struct str key, int64_t size, int64_t mtime,
		      struct err *e),
	    void *ctx, struct err *e)
{
	const struct listing l = {s3_of(o), fn, ctx};
	char token[TOKEN] = "";
	int rc = 1, said = 0;

	while (rc > 0 && said == 0)
		rc = list_page(&l, token, &said, e);
	return rc < 0 ? -1 : said;
}

/* --- removing ------------------------------------------------------------- */

static void removal(struct s3_store *s, const struct str *keys, size_t n,
		    struct buf *b)
{
	buf_puts(b, "<Delete xmlns=\"" S3_XMLNS "\">");
	for (size_t i = 0; i < n; i++) {
		buf_puts(b, "<Object><Key>");
		s3_xml_escape(b, s3_engine_prefix(s->engine));
		s3_xml_escape(b, keys[i]);
		buf_puts(b, "</Key></Object>");
	}
	buf_puts(b, "</Delete>");
}

/* Those that the answer calls deleted; the first it could not is in e. */
static int read_removal(struct s3_store *s, const struct s3_request *r,
			const struct str *keys, size_t n, bool *gone,
			struct err *e)
{
	struct str doc = buf_view(&r->reply), item;
	struct str prefix = s3_engine_prefix(s->engine);
	char key[S3_KEY_TEXT], code[TEXT];

	while (s3_xml_next(&doc, "Deleted", &item)) {
		s3_xml_text(item, "Key", key, sizeof(key));
		for (size_t i = 0; i < n; i++)
			if (strlen(key) == prefix.n + keys[i].n &&
			    str_is(keys[i], key + prefix.n))
				gone[i] = true;
	}
	doc = buf_view(&r->reply);
	if (!s3_xml_next(&doc, "Error", &item))
		return 0;
	s3_xml_text(item, "Code", code, sizeof(code));
	s3_xml_text(item, "Key", key, sizeof(key));
	return err_set(e, ERR_UNAVAILABLE,
		       "the object store (%s) does not remove %.200s: %s",
		       s3_engine_name(s->engine), key, code);
}

static int remove_one(struct s3_store *s, struct str key, bool *gone,
		      struct err *e)
{
	struct s3_request r;
	int rc;

	s3_request_init(&r, "DELETE", key);
	rc = s3_send(s->engine, &r, e);
	if (rc < 0 && e->kind == ERR_NOT_FOUND)
		rc = 0;
	*gone = rc == 0;
	s3_request_fini(&r);
	return rc;
}

static int remove_some(struct s3_store *s, const struct str *keys, size_t n,
		       bool *gone, struct err *e)
{
	SCOPED(buf_fini) struct buf body;
	struct s3_request r;
	char sum[S3_SUM];
	int rc;

	buf_init(&body, REMOVE_MAX);
	removal(s, keys, n, &body);
	s3_request_init(&r, "POST", STR_NONE);
	r.body = buf_view(&body);
	s3_pairs_add(&r.query, "delete", STR(""));
	s3_add_sum(s, &r, sum);
	rc = s3_send(s->engine, &r, e);
	if (rc == 0)
		rc = read_removal(s, &r, keys, n, gone, e);
	s3_request_fini(&r);
	return rc;
}

int s3_remove(struct objects *o, const struct str *keys, size_t n, bool *gone,
	      struct err *e)
{
	struct s3_store *s = s3_of(o);

	if (n == 1)
		return remove_one(s, keys[0], gone, e);
	for (size_t at = 0; at < n; at += S3_PAGE) {
		size_t some = n - at < S3_PAGE ? n - at : S3_PAGE;

		if (remove_some(s, keys + at, some, gone + at, e) < 0)
			return -1;
	}
	return 0;
}
