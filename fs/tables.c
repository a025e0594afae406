/* SPDX-License-Identifier: Apache-2.0 */
/* tables.c - views of many metrics or runs at once, rendered when they are
 * asked for.
 */
#include "fs/catch_up.h"
#include "fs/families.h"
#include "indexer/render/render.h"

int table_latest(struct fs_call *c, const struct subject *s, struct buf *b,
		 struct err *e)
{
	return render_latest_json(b, c->rd, s->row, e);
}

int table_metrics_tsv(struct fs_call *c, const struct subject *s, struct buf *b,
		      struct err *e)
{
	if (fs_begin_points(c, s->row, e))
		return -1;
	return render_metrics_tsv(b, c->rd, s->row, e);
}

int table_metrics_jsonl(struct fs_call *c, const struct subject *s,
			struct buf *b, struct err *e)
{
	if (fs_begin_points(c, s->row, e))
		return -1;
	return render_metrics_jsonl(b, c->rd, s->row, e);
}

int table_runs_tsv(struct fs_call *c, const struct subject *s, struct buf *b,
		   struct err *e)
{
	return render_runs_tsv(b, c->rd, s->row, e);
}
