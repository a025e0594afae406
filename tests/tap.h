/* SPDX-License-Identifier: Apache-2.0 */
/* tap.h - a unit test is a main of ok() calls that ends with tap_done().
 *
 * Output is TAP, read by `meson test`. ok() prints file and line of what
 * failed; the test goes on, so one run shows all that is wrong.
 */
#ifndef ORRERY_TESTS_TAP_H
#define ORRERY_TESTS_TAP_H

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int tap_count, tap_failed;

static inline bool tap_ok(bool good, const char *what, const char *file,
			  int line)
{
	printf("%sok %d - ", good ? "" : "not ", ++tap_count);
	/* A name is one line, and '#' would begin a directive. */
	for (; *what; what++)
		putchar(*what == '#' || (unsigned char)*what < ' ' ? ' '
								   : *what);
	putchar('\n');
	if (!good) {
		tap_failed++;
		printf("# at %s:%d\n", file, line);
	}
	fflush(stdout);
	return good;
}

static inline bool tap_is_i64(int64_t got, int64_t want, const char *what,
			      const char *file, int line)
{
	bool good = tap_ok(got == want, what, file, line);

	if (!good)
		printf("# got %" PRId64 ", want %" PRId64 "\n", got, want);
	return good;
}

static inline bool tap_is_str(const char *got, const char *want,
			      const char *what, const char *file, int line)
{
	bool good = tap_ok(got && want ? strcmp(got, want) == 0 : got == want,
			   what, file, line);

	if (!good)
		printf("# got  \"%s\"\n# want \"%s\"\n", got ? got : "(null)",
		       want ? want : "(null)");
	return good;
}

static inline int tap_done(void)
{
	printf("1..%d\n", tap_count);
	return tap_failed != 0;
}

/* Expression, and a name for it. */
#define ok(good, what) tap_ok((good), (what), __FILE__, __LINE__)
#define is_i64(got, want, what)                                                \
	tap_is_i64((got), (want), (what), __FILE__, __LINE__)
#define is_str(got, want, what)                                                \
	tap_is_str((got), (want), (what), __FILE__, __LINE__)

#endif
