/* SPDX-License-Identifier: Apache-2.0 */
/* staging.c - see staging.h.
 *
 * In an upload's directory lie "note", parts ("NUMBER.SIZE.CRC32C.SHA256"),
 * parts on their way ("+..."), and, once it ended, "ended". Who is alone holds
 * a lock on the directory.
 */
#include "indexer/objects/staging.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/crc32c.h"
#include "indexer/base/io.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/kind.h"
#include "indexer/objects/staged.h"

#define NOTE  "note"
#define ENDED "ended"

enum {
	JOIN_BYTES = 256 << 10,
};

static int area(struct objects *o, struct err *e)
{
	int tmp = o->kind->tmp ? o->kind->tmp(o) : -1;

	if (tmp < 0)
		err_set(e, ERR_UNSUPPORTED,
			"this object store takes no uploads in parts");
	return tmp;
}

static bool id_valid(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!strchr("0123456789abcdef", id.p[i]) || !id.p[i])
			return false;
	return id.n == STAGING_ID - 1;
}

static int no_upload(struct str id, struct err *e)
{
	return err_set(e, ERR_NOT_FOUND, "There is no upload '%.*s'",
		       (int)(id.n < 100 ? id.n : 100), id.n ? id.p : "");
}

/* --- life --------------------------------------------------------------- */

static int write_file(int dir, const char *name, struct str text, struct err *e)
{
	SCOPED_FD int fd = openat(
		dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		0600);

	if (fd < 0)
		return err_sys(e, errno, "upload: %s", name);
	if (io_write_all(fd, text.p, text.n, e) < 0)
		return -1;
	if (fsync(fd) < 0 || fsync(dir) < 0)
		return err_sys(e, errno, "upload: %s", name);
	return 0;
}

static int open_upload(int tmp, const char *name)
{
	return openat(tmp, name,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

int staging_create(struct objects *o, struct str note, char ret_id[STAGING_ID],
		   struct err *e)
{
	char name[STAGED_DIR];
	int tmp = area(o, e);
	SCOPED_FD int dir = -1;

	if (tmp < 0)
		return -1;
	random_hex(ret_id, (STAGING_ID - 1) / 2);
	snprintf(name, sizeof(name), STAGED_PREFIX "%s", ret_id);
	if (mkdirat(tmp, name, 0700) < 0)
		return err_sys(e, errno, "upload");
	dir = open_upload(tmp, name);
	if (dir < 0)
		return err_sys(e, errno, "upload");
	if (write_file(dir, NOTE, note, e) < 0)
		return -1;
	return fsync(tmp) < 0 ? err_sys(e, errno, "upload") : 0;
}

static int lock_alone(int dir)
{
	while (flock(dir, LOCK_EX) < 0)
		if (errno != EINTR)
			return -1;
	return 0;
}

struct staging *staging_open(struct objects *o, struct str id, bool alone,
			     struct err *e)
{
	int tmp = area(o, e);
	struct staging *s;

	if (tmp < 0)
		return NULL;
	if (!id_valid(id)) {
		no_upload(id, e);
		return NULL;
	}
	s = calloc(1, sizeof(*s));
	if (!s)
		abort();
	s->tmp = tmp;
	snprintf(s->name, sizeof(s->name), STAGED_PREFIX "%.*s", STAGING_ID - 1,
		 id.p);
	s->dir = open_upload(tmp, s->name);
	if (s->dir >= 0 && (!alone || lock_alone(s->dir) == 0) &&
	    faccessat(s->dir, NOTE, F_OK, 0) == 0)
		return s;
	if (s->dir >= 0)
		close(s->dir);
	free(s);
	no_upload(id, e);
	return NULL;
}

void staging_close(struct staging *s)
{
	if (!s)
		return;
	close(s->dir);
	free(s);
}

int staging_note(struct staging *s, struct buf *b, struct err *e)
{
	SCOPED_FD int fd =
		openat(s->dir, NOTE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char *text = buf_room(b, STAGING_NOTE);
	ssize_t n;

	if (!text)
		return err_set(e, ERR_TOO_LARGE, "upload: no room for " NOTE);
	if (fd < 0)
		return err_sys(e, errno, "upload: " NOTE);
	n = io_pread_all(fd, text, STAGING_NOTE, 0, e);
	if (n < 0)
		return -1;
	buf_added(b, (size_t)n);
	return 0;
}

bool staging_ended(struct staging *s)
{
	return faccessat(s->dir, ENDED, F_OK, 0) == 0;
}

/* --- names of parts ----------------------------------------------------- */

void staged_name(const struct staging_part *p, char out[STAGED_NAME])
{
	snprintf(out, STAGED_NAME, "%d.%" PRId64 ".%s.%s", p->number,
		 p->digest.size, p->digest.crc32c, p->digest.sha256);
}

static bool take_text(struct str s, char *out, size_t size)
{
	if (s.n + 1 != size)
		return false;
	memcpy(out, s.p, s.n);
	out[s.n] = '\0';
	return true;
}

bool staged_part(const char *name, struct staging_part *ret)
{
	struct str rest = str_from(name);
	int64_t number;

	if (!num_parse_i64(str_cut(&rest, '.'), &number) || number < 1 ||
	    number > STAGING_PARTS)
		return false;
	ret->number = (int)number;
	return num_parse_i64(str_cut(&rest, '.'), &ret->digest.size) &&
	       take_text(str_cut(&rest, '.'), ret->digest.crc32c,
			 sizeof(ret->digest.crc32c)) &&
	       take_text(rest, ret->digest.sha256, sizeof(ret->digest.sha256));
}

int staged_each(int dir,
		int (*fn)(void *ctx, int dir, const char *name, struct err *e),
		void *ctx, struct err *e)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!d) {
		rc = err_sys(e, errno, "upload");
		if (fd >= 0)
			close(fd);
		return rc;
	}
	while (rc == 0 && (entry = readdir(d)))
		if (entry->d_name[0] != '.')
			rc = fn(ctx, dir, entry->d_name, e);
	closedir(d);
	return rc;
}

/* --- joining ------------------------------------------------------------ */

struct listing {
	struct buf parts; /* of struct staging_part */
};

static int list_one(void *ctx, int dir, const char *name, struct err *e)
{
	struct listing *l = ctx;
	struct staging_part part;

	(void)dir;
	if (!staged_part(name, &part))
		return 0;
	buf_add(&l->parts, &part, sizeof(part));
	return buf_ok(&l->parts)
		       ? 0
		       : err_set(e, ERR_TOO_LARGE, "upload: more than %d parts",
				 STAGING_PARTS);
}

static int by_number(const void *a, const void *b)
{
	const struct staging_part *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

int staging_parts(struct staging *s, struct staging_part **ret, size_t *ret_n,
		  struct err *e)
{
	struct listing l;

	buf_init(&l.parts, 2 * STAGING_PARTS * sizeof(struct staging_part));
	if (staged_each(s->dir, list_one, &l, e) < 0) {
		buf_fini(&l.parts);
		return -1;
	}
	*ret = (struct staging_part *)(void *)l.parts.p;
	*ret_n = l.parts.n / sizeof(**ret);
	if (*ret_n)
		qsort(*ret, *ret_n, sizeof(**ret), by_number);
	return 0;
}

static int damaged(const struct staging_part *part, struct err *e)
{
	return err_set(e, ERR_CORRUPT,
		       "upload: part %d is not as it was stored", part->number);
}

static int copy_part(int fd, const struct staging_part *part, char *chunk,
		     struct object_put *to, struct err *e)
{
	char sum[sizeof(part->digest.crc32c)];
	int64_t at = 0;
	uint32_t crc = 0;
	ssize_t n;

	while ((n = io_pread_all(fd, chunk, JOIN_BYTES, at, e)) > 0) {
		crc = crc32c(crc, chunk, (size_t)n);
		if (object_put_write(to, chunk, (size_t)n, e) < 0)
			return -1;
		at += n;
	}
	if (n < 0)
		return -1;
	snprintf(sum, sizeof(sum), "%08x", crc);
	if (at != part->digest.size || strcmp(sum, part->digest.crc32c) != 0)
		return damaged(part, e);
	return 0;
}

int staging_join(struct staging *s, const struct staging_part *parts, size_t n,
		 struct object_put *to, struct err *e)
{
	SCOPED_FREE char *chunk = malloc(JOIN_BYTES);
	char name[STAGED_NAME];

	if (!chunk)
		abort();
	for (size_t i = 0; i < n; i++) {
		SCOPED_FD int fd = -1;

		staged_name(&parts[i], name);
		fd = openat(s->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		if (fd < 0)
			return err_sys(e, errno, "upload: part %d",
				       parts[i].number);
		if (copy_part(fd, &parts[i], chunk, to, e) < 0)
			return -1;
	}
	return 0;
}

/* --- the end ------------------------------------------------------------ */

static int remove_part(void *ctx, int dir, const char *name, struct err *e)
{
	(void)ctx;
	(void)e;
	if (strcmp(name, NOTE) != 0 && strcmp(name, ENDED) != 0)
		unlinkat(dir, name, 0);
	return 0;
}

int staging_end(struct staging *s, struct err *e)
{
	if (write_file(s->dir, ENDED, STR(""), e) < 0)
		return -1;
	return staged_each(s->dir, remove_part, NULL, e);
}

static int remove_any(void *ctx, int dir, const char *name, struct err *e)
{
	(void)ctx;
	(void)e;
	unlinkat(dir, name, 0);
	return 0;
}

/* The note goes first: without it there is no such upload any more. A part
 * that is just coming keeps the directory, until a sweep. */
int staging_remove(struct staging *s, struct err *e)
{
	unlinkat(s->dir, NOTE, 0);
	if (staged_each(s->dir, remove_any, NULL, e) < 0)
		return -1;
	if (unlinkat(s->tmp, s->name, AT_REMOVEDIR) < 0 && errno != ENOENT &&
	    errno != ENOTEMPTY)
		return err_sys(e, errno, "upload");
	return 0;
}

/* --- sweeping ----------------------------------------------------------- */

struct sweep {
	int64_t before, count;
	bool remove;
};

/* The newest of its files tells when something came last. */
static int newest(void *ctx, int dir, const char *name, struct err *e)
{
	int64_t *last = ctx;
	struct stat st;

	(void)e;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    st.st_mtim.tv_sec * 1000 > *last)
		*last = st.st_mtim.tv_sec * 1000;
	return 0;
}

static int sweep_one(void *ctx, int tmp, const char *name, struct err *e)
{
	struct sweep *w = ctx;
	struct staging s = {.tmp = tmp};
	SCOPED_FD int dir = -1;
	int64_t last = 0;
	struct stat st;

	if (strncmp(name, STAGED_PREFIX, sizeof(STAGED_PREFIX) - 1) != 0)
		return 0;
	dir = open_upload(tmp, name);
	if (dir < 0 || fstat(dir, &st) < 0 ||
	    staged_each(dir, newest, &last, e) < 0)
		return 0;
	if (st.st_mtim.tv_sec * 1000 > last)
		last = st.st_mtim.tv_sec * 1000;
	if (last > w->before || flock(dir, LOCK_EX | LOCK_NB) < 0)
		return 0;
	s.dir = dir;
	w->count += faccessat(dir, ENDED, F_OK, 0) != 0;
	snprintf(s.name, sizeof(s.name), "%s", name);
	return w->remove ? staging_remove(&s, e) : 0;
}

int staging_sweep(struct objects *o, int64_t before, bool remove, int64_t *ret,
		  struct err *e)
{
	struct sweep w = {.before = before, .remove = remove};
	struct err none;
	int tmp = area(o, &none);
	int rc = tmp < 0 ? 0 : staged_each(tmp, sweep_one, &w, e);

	*ret += w.count;
	return rc;
}
