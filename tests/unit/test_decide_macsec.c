// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* decide() on MACsec: a valid SecY, and then one defect at a time. Kernel: drivers/net/macsec.c. */
#include "decide_fixture.h"
#include "util/ciphers.h"

CHANGE(nothing, (void)w)
CHANGE(encrypt_off, w->secy.encrypt = false)
CHANGE(encrypt_off_allowed, w->secy.encrypt = false; w->req.integrity_only = true)
CHANGE(protect_off, w->secy.protect = false)
CHANGE(protect_off_integrity_only, w->secy.protect = false; w->req.integrity_only = true)
CHANGE(validate_check, w->secy.validate = MACSEC_VALIDATE_CHECK)
CHANGE(validate_disabled, w->secy.validate = MACSEC_VALIDATE_DISABLED)
CHANGE(tx_sa_absent, w->secy.tx_sa[2].present = false)
CHANGE(tx_sa_inactive, w->secy.tx_sa[2].active = false)
CHANGE(tx_sa_of_another_an, w->secy.encoding_an = 0)
CHANGE(an_beyond_two_bits, w->secy.encoding_an = 7)
CHANGE(no_rx_sc, w->secy.rxsc_count = 0)
CHANGE(rx_sc_inactive, w->rxsc[0].active = false)
CHANGE(rx_sa_inactive, w->rxsc[0].sa[1].active = false)
CHANGE(rx_sa_absent, w->rxsc[0].sa[1].present = false)
CHANGE(rx_sa_live_in_dead_sc, w->rxsc[0].active = false; w->rxsc[1] = w->rxsc[0]; w->rxsc[1].active = true;
       w->rxsc[1].sa[1].active = false; w->secy.rxsc_count = 2)
CHANGE(second_rx_sc_live, w->rxsc[1] = w->rxsc[0]; w->rxsc[0].active = false; w->secy.rxsc_count = 2)
CHANGE(not_operational, w->secy.operational = false)
CHANGE(link_down, w->links[MACSEC0 - ETH0].up = false)
CHANGE(link_unknown, w->ev.link_count = 1)
CHANGE(cipher_not_allowed, w->req.ciphers &= ~(uint32_t)CIPHER_MACSEC_GCM_AES_128)
CHANGE(gcm_aes_128_id, w->secy.cipher_suite = MACSEC_CIPHER_ID_GCM_AES_128)
CHANGE(gcm_aes_256, w->secy.cipher_suite = MACSEC_CIPHER_ID_GCM_AES_256)
CHANGE(xpn_128, w->secy.cipher_suite = MACSEC_CIPHER_ID_GCM_AES_XPN_128)
CHANGE(xpn_256, w->secy.cipher_suite = MACSEC_CIPHER_ID_GCM_AES_XPN_256)
CHANGE(xpn_256_not_allowed, w->secy.cipher_suite = MACSEC_CIPHER_ID_GCM_AES_XPN_256;
       w->req.ciphers = CIPHER_MACSEC_GCM_AES_256)
CHANGE(unknown_cipher, w->secy.cipher_suite = 0x0080c20001000005)
CHANGE(icv_8, w->secy.icv_len = 8)
CHANGE(icv_0, w->secy.icv_len = 0)
CHANGE(icv_32, w->secy.icv_len = 32)
CHANGE(broken, w->ev.macsec_state = EVIDENCE_BROKEN; strcpy(w->ev.macsec_error, "interrupted"))
CHANGE(unread, w->ev.macsec_state = EVIDENCE_UNREAD)
CHANGE(no_privilege, w->ev.macsec_state = EVIDENCE_NO_PRIVILEGE)
CHANGE(absent_but_a_macsec_link, w->ev.macsec_state = EVIDENCE_ABSENT)
CHANGE(absent, w->ev.macsec_state = EVIDENCE_ABSENT; w->links[MACSEC0 - ETH0].kind[0] = '\0')
CHANGE(link_without_secy, w->ev.secy_count = 0)
CHANGE(secy_of_another_netdev, w->secy.ifindex = ETH1)
CHANGE(leaves_by_another_netdev, w->path.egress_ifindex = ETH1; strcpy(w->path.egress, "eth1"))
CHANGE(offload_mac, w->secy.offload = MACSEC_OFFLOAD_MAC)
CHANGE(offload_phy, w->secy.offload = MACSEC_OFFLOAD_PHY)
CHANGE(offload_off, w->secy.offload = MACSEC_OFFLOAD_OFF)
CHANGE(offload_of_unknown_kind, w->secy.offload = 9)
CHANGE(kernel_6_5, w->ev.kernel = KERNEL_RELEASE(6, 5))
CHANGE(kernel_6_6, w->ev.kernel = KERNEL_RELEASE(6, 6))
CHANGE(kernel_unknown, w->ev.kernel = 0)
CHANGE(every_remote, w->path.scope = REMOTE_EVERY)
CHANGE(some_remote, w->path.scope = REMOTE_SOME)
CHANGE(stray_route, w->path.scope = REMOTE_EVERY; w->path.stray_ifindex = ETH1; strcpy(w->path.stray, "eth1");
       strcpy(w->path.stray_route, "2001:db8:9::/48"))
CHANGE(every_without_sa, change_every_remote(w); change_tx_sa_absent(w))
CHANGE(stray_without_sa, change_stray_route(w); change_tx_sa_absent(w))
CHANGE(encrypt_off_without_sa, change_encrypt_off(w); change_tx_sa_absent(w))
CHANGE(integrity_only_without_sa, change_encrypt_off_allowed(w); change_tx_sa_absent(w))
CHANGE(protect_off_without_sa, change_protect_off(w); change_tx_sa_absent(w))
CHANGE(not_strict_without_sa, change_validate_check(w); change_tx_sa_absent(w))
CHANGE(offloaded_without_sa, change_offload_mac(w); change_tx_sa_absent(w))
CHANGE(down_without_sa, change_link_down(w); change_tx_sa_absent(w))
CHANGE(down_with_inactive_sa, change_link_down(w); change_tx_sa_inactive(w))
CHANGE(down_not_strict_without_sa, change_link_down(w); change_not_strict_without_sa(w))
CHANGE(cipher_without_sa, change_cipher_not_allowed(w); change_tx_sa_absent(w))
CHANGE(icv_without_sa, change_icv_8(w); change_tx_sa_absent(w))
CHANGE(no_secy_without_sa, change_link_without_secy(w); change_tx_sa_absent(w))
CHANGE(some_without_sa, change_some_remote(w); change_tx_sa_absent(w))
CHANGE(kernel_6_5_without_sa, change_kernel_6_5(w); change_tx_sa_absent(w))
CHANGE(host_without_sa, change_offload_off(w); change_tx_sa_absent(w))

/* ---- xfrm policies beside a valid SecY: tunnels have a different route ---- */

static struct xfrm_policy_evidence *tunnel_policy(struct world *w, uint8_t proto, uint8_t mode)
{
	struct xfrm_policy_evidence *policy = add_policy(w, esp_policy(w, XFRM_POLICY_OUT, 0, 0));

	policy->offload = (struct xfrm_offload_evidence){ 0 };
	policy->tmpl[0].proto = proto;
	policy->tmpl[0].mode = mode;
	policy->tmpl[0].saddr = host(w, 11);
	policy->tmpl[0].daddr = host(w, 12);
	return policy;
}

static struct xfrm_policy_evidence *passing_policy(struct world *w, uint32_t priority)
{
	struct xfrm_policy_evidence *policy = add_policy(w, esp_policy(w, XFRM_POLICY_OUT, 1, 2));

	policy->offload = (struct xfrm_offload_evidence){ 0 };
	policy->tmpl_count = 0;
	policy->priority = priority;
	return policy;
}

CHANGE(tunnel_ah, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL))
CHANGE(tunnel_esp, tunnel_policy(w, IPPROTO_ESP, XFRM_MODE_TUNNEL))
CHANGE(tunnel_beet, tunnel_policy(w, IPPROTO_ESP, XFRM_MODE_BEET))
CHANGE(tunnel_ipcomp, tunnel_policy(w, IPPROTO_COMP, XFRM_MODE_TUNNEL))
CHANGE(tunnel_optional, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->tmpl[0].optional = true)
CHANGE(tunnel_of_unknown_mode, tunnel_policy(w, IPPROTO_ESP, 9))
CHANGE(transport_ah, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TRANSPORT))
CHANGE(tunnel_behind_transport, struct xfrm_policy_evidence *p = tunnel_policy(w, IPPROTO_ESP, XFRM_MODE_TRANSPORT);
       p->tmpl[1] = p->tmpl[0]; p->tmpl[1].mode = XFRM_MODE_TUNNEL; p->tmpl_count = 2)
CHANGE(tunnel_blocks, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->action = XFRM_POLICY_BLOCK)
CHANGE(tunnel_inbound, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->dir = XFRM_POLICY_IN)
CHANGE(tunnel_forwarded, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->dir = XFRM_POLICY_FWD)
CHANGE(tunnel_marked, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->mark = (struct xfrm_mark_evidence){ 1, 1 })
CHANGE(tunnel_of_interface, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->if_id = 3)
CHANGE(tunnel_with_ports, struct xfrm_policy_evidence *p = tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL);
       p->sel.dport = 4791; p->sel.dport_mask = 0xffff)
CHANGE(tunnel_of_tcp, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->sel.proto = IPPROTO_TCP)
CHANGE(tunnel_by_another_netdev, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->sel.ifindex = ETH1)
CHANGE(tunnel_by_this_netdev, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->sel.ifindex = MACSEC0)
CHANGE(tunnel_behind_pass, change_tunnel_ah(w); passing_policy(w, 999))
CHANGE(tunnel_beside_pass, change_tunnel_ah(w); passing_policy(w, 1000))
CHANGE(tunnel_before_pass, change_tunnel_ah(w); passing_policy(w, 1001))
CHANGE(tunnel_behind_part, change_tunnel_ah(w); w->path.scope = REMOTE_EVERY; passing_policy(w, 999))
CHANGE(tunnel_for_some, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->sel.daddr = host(w, 9);
       w->policies[0].sel.daddr_prefix = full_prefix(w))
CHANGE(tunnel_for_some_of_every, change_tunnel_for_some(w); w->path.scope = REMOTE_EVERY)
CHANGE(tunnel_remote_unknown, change_tunnel_ah(w); w->path.scope = REMOTE_SOME)
CHANGE(sub_policy, tunnel_policy(w, IPPROTO_AH, XFRM_MODE_TUNNEL)->type = XFRM_POLICY_TYPE_SUB)
CHANGE(tunnel_behind_offloaded_pass, change_tunnel_ah(w);
       passing_policy(w, 999)->offload = (struct xfrm_offload_evidence){ .ifindex = ETH0, .packet = true })
CHANGE(tunnel_unreadable, change_tunnel_ah(w); w->xfrm_state = EVIDENCE_NO_PRIVILEGE)
CHANGE(no_ipsec, w->xfrm_state = EVIDENCE_ABSENT)
CHANGE(xfrm_broken, w->xfrm_state = EVIDENCE_BROKEN; strcpy(w->xfrm_error, "still being read"))
CHANGE(xfrm_unread, w->xfrm_state = EVIDENCE_UNREAD)
CHANGE(xfrm_broken_and_no_sa, change_xfrm_broken(w); change_tx_sa_absent(w))
/* unknown settings read as this value, too */
CHANGE(tunnel_past_xfrm, change_tunnel_ah(w); w->links[MACSEC0 - ETH0].xfrm_off = true)
CHANGE(tunnel_without_sa, change_tunnel_ah(w); change_tx_sa_absent(w))

static const struct row tunnel_rows[] = {
	ROW(tunnel_ah, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_esp, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_beet, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_ipcomp, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_optional, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_of_unknown_mode, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_behind_transport, UNPROTECTED, "policy-tunnel"),
	ROW(transport_ah, PROTECTED, "macsec0"),
	ROW(tunnel_blocks, PROTECTED, "macsec0"),
	ROW(tunnel_inbound, PROTECTED, "macsec0"),
	ROW(tunnel_forwarded, PROTECTED, "macsec0"),
	ROW(tunnel_marked, PROTECTED, "macsec0"),
	ROW(tunnel_of_interface, PROTECTED, "macsec0"),
	ROW(tunnel_with_ports, PROTECTED, "macsec0"),
	ROW(tunnel_of_tcp, PROTECTED, "macsec0"),
	ROW(tunnel_by_another_netdev, PROTECTED, "macsec0"),
	ROW(tunnel_by_this_netdev, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_behind_pass, PROTECTED, "macsec0"),
	ROW(tunnel_beside_pass, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_before_pass, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_behind_part, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_behind_offloaded_pass, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_for_some, PROTECTED, "macsec0"),
	ROW(tunnel_for_some_of_every, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_remote_unknown, PROTECTED, "macsec0"),
	ROW(sub_policy, UNKNOWN, "xfrm-sub-policy"),
	ROW(tunnel_past_xfrm, UNPROTECTED, "policy-tunnel"),
	ROW(tunnel_unreadable, PROTECTED, "macsec0"),
	ROW(no_ipsec, PROTECTED, "macsec0"),
	ROW(xfrm_broken, UNKNOWN, "macsec-bypass-unknown"),
	ROW(xfrm_unread, UNKNOWN, "macsec-bypass-unknown"),
	ROW(xfrm_broken_and_no_sa, UNPROTECTED, "macsec-tx-sa-missing"),
};

/* The NIC's tables have no routes. */
static const struct row tunnel_rows_nic[] = { ROW(tunnel_ah, PROTECTED, "macsec0"),
					      ROW(sub_policy, PROTECTED, "macsec0") };

/* Required of both software and NIC. */
static const struct row common_rows[] = {
	ROW(nothing, PROTECTED, "macsec0 gcm-aes-128 sci 5254001234560001"),
	ROW(encrypt_off, UNPROTECTED, "macsec-encrypt-off"),
	ROW(encrypt_off_allowed, PROTECTED, "integrity-only"),
	ROW(protect_off, UNPROTECTED, "macsec-protect-off"),
	ROW(protect_off_integrity_only, UNPROTECTED, "macsec-protect-off"),
	ROW(validate_check, UNPROTECTED, "macsec-validate"),
	ROW(validate_disabled, UNPROTECTED, "macsec-validate"),
	ROW(tx_sa_absent, UNPROTECTED, "macsec-tx-sa-missing"),
	ROW(tx_sa_inactive, UNPROTECTED, "macsec-tx-sa-inactive"),
	ROW(tx_sa_of_another_an, UNPROTECTED, "macsec-tx-sa-missing"),
	ROW(an_beyond_two_bits, UNPROTECTED, "macsec-tx-sa-missing"),
	ROW(no_rx_sc, UNPROTECTED, "macsec-no-rx-sa"),
	ROW(rx_sc_inactive, UNPROTECTED, "macsec-no-rx-sa"),
	ROW(rx_sa_inactive, UNPROTECTED, "macsec-no-rx-sa"),
	ROW(rx_sa_absent, UNPROTECTED, "macsec-no-rx-sa"),
	ROW(rx_sa_live_in_dead_sc, UNPROTECTED, "macsec-no-rx-sa"),
	ROW(second_rx_sc_live, PROTECTED, "macsec0"),
	ROW(not_operational, UNPROTECTED, "macsec-not-operational"),
	ROW(link_down, UNPROTECTED, "macsec-down"),
	/* no carrier: nothing leaves, and the SecY's state decides */
	ROW(link_unknown, UNPROTECTED, "macsec-down"),
	ROW(cipher_not_allowed, UNPROTECTED, "macsec-cipher"),
	ROW(gcm_aes_128_id, PROTECTED, "gcm-aes-128"),
	ROW(gcm_aes_256, PROTECTED, "gcm-aes-256"),
	ROW(xpn_128, PROTECTED, "gcm-aes-xpn-128"),
	ROW(xpn_256, PROTECTED, "gcm-aes-xpn-256"),
	ROW(xpn_256_not_allowed, UNPROTECTED, "macsec-cipher"),
	ROW(unknown_cipher, UNKNOWN, "macsec-cipher-unknown"),
	ROW(icv_8, UNPROTECTED, "macsec-icv"),
	ROW(icv_0, UNPROTECTED, "macsec-icv"),
	ROW(icv_32, UNPROTECTED, "macsec-icv"),
	ROW(broken, UNKNOWN, "macsec-unreadable"),
	ROW(unread, UNKNOWN, "macsec-unreadable"),
	ROW(no_privilege, UNKNOWN, "macsec-unreadable"),
	ROW(absent_but_a_macsec_link, UNKNOWN, "macsec-no-secy"),
	ROW(absent, UNPROTECTED, "macsec-no-device"),
	ROW(link_without_secy, UNKNOWN, "macsec-no-secy"),
	ROW(secy_of_another_netdev, UNKNOWN, "macsec-no-secy"),
	ROW(leaves_by_another_netdev, UNPROTECTED, "macsec-no-device"),
	ROW(every_remote, PROTECTED, "macsec0"),
	ROW(some_remote, PROTECTED, "macsec0"),
	ROW(stray_route, UNPROTECTED, "macsec-route-strays"),
};

/* drivers/net/macsec.c, macsec_start_xmit(): an offloaded SecY passes the frame on unchecked */
static const struct row rxe_rows[] = {
	ROW(offload_mac, UNKNOWN, "macsec-offload-unchecked"),
	ROW(offload_phy, UNKNOWN, "macsec-offload-unchecked"),
	ROW(offload_of_unknown_kind, UNKNOWN, "macsec-offload-unchecked"),
	ROW(kernel_6_5, PROTECTED, "macsec0"),
};

static const struct row mlx5_rows[] = {
	ROW(nothing, PROTECTED, "offloaded"),
	ROW(offload_phy, PROTECTED, "offloaded"),
	ROW(offload_off, UNPROTECTED, "macsec-not-offloaded"),
	ROW(offload_of_unknown_kind, UNPROTECTED, "macsec-not-offloaded"),
	ROW(kernel_6_5, UNPROTECTED, "macsec-kernel-old"),
	ROW(kernel_unknown, UNPROTECTED, "macsec-kernel-old"),
	ROW(kernel_6_6, PROTECTED, "offloaded"),
};

/* With require = macsec, so that the reason does not mention IPsec. */
static void check_rows(const struct row *rows, size_t count, uint32_t driver, int family)
{
	for (size_t i = 0; i < count; i++) {
		struct world w;

		world_init(&w, driver, family, MACSEC0);
		world_add_macsec(&w);
		w.req.require = REQUIRE_MACSEC;
		check_row(&rows[i], &w, driver == RDMA_DRIVER_RXE ? "rxe" : "mlx5");
	}
}

#define CHECK(rows, driver, family) check_rows(rows, sizeof(rows) / sizeof((rows)[0]), driver, family)

Test(decide_macsec, refuses_each_defect_on_rxe)
{
	CHECK(common_rows, RDMA_DRIVER_RXE, AF_INET);
	CHECK(common_rows, RDMA_DRIVER_RXE, AF_INET6);
	CHECK(rxe_rows, RDMA_DRIVER_RXE, AF_INET);
}

Test(decide_macsec, refuses_each_defect_on_mlx5)
{
	CHECK(common_rows, RDMA_DRIVER_MLX5, AF_INET);
	CHECK(common_rows, RDMA_DRIVER_MLX5, AF_INET6);
	CHECK(mlx5_rows, RDMA_DRIVER_MLX5, AF_INET);
}

Test(decide_macsec, refuses_tunnels_that_bypass_macsec)
{
	CHECK(tunnel_rows, RDMA_DRIVER_RXE, AF_INET);
	CHECK(tunnel_rows, RDMA_DRIVER_RXE, AF_INET6);
	CHECK(tunnel_rows_nic, RDMA_DRIVER_MLX5, AF_INET);
}

/* An encrypting tunnel protects, unless the policy requires MACsec. */
Test(decide_macsec, accepts_esp_tunnel_as_ipsec)
{
	struct world w;
	struct verdict v;

	world_init(&w, RDMA_DRIVER_RXE, AF_INET, MACSEC0);
	world_add_macsec(&w);
	world_add_ipsec(&w);
	for (int i = OUT; i <= IN; i++) {
		w.policies[i].tmpl[0].mode = w.sas[i].mode = XFRM_MODE_TUNNEL;
		w.policies[i].tmpl[0].saddr = w.sas[i].saddr = host(&w, i == OUT ? 11 : 12);
		w.policies[i].tmpl[0].daddr = w.sas[i].daddr = host(&w, i == OUT ? 12 : 11);
	}
	judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_PROTECTED, "%s", words_of(&v, &w.path));
	cr_expect_eq(v.by, BY_IPSEC, "%s", words_of(&v, &w.path));
	w.req.require = REQUIRE_MACSEC;
	judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_UNPROTECTED, "%s", words_of(&v, &w.path));
}

Test(decide_macsec, verdict_names_the_secy)
{
	struct world w;
	struct verdict v;

	world_init(&w, RDMA_DRIVER_RXE, AF_INET, MACSEC0);
	world_add_macsec(&w);
	judge(&w, &v);
	cr_expect_eq(v.by, BY_MACSEC);
	cr_expect_eq(v.secy_ifindex, MACSEC0);
	cr_expect(!v.spi_out && !v.spi_in && !v.reqid);
	cr_expect_str_eq(words_of(&v, &w.path), "macsec0 gcm-aes-128 sci 5254001234560001");
}

/* Of several defects the reason names the one to fix first: settings, then associations, then offload. */
Test(decide_macsec, orders_defects_by_distance_to_protection)
{
	static void (*const steps[])(struct world * w) = { change_link_down, change_protect_off, change_encrypt_off,
							   change_validate_check, change_tx_sa_absent };
	int before = -1;

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct world w;
		struct verdict v;

		world_init(&w, RDMA_DRIVER_RXE, AF_INET, MACSEC0);
		world_add_macsec(&w);
		w.req.require = REQUIRE_MACSEC;
		steps[i](&w);
		judge(&w, &v);
		cr_expect_gt((int)v.nearness, before, "step %zu: %d after %d", i, (int)v.nearness, before);
		before = (int)v.nearness;
	}
}

/* MKA may install an SA. It repairs nothing else. */
Test(decide_macsec, reports_that_only_sas_are_missing)
{
	static const struct {
		const char *name;
		void (*change)(struct world *w);
		uint32_t driver;
		bool missing;
	} rows[] = {
		{ "nothing wrong", change_nothing, RDMA_DRIVER_RXE, false },
		{ "no transmit SA", change_tx_sa_absent, RDMA_DRIVER_RXE, true },
		{ "of another AN", change_tx_sa_of_another_an, RDMA_DRIVER_RXE, true },
		{ "inactive", change_tx_sa_inactive, RDMA_DRIVER_RXE, true },
		{ "not operational", change_not_operational, RDMA_DRIVER_RXE, true },
		{ "no receive SC", change_no_rx_sc, RDMA_DRIVER_RXE, true },
		{ "receive SC inactive", change_rx_sc_inactive, RDMA_DRIVER_RXE, true },
		{ "no receive SA", change_rx_sa_absent, RDMA_DRIVER_RXE, true },
		{ "every remote", change_every_without_sa, RDMA_DRIVER_RXE, true },
		{ "integrity only is allowed", change_integrity_only_without_sa, RDMA_DRIVER_RXE, true },
		{ "mlx5", change_tx_sa_absent, RDMA_DRIVER_MLX5, true },
		{ "down and no transmit SA", change_down_without_sa, RDMA_DRIVER_RXE, true },
		{ "down and the SA is inactive", change_down_with_inactive_sa, RDMA_DRIVER_RXE, true },
		{ "policies cannot be read by this user", change_tunnel_unreadable, RDMA_DRIVER_RXE, false },
		{ "down beside live SAs", change_link_down, RDMA_DRIVER_RXE, false },
		{ "down and not strict", change_down_not_strict_without_sa, RDMA_DRIVER_RXE, false },
		{ "every remote, but some elsewhere", change_stray_without_sa, RDMA_DRIVER_RXE, false },
		{ "a tunnel", change_tunnel_without_sa, RDMA_DRIVER_RXE, false },
		{ "policies are being read", change_xfrm_broken_and_no_sa, RDMA_DRIVER_RXE, false },
		{ "encrypt off", change_encrypt_off_without_sa, RDMA_DRIVER_RXE, false },
		{ "protect off", change_protect_off_without_sa, RDMA_DRIVER_RXE, false },
		{ "not strict", change_not_strict_without_sa, RDMA_DRIVER_RXE, false },
		{ "cipher", change_cipher_without_sa, RDMA_DRIVER_RXE, false },
		{ "ICV", change_icv_without_sa, RDMA_DRIVER_RXE, false },
		{ "no SecY", change_no_secy_without_sa, RDMA_DRIVER_RXE, false },
		{ "offloaded", change_offloaded_without_sa, RDMA_DRIVER_RXE, false },
		{ "mlx5, not offloaded", change_host_without_sa, RDMA_DRIVER_MLX5, false },
		{ "mlx5, old kernel", change_kernel_6_5_without_sa, RDMA_DRIVER_MLX5, false },
		{ "the remote is not known yet", change_some_without_sa, RDMA_DRIVER_RXE, true },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (int require = REQUIRE_ANY; require <= REQUIRE_MACSEC; require++) {
			struct world w;
			struct verdict v;

			world_init(&w, rows[i].driver, AF_INET, MACSEC0);
			world_add_macsec(&w);
			w.req.require = require;
			rows[i].change(&w);
			judge(&w, &v);
			cr_expect_eq(v.missing_macsec_sa, rows[i].missing, "%s: %s", rows[i].name,
				     reason_code(v.why[0].reason));
			cr_expect(!v.missing_macsec_sa || v.kind != VERDICT_PROTECTED, "%s", rows[i].name);
			cr_expect_not(v.could_be, "%s", rows[i].name);
		}
}

/* Unencrypted packets are dropped, or leave encrypted and get no answer. */
Test(decide_macsec, reports_whether_kernel_drops)
{
	static const struct {
		const char *name;
		void (*change)(struct world *w);
		uint32_t driver;
		bool drops;
	} rows[] = {
		{ "nothing wrong", change_nothing, RDMA_DRIVER_RXE, false },
		{ "no transmit SA", change_tx_sa_absent, RDMA_DRIVER_RXE, true },
		{ "of another AN", change_tx_sa_of_another_an, RDMA_DRIVER_RXE, true },
		{ "inactive", change_tx_sa_inactive, RDMA_DRIVER_RXE, true },
		{ "not operational", change_not_operational, RDMA_DRIVER_RXE, true },
		{ "no receive SC", change_no_rx_sc, RDMA_DRIVER_RXE, true },
		{ "no receive SA", change_rx_sa_inactive, RDMA_DRIVER_RXE, true },
		{ "every remote", change_every_without_sa, RDMA_DRIVER_RXE, true },
		{ "every remote, but some elsewhere", change_stray_without_sa, RDMA_DRIVER_RXE, false },
		{ "no transmit SA, but a tunnel", change_tunnel_without_sa, RDMA_DRIVER_RXE, false },
		{ "encrypt off", change_encrypt_off, RDMA_DRIVER_RXE, false },
		{ "encrypt off and no SA", change_encrypt_off_without_sa, RDMA_DRIVER_RXE, false },
		{ "integrity only and no SA", change_integrity_only_without_sa, RDMA_DRIVER_RXE, false },
		{ "protect off and no SA", change_protect_off_without_sa, RDMA_DRIVER_RXE, false },
		{ "not strict", change_validate_check, RDMA_DRIVER_RXE, false },
		{ "not strict and no SA", change_not_strict_without_sa, RDMA_DRIVER_RXE, false },
		{ "cipher", change_cipher_not_allowed, RDMA_DRIVER_RXE, false },
		{ "down", change_link_down, RDMA_DRIVER_RXE, false },
		{ "elsewhere", change_leaves_by_another_netdev, RDMA_DRIVER_RXE, false },
		{ "offloaded", change_offload_mac, RDMA_DRIVER_RXE, false },
		{ "offloaded and no SA", change_offloaded_without_sa, RDMA_DRIVER_RXE, false },
		{ "unreadable", change_broken, RDMA_DRIVER_RXE, false },
		{ "no SecY", change_link_without_secy, RDMA_DRIVER_RXE, false },
		/* a NIC has no rule for packets without an SA and sends them in clear (mlx5_core lib/macsec_fs.c) */
		{ "no transmit SA on mlx5", change_tx_sa_absent, RDMA_DRIVER_MLX5, false },
		{ "no receive SC on mlx5", change_no_rx_sc, RDMA_DRIVER_MLX5, false },
		{ "not offloaded and no SA on mlx5", change_host_without_sa, RDMA_DRIVER_MLX5, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct world w;
		struct verdict v;

		world_init(&w, rows[i].driver, AF_INET, MACSEC0);
		world_add_macsec(&w);
		w.req.require = REQUIRE_MACSEC;
		rows[i].change(&w);
		judge(&w, &v);
		cr_expect_eq(v.kernel_drops, rows[i].drops, "%s: %s", rows[i].name, words_of(&v, &w.path));
	}
}
