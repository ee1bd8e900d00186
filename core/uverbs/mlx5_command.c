// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "uverbs/mlx5_command.h"

#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static uint32_t get24(const uint8_t *at)
{
	return (uint32_t)at[0] << 16 | get16(at + 1);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | get24(at + 1);
}

/* ---- what is harmless ---- */

static const struct {
	uint16_t opcode;
	uint8_t method;
	const char *name;
} harmless[] = {
	/* memory, completions, counters, protection domains: they send nothing */
	{ PRM_CREATE_MKEY, PRM_CREATES, "CREATE_MKEY" },
	{ PRM_CREATE_CQ, PRM_CREATES, "CREATE_CQ" },
	{ PRM_MODIFY_CQ, PRM_MODIFIES, "MODIFY_CQ" },
	{ PRM_CREATE_PSV, PRM_CREATES, "CREATE_PSV" },
	{ PRM_ALLOC_PD, PRM_CREATES, "ALLOC_PD" },
	{ PRM_ALLOC_XRCD, PRM_CREATES, "ALLOC_XRCD" },
	{ PRM_ALLOC_TRANSPORT_DOMAIN, PRM_CREATES, "ALLOC_TRANSPORT_DOMAIN" },
	{ PRM_ALLOC_Q_COUNTER, PRM_CREATES, "ALLOC_Q_COUNTER" },
	{ PRM_ALLOC_FLOW_COUNTER, PRM_CREATES, "ALLOC_FLOW_COUNTER" },
	/* how fast what is sent is sent */
	{ PRM_CREATE_SCHEDULING_ELEMENT, PRM_CREATES, "CREATE_SCHEDULING_ELEMENT" },
	{ PRM_MODIFY_SCHEDULING_ELEMENT, PRM_MODIFIES, "MODIFY_SCHEDULING_ELEMENT" },
	/* receive objects, which send nothing; an XRQ answers by itself and is not among them */
	{ PRM_CREATE_SRQ, PRM_CREATES, "CREATE_SRQ" },
	{ PRM_CREATE_XRC_SRQ, PRM_CREATES, "CREATE_XRC_SRQ" },
	{ PRM_ARM_RQ, PRM_MODIFIES, "ARM_RQ" },
	{ PRM_ARM_XRC_SRQ, PRM_MODIFIES, "ARM_XRC_SRQ" },
	{ PRM_CREATE_RMP, PRM_CREATES, "CREATE_RMP" },
	{ PRM_MODIFY_RMP, PRM_MODIFIES, "MODIFY_RMP" },
	{ PRM_CREATE_RQ, PRM_CREATES, "CREATE_RQ" },
	{ PRM_MODIFY_RQ, PRM_MODIFIES, "MODIFY_RQ" },
	{ PRM_CREATE_RQT, PRM_CREATES, "CREATE_RQT" },
	{ PRM_MODIFY_RQT, PRM_MODIFIES, "MODIFY_RQT" },
	{ PRM_CREATE_TIR, PRM_CREATES, "CREATE_TIR" },
	{ PRM_MODIFY_TIR, PRM_MODIFIES, "MODIFY_TIR" },
	{ PRM_ARM_DCT_FOR_KEY_VIOLATION, PRM_MODIFIES, "ARM_DCT_FOR_KEY_VIOLATION" },
	/* parts of a raw send queue, which is judged at its creation */
	{ PRM_CREATE_TIS, PRM_CREATES, "CREATE_TIS" },
	{ PRM_MODIFY_TIS, PRM_MODIFIES, "MODIFY_TIS" },
	{ PRM_MODIFY_SQ, PRM_MODIFIES, "MODIFY_SQ" },
	/* down: nothing is sent from there */
	{ PRM_2ERR_QP, PRM_MODIFIES, "2ERR_QP" },
	{ PRM_2RST_QP, PRM_MODIFIES, "2RST_QP" },
	/* queries */
	{ PRM_QUERY_HCA_CAP, PRM_GENERAL, "QUERY_HCA_CAP" },
	{ PRM_QUERY_ADAPTER, PRM_GENERAL, "QUERY_ADAPTER" },
	{ PRM_QUERY_ISSI, PRM_GENERAL, "QUERY_ISSI" },
	{ PRM_QUERY_ESW_FUNCTIONS, PRM_GENERAL, "QUERY_ESW_FUNCTIONS" },
	{ PRM_QUERY_VPORT_STATE, PRM_GENERAL, "QUERY_VPORT_STATE" },
	{ PRM_QUERY_ESW_VPORT_CONTEXT, PRM_GENERAL, "QUERY_ESW_VPORT_CONTEXT" },
	{ PRM_QUERY_NIC_VPORT_CONTEXT, PRM_GENERAL, "QUERY_NIC_VPORT_CONTEXT" },
	{ PRM_QUERY_ROCE_ADDRESS, PRM_GENERAL, "QUERY_ROCE_ADDRESS" },
	{ PRM_QUERY_HCA_VPORT_CONTEXT, PRM_GENERAL, "QUERY_HCA_VPORT_CONTEXT" },
	{ PRM_QUERY_VNIC_ENV, PRM_GENERAL, "QUERY_VNIC_ENV" },
	{ PRM_QUERY_VPORT_COUNTER, PRM_GENERAL, "QUERY_VPORT_COUNTER" },
	{ PRM_GET_DROPPED_PACKET_LOG, PRM_GENERAL, "GET_DROPPED_PACKET_LOG" },
	{ PRM_QUERY_CONG_STATUS, PRM_GENERAL, "QUERY_CONG_STATUS" },
	{ PRM_QUERY_CONG_PARAMS, PRM_GENERAL, "QUERY_CONG_PARAMS" },
	{ PRM_QUERY_CONG_STATISTICS, PRM_GENERAL, "QUERY_CONG_STATISTICS" },
	{ PRM_QUERY_LAG, PRM_GENERAL, "QUERY_LAG" },
	{ PRM_NOP, PRM_GENERAL, "NOP" },
	/* waits for the NIC to apply changes of its steering tables */
	{ PRM_SYNC_STEERING, PRM_GENERAL, "SYNC_STEERING" },
};

static bool is_harmless(enum prm_method method, uint32_t opcode)
{
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (harmless[i].opcode == opcode && harmless[i].method == method)
			return true;
	return false;
}

/* ---- queue pairs ---- */

static const uint8_t no_gid[16];

static bool has_gid(const uint8_t *ads)
{
	return memcmp(ads + PRM_ADS_RGID, no_gid, sizeof(no_gid)) != 0;
}

/* false: an unknown service */
static bool qp_type_of(uint32_t service, uint32_t *out)
{
	switch (service) {
	case PRM_ST_RC:
		*out = IB_UVERBS_QPT_RC;
		return true;
	case PRM_ST_UC:
		*out = IB_UVERBS_QPT_UC;
		return true;
	case PRM_ST_UD:
		*out = IB_UVERBS_QPT_UD;
		return true;
	case PRM_ST_XRC:
		*out = IB_UVERBS_QPT_XRC_INI;
		return true;
	case PRM_ST_DCI:
	case PRM_ST_DCT:
		*out = IB_UVERBS_QPT_DRIVER;
		return true;
	case PRM_ST_RAW_ETHERTYPE:
	case PRM_ST_RAW_IPV6:
	case PRM_ST_SNIFFER:
		*out = IB_UVERBS_QPT_RAW_PACKET;
		return true;
	default:
		return false;
	}
}

/* A QP in RESET has no address; a command that has one is not understood. */
static void decode_create_qp(const uint8_t *qpc, struct uverbs_command *out)
{
	if (has_gid(qpc + PRM_QPC_PRIMARY_PATH) || has_gid(qpc + PRM_QPC_SECONDARY_PATH) ||
	    !qp_type_of(qpc[PRM_QPC_ST], &out->qp_type))
		return;
	out->kind = UVERBS_QP_CREATE;
	if (get24(qpc + PRM_QPC_DETH_SQPN))
		out->has |= UVERBS_HAS_SOURCE_QPN;
}

/* A label of 0 would mean that the QP numbers determine the port. */
static int label_of_sport(uint32_t sport, uint32_t *out)
{
	if (sport < 0xc000)
		return -ERANGE;
	*out = sport & 0x3fff ? sport & 0x3fff : 1u << 14 | 1;
	return 0;
}

int prm_read_address(const uint8_t *qpc, struct uverbs_address *out, uint32_t *out_dest_qpn)
{
	const uint8_t *ads = qpc + PRM_QPC_PRIMARY_PATH;

	*out = (struct uverbs_address){
		.sgid_index = ads[PRM_ADS_SRC_ADDR_INDEX],
		.port = ads[PRM_ADS_VHCA_PORT_NUM],
		.is_global = true,
	};
	memcpy(out->dgid, ads + PRM_ADS_RGID, sizeof(out->dgid));
	*out_dest_qpn = get24(qpc + PRM_QPC_REMOTE_QPN);
	return label_of_sport(get16(ads + PRM_ADS_UDP_SPORT), &out->flow_label);
}

static void fill_address(const uint8_t *qpc, struct uverbs_command *out)
{
	out->kind = UVERBS_QP_ADDRESS;
	/* without the peer's number, the source port is unknown */
	if (!prm_read_address(qpc, &out->address, &out->dest_qpn))
		out->has |= UVERBS_HAS_DEST_QPN;
}

/* The options beyond 32, if any: RTS2RTS can change even the source port by them. */
static bool ext_is_understood(const uint8_t *in, size_t len)
{
	if (!(in[PRM_QPC_EXT] & 0x80))
		return true;
	return len >= PRM_QP_IN_EXT_SIZE && !get32(in + PRM_OPT_MASK_95_32) &&
	       !(get32(in + PRM_OPT_MASK_95_32 + 4) & ~(uint32_t)PRM_OPT_32_HARMLESS);
}

/*
 * The change to INIT carries a port and no address. A later one carries an address if its option says so, or if the
 * field is not zero. INIT2RTR takes an address without an option: a zero one belongs to a datagram QP, or is a mistake.
 */
static void decode_modify_qp(uint32_t opcode, const uint8_t *in, struct uverbs_command *out)
{
	const uint8_t *qpc = in + PRM_QPC;
	uint32_t options = get32(in + PRM_OPT_PARAM_MASK);
	bool to_init = opcode == PRM_RST2INIT_QP || opcode == PRM_INIT2INIT_QP;
	bool address = options & PRM_OPT_PRIMARY_ADDR_PATH || has_gid(qpc + PRM_QPC_PRIMARY_PATH);
	bool alternate = options & PRM_OPT_ALT_ADDR_PATH || has_gid(qpc + PRM_QPC_SECONDARY_PATH);

	out->qpn = get24(in + PRM_QPN);
	out->has |= UVERBS_HAS_QPN;
	if (to_init && (address || alternate))
		return;
	/* a new port alone would send to the judged address by another port */
	if (!to_init && !address && options & PRM_OPT_PRI_PORT)
		return;
	/* MIGRATED brings no alternate path into use: see uses_alternate_path() in write.c */
	if (!to_init && options & PRM_OPT_PM_STATE && (qpc[PRM_QPC_PM_STATE] & PRM_PM_MASK) != PRM_PM_MIGRATED)
		alternate = true;
	if (alternate)
		out->has |= UVERBS_HAS_ALT_PATH;
	if (address || alternate)
		fill_address(qpc, out);
	else if (opcode == PRM_INIT2RTR_QP)
		out->kind = UVERBS_QP_READY;
	else
		out->kind = UVERBS_NOTHING;
}

static void decode_qp_state(uint32_t opcode, const uint8_t *in, size_t len, struct uverbs_command *out)
{
	if (len < PRM_QP_IN_SIZE || !ext_is_understood(in, len))
		return;
	decode_modify_qp(opcode, in, out);
}

/* ---- all ---- */

static void decode_create(uint32_t opcode, const uint8_t *in, size_t len, struct uverbs_command *out)
{
	switch (opcode) {
	case PRM_CREATE_QP:
		if (len >= PRM_QP_IN_SIZE)
			decode_create_qp(in + PRM_QPC, out);
		return;
	case PRM_CREATE_DCT:
		/* it answers any peer: RDMA READ sends data */
		out->kind = UVERBS_QP_CREATE;
		out->qp_type = IB_UVERBS_QPT_DRIVER;
		return;
	case PRM_CREATE_SQ:
		/* its WQEs are whole Ethernet frames */
		out->kind = UVERBS_QP_CREATE;
		out->qp_type = IB_UVERBS_QPT_RAW_PACKET;
		return;
	case PRM_CREATE_FLOW_TABLE:
	case PRM_CREATE_FLOW_GROUP:
	case PRM_SET_FLOW_TABLE_ENTRY:
	case PRM_ALLOC_PACKET_REFORMAT_CONTEXT:
	case PRM_ALLOC_MODIFY_HEADER_CONTEXT:
	case PRM_ADD_VXLAN_UDP_DPORT:
	case PRM_SET_L2_TABLE_ENTRY:
		out->kind = UVERBS_FLOW_CREATE;
		return;
	default:
		return;
	}
}

static void decode_modify(uint32_t opcode, const uint8_t *in, size_t len, struct uverbs_command *out)
{
	switch (opcode) {
	case PRM_RST2INIT_QP:
	case PRM_INIT2INIT_QP:
	case PRM_INIT2RTR_QP:
	case PRM_RTR2RTS_QP:
	case PRM_RTS2RTS_QP:
	case PRM_SQERR2RTS_QP:
	case PRM_SQD_RTS_QP:
		decode_qp_state(opcode, in, len, out);
		return;
	case PRM_MODIFY_FLOW_TABLE:
	case PRM_SET_FLOW_TABLE_ENTRY:
	case PRM_ADD_VXLAN_UDP_DPORT:
	case PRM_SET_L2_TABLE_ENTRY:
		out->kind = UVERBS_FLOW_CREATE;
		return;
	default:
		return;
	}
}

void prm_decode(enum prm_method method, const uint8_t in[PRM_LOOKED_AT], size_t len, struct uverbs_command *out)
{
	uint32_t opcode = get16(in + PRM_OPCODE);

	out->kind = UVERBS_DRIVER_PRIVATE;
	out->has |= UVERBS_HAS_DEVX;
	out->write_command = opcode;
	/* a command for another function, which only the NIC checks */
	if (len < PRM_HEADER_SIZE || get16(in + PRM_VHCA_TUNNEL_ID))
		return;
	if (is_harmless(method, opcode))
		out->kind = UVERBS_NOTHING;
	else if (method == PRM_CREATES)
		decode_create(opcode, in, len, out);
	else if (method == PRM_MODIFIES)
		decode_modify(opcode, in, len, out);
}

bool prm_sends_at_once(uint32_t opcode)
{
	return opcode == PRM_CREATE_DCT || opcode == PRM_CREATE_SQ;
}

static const struct {
	uint16_t opcode;
	const char *name;
} judged[] = {
	{ PRM_CREATE_QP, "CREATE_QP" },
	{ PRM_RST2INIT_QP, "RST2INIT_QP" },
	{ PRM_INIT2RTR_QP, "INIT2RTR_QP" },
	{ PRM_RTR2RTS_QP, "RTR2RTS_QP" },
	{ PRM_RTS2RTS_QP, "RTS2RTS_QP" },
	{ PRM_SQERR2RTS_QP, "SQERR2RTS_QP" },
	{ PRM_SQD_RTS_QP, "SQD_RTS_QP" },
	{ PRM_INIT2INIT_QP, "INIT2INIT_QP" },
	{ PRM_CREATE_DCT, "CREATE_DCT" },
	{ PRM_CREATE_XRQ, "CREATE_XRQ" },
	{ PRM_SET_XRQ_DC_PARAMS_ENTRY, "SET_XRQ_DC_PARAMS_ENTRY" },
	{ PRM_ATTACH_TO_MCG, "ATTACH_TO_MCG" },
	{ PRM_ADD_VXLAN_UDP_DPORT, "ADD_VXLAN_UDP_DPORT" },
	{ PRM_SET_L2_TABLE_ENTRY, "SET_L2_TABLE_ENTRY" },
	{ PRM_CREATE_SQ, "CREATE_SQ" },
	{ PRM_SET_FLOW_TABLE_ROOT, "SET_FLOW_TABLE_ROOT" },
	{ PRM_CREATE_FLOW_TABLE, "CREATE_FLOW_TABLE" },
	{ PRM_CREATE_FLOW_GROUP, "CREATE_FLOW_GROUP" },
	{ PRM_SET_FLOW_TABLE_ENTRY, "SET_FLOW_TABLE_ENTRY" },
	{ PRM_MODIFY_FLOW_TABLE, "MODIFY_FLOW_TABLE" },
	{ PRM_ALLOC_PACKET_REFORMAT_CONTEXT, "ALLOC_PACKET_REFORMAT_CONTEXT" },
	{ PRM_ALLOC_MODIFY_HEADER_CONTEXT, "ALLOC_MODIFY_HEADER_CONTEXT" },
	{ PRM_CREATE_GENERAL_OBJECT, "CREATE_GENERAL_OBJECT" },
	{ PRM_MODIFY_GENERAL_OBJECT, "MODIFY_GENERAL_OBJECT" },
};

const char *prm_opcode_name(uint32_t opcode)
{
	for (size_t i = 0; i < sizeof(judged) / sizeof(judged[0]); i++)
		if (judged[i].opcode == opcode)
			return judged[i].name;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (harmless[i].opcode == opcode)
			return harmless[i].name;
	return NULL;
}
