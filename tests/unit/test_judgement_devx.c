// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* DEVX of mlx5: contexts, private commands, and queue pairs as objects. */
#include "judgement_fixture.h"

static const char allow[] = "[default]\ndevx = allow\n";
static const char allow_raw[] = "[default]\ndevx = allow\nraw-packet = allow\n";
static const char audit[] = "[default]\nmode = audit\n";
static const char audit_allow[] = "[default]\nmode = audit\ndevx = allow\n";

static const char everywhere[] = "macsec-no-device,outbound-no-policy"; /* of GID 0, which is on eth0 */

/* ---- contexts: libmlx5 asks for DEVX at every open; refused with this errno, it opens again without ---- */

static struct request open_with_devx(void)
{
	return (struct request){ .kind = REQUEST_CONTEXT_OPEN, .has = UVERBS_HAS_DEVX };
}

Test(judgement_devx, passes_context_without_devx)
{
	mlx5_mixed();
	EXPECT_PASS(ask(NULL, of_kind(REQUEST_CONTEXT_OPEN)));
}

Test(judgement_devx, refuses_context_with_devx_without_a_line)
{
	struct judgement answer;

	mlx5_mixed();
	answer = ask(NULL, open_with_devx());
	cr_expect_not(answer.pass);
	cr_expect_eq(answer.err, EOPNOTSUPP);
	cr_expect_str_eq(line, "");
}

Test(judgement_devx, passes_context_with_devx_if_allowed)
{
	mlx5_mixed();
	EXPECT_PASS(ask(allow, open_with_devx()));
}

Test(judgement_devx, passes_context_with_devx_in_audit_mode)
{
	mlx5_mixed();
	EXPECT_PASS(ask(audit, open_with_devx()));
}

/* ---- commands that are not understood: no rule allows them ---- */

static struct request private_command(void)
{
	return (struct request){ .kind = REQUEST_DRIVER_PRIVATE, .object_id = 0x1234, .method_id = 0x5678 };
}

static struct request private_devx_command(uint16_t opcode)
{
	return (struct request){ .kind = REQUEST_DRIVER_PRIVATE, .has = UVERBS_HAS_DEVX, .devx_opcode = opcode };
}

Test(judgement_devx, refuses_private_command)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(NULL, private_command()), "driver-command");
	EXPECT_REFUSED(ask(allow, private_command()), "driver-command");
}

Test(judgement_devx, audits_private_command)
{
	mlx5_mixed();
	EXPECT_AUDITED(ask(audit, private_command()), "driver-command");
}

Test(judgement_devx, refuses_unknown_devx_command_if_devx_is_allowed)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(allow, private_devx_command(0xb17)), "devx-command");
	EXPECT_REFUSED(ask(allow, private_devx_command(0x726)), "devx-command");
}

/* ---- without a rule that allows DEVX every command is refused, whatever it does ---- */

static struct request devx_of_kind(enum request_kind kind)
{
	struct request request = modify(2, "::ffff:10.0.1.2");

	request.kind = kind;
	request.has |= UVERBS_HAS_DEVX;
	request.qp_type = IB_UVERBS_QPT_RC;
	return request;
}

Test(judgement_devx, refuses_every_kind_of_command)
{
	mlx5_mixed();
	for (int kind = REQUEST_QP_CREATE; kind < REQUEST_MALFORMED; kind++)
		if (kind != REQUEST_QP_DESTROY)
			EXPECT_REFUSED(ask(NULL, devx_of_kind(kind)), "devx");
}

Test(judgement_devx, refuses_every_kind_of_command_if_nothing_is_required)
{
	mlx5_mixed();
	for (int kind = REQUEST_QP_CREATE; kind < REQUEST_MALFORMED; kind++)
		if (kind != REQUEST_QP_DESTROY)
			EXPECT_REFUSED(ask("[default]\nrequire = none\nraw-packet = allow\n", devx_of_kind(kind)),
				       "devx");
}

Test(judgement_devx, audits_every_kind_of_command)
{
	mlx5_mixed();
	for (int kind = REQUEST_QP_CREATE; kind < REQUEST_MALFORMED; kind++)
		if (kind != REQUEST_QP_DESTROY)
			EXPECT_AUDITED(ask(audit, devx_of_kind(kind)), "devx");
}

/* ---- with such a rule, a command is judged by what it does ---- */

static struct request devx_create(uint32_t qp_type)
{
	struct request request = create(qp_type);

	request.has = UVERBS_HAS_DEVX;
	return request;
}

static struct request devx_address(uint8_t sgid_index)
{
	struct request request = modify(sgid_index, "::ffff:10.0.1.2");

	request.has = UVERBS_HAS_DEVX;
	return request;
}

Test(judgement_devx, passes_protected_address)
{
	mlx5_mixed();
	EXPECT_PASS(ask(allow, devx_address(2)));
}

Test(judgement_devx, refuses_unprotected_address)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(allow, devx_address(0)), everywhere);
}

Test(judgement_devx, refuses_alternate_path)
{
	struct request request = devx_address(2);

	mlx5_mixed();
	request.has |= UVERBS_HAS_ALT_PATH;
	EXPECT_REFUSED(ask(allow, request), "alternate-path");
}

Test(judgement_devx, passes_connected_qp_if_one_gid_is_protected)
{
	mlx5_mixed();
	EXPECT_PASS(ask(allow, devx_create(IB_UVERBS_QPT_RC)));
}

Test(judgement_devx, refuses_datagram_qp_if_one_gid_is_unprotected)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(allow, devx_create(IB_UVERBS_QPT_UD)), everywhere);
	EXPECT_REFUSED(ask(allow, devx_create(IB_UVERBS_QPT_DRIVER)), everywhere);
}

Test(judgement_devx, refuses_raw_packets)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(allow, devx_create(IB_UVERBS_QPT_RAW_PACKET)), "raw-packet");
}

Test(judgement_devx, passes_raw_packets_if_allowed)
{
	mlx5_mixed();
	EXPECT_PASS(ask(allow_raw, devx_create(IB_UVERBS_QPT_RAW_PACKET)));
}

Test(judgement_devx, refuses_flow_steering)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(allow, devx_of_kind(REQUEST_FLOW_CREATE)), "flow-steering");
}

Test(judgement_devx, passes_flow_steering_if_raw_packets_are_allowed)
{
	mlx5_mixed();
	EXPECT_PASS(ask(allow_raw, devx_of_kind(REQUEST_FLOW_CREATE)));
}

/* ---- the address of a DCT, or of a datagram QP by DEVX, does not say where the QP sends ---- */

static const struct {
	uint32_t has, qp_type;
	enum request_kind kind, becomes;
} types[] = {
	{ 0, IB_UVERBS_QPT_RC, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
	{ 0, IB_UVERBS_QPT_UD, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS }, /* the kernel refuses it */
	{ 0, 0, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
	{ 0, IB_UVERBS_QPT_DRIVER, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
	{ 0, IB_UVERBS_QPT_UD, REQUEST_QP_READY, REQUEST_QP_READY },
	{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_RC, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
	{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_UC, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
	{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_XRC_INI, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
	{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_UD, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
	{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_DRIVER, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
	{ UVERBS_HAS_DEVX, 0, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
	{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_RC, REQUEST_QP_READY, REQUEST_QP_READY },
};

Test(judgement_devx, takes_address_for_remote_of_connected_qps_only)
{
	for (size_t i = 0; i < COUNT(types); i++) {
		struct request request = { .kind = types[i].kind, .has = types[i].has, .qp_type = 77 };

		engine_take_type(&request, types[i].qp_type);
		cr_expect_eq(request.kind, types[i].becomes, "row %zu", i);
		cr_expect_eq(request.qp_type, request.kind == REQUEST_QP_READY ? types[i].qp_type : 77, "row %zu", i);
	}
}

/* ---- ready without an address, which the kernel's own MODIFY_QP refuses for connected QPs ---- */

static const uint32_t connected[] = { IB_UVERBS_QPT_RC, IB_UVERBS_QPT_UC, IB_UVERBS_QPT_XRC_INI,
				      IB_UVERBS_QPT_XRC_TGT };

static struct request devx_ready(uint32_t qp_type)
{
	return (struct request){ .kind = REQUEST_QP_READY, .has = UVERBS_HAS_DEVX, .qp_type = qp_type };
}

/* A NIC whose only GID is on macsec0. */
static void mlx5_on_macsec(void)
{
	host_with_device("mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid("::ffff:10.0.1.1", "macsec0");
	world_add_macsec(&e.w);
}

Test(judgement_devx, refuses_connected_qp_without_address)
{
	mlx5_on_macsec();
	for (size_t i = 0; i < COUNT(connected); i++)
		EXPECT_REFUSED(ask(allow, devx_ready(connected[i])), "no-address");
}

Test(judgement_devx, audits_connected_qp_without_address)
{
	mlx5_on_macsec();
	for (size_t i = 0; i < COUNT(connected); i++)
		EXPECT_AUDITED(ask(audit_allow, devx_ready(connected[i])), "no-address");
}

Test(judgement_devx, passes_other_qp_without_address_if_all_gids_are_protected)
{
	mlx5_on_macsec();
	EXPECT_PASS(ask(allow, devx_ready(IB_UVERBS_QPT_DRIVER)));
	EXPECT_PASS(ask(allow, devx_ready(0)));
}

Test(judgement_devx, refuses_other_qp_without_address_if_one_gid_is_unprotected)
{
	mlx5_mixed();
	EXPECT_REFUSED(ask(allow, devx_ready(0)), everywhere);
	EXPECT_REFUSED(ask(allow, devx_ready(IB_UVERBS_QPT_DRIVER)), everywhere);
}
