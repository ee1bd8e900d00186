/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What an mlx5 device command does to the packets that leave the host. Pure: octets in, struct uverbs_command out.
 *
 * Harmless opcodes were read one by one and are listed with the reason. An opcode that is neither harmless nor decoded
 * is UVERBS_DRIVER_PRIVATE, which no policy allows.
 */
#ifndef RDMASEC_UVERBS_MLX5_COMMAND_H
#define RDMASEC_UVERBS_MLX5_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "uverbs/decode.h"
#include "uverbs/mlx5_prm.h"

/* The octets of a command that are decoded. */
enum { PRM_LOOKED_AT = PRM_QP_IN_EXT_SIZE };

/* The DEVX method of a command: the kernel takes other opcodes by each (devx.c). */
enum prm_method { PRM_CREATES, PRM_MODIFIES, PRM_GENERAL };

/*
 * Decodes a command of `len` octets, of which `in` has the first PRM_LOOKED_AT, zero beyond the end of a shorter one.
 * Fills the kind and its fields; out->write_command is the opcode. Leaves out->handle alone, which the NIC does not
 * use.
 */
void prm_decode(enum prm_method method, const uint8_t in[PRM_LOOKED_AT], size_t len, struct uverbs_command *out);

/*
 * Reads the address and the peer's number in a QPC (PRM_QPC of a command, or of the answer to QUERY_QP). The flow_label
 * is one that rdma_flow_label_to_udp_sport() turns into the QP's UDP source port. Returns 0, or -ERANGE when no label
 * does.
 */
int prm_read_address(const uint8_t *qpc, struct uverbs_address *out, uint32_t *out_dest_qpn);

/* Whether an object made by this opcode sends, or answers, without a further command. */
bool prm_sends_at_once(uint32_t opcode);

/* Returns "INIT2RTR_QP" and the like, NULL for an unknown opcode. */
const char *prm_opcode_name(uint32_t opcode);

#endif
