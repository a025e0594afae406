/* SPDX-License-Identifier: Apache-2.0 */
/* tree.c - opening and closing the tree, and what concerns it as a whole.
 */
#include "fs/tree.h"

#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/append.h"
#include "fs/families.h"
#include "fs/handle.h"
#include "fs/post.h"
#include "fs/search.h"
#include "fs/store.h"
#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/index/limits.h"
#include "indexer/journal/ship.h"

static void set_user(struct fs *fs)
{
	struct passwd pw, *found = NULL;
	char text[1024];

	if (getpwuid_r(getuid(), &pw, text, sizeof(text), &found) || !found)
		snprintf(fs->user, sizeof(fs->user), "%u", getuid());
	else
		snprintf(fs->user, sizeof(fs->user), "%s", pw.pw_name);
}

static struct fs *fs_alloc(const struct fs_options *o)
{
	struct fs *fs = calloc(1, sizeof(*fs));

	if (!fs)
		return NULL;
	fs->data = strdup(o->data);
	fs->mountpoint = o->mountpoint ? strdup(o->mountpoint) : NULL;
	fs->as_given = o->as_given ? strdup(o->as_given) : NULL;
	if (asprintf(&fs->kernel,
		     "fsname=orrery,subtype=orrery,default_permissions%s%s",
		     o->kernel && o->kernel[0] ? "," : "",
		     o->kernel ? o->kernel : "") < 0)
		fs->kernel = NULL;
	fs->wait_ms = o->wait_ms;
	fs->sync_remote = o->sync_remote;
	fs->replica = o->replica;
	fs->who = principal_owner();
	fs->uid = getuid();
	fs->gid = getgid();
	fs->post = o->post;
	fs->post_ctx = o->post_ctx;
	pthread_mutex_init(&fs->append, NULL);
	pthread_mutex_init(&fs->handles.mu, NULL);
	readers_init(&fs->readers, fs->data);
	files_init(&fs->files);
	throughs_init(&fs->throughs);
	young_init(&fs->young);
	soon_init(&fs->soon);
	problems_init(&fs->problems, "not stored");
	paths_init(&fs->paths);
	set_user(fs);
	return fs;
}

static void fs_free(struct fs *fs)
{
	files_fini(&fs->files);
	throughs_fini(&fs->throughs);
	nodes_fini(&fs->nodes);
	readers_fini(&fs->readers);
	young_fini(&fs->young);
	soon_fini(&fs->soon);
	problems_fini(&fs->problems);
	paths_fini(&fs->paths);
	pthread_mutex_destroy(&fs->append);
	pthread_mutex_destroy(&fs->handles.mu);
	ship_stop(fs->shipper);
	searches_free(fs->searches);
	if (fs->poster)
		poster_free(fs->poster);
	if (fs->journal)
		journal_close(fs->journal);
	store_close(fs->store);
	if (fs->bulletin)
		bulletin_close(fs->bulletin);
	free(fs->data);
	free(fs->mountpoint);
	free(fs->as_given);
	free(fs->kernel);
	free(fs);
}

/* When the index was made: what the tree is as old as. And what was refused
 * until now. */
static int64_t look_around(struct fs *fs)
{
	struct experiment x = {0};
	struct fs_call c;
	struct err e = {0};

	fs_call_init(&c, fs, 0);
	if (fs_begin(&c, &e) == 0 &&
	    experiment_by_row(c.rd, 0, &c.arena, &x, &e))
		x.created = 0;
	fs_end(&c);
	ctl_start(&c);
	fs_call_fini(&c);
	return x.created;
}

static int open_store(struct fs *fs, const struct fs_options *o, struct err *e)
{
	fs->store = store_open(&(struct store_options){.data = fs->data,
						       .server = o->server,
						       .token = o->token,
						       .cache = o->cache,
						       .bytes = o->cache_size,
						       .floor = o->cache_free},
			       e);
	return fs->store ? 0 : -1;
}

static struct client *connect_shipper(void *ctx, struct err *e)
{
	struct fs *fs = ctx;

	return poster_connect(fs->poster, e);
}

static int64_t seen_change(void *ctx)
{
	struct fs *fs = ctx;

	return bulletin_change(fs->bulletin);
}

/* Lines: into the directory that the daemon drains, or, where it is elsewhere,
 * into one whose journals are sent there. */
static int open_journal(struct fs *fs, const struct fs_options *o,
			struct err *e)
{
	SCOPED(buf_fini) struct buf dir;
	struct ship_options ship = {
		.connect = connect_shipper, .seen = seen_change, .ctx = fs};

	buf_init(&dir, PATH_MAX);
	if (o->journals)
		buf_puts(&dir, o->journals);
	else
		buf_printf(&dir, "%s/journal", fs->data);
	if (io_mkdirs(dir.p, 0700, e))
		return -1;
	fs->journal = journal_create(dir.p, o->journal_size, e);
	if (!fs->journal || !o->server)
		return fs->journal ? 0 : -1;
	ship.dir = dir.p;
	ship.own = journal_id(fs->journal);
	fs->shipper = ship_start(&ship, e);
	return fs->shipper ? 0 : -1;
}

static int open_post(struct fs *fs, const struct fs_options *o, struct err *e)
{
	SCOPED(buf_fini) struct buf base;

	buf_init(&base, PATH_MAX);
	if (fs->post)
		return 0;
	if (o->server)
		buf_puts(&base, o->server);
	else
		buf_printf(&base, "unix:%s/orrery.sock", fs->data);
	fs->poster = poster_new(base.p, str_from(o->token ? o->token : ""), e);
	if (!fs->poster)
		return -1;
	fs->post = poster_post;
	fs->post_ctx = fs->poster;
	return 0;
}

static int open_parts(struct fs *fs, const struct fs_options *o, struct err *e)
{
	fs->bulletin = bulletin_open(fs->data, e);
	if (!fs->bulletin || open_store(fs, o, e) || open_post(fs, o, e) ||
	    open_journal(fs, o, e))
		return -1;
	fs->searches = searches_new();
	if (!fs->searches)
		return err_set(e, ERR_NO_SPACE, "no memory for searches");
	return nodes_init(&fs->nodes, e);
}

bool fs_daemon_runs(const struct fs *fs)
{
	if (fs->shipper)
		return !ship_trouble(fs->shipper, NULL);
	return bulletin_daemon_runs(fs->bulletin);
}

struct fs *fs_open(const struct fs_options *o, struct err *e)
{
	struct fs *fs = fs_alloc(o);
	struct reader *rd;

	if (!fs || !fs->data || !fs->kernel) {
		err_set(e, ERR_NO_SPACE, "no memory for the tree");
		free(fs);
		return NULL;
	}
	rd = reader_open(fs->data, e);
	if (!rd) {
		fs_free(fs);
		return NULL;
	}
	readers_give(&fs->readers, rd, 0);
	if (open_parts(fs, o, e)) {
		fs_free(fs);
		return NULL;
	}
	fs->born = look_around(fs);
	return fs;
}

int fs_close(struct fs *fs, struct err *e)
{
	int64_t lost;
	int r;

	fs_release_all(fs);
	r = append_drain(fs, e);
	lost = problems_count(&fs->problems);
	if (!r && lost)
		r = err_set(e, ERR_IO,
			    "%lld things could not be stored; "
			    "the log says which",
			    (long long)lost);
	fs_free(fs);
	return r;
}

void fs_forget(struct fs *fs, uint64_t id, uint64_t count)
{
	nodes_forget(&fs->nodes, id, count);
}

void fs_statfs(struct fs *fs, struct statvfs *ret)
{
	if (statvfs(fs->data, ret))
		*ret = (struct statvfs){.f_bsize = 4096, .f_frsize = 4096};
	ret->f_namemax = LIMIT_FILE_NAME;
}

void fs_busy(struct fs *fs, uint64_t dir, int by)
{
	struct node *n = nodes_hold_id(&fs->nodes, dir);

	if (!n)
		return;
	atomic_fetch_add(&n->busy, by);
	if (by < 0) {
		nodes_drop(&fs->nodes, n);
		nodes_drop(&fs->nodes, n);
	}
}
