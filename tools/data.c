/* SPDX-License-Identifier: Apache-2.0 */
/* data.c - `orrery check`, `backup` and `restore`: the care of a data
 * directory.
 */
#include <errno.h>
#include <limits.h>
#include <unistd.h>

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
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

/* What is damaged may hold anything: a terminal gets text only. */
static void print_text(struct str s)
{
	for (size_t i = 0; i < s.n;) {
		unsigned char c = (unsigned char)s.p[i];
		size_t n = utf8_sequence(str_n(s.p + i, s.n - i));

		if (n && c >= ' ' && c != 0x7f) {
			fwrite(s.p + i, 1, n, stdout);
		} else {
			printf("\\x%02x", c);
			n = 1;
		}
		i += n;
	}
}

static void print_finding(void *ctx, const char *what, const char *detail)
{
	struct findings *f = ctx;

	f->n++;
	if (!f->json) {
		printf("%s: ", what);
		print_text(str_from(detail));
		putchar('\n');
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
	return store_check(conf->data.p, &conf->objects, print_finding, f, e);
}

int verb_check(const struct args *a, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct findings f = {.json = args_given(a, "json")};
	int r;

	buf_init(&b, 64 << 20);
	jo_init(&f.out, &b, 2);
	jo_object(&f.out);
	jo_key(&f.out, "findings");
	jo_array(&f.out);
	r = check_all(&a->conf, &f, e);
	jo_array_end(&f.out);
	jo_object_end(&f.out);
	if (!r && f.json && !buf_ok(&b))
		r = err_set(e, ERR_TOO_LARGE,
			    "%zu findings are too many for "
			    "JSON",
			    f.n);
	if (r)
		return EXIT_FAILED;
	if (f.json)
		puts(b.p);
	else if (f.n)
		printf(f.n == 1 ? "%zu finding\n" : "%zu findings\n", f.n);
	else
		puts("clean");
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

	buf_init(&body, 64 << 10);
	if (path_absolute(a->operands[0], path, sizeof(path), e))
		return EXIT_FAILED;
	c = ask_open(a, e);
	if (!c)
		return EXIT_FAILED;
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
	const char *data = a->conf.data.p;

	if (index_restore(data, a->operands[0], e))
		return EXIT_FAILED;
	printf("restored %s from %s\n", data, a->operands[0]);
	return EXIT_DONE;
}
