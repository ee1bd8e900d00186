/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Requests for the decoder, written octet by octet to a separate memory at addresses that cannot be dereferenced. The
 * memory fails a test that reads an octet twice, since the program could change it between the reads.
 */
#ifndef RDMASEC_TESTS_UVERBS_FIXTURE_H
#define RDMASEC_TESTS_UVERBS_FIXTURE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <string.h>

#include "uverbs/decode.h"

enum { PARTS = 4, PART_SIZE = 8192, ATTRS = 300, EX = IB_USER_VERBS_CMD_FLAG_EXTENDED };

/* A request: part 0 holds header and attributes, the other parts hold the targets of the attributes. */
struct ioctl_request {
	struct {
		uint64_t address;
		size_t len;
		uint8_t bytes[PART_SIZE];
		bool seen[PART_SIZE];
	} part[PARTS];
	size_t parts;
	int reads, fail_at; /* fail_at: which read fails, 0: none */
};

static inline struct ib_uverbs_ioctl_hdr *header(struct ioctl_request *r)
{
	return (struct ib_uverbs_ioctl_hdr *)r->part[0].bytes;
}

static inline void begin(struct ioctl_request *r, uint32_t driver, uint16_t object, uint16_t method)
{
	memset(r, 0, sizeof(*r));
	r->parts = 1;
	r->part[0].address = 0x7000dead0000;
	r->part[0].len = sizeof(struct ib_uverbs_ioctl_hdr);
	*header(r) = (struct ib_uverbs_ioctl_hdr){
		.length = sizeof(*header(r)), .object_id = object, .method_id = method, .driver_id = driver
	};
}

static inline void add_attr(struct ioctl_request *r, uint16_t id, uint16_t len, uint64_t data)
{
	struct ib_uverbs_attr attr = { .attr_id = id, .len = len, .data = data };

	cr_assert_leq(r->part[0].len + sizeof(attr), PART_SIZE);
	memcpy(r->part[0].bytes + r->part[0].len, &attr, sizeof(attr));
	r->part[0].len += sizeof(attr);
	header(r)->length = r->part[0].len;
	header(r)->num_attrs++;
}

/* Adds an attribute whose octets are in a separate part, as for all longer than eight. Returns the octets. */
static inline uint8_t *add_pointer(struct ioctl_request *r, uint16_t id, uint16_t len)
{
	size_t i = r->parts++;

	cr_assert_lt(i, PARTS);
	r->part[i].address = 0x7000beef0000 + 0x10000 * i;
	r->part[i].len = len;
	add_attr(r, id, len, r->part[i].address);
	return r->part[i].bytes;
}

static inline void begin_write(struct ioctl_request *r, uint32_t driver, uint64_t command)
{
	begin(r, driver, UVERBS_OBJECT_DEVICE, UVERBS_METHOD_INVOKE_WRITE);
	add_attr(r, UVERBS_ATTR_WRITE_CMD, 8, command);
}

static inline void put8(uint8_t *bytes, size_t offset, uint8_t value)
{
	bytes[offset] = value;
}

static inline void put32(uint8_t *bytes, size_t offset, uint32_t value)
{
	memcpy(bytes + offset, &value, sizeof(value));
}

static inline int memory_read(void *context, uint64_t address, void *buffer, size_t len)
{
	struct ioctl_request *r = context;

	if (++r->reads == r->fail_at)
		return -EFAULT;
	for (size_t i = 0; i < r->parts; i++) {
		uint64_t offset = address - r->part[i].address;

		if (offset > r->part[i].len || len > r->part[i].len - offset)
			continue;
		for (size_t j = 0; j < len; j++) {
			cr_expect(!r->part[i].seen[offset + j], "octet %zu of part %zu is read twice", offset + j, i);
			r->part[i].seen[offset + j] = true;
		}
		memcpy(buffer, r->part[i].bytes + offset, len);
		return 0;
	}
	return -EFAULT;
}

static inline int decode(struct ioctl_request *r, enum uverbs_phase phase, struct uverbs_command *out)
{
	const struct uverbs_memory memory = { memory_read, r };
	int err;

	r->reads = 0;
	for (size_t i = 0; i < r->parts; i++)
		memset(r->part[i].seen, 0, sizeof(r->part[i].seen));
	memset(out, 0xa5, sizeof(*out));
	err = uverbs_decode(&memory, r->part[0].address, phase, out);
	cr_expect_lt(out->kind, UVERBS_KIND_COUNT);
	cr_expect_eq(out->kind == UVERBS_MALFORMED, out->why_malformed != NULL, "only MALFORMED has a reason");
	cr_expect(!err || out->kind == UVERBS_MALFORMED, "unreadable memory is MALFORMED");
	return err;
}

static inline enum uverbs_kind kind_of(struct ioctl_request *r)
{
	struct uverbs_command out;

	cr_expect_eq(decode(r, UVERBS_REQUEST, &out), 0);
	return out.kind;
}

static inline void native_qp(struct ioctl_request *r)
{
	begin(r, RDMA_DRIVER_RXE, UVERBS_OBJECT_QP, UVERBS_METHOD_QP_CREATE);
	add_attr(r, UVERBS_ATTR_CREATE_QP_HANDLE, 0, 0);
	add_attr(r, UVERBS_ATTR_CREATE_QP_TYPE, 8, IB_UVERBS_QPT_UD);
}

#endif
