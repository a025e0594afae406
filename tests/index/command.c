/* SPDX-License-Identifier: Apache-2.0 */
/* command.c - commands as JSON: what a mount sends is what a daemon reads. */
#include "tests/index/fixture.h"

static struct fixture fx;

static struct buf written;

static const char *write_json(const struct field_set *set, const void *c)
{
	struct json_out j;

	buf_reset(&written);
	jo_init(&j, &written, 0);
	field_write_json(set, c, &j);
	return written.p;
}

static void table(void)
{
	int bad = 0;

	for (int i = 0; i < COMMAND_KINDS; i++) {
		const struct command_type *t = &command_types[i];
		int kind = command_kind_by_name(str_from(t->name));
		bool sent = t->in.count > 0;

		bad += !t->name || !t->apply ||
		       t->size < sizeof(struct command);
		bad += kind != (sent ? i : -1);
		bad += t->in.size != t->size || t->out.size != t->size;
		for (size_t k = 0; k < t->in.count; k++)
			bad += t->in.fields[k].offset < sizeof(struct command);
		for (size_t k = 0; k < t->out.count; k++)
			bad += t->out.fields[k].offset < sizeof(struct command);
	}
	is_i64(bad, 0, "every row of the table is whole");
	is_i64(command_kind_by_name(STR("journal")), -1,
	       "journals are not sent as JSON");
	is_i64(command_kind_by_name(STR("nothing")), -1, "unknown names");
}

static void round_trip(void)
{
	static const char json[] =
		"{\"run_id\":\"r\",\"metrics\":[{\"key\":\"m\",\"value\":0.5,"
		"\"timestamp\":7,\"step\":-3}],\"params\":[{\"key\":\"p\","
		"\"value\":\"1\"}],\"tags\":[{\"key\":\"t\",\"value\":\"\"}]}";
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	char text[sizeof(json)];
	struct key_points *m;
	struct key_value *tag;

	memcpy(text, json, sizeof(json));
	works(command_read(&x->c, str_from(text), &fx.e));
	memset(text, 'x', sizeof(text));
	ok(x->c.kind == COMMAND_RUN_LOG && x->c.who.owner,
	   "its head is as it was");
	m = x->metrics.items;
	ok(x->metrics.n == 1 && m->step.v == -3 && m->value.v == 0.5,
	   "a metric is read");
	tag = x->tags.items;
	ok(x->tags.n == 1 && str_is(tag->key, "t") && tag->value.n == 0,
	   "a tag is read, from a copy of the text");
	is_str(write_json(&command_types[COMMAND_RUN_LOG].in, x), json,
	       "and written as it was");
	command_free(&x->c);
}

static void aliases(void)
{
	struct cmd_run_update *x = command_new(COMMAND_RUN_UPDATE);

	works(command_read(&x->c,
			   STR("{\"run_uuid\":\"r\",\"status\":\"FAILED\","
			       "\"end_time\":\"12\"}"),
			   &fx.e));
	ok(str_is(x->run_id, "r") && x->status.v == RUN_FAILED &&
		   x->end_time.v == 12,
	   "old names, enums and numbers as text");
	command_free(&x->c);
}

static int reads(enum command_kind kind, const char *json)
{
	struct command *c = command_new(kind);
	int rc;

	err_clear(&fx.e);
	rc = command_read(c, str_from(json), &fx.e);
	command_free(c);
	return rc;
}

static void refused(void)
{
	fails(reads(COMMAND_RUN_LOG, "{}"), ERR_INVALID,
	      "Missing value for required parameter 'run_id'");
	fails(reads(COMMAND_EXPERIMENT_CREATE, "{\"name\":\"\"}"), ERR_INVALID,
	      "Missing value for required parameter 'name'");
	fails(reads(COMMAND_RUN_LOG,
		    "{\"run_id\":\"r\",\"metrics\":[{\"key\":\"m\"}]}"),
	      ERR_INVALID, "metrics[0]");
	fails(reads(COMMAND_RUN_UPDATE,
		    "{\"run_id\":\"r\",\"status\":\"ASLEEP\"}"),
	      ERR_INVALID, "status");
	works(reads(COMMAND_EXPERIMENT_UNTAG,
		    "{\"experiment_id\":\"1\",\"key\":\"k\"}"));
}

static void answers(void)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct cmd_run_create *y = command_new(COMMAND_RUN_CREATE);

	x->run_name = STR("a");
	works(index_apply(fx.ix, &x->c, &fx.e));
	y->run_name = STR("kept");
	works(command_read_answer(
		&y->c,
		str_from(write_json(&command_types[COMMAND_RUN_CREATE].out, x)),
		&fx.e));
	ok(str_eq(x->ret_run_id, y->ret_run_id), "an answer is read back");
	ok(str_is(y->run_name, "kept"), "beside what was asked");
	command_free(&x->c);
	command_free(&y->c);
}

int main(void)
{
	fx_start(&fx);
	buf_init(&written, 1 << 20);
	table();
	round_trip();
	aliases();
	refused();
	answers();
	buf_fini(&written);
	fx_end(&fx);
	return tap_done();
}
