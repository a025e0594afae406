/* SPDX-License-Identifier: Apache-2.0 */
/* feed.c - the change feed: one thread, many streams. */
#include "api/feed.h"

#include <inttypes.h>

#include "indexer/base/scope.h"

enum {
	WAIT_MS = 200,  /* for a commit, before looking whether to stop */
	EVENT_MAX = 96, /* bytes of one event */
};

struct feed {
	struct index *index;
	pthread_t thread;
	pthread_mutex_t mu;
	struct stream *streams[FEED_STREAMS]; /* guarded by: mu */
	size_t n;                             /* guarded by: mu */
	bool stopping;                        /* guarded by: mu */
};

static struct str event_text(int64_t change, char out[EVENT_MAX])
{
	int n = snprintf(out, EVENT_MAX,
			 "id: %" PRId64 "\ndata: {\"change\":%" PRId64 "}\n\n",
			 change, change);

	return str_n(out, (size_t)n);
}

static bool stopping(struct feed *f)
{
	SCOPED_LOCK(&f->mu);
	return f->stopping;
}

static void tell_all(struct feed *f, int64_t change)
{
	char text[EVENT_MAX];
	struct str event = event_text(change, text);
	size_t kept = 0;

	SCOPED_LOCK(&f->mu);
	for (size_t i = 0; i < f->n; i++) {
		if (stream_send(f->streams[i], event))
			f->streams[kept++] = f->streams[i];
		else
			stream_close(f->streams[i]);
	}
	f->n = kept;
}

static void *feed_main(void *arg)
{
	const struct timespec pause = {0, FEED_PAUSE_MS * 1000000L};
	struct feed *f = arg;
	int64_t told = index_change(f->index);

	while (!stopping(f)) {
		if (!index_wait(f->index, told + 1, WAIT_MS))
			continue;
		told = index_change(f->index);
		tell_all(f, told);
		nanosleep(&pause, NULL);
	}
	return NULL;
}

struct feed *feed_start(struct index *ix, struct err *e)
{
	struct feed *f = calloc(1, sizeof(*f));
	int failed;

	if (!f) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	f->index = ix;
	pthread_mutex_init(&f->mu, NULL);
	failed = pthread_create(&f->thread, NULL, feed_main, f);
	if (failed) {
		err_sys(e, failed, "the thread of the change feed");
		pthread_mutex_destroy(&f->mu);
		free(f);
		return NULL;
	}
	return f;
}

void feed_stop(struct feed *f)
{
	pthread_mutex_lock(&f->mu);
	f->stopping = true;
	pthread_mutex_unlock(&f->mu);
	pthread_join(f->thread, NULL);
	pthread_mutex_lock(&f->mu);
	for (size_t i = 0; i < f->n; i++)
		stream_close(f->streams[i]);
	f->n = 0;
	pthread_mutex_unlock(&f->mu);
}

void feed_free(struct feed *f)
{
	if (!f)
		return;
	pthread_mutex_destroy(&f->mu);
	free(f);
}

int feed_answer(struct feed *f, struct call *c, struct err *e)
{
	char text[EVENT_MAX];
	struct stream *s;

	SCOPED_LOCK(&f->mu);
	if (f->stopping || f->n == FEED_STREAMS)
		return err_set(e, ERR_BUSY, "no more event streams");
	s = reply_events(c);
	if (!s)
		return err_set(e, ERR_BUSY, "no memory for an event stream");
	stream_send(s, event_text(index_change(f->index), text));
	f->streams[f->n++] = s;
	return 0;
}
