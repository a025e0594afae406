/* SPDX-License-Identifier: Apache-2.0 */
/* replica_wire.c - pages as bytes. */
#include "indexer/index/replica_wire.h"

#include <zstd.h>

#include "indexer/base/varint.h"

enum { MAGIC_BYTES = 4, HEAD_NUMBERS = 20, LEVEL = 3 };

static const char magic[MAGIC_BYTES] = {'O', 'R', 'P', '1'};

static int corrupt(struct err *e)
{
	return err_set(e, ERR_CORRUPT, "the server's page cannot be read");
}

/* --- writing -------------------------------------------------------------- */

static void put_varint(struct buf *b, uint64_t v)
{
	unsigned char room[VARINT_MAX];

	buf_add(b, room, (size_t)(varint_put(room, v) - room));
}

void record_begin(struct buf *b, enum replica_record type)
{
	buf_putc(b, (char)type);
}

void record_i64(struct buf *b, int64_t v)
{
	buf_putc(b, BIND_I64);
	put_varint(b, zigzag(v));
}

static void put_bytes(struct buf *b, char type, struct str s)
{
	buf_putc(b, type);
	put_varint(b, s.n);
	buf_str(b, s);
}

void record_str(struct buf *b, struct str s)
{
	put_bytes(b, BIND_TEXT, s);
}

void record_row(struct buf *b, const struct cursor *q, int n)
{
	for (int i = 0; i < n; i++) {
		switch (sqlite3_column_type(q->st, i)) {
		case SQLITE_INTEGER:
			record_i64(b, cursor_i64(q, i));
			break;
		case SQLITE_NULL:
			buf_putc(b, BIND_NULL);
			break;
		case SQLITE_BLOB:
			put_bytes(b, BIND_BLOB, cursor_str(q, i));
			break;
		default:
			record_str(b, cursor_str(q, i));
		}
	}
}

/* The numbers of a head in the order in which they are sent. */
static void head_numbers(struct replica_head *h, int64_t *flags, int64_t *raw,
			 int64_t *at[HEAD_NUMBERS])
{
	int64_t *const all[] = {&h->schema,    &h->epoch,    &h->change,
				&h->forgotten, &h->view,     flags,
				&h->at.change, &h->at.kind,  &h->at.row,
				&h->at.part,   &h->at.after, raw};
	size_t n = sizeof(all) / sizeof(all[0]);

	memcpy(at, all, sizeof(all));
	for (size_t i = 0; i < REPLICA_TOTALS; i++)
		at[n + i] = &h->totals[i];
}

static void put_head(const struct replica_head *h, size_t raw, struct buf *out)
{
	struct replica_head copy = *h;
	int64_t flags = h->level | h->over << 1, bytes = (int64_t)raw;
	int64_t *at[HEAD_NUMBERS];

	head_numbers(&copy, &flags, &bytes, at);
	buf_add(out, magic, sizeof(magic));
	for (size_t i = 0; i < HEAD_NUMBERS; i++)
		put_varint(out, zigzag(*at[i]));
}

int page_seal(const struct replica_head *h, struct buf *records,
	      struct buf *out, struct err *e)
{
	size_t most, n;
	char *room;

	record_begin(records, RECORD_END);
	if (!buf_ok(records))
		return err_set(e, ERR_TOO_LARGE,
			       "one thing has more than %d bytes",
			       REPLICA_PAGE_MAX);
	put_head(h, records->n, out);
	most = ZSTD_compressBound(records->n);
	room = buf_room(out, most);
	if (!room)
		return err_set(e, ERR_TOO_LARGE, "no room for a page");
	n = ZSTD_compress(room, most, records->p, records->n, LEVEL);
	if (ZSTD_isError(n))
		return err_set(e, ERR_INTERNAL, "zstd: %s",
			       ZSTD_getErrorName(n));
	buf_added(out, n);
	return 0;
}

/* --- reading -------------------------------------------------------------- */

static int read_head(struct page_reader *r, struct str page,
		     struct replica_head *h, int64_t *ret_raw, struct err *e)
{
	int64_t flags = 0, *at[HEAD_NUMBERS];
	uint64_t v;

	if (page.n < MAGIC_BYTES || memcmp(page.p, magic, MAGIC_BYTES) != 0)
		return corrupt(e);
	r->p = (const unsigned char *)page.p + MAGIC_BYTES;
	r->end = (const unsigned char *)page.p + page.n;
	head_numbers(h, &flags, ret_raw, at);
	for (size_t i = 0; i < HEAD_NUMBERS; i++) {
		r->p = varint_get(r->p, r->end, &v);
		if (!r->p)
			return corrupt(e);
		*at[i] = unzigzag(v);
	}
	h->level = flags & 1;
	h->over = flags & 2;
	return 0;
}

int page_open(struct page_reader *r, struct str page, struct replica_head *h,
	      struct err *e)
{
	int64_t raw = 0;
	size_t n;
	char *room;

	memset(h, 0, sizeof(*h));
	buf_init(&r->records, REPLICA_PAGE_MAX + 1);
	if (read_head(r, page, h, &raw, e))
		return -1;
	if (raw <= 0 || raw >= REPLICA_PAGE_MAX)
		return corrupt(e);
	room = buf_room(&r->records, (size_t)raw);
	if (!room)
		return err_set(e, ERR_NO_SPACE, "no memory for a page");
	n = ZSTD_decompress(room, (size_t)raw, r->p, (size_t)(r->end - r->p));
	if (ZSTD_isError(n) || n != (size_t)raw)
		return corrupt(e);
	buf_added(&r->records, n);
	r->p = (const unsigned char *)r->records.p;
	r->end = r->p + n;
	return 0;
}

void page_close(struct page_reader *r)
{
	buf_fini(&r->records);
}

static int read_value(struct page_reader *r, struct bind *ret, struct err *e)
{
	uint64_t v = 0;

	if (r->p == r->end)
		return corrupt(e);
	*ret = (struct bind){.type = *r->p++};
	if (ret->type == BIND_NULL)
		return 0;
	r->p = varint_get(r->p, r->end, &v);
	if (!r->p)
		return corrupt(e);
	if (ret->type == BIND_I64) {
		ret->i = unzigzag(v);
		return 0;
	}
	if ((ret->type != BIND_TEXT && ret->type != BIND_BLOB) ||
	    v > (uint64_t)(r->end - r->p))
		return corrupt(e);
	ret->s = str_n((const char *)r->p, (size_t)v);
	r->p += v;
	return 0;
}

/* How many values a record of that type has; -1: there is none such. */
static int values_of(unsigned type)
{
	static const int others[RECORDS - RECORD_DROP] = {4,  1, 7, 11,
							  20, 3, 0};

	if (type < REPLICA_TABLES)
		return replica_tables[type].columns;
	if (type < RECORD_DROP || type >= RECORDS)
		return -1;
	return others[type - RECORD_DROP];
}

int page_next(struct page_reader *r, enum replica_record *ret,
	      struct bind values[REPLICA_COLUMNS], struct err *e)
{
	int n = r->p < r->end ? values_of(*r->p) : -1;

	if (n < 0)
		return corrupt(e);
	*ret = *r->p++;
	for (int i = 0; i < n; i++)
		if (read_value(r, &values[i], e))
			return -1;
	return *ret != RECORD_END;
}
