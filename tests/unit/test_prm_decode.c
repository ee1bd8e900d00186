// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * DEVX commands, written octet by octet as in include/linux/mlx5/mlx5_ifc.h. Every offset here was counted in that
 * header (bits / 8), not taken from the decoder.
 */
#include <rdma/mlx5_user_ioctl_cmds.h>
#include <stdio.h>

#include "uverbs_fixture.h"

/* struct mlx5_ifc_*_in_bits: 0x800 bits up to the end of the QPC, and 0x80 more */
enum { COMMAND = 0x110, QPC = 0x18, PRIMARY = QPC + 24, SECONDARY = PRIMARY + 44 };

enum { CREATE = MLX5_IB_METHOD_DEVX_OBJ_CREATE, MODIFY = MLX5_IB_METHOD_DEVX_OBJ_MODIFY, OTHER };

static const uint8_t rgid[16] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 7, 2 };

/* Adds a command of `len` octets, by one of the three methods that take one. Returns its octets. */
static uint8_t *devx(struct ioctl_request *r, int method, uint16_t opcode, uint16_t len)
{
	uint8_t *in;

	begin(r, RDMA_DRIVER_MLX5, method == OTHER ? MLX5_IB_OBJECT_DEVX : MLX5_IB_OBJECT_DEVX_OBJ,
	      method == OTHER ? MLX5_IB_METHOD_DEVX_OTHER : method);
	if (method != OTHER)
		add_attr(r, 0x1000, 0, 41); /* HANDLE */
	in = add_pointer(r, method == OTHER ? 0x1000 : 0x1001, len);
	in[0] = opcode >> 8;
	in[1] = opcode & 0xff;
	return in;
}

static void put24(uint8_t *at, uint32_t value)
{
	at[0] = value >> 16;
	at[1] = value >> 8;
	at[2] = value;
}

static void put_be32(uint8_t *at, uint32_t value)
{
	at[0] = value >> 24;
	put24(at + 1, value);
}

static void put_address(uint8_t *in, size_t ads)
{
	in[ads + 9] = 3;                           /* src_addr_index: 0x48 bits */
	memcpy(in + ads + 16, rgid, sizeof(rgid)); /* rgid_rip: 0x80 bits */
	in[ads + 34] = 0xc3, in[ads + 35] = 0x4f;  /* udp_sport: 0x110 bits */
	in[ads + 37] = 1;                          /* vhca_port_num: 0x128 bits */
	memset(in + ads + 38, 0x52, 6);            /* rmac: 0x130 bits */
}

static uint8_t *modify_qp(struct ioctl_request *r, uint16_t opcode)
{
	uint8_t *in = devx(r, MODIFY, opcode, COMMAND);

	put24(in + 9, 0x1234); /* qpn: 0x48 bits */
	return in;
}

static struct uverbs_command decoded(struct ioctl_request *r, enum uverbs_kind kind, const char *what)
{
	struct uverbs_command out;

	cr_expect_eq(decode(r, UVERBS_REQUEST, &out), 0, "%s", what);
	cr_expect_eq(out.kind, kind, "%s: %d", what, out.kind);
	return out;
}

/* ---- the address ---- */

Test(prm_decode, decodes_address_of_init2rtr)
{
	struct uverbs_command out;
	struct ioctl_request r;
	uint8_t *in = modify_qp(&r, 0x503);

	put24(in + QPC + 21, 0x777); /* remote_qpn: 0xa8 bits */
	put_address(in, PRIMARY);
	out = decoded(&r, UVERBS_QP_ADDRESS, "INIT2RTR");
	cr_expect_eq(out.has, UVERBS_HAS_DEVX | UVERBS_HAS_HANDLE | UVERBS_HAS_QPN | UVERBS_HAS_DEST_QPN);
	cr_expect_eq(out.handle, 41);
	cr_expect_eq(out.qpn, 0x1234);
	cr_expect_eq(out.dest_qpn, 0x777);
	cr_expect_eq(out.write_command, 0x503);
	cr_expect_arr_eq(out.address.dgid, rgid, sizeof(rgid));
	cr_expect_eq(out.address.sgid_index, 3);
	cr_expect_eq(out.address.port, 1);
	cr_expect(out.address.is_global, "RoCE always has a GID: the grh bit does not matter");
	/* rdma_flow_label_to_udp_sport() of the label yields the command's port */
	cr_expect_eq(((out.address.flow_label & 0x3fff) ^ ((out.address.flow_label & 0xfc000) >> 14)) | 0xc000, 0xc34f);
}

Test(prm_decode, derives_flow_label_from_source_port)
{
	for (uint32_t sport = 0; sport < 0x10000; sport += sport < 0xbff0 ? 0x3ff : 1) {
		struct uverbs_command out;
		struct ioctl_request r;
		uint8_t *in = modify_qp(&r, 0x503);
		uint32_t label;

		put_address(in, PRIMARY);
		in[PRIMARY + 34] = sport >> 8, in[PRIMARY + 35] = sport & 0xff;
		out = decoded(&r, UVERBS_QP_ADDRESS, "INIT2RTR");
		label = out.address.flow_label;
		cr_assert_eq(!!(out.has & UVERBS_HAS_DEST_QPN), sport >= 0xc000, "port 0x%x: no flow label yields it",
			     sport);
		if (sport >= 0xc000)
			cr_assert(label && label < 1 << 20 && (((label & 0x3fff) ^ (label >> 14)) | 0xc000) == sport,
				  "port 0x%x label 0x%x", sport, label);
	}
}

/* MLX5_QP_OPTPAR_* in include/linux/mlx5/qp.h */
Test(prm_decode, detects_address_in_any_transition)
{
	static const struct {
		uint16_t opcode;
		uint32_t options;
		bool primary, secondary; /* the field that is written */
		enum uverbs_kind kind;
		uint32_t has;
	} rows[] = {
		{ 0x503, 0, false, false, UVERBS_QP_READY, 0 },
		{ 0x503, 0, true, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x503, 1 << 0, true, false, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH },
		{ 0x503, 1 << 10, true, false, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH },
		{ 0x503, 0, true, true, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH },
		{ 0x503, 0, false, true, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH },
		/* the next commands of UCX and of rdma-core's dr_devx.c: none sets an address */
		{ 0x503, 14, true, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x504, 0, false, false, UVERBS_NOTHING, 0 },
		{ 0x504, 1 << 7, false, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x504, 0, true, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x504, 1 << 0, false, false, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH },
		{ 0x504, 1 << 16, false, false, UVERBS_DRIVER_PRIVATE, 0 },
		{ 0x504, 1 << 16 | 1 << 7, true, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x505, 0, false, false, UVERBS_NOTHING, 0 },
		{ 0x505, 1 << 7, true, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x505, 1 << 10, false, false, UVERBS_QP_ADDRESS, UVERBS_HAS_ALT_PATH },
		{ 0x505, 1 << 15, false, false, UVERBS_NOTHING, 0 }, /* mlx5dv_modify_qp_lag_port() */
		{ 0x505, 1 << 16, false, false, UVERBS_DRIVER_PRIVATE, 0 },
		{ 0x506, 0, false, false, UVERBS_NOTHING, 0 },
		{ 0x506, 1 << 7, true, false, UVERBS_QP_ADDRESS, 0 },
		{ 0x50c, 0, false, false, UVERBS_NOTHING, 0 },
		{ 0x50c, 0, true, false, UVERBS_QP_ADDRESS, 0 },
		/* INIT takes a port but no address */
		{ 0x502, 0, false, false, UVERBS_NOTHING, 0 },
		{ 0x502, 1 << 16, false, false, UVERBS_NOTHING, 0 },
		{ 0x502, 0, true, false, UVERBS_DRIVER_PRIVATE, 0 },
		{ 0x50e, 0, false, false, UVERBS_NOTHING, 0 },
		{ 0x50e, 1 << 7, false, false, UVERBS_DRIVER_PRIVATE, 0 },
		{ 0x50e, 0, false, true, UVERBS_DRIVER_PRIVATE, 0 },
		/* shut down */
		{ 0x507, 0, true, true, UVERBS_NOTHING, 0 },
		{ 0x50a, 0, true, true, UVERBS_NOTHING, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ioctl_request r;
		uint8_t *in = modify_qp(&r, rows[i].opcode);
		struct uverbs_command out;
		char what[32];

		put_be32(in + 0x10, rows[i].options); /* opt_param_mask: 0x80 bits */
		if (rows[i].primary)
			put_address(in, PRIMARY);
		if (rows[i].secondary)
			put_address(in, SECONDARY);
		snprintf(what, sizeof(what), "row %zu: 0x%x", i, rows[i].opcode);
		out = decoded(&r, rows[i].kind, what);
		cr_expect_eq(out.has & UVERBS_HAS_ALT_PATH, rows[i].has, "%s", what);
	}
}

Test(prm_decode, takes_path_migrated_alone_for_no_alternate_path)
{
	for (uint8_t pm_state = 0; pm_state < 4; pm_state++) {
		struct uverbs_command out;
		struct ioctl_request r;
		uint8_t *in = modify_qp(&r, 0x505);
		bool migrated = pm_state == 3; /* MLX5_QP_PM_MIGRATED */

		put_be32(in + 0x10, 1 << 10); /* MLX5_QP_OPTPAR_PM_STATE */
		in[QPC + 2] = (uint8_t)(0xe7 | pm_state << 3);
		out = decoded(&r, migrated ? UVERBS_NOTHING : UVERBS_QP_ADDRESS, "RTS2RTS");
		cr_expect_eq(!(out.has & UVERBS_HAS_ALT_PATH), migrated, "pm_state %d", pm_state);
	}
}

/* A single nonzero octet of either GID makes an address. */
Test(prm_decode, detects_gid_by_any_octet)
{
	for (size_t i = 0; i < 2 * 16; i++) {
		struct ioctl_request r;
		uint8_t *in = modify_qp(&r, 0x504);

		in[(i < 16 ? PRIMARY : SECONDARY) + 16 + i % 16] = 1;
		decoded(&r, UVERBS_QP_ADDRESS, "a GID");
	}
}

/* mlx5dv_modify_qp_udp_sport() in rdma-core: 0x840 bits, opt_param_mask_95_32 with its low half last */
Test(prm_decode, decodes_optional_parameters_above_bit_31)
{
	static const struct {
		uint32_t high, low;
		enum uverbs_kind kind;
	} rows[] = {
		{ 0, 0, UVERBS_NOTHING },
		{ 0, 1 << 3, UVERBS_NOTHING },        /* INIT2INIT_MMO */
		{ 0, 1 << 0, UVERBS_NOTHING },        /* DCI_STREAM_CHANNEL_ID */
		{ 0, 1 << 1, UVERBS_NOTHING },        /* QOS_QUEUE_GROUP_ID */
		{ 0, 1 << 2, UVERBS_DRIVER_PRIVATE }, /* UDP_SPORT: another SA, if SAs are per QP */
		{ 0, 1 << 4, UVERBS_DRIVER_PRIVATE },
		{ 1, 0, UVERBS_DRIVER_PRIVATE },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ioctl_request r;
		uint8_t *in = modify_qp(&r, 0x505);

		put_be32(in + 0x108, rows[i].high);
		put_be32(in + 0x10c, rows[i].low);
		decoded(&r, UVERBS_NOTHING, "the NIC ignores them without the qpc_ext bit");
		in[8] = 0x80;
		decoded(&r, rows[i].kind, "with it");
	}
}

Test(prm_decode, rejects_short_commands)
{
	static const uint16_t lengths[] = { 16, 0x18, 0x43, 0xff };
	struct ioctl_request r;

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		devx(&r, MODIFY, 0x503, lengths[i]);
		decoded(&r, UVERBS_DRIVER_PRIVATE, "INIT2RTR");
		devx(&r, CREATE, 0x500, lengths[i]);
		decoded(&r, UVERBS_DRIVER_PRIVATE, "CREATE_QP");
	}
	devx(&r, MODIFY, 0x505, 0x10f)[8] = 0x80;
	decoded(&r, UVERBS_DRIVER_PRIVATE, "RTS2RTS with a truncated mask");
	devx(&r, MODIFY, 0x503, 15);
	decoded(&r, UVERBS_MALFORMED, "shorter than a header");
	begin(&r, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MODIFY);
	add_attr(&r, 0x1000, 0, 41);
	decoded(&r, UVERBS_MALFORMED, "no command");
	add_attr(&r, 0x1001, 8, 0x305);
	decoded(&r, UVERBS_MALFORMED, "an inline command");
	begin(&r, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MODIFY);
	add_pointer(&r, 0x1001, COMMAND)[1] = 3;
	r.part[1].bytes[0] = 5;
	decoded(&r, UVERBS_MALFORMED, "no handle");
}

/* ---- objects that can send ---- */

Test(prm_decode, decodes_create_qp)
{
	/* MLX5_QP_ST_* in include/linux/mlx5/qp.h */
	static const struct {
		uint8_t st;
		uint32_t qp_type;
	} rows[] = {
		{ 0, IB_UVERBS_QPT_RC },
		{ 1, IB_UVERBS_QPT_UC },
		{ 2, IB_UVERBS_QPT_UD },
		{ 3, IB_UVERBS_QPT_XRC_INI },
		{ 5, IB_UVERBS_QPT_DRIVER },
		{ 6, IB_UVERBS_QPT_DRIVER },
		{ 9, IB_UVERBS_QPT_RAW_PACKET },
		{ 10, IB_UVERBS_QPT_RAW_PACKET },
		{ 11, IB_UVERBS_QPT_RAW_PACKET },
		{ 4, 0 },
		{ 7, 0 },
		{ 8, 0 },
		{ 12, 0 },
		{ 13, 0 },
		{ 14, 0 },
		{ 16, 0 },
		{ 255, 0 },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uverbs_command out;
		struct ioctl_request r;
		uint8_t *in = devx(&r, CREATE, 0x500, COMMAND);

		in[QPC + 1] = rows[i].st; /* st: 8 bits */
		out = decoded(&r, rows[i].qp_type ? UVERBS_QP_CREATE : UVERBS_DRIVER_PRIVATE, "CREATE_QP");
		if (rows[i].qp_type)
			cr_expect_eq(out.qp_type, rows[i].qp_type, "service %u: type %u", rows[i].st, out.qp_type);
		cr_expect_eq(out.has, UVERBS_HAS_DEVX, "the request phase reads no answer");
	}
}

Test(prm_decode, classifies_odd_create_qp)
{
	struct uverbs_command out;
	struct ioctl_request r;

	put24(devx(&r, CREATE, 0x500, COMMAND) + QPC + 129, 0x10); /* deth_sqpn: 0x408 bits */
	r.part[1].bytes[QPC + 1] = 2;
	out = decoded(&r, UVERBS_QP_CREATE, "UD with a source QPN");
	cr_expect(out.has & UVERBS_HAS_SOURCE_QPN);
	put_address(devx(&r, CREATE, 0x500, COMMAND), PRIMARY);
	decoded(&r, UVERBS_DRIVER_PRIVATE, "a QP created with an address");
	put_address(devx(&r, CREATE, 0x500, COMMAND), SECONDARY);
	decoded(&r, UVERBS_DRIVER_PRIVATE, "a QP created with an alternate address");
}

Test(prm_decode, reads_qp_number_from_answer)
{
	struct uverbs_command out;
	struct ioctl_request r;
	uint8_t *answer;

	devx(&r, CREATE, 0x500, COMMAND);
	answer = add_pointer(&r, 0x1002, 16);
	put24(answer + 9, 0xabcdef); /* qpn: 0x48 bits */
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.kind, UVERBS_QP_CREATE);
	cr_expect_eq(out.has, UVERBS_HAS_DEVX | UVERBS_HAS_HANDLE | UVERBS_HAS_QPN);
	cr_expect_eq(out.handle, 41);
	cr_expect_eq(out.qpn, 0xabcdef);
	devx(&r, CREATE, 0x500, COMMAND);
	add_pointer(&r, 0x1002, 11);
	cr_expect_eq(decode(&r, UVERBS_REPLY, &out), 0);
	cr_expect_eq(out.kind, UVERBS_MALFORMED, "a truncated QP number");
}

Test(prm_decode, classifies_other_sending_objects)
{
	static const struct {
		uint16_t opcode;
		int method;
		enum uverbs_kind kind;
		uint32_t qp_type;
	} rows[] = {
		{ 0x710, CREATE, UVERBS_QP_CREATE, IB_UVERBS_QPT_DRIVER },     /* CREATE_DCT */
		{ 0x904, CREATE, UVERBS_QP_CREATE, IB_UVERBS_QPT_RAW_PACKET }, /* CREATE_SQ */
		{ 0x717, CREATE, UVERBS_DRIVER_PRIVATE, 0 },                   /* CREATE_XRQ */
		{ 0x726, MODIFY, UVERBS_DRIVER_PRIVATE, 0 },                   /* SET_XRQ_DC_PARAMS_ENTRY */
		{ 0x72a, MODIFY, UVERBS_DRIVER_PRIVATE, 0 },                   /* MODIFY_XRQ */
		{ 0x806, CREATE, UVERBS_DRIVER_PRIVATE, 0 },                   /* ATTACH_TO_MCG */
		{ 0xa00, CREATE, UVERBS_DRIVER_PRIVATE, 0 },                   /* CREATE_GENERAL_OBJECT */
		{ 0xa01, MODIFY, UVERBS_DRIVER_PRIVATE, 0 },                   /* MODIFY_GENERAL_OBJECT */
		{ 0x960, CREATE, UVERBS_DRIVER_PRIVATE, 0 },                   /* FPGA_CREATE_QP */
		{ 0x930, CREATE, UVERBS_FLOW_CREATE, 0 },                      /* CREATE_FLOW_TABLE */
		{ 0x933, CREATE, UVERBS_FLOW_CREATE, 0 },                      /* CREATE_FLOW_GROUP */
		{ 0x936, CREATE, UVERBS_FLOW_CREATE, 0 },                      /* SET_FLOW_TABLE_ENTRY */
		{ 0x936, MODIFY, UVERBS_FLOW_CREATE, 0 },
		{ 0x93c, MODIFY, UVERBS_FLOW_CREATE, 0 },    /* MODIFY_FLOW_TABLE */
		{ 0x93d, CREATE, UVERBS_FLOW_CREATE, 0 },    /* ALLOC_PACKET_REFORMAT_CONTEXT */
		{ 0x940, CREATE, UVERBS_FLOW_CREATE, 0 },    /* ALLOC_MODIFY_HEADER_CONTEXT */
		{ 0x92f, CREATE, UVERBS_DRIVER_PRIVATE, 0 }, /* SET_FLOW_TABLE_ROOT */
		{ 0x92f, OTHER, UVERBS_DRIVER_PRIVATE, 0 },
		{ 0xb16, OTHER, UVERBS_DRIVER_PRIVATE, 0 }, /* ALLOW_OTHER_VHCA_ACCESS */
		{ 0xb17, OTHER, UVERBS_DRIVER_PRIVATE, 0 }, /* GENERATE_WQE */
		{ 0xb99, OTHER, UVERBS_DRIVER_PRIVATE, 0 },
		{ 0x761, OTHER, UVERBS_DRIVER_PRIVATE, 0 }, /* SET_ROCE_ADDRESS */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct uverbs_command out;
		struct ioctl_request r;
		char what[32];

		devx(&r, rows[i].method, rows[i].opcode, COMMAND);
		snprintf(what, sizeof(what), "opcode 0x%x", rows[i].opcode);
		out = decoded(&r, rows[i].kind, what);
		cr_expect_eq(out.qp_type, rows[i].qp_type, "%s", what);
		cr_expect(out.has & UVERBS_HAS_DEVX, "%s", what);
		cr_expect_eq(out.write_command, rows[i].opcode);
	}
}

/* ---- objects that cannot send ---- */

static size_t harmless_by(int method)
{
	size_t count = 0;

	for (uint32_t opcode = 0; opcode < 0x10000; opcode += opcode < 0x1000 ? 1 : 0x101) {
		struct ioctl_request r;

		devx(&r, method, (uint16_t)opcode, COMMAND);
		count += kind_of(&r) == UVERBS_NOTHING;
	}
	return count;
}

/* A command that is harmless by one method is unknown by another: the kernel rejects it there. */
Test(prm_decode, accepts_only_listed_harmless_commands)
{
	struct ioctl_request r;

	cr_expect_eq(harmless_by(CREATE), 16);
	cr_expect_eq(harmless_by(MODIFY), 13 + 6, "the count includes the transitions without an address");
	cr_expect_eq(harmless_by(OTHER), 18);
	devx(&r, CREATE, 0x200, 32);
	decoded(&r, UVERBS_NOTHING, "CREATE_MKEY");
	devx(&r, MODIFY, 0x200, 32);
	decoded(&r, UVERBS_DRIVER_PRIVATE, "CREATE_MKEY by the modify method");
	devx(&r, OTHER, 0x500, COMMAND);
	decoded(&r, UVERBS_DRIVER_PRIVATE, "CREATE_QP as a general command");
	devx(&r, OTHER, 0x503, COMMAND);
	decoded(&r, UVERBS_DRIVER_PRIVATE, "INIT2RTR as a general command");
}

/* vhca_tunnel_id: 0x20 bits. If it is set, the kernel forwards any command (devx_is_general_cmd()). */
Test(prm_decode, refuses_commands_for_another_function)
{
	for (int octet = 4; octet < 6; octet++) {
		struct ioctl_request r;

		devx(&r, OTHER, 0x100, 16)[octet] = 1;
		decoded(&r, UVERBS_DRIVER_PRIVATE, "QUERY_HCA_CAP of another function");
	}
}

Test(prm_decode, decodes_destroy)
{
	struct uverbs_command out;
	struct ioctl_request r;

	begin(&r, RDMA_DRIVER_MLX5, MLX5_IB_OBJECT_DEVX_OBJ, MLX5_IB_METHOD_DEVX_OBJ_DESTROY);
	cr_expect_eq(kind_of(&r), UVERBS_NOTHING, "without a handle: every kernel refuses");
	add_attr(&r, 0x1000, 0, 41);
	out = decoded(&r, UVERBS_QP_DESTROY, "destroy");
	cr_expect_eq(out.handle, 41);
	cr_expect_eq(out.has, UVERBS_HAS_DEVX | UVERBS_HAS_HANDLE);
}

/* The same octets of another driver are not DEVX. */
Test(prm_decode, decodes_devx_only_for_mlx5)
{
	struct ioctl_request r;

	put_address(modify_qp(&r, 0x503), PRIMARY);
	header(&r)->driver_id = RDMA_DRIVER_HFI1;
	decoded(&r, UVERBS_DRIVER_PRIVATE, "an unknown driver");
}
