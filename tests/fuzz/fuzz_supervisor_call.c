// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Lets a program that is all arbitrary octets make a verbs call or ring a doorbell under the supervisor. Input: one
 * octet says how engine and kernel answer, the rest is the memory of the program; every address leads back into it.
 *
 * The kernel gets only memory that is the supervisor's, and has all of it; no fd stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "must.h"
#include "supervisor/supervisor_internal.h"

enum { BASE = 0x10000, ROOM = 0x10000, RDEV = 0xe7c0 };
enum { REFUSED = 1 << 0, FAILS = 1 << 1, OTHER_FILE = 1 << 2, DOORBELL = 1 << 3, POORER = 1 << 4, NO_NEW_FD = 1 << 5 };

struct program {
	uint8_t memory[ROOM];
	size_t size;
	uint8_t how;
};

static bool within(const struct program *program, uint64_t address, size_t len, size_t *at)
{
	*at = address % ROOM;
	return *at <= program->size && len <= program->size - *at;
}

static int program_read(void *context, uint64_t address, void *buffer, size_t len)
{
	const struct program *program = context;
	size_t at;

	if (!within(program, address, len, &at))
		return -EFAULT;
	memcpy(buffer, program->memory + at, len);
	return 0;
}

static int program_write(void *context, uint64_t address, const void *buffer, size_t len)
{
	struct program *program = context;
	size_t at;

	if (!within(program, address, len, &at))
		return -EFAULT;
	memcpy(program->memory + at, buffer, len);
	return 0;
}

static int new_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

static int program_fetch_fd(void *context, int number, int *out_fd)
{
	(void)context;
	if (number < 0)
		return -EBADF;
	*out_fd = new_fd();
	return 0;
}

static int program_put_fd(void *context, int fd, uint32_t fd_flags)
{
	const struct program *program = context;

	MUST(fcntl(fd, F_GETFD) >= 0 && fd_flags == O_CLOEXEC);
	return program->how & NO_NEW_FD ? -EMFILE : 17;
}

static bool program_waits(void *context)
{
	(void)context;
	return true;
}

static int ask(void *context, const struct target *target, int number, int fd, const struct uverbs_command *command,
	       struct engine_pass *pass)
{
	const struct program *program = context;

	(void)target;
	(void)number;
	MUST(fd >= 0 && command->kind < UVERBS_KIND_COUNT);
	pass->socket = -1;
	return program->how & REFUSED ? -EPERM : 0;
}

static void done(void *context, const struct engine_pass *pass, const struct uverbs_command *reply)
{
	(void)context;
	(void)pass;
	(void)reply;
}

/* Uses what a kernel may use of an attribute. */
static void use(const struct program *program, struct ib_uverbs_attr *attr, enum attr_role role)
{
	uint8_t *memory = (uint8_t *)(uintptr_t)attr->data;
	volatile uint8_t seen = 0;

	if (role == ATTR_IN && attr->len > sizeof(attr->data))
		for (size_t i = 0; i < attr->len; i++)
			seen = memory[i];
	(void)seen;
	if (role == ATTR_OUT) {
		memset(memory, 0x5a, attr->len);
		attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
	}
	if (role == ATTR_HANDLE)
		attr->data = 7;
	if (role == ATTR_FD_IN)
		MUST(fcntl((int)attr->data, F_GETFD) >= 0);
	if (role == ATTR_FD_NEW && !(program->how & FAILS))
		attr->data = (uint64_t)new_fd();
}

static int kernel(void *context, int fd, struct ib_uverbs_ioctl_hdr *request)
{
	const struct program *program = context;
	const struct schema *schema = schema_find(request->driver_id, request->object_id, request->method_id);

	MUST(fd >= 0 && schema);
	MUST(request->length == sizeof(*request) + request->num_attrs * sizeof(request->attrs[0]));
	for (size_t i = 0; i < request->num_attrs; i++)
		use(program, &request->attrs[i], schema_role(schema, request->attrs[i].attr_id));
	return program->how & FAILS ? -EINVAL : 0;
}

static bool is_uverbs(void *context, int fd, dev_t *out_rdev)
{
	const struct program *program = context;

	(void)fd;
	*out_rdev = RDEV;
	return !(program->how & OTHER_FILE);
}

static bool same_capabilities(void *context, const struct target *target)
{
	const struct program *program = context;

	(void)target;
	return !(program->how & POORER);
}

static void say(void *context, const char *line)
{
	(void)context;
	MUST(!strncmp(line, "rdmasec: ", strlen("rdmasec: ")));
}

static uint32_t driver_of(void *context, dev_t rdev)
{
	const struct program *program = context;

	MUST(rdev == RDEV);
	return program->how >> 6 ? RDMA_DRIVER_RXE : 0;
}

static void driver_is(void *context, dev_t rdev, uint32_t driver_id)
{
	(void)context;
	(void)driver_id;
	MUST(rdev == RDEV);
}

static void call(struct program *program)
{
	const struct target target = { .tid = 1,
				       .pid = 1,
				       .read = program_read,
				       .write = program_write,
				       .fetch_fd = program_fetch_fd,
				       .put_fd = program_put_fd,
				       .waits = program_waits,
				       .context = program };
	const struct surroundings around = { .ask = ask,
					     .done = done,
					     .kernel = kernel,
					     .is_uverbs = is_uverbs,
					     .same_capabilities = same_capabilities,
					     .say = say,
					     .driver_of = driver_of,
					     .driver_is = driver_is,
					     .context = program };
	struct outcome outcome = program->how & DOORBELL ? call_doorbell(&around, &target, 3, BASE)
							 : call_verbs(&around, &target, 3, BASE);

	MUST(outcome.kind == OUTCOME_RETURNS || outcome.kind == OUTCOME_CONTINUES);
	MUST(outcome.fd < 0 || outcome.kind == OUTCOME_CONTINUES);
	if (outcome.fd >= 0)
		close(outcome.fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct program program;
	int before, after;

	if (size < 1 || size - 1 > ROOM)
		return 0;
	program.how = data[0];
	program.size = size - 1;
	memcpy(program.memory, data + 1, size - 1);
	before = new_fd();
	close(before);
	call(&program);
	after = new_fd();
	close(after);
	MUST(after == before); /* the lowest free number */
	return 0;
}
