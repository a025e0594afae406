/* SPDX-License-Identifier: Apache-2.0 */
/* app.h - what the faces of the daemon work on, and how their calls answer.
 *
 * A call that reads answers within one snapshot of its thread's reader, which
 * ends before a byte is sent:
 *
 *	struct reading r;
 *
 *	if (reading_begin(&r, c) == 0 &&
 *	    run_by_id(r.rd, id, c->arena, &run, &r.e) == 0)
 *		render_run(r.j, r.rd, &run, &r.e);
 *	reading_end(&r);
 *
 * A call that writes hands one command to the index writer and is answered
 * after COMMIT, from the writer's thread (write_command), or, where the
 * answer must be read back, from a worker (write_and_return).
 */
#ifndef ORRERY_API_APP_H
#define ORRERY_API_APP_H

#include "api/http/server.h"
#include "indexer/base/conf.h"
#include "indexer/index/index.h"
#include "indexer/index/reader.h"
#include "indexer/index/search.h"
#include "indexer/objects/objects.h"
#include "indexer/objects/signer.h"

struct drain;
struct feed;
struct keeper;

struct app {
	const struct conf *conf;
	struct index *index;
	struct objects *objects;
	struct columns *columns;
	struct drain *drain;
	struct feed *feed;
	struct keeper *keeper;
	struct signer signer; /* of links */
	struct server *server;
	const struct route_group *groups; /* all routes */
	size_t ngroups;
	int64_t started; /* ms since the epoch */
};

/* What each worker and transfer thread has of its own. */
struct worker {
	struct app *app;
	struct reader *reader;
};
/* For server_options. */
void *worker_new(void *app, struct err *e);
void worker_free(void *worker);

static inline struct app *call_app(const struct call *c)
{
	return c->app;
}

/* A snapshot and an answer in the making: one JSON object, opened already. A
 * function that fails fills e; reading_end then answers that instead. */
struct reading {
	struct call *c;
	struct reader *rd;
	struct json_out *j;
	struct err e;
};
/* -1 where there is no snapshot; reading_end is called all the same. */
int reading_begin(struct reading *r, struct call *c);
void reading_end(struct reading *r);
/* Only the snapshot, for answers that are no JSON. The caller ends it with
 * reader_end; NULL with e set where there is none. */
struct reader *reading_raw(struct call *c, struct err *e);

/* Members of the answer to a command that took effect; NULL for none. Runs on
 * the writer's thread: short, and without blocking. */
typedef void written_fn(struct json_out *j, const struct command *x);

/* Submit x (made by command_new, filled) as the caller and answer when it is
 * committed: an object with what reply writes, or the command's error. What x
 * points to may lie in the call's arena. Nothing may touch c afterwards. */
void write_command(struct call *c, void *x, written_fn *reply);
/* The same where the answer is more than an object: answer gives it, and that
 * of a failure (x->err), too. Runs on the writer's thread. */
typedef void written_answer_fn(struct call *c, const struct command *x);
void write_and_answer(struct call *c, void *x, written_answer_fn *answer);
/* The same as write_command for a request whose struct is the command's own:
 * its members are taken over as they are. */
void write_request(struct call *c, enum command_kind kind, written_fn *reply);
/* Submit x; after COMMIT the handler is called once more from its start, and
 * write_returned tells: 0 nothing was submitted yet, 1 the command took
 * effect, -1 it failed, which is answered already. */
void write_and_return(struct call *c, void *x);
/* The same for a request whose struct is the command's own. */
void write_request_and_return(struct call *c, enum command_kind kind);
int write_returned(struct call *c);
/* What the returned command made: the first member of its answer, a string;
 * else p NULL. */
struct str write_returned_id(const struct call *c);
/* The returned command, but for what it pointed to. */
const void *write_returned_command(const struct call *c);

/* Parks the call until the journal lines that it concerns are committed: those
 * of the run that its request names (run_id), or of any run where it names
 * several runs or experiments. False: nothing to wait for, or it has waited;
 * true: the call is handled again from its start, soon. */
bool call_wait_journals(struct call *c, const struct field_set *set,
			const void *request);
/* The same for one run; an empty id: for all. */
bool call_wait_run(struct call *c, struct str run);

/* reply_error, logged where the fault is ours. */
void answer_error(struct call *c, const struct err *e);
/* The answer where the call's arena has no more room. */
void answer_full(struct call *c);
/* {"error_code": ..., "message": ...} */
error_body_fn mlflow_error_body;

#endif
