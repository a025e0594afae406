/* SPDX-License-Identifier: Apache-2.0 */
/* registry.h - a run with the files of a model, and links to it. */
#ifndef ORRERY_TESTS_FS_REGISTRY_H
#define ORRERY_TESTS_FS_REGISTRY_H

#include "tests/fs/fixture.h"

#define RUN   "experiments/e/runs/r"
#define FILES "../../../" RUN "/artifacts"

static inline int do_link(struct fixture *f, const char *target,
			  const char *path)
{
	struct fs_entry x = {0};
	struct str name;
	uint64_t dir = walk_dir(f, path, &name);
	struct fs_call c = call_make(f);
	int r = dir ? fs_symlink(&c, dir, name, str_from(target), &x, &f->e)
		    : -1;

	fs_call_fini(&c);
	return r || !S_ISLNK(x.attr.mode) || !x.attr.fleeting ? -1 : 0;
}

/* Where a link leads, NULL where there is none; its size is that of the text.
 */
static inline const char *link_of(struct fixture *f, const char *path)
{
	static char text[256];
	struct fs_entry x;
	uint64_t id = walk_to(f, str_from(path), &x);
	struct fs_call c;
	struct buf b;
	int r;

	if (!id)
		return NULL;
	c = call_make(f);
	buf_init(&b, sizeof(text));
	r = fs_readlink(&c, id, &b, &f->e);
	snprintf(text, sizeof(text), "%.*s", (int)b.n, b.n ? b.p : "");
	if (!r && (int64_t)b.n != x.attr.size)
		r = -1;
	buf_fini(&b);
	fs_call_fini(&c);
	return r ? NULL : text;
}

static inline bool refused(struct fixture *f, int r, int number)
{
	return r != 0 && last_errno(f) == number;
}

static inline void as_others(struct fixture *f, struct command *c)
{
	if (index_apply(f->ix, c, &f->e))
		fixture_die("index_apply", &f->e);
	command_free(c);
}

static inline void make_files(struct fixture *f)
{
	do_mkdir(f, "experiments/e");
	do_mkdir(f, RUN);
	do_mkdir(f, RUN "/artifacts/model");
	do_mkdir(f, RUN "/artifacts/model/sub");
	put(f, RUN "/artifacts/model/model.onnx", 0, "weights");
	put(f, RUN "/artifacts/model/sub/w", 0, "deep");
}

#endif
