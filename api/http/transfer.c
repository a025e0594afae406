/* SPDX-License-Identifier: Apache-2.0 */
/* transfer.c - streaming between a client and a handler.
 *
 * The socket stays non-blocking; poll waits. Only time spent waiting for the
 * client counts against the least rate, so a slow object store is not taken
 * for a slow client. In x->in, the head is followed by a window through which
 * chunked bodies pass.
 */
#include "api/http/transfer.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>

#include "api/http/core.h"
#include "indexer/base/clock.h"

/* --- pace ---------------------------------------------------------------- */

static int wait_for(struct exchange *x, short events, struct err *e)
{
	struct pace *p = &x->pace;
	int64_t window = x->server->o.times.window;
	int64_t began = clock_mono_ms();

	if (!p->expired)
		wire_ready(&x->conn->wire, events,
			   (int)(window - p->waited_ms));
	p->waited_ms += clock_mono_ms() - began;
	if (!p->expired && p->waited_ms < window)
		return 0;
	if (p->expired || p->moved < window * HTTP_RATE_LEAST / 1000) {
		p->expired = true;
		return err_set(e, ERR_TIMEOUT,
			       "The client is too slow, or gone.");
	}
	*p = (struct pace){0};
	return 0;
}

static int gone(struct exchange *x, struct err *e)
{
	x->answer.broken = true;
	return err_set(e, ERR_INTERRUPTED, "The client has gone away.");
}

static ssize_t receive(struct exchange *x, void *p, size_t n, struct err *e)
{
	ssize_t r;

	while ((r = wire_read(&x->conn->wire, p, n)) == WIRE_AGAIN)
		if (wait_for(x, POLLIN, e)) {
			x->answer.close = true;
			return -1;
		}
	if (r <= 0)
		return gone(x, e);
	x->pace.moved += r;
	x->received += r;
	return r;
}

static int transmit(struct exchange *x, struct iovec *iov, int count,
		    struct err *e)
{
	while (count) {
		ssize_t r = wire_writev(&x->conn->wire, iov, count, false);

		if (r == WIRE_BROKEN)
			return gone(x, e);
		if (r == WIRE_AGAIN) {
			if (!wait_for(x, POLLOUT, e))
				continue;
			x->answer.broken = true;
			return -1;
		}
		x->pace.moved += r;
		x->transmitted += r;
		while (count && (size_t)r >= iov->iov_len) {
			r -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + r;
			iov->iov_len -= (size_t)r;
		}
	}
	return 0;
}

/* --- request bodies ------------------------------------------------------ */

static int continue_once(struct exchange *x, struct err *e)
{
	static const char text[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct iovec iov = {(char *)(uintptr_t)text, sizeof(text) - 1};

	if (!x->head.expect_continue || x->continued)
		return 0;
	x->continued = true;
	return x->used < x->in.n ? 0 : transmit(x, &iov, 1, e);
}

static int64_t read_length(struct exchange *x, void *out, size_t n,
			   struct err *e)
{
	size_t had = x->in.n - x->used;
	ssize_t r;

	if ((int64_t)n > x->body_left)
		n = (size_t)x->body_left;
	if (had) {
		r = (ssize_t)(n < had ? n : had);
		memcpy(out, x->in.p + x->used, (size_t)r);
		x->used += (size_t)r;
	} else {
		r = receive(x, out, n, e);
		if (r < 0)
			return -1;
	}
	x->body_left -= r;
	x->body_done = x->body_left == 0;
	return r;
}

/* The window behind the head is empty: fill it. */
static int refill(struct exchange *x, struct err *e)
{
	ssize_t r;
	char *p;

	x->in.n = x->used = x->head.at;
	p = buf_room(&x->in, HTTP_SCRATCH);
	if (!p)
		return err_set(e, ERR_INTERNAL, "out of memory");
	r = receive(x, p, HTTP_SCRATCH, e);
	if (r < 0)
		return -1;
	buf_added(&x->in, (size_t)r);
	return 0;
}

/* What was not declared is counted against the route's limit. */
static int64_t take_chunk(struct exchange *x, size_t n, struct err *e)
{
	size_t limit = x->c.route->limit;

	x->body_left += (int64_t)n;
	if (!limit || x->body_left <= (int64_t)limit)
		return (int64_t)n;
	x->refused = true;
	return err_set(e, ERR_TOO_LARGE,
		       "The body is larger than the %zu bytes that this "
		       "endpoint takes.",
		       limit);
}

static int64_t read_chunked(struct exchange *x, void *out, size_t n,
			    struct err *e)
{
	for (;;) {
		size_t had = x->in.n - x->used;
		/* Never more input than there is room for what it decodes to.
		 */
		struct str in = str_n(x->in.p + x->used, had < n ? had : n);
		struct str data = STR_NONE;
		enum chunk r = chunks_next(&x->chunks, &in, &data);

		x->used = (size_t)(in.p - x->in.p);
		if (r == CHUNK_BAD) {
			x->refused = true;
			return err_set(e, ERR_MALFORMED,
				       "The chunks of the body are broken.");
		}
		if (r == CHUNK_END) {
			x->body_done = true;
			return 0;
		}
		if (r == CHUNK_DATA) {
			memcpy(out, data.p, data.n);
			return take_chunk(x, data.n, e);
		}
		if (x->used == x->in.n && refill(x, e))
			return -1;
	}
}

int64_t call_read(struct call *c, void *out, size_t n, struct err *e)
{
	struct exchange *x = exchange_of(c);

	if (x->body_done || !n)
		return 0;
	if (continue_once(x, e))
		return -1;
	if (x->head.framing == FRAMING_LENGTH)
		return read_length(x, out, n, e);
	return read_chunked(x, out, n, e);
}

void transfer_drain(struct hand *hand, struct exchange *x)
{
	int64_t n = 0, r = 0;
	struct err e;

	if ((x->head.expect_continue && !x->continued) || x->refused ||
	    x->answer.broken || x->pace.expired ||
	    (x->head.framing == FRAMING_LENGTH &&
	     x->body_left > HTTP_DRAIN_MAX)) {
		x->answer.close = true;
		return;
	}
	while (!x->body_done && n < HTTP_DRAIN_MAX && r >= 0) {
		r = call_read(&x->c, hand->scratch, HTTP_SCRATCH, &e);
		n += r;
	}
	if (!x->body_done)
		x->answer.close = true;
}

/* --- streamed answers ---------------------------------------------------- */

static int begin(struct exchange *x, struct err *e)
{
	struct answer *a = &x->answer;
	struct iovec iov;

	if (a->begun)
		return 0;
	assert(x->conn && a->streamed);
	if (!x->body_done)
		a->close = true;
	answer_seal(x);
	core_date(a->head.p + a->date_at);
	a->begun = true;
	iov = (struct iovec){a->head.p, a->head.n};
	return transmit(x, &iov, 1, e);
}

int call_write(struct call *c, const void *p, size_t n, struct err *e)
{
	struct exchange *x = exchange_of(c);
	struct answer *a = &x->answer;
	char size[24];
	struct iovec iov[3] = {{size, 0},
			       {(char *)(uintptr_t)p, n},
			       {(char *)(uintptr_t) "\r\n", 2}};

	if (begin(x, e))
		return -1;
	if (a->bodyless || !n)
		return 0;
	a->written += (int64_t)n;
	if (a->length < 0 && x->head.minor >= 1) {
		iov[0].iov_len =
			(size_t)snprintf(size, sizeof(size), "%zx\r\n", n);
		return transmit(x, iov, 3, e);
	}
	if (a->length >= 0 && a->written > a->length) {
		a->broken = true;
		return err_set(e, ERR_INTERNAL,
			       "more bytes than were announced");
	}
	return transmit(x, iov + 1, 1, e);
}

void transfer_finish(struct hand *hand, struct exchange *x)
{
	struct answer *a = &x->answer;
	struct iovec last = {(char *)(uintptr_t) "0\r\n\r\n", 5};
	struct err e;

	(void)hand;
	if (begin(x, &e) || a->broken || a->bodyless)
		return;
	if (a->length >= 0)
		a->broken = a->written != a->length;
	else if (x->head.minor >= 1)
		transmit(x, &last, 1, &e);
}

/* --- files --------------------------------------------------------------- */

/* Head, with the note that more follows. */
static ssize_t file_head(struct exchange *x)
{
	struct answer *a = &x->answer;
	struct iovec iov[2];
	int n;

	if (!a->sent)
		core_date(a->head.p + a->date_at);
	n = answer_rest(a, iov);
	return n ? wire_writev(&x->conn->wire, iov, n, true) : 0;
}

static ssize_t file_some(struct hand *hand, struct exchange *x)
{
	struct answer *a = &x->answer;
	struct wire_file f = {
		.fd = a->file,
		.at = a->file_at,
		.n = (size_t)a->file_left,
		.scratch = hand->scratch,
		.scratch_size = HTTP_SCRATCH,
	};
	ssize_t r = file_head(x);

	if (r > 0)
		a->sent += (size_t)r;
	if (r)
		return r;
	r = wire_send_file(&x->conn->wire, &f);
	if (r == 0)
		return WIRE_BROKEN;
	if (r > 0) {
		a->file_at += r;
		a->file_left -= r;
	}
	return r;
}

void transfer_file(struct hand *hand, struct exchange *x)
{
	enum back back = BACK_DONE;

	while (x->answer.file_left) {
		ssize_t r = file_some(hand, x);

		if (r > 0) {
			x->transmitted += r;
		} else if (r == WIRE_BROKEN) {
			back = BACK_BROKEN;
			break;
		} else if (!wire_ready(&x->conn->wire, POLLOUT,
				       HTTP_FILE_PATIENCE_MS)) {
			back = BACK_WAIT;
			break;
		}
	}
	call_back(x, back);
}
