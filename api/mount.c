/* SPDX-License-Identifier: Apache-2.0 */
/* mount.c - the one route by which a mount, or the command line, changes the
 * index: any command, in the words of the table of commands.
 *
 * Request: {"command": "run_create", "experiment_id": "3", ...}. Answer:
 * {"change": 17, "run_id": ...}: the number of the commit and what the
 * command gives back. An error states its kind beside MLflow's code, so that
 * a mount can turn it into the errno that it stands for.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "api/ops.h"

struct mount_request {
	struct str command;
};

static const struct field request_rows[] = {
	{.name = "command",
	 .type = FIELD_STR,
	 .flags = FIELD_FILLED,
	 .offset = offsetof(struct mount_request, command)},
};
static const struct field_set request_fields =
	FIELD_SET(request_rows, struct mount_request);

static void put_result(struct json_out *j, const struct command *x)
{
	jo_ki64(j, "change", x->change);
	field_write_members(&command_types[x->kind].out, x, j);
}

/* The kind of command asked for; -1 for what cannot come this way: drained
 * journals and functions are the daemon's own. */
static int kind_of(const struct mount_request *q, struct err *e)
{
	int kind = command_kind_by_name(q->command);

	if (kind < 0 || kind == COMMAND_JOURNAL || kind == COMMAND_CALL)
		return err_set(e, ERR_INVALID, "There is no command '%.*s'.",
			       (int)(q->command.n < 100 ? q->command.n : 100),
			       q->command.p);
	return kind;
}

/* What a command puts an end to must not overtake the lines before it. */
static bool wait_first(struct call *c, int kind, const void *x)
{
	if (kind == COMMAND_EXPERIMENT_DELETE)
		return call_wait_run(c, STR_NONE);
	return call_wait_journals(c, &command_types[kind].in, x);
}

/* An artifact without its bytes is never made, however long ago they were
 * stored: gc may have taken them for what a crash left. No other store is
 * asked: a mount names only what that store has taken from it so lately that
 * gc does not touch it (fs/draft.c). */
static int check_object(struct call *c, const struct cmd_artifact_put *x,
			struct err *e)
{
	struct stat st;
	int fd;

	if (!x->key.n)
		return 0;
	if (!objects_are_files(call_app(c)->objects))
		return 0;
	fd = object_open(call_app(c)->objects, x->key, e);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) < 0)
		st.st_size = -1;
	close(fd);
	if (x->size.set && x->size.v == st.st_size)
		return 0;
	return err_set(e, ERR_INVALID,
		       "object '%.*s' has another size than 'size'",
		       STR_ARG(x->key));
}

static void mount_post(struct call *c)
{
	const struct field_set *fields;
	struct err e;
	void *x;
	int kind = kind_of(c->request, &e);

	if (kind < 0) {
		answer_error(c, &e);
		return;
	}
	fields = &command_types[kind].in;
	x = command_new((enum command_kind)kind);
	if (field_read_json(fields, c->body, c->arena, x, &e) ||
	    (kind == COMMAND_ARTIFACT_PUT && check_object(c, x, &e))) {
		answer_error(c, &e);
		command_free(x);
	} else if (wait_first(c, kind, x)) {
		command_free(x);
	} else {
		write_command(c, x, put_result);
	}
}

static const struct route routes[] = {
	{.methods = HTTP_POST,
	 .path = "/api/mount",
	 .need = LEVEL_WRITE,
	 .body = BODY_JSON,
	 .fields = &request_fields,
	 .handle = mount_post,
	 .summary = "Apply one index command, as a mount posts it."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group ops_mount = {
	prefixes, routes, sizeof(routes) / sizeof(routes[0]), ops_error_body};
