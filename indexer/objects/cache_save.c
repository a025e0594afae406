/* SPDX-License-Identifier: Apache-2.0 */
/* cache_save.c - what came is written to the directory, in the background.
 *
 * Only blocks that hold. Who reads does not wait for it: where the disk is
 * slower than the store, ranges are dropped unwritten.
 */
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/objects/cache_own.h"

static uint32_t all_blocks(const struct range *r)
{
	int64_t block = r->o->check.block;
	int64_t n = ((int64_t)r->n + block - 1) / block;

	return n >= 32 ? UINT32_MAX : (UINT32_C(1) << n) - 1;
}

int range_check(struct range *r, int64_t from, int64_t to, uint32_t *ret)
{
	const struct check *k = &r->o->check;
	int64_t base = r->off / k->block;

	*ret = 0;
	for (int64_t b = from / k->block; b * k->block < to; b++) {
		uint32_t bit = UINT32_C(1) << (b - base);

		if (atomic_load_explicit(&r->checked, memory_order_relaxed) &
		    bit)
			continue;
		if (!check_block(k, b, r->mem + (b - base) * k->block,
				 check_size(k, b)))
			return -1;
		*ret |= bit;
	}
	return 0;
}

/* --- one range ------------------------------------------------------------ */

static void keep_dead(struct disk_file *f)
{
	if (f->fd < 0)
		return;
	if (f->ndead < DISK_DEAD)
		f->dead[f->ndead++] = f->fd;
	f->fd = -1;
	f->state = DISK_NONE;
}

int save_part(struct cache_object *o)
{
	int fd;

	if (o->file.state != DISK_NONE)
		return o->file.state == DISK_PART ? o->file.fd : -1;
	if (o->file.ndead == DISK_DEAD)
		return -1;
	pthread_mutex_unlock(&o->mu);
	fd = disk_part(&o->c->disk, &o->check);
	pthread_mutex_lock(&o->mu);
	o->file.fd = fd;
	o->file.state = fd < 0 ? DISK_NONE : DISK_PART;
	return fd;
}

static bool write_range(struct range *r, int fd)
{
	struct cache_object *o = r->o;
	bool ok;

	pthread_mutex_unlock(&o->mu);
	ok = disk_write(&o->c->disk, fd, r->mem, r->n, r->off);
	pthread_mutex_lock(&o->mu);
	return ok;
}

static void note_saved(struct range *r)
{
	struct cache_object *o = r->o;
	const struct check *k = &o->check;

	r->saved = true;
	if (r->n > CACHE_KEPT)
		r->ahead = r->ahead && !o->soon;
	o->saved_ms = clock_mono_ms();
	for (int64_t at = r->off; at < r->off + (int64_t)r->n; at += k->block)
		disk_set_good(&o->file, at / k->block);
}

static void save_one(struct range *r)
{
	struct cache_object *o = r->o;
	int fd = save_part(o);

	if (fd >= 0 && write_range(r, fd))
		note_saved(r);
	else
		atomic_fetch_add(&o->c->counts.bypassed, (int64_t)r->n);
}

/* --- all of an object ----------------------------------------------------- */

/* Those that came without a reader are checked here. */
static bool holds(struct range *r)
{
	struct cache_object *o = r->o;
	uint32_t checked;
	int rc;

	if (r->checked == all_blocks(r))
		return true;
	pthread_mutex_unlock(&o->mu);
	rc = range_check(r, r->off, r->off + (int64_t)r->n, &checked);
	pthread_mutex_lock(&o->mu);
	r->checked |= rc < 0 ? 0 : checked;
	return rc == 0;
}

static struct range *next_range(struct cache_object *o)
{
	struct range *found = NULL;

	for (struct range *r = o->ranges; r; r = r->next)
		if (r->state == RANGE_HERE && !r->saving && !r->saved &&
		    (r->checked == all_blocks(r) || o->soon) &&
		    (!found || r->off < found->off))
			found = r;
	return found;
}

static void promote(struct cache_object *o)
{
	int fd = o->file.fd;

	if (o->file.state != DISK_PART || o->file.ngood != o->check.blocks)
		return;
	o->file.state = DISK_TRUSTED;
	pthread_mutex_unlock(&o->mu);
	disk_promote(&o->c->disk, fd, &o->check);
	pthread_mutex_lock(&o->mu);
}

static void save(void *ctx)
{
	struct cache_object *o = ctx;
	struct range *r;

	pthread_mutex_lock(&o->mu);
	while ((r = next_range(o))) {
		range_pin(r);
		r->saving = true;
		if (holds(r))
			save_one(r);
		range_unpin(r);
		ranges_trim(o);
	}
	o->save_queued = false;
	promote(o);
	pthread_mutex_unlock(&o->mu);
	object_let(o);
}

void save_soon(struct cache_object *o)
{
	if (o->save_queued || !disk_usable(&o->c->disk) || !next_range(o))
		return;
	o->save_job = (struct pool_job){.run = save, .ctx = o};
	object_hold(o);
	o->saved_ms = clock_mono_ms();
	o->save_queued = pool_add(&o->c->writers, &o->save_job);
	if (!o->save_queued)
		object_let(o);
}

/* What the file says does not hold. o->mu held. */
void save_broken(struct cache_object *o)
{
	struct disk_file *f = &o->file;
	int fd;

	if (f->state != DISK_WHOLE && f->state != DISK_TRUSTED)
		return;
	fd = disk_demote(&o->c->disk, f->fd, &o->id);
	atomic_fetch_add(&o->c->counts.corrupt, 1);
	keep_dead(f);
	if (fd >= 0) {
		f->fd = fd;
		f->state = DISK_PART;
		return;
	}
	memset(f->good, 0,
	       ((size_t)o->check.blocks / 64 + 1) * sizeof(*f->good));
	f->ngood = 0;
}

/* A block that was good cannot be read any more. */
void save_unreadable(struct cache_object *o, int64_t block)
{
	struct disk_file *f = &o->file;

	disk_set_good(f, block);
	f->good[block / 64] &= ~(UINT64_C(1) << (block % 64));
	f->ngood--;
	save_broken(o);
}
