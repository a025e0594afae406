/* SPDX-License-Identifier: Apache-2.0 */
/* kernel.c - see kernel.h: a session of libfuse, its device, who reads it.
 */
#include "fs/kernel.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/device.h"
#include "fs/fuse.h"

struct kernel {
	struct request_host *host;
	struct fuse_session *se;
	pthread_mutex_t turn; /* to read: who has it does what is quick */
	void (*on_init)(void *ctx);
	void *ctx;
	struct device device;
};

/* --- the device ----------------------------------------------------------- */

static ssize_t read_device(int fd, void *p, size_t size, void *data)
{
	return device_read(&((struct kernel *)data)->device, fd, p, size);
}

static ssize_t write_device(int fd, struct iovec *iov, int count, void *data)
{
	return device_write(&((struct kernel *)data)->device, fd, iov, count);
}

struct request_host *kernel_host(void *kernel)
{
	return ((struct kernel *)kernel)->host;
}

void kernel_init(void *data, struct fuse_conn_info *conn)
{
	struct kernel *k = data;
	const struct through_sink sink = {device_through, device_not_through,
					  &k->device};

	conn->want &=
		~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_SPLICE_READ |
			    FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE);
	conn->want |= conn->capable &
		      (FUSE_CAP_READDIRPLUS | FUSE_CAP_ATOMIC_O_TRUNC |
		       FUSE_CAP_AUTO_INVAL_DATA);
	conn->max_background = FS_BACKGROUND;
	conn->congestion_threshold = FS_BACKGROUND * 3 / 4;
	if (k->device.has_through)
		throughs_offer(&k->host->fs->throughs, &sink);
	k->on_init(k->ctx);
}

/* --- life ----------------------------------------------------------------- */

/* One request, with the turn before and after it. What is quick is done by
 * who read it while the others sleep: to wake one for it would cost more. */
static int serve_one(struct kernel *k, struct fuse_buf *buf)
{
	int n = fuse_session_receive_buf(k->se, buf);
	bool quick = n > 0 && device_is_quick(buf->mem, (size_t)n);

	if (n <= 0)
		return n;
	if (!quick)
		pthread_mutex_unlock(&k->turn);
	fuse_session_process_buf(k->se, buf);
	if (!quick)
		pthread_mutex_lock(&k->turn);
	return n;
}

void kernel_serve(struct kernel *k)
{
	struct fuse_buf buf = {0};
	int n = 1;

	pthread_mutex_lock(&k->turn);
	while ((n > 0 || n == -EINTR) && !fuse_session_exited(k->se))
		n = serve_one(k, &buf);
	pthread_mutex_unlock(&k->turn);
	free(buf.mem);
	fuse_session_exit(k->se);
}

void kernel_stop(struct kernel *k)
{
	fuse_session_exit(k->se);
}

void kernel_free(struct kernel *k)
{
	if (!k)
		return;
	if (k->se) {
		fuse_session_unmount(k->se);
		fuse_session_destroy(k->se);
	}
	pthread_mutex_destroy(&k->turn);
	free(k);
}

void kernel_forget_inode(void *kernel, uint64_t id, bool data)
{
	const struct kernel *k = kernel;

	fuse_lowlevel_notify_inval_inode(k->se, id, data ? 0 : -1, 0);
}

void kernel_forget_entry(void *kernel, uint64_t dir, struct str name)
{
	const struct kernel *k = kernel;

	fuse_lowlevel_notify_inval_entry(k->se, dir, name.p, name.n);
}

int kernel_prune(void *kernel, const uint64_t *ids, uint32_t n)
{
	const struct kernel *k = kernel;

	return device_prune(&k->device, ids, n);
}

static int mount_it(struct kernel *k, const char *mountpoint, struct err *e)
{
	static const struct fuse_custom_io io = {.writev = write_device,
						 .read = read_device};
	char name[] = "orrery", flag[] = "-o";
	char *argv[] = {name, flag, k->host->fs->kernel, NULL};
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);

	k->se = fuse_session_new(&args, &fuse_operations,
				 sizeof(fuse_operations), k);
	fuse_opt_free_args(&args);
	if (!k->se)
		return err_set(e, ERR_IO, "libfuse cannot be started");
	if (fuse_session_mount(k->se, mountpoint))
		return err_set(e, ERR_IO, "%s cannot be mounted on",
			       mountpoint);
	if (fuse_session_custom_io(k->se, &io, fuse_session_fd(k->se)))
		return err_set(e, ERR_IO, "libfuse cannot be set up");
	k->device.fd = fuse_session_fd(k->se);
	return 0;
}

struct kernel *kernel_mount(struct request_host *host, const char *mountpoint,
			    void (*on_init)(void *ctx), void *ctx,
			    struct err *e)
{
	struct kernel *k = calloc(1, sizeof(*k));

	if (!k) {
		err_set(e, ERR_NO_SPACE, "no memory to mount");
		return NULL;
	}
	host->arm = fuse_arm;
	host->answer = fuse_answer;
	host->add_entry = fuse_add_entry;
	*k = (struct kernel){.host = host, .on_init = on_init, .ctx = ctx};
	pthread_mutex_init(&k->turn, NULL);
	if (mount_it(k, mountpoint, e)) {
		kernel_free(k);
		return NULL;
	}
	return k;
}
