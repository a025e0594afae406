/* SPDX-License-Identifier: Apache-2.0 */
/* ask.c - one question to the running daemon. */
#include "tools/ask.h"

#include "indexer/base/scope.h"

enum { ANSWER_MAX = 64 << 20, ASK_MS = 600 * 1000 };

struct client *ask_open(const struct args *a, struct err *e)
{
	const char *server = args_value(a, "server", NULL);
	SCOPED_FREE char *own = NULL;

	if (server)
		return client_new(server, STR_NONE, e);
	if (asprintf(&own, "unix:%.*s/orrery.sock", STR_ARG(a->conf.data)) < 0)
		abort();
	return client_new(own, STR_NONE, e);
}

static int refused(int status, const cJSON *answer, struct err *e)
{
	const char *message = ask_string(answer, "message");

	return err_set(e, ERR_INVALID, "%s (status %d)",
		       message[0] ? message : "the daemon refused", status);
}

cJSON *ask(struct client *c, const char *path, const char *body, struct err *e)
{
	SCOPED(buf_fini) struct buf reply;
	struct client_request r = {.method = body ? "POST" : "GET",
				   .path = path,
				   .body = str_from(body),
				   .content_type = "application/json",
				   .timeout_ms = ASK_MS};
	cJSON *answer;
	int status;

	buf_init(&reply, ANSWER_MAX);
	if (client_send(c, &r, &status, &reply, e)) {
		if (e->kind == ERR_UNAVAILABLE)
			err_wrap(e, "no daemon answers (start one with: "
				    "orrery serve)");
		return NULL;
	}
	answer = json_doc_parse(buf_view(&reply), e);
	if (answer && status != 200) {
		refused(status, answer, e);
		cJSON_Delete(answer);
		return NULL;
	}
	return answer;
}

const char *ask_string(const cJSON *answer, const char *name)
{
	const cJSON *m = answer ? json_doc_get(answer, name) : NULL;

	return m && cJSON_IsString(m) ? m->valuestring : "";
}

double ask_number(const cJSON *answer, const char *name)
{
	const cJSON *m = answer ? json_doc_get(answer, name) : NULL;

	return m && cJSON_IsNumber(m) ? m->valuedouble : 0;
}
