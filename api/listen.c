/* SPDX-License-Identifier: Apache-2.0 */
/* listen.c - where the daemon may listen. */
#include "api/listen.h"

#include <arpa/inet.h>
#include <stdio.h>

/* HOST of "HOST:PORT" and "[HOST]:PORT"; what is neither stays as it is. */
static struct str host_of(struct str address)
{
	size_t n = address.n;

	while (n && address.p[n - 1] != ':')
		n--;
	address.n = n ? n - 1 : address.n;
	if (address.n > 1 && address.p[0] == '[' &&
	    address.p[address.n - 1] == ']')
		address = str_n(address.p + 1, address.n - 2);
	return address;
}

static bool is_loopback(struct str host)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr six;
	struct in_addr four;

	if (str_is(host, "localhost"))
		return true;
	if (host.n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", STR_ARG(host));
	if (inet_pton(AF_INET, text, &four) == 1)
		return (ntohl(four.s_addr) >> 24) == 127;
	return inet_pton(AF_INET6, text, &six) == 1 &&
	       IN6_IS_ADDR_LOOPBACK(&six);
}

int listen_check_local(struct str address, struct err *e)
{
	if (str_starts(address, STR("unix:")) || is_loopback(host_of(address)))
		return 0;
	if (str_find(address, ':') == address.n)
		return err_set(e, ERR_INVALID,
			       "will not listen on \"%.*s\": that is neither "
			       "HOST:PORT nor unix:/path",
			       (int)(address.n < 200 ? address.n : 200),
			       address.n ? address.p : "");
	return err_set(e, ERR_DENIED,
		       "will not listen on %.*s: without the section "
		       "'identity' in the configuration everyone who reaches "
		       "the daemon is its owner, so it listens on loopback "
		       "(127.0.0.1, [::1]) and unix sockets only",
		       (int)(address.n < 200 ? address.n : 200),
		       address.n ? address.p : "");
}
