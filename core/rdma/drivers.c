// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What each driver does with a QP's packets. Files are those of drivers/infiniband, kernel 7.2, unless another is
 * named. Its new driver bng_re has no id and no uverbs device yet.
 *
 * egress: of all of drivers/infiniband/hw only mlx5 has code for MACsec (mlx5/macsec.c, with mlx5_core's
 * lib/macsec_fs.c) or IPsec (mlx5_core's lib/ipsec_fs_roce.c); read in 6.1, 6.12 and 7.2. Kernel 6.1 has neither file,
 * and no way to offload a policy: decide() then finds nothing offloaded, so one row serves all kernels.
 * Transports are from get_port_immutable()'s core_cap_flags. IB_QPT_DRIVER exists in mlx5 and efa only.
 */
#include <rdma/ib_user_ioctl_verbs.h>
#include <stddef.h>
#include <string.h>

#include "rdma/device.h"

/* Newer than the headers of kernel 6.1: RDMA_DRIVER_MANA is of 6.2, RDMA_DRIVER_IONIC of 6.18. Both are enumerators. */
enum { DRIVER_MANA = RDMA_DRIVER_ERDMA + 1, DRIVER_IONIC };

/* clang-format off */
#define SENDS_IN_CLEAR(id, its_name, address_in_wqe) \
	{ .driver_id = (id), .name = (its_name), .egress = EGRESS_NIC_CLEAR, .ud_address_in_wqe = (address_in_wqe) }
#define NOT_ROCE(id, its_name) \
	{ .driver_id = (id), .name = (its_name), .egress = EGRESS_UNKNOWN, .ud_address_in_wqe = true, \
	  .driver_qp_needs_no_address = true }

static const struct driver_traits unknown = NOT_ROCE(RDMA_DRIVER_UNKNOWN, "unknown");

static const struct driver_traits drivers[] = {
	{ .driver_id = RDMA_DRIVER_RXE, .name = "rxe",
	  /* sw/rxe/rxe_net.c rxe_init_packet(), rxe_send(): ip_local_out() by the GID's netdev */
	  .egress = EGRESS_HOST_STACK,
	  /* sw/rxe/rxe_av.c rxe_get_av(): ah_num 0 takes the address from the WQE, which user space has mapped */
	  .ud_address_in_wqe = true,
	  /* sw/rxe/rxe_qp.c rxe_qp_chk_init(): no IB_QPT_DRIVER */
	  .driver_qp_needs_no_address = false,
	  /* rxe_find_route4(), rxe_find_route6(): the flow has addresses and protocol, no ports */
	  .flow_has_ports = false },
	{ .driver_id = RDMA_DRIVER_MLX5, .name = "mlx5", .egress = EGRESS_NIC_MACSEC_IPSEC,
	  /* rdma-core providers/mlx5/qp.c set_datagram_seg(): the whole AV is in the WQE */
	  .ud_address_in_wqe = true,
	  /* mlx5/qp.c modify_dci_qp_is_ok(): a DCI takes no AV, its WQEs carry one */
	  .driver_qp_needs_no_address = true,
	  /* mlx5_core en_accel/ipsec_fs.c setup_fte_upper_proto_match(): the NIC matches UDP ports */
	  .flow_has_ports = true,
	  /* mlx5/qp.c mlx5_set_path(): rdma_get_udp_sport() when the mask has DEST_QPN */
	  .sport_from_flow_label = true },
	/* rdma-core providers/mlx4/qp.c set_datagram_seg() */
	SENDS_IN_CLEAR(RDMA_DRIVER_MLX4, "mlx4", true),
	/* rdma-core providers/bnxt_re/verbs.c: the WQE carries an AH id from the kernel (avid) */
	SENDS_IN_CLEAR(RDMA_DRIVER_BNXT_RE, "bnxt_re", false),
	/*
	 * The same id as i40iw, which was iWARP only and left the kernel in 5.14. iWARP or RoCE v2, by hardware and
	 * setting (hw/irdma/verbs.c irdma_iw_port_immutable(), irdma_roce_port_immutable()). rdma-core
	 * providers/irdma/uk.c: the WQE carries an AH id from the kernel (IRDMAQPSQ_AHID).
	 */
	SENDS_IN_CLEAR(RDMA_DRIVER_IRDMA, "irdma", false),
	/* netlink does not report its id (uverbs_no_driver_id_binding), but the ioctl needs it */
	{ .driver_id = RDMA_DRIVER_HNS, .name = "hns", .egress = EGRESS_NIC_CLEAR,
	  /* hw/hns/hns_roce_hw_v2.c hns_roce_hw_v2_get_cfg(): its device is the PCI device of the netdev's driver */
	  .pci_driver = "hns3",
	  /* rdma-core providers/hns/hns_roce_u_hw_v2.c set_ud_sl(), set_ud_wqe() */
	  .ud_address_in_wqe = true },
	/*
	 * iWARP or RoCE v2, by hardware (erdma/erdma_verbs.c erdma_get_port_immutable()). hw/erdma/erdma_hw.h struct
	 * erdma_send_sqe_ud: the WQE carries an AH number that the kernel gave the hardware (erdma_create_ah()).
	 */
	SENDS_IN_CLEAR(RDMA_DRIVER_ERDMA, "erdma", false),
	/*
	 * hw/mana/qp.c mana_ib_create_ud_qp(), ah.c mana_ib_create_ah(): for the kernel only, with the address in the
	 * WQE; a later version for user space would have it there too.
	 */
	SENDS_IN_CLEAR(DRIVER_MANA, "mana", true),
	/* rdma-core providers/ionic/ionic_verbs.c: the WQE carries an AH id from the kernel (ahid) */
	SENDS_IN_CLEAR(DRIVER_IONIC, "ionic", false),
	/* ocrdma/ocrdma_ah.c: the AHs are in a table that is mapped into user space */
	SENDS_IN_CLEAR(RDMA_DRIVER_OCRDMA, "ocrdma", true),
	/* hw/qedr/verbs.c qedr_check_qp_attrs(): its only UD QP is QP 1, the kernel's */
	SENDS_IN_CLEAR(RDMA_DRIVER_QEDR, "qedr", true),
	/* a hypervisor's device: the guest cannot see how the host sends; pvrdma_post_send(): the AV is in the WQE */
	SENDS_IN_CLEAR(RDMA_DRIVER_VMW_PVRDMA, "vmw_pvrdma", true),
	/*
	 * Not RoCE: no GID gives the address of their packets. iWARP QPs are connected by the kernel's iw_cm, without
	 * MODIFY_QP; EFA's SRD, usNIC and Omni-Path are protocols of their own; mthca and qib are InfiniBand only. Of
	 * these, 7.2 has no nes, cxgb3 and qib any more.
	 */
	NOT_ROCE(RDMA_DRIVER_SIW, "siw"),
	NOT_ROCE(RDMA_DRIVER_CXGB3, "cxgb3"),
	NOT_ROCE(RDMA_DRIVER_CXGB4, "cxgb4"),
	NOT_ROCE(RDMA_DRIVER_NES, "nes"),
	/* hw/efa/efa_verbs.c efa_create_ah(), rdma-core providers/efa/verbs.c: the WQE carries the kernel's AH number */
	{ .driver_id = RDMA_DRIVER_EFA, .name = "efa", .egress = EGRESS_UNKNOWN, .ud_address_in_wqe = false,
	  .driver_qp_needs_no_address = true /* SRD */ },
	NOT_ROCE(RDMA_DRIVER_USNIC, "usnic"),
	NOT_ROCE(RDMA_DRIVER_HFI1, "hfi1"),
	NOT_ROCE(RDMA_DRIVER_QIB, "qib"),
	{ .driver_id = RDMA_DRIVER_MTHCA, .name = "mthca", .egress = EGRESS_UNKNOWN, .ud_address_in_wqe = true,
	  .driver_qp_needs_no_address = true,
	  .pci_driver = "ib_mthca" /* hw/mthca/mthca_dev.h DRV_NAME; as with hns, no id is reported */ },
};
/* clang-format on */

bool driver_of_pci_driver(const char *pci_driver, uint32_t *out_driver_id)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (drivers[i].pci_driver && !strcmp(drivers[i].pci_driver, pci_driver)) {
			*out_driver_id = drivers[i].driver_id;
			return true;
		}
	return false;
}

const struct driver_traits *driver_traits(uint32_t driver_id)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (drivers[i].driver_id == driver_id)
			return &drivers[i];
	return &unknown;
}
