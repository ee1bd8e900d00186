// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Three processes: the front, which the caller started; the supervisor, its child; the command, a child of the
 * supervisor.
 *
 * The supervisor is an ancestor of all processes that the command starts (and their reaper), because Yama lets only
 * ancestors inspect a process. The front cannot be the supervisor: it stops when the command stops, while the
 * supervisor serves other processes. The command is in the process group of the front, so that it gets the signals of
 * the terminal; the supervisor is not.
 *
 * The supervisor waits for two ends (run_to_completion()):
 *
 * | event                          | action                                          | exits when            |
 * |--------------------------------|-------------------------------------------------|-----------------------|
 * | command stopped or continued   | stops or continues the front                    | -                     |
 * | command ended                  | sends its status to the front                   | the filter is unused  |
 * | filter unused (serve() ended)  | reaps once more                                 | the command has ended |
 * | front killed                   | kills the command                               | -                     |
 * | private engine ended           | kills all descendants: nothing watches their    | -                     |
 * |                                | queue pairs any more                            |                       |
 *
 * The front mirrors the command (become_front()):
 *
 * | event                          | with a supervisor                               | without               |
 * |--------------------------------|-------------------------------------------------|-----------------------|
 * | signal to this process         | forwards it to the command, if it was not meant for the whole group     ||
 * | status from the supervisor     | exits like the command                          | -                     |
 * | supervisor ended               | becomes the reaper of the command               | -                     |
 * | private engine ended           | (the supervisor kills all descendants)          | kills all descendants |
 * | command stopped or ended       | (the supervisor stops or continues this process)| stops or exits itself |
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
#include "descendants.h"
#include "messages/protocol.h"
#include "process/process.h"
#include "process/spawn.h"
#include "supervisor/supervisor.h"
#include "util/fd_socket.h"

/* Sent by the supervisor to the front: the state of the command. */
struct news {
	pid_t pid;
	int status; /* of wait(2), with has_status */
	bool has_status;
};

/* Processes that were started while others were killed. */
enum { KILL_AGAIN_MS = 50 };

struct setting {
	const char *program;
	char **argv;
	struct supervisor_options options;
	int lifeline; /* of a private engine, which has ended when this reports POLLERR; -1: of the system */
	pid_t front, group;
	bool job_control; /* a shell notices when the front stops, and continues it */
	int dumpable;     /* of this process when it was started */
	int to_front;     /* the supervisor's end */
	sigset_t signals; /* blocked when the front was started */
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

static int install_locks(bool *is_locked)
{
	int listener, err = supervisor_landlock_install();

	if (err == -EPERM) {
		/* no_new_privs: setuid programs below it get no privileges */
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
			return -errno;
		err = supervisor_landlock_install();
	}
	if (err == -EOPNOTSUPP)
		fprintf(stderr,
			"rdmasec: this kernel has no Landlock, so a hostile program may win a race for a device node: "
			"see rdmasec(1)\n");
	else if (err)
		return err;
	*is_locked = !err;
	listener = supervisor_filter_install(*is_locked);
	if (listener != -EACCES)
		return listener;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	return supervisor_filter_install(*is_locked);
}

/* The command starts as it would without rdmasec, but restricted. */
static _Noreturn void become_command(const struct setting *setting, int to_supervisor)
{
	bool is_locked = false;
	int listener, err;
	char word;

	setpgid(0, setting->group);
	/* the supervisor inspects this process before its execve(2) */
	prctl(PR_SET_DUMPABLE, setting->dumpable);
	listener = install_locks(&is_locked);
	if (listener == -EBUSY)
		die("cannot supervise a command below another supervisor (seccomp allows one notifier)", listener);
	if (listener < 0)
		die("cannot supervise the command", listener);
	err = wire_send(to_supervisor, &is_locked, sizeof(is_locked), listener);
	if (err < 0)
		die("cannot reach the supervisor", err);
	close(listener);
	/* on failure the supervisor has printed the reason */
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
		dprintf(STDERR_FILENO, "rdmasec: the supervisor failed, so all verbs of the program fail: %s\n",
			strerror(-err));
	close(serving->over);
	return NULL;
}

static void notify_front(const struct setting *setting, pid_t command, const int *status)
{
	const struct news news = { .pid = command, .status = status ? *status : 0, .has_status = status };

	/* the front may have ended */
	if (send(setting->to_front, &news, sizeof(news), MSG_NOSIGNAL) < 0)
		return;
}

/*
 * SIGSTOP and SIGCONT work although the front blocks all signals. A message asking the front to stop itself could come
 * late, when the command runs again, and nothing would continue the front.
 */
static void signal_front(const struct setting *setting, int sig)
{
	if (getppid() == setting->front)
		kill(setting->front, sig);
}

static void forward_status(const struct setting *setting, pid_t command, int status)
{
	if (WIFSTOPPED(status)) {
		if (setting->job_control)
			signal_front(setting, SIGSTOP);
		return;
	}
	if (!WIFCONTINUED(status))
		notify_front(setting, command, &status);
	/* a stopped front could not exit */
	signal_front(setting, SIGCONT);
}

/* Reaps all children: the command, and orphans of its descendants. */
static void reap(const struct setting *setting, pid_t *command)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED)) > 0) {
		if (pid != *command)
			continue;
		forward_status(setting, *command, status);
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

/* Without its engine the queue pairs of the command are not watched. Kills until no process is left. */
static void end_unwatched(struct pollfd *lifeline)
{
	static bool said;

	if (!said)
		say("rdmasec: the private engine has ended, and queue pairs are not watched any more: all processes of "
		    "the command are killed",
		    NULL);
	said = true;
	lifeline->fd = -1;
	descendants_kill();
}

/* Returns when no process is left to serve. `over`: its other end closes when the filter is unused. */
static void run_to_completion(const struct setting *setting, pid_t command, int over)
{
	struct pollfd fds[4] = { { .fd = over, .events = POLLIN },
				 { .fd = children_fd(), .events = POLLIN },
				 { .fd = setting->to_front, .events = POLLIN },
				 { .fd = setting->lifeline } };
	struct signalfd_siginfo info;
	bool unwatched = false;

	for (;;) {
		reap(setting, &command);
		if (poll(fds, 4, unwatched ? KILL_AGAIN_MS : -1) < 0 && errno != EINTR)
			return;
		unwatched |= fds[3].revents != 0;
		if (unwatched)
			end_unwatched(&fds[3]);
		while (read(fds[1].fd, &info, sizeof(info)) > 0)
			;
		/* the front was killed, in place of the command */
		if (fds[2].revents) {
			if (command > 0)
				kill(command, SIGKILL);
			fds[2].fd = -1;
		}
		if (fds[0].revents) {
			reap(setting, &command);
			/* the last filtered process may have been the command */
			if (command <= 0)
				return;
			fds[0].fd = -1;
		}
		if (fds[0].fd < 0 && command <= 0)
			return;
	}
}

/* From this program's own code, which the command has not replaced yet. */
static int receive_listener(int from_command, bool *is_locked)
{
	int fd = -1, got;

	got = wire_receive(from_command, is_locked, sizeof(*is_locked), &fd);
	return got == (int)sizeof(*is_locked) && fd >= 0 ? fd : -EPROTO;
}

/* If its fds cannot be taken, every verbs call would be refused: the command must not start. 0 or -errno. */
static int can_inspect(pid_t command)
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

/* Lets the command execute; without this message it exits. 0, or -errno after a message. */
static int release_command(pid_t command, int to_command)
{
	int err = can_inspect(command);

	if (err) {
		fprintf(stderr,
			"rdmasec: cannot supervise the command: the supervisor cannot inspect it: %s: check 'sysctl "
			"kernel.yama.ptrace_scope'\n",
			strerror(-err));
		return err;
	}
	return send(to_command, "", 1, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static void become_background(void)
{
	setpgid(0, 0);
	/* the terminal may have sent one before setpgid() */
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_NAME, PROCESS_SUPERVISOR_NAME);
}

static _Noreturn void become_supervisor(struct setting *setting)
{
	struct serving serving = { .options = &setting->options };
	int sockets[2], over[2], status;
	pthread_t thread;
	sigset_t usual;
	pid_t command;
	bool failed;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) || pipe2(over, O_CLOEXEC))
		die("cannot start the supervisor", -errno);
	command = fork();
	if (command < 0)
		die("cannot start the command", -errno);
	if (command == 0) {
		close(sockets[0]); /* the command waits for its end to close */
		become_command(setting, sockets[1]);
	}
	close(sockets[1]);
	spawn_raise_files(0); /* the command keeps its limit */
	become_background();
	notify_front(setting, command, NULL);
	serving.listener = receive_listener(sockets[0], &setting->options.is_locked);
	failed = serving.listener < 0 || release_command(command, sockets[0]);
	close(sockets[0]);
	if (failed) {
		while (waitpid(command, &status, 0) < 0 && errno == EINTR)
			;
		notify_front(setting, command, &status);
		_exit(0);
	}
	serving.over = over[1];
	leave_standard_streams(STDOUT_FILENO);
	spawn_close_all_but((int[]){ setting->to_front, serving.listener, over[0], over[1], setting->lifeline }, 5);
	/* of all signals only SIGCHLD stays blocked, for signalfd(2) */
	sigemptyset(&usual);
	sigaddset(&usual, SIGCHLD);
	sigprocmask(SIG_SETMASK, &usual, NULL);
	if (pthread_create(&thread, NULL, serve, &serving))
		_exit(EXIT_CANNOT_RUN); /* this closes the listener: calls fail with ENOSYS */
	run_to_completion(setting, command, over[0]);
	_exit(0);
}

/* ---- the front ---- */

/* The terminal signals the whole group, with the command in it; kill(2) of this pid reaches this process only. */
static void forward_signal(const struct signalfd_siginfo *info, pid_t supervisor, pid_t command)
{
	int sig = (int)info->ssi_signo;
	bool from_kernel = info->ssi_code > 0;

	/* SIGCONT of the supervisor is for this process: the command may have been stopped again since */
	if (sig == SIGCHLD || command <= 0 || (sig == SIGCONT && (pid_t)info->ssi_pid == supervisor))
		return;
	if (sig == SIGCONT || (sig == SIGHUP && from_kernel && getsid(0) == getpid()))
		kill(command, sig);
	else if (!from_kernel && !is_descendant((pid_t)info->ssi_pid, supervisor))
		kill(command, sig);
}

static _Noreturn void exit_as(int status)
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

/* The supervisor has ended, and the command is a child of this process, which is a subreaper too. */
static void wait_as_reaper(pid_t command, bool job_control)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG | WUNTRACED)) > 0)
		if (pid == command && !WIFSTOPPED(status))
			exit_as(status);
		else if (pid == command && job_control)
			raise(SIGSTOP);
	if (pid < 0 && errno == ECHILD)
		_exit(EXIT_CANNOT_RUN);
}

static void read_news(int from_supervisor, pid_t *command, bool *supervisor_gone)
{
	struct news news;
	ssize_t got = recv(from_supervisor, &news, sizeof(news), 0);

	if (got < 0 && errno == EINTR)
		return;
	if (got != sizeof(news)) {
		*supervisor_gone = true;
		return;
	}
	*command = news.pid;
	if (news.has_status)
		exit_as(news.status);
}

/*
 * A shell with job control is in the session of this process, but not in its group. Without one the group may be
 * orphaned when the command ends; if the front were stopped then, the kernel would send SIGHUP to the whole group.
 */
static bool has_job_control(void)
{
	pid_t parent = getppid();

	return getsid(parent) == getsid(0) && getpgid(parent) != getpgrp();
}

static _Noreturn void become_front(const struct setting *setting, pid_t supervisor, int from_supervisor)
{
	struct pollfd fds[3] = { { .fd = from_supervisor, .events = POLLIN },
				 { .events = POLLIN },
				 { .fd = setting->lifeline } };
	struct signalfd_siginfo info;
	pid_t command = -1;
	bool supervisor_gone = false, unwatched = false;
	sigset_t all;

	leave_standard_streams(STDERR_FILENO);
	spawn_close_all_but((int[]){ from_supervisor, setting->lifeline }, 2);
	sigfillset(&all);
	fds[1].fd = signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[1].fd < 0)
		_exit(EXIT_CANNOT_RUN);
	for (;;) {
		if (supervisor_gone)
			wait_as_reaper(command, setting->job_control);
		if (supervisor_gone && unwatched)
			descendants_kill();
		if (poll(fds, 3, supervisor_gone && unwatched ? KILL_AGAIN_MS : -1) < 0 && errno != EINTR)
			_exit(EXIT_CANNOT_RUN);
		if (fds[2].revents) {
			unwatched = true;
			fds[2].fd = -1;
		}
		while (read(fds[1].fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			forward_signal(&info, supervisor, command);
		if (!supervisor_gone && fds[0].revents)
			read_news(from_supervisor, &command, &supervisor_gone);
		if (supervisor_gone)
			fds[0].fd = -1;
	}
}

int supervise(const char *program, char **argv, const char *engine, int lifeline)
{
	struct setting setting = { .program = program,
				   .argv = argv,
				   .lifeline = lifeline,
				   .front = getpid(),
				   .group = getpgrp(),
				   .job_control = has_job_control(),
				   .dumpable = prctl(PR_GET_DUMPABLE) == 1,
				   .options = { .say = say } };
	int sockets[2], err = wire_address(engine, &setting.options.engine, &setting.options.engine_len);
	pid_t supervisor;
	sigset_t all;

	if (!err && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets))
		err = -errno;
	if (err) {
		fprintf(stderr, "rdmasec: cannot start the supervisor: %s\n", strerror(-err));
		return EXIT_CANNOT_RUN;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* the command of the same user can inspect neither this process nor the supervisor */
	prctl(PR_SET_DUMPABLE, 0);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &setting.signals);
	supervisor = fork();
	if (supervisor < 0) {
		fprintf(stderr, "rdmasec: cannot start the supervisor: %s\n", strerror(errno));
		return EXIT_CANNOT_RUN;
	}
	if (supervisor == 0) {
		close(sockets[0]);
		setting.to_front = sockets[1];
		become_supervisor(&setting);
	}
	close(sockets[1]);
	become_front(&setting, supervisor, sockets[0]);
}
