/* SPDX-License-Identifier: Apache-2.0 */
/* peer.c - the client of the tests. */
#include "tests/http/peer.h"

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { PEER_MAX = 256 << 20, PEER_WAIT_MS = 10000 };

static int connect_unix(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	memcpy(sa.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static int connect_tcp(const char *url)
{
	struct sockaddr_in sa = {.sin_family = AF_INET};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sa.sin_port = htons((uint16_t)strtol(strrchr(url, ':') + 1, NULL, 10));
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool start_tls(struct peer *p)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	p->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	SSL_set_fd(p->ssl, p->fd);
	return SSL_connect(p->ssl) == 1;
}

bool peer_open(struct peer *p, const char *url)
{
	struct timeval wait = {.tv_sec = PEER_WAIT_MS / 1000};

	*p = (struct peer){.fd = -1};
	buf_init(&p->in, PEER_MAX);
	buf_init(&p->head, 1 << 20);
	buf_init(&p->body, PEER_MAX);
	p->fd = strncmp(url, "unix:", 5) == 0 ? connect_unix(url + 5)
					      : connect_tcp(url);
	if (p->fd < 0)
		return false;
	setsockopt(p->fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
	setsockopt(p->fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof(wait));
	return strncmp(url, "https:", 6) != 0 || start_tls(p);
}

void peer_close(struct peer *p)
{
	SSL_free(p->ssl);
	if (p->fd >= 0)
		close(p->fd);
	buf_fini(&p->in);
	buf_fini(&p->head);
	buf_fini(&p->body);
	p->fd = -1;
}

bool peer_send(struct peer *p, const char *text, size_t n)
{
	while (n) {
		ssize_t r = p->ssl ? SSL_write(p->ssl, text, (int)n)
				   : send(p->fd, text, n, MSG_NOSIGNAL);

		if (r <= 0)
			return false;
		text += r;
		n -= (size_t)r;
	}
	return true;
}

bool peer_say(struct peer *p, const char *text)
{
	return peer_send(p, text, strlen(text));
}

static ssize_t more(struct peer *p)
{
	char *at = buf_room(&p->in, 65536);
	ssize_t r = p->ssl ? SSL_read(p->ssl, at, 65536)
			   : recv(p->fd, at, 65536, 0);

	if (r > 0)
		buf_added(&p->in, (size_t)r);
	return r;
}

bool peer_wait(struct peer *p, size_t n)
{
	while (p->in.n < n)
		if (more(p) <= 0)
			return false;
	return true;
}

/* Length of the text up to and with the first end, 0 when it ends before. */
static size_t up_to(struct peer *p, const char *end)
{
	size_t from = 0, n = strlen(end);

	for (;;) {
		const char *at =
			p->in.n - from >= n
				? memmem(p->in.p + from, p->in.n - from, end, n)
				: NULL;

		if (at)
			return (size_t)(at - p->in.p) + n;
		from = p->in.n < n ? 0 : p->in.n - n + 1;
		if (more(p) <= 0)
			return 0;
	}
}

static bool take(struct peer *p, struct buf *to, size_t n)
{
	if (!peer_wait(p, n))
		return false;
	buf_add(to, p->in.p, n);
	buf_drop(&p->in, n);
	return true;
}

static bool take_chunks(struct peer *p)
{
	for (;;) {
		size_t line = up_to(p, "\r\n"), n;

		if (!line)
			return false;
		n = strtoul(p->in.p, NULL, 16);
		buf_drop(&p->in, line);
		if (!take(p, &p->body, n) || !peer_wait(p, 2))
			return false;
		buf_drop(&p->in, 2);
		if (!n)
			return true;
	}
}

const char *peer_header(struct peer *p, const char *name)
{
	static _Thread_local char value[1024];
	struct str rest = buf_view(&p->head), line, key;

	while (rest.n) {
		line = str_cut(&rest, '\n');
		key = str_cut(&line, ':');
		if (!str_eq_nocase(key, str_from(name)))
			continue;
		line = str_trim(line);
		if (line.n && line.p[line.n - 1] == '\r')
			line.n--;
		snprintf(value, sizeof(value), "%.*s", STR_ARG(line));
		return value;
	}
	return "";
}

static bool take_rest(struct peer *p)
{
	ssize_t r;

	while ((r = more(p)) > 0)
		;
	buf_str(&p->body, buf_view(&p->in));
	buf_reset(&p->in);
	return r == 0;
}

static bool take_body(struct peer *p)
{
	const char *length = peer_header(p, "Content-Length");

	if (p->status / 100 == 1 || p->status == 204 || p->status == 304)
		return true;
	if (length[0])
		return take(p, &p->body, strtoul(length, NULL, 10));
	if (strcmp(peer_header(p, "Transfer-Encoding"), "chunked") == 0)
		return take_chunks(p);
	return take_rest(p);
}

int peer_answer(struct peer *p, bool no_body)
{
	size_t n = up_to(p, "\r\n\r\n");

	p->status = 0;
	buf_reset(&p->head);
	buf_reset(&p->body);
	if (n < 20 || memcmp(p->in.p, "HTTP/1.1 ", 9) != 0)
		return 0;
	p->status = (int)strtol(p->in.p + 9, NULL, 10);
	take(p, &p->head, n);
	if (!no_body && !take_body(p))
		return 0;
	return p->status;
}

int peer_ask(struct peer *p, const char *text)
{
	return peer_say(p, text) ? peer_answer(p, false) : 0;
}

bool peer_ended(struct peer *p)
{
	return p->in.n == 0 && more(p) == 0;
}
