/* SPDX-License-Identifier: Apache-2.0 */
/* conf.c - the table of keys, the one function that stores a value, and
 * the print of it all.
 *
 * File, environment and flags all end in conf_store: a key's row, a text, a
 * source. Sources have ranks, so the order of reading does not matter.
 */
#include "indexer/base/conf_key.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

#include "indexer/base/json_out.h"
#include "indexer/base/log.h"
#include "indexer/base/num.h"

#define MIB (INT64_C(1024) * 1024)

#define AT(member) offsetof(struct conf, member)

const struct conf_key conf_keys[] = {
	{"data", CONF_STR, AT(data), "", 0, 0,
	 "Directory of the index, the journals, the cache, and the objects "
	 "unless they lie elsewhere; empty for the user's own data "
	 "directory."},
	{"listen", CONF_STRS, AT(listen), "127.0.0.1:8080", 0, 0,
	 "Addresses to serve on, HOST:PORT or unix:PATH; port 0 takes a free "
	 "one."},
	{"projects", CONF_PROJECTS, AT(projects), "", 0, 0,
	 "Projects that have a view, {id: NUMBER, path: GROUP/NAME} each, as "
	 "GitLab numbers and calls them; as one text NUMBER:GROUP/NAME."},
	{"log_level", CONF_LEVEL, AT(log_level), "info", 0, 0,
	 "Least level that is logged: debug, info, warn, error or off."},
	{"tls.cert", CONF_STR, AT(tls_cert), "", 0, 0,
	 "PEM file of the server's certificate chain; empty for plain HTTP."},
	{"tls.key", CONF_STR, AT(tls_key), "", 0, 0,
	 "PEM file of the private key that belongs to tls.cert."},
	{"workers", CONF_INT, AT(workers), "4", 1, 256,
	 "Threads that answer requests."},
	{"transfers", CONF_INT, AT(transfers), "16", 1, 1024,
	 "Threads that move artifacts, and so the transfers at one time."},
	{"max_connections", CONF_INT, AT(max_connections), "10240", 1, 1000000,
	 "Client connections at one time; more are answered 503."},
	{"body_limit", CONF_SIZE, AT(body_limit), "32M", 64 * 1024, 1024 * MIB,
	 "Largest JSON body of a request."},
	{"journal_size", CONF_SIZE, AT(journal_size), "64M", MIB,
	 1024 * 1024 * MIB,
	 "Room of a mount for metric lines that the daemon has not taken."},
	{"artifact_limit", CONF_SIZE, AT(artifact_limit), "0", 0, INT64_MAX,
	 "Largest artifact; 0 for no limit."},
	{"cache.dir", CONF_STR, AT(cache.dir), "", 0, 0,
	 "Directory in which mounts keep what they read of a bucket; empty for "
	 "cache below data."},
	{"cache.size", CONF_SIZE, AT(cache.size), "10G", 64 * MIB, INT64_MAX,
	 "Room of that cache, for all mounts that share it."},
	{"cache.free", CONF_SIZE, AT(cache.free), "0", 0, INT64_MAX,
	 "What mounts leave free on its disk; 0 for 1G, or a twentieth of a "
	 "smaller disk."},
	{"objects.url", CONF_STR, AT(objects.url), "", 0, 0,
	 "Where artifacts lie: s3://BUCKET/PREFIX, or empty for a directory "
	 "below data."},
	{"objects.endpoint", CONF_STR, AT(objects.endpoint), "", 0, 0,
	 "Server of the bucket, http://HOST:PORT or https://HOST; empty for "
	 "AWS."},
	{"objects.region", CONF_STR, AT(objects.region), "", 0, 0,
	 "Region of the bucket; empty for that of the environment or profile, "
	 "else what the server says."},
	{"objects.path_style", CONF_BOOL, AT(objects.path_style), "false", 0, 0,
	 "Name the bucket in the path instead of the host."},
	{"objects.dialect", CONF_STR, AT(objects.dialect), "auto", 0, 0,
	 "Kind of server: aws, ceph, garage, minio, versitygw, or auto to try "
	 "what it can do."},
	{"objects.direct", CONF_BOOL, AT(objects.direct), "false", 0, 0,
	 "Clients reach the endpoint too: downloads in ranges are sent there "
	 "by signed links."},
};

enum { KEYS = sizeof(conf_keys) / sizeof(conf_keys[0]) };

const size_t conf_key_count = KEYS;

_Static_assert((int)KEYS <= (int)CONF_KEYS_MOST, "raise CONF_KEYS_MOST");

static const char *const source_names[] = {"default", "file", "environment",
					   "flag"};

/* --- values ------------------------------------------------------------- */

/* "16M" to bytes; a bare number is bytes. */
static bool parse_size(struct str s, int64_t *ret)
{
	static const char units[] = "KMGT";
	const char *unit = s.n ? strchr(units, s.p[s.n - 1]) : NULL;
	int64_t v;

	if (unit && *unit)
		s.n--;
	if (!num_parse_i64(s, &v) || v < 0)
		return false;
	if (unit && *unit &&
	    __builtin_mul_overflow(v, INT64_C(1) << (10 * (unit - units + 1)),
				   &v))
		return false;
	*ret = v;
	return true;
}

static int out_of_bounds(const struct conf_key *k, struct str value,
			 struct err *e)
{
	return err_set(
		e, ERR_INVALID, "%s: \"%.*s\" is not %s from %lld to %lld",
		k->name, STR_ARG(value),
		k->type == CONF_SIZE ? "a size (as 16M or 1G)" : "a number",
		(long long)k->least, (long long)k->most);
}

static int store_number(const struct conf_key *k, struct str value,
			int64_t *member, struct err *e)
{
	int64_t v;
	bool good = k->type == CONF_SIZE ? parse_size(value, &v)
					 : num_parse_i64(value, &v);

	if (!good || v < k->least || v > k->most)
		return out_of_bounds(k, value, e);
	*member = v;
	return 0;
}

static int store_bool(const struct conf_key *k, struct str value, bool *member,
		      struct err *e)
{
	*member = str_is(value, "true");
	if (*member || str_is(value, "false"))
		return 0;
	return err_set(e, ERR_INVALID, "%s: \"%.*s\" is neither true nor false",
		       k->name, STR_ARG(value));
}

static int store_str(struct conf *c, struct str value, struct str *member,
		     struct err *e)
{
	*member = arena_str(&c->arena, value);
	return member->p ? 0 : arena_full(&c->arena, e);
}

/* Room for one more, at least twice as much as before. */
static void *list_next(struct conf *c, struct field_list *list, size_t size)
{
	bool full = !(list->n & (list->n - 1));
	char *items = list->items;

	if (full) {
		items = arena_array(&c->arena, list->n ? 2 * list->n : 1, size);
		if (items && list->n)
			memcpy(items, list->items, list->n * size);
	}
	if (!items)
		return NULL;
	list->items = items;
	return items + list->n++ * size;
}

/* Comma-separated values appended to a list. */
static int store_list(struct conf *c, struct str value, struct field_list *list,
		      struct err *e)
{
	while (value.n) {
		struct str *item = list_next(c, list, sizeof(*item));

		if (!item)
			return arena_full(&c->arena, e);
		if (store_str(c, str_trim(str_cut(&value, ',')), item, e))
			return -1;
	}
	return 0;
}

/* "1493:group/name", and more behind commas. */
static int store_projects(struct conf *c, struct str value,
			  struct field_list *list, struct err *e)
{
	while (value.n) {
		struct str path = str_trim(str_cut(&value, ','));
		struct str whole = path, id = str_trim(str_cut(&path, ':'));
		struct conf_project *p;
		int64_t number;

		if (!path.p || !num_parse_i64(id, &number))
			return err_set(e, ERR_INVALID,
				       "projects: \"%.*s\" is not a project as "
				       "1493:group/name",
				       STR_ARG(whole));
		p = list_next(c, list, sizeof(*p));
		if (!p)
			return arena_full(&c->arena, e);
		p->id = number;
		if (store_str(c, str_trim(path), &p->path, e))
			return -1;
	}
	return 0;
}

int conf_store(struct conf *c, const struct conf_key *k, struct str value,
	       enum conf_source source, struct err *e)
{
	enum conf_source now = (enum conf_source)c->sources[k - conf_keys];
	void *member = (char *)c + k->offset;
	enum log_level level;
	int rc = 0;

	/* A later source spoke already. */
	if (source < now)
		return 0;
	switch (k->type) {
	case CONF_LEVEL:
		if (log_level_parse(value, &level, e))
			return err_wrap(e, "%s", k->name);
		rc = store_str(c, value, member, e);
		break;
	case CONF_STR:
		rc = store_str(c, value, member, e);
		break;
	case CONF_BOOL:
		rc = store_bool(k, value, member, e);
		break;
	case CONF_INT:
	case CONF_SIZE:
		rc = store_number(k, value, member, e);
		break;
	case CONF_STRS:
	case CONF_PROJECTS:
		if (source != now)
			*(struct field_list *)member = (struct field_list){0};
		rc = k->type == CONF_STRS ? store_list(c, value, member, e)
					  : store_projects(c, value, member, e);
		break;
	}
	if (!rc)
		c->sources[k - conf_keys] = (unsigned char)source;
	return rc;
}

int conf_init(struct conf *c, struct err *e)
{
	memset(c, 0, sizeof(*c));
	arena_init(&c->arena, CONF_BYTES);
	for (size_t i = 0; i < KEYS; i++)
		if (conf_store(c, &conf_keys[i], str_from(conf_keys[i].initial),
			       CONF_DEFAULT, e))
			return -1;
	return 0;
}

void conf_fini(struct conf *c)
{
	arena_fini(&c->arena);
}

/* --- names -------------------------------------------------------------- */

const struct conf_key *conf_key_named(struct str name)
{
	for (size_t i = 0; i < KEYS; i++)
		if (str_is(name, conf_keys[i].name))
			return &conf_keys[i];
	return NULL;
}

const struct conf_key *conf_key_nearest(struct str name, size_t *ret_distance)
{
	const struct conf_key *best = conf_keys;
	size_t least = SIZE_MAX;

	for (size_t i = 0; i < KEYS; i++) {
		size_t d = str_distance(name, str_from(conf_keys[i].name));

		if (d < least) {
			least = d;
			best = &conf_keys[i];
		}
	}
	*ret_distance = least;
	return best;
}

int conf_set(struct conf *c, const char *key, struct str value,
	     enum conf_source source, struct err *e)
{
	const struct conf_key *k = conf_key_named(str_from(key));
	size_t far;

	if (!k)
		return err_set(e, ERR_INVALID,
			       "\"%s\" is not a key; the nearest is \"%s\"",
			       key,
			       conf_key_nearest(str_from(key), &far)->name);
	return conf_store(c, k, value, source, e);
}

enum conf_source conf_source(const struct conf *c, const char *key)
{
	const struct conf_key *k = conf_key_named(str_from(key));

	assert(k);
	return (enum conf_source)c->sources[k - conf_keys];
}

/* --- printing ----------------------------------------------------------- */

static void print_projects(const struct field_list *list, struct json_out *j)
{
	const struct conf_project *p = list->items;

	jo_array(j);
	for (size_t i = 0; i < list->n; i++) {
		jo_object(j);
		jo_ki64(j, "id", p[i].id);
		jo_kstr(j, "path", p[i].path);
		jo_object_end(j);
	}
	jo_array_end(j);
}

static void print_value(const struct conf *c, const struct conf_key *k,
			struct json_out *j)
{
	const void *member = (const char *)c + k->offset;
	const struct field_list *list = member;

	switch (k->type) {
	case CONF_STR:
	case CONF_LEVEL:
		jo_str(j, *(const struct str *)member);
		return;
	case CONF_BOOL:
		jo_bool(j, *(const bool *)member);
		return;
	case CONF_INT:
	case CONF_SIZE:
		jo_i64(j, *(const int64_t *)member);
		return;
	case CONF_PROJECTS:
		print_projects(list, j);
		return;
	case CONF_STRS:
		break;
	}
	jo_array(j);
	for (size_t i = 0; i < list->n; i++)
		jo_str(j, ((const struct str *)list->items)[i]);
	jo_array_end(j);
}

static const char *source_name(const struct conf *c, const struct conf_key *k)
{
	return source_names[c->sources[k - conf_keys]];
}

void conf_print(const struct conf *c, struct buf *b)
{
	struct str open = STR_NONE; /* the section that lines stand in */

	for (const struct conf_key *k = conf_keys; k < conf_keys + KEYS; k++) {
		const char *point = strchr(k->name, '.');
		struct str section =
			str_n(k->name, point ? (size_t)(point - k->name) : 0);
		const char *indent = section.n ? "  " : "";
		struct json_out j;

		if (section.n && !str_eq(section, open))
			buf_printf(b, "%.*s:\n", STR_ARG(section));
		open = section;
		buf_printf(b, "%s# %s (%s)\n%s%s: ", indent, k->sentence,
			   source_name(c, k), indent,
			   point ? point + 1 : k->name);
		jo_init(&j, b, 0);
		print_value(c, k, &j);
		buf_putc(b, '\n');
	}
}

void conf_print_json(const struct conf *c, struct buf *b)
{
	struct json_out j;

	jo_init(&j, b, 2);
	jo_object(&j);
	for (const struct conf_key *k = conf_keys; k < conf_keys + KEYS; k++) {
		jo_key(&j, k->name);
		jo_object(&j);
		jo_key(&j, "value");
		print_value(c, k, &j);
		jo_kstr(&j, "source", str_from(source_name(c, k)));
		jo_object_end(&j);
	}
	jo_object_end(&j);
	buf_putc(b, '\n');
}
