/* SPDX-License-Identifier: Apache-2.0 */
/* watch.c - the thread that follows the index.
 *
 * What changed marks nodes as due and queues names; what is due is told when
 * its time has come. So a burst costs each node one notice, and one that was
 * told just now waits its turn.
 */
#include "fs/watch.h"

#include <stdlib.h>

#include "fs/affected.h"
#include "fs/kind.h"
#include "indexer/base/clock.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/base/thread.h"
#include "indexer/index/limits.h"

enum { IDLE_MS = 500, SWEEP_MS = 60000 };

struct watch {
	struct fs *fs;
	struct watch_sink sink;
	pthread_t thread;
	atomic_bool stop;
	struct due due;
	int64_t seen, epoch, swept, looked;
	size_t hand;  /* of nodes_idle */
	bool by_name; /* the kernel cannot be told by number */
};

/* --- what is due ---------------------------------------------------------- */

static bool inode_ready(const struct node *n, int64_t now)
{
	return now - n->notified >= FS_NOTIFY_MS;
}

/* A listing goes with its attributes; a file's pages are dropped by the kernel
 * itself when it sees a new time or size. */
static void tell_inode(struct watch *w, struct node *n, int64_t now)
{
	bool data = n->due & DUE_DATA;

	n->due = 0;
	n->notified = now;
	atomic_fetch_add(&w->fs->stats.invalidations, 1);
	w->sink.inode(w->sink.ctx, n->id, data);
	nodes_drop(&w->fs->nodes, n);
}

static void tell_inodes(struct watch *w, int64_t now)
{
	struct node *n = w->due.inodes, *next;

	w->due.inodes = NULL;
	for (; n; n = next) {
		next = n->next_due;
		if (inode_ready(n, now)) {
			tell_inode(w, n, now);
			continue;
		}
		n->next_due = w->due.inodes;
		w->due.inodes = n;
	}
}

static void tell_entries(struct watch *w)
{
	struct due_entry *x = w->due.entries, *next;

	w->due.entries = NULL;
	for (; x; x = next) {
		next = x->next;
		if (atomic_load(&x->dir->busy) > 0) {
			x->next = w->due.entries;
			w->due.entries = x;
			continue;
		}
		atomic_fetch_add(&w->fs->stats.invalidations, 1);
		w->sink.entry(w->sink.ctx, x->dir->id, str_from(x->name));
		nodes_drop(&w->fs->nodes, x->dir);
		free(x);
	}
}

/* --- finite memory -------------------------------------------------------- */

static bool too_many(const struct watch *w)
{
	return w->sink.prune && nodes_count(&w->fs->nodes) > FS_NODES;
}

static void forget_file(const struct watch *w, uint64_t id)
{
	SCOPED(buf_fini) struct buf name;
	struct node *n = nodes_hold_id(&w->fs->nodes, id), *dir;

	buf_init(&name, LIMIT_FILE_NAME + 1);
	if (!n)
		return;
	dir = kind_is_dir(n->kind) ? NULL
				   : nodes_place(&w->fs->nodes, n, &name);
	nodes_drop(&w->fs->nodes, n);
	if (dir && atomic_load(&dir->busy) == 0)
		w->sink.entry(w->sink.ctx, dir->id, buf_view(&name));
	nodes_drop(&w->fs->nodes, dir);
}

static void forget_some(struct watch *w)
{
	uint64_t ids[FS_PRUNE];
	size_t n = nodes_idle(&w->fs->nodes, &w->hand, ids, FS_PRUNE);

	if (!w->by_name && w->sink.prune(w->sink.ctx, ids, (uint32_t)n))
		w->by_name = true;
	for (size_t i = 0; w->by_name && i < n; i++)
		forget_file(w, ids[i]);
	atomic_fetch_add(&w->fs->stats.pruned, (int64_t)n);
}

static void prune(struct watch *w)
{
	for (int i = 0; i < FS_PRUNES && too_many(w); i++)
		forget_some(w);
}

/* --- following ------------------------------------------------------------ */

struct look {
	struct watch *w;
	struct fs_call c;
};

static int note_change(void *ctx, const struct changed *x, struct err *e)
{
	struct look *l = ctx;

	(void)e;
	affected(&l->c, &l->w->due, x);
	return 0;
}

/* Another index, or changes that are no longer kept: nothing is sure. */
static void start_again(struct watch *w)
{
	readers_renew(&w->fs->readers);
	affected_all(w->fs, &w->due);
}

static int look(struct look *l, struct err *e)
{
	struct watch *w = l->w;

	if (fs_begin(&l->c, e))
		return -1;
	if (changes_since(l->c.rd, w->seen, note_change, l, e)) {
		if (e->kind != ERR_RANGE)
			return -1;
		affected_all(w->fs, &w->due);
	}
	w->seen = reader_change(l->c.rd);
	return 0;
}

static void follow(struct watch *w)
{
	struct look l = {.w = w};
	struct err e = {0};

	if (bulletin_epoch(w->fs->bulletin) != w->epoch) {
		w->epoch = bulletin_epoch(w->fs->bulletin);
		start_again(w);
	}
	fs_call_init(&l.c, w->fs, 0);
	if (look(&l, &e))
		log_warn("cannot follow the index", "error=\"%s\"", e.msg);
	fs_call_fini(&l.c);
}

static int64_t patience(const struct watch *w)
{
	return w->due.inodes || w->due.entries || too_many(w) ? FS_WATCH_MS * 5
							      : IDLE_MS;
}

/* Commits may come by the thousand: one look for many of them. */
static void pause_between(struct watch *w)
{
	int64_t left = w->looked + FS_WATCH_MS - clock_mono_ms();
	struct timespec ts = {0, left * 1000000};

	if (left > 0)
		nanosleep(&ts, NULL);
	w->looked = clock_mono_ms();
}

static void *watch_main(void *arg)
{
	struct watch *w = arg;
	int64_t now;

	while (!atomic_load(&w->stop)) {
		if (bulletin_wait(w->fs->bulletin, w->seen, patience(w)) !=
		    w->seen) {
			pause_between(w);
			follow(w);
		}
		now = clock_mono_ms();
		tell_inodes(w, now);
		tell_entries(w);
		prune(w);
		if (now - w->swept > SWEEP_MS) {
			w->swept = now;
			scratch_expire(w->fs, clock_ms());
		}
	}
	return NULL;
}

struct watch *watch_start(struct fs *fs, const struct watch_sink *sink,
			  struct err *e)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w) {
		err_set(e, ERR_NO_SPACE, "no memory to follow the index");
		return NULL;
	}
	w->fs = fs;
	w->sink = *sink;
	w->seen = bulletin_change(fs->bulletin);
	w->epoch = bulletin_epoch(fs->bulletin);
	if (thread_start(&w->thread, watch_main, w, e) == 0)
		return w;
	free(w);
	return NULL;
}

void watch_stop(struct watch *w)
{
	if (!w)
		return;
	atomic_store(&w->stop, true);
	pthread_join(w->thread, NULL);
	due_clear(w->fs, &w->due);
	free(w);
}
