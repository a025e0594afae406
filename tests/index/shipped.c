/* SPDX-License-Identifier: Apache-2.0 */
/* shipped.c - journals that come by HTTP: whose they are, in what order, and
 * what is none.
 */
#include "indexer/index/shipped.h"

#include "indexer/journal/record.h"
#include "tests/index/desk.h"
#include "tests/tap.h"

#define ID "00112233445566778899aabbccddeeff"

static struct desk d;
static struct err e;

static void add(struct buf *b, const char *id, int64_t seq, struct str run)
{
	struct journal_point p = {.p = {.value = (double)seq}};
	struct journal_record r = {
		.seq = seq, .accepted = 1000, .run_id = run, .key = STR("m")};
	struct buf packed;

	buf_init(&packed, 1000);
	points_pack(&packed, &p);
	r.packed = buf_view(&packed);
	journal_record_put(id, &r, b);
	buf_fini(&packed);
}

/* Records first to last; how far the journal is applied then, or -1. */
static int64_t send(struct principal who, int64_t from, int64_t first,
		    int64_t last, struct str run)
{
	struct cmd_journal *x;
	int64_t applied = -1;
	struct buf b;

	buf_init(&b, JOURNAL_BODY_MAX);
	for (int64_t seq = first; seq <= last; seq++)
		add(&b, ID, seq, run);
	x = shipped_batch(STR(ID), from, buf_view(&b), &who, &e);
	if (x) {
		x->c.who = who;
		if (desk_apply(&d, &x->c) == 0)
			applied = x->ret_applied;
		else
			e = d.e;
		command_free(&x->c);
	}
	buf_fini(&b);
	return applied;
}

static int64_t points(struct str run)
{
	int64_t n;

	desk_begin(&d);
	n = desk_series(&d, run, "m").count;
	reader_end(d.rd);
	return n;
}

static void order(struct str run)
{
	struct principal owner = principal_owner();

	is_i64(send(owner, 0, 1, 0, run), 0, "nothing yet");
	is_i64(send(owner, 0, 1, 3, run), 3, "the first three");
	is_i64(send(owner, 0, 1, 3, run), 3, "the same again");
	is_i64(send(owner, 2, 3, 5, run), 5, "some of them with more");
	is_i64(send(owner, 7, 8, 9, run), 5, "ahead: nothing is taken");
	is_i64(send(owner, 5, 8, 9, run), 9, "those between are gone");
	is_i64(send(owner, 9, 9, 10, run), -1, "none that the sender passed");
	ok(e.kind == ERR_INVALID, "which is said");
	is_i64(points(run), 7, "each once");
}

static void others(struct str run)
{
	struct principal other = {.name = STR("mallory")};

	ok(send(other, 9, 10, 12, run) < 0 && e.kind == ERR_DENIED,
	   "a journal is whose it was from the first record on");
	is_i64(send(principal_owner(), 9, 10, 10, run), 10,
	       "who goes on with it");
	is_i64(points(run), 8, "as if nobody else had been there");
}

static void hostile(void)
{
	struct principal owner = principal_owner();
	struct buf b;

	buf_init(&b, 10000);
	add(&b, ID, 20, STR("run"));
	for (size_t i = 0; i < b.n; i++) {
		struct cmd_journal *x;

		b.p[i] ^= 1;
		x = shipped_batch(STR(ID), 0, buf_view(&b), &owner, &e);
		b.p[i] ^= 1;
		if (x || e.kind != ERR_INVALID)
			break;
		if (i + 1 == b.n)
			ok(true, "no byte of a record may differ");
	}
	for (size_t n = 1; n < b.n; n++)
		if (shipped_batch(STR(ID), 0, str_n(b.p, n), &owner, &e))
			ok(false, "a record that is cut");
	ok(!shipped_batch(STR("x"), 0, STR_NONE, &owner, &e), "no id");
	ok(!shipped_batch(STR(ID), -1, STR_NONE, &owner, &e), "no number");
	buf_fini(&b);
}

int main(void)
{
	struct str run;

	desk_open(&d);
	run = desk_run(&d);
	order(run);
	others(run);
	hostile();
	desk_close(&d);
	return tap_done();
}
