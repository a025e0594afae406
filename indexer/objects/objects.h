/* SPDX-License-Identifier: Apache-2.0 */
/* objects.h - bytes: one interface, kinds of store behind it.
 *
 * An object is written whole under a key of its own and then never changes:
 * its bytes are on disk (or acknowledged by the store) when put_finish
 * returns, and no other key's bytes are touched, so a crash at any moment
 * leaves every committed object as it was. Keys look like paths as MLflow
 * lays them out; where the wanted key is taken, another one is made up
 * (<experiment>/<run>/generations/<random>). Which key belongs to which
 * artifact is the index's business, and so is the checksum to compare with:
 * reads here return what is stored, object_verify compares.
 *
 * Thread rule: a struct objects may be shared; a put or a get belongs to one
 * thread at a time.
 */
#ifndef ORRERY_OBJECTS_OBJECTS_H
#define ORRERY_OBJECTS_OBJECTS_H

#include <stdatomic.h>
#include <stdint.h>

#include "indexer/base/conf.h"
#include "indexer/base/err.h"
#include "indexer/base/str.h"

struct objects;
struct object_put;

enum { OBJECT_KEY_MAX = 1024 * 5 };

/* c NULL or without a url: the directory DATA/objects. A url is a directory's
 * path, or s3://bucket/prefix. */
struct objects *objects_open(const char *data_dir, const struct conf_objects *c,
			     struct err *e);
/* The store of a daemon that runs, for a process beside it: get and put are
 * offered. Nothing is asked of it, so whether it answers is seen later. */
struct objects *objects_join(const char *data_dir, const struct conf_objects *c,
			     struct err *e);
/* Whether it answers, with what to do about it where it does not. */
int objects_look(struct objects *o, struct err *e);
/* The store of a daemon on another host, by its HTTP: what its token may see,
 * and may write. Nothing is asked before the first call. */
struct daemon_link {
	const char *url;   /* "http://host:port" or https */
	const char *token; /* or NULL */
	const char *spool; /* directory of what is on its way; NULL: /tmp */
};
struct objects *objects_open_daemon(const struct daemon_link *link,
				    struct err *e);
void objects_close(struct objects *o);
/* The process is about to end: what fails from now on is not tried again. */
void objects_hurry(struct objects *o);
/* Whether objects are files, so that descriptors of them can be had. */
bool objects_are_files(const struct objects *o);

/* What is known of an object once it is stored. */
struct object_digest {
	int64_t size;
	char sha256[65]; /* hex */
	char crc32c[9];  /* hex */
};

/* Write an object. wanted is its key if free; fallback is the prefix of a
 * made-up one ("<experiment>/<run>/generations/"). */
struct object_put *object_put_begin(struct objects *o, struct str wanted,
				    struct str fallback, struct err *e);
int object_put_write(struct object_put *p, const void *data, size_t n,
		     struct err *e);
/* Before the first write: what is written lies in a file as well, from its
 * first byte on, and stays there until the put ends; a store that would keep
 * all of it to send it takes it from there. moved is called as it does, by any
 * thread. */
struct object_source {
	int fd;
	void (*moved)(void *ctx);
	void *ctx;
};
void object_put_source(struct object_put *p, const struct object_source *src);
/* Asked now and then while finish waits for a store elsewhere, as far as what
 * is put is one request: true gives up, for the reason in e. */
void object_put_quit(struct object_put *p,
		     bool (*quit)(void *ctx, struct err *e), void *ctx);
/* Durable afterwards. ret_key (OBJECT_KEY_MAX) gets the key it lies at. */
int object_put_finish(struct object_put *p, char *ret_key,
		      struct object_digest *ret, struct err *e);
/* Before finish: where the sums of its blocks are to be appended (sums.h). */
void object_put_sums(struct object_put *p, struct buf *sums);
void object_put_abort(struct object_put *p); /* also frees after a failure */

/* For random writes (a mount's open file): the temporary file itself. It is
 * digested again at finish. -1 where objects are no files. */
int object_put_fd(struct object_put *p);

/* Read-only descriptor of an object for sendfile and pread; -1 with
 * ERR_NOT_FOUND when its bytes are gone, with ERR_UNSUPPORTED where objects
 * are no files. */
int object_open(struct objects *o, struct str key, struct err *e);

/* Read [off, off+n), or to the end where n is -1, in pieces, of any kind of
 * store. What is not there, or ends before, is known at begin where the store
 * is asked by then, else at a piece. The last piece is followed by one without
 * bytes; a piece is valid until the next call. */
struct object_get *object_get_begin(struct objects *o, struct str key,
				    int64_t off, int64_t n, struct err *e);
int object_get_next(struct object_get *g, struct str *ret, struct err *e);
void object_get_end(struct object_get *g); /* at any moment; NULL is fine */

/* Bytes [off, off+n): returns how many. */
int64_t object_read(struct objects *o, struct str key, int64_t off, void *out,
		    size_t n, struct err *e);
/* One range, exactly, into the caller's memory and in the background. done is
 * called once, by a thread of the store's that it must not hold up; got grows
 * while bytes come. */
struct object_fetch {
	struct str key;
	int64_t off;
	size_t n;
	char *out;
	void (*done)(struct object_fetch *f);
	/* What came, and the store's own. */
	_Atomic size_t got;
	struct err err; /* of kind ERR_NONE: all is there */
	void *own;
};

/* False where the store has no such way: object_get_begin is the other. */
bool object_fetch(struct objects *o, struct object_fetch *f);
/* While done was not called: it soon is. */
void object_fetch_cancel(struct objects *o, struct object_fetch *f);

/* A link by which anybody gets the object for so long: 1, appended to b; 0
 * where clients cannot be sent to the store. */
int object_link(struct objects *o, struct str key, int64_t seconds,
		struct buf *b, struct err *e);
/* 0 also where there is none. */
int object_delete(struct objects *o, struct str key, struct err *e);
/* Many at once: gone[i] is set where keys[i] is not there any more, also when
 * another fails. */
int objects_remove(struct objects *o, const struct str *keys, size_t n,
		   bool *gone, struct err *e);
int object_digest_of(struct objects *o, struct str key,
		     struct object_digest *ret, struct err *e);
/* ERR_CORRUPT when the bytes differ from what was stored. */
int object_verify(struct objects *o, struct str key, int64_t size,
		  struct str sha256, struct err *e);
/* The same, and when sums (sums.h), unless empty, are not those of its
 * blocks. */
int object_verify_sums(struct objects *o, struct str key, int64_t size,
		       struct str sha256, struct str sums, struct err *e);
/* Every object, in no particular order; for check and gc. */
int objects_each(struct objects *o,
		 int (*fn)(void *ctx, struct str key, int64_t size,
			   int64_t mtime, struct err *e),
		 void *ctx, struct err *e);
/* What the daemon does at its start, before it writes: remove what a crash
 * left half-written, find out what the store can be relied on for. */
int objects_sweep(struct objects *o, struct err *e);
/* What that was, as objects.dialect of a configuration says it; nothing where
 * there is nothing to find out. */
void objects_dialect(struct objects *o, struct buf *b);

#endif
