/* SPDX-License-Identifier: Apache-2.0 */
/* s3_place.c - see s3_place.h. */
#include "indexer/objects/s3_place.h"

#include <arpa/inet.h>

#include "indexer/base/text.h"

#define AWS_SUFFIX   ".amazonaws.com"
#define AWS_SUFFIX_2 ".amazonaws.com.cn"

/* Where the port begins, or the end. */
static struct str host_only(struct str s)
{
	if (s.n && s.p[0] == '[')
		return str_n(s.p, str_find(s, ']') + 1);
	return str_n(s.p, str_find(s, ':'));
}

static bool is_aws(struct str host)
{
	host = host_only(host);
	return str_ends(host, STR(AWS_SUFFIX)) ||
	       str_ends(host, STR(AWS_SUFFIX_2));
}

/* No bucket can stand before such a name. */
static bool is_number(struct str host)
{
	char text[S3_HOST] = "";
	struct in_addr v4;

	host = host_only(host);
	if (host.n >= sizeof(text))
		return false;
	memcpy(text, host.p, host.n);
	return text[0] == '[' || str_is(host, "localhost") ||
	       inet_pton(AF_INET, text, &v4) == 1;
}

/* "http://host:port" */
static bool split_origin(struct str s, bool *ret_tls, struct str *ret_host)
{
	static const char allowed[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"0123456789.-_:[]";

	*ret_tls = str_starts(s, STR("https://"));
	if (!*ret_tls && !str_starts(s, STR("http://")))
		return false;
	s = str_n(s.p + (*ret_tls ? 8 : 7), s.n - (*ret_tls ? 8 : 7));
	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	for (size_t i = 0; i < s.n; i++)
		if (!s.p[i] || !strchr(allowed, s.p[i]))
			return false;
	*ret_host = s;
	return s.n && s.n < S3_HOST - S3_BUCKET;
}

static bool bucket_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= 'A' && s.p[i] <= 'Z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-' &&
		    s.p[i] != '_' && (s.p[i] != '.' || !i))
			return false;
	return s.n >= S3_NAME_LEAST && s.n < S3_BUCKET;
}

/* "s3://bucket/prefix" */
static int set_bucket(struct s3_place *p, struct str url, struct err *e)
{
	struct str rest = str_n(url.p + 5, url.n - 5);
	struct str bucket = str_cut(&rest, '/');

	while (rest.n && rest.p[rest.n - 1] == '/')
		rest.n--;
	if (!bucket_valid(bucket))
		return err_set(e, ERR_INVALID,
			       "objects.url %.*s: \"%.*s\" is not a bucket's "
			       "name: write s3://BUCKET or s3://BUCKET/PREFIX",
			       STR_ARG(url), STR_ARG(bucket));
	if (rest.n + 2 > sizeof(p->prefix) ||
	    (rest.n && (rest.p[0] == '/' || !utf8_valid(rest))))
		return err_set(e, ERR_INVALID,
			       "objects.url %.*s: the prefix has at most %d "
			       "bytes and begins with no slash",
			       STR_ARG(url), S3_PREFIX - 2);
	snprintf(p->bucket, sizeof(p->bucket), "%.*s", STR_ARG(bucket));
	snprintf(p->prefix, sizeof(p->prefix), "%.*s%s", STR_ARG(rest),
		 rest.n ? "/" : "");
	return 0;
}

static int set_endpoint(struct s3_place *p, struct str endpoint, struct err *e)
{
	struct str host;

	if (!endpoint.n) {
		p->tls = p->aws = true;
		return 0;
	}
	if (!split_origin(endpoint, &p->tls, &host))
		return err_set(e, ERR_INVALID,
			       "objects.endpoint %.*s: write http://HOST:PORT "
			       "or https://HOST",
			       STR_ARG(endpoint));
	snprintf(p->endpoint, sizeof(p->endpoint), "%.*s", STR_ARG(host));
	if (is_number(host))
		p->path_style = true;
	return 0;
}

int s3_place_init(struct s3_place *p, const struct conf_objects *c,
		  struct err *e)
{
	*p = (struct s3_place){.path_style = c->path_style};
	if (set_bucket(p, c->url, e) < 0 || set_endpoint(p, c->endpoint, e) < 0)
		return -1;
	/* No certificate is for a name with more points. */
	if (p->tls && strchr(p->bucket, '.'))
		p->path_style = true;
	snprintf(p->name, sizeof(p->name), "s3://%s%s%s at %s", p->bucket,
		 p->prefix[0] ? "/" : "", p->prefix,
		 p->aws ? "AWS" : p->endpoint);
	return 0;
}

void s3_place_host(const struct s3_place *p, const char *region,
		   char out[S3_HOST])
{
	bool china = str_starts(str_from(region), STR("cn-"));
	const char *bucket = p->path_style ? "" : p->bucket;
	const char *point = p->path_style ? "" : ".";

	if (p->aws)
		snprintf(out, S3_HOST, "%s%ss3.%s%s", bucket, point, region,
			 china ? AWS_SUFFIX_2 : AWS_SUFFIX);
	else
		snprintf(out, S3_HOST, "%s%s%s", bucket, point, p->endpoint);
}

void s3_place_path(const struct s3_place *p, struct str key, struct buf *b)
{
	buf_putc(b, '/');
	if (p->path_style)
		buf_puts(b, p->bucket);
	if (!key.n)
		return;
	if (p->path_style)
		buf_putc(b, '/');
	pct_encode(b, str_from(p->prefix), "/");
	pct_encode(b, key, "/");
}

bool s3_place_moved(const struct s3_place *p, const char *location,
		    char out[S3_HOST])
{
	struct str s = str_from(location), host;
	size_t scheme = str_starts(s, STR("https://")) ? 8 : 7;
	bool tls;

	if (s.n <= scheme)
		return false;
	s.n = scheme + str_find(str_n(s.p + scheme, s.n - scheme), '/');
	if (!split_origin(s, &tls, &host) || tls != p->tls)
		return false;
	if (p->aws ? !is_aws(host)
		   : !str_eq(host_only(host), host_only(str_from(p->endpoint))))
		return false;
	snprintf(out, S3_HOST, "%.*s", STR_ARG(host));
	return true;
}
