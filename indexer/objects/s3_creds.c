/* SPDX-License-Identifier: Apache-2.0 */
/* s3_creds.c - which source it is, and its keys kept fresh. */
#include "indexer/objects/s3_creds.h"

#include <pthread.h>
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"
#include "indexer/objects/s3_source.h"

enum {
	AGAIN_MS = 5000,      /* after a fetch that failed */
	FILES_MS = 30 * 1000, /* a file may be written anew at any time */
	SOONEST_MS = 1000,    /* between fetches, whatever is asked */
	LATEST_MS = 3600 * 1000,
};

static const struct source {
	const char *name;
	s3_source_fn *fetch;
	bool renews;      /* may have others later */
	int64_t again_ms; /* where they do not expire: look so often */
} sources[] = {
	{"environment", s3_source_env, false, 0},
	{"web identity", s3_source_web, true, AGAIN_MS},
	{"shared files", s3_source_files, true, FILES_MS},
	{"instance metadata", s3_source_imds, true, AGAIN_MS},
};

struct s3_creds {
	const struct source *source;
	pthread_t thread;
	pthread_mutex_t mu;
	pthread_cond_t changed;
	struct s3_grant grant; /* guarded by: mu, as all below */
	unsigned which;
	int64_t fetched; /* clock_mono_ms */
	bool wanted, stopping, running;
};

static int fetch_first(struct s3_creds *c, struct err *e)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		int rc = sources[i].fetch(&c->grant, e);

		c->source = &sources[i];
		if (rc > 0)
			return 0;
		if (rc < 0)
			return err_wrap(e, "credentials of the object store");
	}
	return err_set(e, ERR_INVALID,
		       "no credentials for the object store: set "
		       "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a "
		       "profile of ~/.aws/credentials by AWS_PROFILE");
}

/* --- renewing ----------------------------------------------------------- */

/* Four fifths of what is left of their life. */
static int64_t wait_ms(const struct s3_creds *c, bool failed)
{
	int64_t left = c->grant.expires - clock_ms();

	if (failed)
		return AGAIN_MS;
	if (!c->grant.expires)
		return c->source->again_ms;
	left = left / 5 * 4;
	if (left > LATEST_MS)
		return LATEST_MS;
	return left > SOONEST_MS ? left : SOONEST_MS;
}

/* False when it is to stop. mu is held. */
static bool wait_turn(struct s3_creds *c, bool failed)
{
	struct timespec until = clock_deadline(wait_ms(c, failed));

	while (!c->stopping && !c->wanted)
		if (pthread_cond_timedwait(&c->changed, &c->mu, &until))
			break;
	c->wanted = false;
	return !c->stopping;
}

static bool same(const struct s3_key *a, const struct s3_key *b)
{
	return !strcmp(a->id, b->id) && !strcmp(a->secret, b->secret) &&
	       !strcmp(a->token, b->token);
}

/* True when it failed. */
static bool renew(struct s3_creds *c, struct s3_grant *fresh)
{
	struct err e;
	int rc;

	memset(fresh, 0, sizeof(*fresh));
	rc = c->source->fetch(fresh, &e);
	if (rc <= 0) {
		log_warn("credentials could not be renewed",
			 "source=\"%s\" why=\"%s\"", c->source->name,
			 rc < 0 ? e.msg : "there are none");
		return true;
	}
	pthread_mutex_lock(&c->mu);
	if (!same(&fresh->key, &c->grant.key))
		c->which++;
	c->grant = *fresh;
	c->fetched = clock_mono_ms();
	pthread_mutex_unlock(&c->mu);
	return false;
}

static void *creds_main(void *arg)
{
	struct s3_creds *c = arg;
	struct s3_grant *fresh = malloc(sizeof(*fresh));
	bool failed = false, on = fresh != NULL;

	while (on) {
		pthread_mutex_lock(&c->mu);
		on = wait_turn(c, failed);
		pthread_mutex_unlock(&c->mu);
		if (on)
			failed = renew(c, fresh);
	}
	if (fresh)
		explicit_bzero(fresh, sizeof(*fresh));
	free(fresh);
	return NULL;
}

/* --- the interface ------------------------------------------------------ */

struct s3_creds *s3_creds_open(struct err *e)
{
	struct s3_creds *c = calloc(1, sizeof(*c));

	if (!c)
		abort();
	pthread_mutex_init(&c->mu, NULL);
	thread_condition(&c->changed);
	c->fetched = clock_mono_ms();
	if (fetch_first(c, e) < 0)
		goto fail;
	c->running = c->source->renews;
	if (!c->running || thread_start(&c->thread, creds_main, c, e) == 0)
		return c;
	c->running = false;
fail:
	s3_creds_close(c);
	return NULL;
}

void s3_creds_close(struct s3_creds *c)
{
	if (!c)
		return;
	if (c->running) {
		pthread_mutex_lock(&c->mu);
		c->stopping = true;
		pthread_cond_signal(&c->changed);
		pthread_mutex_unlock(&c->mu);
		pthread_join(c->thread, NULL);
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->mu);
	explicit_bzero(c, sizeof(*c));
	free(c);
}

unsigned s3_creds_get(struct s3_creds *c, struct s3_key *ret)
{
	SCOPED_LOCK(&c->mu);

	*ret = c->grant.key;
	return c->which;
}

bool s3_creds_refused(struct s3_creds *c, unsigned which)
{
	SCOPED_LOCK(&c->mu);

	if (!c->source->renews)
		return false;
	if (which != c->which)
		return true;
	if (clock_mono_ms() - c->fetched < SOONEST_MS)
		return false;
	c->wanted = true;
	pthread_cond_signal(&c->changed);
	return true;
}

void s3_creds_region(char *out, size_t size)
{
	const char *named = getenv("AWS_REGION");

	if (!named || !*named)
		named = getenv("AWS_DEFAULT_REGION");
	if (named && *named)
		snprintf(out, size, "%s", named);
	else
		s3_profile_value("region", out, size);
}
