/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - bytes by their keys, for mounts that do not reach the store.
 *
 * A key is an artifact's or nothing: who may not see that artifact is told
 * that there is none. A put names the key that it wishes, which says whose it
 * is to be; it is told where the bytes lie, durably, and makes an artifact of
 * them by a command (api/mount.c). What becomes none is for gc.
 */
#include "api/app.h"
#include "api/tracking/artifact.h"
#include "api/tracking/tracking.h"
#include "api/tracking/upload.h"

/* --- reading -------------------------------------------------------------- */

static int find(struct call *c, struct artifact *ret, struct err *e)
{
	struct reader *rd = reading_raw(c, e);
	int failed;

	if (!rd)
		return -1;
	failed = artifact_by_key(rd, c->params[0], c->arena, ret, e);
	reader_end(rd);
	return failed;
}

static void object_get(struct call *c)
{
	struct artifact x;
	struct err e;

	if (find(c, &x, &e))
		answer_error(c, &e);
	else
		artifact_send(c, &x);
}

/* --- putting -------------------------------------------------------------- */

/* "<home>/generations/<any>" is a key, too, that says whose the object is. */
static int find_owner(struct call *c, struct artifact_ref *ret, struct err *e)
{
	static const struct str made_up = {"/generations/", 13};
	struct str key = c->params[0];
	const char *at = memmem(key.p, key.n, made_up.p, made_up.n);
	const char *as_path;

	if (!at)
		return artifact_locate(c, key, ret, e);
	as_path = arena_printf(c->arena, "%.*s/artifacts/_", (int)(at - key.p),
			       key.p);
	if (!as_path)
		return arena_full(c->arena, e);
	return artifact_locate(c, str_from(as_path), ret, e);
}

static void answer_stored(const struct upload *u)
{
	struct json_out *j = reply_json(u->c, 200);

	jo_object(j);
	jo_kstr(j, "key", str_from(u->key));
	jo_ki64(j, "size", u->digest.size);
	jo_kstr(j, "sha256", str_from(u->digest.sha256));
	jo_kstr(j, "crc32c", str_from(u->digest.crc32c));
	jo_object_end(j);
	reply_json_end(u->c);
}

static void object_put(struct call *c)
{
	struct upload u = {.c = c,
			   .wish = c->params[0],
			   .bare = true,
			   .limit = call_app(c)->conf->artifact_limit};
	struct err e;

	if (find_owner(c, &u.ref, &e) || upload_body(&u, &e))
		answer_error(c, &e);
	else
		answer_stored(&u);
}

static const struct route routes[] = {
	{.methods = HTTP_GET,
	 .path = "/api/mount/object/{key...}",
	 .need = LEVEL_READ,
	 .handle = object_get,
	 .summary = "The bytes of the artifact that has this key."},
	{.methods = HTTP_PUT,
	 .path = "/api/mount/object/{key...}",
	 .need = LEVEL_WRITE,
	 .body = BODY_STREAM,
	 .handle = object_put,
	 .summary = "Store the body, at this key if it is free, for an "
		    "artifact to come."},
};

static const char *const prefixes[] = {"", NULL};

const struct route_group tracking_object = TRACKING_GROUP(prefixes, routes);
