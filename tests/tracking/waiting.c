/* SPDX-License-Identifier: Apache-2.0 */
/* What a mount has written before a request came is seen by that request:
 * the whole daemon, a journal of a mount's making, and HTTP.
 */
#include <dirent.h>
#include <pthread.h>
#include <unistd.h>

#include "api/daemon.h"
#include "indexer/base/client.h"
#include "indexer/base/json_doc.h"
#include "indexer/base/log.h"
#include "indexer/journal/journal.h"
#include "indexer/journal/line.h"
#include "tests/tap.h"

struct running {
	char dir[64];
	struct conf conf;
	struct daemon_options options;
	int stop[2], ready[2];
	pthread_t thread;
	struct err e;
	int result;
	struct client *client;
};

static void is_ready(void *ctx, const char *url)
{
	struct running *r = ctx;

	(void)url;
	if (write(r->ready[1], "r", 1) != 1)
		abort();
}

static void *run_daemon(void *arg)
{
	struct running *r = arg;

	r->result = daemon_run(&r->options, &r->e);
	close(r->ready[1]);
	return NULL;
}

static void begin(struct running *r)
{
	const char *tmp = getenv("TMPDIR");
	char address[100], c;

	memset(r, 0, sizeof(*r));
	snprintf(r->dir, sizeof(r->dir), "%.40s/waiting-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(r->dir) || pipe(r->stop) || pipe(r->ready) ||
	    conf_init(&r->conf, &r->e) ||
	    conf_set(&r->conf, "data", str_from(r->dir), CONF_FLAG, &r->e) ||
	    conf_set(&r->conf, "listen", STR("127.0.0.1:0"), CONF_FLAG, &r->e))
		abort();
	log_set_level(LOG_WARN);
	r->options = (struct daemon_options){&r->conf, r->stop[0], is_ready, r};
	pthread_create(&r->thread, NULL, run_daemon, r);
	if (!ok(read(r->ready[0], &c, 1) == 1, "the daemon starts"))
		printf("Bail out! %s\n", r->e.msg);
	snprintf(address, sizeof(address), "unix:%s/orrery.sock", r->dir);
	r->client = client_new(address, STR_NONE, &r->e);
}

static void remove_all(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	char below[512];

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below))
			remove_all(below);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static void end(struct running *r)
{
	client_free(r->client);
	close(r->stop[1]);
	pthread_join(r->thread, NULL);
	ok(r->result == 0, "the daemon ends cleanly");
	close(r->stop[0]);
	close(r->ready[0]);
	conf_fini(&r->conf);
	remove_all(r->dir);
}

/* The text of an answer that must be good. */
static void ask(struct running *r, const char *path, const char *body,
		struct buf *reply)
{
	struct client_request q = {.method = body ? "POST" : "GET",
				   .path = path,
				   .body = str_from(body),
				   .content_type = "application/json"};
	int status = 0;

	buf_reset(reply);
	if (client_send(r->client, &q, &status, reply, &r->e) || status != 200)
		printf("# %s: %d %s %s\n", path, status,
		       reply->p ? reply->p : "", r->e.msg);
}

static void make_run(struct running *r, char *id, size_t size)
{
	const cJSON *node;
	struct buf reply;
	cJSON *doc;

	buf_init(&reply, 1 << 20);
	ask(r, "/api/2.0/mlflow/runs/create", "{\"experiment_id\": \"0\"}",
	    &reply);
	doc = json_doc_parse(buf_view(&reply), &r->e);
	node = doc ? json_doc_get(doc, "run") : NULL;
	node = node ? json_doc_get(node, "info") : NULL;
	node = node ? json_doc_get(node, "run_id") : NULL;
	snprintf(id, size, "%s", node ? node->valuestring : "");
	ok(id[0] != '\0', "a run is made");
	cJSON_Delete(doc);
	buf_fini(&reply);
}

static void append(struct journal *j, const char *run, int64_t step)
{
	struct journal_point p = {{step, 1000 + step, 0.5}, true, true};
	struct buf packed;
	struct err e;
	int64_t seq;

	buf_init(&packed, 1 << 10);
	points_pack(&packed, &p);
	if (journal_append(j, str_from(run), STR("m"), buf_view(&packed), 1000,
			   &seq, &e))
		printf("# %s\n", e.msg);
	buf_fini(&packed);
}

/* Append, then ask at once, many times: the answer has what was appended. */
static void seen_at_once(struct running *r, struct journal *j, const char *run)
{
	char path[256], search[] = "{\"experiment_ids\": [\"0\"]}", want[64];
	int gets = 0, searches = 0;
	struct buf reply;

	buf_init(&reply, 1 << 20);
	snprintf(path, sizeof(path), "/api/2.0/mlflow/runs/get?run_id=%s", run);
	for (int step = 0; step < 200; step += 2) {
		append(j, run, step);
		ask(r, path, NULL, &reply);
		snprintf(want, sizeof(want), "\"step\":%d}", step);
		gets += reply.p && strstr(reply.p, want);
		append(j, run, step + 1);
		ask(r, "/api/2.0/mlflow/runs/search", search, &reply);
		snprintf(want, sizeof(want), "\"step\":%d}", step + 1);
		searches += reply.p && strstr(reply.p, want);
	}
	is_i64(gets, 100, "runs/get sees what was appended before it");
	is_i64(searches, 100, "so does a search");
	buf_fini(&reply);
}

/* Removals do not overtake the lines before them. */
static void not_overtaken(struct running *r, struct journal *j,
			  const char *call, const char *format)
{
	char run[64], body[200], path[128];
	struct buf reply;

	make_run(r, run, sizeof(run));
	buf_init(&reply, 1 << 20);
	for (int step = 0; step < 1000; step++)
		append(j, run, step);
	snprintf(body, sizeof(body), "{%s\"run_id\": \"%s\"}", format, run);
	ask(r, call, body, &reply);
	snprintf(path, sizeof(path), "/api/2.0/mlflow/runs/get?run_id=%s", run);
	ask(r, path, NULL, &reply);
	ok(reply.p && strstr(reply.p, "\"step\":999}"),
	   "the lines before a removal are taken");
	ok(reply.p && strstr(reply.p, "\"deleted\""), "and it takes effect");
	buf_fini(&reply);
}

int main(void)
{
	struct running r;
	struct journal *j;
	char dir[100], run[64];

	begin(&r);
	make_run(&r, run, sizeof(run));
	snprintf(dir, sizeof(dir), "%s/journal", r.dir);
	j = journal_create(dir, 4 * JOURNAL_SEGMENT, &r.e);
	if (ok(j != NULL, "a journal beside the daemon")) {
		seen_at_once(&r, j, run);
		not_overtaken(&r, j, "/api/mount",
			      "\"command\": \"run_delete\", ");
		not_overtaken(&r, j, "/api/2.0/mlflow/runs/delete", "");
		not_overtaken(&r, j, "/api/2.0/mlflow/experiments/delete",
			      "\"experiment_id\": \"0\", ");
		journal_close(j);
	}
	end(&r);
	return tap_done();
}
