// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The agent on a real socket with real fds of filters. The fake supervisor only waits. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/container_message.h"
#include "messages/protocol.h"
#include "util/fd_socket.h"

enum { WITHIN_S = 60, LINES_MAX = 256 };

static struct {
	struct event_base *base;
	struct agent *agent;
	struct sockaddr_un address;
	socklen_t address_len;
	char lines[LINES_MAX][256];
	int line_count;
	int starts, start_err;
	pid_t last_pid;
	struct container_state last;
	int filter;
} world;

static int start(const struct container_state *state, int fd, void *arg)
{
	pid_t pid;

	cr_expect_eq(arg, &world);
	cr_expect(seccomp_fd_is_one(fd));
	if (world.start_err)
		return world.start_err;
	world.starts++;
	world.last = *state;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* otherwise the handler of the event loop receives its signals */
		signal(SIGTERM, SIG_DFL);
		for (;;)
			pause();
	}
	world.last_pid = pid;
	return pid;
}

static void hear(const char *line, void *arg)
{
	cr_expect_eq(arg, &world);
	cr_assert_lt(world.line_count, LINES_MAX);
	snprintf(world.lines[world.line_count++], sizeof(world.lines[0]), "%s", line);
}

static void agent_for(uid_t peer)
{
	const struct agent_options options = { .start = start, .log = hear, .arg = &world, .peer = peer };
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = 1, .filter = allow };
	char name[64];
	int s;

	snprintf(name, sizeof(name), "@rdmasec-test-agent-%d", (int)getpid());
	cr_assert_eq(wire_address(name, &world.address, &world.address_len), 0);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(s, (struct sockaddr *)&world.address, world.address_len), 0);
	cr_assert_eq(listen(s, 128), 0);
	world.base = event_base_new();
	cr_assert_eq(agent_new(world.base, s, &options, &world.agent), 0);
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	world.filter = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
	cr_assert_geq(world.filter, 0);
}

static void end(void)
{
	agent_free(world.agent);
	event_base_free(world.base);
	close(world.filter);
}

static bool heard(const char *words)
{
	for (int i = 0; i < world.line_count; i++)
		if (strstr(world.lines[i], words))
			return true;
	return false;
}

/* Serves until a log line contains `words`. */
static void await(const char *words)
{
	const time_t deadline = time(NULL) + WITHIN_S;

	while (!heard(words) && time(NULL) < deadline) {
		const struct timespec moment = { .tv_nsec = 1000000 };

		cr_assert_geq(event_base_loop(world.base, EVLOOP_NONBLOCK), 0);
		nanosleep(&moment, NULL);
	}
	cr_assert(heard(words), "no log line contains \"%s\", last: %s", words,
		  world.line_count ? world.lines[world.line_count - 1] : "");
}

static int runtime_connect(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	cr_assert_eq(connect(s, (struct sockaddr *)&world.address, world.address_len), 0, "%s", strerror(errno));
	return s;
}

static void runtime_send(int s, const char *text, int fd)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .header = {
			      .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int)) } };
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	cr_assert_eq(sendmsg(s, &msg, 0), (ssize_t)strlen(text));
}

static const char *state_of(const char *id, pid_t pid)
{
	static char text[512];

	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":%d,\"state\":{\"ociVersion\":\"1.0.2\","
		 "\"id\":\"%s\",\"status\":\"creating\",\"pid\":%d,\"bundle\":\"/b\"}}",
		 (int)pid, id, (int)pid);
	return text;
}

static void say_all(const char *id, pid_t pid, int fd)
{
	int s = runtime_connect();

	runtime_send(s, state_of(id, pid), fd);
	close(s);
}

Test(agent, serves_container, .timeout = 2 * WITHIN_S)
{
	agent_for(getuid());
	say_all("web-1", getpid(), world.filter);
	await("container web-1: guarded");
	cr_expect_eq(world.starts, 1);
	cr_expect_eq(world.last.pid, getpid());
	cr_expect_str_eq(world.last.bundle, "/b");
	kill(world.last_pid, SIGKILL);
	await("container web-1: its supervisor was killed by signal 9");
	end();
}

/* As crun 1.8 sends it: neither the process nor the bundle is named. */
static void say_executed_by_crun(const char *id, int fd)
{
	char text[512];
	int s = runtime_connect();

	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"0.2.0\",\"fds\":[\"seccompFd\"],\"pid\":0,\"state\":{\"ociVersion\":\"0.2.0\","
		 "\"id\":\"%s\",\"status\":\"running\",\"pid\":0,\"bundle\":\".\"}}",
		 id);
	runtime_send(s, text, fd);
	close(s);
}

Test(agent, serves_command_that_crun_executes, .timeout = 2 * WITHIN_S)
{
	agent_for(getuid());
	say_all("web-1", getpid(), world.filter);
	await("container web-1: guarded, process");
	say_executed_by_crun("web-1", world.filter);
	await("container web-1: guarded, a command that is executed in it");
	cr_expect_eq(world.starts, 2);
	cr_expect_eq(world.last.pid, 0, "its first call says which it is");
	cr_expect_str_eq(world.last.bundle, "/b", "that of the container");
	say_executed_by_crun("before-the-agent", world.filter);
	await("container before-the-agent: guarded");
	cr_expect_str_eq(world.last.bundle, "", "never a folder that is not the container's");
	end();
}

/* The agent waits neither for the end of the stream, which is the end of runc, nor for another runtime's message. */
Test(agent, slow_runtime_does_not_delay_others, .timeout = 2 * WITHIN_S)
{
	const char *text;
	int slow, open;

	agent_for(getuid());
	slow = runtime_connect();
	runtime_send(slow, "{\"ociVersion\":", world.filter);
	open = runtime_connect();
	runtime_send(open, state_of("stays-open", getpid()), world.filter);
	await("container stays-open: guarded");
	text = state_of("slow", getpid());
	runtime_send(slow, text + strlen("{\"ociVersion\":"), -1);
	await("container slow: guarded");
	close(slow);
	close(open);
	end();
}

/* The message arrives in one piece. Every error is logged as a container whose verbs calls fail. */
Test(agent, refuses_invalid_messages, .timeout = 2 * WITHIN_S)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), s;
	pid_t gone = fork();

	if (gone == 0)
		_exit(0);
	cr_assert_eq(waitpid(gone, NULL, 0), gone);
	agent_for(getuid());
	say_all("a", getpid(), null);
	await("container a: refused, its verbs calls fail: \"seccompFd\" is not the notification fd of a seccomp "
	      "filter");
	say_all("b", getpid(), -1);
	await("container b: refused, its verbs calls fail: it names 1 fds, but 0 were sent");
	say_all("c", gone, world.filter);
	await("container c: refused, its verbs calls fail: cannot open its process");
	say_all("d", -1, world.filter);
	await("container d: refused, its verbs calls fail: invalid \"pid\"");
	s = runtime_connect();
	runtime_send(s, "hello", world.filter);
	await("refused the message of a runtime: not JSON");
	close(s);
	s = runtime_connect();
	runtime_send(s, "{", world.filter);
	close(s);
	await("refused the message of a runtime: incomplete");
	world.start_err = -EAGAIN;
	say_all("e", getpid(), world.filter);
	await("container e: refused, its verbs calls fail: cannot start its supervisor");
	cr_expect_eq(world.starts, 0);
	close(null);
	end();
}

Test(agent, refuses_connections_of_other_users, .timeout = 2 * WITHIN_S)
{
	int s;
	char byte;

	agent_for(getuid() + 1);
	s = runtime_connect();
	runtime_send(s, state_of("x", getpid()), world.filter);
	await("refused a connection");
	cr_expect_leq(read(s, &byte, 1), 0);
	cr_expect_eq(world.starts, 0);
	close(s);
	end();
}

/* Waiting connections are served when others end. */
Test(agent, accepts_again_below_connection_limit, .timeout = 2 * WITHIN_S)
{
	int silent[AGENT_CONNECTIONS_MAX], s;

	agent_for(getuid());
	for (int i = 0; i < AGENT_CONNECTIONS_MAX; i++) {
		silent[i] = runtime_connect();
		runtime_send(silent[i], " ", -1);
	}
	s = runtime_connect();
	runtime_send(s, state_of("last", getpid()), world.filter);
	for (int i = 0; i < 1000; i++)
		cr_assert_geq(event_base_loop(world.base, EVLOOP_NONBLOCK), 0);
	cr_expect_eq(world.starts, 0);
	close(silent[0]);
	await("container last: guarded");
	for (int i = 1; i < AGENT_CONNECTIONS_MAX; i++)
		close(silent[i]);
	close(s);
	end();
}
