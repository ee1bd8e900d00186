// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The filter: the system calls of a program that the supervisor is notified of. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <seccomp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/confine.h"
#include "supervisor_internal.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* since 5.19 */
#endif

#define NOTIFY_IF(name, ...) CONFINE_RULE(SCMP_ACT_NOTIFY, name, 1, __VA_ARGS__)
#define NOTIFY(name)         CONFINE_RULE(SCMP_ACT_NOTIFY, name, 0, { 0 })
#define REFUSE_IF(name, ...) CONFINE_RULE(SCMP_ACT_ERRNO(EPERM), name, 1, __VA_ARGS__)

/* In every filter. */
static const struct confine_rule common_rules[] = {
	NOTIFY_IF(ioctl, CONFINE_INT(1, RDMA_VERBS_IOCTL)),
	NOTIFY(openat2), /* its flags are in memory */
	/*
	 * Providers of software devices ring their doorbell by write(2), with a message of one length. A uverbs fd in
	 * place of a standard stream cannot be rung: the kernel refuses write() on what the supervisor opened.
	 */
	CONFINE_RULE(SCMP_ACT_NOTIFY, write, 2, { .arg = 0, .op = SCMP_CMP_GT, .datum_a = STDERR_FILENO },
		     CONFINE_INT(2, SUPERVISOR_DOORBELL_SIZE)),
	/* io_uring writes with the credentials of the ring's creator, in threads that no filter sees */
	CONFINE_RULE(SCMP_ACT_ERRNO(EPERM), io_uring_setup, 0, { 0 }),
	/* a handle has no path to look at */
	REFUSE_IF(open_by_handle_at, CONFINE_BITS(2, O_ACCMODE, O_WRONLY)),
	REFUSE_IF(open_by_handle_at, CONFINE_BITS(2, O_ACCMODE, O_RDWR)),
};

/* Opening for reading is allowed: the filter sees each ioctl, and write() needs a file that is open for writing. */
static const struct confine_rule opening_rules[] = {
	NOTIFY_IF(open, CONFINE_BITS(1, O_ACCMODE, O_WRONLY)),
	NOTIFY_IF(open, CONFINE_BITS(1, O_ACCMODE, O_RDWR)),
	NOTIFY_IF(openat, CONFINE_BITS(2, O_ACCMODE, O_WRONLY)),
	NOTIFY_IF(openat, CONFINE_BITS(2, O_ACCMODE, O_RDWR)),
	NOTIFY(creat),
};

/*
 * Landlock refuses every opening of a uverbs node for writing. What is left to the supervisor is to open the node as
 * libibverbs wants it (open_cdev() in util/open_cdev.c: O_RDWR | O_CLOEXEC). So logs and new files are not delayed.
 */
#define NODE_BITS (O_ACCMODE | O_CREAT | O_TRUNC | O_APPEND | O_EXCL | O_DIRECTORY | O_PATH)

static const struct confine_rule locked_rules[] = {
	NOTIFY_IF(open, CONFINE_BITS(1, NODE_BITS, O_RDWR)),
	NOTIFY_IF(openat, CONFINE_BITS(2, NODE_BITS, O_RDWR)),
	/* as Landlock refuses signals, limits by which the kernel would kill the supervisor or its engine */
	CONFINE_RULE(SCMP_ACT_ERRNO(EPERM), prlimit64, 2, { .arg = 0, .op = SCMP_CMP_NE, .datum_a = 0 },
		     { .arg = 2, .op = SCMP_CMP_NE, .datum_a = 0 }),
};

static const struct confine_list common_list = CONFINE_LIST(common_rules);
static const struct confine_list opening_list = CONFINE_LIST(opening_rules);
static const struct confine_list locked_list = CONFINE_LIST(locked_rules);

/* libseccomp compiles the program, and load() installs it: only the newest libseccomp has WAIT_KILLABLE_RECV. */
int supervisor_filter_export(bool is_locked, struct sock_fprog *out)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int file, err;
	off_t size;

	if (!filter)
		return -ENOMEM;
	file = memfd_create("filter", MFD_CLOEXEC);
	err = file < 0 ? -errno : confine_add_rules(filter, SCMP_ACT_ALLOW, &common_list);
	if (!err)
		err = confine_add_rules(filter, SCMP_ACT_ALLOW, is_locked ? &locked_list : &opening_list);
	if (!err)
		err = seccomp_export_bpf(filter, file);
	seccomp_release(filter);
	size = err ? 0 : lseek(file, 0, SEEK_END);
	out->len = (unsigned short)((size_t)size / sizeof(*out->filter));
	out->filter = err ? NULL : malloc((size_t)size);
	if (!err && (!out->filter || pread(file, out->filter, (size_t)size, 0) != size))
		err = -EIO;
	if (err)
		free(out->filter);
	if (file >= 0)
		close(file);
	return err;
}

static int load(const struct sock_fprog *program)
{
	/*
	 * Once received, a notified call is interrupted only by the death of the program, which therefore does not
	 * repeat a command that is being carried out. Kernels before 5.19 do not have the flag (EINVAL).
	 */
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);

	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, program);
	return fd < 0 ? -errno : fd;
}

int supervisor_filter_install(bool is_locked)
{
	struct sock_fprog program;
	int fd = supervisor_filter_export(is_locked, &program);

	if (fd)
		return fd;
	fd = load(&program);
	free(program.filter);
	return fd;
}
