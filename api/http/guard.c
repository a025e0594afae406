/* SPDX-License-Identifier: Apache-2.0 */
/* guard.c - the rules of guard.h. */
#include "api/http/guard.h"

#include <arpa/inet.h>

#include "api/http/core.h"

static bool loopback_name(struct str name)
{
	char text[16];
	struct in_addr a;

	if (str_eq_nocase(name, STR("localhost")) || str_is(name, "[::1]"))
		return true;
	if (name.n >= sizeof(text))
		return false;
	snprintf(text, sizeof(text), "%.*s", STR_ARG(name));
	return inet_pton(AF_INET, text, &a) == 1 &&
	       ntohl(a.s_addr) >> 24 == 127;
}

/* One to five digits. */
static bool parse_port(struct str s, int *ret)
{
	*ret = 0;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		*ret = *ret * 10 + (s.p[i] - '0');
	}
	return s.n > 0;
}

/* Into name and port, -1 where there is none; false if it is neither. */
static bool split_port(struct str host, struct str *name, int *port)
{
	size_t bracket = str_find(host, ']');
	size_t from = bracket < host.n ? bracket : 0;
	size_t colon =
		from + str_find(str_n(host.p + from, host.n - from), ':');

	*name = str_n(host.p, colon);
	*port = -1;
	if (colon == host.n)
		return true;
	host = str_n(host.p + colon + 1, host.n - colon - 1);
	return host.n <= 5 && parse_port(host, port);
}

bool guard_host(struct str host, int port)
{
	struct str name;
	int given;

	if (!host.n || !split_port(host, &name, &given) || !loopback_name(name))
		return false;
	return given == port || (given < 0 && port == 80);
}

bool guard_origin(struct str origin)
{
	struct str name;
	int port;
	size_t skip = 0;

	if (str_starts(origin, STR("http://")))
		skip = 7;
	else if (str_starts(origin, STR("https://")))
		skip = 8;
	return skip &&
	       split_port(str_n(origin.p + skip, origin.n - skip), &name,
			  &port) &&
	       loopback_name(name);
}

static const char *check_field(struct str name, struct str value)
{
	if (str_eq_nocase(name, STR("Forwarded")) ||
	    str_eq_nocase(name, STR("Via")) ||
	    (name.n > 12 &&
	     str_eq_nocase(str_n(name.p, 12), STR("X-Forwarded-"))))
		return "requests through a proxy";
	if (str_eq_nocase(name, STR("Origin")) && !guard_origin(value))
		return "requests of pages from elsewhere (Origin)";
	if (str_eq_nocase(name, STR("Sec-Fetch-Site")) &&
	    str_eq_nocase(value, STR("cross-site")))
		return "requests of pages from elsewhere (Sec-Fetch-Site)";
	return NULL;
}

static const char *check(const struct conn *k, const struct exchange *x)
{
	const char *text = x->in.p;
	struct str host = head_find(&x->head, text, STR("Host"));

	if (!k->from->local && !guard_host(host, k->from->port))
		return "a Host that is not this machine's loopback address "
		       "with its port";
	for (unsigned i = 0; i < x->head.count; i++) {
		const struct head_field *f = &x->head.fields[i];
		const char *why = check_field(span_of(f->name, text),
					      span_of(f->value, text));

		if (why)
			return why;
	}
	return NULL;
}

int guard_check(const struct conn *k, const struct exchange *x, struct err *e)
{
	const char *why = k->io->server->o.loopback_guard ? check(k, x) : NULL;

	if (!why)
		return 0;
	return err_set(e, ERR_DENIED,
		       "This server has no sign-in configured and serves this "
		       "machine alone: %s are refused.",
		       why);
}
