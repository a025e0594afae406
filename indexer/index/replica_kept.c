/* SPDX-License-Identifier: Apache-2.0 */
/* replica_kept.c - which blocks of a run's points a copy has already, as a
 * request says it. */
#include <inttypes.h>

#include "indexer/base/num.h"
#include "indexer/index/replica.h"

void replica_kept_write(const struct replica_points_ask *q, struct buf *b)
{
	for (size_t i = 0; i < q->nkept; i++)
		buf_printf(b, "%s%" PRId64 ".%" PRId64, i ? "," : "",
			   q->kept[i].series, q->kept[i].start);
}

int replica_kept_parse(struct str text, struct replica_points_ask *q,
		       struct err *e)
{
	int64_t before = 0;

	q->nkept = 0;
	while (text.n) {
		struct str one = str_cut(&text, ',');
		struct str series = str_cut(&one, '.');
		struct replica_kept k;

		if (q->nkept == REPLICA_KEPT ||
		    !num_parse_i64(series, &k.series) ||
		    !num_parse_i64(one, &k.start) || k.series <= before ||
		    k.start < 0)
			return err_set(e, ERR_INVALID,
				       "kept: write SERIES.START, at most %d, "
				       "rising, with a comma between",
				       REPLICA_KEPT);
		before = k.series;
		q->kept[q->nkept++] = k;
	}
	return 0;
}
