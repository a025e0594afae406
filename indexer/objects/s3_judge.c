/* SPDX-License-Identifier: Apache-2.0 */
/* s3_judge.c - what an attempt came to: whether it is worth another, and what
 * it is called here.
 *
 * A store that refuses us is no fault of who asked us: to clients it is as
 * good as away, with the store's own words.
 */
#include <stdlib.h>

#include "indexer/base/clock.h"
#include "indexer/base/json_doc.h"
#include "indexer/base/log.h"
#include "indexer/base/scope.h"
#include "indexer/objects/s3_try.h"
#include "indexer/objects/s3_xml.h"

enum { CODE = 64, MESSAGE = 256 };

/* A row for a code, or for a status; the first that fits. */
static const struct rule {
	int status;       /* 0: any */
	const char *code; /* NULL: any */
	enum s3_verdict verdict;
	enum err_kind kind;
} rules[] = {
	{0, "NoSuchKey", S3_FINAL, ERR_NOT_FOUND},
	{0, "NoSuchUpload", S3_FINAL, ERR_NOT_FOUND},
	{0, "NoSuchBucket", S3_FINAL, ERR_UNAVAILABLE},
	{0, "SlowDown", S3_SLOW_DOWN, ERR_BUSY},
	{0, "InternalError", S3_AGAIN, ERR_UNAVAILABLE},
	{0, "RequestTimeout", S3_AGAIN, ERR_UNAVAILABLE},
	{0, "ExpiredToken", S3_NEW_KEYS, ERR_UNAVAILABLE},
	{0, "InvalidToken", S3_NEW_KEYS, ERR_UNAVAILABLE},
	{0, "TokenRefreshRequired", S3_NEW_KEYS, ERR_UNAVAILABLE},
	{0, "InvalidAccessKeyId", S3_NEW_KEYS, ERR_UNAVAILABLE},
	{0, "QuotaExceeded", S3_FINAL, ERR_NO_SPACE},
	{0, "XMinioStorageFull", S3_FINAL, ERR_NO_SPACE},
	{0, "EntityTooLarge", S3_FINAL, ERR_TOO_LARGE},
	{0, "ConditionalRequestConflict", S3_AGAIN, ERR_BUSY},
	{401, NULL, S3_FINAL, ERR_UNAVAILABLE},
	{403, NULL, S3_FINAL, ERR_UNAVAILABLE},
	{404, NULL, S3_FINAL, ERR_NOT_FOUND},
	{408, NULL, S3_AGAIN, ERR_UNAVAILABLE},
	{409, NULL, S3_FINAL, ERR_BUSY},
	{412, NULL, S3_FINAL, ERR_PRECONDITION},
	{416, NULL, S3_FINAL, ERR_CORRUPT},
	{429, NULL, S3_SLOW_DOWN, ERR_BUSY},
	{500, NULL, S3_AGAIN, ERR_UNAVAILABLE},
	{501, NULL, S3_FINAL, ERR_UNSUPPORTED},
	{502, NULL, S3_AGAIN, ERR_UNAVAILABLE},
	{503, NULL, S3_SLOW_DOWN, ERR_BUSY},
	{504, NULL, S3_AGAIN, ERR_UNAVAILABLE},
	{507, NULL, S3_FINAL, ERR_NO_SPACE},
	{0, NULL, S3_FINAL, ERR_IO},
};

static const struct rule *rule_for(int status, const char *code)
{
	const struct rule *k = rules;

	while ((k->status && k->status != status) ||
	       (k->code && strcmp(k->code, code) != 0))
		k++;
	return k;
}

/* --- what the store tells about itself ------------------------------------ */

/* True when it is news. */
static bool learn_region(struct s3_client *c, const struct s3_request *r)
{
	char region[S3_REGION];
	struct str s;

	snprintf(region, sizeof(region), "%s", r->head.region);
	if (!region[0])
		s3_xml_text(buf_view(&r->reply), "Region", region,
			    sizeof(region));
	s = str_from(region);
	for (size_t i = 0; i < s.n; i++)
		if (!(s.p[i] >= 'a' && s.p[i] <= 'z') &&
		    !(s.p[i] >= '0' && s.p[i] <= '9') && s.p[i] != '-')
			return false;
	pthread_mutex_lock(&c->known.mu);
	if (!s.n || !strcmp(region, c->known.region))
		s.n = 0;
	else
		memcpy(c->known.region, region, sizeof(region));
	pthread_mutex_unlock(&c->known.mu);
	return s.n > 0;
}

/* True when its clock differs from what we thought. */
static bool learn_clock(struct s3_client *c, const struct s3_request *r)
{
	enum { SAME_MS = 5 * 60 * 1000 };
	int64_t skew = r->head.date_ms - clock_ms(), before;

	if (r->head.date_ms < 0)
		return false;
	pthread_mutex_lock(&c->known.mu);
	before = c->known.skew_ms;
	if (llabs(skew - before) >= SAME_MS)
		c->known.skew_ms = skew;
	pthread_mutex_unlock(&c->known.mu);
	if (llabs(skew - before) < SAME_MS)
		return false;
	log_warn("the object store's clock differs from ours", "seconds=%lld",
		 (long long)(skew / 1000));
	return true;
}

/* Put right by what it says: another region, another host, another clock. */
static bool put_right(struct s3_client *c, struct s3_request *r,
		      const char *code)
{
	bool malformed = !strcmp(code, "AuthorizationHeaderMalformed");

	/* An answer to HEAD has no text to say why. */
	if (!strcmp(code, "RequestTimeTooSkewed") ||
	    (r->status == 403 && !r->reply.n))
		return learn_clock(c, r);
	if (r->status / 100 != 3 && !malformed)
		return false;
	if (learn_region(c, r)) {
		r->host[0] = '\0';
		return true;
	}
	return !malformed && r->head.location[0] &&
	       s3_place_moved(&c->place, r->head.location, r->host);
}

/* --- verdicts ------------------------------------------------------------- */

static bool may_change(const struct s3_request *r)
{
	return strcmp(r->method, "GET") != 0 && strcmp(r->method, "HEAD") != 0;
}

static enum s3_verdict judge_silence(struct s3_client *c, struct s3_try *t,
				     CURLcode code)
{
	struct s3_request *r = t->r;
	curl_off_t sent = 0;

	curl_easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sent);
	if (sent && may_change(r))
		r->doubtful = true;
	r->status = 0;
	if (t->overlong)
		err_set(&r->e, ERR_CORRUPT,
			"the object store (%s) sends more bytes than it was "
			"asked for",
			c->place.name);
	else
		err_set(&r->e, ERR_UNAVAILABLE,
			"the object store (%s) does not answer: %s",
			c->place.name,
			t->why[0] ? t->why : curl_easy_strerror(code));
	return code == CURLE_PEER_FAILED_VERIFICATION ||
			       code == CURLE_URL_MALFORMAT ||
			       code == CURLE_UNSUPPORTED_PROTOCOL
		       ? S3_FINAL
		       : S3_AGAIN;
}

static void say(struct s3_client *c, struct s3_request *r,
		const struct rule *rule, const char *code)
{
	char message[MESSAGE];

	s3_xml_text(buf_view(&r->reply), "Message", message, sizeof(message));
	if (r->status / 100 == 3)
		err_set(&r->e, ERR_UNAVAILABLE,
			"the object store (%s) sends us elsewhere: %.200s",
			c->place.name, r->head.location);
	else
		err_set(&r->e, rule->kind,
			"the object store (%s) answers %s%s%.*s: %d%s%s%s%s",
			c->place.name, r->method, r->key.n ? " " : "",
			(int)(r->key.n < 100 ? r->key.n : 100),
			r->key.n ? r->key.p : "", r->status, code[0] ? " " : "",
			code, message[0] ? ": " : "", message);
}

static enum s3_verdict judge_error(struct s3_client *c, struct s3_try *t)
{
	struct s3_request *r = t->r;
	const struct rule *rule;
	char code[CODE];

	s3_xml_text(buf_view(&r->reply), "Code", code, sizeof(code));
	if (r->status == 400 && !r->reply.n && !strcmp(r->method, "HEAD"))
		snprintf(code, sizeof(code), "ExpiredToken");
	rule = rule_for(r->status, code);
	if (r->status >= 500 && may_change(r))
		r->doubtful = true;
	say(c, r, rule, code);
	if (put_right(c, r, code))
		return S3_AT_ONCE;
	if (rule->verdict == S3_NEW_KEYS &&
	    !s3_creds_refused(c->creds, r->creds))
		return S3_FINAL;
	return rule->verdict;
}

/* Joining and copying begin to answer before they know how it ends. */
static bool failed_late(const struct s3_request *r)
{
	struct str reply = buf_view(&r->reply), inside;

	return !strcmp(r->method, "POST") &&
	       s3_xml_next(&reply, "Error", &inside) &&
	       !memmem(r->reply.p, r->reply.n, "<DeleteResult", 13);
}

/* A daemon of ours, whose answers are JSON. */
static enum s3_verdict judge_daemon(struct s3_client *c, struct s3_request *r)
{
	static const struct {
		int status;
		enum err_kind kind;
	} ours[] = {{400, ERR_INVALID}, {401, ERR_DENIED},    {403, ERR_DENIED},
		    {409, ERR_BUSY},    {413, ERR_TOO_LARGE}, {0, ERR_NONE}};
	const struct rule *rule = rule_for(r->status, "");
	enum err_kind kind = rule->kind;
	cJSON *answer = json_doc_parse(buf_view(&r->reply), &r->e);
	const cJSON *why = answer ? json_doc_get(answer, "message") : NULL;

	for (int i = 0; ours[i].status; i++)
		if (ours[i].status == r->status)
			kind = ours[i].kind;
	if (r->status >= 500 && may_change(r))
		r->doubtful = true;
	err_set(&r->e, kind, "%s answers %d%s%.400s", c->place.name, r->status,
		cJSON_IsString(why) ? ": " : "",
		cJSON_IsString(why) ? why->valuestring : "");
	cJSON_Delete(answer);
	return rule->verdict;
}

enum s3_verdict s3_judge(struct s3_client *c, struct s3_try *t, CURLcode code)
{
	struct s3_request *r = t->r;

	if (code != CURLE_OK)
		return judge_silence(c, t, code);
	if (r->status / 100 == 2 && (c->bearer || !failed_late(r)))
		return S3_GOOD;
	if (c->bearer)
		return judge_daemon(c, r);
	if (r->status / 100 == 2)
		r->status = 500;
	return judge_error(c, t);
}
