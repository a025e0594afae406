/* SPDX-License-Identifier: Apache-2.0 */
/* digest.c - a stream's checksums, the slow one on a thread of its own.
 *
 * The hard idea: the feeder copies into a ring of blocks and goes on writing
 * while the thread hashes the blocks before; the ring is the only thing that
 * both touch, and its two counters are under one lock. Where no thread can be
 * had the feeder hashes itself, so a long stream is never refused for that.
 */
#include "indexer/objects/digest.h"

/* OpenSSL has a type of that name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/evp.h>
#undef ERR_STATE

#include <pthread.h>
#include <stdlib.h>

#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/room.h"
#include "indexer/objects/sums.h"

/* Up to here a stream is not worth a thread. */
enum { ALONE = 4 << 20, RING = DIGEST_BLOCKS * DIGEST_BLOCK };

struct digest {
	EVP_MD_CTX *sha; /* the thread's, while there is one */
	struct sums sums;
	struct buf *want; /* of them, or NULL */
	int64_t from;     /* ... if there are so many bytes */
	int64_t size;
	bool failed; /* the thread's, until it is joined */

	bool threaded, alone; /* alone: no thread could be had */
	pthread_t thread;
	pthread_mutex_t mu;
	pthread_cond_t moved;
	unsigned full, done; /* guarded by: mu; blocks handed over, hashed */
	bool end;            /* guarded by: mu */
	unsigned char *ring; /* DIGEST_BLOCKS blocks */
	size_t filled[DIGEST_BLOCKS];
};

struct digest *digest_new(struct err *e)
{
	struct digest *d = calloc(1, sizeof(*d));

	if (!d) {
		err_set(e, ERR_INTERNAL, "out of memory");
		return NULL;
	}
	sums_init(&d->sums);
	d->sha = EVP_MD_CTX_new();
	if (!d->sha || EVP_DigestInit_ex(d->sha, EVP_sha256(), NULL) != 1) {
		err_set(e, ERR_INTERNAL, "SHA-256 cannot be had");
		EVP_MD_CTX_free(d->sha);
		free(d);
		return NULL;
	}
	pthread_mutex_init(&d->mu, NULL);
	pthread_cond_init(&d->moved, NULL);
	return d;
}

static unsigned char *block(const struct digest *d, unsigned i)
{
	return d->ring + (size_t)(i % DIGEST_BLOCKS) * DIGEST_BLOCK;
}

/* --- the thread --------------------------------------------------------- */

/* Wait for the next full block; false at the end. */
static bool next_block(struct digest *d)
{
	SCOPED_LOCK(&d->mu);

	while (d->done == d->full && !d->end)
		pthread_cond_wait(&d->moved, &d->mu);
	return d->done != d->full;
}

static void *hash_blocks(void *arg)
{
	struct digest *d = arg;

	while (next_block(d)) {
		size_t n = d->filled[d->done % DIGEST_BLOCKS];

		if (EVP_DigestUpdate(d->sha, block(d, d->done), n) != 1)
			d->failed = true;
		pthread_mutex_lock(&d->mu);
		d->done++;
		pthread_cond_signal(&d->moved);
		pthread_mutex_unlock(&d->mu);
	}
	return NULL;
}

static void start_thread(struct digest *d)
{
	d->ring = room_new(RING);
	d->threaded =
		d->ring && !pthread_create(&d->thread, NULL, hash_blocks, d);
	d->alone = !d->threaded;
}

/* Hand over the block being filled; wait until the one after it is free. */
static void hand_over(struct digest *d)
{
	SCOPED_LOCK(&d->mu);

	d->full++;
	pthread_cond_signal(&d->moved);
	while (d->full - d->done == DIGEST_BLOCKS)
		pthread_cond_wait(&d->moved, &d->mu);
	d->filled[d->full % DIGEST_BLOCKS] = 0;
}

static void join_thread(struct digest *d)
{
	if (!d->threaded)
		return;
	if (d->filled[d->full % DIGEST_BLOCKS])
		hand_over(d);
	pthread_mutex_lock(&d->mu);
	d->end = true;
	pthread_cond_signal(&d->moved);
	pthread_mutex_unlock(&d->mu);
	pthread_join(d->thread, NULL);
	d->threaded = false;
}

/* --- the feeder --------------------------------------------------------- */

static void copy_in(struct digest *d, const unsigned char *p, size_t n)
{
	while (n) {
		size_t *filled = &d->filled[d->full % DIGEST_BLOCKS];
		size_t room = DIGEST_BLOCK - *filled;
		size_t now = n < room ? n : room;

		memcpy(block(d, d->full) + *filled, p, now);
		*filled += now;
		p += now;
		n -= now;
		if (*filled == DIGEST_BLOCK)
			hand_over(d);
	}
}

int digest_add(struct digest *d, const void *p, size_t n, struct err *e)
{
	sums_add(&d->sums, p, n);
	d->size += (int64_t)n;
	if (!d->threaded && !d->alone && d->size > ALONE)
		start_thread(d);
	if (d->threaded)
		copy_in(d, p, n);
	else if (EVP_DigestUpdate(d->sha, p, n) != 1)
		return err_set(e, ERR_INTERNAL, "SHA-256 failed");
	return 0;
}

void digest_sums_from(struct digest *d, int64_t size, struct buf *sums)
{
	d->want = sums;
	d->from = size;
}

void digest_sums(struct digest *d, struct buf *sums)
{
	digest_sums_from(d, SUMS_FROM, sums);
}

int digest_finish(struct digest *d, struct object_digest *ret, struct err *e)
{
	unsigned char sha[EVP_MAX_MD_SIZE];

	join_thread(d);
	if (d->failed || EVP_DigestFinal_ex(d->sha, sha, NULL) != 1)
		return err_set(e, ERR_INTERNAL, "SHA-256 failed");
	ret->size = d->size;
	hex_encode(sha, 32, ret->sha256);
	snprintf(ret->crc32c, sizeof(ret->crc32c), "%08x",
		 sums_total(&d->sums));
	if (d->want && d->size >= d->from)
		sums_write(&d->sums, d->want);
	return 0;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	join_thread(d);
	EVP_MD_CTX_free(d->sha);
	pthread_cond_destroy(&d->moved);
	pthread_mutex_destroy(&d->mu);
	room_free(d->ring, RING);
	sums_fini(&d->sums);
	free(d);
}

static int feed_file(struct digest *d, int fd, char *piece, struct err *e)
{
	for (int64_t at = 0;;) {
		ssize_t n = io_pread_all(fd, piece, DIGEST_BLOCK, at, e);

		if (n <= 0)
			return (int)n;
		if (digest_add(d, piece, (size_t)n, e) < 0)
			return -1;
		at += n;
	}
}

int digest_file(int fd, struct object_digest *ret, struct buf *sums,
		struct err *e)
{
	SCOPED_FREE char *piece = NULL;
	struct digest *d = digest_new(e);
	int rc = -1;

	if (!d)
		return -1;
	digest_sums(d, sums);
	piece = malloc(DIGEST_BLOCK);
	if (!piece)
		err_set(e, ERR_INTERNAL, "out of memory");
	else if (feed_file(d, fd, piece, e) == 0)
		rc = digest_finish(d, ret, e);
	digest_free(d);
	return rc;
}
