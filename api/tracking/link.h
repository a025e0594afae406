/* SPDX-License-Identifier: Apache-2.0 */
/* link.h - URLs of ours that carry their own permission: whoever has one may
 * do the one thing that it is for, until it expires. MLflow's clients follow
 * them without credentials.
 */
#ifndef ORRERY_TRACKING_LINK_H
#define ORRERY_TRACKING_LINK_H

#include "api/app.h"

/* Query fields that such a URL ends in. */
struct link_end {
	struct opt_i64 expires; /* ms since 1970 */
	struct str signature;
};
#define LINK_ROWS(of, member)                                                  \
	{.name = "expires",                                                    \
	 .type = FIELD_I64,                                                    \
	 .flags = FIELD_REQUIRED,                                              \
	 .offset = offsetof(struct of, member.expires)},                       \
	{                                                                      \
		.name = "signature", .type = FIELD_STR, .flags = FIELD_FILLED, \
		.offset = offsetof(struct of, member.signature)                \
	}

/* The absolute URL of target, signed for a method; NULL with e. target is a
 * path below the prefix that the call came by, and maybe a query; all that is
 * not plain in it is percent-encoded. */
const char *link_make(struct call *c, const char *method, struct str target,
		      int64_t lasts_ms, struct err *e);
/* Whether the call came by such a URL, and in time: ERR_DENIED. target is made
 * again from what was decoded, for proxies may spell it differently. */
int link_check(const struct call *c, const char *method, struct str target,
	       const struct link_end *end, struct err *e);

#endif
