/* SPDX-License-Identifier: Apache-2.0 */
/* s3_fetch.c - one range by one request, whose bytes land where they stay.
 *
 * The engine's thread calls done; between that and s3_fetch nobody waits.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "indexer/objects/s3.h"

enum { RANGE_TEXT = 64 };

struct s3_fetch {
	struct s3_request r;
	struct s3_store *s;
	struct object_fetch *f;
	char range[RANGE_TEXT];
};

/* "bytes 0-99/1000" answers "bytes=0-99". */
static bool is_range(const struct s3_fetch *x)
{
	struct str sent = str_from(x->range), got = str_from(x->r.head.range);

	str_cut(&sent, '=');
	str_cut(&got, ' ');
	return str_eq(sent, str_cut(&got, '/'));
}

static bool is_asked(const struct s3_fetch *x)
{
	if (x->r.got != x->f->n)
		return false;
	return x->r.status == 206 ? is_range(x)
				  : x->r.status == 200 && x->f->off == 0;
}

static void ended(struct s3_request *r)
{
	struct s3_fetch *x = (struct s3_fetch *)r;
	struct object_fetch *f = x->f;

	if (r->failed && r->status == 416)
		err_set(&f->err, ERR_CORRUPT, "object %.*s ends too early",
			STR_ARG(f->key));
	else if (r->failed)
		f->err = r->e;
	else if (!is_asked(x))
		err_set(&f->err, ERR_CORRUPT,
			"the object store (%s) answers status %d and the range "
			"\"%s\" with %zu bytes to one of %s",
			s3_engine_name(x->s->engine), r->status, r->head.range,
			r->got, x->range);
	s3_request_fini(r);
	free(x);
	f->done(f);
}

void s3_fetch(struct objects *o, struct object_fetch *f)
{
	struct s3_fetch *x = calloc(1, sizeof(*x));

	if (!x)
		abort();
	x->s = s3_of(o);
	x->f = f;
	f->own = x;
	s3_request_init(&x->r, "GET", f->key);
	snprintf(x->range, sizeof(x->range), "bytes=%" PRId64 "-%" PRId64,
		 f->off, f->off + (int64_t)f->n - 1);
	s3_pairs_add(&x->r.headers, "range", str_from(x->range));
	x->r.out = f->out;
	x->r.room = f->n;
	x->r.progress = &f->got;
	x->r.patience_s = S3_FETCH_STALL_S;
	x->r.ended = ended;
	s3_submit(x->s->engine, &x->r);
}

void s3_fetch_cancel(struct objects *o, struct object_fetch *f)
{
	struct s3_fetch *x = f->own;

	s3_drop(s3_of(o)->engine, &x->r);
}
