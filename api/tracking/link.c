/* SPDX-License-Identifier: Apache-2.0 */
/* link.c - see link.h. */
#include "api/tracking/link.h"

#include <inttypes.h>

#include "indexer/base/clock.h"
#include "indexer/base/scope.h"

enum { TEXT_MAX = 64 << 10 };

/* "PUT /path?query&expires=17", what is signed. ret_target gets where the
 * method ends. */
static int write_text(struct buf *b, const char *method, struct str target,
		      int64_t expires, size_t *ret_target, struct err *e)
{
	bool query = str_find(target, '?') < target.n;

	buf_printf(b, "%s ", method);
	*ret_target = b->n;
	buf_str(b, target);
	buf_printf(b, "%cexpires=%" PRId64, query ? '&' : '?', expires);
	if (buf_ok(b))
		return 0;
	return err_set(e, ERR_TOO_LONG, "the link would be too long");
}

static const char *scheme(const struct call *c)
{
	return call_app(c)->conf->tls_cert.n && !c->local ? "https" : "http";
}

const char *link_make(struct call *c, const char *method, struct str target,
		      int64_t lasts_ms, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	struct str host = call_header(c, "Host"), signed_part;
	char signature[SIGNATURE_TEXT];
	const char *url;
	size_t from;

	buf_init(&b, TEXT_MAX);
	if (write_text(&b, method, target, clock_ms() + lasts_ms, &from, e) <
		    0 ||
	    signer_sign(&call_app(c)->signer, buf_view(&b), signature, e) < 0)
		return NULL;
	signed_part = str_n(b.p + from, b.n - from);
	url = arena_printf(c->arena, "%s://%.*s%.*s%.*s&signature=%s",
			   scheme(c), STR_ARG(host), STR_ARG(c->prefix),
			   STR_ARG(signed_part), signature);
	if (!url)
		arena_full(c->arena, e);
	return url;
}

int link_check(const struct call *c, const char *method, struct str target,
	       const struct link_end *end, struct err *e)
{
	SCOPED(buf_fini) struct buf b;
	size_t from;

	buf_init(&b, TEXT_MAX);
	if (write_text(&b, method, target, end->expires.v, &from, e) < 0)
		return -1;
	if (!signer_holds(&call_app(c)->signer, buf_view(&b), end->signature))
		return err_set(e, ERR_DENIED,
			       "the signature of this link is wrong");
	if (clock_ms() > end->expires.v)
		return err_set(e, ERR_DENIED, "this link has expired");
	return 0;
}
