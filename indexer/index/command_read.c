/* SPDX-License-Identifier: Apache-2.0 */
/* command_read.c - commands made, and read by the table of command.c. */
#include "indexer/index/command.h"
#include "indexer/index/limits.h"

void *command_new(enum command_kind kind)
{
	struct command *c = calloc(1, command_types[kind].size);

	if (!c)
		abort();
	c->kind = kind;
	c->lane = LANE_API;
	c->who = principal_owner();
	arena_init(&c->arena, LIMIT_COMMAND_BYTES);
	return c;
}

void command_free(struct command *c)
{
	if (!c)
		return;
	arena_fini(&c->arena);
	free(c);
}

int command_kind_by_name(struct str name)
{
	for (int i = 0; i < COMMAND_KINDS; i++)
		if (str_is(name, command_types[i].name) &&
		    command_types[i].in.count)
			return i;
	return -1;
}

static size_t member_size(const struct field *f)
{
	switch (f->type) {
	case FIELD_I64:
	case FIELD_ENUM:
		return sizeof(struct opt_i64);
	case FIELD_F64:
		return sizeof(struct opt_f64);
	case FIELD_BOOL:
		return sizeof(struct opt_bool);
	case FIELD_STRS:
	case FIELD_LIST:
		return sizeof(struct field_list);
	case FIELD_OBJECT:
		return f->sub->size;
	case FIELD_STR:
	case FIELD_RAW:
	default:
		return sizeof(struct str);
	}
}

/* field_read_json zeroes what it fills, and a command's head must stay: read
 * aside, then take the members of the set. */
static int read_members(struct command *c, const struct field_set *set,
			struct str json, struct err *e)
{
	struct str text = arena_str(&c->arena, json);
	char *aside = arena_alloc(&c->arena, set->size);

	if (!text.p || !aside)
		return arena_full(&c->arena, e);
	if (field_read_json(set, text, &c->arena, aside, e) < 0)
		return -1;
	for (size_t i = 0; i < set->count; i++) {
		const struct field *f = &set->fields[i];

		memcpy((char *)c + f->offset, aside + f->offset,
		       member_size(f));
	}
	return 0;
}

int command_read(struct command *c, struct str json, struct err *e)
{
	return read_members(c, &command_types[c->kind].in, json, e);
}

int command_read_answer(struct command *c, struct str json, struct err *e)
{
	return read_members(c, &command_types[c->kind].out, json, e);
}
