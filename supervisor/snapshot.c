// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Copies a request, and writes its results back. Limits and attributes: uverbs_ioctl.c. */
#include <errno.h>
#include <fcntl.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "supervisor_internal.h"

/*
 * A request is at most a page; the limit of a block is sixteen of the longest attributes. Drivers read and write UHW_IN
 * and UHW_OUT by their own structs, and many ignore the given lengths (callers of ib_copy_to_udata() in kernels 6.1 and
 * 6.12). What exceeds the program's length falls into the slack; none of these structs is a page long.
 */
enum { BLOCK_MAX = 1 << 20, ALIGNMENT = 8, SLACK = 4096 };

static size_t aligned(size_t size)
{
	return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

/*
 * uverbs_attr_ptr_is_inline() applies to inputs only. An output of length 0 also has a pointer, and a driver that
 * ignores the length writes there: the pointer must lead into the block, not where the program chose.
 */
static bool is_behind_pointer(enum attr_role role, const struct ib_uverbs_attr *attr)
{
	return role == ATTR_OUT || (role == ATTR_IN && attr->len > sizeof(attr->data));
}

/* Removes unknown attributes, as the kernel ignores those that it does not know, unless they are mandatory. */
static int drop_unknown(struct snapshot *snapshot)
{
	struct ib_uverbs_ioctl_hdr *request = snapshot->request;

	for (size_t i = 0; i < request->num_attrs; i++)
		if (schema_role(snapshot->schema, request->attrs[i].attr_id) == ATTR_UNKNOWN) {
			if (request->attrs[i].flags & UVERBS_ATTR_F_MANDATORY)
				return -EPROTONOSUPPORT;
			/* keeps the positions of the others: a number that no method has */
			request->attrs[i] = (struct ib_uverbs_attr){ .attr_id = (uint16_t)(0x0f00 + i) };
		}
	return 0;
}

/* Adds zeroed room at the end of the block, which may move. */
static int grow(struct snapshot *snapshot, size_t by)
{
	uint8_t *block;

	if (snapshot->size + aligned(by) > BLOCK_MAX)
		return -ENOMEM;
	block = realloc(snapshot->block, snapshot->size + aligned(by));
	if (!block)
		return -ENOMEM;
	memset(block + snapshot->size, 0, aligned(by));
	snapshot->block = block;
	snapshot->request = (struct ib_uverbs_ioctl_hdr *)block;
	snapshot->size += aligned(by);
	return 0;
}

static int take_attrs(const struct target *target, struct snapshot *snapshot)
{
	size_t size = snapshot->request->num_attrs * sizeof(struct ib_uverbs_attr);
	int err = grow(snapshot, size);

	if (!err)
		err = target->read(target->context, snapshot->address + sizeof(*snapshot->request),
				   snapshot->request->attrs, size);
	if (err)
		return err;
	snapshot->original = malloc(size ? size : 1);
	if (!snapshot->original)
		return -ENOMEM;
	memcpy(snapshot->original, snapshot->request->attrs, size);
	return 0;
}

static size_t len_behind_pointers(const struct snapshot *snapshot)
{
	const struct ib_uverbs_ioctl_hdr *request = snapshot->request;
	size_t total = 0;

	for (size_t i = 0; i < request->num_attrs; i++)
		if (is_behind_pointer(schema_role(snapshot->schema, request->attrs[i].attr_id), &request->attrs[i]))
			total += aligned(request->attrs[i].len);
	return total;
}

static int take_those(const struct target *target, struct snapshot *snapshot, enum attr_role role, size_t *at)
{
	int err = 0;

	for (size_t i = 0; !err && i < snapshot->request->num_attrs; i++) {
		struct ib_uverbs_attr *attr = &snapshot->request->attrs[i];

		if (schema_role(snapshot->schema, attr->attr_id) != role || !is_behind_pointer(role, attr))
			continue;
		if (attr->len)
			err = target->read(target->context, attr->data, snapshot->block + *at, attr->len);
		attr->data = (uintptr_t)(snapshot->block + *at);
		*at += aligned(attr->len);
	}
	return err;
}

/*
 * Copies outputs too: the program keeps the octets that the kernel does not write, and unreadable memory is an error
 * before the call. Outputs come last, so that an overrun cannot change an input that the engine has seen.
 */
static int take_behind_pointers(const struct target *target, struct snapshot *snapshot)
{
	size_t at = snapshot->size;
	int err = grow(snapshot, len_behind_pointers(snapshot) + SLACK);

	if (!err)
		err = take_those(target, snapshot, ATTR_IN, &at);
	return err ? err : take_those(target, snapshot, ATTR_OUT, &at);
}

static int take(const struct target *target, struct snapshot *snapshot)
{
	struct ib_uverbs_ioctl_hdr *request;
	int err = grow(snapshot, sizeof(*request));

	if (!err)
		err = target->read(target->context, snapshot->address, snapshot->request, sizeof(*request));
	if (err)
		return err;
	request = snapshot->request;
	if (request->length > SNAPSHOT_REQUEST_MAX ||
	    request->length != sizeof(*request) + request->num_attrs * sizeof(struct ib_uverbs_attr))
		return -EINVAL;
	err = take_attrs(target, snapshot);
	if (err)
		return err;
	request = snapshot->request;
	snapshot->schema = schema_find(request->driver_id, request->object_id, request->method_id);
	if (!snapshot->schema)
		return 0;
	err = drop_unknown(snapshot);
	return err ? err : take_behind_pointers(target, snapshot);
}

int snapshot_take(const struct target *target, uint64_t address, struct snapshot *out)
{
	struct snapshot snapshot = { .address = address };
	int err = take(target, &snapshot);

	if (err)
		snapshot_free(&snapshot);
	else
		*out = snapshot;
	return err;
}

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->block);
	free(snapshot->original);
	memset(snapshot, 0, sizeof(*snapshot));
}

static int read_block(void *context, uint64_t address, void *buffer, size_t len)
{
	const struct snapshot *snapshot = context;
	uint64_t start = (uintptr_t)snapshot->block;

	if (address < start || address - start > snapshot->size || len > snapshot->size - (address - start))
		return -EFAULT;
	memcpy(buffer, snapshot->block + (address - start), len);
	return 0;
}

struct uverbs_memory snapshot_memory(struct snapshot *snapshot)
{
	return (struct uverbs_memory){ .read = read_block, .context = snapshot };
}

/* ---- fds ---- */

static enum attr_role role_of(const struct snapshot *snapshot, size_t i)
{
	return schema_role(snapshot->schema, snapshot->original[i].attr_id);
}

static void own_fd(struct snapshot *snapshot, size_t i)
{
	snapshot->fds_owned[i / 64] |= UINT64_C(1) << i % 64;
}

static bool owns_fd(const struct snapshot *snapshot, size_t i)
{
	return snapshot->fds_owned[i / 64] & UINT64_C(1) << i % 64;
}

int snapshot_take_fds(const struct target *target, struct snapshot *snapshot)
{
	struct ib_uverbs_ioctl_hdr *request = snapshot->request;

	for (size_t i = 0; i < request->num_attrs; i++) {
		int fd, err;

		if (role_of(snapshot, i) != ATTR_FD_IN)
			continue;
		if ((int64_t)snapshot->original[i].data < 0 || snapshot->original[i].data > INT32_MAX)
			return -EBADF;
		err = target->fetch_fd(target->context, (int)snapshot->original[i].data, &fd);
		if (err)
			return err;
		request->attrs[i].data = (uint64_t)fd;
		own_fd(snapshot, i);
	}
	return 0;
}

void snapshot_close_fds(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->request->num_attrs; i++)
		if (owns_fd(snapshot, i))
			close((int)snapshot->request->attrs[i].data);
	memset(snapshot->fds_owned, 0, sizeof(snapshot->fds_owned));
}

/* ---- results ---- */

static int write_outputs(const struct target *target, const struct snapshot *snapshot)
{
	const struct ib_uverbs_ioctl_hdr *request = snapshot->request;
	int err = 0;

	for (size_t i = 0; !err && i < request->num_attrs; i++) {
		const struct ib_uverbs_attr *attr = &request->attrs[i];

		/* uverbs_set_output() */
		if (role_of(snapshot, i) == ATTR_OUT && attr->len && attr->flags & UVERBS_ATTR_F_VALID_OUTPUT)
			err = target->write(target->context, snapshot->original[i].data, (void *)(uintptr_t)attr->data,
					    attr->len);
	}
	return err;
}

/* The kernel has put new fds into this process. They are closed later, also if the program does not get them. */
static void own_new_fds(struct snapshot *snapshot)
{
	for (size_t i = 0; i < snapshot->request->num_attrs; i++)
		if (role_of(snapshot, i) == ATTR_FD_NEW)
			own_fd(snapshot, i);
}

/* Puts a new fd into the program. */
static int give_fd(const struct target *target, struct snapshot *snapshot, size_t i)
{
	int number = target->put_fd(target->context, (int)snapshot->request->attrs[i].data, O_CLOEXEC);

	if (number < 0)
		return number;
	snapshot->original[i].data = (uint64_t)number;
	return 0;
}

/* Merges the kernel's results into the attributes as the program had them. */
static int merge_attrs(const struct target *target, struct snapshot *snapshot, bool succeeded, bool *changed)
{
	const struct ib_uverbs_ioctl_hdr *request = snapshot->request;
	int err = 0;

	for (size_t i = 0; !err && i < request->num_attrs; i++) {
		struct ib_uverbs_attr *to = &snapshot->original[i];
		const struct ib_uverbs_attr *from = &request->attrs[i];
		enum attr_role role = role_of(snapshot, i);

		if (role == ATTR_OUT && to->flags != from->flags) {
			to->flags = from->flags;
			*changed = true;
		} else if (role == ATTR_HANDLE && to->data != from->data) {
			to->data = from->data;
			*changed = true;
		} else if (role == ATTR_FD_NEW && succeeded) {
			err = give_fd(target, snapshot, i);
			*changed = true;
		}
	}
	return err;
}

int snapshot_write_back(const struct target *target, struct snapshot *snapshot, bool succeeded)
{
	bool changed = false;
	int err;

	if (succeeded)
		own_new_fds(snapshot);
	err = write_outputs(target, snapshot);
	if (!err)
		err = merge_attrs(target, snapshot, succeeded, &changed);
	if (!err && changed)
		err = target->write(target->context, snapshot->address + sizeof(*snapshot->request), snapshot->original,
				    snapshot->request->num_attrs * sizeof(struct ib_uverbs_attr));
	return err;
}
