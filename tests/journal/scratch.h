/* SPDX-License-Identifier: Apache-2.0 */
/* scratch.h - a fresh directory for a test, removed at its end; and system
 * calls that fail on purpose.
 */
#ifndef ORRERY_TESTS_JOURNAL_SCRATCH_H
#define ORRERY_TESTS_JOURNAL_SCRATCH_H

#include <errno.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct scratch {
	char path[256];
};

static inline struct scratch scratch_new(void)
{
	const char *tmp = getenv("TMPDIR");
	struct scratch s;

	snprintf(s.path, sizeof(s.path), "%s/orrery-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(s.path)) {
		perror(s.path);
		abort();
	}
	return s;
}

static inline int scratch_remove_one(const char *path, const struct stat *st,
				     int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static inline void scratch_remove(const struct scratch *s)
{
	nftw(s->path, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* From now on, and in this process's threads and children, a system call
 * fails with errnum where all bits of mask are set in its argument number
 * arg (mask 0: always). */
static inline bool deny_where(int call, int errnum, unsigned arg, uint32_t mask)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 4),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (uint32_t)(offsetof(struct seccomp_data, args) +
				    8 * arg)),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, mask, 0, 1),
		BPF_STMT(BPF_RET | BPF_K,
			 SECCOMP_RET_ERRNO | ((uint32_t)errnum & 0xffff)),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {sizeof(code) / sizeof(code[0]), code};

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		       SECCOMP_FILTER_FLAG_TSYNC, &program) == 0;
}

static inline bool deny(int call, int errnum)
{
	return deny_where(call, errnum, 0, 0);
}

#endif
