/* SPDX-License-Identifier: Apache-2.0 */
/* s3_left.c - uploads in parts that nobody will end: they cost room and are on
 * no list of objects. Whoever serves this data has no other upload under way
 * at its start; later, those that could not be given up are remembered.
 */
#include <stdlib.h>

#include "indexer/base/scope.h"
#include "indexer/objects/s3.h"
#include "indexer/objects/s3_xml.h"

enum { ID = 4096 };

struct s3_left {
	struct s3_left *next;
	char *key, *upload;
};

int s3_abort(struct s3_store *s, const char *key, const char *upload)
{
	struct s3_request r;
	struct err ignored;
	int status;

	s3_request_init(&r, "DELETE", str_from(key));
	r.budget_ms = S3_START_MS;
	s3_pairs_add(&r.query, "uploadId", str_from(upload));
	s3_send(s->engine, &r, &ignored);
	status = r.status;
	s3_request_fini(&r);
	return status;
}

static void left_free(struct s3_left *x)
{
	free(x->key);
	free(x->upload);
	free(x);
}

/* Beyond the limit it waits for the next start. */
void s3_leave(struct s3_store *s, const char *key, const char *upload)
{
	SCOPED_LOCK(&s->mu);
	struct s3_left *x;

	if (s->nleft == S3_LEFT)
		return;
	x = calloc(1, sizeof(*x));
	if (!x)
		abort();
	x->key = strdup(key);
	x->upload = strdup(upload);
	x->next = s->left;
	s->left = x;
	s->nleft++;
}

static struct s3_left *take_left(struct s3_store *s)
{
	SCOPED_LOCK(&s->mu);
	struct s3_left *x = s->left;

	if (x) {
		s->left = x->next;
		s->nleft--;
	}
	return x;
}

void s3_abort_one_left(struct s3_store *s)
{
	struct s3_left *x = take_left(s);
	int status = x ? s3_abort(s, x->key, x->upload) : 404;

	if (!x)
		return;
	if (status != 404 && status / 100 != 2)
		s3_leave(s, x->key, x->upload);
	left_free(x);
}

void s3_forget_left(struct s3_store *s)
{
	struct s3_left *x;

	while ((x = take_left(s)))
		left_free(x);
}

/* --- at the start --------------------------------------------------------- */

static int abort_listed(struct s3_store *s, struct str item, struct err *e)
{
	char key[S3_KEY_TEXT + 1], id[ID];
	size_t n;
	int status;

	s3_xml_text(item, "UploadId", id, sizeof(id));
	if (!s3_read_key(s, item, key, &n))
		return 0;
	key[n] = '\0';
	status = s3_abort(s, key, id);
	if (status == 404 || status / 100 == 2)
		return 0;
	return err_set(e, ERR_UNAVAILABLE,
		       "the object store (%s) does not give up an upload of "
		       "%.200s: status %d",
		       s3_engine_name(s->engine), key, status);
}

/* One page; how many were on it. */
static int abort_page(struct s3_store *s, struct err *e)
{
	struct str page, item;
	struct s3_request r;
	int rc, n = 0;

	s3_request_init(&r, "GET", STR_NONE);
	s3_pairs_add(&r.query, "uploads", STR(""));
	s3_pairs_add(&r.query, "encoding-type", STR("url"));
	s3_pairs_add(&r.query, "max-uploads", STR("1000"));
	s3_pairs_add(&r.query, "prefix", s3_engine_prefix(s->engine));
	rc = s3_send(s->engine, &r, e);
	page = buf_view(&r.reply);
	for (; rc == 0 && s3_xml_next(&page, "Upload", &item); n++)
		rc = abort_listed(s, item, e);
	s3_request_fini(&r);
	return rc < 0 ? -1 : n;
}

/* What is given up is on no later page: the first is asked for until it is
 * empty. */
int s3_abort_left(struct s3_store *s, struct err *e)
{
	int n = 1;

	for (int i = 0; n > 0 && i < S3_SWEEPS; i++)
		n = abort_page(s, e);
	return n < 0 ? -1 : 0;
}
