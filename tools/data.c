/* SPDX-License-Identifier: Apache-2.0 */
/* data.c - `orrery check`, `backup` and `restore`: the care of a data
 * directory.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/index/index.h"
#include "indexer/index/restore.h"
#include "indexer/index/store_check.h"
#include "tools/ask.h"
#include "tools/verbs.h"

struct findings {
	bool json;
	size_t n;
	struct json_out out;
};

static void print_finding(void *ctx, const char *what, const char *detail)
{
	struct findings *f = ctx;

	f->n++;
	if (!f->json) {
		printf("%s: %s\n", what, detail);
		return;
	}
	jo_object(&f->out);
	jo_kstr(&f->out, "what", str_from(what));
	jo_kstr(&f->out, "detail", str_from(detail));
	jo_object_end(&f->out);
}

static int check_all(const struct conf *conf, struct findings *f, struct err *e)
{
	if (settings_find_index(conf, e) ||
	    index_check(conf->data.p, print_finding, f, e))
		return -1;
	return store_check(conf->data.p, conf->objects_url, print_finding, f,
			   e);
}

int verb_check(const struct args *a, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct findings f = {.json = args_given(a, "json")};
	struct conf conf;
	int r;

	if (settings_load(&conf, a, e))
		return EXIT_USAGE;
	buf_init(&b, 64 << 20);
	jo_init(&f.out, &b, 2);
	jo_object(&f.out);
	jo_key(&f.out, "findings");
	jo_array(&f.out);
	r = check_all(&conf, &f, e);
	jo_array_end(&f.out);
	jo_object_end(&f.out);
	conf_fini(&conf);
	if (r)
		return EXIT_FAILED;
	if (f.json)
		puts(buf_ok(&b) ? b.p : "");
	else
		printf(f.n ? "%zu findings\n" : "clean\n", f.n);
	return f.n ? EXIT_FAILED : EXIT_DONE;
}

/* The daemon writes the copy: it holds the one connection that may. */
int verb_backup(const struct args *a, struct err *e)
{
	SCOPED(buf_fini) struct buf body;
	char path[PATH_MAX];
	struct json_out j;
	struct client *c;
	cJSON *answer;

	if (path_absolute(a->operands[0], path, sizeof(path), e))
		return EXIT_FAILED;
	c = ask_open(a, e);
	if (!c)
		return EXIT_FAILED;
	buf_init(&body, 64 << 10);
	jo_init(&j, &body, 0);
	jo_object(&j);
	jo_kstr(&j, "file", str_from(path));
	jo_object_end(&j);
	answer = ask(c, "/api/backup", body.p, e);
	if (answer)
		printf("wrote %s\n", path);
	client_free(c);
	cJSON_Delete(answer);
	return answer ? EXIT_DONE : EXIT_FAILED;
}

int verb_restore(const struct args *a, struct err *e)
{
	struct conf conf;
	int r;

	if (settings_load(&conf, a, e))
		return EXIT_USAGE;
	r = index_restore(conf.data.p, a->operands[0], e);
	if (!r)
		printf("restored %s from %s\n", conf.data.p, a->operands[0]);
	conf_fini(&conf);
	return r ? EXIT_FAILED : EXIT_DONE;
}
