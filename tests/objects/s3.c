/* SPDX-License-Identifier: Apache-2.0 */
/* s3.c - what of the S3 store needs no server: signatures (AWS's published
 * examples), its XML, its times, where buckets are, keys from files.
 */
#include <sys/stat.h>
#include <unistd.h>

#include "indexer/base/io.h"
#include "indexer/objects/kind.h"
#include "indexer/objects/s3_place.h"
#include "indexer/objects/s3_sign.h"
#include "indexer/objects/s3_source.h"
#include "indexer/objects/s3_time.h"
#include "indexer/objects/s3_xml.h"
#include "tests/journal/scratch.h"
#include "tests/tap.h"

static struct err e;

/* --- signatures ------------------------------------------------------------
 */

#define NOTHING                                                                \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static struct s3_key key = {
	.id = "AKIAIOSFODNN7EXAMPLE",
	.secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
};

struct example {
	const char *what, *method, *path;
	struct s3_pairs query, headers;
	const char *payload, *signature;
};

#define COMMON(payload)                                                        \
	{"host", STR("examplebucket.s3.amazonaws.com")},                       \
		{"x-amz-date", STR("20130524T000000Z")},                       \
	{                                                                      \
		"x-amz-content-sha256", STR(payload)                           \
	}

static void signatures(void)
{
	struct example examples[] = {
		{"an object in part",
		 "GET",
		 "/test.txt",
		 {.n = 0},
		 {{COMMON(NOTHING), {"range", STR("bytes=0-9")}}, 4},
		 NOTHING,
		 "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bd"
		 "b41"},
		{"an object put",
		 "PUT",
		 "/test%24file.text",
		 {.n = 0},
		 {{COMMON("44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034"
			  "a8b803f8"
			  "b072"),
		   {"date", STR("Fri, 24 May 2013 00:00:00 GMT")},
		   {"x-amz-storage-class", STR("REDUCED_REDUNDANCY")}},
		  5},
		 "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b"
		 "072",
		 "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece10"
		 "8bd"},
		{"a parameter without a value",
		 "GET",
		 "/",
		 {{{"lifecycle", STR("")}}, 1},
		 {{COMMON(NOTHING)}, 3},
		 NOTHING,
		 "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783"
		 "543"},
		{"a listing",
		 "GET",
		 "/",
		 {{{"prefix", STR("J")}, {"max-keys", STR("2")}}, 2},
		 {{COMMON(NOTHING)}, 3},
		 NOTHING,
		 "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc"
		 "6f7"},
	};

	for (size_t i = 0; i < sizeof(examples) / sizeof(examples[0]); i++) {
		struct example *x = &examples[i];
		struct s3_signing s = {x->method,          x->path,
				       &x->query,          &x->headers,
				       x->payload,         "us-east-1",
				       "20130524T000000Z", &key};
		struct buf b;

		buf_init(&b, 4096);
		s3_sign(&s, &b);
		ok(str_ends(buf_view(&b), str_from(x->signature)), x->what);
		buf_fini(&b);
	}
}

static void a_link(void)
{
	struct s3_pairs query = {.n = 0};
	struct s3_pairs headers = {
		{{"host", STR("examplebucket.s3.amazonaws.com")}}, 1};
	struct s3_signing s = {
		"GET",       "/test.txt",        &query, &headers, S3_UNSIGNED,
		"us-east-1", "20130524T000000Z", &key};
	struct buf b;

	buf_init(&b, 4096);
	s3_presign(&s, 86400, &b);
	ok(str_ends(buf_view(&b),
		    STR("X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f9953"
			"30da4c265957d157751f604d404")),
	   "a link");
	buf_fini(&b);
}

static void encodings(void)
{
	struct s3_pairs q = {{{"b", STR("a b+c/d=\xc3\xa9")}, {"a", STR("")}},
			     2};
	char date[S3_DATE];
	struct buf b;

	buf_init(&b, 4096);
	s3_query(&b, &q);
	is_str(b.p, "a=&b=a%20b%2Bc%2Fd%3D%C3%A9", "a query, in order");
	buf_fini(&b);
	s3_date(INT64_C(1369353600999), date);
	is_str(date, "20130524T000000Z", "a date");
}

/* --- XML --------------------------------------------------------------------
 */

static void is_text(const char *xml, const char *name, const char *want)
{
	char out[64];

	s3_xml_text(str_from(xml), name, out, sizeof(out));
	is_str(out, want, xml);
}

static void xml(void)
{
	struct str doc = STR("<L><C><K>a</K></C><C/><C x='y'><K>b</K></C><C>"),
		   item;
	struct buf b;
	int n = 0;

	while (s3_xml_next(&doc, "C", &item))
		n++;
	is_i64(n, 3, "elements, but for one that does not end");
	is_text("<A><Key>a&amp;b&lt;&#233;&#x20AC;&quot;</Key></A>", "Key",
		"a&b<\xc3\xa9\xe2\x82\xac\"");
	is_text("<KeyCount>1</KeyCount><Key>k</Key>", "Key", "k");
	is_text("<Key>&unknown;&#xffffffff;&#0;&</Key>", "Key",
		"&unknown;&#xffffffff;&#0;&");
	is_text("<Key>open", "Key", "");
	is_text("<Key", "Key", "");
	is_text("", "Key", "");
	is_text("<Key>0123456789012345678901234567890123456789012345678901234"
		"567890123456789</Key>",
		"Key",
		"01234567890123456789012345678901234567890123456789012345678");
	buf_init(&b, 4096);
	s3_xml_escape(&b, STR("a<b>&\n\xc3\xa9"));
	is_str(b.p, "a&#60;b&#62;&#38;&#10;\xc3\xa9", "escaped");
	buf_fini(&b);
}

static void times(void)
{
	int64_t ms = 0;

	ok(s3_time_parse(STR("2013-05-24T00:00:00.000Z"), &ms) &&
		   ms == INT64_C(1369353600000),
	   "with a fraction");
	ok(s3_time_parse(STR("2013-05-24T00:00:01Z"), &ms) &&
		   ms == INT64_C(1369353601000),
	   "without");
	ok(!s3_time_parse(STR("yesterday"), &ms) &&
		   !s3_time_parse(STR(""), &ms) &&
		   !s3_time_parse(STR("2013-05-24T00:00:00+01:00"), &ms),
	   "no times");
}

/* --- places ------------------------------------------------------------------
 */

static const struct {
	const char *url, *endpoint, *region;
	bool path_style;
	const char *host, *path; /* host NULL: refused */
} spots[] = {
	{"s3://bucket", "", "eu-west-1", false,
	 "bucket.s3.eu-west-1.amazonaws.com", "/a%20b/%C3%A9"},
	{"s3://bucket/p/q/", "", "cn-north-1", true,
	 "s3.cn-north-1.amazonaws.com.cn", "/bucket/p/q/a%20b/%C3%A9"},
	{"s3://a.bucket", "", "us-east-1", false, "s3.us-east-1.amazonaws.com",
	 "/a.bucket/a%20b/%C3%A9"},
	{"s3://bucket", "http://127.0.0.1:9000", "x", false, "127.0.0.1:9000",
	 "/bucket/a%20b/%C3%A9"},
	{"s3://bucket", "http://[::1]:9000/", "x", false, "[::1]:9000",
	 "/bucket/a%20b/%C3%A9"},
	{"s3://bucket", "https://store.example", "x", false,
	 "bucket.store.example", "/a%20b/%C3%A9"},
	{"s3://bucket", "https://store.example", "x", true, "store.example",
	 "/bucket/a%20b/%C3%A9"},
	{"s3://b", "", "x", false, NULL, NULL},
	{"s3:///x", "", "x", false, NULL, NULL},
	{"s3://buc ket", "", "x", false, NULL, NULL},
	{"s3://bucket//x", "", "x", false, NULL, NULL},
	{"s3://bucket", "store.example", "x", false, NULL, NULL},
	{"s3://bucket", "http://u:p@store.example", "x", false, NULL, NULL},
	{"s3://bucket", "http://store.example/path", "x", false, NULL, NULL},
	{"s3://bucket", "ftp://store.example", "x", false, NULL, NULL},
};

static void places(void)
{
	for (size_t i = 0; i < sizeof(spots) / sizeof(spots[0]); i++) {
		struct conf_objects c = {.url = str_from(spots[i].url),
					 .endpoint =
						 str_from(spots[i].endpoint),
					 .path_style = spots[i].path_style};
		struct s3_place p;
		char host[S3_HOST];
		struct buf b;

		if (!spots[i].host) {
			ok(s3_place_init(&p, &c, &e) < 0 &&
				   e.kind == ERR_INVALID,
			   "no place");
			continue;
		}
		buf_init(&b, 4096);
		ok(s3_place_init(&p, &c, &e) == 0, spots[i].url);
		s3_place_host(&p, spots[i].region, host);
		s3_place_path(&p, STR("a b/\xc3\xa9"), &b);
		is_str(host, spots[i].host, "its host");
		is_str(b.p, spots[i].path, "its path");
		buf_fini(&b);
	}
}

static void redirects(void)
{
	struct conf_objects own = {.url = STR("s3://bucket"),
				   .endpoint = STR("http://127.0.0.1:9000")};
	struct conf_objects aws = {.url = STR("s3://bucket")};
	struct s3_place p;
	char host[S3_HOST];

	s3_place_init(&p, &own, &e);
	ok(s3_place_moved(&p, "http://127.0.0.1:9001/bucket/x?y", host),
	   "another port");
	is_str(host, "127.0.0.1:9001", "is gone to");
	ok(!s3_place_moved(&p, "http://evil.example/bucket", host) &&
		   !s3_place_moved(&p, "https://127.0.0.1:9001/", host) &&
		   !s3_place_moved(&p, "http://127.0.0.1:9000@evil.example/",
				   host) &&
		   !s3_place_moved(&p, "/bucket", host) &&
		   !s3_place_moved(&p, "", host),
	   "nowhere else");
	s3_place_init(&p, &aws, &e);
	ok(s3_place_moved(&p, "https://bucket.s3.eu-west-1.amazonaws.com/x",
			  host) &&
		   !s3_place_moved(&p, "https://amazonaws.com.evil.example/x",
				   host) &&
		   !s3_place_moved(&p, "https://eviIamazonaws.com/x", host),
	   "within AWS");
}

/* --- keys from files ---------------------------------------------------------
 */

static const char shared[] =
	"# a comment\n[default]\naws_access_key_id = A\r\n"
	"aws_secret_access_key=B=/+\n\n[other]\naws_access_key_id=C\n"
	"[third]\naws_access_key_id = D\naws_secret_access_key = E\n"
	"aws_session_token = F\n";
static const char config[] =
	"[default]\nregion = eu-west-3\n[profile third]\nregion=eu-west-2\n";

enum { VARIABLE = 320 };
static char variables[4][VARIABLE];

static char *variable(int i, const char *name, const char *dir,
		      const char *value)
{
	snprintf(variables[i], VARIABLE, "%s=%s%s%s", name, dir,
		 *dir ? "/" : "", value);
	return variables[i];
}

/* The keys that the files give for a profile ("": none is named). */
static int of_profile(const struct scratch *s, const char *name,
		      struct s3_grant *g, char region[64])
{
	char *vars[] = {variable(0, "AWS_SHARED_CREDENTIALS_FILE", s->path,
				 "credentials"),
			variable(1, "AWS_CONFIG_FILE", s->path, "config"),
			variable(2, "AWS_PROFILE", "", name), NULL};
	char **before = environ;
	int rc;

	memset(g, 0, sizeof(*g));
	environ = vars;
	rc = s3_source_files(g, &e);
	s3_profile_value("region", region, 64);
	environ = before;
	return rc;
}

static void write_in(const struct scratch *s, const char *name,
		     const char *text)
{
	char path[VARIABLE];

	snprintf(path, sizeof(path), "%s/%s", s->path, name);
	ok(io_replace_file(path, str_from(text), 0600, &e) == 0, name);
}

static void keys_of_files(void)
{
	struct scratch s = scratch_new();
	struct s3_grant g;
	char region[64];

	ok(of_profile(&s, "", &g, region) == 0, "no files: nothing");
	write_in(&s, "credentials", shared);
	write_in(&s, "config", config);
	is_i64(of_profile(&s, "", &g, region), 1, "the default profile");
	is_str(g.key.id, "A", "its id");
	is_str(g.key.secret, "B=/+", "its secret");
	is_str(region, "eu-west-3", "its region");
	is_i64(of_profile(&s, "third", &g, region), 1, "another");
	is_str(g.key.token, "F", "with a token");
	is_str(region, "eu-west-2", "and its region");
	is_i64(of_profile(&s, "other", &g, region), -1, "half a key");
	ok(strstr(e.msg, "other") && !strstr(e.msg, "C="), "is named");
	is_i64(of_profile(&s, "none", &g, region), -1, "no such profile");
	scratch_remove(&s);
}

static void keys_of_environment(void)
{
	char *vars[] = {variable(0, "AWS_ACCESS_KEY_ID", "", "A"),
			variable(1, "AWS_SECRET_ACCESS_KEY", "", "B"),
			variable(2, "AWS_SESSION_TOKEN", "", "C"), NULL};
	char *bad[] = {variables[0],
		       variable(3, "AWS_SECRET_ACCESS_KEY", "", "B\r\nHost: x"),
		       NULL};
	char *half[] = {vars[0], NULL}, *none[] = {NULL};
	char **before = environ;
	struct s3_grant g;

	environ = vars;
	ok(s3_source_env(&g, &e) == 1 && !strcmp(g.key.token, "C"),
	   "keys of the environment");
	environ = half;
	ok(s3_source_env(&g, &e) < 0 &&
		   strstr(e.msg, "AWS_SECRET_ACCESS_KEY is not"),
	   "half of them");
	environ = bad;
	ok(s3_source_env(&g, &e) < 0, "what cannot be a key");
	environ = none;
	ok(s3_source_env(&g, &e) == 0, "none");
	environ = before;
}

int main(void)
{
	signatures();
	a_link();
	encodings();
	xml();
	times();
	places();
	redirects();
	keys_of_files();
	keys_of_environment();
	return tap_done();
}
