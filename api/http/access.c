/* SPDX-License-Identifier: Apache-2.0 */
/* access.c - who asked what, what came of it, how long it took. The query is
 * left out: it may hold what is nobody's business. */
#include "api/http/access.h"

#include "indexer/base/clock.h"
#include "indexer/base/log.h"

enum { NAME_MAX_SHOWN = 128, PATH_MAX_SHOWN = 512 };

void access_log(const struct exchange *x)
{
	char path[PATH_MAX_SHOWN], who[NAME_MAX_SHOWN], peer[CALL_PEER];
	struct str target = span_of(x->head.target, x->in.p);

	if (log_get_level() > LOG_INFO)
		return;
	target.n = str_find(target, '?');
	log_info("request",
		 "id=%s peer=%s method=%.*s path=%s status=%d bytes=%zu "
		 "us=%lld who=%s",
		 x->id[0] ? x->id : "-", call_peer(&x->c, peer),
		 STR_ARG(span_of(x->head.method, x->in.p)),
		 log_quote(target, path, sizeof(path)), x->answer.status,
		 x->answer.sent + (size_t)x->transmitted,
		 (long long)(clock_mono_us() - x->began_us),
		 log_quote(x->c.who.name, who, sizeof(who)));
}
