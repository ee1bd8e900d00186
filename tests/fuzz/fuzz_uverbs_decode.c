// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Arbitrary octets as the memory of a program that issues a uverbs ioctl: the request is at its start, and every
 * pointer leads back into it. Most important: a request by which a kernel would create a QP or set its address is never
 * classified as NOTHING, even if it is odd.
 */
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "messages/protocol.h"
#include "must.h"
#include "uverbs/decode.h"

enum {
	QP_ATTACH_COMP_CNTR = 2,
	DEVX_OBJ = 0x1001,
	DEVX_CREATE = 0x1000,
	DEVX_MODIFY = 0x1002,
	DEVX_HANDLE = 0x1000,
	DEVX_CMD_IN = 0x1001,
	DEVX_CMD_OUT = 0x1002,
};

enum {
	HEADER = sizeof(struct ib_uverbs_ioctl_hdr),
	ATTR = sizeof(struct ib_uverbs_attr),
	DEVX_BEGIN = HEADER + 3 * ATTR,
	DEVX_COMMAND = 0x110,
	MEMORY_MAX = 1 << 14
};

struct program {
	uint8_t octets[MEMORY_MAX];
	size_t size;
	int reads, fail_at; /* 0: none fails */
};

static int memory_read(void *context, uint64_t address, void *buffer, size_t len)
{
	struct program *program = context;
	size_t offset = address & 0xffff;

	if (++program->reads == program->fail_at || offset > program->size || len > program->size - offset)
		return -EFAULT;
	memcpy(buffer, program->octets + offset, len);
	return 0;
}

static int decode(struct program *program, enum uverbs_phase phase, struct uverbs_command *out)
{
	const struct uverbs_memory memory = { memory_read, program };
	int err;

	program->reads = 0;
	memset(out, 0xa5, sizeof(*out));
	err = uverbs_decode(&memory, 0, phase, out);
	MUST(err == 0 || err == -EFAULT);
	MUST((unsigned)out->kind < UVERBS_KIND_COUNT);
	MUST(!err || out->kind == UVERBS_MALFORMED);
	MUST((out->kind == UVERBS_MALFORMED) == (out->why_malformed != NULL));
	return err;
}

/* ---- the kernel's view, independent of the decoder ---- */

static const struct ib_uverbs_ioctl_hdr *program_header(const struct program *program)
{
	return (const struct ib_uverbs_ioctl_hdr *)program->octets;
}

/* Whether the kernel would read the attributes: exact length, none missing, none twice. */
static bool request_is_whole(const struct program *program)
{
	const struct ib_uverbs_ioctl_hdr *header = program_header(program);

	if (program->size < HEADER || header->length != HEADER + (size_t)header->num_attrs * ATTR ||
	    header->length > program->size)
		return false;
	for (int i = 1; i < header->num_attrs; i++)
		for (int j = 0; j < i; j++)
			if (header->attrs[i].attr_id == header->attrs[j].attr_id)
				return false;
	return true;
}

static const struct ib_uverbs_attr *attr_of(const struct program *program, uint16_t id)
{
	const struct ib_uverbs_ioctl_hdr *header = program_header(program);

	for (int i = 0; i < header->num_attrs; i++)
		if (header->attrs[i].attr_id == id)
			return &header->attrs[i];
	return NULL;
}

static bool write_gives_an_address(const struct program *program)
{
	const struct ib_uverbs_attr *command = attr_of(program, UVERBS_ATTR_WRITE_CMD);
	const struct ib_uverbs_attr *in = attr_of(program, UVERBS_ATTR_CORE_IN);
	uint32_t mask;
	size_t offset;

	if (!command)
		return false;
	switch (command->data) {
	case IB_USER_VERBS_CMD_CREATE_QP:
	case IB_USER_VERBS_CMD_CREATE_QP | IB_USER_VERBS_CMD_FLAG_EXTENDED:
	case IB_USER_VERBS_CMD_CREATE_AH:
	case IB_USER_VERBS_CMD_OPEN_QP:
	case IB_USER_VERBS_CMD_ATTACH_MCAST:
	case IB_USER_VERBS_EX_CMD_CREATE_FLOW | IB_USER_VERBS_CMD_FLAG_EXTENDED:
	case IB_USER_VERBS_CMD_GET_CONTEXT:
		return true;
	case IB_USER_VERBS_CMD_MODIFY_QP:
	case IB_USER_VERBS_CMD_MODIFY_QP | IB_USER_VERBS_CMD_FLAG_EXTENDED:
		offset = in ? in->data & 0xffff : 0;
		if (!in || in->len < 112 || offset > program->size || 112 > program->size - offset)
			return true;
		memcpy(&mask, program->octets + offset + 68, sizeof(mask));
		/* an address, an alternate path, or a state of it (path_mig_state at octet 99) other than MIGRATED, 0
		 */
		return mask & (1 << 7 | 1 << 14) || (mask & 1 << 18 && program->octets[offset + 99]);
	default:
		return false;
	}
}

/*
 * Whether an mlx5 device command creates a QP, a DCT or a raw queue, or sets a QP's address (offsets counted in
 * include/linux/mlx5/mlx5_ifc.h: the path begins at octet 48, its remote GID at octet 64).
 */
static bool devx_gives_an_address(const struct program *program)
{
	static const uint8_t none[16];
	const struct ib_uverbs_ioctl_hdr *header = program_header(program);
	const struct ib_uverbs_attr *in = attr_of(program, DEVX_CMD_IN);
	const uint8_t *command;
	size_t offset;

	if (header->object_id != DEVX_OBJ || !in || in->len < 16 ||
	    (header->method_id != DEVX_CREATE && header->method_id != DEVX_MODIFY))
		return false;
	offset = in->data & 0xffff;
	if (offset > program->size || in->len > program->size - offset)
		return true; /* unreadable */
	command = program->octets + offset;
	if (header->method_id == DEVX_CREATE)
		return (command[0] == 5 && command[1] == 0) || (command[0] == 7 && command[1] == 0x10) ||
		       (command[0] == 9 && command[1] == 4);
	return command[0] == 5 && command[1] >= 2 && command[1] <= 6 && in->len >= 80 &&
	       memcmp(command + 64, none, sizeof(none)) != 0;
}

static bool must_be_judged(const struct program *program)
{
	const struct ib_uverbs_ioctl_hdr *header = program_header(program);

	if (!request_is_whole(program))
		return false;
	if (header->driver_id == RDMA_DRIVER_MLX5 && devx_gives_an_address(program))
		return true;
	if (header->object_id == UVERBS_OBJECT_QP)
		return header->method_id != UVERBS_METHOD_QP_DESTROY && header->method_id != QP_ATTACH_COMP_CNTR;
	return header->object_id == UVERBS_OBJECT_DEVICE && header->method_id == UVERBS_METHOD_INVOKE_WRITE &&
	       write_gives_an_address(program);
}

/* ---- the decoder's results ---- */

/* Lets each read of the request or the answer fail in turn. */
static void check_faults(struct program *program, enum uverbs_phase phase, int reads)
{
	struct uverbs_command out;

	for (program->fail_at = 1; program->fail_at <= reads; program->fail_at++)
		MUST(decode(program, phase, &out) == -EFAULT);
	program->fail_at = 0;
}

/* A command that the engine evaluates reaches it unchanged. */
static void check_wire(const struct uverbs_command *command)
{
	const struct request asked = request_from_command(command);
	struct request got;
	struct wire_ask ask;
	int fd;

	wire_ask_make(&ask, &asked, 3);
	MUST(wire_ask_read(&ask, sizeof(ask), &got, &fd) == 0 && fd == 3);
	MUST(got.kind == asked.kind && got.has == command->has && got.handle == command->handle &&
	     got.qpn == command->qpn && got.qp_type == command->qp_type && got.devx_opcode == asked.devx_opcode &&
	     got.driver_id == command->driver_id);
	MUST(!memcmp(got.address.dgid, command->address.dgid, sizeof(got.address.dgid)) &&
	     got.address.sgid_index == command->address.sgid_index && got.address.port == command->address.port &&
	     got.address.is_global == command->address.is_global);
}

static void check_phase(struct program *program, enum uverbs_phase phase, struct uverbs_command *out)
{
	int err = decode(program, phase, out), reads = program->reads;

	MUST(out->kind != UVERBS_NOTHING || !must_be_judged(program));
	if (out->kind != UVERBS_NOTHING)
		check_wire(out);
	/* a failed read is the last one */
	check_faults(program, phase, err ? reads - 1 : reads);
}

/* A fuzzer rarely guesses opcodes: the first octet selects one that is decoded, in a command of full length. */
static void choose_opcode(struct program *program)
{
	static const uint16_t opcodes[] = { 0x500, 0x502, 0x503, 0x504, 0x505, 0x506, 0x507, 0x50c,
					    0x50e, 0x710, 0x726, 0x904, 0x905, 0x936, 0xa00, 0x200 };
	uint8_t *command = program->octets + DEVX_BEGIN;
	uint16_t opcode;

	if (program->size < DEVX_BEGIN + DEVX_COMMAND)
		program->size = DEVX_BEGIN + DEVX_COMMAND;
	opcode = opcodes[*command % (sizeof(opcodes) / sizeof(opcodes[0]))];
	command[0] = (uint8_t)(opcode >> 8);
	command[1] = (uint8_t)opcode;
}

/* Builds a DEVX command that the kernel would read: generated attributes, followed by the input's octets. */
static void make_devx(struct program *program, bool creates)
{
	struct ib_uverbs_ioctl_hdr *header = (struct ib_uverbs_ioctl_hdr *)program->octets;
	const size_t begin = DEVX_BEGIN;

	if (program->size < begin + 16)
		return;
	*header = (struct ib_uverbs_ioctl_hdr){ .length = begin,
						.driver_id = RDMA_DRIVER_MLX5,
						.object_id = DEVX_OBJ,
						.method_id = creates ? DEVX_CREATE : DEVX_MODIFY,
						.num_attrs = 3 };
	header->attrs[0] = (struct ib_uverbs_attr){ .attr_id = DEVX_HANDLE, .data = 41 };
	header->attrs[1] = (struct ib_uverbs_attr){ .attr_id = DEVX_CMD_IN,
						    .len = (uint16_t)(program->size - begin),
						    .data = begin };
	header->attrs[2] = (struct ib_uverbs_attr){ .attr_id = DEVX_CMD_OUT, .len = 16, .data = begin };
}

/* The first octet holds flags. 1: exact length, which every kernel requires; 2: INVOKE_WRITE; 4: a DEVX command, 8:
 * that creates an object, 16: with a known opcode. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct uverbs_command request, reply;
	static struct program program;
	struct ib_uverbs_ioctl_hdr *header = (struct ib_uverbs_ioctl_hdr *)program.octets;
	uint8_t how = size ? *data : 0;

	memset(&program, 0, sizeof(program));
	program.size = size > 1 ? size - 1 : 0;
	program.size = program.size < MEMORY_MAX ? program.size : MEMORY_MAX;
	if (program.size)
		memcpy(program.octets, data + 1, program.size);
	if (how & 1 && program.size >= HEADER) {
		header->num_attrs &= 7;
		header->length = HEADER + header->num_attrs * ATTR;
	}
	if (how & 2 && program.size >= HEADER)
		header->object_id = header->method_id = 0;
	if (how & 16)
		choose_opcode(&program);
	if (how & 4)
		make_devx(&program, how & 8);
	check_phase(&program, UVERBS_REQUEST, &request);
	check_phase(&program, UVERBS_REPLY, &reply);
	/* the answer adds fields but does not change the kind of the request */
	MUST(reply.kind == request.kind || reply.kind == UVERBS_MALFORMED);
	MUST(reply.kind == UVERBS_MALFORMED || (reply.has & request.has) == request.has);
	return 0;
}
