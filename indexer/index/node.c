/* SPDX-License-Identifier: Apache-2.0 */
/* node.c - rows of the tree of artifacts.
 *
 * A row knows its parent, so a directory moves or goes with one row changed.
 * A removed directory is cut off by giving it a parent that no path leads to
 * (-id); what hangs below is taken away later, in slices.
 */
#include "indexer/base/clock.h"
#include "indexer/base/scope.h"
#include "indexer/index/artifact.h"
#include "indexer/index/owner.h"

enum { DIR_MODE = 0755, REAP_CHILDREN = 200 };

static int find_child(struct writer *w, struct place *p, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int rc;

	if (cursor_open(&q, &w->db, STMT_NODE_CHILD,
			BINDS(B(p->owner->row), B(p->parent), B(p->name)),
			e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc < 0)
		return -1;
	p->found = rc > 0;
	if (p->found)
		p->node = (struct node){.row = cursor_i64(&q, 0),
					.parent = p->parent,
					.is_dir = cursor_i64(&q, 1) != 0,
					.size = cursor_i64(&q, 2)};
	return 0;
}

int node_entries_changed(struct writer *w, int64_t owner, int64_t row,
			 struct err *e)
{
	static const enum stmt_id of_root[OWNER_KINDS] = {
		[OWNER_RUN] = STMT_ROOT_MTIME,
		[OWNER_MODEL] = STMT_LOGGED_ROOT_MTIME,
		[OWNER_TRACE] = STMT_TRACE_ROOT_MTIME};

	writer_changes(w);
	if (row == 0)
		return db_exec(&w->db, of_root[owner_kind(owner)],
			       BINDS(B(owner_row(owner)), B(w->now)), e);
	return db_exec(&w->db, STMT_NODE_MTIME,
		       BINDS(B(row), B(w->now), B(w->change)), e);
}

int place_mkdir(struct writer *w, struct place *p, int64_t mode, struct err *e)
{
	if (db_exec(&w->db, STMT_NODE_ADD,
		    BINDS(B(p->owner->row), B(p->parent), B(p->name), B(1),
			  B(STR("")), B(0), B(STR("")), B(STR("")), B(w->now),
			  B(mode), B(writer_changes(w))),
		    e) < 0)
		return -1;
	p->found = true;
	p->node = (struct node){
		.row = db_last_id(&w->db), .parent = p->parent, .is_dir = true};
	return node_entries_changed(w, p->owner->row, p->parent, e);
}

/* One directory on the way. */
static int enter(struct writer *w, struct place *p, bool make_dirs,
		 struct err *e)
{
	if (find_child(w, p, e) < 0)
		return -1;
	if (!p->found && !make_dirs)
		return err_set(e, ERR_NOT_FOUND, "No such artifact: '%.*s'",
			       STR_ARG(p->name));
	if (!p->found && place_mkdir(w, p, DIR_MODE, e) < 0)
		return -1;
	if (!p->node.is_dir)
		return err_set(e, ERR_NOT_DIR,
			       "'%.*s' is a file, not a directory",
			       STR_ARG(p->name));
	p->parent = p->node.row;
	return 0;
}

int place_find(struct writer *w, const struct tree_owner *owner,
	       struct str path, bool make_dirs, struct place *ret,
	       struct err *e)
{
	struct str rest = path;

	*ret = (struct place){.owner = owner};
	for (;;) {
		ret->name = str_cut(&rest, '/');
		if (!rest.p)
			break;
		if (enter(w, ret, make_dirs, e) < 0)
			return -1;
	}
	return find_child(w, ret, e);
}

int node_has_children(struct writer *w, int64_t owner, int64_t row,
		      struct err *e)
{
	int64_t child;

	return db_find(&w->db, STMT_NODE_FIRST, BINDS(B(owner), B(row)), &child,
		       e);
}

int garbage_add(struct writer *w, const struct garbage *g, struct err *e)
{
	if (!g->key.n)
		return 0;
	return db_exec(&w->db, STMT_GARBAGE_ADD,
		       BINDS(B(g->key), B(g->size), B(g->time), B(g->owner),
			     B(g->name)),
		       e);
}

int node_delete_file(struct writer *w, int64_t row, int64_t time, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	char key[OBJECT_KEY_TEXT], name[LIMIT_FILE_NAME];
	struct garbage g = {.time = time};

	if (cursor_open(&q, &w->db, STMT_NODE_OBJECT, BINDS(B(row)), e) < 0 ||
	    cursor_next(&q, e) < 0)
		return -1;
	g.key = cursor_str(&q, 0);
	g.name = cursor_str(&q, 3);
	if (g.key.n > sizeof(key) || g.name.n > sizeof(name))
		return err_set(e, ERR_CORRUPT, "artifact with a key too long");
	g.key.p = memcpy(key, g.key.n ? g.key.p : "", g.key.n);
	g.name.p = memcpy(name, g.name.n ? g.name.p : "", g.name.n);
	g.size = cursor_i64(&q, 1);
	g.owner = cursor_i64(&q, 2);
	cursor_close(&q);
	w->totals.artifacts--;
	w->totals.artifact_bytes -= g.size;
	if (db_exec(&w->db, STMT_NODE_DELETE, BINDS(B(row)), e) < 0)
		return -1;
	return garbage_add(w, &g, e);
}

int place_removed(struct writer *w, const struct place *p, struct err *e)
{
	struct changed x = {.thing = THING_ARTIFACT,
			    .row = p->node.row,
			    .parent = p->owner->row,
			    .parent_dir = p->parent,
			    .name = p->name};

	return writer_removed(w, &x, p->owner->project, e);
}

int place_remove(struct writer *w, const struct place *p, struct err *e)
{
	int rc;

	if (place_removed(w, p, e) < 0 ||
	    node_entries_changed(w, p->owner->row, p->parent, e) < 0)
		return -1;
	if (!p->node.is_dir)
		return node_delete_file(w, p->node.row, w->now, e);
	rc = node_has_children(w, p->owner->row, p->node.row, e);
	if (rc < 0)
		return -1;
	if (rc == 0)
		return db_exec(&w->db, STMT_NODE_DELETE, BINDS(B(p->node.row)),
			       e);
	w->reap = true;
	return db_exec(&w->db, STMT_NODE_CUT_OFF, BINDS(B(p->node.row)), e);
}

/* One row that is cut off: a file goes, a directory cuts off what it holds
 * until it holds nothing. 1 while there is more. */
static int reap_one(struct writer *w, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t row, owner;
	bool is_dir;
	int rc;

	if (cursor_open(&q, &w->db, STMT_NODE_CUT_NEXT, NO_BINDS, e) < 0)
		return -1;
	rc = cursor_next(&q, e);
	if (rc <= 0)
		return rc;
	row = cursor_i64(&q, 0);
	owner = cursor_i64(&q, 1);
	is_dir = cursor_i64(&q, 2) != 0;
	cursor_close(&q);
	if (!is_dir)
		return node_delete_file(w, row, w->now, e) < 0 ? -1 : 1;
	if (db_exec(&w->db, STMT_NODE_CUT_CHILDREN,
		    BINDS(B(owner), B(row), B(REAP_CHILDREN)), e) < 0)
		return -1;
	if (!db_changes(&w->db) &&
	    db_exec(&w->db, STMT_NODE_DELETE, BINDS(B(row)), e) < 0)
		return -1;
	return 1;
}

int artifact_reap(struct writer *w, int64_t budget_ms, struct err *e)
{
	int64_t until = clock_mono_ms() + budget_ms;
	int rc;

	do {
		rc = reap_one(w, e);
	} while (rc > 0 && clock_mono_ms() < until);
	if (rc == 0)
		w->reap = false;
	return rc < 0 ? -1 : 0;
}
