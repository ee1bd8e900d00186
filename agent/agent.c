// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * One connection for each message of a runtime, one process for each filter:
 *
 * | event                            | action                                                         |
 * |----------------------------------|----------------------------------------------------------------|
 * | a runtime connects               | not the trusted user: closes the connection; at the limit of   |
 * |                                  | connections: accepts no more until one ends                    |
 * | a part of a message              | waits for the rest, for at most AGENT_SILENCE_MS               |
 * | a complete, valid message        | starts a process for its filter; closes the connection         |
 * | an invalid message, or silence   | logs it; closes the connection and, with it, the filter        |
 * | a process of a filter ends       | logs a failure                                                 |
 */
#include "agent.h"

#include <errno.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utlist.h>

#include "container_message.h"
#include "process/process.h"
#include "util/clock.h"
#include "util/text.h"

enum { LINE_SIZE = 512 };

/* A runtime whose message is incomplete. */
struct connection {
	struct agent *agent;
	struct event *event;
	int socket;
	struct container_message message;
	struct connection *prev, *next;
};

/* A filter that is served. */
struct served {
	pid_t pid; /* of its supervisor */
	char id[CONTAINER_ID_MAX];
	char *bundle; /* NULL: not known */
	struct served *prev, *next;
};

struct agent {
	struct event_base *base;
	struct evconnlistener *listener;
	struct event *child;
	struct agent_options options;
	struct connection *connections;
	struct served *served;
	unsigned connection_count, served_count;
};

static void say(struct agent *agent, const char *id, const char *format, ...) RS_PRINTF(3, 4);

static void say(struct agent *agent, const char *id, const char *format, ...)
{
	char line[LINE_SIZE] = "", text[LINE_SIZE];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	text_printable(text);
	text_format(line, sizeof(line), "container %s: %s", id[0] ? id : "(unknown)", text);
	agent->options.log(line, agent->options.arg);
}

/* ---- containers ---- */

static void served_free(struct agent *agent, struct served *served)
{
	DL_DELETE(agent->served, served);
	free(served->bundle);
	free(served);
}

static void on_child(evutil_socket_t sig, short what, void *arg)
{
	struct agent *agent = arg;
	struct served *served;
	int status;
	pid_t pid;

	(void)sig;
	(void)what;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		LL_SEARCH_SCALAR(agent->served, served, pid, pid);
		if (!served)
			continue;
		if (WIFSIGNALED(status))
			say(agent, served->id,
			    "its supervisor was killed by signal %d, so its verbs calls fail: restart the container",
			    WTERMSIG(status));
		else if (WEXITSTATUS(status))
			say(agent, served->id, "its supervisor failed, so its verbs calls fail: restart the container");
		served_free(agent, served);
		agent->served_count--;
	}
}

/* A command that is executed in a container has the bundle of the container, whose filter was served first. */
static void find_bundle(const struct agent *agent, struct container_state *state)
{
	const struct served *served;

	DL_FOREACH (agent->served, served)
		if (!state->bundle[0] && served->bundle && !strcmp(served->id, state->id))
			text_copy(state->bundle, sizeof(state->bundle), served->bundle);
}

/*
 * Does the process exist? Its filter is loaded only after the runtime has sent the message. Other facts of it could
 * make all containers wait (process.h).
 */
static int check_process(pid_t pid, char error[CONTAINER_ERROR_MAX])
{
	struct process process;
	int err = pid ? process_identify(pid, &process) : 0;

	/* not named: its first call says which it is */
	if (!pid)
		return 0;
	if (err) {
		text_format(error, CONTAINER_ERROR_MAX, "cannot open its process %d: %s", (int)pid, strerror(-err));
		return err;
	}
	process_close(&process);
	return 0;
}

static int serve(struct agent *agent, const struct container_state *state, int fd, char error[CONTAINER_ERROR_MAX])
{
	struct served *served;
	int pid;

	if (agent->served_count == AGENT_CONTAINERS_MAX) {
		text_format(error, CONTAINER_ERROR_MAX, "limit of %d filters reached", AGENT_CONTAINERS_MAX);
		return -EAGAIN;
	}
	served = calloc(1, sizeof(*served));
	if (served && state->bundle[0])
		served->bundle = strdup(state->bundle);
	pid = served ? agent->options.start(state, fd, agent->options.arg) : -ENOMEM;
	if (pid < 0) {
		text_format(error, CONTAINER_ERROR_MAX, "cannot start its supervisor: %s", strerror(-pid));
		if (served)
			free(served->bundle);
		free(served);
		return pid;
	}
	served->pid = pid;
	text_copy(served->id, sizeof(served->id), state->id);
	DL_APPEND(agent->served, served);
	agent->served_count++;
	return 0;
}

/* ---- runtimes ---- */

static void connection_free(struct connection *connection)
{
	struct agent *agent = connection->agent;

	DL_DELETE(agent->connections, connection);
	if (connection->event)
		event_free(connection->event);
	container_message_free(&connection->message);
	close(connection->socket);
	free(connection);
	if (agent->connection_count-- == AGENT_CONNECTIONS_MAX)
		evconnlistener_enable(agent->listener);
}

static void handle(struct connection *connection)
{
	struct agent *agent = connection->agent;
	char error[CONTAINER_ERROR_MAX] = "";
	struct container_state state;
	int fd = -1, err = container_message_read(&connection->message, &state, &fd, error);

	err = err ? err : check_process(state.pid, error);
	if (!err)
		find_bundle(agent, &state);
	err = err ? err : serve(agent, &state, fd, error);
	if (fd >= 0)
		close(fd);
	if (err)
		say(agent, state.id, "refused, its verbs calls fail: %s", error);
	else if (state.pid)
		say(agent, state.id, "guarded, process %d", (int)state.pid);
	else
		say(agent, state.id, "guarded, a command that is executed in it");
}

/* A runtime that could not create its container closes the connection without a message. */
static void on_ready(evutil_socket_t socket, short what, void *arg)
{
	struct connection *connection = arg;
	int got = what & EV_READ ? container_message_receive(&connection->message, socket) : -ETIMEDOUT;

	if (got == 0 || got == -EAGAIN)
		return;
	if (got > 0)
		handle(connection);
	else if (got != -ECONNRESET || connection->message.size || connection->message.fd_count)
		say(connection->agent, "", "refused the message of a runtime: %s",
		    got == -EBADMSG      ? "not JSON"
		    : got == -ECONNRESET ? "incomplete"
		    : got == -EMFILE     ? "too many file descriptors"
					 : strerror(-got));
	connection_free(connection);
}

static bool is_trusted(const struct agent *agent, int socket)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &cred, &len) && cred.uid == agent->options.peer;
}

static void on_connect(struct evconnlistener *listener, evutil_socket_t socket, struct sockaddr *address, int len,
		       void *arg)
{
	const struct timeval limit = clock_timeval(AGENT_SILENCE_MS);
	struct agent *agent = arg;
	struct connection *connection;

	(void)address;
	(void)len;
	connection = is_trusted(agent, socket) ? calloc(1, sizeof(*connection)) : NULL;
	if (!connection || container_message_init(&connection->message)) {
		say(agent, "", "refused a connection: the runtime does not run as root, or no memory");
		free(connection);
		close(socket);
		return;
	}
	connection->agent = agent;
	connection->socket = socket;
	DL_APPEND(agent->connections, connection);
	if (++agent->connection_count == AGENT_CONNECTIONS_MAX)
		evconnlistener_disable(listener);
	connection->event = event_new(agent->base, socket, EV_READ | EV_PERSIST, on_ready, connection);
	if (!connection->event || event_add(connection->event, &limit))
		connection_free(connection);
}

/* ---- the agent ---- */

int agent_new(struct event_base *base, int listener, const struct agent_options *options, struct agent **out)
{
	struct agent *agent = calloc(1, sizeof(*agent));

	if (!agent) {
		close(listener);
		return -ENOMEM;
	}
	agent->base = base;
	agent->options = *options;
	agent->child = evsignal_new(base, SIGCHLD, on_child, agent);
	if (agent->child && !event_add(agent->child, NULL) && !evutil_make_socket_nonblocking(listener))
		agent->listener = evconnlistener_new(base, on_connect, agent,
						     LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, listener);
	if (!agent->listener) {
		close(listener);
		agent_free(agent);
		return -ENOMEM;
	}
	*out = agent;
	return 0;
}

void agent_free(struct agent *agent)
{
	struct served *served, *next;

	if (!agent)
		return;
	while (agent->connections)
		connection_free(agent->connections);
	DL_FOREACH_SAFE (agent->served, served, next)
		served_free(agent, served);
	if (agent->listener)
		evconnlistener_free(agent->listener);
	if (agent->child)
		event_free(agent->child);
	free(agent);
}
