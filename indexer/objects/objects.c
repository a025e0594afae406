/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - what is the same for every kind of store.
 *
 * Checks of keys, checksums, and the choice of a key: the wanted one, or where
 * it is not to be had a made-up one. A struct object_put is owned by who began
 * it until it is finished or aborted.
 */
#include "indexer/objects/objects.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/kind.h"
#include "indexer/objects/path.h"

enum { RANDOM_BYTES = 16, TRIES = 3, SHOWN = 100 };

struct objects *objects_open(const char *data_dir, struct str url,
			     struct err *e)
{
	SCOPED_FREE char *path = NULL;
	int n;

	if (url.n && memmem(url.p, url.n, "://", 3)) {
		err_set(e, ERR_UNSUPPORTED,
			"objects.url %.*s: only a directory's path can be "
			"given",
			STR_ARG(url));
		return NULL;
	}
	if (url.n)
		n = asprintf(&path, "%.*s", STR_ARG(url));
	else
		n = asprintf(&path, "%s/objects", data_dir);
	if (n < 0) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	return dir_objects_open(path, e);
}

void objects_close(struct objects *o)
{
	if (o)
		o->kind->close(o);
}

static int check_key(struct str key, struct err *e)
{
	if (path_valid(key))
		return 0;
	return err_set(e, ERR_INVALID, "\"%.*s\" cannot be an object's key",
		       key.n < SHOWN ? (int)key.n : SHOWN, key.p ? key.p : "");
}

/* --- writing ------------------------------------------------------------ */

/* A made-up key: the prefix and 32 hex digits. */
static int make_up(struct str fallback, char *key, struct err *e)
{
	char name[2 * RANDOM_BYTES + 1];

	random_hex(name, RANDOM_BYTES);
	if (fallback.n + sizeof(name) > OBJECT_KEY_MAX)
		return err_set(e, ERR_TOO_LONG,
			       "an object's key has at most %d bytes",
			       OBJECT_KEY_MAX - 1);
	if (fallback.n)
		memcpy(key, fallback.p, fallback.n);
	memcpy(key + fallback.n, name, sizeof(name));
	return check_key(str_n(key, fallback.n + sizeof(name) - 1), e);
}

struct object_put *object_put_begin(struct objects *o, struct str wanted,
				    struct str fallback, struct err *e)
{
	char key[OBJECT_KEY_MAX];
	struct object_put *p;

	if ((wanted.n && check_key(wanted, e) < 0) ||
	    make_up(fallback, key, e) < 0)
		return NULL;
	p = o->kind->put_begin(o, e);
	if (!p)
		return NULL;
	p->o = o;
	p->wanted = strndup(wanted.n ? wanted.p : "", wanted.n);
	p->fallback = strndup(fallback.n ? fallback.p : "", fallback.n);
	p->digest = digest_new(e);
	if (!p->digest || !p->wanted || !p->fallback) {
		object_put_abort(p);
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	return p;
}

int object_put_write(struct object_put *p, const void *data, size_t n,
		     struct err *e)
{
	if (!p->digest)
		return err_set(e, ERR_INTERNAL,
			       "the object is written through "
			       "its descriptor");
	if (digest_add(p->digest, data, n, e) < 0)
		return -1;
	return p->o->kind->put_write(p, data, n, e);
}

int object_put_fd(struct object_put *p)
{
	int fd = p->o->kind->put_fd(p);

	if (fd >= 0) {
		digest_free(p->digest);
		p->digest = NULL;
	}
	return fd;
}

static int link_somewhere(struct object_put *p, char *key, struct err *e)
{
	int got = 0;

	if (*p->wanted) {
		snprintf(key, OBJECT_KEY_MAX, "%s", p->wanted);
		got = p->o->kind->put_link(p, str_from(key), e);
	}
	for (int i = 0; !got && i < TRIES; i++) {
		if (make_up(str_from(p->fallback), key, e) < 0)
			return -1;
		got = p->o->kind->put_link(p, str_from(key), e);
	}
	if (!got)
		return err_set(e, ERR_IO, "objects: no key below %s can be had",
			       p->fallback);
	return got < 0 ? -1 : 0;
}

int object_put_finish(struct object_put *p, char *ret_key,
		      struct object_digest *ret, struct err *e)
{
	int rc = p->o->kind->put_flush(p, e);

	if (rc == 0 && p->digest)
		rc = digest_finish(p->digest, ret, e);
	else if (rc == 0)
		rc = digest_file(p->o->kind->put_fd(p), ret, e);
	if (rc < 0 || link_somewhere(p, ret_key, e) < 0)
		return -1;
	object_put_abort(p);
	return 0;
}

void object_put_abort(struct object_put *p)
{
	if (!p)
		return;
	digest_free(p->digest);
	free(p->wanted);
	free(p->fallback);
	p->o->kind->put_free(p);
}

/* --- reading ------------------------------------------------------------ */

int object_open(struct objects *o, struct str key, struct err *e)
{
	if (check_key(key, e) < 0)
		return -1;
	return o->kind->open(o, key, e);
}

int64_t object_read(struct objects *o, struct str key, int64_t off, void *out,
		    size_t n, struct err *e)
{
	SCOPED_FD int fd = object_open(o, key, e);

	if (fd < 0)
		return -1;
	return io_pread_all(fd, out, n, off, e);
}

int object_delete(struct objects *o, struct str key, struct err *e)
{
	if (check_key(key, e) < 0)
		return -1;
	return o->kind->remove(o, key, e);
}

int object_digest_of(struct objects *o, struct str key,
		     struct object_digest *ret, struct err *e)
{
	SCOPED_FD int fd = object_open(o, key, e);

	if (fd < 0)
		return -1;
	return digest_file(fd, ret, e);
}

int object_verify(struct objects *o, struct str key, int64_t size,
		  struct str sha256, struct err *e)
{
	struct object_digest d;

	if (object_digest_of(o, key, &d, e) < 0)
		return -1;
	if (d.size != size)
		return err_set(
			e, ERR_CORRUPT, "object %.*s has %lld bytes, not %lld",
			STR_ARG(key), (long long)d.size, (long long)size);
	if (!str_eq_nocase(sha256, str_from(d.sha256)))
		return err_set(e, ERR_CORRUPT,
			       "object %.*s has SHA-256 %s, not %.*s",
			       STR_ARG(key), d.sha256, STR_ARG(sha256));
	return 0;
}

int objects_each(struct objects *o,
		 int (*fn)(void *ctx, struct str key, int64_t size,
			   int64_t mtime, struct err *e),
		 void *ctx, struct err *e)
{
	return o->kind->each(o, fn, ctx, e);
}

int objects_sweep(struct objects *o, struct err *e)
{
	return o->kind->sweep(o, e);
}
