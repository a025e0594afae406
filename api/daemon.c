/* SPDX-License-Identifier: Apache-2.0 */
/* daemon.c - the daemon as a whole.
 *
 * Parts are started from the index outwards and stopped from the server
 * inwards: nobody is served before everything stands, and what was accepted
 * is finished by the parts that it needs before these go.
 */
#include "api/daemon.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "api/app.h"
#include "api/feed.h"
#include "api/keeper.h"
#include "api/listen.h"
#include "api/routes.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/drain.h"
#include "indexer/index/project.h"
#include "indexer/objects/told.h"

enum { STOP_GRACE_MS = 10000, URL_MAX = 128, SOCKET_PATH_MAX = 4096 };

struct daemon {
	struct app app;
	struct route_group groups[ROUTE_GROUPS];
	char url[URL_MAX]; /* of the first TCP address */
};

/* Narrows the caller to the project in whose view the call came. */
static int enter_view(struct call *c, struct str path, struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	int64_t project;
	int failed;

	if (!rd)
		return -1;
	failed = project_by_path(rd, path, &project, e);
	reader_end(rd);
	if (!failed)
		c->who.view = project;
	return failed;
}

/* A prefix that captures names a project, even if by nothing at all. */
static bool in_view(const struct call *c)
{
	return strchr(c->group->prefixes[c->prefix_index], '{') != NULL;
}

static int authenticate(struct call *c, struct err *e)
{
	c->who = principal_owner();
	return in_view(c) ? enter_view(c, c->prefix_params[0], e) : 0;
}

static bool before(struct call *c)
{
	if (!c->route->fields || !c->request)
		return false;
	return call_wait_journals(c, c->route->fields, c->request);
}

/* Projects as the index takes them; to be freed. */
static struct project *projects_of(const struct conf *conf)
{
	const struct conf_project *p = conf->projects.items;
	struct project *all = calloc(conf->projects.n + 1, sizeof(*all));

	if (!all)
		abort();
	for (size_t i = 0; i < conf->projects.n; i++)
		all[i] = (struct project){p[i].id, p[i].path};
	return all;
}

static int check_projects(const struct conf *conf, struct err *e)
{
	SCOPED_FREE struct project *all = projects_of(conf);

	return projects_check(all, conf->projects.n, e);
}

static int list_projects(struct daemon *d, struct err *e)
{
	SCOPED_FREE struct project *all = projects_of(d->app.conf);
	struct cmd_projects *x = command_new(COMMAND_PROJECTS);
	int failed;

	x->projects = all;
	x->n = d->app.conf->projects.n;
	failed = index_apply(d->app.index, &x->c, e);
	command_free(&x->c);
	return failed;
}

/* What can be known to be wrong is said before anything is touched. */
static int check_conf(const struct conf *conf, struct err *e)
{
	const struct str *address = conf->listen.items;

	if (!conf->tls_cert.n != !conf->tls_key.n)
		return err_set(e, ERR_INVALID,
			       "tls.cert and tls.key are set both or neither: "
			       "%s is missing",
			       conf->tls_cert.n ? "tls.key" : "tls.cert");
	for (size_t i = 0; i < conf->listen.n; i++)
		if (listen_check_local(address[i], e))
			return -1;
	return check_projects(conf, e);
}

static int load_signer(struct daemon *d, struct err *e)
{
	SCOPED_FREE char *path = NULL;

	if (asprintf(&path, "%s/secret", index_dir(d->app.index)) < 0)
		abort();
	return signer_load(&d->app.signer, path, e);
}

static int open_store(struct daemon *d, struct err *e)
{
	const struct conf *conf = d->app.conf;
	struct app *app = &d->app;

	if (io_mkdirs(conf->data.p, 0700, e))
		return -1;
	app->index = index_open(conf->data.p, e);
	if (!app->index)
		return -1;
	app->objects = objects_open(conf->data.p, &conf->objects, e);
	if (!app->objects || objects_sweep(app->objects, e) ||
	    objects_tell(conf->data.p, &conf->objects, app->objects, e) ||
	    load_signer(d, e) || list_projects(d, e))
		return -1;
	app->columns = columns_new();
	app->drain = drain_start(app->index, e);
	app->feed = app->drain ? feed_start(app->index, e) : NULL;
	if (app->feed)
		app->keeper = keeper_start(app->index, app->objects, e);
	return app->keeper ? 0 : -1;
}

static const char *text_or_null(struct str s)
{
	return s.n ? s.p : NULL;
}

static int make_server(struct daemon *d, struct err *e)
{
	const struct conf *conf = d->app.conf;
	struct server_options o = {
		.groups = d->groups,
		.ngroups = ROUTE_GROUPS,
		.workers = (unsigned)conf->workers,
		.transfers = (unsigned)conf->transfers,
		.max_connections = (unsigned)conf->max_connections,
		.body_limit = (size_t)conf->body_limit,
		.loopback_guard = true,
		.tls_cert = text_or_null(conf->tls_cert),
		.tls_key = text_or_null(conf->tls_key),
		.app = &d->app,
		.worker_new = worker_new,
		.worker_free = worker_free,
		.authenticate = authenticate,
		.before = before,
		.version = "orrery/" ORRERY_VERSION,
	};

	routes_all(d->groups);
	d->app.groups = d->groups;
	d->app.ngroups = ROUTE_GROUPS;
	d->app.server = server_new(&o, e);
	return d->app.server ? 0 : -1;
}

static int listen_one(struct daemon *d, struct str address, struct err *e)
{
	char url[URL_MAX];

	if (server_listen(d->app.server, address, url, e))
		return -1;
	if (!d->url[0] && !str_starts(address, STR("unix:")))
		snprintf(d->url, sizeof(d->url), "%s", url);
	log_info("listening", "url=%s", url);
	return 0;
}

/* The socket by which a mount and the command line reach the daemon. */
static int listen_socket(struct daemon *d, struct err *e)
{
	char address[SOCKET_PATH_MAX];

	snprintf(address, sizeof(address), "unix:%s/orrery.sock",
		 index_dir(d->app.index));
	return listen_one(d, str_from(address), e);
}

static int listen_all(struct daemon *d, struct err *e)
{
	const struct field_list *l = &d->app.conf->listen;
	const struct str *address = l->items;

	if (listen_socket(d, e))
		return -1;
	for (size_t i = 0; i < l->n; i++)
		if (listen_one(d, address[i], e))
			return -1;
	return 0;
}

static int wait_for_stop(int fd, struct err *e)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (poll(&p, 1, -1) < 0)
		if (errno != EINTR)
			return err_sys(e, errno, "waiting for the end");
	return 0;
}

static int start(struct daemon *d, struct err *e)
{
	d->app.started = clock_ms();
	if (check_conf(d->app.conf, e) || open_store(d, e) ||
	    make_server(d, e) || listen_all(d, e))
		return -1;
	return server_start(d->app.server, e);
}

static void stop(struct daemon *d)
{
	struct app *app = &d->app;

	if (app->objects)
		objects_hurry(app->objects);
	if (app->feed)
		feed_stop(app->feed);
	if (app->keeper)
		keeper_stop(app->keeper);
	if (app->server)
		server_stop(app->server, STOP_GRACE_MS);
	if (app->drain)
		drain_stop(app->drain);
	/* The writer may be handing its last answer to the server. */
	if (app->index)
		index_close(app->index);
	if (app->server)
		server_free(app->server);
	feed_free(app->feed);
	keeper_free(app->keeper);
	if (app->columns)
		columns_free(app->columns);
	if (app->objects)
		objects_close(app->objects);
}

int daemon_run(const struct daemon_options *o, struct err *e)
{
	struct daemon d = {.app = {.conf = o->conf}};
	int r = start(&d, e);

	if (!r) {
		log_info("started", "version=%s", ORRERY_VERSION);
		if (o->ready)
			o->ready(o->ctx, d.url);
		r = wait_for_stop(o->stop_fd, e);
		log_info("stopping", NULL);
	}
	stop(&d);
	return r;
}
