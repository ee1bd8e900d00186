// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Runs inside applications: no allocation, no streams, no dependency but libc. */
#include "protocol.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

static struct wire_header make_header(enum wire_type type, uint32_t size)
{
	return (struct wire_header){ .magic = WIRE_MAGIC, .version = WIRE_VERSION, .type = type, .size = size };
}

static int header_check(const struct wire_header *header, size_t len, enum wire_type type, size_t size)
{
	if (len < sizeof(*header) || header->magic != WIRE_MAGIC)
		return -EBADMSG;
	if (header->version != WIRE_VERSION)
		return -EPROTONOSUPPORT;
	if (header->type != type || header->reserved || header->size != size || len != size)
		return -EBADMSG;
	return 0;
}

void wire_ask_from_command(struct wire_ask *ask, const struct uverbs_command *command)
{
	memset(ask, 0, sizeof(*ask));
	ask->header = make_header(WIRE_ASK, sizeof(*ask));
	ask->kind = command->kind;
	ask->has = command->has;
	ask->driver_id = command->driver_id;
	ask->object_id = command->object_id;
	ask->method_id = command->method_id;
	ask->write_command = command->write_command;
	ask->qp_type = command->qp_type;
	ask->handle = command->handle;
	ask->qpn = command->qpn;
	ask->dest_qpn = command->dest_qpn;
	ask->attr_mask = command->attr_mask;
	ask->qp_state = command->qp_state;
	ask->flow_label = command->address.flow_label;
	memcpy(ask->dgid, command->address.dgid, sizeof(ask->dgid));
	ask->sgid_index = command->address.sgid_index;
	ask->port = command->address.port;
	ask->is_global = command->address.is_global;
}

static const uint32_t known_facts = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_ALT_PATH | UVERBS_HAS_SOURCE_QPN |
				    UVERBS_HAS_DEVX | UVERBS_HAS_STATE | UVERBS_HAS_DEST_QPN;

int wire_ask_read(const void *message, size_t len, struct uverbs_command *command)
{
	struct wire_ask ask;
	int err;

	if (len < sizeof(ask.header))
		return -EBADMSG;
	memset(&ask, 0, sizeof(ask));
	memcpy(&ask, message, len < sizeof(ask) ? len : sizeof(ask));
	err = header_check(&ask.header, len, WIRE_ASK, sizeof(ask));
	if (err)
		return err;
	if (ask.kind == UVERBS_NOTHING || ask.kind >= UVERBS_KIND_COUNT || ask.has & ~known_facts)
		return -EBADMSG;
	if (ask.is_global > 1 || ask.reserved || ask.reserved2)
		return -EBADMSG;
	*command = (struct uverbs_command){
		.kind = ask.kind,
		.has = ask.has,
		.driver_id = ask.driver_id,
		.object_id = ask.object_id,
		.method_id = ask.method_id,
		.write_command = ask.write_command,
		.qp_type = ask.qp_type,
		.handle = ask.handle,
		.qpn = ask.qpn,
		.dest_qpn = ask.dest_qpn,
		.attr_mask = ask.attr_mask,
		.qp_state = ask.qp_state,
		.address = { .flow_label = ask.flow_label,
			     .sgid_index = ask.sgid_index,
			     .port = ask.port,
			     .is_global = ask.is_global },
		.why_malformed = ask.kind == UVERBS_MALFORMED ? "the door could not understand it" : NULL,
	};
	memcpy(command->address.dgid, ask.dgid, sizeof(ask.dgid));
	return 0;
}

void wire_answer_make(struct wire_answer *answer, enum wire_action action, int err, const char *text)
{
	memset(answer, 0, sizeof(*answer));
	answer->header = make_header(WIRE_ANSWER, sizeof(*answer));
	answer->action = action;
	answer->err = action == WIRE_REFUSE ? err : 0;
	for (size_t i = 0; text && text[i] && i + 1 < sizeof(answer->text); i++)
		answer->text[i] = text[i] < 0x20 || text[i] > 0x7e ? '?' : text[i];
}

static int text_is_printable(const char *text, size_t size)
{
	size_t len = strnlen(text, size);

	for (size_t i = 0; i < len; i++)
		if (text[i] < 0x20 || text[i] > 0x7e)
			return 0;
	return len < size;
}

int wire_answer_check(const void *message, size_t len)
{
	struct wire_answer answer;
	int err;

	if (len < sizeof(answer.header))
		return -EBADMSG;
	/* a copy: the message need not lie as a struct does */
	memset(&answer, 0, sizeof(answer));
	memcpy(&answer, message, len < sizeof(answer) ? len : sizeof(answer));
	err = header_check(&answer.header, len, WIRE_ANSWER, sizeof(answer));
	if (err)
		return err;
	if (answer.action == WIRE_PASS ? answer.err != 0
				       : answer.action != WIRE_REFUSE || answer.err == 0 || answer.err > 4095)
		return -EBADMSG;
	return text_is_printable(answer.text, sizeof(answer.text)) ? 0 : -EBADMSG;
}

int wire_address(const char *name, struct sockaddr_un *address, socklen_t *len)
{
	size_t n = strlen(name);

	if (n < 1 + (name[0] == '@') || n >= sizeof(address->sun_path))
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, n);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	/* an abstract name has no NUL at its end: unix(7) */
	*len = offsetof(struct sockaddr_un, sun_path) + n + (name[0] != '@');
	return 0;
}

enum { LISTEN_BACKLOG = 128 };

int wire_listen(char name[WIRE_NAME_MAX])
{
	struct sockaddr_un address;
	uint64_t random[2];
	socklen_t len;
	int s, err;

	if (getrandom(random, sizeof(random), 0) != sizeof(random))
		return -EIO;
	snprintf(name, WIRE_NAME_MAX, "@rdmasec-%016llx%016llx", (unsigned long long)random[0],
		 (unsigned long long)random[1]);
	err = wire_address(name, &address, &len);
	if (err)
		return err;
	s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	if (!bind(s, (const struct sockaddr *)&address, len) && !listen(s, LISTEN_BACKLOG))
		return s;
	err = -errno;
	close(s);
	return err;
}

union fd_control {
	struct cmsghdr header;
	char space[CMSG_SPACE(sizeof(int))];
};

int wire_send(int socket, const void *message, size_t len, int fd)
{
	struct iovec iov = { .iov_base = (void *)message, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	union fd_control control;
	ssize_t sent;

	if (fd >= 0) {
		memset(&control, 0, sizeof(control));
		control.header = (struct cmsghdr){ .cmsg_level = SOL_SOCKET,
						   .cmsg_type = SCM_RIGHTS,
						   .cmsg_len = CMSG_LEN(sizeof(int)) };
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
	}
	do
		sent = sendmsg(socket, &msg, MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == len ? (int)sent : -EBADMSG;
}

/* Takes the fds out of the control data; all but a single one are closed. */
static int take_fd(struct msghdr *msg, int *fd)
{
	int count = 0, taken = -1;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		size_t n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < n; i++, count++) {
			int one;

			memcpy(&one, CMSG_DATA(c) + i * sizeof(int), sizeof(one));
			if (taken < 0)
				taken = one;
			else
				close(one);
		}
	}
	if (count > 1 || msg->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) {
		if (taken >= 0)
			close(taken);
		return -EBADMSG;
	}
	*fd = taken;
	return 0;
}

int wire_receive(int socket, void *message, size_t size, int *fd)
{
	struct iovec iov = { .iov_base = message, .iov_len = size };
	union fd_control control;
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t got = recvmsg(socket, &msg, MSG_CMSG_CLOEXEC);
	int taken, err;

	if (got < 0)
		return -errno;
	err = take_fd(&msg, &taken);
	if (err)
		return err;
	if (fd)
		*fd = taken;
	else if (taken >= 0)
		close(taken);
	return (int)got;
}
