// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The socket side of the engine: who asks, from where, about which device; one question, one answer, goodbye. */
#include "engine_server.h"

#include <errno.h>
#include <event2/listener.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine.h"
#include "text.h"

enum { CLIENTS_MAX = 256, CLIENT_SILENCE_S = 5 };

struct engine_server {
	struct event_base *base;
	const struct policy *policy;
	struct evconnlistener *listener;
	unsigned clients;
	ino_t netns;
	dev_t netns_dev;
};

struct client {
	struct engine_server *server;
	struct event *event;
	int socket;
};

static void client_free(struct client *client)
{
	struct engine_server *server = client->server;

	if (client->event)
		event_free(client->event);
	close(client->socket);
	free(client);
	/* room again for the next */
	if (server->clients-- == CLIENTS_MAX)
		evconnlistener_enable(server->listener);
}

/* SO_PEERCRED was taken by the kernel at connect(2); the process waits for us, so its pid is still its own. */
static int identify(const struct engine_server *server, int socket, struct engine_client *out)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	char path[64];
	struct stat st;
	ssize_t n;

	memset(out, 0, sizeof(*out));
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return -errno;
	out->pid = cred.pid;
	out->uid = cred.uid;
	text_format(path, sizeof(path), "/proc/%d/exe", (int)cred.pid);
	n = readlink(path, out->executable, sizeof(out->executable) - 1);
	/* a name that may have been cut is no name */
	out->executable_known = n > 0 && (size_t)n < sizeof(out->executable) - 1;
	out->executable[out->executable_known ? n : 0] = '\0';
	text_format(path, sizeof(path), "/proc/%d/ns/net", (int)cred.pid);
	out->same_netns = !stat(path, &st) && st.st_ino == server->netns && st.st_dev == server->netns_dev;
	return 0;
}

static void refuse(struct engine_answer *answer, int err, const char *why)
{
	memset(answer, 0, sizeof(*answer));
	answer->err = err;
	text_format(answer->text, sizeof(answer->text), "rdmasec: refused: %s", why);
}

/* Finds the device behind the fd, reads the evidence of this moment, and judges. */
static void judge_fd(const struct engine_server *server, const struct engine_client *client,
		     const struct uverbs_command *command, int fd, struct engine_answer *answer)
{
	struct rdma_inventory inventory;
	struct evidence evidence;
	char error[192] = "";
	struct stat st;
	int err;

	if (fd < 0 || fstat(fd, &st) || !S_ISCHR(st.st_mode)) {
		refuse(answer, EPERM, "the command is not on an RDMA device");
		return;
	}
	err = inventory_read_one("/sys", st.st_rdev, &inventory, error, sizeof(error));
	if (err) {
		char why[256];

		text_format(why, sizeof(why), "the RDMA device cannot be told: %s", error[0] ? error : strerror(-err));
		refuse(answer, EPERM, why);
		return;
	}
	evidence_read(&evidence);
	engine_judge(&(struct engine_view){ .policy = server->policy,
					    .device = &inventory.devices[0],
					    .evidence = &evidence,
					    .route_get = evidence_route_get },
		     client, command, answer);
	evidence_free(&evidence);
	inventory_free(&inventory);
}

static void answer_client(const struct engine_server *server, int socket, const void *message, size_t len, int fd)
{
	struct engine_client client;
	struct engine_answer answer;
	struct uverbs_command command;
	struct wire_answer wire;
	int fd_there;
	int err = wire_ask_read(message, len, &command, &fd_there);

	if (err == -EPROTONOSUPPORT)
		refuse(&answer, EPROTO, "the engine is of another release than the program's door");
	else if (err || identify(server, socket, &client))
		refuse(&answer, EPROTO, "the engine did not understand the program's door");
	else
		judge_fd(server, &client, &command, fd, &answer);
	wire_answer_make(&wire, answer.pass ? WIRE_PASS : WIRE_REFUSE, answer.err, answer.text);
	/* a client that has gone, or does not read, has its fate already: no answer refuses */
	err = wire_send(socket, &wire, sizeof(wire), -1);
	(void)err;
}

static void client_ready(evutil_socket_t socket, short what, void *arg)
{
	struct client *client = arg;
	char message[sizeof(struct wire_ask) + 1];
	int fd = -1, got;

	if (what & EV_READ) {
		got = wire_receive(socket, message, sizeof(message), &fd);
		if (got == -EAGAIN || got == -EINTR)
			return;
		if (got > 0 || got == -EBADMSG)
			answer_client(client->server, socket, message, got > 0 ? got : 0, fd);
		if (fd >= 0)
			close(fd);
	}
	client_free(client);
}

static void client_new(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int len,
		       void *arg)
{
	const struct timeval silence = { .tv_sec = CLIENT_SILENCE_S };
	struct engine_server *server = arg;
	struct client *client = calloc(1, sizeof(*client));

	(void)address;
	(void)len;
	if (!client) {
		close(socket);
		return;
	}
	client->server = server;
	client->socket = socket;
	if (++server->clients == CLIENTS_MAX)
		evconnlistener_disable(listener);
	client->event = event_new(server->base, socket, EV_READ, client_ready, client);
	if (!client->event || event_add(client->event, &silence))
		client_free(client);
}

int engine_server_new(struct event_base *base, const struct policy *policy, int listener, struct engine_server **out)
{
	struct engine_server *server = calloc(1, sizeof(*server));
	struct stat st;
	int err = -ENOMEM;

	if (!server)
		return err;
	server->base = base;
	server->policy = policy;
	if (stat("/proc/self/ns/net", &st)) {
		err = -errno;
		goto fail;
	}
	server->netns = st.st_ino;
	server->netns_dev = st.st_dev;
	evutil_make_socket_nonblocking(listener);
	server->listener = evconnlistener_new(base, client_new, server, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC,
					      0, listener);
	if (!server->listener)
		goto fail;
	*out = server;
	return 0;
fail:
	free(server);
	return err;
}

void engine_server_set_policy(struct engine_server *server, const struct policy *policy)
{
	server->policy = policy;
}

void engine_server_free(struct engine_server *server)
{
	evconnlistener_free(server->listener);
	free(server);
}
