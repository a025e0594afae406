/* SPDX-License-Identifier: Apache-2.0 */
/* figures.c - what the daemon counts: for Prometheus, and for people.
 *
 * One table names every figure; /metrics and /api/status are two ways to
 * print it.
 */
#include <inttypes.h>

#include "api/ops.h"
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/drain.h"
#include "indexer/index/project.h"

enum { METRICS_BYTES = 256 << 10 };

struct figures {
	struct index_stats index;
	struct index_totals totals;
	struct server_stats server;
	struct drain_stats drain;
	int64_t uptime_ms, projects;
};

struct figure {
	const char *group, *name;
	const char *type; /* Prometheus' */
	size_t at;
	const char *help;
};

#define FIGURE(group, name, type, member, help)                                \
	{                                                                      \
		group, name, type, offsetof(struct figures, member), help      \
	}

static const struct figure table[] = {
	FIGURE("daemon", "uptime_ms", "gauge", uptime_ms,
	       "Milliseconds since the daemon started."),
	FIGURE("content", "projects", "gauge", projects,
	       "Projects that have a view."),
	FIGURE("content", "experiments", "gauge", totals.experiments,
	       "Experiments, deleted ones too."),
	FIGURE("content", "runs", "gauge", totals.runs,
	       "Runs, deleted ones too."),
	FIGURE("content", "series", "gauge", totals.series,
	       "Metrics, one for each run and key."),
	FIGURE("content", "points", "gauge", totals.points,
	       "Points of all metrics."),
	FIGURE("content", "artifacts", "gauge", totals.artifacts,
	       "Files in all artifact directories."),
	FIGURE("content", "artifact_bytes", "gauge", totals.artifact_bytes,
	       "Bytes of all artifacts."),
	FIGURE("content", "traces", "gauge", totals.traces, "Traces."),
	FIGURE("content", "spans", "gauge", totals.spans,
	       "Spans of all traces."),
	FIGURE("index", "change", "gauge", index.change,
	       "Number of the last committed change."),
	FIGURE("index", "commits_total", "counter", index.commits,
	       "Transactions committed."),
	FIGURE("index", "commands_total", "counter", index.commands,
	       "Commands applied."),
	FIGURE("index", "failed_total", "counter", index.failed,
	       "Commands that failed."),
	FIGURE("index", "queued", "gauge", index.queued,
	       "Commands waiting for the writer."),
	FIGURE("index", "queued_bytes", "gauge", index.queued_bytes,
	       "Bytes of the commands waiting."),
	FIGURE("index", "wal_bytes", "gauge", index.wal_bytes,
	       "Bytes of the write-ahead log."),
	FIGURE("index", "wal_holder", "gauge", index.wal_holder,
	       "Process that keeps the write-ahead log from starting over, or "
	       "0."),
	FIGURE("index", "checkpoints_total", "counter", index.checkpoints,
	       "Checkpoints of the write-ahead log."),
	FIGURE("index", "db_bytes", "gauge", index.db_bytes,
	       "Bytes of the index file."),
	FIGURE("index", "points_total", "counter", index.points,
	       "Points taken since the start."),
	FIGURE("index", "folds_total", "counter", index.folds,
	       "Times that recent points became blocks."),
	FIGURE("index", "tail_bytes", "gauge", index.tail_bytes,
	       "Bytes of recent points kept in memory."),
	FIGURE("index", "last_commit_us", "gauge", index.last_commit_us,
	       "Microseconds of the last commit."),
	FIGURE("index", "longest_commit_us", "gauge", index.longest_commit_us,
	       "Microseconds of the longest commit."),
	FIGURE("journals", "open", "gauge", drain.journals,
	       "Journals of mounts that are being drained."),
	FIGURE("journals", "stuck", "gauge", drain.stuck,
	       "Of those, corrupt or not to be applied."),
	FIGURE("journals", "pending", "gauge", drain.pending,
	       "Records written and not committed."),
	FIGURE("journals", "parked", "gauge", drain.parked,
	       "Requests that wait for records."),
	FIGURE("journals", "records_total", "counter", drain.records,
	       "Records applied since the start."),
	FIGURE("journals", "points_total", "counter", drain.points,
	       "Points applied since the start."),
	FIGURE("journals", "batches_total", "counter", drain.batches,
	       "Commands that applied them."),
	FIGURE("journals", "retries_total", "counter", drain.retries,
	       "Commands that failed and were tried again."),
	FIGURE("journals", "bad", "gauge", drain.bad,
	       "Journals that were set aside."),
	FIGURE("http", "connections", "gauge", server.connections,
	       "Open connections."),
	FIGURE("http", "requests_total", "counter", server.requests,
	       "Requests answered."),
	FIGURE("http", "parked", "gauge", server.parked,
	       "Requests that wait for journals."),
	FIGURE("http", "workers_busy", "gauge", server.workers_busy,
	       "Worker threads at work."),
	FIGURE("http", "transfers_busy", "gauge", server.transfers_busy,
	       "Transfer threads at work."),
	FIGURE("http", "refused_total", "counter", server.refused,
	       "Requests refused before they reached a route."),
	FIGURE("http", "received_bytes_total", "counter", server.bytes_in,
	       "Bytes received."),
	FIGURE("http", "sent_bytes_total", "counter", server.bytes_out,
	       "Bytes sent."),
	FIGURE("http", "answers_1xx_total", "counter", server.by_status[1],
	       "Answers with a status of 1xx."),
	FIGURE("http", "answers_2xx_total", "counter", server.by_status[2],
	       "Answers with a status of 2xx."),
	FIGURE("http", "answers_3xx_total", "counter", server.by_status[3],
	       "Answers with a status of 3xx."),
	FIGURE("http", "answers_4xx_total", "counter", server.by_status[4],
	       "Answers with a status of 4xx."),
	FIGURE("http", "answers_5xx_total", "counter", server.by_status[5],
	       "Answers with a status of 5xx."),
};

enum { FIGURES = sizeof(table) / sizeof(table[0]) };

static int64_t value_of(const struct figures *f, const struct figure *x)
{
	int64_t v;

	memcpy(&v, (const char *)f + x->at, sizeof(v));
	return v;
}

static int collect(struct call *c, struct figures *f, struct err *e)
{
	struct app *app = call_app(c);
	struct reader *rd = reading_raw(c, e);
	int failed;

	if (!rd)
		return -1;
	failed = index_totals(rd, &f->totals, e) ||
		 project_count(rd, &f->projects, e);
	reader_end(rd);
	index_stats(app->index, &f->index);
	server_stats(app->server, &f->server);
	drain_stats(app->drain, &f->drain);
	f->uptime_ms = clock_ms() - app->started;
	return failed;
}

static void put_prometheus(struct buf *b, const struct figures *f)
{
	for (const struct figure *x = table; x < table + FIGURES; x++) {
		buf_printf(b, "# HELP orrery_%s_%s %s\n", x->group, x->name,
			   x->help);
		buf_printf(b, "# TYPE orrery_%s_%s %s\n", x->group, x->name,
			   x->type);
		buf_printf(b, "orrery_%s_%s %" PRId64 "\n", x->group, x->name,
			   value_of(f, x));
	}
	buf_puts(b, "# HELP orrery_info The daemon's version.\n"
		    "# TYPE orrery_info gauge\n"
		    "orrery_info{version=\"" ORRERY_VERSION "\"} 1\n");
}

static void metrics(struct call *c)
{
	SCOPED(buf_fini) struct buf b;
	struct figures f = {0};
	struct str body;
	struct err e;

	buf_init(&b, METRICS_BYTES);
	if (collect(c, &f, &e)) {
		answer_error(c, &e);
		return;
	}
	put_prometheus(&b, &f);
	body = arena_str(c->arena, buf_view(&b));
	if (body.p)
		reply_bytes(c, 200, "text/plain; version=0.0.4; charset=utf-8",
			    body);
	else
		answer_full(c);
}

static void put_status(struct json_out *j, const struct app *app,
		       const struct figures *f)
{
	const char *group = "";

	jo_object(j);
	jo_kstr(j, "version", STR(ORRERY_VERSION));
	jo_kstr(j, "data", str_from(index_dir(app->index)));
	for (const struct figure *x = table; x < table + FIGURES; x++) {
		if (strcmp(x->group, group) != 0) {
			if (group[0])
				jo_object_end(j);
			jo_key(j, x->group);
			jo_object(j);
			group = x->group;
		}
		jo_ki64(j, x->name, value_of(f, x));
	}
	jo_object_end(j);
	jo_object_end(j);
}

static void status(struct call *c)
{
	struct figures f = {0};
	struct err e;

	if (collect(c, &f, &e)) {
		answer_error(c, &e);
		return;
	}
	put_status(reply_json(c, 200), call_app(c), &f);
	reply_json_end(c);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/metrics",
	 .handle = metrics,
	 .summary = "Figures for Prometheus."},
	{.methods = HTTP_GET,
	 .path = "/api/status",
	 .need = LEVEL_READ,
	 .handle = status,
	 .summary = "What the daemon holds and does, in figures."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_figures = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
