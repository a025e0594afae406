/* SPDX-License-Identifier: Apache-2.0 */
/* record.c - one record as bytes: in a file, and on its way by HTTP. */
#include "indexer/journal/record.h"

#include "indexer/journal/format.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
	       "records travel as they lie in the file");

bool journal_head_at(struct str s, int64_t room, struct journal_record_head *h)
{
	if (s.n < sizeof(*h))
		return false;
	memcpy(h, s.p, sizeof(*h));
	return h->length <= JOURNAL_RECORD_MAX && h->length <= room &&
	       h->seq > 0 && h->run <= JOURNAL_NAME_MAX &&
	       h->key <= JOURNAL_NAME_MAX && h->packed <= h->length &&
	       h->length == sizeof(*h) + h->run + h->key + h->packed;
}

bool journal_record_at(const char *id, struct str s,
		       const struct journal_record_head *h, int64_t seq,
		       struct journal_record *ret)
{
	const char *p = s.p + sizeof(*h);

	if ((seq && h->seq != seq) || s.n < h->length)
		return false;
	if (crc32c(journal_crc(id, h), p, h->length - sizeof(*h)) != h->crc)
		return false;
	ret->seq = h->seq;
	ret->accepted = h->accepted;
	ret->run_id = str_n(p, h->run);
	ret->key = str_n(p + h->run, h->key);
	ret->packed = str_n(p + h->run + h->key, h->packed);
	return true;
}

int journal_record_take(const char *id, struct str *s,
			struct journal_record *ret, struct err *e)
{
	struct journal_record_head h;

	if (!s->n)
		return 0;
	if (!journal_head_at(*s, JOURNAL_RECORD_MAX, &h) ||
	    !journal_record_at(id, *s, &h, 0, ret))
		return err_set(e, ERR_CORRUPT,
			       "%zu bytes are left that begin with no record "
			       "of journal %s",
			       s->n, id);
	*s = str_n(s->p + h.length, s->n - h.length);
	return 1;
}

void journal_record_put(const char *id, const struct journal_record *r,
			struct buf *b)
{
	struct journal_record_head h = {
		.seq = r->seq,
		.accepted = r->accepted,
		.run = (uint16_t)r->run_id.n,
		.key = (uint16_t)r->key.n,
		.packed = (uint32_t)r->packed.n,
		.length = (uint32_t)(sizeof(h) + r->run_id.n + r->key.n +
				     r->packed.n),
	};

	h.crc = journal_crc(id, &h);
	h.crc = crc32c(h.crc, r->run_id.p, r->run_id.n);
	h.crc = crc32c(h.crc, r->key.p, r->key.n);
	h.crc = crc32c(h.crc, r->packed.p, r->packed.n);
	buf_add(b, &h, sizeof(h));
	buf_str(b, r->run_id);
	buf_str(b, r->key);
	buf_str(b, r->packed);
}

bool journal_id_valid(struct str id)
{
	for (size_t i = 0; i < id.n; i++)
		if (!(id.p[i] >= '0' && id.p[i] <= '9') &&
		    !(id.p[i] >= 'a' && id.p[i] <= 'f'))
			return false;
	return id.n == JOURNAL_ID;
}
