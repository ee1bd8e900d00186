// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Forks, and connects a QP in the child. The options say what the parent does before. It also checks that a guard adds
 * no child: the child is the only one to wait for, and the only one that sends SIGCHLD.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rc.h"

static volatile sig_atomic_t sigchld_count;

static void count_sigchld(int number)
{
	(void)number;
	sigchld_count++;
}

static int connect_one(const struct rc_device *device, const struct options *options, const char *role)
{
	int tcp = exchange_connect(options->server, options->tcp_port), err;
	struct rc_qp qp = { 0 };

	if (tcp < 0) {
		complain(tcp, "%s: no connection to the peer", role);
		return tcp;
	}
	err = rc_call(&qp, device, tcp);
	if (err)
		complain(err, "%s: QP 0: %s", role, qp.stage);
	else
		printf("%s: connected\n", role);
	rc_destroy(&qp);
	close(tcp);
	return err;
}

static int open_and_connect(const struct options *options, const char *role)
{
	struct rc_device device;
	int err = rc_open(&device, &verbs_linked, options);

	if (err) {
		complain(err, "%s: %s cannot be opened", role, options->device);
		return err;
	}
	err = connect_one(&device, options, role);
	rc_close(&device);
	return err;
}

/* Executes this program without the options to fork: it connects immediately. */
static _Noreturn void execute_again(const struct options *options)
{
	char index[12];

	snprintf(index, sizeof(index), "%d", options->gid_index);
	setenv("VERBS_FORK_EXECUTED", "1", 1);
	execl("/proc/self/exe", options->argv[0], "-d", options->device, "-g", index, "-p", options->tcp_port,
	      options->server, (char *)NULL);
	complain(errno, "cannot execute itself");
	_exit(1);
}

static _Noreturn void run_child(const struct rc_device *opened, const struct options *options)
{
	int err;

	if (options->exec)
		execute_again(options);
	err = opened ? connect_one(opened, options, "child") : open_and_connect(options, "child");
	fflush(NULL);
	_exit(err != 0);
}

/* Returns 0 if the child succeeded and there never was another one, or -ECHILD. */
static int await_only_child(pid_t child)
{
	int status, err = 0;
	pid_t ended;

	do
		ended = waitpid(child, &status, 0);
	while (ended < 0 && errno == EINTR);
	if (ended != child || !WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "verbs_fork: the child failed\n");
		err = -ECHILD;
	}
	if (waitpid(-1, &status, __WALL | WNOHANG) != -1 || errno != ECHILD || sigchld_count != 1) {
		fprintf(stderr, "verbs_fork: there is a child that it did not fork\n");
		err = -ECHILD;
	}
	return err;
}

/* Apart from the variables of the parent, which a child of vfork(2) shares. Returns the child, or -1. */
static pid_t start_child(const struct rc_device *opened, const struct options *options)
{
	const pid_t child = options->vfork ? vfork() : fork();

	if (child == 0)
		run_child(opened, options);
	return child;
}

static int fork_and_connect(const struct options *options)
{
	struct rc_device device, *opened = NULL;
	pid_t child;
	int err = 0;

	signal(SIGCHLD, count_sigchld);
	if (options->open_first || options->connect_first) {
		err = rc_open(&device, &verbs_linked, options);
		if (err) {
			complain(err, "%s cannot be opened", options->device);
			return err;
		}
		opened = &device;
	}
	if (options->connect_first)
		err = connect_one(opened, options, "parent");
	fflush(NULL);
	child = start_child(options->open_first ? opened : NULL, options);
	if (child < 0)
		return -errno;
	if (await_only_child(child))
		err = -ECHILD;
	if (opened)
		rc_close(opened);
	return err;
}

int main(int argc, char **argv)
{
	struct options options;

	options_read(argc, argv, &options);
	if (!options.server) {
		fprintf(stderr, "verbs_fork: verbs_threads is its server\n");
		return 2;
	}
	if (getenv("VERBS_FORK_EXECUTED"))
		return open_and_connect(&options, "executed child") != 0;
	return fork_and_connect(&options) != 0;
}
