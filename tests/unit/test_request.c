// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <criterion/criterion.h>
#include <string.h>

#include "messages/request.h"

TestSuite(request, .timeout = 10);

Test(request, each_uverbs_command_has_a_separate_kind)
{
	bool seen[REQUEST_KIND_COUNT] = { false };

	for (int kind = 0; kind < UVERBS_KIND_COUNT; kind++) {
		const struct uverbs_command command = { .kind = kind };
		enum request_kind got = request_from_command(&command).kind;

		cr_expect_eq(got == REQUEST_NOTHING, kind == UVERBS_NOTHING, "kind %d", kind);
		cr_expect_not(seen[got], "kind %d", kind);
		cr_expect_lt(got, REQUEST_CM_CONNECT, "kind %d", kind);
		seen[got] = true;
	}
}

Test(request, keeps_the_facts_of_a_command)
{
	const struct uverbs_command command = {
		.kind = UVERBS_QP_ADDRESS,
		.has = UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_DEST_QPN | UVERBS_HAS_DEVX,
		.driver_id = 1,
		.object_id = 2,
		.method_id = 3,
		.write_command = 4,
		.qp_type = 5,
		.handle = 6,
		.qpn = 7,
		.dest_qpn = 8,
		.address = { .dgid = { 9, [15] = 10 },
			     .flow_label = 11,
			     .sgid_index = 12,
			     .port = 13,
			     .is_global = true },
	};
	const struct request request = request_from_command(&command);
	static const uint8_t no_sgid[16];

	cr_expect_eq(request.kind, REQUEST_QP_ADDRESS);
	cr_expect_eq(request.has, command.has);
	cr_expect_eq(request.driver_id, 1u);
	cr_expect_eq(request.object_id, 2u);
	cr_expect_eq(request.method_id, 3u);
	cr_expect_eq(request.devx_opcode, 4u);
	cr_expect_eq(request.qp_type, 5u);
	cr_expect_eq(request.handle, 6u);
	cr_expect_eq(request.qpn, 7u);
	cr_expect_eq(request.dest_qpn, 8u);
	cr_expect_eq(memcmp(request.address.dgid, command.address.dgid, 16), 0);
	cr_expect_eq(request.address.flow_label, 11u);
	cr_expect_eq(request.address.sgid_index, 12u);
	cr_expect_eq(request.address.port, 13u);
	cr_expect(request.address.is_global);
	cr_expect_eq(memcmp(request.sgid, no_sgid, sizeof(no_sgid)), 0);
	cr_expect_eq(request.want.require, (uint32_t)WANT_NOTHING);
}

Test(request, sets_an_opcode_only_for_devx)
{
	const struct uverbs_command command = { .kind = UVERBS_QP_CREATE, .write_command = 4 };

	cr_expect_eq(request_from_command(&command).devx_opcode, 0u);
}

Test(request, every_kind_has_a_name)
{
	for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++)
		cr_expect(request_kind_name(kind) && *request_kind_name(kind), "kind %d has no name", kind);
	cr_expect_str_eq(request_kind_name(REQUEST_QP_ADDRESS), "modify_qp");
}

Test(request, names_a_kind_out_of_range_unknown)
{
	cr_expect_str_eq(request_kind_name(REQUEST_KIND_COUNT), "unknown");
	cr_expect_str_eq(request_kind_name(-1), "unknown");
}

Test(request, finds_the_kinds_of_librdmacm)
{
	for (int kind = 0; kind < REQUEST_KIND_COUNT; kind++)
		cr_expect_eq(request_is_cm(kind), kind >= REQUEST_CM_CONNECT && kind <= REQUEST_CM_ROUTE, "kind %d",
			     kind);
}
