// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Opens files with the ids, capabilities and cgroup of a program. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "place.h"
#include "util/small_file.h"

enum { STATUS_MAX = 1 << 16, CGROUP_MAX = 4096, GROUPS_MAX = 4096 };

/* ---- credentials ---- */

/* The credentials of a thread, as /proc shows them in this user namespace. */
struct identity {
	uid_t uid; /* of files */
	uid_t effective_uid;
	gid_t gid;
	gid_t groups[GROUPS_MAX];
	size_t group_count;
	/*
	 * Effective, in the supervisor's user namespace. A thread of another one has none here: its CapEff, full after
	 * unshare(CLONE_NEWUSER), counts only there and below (cap_capable() in security/commoncap.c).
	 */
	uint64_t capabilities;
	bool same_userns;
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

	if (!uid || !gid || !groups || !caps ||
	    sscanf(uid, "\nUid:\t%*u\t%u\t%*u\t%u", &out->effective_uid, &out->uid) != 2 ||
	    sscanf(gid, "\nGid:\t%*u\t%*u\t%*u\t%u", &out->gid) != 1 ||
	    sscanf(caps, "\nCapEff:\t%llx", &capabilities) != 1)
		return -EPROTO;
	out->capabilities = capabilities;
	return parse_groups(groups + strlen("\nGroups:\t"), out);
}

/* Is the thread in the user namespace of this process? An unknown namespace is another one. */
static bool in_own_userns(const char *task)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%s/ns/user", task);
	return !stat(path, &other) && !stat("/proc/self/ns/user", &own) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
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
	out->same_userns = in_own_userns(task);
	if (!out->same_userns)
		out->capabilities = 0;
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

/* Those that the kernel asks for in a verbs command (callers of capable() and ns_capable() in drivers/infiniband). */
static const uint64_t verbs_capabilities = UINT64_C(1) << CAP_NET_RAW | UINT64_C(1) << CAP_NET_ADMIN |
					   UINT64_C(1) << CAP_SYS_RAWIO | UINT64_C(1) << CAP_SYS_ADMIN;

/*
 * The owner of a user namespace has all capabilities in it, whatever its effective ones are (cap_capable()). So a
 * supervisor can have a capability over a device's namespace that its own set does not show; a program of the same
 * user has it too.
 */
static bool has_rights_of(const struct identity *program, const struct identity *self)
{
	return program->same_userns && !(self->capabilities & ~program->capabilities) &&
	       (program->effective_uid == self->effective_uid || !(verbs_capabilities & ~program->capabilities));
}

bool target_has_all_capabilities(pid_t tid)
{
	struct identity *program, *self;
	bool has;

	if (identities_read(tid, &program, &self))
		return false;
	has = has_rights_of(program, self);
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

/* What the child does: it opens one file. */
struct opening {
	int (*open_it)(const void *arg); /* returns an fd or -errno */
	const void *arg;
	int into; /* the fd's number, in the table that the child shares */
};

static _Noreturn void open_in_child(const struct identity *program, const struct opening *opening)
{
	int err = become(program), fd = -1;

	if (!err) {
		fd = opening->open_it(opening->arg);
		err = fd < 0 ? -fd : 0;
	}
	if (!err && syscall(SYS_dup3, fd, opening->into, O_CLOEXEC) < 0)
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
static int open_by_child(const struct identity *program, int cgroup, const struct opening *opening)
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
		open_in_child(program, opening);
	if (child < 0)
		return errno == ENOMEM || errno == EAGAIN ? -errno : -EPERM;
	err = await_child(pidfd);
	close(pidfd);
	return err;
}

/* Opens in a child, `cgroup` -1: in the cgroup of this process. Returns an fd or -errno. */
static int open_elsewhere(const struct identity *program, int cgroup, int (*open_it)(const void *arg), const void *arg)
{
	struct opening opening = { .open_it = open_it, .arg = arg, .into = open("/", O_PATH | O_CLOEXEC) };
	int err = opening.into < 0 ? -errno : open_by_child(program, cgroup, &opening);

	if (err && opening.into >= 0)
		close(opening.into);
	return err ? err : opening.into;
}

struct node {
	const char *path;
	int flags;
};

static int open_node(const void *arg)
{
	const struct node *node = arg;
	int fd = (int)syscall(SYS_openat, AT_FDCWD, node->path, node->flags);

	return fd < 0 ? -errno : fd;
}

/* A capability that the supervisor lacks cannot be gained: a file that needs it is not opened. */
static int open_as(struct identity *program, const struct identity *self, const struct node *node, int *out_fd)
{
	bool same_cgroup = !strcmp(program->cgroup, self->cgroup);
	int cgroup = -1, fd = 0;

	if (same_cgroup && same_credentials(program, self)) {
		fd = open_node(node);
	} else {
		program->capabilities &= self->capabilities;
		if (!same_cgroup)
			fd = cgroup_open(program, &cgroup);
		if (!fd)
			fd = open_elsewhere(program, cgroup, open_node, node);
		if (cgroup >= 0)
			close(cgroup);
	}
	if (fd < 0)
		return fd;
	*out_fd = fd;
	return 0;
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
	err = open_as(program, self, &(struct node){ .path = path, .flags = flags }, out_fd);
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

int place_do_as(const struct target *target, int (*open_it)(const void *arg), const void *arg)
{
	struct identity *program, *self;
	int fd = identities_read(target->tid, &program, &self);

	if (fd)
		return fd;
	if (same_credentials(program, self)) {
		fd = -EACCES;
	} else {
		program->capabilities &= self->capabilities;
		fd = open_elsewhere(program, -1, open_it, arg);
	}
	free(program);
	return fd;
}
