/* SPDX-License-Identifier: Apache-2.0 */
/* move.c - renames. What a rename means depends on what is moved and on the
 * two directories: one row for each that means something; every other is
 * refused.
 */
#include "fs/move.h"

#include <errno.h>
#include <stdio.h>

#include "fs/families.h"
#include "indexer/index/limits.h"

int scratch_rename(struct fs_call *c, struct move *m, struct err *e)
{
	(void)e;
	if (m->over.kind == KIND_SCRATCH)
		scratch_remove(c->fs, m->over.node);
	nodes_move(&c->fs->nodes, m->what.node, m->to, m->to_name);
	m->moved = true;
	return 0;
}

static const struct rule {
	enum node_kind what, from, to; /* KIND_NONE: any */
	bool to_scratch;               /* onto a name of scratch */
	move_fn *fn;
} rules[] = {
	{KIND_EXPERIMENT, KIND_EXPERIMENTS, KIND_EXPERIMENTS, false,
	 experiment_rename},
	{KIND_EXPERIMENT, KIND_EXPERIMENTS, KIND_TRASH, false,
	 experiment_to_trash},
	{KIND_EXPERIMENT, KIND_EXPERIMENTS, KIND_TRASH_EXPERIMENTS, false,
	 experiment_to_trash},
	{KIND_EXPERIMENT, KIND_TRASH_EXPERIMENTS, KIND_EXPERIMENTS, false,
	 experiment_restore},
	{KIND_RUN, KIND_RUNS, KIND_RUNS, false, run_rename_dir},
	{KIND_RUN, KIND_RUNS, KIND_TRASH, false, run_to_trash},
	{KIND_RUN, KIND_RUNS, KIND_TRASH_RUNS, false, run_to_trash},
	{KIND_RUN, KIND_RUNS, KIND_TRASH_RUNS_OF, false, run_to_trash},
	{KIND_RUN, KIND_TRASH_RUNS_OF, KIND_RUNS, false, run_restore},
	{KIND_SCRATCH, KIND_NONE, KIND_NONE, true, scratch_rename},
	{KIND_SCRATCH, KIND_NONE, KIND_PARAMS, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_TAGS, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_EXPERIMENT_TAGS, false,
	 scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_RUN, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_MODEL, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_MODEL_TAGS, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_VERSION_TAGS, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_LOGGED_TAGS, false, scratch_to_scalar},
	{KIND_SCRATCH, KIND_NONE, KIND_METRICS, false, scratch_to_metric},
	{KIND_SCRATCH, KIND_NONE, KIND_METRIC_DIR, false, scratch_to_metric},
	{KIND_STATUS, KIND_NONE, KIND_RUN, true, scalar_to_scratch},
	{KIND_PARAM, KIND_NONE, KIND_PARAMS, true, scalar_to_scratch},
	{KIND_TAG, KIND_NONE, KIND_TAGS, true, scalar_to_scratch},
	{KIND_EXPERIMENT_TAG, KIND_NONE, KIND_EXPERIMENT_TAGS, true,
	 scalar_to_scratch},
	{KIND_MODEL_DESCRIPTION, KIND_NONE, KIND_MODEL, true,
	 scalar_to_scratch},
	{KIND_MODEL_TAG, KIND_NONE, KIND_MODEL_TAGS, true, scalar_to_scratch},
	{KIND_VERSION_TAG, KIND_NONE, KIND_VERSION_TAGS, true,
	 scalar_to_scratch},
	{KIND_LOGGED_TAG, KIND_NONE, KIND_LOGGED_TAGS, true, scalar_to_scratch},
	{KIND_TAG, KIND_TAGS, KIND_TAGS, false, tag_rename},
	{KIND_MODEL_TAG, KIND_MODEL_TAGS, KIND_MODEL_TAGS, false, tag_rename},
	{KIND_VERSION_TAG, KIND_VERSION_TAGS, KIND_VERSION_TAGS, false,
	 tag_rename},
	{KIND_LOGGED_TAG, KIND_LOGGED_TAGS, KIND_LOGGED_TAGS, false,
	 tag_rename},
	{KIND_MODEL, KIND_MODELS, KIND_MODELS, false, model_rename},
	{KIND_ALIAS, KIND_ALIASES, KIND_ALIASES, false, alias_rename},
	{KIND_ALIAS_DRAFT, KIND_ALIASES, KIND_ALIASES, false, alias_rename},
	{KIND_EXPERIMENT_TAG, KIND_EXPERIMENT_TAGS, KIND_EXPERIMENT_TAGS, false,
	 tag_rename},
	{KIND_ARTIFACT, KIND_NONE, KIND_ARTIFACTS, false, artifact_move},
	{KIND_ARTIFACT, KIND_NONE, KIND_ARTIFACT_DIR, false, artifact_move},
	{KIND_ARTIFACT_DIR, KIND_NONE, KIND_ARTIFACTS, false, artifact_move},
	{KIND_ARTIFACT_DIR, KIND_NONE, KIND_ARTIFACT_DIR, false, artifact_move},
};

static const struct rule *rule_for(const struct move *m)
{
	bool scratch = (kinds[m->to->kind].flags & KIND_SCRATCHY) &&
		       scratch_name(m->to_name);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		const struct rule *r = &rules[i];

		if (r->what == m->what.kind &&
		    (!r->from || r->from == m->from->kind) &&
		    (!r->to || r->to == m->to->kind) &&
		    r->to_scratch == scratch)
			return r;
	}
	return NULL;
}

/* Bytes can be copied anywhere that takes a file: mv does so on EXDEV. */
static int no_rule(const struct move *m, struct err *e)
{
	bool bytes =
		m->what.kind == KIND_ARTIFACT || m->what.kind == KIND_SCRATCH;

	if (bytes && kinds[m->to->kind].create)
		return err_sys(e, EXDEV, "it has to be copied");
	return err_set(e, ERR_READ_ONLY, "'%.*s' cannot be moved there",
		       STR_ARG(m->from_name));
}

/* Another spelling, or an id, stands for what it leads to. */
static int find_what(struct fs_call *c, struct move *m, struct err *e)
{
	if (fs_find(c, m->from, m->from_name, &m->what, e))
		return -1;
	if (m->what.kind != KIND_LINK)
		return 0;
	m->from_name = m->what.key;
	return fs_find(c, m->from, m->from_name, &m->what, e);
}

static int find_both(struct fs_call *c, struct move *m, struct err *e)
{
	if (find_what(c, m, e))
		return -1;
	if (fs_find(c, m->to, m->to_name, &m->over, e)) {
		m->over = (struct found){0};
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	}
	if (m->no_replace)
		return err_set(e, ERR_EXISTS, "'%.*s' is there already",
			       STR_ARG(m->to_name));
	return 0;
}

static int check_types(const struct move *m, struct err *e)
{
	bool dir = kind_is_dir(m->what.kind);

	if (!m->over.kind || kind_is_dir(m->over.kind) == dir)
		return 0;
	return dir ? err_set(e, ERR_NOT_DIR, "not a directory")
		   : err_set(e, ERR_IS_DIR, "it is a directory");
}

static bool is_same(const struct move *m)
{
	return m->over.kind == m->what.kind && m->over.row == m->what.row &&
	       m->over.node == m->what.node && str_eq(m->over.key, m->what.key);
}

/* The kernel moves its entry: so does the table. */
static void move_node(struct fs_call *c, const struct move *m)
{
	struct nodes *t = &c->fs->nodes;
	struct node *n;

	n = nodes_known(t, node_ident(m->what.kind, m->what.row, m->what.key));
	if (n)
		nodes_move(t, n, m->to, m->to_name);
	nodes_drop(t, n);
}

static int rename_in(struct fs_call *c, struct move *m, struct err *e)
{
	const struct rule *rule;

	if (find_both(c, m, e) || check_types(m, e) ||
	    fs_check_alive(c, m->from, e) || fs_check_alive(c, m->to, e))
		return -1;
	if (is_same(m) && m->from == m->to)
		return 0;
	rule = rule_for(m);
	if (!rule)
		return no_rule(m, e);
	if (rule->fn(c, m, e))
		return -1;
	if (!m->moved && kind_is_dir(m->what.kind))
		move_node(c, m);
	return 0;
}

int fs_rename(struct fs_call *c, uint64_t dir, struct str name, uint64_t to_dir,
	      struct str to_name, unsigned flags, struct err *e)
{
	struct move m = {
		.from = nodes_find(&c->fs->nodes, dir),
		.to = nodes_find(&c->fs->nodes, to_dir),
		.from_name = name,
		.to_name = to_name,
		.no_replace = flags & RENAME_NOREPLACE,
	};
	int r;

	if (!m.from || !m.to)
		return err_set(e, ERR_NOT_FOUND, "no such directory any more");
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return err_set(e, ERR_INVALID, "no such way of renaming");
	if (to_name.n > LIMIT_FILE_NAME)
		return err_set(e, ERR_TOO_LONG, "a name has at most %d bytes",
			       LIMIT_FILE_NAME);
	r = rename_in(c, &m, e);
	fs_end(c);
	return r;
}
