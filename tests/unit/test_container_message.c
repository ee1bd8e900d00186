// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What the agent takes for a runtime's message, and what it does not: for each field a message that breaks it. */
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
#include <unistd.h>

#include "agent/container_message.h"
#include "child_fixture.h"

/* As crun 1.8 and runc 1.1 send it. */
static const char crun[] = "{\n    \"ociVersion\": \"0.2.0\",\n    \"fds\": [\n        \"seccompFd\"\n    ],\n"
			   "    \"pid\": 4242,\n    \"metadata\": \"m\",\n    \"state\": {\n"
			   "        \"ociVersion\": \"0.2.0\",\n        \"id\": \"web-1\",\n"
			   "        \"status\": \"creating\",\n        \"pid\": 4242,\n"
			   "        \"bundle\": \"/run/b\"\n    }\n}\n";
static const char runc[] =
	"{\"ociVersion\":\"1.0.2-dev\",\"fds\":[\"seccompFd\"],\"pid\":4243,\"metadata\":\"\","
	"\"state\":{\"ociVersion\":\"1.0.2-dev\",\"id\":\"web-1\",\"status\":\"running\",\"pid\":4242,"
	"\"bundle\":\"/run/b\",\"annotations\":{\"caf\xc3\xa9\":\"\xe2\x82\xac\"}}}";

static int read_text(const char *text, struct container_state *state, char *error)
{
	struct container_message message;
	int err;

	cr_assert_eq(container_message_init(&message), 0);
	cr_assert_eq(container_message_add(&message, text, strlen(text)), 1, "%s", text);
	err = container_state_read(message.json, state, error);
	container_message_free(&message);
	return err;
}

Test(container_message, reads_message_of_crun)
{
	char error[CONTAINER_ERROR_MAX];
	struct container_state state;

	cr_assert_eq(read_text(crun, &state, error), 0, "%s", error);
	cr_expect_str_eq(state.id, "web-1");
	cr_expect_str_eq(state.bundle, "/run/b");
	cr_expect_eq(state.pid, 4242);
	cr_expect_eq(state.fd_count, 1);
	cr_expect_eq(state.seccomp_fd, 0);
}

/* Of a command that is executed in a container, runc says its own pid beside the container's. */
Test(container_message, reads_message_of_runc)
{
	char error[CONTAINER_ERROR_MAX];
	struct container_state state;

	cr_assert_eq(read_text(runc, &state, error), 0, "%s", error);
	cr_expect_eq(state.pid, 4243);
}

Test(container_message, reads_message_of_crun_for_a_command)
{
	char error[CONTAINER_ERROR_MAX];
	struct container_state state;

	cr_assert_eq(read_text("{ \"ociVersion\": \"0.2.0\", \"fds\": [\"seccompFd\"], \"pid\": 0, \"state\": { "
			       "\"ociVersion\": \"0.2.0\", \"id\": \"x\", \"status\": \"running\", \"pid\": 0, "
			       "\"bundle\": \".\" } }",
			       &state, error),
		     0, "%s", error);
	cr_expect_str_eq(state.id, "x");
	cr_expect_eq(state.pid, 0);
	cr_expect_str_eq(state.bundle, "");
}

#define STATE(...) "\"state\":{" __VA_ARGS__ "}"
#define GOOD_STATE STATE("\"ociVersion\":\"1\",\"id\":\"i\",\"status\":\"running\",\"pid\":1,\"bundle\":\"/b\"")

static const struct {
	const char *text, *tells;
	const char *id; /* which is known all the same */
} wrong[] = {
	{ "[]", "not a JSON object", "" },
	{ "{}", "no \"state\"", "" },
	{ "{\"state\":[]}", "\"state\" is not of type object", "" },
	{ "{" STATE("") "}", "no \"id\"", "" },
	{ "{" STATE("\"id\":7") "}", "\"id\" is not of type string", "" },
	{ "{" STATE("\"id\":\"\"") "}", "\"id\" is empty", "" },
	{ "{" STATE("\"id\":\"a\\u0000b\"") "}", "\"id\" is empty, too long or has", "" },
	{ "{" STATE("\"id\":\"i\"") "}", "no \"ociVersion\"", "i" },
	{ "{" STATE("\"id\":\"i\\u001b[2J\\n\",\"ociVersion\":1") "}", "\"ociVersion\" is not of type", "i?[2J?" },
	{ "{" STATE("\"id\":\"i\",\"ociVersion\":\"1\"") "}", "no \"status\"", "i" },
	{ "{" STATE("\"id\":\"i\",\"ociVersion\":\"1\",\"status\":\"stopped\"") "}", "not that of a running container",
	  "i" },
	{ "{" STATE("\"id\":\"i\",\"ociVersion\":\"1\",\"status\":\"running\"") "}", "no \"pid\"", "i" },
	{ "{" STATE("\"id\":\"i\",\"ociVersion\":\"1\",\"status\":\"running\",\"pid\":-1") "}", "invalid \"pid\"",
	  "i" },
	{ "{" STATE("\"id\":\"i\",\"ociVersion\":\"1\",\"status\":\"running\",\"pid\":1") "}", "no \"bundle\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1," STATE(
		  "\"id\":\"i\",\"ociVersion\":\"1\",\"status\":\"running\",\"pid\":1,\"bundle\":\"b\"") "}",
	  "not an absolute path", "i" },
	/* only crun's message names neither */
	{ "{\"ociVersion\":\"1\",\"pid\":0," GOOD_STATE "}", "invalid \"pid\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1," STATE(
		  "\"id\":\"i\",\"ociVersion\":\"1\",\"status\":\"running\",\"pid\":0,\"bundle\":\"/b\"") "}",
	  "invalid \"pid\"", "i" },
	{ "{" GOOD_STATE "}", "no \"ociVersion\"", "i" },
	{ "{\"ociVersion\":\"1\"," GOOD_STATE "}", "no \"pid\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":\"1\"," GOOD_STATE "}", "\"pid\" is not of type int", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":-1," GOOD_STATE "}", "invalid \"pid\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":4294967297," GOOD_STATE "}", "invalid \"pid\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":99999999999999999999," GOOD_STATE "}", "invalid \"pid\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1," GOOD_STATE "}", "no \"fds\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":{}," GOOD_STATE "}", "\"fds\" is not of type array", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[]," GOOD_STATE "}", "no \"seccompFd\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[\"other\"]," GOOD_STATE "}", "no \"seccompFd\"", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[1]," GOOD_STATE "}", "not a string", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[null]," GOOD_STATE "}", "not a string", "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[\"seccompFd\",\"seccompFd\"]," GOOD_STATE "}", "more than one",
	  "i" },
	{ "{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\","
	  "\"11\",\"12\","
	  "\"13\",\"14\",\"15\",\"16\",\"seccompFd\"]," GOOD_STATE "}",
	  "more than 16", "i" },
};

Test(container_message, explains_each_error)
{
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char error[CONTAINER_ERROR_MAX] = "";
		struct container_state state;

		memset(&state, 0x5a, sizeof(state));
		cr_expect_eq(read_text(wrong[i].text, &state, error), -EBADMSG, "%s", wrong[i].text);
		cr_expect(strstr(error, wrong[i].tells), "%s: %s", wrong[i].text, error);
		cr_expect_str_eq(state.id, wrong[i].id, "%s", wrong[i].text);
	}
}

/* The difference to the good one is the text alone. */
Test(container_message, refuses_long_texts)
{
	static const char format[] =
		"{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[\"seccompFd\"],\"state\":{\"ociVersion\":\"1\","
		"\"id\":\"%.*s\",\"status\":\"running\",\"pid\":1,\"bundle\":\"/%.*s\"}}";
	static char text[2 * PATH_MAX], filler[2 * PATH_MAX];
	static const struct {
		int id, bundle, err;
	} lengths[] = {
		{ CONTAINER_ID_MAX - 1, PATH_MAX - 2, 0 },
		{ CONTAINER_ID_MAX, 1, -EBADMSG },
		{ 1, PATH_MAX - 1, -EBADMSG },
	};

	memset(filler, 'a', sizeof(filler) - 1);
	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		char error[CONTAINER_ERROR_MAX];
		struct container_state state;

		snprintf(text, sizeof(text), format, lengths[i].id, filler, lengths[i].bundle, filler);
		cr_expect_eq(read_text(text, &state, error), lengths[i].err, "%zu", i);
	}
}

/* ---- octets ---- */

static int add(const char *text, size_t first)
{
	struct container_message message;
	int done;

	cr_assert_eq(container_message_init(&message), 0);
	done = container_message_add(&message, text, first);
	if (!done && first < strlen(text))
		done = container_message_add(&message, text + first, strlen(text) - first);
	container_message_free(&message);
	return done;
}

Test(container_message, may_be_cut_anywhere)
{
	for (size_t i = 0; i <= sizeof(runc) - 1; i++)
		cr_expect_eq(add(runc, i), 1, "%zu", i);
	for (size_t i = 0; i < sizeof(runc) - 1; i++) {
		char *begin = strndup(runc, i);

		cr_expect_eq(add(begin, i), 0, "%zu", i);
		free(begin);
	}
}

Test(container_message, is_one_and_json)
{
	static const char *const bad[] = { "{}{}",       "{} x",     "x",           "null ",
					   "{\"a\":1,}", "/* */ {}", "{\"a\":tru}", "[[[[[[[[[1]]]]]]]]]" };
	struct container_message message;

	cr_expect_eq(add("{} \r\n\t", 2), 1);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		cr_expect_eq(add(bad[i], strlen(bad[i])), -EBADMSG, "%s", bad[i]);
	cr_assert_eq(container_message_init(&message), 0);
	cr_expect_eq(container_message_add(&message, "{}", 2), 1);
	cr_expect_eq(container_message_add(&message, "{}", 2), -EBADMSG, "a second one");
	container_message_free(&message);
}

Test(container_message, has_a_largest_size)
{
	static char spaces[CONTAINER_STATE_MAX];
	struct container_message message;

	memset(spaces, ' ', sizeof(spaces));
	cr_assert_eq(container_message_init(&message), 0);
	cr_expect_eq(container_message_add(&message, spaces, sizeof(spaces)), 0);
	cr_expect_eq(container_message_add(&message, "{", 1), -E2BIG);
	container_message_free(&message);
}

/* ---- fds ---- */

/* A real one. The filter lets everything pass and is loaded in a child that waits. */
static int seccomp_fd(void)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { .len = 1, .filter = allow };

	/* it is for this process alone, which Criterion ends after the test */
	cr_assert_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

static void send_with(int socket, const char *text, const int *fds, size_t count)
{
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(64 * sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = { .iov_base = (char *)text, .iov_len = strlen(text) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (count) {
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(count * sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), fds, count * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	cr_assert_eq(sendmsg(socket, &msg, 0), (ssize_t)strlen(text));
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* What comes of a message with so many of these fds; nothing may be left open but *out. */
static int receive_with(const char *text, const int *fds, size_t count, struct container_state *state, int *out,
			char *error)
{
	struct container_message message;
	int pair[2], before = open_fds(), err;

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(container_message_init(&message), 0);
	*out = -1;
	send_with(pair[1], text, fds, count);
	err = container_message_receive(&message, pair[0]);
	if (err == 1)
		err = container_message_read(&message, state, out, error);
	container_message_free(&message);
	close(pair[0]);
	close(pair[1]);
	cr_expect_eq(open_fds(), before + (*out >= 0), "%s: fds are left open", text);
	return err;
}

Test(container_message, accepts_filter)
{
	char error[CONTAINER_ERROR_MAX] = "";
	struct container_state state;
	int fd = seccomp_fd(), got;

	cr_assert_geq(fd, 0);
	cr_expect(seccomp_fd_is_one(fd));
	cr_assert_eq(receive_with(runc, &fd, 1, &state, &got, error), 0, "%s", error);
	cr_expect(seccomp_fd_is_one(got));
	cr_expect_eq(fcntl(got, F_GETFD), FD_CLOEXEC);
	cr_expect_eq(syscall(SYS_kcmp, getpid(), getpid(), 0 /* KCMP_FILE */, fd, got), 0, "it is the same");
}

Test(container_message, accepts_filter_among_other_fds)
{
	static const char text[] =
		"{\"ociVersion\":\"1\",\"pid\":1,\"fds\":[\"a\",\"seccompFd\",\"b\"]," GOOD_STATE "}";
	char error[CONTAINER_ERROR_MAX] = "";
	struct container_state state;
	int fds[3] = { open("/dev/null", O_RDONLY), seccomp_fd(), open("/dev/zero", O_RDONLY) }, got;

	cr_assert_eq(receive_with(text, fds, 3, &state, &got, error), 0, "%s", error);
	cr_expect(seccomp_fd_is_one(got));
}

Test(container_message, refuses_fd_that_is_no_filter)
{
	char error[CONTAINER_ERROR_MAX] = "", name[] = "/tmp/anon_inode:seccomp notify-XXXXXX";
	struct container_state state;
	int fds[] = { open("/dev/null", O_RDWR), (int)syscall(SYS_memfd_create, "anon_inode:seccomp notify", 0),
		      mkostemp(name, O_CLOEXEC) };
	int got;

	unlink(name);
	for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++) {
		cr_expect_eq(receive_with(runc, &fds[i], 1, &state, &got, error), -EBADMSG);
		cr_expect(strstr(error, "not the notification fd of a seccomp filter"), "%s", error);
		cr_expect_str_eq(state.id, "web-1");
	}
}

Test(container_message, refuses_other_fds_than_named)
{
	char error[CONTAINER_ERROR_MAX] = "";
	struct container_state state;
	int filter = seccomp_fd(), fds[32], got;

	for (size_t i = 0; i < 32; i++)
		fds[i] = filter;
	cr_expect_eq(receive_with(runc, fds, 0, &state, &got, error), -EBADMSG);
	cr_expect(strstr(error, "names 1 fds, but 0 were sent"), "%s", error);
	cr_expect_eq(receive_with(runc, fds, 2, &state, &got, error), -EBADMSG);
	cr_expect(strstr(error, "names 1 fds, but 2 were sent"), "%s", error);
	cr_expect_eq(receive_with(runc, fds, CONTAINER_FDS_MAX + 1, &state, &got, error), -EMFILE);
	cr_expect_eq(receive_with(runc, fds, 32, &state, &got, error), -EMFILE);
}

Test(container_message, reports_end_of_incomplete_message)
{
	struct container_message message;
	int pair[2];

	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	cr_assert_eq(container_message_init(&message), 0);
	cr_expect_eq(container_message_receive(&message, pair[0]), -EAGAIN);
	send_with(pair[1], "{", NULL, 0);
	cr_expect_eq(container_message_receive(&message, pair[0]), 0);
	close(pair[1]);
	cr_expect_eq(container_message_receive(&message, pair[0]), -ECONNRESET);
	container_message_free(&message);
	close(pair[0]);
}
