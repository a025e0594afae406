/* SPDX-License-Identifier: Apache-2.0 */
/* Without identity the daemon is reached from its own host only. */
#include "api/listen.h"

#include "tests/tap.h"

int main(void)
{
	static const char *const good[] = {
		"127.0.0.1:8080", "127.8.9.1:0", "localhost:1",
		"[::1]:0",        "unix:/x/y",   "127.0.0.1",
	};
	static const char *const bad[] = {
		"0.0.0.0:80",        "[::]:80",       "10.0.0.1:1",
		"example.org:80",    ":80",           "1:2",
		"127.0.0.1.x:80",    "localhost.x:1", "[::1",
		"[::ffff:7f00:1]:1", "128.0.0.1:1",   "127.1:1",
	};
	struct err e;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ok(listen_check_local(str_from(good[i]), &e) == 0, good[i]);
	ok(listen_check_local(STR(""), &e) < 0 && e.kind == ERR_INVALID,
	   "no address at all");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ok(listen_check_local(str_from(bad[i]), &e) < 0, bad[i]);
		ok(e.kind == ERR_DENIED && strstr(e.msg, "identity"),
		   "the reason is told");
	}
	return tap_done();
}
