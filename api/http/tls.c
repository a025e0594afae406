/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - settings of OpenSSL.
 *
 * Buffers are released while a connection is idle, writes may be partial and
 * repeated from another place: the server's buffers move.
 */
#include "api/http/tls.h"

/* OpenSSL has a type of this name. */
#define ERR_STATE OPENSSL_ERR_STATE
#include <openssl/err.h>
#include <openssl/ssl.h>
#undef ERR_STATE

static int fail(struct err *e, const char *what, const char *path)
{
	char text[256];

	ERR_error_string_n(ERR_peek_last_error(), text, sizeof(text));
	ERR_clear_error();
	return err_set(e, ERR_INVALID, "%s \"%s\": %s", what, path, text);
}

static int load(SSL_CTX *ctx, const char *cert, const char *key, struct err *e)
{
	if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
		return fail(e, "TLS certificate", cert);
	if (SSL_CTX_use_PrivateKey_file(ctx, key, SSL_FILETYPE_PEM) != 1)
		return fail(e, "TLS key", key);
	if (SSL_CTX_check_private_key(ctx) != 1)
		return fail(e, "TLS key does not fit its certificate", key);
	return 0;
}

SSL_CTX *tls_context(const char *cert, const char *key, struct err *e)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	if (!ctx) {
		err_set(e, ERR_INTERNAL, "TLS cannot be set up");
		return NULL;
	}
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	SSL_CTX_set_options(ctx, SSL_OP_ENABLE_KTLS | SSL_OP_NO_RENEGOTIATION |
					 SSL_OP_NO_COMPRESSION |
					 SSL_OP_CIPHER_SERVER_PREFERENCE |
					 SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
				      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
				      SSL_MODE_RELEASE_BUFFERS);
	if (load(ctx, cert, key, e)) {
		SSL_CTX_free(ctx);
		return NULL;
	}
	return ctx;
}

void tls_context_free(SSL_CTX *ctx)
{
	SSL_CTX_free(ctx);
}

SSL *tls_session(SSL_CTX *ctx, int fd)
{
	SSL *ssl = SSL_new(ctx);

	if (ssl && SSL_set_fd(ssl, fd) != 1) {
		SSL_free(ssl);
		ssl = NULL;
	}
	if (ssl)
		SSL_set_accept_state(ssl);
	return ssl;
}
