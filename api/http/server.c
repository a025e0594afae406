/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - putting the parts together, starting and stopping them.
 *
 * Order of stopping: no new connections or requests; what was read is
 * answered, deferred calls too, until the grace is over; clients are waited
 * for no longer; workers and transfers end; io threads end last, for answers
 * leave through them.
 */
#include "api/http/server.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "api/http/core.h"
#include "api/http/tls.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"

enum { STOP_LOOK_MS = 5, STOP_LAST_MS = 1000 };

bool core_charge(struct server *s, size_t n)
{
	int64_t before = atomic_fetch_add(&s->bodies, (int64_t)n);

	if (before + (int64_t)n <= HTTP_BODIES_MAX)
		return true;
	core_uncharge(s, n);
	return false;
}

void core_uncharge(struct server *s, size_t n)
{
	atomic_fetch_sub(&s->bodies, (int64_t)n);
}

void core_date(char *out)
{
	char text[CLOCK_TEXT];

	clock_http(clock_ms(), text);
	memcpy(out, text, ANSWER_DATE);
}

struct ssl_st *core_tls_session(struct server *s, int fd)
{
	SCOPED_LOCK(&s->tls_mu);
	return tls_session(s->tls, fd);
}

int server_reload_tls(struct server *s, struct err *e)
{
	struct ssl_ctx_st *fresh, *old;

	if (!s->o.tls_cert || !s->o.tls_key)
		return 0;
	fresh = tls_context(s->o.tls_cert, s->o.tls_key, e);
	if (!fresh)
		return -1;
	pthread_mutex_lock(&s->tls_mu);
	old = s->tls;
	s->tls = fresh;
	pthread_mutex_unlock(&s->tls_mu);
	/* Sessions hold the old one as long as they need it. */
	tls_context_free(old);
	return 0;
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > CREW_MAX ? CREW_MAX : (unsigned)n;
}

static void default_times(struct server_times *t)
{
	t->head = t->head ? t->head : HTTP_HEAD_MS;
	t->idle = t->idle ? t->idle : HTTP_IDLE_MS;
	t->window = t->window ? t->window : HTTP_RATE_WINDOW_MS;
	t->linger = t->linger ? t->linger : HTTP_LINGER_MS;
	t->pulse = t->pulse ? t->pulse : HTTP_PULSE_MS;
}

static void defaults(struct server *s)
{
	struct server_options *o = &s->o;

	if (!o->workers)
		o->workers = processors() < 2 ? 2 : processors();
	if (!o->transfers)
		o->transfers = HTTP_TRANSFERS_DEFAULT;
	if (o->workers > CREW_MAX)
		o->workers = CREW_MAX;
	if (o->transfers > CREW_MAX)
		o->transfers = CREW_MAX;
	if (!o->max_connections)
		o->max_connections = HTTP_CONNECTIONS_DEFAULT;
	default_times(&o->times);
	if (!o->io_threads)
		o->io_threads = processors() >= 4 ? CORE_IO_MAX : 1;
	s->nios = o->io_threads < CORE_IO_MAX ? o->io_threads : CORE_IO_MAX;
}

struct server *server_new(const struct server_options *o, struct err *e)
{
	struct server *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	s->o = *o;
	defaults(s);
	pthread_mutex_init(&s->tls_mu, NULL);
	crew_init(&s->workers, s);
	crew_init(&s->transfers, s);
	s->router = router_new(o->groups, o->ngroups, e);
	if (!s->router)
		goto fail;
	if (server_reload_tls(s, e))
		goto fail;
	for (unsigned i = 0; i < s->nios; i++)
		if (io_init(&s->ios[i], s, e))
			goto fail;
	return s;
fail:
	server_free(s);
	return NULL;
}

int server_listen(struct server *s, struct str address, char *ret_url,
		  struct err *e)
{
	char url[LISTENER_URL];

	if (s->nlisteners == HTTP_LISTENERS_MAX)
		return err_set(e, ERR_INVALID,
			       "at most %d addresses can be listened on",
			       HTTP_LISTENERS_MAX);
	if (listener_open(&s->listeners[s->nlisteners], address, s->tls != NULL,
			  url, e))
		return -1;
	s->nlisteners++;
	if (ret_url)
		memcpy(ret_url, url, sizeof(url));
	return 0;
}

/* Each connection takes a descriptor, and may take one for a file. */
static void raise_descriptors(const struct server *s)
{
	rlim_t want = 2 * (rlim_t)s->o.max_connections + 256;
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur >= want)
		return;
	r.rlim_cur = want < r.rlim_max ? want : r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

int server_start(struct server *s, struct err *e)
{
	raise_descriptors(s);
	if (crew_start(&s->workers, s->o.workers, false, e) ||
	    crew_start(&s->transfers, s->o.transfers, true, e))
		return -1;
	for (unsigned i = 0; i < s->nios; i++)
		if (io_start(&s->ios[i], e))
			return -1;
	s->started = true;
	return 0;
}

static void announce(struct server *s, enum core_stop stop)
{
	atomic_store(&s->stopping, stop);
	for (unsigned i = 0; i < s->nios; i++)
		if (s->ios[i].running)
			mailbox_ring(&s->ios[i].box);
}

static void wait_closed(struct server *s, int64_t ms)
{
	const struct timespec nap = {.tv_nsec = STOP_LOOK_MS * 1000000};
	int64_t until = clock_mono_ms() + ms;

	while (atomic_load(&s->open) && clock_mono_ms() < until)
		nanosleep(&nap, NULL);
}

void server_stop(struct server *s, int64_t grace_ms)
{
	if (atomic_load(&s->stopping) == CORE_STOP_IO)
		return;
	announce(s, CORE_STOP_SOON);
	for (unsigned i = 0; i < s->nlisteners; i++)
		listener_shut(&s->listeners[i]);
	if (s->started)
		wait_closed(s, grace_ms);
	announce(s, CORE_STOP_NOW);
	crew_stop(&s->transfers);
	crew_stop(&s->workers);
	if (s->started)
		wait_closed(s, STOP_LAST_MS);
	announce(s, CORE_STOP_IO);
	for (unsigned i = 0; i < s->nios; i++)
		io_join(&s->ios[i]);
	for (unsigned i = 0; i < s->nlisteners; i++)
		listener_close(&s->listeners[i]);
}

void server_free(struct server *s)
{
	if (!s)
		return;
	server_stop(s, 0);
	crew_fini(&s->workers);
	crew_fini(&s->transfers);
	for (unsigned i = 0; i < s->nios; i++)
		io_fini(&s->ios[i]);
	router_free(s->router);
	tls_context_free(s->tls);
	pthread_mutex_destroy(&s->tls_mu);
	free(s);
}

static int64_t load(_Atomic int64_t *n)
{
	return atomic_load_explicit(n, memory_order_relaxed);
}

void server_stats(struct server *s, struct server_stats *ret)
{
	*ret = (struct server_stats){
		.parked = load(&s->parked),
		.workers_busy = load(&s->workers.busy),
		.transfers_busy = load(&s->transfers.busy),
	};
	for (unsigned i = 0; i < s->nios; i++) {
		struct io_counts *n = &s->ios[i].counts;

		ret->connections += load(&n->connections);
		ret->requests += load(&n->requests);
		ret->refused += load(&n->refused);
		ret->bytes_in += load(&n->bytes_in);
		ret->bytes_out += load(&n->bytes_out);
		for (int k = 0; k < 6; k++)
			ret->by_status[k] += load(&n->by_status[k]);
	}
}
