// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The filter: which of a program's system calls the supervisor hears of. */
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

#include "supervisor.h"
#include "supervisor_internal.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5) /* since 5.19 */
#endif

#define LOW_HALF UINT32_MAX
#define BITS(argument, mask, value)                                                                          \
	{                                                                                                    \
		.arg = (argument), .op = SCMP_CMP_MASKED_EQ, .datum_a = (mask), .datum_b = (uint32_t)(value) \
	}

struct filter_rule {
	uint32_t action;
	int syscall;
	unsigned int count; /* of arguments that are looked at: 0 or 1 */
	struct scmp_arg_cmp argument;
};

/*
 * The kernel takes ints and unsigned ints from the lower half of their registers: what is in the other one does not
 * count. Opening for reading only is let be: an ioctl is heard of in any case, and write() needs a file that is open
 * for it.
 */
static const struct filter_rule rules[] = {
	{ SCMP_ACT_NOTIFY, SCMP_SYS(ioctl), 1, BITS(1, LOW_HALF, RDMA_VERBS_IOCTL) },
	{ SCMP_ACT_NOTIFY, SCMP_SYS(open), 1, BITS(1, O_ACCMODE, O_WRONLY) },
	{ SCMP_ACT_NOTIFY, SCMP_SYS(open), 1, BITS(1, O_ACCMODE, O_RDWR) },
	{ SCMP_ACT_NOTIFY, SCMP_SYS(openat), 1, BITS(2, O_ACCMODE, O_WRONLY) },
	{ SCMP_ACT_NOTIFY, SCMP_SYS(openat), 1, BITS(2, O_ACCMODE, O_RDWR) },
	{ SCMP_ACT_NOTIFY, SCMP_SYS(openat2), 0, { 0 } }, /* its flags are in memory */
	{ SCMP_ACT_NOTIFY, SCMP_SYS(creat), 0, { 0 } },
	/* Providers of software devices ring their doorbell by write(2), with a message of one length. */
	{ SCMP_ACT_NOTIFY, SCMP_SYS(write), 1, BITS(2, LOW_HALF, SUPERVISOR_DOORBELL_SIZE) },
	/* it writes with the credentials of whoever made the ring, and in threads that no filter sees */
	{ SCMP_ACT_ERRNO(EPERM), SCMP_SYS(io_uring_setup), 0, { 0 } },
	/* by a handle there is no path to look at */
	{ SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open_by_handle_at), 1, BITS(2, O_ACCMODE, O_WRONLY) },
	{ SCMP_ACT_ERRNO(EPERM), SCMP_SYS(open_by_handle_at), 1, BITS(2, O_ACCMODE, O_RDWR) },
};

static int add_rules(scmp_filter_ctx filter)
{
	/* Of another ABI the same ioctl has another number of the call: it would go round us. x32 counts as another. */
	int err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !err; i++) {
		err = seccomp_rule_add_array(filter, rules[i].action, rules[i].syscall, rules[i].count,
					     &rules[i].argument);
		/* a call that this architecture does not have cannot be made either */
		if (err == -EDOM)
			err = 0;
	}
	return err;
}

/* libseccomp makes the program, and we load it: only the newest one knows WAIT_KILLABLE_RECV. */
int supervisor_filter_export(struct sock_fprog *out)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int file, err;
	off_t size;

	if (!filter)
		return -ENOMEM;
	file = memfd_create("filter", MFD_CLOEXEC);
	err = file < 0 ? -errno : add_rules(filter);
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
	 * Once heard of, a call is interrupted by nothing but the program's death: what is being carried out for it is
	 * not asked for a second time. Kernels before 5.19 do not offer it (EINVAL).
	 */
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
			      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, program);

	if (fd < 0 && errno == EINVAL)
		fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, program);
	return fd < 0 ? -errno : fd;
}

int supervisor_filter_install(void)
{
	struct sock_fprog program;
	int fd = supervisor_filter_export(&program);

	if (fd)
		return fd;
	fd = load(&program);
	free(program.filter);
	return fd;
}
