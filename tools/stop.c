/* SPDX-License-Identifier: Apache-2.0 */
/* stop.c - signals into a pipe. */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "tools/stop.h"

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]) };

static volatile sig_atomic_t stop_pipe = -1; /* its writing end */

static void on_signal(int number)
{
	int saved = errno;
	ssize_t ignored = write((int)stop_pipe, "", 1);

	(void)number;
	(void)ignored;
	errno = saved;
}

int stop_on_signals(struct err *e)
{
	struct sigaction stop = {.sa_handler = on_signal,
				 .sa_flags = SA_RESTART};
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	int fds[2];

	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK))
		return err_sys(e, errno, "pipe");
	stop_pipe = fds[1];
	for (size_t i = 0; i < NUMBERS; i++)
		sigaction(numbers[i], &stop, NULL);
	sigaction(SIGPIPE, &ignore, NULL);
	return fds[0];
}

pid_t stop_fork(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t ours, before;
	pid_t pid;

	sigemptyset(&ours);
	for (size_t i = 0; i < NUMBERS; i++)
		sigaddset(&ours, numbers[i]);
	sigprocmask(SIG_BLOCK, &ours, &before);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < NUMBERS; i++)
			sigaction(numbers[i], &plain, NULL);
		sigaddset(&before, SIGINT);
		sigaddset(&before, SIGHUP);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return pid;
}
