/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz-trace_file.c - any bytes as a traces.json: the reader ends; what it
 * takes is written as a file that reads back and is written the same.
 */
#include "indexer/formats/trace_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

enum { MEMORY = 1 << 26 };

static void write_file(const struct field_list *spans, struct arena *a,
		       struct buf *b)
{
	struct json_out j;
	struct err e = {0};

	buf_reset(b);
	jo_init(&j, b, 0);
	if (trace_file_write(&j, spans, STR("tr-1"), a, &e) < 0 || !buf_ok(b))
		abort();
}

static void write_twice(const struct field_list *spans, struct arena *a)
{
	struct field_list again;
	struct err e = {0};
	struct buf once, twice;

	buf_init(&once, MEMORY);
	buf_init(&twice, MEMORY);
	write_file(spans, a, &once);
	if (trace_file_read(buf_view(&once), a, &again, &e) < 0)
		abort();
	write_file(&again, a, &twice);
	if (!str_eq(buf_view(&once), buf_view(&twice)))
		abort();
	buf_fini(&once);
	buf_fini(&twice);
}

static void complete(const struct field_list *spans, struct arena *a)
{
	struct otlp_span *s = spans->items;
	struct json_out j;
	struct err e = {0};
	struct buf b;

	buf_init(&b, MEMORY);
	jo_init(&j, &b, 0);
	jo_array(&j);
	for (size_t i = 0; i < spans->n; i++) {
		if (trace_span_complete(&s[i], STR("tr-1"), a, &e) < 0)
			abort();
		message_write_json(&otlp_span_message, &s[i], &j);
	}
	jo_array_end(&j);
	buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str in = str_n((const char *)data, n);
	struct field_list spans;
	struct err e = {0};
	struct arena a;

	arena_init(&a, MEMORY);
	if (trace_file_read(in, &a, &spans, &e) == 0) {
		write_twice(&spans, &a);
		complete(&spans, &a);
	} else if (e.kind == ERR_NONE || !e.msg[0]) {
		abort();
	}
	arena_fini(&a);
	return 0;
}
