/* SPDX-License-Identifier: Apache-2.0 */
/* conf_read.c - the configuration file and the environment, walked against
 * the table of keys.
 *
 * A key's dotted name is its path in the file; its variable is that name in
 * capitals with "__" for each point.
 */
#include <string.h>

#include "indexer/base/conf_key.h"
#include "indexer/base/io.h"
#include "indexer/base/json_doc.h"
#include "indexer/base/scope.h"
#include "indexer/base/yaml.h"

/* --- the file ----------------------------------------------------------- */

struct file {
	struct conf *c;
	const char *path;
	struct err *e;
};

/* What a scalar says, as text. */
static bool scalar_text(const cJSON *node, struct str *ret)
{
	if (cJSON_IsString(node) || (cJSON_IsNumber(node) && node->valuestring))
		*ret = str_from(node->valuestring);
	else if (cJSON_IsBool(node))
		*ret = cJSON_IsTrue(node) ? STR("true") : STR("false");
	else if (cJSON_IsNull(node))
		*ret = STR("");
	else
		return false;
	return true;
}

static int wrong_kind(const struct file *f, const cJSON *node,
		      const struct conf_key *k)
{
	return err_set(f->e, ERR_INVALID, "%s:%d: %s must be %s", f->path,
		       yaml_line(node), k->name,
		       k->type == CONF_STRS ? "a list of words"
		       : k->type == CONF_PROJECTS
			       ? "a list of {id: 1493, path: "
				 "group/name}"
			       : "one value");
}

/* {id: 1493, path: group/name} as 1493:group/name. A path has no comma. */
static int project_text(const struct file *f, const cJSON *node,
			const struct conf_key *k, struct buf *ret)
{
	struct str id = STR_NONE, path = STR_NONE;

	for (const cJSON *x = node->child; x; x = x->next) {
		struct str name = str_from(x->string);

		if (!str_is(name, "id") && !str_is(name, "path"))
			return err_set(f->e, ERR_INVALID,
				       "%s:%d: \"%.*s\" is not a key of "
				       "projects; they have an id and a path",
				       f->path, yaml_line(x), STR_ARG(name));
		if (!scalar_text(x, str_is(name, "id") ? &id : &path))
			return wrong_kind(f, x, k);
	}
	if (!id.n || !path.n || memchr(path.p, ',', path.n))
		return wrong_kind(f, node, k);
	buf_printf(ret, "%.*s:%.*s", STR_ARG(id), STR_ARG(path));
	return 0;
}

static int read_item(const struct file *f, const cJSON *item,
		     const struct conf_key *k)
{
	SCOPED(buf_fini) struct buf text;
	struct str value;

	buf_init(&text, CONF_BYTES);
	if (cJSON_IsObject(item) && k->type == CONF_PROJECTS) {
		if (project_text(f, item, k, &text))
			return -1;
		value = buf_view(&text);
	} else if (!scalar_text(item, &value)) {
		return wrong_kind(f, item, k);
	}
	if (conf_store(f->c, k, value, CONF_FILE, f->e))
		return err_wrap(f->e, "%s:%d", f->path, yaml_line(item));
	return 0;
}

static bool is_list(const struct conf_key *k)
{
	return k->type == CONF_STRS || k->type == CONF_PROJECTS;
}

static int read_list(const struct file *f, const cJSON *node,
		     const struct conf_key *k)
{
	if (!node->child)
		return conf_store(f->c, k, STR(""), CONF_FILE, f->e);
	for (const cJSON *item = node->child; item; item = item->next)
		if (read_item(f, item, k))
			return -1;
	return 0;
}

static int read_key(const struct file *f, const cJSON *node,
		    const struct conf_key *k)
{
	struct str value;

	if (cJSON_IsArray(node) && is_list(k))
		return read_list(f, node, k);
	if (!scalar_text(node, &value))
		return wrong_kind(f, node, k);
	if (conf_store(f->c, k, value, CONF_FILE, f->e))
		return err_wrap(f->e, "%s:%d", f->path, yaml_line(node));
	return 0;
}

/* Is name the front of some key, up to a point? */
static bool is_section(struct str name)
{
	for (size_t i = 0; i < conf_key_count; i++)
		if (strlen(conf_keys[i].name) > name.n &&
		    conf_keys[i].name[name.n] == '.' &&
		    str_eq(str_n(conf_keys[i].name, name.n), name))
			return true;
	return false;
}

static int unknown_key(const struct file *f, const cJSON *node, struct str name)
{
	size_t far;

	return err_set(f->e, ERR_INVALID,
		       "%s:%d: \"%.*s\" is not a key; the nearest is \"%s\"",
		       f->path, yaml_line(node), STR_ARG(name),
		       conf_key_nearest(name, &far)->name);
}

static int read_section(const struct file *f, const cJSON *section,
			const char *prefix);

static int read_entry(const struct file *f, const cJSON *node,
		      const char *prefix)
{
	char name[2 * CONF_NAME_MOST], inside[2 * CONF_NAME_MOST + 1];
	const struct conf_key *k;

	snprintf(name, sizeof(name), "%s%.64s", prefix, node->string);
	k = conf_key_named(str_from(name));
	if (k)
		return read_key(f, node, k);
	if (!is_section(str_from(name)))
		return unknown_key(f, node, str_from(name));
	if (!cJSON_IsObject(node))
		return err_set(f->e, ERR_INVALID, "%s:%d: %s must be a section",
			       f->path, yaml_line(node), name);
	snprintf(inside, sizeof(inside), "%s.", name);
	return read_section(f, node, inside);
}

static int read_section(const struct file *f, const cJSON *section,
			const char *prefix)
{
	for (const cJSON *node = section->child; node; node = node->next)
		if (read_entry(f, node, prefix))
			return -1;
	return 0;
}

int conf_read_file(struct conf *c, const char *path, struct err *e)
{
	SCOPED(buf_fini) struct buf text;
	struct file f = {c, path, e};
	cJSON *root;
	int rc;

	buf_init(&text, CONF_BYTES);
	if (io_read_file(path, CONF_BYTES, &text, e))
		return -1;
	root = yaml_parse(buf_view(&text), path, e);
	if (!root)
		return -1;
	if (cJSON_IsObject(root))
		rc = read_section(&f, root, "");
	else if (cJSON_IsNull(root))
		rc = 0;
	else
		rc = err_set(e, ERR_INVALID, "%s: must be keys with values",
			     path);
	cJSON_Delete(root);
	return rc;
}

/* --- the environment ---------------------------------------------------- */

/* TLS__CERT to tls.cert; false where it cannot be a key. */
static bool key_of_variable(struct str variable, char out[CONF_NAME_MOST])
{
	size_t n = 0;

	if (variable.n >= CONF_NAME_MOST)
		return false;
	for (size_t i = 0; i < variable.n; i++) {
		char c = variable.p[i];

		if (c == '_' && i + 1 < variable.n &&
		    variable.p[i + 1] == '_') {
			c = '.';
			i++;
		} else if (c >= 'A' && c <= 'Z') {
			c = (char)(c - 'A' + 'a');
		}
		out[n++] = c;
	}
	out[n] = '\0';
	return true;
}

static void variable_of_key(const char *key, struct buf *b)
{
	buf_puts(b, "ORRERY_");
	for (; *key; key++) {
		if (*key == '.')
			buf_puts(b, "__");
		else
			buf_putc(b, *key >= 'a' && *key <= 'z'
					    ? (char)(*key - 'a' + 'A')
					    : *key);
	}
}

static int slip(struct str variable, const struct conf_key *k, struct err *e)
{
	SCOPED(buf_fini) struct buf meant;

	buf_init(&meant, 4 * CONF_NAME_MOST);
	variable_of_key(k->name, &meant);
	return err_set(e, ERR_INVALID,
		       "the environment's ORRERY_%.*s is no key; is %s meant?",
		       STR_ARG(variable), meant.p);
}

static int read_variable(struct conf *c, struct str name, struct str value,
			 struct err *e)
{
	enum { SLIP = 2 };
	char key[CONF_NAME_MOST];
	const struct conf_key *k;
	size_t far;

	if (!key_of_variable(name, key))
		return 0;
	k = conf_key_named(str_from(key));
	if (k && conf_store(c, k, value, CONF_ENV, e))
		return err_wrap(e, "the environment's ORRERY_%.*s",
				STR_ARG(name));
	if (k)
		return 0;
	k = conf_key_nearest(str_from(key), &far);
	return far <= SLIP ? slip(name, k, e) : 0;
}

int conf_read_env(struct conf *c, char *const *environment, struct err *e)
{
	for (; *environment; environment++) {
		struct str value = str_from(*environment);
		struct str name = str_cut(&value, '=');

		if (!value.n || !str_starts(name, STR("ORRERY_")))
			continue;
		name = str_n(name.p + 7, name.n - 7);
		if (read_variable(c, name, value, e))
			return -1;
	}
	return 0;
}
