/* SPDX-License-Identifier: Apache-2.0 */
/* field.c - members, paths and sentences: what both readers need, and the
 * writer.
 *
 * The sentences of missing and invalid values are MLflow's own; clients and
 * their tests match them word by word.
 */
#include "indexer/base/field.h"

#include <assert.h>
#include <string.h>

#include "indexer/base/clock.h"
#include "indexer/base/field_path.h"
#include "indexer/base/num.h"

#define SEE_DOCS                                                               \
	"See the API docs for more information about request parameters."

enum { SHOWN = 120 }; /* bytes of a value or a path within a message */

/* --- errors ------------------------------------------------------------- */

static void path_text(const struct field_path *at, struct buf *b)
{
	if (!at)
		return;
	path_text(at->up, b);
	if (!at->name) {
		buf_printf(b, "[%zu]", at->index);
	} else {
		if (b->n)
			buf_putc(b, '.');
		buf_puts(b, at->name);
	}
}

/* The path into out, cut at its size. */
static const char *path_name(const struct field_path *at, char *out,
			     size_t size)
{
	struct buf b;

	buf_init(&b, 4096);
	path_text(at, &b);
	snprintf(out, size, "%s", b.p ? b.p : "");
	buf_fini(&b);
	return out;
}

int field_missing(const struct field_path *at, struct err *e)
{
	char path[SHOWN];

	return err_set(e, ERR_INVALID,
		       "Missing value for required parameter '%s'. " SEE_DOCS,
		       path_name(at, path, sizeof(path)));
}

int field_invalid(const struct field_path *at, struct str json,
		  const char *type, const char *hint, struct err *e)
{
	char path[SHOWN];
	bool cut = json.n > SHOWN;

	if (cut)
		json.n = SHOWN;
	while (cut && json.n && ((unsigned char)json.p[json.n] & 0xc0) == 0x80)
		json.n--;
	return err_set(e, ERR_INVALID,
		       "Invalid value %.*s%s for parameter '%s' supplied: %s "
		       "Hint: Value was of type '%s'. " SEE_DOCS,
		       STR_ARG(json), cut ? "..." : "",
		       path_name(at, path, sizeof(path)), hint, type);
}

int field_duplicate(const struct field_path *at, struct err *e)
{
	char path[SHOWN];

	return err_set(e, ERR_INVALID,
		       "Parameter '%s' was supplied more than once. " SEE_DOCS,
		       path_name(at, path, sizeof(path)));
}

int field_too_many(const struct field_path *at, size_t limit, struct err *e)
{
	char hint[64];

	snprintf(hint, sizeof(hint), "At most %zu elements are allowed.",
		 limit);
	return field_invalid(at, STR("[...]"), "list", hint, e);
}

/* --- values as text ----------------------------------------------------- */

static bool has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

const char *field_check_str(const struct field *f, struct str s)
{
	if (f->limit && s.n > f->limit)
		return "The string is too long.";
	if (f->flags & FIELD_NO_NUL && has_control(s))
		return "Control characters are not allowed.";
	return NULL;
}

static const char *set_bool(struct str text, struct opt_bool *ret)
{
	ret->v = str_eq_nocase(text, STR("true"));
	if (!ret->v && !str_eq_nocase(text, STR("false")))
		return "Expected a boolean.";
	ret->set = true;
	return NULL;
}

static const char *set_i64(struct str text, struct opt_i64 *ret)
{
	if (!num_parse_i64(text, &ret->v))
		return "Expected an integer of 64 bits.";
	ret->set = true;
	return NULL;
}

/* Times that come as text. */
static const char *set_time(const struct field *f, struct str text,
			    struct opt_i64 *ret)
{
	bool date = f->flags & FIELD_TIME;

	ret->set = date ? clock_rfc3339_parse(text, &ret->v)
			: clock_seconds_parse(text, &ret->v);
	if (ret->set)
		return NULL;
	return date ? "Expected a time such as 2026-01-02T03:04:05.678Z."
		    : "Expected seconds such as 1.5s.";
}

static const char *set_enum(const struct field *f, struct str text,
			    struct opt_i64 *ret)
{
	int64_t number = -1;

	num_parse_i64(text, &number);
	for (int64_t i = 0; f->names[i]; i++) {
		if (!f->names[i][0] ||
		    (i != number && !str_is(text, f->names[i])))
			continue;
		ret->v = i;
		ret->set = true;
		return NULL;
	}
	return "Expected one of the names of its enumeration.";
}

static const char *set_f64(struct str text, struct opt_f64 *ret)
{
	if (!num_parse_f64(text, &ret->v))
		return "Expected a number.";
	ret->set = true;
	return NULL;
}

static const char *set_str(const struct field *f, struct str text,
			   struct str *ret)
{
	*ret = text.p ? text : STR("");
	return field_check_str(f, text);
}

const char *field_set_text(const struct field *f, struct str text, void *member)
{
	switch (f->type) {
	case FIELD_STR:
		return set_str(f, text, member);
	case FIELD_I64:
		return f->flags & (FIELD_TIME | FIELD_SECONDS)
			       ? set_time(f, text, member)
			       : set_i64(text, member);
	case FIELD_F64:
		return set_f64(text, member);
	case FIELD_BOOL:
		return set_bool(text, member);
	case FIELD_ENUM:
		return set_enum(f, text, member);
	case FIELD_STRS:
	case FIELD_LIST:
	case FIELD_OBJECT:
	case FIELD_RAW:
		break;
	}
	return "Expected structured JSON.";
}

/* --- members ------------------------------------------------------------ */

static bool called(const char *field_name, struct str name)
{
	return field_name[0] == name.p[0] &&
	       strncmp(field_name, name.p, name.n) == 0 && !field_name[name.n];
}

const struct field *field_find(const struct field_set *set, struct str name,
			       size_t *guess, bool *ret_alias)
{
	size_t i = *guess;

	if (!name.n)
		return NULL;
	for (size_t tries = 0; tries < set->count; tries++, i++) {
		const struct field *f;

		if (i >= set->count)
			i = 0;
		f = &set->fields[i];
		*ret_alias = f->alias && called(f->alias, name);
		if (*ret_alias || called(f->name, name)) {
			*guess = i + 1;
			return f;
		}
	}
	return NULL;
}

void field_zero(const struct field_set *set, void *ret)
{
	size_t first = set->size;

	for (size_t i = 0; i < set->count; i++)
		if (set->fields[i].offset < first)
			first = set->fields[i].offset;
	memset((char *)ret + first, 0, set->size - first);
}

static bool all_zero(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i])
			return false;
	return true;
}

bool field_present(const struct field *f, const void *s)
{
	const char *member = (const char *)s + f->offset;
	bool filled = f->flags & FIELD_FILLED;

	switch (f->type) {
	case FIELD_STR:
	case FIELD_RAW: {
		const struct str *text = (const void *)member;

		return filled ? text->n > 0 : text->p != NULL;
	}
	case FIELD_I64:
	case FIELD_ENUM:
		return ((const struct opt_i64 *)(const void *)member)->set;
	case FIELD_F64:
		return ((const struct opt_f64 *)(const void *)member)->set;
	case FIELD_BOOL:
		return ((const struct opt_bool *)(const void *)member)->set;
	case FIELD_STRS:
	case FIELD_LIST: {
		const struct field_list *list = (const void *)member;

		return filled ? list->n > 0 : list->items != NULL;
	}
	case FIELD_OBJECT:
		return !all_zero(member, f->sub->size);
	}
	return false;
}

int field_check_required(const struct field_set *set, const void *s,
			 const struct field_path *up, struct err *e)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct field *f = &set->fields[i];
		struct field_path at = {up, f->name, 0};

		if (f->flags & (FIELD_REQUIRED | FIELD_FILLED) &&
		    !field_present(f, s))
			return field_missing(&at, e);
	}
	return 0;
}

void *field_add_item(struct field_grow *g, struct arena *a,
		     const struct field_path *at, struct err *e)
{
	struct field_list *list = g->list;

	if (g->limit && list->n == g->limit) {
		field_too_many(at, g->limit, e);
		return NULL;
	}
	if (list->n == g->cap) {
		size_t cap = g->cap ? 2 * g->cap : 8;
		char *items = arena_array(a, cap, g->size);

		if (!items) {
			arena_full(a, e);
			return NULL;
		}
		if (list->n)
			memcpy(items, list->items, list->n * g->size);
		list->items = items;
		g->cap = cap;
	}
	return (char *)list->items + list->n++ * g->size;
}

/* --- writing ------------------------------------------------------------ */

static void write_list(const struct field *f, const struct field_list *list,
		       struct json_out *j)
{
	const char *item = list->items;

	jo_array(j);
	for (size_t i = 0; i < list->n; i++) {
		if (f->type == FIELD_STRS) {
			jo_str(j, ((const struct str *)list->items)[i]);
		} else {
			field_write_json(f->sub, item, j);
			item += f->sub->size;
		}
	}
	jo_array_end(j);
}

static void write_map(const struct field_list *list, struct json_out *j)
{
	const struct field_pair *p = list->items;

	jo_object(j);
	for (size_t i = 0; i < list->n; i++) {
		jo_key_str(j, p[i].key);
		jo_str(j, p[i].value);
	}
	jo_object_end(j);
}

static void write_i64(const struct field *f, int64_t v, struct json_out *j)
{
	char text[CLOCK_TEXT];

	if (f->flags & FIELD_TIME)
		jo_str(j, str_n(text, clock_rfc3339(v, text)));
	else if (f->flags & FIELD_SECONDS)
		jo_str(j, str_n(text, clock_seconds(v, text)));
	else
		jo_i64(j, v);
}

static void write_member(const struct field *f, const void *member,
			 struct json_out *j)
{
	switch (f->type) {
	case FIELD_STR:
		jo_str(j, *(const struct str *)member);
		break;
	case FIELD_RAW:
		jo_raw(j, *(const struct str *)member);
		break;
	case FIELD_I64:
		write_i64(f, ((const struct opt_i64 *)member)->v, j);
		break;
	case FIELD_ENUM:
		jo_str(j,
		       str_from(f->names[((const struct opt_i64 *)member)->v]));
		break;
	case FIELD_F64:
		jo_f64(j, ((const struct opt_f64 *)member)->v);
		break;
	case FIELD_BOOL:
		jo_bool(j, ((const struct opt_bool *)member)->v);
		break;
	case FIELD_STRS:
	case FIELD_LIST:
		if (f->flags & FIELD_MAP)
			write_map(member, j);
		else
			write_list(f, member, j);
		break;
	case FIELD_OBJECT:
		field_write_json(f->sub, member, j);
		break;
	}
}

void field_write_members(const struct field_set *set, const void *s,
			 struct json_out *j)
{
	for (size_t i = 0; i < set->count; i++) {
		const struct field *f = &set->fields[i];
		/* Absent is what was not sent; empty is a value. */
		struct field plain = *f;

		plain.flags = 0;
		if (!field_present(&plain, s))
			continue;
		jo_key(j, f->name);
		write_member(f, (const char *)s + f->offset, j);
	}
}

void field_write_json(const struct field_set *set, const void *s,
		      struct json_out *j)
{
	jo_object(j);
	field_write_members(set, s, j);
	jo_object_end(j);
}
