/* SPDX-License-Identifier: Apache-2.0 */
/* s3_engine.c - the thread: what was submitted waits for its turn or its time,
 * is under way, is judged, and waits again or is done.
 *
 * mu guards what callers and the thread share: the list of the submitted, and
 * of each request done and cancelled. All else of a request is the thread's
 * until it is done.
 */
#include "indexer/objects/s3_engine.h"

#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/base/thread.h"
#include "indexer/objects/s3_here.h"

enum { POLL_MS = 1000 };

struct s3_engine {
	struct s3_client client;
	CURLM *multi;
	pthread_t thread;
	bool started;
	pthread_mutex_t mu;
	pthread_cond_t ended;
	struct s3_request *submitted; /* guarded by: mu */
	bool stopping;                /* guarded by: mu */
	_Atomic bool hurry;
	/* Whether attempts are made by who asks: not while the store has to
	 * be spared. */
	_Atomic bool well;
	struct s3_here *here;
	/* The thread's own. */
	struct s3_request *waiting, *active;
	CURL *idle[S3_CONNECTIONS];
	size_t nidle, nactive;
	double most; /* at one time */
	int retries; /* left to be spent, in tenths */
	struct s3_key key;
};

/* --- one request ---------------------------------------------------------- */

void s3_request_init(struct s3_request *r, const char *method, struct str key)
{
	*r = (struct s3_request){.method = method, .key = key};
	buf_init(&r->reply, S3_REPLY_MAX);
}

void s3_request_fini(struct s3_request *r)
{
	buf_fini(&r->reply);
}

static CURL *take_idle(struct s3_engine *g)
{
	CURL *easy = g->nidle ? g->idle[--g->nidle] : curl_easy_init();

	if (!easy)
		abort();
	return easy;
}

static void begin(struct s3_engine *g, struct s3_request *r)
{
	r->now = s3_try_new(&g->client, r, take_idle(g), &g->key);
	r->attempts++;
	r->next = g->active;
	g->active = r;
	g->nactive++;
	curl_multi_add_handle(g->multi, r->now->easy);
}

static void unlink_active(struct s3_engine *g, struct s3_request *r)
{
	struct s3_request **p = &g->active;

	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	g->nactive--;
}

static void end_try(struct s3_engine *g, struct s3_request *r)
{
	struct s3_try *t = r->now;

	unlink_active(g, r);
	curl_multi_remove_handle(g->multi, t->easy);
	if (g->nidle < S3_CONNECTIONS)
		g->idle[g->nidle++] = t->easy;
	else
		curl_easy_cleanup(t->easy);
	s3_try_free(t);
	r->now = NULL;
}

static void finish(struct s3_engine *g, struct s3_request *r, bool failed)
{
	void (*ended)(struct s3_request * r) = r->ended;

	pthread_mutex_lock(&g->mu);
	r->failed = failed;
	r->done = true;
	if (!ended)
		pthread_cond_broadcast(&g->ended);
	pthread_mutex_unlock(&g->mu);
	/* who waited may be gone by now, and r with it */
	if (ended)
		ended(r);
}

/* --- repeating ------------------------------------------------------------ */

static bool try_again(struct s3_engine *g, struct s3_request *r,
		      enum s3_verdict verdict)
{
	int64_t now = clock_mono_ms();

	if (verdict == S3_GOOD || verdict == S3_FINAL || g->hurry ||
	    r->attempts >= S3_ATTEMPTS || g->retries < S3_RETRY_COST)
		return false;
	if (!r->deadline)
		r->deadline =
			now + (g->client.bearer ? S3_AWAY_MS : S3_BUDGET_MS);
	r->due = now + s3_pause_ms(r, verdict);
	return r->due < r->deadline;
}

static void adapt(struct s3_engine *g, enum s3_verdict verdict)
{
	if (verdict == S3_SLOW_DOWN)
		g->most = g->most / 2 > S3_LEAST ? g->most / 2 : S3_LEAST;
	else if (verdict == S3_GOOD && g->most < S3_CONNECTIONS)
		g->most += 1 / g->most;
	if (verdict == S3_GOOD && g->retries < S3_RETRIES)
		g->retries += S3_RETRY_GAIN;
	g->well = g->most + 1 > S3_CONNECTIONS && g->retries >= S3_RETRIES;
}

static void settle(struct s3_engine *g, struct s3_request *r,
		   enum s3_verdict verdict)
{
	adapt(g, verdict);
	if (r->cancelled || !try_again(g, r, verdict)) {
		finish(g, r, verdict != S3_GOOD);
		return;
	}
	log_debug("repeated", "attempt=%d why=\"%s\"", r->attempts, r->e.msg);
	if (verdict != S3_AT_ONCE) {
		g->retries -= S3_RETRY_COST;
		g->well = false;
	}
	r->next = g->waiting;
	g->waiting = r;
}

static void conclude(struct s3_engine *g, struct s3_request *r, CURLcode code)
{
	enum s3_verdict verdict = s3_judge(&g->client, r->now, code);

	end_try(g, r);
	settle(g, r, verdict);
}

/* --- the thread ----------------------------------------------------------- */

static void take_submitted(struct s3_engine *g, bool *ret_stopping)
{
	SCOPED_LOCK(&g->mu);
	struct s3_request *r;

	while ((r = g->submitted)) {
		g->submitted = r->next;
		r->next = g->waiting;
		g->waiting = r;
	}
	*ret_stopping = g->stopping;
}

/* What was tried by who asks, in vain, is judged as if it had been here. */
static void settle_tried(struct s3_engine *g)
{
	struct s3_request **p = &g->waiting, *r;

	while ((r = *p)) {
		enum s3_verdict verdict = (enum s3_verdict)r->first;

		if (verdict == S3_GOOD) {
			p = &r->next;
			continue;
		}
		*p = r->next;
		r->first = S3_GOOD;
		settle(g, r, verdict);
	}
}

static bool is_cancelled(struct s3_engine *g, const struct s3_request *r)
{
	SCOPED_LOCK(&g->mu);

	return r->cancelled;
}

static void give_up(struct s3_engine *g, struct s3_request *r)
{
	err_set(&r->e, ERR_INTERRUPTED, "given up");
	finish(g, r, true);
}

/* Those whose time has come, oldest last. Returns when the next one is due. */
static int64_t start_due(struct s3_engine *g)
{
	struct s3_request **p = &g->waiting, *r;
	int64_t now = clock_mono_ms(), next = now + POLL_MS;

	while ((r = *p)) {
		bool cancelled = is_cancelled(g, r);

		if (!cancelled &&
		    (r->due > now || (double)g->nactive >= g->most)) {
			if (r->due > now && r->due < next)
				next = r->due;
			p = &r->next;
			continue;
		}
		*p = r->next;
		if (cancelled)
			give_up(g, r);
		else
			begin(g, r);
	}
	return next;
}

static void drop_cancelled(struct s3_engine *g)
{
	struct s3_request *r = g->active, *next;

	for (; r; r = next) {
		next = r->next;
		if (is_cancelled(g, r)) {
			end_try(g, r);
			give_up(g, r);
		}
	}
}

static void take_finished(struct s3_engine *g)
{
	struct s3_try *t;
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(g->multi, &left))) {
		CURLcode code = m->data.result;

		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &t);
		conclude(g, t->r, code);
	}
}

static void *engine_main(void *arg)
{
	struct s3_engine *g = arg;
	bool stopping = false;
	int running;

	for (;;) {
		int64_t next;

		take_submitted(g, &stopping);
		if (stopping)
			return NULL;
		settle_tried(g);
		drop_cancelled(g);
		start_due(g);
		curl_multi_perform(g->multi, &running);
		take_finished(g);
		/* What has ended made room for others. */
		next = start_due(g) - clock_mono_ms();
		curl_multi_poll(g->multi, NULL, 0, next > 0 ? (int)next : 0,
				NULL);
	}
}

/* --- what callers do ------------------------------------------------------ */

void s3_engine_hurry(struct s3_engine *g)
{
	g->hurry = true;
}

static void hand_over(struct s3_engine *g, struct s3_request *r)
{
	pthread_mutex_lock(&g->mu);
	r->next = g->submitted;
	g->submitted = r;
	pthread_mutex_unlock(&g->mu);
	curl_multi_wakeup(g->multi);
}

void s3_submit(struct s3_engine *g, struct s3_request *r)
{
	s3_client_prepare(&g->client, r);
	hand_over(g, r);
}

/* Under the lock: true where it is given up for the first time. */
static bool quits(struct s3_request *r, struct err *e)
{
	if (r->done || r->cancelled || !r->quit(r->quit_ctx, e))
		return false;
	r->cancelled = true;
	return true;
}

/* True where who waited has given it up, for the reason in e. */
static bool wait_done(struct s3_engine *g, struct s3_request *r, struct err *e)
{
	SCOPED_LOCK(&g->mu);
	bool quit = false;

	while (!r->done) {
		struct timespec until = clock_deadline(S3_QUIT_MS);

		if (!r->quit || r->cancelled) {
			pthread_cond_wait(&g->ended, &g->mu);
			continue;
		}
		pthread_cond_timedwait(&g->ended, &g->mu, &until);
		if (quits(r, e)) {
			quit = true;
			curl_multi_wakeup(g->multi);
		}
	}
	return quit;
}

int s3_wait(struct s3_engine *g, struct s3_request *r, struct err *e)
{
	bool quit = wait_done(g, r, e);

	if (!r->failed)
		return 0;
	if (quit)
		r->doubtful = true;
	else
		*e = r->e;
	return -1;
}

void s3_drop(struct s3_engine *g, struct s3_request *r)
{
	pthread_mutex_lock(&g->mu);
	r->cancelled = true;
	pthread_mutex_unlock(&g->mu);
	curl_multi_wakeup(g->multi);
}

void s3_cancel(struct s3_engine *g, struct s3_request *r)
{
	struct err ignored;

	s3_drop(g, r);
	wait_done(g, r, &ignored);
}

int s3_send(struct s3_engine *g, struct s3_request *r, struct err *e)
{
	enum s3_verdict verdict = S3_GOOD;

	s3_client_prepare(&g->client, r);
	if (g->well && s3_here_try(g->here, r, &verdict)) {
		if (verdict == S3_GOOD)
			return 0;
		*e = r->e;
		if (verdict == S3_FINAL)
			return -1;
		r->first = (int)verdict;
	}
	hand_over(g, r);
	return s3_wait(g, r, e);
}

int s3_link(struct s3_engine *g, struct str key, int64_t seconds, struct buf *b,
	    struct err *e)
{
	return s3_client_link(&g->client, key, seconds, b, e);
}

const char *s3_engine_name(const struct s3_engine *g)
{
	return g->client.place.name;
}

struct str s3_engine_prefix(const struct s3_engine *g)
{
	return str_from(g->client.place.prefix);
}

/* --- life ----------------------------------------------------------------- */

static struct s3_engine *engine_alloc(void)
{
	struct s3_engine *g = calloc(1, sizeof(*g));

	if (!g)
		abort();
	pthread_mutex_init(&g->mu, NULL);
	thread_condition(&g->ended);
	g->well = true;
	g->here = s3_here_new(&g->client);
	g->most = S3_CONNECTIONS;
	g->retries = S3_RETRIES;
	g->multi = curl_multi_init();
	if (!g->multi)
		abort();
	curl_multi_setopt(g->multi, CURLMOPT_MAXCONNECTS, (long)S3_CONNECTIONS);
	return g;
}

static struct s3_engine *engine_start(struct s3_engine *g, int ready,
				      struct err *e)
{
	g->started =
		ready == 0 && thread_start(&g->thread, engine_main, g, e) == 0;
	if (g->started)
		return g;
	s3_engine_free(g);
	return NULL;
}

struct s3_engine *s3_engine_new(const struct conf_objects *c, struct err *e)
{
	struct s3_engine *g = engine_alloc();

	return engine_start(g, s3_client_init(&g->client, c, e), e);
}

struct s3_engine *s3_engine_to_daemon(const char *url, const char *token,
				      struct err *e)
{
	struct s3_engine *g = engine_alloc();

	return engine_start(g, s3_client_to_daemon(&g->client, url, token, e),
			    e);
}

/* Nobody waits for anything any more. */
void s3_engine_free(struct s3_engine *g)
{
	if (!g)
		return;
	if (g->started) {
		pthread_mutex_lock(&g->mu);
		g->stopping = true;
		pthread_mutex_unlock(&g->mu);
		curl_multi_wakeup(g->multi);
		pthread_join(g->thread, NULL);
	}
	s3_here_free(g->here);
	while (g->nidle)
		curl_easy_cleanup(g->idle[--g->nidle]);
	curl_multi_cleanup(g->multi);
	s3_client_fini(&g->client);
	pthread_cond_destroy(&g->ended);
	pthread_mutex_destroy(&g->mu);
	explicit_bzero(&g->key, sizeof(g->key));
	free(g);
}
