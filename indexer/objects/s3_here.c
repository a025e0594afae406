/* SPDX-License-Identifier: Apache-2.0 */
/* s3_here.c - lanes: each an easy handle on a multi handle, which keeps its
 * connection; the one used last is used next. The multi handle is there for
 * its poll: so it can be asked now and then whether to go on.
 */
#include "indexer/objects/s3_here.h"

#include <stdlib.h>

#include "indexer/base/scope.h"

enum { POLL_MS = 1000 };

struct lane {
	CURL *easy;
	CURLM *multi;
	struct s3_key key;
};

struct s3_here {
	struct s3_client *client;
	pthread_mutex_t mu;
	struct lane *idle[S3_LANES]; /* guarded by: mu */
	size_t nidle, n;             /* guarded by: mu */
};

struct s3_here *s3_here_new(struct s3_client *client)
{
	struct s3_here *h = calloc(1, sizeof(*h));

	if (!h)
		abort();
	h->client = client;
	pthread_mutex_init(&h->mu, NULL);
	return h;
}

static void lane_free(struct lane *l)
{
	curl_easy_cleanup(l->easy);
	curl_multi_cleanup(l->multi);
	explicit_bzero(&l->key, sizeof(l->key));
	free(l);
}

void s3_here_free(struct s3_here *h)
{
	if (!h)
		return;
	while (h->nidle)
		lane_free(h->idle[--h->nidle]);
	pthread_mutex_destroy(&h->mu);
	free(h);
}

static struct lane *lane_new(void)
{
	struct lane *l = calloc(1, sizeof(*l));

	if (!l)
		abort();
	l->easy = curl_easy_init();
	l->multi = curl_multi_init();
	if (!l->easy || !l->multi)
		abort();
	return l;
}

static struct lane *take_lane(struct s3_here *h)
{
	SCOPED_LOCK(&h->mu);

	if (h->nidle)
		return h->idle[--h->nidle];
	if (h->n == S3_LANES)
		return NULL;
	h->n++;
	return lane_new();
}

static void give_lane(struct s3_here *h, struct lane *l)
{
	SCOPED_LOCK(&h->mu);

	h->idle[h->nidle++] = l;
}

/* False: whoever waits for it does not any more. */
static bool run(struct lane *l, struct s3_request *r, CURLcode *ret)
{
	int running, left;
	CURLMsg *m;

	for (;;) {
		curl_multi_perform(l->multi, &running);
		m = curl_multi_info_read(l->multi, &left);
		if (m) {
			*ret = m->data.result;
			return true;
		}
		if (r->quit && r->quit(r->quit_ctx, &r->e))
			return false;
		curl_multi_poll(l->multi, NULL, 0,
				r->quit ? S3_QUIT_MS : POLL_MS, NULL);
	}
}

bool s3_here_try(struct s3_here *h, struct s3_request *r, enum s3_verdict *ret)
{
	struct lane *l = take_lane(h);
	CURLcode code = CURLE_OK;
	struct s3_try *t;

	if (!l)
		return false;
	t = s3_try_new(h->client, r, l->easy, &l->key);
	r->attempts++;
	curl_multi_add_handle(l->multi, l->easy);
	if (run(l, r, &code)) {
		*ret = s3_judge(h->client, t, code);
	} else {
		r->doubtful = true;
		*ret = S3_FINAL;
	}
	curl_multi_remove_handle(l->multi, l->easy);
	s3_try_free(t);
	give_lane(h, l);
	return true;
}
