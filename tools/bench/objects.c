/* SPDX-License-Identifier: Apache-2.0 */
/* objects.c - how fast an object is stored, beside a plain file.
 *
 *	objects DIR [MIB]
 *
 * Writes MIB mebibytes (2048 unless told) in pieces of 1 MiB, three times in
 * turn: as `dd conv=fsync` would, and through the object store, which also
 * computes two checksums. Prints MiB/s of each round and the ratio of the
 * best ones.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/clock.h"
#include "indexer/base/io.h"
#include "indexer/base/num.h"
#include "indexer/base/scope.h"
#include "indexer/objects/objects.h"

enum { PIECE = 1 << 20, ROUNDS = 3, MIB = 2048, MIB_MAX = 1 << 20 };

/* Both return the microseconds that it took, less the removal, or -1. */
static int64_t plain(const char *dir, const char *piece, int64_t mib,
		     struct err *e)
{
	int64_t from = clock_mono_us();
	SCOPED_FREE char *path = NULL;
	SCOPED_FD int fd = -1;

	if (asprintf(&path, "%s/plain", dir) < 0)
		return err_set(e, ERR_INTERNAL, "out of memory");
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, errno, "%s", path);
	unlink(path);
	for (int64_t i = 0; i < mib; i++)
		if (io_write_all(fd, piece, PIECE, e) < 0)
			return -1;
	if (fsync(fd) < 0)
		return err_sys(e, errno, "%s", path);
	return clock_mono_us() - from;
}

static int64_t stored(struct objects *o, const char *piece, int64_t mib,
		      struct err *e)
{
	int64_t from = clock_mono_us(), took;
	struct object_put *p =
		object_put_begin(o, STR("bench/object"), STR("bench/"), e);
	char key[OBJECT_KEY_MAX];
	struct object_digest d;

	if (!p)
		return -1;
	for (int64_t i = 0; i < mib; i++) {
		if (object_put_write(p, piece, PIECE, e) < 0) {
			object_put_abort(p);
			return -1;
		}
	}
	if (object_put_finish(p, key, &d, e) < 0) {
		object_put_abort(p);
		return -1;
	}
	took = clock_mono_us() - from;
	return object_delete(o, str_from(key), e) < 0 ? -1 : took;
}

static int rounds(struct objects *o, const char *dir, const char *piece,
		  int64_t mib, struct err *e)
{
	int64_t best[2] = {INT64_MAX, INT64_MAX};

	for (int i = 0; i < 2 * ROUNDS; i++) {
		int64_t took = i % 2 ? stored(o, piece, mib, e)
				     : plain(dir, piece, mib, e);

		if (took < 0)
			return -1;
		best[i % 2] = took < best[i % 2] ? took : best[i % 2];
		printf("%s %" PRId64 " MiB/s\n", i % 2 ? "stored" : "plain",
		       mib * 1000000 / took);
	}
	printf("ratio %.2f\n", (double)best[0] / (double)best[1]);
	return 0;
}

int main(int argc, char **argv)
{
	SCOPED_FREE char *piece = calloc(1, PIECE);
	struct objects *o;
	struct err e;
	int64_t mib = MIB;
	int rc = -1;

	if (!piece || argc < 2 || argc > 3 ||
	    (argc == 3 && !num_parse_i64(str_from(argv[2]), &mib)) || mib < 1 ||
	    mib > MIB_MAX) {
		fprintf(stderr, "usage: objects DIR [MIB]\n");
		return 2;
	}
	o = objects_open(argv[1], NULL, &e);
	if (o)
		rc = rounds(o, argv[1], piece, mib, &e);
	objects_close(o);
	if (rc < 0)
		fprintf(stderr, "objects: %s\n", e.msg);
	return rc < 0;
}
