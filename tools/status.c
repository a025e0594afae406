/* SPDX-License-Identifier: Apache-2.0 */
/* status.c - `orrery status`, `config` and `version`: what runs, and how. */
#include "indexer/base/scope.h"
#include "tools/ask.h"
#include "tools/verbs.h"

enum { TEXT_MAX = 1 << 20 };

/* Every member of the answer, a line each; objects as headings. */
static void print_members(const cJSON *object, int indent)
{
	const cJSON *m;

	cJSON_ArrayForEach(m, object)
	{
		printf("%*s%-*s ", indent, "", 26 - indent, m->string);
		if (cJSON_IsString(m))
			printf("%s\n", m->valuestring);
		else if (cJSON_IsNumber(m))
			printf("%.15g\n", m->valuedouble);
		else if (cJSON_IsBool(m))
			printf("%s\n", cJSON_IsTrue(m) ? "yes" : "no");
		else
			printf("\n");
		if (cJSON_IsObject(m))
			print_members(m, indent + 2);
	}
}

static int print_json(const cJSON *answer, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct json_out j;

	buf_init(&b, TEXT_MAX);
	jo_init(&j, &b, 2);
	json_doc_write(&j, answer);
	if (!buf_ok(&b))
		return err_set(e, ERR_TOO_LARGE, "answer beyond %d bytes",
			       TEXT_MAX);
	puts(b.p);
	return 0;
}

int verb_status(const struct args *a, struct err *e)
{
	struct client *c = ask_open(a, e);
	cJSON *answer = c ? ask(c, "/api/status", NULL, e) : NULL;
	int r = answer ? 0 : -1;

	if (answer && args_given(a, "json"))
		r = print_json(answer, e);
	else if (answer)
		print_members(answer, 0);
	cJSON_Delete(answer);
	client_free(c);
	return r ? EXIT_FAILED : EXIT_DONE;
}

int verb_config(const struct args *a, struct err *e)
{
	SCOPED(buf_fini) struct buf b;

	buf_init(&b, TEXT_MAX);
	if (args_given(a, "json"))
		conf_print_json(&a->conf, &b);
	else
		conf_print(&a->conf, &b);
	if (!buf_ok(&b)) {
		err_set(e, ERR_TOO_LARGE, "configuration beyond %d bytes",
			TEXT_MAX);
		return EXIT_FAILED;
	}
	fwrite(b.p, 1, b.n, stdout);
	return EXIT_DONE;
}

int verb_version(const struct args *a, struct err *e)
{
	(void)e;
	if (args_given(a, "json"))
		printf("{\"version\": \"%s\"}\n", ORRERY_VERSION);
	else
		printf("orrery %s\n", ORRERY_VERSION);
	return EXIT_DONE;
}
