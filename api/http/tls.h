/* SPDX-License-Identifier: Apache-2.0 */
/* tls.h - the certificate, and new TLS sessions. */
#ifndef ORRERY_HTTP_TLS_H
#define ORRERY_HTTP_TLS_H

#include "indexer/base/err.h"

struct ssl_ctx_st;
struct ssl_st;

/* TLS 1.2 and later, kTLS where the kernel has it. */
struct ssl_ctx_st *tls_context(const char *cert, const char *key,
			       struct err *e);
void tls_context_free(struct ssl_ctx_st *ctx);
/* A session on a connected socket; NULL without memory. */
struct ssl_st *tls_session(struct ssl_ctx_st *ctx, int fd);

#endif
