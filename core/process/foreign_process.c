// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The spawner, and the helpers that it forks. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "process/confine.h"
#include "process/foreign_private.h"
#include "process/spawn.h"
#include "util/clock.h"

enum { SOCKET_FD = 3, LATER_MAX = 256, OBSTACLES_PER_PROCESS = 2 };

/* In addition to confine_common. None starts a program, opens a file for writing or leaves the host. */
static const struct confine_rule own[] = {
	CONFINE_ALLOW(clone),
	CONFINE_ALLOW(set_robust_list),
	CONFINE_ALLOW(rseq),
	CONFINE_ALLOW(set_tid_address),
	CONFINE_ALLOW(prctl),
	CONFINE_ALLOW(getppid),
	CONFINE_ALLOW(dup2),
	CONFINE_ALLOW(dup3),
	CONFINE_ALLOW(close_range),
	CONFINE_ALLOW_IF(socketpair, 1, CONFINE_INT(0, AF_UNIX)),
	CONFINE_ALLOW_IF(openat, 1, CONFINE_BITS(2, O_ACCMODE | O_CREAT | O_TRUNC, O_RDONLY)),
};

struct helper {
	const char *sysfs;
	struct foreign_slot *slot;
};

/* ---- a helper ---- */

static void reply_to(const struct foreign_reply *reply, int fd)
{
	if (foreign_send(SOCKET_FD, reply, sizeof(*reply), &fd, fd >= 0, 0) < 0)
		_exit(0);
}

/* The reply first: the close may last. */
static void finish(struct foreign_reply *reply, int fd, struct foreign_leftovers *left)
{
	reply->kind = FOREIGN_REPLY;
	reply->closes = left->count > 0;
	reply_to(reply, fd);
	if (fd >= 0)
		close(fd);
	if (!reply->closes)
		return;
	foreign_close_leftovers(left);
	reply_to(&(struct foreign_reply){ .kind = FOREIGN_CLOSED }, -1);
}

/* Returns 0 or -errno of process_describe(). */
static int describe(pid_t pid, struct foreign_reply *reply)
{
	int err;

	reply->facts = (struct process){ .pid = pid, .pidfd = -1 };
	err = process_describe(&reply->facts);
	reply->is_described = !err;
	return err;
}

static void serve_take(const struct helper *helper, const struct foreign_request *request, int pidfd)
{
	const struct process process = { .pid = request->pid, .pidfd = pidfd };
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_file file = { .fd = -1 };
	struct foreign_reply reply = { 0 };

	reply.err = foreign_take_here(helper->sysfs, &process, request->thread, request->number, (dev_t)request->rdev,
				      &file, &left);
	reply.rdev = file.rdev;
	reply.thread = file.thread;
	finish(&reply, reply.err ? -1 : file.fd, &left);
}

static void serve_receive(const struct helper *helper, const struct foreign_request *request, int socket, int pidfd)
{
	const struct process process = { .pid = request->pid, .pidfd = pidfd };
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_file file = { .fd = -1 };
	struct foreign_reply reply = { 0 };

	reply.err = describe(request->pid, &reply);
	if (!reply.err)
		reply.err = foreign_receive_here(helper->sysfs, socket, &process, request->number, &file, &left);
	reply.rdev = file.rdev;
	reply.thread = file.thread;
	reply.same_err = file.same_err;
	finish(&reply, reply.err ? -1 : file.fd, &left);
}

/* `fd` -1: the place is in the request. */
static void serve_same(const struct helper *helper, const struct foreign_request *request, int fd)
{
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_reply reply = { 0 };
	size_t index = 0;

	reply.err = foreign_same_here(fd < 0 ? request->thread : getpid(), fd < 0 ? request->number : fd,
				      request->places, request->count, helper->slot, &index);
	reply.index = (uint32_t)index;
	finish(&reply, -1, &left);
}

static void serve_describe(const struct foreign_request *request)
{
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_reply reply = { 0 };

	reply.err = describe(request->pid, &reply);
	finish(&reply, -1, &left);
}

static void serve_netns(const struct foreign_request *request)
{
	const struct process process = { .pid = request->pid, .pidfd = -1 };
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_reply reply = { 0 };
	int fd = -1;

	reply.err = process_open_netns(&process, &fd);
	finish(&reply, reply.err ? -1 : fd, &left);
}

static void serve_find(const struct helper *helper, const struct foreign_request *request)
{
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_reply reply = { 0 };
	struct process process;

	reply.err = process_find_by_environment(helper->slot->variable, request->pid, &process);
	if (!reply.err) {
		reply.pid = process.pid;
		process_close(&process);
	}
	finish(&reply, -1, &left);
}

/* ---- a scan ---- */

struct scan {
	const struct helper *helper;
	const struct foreign_request *request;
	pid_t pid; /* the process that is being inspected, since */
	int64_t since_ms;
	pid_t later[LATER_MAX]; /* those that take longer than their share: after all others */
	size_t later_count;
	bool is_later;
	bool is_stopped; /* by the engine */
	struct {
		pid_t pid;
		bool known;
	} guarded; /* whether the last process that was asked for is */
};

/* In tables of threads a process has a number several times: those are visited again, except at the obstacle. */
static bool is_done(const struct foreign_request *request, pid_t pid, pid_t thread, int number)
{
	if (pid != request->pid)
		return pid < request->pid;
	if (request->number == INT32_MAX)
		return true;
	return !thread && number >= 0 && (request->thread || number <= request->number);
}

/* A descriptor that stopped a helper stops the next one; a process with several is left alone. */
static bool is_obstacle(const struct foreign_request *request, const struct process *process, pid_t thread, int number)
{
	unsigned of_process = 0;

	for (uint32_t i = 0; i < request->count; i++) {
		const struct foreign_obstacle *o = &request->obstacles[i];

		if (o->pid != process->pid || o->start_time != process->start_time)
			continue;
		of_process++;
		if (o->thread == thread && o->number == number)
			return true;
	}
	return of_process >= OBSTACLES_PER_PROCESS;
}

static bool is_listed(const struct scan *scan, pid_t pid)
{
	for (size_t i = 0; i < scan->later_count; i++)
		if (scan->later[i] == pid)
			return true;
	return false;
}

static bool has_time(struct scan *scan, pid_t pid)
{
	if (scan->pid != pid) {
		scan->pid = pid;
		scan->since_ms = clock_ms();
	}
	if (scan->is_later)
		return is_listed(scan, pid);
	if (clock_ms() - scan->since_ms <= FOREIGN_SEARCH_MS || scan->later_count == LATER_MAX)
		return true;
	if (!is_listed(scan, pid))
		scan->later[scan->later_count++] = pid;
	return false;
}

static bool visits_table(void *context, const struct process *process, pid_t thread, int number)
{
	struct scan *scan = context;
	struct foreign_slot *slot = scan->helper->slot;

	if ((!scan->is_later && is_done(scan->request, process->pid, thread, number)) ||
	    !has_time(scan, process->pid) || is_obstacle(scan->request, process, thread, number))
		return false;
	atomic_store(&slot->account, process->account);
	atomic_store(&slot->start_time, process->start_time);
	atomic_store(&slot->thread, thread);
	atomic_store(&slot->number, number);
	atomic_store(&slot->pid, process->pid);
	atomic_fetch_add(&slot->step, 1);
	return true;
}

static bool visits(void *context, const struct process *process, int number)
{
	return visits_table(context, process, 0, number);
}

/* A scan that is not of everything has found that out already. */
static bool shows_guarded(struct scan *scan, pid_t pid)
{
	if (scan->request->what != FOREIGN_SCAN || !scan->request->is_everything)
		return scan->request->what == FOREIGN_SCAN;
	if (scan->guarded.pid != pid) {
		scan->guarded.pid = pid;
		if (process_is_guarded(pid, &scan->guarded.known))
			scan->guarded.known = false;
	}
	return scan->guarded.known;
}

/* Sends what was found, and waits: one at a time, for a file in a message keeps the kernel's objects alive. */
static int pass_found(struct scan *scan, const struct foreign_reply *reply, int fd)
{
	struct foreign_request answer;
	size_t none = 0;

	reply_to(reply, fd);
	if (foreign_receive_message(SOCKET_FD, &answer, sizeof(answer), NULL, &none, 0) <= 0)
		_exit(0);
	atomic_fetch_add(&scan->helper->slot->step, 1);
	scan->is_stopped = answer.what == FOREIGN_STOP;
	return scan->is_stopped;
}

static int found_in_table(void *context, const struct process *process, pid_t thread, int number, int fd, dev_t rdev)
{
	struct scan *scan = context;
	const struct foreign_reply reply = { .kind = FOREIGN_FOUND,
					     .rdev = rdev,
					     .start_time = process->start_time,
					     .pid = process->pid,
					     .thread = thread,
					     .number = number,
					     .is_guarded = shows_guarded(scan, process->pid) };

	return pass_found(scan, &reply, fd);
}

static int found(void *context, const struct process *process, int number, int fd, dev_t rdev)
{
	return found_in_table(context, process, 0, number, fd, rdev);
}

static int scan_once(struct scan *scan)
{
	dev_t devices[FOREIGN_DEVICES_MAX];
	const struct process_search search = { .sysfs = scan->helper->sysfs,
					       .devices = devices,
					       .device_count = scan->request->device_count,
					       .visits = visits_table,
					       .found = found_in_table,
					       .context = scan };

	if (!scan->request->is_everything)
		return process_scan(scan->helper->sysfs, visits, found, scan);
	for (size_t i = 0; i < FOREIGN_DEVICES_MAX; i++)
		devices[i] = (dev_t)scan->request->devices[i];
	return process_search_all(&search);
}

static void serve_scan(const struct helper *helper, const struct foreign_request *request)
{
	struct scan scan = { .helper = helper, .request = request };
	struct foreign_reply reply = { .kind = FOREIGN_END };

	reply.err = scan_once(&scan);
	scan.is_later = true;
	if (scan.later_count && !reply.err)
		reply.err = scan_once(&scan);
	reply_to(&reply, -1);
}

/* Of one process, whose share of the time is all that there is. */
static void serve_search(const struct helper *helper, const struct foreign_request *request, int pidfd)
{
	const struct process process = { .pid = request->pid, .pidfd = pidfd, .account = request->account };
	const dev_t device = (dev_t)request->rdev;
	struct scan scan = { .helper = helper, .request = request, .pid = request->pid, .since_ms = clock_ms() };
	const struct process_search search = {
		.devices = &device, .device_count = 1, .visits = visits_table, .found = found_in_table, .context = &scan
	};
	struct foreign_reply reply = { .kind = FOREIGN_END };

	reply.err = process_search_fds(&search, &process);
	if (scan.is_stopped)
		reply.err = 0;
	else if (!reply.err && scan.later_count)
		reply.err = -ETIMEDOUT;
	reply_to(&reply, -1);
}

/* ---- both ---- */

/* The kernel resets the peer of a socket that is closed with unread messages, and the peer would lose its answer. */
static void read_out(int socket)
{
	enum { MESSAGES_MAX = 4096 };

	for (int i = 0; i < MESSAGES_MAX; i++)
		if (recv(socket, NULL, 0, MSG_DONTWAIT) < 0)
			return;
}

static void serve(const struct helper *helper, const struct foreign_request *request, const int *fds, size_t count)
{
	atomic_store(&helper->slot->account, request->account);
	if (request->what == FOREIGN_TAKE && count == 1)
		serve_take(helper, request, fds[0]);
	else if (request->what == FOREIGN_RECEIVE && count == 2)
		serve_receive(helper, request, fds[0], fds[1]);
	else if (request->what == FOREIGN_SAME)
		serve_same(helper, request, count ? fds[0] : -1);
	else if (request->what == FOREIGN_DESCRIBE)
		serve_describe(request);
	else if (request->what == FOREIGN_NETNS)
		serve_netns(request);
	else if (request->what == FOREIGN_FIND)
		serve_find(helper, request);
	else if (request->what == FOREIGN_SCAN)
		serve_scan(helper, request);
	else if (request->what == FOREIGN_SEARCH && count == 1)
		serve_search(helper, request, fds[0]);
	else if (request->what == FOREIGN_CLOSE_SOCKET && count == 1)
		read_out(fds[0]);
	if (request->what == FOREIGN_HOLD)
		return; /* closed with this process */
	/* the engine's sockets, pidfds and uverbs files: none lingers (fd_let_go()) */
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
	if (request->what == FOREIGN_CLOSE_SOCKET)
		atomic_fetch_add(&helper->slot->closed, 1);
}

/* The spawner ends with the engine, and a helper with the spawner. */
static int detach(int socket, pid_t parent, const char *name)
{
	const int kept[] = { SOCKET_FD };

	prctl(PR_SET_NAME, name);
	if (socket != SOCKET_FD && dup2(socket, SOCKET_FD) < 0)
		return -errno;
	spawn_close_all_but(kept, 1);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		return -errno;
	/* the parent may have ended before */
	return getppid() == parent ? 0 : -ESRCH;
}

static _Noreturn void helper_main(int socket, pid_t parent, const char *sysfs, struct foreign_slot *slot)
{
	const struct helper helper = { sysfs, slot };

	if (detach(socket, parent, "rdmasec-file"))
		_exit(1);
	for (;;) {
		struct foreign_request request;
		int fds[FOREIGN_FDS_MAX];
		size_t count = FOREIGN_FDS_MAX;
		int got = foreign_receive_message(SOCKET_FD, &request, sizeof(request), fds, &count, 0);

		if (got < (int)offsetof(struct foreign_request, places) || request.count > FOREIGN_PLACES_MAX ||
		    request.device_count > FOREIGN_DEVICES_MAX)
			_exit(0);
		serve(&helper, &request, fds, count);
	}
}

static void spawn_next(pid_t self, const char *sysfs, struct foreign_slot *slots)
{
	struct foreign_request request;
	struct foreign_reply reply = { .kind = FOREIGN_REPLY };
	size_t none = 0;
	int pair[2], got = foreign_receive_message(SOCKET_FD, &request, sizeof(request), NULL, &none, 0);

	if (got <= 0 || request.number < 0 || request.number >= FOREIGN_HELPERS_MAX)
		_exit(0);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair)) {
		reply.err = -errno;
		reply_to(&reply, -1);
		return;
	}
	reply.pid = fork();
	if (reply.pid == 0)
		helper_main(pair[1], self, sysfs, &slots[request.number]);
	reply.err = reply.pid < 0 ? -errno : 0;
	close(pair[1]);
	reply_to(&reply, pair[0]);
	close(pair[0]);
}

/*
 * The kernel limits the files in messages of one user by the sender's RLIMIT_NOFILE (too_many_unix_fds() in
 * net/core/scm.c), and other programs of this user send files as well.
 */
static void raise_files(void)
{
	struct rlimit files;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* CAP_SYS_PTRACE as the engine, if it has it: pidfd_getfd(2), kcmp(2) and /proc of other users' processes. */
static int confine(void)
{
	static const int kept[] = { CAP_SYS_PTRACE };
	const struct confine_list lists[] = { CONFINE_LIST(own), confine_common };
	int err;

	raise_files();
	err = confine_to_capabilities(kept, confine_has_capability(kept[0]));

	if (err || CONFINE_UNDER_SANITIZER)
		return err;
	return confine_to_calls(SCMP_ACT_ERRNO(EPERM), lists, 2);
}

static void ignore_signals_to_the_engine(void)
{
	static const int not_ours[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE };

	/* the engine handles signals to the whole group */
	for (size_t i = 0; i < sizeof(not_ours) / sizeof(not_ours[0]); i++)
		signal(not_ours[i], SIG_IGN);
}

/* confine_to_capabilities() does not work here: libcap-ng would not notice that this is another process. */
static int give_up_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	return prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	       syscall(SYS_capset, &header, none);
}

static _Noreturn void keeper_main(pid_t parent)
{
	ignore_signals_to_the_engine();
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || give_up_capabilities() || getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, "rdmasec-keeper"); /* it is ready */
	for (;;)
		pause();
}

/*
 * Messages that were not read have files, and the process that closes the last fd of their socket releases them: an
 * engine that SIGKILL ends would wait for their servers (see foreign.h). It is not the last one as long as this process
 * has the same table of files (CLONE_FILES), and this one has nothing else to do than to wait for them.
 */
pid_t foreign_keeper_start(void)
{
	const pid_t parent = getpid(), pid = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		keeper_main(parent);
	return pid < 0 ? -errno : pid;
}

_Noreturn void foreign_spawner_main(int socket, pid_t parent, const char *sysfs, struct foreign_slot *slots)
{
	ignore_signals_to_the_engine();
	/* the kernel reaps helpers */
	signal(SIGCHLD, SIG_IGN);
	if (detach(socket, parent, "rdmasec-files") || confine())
		_exit(1);
	for (;;)
		spawn_next(getpid(), sysfs, slots);
}
