/* SPDX-License-Identifier: Apache-2.0 */
/* resolve.c - where a path leads within the mount, as the kernel would walk
 * it.
 *
 * The kernel hands over the target of a new link as it was given. It is walked
 * by look-ups of our own: to ask the kernel for it would be to wait for
 * ourselves.
 */
#include <limits.h>

#include "fs/kind.h"

enum { LINKS_MAX = 16, LEVELS_MAX = 256 };

struct walk {
	struct fs_call *c;
	struct node *at; /* counted as looked up */
	unsigned links, levels;
};

static int step_along(struct walk *w, struct str path, struct err *e);

/* n is counted already. */
static void move_to(struct walk *w, struct node *n)
{
	struct nodes *t = &w->c->fs->nodes;

	nodes_forget(t, w->at->id, 1);
	w->at = n;
}

static int leads_out(struct err *e)
{
	return err_set(e, ERR_INVALID,
		       "the target leads out of this mount; it is taken "
		       "relative to where the link lies");
}

static int go_up(struct walk *w, struct err *e)
{
	struct nodes *t = &w->c->fs->nodes;
	struct node *up;
	struct buf name;

	buf_init(&name, PATH_MAX);
	up = nodes_place(t, w->at, &name);
	buf_fini(&name);
	if (!up)
		return leads_out(e);
	nodes_count_lookup(t, up);
	nodes_drop(t, up);
	move_to(w, up);
	return 0;
}

/* From the directory that the link lies in, where w is. */
static int follow(struct walk *w, const struct found *x, struct err *e)
{
	struct subject s = subject_of_thing(x);
	struct buf text;
	int r = -1;

	buf_init(&text, PATH_MAX);
	if (++w->links > LINKS_MAX)
		err_set(e, ERR_INVALID, "too many links on the way");
	else if (fs_link_text(w->c, &s, &text, e) == 0)
		r = step_along(w, buf_view(&text), e);
	buf_fini(&text);
	return r;
}

static int go_down(struct walk *w, struct str name, struct err *e)
{
	struct found x = {0};
	struct node *n;

	if (!kind_is_dir(w->at->kind))
		return err_set(e, ERR_NOT_DIR, "not a directory");
	if (fs_find(w->c, w->at, name, &x, e))
		return -1;
	if (kind_is_link(x.kind))
		return follow(w, &x, e);
	n = nodes_take(&w->c->fs->nodes, w->at, &x);
	if (!n)
		return err_set(e, ERR_NO_SPACE, "no memory for a node");
	move_to(w, n);
	return 0;
}

static int step_along(struct walk *w, struct str path, struct err *e)
{
	struct str part;
	int r = 0;

	while (r == 0 && path.n) {
		part = str_cut(&path, '/');
		if (++w->levels > LEVELS_MAX)
			return err_set(e, ERR_TOO_LONG,
				       "a path of more than "
				       "256 parts");
		if (str_is(part, ".."))
			r = go_up(w, e);
		else if (part.n && !str_is(part, "."))
			r = go_down(w, part, e);
	}
	return r;
}

/* What follows the place of the mount in an absolute path: the place as it is,
 * or as it was given. No other name of it is tried, for whatever leads there
 * may lead into this very mount, which would wait for us. */
static bool below(const char *place, struct str *path)
{
	struct str top = str_from(place ? place : "");

	while (top.n && top.p[top.n - 1] == '/')
		top.n--;
	if (!top.n || !str_starts(*path, top) ||
	    (path->n > top.n && path->p[top.n] != '/'))
		return false;
	*path = str_n(path->p + top.n, path->n - top.n);
	return true;
}

int fs_resolve(struct fs_call *c, struct node *dir, struct str path,
	       struct node **ret, struct err *e)
{
	struct nodes *t = &c->fs->nodes;
	struct walk w = {.c = c, .at = dir};

	if (!path.n)
		return err_set(e, ERR_NOT_FOUND, "an empty target");
	if (path.p[0] == '/') {
		if (!below(c->fs->mountpoint, &path) &&
		    !below(c->fs->as_given, &path))
			return leads_out(e);
		w.at = t->root;
	}
	nodes_count_lookup(t, w.at);
	if (step_along(&w, path, e)) {
		nodes_forget(t, w.at->id, 1);
		return -1;
	}
	*ret = w.at;
	return 0;
}
