/* SPDX-License-Identifier: Apache-2.0 */
/* made.h - a small index to render from, in a directory of its own. */
#ifndef ORRERY_TESTS_RENDER_MADE_H
#define ORRERY_TESTS_RENDER_MADE_H

#include <dirent.h>
#include <unistd.h>

#include "indexer/index/index.h"
#include "indexer/index/reader.h"
#include "tests/tap.h"

struct made {
	char dir[64];
	struct index *index;
	struct reader *reader;
	struct arena arena;
	struct err e;
};

static void made_begin(struct made *m)
{
	const char *tmp = getenv("TMPDIR");

	memset(m, 0, sizeof(*m));
	snprintf(m->dir, sizeof(m->dir), "%.40s/render-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(m->dir))
		abort();
	arena_init(&m->arena, 16 << 20);
	m->index = index_open(m->dir, &m->e);
	m->reader = m->index ? reader_open(m->dir, &m->e) : NULL;
	if (!m->reader) {
		printf("Bail out! %s\n", m->e.msg);
		exit(1);
	}
}

static void made_remove(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	char below[512];

	while (d && (entry = readdir(d))) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		snprintf(below, sizeof(below), "%s/%s", path, entry->d_name);
		if (unlink(below))
			made_remove(below);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

static void made_end(struct made *m)
{
	reader_close(m->reader);
	index_close(m->index);
	arena_fini(&m->arena);
	made_remove(m->dir);
}

/* Apply a command that must take effect; free it. */
static void made_apply(struct made *m, void *command)
{
	struct command *c = command;

	if (!ok(index_apply(m->index, c, &m->e) == 0, "a command is applied"))
		printf("# %s\n", m->e.msg);
	command_free(c);
}

static struct str made_experiment(struct made *m, const char *name)
{
	struct cmd_experiment_create *x =
		command_new(COMMAND_EXPERIMENT_CREATE);
	struct str id;

	x->name = str_from(name);
	if (index_apply(m->index, &x->c, &m->e))
		printf("# %s\n", m->e.msg);
	id = arena_str(&m->arena, x->ret_experiment_id);
	command_free(&x->c);
	return id;
}

static struct str made_run(struct made *m, struct str experiment,
			   const char *name)
{
	struct cmd_run_create *x = command_new(COMMAND_RUN_CREATE);
	struct str id;

	x->experiment_id = experiment;
	x->run_name = str_from(name);
	x->start_time = (struct opt_i64){1000, true};
	if (index_apply(m->index, &x->c, &m->e))
		printf("# %s\n", m->e.msg);
	id = arena_str(&m->arena, x->ret_run_id);
	command_free(&x->c);
	return id;
}

static inline void made_point(struct made *m, struct str run, const char *key,
			      struct point p)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_points k = {.key = str_from(key),
			       .value = {p.value, true},
			       .timestamp = {p.time, true},
			       .step = {p.step, true}};

	x->run_id = run;
	x->metrics = (struct field_list){&k, 1};
	made_apply(m, x);
}

static inline void made_pair(struct made *m, struct str run, bool tag,
			     const char *key, const char *value)
{
	struct cmd_run_log *x = command_new(COMMAND_RUN_LOG);
	struct key_value kv = {str_from(key), str_from(value)};

	x->run_id = run;
	if (tag)
		x->tags = (struct field_list){&kv, 1};
	else
		x->params = (struct field_list){&kv, 1};
	made_apply(m, x);
}

static void made_look(struct made *m)
{
	struct principal owner = principal_owner();

	if (!ok(reader_begin(m->reader, &owner, &m->e) == 0, "a snapshot"))
		printf("# %s\n", m->e.msg);
}

#endif
