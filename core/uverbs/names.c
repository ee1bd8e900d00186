// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <rdma/ib_user_ioctl_verbs.h>

#include "uverbs/decode.h"

bool uverbs_qp_is_connected(uint32_t qp_type)
{
	return qp_type == IB_UVERBS_QPT_RC || qp_type == IB_UVERBS_QPT_UC || qp_type == IB_UVERBS_QPT_XRC_INI ||
	       qp_type == IB_UVERBS_QPT_XRC_TGT;
}

const char *uverbs_qp_type_name(uint32_t qp_type)
{
	switch (qp_type) {
	case IB_UVERBS_QPT_RC:
		return "RC";
	case IB_UVERBS_QPT_UC:
		return "UC";
	case IB_UVERBS_QPT_UD:
		return "UD";
	case IB_UVERBS_QPT_RAW_PACKET:
		return "RAW_PACKET";
	case IB_UVERBS_QPT_XRC_INI:
		return "XRC_INI";
	case IB_UVERBS_QPT_XRC_TGT:
		return "XRC_TGT";
	case IB_UVERBS_QPT_DRIVER:
		return "DRIVER";
	default:
		return "unknown";
	}
}
