/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c - addresses as users write them, to listening sockets. */
#include "api/http/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/num.h"

enum { BACKLOG = 4096, HOST_MAX = 256 };

static int split(struct str address, char *host, char *port, struct err *e)
{
	struct str h = address, p;
	size_t colon = address.n;
	int64_t n;

	while (colon && address.p[colon - 1] != ':')
		colon--;
	if (!colon)
		return err_set(e, ERR_INVALID,
			       "listen address \"%.*s\" is "
			       "not HOST:PORT or unix:/path",
			       STR_ARG(address));
	h.n = colon - 1;
	p = str_n(address.p + colon, address.n - colon);
	if (!num_parse_i64(p, &n) || n < 0 || n > 65535)
		return err_set(e, ERR_INVALID,
			       "listen address \"%.*s\": the port must be a "
			       "number from 0 to 65535",
			       STR_ARG(address));
	if (h.n > 2 && h.p[0] == '[' && h.p[h.n - 1] == ']')
		h = str_n(h.p + 1, h.n - 2);
	if (!h.n || h.n >= HOST_MAX)
		return err_set(e, ERR_INVALID,
			       "listen address \"%.*s\": the "
			       "host is missing or too long",
			       STR_ARG(address));
	snprintf(host, HOST_MAX, "%.*s", STR_ARG(h));
	snprintf(port, 16, "%d", (int)n);
	return 0;
}

static int bind_to(struct listener *l, const struct addrinfo *a)
{
	int on = 1;

	l->fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
		       0);
	if (l->fd < 0)
		return -1;
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	/* Accepted sockets inherit it. */
	setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (a->ai_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (bind(l->fd, a->ai_addr, a->ai_addrlen) == 0 &&
	    listen(l->fd, BACKLOG) == 0)
		return 0;
	listener_close(l);
	return -1;
}

static int tcp_url(struct listener *l, char *url, struct err *e)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);
	char host[NI_MAXHOST], port[NI_MAXSERV];

	if (getsockname(l->fd, (struct sockaddr *)&sa, &n) ||
	    getnameinfo((struct sockaddr *)&sa, n, host, sizeof(host), port,
			sizeof(port), NI_NUMERICHOST | NI_NUMERICSERV))
		return err_set(e, ERR_IO,
			       "the address that was bound is not "
			       "readable");
	l->port = (int)strtol(port, NULL, 10);
	snprintf(url, LISTENER_URL,
		 strchr(host, ':') ? "%s://[%s]:%s" : "%s://%s:%s",
		 l->tls ? "https" : "http", host, port);
	return 0;
}

static int open_tcp(struct listener *l, struct str address, char *url,
		    struct err *e)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
				 .ai_flags = AI_PASSIVE};
	struct addrinfo *list, *a;
	char host[HOST_MAX], port[16];
	int rc, saved = 0;

	if (split(address, host, port, e))
		return -1;
	rc = getaddrinfo(host, port, &hints, &list);
	if (rc)
		return err_set(e, ERR_INVALID, "listen address \"%.*s\": %s",
			       STR_ARG(address), gai_strerror(rc));
	l->fd = -1;
	for (a = list; a && l->fd < 0; a = a->ai_next)
		if (bind_to(l, a))
			saved = errno;
	freeaddrinfo(list);
	if (l->fd < 0)
		return err_sys(e, saved, "cannot listen on \"%.*s\"",
			       STR_ARG(address));
	return tcp_url(l, url, e);
}

/* A socket file that nobody listens on any more is in the way. */
static int clear_stale(const struct sockaddr_un *sa, struct err *e)
{
	struct stat st;
	bool stale;
	int fd;

	if (lstat(sa->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set(e, ERR_EXISTS,
			       "\"%s\" exists and is not a "
			       "socket",
			       sa->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	stale = connect(fd, (const struct sockaddr *)sa, sizeof(*sa)) &&
		errno == ECONNREFUSED;
	close(fd);
	if (!stale)
		return err_set(e, ERR_EXISTS,
			       "\"%s\" is in use by another "
			       "process",
			       sa->sun_path);
	unlink(sa->sun_path);
	return 0;
}

static int open_unix(struct listener *l, struct str path, char *url,
		     struct err *e)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};

	if (!path.n || path.n >= sizeof(sa.sun_path))
		return err_set(e, ERR_INVALID,
			       "a socket's path must be 1 to "
			       "%zu bytes long",
			       sizeof(sa.sun_path) - 1);
	memcpy(sa.sun_path, path.p, path.n);
	memcpy(l->path, sa.sun_path, sizeof(l->path));
	if (clear_stale(&sa, e))
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return err_sys(e, errno, "socket");
	/* Before bind: the file is never open to others, not for a moment. */
	fchmod(l->fd, 0600);
	if (bind(l->fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(l->fd, BACKLOG)) {
		err_sys(e, errno, "cannot listen on \"%s\"", sa.sun_path);
		l->path[0] = '\0';
		listener_close(l);
		return -1;
	}
	chmod(sa.sun_path, 0600);
	l->local = true;
	snprintf(url, LISTENER_URL, "unix:%s", sa.sun_path);
	return 0;
}

int listener_open(struct listener *l, struct str address, bool tls, char *url,
		  struct err *e)
{
	*l = (struct listener){.fd = -1, .tls = tls};
	if (!str_starts(address, STR("unix:")))
		return open_tcp(l, address, url, e);
	l->tls = false;
	return open_unix(l, str_n(address.p + 5, address.n - 5), url, e);
}

void listener_shut(struct listener *l)
{
	if (l->fd >= 0)
		shutdown(l->fd, SHUT_RDWR);
}

void listener_close(struct listener *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
	if (l->local && l->path[0])
		unlink(l->path);
	l->path[0] = '\0';
}
