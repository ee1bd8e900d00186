// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The copy of a request, and what the tables say of its attributes. Input: one octet (does the call succeed?), the rest
 * is the memory of the program, whose first octets are the request.
 *
 * The copy has what the program has. Its pointers lead into the block, those of outputs behind those of all inputs. An
 * attribute has one role. Results change nothing in the program but its outputs and its attributes. No fd stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "must.h"
#include "supervisor/supervisor_internal.h"

enum { ROOM = 0x4000, MARK = 0x5a };

static struct program {
	uint8_t memory[ROOM], before[ROOM];
	bool may_change[ROOM];
	size_t size;
} program;

static bool within(uint64_t address, size_t len, size_t *at)
{
	*at = address % ROOM;
	return *at <= program.size && len <= program.size - *at;
}

static int program_read(void *context, uint64_t address, void *buffer, size_t len)
{
	size_t at;

	(void)context;
	if (!within(address, len, &at))
		return -EFAULT;
	memcpy(buffer, program.memory + at, len);
	return 0;
}

static int program_write(void *context, uint64_t address, const void *buffer, size_t len)
{
	size_t at;

	(void)context;
	if (!within(address, len, &at))
		return -EFAULT;
	memcpy(program.memory + at, buffer, len);
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
	MUST(number >= 0);
	*out_fd = new_fd();
	return 0;
}

static int program_put_fd(void *context, int fd, uint32_t fd_flags)
{
	(void)context;
	MUST(fcntl(fd, F_GETFD) >= 0 && fd_flags == O_CLOEXEC);
	return 17;
}

static const struct target target = { .tid = 1,
				      .pid = 1,
				      .read = program_read,
				      .write = program_write,
				      .fetch_fd = program_fetch_fd,
				      .put_fd = program_put_fd };

/* ---- the tables ---- */

static void check_sets(const struct attr_set *set)
{
	const uint32_t sets[] = { set->in, set->out, set->handle, set->fd_in, set->fd_new, set->program_only };
	uint32_t seen = 0;

	for (size_t i = 0; i < sizeof(sets) / sizeof(sets[0]); i++) {
		MUST(!(seen & sets[i]));
		seen |= sets[i];
	}
}

static void check_schema(struct snapshot *snapshot)
{
	const struct ib_uverbs_ioctl_hdr *request = snapshot->request;
	const struct uverbs_memory memory = snapshot_memory(snapshot);
	struct uverbs_command command;

	check_sets(&snapshot->schema->core);
	check_sets(&snapshot->schema->driver);
	MUST(snapshot->schema == schema_find(request->driver_id, request->object_id, request->method_id));
	if (uverbs_decode(&memory, (uintptr_t)snapshot->block, UVERBS_REQUEST, &command))
		return;
	(void)schema_can_carry_out(request, &command);
	(void)schema_answer_fits(request, &command);
	(void)schema_asks_capability(request, &command);
}

/* ---- the copy ---- */

static bool has_pointer(enum attr_role role, const struct ib_uverbs_attr *attr)
{
	return role == ATTR_OUT || (role == ATTR_IN && attr->len > sizeof(attr->data));
}

static void check_copy(const struct snapshot *snapshot)
{
	const struct ib_uverbs_ioctl_hdr *request = snapshot->request;
	const uint8_t *last_input = snapshot->block, *first_output = snapshot->block + snapshot->size;

	MUST((const uint8_t *)request == snapshot->block);
	for (size_t i = 0; i < request->num_attrs; i++) {
		const struct ib_uverbs_attr *attr = &request->attrs[i];
		enum attr_role role = schema_role(snapshot->schema, snapshot->original[i].attr_id);
		const uint8_t *copy = (const uint8_t *)(uintptr_t)attr->data;
		size_t at;

		if (!has_pointer(role, attr))
			continue;
		MUST(copy >= snapshot->block && copy + attr->len <= snapshot->block + snapshot->size);
		MUST(!attr->len || (within(snapshot->original[i].data, attr->len, &at) &&
				    !memcmp(copy, program.memory + at, attr->len)));
		if (role == ATTR_IN && copy + attr->len > last_input)
			last_input = copy + attr->len;
		if (role == ATTR_OUT && copy < first_output)
			first_output = copy;
	}
	MUST(last_input <= first_output);
}

/* ---- results ---- */

static void may_change(uint64_t address, size_t len)
{
	size_t at;

	if (within(address, len, &at))
		memset(program.may_change + at, true, len);
}

/* As the kernel does it. */
static void execute(const struct snapshot *snapshot, bool succeeds)
{
	struct ib_uverbs_ioctl_hdr *request = snapshot->request;

	may_change(snapshot->address + sizeof(*request), request->num_attrs * sizeof(request->attrs[0]));
	for (size_t i = 0; i < request->num_attrs; i++) {
		struct ib_uverbs_attr *attr = &request->attrs[i];
		enum attr_role role = schema_role(snapshot->schema, snapshot->original[i].attr_id);

		if (role == ATTR_OUT) {
			memset((void *)(uintptr_t)attr->data, MARK, attr->len);
			attr->flags |= UVERBS_ATTR_F_VALID_OUTPUT;
			may_change(snapshot->original[i].data, attr->len);
		} else if (role == ATTR_HANDLE) {
			attr->data = 7;
		} else if (role == ATTR_FD_IN) {
			MUST(fcntl((int)attr->data, F_GETFD) >= 0);
		} else if (role == ATTR_FD_NEW && succeeds) {
			attr->data = (uint64_t)new_fd();
		}
	}
}

static void check_program(void)
{
	for (size_t i = 0; i < program.size; i++)
		MUST(program.may_change[i] || program.memory[i] == program.before[i]);
}

static void run(bool succeeds)
{
	struct snapshot snapshot;
	uint8_t octet;
	int err = snapshot_take(&target, 0, &snapshot);

	MUST(err <= 0);
	if (err)
		return;
	MUST(snapshot_memory(&snapshot).read(&snapshot, (uintptr_t)snapshot.block + snapshot.size, &octet, 1) ==
	     -EFAULT);
	MUST(snapshot_memory(&snapshot).read(&snapshot, (uintptr_t)snapshot.block - 1, &octet, 1) == -EFAULT);
	if (snapshot.schema) {
		check_copy(&snapshot);
		check_schema(&snapshot);
		err = snapshot_take_fds(&target, &snapshot);
		if (!err) {
			execute(&snapshot, succeeds);
			err = snapshot_write_back(&target, &snapshot, succeeds);
		}
		snapshot_close_fds(&snapshot);
	}
	check_program();
	snapshot_free(&snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before;

	if (size < 1 || size - 1 > ROOM)
		return 0;
	program.size = size - 1;
	memcpy(program.memory, data + 1, program.size);
	memcpy(program.before, data + 1, program.size);
	memset(program.may_change, false, sizeof(program.may_change));
	before = new_fd();
	close(before);
	run(data[0] & 1);
	MUST(new_fd() == before); /* the lowest free number */
	close(before);
	return 0;
}
