// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Finds files as a program does, below its root, and opens them with its ids, capabilities and cgroup. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "supervisor_internal.h"
#include "util/small_file.h"

enum { STATUS_MAX = 1 << 16, CGROUP_MAX = 4096, GROUPS_MAX = 4096 };

/* ---- finding ---- */

/* The folder where a relative path begins. */
static int base_of(const struct target *target, int dirfd, char *out, size_t size)
{
	char link[64];
	ssize_t len;

	if (dirfd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", (int)target->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)target->tid, dirfd);
	len = readlink(link, out, size - 1);
	if (len < 0)
		return -errno;
	out[len] = '\0';
	return out[0] == '/' && (size_t)len < size - 1 ? 0 : -ENOENT;
}

/* Makes the path of a folder relative to the root of the program. */
static int below_root(const struct target *target, char *path)
{
	char link[64], root[PATH_MAX];
	ssize_t len;

	snprintf(link, sizeof(link), "/proc/%d/root", (int)target->tid);
	len = readlink(link, root, sizeof(root) - 1);
	if (len < 0)
		return -errno;
	root[len] = '\0';
	if (len > 1 && !strncmp(path, root, (size_t)len) && (path[len] == '/' || !path[len]))
		memmove(path, path + len, strlen(path + len) + 1);
	return 0;
}

/* RESOLVE_IN_ROOT: links and ".." stay below its root, and magic links of /proc are not followed. */
int place_find(const struct target *target, int dirfd, const char *path, bool follow, int *out_fd)
{
	const struct open_how how = { .flags = O_PATH | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW),
				      .resolve = RESOLVE_IN_ROOT };
	char link[64], whole[2 * PATH_MAX] = "";
	int root, fd, err = 0;

	if (path[0] != '/') {
		err = base_of(target, dirfd, whole, PATH_MAX);
		if (!err)
			err = below_root(target, whole);
		strcat(whole, "/");
	}
	if (err)
		return err;
	strncat(whole, path, sizeof(whole) - strlen(whole) - 1);
	snprintf(link, sizeof(link), "/proc/%d/root", (int)target->tid);
	root = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, root, whole, &how, sizeof(how));
	err = fd < 0 ? -errno : 0;
	close(root);
	if (!err)
		*out_fd = fd;
	return err;
}

/* ---- credentials ---- */

/* The credentials of a thread, as /proc shows them in this user namespace. */
struct identity {
	uid_t uid; /* of files */
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t group_count;
	uint64_t capabilities; /* effective */
	char cgroup[CGROUP_MAX];
};

static int read_whole(const char *path, char *text, size_t size)
{
	ssize_t len = small_file_read(AT_FDCWD, path, text, size);

	if (len < 0)
		return len == -ENOENT ? -ESRCH : (int)len;
	return (size_t)len == size - 1 ? -E2BIG : 0;
}

static int parse_groups(const char *line, struct identity *out)
{
	char *end = (char *)line;

	for (out->group_count = 0; *line && *line != '\n'; line = end) {
		unsigned long group = strtoul(line, &end, 10);

		if (end == line)
			return line[strspn(line, " \t")] == '\n' ? 0 : -EPROTO;
		if (out->group_count == GROUPS_MAX)
			return -E2BIG;
		out->groups[out->group_count++] = (gid_t)group;
	}
	return 0;
}

static int parse_status(const char *text, struct identity *out)
{
	const char *uid = strstr(text, "\nUid:\t"), *gid = strstr(text, "\nGid:\t");
	const char *groups = strstr(text, "\nGroups:\t"), *caps = strstr(text, "\nCapEff:\t");
	unsigned long long capabilities;

	if (!uid || !gid || !groups || !caps || sscanf(uid, "\nUid:\t%*u\t%*u\t%*u\t%u", &out->uid) != 1 ||
	    sscanf(gid, "\nGid:\t%*u\t%*u\t%*u\t%u", &out->gid) != 1 ||
	    sscanf(caps, "\nCapEff:\t%llx", &capabilities) != 1)
		return -EPROTO;
	out->capabilities = capabilities;
	return parse_groups(groups + strlen("\nGroups:\t"), out);
}

static int identity_read(const char *task, struct identity *out)
{
	char path[64], *text = malloc(STATUS_MAX);
	int err = text ? 0 : -ENOMEM;

	snprintf(path, sizeof(path), "/proc/%s/status", task);
	if (!err)
		err = read_whole(path, text, STATUS_MAX);
	if (!err)
		err = parse_status(text, out);
	free(text);
	snprintf(path, sizeof(path), "/proc/%s/cgroup", task);
	return err ? err : read_whole(path, out->cgroup, sizeof(out->cgroup));
}

static int identities_read(pid_t tid, struct identity **program, struct identity **self)
{
	struct identity *both = calloc(2, sizeof(*both));
	char task[16];
	int err = both ? 0 : -ENOMEM;

	snprintf(task, sizeof(task), "%d", (int)tid);
	if (!err)
		err = identity_read(task, &both[0]);
	if (!err)
		err = identity_read("thread-self", &both[1]);
	if (err) {
		free(both);
		return err;
	}
	*program = &both[0];
	*self = &both[1];
	return 0;
}

bool target_has_all_capabilities(pid_t tid)
{
	struct identity *program, *self;
	bool has;

	if (identities_read(tid, &program, &self))
		return false;
	has = !(self->capabilities & ~program->capabilities);
	free(program);
	return has;
}

static bool same_credentials(const struct identity *a, const struct identity *b)
{
	return a->uid == b->uid && a->gid == b->gid && a->capabilities == b->capabilities &&
	       a->group_count == b->group_count && !memcmp(a->groups, b->groups, a->group_count * sizeof(a->groups[0]));
}

/* ---- opening with other credentials ---- */

/* Opens its folder in the unified hierarchy. -EPERM: it is not visible, or a v1 hierarchy may restrict devices. */
static int cgroup_open(const struct identity *program, int *out_fd)
{
	static const char *const roots[] = { "/sys/fs/cgroup", "/sys/fs/cgroup/unified" };
	const char *line = program->cgroup;
	char path[PATH_MAX + 64];
	size_t len = strcspn(line, "\n");

	if (strncmp(line, "0::/", 4) || line[len + 1])
		return -EPERM;
	for (size_t i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		snprintf(path, sizeof(path), "%s%.*s/cgroup.procs", roots[i], (int)(len - 3), line + 3);
		if (access(path, F_OK))
			continue;
		*strrchr(path, '/') = '\0';
		*out_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		return *out_fd < 0 ? -EPERM : 0;
	}
	return -EPERM;
}

/* In a child of a process with threads: bare system calls only, as glibc would change the ids of all threads. */
static int become(const struct identity *program)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	for (int half = 0; half < 2; half++)
		data[half] = (struct __user_cap_data_struct){
			.effective = (uint32_t)(program->capabilities >> 32 * half),
			.permitted = (uint32_t)(program->capabilities >> 32 * half),
		};
	if (syscall(SYS_setgroups, program->group_count, program->groups) ||
	    syscall(SYS_setresgid, program->gid, program->gid, program->gid) ||
	    syscall(SYS_setresuid, program->uid, program->uid, program->uid))
		return errno;
	/* a user other than root has no capabilities left */
	return program->uid == 0 && syscall(SYS_capset, &header, data) ? errno : 0;
}

static _Noreturn void open_in_child(const struct identity *program, const char *path, int flags, int into)
{
	int err = become(program), fd = -1;

	if (!err) {
		fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags);
		err = fd < 0 ? errno : 0;
	}
	if (!err && syscall(SYS_dup3, fd, into, O_CLOEXEC) < 0)
		err = errno;
	if (fd >= 0)
		syscall(SYS_close, fd); /* the table is shared with the supervisor */
	syscall(SYS_exit_group, err > 255 ? EPERM : err);
	__builtin_unreachable();
}

static int await_child(int pidfd)
{
	siginfo_t info = { 0 };

	while (waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED | __WALL))
		if (errno != EINTR)
			return -errno;
	return info.si_code == CLD_EXITED ? -info.si_status : -EPERM;
}

/* The child sends no signal at its end, so that no other part of the process waits for it. */
static int open_by_child(const struct identity *program, int cgroup, const char *path, int flags, int into)
{
	int pidfd = -1, err;
	struct clone_args args = { .flags = CLONE_FILES | CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd };
	long child;

	if (cgroup >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)cgroup;
	}
	child = syscall(SYS_clone3, &args, sizeof(args));
	if (child == 0)
		open_in_child(program, path, flags, into);
	if (child < 0)
		return errno == ENOMEM || errno == EAGAIN ? -errno : -EPERM;
	err = await_child(pidfd);
	close(pidfd);
	return err;
}

/* A capability that the supervisor lacks cannot be gained: a file that needs it is not opened. */
static int open_as(struct identity *program, const struct identity *self, const char *path, int flags, int *out_fd)
{
	bool same_cgroup = !strcmp(program->cgroup, self->cgroup);
	int cgroup = -1, into, err = 0;

	if (same_cgroup && same_credentials(program, self)) {
		*out_fd = open(path, flags);
		return *out_fd < 0 ? -errno : 0;
	}
	program->capabilities &= self->capabilities;
	if (!same_cgroup)
		err = cgroup_open(program, &cgroup);
	if (err)
		return err;
	into = open("/", O_PATH | O_CLOEXEC);
	err = into < 0 ? -errno : open_by_child(program, cgroup, path, flags, into);
	if (cgroup >= 0)
		close(cgroup);
	if (!err)
		*out_fd = into;
	else if (into >= 0)
		close(into);
	return err;
}

static int open_for(const struct target *target, bool in_its_cgroup, int path_fd, int flags, int *out_fd)
{
	struct identity *program, *self;
	char path[32];
	int err = identities_read(target->tid, &program, &self);

	if (err)
		return err;
	if (!in_its_cgroup)
		memcpy(program->cgroup, self->cgroup, sizeof(program->cgroup));
	snprintf(path, sizeof(path), "/proc/self/fd/%d", path_fd);
	err = open_as(program, self, path, flags, out_fd);
	free(program);
	return err;
}

int place_open_as(const struct target *target, int path_fd, int flags, int *out_fd)
{
	return open_for(target, true, path_fd, flags, out_fd);
}

int place_open_given(const struct target *target, int path_fd, int flags, int *out_fd)
{
	return open_for(target, false, path_fd, flags, out_fd);
}
