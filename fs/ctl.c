/* SPDX-License-Identifier: Apache-2.0 */
/* ctl.c - README, .ctl, .stats, .errors: the mount about itself.
 *
 * A verb is a row; it runs when its line is written, and that write's error
 * is its result.
 */
#include <inttypes.h>

#include "fs/append.h"
#include "fs/families.h"
#include "fs/handle.h"
#include "fs/replica.h"
#include "fs/search.h"
#include "fs/store.h"
#include "indexer/base/clock.h"

static const char readme[] =
	"This tree is an index of machine-learning work. Files are values:\n"
	"read them, write them, append to them.\n"
	"\n"
	"  mkdir experiments/demo                     make an experiment\n"
	"  mkdir experiments/demo/runs/first          make and start a run\n"
	"  cd experiments/demo/runs/first\n"
	"  echo 0.1 > params/lr                       a parameter, once\n"
	"  echo 'first try' > tags/note               a tag\n"
	"  echo 0.52 >> metrics/loss                  a point: value,\n"
	"  echo '7 0.48' >> metrics/loss              step value,\n"
	"  echo '8 0.47 1700000000000' >> metrics/loss  step value time\n"
	"  echo '{\"step\":9,\"loss\":0.4,\"acc\":0.9}' >> metrics.jsonl\n"
	"  cp model.pt artifacts/                     any file\n"
	"  echo FINISHED > status\n"
	"  cat metrics/loss latest.json metrics.tsv ../../runs.tsv\n"
	"  cd ../../../../models                      registered models\n"
	"  mkdir net                                  make one\n"
	"  ln -s ../../../experiments/demo/runs/first/artifacts/model.pt \\\n"
	"        net/versions/new                     register a version\n"
	"  ln -sfn ../versions/1 net/aliases/best     set an alias\n"
	"  cp net/latest/model.pt net/aliases/best/model.pt .\n"
	"  ls \"../search/runs/metrics.loss < 0.5\"     runs that match\n"
	"\n"
	"A run's id is a link to its directory. Tables lie in .tables/.\n"
	"rmdir moves an experiment or a run to trash/, mv takes it back.\n"
	"A search is MLflow's filter, and may end in\n"
	"  order by metrics.loss desc limit 10 offset 10\n"
	".ctl takes verbs (echo flush > .ctl), .stats counts, .errors tells\n"
	"what could not be stored, and what is wrong with a search.\n";

int readme_text(struct fs_call *c, const struct subject *s, struct buf *b,
		struct err *e)
{
	(void)c;
	(void)s;
	(void)e;
	buf_puts(b, readme);
	return 0;
}

/* --- verbs ---------------------------------------------------------------- */

static int count_refused(void *ctx, int64_t row, int64_t time,
			 struct str run_id, struct str key, struct str why,
			 struct err *e)
{
	int64_t *last = ctx;

	(void)time;
	(void)run_id;
	(void)key;
	(void)why;
	(void)e;
	*last = row;
	return 0;
}

/* Row of the last refused line; after as it was if there is none later. */
static int last_refused(struct fs_call *c, int64_t after, int64_t *ret,
			struct err *e)
{
	*ret = after;
	if (fs_begin(c, e) ||
	    refused_each(c->rd, after, count_refused, ret, e) < 0)
		return -1;
	fs_end(c);
	return 0;
}

/* Whatever was lost since the last flush is said once. */
static int verb_flush(struct fs_call *c, struct err *e)
{
	struct fs *fs = c->fs;
	int64_t before = atomic_load(&fs->told.refused), after;
	int64_t problems;

	if (fs_may_wait(c, e) || append_flush(c, e) ||
	    last_refused(c, before, &after, e))
		return -1;
	atomic_store(&fs->told.refused, after);
	problems = problems_count(&fs->problems);
	if (after == before &&
	    problems == atomic_exchange(&fs->told.problems, problems))
		return 0;
	return err_set(e, ERR_IO, "something could not be stored: see .errors");
}

static const struct verb {
	const char *name, *what;
	int (*run)(struct fs_call *c, struct err *e);
} verbs[] = {
	{"flush", "wait until everything written is committed", verb_flush},
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

int ctl_text(struct fs_call *c, const struct subject *s, struct buf *b,
	     struct err *e)
{
	(void)c;
	(void)s;
	(void)e;
	for (size_t i = 0; i < VERBS; i++)
		buf_printf(b, "%s\t%s\n", verbs[i].name, verbs[i].what);
	return 0;
}

static int run_verb(struct fs_call *c, struct str name, struct err *e)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (str_is(name, verbs[i].name))
			return verbs[i].run(c, e);
	}
	return err_set(e, ERR_INVALID, "no such verb: read .ctl");
}

static int ctl_write(struct fs_call *c, struct fs_handle *h, int64_t off,
		     struct str data, struct err *e)
{
	struct str line;

	(void)h;
	(void)off;
	if (data.n > FS_VERB_MAX)
		return err_set(e, ERR_INVALID, "a verb is a word");
	while (data.n > 0) {
		line = str_trim(str_cut(&data, '\n'));
		if (line.n && run_verb(c, line, e))
			return -1;
	}
	return 0;
}

static int ctl_truncate(struct fs_call *c, const struct subject *s,
			struct fs_handle *h, int64_t size, struct err *e)
{
	(void)c;
	(void)s;
	(void)h;
	(void)size;
	(void)e;
	return 0;
}

const struct file_type ctl_file = {
	.write = ctl_write,
	.truncate = ctl_truncate,
};

/* --- counters ------------------------------------------------------------- */

static void print_cache(struct cache *cache, struct buf *b)
{
	struct cache_figures x = cache_figures(cache);
	const struct {
		const char *name;
		int64_t value;
	} rows[] = {
		{"bytes", x.bytes},         {"memory", x.memory},
		{"hits", x.hits},           {"misses", x.misses},
		{"requests", x.requests},   {"fetched", x.fetched},
		{"wasted", x.wasted},       {"soon", x.soon},
		{"soon_hits", x.soon_hits}, {"evicted", x.evicted},
		{"corrupt", x.corrupt},     {"bypassed", x.bypassed},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_printf(b, "cache_%s\t%" PRId64 "\n", rows[i].name,
			   rows[i].value);
}

static void replica_text(struct replica *r, struct buf *b)
{
	struct replica_figures f;

	replica_figures(r, &f);
	buf_printf(b,
		   "replica_connected\t%d\nreplica_behind_ms\t%" PRId64
		   "\nreplica_pages\t%" PRId64 "\nreplica_bytes\t%" PRId64
		   "\nreplica_runs_fetched\t%" PRId64
		   "\nreplica_points_bytes\t%" PRId64
		   "\nreplica_restarts\t%" PRId64 "\n",
		   f.connected, f.behind_ms, f.pages, f.bytes, f.fetches,
		   f.fetched, f.restarts);
}

int stats_text(struct fs_call *c, const struct subject *s, struct buf *b,
	       struct err *e)
{
	struct fs *fs = c->fs;
	const struct {
		const char *name;
		int64_t value;
	} rows[] = {
		{"requests", atomic_load(&fs->stats.requests)},
		{"parked", atomic_load(&fs->stats.parked)},
		{"queries", atomic_load(&fs->stats.queries)},
		{"nodes", nodes_count(&fs->nodes)},
		{"invalidations", atomic_load(&fs->stats.invalidations)},
		{"points", atomic_load(&fs->stats.lines)},
		{"journal_written", journal_written(fs->journal)},
		{"journal_committed", journal_committed(fs->journal)},
		{"journal_free_bytes", journal_free_bytes(fs->journal)},
		{"posts", atomic_load(&fs->stats.posts)},
		{"retries", atomic_load(&fs->stats.retries)},
		{"problems", problems_count(&fs->problems)},
		{"change", bulletin_change(fs->bulletin)},
		{"daemon", fs_daemon_runs(fs)},
		{"store", store_answers(fs->store)},
		{"through", throughs_handles(&fs->throughs)},
		{"pruned", atomic_load(&fs->stats.pruned)},
	};

	(void)s;
	(void)e;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		buf_printf(b, "%s\t%" PRId64 "\n", rows[i].name, rows[i].value);
	if (store_cache(fs->store))
		print_cache(store_cache(fs->store), b);
	if (fs->replica)
		replica_text(fs->replica, b);
	return 0;
}

static int print_refused(void *ctx, int64_t row, int64_t time,
			 struct str run_id, struct str key, struct str why,
			 struct err *e)
{
	char at[CLOCK_TEXT];

	(void)row;
	(void)e;
	clock_rfc3339(time, at);
	buf_printf(ctx, "%s\t%.*s/metrics/%.*s\t%.*s\n", at, STR_ARG(run_id),
		   STR_ARG(key), STR_ARG(why));
	return 0;
}

int errors_text(struct fs_call *c, const struct subject *s, struct buf *b,
		struct err *e)
{
	(void)s;
	problems_print(&c->fs->problems, b);
	problems_print(searches_refused(c->fs->searches), b);
	if (fs_begin(c, e))
		return -1;
	return refused_each(c->rd, 0, print_refused, b, e) < 0 ? -1 : 0;
}

void ctl_start(struct fs_call *c)
{
	struct err e = {0};
	int64_t last;

	if (last_refused(c, 0, &last, &e) == 0)
		atomic_store(&c->fs->told.refused, last);
}
