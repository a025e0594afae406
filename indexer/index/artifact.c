/* SPDX-License-Identifier: Apache-2.0 */
/* artifact.c - commands about artifacts, of runs, logged models and traces.
 *
 * Bytes are in the object store before a command names their key; here only
 * the tree changes, so rename and delete copy nothing.
 */
#include "indexer/index/artifact.h"

#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/index/apply.h"
#include "indexer/index/names.h"
#include "indexer/index/owner.h"
#include "indexer/objects/sums.h"

enum { FILE_MODE = 0644, NEW_DIR_MODE = 0755, MODE_BITS = 07777 };

static int no_such(struct str path, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "No such artifact: '%.*s'",
		       STR_ARG(path));
}

static int exists(struct str path, struct err *e)
{
	return err_set(e, ERR_EXISTS, "artifact '%.*s' exists", STR_ARG(path));
}

static int64_t mode_or(struct opt_i64 mode, int64_t otherwise)
{
	return mode.set ? mode.v & MODE_BITS : otherwise;
}

/* --- put ---------------------------------------------------------------- */

static bool hex_of(struct str s, size_t n)
{
	for (size_t i = 0; i < s.n; i++)
		if (!strchr("0123456789abcdef", s.p[i]) || !s.p[i])
			return false;
	return s.n == 0 || s.n == n;
}

/* Only who owns all may name any object; others those of this very run, model
 * or trace, else they could read what they may not see. */
static int check_key(const struct cmd_artifact_put *x,
		     const struct tree_owner *owner, struct err *e)
{
	static const struct {
		const char *dir, *noun;
	} kinds[OWNER_KINDS] = {[OWNER_RUN] = {"", "run"},
				[OWNER_MODEL] = {"models/", "logged model"},
				[OWNER_TRACE] = {"traces/", "trace"}};
	enum owner_kind kind = owner_kind(owner->row);
	char prefix[64];
	int n = snprintf(prefix, sizeof(prefix), "%lld/%s",
			 (long long)owner->experiment, kinds[kind].dir);
	struct str rest = x->key;

	if (x->key.n >= OBJECT_KEY_TEXT)
		return err_set(e, ERR_INVALID, "object key too long");
	if (x->c.who.owner || !x->key.n)
		return 0;
	if (str_starts(rest, str_n(prefix, (size_t)n))) {
		rest = str_n(rest.p + n, rest.n - (size_t)n);
		if (str_starts(rest, owner->id) && rest.n > owner->id.n &&
		    rest.p[owner->id.n] == '/')
			return 0;
	}
	return err_set(e, ERR_DENIED, "the object is not one of %s %.*s",
		       kinds[kind].noun, STR_ARG(owner->id));
}

static int check_put(const struct cmd_artifact_put *x, struct err *e)
{
	if (name_check_artifact(x->path, false, e) < 0)
		return -1;
	if (!x->size.set || x->size.v < 0)
		return err_set(e, ERR_INVALID,
			       "'size' must be given and not negative");
	if (x->size.v > 0 && !x->key.n)
		return err_set(e, ERR_INVALID,
			       "'key' must name the object of %lld bytes",
			       (long long)x->size.v);
	if (!hex_of(x->sha256, 64) || !hex_of(x->crc32c, 8))
		return err_set(e, ERR_INVALID,
			       "'sha256' has 64 and 'crc32c' 8 hex digits");
	return 0;
}

static int add(struct writer *w, struct place *p,
	       const struct cmd_artifact_put *x, struct err *e)
{
	int64_t mtime = x->mtime.set ? x->mtime.v : w->now;

	if (db_exec(&w->db, STMT_NODE_ADD,
		    BINDS(B(p->owner->row), B(p->parent), B(p->name), B(0),
			  B(x->key), B(x->size.v), B(x->sha256), B(x->crc32c),
			  B(mtime), B(mode_or(x->mode, FILE_MODE)),
			  B(writer_changes(w))),
		    e) < 0)
		return -1;
	w->totals.artifacts++;
	return node_entries_changed(w, p->owner->row, p->parent, e);
}

/* The bytes it had are nobody's now, unless they are the same object. */
static int replace(struct writer *w, struct place *p,
		   struct cmd_artifact_put *x, struct err *e)
{
	SCOPED(cursor_close) struct cursor q = CURSOR_NONE;
	int64_t mtime = x->mtime.set ? x->mtime.v : w->now;
	struct opt_i64 mode = {mode_or(x->mode, 0), x->mode.set};

	if (cursor_open(&q, &w->db, STMT_NODE_OBJECT, BINDS(B(p->node.row)),
			e) < 0 ||
	    cursor_next(&q, e) < 0 ||
	    cursor_copy(&q, 0, &x->c.arena, &x->ret_replaced, e) < 0)
		return -1;
	cursor_close(&q);
	w->totals.artifact_bytes -= p->node.size;
	if (db_exec(&w->db, STMT_NODE_REPLACE,
		    BINDS(B(p->node.row), B(x->key), B(x->size.v), B(x->sha256),
			  B(x->crc32c), B(mtime), B(mode),
			  B(writer_changes(w))),
		    e) < 0)
		return -1;
	if (str_eq(x->ret_replaced, x->key)) {
		x->ret_replaced = STR_NONE;
		return 0;
	}
	return garbage_add(w,
			   &(struct garbage){x->ret_replaced, p->node.size,
					     w->now, p->owner->row, p->name},
			   e);
}

/* No garbage, whatever it was; but what gc has laid hands on is lost. */
static int save_object(struct writer *w, struct str key, struct err *e)
{
	int64_t claimed;
	int rc = db_find(&w->db, STMT_GARBAGE_CLAIMED, BINDS(B(key)), &claimed,
			 e);

	if (rc > 0)
		return err_set(e, ERR_CONFLICT,
			       "object '%.*s' is being removed: store its "
			       "bytes again",
			       STR_ARG(key));
	if (rc < 0)
		return -1;
	return db_exec(&w->db, STMT_GARBAGE_SAVE, BINDS(B(key)), e);
}

/* The last put says what they are: bytes that were lost may have been stored
 * at their key again. */
static int save_sums(struct writer *w, struct cmd_artifact_put *x,
		     struct err *e)
{
	size_t n = x->sums.n / 2;
	char *sums;

	if (!x->sums.n)
		return db_exec(&w->db, STMT_SUMS_DROP, BINDS(B(x->key)), e);
	sums = x->sums.n <= 2 * SUMS_BYTES ? arena_alloc(&x->c.arena, n) : NULL;
	if (!sums || !x->key.n || x->sums.n % 2 || !hex_decode(x->sums, sums) ||
	    !sums_valid(str_n(sums, n), x->size.v))
		return err_set(e, ERR_INVALID,
			       "'sums' are no sums of blocks of %lld bytes",
			       (long long)x->size.v);
	return db_exec(&w->db, STMT_SUMS_SAVE,
		       BINDS(B(x->key), BLOB(str_n(sums, n))), e);
}

int apply_artifact_put(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_artifact_put *x = (struct cmd_artifact_put *)c;
	struct tree_owner owner;
	struct place p;
	int rc;

	if (check_put(x, e) < 0 ||
	    tree_owner_find(w, c, OWNER_IDS(x), &owner, e) < 0 ||
	    check_key(x, &owner, e) < 0 ||
	    place_find(w, &owner, x->path, true, &p, e) < 0)
		return -1;
	if (p.found && p.node.is_dir)
		return err_set(e, ERR_IS_DIR, "artifact '%.*s' is a directory",
			       STR_ARG(x->path));
	if (p.found && x->exclusive.v)
		return exists(x->path, e);
	rc = p.found ? replace(w, &p, x, e) : add(w, &p, x, e);
	if (rc < 0 || save_object(w, x->key, e) < 0 || save_sums(w, x, e) < 0)
		return -1;
	w->totals.artifact_bytes += x->size.v;
	return tree_owner_touch(w, &owner, e);
}

int apply_artifact_mkdir(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_artifact_mkdir *x = (struct cmd_artifact_mkdir *)c;
	struct tree_owner owner;
	struct place p;

	if (name_check_artifact(x->path, false, e) < 0 ||
	    tree_owner_find(w, c, OWNER_IDS(x), &owner, e) < 0 ||
	    place_find(w, &owner, x->path, true, &p, e) < 0)
		return -1;
	if (p.found)
		return exists(x->path, e);
	if (place_mkdir(w, &p, mode_or(x->mode, NEW_DIR_MODE), e) < 0)
		return -1;
	return tree_owner_touch(w, &owner, e);
}

/* --- move --------------------------------------------------------------- */

/* Is the directory row one of those that hold p? */
static int lies_below(struct writer *w, const struct place *p, int64_t row,
		      struct err *e)
{
	int64_t at = p->parent;

	for (int depth = 0; at != 0; depth++) {
		int64_t up = 0;

		if (at == row)
			return 1;
		if (depth > LIMIT_ARTIFACT_PATH)
			return err_set(e, ERR_CORRUPT,
				       "the tree of artifacts has a loop");
		if (db_find(&w->db, STMT_NODE_PARENT, BINDS(B(at)), &up, e) < 0)
			return -1;
		at = up;
	}
	return 0;
}

/* What a move finds at its target: may it go? */
static int check_target(struct writer *w, const struct place *from,
			const struct place *to, bool no_replace, struct err *e)
{
	int rc;

	if (!to->found)
		return 0;
	if (no_replace)
		return exists(to->name, e);
	if (from->node.is_dir && !to->node.is_dir)
		return err_set(e, ERR_NOT_DIR, "'%.*s' is a file",
			       STR_ARG(to->name));
	if (!from->node.is_dir && to->node.is_dir)
		return err_set(e, ERR_IS_DIR, "'%.*s' is a directory",
			       STR_ARG(to->name));
	if (!to->node.is_dir)
		return 0;
	rc = node_has_children(w, to->owner->row, to->node.row, e);
	if (rc > 0)
		return err_set(e, ERR_NOT_EMPTY,
			       "directory '%.*s' is not empty",
			       STR_ARG(to->name));
	return rc;
}

/* The rows below a directory belong to a run, too. */
static int move_descendants(struct writer *w, const struct place *from,
			    const struct place *to, struct err *e)
{
	int64_t n = 0;

	if (!from->node.is_dir || from->owner->row == to->owner->row)
		return 0;
	if (db_find(&w->db, STMT_NODE_COUNT_BELOW,
		    BINDS(B(from->owner->row), B(from->node.row),
			  B(LIMIT_MOVE_ROWS + 1)),
		    &n, e) < 0)
		return -1;
	if (n > LIMIT_MOVE_ROWS)
		return err_set(e, ERR_TOO_LARGE,
			       "a directory with more than %d entries cannot "
			       "be moved to another run at once",
			       LIMIT_MOVE_ROWS);
	return db_exec(&w->db, STMT_NODE_MOVE_BELOW,
		       BINDS(B(from->owner->row), B(from->node.row),
			     B(to->owner->row), B(writer_changes(w))),
		       e);
}

static int move(struct writer *w, const struct place *from,
		const struct place *to, struct err *e)
{
	if ((to->found && place_remove(w, to, e) < 0) ||
	    place_removed(w, from, e) < 0 ||
	    move_descendants(w, from, to, e) < 0 ||
	    db_exec(&w->db, STMT_NODE_MOVE,
		    BINDS(B(from->node.row), B(to->owner->row), B(to->parent),
			  B(to->name), B(writer_changes(w))),
		    e) < 0 ||
	    node_entries_changed(w, from->owner->row, from->parent, e) < 0 ||
	    node_entries_changed(w, to->owner->row, to->parent, e) < 0)
		return -1;
	if (tree_owner_touch(w, from->owner, e) < 0)
		return -1;
	return tree_owner_touch(w, to->owner, e);
}

static int find_both(struct writer *w, const struct cmd_artifact_move *x,
		     const struct tree_owner owners[2], struct place places[2],
		     struct err *e)
{
	if (place_find(w, &owners[0], x->path, false, &places[0], e) < 0)
		return -1;
	if (!places[0].found)
		return no_such(x->path, e);
	return place_find(w, &owners[1], x->to_path, false, &places[1], e);
}

int apply_artifact_move(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_artifact_move *x = (struct cmd_artifact_move *)c;
	const struct owner_ids to = {x->to_run_id.n ? x->to_run_id : x->run_id,
				     x->model_id, x->trace_id};
	struct tree_owner owners[2];
	struct place p[2];
	int rc;

	if (name_check_artifact(x->path, false, e) < 0 ||
	    name_check_artifact(x->to_path, false, e) < 0 ||
	    tree_owner_find(w, c, OWNER_IDS(x), &owners[0], e) < 0 ||
	    tree_owner_find(w, c, &to, &owners[1], e) < 0 ||
	    find_both(w, x, owners, p, e) < 0)
		return -1;
	if (p[1].found && p[0].node.row == p[1].node.row)
		return 0;
	rc = lies_below(w, &p[1], p[0].node.row, e);
	if (rc > 0)
		return err_set(e, ERR_INVALID,
			       "'%.*s' cannot be moved into itself",
			       STR_ARG(x->path));
	if (rc < 0 || check_target(w, &p[0], &p[1], x->no_replace.v, e) < 0)
		return -1;
	return move(w, &p[0], &p[1], e);
}

/* --- delete, set -------------------------------------------------------- */

static int remove_at(struct writer *w, const struct cmd_artifact_delete *x,
		     const struct place *p, struct err *e)
{
	int rc;

	if (p->node.is_dir && !x->recursive.v) {
		rc = node_has_children(w, p->owner->row, p->node.row, e);
		if (rc > 0)
			return err_set(e, ERR_NOT_EMPTY,
				       "directory '%.*s' is not empty",
				       STR_ARG(x->path));
		if (rc < 0)
			return -1;
	}
	return place_remove(w, p, e);
}

/* All that the root holds. */
static int remove_all(struct writer *w, const struct tree_owner *owner,
		      struct err *e)
{
	if (db_exec(&w->db, STMT_REMOVED_CHILDREN,
		    BINDS(B(owner->row), B((int64_t)THING_ARTIFACT),
			  B(owner->project), B(writer_changes(w)), B(w->now)),
		    e) < 0 ||
	    db_exec(&w->db, STMT_NODE_CUT_CHILDREN,
		    BINDS(B(owner->row), B(0), B(-1)), e) < 0)
		return -1;
	w->reap = true;
	return node_entries_changed(w, owner->row, 0, e);
}

int apply_artifact_delete(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_artifact_delete *x = (struct cmd_artifact_delete *)c;
	struct tree_owner owner;
	struct place p;
	int rc;

	if (name_check_artifact(x->path, x->recursive.v, e) < 0 ||
	    tree_owner_find(w, c, OWNER_IDS(x), &owner, e) < 0)
		return -1;
	if (!x->path.n) {
		rc = remove_all(w, &owner, e);
	} else {
		if (place_find(w, &owner, x->path, false, &p, e) < 0)
			return e->kind == ERR_NOT_FOUND && x->missing_ok.v ? 0
									   : -1;
		if (!p.found)
			return x->missing_ok.v ? 0 : no_such(x->path, e);
		rc = remove_at(w, x, &p, e);
	}
	return rc < 0 ? -1 : tree_owner_touch(w, &owner, e);
}

static int set_root(struct writer *w, const struct cmd_artifact_set *x,
		    int64_t owner, struct err *e)
{
	static const enum stmt_id set[OWNER_KINDS] = {
		[OWNER_RUN] = STMT_ROOT_SET,
		[OWNER_MODEL] = STMT_LOGGED_ROOT_SET,
		[OWNER_TRACE] = STMT_TRACE_ROOT_SET};

	return db_exec(&w->db, set[owner_kind(owner)],
		       BINDS(B(owner_row(owner)), B(x->mtime), B(x->mode)), e);
}

/* Setting what stands so already changes nothing: a second rsync is quiet. */
int apply_artifact_set(struct writer *w, struct command *c, struct err *e)
{
	struct cmd_artifact_set *x = (struct cmd_artifact_set *)c;
	struct tree_owner owner;
	struct place p;
	int rc;

	x->mode.v &= MODE_BITS;
	if (name_check_artifact(x->path, true, e) < 0 ||
	    tree_owner_find(w, c, OWNER_IDS(x), &owner, e) < 0)
		return -1;
	if (!x->path.n) {
		rc = set_root(w, x, owner.row, e);
	} else {
		if (place_find(w, &owner, x->path, false, &p, e) < 0)
			return -1;
		if (!p.found)
			return no_such(x->path, e);
		rc = db_exec(&w->db, STMT_NODE_SET,
			     BINDS(B(p.node.row), B(x->mtime), B(x->mode),
				   B(w->change)),
			     e);
	}
	if (rc < 0 || !db_changes(&w->db))
		return rc;
	return tree_owner_touch(w, &owner, e);
}
