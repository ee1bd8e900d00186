/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * mlx5's device commands ("PRM"), which DEVX passes from user space to the NIC: the opcodes that the kernel accepts
 * (devx_is_obj_create_cmd(), devx_is_obj_modify_cmd(), devx_is_general_cmd() in drivers/infiniband/hw/mlx5/devx.c,
 * kernel 7.2), and the places of the fields that rdmasec reads.
 *
 * Source of every number: include/linux/mlx5/mlx5_ifc.h and qp.h, whose struct mlx5_ifc_*_bits count bits from the most
 * significant one of the first octet: fields are big-endian. Offsets here are octets: bits / 8.
 */
#ifndef RDMASEC_UVERBS_MLX5_PRM_H
#define RDMASEC_UVERBS_MLX5_PRM_H

enum prm_opcode { /* MLX5_CMD_OP_* */
		  PRM_QUERY_HCA_CAP = 0x100,
		  PRM_QUERY_ADAPTER = 0x101,
		  PRM_QUERY_ISSI = 0x10a,
		  PRM_CREATE_MKEY = 0x200,
		  PRM_CREATE_CQ = 0x400,
		  PRM_MODIFY_CQ = 0x403,
		  PRM_CREATE_QP = 0x500,
		  PRM_RST2INIT_QP = 0x502,
		  PRM_INIT2RTR_QP = 0x503,
		  PRM_RTR2RTS_QP = 0x504,
		  PRM_RTS2RTS_QP = 0x505,
		  PRM_SQERR2RTS_QP = 0x506,
		  PRM_2ERR_QP = 0x507,
		  PRM_2RST_QP = 0x50a,
		  PRM_SQD_RTS_QP = 0x50c, /* no kernel lets it through, so far */
		  PRM_INIT2INIT_QP = 0x50e,
		  PRM_CREATE_PSV = 0x600,
		  PRM_CREATE_SRQ = 0x700,
		  PRM_ARM_RQ = 0x703,
		  PRM_CREATE_XRC_SRQ = 0x705,
		  PRM_ARM_XRC_SRQ = 0x708,
		  PRM_CREATE_DCT = 0x710,
		  PRM_ARM_DCT_FOR_KEY_VIOLATION = 0x714,
		  PRM_CREATE_XRQ = 0x717,
		  PRM_SET_XRQ_DC_PARAMS_ENTRY = 0x726,
		  PRM_QUERY_ESW_FUNCTIONS = 0x740,
		  PRM_QUERY_VPORT_STATE = 0x750,
		  PRM_QUERY_ESW_VPORT_CONTEXT = 0x752,
		  PRM_QUERY_NIC_VPORT_CONTEXT = 0x754,
		  PRM_QUERY_ROCE_ADDRESS = 0x760,
		  PRM_QUERY_HCA_VPORT_CONTEXT = 0x762,
		  PRM_QUERY_VNIC_ENV = 0x76f,
		  PRM_QUERY_VPORT_COUNTER = 0x770,
		  PRM_ALLOC_Q_COUNTER = 0x771,
		  PRM_CREATE_SCHEDULING_ELEMENT = 0x782,
		  PRM_MODIFY_SCHEDULING_ELEMENT = 0x785,
		  PRM_ALLOC_PD = 0x800,
		  PRM_ATTACH_TO_MCG = 0x806,
		  PRM_GET_DROPPED_PACKET_LOG = 0x80a,
		  PRM_NOP = 0x80d,
		  PRM_ALLOC_XRCD = 0x80e,
		  PRM_ALLOC_TRANSPORT_DOMAIN = 0x816,
		  PRM_QUERY_CONG_STATUS = 0x822,
		  PRM_QUERY_CONG_PARAMS = 0x824,
		  PRM_QUERY_CONG_STATISTICS = 0x826,
		  PRM_ADD_VXLAN_UDP_DPORT = 0x827,
		  PRM_SET_L2_TABLE_ENTRY = 0x829,
		  PRM_QUERY_LAG = 0x842,
		  PRM_CREATE_TIR = 0x900,
		  PRM_MODIFY_TIR = 0x901,
		  PRM_CREATE_SQ = 0x904,
		  PRM_MODIFY_SQ = 0x905,
		  PRM_CREATE_RQ = 0x908,
		  PRM_MODIFY_RQ = 0x909,
		  PRM_CREATE_RMP = 0x90c,
		  PRM_MODIFY_RMP = 0x90d,
		  PRM_CREATE_TIS = 0x912,
		  PRM_MODIFY_TIS = 0x913,
		  PRM_CREATE_RQT = 0x916,
		  PRM_MODIFY_RQT = 0x917,
		  PRM_SET_FLOW_TABLE_ROOT = 0x92f,
		  PRM_CREATE_FLOW_TABLE = 0x930,
		  PRM_CREATE_FLOW_GROUP = 0x933,
		  PRM_SET_FLOW_TABLE_ENTRY = 0x936,
		  PRM_ALLOC_FLOW_COUNTER = 0x939,
		  PRM_MODIFY_FLOW_TABLE = 0x93c,
		  PRM_ALLOC_PACKET_REFORMAT_CONTEXT = 0x93d,
		  PRM_ALLOC_MODIFY_HEADER_CONTEXT = 0x940,
		  PRM_CREATE_GENERAL_OBJECT = 0xa00,
		  PRM_MODIFY_GENERAL_OBJECT = 0xa01,
		  PRM_SYNC_STEERING = 0xb00,
};

/* struct mlx5_ifc_general_obj_in_cmd_hdr_bits, which begins every command */
enum {
	PRM_OPCODE = 0,         /* 16 bits */
	PRM_VHCA_TUNNEL_ID = 4, /* 16 bits; reserved in other commands */
	PRM_HEADER_SIZE = 16,   /* the kernel refuses shorter commands */
};

/* struct mlx5_ifc_create_qp_in_bits, mlx5_ifc_init2rtr_qp_in_bits and their like: the same up to the end of the QPC */
enum {
	PRM_QPC_EXT = 8, /* bit 7; RTS2RTS and INIT2INIT: a longer mask of options, and their values, follow */
	PRM_QPN = 9,     /* 24 bits; not in CREATE_QP */
	PRM_OPT_PARAM_MASK = 0x10,  /* 32 bits */
	PRM_QPC = 0x18,             /* 0xc0 bits */
	PRM_QP_IN_SIZE = 0x100,     /* 0x800 bits: the end of the QPC */
	PRM_OPT_MASK_95_32 = 0x108, /* 0x840 bits; 64 of them */
	PRM_QP_IN_EXT_SIZE = 0x110,
};

/* struct mlx5_ifc_qpc_bits, from PRM_QPC */
enum {
	PRM_QPC_ST = 1,              /* enum prm_service */
	PRM_QPC_PM_STATE = 2,        /* 0x13 bits; 2 of them: PRM_PM_MASK */
	PRM_QPC_REMOTE_QPN = 21,     /* 0xa8 bits; 24 of them */
	PRM_QPC_PRIMARY_PATH = 24,   /* 0xc0 bits */
	PRM_QPC_SECONDARY_PATH = 68, /* 0xc0 + 0x160 bits */
	PRM_QPC_DETH_SQPN = 129,     /* 0x408 bits; 24 of them */
};

/* MLX5_QP_PM_MIGRATED is 3 (include/linux/mlx5/qp.h) */
enum { PRM_PM_MASK = 3 << 3, PRM_PM_MIGRATED = 3 << 3 };

/* struct mlx5_ifc_ads_bits: an address path of 0x160 bits. RoCE does not use its grh bit. */
enum {
	PRM_ADS_SRC_ADDR_INDEX = 9, /* 0x48 bits */
	PRM_ADS_RGID = 16,          /* 16 octets */
	PRM_ADS_UDP_SPORT = 34,     /* 0x110 bits; 16 of them */
	PRM_ADS_VHCA_PORT_NUM = 37, /* 0x128 bits; 8 of them */
};

/* MLX5_QP_OPTPAR_* in include/linux/mlx5/qp.h: the fields that a command changes */
enum {
	PRM_OPT_ALT_ADDR_PATH = 1 << 0,
	PRM_OPT_PRIMARY_ADDR_PATH = 1 << 7,
	PRM_OPT_PM_STATE = 1 << 10,
	PRM_OPT_PRI_PORT = 1 << 16,
};

/*
 * MLX5_QPC_OPT_MASK_32_* in rdma-core providers/mlx5/mlx5_ifc.h, the mask's low 32 bits. These concern neither address
 * nor port: the channel of a DCI, the queue group, the use of memory offloads.
 */
enum {
	PRM_OPT_32_UDP_SPORT = 1 << 2,
	PRM_OPT_32_HARMLESS = 1 << 0 | 1 << 1 | 1 << 3,
};

enum prm_service { /* MLX5_QP_ST_* */
		   PRM_ST_RC = 0,
		   PRM_ST_UC = 1,
		   PRM_ST_UD = 2,
		   PRM_ST_XRC = 3,
		   PRM_ST_DCI = 5,
		   PRM_ST_DCT = 6,
		   PRM_ST_RAW_ETHERTYPE = 9,
		   PRM_ST_RAW_IPV6 = 0xa,
		   PRM_ST_SNIFFER = 0xb,
};

/* struct mlx5_ifc_create_qp_out_bits, create_dct_out, create_sq_out: the new object's number */
enum {
	PRM_OUT_STATUS = 0, /* 8 bits, 0: done */
	PRM_OUT_NUMBER = 9, /* 24 bits */
	PRM_OUT_SIZE = 16,
};

#endif
