// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* DEVX of mlx5: contexts, private commands, and queue pairs as objects. */
#include "judgement_fixture.h"

/* libmlx5 asks for DEVX at every open and, refused, opens again without it: no line, and an errno it understands. */
Test(judgement_devx, devx)
{
	struct request open = of_kind(REQUEST_CONTEXT_OPEN), private = of_kind(REQUEST_DRIVER_PRIVATE);
	struct engine_answer answer;
	struct estate e;

	mlx5_mixed(&e);
	private.object_id = 0x1234;
	private.method_id = 0x5678;
	EXPECT_PASS(ask(&e, NULL, &open));
	open.has = UVERBS_HAS_DEVX;
	answer = ask(&e, NULL, &open);
	cr_expect(!answer.pass);
	cr_expect_eq(answer.err, EOPNOTSUPP);
	cr_expect_str_eq(answer.text, "");
	EXPECT_PASS(ask(&e, "[default]\ndevx = allow\n", &open));
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &open));
	/* what is not understood no rule allows */
	EXPECT_REFUSED(ask(&e, NULL, &private), "(reason=driver-command)");
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &private), "(reason=driver-command)");
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &private), "(reason=driver-command)");
	private.has = UVERBS_HAS_DEVX;
	private.devx_opcode = 0xb17;
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &private), "(reason=devx-command)");
	private.devx_opcode = 0x726;
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &private), "(reason=devx-command)");
}

/* Without a rule that allows DEVX, none of its commands passes, whatever it does; none of them is only told of. */
Test(judgement_devx, devx_refused)
{
	struct estate e;

	mlx5_mixed(&e);
	for (int kind = REQUEST_QP_CREATE; kind < REQUEST_MALFORMED; kind++) {
		struct request request = modify(2, "::ffff:10.0.1.2");

		if (kind == REQUEST_QP_DESTROY)
			continue;
		request.kind = kind;
		request.has |= UVERBS_HAS_DEVX;
		request.qp_type = IB_UVERBS_QPT_RC;
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=devx)");
		EXPECT_REFUSED(ask(&e, "[default]\nrequire = none\nraw-packet = allow\n", &request), "(reason=devx)");
		EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &request), "(reason=devx)");
	}
}

/* With one, a command is judged as what it does. */
Test(judgement_devx, devx_allowed)
{
	static const char allow[] = "[default]\ndevx = allow\n";
	static const char raw[] = "[default]\ndevx = allow\nraw-packet = allow\n";
	struct request request = modify(2, "::ffff:10.0.1.2");
	struct estate e;

	mlx5_mixed(&e);
	request.has |= UVERBS_HAS_DEVX;
	EXPECT_PASS(ask(&e, allow, &request));
	request.address.sgid_index = 0;
	EXPECT_REFUSED(ask(&e, allow, &request), "modify_qp on mlx5_0 port 1 GID 0");
	request.has |= UVERBS_HAS_ALT_PATH;
	EXPECT_REFUSED(ask(&e, allow, &request), "(reason=alternate-path)");
	request = create(IB_UVERBS_QPT_RC);
	request.has = UVERBS_HAS_DEVX;
	EXPECT_PASS(ask(&e, allow, &request));
	request.qp_type = IB_UVERBS_QPT_UD;
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
	request.qp_type = IB_UVERBS_QPT_DRIVER;
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
	request.qp_type = IB_UVERBS_QPT_RAW_PACKET;
	EXPECT_REFUSED(ask(&e, allow, &request), "(reason=raw-packet)");
	EXPECT_PASS(ask(&e, raw, &request));
	request = of_kind(REQUEST_FLOW_CREATE);
	request.has = UVERBS_HAS_DEVX;
	EXPECT_REFUSED(ask(&e, allow, &request), "(reason=flow-steering)");
	EXPECT_PASS(ask(&e, raw, &request));
}

/* Of a DCT the address is its own, and by DEVX a datagram QP has one as well: neither says where it sends. */
Test(judgement_devx, an_address_is_the_only_one_of_a_connected_qp)
{
	static const struct {
		uint32_t has, qp_type;
		enum request_kind kind, becomes;
	} rows[] = {
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

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request request = { .kind = rows[i].kind, .has = rows[i].has, .qp_type = 77 };

		engine_take_type(&request, rows[i].qp_type);
		cr_expect_eq(request.kind, rows[i].becomes, "row %zu", i);
		cr_expect_eq(request.qp_type, request.kind == REQUEST_QP_READY ? rows[i].qp_type : 77, "row %zu", i);
	}
}

/* The NIC is given what the kernel would not take from MODIFY_QP: a connected QP in RTR that has no address. */
Test(judgement_devx, devx_ready)
{
	static const char allow[] = "[default]\ndevx = allow\n", audit[] = "[default]\nmode = audit\ndevx = allow\n";
	static const uint32_t services[] = { IB_UVERBS_QPT_RC, IB_UVERBS_QPT_UC, IB_UVERBS_QPT_XRC_INI,
					     IB_UVERBS_QPT_XRC_TGT };
	struct request request = of_kind(REQUEST_QP_READY);
	struct estate e;

	make_estate(&e, "mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid(&e, "::ffff:10.0.1.1", "macsec0");
	world_add_macsec(&e.w);
	request.has = UVERBS_HAS_DEVX;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		request.qp_type = services[i];
		EXPECT_REFUSED(ask(&e, allow, &request), "(reason=no-address)");
		EXPECT_AUDITED(ask(&e, audit, &request), "(reason=no-address)");
	}
	request.qp_type = IB_UVERBS_QPT_DRIVER;
	EXPECT_PASS(ask(&e, allow, &request));
	request.qp_type = 0;
	EXPECT_PASS(ask(&e, allow, &request));
	mlx5_mixed(&e);
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
	request.qp_type = IB_UVERBS_QPT_DRIVER;
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
}
