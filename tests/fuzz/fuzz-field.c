/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-field.c - any bytes as a body and as a query of one table with every
 * type: what is taken, written and read again is the same.
 */
#include <stddef.h>

#include "indexer/base/field.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

struct part {
	struct str key;
	struct opt_f64 value;
	struct opt_i64 step;
	struct field_list words;
};

struct whole {
	struct str id, name, raw;
	struct opt_i64 count, status;
	struct opt_f64 ratio;
	struct opt_bool flag;
	struct field_list parts, words;
	struct part one;
};

static const char *const statuses[] = {"", "RUNNING", "DONE", NULL};

static const struct field part_fields[] = {
	{"key", NULL, FIELD_STR, FIELD_FILLED | FIELD_NO_NUL,
	 offsetof(struct part, key), 20},
	{"value", NULL, FIELD_F64, 0, offsetof(struct part, value)},
	{"step", NULL, FIELD_I64, 0, offsetof(struct part, step)},
	{"words", NULL, FIELD_STRS, 0, offsetof(struct part, words), 3},
};
static const struct field_set part_set = FIELD_SET(part_fields, struct part);

#define AT(member) offsetof(struct whole, member)
static const struct field fields[] = {
	{"id", "uuid", FIELD_STR, FIELD_REQUIRED, AT(id)},
	{"name", NULL, FIELD_STR, 0, AT(name), 30},
	{"raw", "text", FIELD_RAW, 0, AT(raw), 100},
	{"count", "n", FIELD_I64, 0, AT(count)},
	{"status", "s", FIELD_ENUM, 0, AT(status), 0, NULL, statuses},
	{"ratio", "r", FIELD_F64, 0, AT(ratio)},
	{"flag", "f", FIELD_BOOL, 0, AT(flag)},
	{"parts", "p", FIELD_LIST, 0, AT(parts), 10, &part_set},
	{"words", "w", FIELD_STRS, 0, AT(words), 10},
	{"one", "o", FIELD_OBJECT, 0, AT(one), 0, &part_set},
};
static const struct field_set set = FIELD_SET(fields, struct whole);

static void write_whole(const struct whole *w, struct buf *b)
{
	struct json_out j;

	buf_init(b, 1 << 26);
	jo_init(&j, b, 0);
	field_write_json(&set, w, &j);
	if (!buf_ok(b))
		abort();
}

/* What was read, through its text and back. */
static void check(const struct whole *w, struct arena *a)
{
	struct whole again;
	struct buf once, twice;
	struct err e = {0};

	write_whole(w, &once);
	if (field_read_json(&set, buf_view(&once), a, &again, &e))
		abort();
	write_whole(&again, &twice);
	if (!str_eq(buf_view(&once), buf_view(&twice)))
		abort();
	buf_fini(&once);
	buf_fini(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str text = str_n((const char *)data, n);
	struct arena a;
	struct whole w;
	struct err e = {0};

	arena_init(&a, 1 << 24);
	if (!field_read_json(&set, text, &a, &w, &e))
		check(&w, &a);
	else if (e.kind == ERR_NONE || !e.msg[0])
		abort();
	err_clear(&e);
	if (!field_read_query(&set, text, &a, &w, &e))
		check(&w, &a);
	else if (e.kind == ERR_NONE || !e.msg[0])
		abort();
	arena_fini(&a);
	return 0;
}
