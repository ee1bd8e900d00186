// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Three processes: the front, which whoever started us knows; the supervisor, its child; the command, the supervisor's.
 *
 * The supervisor is an ancestor of all that the command starts (and their reaper, where parents end), because Yama lets
 * only ancestors look into processes. It is not the front itself: that one stops when the command is stopped, and the
 * supervisor serves others then. The command is in the front's process group, so that the terminal sends it what it
 * would send without us; the supervisor is not.
 */
#include "supervise.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "commands.h"
#include "messages/protocol.h"
#include "process/process.h"
#include "process/spawn.h"
#include "process/status.h"
#include "supervisor/supervisor.h"
#include "util/fd_socket.h"

/* What the supervisor tells the front: of the command. */
struct news {
	pid_t pid;
	int status; /* of wait(2), when it has ended; with has_status */
	bool has_status;
};

struct setting {
	const char *program;
	char **argv;
	struct supervisor_options options;
	int keep;
	pid_t front, group;
	bool job_control; /* somebody sees that the front stops, and wakes it */
	int to_front;     /* the supervisor's end */
	sigset_t signals; /* as they were blocked when we were started */
};

/* The command's readers and writers wait for the end of its streams. There may be no /dev/null, as in a chroot. */
static void leave_standard_streams(int last)
{
	if (spawn_silence(last))
		for (int fd = STDIN_FILENO; fd <= last; fd++)
			close(fd);
}

static _Noreturn void die(const char *what, int err)
{
	fprintf(stderr, "rdmasec: %s: %s\n", what, strerror(-err));
	_exit(EXIT_CANNOT_RUN);
}

/* ---- the command ---- */

static int lock_in(void)
{
	int listener, err = supervisor_landlock_install();

	if (err == -EPERM) {
		/* without privilege there is no way back to any: setuid programs below stay what they are */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			return -errno;
		err = supervisor_landlock_install();
	}
	if (err == -EOPNOTSUPP)
		fprintf(stderr, "rdmasec: this kernel has no Landlock, so a hostile program may win a race for a "
				"device's node: see rdmasec(1)\n");
	else if (err)
		return err;
	listener = supervisor_filter_install();
	if (listener != -EACCES)
		return listener;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return supervisor_filter_install();
}

/* Exactly as it would start without us, but for what it may do. */
static _Noreturn void be_command(const struct setting *setting, int to_supervisor)
{
	int listener, err;
	char word;

	setpgid(0, setting->group);
	listener = lock_in();
	if (listener == -EBUSY)
		die("a supervisor cannot be put below another one (seccomp allows one notifier)", listener);
	if (listener < 0)
		die("the command cannot be supervised", listener);
	err = wire_send(to_supervisor, "", 1, listener);
	if (err < 0)
		die("its supervisor cannot be reached", err);
	close(listener);
	/* it says why, if not */
	if (read(to_supervisor, &word, 1) != 1)
		_exit(EXIT_CANNOT_RUN);
	sigprocmask(SIG_SETMASK, &setting->signals, NULL);
	execv(setting->program, setting->argv);
	die(setting->program, -errno);
}

/* ---- the supervisor ---- */

static void say(const char *line, void *arg)
{
	(void)arg;
	dprintf(STDERR_FILENO, "%s\n", line);
}

struct serving {
	const struct supervisor_options *options;
	int listener, over;
};

static void *serve(void *arg)
{
	const struct serving *serving = arg;
	int err = supervisor_serve(serving->listener, serving->options);

	if (err)
		dprintf(STDERR_FILENO, "rdmasec: the supervisor has failed, and all verbs of the program with it: %s\n",
			strerror(-err));
	close(serving->over);
	return NULL;
}

static void tell_front(const struct setting *setting, pid_t command, const int *status)
{
	const struct news news = { .pid = command, .status = status ? *status : 0, .has_status = status };

	/* a front that has gone hears nothing */
	if (send(setting->to_front, &news, sizeof(news), MSG_NOSIGNAL) < 0)
		return;
}

/*
 * It has all signals blocked; these two work all the same. It does not stop itself on being told to: it might do so
 * when the command goes on already, and nobody would wake it.
 */
static void signal_front(const struct setting *setting, int sig)
{
	if (getppid() == setting->front)
		kill(setting->front, sig);
}

static void pass_status_on(const struct setting *setting, pid_t command, int status)
{
	if (WIFSTOPPED(status)) {
		if (setting->job_control)
			signal_front(setting, SIGSTOP);
		return;
	}
	if (!WIFCONTINUED(status))
		tell_front(setting, command, &status);
	/* one that is stopped cannot end either */
	signal_front(setting, SIGCONT);
}

/* Children of ours: the command, and what its descendants have left behind. */
static void reap(const struct setting *setting, pid_t *command)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (pid != *command)
			continue;
		pass_status_on(setting, *command, status);
		if (WIFEXITED(status) || WIFSIGNALED(status))
			*command = -1;
	}
}

static int children_fd(void)
{
	sigset_t child;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	return signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Until nobody is left to be served. `over`: whose other end closes then. */
static void look_after(const struct setting *setting, pid_t command, int over)
{
	struct pollfd fds[3] = { { .fd = over, .events = POLLIN },
				 { .fd = children_fd(), .events = POLLIN },
				 { .fd = setting->to_front, .events = POLLIN } };
	struct signalfd_siginfo info;

	for (;;) {
		reap(setting, &command);
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			return;
		while (read(fds[1].fd, &info, sizeof(info)) > 0)
			;
		/* killed: as whoever did it would have killed the command */
		if (fds[2].revents) {
			if (command > 0)
				kill(command, SIGKILL);
			fds[2].fd = -1;
		}
		if (fds[0].revents) {
			reap(setting, &command);
			/* it may have no filter any more only because it is no more */
			if (command <= 0)
				return;
			fds[0].fd = -1;
		}
		if (fds[0].fd < 0 && command <= 0)
			return;
	}
}

static int receive_listener(int from_command)
{
	int fd = -1, got;
	char byte;

	got = wire_receive(from_command, &byte, 1, &fd);
	return got == 1 && fd >= 0 ? fd : -EPROTO;
}

/* Of one whose fds may not be taken every verbs call would be refused: better not to begin. 0 or -errno. */
static int may_look_into(pid_t command)
{
	int pidfd = pidfd_open(command, 0);
	int fd = pidfd < 0 ? -1 : pidfd_getfd(pidfd, STDIN_FILENO, 0);
	int err = fd < 0 && errno != EBADF ? -errno : 0;

	if (fd >= 0)
		fd_let_go(fd);
	if (pidfd >= 0)
		close(pidfd);
	return err;
}

/* The command waits for a word before it executes; without one, it ends. 0 or -errno, which has been told. */
static int let_begin(pid_t command, int to_command)
{
	int err = may_look_into(command);

	if (err) {
		fprintf(stderr,
			"rdmasec: the command cannot be supervised: its supervisor may not look into it: %s "
			"(kernel.yama.ptrace_scope?)\n",
			strerror(-err));
		return err;
	}
	return send(to_command, "", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void be_nobodys(void)
{
	setpgid(0, 0);
	/* also what the terminal sent before this */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, PROCESS_SUPERVISOR_NAME);
	prctl(PR_SET_DUMPABLE, 0);
}

static _Noreturn void be_supervisor(struct setting *setting)
{
	struct serving serving = { .options = &setting->options };
	int sockets[2], over[2], status;
	pthread_t thread;
	sigset_t usual;
	pid_t command;
	bool unfit;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) || pipe2(over, O_CLOEXEC))
		die("the supervisor cannot be started", -errno);
	command = fork();
	if (command < 0)
		die("the command cannot be started", -errno);
	if (command == 0) {
		close(sockets[0]); /* else it would itself keep open what it waits for the end of */
		be_command(setting, sockets[1]);
	}
	close(sockets[1]);
	be_nobodys();
	tell_front(setting, command, NULL);
	serving.listener = receive_listener(sockets[0]);
	unfit = serving.listener < 0 || let_begin(command, sockets[0]);
	close(sockets[0]);
	if (unfit) {
		while (waitpid(command, &status, 0) < 0 && errno == EINTR)
			;
		tell_front(setting, command, &status);
		_exit(0);
	}
	serving.over = over[1];
	leave_standard_streams(STDOUT_FILENO);
	spawn_close_all_but((int[]){ setting->to_front, serving.listener, over[0], over[1], setting->keep }, 5);
	/* all but its children's end is as usual for it; that is asked for */
	sigemptyset(&usual);
	sigaddset(&usual, SIGCHLD);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	if (pthread_create(&thread, NULL, serve, &serving))
		_exit(EXIT_CANNOT_RUN); /* and with it the listener: ENOSYS */
	look_after(setting, command, over[0]);
	_exit(0);
}

/* ---- the front ---- */

/* Is the process a descendant of `top`? */
static bool is_below(pid_t pid, pid_t top)
{
	uint64_t parent;

	for (int depth = 0; pid > 1 && depth < 64; depth++) {
		if (pid == top)
			return true;
		if (process_status_numbers(pid, "PPid", 10, &parent, 1))
			return false;
		pid = (pid_t)parent;
	}
	return false;
}

/*
 * The terminal sends what it sends to the whole group, and so to the command too; somebody who knows our number sends
 * it to us alone.
 */
static void pass_on(const struct signalfd_siginfo *info, pid_t supervisor, pid_t command)
{
	int sig = (int)info->ssi_signo;
	bool from_kernel = info->ssi_code > 0;

	/* the supervisor's is for us: the command may have been stopped again since */
	if (sig == SIGCHLD || command <= 0 || (sig == SIGCONT && (pid_t)info->ssi_pid == supervisor))
		return;
	if (sig == SIGCONT || (sig == SIGHUP && from_kernel && getsid(0) == getpid()))
		kill(command, sig);
	else if (!from_kernel && !is_below((pid_t)info->ssi_pid, supervisor))
		kill(command, sig);
}

static _Noreturn void end_like(int status)
{
	const struct rlimit none = { 0, 0 };
	sigset_t all;

	if (WIFSIGNALED(status)) {
		/* one core dump is enough */
		setrlimit(RLIMIT_CORE, &none);
		signal(WTERMSIG(status), SIG_DFL);
		sigemptyset(&all);
		sigaddset(&all, WTERMSIG(status));
		raise(WTERMSIG(status));
		sigprocmask(SIG_UNBLOCK, &all, NULL);
		_exit(128 + WTERMSIG(status));
	}
	_exit(WEXITSTATUS(status));
}

/* The supervisor is no more: the command has become our child (we are a subreaper too). */
static void wait_ourselves(pid_t command, bool job_control)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		if (pid == command && !WIFSTOPPED(status))
			end_like(status);
		else if (pid == command && job_control)
			raise(SIGSTOP);
	if (pid < 0 && errno == ECHILD)
		_exit(EXIT_CANNOT_RUN);
}

static void hear(int from_supervisor, pid_t *command, bool *deaf)
{
	struct news news;
	ssize_t got = recv(from_supervisor, &news, sizeof(news), 0);

	if (got < 0 && errno == EINTR)
		return;
	if (got != sizeof(news)) {
		*deaf = true;
		return;
	}
	*command = news.pid;
	if (news.has_status)
		end_like(news.status);
}

/*
 * A shell with job control is of our session and not of our group. Where nobody is, the group may be orphaned when the
 * command ends, and if the front were stopped then, the kernel would hang up on all the group.
 */
static bool has_job_control(void)
{
	pid_t parent = getppid();

	return getsid(parent) == getsid(0) && getpgid(parent) != getpgrp();
}

static _Noreturn void be_front(pid_t supervisor, int from_supervisor, bool job_control)
{
	struct pollfd fds[2] = { { .fd = from_supervisor, .events = POLLIN }, { .events = POLLIN } };
	struct signalfd_siginfo info;
	pid_t command = -1;
	bool deaf = false;
	sigset_t all;

	leave_standard_streams(STDERR_FILENO);
	spawn_close_all_but(&from_supervisor, 1);
	prctl(PR_SET_DUMPABLE, 0);
	sigfillset(&all);
	fds[1].fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[1].fd < 0)
		_exit(EXIT_CANNOT_RUN);
	for (;;) {
		if (deaf)
			wait_ourselves(command, job_control);
		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			_exit(EXIT_CANNOT_RUN);
		while (read(fds[1].fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			pass_on(&info, supervisor, command);
		if (!deaf && fds[0].revents)
			hear(from_supervisor, &command, &deaf);
		if (deaf)
			fds[0].fd = -1;
	}
}

int supervise(const char *program, char **argv, const char *engine, int keep)
{
	struct setting setting = { .program = program,
				   .argv = argv,
				   .keep = keep,
				   .front = getpid(),
				   .group = getpgrp(),
				   .job_control = has_job_control(),
				   .options = { .say = say } };
	int sockets[2], err = wire_address(engine, &setting.options.engine, &setting.options.engine_len);
	pid_t supervisor;
	sigset_t all;

	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		err = -errno;
	if (err) {
		fprintf(stderr, "rdmasec: the supervisor cannot be started: %s\n", strerror(-err));
		return EXIT_CANNOT_RUN;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &setting.signals);
	supervisor = fork();
	if (supervisor < 0) {
		fprintf(stderr, "rdmasec: the supervisor cannot be started: %s\n", strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (supervisor == 0) {
		close(sockets[0]);
		setting.to_front = sockets[1];
		be_supervisor(&setting);
	}
	close(sockets[1]);
	be_front(supervisor, sockets[0], setting.job_control);
}
