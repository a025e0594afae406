/* SPDX-License-Identifier: Apache-2.0 */
/* xattr.c - see xattr.h. A kind of node has a function that says what is known
 * of one; which attributes that makes is one table for all.
 */
#include "fs/xattr.h"

#include <errno.h>

#include "fs/artifact.h"
#include "fs/families.h"
#include "fs/store.h"

enum fact {
	FACT_ID,
	FACT_NAME,
	FACT_SHA256,
	FACT_CRC32C,
	FACT_SIZE,
	FACT_KEY,
	LISTED,
	/* Of this host, not of the thing: not to be copied along with it. */
	FACT_CACHED = LISTED,
	FACTS
};

static const char *const fact_names[FACTS] = {
	[FACT_ID] = "user.id",         [FACT_NAME] = "user.name",
	[FACT_SHA256] = "user.sha256", [FACT_CRC32C] = "user.crc32c",
	[FACT_SIZE] = "user.size",     [FACT_KEY] = "user.key",
	[FACT_CACHED] = "user.cached",
};

struct facts {
	struct str of[FACTS]; /* empty: it has none */
};

/* --- what is known, by kind ----------------------------------------------- */

typedef int facts_fn(struct fs_call *c, struct node *n, struct facts *ret,
		     struct err *e);

static void set_number(struct fs_call *c, int64_t v, struct str *ret)
{
	const char *text = arena_printf(&c->arena, "%lld", (long long)v);

	if (text)
		*ret = str_from(text);
}

/* Where the file's name is not the thing's. */
static void set_name(struct str name, struct str file, struct facts *ret)
{
	if (!str_eq(name, file))
		ret->of[FACT_NAME] = name;
}

static int run_facts(struct fs_call *c, struct node *n, struct facts *ret,
		     struct err *e)
{
	struct run r;

	if (run_by_row(c->rd, n->row, &c->arena, &r, e))
		return -1;
	ret->of[FACT_ID] = r.id;
	set_name(r.name, r.dir, ret);
	return 0;
}

static int experiment_facts(struct fs_call *c, struct node *n,
			    struct facts *ret, struct err *e)
{
	struct experiment x;

	if (experiment_by_row(c->rd, n->row, &c->arena, &x, e))
		return -1;
	ret->of[FACT_ID] = x.id;
	set_name(x.name, x.dir, ret);
	return 0;
}

/* MLflow calls a registered model by its name. */
static int model_facts(struct fs_call *c, struct node *n, struct facts *ret,
		       struct err *e)
{
	struct registered_model m;

	if (registered_model_by_row(c->rd, n->row, &c->arena, &m, e))
		return -1;
	ret->of[FACT_ID] = m.name;
	set_name(m.name, m.dir, ret);
	return 0;
}

/* A version is its model's name and a number: models:/NAME/NUMBER. */
static int version_facts(struct fs_call *c, struct node *n, struct facts *ret,
			 struct err *e)
{
	struct model_version v;
	const char *id;

	if (model_version_by_row(c->rd, n->row, &c->arena, &v, e))
		return -1;
	id = arena_printf(&c->arena, "%.*s/%.*s", STR_ARG(v.model),
			  STR_ARG(v.version));
	if (!id)
		return arena_full(&c->arena, e);
	ret->of[FACT_ID] = str_from(id);
	return 0;
}

static int logged_facts(struct fs_call *c, struct node *n, struct facts *ret,
			struct err *e)
{
	struct logged_model m;

	if (logged_model_by_row(c->rd, n->row, &c->arena, &m, e))
		return -1;
	ret->of[FACT_ID] = m.id;
	ret->of[FACT_NAME] = m.name;
	return 0;
}

/* 0 and 1 are none and all of it. */
static void set_cached(struct fs_call *c, const struct artifact *x,
		       struct str *ret)
{
	const struct cached_name name = {.key = x->key,
					 .size = x->size,
					 .kind = CACHE_SHA256,
					 .digest = x->sha256};
	int percent = store_near(c->fs->store, &name);
	const char *part;

	*ret = percent ? STR("1") : STR("0");
	if (percent == 0 || percent == 100)
		return;
	part = arena_printf(&c->arena, "%d%%", percent);
	*ret = part ? str_from(part) : STR_NONE;
}

/* Of a file that is being written for the first time nothing is known. */
static int artifact_facts(struct fs_call *c, struct node *n, struct facts *ret,
			  struct err *e)
{
	struct artifact x;

	if (artifact_of(c, n, &x, e))
		return e->kind == ERR_NOT_FOUND ? 0 : -1;
	ret->of[FACT_SHA256] = x.sha256;
	ret->of[FACT_CRC32C] = x.crc32c;
	ret->of[FACT_KEY] = x.key;
	set_number(c, x.size, &ret->of[FACT_SIZE]);
	set_cached(c, &x, &ret->of[FACT_CACHED]);
	return 0;
}

/* Values by key, whose file may be a short form of it. */
static int key_facts(struct fs_call *c, struct node *n, struct facts *ret,
		     struct err *e)
{
	(void)e;
	set_name(n->key, fs_encode(c, n->key), ret);
	return 0;
}

static facts_fn *const facts_of[KINDS] = {
	[KIND_EXPERIMENT] = experiment_facts,
	[KIND_RUN] = run_facts,
	[KIND_MODEL] = model_facts,
	[KIND_VERSION] = version_facts,
	[KIND_LOGGED] = logged_facts,
	[KIND_ARTIFACT] = artifact_facts,
	[KIND_VIEW_FILE] = artifact_facts,
	[KIND_EXPERIMENT_TAG] = key_facts,
	[KIND_PARAM] = key_facts,
	[KIND_TAG] = key_facts,
	[KIND_METRIC] = key_facts,
	[KIND_MODEL_TAG] = key_facts,
	[KIND_VERSION_TAG] = key_facts,
	[KIND_LOGGED_PARAM] = key_facts,
	[KIND_LOGGED_TAG] = key_facts,
};

/* --- as attributes -------------------------------------------------------- */

static int fact_named(struct str name)
{
	int i = 0;

	while (i < FACTS && !str_is(name, fact_names[i]))
		i++;
	return i;
}

static int print(const struct facts *f, struct str name, struct buf *ret)
{
	int fact = fact_named(name);

	if (name.n) {
		if (fact == FACTS || !f->of[fact].n)
			return 1;
		buf_str(ret, f->of[fact]);
		return 0;
	}
	for (fact = 0; fact < LISTED; fact++) {
		if (!f->of[fact].n)
			continue;
		buf_puts(ret, fact_names[fact]);
		buf_putc(ret, '\0');
	}
	return 0;
}

static bool is_user(struct str name)
{
	return str_starts(name, STR("user."));
}

int fs_getxattr(struct fs_call *c, uint64_t id, struct str name,
		struct buf *ret, struct err *e)
{
	struct node *n;
	struct facts f = {0};
	facts_fn *fn;
	int r;

	atomic_fetch_add(&c->fs->stats.requests, 1);
	if (name.n && !is_user(name))
		return err_set(e, ERR_UNSUPPORTED,
			       "only user.* attributes exist here");
	n = nodes_find(&c->fs->nodes, id);
	if (!n)
		return err_set(e, ERR_NOT_FOUND, "no such file any more");
	fn = facts_of[n->kind];
	if (name.n && (!fn || fact_named(name) == FACTS))
		return 1;
	r = fn && (fs_begin(c, e) || fn(c, n, &f, e)) ? -1 : 0;
	fs_end(c);
	return r ? -1 : print(&f, name, ret);
}

int xattr_set(struct str name)
{
	if (!is_user(name))
		return EOPNOTSUPP;
	return fact_named(name) == FACTS ? EPERM : 0;
}

int xattr_remove(struct str name)
{
	if (!is_user(name))
		return EOPNOTSUPP;
	return fact_named(name) == FACTS ? ENODATA : 0;
}
