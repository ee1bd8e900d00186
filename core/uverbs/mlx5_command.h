/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What does this mlx5 device command do to what leaves the host? Pure: octets in, struct uverbs_command out.
 *
 * The list of the harmless is a list of opcodes that were read, each with its reason. What is not in it and is not one
 * of those that are decoded is UVERBS_DRIVER_PRIVATE: not understood, whatever the policy says.
 */
#ifndef RDMASEC_UVERBS_MLX5_COMMAND_H
#define RDMASEC_UVERBS_MLX5_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "uverbs/decode.h"
#include "uverbs/mlx5_prm.h"

/* More of a command is not looked at. */
enum { PRM_LOOKED_AT = PRM_QP_IN_EXT_SIZE };

/* By which method of DEVX the command comes: the kernel takes other opcodes by each (devx.c). */
enum prm_method { PRM_CREATES, PRM_MODIFIES, PRM_GENERAL };

/*
 * Decodes a command of `len` octets, of which `in` has the first PRM_LOOKED_AT; what a shorter one lacks is zero there.
 * Fills kind and what belongs to it; out->write_command is the opcode. out->handle is left alone: it is not the NIC's
 * business.
 */
void prm_decode(enum prm_method method, const uint8_t in[PRM_LOOKED_AT], size_t len, struct uverbs_command *out);

/*
 * The address that a QPC has (PRM_QPC of a command; the answer to QUERY_QP has one as well), and its peer's number.
 * Its flow_label is then one of which rdma_flow_label_to_udp_sport() makes the QP's UDP source port: how the engine
 * knows one; -ERANGE: no label does.
 */
int prm_read_address(const uint8_t *qpc, struct uverbs_address *out, uint32_t *out_dest_qpn);

/* Does what this opcode makes send, or answer, without a word more to the kernel? */
bool prm_sends_at_once(uint32_t opcode);

/* "INIT2RTR_QP"; NULL: one that is not known. */
const char *prm_opcode_name(uint32_t opcode);

#endif
