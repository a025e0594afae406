/* SPDX-License-Identifier: Apache-2.0 */
/* wire.c - the only calls that move a client's bytes.
 *
 * SIGPIPE is blocked in every thread of the server: OpenSSL and sendfile have
 * no flag against it.
 */
#include "api/http/wire.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

/* A stretch that one call may send, so that no thread stays in it long. */
enum { STRETCH = 1 << 20, TLS_GATHER = 16 << 10 };

static ssize_t plain_result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? WIRE_AGAIN : WIRE_BROKEN;
}

static ssize_t tls_result(struct wire *w, int r)
{
	int why;

	if (r > 0)
		return r;
	why = SSL_get_error(w->ssl, r);
	if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
		return WIRE_AGAIN;
	ERR_clear_error();
	return why == SSL_ERROR_ZERO_RETURN ? 0 : WIRE_BROKEN;
}

void wire_close(struct wire *w)
{
	SSL_free(w->ssl);
	if (w->fd >= 0)
		close(w->fd);
	*w = (struct wire){.fd = -1};
}

int wire_handshake(struct wire *w)
{
	ssize_t r = tls_result(w, SSL_accept(w->ssl));

	return r == 0 ? WIRE_BROKEN : (int)r;
}

ssize_t wire_read(struct wire *w, void *p, size_t n)
{
	ssize_t r;

	if (w->ssl)
		return tls_result(w,
				  SSL_read(w->ssl, p,
					   n > INT32_MAX ? INT32_MAX : (int)n));
	do
		r = recv(w->fd, p, n, 0);
	while (r < 0 && errno == EINTR);
	return plain_result(r);
}

/* One record for head and body together where they are small. */
static ssize_t tls_writev(struct wire *w, const struct iovec *iov, int count)
{
	char gather[TLS_GATHER];
	size_t n = 0;
	int i = 0;

	while (i < count && iov[i].iov_len == 0)
		i++;
	if (i == count)
		return 0;
	if (i + 1 == count || iov[i].iov_len >= sizeof(gather)) {
		size_t len = iov[i].iov_len;

		len = len > STRETCH ? STRETCH : len;
		return tls_result(w,
				  SSL_write(w->ssl, iov[i].iov_base, (int)len));
	}
	for (; i < count && n < sizeof(gather); i++) {
		size_t len = iov[i].iov_len;

		len = len > sizeof(gather) - n ? sizeof(gather) - n : len;
		memcpy(gather + n, iov[i].iov_base, len);
		n += len;
	}
	return tls_result(w, SSL_write(w->ssl, gather, (int)n));
}

ssize_t wire_writev(struct wire *w, const struct iovec *iov, int count,
		    bool more)
{
	struct msghdr msg = {.msg_iovlen = (size_t)count};
	ssize_t r;

	if (w->ssl)
		return tls_writev(w, iov, count);
	msg.msg_iov = (struct iovec *)(uintptr_t)iov;
	do
		r = sendmsg(w->fd, &msg, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
	while (r < 0 && errno == EINTR);
	return plain_result(r);
}

/* SSL_write may ask to be repeated with the same bytes: they are read from
 * the file again, so at moves only by what was taken. */
static ssize_t tls_send_file(struct wire *w, struct wire_file *f)
{
	size_t n = f->n < f->scratch_size ? f->n : f->scratch_size;
	ssize_t r;

	if (BIO_get_ktls_send(SSL_get_wbio(w->ssl))) {
		r = SSL_sendfile(w->ssl, f->fd, f->at, f->n, 0);
		return r == 0 ? 0 : tls_result(w, (int)r);
	}
	do
		r = pread(f->fd, f->scratch, n, f->at);
	while (r < 0 && errno == EINTR);
	if (r <= 0)
		return r == 0 ? 0 : WIRE_BROKEN;
	return tls_result(w, SSL_write(w->ssl, f->scratch, (int)r));
}

ssize_t wire_send_file(struct wire *w, struct wire_file *f)
{
	off_t at = f->at;
	ssize_t r;

	if (f->n > STRETCH)
		f->n = STRETCH;
	if (w->ssl) {
		r = tls_send_file(w, f);
	} else {
		do
			r = sendfile(w->fd, f->fd, &at, f->n);
		while (r < 0 && errno == EINTR);
		r = plain_result(r);
	}
	if (r > 0)
		f->at += r;
	return r;
}

void wire_shut(struct wire *w)
{
	if (w->ssl && SSL_is_init_finished(w->ssl)) {
		SSL_shutdown(w->ssl);
		ERR_clear_error();
	}
	shutdown(w->fd, SHUT_WR);
}

bool wire_ready(const struct wire *w, short events, int wait_ms)
{
	struct pollfd p = {.fd = w->fd, .events = events};

	return poll(&p, 1, wait_ms) > 0;
}
