/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-replica.c - pages of a server that is none: an error, and the copy is
 * as it was or follows. The first byte says which kind of page; a head without
 * a frame gets one of what follows, so that records are reached. */
#include <ftw.h>
#include <stdlib.h>

#include "indexer/base/log.h"
#include "indexer/index/migrate.h"
#include "indexer/index/replica_file.h"
#include "indexer/index/replica_wire.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static struct replica_file *file;
static char dir[64] = "/tmp/orrery-fuzz-replica-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type,
		      struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void end(void)
{
	replica_file_close(file);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(void)
{
	struct err e;

	log_set_level(LOG_OFF);
	if (!mkdtemp(dir))
		abort();
	file = replica_file_open(dir, &e);
	if (!file)
		abort();
	atexit(end);
}

static void apply(struct str page, bool points)
{
	struct replica_points_ask q = {.run = 1, .start = -1};
	struct replica_head h;
	struct err e;

	if (points)
		replica_file_points(file, &q, page, &h, &e);
	else if (replica_file_apply(file, page, &h, &e) == 0 && h.over)
		replica_file_restart(file, &e);
}

/* As page_seal makes it, of records that are what they are. */
static void apply_records(struct str bytes, bool points)
{
	const struct replica_head h = {.schema = SCHEMA_VERSION,
				       .epoch = 1,
				       .change = 7,
				       .level = true,
				       .at = {7, 8, 0, 0, 0}};
	struct buf records, page;
	struct err e;

	buf_init(&records, REPLICA_PAGE_MAX);
	buf_init(&page, REPLICA_PAGE_MAX);
	buf_str(&records, bytes);
	if (page_seal(&h, &records, &page, &e) == 0)
		apply(buf_view(&page), points);
	buf_fini(&records);
	buf_fini(&page);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct str rest;

	if (!file)
		start();
	if (!size)
		return 0;
	rest = str_n((const char *)data + 1, size - 1);
	if (data[0] & 2)
		apply_records(rest, data[0] & 1);
	else
		apply(rest, data[0] & 1);
	return 0;
}
