// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The engine as a sequence of events: a door asks, reports that it is done, or dies before; it asks for a look, or for
 * the protection of a queue pair; a file is closed; the policy changes; a list is read. Engine, watch and sockets are
 * real. The kernel's part is made up: a memfd is the open file of a device, and has queue pairs.
 *
 * Input: two octets an event, what and which.
 *
 * Nothing that sends passes while the policy enforces, since the device has no GID. After the policy enforces, no queue
 * pair that the engine let pass is able to send. Each message is valid. No descriptor stays open.
 */
#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "engine/server.h"
#include "messages/protocol.h"
#include "messages/verdict.h"
#include "must.h"
#include "process/process.h"
#include "rdma/uverbs_call_internal.h"
#include "util/fd_socket.h"
#include "watch/namespaces.h"

enum { FILES = 3, QPS = 4, CONNECTIONS = 4, TURNS = 6, STATE_NONE = 0, STATE_INIT = 1, STATE_RTS = 3, STATE_ERR = 6 };

/* A made-up open file. fd -1: closed. */
static struct file {
	int fd;
	ino_t inode;
	uint8_t qps[QPS]; /* by handle: their state */
	bool passed[QPS]; /* reported to the engine */
} files[FILES];

/* A connection of a door. socket -1: none. */
static struct door {
	int socket;
	bool passed;
	struct request request;
	unsigned int file;
} doors[CONNECTIONS];

static struct {
	struct event_base *base;
	struct engine_server *server;
	struct sockaddr_un address;
	socklen_t address_len;
	struct policy *policies[2]; /* off, enforce */
	bool enforces;
} engine;

/* ---- the kernel ---- */

static struct file *file_of(int fd)
{
	struct stat st;

	for (int i = 0; i < FILES; i++)
		if (files[i].fd >= 0 && !fstat(fd, &st) && st.st_ino == files[i].inode)
			return &files[i];
	return NULL;
}

static dev_t the_device(void)
{
	return makedev(231, 192);
}

int __wrap_process_uverbs_rdev(const char *sysfs, int fd, dev_t *out);

int __wrap_process_uverbs_rdev(const char *sysfs, int fd, dev_t *out)
{
	(void)sysfs;
	if (!file_of(fd))
		return -ENODEV;
	*out = the_device();
	return 0;
}

bool __wrap_process_fd_is_of(int fd, dev_t rdev);

bool __wrap_process_fd_is_of(int fd, dev_t rdev)
{
	return rdev == the_device() && file_of(fd);
}

/* Without a GID: no queue pair can be protected. */
int __wrap_namespace_device(struct namespace *in, int uverbs_fd, const struct rdma_device **out, char *error,
			    size_t error_size);

int __wrap_namespace_device(struct namespace *in, int uverbs_fd, const struct rdma_device **out, char *error,
			    size_t error_size)
{
	static const struct rdma_device device = { .name = "rxe0", .driver_known = true, .driver_id = RDMA_DRIVER_RXE };

	(void)in;
	(void)error;
	(void)error_size;
	if (!file_of(uverbs_fd))
		return -ENODEV;
	*out = &device;
	return 0;
}

static struct ib_uverbs_attr *attr_of(struct ib_uverbs_ioctl_hdr *request, uint16_t id)
{
	for (int i = 0; i < request->num_attrs; i++)
		if (request->attrs[i].attr_id == id)
			return &request->attrs[i];
	return NULL;
}

static void list_handles(const struct file *file, struct ib_uverbs_ioctl_hdr *request)
{
	struct ib_uverbs_attr *total = attr_of(request, UVERBS_ATTR_INFO_TOTAL_HANDLES);
	struct ib_uverbs_attr *list = attr_of(request, UVERBS_ATTR_INFO_HANDLES_LIST);
	const struct ib_uverbs_attr *object = attr_of(request, UVERBS_ATTR_INFO_OBJECT_ID);
	uint64_t count = 0;

	MUST(total && list && object);
	for (uint32_t handle = 0; handle < QPS; handle++)
		if (object->data == UVERBS_OBJECT_QP && file->qps[handle] && (count + 1) * sizeof(handle) <= list->len)
			memcpy((char *)(uintptr_t)list->data + count++ * sizeof(handle), &handle, sizeof(handle));
	memcpy((void *)(uintptr_t)total->data, &count, total->len < sizeof(count) ? total->len : sizeof(count));
}

static int write_command(struct file *file, struct ib_uverbs_ioctl_hdr *request)
{
	const struct ib_uverbs_attr *command = attr_of(request, UVERBS_ATTR_WRITE_CMD);
	const struct ib_uverbs_attr *in = attr_of(request, UVERBS_ATTR_CORE_IN);
	const struct ib_uverbs_attr *out = attr_of(request, UVERBS_ATTR_CORE_OUT);
	const void *body;
	uint32_t handle;

	MUST(command && in);
	body = in->len > sizeof(in->data) ? (const void *)(uintptr_t)in->data : &in->data;
	switch ((uint32_t)command->data) {
	case IB_USER_VERBS_CMD_QUERY_QP:
		handle = ((const struct ib_uverbs_query_qp *)body)->qp_handle;
		if (handle >= QPS || !file->qps[handle])
			return -ENOENT;
		MUST(out && out->len >= offsetof(struct ib_uverbs_query_qp_resp, driver_data));
		((struct ib_uverbs_query_qp_resp *)(uintptr_t)out->data)->qp_state = file->qps[handle];
		return 0;
	case IB_USER_VERBS_CMD_MODIFY_QP:
		handle = ((const struct ib_uverbs_modify_qp *)body)->qp_handle;
		if (handle >= QPS || !file->qps[handle])
			return -ENOENT;
		file->qps[handle] = STATE_ERR;
		return 0;
	default:
		return -EINVAL;
	}
}

static int kernel(int fd, struct ib_uverbs_ioctl_hdr *request)
{
	struct file *file = file_of(fd);
	int err = -EINVAL;

	if (!file)
		return -EBADF;
	if (request->object_id == UVERBS_OBJECT_DEVICE && request->method_id == UVERBS_METHOD_INFO_HANDLES) {
		list_handles(file, request);
		err = 0;
	} else if (request->object_id == UVERBS_OBJECT_DEVICE && request->method_id == UVERBS_METHOD_INVOKE_WRITE) {
		err = write_command(file, request);
	}
	for (int i = 0; !err && i < request->num_attrs; i++)
		request->attrs[i].flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	return err;
}

/* ---- turns of the engine ---- */

static void turn(void)
{
	for (int i = 0; i < TURNS; i++)
		MUST(event_base_loop(engine.base, EVLOOP_NONBLOCK) >= 0);
}

/* Reads one message of the engine, if there is one. Returns its type, or -1. */
static int hear(int socket, uint32_t expected, void *message, size_t size)
{
	ssize_t got = recv(socket, message, size, MSG_DONTWAIT);
	int type;

	if (got <= 0)
		return -1;
	type = wire_check(message, (size_t)got, expected);
	MUST(type > 0);
	return type;
}

static int connect_door(void)
{
	int s = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	MUST(s >= 0);
	if (!connect(s, (struct sockaddr *)&engine.address, engine.address_len))
		return s;
	close(s);
	return -1;
}

static void close_door(struct door *door)
{
	if (door->socket >= 0)
		close(door->socket);
	door->socket = -1;
	door->passed = false;
}

/* ---- events ---- */

static void open_or_close(struct file *file)
{
	struct stat st;

	if (file->fd >= 0) {
		close(file->fd);
		file->fd = -1;
		return;
	}
	memset(file, 0, sizeof(*file));
	file->fd = memfd_create("uverbs", MFD_CLOEXEC);
	MUST(file->fd >= 0 && !fstat(file->fd, &st));
	file->inode = st.st_ino;
}

static void ask(struct door *door, unsigned int which, uint8_t what)
{
	static const enum request_kind kinds[] = { REQUEST_QP_CREATE,  REQUEST_QP_ADDRESS, REQUEST_QP_READY,
						   REQUEST_QP_DESTROY, REQUEST_AH_CREATE,  REQUEST_CONTEXT_OPEN,
						   REQUEST_QP_OPEN,    REQUEST_DOOR_BROKEN };
	struct file *file = &files[which];
	struct wire_answer answer;
	struct wire_ask message;
	/* not the next number: the engine, which is in this process, may have its duplicate there */
	int number = what & 0x80 ? STDERR_FILENO : file->fd;

	close_door(door);
	door->socket = connect_door();
	door->request =
		(struct request){ .kind = kinds[what & 7], .qp_type = IB_UVERBS_QPT_RC, .handle = what >> 3 & 3 };
	door->request.has = door->request.kind == REQUEST_QP_CREATE ? 0 : UVERBS_HAS_HANDLE;
	door->file = which;
	if (door->socket < 0 || file->fd < 0)
		return;
	wire_ask_make(&message, &door->request, number);
	if (wire_send(door->socket, &message, sizeof(message),
		      what & 0x40 || door->request.kind == REQUEST_DOOR_BROKEN ? -1 : file->fd) < 0)
		return;
	turn();
	if (hear(door->socket, WIRE_ANSWERS, &answer, sizeof(answer)) != WIRE_ANSWER)
		return;
	door->passed = answer.action == WIRE_PASS;
	MUST(!door->passed || !engine.enforces || door->request.kind == REQUEST_QP_DESTROY ||
	     door->request.kind == REQUEST_CONTEXT_OPEN);
	MUST(!door->passed || file->fd == number || door->request.kind == REQUEST_DOOR_BROKEN);
}

/* The kernel executes what passed. */
static void act(const struct door *door)
{
	struct file *file = &files[door->file];
	uint32_t handle = door->request.handle;

	if (!door->passed || file->fd < 0)
		return;
	switch (door->request.kind) {
	case REQUEST_QP_DESTROY:
	case REQUEST_QP_CREATE:
	case REQUEST_QP_OPEN:
		file->passed[handle] = false; /* another queue pair */
		file->qps[handle] = door->request.kind == REQUEST_QP_DESTROY ? STATE_NONE : STATE_INIT;
		return;
	case REQUEST_QP_ADDRESS:
	case REQUEST_QP_READY:
		if (file->qps[handle])
			file->qps[handle] = STATE_RTS;
		return;
	default:
		return;
	}
}

static void done(struct door *door, bool says_handle)
{
	bool creates = door->request.kind == REQUEST_QP_CREATE || door->request.kind == REQUEST_QP_OPEN;
	struct wire_done message;

	act(door);
	if (door->socket < 0)
		return;
	wire_make(&message, WIRE_DONE);
	if (creates && says_handle) {
		message.has = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN;
		message.handle = door->request.handle;
		message.qpn = 17 + door->request.handle;
	}
	if (wire_send(door->socket, &message, sizeof(message), -1) > 0 && door->passed && says_handle)
		files[door->file].passed[door->request.handle] = true;
	turn();
	close_door(door);
	turn();
}

static void query(const struct file *file, uint32_t handle, bool look)
{
	struct wire_protection protection;
	struct wire_query message;
	int s = connect_door();

	wire_make(&message, WIRE_QUERY);
	message.fd = file->fd < 0 ? 0 : (uint32_t)file->fd;
	message.handle = handle;
	message.flags = look ? WIRE_QUERY_LOOK : 0;
	if (s >= 0 && wire_send(s, &message, sizeof(message), file->fd) > 0) {
		turn();
		if (hear(s, WIRE_BIT(WIRE_PROTECTION), &protection, sizeof(protection)) > 0)
			MUST(protection.err || protection.verdict != VERDICT_PROTECTED || protection.by);
	}
	if (s >= 0)
		close(s);
	turn();
}

static void list(enum wire_type which)
{
	union {
		struct wire_record record;
		struct wire_end end;
	} message;
	struct wire_request request;
	int s = connect_door();

	wire_make(&request, which);
	if (s >= 0 && wire_send(s, &request, sizeof(request), -1) > 0)
		do
			turn();
		while (hear(s, WIRE_LISTS, &message, sizeof(message)) == WIRE_RECORD);
	if (s >= 0)
		close(s);
	turn();
}

static void send_octets(const uint8_t *octets, size_t len)
{
	int s = connect_door();

	if (s >= 0 && wire_send(s, octets, len, -1) > 0)
		turn();
	if (s >= 0)
		close(s);
	turn();
}

static void enforce(bool now)
{
	engine.enforces = now;
	engine_server_set_policy(engine.server, engine.policies[now]);
	turn();
}

/* ---- one input ---- */

static void happen(uint8_t what, uint8_t which, const uint8_t *rest, size_t size)
{
	struct door *door = &doors[which & 3];
	struct file *file = &files[what >> 4 & 3 ? (what >> 4 & 3) - 1 : 0];

	switch (what & 7) {
	case 0:
		ask(door, (unsigned int)(file - files), which >> 2 | (what & 0x80) | (what & 8) << 3);
		return;
	case 1:
		done(door, which & 4);
		return;
	case 2: /* it dies, before or after the kernel has executed its command */
		if (which & 4)
			act(door);
		close_door(door);
		turn();
		return;
	case 3:
		query(file, which & 7, which & 8);
		return;
	case 4:
		open_or_close(file);
		turn();
		return;
	case 5:
		enforce(which & 1);
		return;
	case 6:
		list(which & 1 ? WIRE_LIST_QPS : which & 2 ? WIRE_MONITOR : WIRE_LIST_STATUS);
		return;
	default:
		send_octets(rest, size < which ? size : which);
	}
}

/* The last state: what the engine let pass cannot send under a policy that enforces. */
static void check_revoked(void)
{
	enforce(true);
	turn();
	for (int i = 0; i < FILES; i++)
		for (int handle = 0; files[i].fd >= 0 && handle < QPS; handle++)
			MUST(!files[i].passed[handle] || files[i].qps[handle] != STATE_RTS);
}

static struct policy *parse(const char *text)
{
	char error[POLICY_ERROR_MAX];
	struct policy *policy;

	MUST(!policy_parse("policy", text, strlen(text), &policy, error, sizeof(error)));
	return policy;
}

static void begin(void)
{
	const struct engine_options options = { .must_watch = true };
	char name[WIRE_NAME_MAX];
	int listener = wire_listen(name);

	MUST(listener >= 0 && !wire_address(name, &engine.address, &engine.address_len));
	engine.base = engine_base_new();
	MUST(engine.base);
	engine.policies[0] = parse("[default]\nmode = off\n");
	engine.policies[1] = parse("[default]\nmode = enforce\n");
	engine.enforces = false;
	MUST(!engine_server_new(engine.base, engine.policies[0], listener, &options, &engine.server));
	for (int i = 0; i < FILES; i++)
		files[i] = (struct file){ .fd = -1 };
	for (int i = 0; i < CONNECTIONS; i++)
		doors[i] = (struct door){ .socket = -1 };
	open_or_close(&files[0]);
}

static void end(void)
{
	for (int i = 0; i < CONNECTIONS; i++)
		close_door(&doors[i]);
	turn();
	check_revoked();
	engine_server_free(engine.server);
	event_base_free(engine.base);
	for (int i = 0; i < FILES; i++)
		if (files[i].fd >= 0)
			close(files[i].fd);
	policy_free(engine.policies[0]);
	policy_free(engine.policies[1]);
}

static int lowest_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	MUST(fd >= 0);
	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before = lowest_fd();

	uverbs_call_kernel = kernel;
	begin();
	for (; size >= 2; data += 2, size -= 2)
		happen(data[0], data[1], data + 2, size - 2);
	end();
	MUST(lowest_fd() == before);
	return 0;
}
