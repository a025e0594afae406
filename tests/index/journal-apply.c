/* SPDX-License-Identifier: Apache-2.0 */
/* journal-apply.c - lines of journals become points once, whatever comes
 * twice; steps go on, times move on; what is refused harms nothing else.
 */
#include "tests/index/desk.h"
#include "tests/tap.h"

static const struct str JOURNAL = {"00112233445566778899aabbccddeeff", 32};

/* A record: "value", "step value" and "step value time" lines parsed by the
 * grammar of line.h. */
struct record {
	struct str run;
	const char *key;
	int64_t seq, accepted;
	const char *text;
};

static size_t parse(const char *text, struct journal_point *out)
{
	struct str rest = str_from(text);
	struct err e;
	size_t n = 0;

	while (rest.n)
		n += line_parse(str_cut(&rest, '\n'), &out[n], &e) == 1;
	return n;
}

static int apply_as(struct desk *d, struct principal who, struct str id,
		    const struct record *r, size_t n)
{
	struct cmd_journal *x = command_new(COMMAND_JOURNAL);
	struct journal_line *lines =
		arena_array(&x->c.arena, n, sizeof(*lines));
	int rc;

	for (size_t i = 0; i < n; i++) {
		struct journal_point *p =
			arena_array(&x->c.arena, 2000, sizeof(*p));

		lines[i] = (struct journal_line){r[i].run, str_from(r[i].key),
						 r[i].seq, r[i].accepted,
						 p,        parse(r[i].text, p)};
	}
	x->c.who = who;
	x->journal_id = id;
	x->first_seq = r[0].seq;
	x->last_seq = r[n - 1].seq;
	x->lines = lines;
	x->nlines = n;
	rc = desk_apply(d, &x->c);
	command_free(&x->c);
	return rc;
}

static int apply(struct desk *d, const struct record *r, size_t n)
{
	return apply_as(d, principal_owner(), JOURNAL, r, n);
}

/* The whole of a series as text. */
static const char *text(struct desk *d, struct str run, const char *key)
{
	struct series s;
	char *out;

	desk_begin(d);
	s = desk_series(d, run, key);
	out = arena_alloc(&d->a, (size_t)s.text + 1);
	if (series_read_text(d->rd, &s, 0, out, (size_t)s.text, &d->e) < 0)
		desk_die(d, "text");
	reader_end(d->rd);
	return out;
}

static int64_t applied(struct desk *d)
{
	int64_t seq;

	desk_begin(d);
	seq = journal_applied(d->rd, JOURNAL);
	reader_end(d->rd);
	return seq;
}

static void steps(struct desk *d)
{
	struct str run = desk_run(d);
	struct record r[] = {
		{run, "a", 1, 1000, "0.5\n0.25\n"},
		{run, "a", 2, 1000, "7 1 900\n3\n"},
		{run, "b", 3, 1005, "4 1\n1\n2 1 3\n"},
		{run, "c", 4, 1005, "9223372036854775807 1\n2\n"},
	};

	ok(apply(d, r, 4) == 0, "lines of three metrics");
	is_str(text(d, run, "a"),
	       "0\t0.5\t1000\n1\t0.25\t1000\n7\t1.0\t900\n8\t3.0\t1000\n",
	       "a step goes on from that of the line before");
	is_str(text(d, run, "b"), "4\t1.0\t1005\n5\t1.0\t1005\n2\t1.0\t3\n",
	       "a time is that of acceptance unless it is given");
	is_str(text(d, run, "c"),
	       "9223372036854775807\t1.0\t1005\n"
	       "9223372036854775807\t2.0\t1005\n",
	       "the last step of all is not passed");
	is_i64(applied(d), 4, "applied up to the last one");
	desk_crash(d);
	ok(apply(d, (struct record[]){{run, "a", 5, 1001, "9\n"}}, 1) == 0,
	   "another one, after a restart");
	ok(strstr(text(d, run, "a"), "\n9\t9.0\t1001\n") != NULL,
	   "goes on from there");
}

static void replays(struct desk *d)
{
	struct str run = desk_run(d);
	struct record r[] = {{run, "a", 1, 1000, "1\n"},
			     {run, "a", 2, 1000, "2\n"},
			     {run, "a", 3, 1000, "3\n"}};
	const char *once = "0\t1.0\t1000\n1\t2.0\t1000\n2\t3.0\t1000\n";

	apply(d, r, 2);
	ok(apply(d, r, 2) == 0, "the same records again");
	ok(apply(d, r, 3) == 0, "and again, with one more");
	is_str(text(d, run, "a"), once, "each is applied once");
	desk_crash(d);
	ok(apply(d, r, 3) == 0, "after a restart");
	is_str(text(d, run, "a"), once, "also once");
	ok(apply(d, r, 1) == 0 && applied(d) == 3,
	   "the number never goes back");
	apply_as(d, principal_owner(), STR("another journal"), r, 1);
	ok(strstr(text(d, run, "a"), "3\t1.0\t1000\n") != NULL,
	   "another journal counts for itself");
}

static void repeats(struct desk *d)
{
	struct str run = desk_run(d);
	struct record r[] = {
		{run, "same", 1, 1000, "5 1\n5 1\n5 1\n"},
		{run, "same", 2, 1000, "5 1\n"},
		{run, "timed", 3, 1000, "5 1 70\n5 1 70\n6 1 70\n5 1 70\n"},
		{run, "timed", 4, 1000, "6 1 70\n5 1 71\n"},
		{run, "mixed", 5, 1000, "5 1 1000\n5 1 1001\n5 1\n5 1\n"},
		{run, "mixed", 6, 1000, "5 1 1003\n5 2\n5 2\n"},
	};

	ok(apply(d, r, 6) == 0, "lines that repeat others");
	is_str(text(d, run, "same"),
	       "5\t1.0\t1000\n5\t1.0\t1001\n5\t1.0\t1002\n5\t1.0\t1003\n",
	       "without a time each is a new point");
	is_str(text(d, run, "timed"), "5\t1.0\t70\n6\t1.0\t70\n5\t1.0\t71\n",
	       "with a time that is there it vanishes");
	is_str(text(d, run, "mixed"),
	       "5\t1.0\t1000\n5\t1.0\t1001\n5\t1.0\t1002\n5\t1.0\t1003\n"
	       "5\t2.0\t1000\n5\t2.0\t1001\n",
	       "both");
	desk_fold(d, run);
	desk_crash(d);
	r[1].seq = 7;
	apply(d, &r[1], 1);
	ok(strstr(text(d, run, "same"), "1003\n5\t1.0\t1004\n") != NULL,
	   "folded ones are known too");
}

static void crowd(struct desk *d)
{
	struct str run = desk_run(d);
	struct buf b;
	struct series s;

	buf_init(&b, 1 << 20);
	for (int i = 0; i < 1500; i++)
		buf_puts(&b, i % 2 ? "0 1\n" : "0 2\n");
	for (int64_t seq = 1; seq <= 20; seq++)
		apply(d, (struct record[]){{run, "a", seq, 1000, b.p}}, 1);
	s = desk_look(d, run, "a");
	is_i64(s.count, 30000, "30000 lines at one time: so many points");
	is_i64(s.latest.time, 1000 + 15000 - 1, "one per ms and value");
	desk_fold(d, run);
	buf_fini(&b);
}

static int count_refused(void *ctx, int64_t row, int64_t time,
			 struct str run_id, struct str key, struct str why,
			 struct err *e)
{
	struct buf *b = ctx;

	(void)row;
	(void)time;
	(void)run_id;
	(void)e;
	buf_str(b, key);
	buf_puts(b, why.n ? ": " : "! ");
	buf_str(b, str_n(why.p, why.n < 7 ? why.n : 7));
	buf_putc(b, '\n');
	return 0;
}

static void refusals(struct desk *d)
{
	struct str run = desk_run(d), gone = desk_run(d);
	struct journal_point bad = {{1, -5, 1}, true, true};
	struct journal_line line = {run, STR("late"), 9, 1000, &bad, 1};
	struct record r[] = {
		{STR("nonsense\xff\n"), "k1", 1, 1000, "1\n"},
		{run, "good", 2, 1000, "1\n"},
		{gone, "k2", 3, 1000, "1\n"},
		{run, "/k3", 4, 1000, "1\n"},
		{run, "good", 5, 1000, "2\n"},
		{run, "blank", 6, 1000, "\n"},
	};
	struct cmd_journal *x;
	struct buf b;

	buf_init(&b, 1 << 16);
	desk_run_command(d, COMMAND_RUN_DELETE, gone);
	ok(apply(d, r, 6) == 0, "good lines among bad ones");
	is_str(text(d, run, "good"), "0\t1.0\t1000\n1\t2.0\t1000\n",
	       "the good ones are there");
	x = command_new(COMMAND_JOURNAL);
	x->journal_id = JOURNAL;
	x->last_seq = 9;
	x->lines = &line;
	x->nlines = 1;
	ok(desk_apply(d, &x->c) == 0, "a negative time");
	command_free(&x->c);
	desk_begin(d);
	refused_each(d->rd, 0, count_refused, &b, &d->e);
	reader_end(d->rd);
	is_str(b.p, "k1: Run wit\nk2: The run\n/k3: Invalid\nlate: negativ\n",
	       "each bad one is a row");
	is_i64(applied(d), 9, "and counts as applied");
	buf_fini(&b);
}

static void flood(struct desk *d)
{
	enum { LINES = 4000, ROUNDS = 3 };
	struct journal_line *lines = calloc(LINES, sizeof(*lines));
	struct journal_point p = {{1, 1, 1}, true, true};

	for (int round = 0; round < ROUNDS; round++) {
		struct cmd_journal *x = command_new(COMMAND_JOURNAL);

		x->journal_id = JOURNAL;
		x->last_seq = (round + 1) * LINES;
		x->lines = lines;
		x->nlines = LINES;
		for (int i = 0; i < LINES; i++)
			lines[i] = (struct journal_line){STR("nowhere"),
							 STR("a"),
							 round * LINES + i + 1,
							 1,
							 &p,
							 1};
		if (desk_apply(d, &x->c))
			desk_die(d, "flood");
		command_free(&x->c);
	}
	is_i64(desk_count(d, "SELECT count(*) FROM refused"), LIMIT_REFUSED,
	       "a flood of bad lines: the last of them are kept");
	free(lines);
}

static void rights(struct desk *d)
{
	struct principal nobody = {.name = STR("nobody")};
	struct str run = desk_run(d);
	struct record r[] = {{run, "a", 1, 1000, "1\n"}};
	struct series s;

	ok(apply_as(d, nobody, JOURNAL, r, 1) == 0, "by one without rights");
	desk_begin(d);
	ok(series_by_key(d->rd, desk_row(d, run), STR("a"), &d->a, &s, &d->e) ==
		   -1,
	   "nothing is written");
	reader_end(d->rd);
	is_i64(desk_count(d, "SELECT count(*) FROM refused"), 1,
	       "it is refused");
	is_i64(applied(d), 1, "once");
}

static void clocks(struct desk *d)
{
	struct str run = desk_run(d);
	struct record r[] = {{run, "a", 1, INT64_MAX, "1\n1\n"},
			     {run, "b", 2, INT64_MIN, "1\n"}};
	struct series s;

	ok(apply(d, r, 2) == 0, "absurd times of acceptance");
	s = desk_look(d, run, "a");
	ok(s.latest.time <= d->w->now + 1, "are not believed");
	s = desk_look(d, run, "b");
	ok(s.latest.time == d->w->now, "nor negative ones");
}

int main(void)
{
	static void (*const tests[])(struct desk *) = {
		steps,    replays, repeats, crowd,
		refusals, flood,   rights,  clocks};

	for (size_t i = 0; i < sizeof(tests) / sizeof(*tests); i++) {
		struct desk d;

		desk_open(&d);
		tests[i](&d);
		desk_close(&d);
	}
	return tap_done();
}
