/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Properties of the commands of the old write() ABI. */
#ifndef RDMASEC_UVERBS_WRITE_COMMANDS_H
#define RDMASEC_UVERBS_WRITE_COMMANDS_H

#include <stdint.h>

enum {
	UVERBS_WRITE_HAS_NO_ADDRESS = 1 << 0, /* does not determine where a QP sends to */
	UVERBS_WRITE_NEEDS_NO_MEMORY =
		1 << 1, /* neither pins nor maps memory of its caller, nor takes or returns an fd */
	UVERBS_WRITE_CREATES_QUEUE = 1 << 2, /* needs memory of its caller unless the driver allocates the queue */
};

/* Properties of IB_USER_VERBS_CMD_*, with the extended bit. 0: unknown command. */
uint32_t uverbs_write_properties(uint32_t command);

#endif
