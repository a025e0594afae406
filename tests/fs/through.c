/* SPDX-License-Identifier: Apache-2.0 */
/* Which files the kernel is let to read by itself, and who gives way to
 * whom. */
#include "fs/through.h"
#include "fs/watch.h"
#include "indexer/base/clock.h"
#include "tests/fs/fixture.h"

#define RUN     "experiments/e/runs/r"
#define FILE_OF RUN "/artifacts/model.bin"

struct kernel {
	int open, next;
	int answer; /* instead of a number, where it is not 0 */
};

static int let(void *ctx, int fd)
{
	struct kernel *k = ctx;

	ok(fcntl(fd, F_GETFD) >= 0, "a descriptor that is open");
	if (k->answer)
		return k->answer;
	k->open++;
	return ++k->next;
}

static void end(void *ctx, int number)
{
	struct kernel *k = ctx;

	ok(number > 0 && number <= k->next, "a number that was given");
	k->open--;
}

static struct fs_handle *open_id(struct fixture *f, uint64_t id, int flags)
{
	struct fs_handle *h = NULL;
	struct fs_call c = call_make(f);

	if (fs_open_file(&c, id, flags, &h, &f->e))
		h = NULL;
	fs_call_fini(&c);
	return h;
}

static void close_it(struct fixture *f, struct fs_handle *h)
{
	struct fs_call c = call_make(f);

	fs_release(&c, h);
	fs_call_fini(&c);
}

static void test_modes(struct fixture *f, struct kernel *k)
{
	uint64_t id = walk(f, FILE_OF), id2;
	struct fs_handle *a = open_id(f, id, O_RDONLY), *b, *w;

	ok(a && through_number(a) == 1, "it is read by the kernel");
	b = open_id(f, id, O_RDONLY);
	ok(b && through_number(b) == 1, "the second handle by the same number");
	is_i64(k->open, 1, "one number");
	w = open_id(f, id, O_WRONLY);
	ok(!w && f->e.kind == ERR_NOT_FOUND, "a writer: the node is stale");
	ok(!open_id(f, id, O_RDONLY), "... and stays so");
	id2 = walk(f, FILE_OF);
	ok(id2 && id2 != id, "another node is in its place");
	w = open_id(f, id2, O_WRONLY);
	ok(w && !through_number(w), "which can be written");
	close_it(f, a);
	is_i64(k->open, 1, "one handle is left");
	close_it(f, b);
	is_i64(k->open, 0, "the last handle ends the number");
	a = open_id(f, id2, O_RDONLY);
	ok(a && !through_number(a), "beside a writer nothing is read alone");
	close_it(f, w);
	close_it(f, a);
}

static void test_not_allowed(struct fixture *f, struct kernel *k)
{
	struct fs_handle *a;

	usleep((FS_RENEWED_MS + 100) * 1000);
	k->answer = -EMFILE;
	a = open_id(f, walk(f, FILE_OF), O_RDONLY);
	ok(a && !through_number(a), "the kernel has no room: by page cache");
	close_it(f, a);
	k->answer = -EPERM;
	close_it(f, open_id(f, walk(f, FILE_OF), O_RDONLY));
	k->answer = 0;
	a = open_id(f, walk(f, FILE_OF), O_RDONLY);
	ok(a && !through_number(a), "once forbidden, never asked again");
	close_it(f, a);
	is_i64(k->open, 0, "no number is left");
}

/* --- finite memory -------------------------------------------------------- */

static void no_inode(void *ctx, uint64_t id, bool data)
{
	(void)ctx, (void)id, (void)data;
}

static void no_entry(void *ctx, uint64_t dir, struct str name)
{
	(void)ctx, (void)dir, (void)name;
}

static int prune(void *ctx, const uint64_t *ids, uint32_t n)
{
	struct fixture *f = ctx;

	for (uint32_t i = 0; i < n; i++)
		fs_forget(f->fs, ids[i], 1);
	return 0;
}

static void look_up_many(struct fixture *f, int n)
{
	struct found x = {.kind = KIND_PARAM, .row = 1};
	struct node *root = nodes_find(&f->fs->nodes, NODE_ROOT);
	char key[32];

	for (int i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "p%d", i);
		x.key = x.name = str_from(key);
		if (!nodes_take(&f->fs->nodes, root, &x))
			break;
	}
}

static void test_finite(struct fixture *f)
{
	const struct watch_sink sink = {
		.inode = no_inode, .entry = no_entry, .prune = prune, .ctx = f};
	int64_t end_at = clock_mono_ms() + 20000;
	struct watch *w = watch_start(f->fs, &sink, &f->e);

	look_up_many(f, FS_NODES + 5000);
	while (nodes_count(&f->fs->nodes) > FS_NODES &&
	       clock_mono_ms() < end_at)
		usleep(5000);
	ok(nodes_count(&f->fs->nodes) <= FS_NODES, "it forgets beyond a limit");
	ok(nodes_count(&f->fs->nodes) > FS_NODES / 2, "... and not all");
	watch_stop(w);
}

static void make_ended_run(struct fixture *f)
{
	static char bytes[FS_THROUGH_MIN + 1];
	struct fs_handle *h;

	do_mkdir(f, "experiments/e");
	do_mkdir(f, RUN);
	h = do_open(f, FILE_OF, O_WRONLY | O_CREAT);
	memset(bytes, 'x', FS_THROUGH_MIN);
	do_write(f, h, bytes);
	is_i64(do_close(f, h), 0, "an artifact");
	h = open_id(f, walk(f, FILE_OF), O_RDONLY);
	ok(h && !through_number(h), "of a live run: by page cache");
	close_it(f, h);
	is_i64(put(f, RUN "/status", O_TRUNC, "FINISHED\n"), 0, "it ends");
}

int main(void)
{
	struct kernel k = {0};
	struct through_sink sink = {let, end, &k};
	struct fixture f;

	fixture_init(&f);
	throughs_offer(&f.fs->throughs, &sink);
	make_ended_run(&f);
	test_modes(&f, &k);
	test_not_allowed(&f, &k);
	test_finite(&f);
	fixture_fini(&f);
	return tap_done();
}
