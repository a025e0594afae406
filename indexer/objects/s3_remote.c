/* SPDX-License-Identifier: Apache-2.0 */
/* s3_remote.c - keys that are asked for: from STS in exchange for a web
 * identity, from the metadata service of an instance.
 *
 * The token file is read at each exchange: whoever wrote it writes it anew.
 */
#include <stdlib.h>
#include <unistd.h>

#include "indexer/base/client.h"
#include "indexer/base/field.h"
#include "indexer/base/io.h"
#include "indexer/base/scope.h"
#include "indexer/base/text.h"
#include "indexer/objects/s3_creds.h"
#include "indexer/objects/s3_source.h"
#include "indexer/objects/s3_time.h"
#include "indexer/objects/s3_xml.h"

enum {
	ANSWER_MAX = 64 << 10,
	STS_MS = 3000,
	IMDS_MS = 1000,
	TOKEN_MAX = 16 << 10,
	ARENA_MAX = 256 << 10,
	TEXT = 64,
	LINE = 512,
};

static const char *variable(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* One request; 0 when it was answered with 200. */
static int ask(const char *base, const struct client_request *r,
	       struct buf *reply, struct err *e)
{
	struct client *c = client_new(base, STR_NONE, e);
	int status = 0, rc;

	if (!c)
		return -1;
	rc = client_send(c, r, &status, reply, e);
	client_free(c);
	if (rc < 0)
		return -1;
	return status == 200
		       ? 0
		       : err_set(e, ERR_UNAVAILABLE,
				 "%s answers with status %d", base, status);
}

/* --- a web identity ----------------------------------------------------- */

static void add_form(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "&%s=", name);
	pct_encode(b, value, "");
}

static int exchange_form(const char *file, const char *role, struct buf *form,
			 struct err *e)
{
	SCOPED(buf_fini) struct buf token;
	const char *session = variable("AWS_ROLE_SESSION_NAME");

	buf_init(&token, TOKEN_MAX + 1);
	if (io_read_file(file, TOKEN_MAX, &token, e) < 0)
		return err_wrap(e, "AWS_WEB_IDENTITY_TOKEN_FILE");
	buf_puts(form, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15");
	add_form(form, "RoleArn", str_from(role));
	add_form(form, "RoleSessionName",
		 str_from(session ? session : "orrery"));
	add_form(form, "WebIdentityToken", str_trim(buf_view(&token)));
	return 0;
}

static int read_exchange(struct str xml, struct s3_grant *ret, struct err *e)
{
	char until[TEXT];

	s3_xml_text(xml, "AccessKeyId", ret->key.id, sizeof(ret->key.id));
	s3_xml_text(xml, "SecretAccessKey", ret->key.secret,
		    sizeof(ret->key.secret));
	s3_xml_text(xml, "SessionToken", ret->key.token,
		    sizeof(ret->key.token));
	s3_xml_text(xml, "Expiration", until, sizeof(until));
	if (!ret->key.id[0] || !ret->key.secret[0] ||
	    !s3_time_parse(str_from(until), &ret->expires))
		return err_set(e, ERR_UNAVAILABLE,
			       "the answer of STS holds no credentials");
	return 1;
}

static void sts_base(char *out, size_t size)
{
	const char *own = variable("AWS_ENDPOINT_URL_STS");
	char region[TEXT];

	s3_creds_region(region, sizeof(region));
	if (own)
		snprintf(out, size, "%s", own);
	else if (region[0])
		snprintf(out, size, "https://sts.%s.amazonaws.com", region);
	else
		snprintf(out, size, "https://sts.amazonaws.com");
}

int s3_source_web(struct s3_grant *ret, struct err *e)
{
	const char *file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
	const char *role = variable("AWS_ROLE_ARN");
	SCOPED(buf_fini) struct buf form, reply;
	struct client_request r = {.method = "POST",
				   .path = "/",
				   .content_type =
					   "application/x-www-form-urlencoded",
				   .timeout_ms = STS_MS};
	char base[LINE];

	buf_init(&form, 4 * TOKEN_MAX);
	buf_init(&reply, ANSWER_MAX);
	if (!file || !role)
		return 0;
	if (exchange_form(file, role, &form, e) < 0)
		return -1;
	r.body = buf_view(&form);
	sts_base(base, sizeof(base));
	if (ask(base, &r, &reply, e) < 0)
		return err_wrap(e, "AssumeRoleWithWebIdentity");
	return read_exchange(buf_view(&reply), ret, e);
}

/* --- the metadata service ----------------------------------------------- */

#define ROLES "/latest/meta-data/iam/security-credentials/"

struct imds_answer {
	struct str code, id, secret, token, until;
};

#define IMDS_ROW(json, member)                                                 \
	{                                                                      \
		.name = (json), .type = FIELD_STR,                             \
		.offset = offsetof(struct imds_answer, member)                 \
	}
static const struct field imds_rows[] = {
	IMDS_ROW("Code", code),
	IMDS_ROW("AccessKeyId", id),
	IMDS_ROW("SecretAccessKey", secret),
	IMDS_ROW("Token", token),
	IMDS_ROW("Expiration", until),
};
static const struct field_set imds_fields =
	FIELD_SET(imds_rows, struct imds_answer);

static int read_metadata(struct str json, struct s3_grant *ret, struct err *e)
{
	struct imds_answer x;
	struct s3_key *k = &ret->key;
	struct arena a;
	int rc;

	arena_init(&a, ARENA_MAX);
	rc = field_read_json(&imds_fields, json, &a, &x, e);
	if (rc == 0 &&
	    (!x.id.n || !x.secret.n || x.id.n >= sizeof(k->id) ||
	     x.secret.n >= sizeof(k->secret) || x.token.n >= sizeof(k->token) ||
	     !s3_time_parse(x.until, &ret->expires)))
		rc = err_set(e, ERR_UNAVAILABLE,
			     "the metadata service gives no credentials: %.*s",
			     STR_ARG(x.code));
	if (rc == 0) {
		snprintf(k->id, sizeof(k->id), "%.*s", STR_ARG(x.id));
		snprintf(k->secret, sizeof(k->secret), "%.*s",
			 STR_ARG(x.secret));
		snprintf(k->token, sizeof(k->token), "%.*s", STR_ARG(x.token));
	}
	arena_fini(&a);
	return rc < 0 ? -1 : 1;
}

/* A token by PUT first: a request that was tricked into coming here cannot. */
static int imds_session(const char *base, char *header, size_t size,
			struct err *e)
{
	SCOPED(buf_fini) struct buf reply;
	struct client_request r = {
		.method = "PUT",
		.path = "/latest/api/token",
		.header = "X-aws-ec2-metadata-token-ttl-seconds: 21600",
		.timeout_ms = IMDS_MS};

	buf_init(&reply, ANSWER_MAX);
	if (ask(base, &r, &reply, e) < 0)
		return -1;
	snprintf(header, size, "X-aws-ec2-metadata-token: %.*s",
		 STR_ARG(str_trim(buf_view(&reply))));
	return 0;
}

static int imds_get(const char *base, const char *path, const char *header,
		    struct buf *reply, struct err *e)
{
	struct client_request r = {.method = "GET",
				   .path = path,
				   .header = header,
				   .timeout_ms = IMDS_MS};

	return ask(base, &r, reply, e);
}

/* The role's name, then its keys. */
static int imds_keys(const char *base, const char *header, struct s3_grant *ret,
		     struct err *e)
{
	SCOPED(buf_fini) struct buf role, keys;
	struct str rest, name;
	char path[LINE];

	buf_init(&role, ANSWER_MAX);
	buf_init(&keys, ANSWER_MAX);
	if (imds_get(base, ROLES, header, &role, e) < 0)
		return -1;
	rest = buf_view(&role);
	name = str_trim(str_cut(&rest, '\n'));
	snprintf(path, sizeof(path), ROLES "%.*s", STR_ARG(name));
	if (imds_get(base, path, header, &keys, e) < 0)
		return -1;
	return read_metadata(buf_view(&keys), ret, e);
}

int s3_source_imds(struct s3_grant *ret, struct err *e)
{
	const char *base = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
	const char *off = variable("AWS_EC2_METADATA_DISABLED");
	char header[LINE];
	struct err gone;

	if (off && str_eq_nocase(str_from(off), STR("true")))
		return 0;
	if (!base)
		base = "http://169.254.169.254";
	if (imds_session(base, header, sizeof(header), &gone) < 0)
		return 0;
	return imds_keys(base, header, ret, e);
}
