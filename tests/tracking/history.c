/* SPDX-License-Identifier: Apache-2.0 */
/* Page tokens of metric histories, and even sampling. */
#include "api/tracking/history.h"

#include <math.h>

#include "tests/tap.h"

static void tokens(void)
{
	struct point p = {.step = -7, .time = INT64_MAX, .value = -0.0}, q;
	char token[HISTORY_TOKEN + 1];
	struct err e;

	history_token(STR("run"), STR("loss"), &p, token);
	is_i64((int64_t)strlen(token), HISTORY_TOKEN, "length of a token");
	ok(history_token_parse(str_from(token), STR("run"), STR("loss"), &q,
			       &e) == 0,
	   "a token is read back");
	ok(point_same(&p, &q), "as the point it was made of");
	p.value = NAN;
	history_token(STR("run"), STR("loss"), &p, token);
	history_token_parse(str_from(token), STR("run"), STR("loss"), &q, &e);
	ok(point_same(&p, &q), "NaN too");
}

static void bad_tokens(void)
{
	static const char *const bad[] = {"", "x", "eyJvZmZzZXQiOiAxfQ==", "00",
					  "zz"};
	struct point p = {1, 2, 3.0}, q;
	char token[HISTORY_TOKEN + 1];
	struct err e;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(history_token_parse(str_from(bad[i]), STR("run"), STR("k"),
				       &q, &e) < 0,
		   "no token");
		ok(e.kind == ERR_INVALID, "is the caller's fault");
	}
	history_token(STR("run"), STR("loss"), &p, token);
	ok(history_token_parse(str_from(token), STR("run"), STR("acc"), &q,
			       &e) < 0,
	   "a token of another metric");
	ok(history_token_parse(str_from(token), STR("other"), STR("loss"), &q,
			       &e) < 0,
	   "a token of another run");
	token[HISTORY_TOKEN - 1] = 'z';
	ok(history_token_parse(str_from(token), STR("run"), STR("loss"), &q,
			       &e) < 0,
	   "a token that is not hex");
}

static void distinct(void)
{
	int64_t steps[1000];
	size_t at = 0;

	is_i64((int64_t)history_distinct(steps, 0), 0, "no steps");
	for (int i = 0; i < 1000; i++)
		steps[i] = (999 - i) / 2;
	is_i64((int64_t)history_distinct(steps, 1000), 500,
	       "repeated steps count once");
	is_i64(steps[0], 0, "sorted");
	is_i64(steps[499], 499, "to the last");
	ok(history_has(steps, 500, 499, &at), "the last is found");
	ok(!history_has(steps, 500, 500, &at), "what is beyond it is not");
	ok(history_has(steps, 500, 3, &at) && history_has(steps, 500, 4, &at) &&
		   history_has(steps, 500, 4, &at) &&
		   history_has(steps, 500, 2, &at),
	   "in whatever order");
	at = 0;
	ok(!history_has(steps, 0, 0, &at), "nothing is found in nothing");
}

static void sampling(void)
{
	int64_t steps[10], want[] = {0, 2, 4, 6, 8, 9};

	for (int i = 0; i < 10; i++)
		steps[i] = i;
	is_i64((int64_t)history_sample(steps, 0, 10), 0, "nothing to sample");
	is_i64((int64_t)history_sample(steps, 10, 10), 10, "no more than max");
	is_i64(steps[9], 9, "and none is lost");
	is_i64((int64_t)history_sample(steps, 10, 5), 6, "max, and the last");
	ok(memcmp(steps, want, sizeof(want)) == 0, "at even distances");
	is_i64((int64_t)history_sample(steps, 6, 1), 2, "one, and the last");
	is_i64(steps[0], 0, "the first");
	is_i64(steps[1], 9, "the last");
}

int main(void)
{
	tokens();
	bad_tokens();
	distinct();
	sampling();
	return tap_done();
}
