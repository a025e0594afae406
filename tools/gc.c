/* SPDX-License-Identifier: Apache-2.0 */
/* gc.c - `orrery gc`: removing for good what was deleted. */
#include <inttypes.h>

#include "indexer/base/scope.h"
#include "tools/ask.h"
#include "tools/verbs.h"

/* What the daemon counts, and how that is said. */
static const struct {
	const char *name, *one, *many;
} figures[] = {
	{"experiments", "experiment", "experiments"},
	{"runs", "run", "runs"},
	{"logged_models", "logged model", "logged models"},
	{"tags", "tag", "tags"},
	{"objects", "object", "objects"},
	{"bytes", "byte", "bytes"},
	{"orphans", "object that a crash left", "objects that crashes left"},
	{"orphan_bytes", "byte of them", "bytes of them"},
	{"uploads", "abandoned upload", "abandoned uploads"},
};

enum { FIGURES = sizeof(figures) / sizeof(figures[0]) };

/* The daemon answers round by round; figures are added up. */
static int ask_rounds(struct client *c, const char *body, int64_t sums[FIGURES],
		      struct err *e)
{
	bool complete = false;

	while (!complete) {
		cJSON *answer = ask(c, "/api/gc", body, e);
		const cJSON *end =
			answer ? json_doc_get(answer, "complete") : NULL;

		if (!answer)
			return -1;
		complete = !cJSON_IsFalse(end);
		for (int i = 0; i < FIGURES; i++)
			sums[i] += (int64_t)ask_number(answer, figures[i].name);
		cJSON_Delete(answer);
	}
	return 0;
}

static void print_words(const int64_t sums[FIGURES], bool dry_run)
{
	const char *before = dry_run ? "would remove " : "removed ";
	bool any = false;

	for (int i = 0; i < FIGURES; i++) {
		if (!sums[i])
			continue;
		printf("%s%" PRId64 " %s", any ? ", " : before, sums[i],
		       sums[i] == 1 ? figures[i].one : figures[i].many);
		any = true;
	}
	puts(any ? "" : "nothing to remove");
}

static void print_json(const int64_t sums[FIGURES], bool dry_run)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, 64 << 10);
	jo_init(&j, &b, 2);
	jo_object(&j);
	for (int i = 0; i < FIGURES; i++)
		jo_ki64(&j, figures[i].name, sums[i]);
	jo_kbool(&j, "dry_run", dry_run);
	jo_object_end(&j);
	puts(buf_ok(&b) ? b.p : "");
}

static void write_body(struct buf *b, const char *age, bool dry_run)
{
	struct json_out j;

	jo_init(&j, b, 0);
	jo_object(&j);
	if (age)
		jo_kstr(&j, "older_than", str_from(age));
	jo_kbool(&j, "dry_run", dry_run);
	jo_object_end(&j);
}

int verb_gc(const struct args *a, struct err *e)
{
	SCOPED(buf_fini) struct buf body;
	bool dry_run = args_given(a, "dry-run");
	int64_t sums[FIGURES] = {0};
	struct client *c = ask_open(a, e);
	int r;

	buf_init(&body, 64 << 10);
	if (!c)
		return EXIT_FAILED;
	write_body(&body, args_value(a, "older-than", NULL), dry_run);
	r = ask_rounds(c, body.p, sums, e);
	client_free(c);
	if (r)
		return EXIT_FAILED;
	if (args_given(a, "json"))
		print_json(sums, dry_run);
	else
		print_words(sums, dry_run);
	return EXIT_DONE;
}
