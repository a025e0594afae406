/* SPDX-License-Identifier: Apache-2.0 */
/* ship.c - the thread that sends journals.
 *
 * The hard idea: nothing about the daemon is remembered but what its last
 * answer said. A request states after which record its own begin; where the
 * daemon has less it takes nothing and says how much, where it has more it
 * passes over what it has. So a lost answer costs a repetition, and a daemon
 * that was restored from a backup gets again what the file still holds.
 *
 * One request at a time for each journal: while it is under way records pile
 * up, and the next request takes all of them.
 */
#include "indexer/journal/ship.h"

#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/json_doc.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/base/thread.h"
#include "indexer/journal/record.h"

enum {
	BODY_WANTED = 1 << 20, /* more is not gathered into one request */
	REPLY_MAX = 64 << 10,
	PATIENCE_MS = 10000,
	PAUSE_FIRST_MS = 20, /* after a failure; then doubled */
	PAUSE_MOST_MS = 1000,
	SCAN_MS = 1000, /* how often left journals are looked for */
	SEEN_MS = 1000, /* how long readers of this host are waited for */
	GLANCE_MS = 1,
	LEFT_MOST = 64, /* left journals at one time */
	WHY = 700,
};

struct shipped {
	struct shipped *next;
	struct journal_reader *r;
	int64_t stored;           /* the daemon said that it has */
	int64_t seen_seq, change; /* stored, but maybe not seen here yet; */
	int64_t seen_by;          /* no longer waited for after */
	int64_t retry_at, pause_ms;
	bool own, asked, ended, bad;
};

struct shipper {
	struct ship_options o;
	char *dir, *own;
	struct journal_bell *bell;
	struct client *client;
	struct shipped *list; /* the thread's */
	int64_t scanned_at;
	struct buf body;
	pthread_t thread;
	atomic_bool stopping;
	pthread_mutex_t mu;
	pthread_cond_t moved;
	int64_t stored; /* guarded by: mu; of the own journal */
	char why[WHY];  /* guarded by: mu; empty while all is well */
};

static void say(struct shipper *s, const char *why)
{
	SCOPED_LOCK(&s->mu);

	if (!*why || !s->why[0])
		snprintf(s->why, sizeof(s->why), "%s", why);
}

/* --- journals ------------------------------------------------------------- */

static struct shipped *open_journal(struct shipper *s, const char *id,
				    struct err *e)
{
	struct shipped *x = calloc(1, sizeof(*x));
	SCOPED_FREE char *path = NULL;

	if (!x || asprintf(&path, "%s/%s", s->dir, id) < 0)
		abort();
	x->r = journal_open(path, e);
	if (!x->r) {
		free(x);
		return NULL;
	}
	x->seen_seq = -1;
	x->next = s->list;
	s->list = x;
	return x;
}

static void close_first(struct shipped **at)
{
	struct shipped *x = *at;

	*at = x->next;
	journal_reader_close(x->r);
	free(x);
}

static bool is_known(const struct shipper *s, const char *id)
{
	for (const struct shipped *x = s->list; x; x = x->next)
		if (strcmp(journal_reader_id(x->r), id) == 0)
			return true;
	return false;
}

/* A journal of another mount that lives is none of ours. */
static void look_at(struct shipper *s, const char *id)
{
	struct err e;

	if (!open_journal(s, id, &e)) {
		if (e.kind == ERR_CORRUPT)
			journal_set_aside(s->dir, id, e.msg);
	} else if (!journal_abandoned(s->list->r)) {
		close_first(&s->list);
	}
}

static void scan(struct shipper *s)
{
	DIR *d = opendir(s->dir);
	const struct dirent *x;
	int left = 0;

	for (const struct shipped *k = s->list; k; k = k->next)
		left++;
	while (d && left <= LEFT_MOST && (x = readdir(d))) {
		if (!journal_id_valid(str_from(x->d_name)) ||
		    is_known(s, x->d_name))
			continue;
		look_at(s, x->d_name);
		left++;
	}
	if (d)
		closedir(d);
	s->scanned_at = clock_mono_ms();
}

/* Away with those that are at their end. */
static void remove_ended(struct shipper *s)
{
	struct shipped **at = &s->list;

	while (*at) {
		struct shipped *x = *at;
		SCOPED_FREE char *path = NULL;

		if (x->own || (!x->ended && !x->bad)) {
			at = &x->next;
			continue;
		}
		if (asprintf(&path, "%s/%s", s->dir, journal_reader_id(x->r)) <
		    0)
			abort();
		if (x->bad)
			journal_set_aside(s->dir, journal_reader_id(x->r),
					  "it does not hold");
		else if (unlink(path) < 0 && errno != ENOENT)
			log_error("a journal cannot be removed", "journal=%s",
				  journal_reader_id(x->r));
		close_first(at);
	}
}

/* --- one request ---------------------------------------------------------- */

/* Records behind the last that the daemon has, once it was asked what that is;
 * -1 where one does not hold and nothing stands before it. */
static int gather(struct shipper *s, struct shipped *x, struct err *e)
{
	const char *id = journal_reader_id(x->r);
	int64_t seq = x->stored;
	struct journal_record rec;
	int got = 1;

	buf_reset(&s->body);
	for (int i = 0; x->asked && i < JOURNAL_BODY_RECORDS; i++) {
		got = journal_next(x->r, seq, &rec, e);
		if (got <= 0 || (i && rec.seq != seq + 1))
			break;
		journal_record_put(id, &rec, &s->body);
		seq = rec.seq;
		if (s->body.n >= BODY_WANTED)
			break;
	}
	return got < 0 && !s->body.n ? -1 : 0;
}

static int read_answer(struct str text, int status, int64_t *ret_applied,
		       int64_t *ret_change, struct err *e)
{
	cJSON *answer = json_doc_parse(text, e);
	const cJSON *applied, *change, *message;

	if (!answer)
		return err_set(e, ERR_IO, "the daemon answers %d", status);
	applied = json_doc_get(answer, "applied");
	change = json_doc_get(answer, "change");
	message = json_doc_get(answer, "message");
	if (status == 200 && cJSON_IsNumber(applied) &&
	    cJSON_IsNumber(change)) {
		*ret_applied = (int64_t)applied->valuedouble;
		*ret_change = (int64_t)change->valuedouble;
	} else {
		err_set(e, ERR_IO, "the daemon answers %d: %.400s", status,
			cJSON_IsString(message) ? message->valuestring : "");
	}
	cJSON_Delete(answer);
	return e->kind == ERR_NONE ? 0 : -1;
}

static bool is_stopping(void *ctx)
{
	struct shipper *s = ctx;

	return s->stopping;
}

static int post(struct shipper *s, const struct shipped *x,
		int64_t *ret_applied, int64_t *ret_change, struct err *e)
{
	SCOPED(buf_fini) struct buf reply;
	char path[128];
	struct client_request r = {
		.method = "POST",
		.path = path,
		.body = buf_view(&s->body),
		.content_type = "application/octet-stream",
		.timeout_ms = PATIENCE_MS,
		.cancelled = is_stopping,
		.ctx = s,
	};
	int status = 0;

	err_clear(e);
	buf_init(&reply, REPLY_MAX);
	snprintf(path, sizeof(path), "/api/mount/journal?id=%s&from=%lld",
		 journal_reader_id(x->r), (long long)x->stored);
	if (!s->client)
		s->client = s->o.connect(s->o.ctx, e);
	if (!s->client)
		return -1;
	if (client_send(s->client, &r, &status, &reply, e)) {
		client_free(s->client);
		s->client = NULL;
		return -1;
	}
	return read_answer(buf_view(&reply), status, ret_applied, ret_change,
			   e);
}

static void pause_journal(struct shipper *s, struct shipped *x,
			  const struct err *e)
{
	char quoted[WHY];
	uint32_t draw;

	if (!x->pause_ms && !s->stopping)
		log_warn("lines cannot be sent; trying again",
			 "journal=%s why=%s", journal_reader_id(x->r),
			 log_quote(str_from(e->msg), quoted, sizeof(quoted)));
	x->pause_ms = x->pause_ms ? 2 * x->pause_ms : PAUSE_FIRST_MS;
	if (x->pause_ms > PAUSE_MOST_MS)
		x->pause_ms = PAUSE_MOST_MS;
	random_bytes(&draw, sizeof(draw));
	x->retry_at = clock_mono_ms() + x->pause_ms / 2 +
		      (int64_t)draw % (x->pause_ms / 2 + 1);
	say(s, "");
	say(s, e->msg);
}

/* --- what was answered ---------------------------------------------------- */

static void note_stored(struct shipper *s, struct shipped *x, int64_t applied,
			int64_t change)
{
	x->pause_ms = x->retry_at = 0;
	x->asked = true;
	x->stored = applied;
	x->seen_seq = applied;
	x->change = change;
	x->seen_by = clock_mono_ms() + SEEN_MS;
	if (x->own) {
		pthread_mutex_lock(&s->mu);
		s->stored = applied;
		s->why[0] = '\0';
		pthread_cond_broadcast(&s->moved);
		pthread_mutex_unlock(&s->mu);
	}
}

/* The head is told once readers here see what it is told of. */
static void settle(struct shipper *s)
{
	int64_t seen = s->o.seen ? s->o.seen(s->o.ctx) : INT64_MAX;

	for (struct shipped *x = s->list; x; x = x->next)
		if (x->seen_seq >= 0 &&
		    (x->change <= seen || x->seen_by <= clock_mono_ms())) {
			journal_commit(x->r, x->seen_seq);
			x->seen_seq = -1;
		}
}

/* Whether there may be more at once. */
static bool pump(struct shipper *s, struct shipped *x)
{
	int64_t applied = 0, change = 0;
	struct err e;

	if (x->ended || x->bad || x->retry_at > clock_mono_ms())
		return false;
	if (x->own && journal_reader_written(x->r) <= x->stored)
		return false;
	err_clear(&e);
	if (gather(s, x, &e) < 0) {
		x->bad = e.kind == ERR_CORRUPT;
		pause_journal(s, x, &e);
		return false;
	}
	if (post(s, x, &applied, &change, &e) < 0) {
		pause_journal(s, x, &e);
		return false;
	}
	x->ended = !x->own && x->asked && !s->body.n && applied >= x->stored;
	note_stored(s, x, applied, change);
	return !x->ended;
}

/* --- the thread ----------------------------------------------------------- */

/* How long there is nothing to be done, unless the bell rings. */
static int64_t idle_ms(const struct shipper *s)
{
	int64_t now = clock_mono_ms(), due = s->scanned_at + SCAN_MS;

	for (const struct shipped *x = s->list; x; x = x->next) {
		if (x->seen_seq >= 0)
			return GLANCE_MS;
		if (x->retry_at > now && x->retry_at < due)
			due = x->retry_at;
	}
	return due > now ? due - now : 0;
}

/* Who is to be tried again by the clock is not by the bell. */
static void rest(struct shipper *s, uint32_t heard)
{
	int64_t ms = idle_ms(s);

	journal_bell_wait(s->bell, heard, ms);
}

static void *ship_main(void *arg)
{
	struct shipper *s = arg;

	while (!s->stopping) {
		uint32_t heard = journal_bell_value(s->bell);
		bool busy = false;

		if (clock_mono_ms() >= s->scanned_at + SCAN_MS)
			scan(s);
		for (struct shipped *x = s->list; x && !s->stopping;
		     x = x->next)
			busy = pump(s, x) || busy;
		settle(s);
		remove_ended(s);
		if (!busy)
			rest(s, heard);
	}
	return NULL;
}

/* --- the outside ---------------------------------------------------------- */

static void release(struct shipper *s)
{
	while (s->list)
		close_first(&s->list);
	journal_bell_close(s->bell);
	client_free(s->client);
	buf_fini(&s->body);
	pthread_cond_destroy(&s->moved);
	pthread_mutex_destroy(&s->mu);
	free(s->dir);
	free(s->own);
	free(s);
}

struct shipper *ship_start(const struct ship_options *o, struct err *e)
{
	struct shipper *s = calloc(1, sizeof(*s));
	struct shipped *own = NULL;

	if (!s)
		abort();
	s->o = *o;
	s->dir = strdup(o->dir);
	s->own = strdup(o->own);
	if (!s->dir || !s->own)
		abort();
	buf_init(&s->body, JOURNAL_BODY_MAX);
	pthread_mutex_init(&s->mu, NULL);
	pthread_cond_init(&s->moved, NULL);
	s->bell = journal_bell_open(s->dir, e);
	if (s->bell)
		own = open_journal(s, s->own, e);
	if (own) {
		own->own = own->asked = true;
	}
	if (own && thread_start(&s->thread, ship_main, s, e) == 0)
		return s;
	release(s);
	return NULL;
}

void ship_stop(struct shipper *s)
{
	if (!s)
		return;
	s->stopping = true;
	journal_bell_ring(s->bell);
	pthread_join(s->thread, NULL);
	release(s);
}

bool ship_wait(struct shipper *s, int64_t seq, int64_t wait_ms)
{
	struct timespec until = clock_deadline(wait_ms);
	int rc = 0;
	SCOPED_LOCK(&s->mu);

	while (s->stored < seq && rc != ETIMEDOUT)
		rc = pthread_cond_clockwait(&s->moved, &s->mu, CLOCK_MONOTONIC,
					    &until);
	return s->stored >= seq;
}

bool ship_trouble(struct shipper *s, struct buf *b)
{
	SCOPED_LOCK(&s->mu);

	if (b)
		buf_puts(b, s->why);
	return s->why[0] != '\0';
}
