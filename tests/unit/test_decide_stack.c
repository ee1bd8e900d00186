// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* decide() on stacks of netdevs: MACsec below bonds, bridges, VLANs and the like, and IPsec around VXLAN. */
#include "decide_fixture.h"
#include "judge/stack.h"

/* In the numbers of links[] below. The egress of each row is one of these. */
enum {
	PLAIN = 2,
	SECY1, /* on PLAIN */
	SECY2,
	BOND,
	BRIDGE,
	MACVLAN,
	VLAN,
	PLAIN2,
	TEAM,
	VXLAN,
	LINK_COUNT = VXLAN - 1,
};

struct stack_world {
	struct path path;
	struct requirement req;
	struct link_evidence links[LINK_COUNT];
	struct macsec_rxsc_evidence rxsc;
	struct macsec_evidence secys[2];
	struct xfrm_policy_evidence policies[WORLD_ROOM];
	struct xfrm_sa_evidence sas[WORLD_ROOM];
	size_t policy_count, sa_count;
	enum evidence_state xfrm_state;
};

static struct link_evidence *at(struct stack_world *w, int ifindex)
{
	return &w->links[ifindex - PLAIN];
}

static struct macsec_evidence good_secy(struct stack_world *w, int ifindex)
{
	return (struct macsec_evidence){
		.rxsc = &w->rxsc,
		.rxsc_count = 1,
		.ifindex = ifindex,
		.sci = 1,
		.cipher_suite = MACSEC_DEFAULT_CIPHER_ID,
		.icv_len = MACSEC_STD_ICV_LEN,
		.protect = true,
		.encrypt = true,
		.operational = true,
		.validate = MACSEC_VALIDATE_STRICT,
		.tx_sa = { { .present = true, .active = true } },
	};
}

/* Two good SecYs, and no port below any bond, bridge or team yet. */
static void stack_init(struct stack_world *w)
{
	static const struct {
		const char *name, *kind;
		int below;
	} links[] = {
		{ "eth0", "", 0 },
		{ "macsec1", "macsec", PLAIN },
		{ "macsec2", "macsec", PLAIN },
		{ "bond0", "bond", 0 },
		{ "br0", "bridge", 0 },
		{ "mv0", "macvlan", SECY1 },
		{ "vlan7", "vlan", SECY1 },
		{ "eth1", "", 0 },
		{ "team0", "team", 0 },
		{ "vxlan0", "vxlan", 0 },
	};

	*w = (struct stack_world){ .req = { .require = REQUIRE_ANY, .ciphers = CIPHERS_DEFAULT } };
	for (int i = 0; i < LINK_COUNT; i++) {
		w->links[i] =
			(struct link_evidence){ .ifindex = PLAIN + i, .lower_ifindex = links[i].below, .up = true };
		text_copy(w->links[i].name, sizeof(w->links[i].name), links[i].name);
		text_copy(w->links[i].kind, sizeof(w->links[i].kind), links[i].kind);
	}
	w->rxsc = (struct macsec_rxsc_evidence){ .active = true, .sa = { { true, true } } };
	w->secys[0] = good_secy(w, SECY1);
	w->secys[1] = good_secy(w, SECY2);
	w->xfrm_state = EVIDENCE_READ;
	w->path = (struct path){
		.state = PATH_RESOLVED,
		.device = "rxe0",
		.driver = driver_traits(RDMA_DRIVER_RXE),
		.scope = REMOTE_ONE,
		.family = AF_INET,
		.local = { { 10, 9, 0, 1 } },
		.remote = { { 10, 9, 0, 2 } },
	};
}

static void stack_egress(struct stack_world *w, int ifindex)
{
	w->path.gid_ifindex = w->path.egress_ifindex = ifindex;
	w->path.tunnelled = ifindex == VXLAN;
	text_copy(w->path.netdev, sizeof(w->path.netdev), at(w, ifindex)->name);
	text_copy(w->path.egress, sizeof(w->path.egress), at(w, ifindex)->name);
}

static void stack_judge(struct stack_world *w, struct verdict *out)
{
	struct evidence ev = {
		.kernel = KERNEL_RELEASE(6, 12),
		.links_state = EVIDENCE_READ,
		.macsec_state = EVIDENCE_READ,
		.routes6_state = EVIDENCE_READ,
		.link_count = LINK_COUNT,
		.secys = w->secys,
		.secy_count = 2,
		.xfrm = table_of(w->policies, w->policy_count, w->sas, w->sa_count),
	};

	ev.links = exact_copy(w->links, sizeof(w->links));
	if (w->xfrm_state != EVIDENCE_READ)
		xfrm_table_reset(ev.xfrm, w->xfrm_state, "");
	decide(&w->path, &ev, &w->req, out);
	free(ev.links);
	xfrm_table_free(ev.xfrm);
}

struct stack_row {
	const char *name;
	void (*change)(struct stack_world *w);
	int egress;
	enum verdict_kind kind;
	const char *says; /* refused: the codes of its reasons; protected: the details */
};

#define STACK(name, ...)                                 \
	static void change_##name(struct stack_world *w) \
	{                                                \
		__VA_ARGS__;                             \
	}
#define STACK_ROW(name, egress, kind, says)                        \
	{                                                          \
#name, change_##name, egress, VERDICT_##kind, says \
	}

static void check_stack(const struct stack_row *row)
{
	char codes[REASONS_TEXT_MAX], line[768];
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, row->egress);
	if (row->egress != VXLAN)
		w.req.require = REQUIRE_MACSEC; /* so that the reason does not mention IPsec */
	row->change(&w);
	stack_judge(&w, &v);
	cr_expect_eq(v.kind, row->kind, "%s: %s (%s), not %s", row->name, verdict_name(v.kind), words_of(&v, &w.path),
		     verdict_name(row->kind));
	expect_sound(&v, &w.path, row->name);
	if (v.kind == VERDICT_PROTECTED) {
		cr_expect_str_eq(words_of(&v, &w.path), row->says, "%s: %s", row->name, words_of(&v, &w.path));
		return;
	}
	cr_expect_str_eq(codes_of(&v, codes), row->says, "%s: reason=%s (%s)", row->name, codes, words_of(&v, &w.path));
	text_format(line, sizeof(line), "stack, %s: %s: %s", row->name, verdict_name(v.kind), words_of(&v, &w.path));
	expect_golden("decide.txt", line);
}

#define CHECK_STACKS(rows)                                                  \
	do                                                                  \
		for (size_t i = 0; i < sizeof(rows) / sizeof(*(rows)); i++) \
			check_stack(&(rows)[i]);                            \
	while (0)

/* ---- MACsec ---- */

#define SECY1_GOOD "macsec1 gcm-aes-128 sci 0100000000000000"
#define SECY2_GOOD "macsec2 gcm-aes-128 sci 0100000000000000"

STACK(nothing, (void)w)
STACK(bonded, at(w, SECY1)->master_ifindex = at(w, SECY2)->master_ifindex = BOND)
STACK(bonded_once, at(w, SECY2)->master_ifindex = BOND)
STACK(bonded_with_clear, change_bonded(w); at(w, PLAIN2)->master_ifindex = BOND)
STACK(bonded_before_clear, at(w, SECY2)->master_ifindex = at(w, PLAIN)->master_ifindex = BOND)
STACK(bonded_clear, at(w, PLAIN)->master_ifindex = at(w, PLAIN2)->master_ifindex = BOND)
STACK(bonded_encrypt_off, change_bonded(w); w->secys[1].encrypt = false)
STACK(bonded_down, change_bonded(w); at(w, SECY2)->up = false)
STACK(bonded_without_sa, change_bonded(w); w->secys[1].tx_sa[0].present = false)
STACK(bonded_without_any_sa, change_bonded_without_sa(w); w->secys[0].tx_sa[0].present = false)
STACK(bonded_clear_without_sa, change_bonded_without_sa(w); at(w, PLAIN2)->master_ifindex = BOND)
STACK(bonded_offloaded, change_bonded(w); w->secys[1].offload = MACSEC_OFFLOAD_MAC)
STACK(bonded_without_secy, change_bonded(w); w->secys[1].ifindex = 99)
STACK(bonded_unknown_kind, change_bonded(w); at(w, PLAIN2)->master_ifindex = BOND;
      text_copy(at(w, PLAIN2)->kind, LINK_KIND_MAX, "gretap"))
STACK(bonded_other_cipher, change_bonded(w); w->secys[1].cipher_suite = MACSEC_CIPHER_ID_GCM_AES_256)
STACK(bridged, at(w, SECY1)->master_ifindex = BRIDGE)
STACK(bridged_with_veth, change_bridged(w); at(w, PLAIN2)->master_ifindex = BRIDGE;
      text_copy(at(w, PLAIN2)->kind, LINK_KIND_MAX, "veth"))
STACK(bridged_with_bond, change_bridged(w); at(w, BOND)->master_ifindex = BRIDGE; at(w, SECY2)->master_ifindex = BOND)
STACK(bridged_with_clear_bond, change_bridged(w); at(w, BOND)->master_ifindex = BRIDGE;
      at(w, PLAIN2)->master_ifindex = BOND)
STACK(macvlan_on_clear, at(w, MACVLAN)->lower_ifindex = PLAIN)
STACK(macvlan_elsewhere, at(w, MACVLAN)->lower_ifindex = 0; at(w, MACVLAN)->lower_in_other_netns = true)
STACK(macvlan_on_unlisted, at(w, MACVLAN)->lower_ifindex = 99)
STACK(vlan_on_bond, change_bonded(w); at(w, VLAN)->lower_ifindex = BOND)
STACK(vlan_on_mixed_bond, change_bonded_with_clear(w); at(w, VLAN)->lower_ifindex = BOND)
STACK(circle, at(w, VLAN)->lower_ifindex = MACVLAN; at(w, MACVLAN)->lower_ifindex = VLAN)
STACK(master_circle, at(w, BOND)->master_ifindex = BRIDGE; at(w, BRIDGE)->master_ifindex = BOND)
STACK(nested, at(w, SECY2)->lower_ifindex = SECY1; w->secys[1].encrypt = false)
STACK(nested_not_strict, change_nested(w); w->secys[1].validate = MACSEC_VALIDATE_DISABLED)
STACK(nested_outer_bad, change_nested(w); w->secys[0].encrypt = false)
STACK(nested_by_vlan, change_nested(w); at(w, SECY2)->lower_ifindex = VLAN)
STACK(nested_inner_good, change_nested_outer_bad(w); w->secys[1].encrypt = true)
STACK(nested_offloaded, change_nested(w); w->secys[1].offload = MACSEC_OFFLOAD_PHY)
STACK(nested_without_sa, change_nested(w); w->secys[1].encrypt = true; w->secys[1].tx_sa[0].present = false)
STACK(teamed, at(w, SECY1)->master_ifindex = TEAM)

static const struct stack_row macsec_rows[] = {
	STACK_ROW(bonded, BOND, PROTECTED, "bond0: " SECY1_GOOD " and 1 more"),
	STACK_ROW(bonded_once, BOND, PROTECTED, "bond0: " SECY2_GOOD),
	STACK_ROW(bonded_with_clear, BOND, UNPROTECTED, "macsec-clear-port"),
	STACK_ROW(bonded_before_clear, BOND, UNPROTECTED, "macsec-clear-port"),
	STACK_ROW(bonded_clear, BOND, UNPROTECTED, "macsec-no-device"),
	STACK_ROW(nothing, BOND, UNPROTECTED, "macsec-no-device"),
	STACK_ROW(bonded_encrypt_off, BOND, UNPROTECTED, "macsec-encrypt-off"),
	STACK_ROW(bonded_down, BOND, UNPROTECTED, "macsec-down"),
	STACK_ROW(bonded_without_sa, BOND, UNPROTECTED, "macsec-tx-sa-missing"),
	STACK_ROW(bonded_clear_without_sa, BOND, UNPROTECTED, "macsec-clear-port"),
	STACK_ROW(bonded_offloaded, BOND, UNKNOWN, "macsec-offload-unchecked"),
	STACK_ROW(bonded_without_secy, BOND, UNKNOWN, "macsec-no-secy"),
	STACK_ROW(bonded_unknown_kind, BOND, UNKNOWN, "stack-not-judged"),
	STACK_ROW(bridged, BRIDGE, PROTECTED, "br0: " SECY1_GOOD),
	STACK_ROW(bridged_with_veth, BRIDGE, UNPROTECTED, "macsec-clear-port"),
	STACK_ROW(bridged_with_bond, BRIDGE, PROTECTED, "br0: " SECY1_GOOD " and 1 more"),
	STACK_ROW(bridged_with_clear_bond, BRIDGE, UNPROTECTED, "macsec-clear-port"),
	STACK_ROW(nothing, MACVLAN, PROTECTED, "mv0: " SECY1_GOOD),
	STACK_ROW(macvlan_on_clear, MACVLAN, UNPROTECTED, "macsec-no-device"),
	STACK_ROW(macvlan_elsewhere, MACVLAN, UNKNOWN, "stack-elsewhere"),
	STACK_ROW(macvlan_on_unlisted, MACVLAN, UNKNOWN, "stack-elsewhere"),
	STACK_ROW(nothing, VLAN, PROTECTED, "vlan7: " SECY1_GOOD),
	STACK_ROW(vlan_on_bond, VLAN, PROTECTED, "vlan7: " SECY1_GOOD " and 1 more"),
	STACK_ROW(vlan_on_mixed_bond, VLAN, UNPROTECTED, "macsec-clear-port"),
	STACK_ROW(circle, VLAN, UNKNOWN, "stack-not-judged"),
	STACK_ROW(master_circle, BRIDGE, UNKNOWN, "stack-not-judged"),
	STACK_ROW(nested, SECY2, PROTECTED, "macsec2: " SECY1_GOOD),
	STACK_ROW(nested_not_strict, SECY2, PROTECTED, "macsec2: " SECY1_GOOD),
	STACK_ROW(nested_outer_bad, SECY2, UNPROTECTED, "macsec-encrypt-off"),
	STACK_ROW(nested_by_vlan, SECY2, PROTECTED, "macsec2: " SECY1_GOOD),
	STACK_ROW(nested_inner_good, SECY2, PROTECTED, SECY2_GOOD),
	STACK_ROW(nested_offloaded, SECY2, UNPROTECTED, "macsec-encrypt-off"),
	STACK_ROW(nested_without_sa, SECY2, UNPROTECTED, "macsec-tx-sa-missing"),
	STACK_ROW(teamed, TEAM, UNKNOWN, "stack-not-judged"),
};

Test(decide_stack, every_way_out_needs_macsec)
{
	CHECK_STACKS(macsec_rows);
}

/* mlx5 has rules for GIDs of a MACsec device itself. */
Test(decide_stack, nic_does_not_descend)
{
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, BOND);
	change_bonded(&w);
	w.path.driver = driver_traits(RDMA_DRIVER_MLX5);
	w.secys[0].offload = w.secys[1].offload = MACSEC_OFFLOAD_MAC;
	stack_judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_UNPROTECTED, "%s", words_of(&v, &w.path));
}

/* Waiting leaks nothing only if each port encrypts or drops. */
Test(decide_stack, kernel_drops_only_if_every_port_does)
{
	static const struct {
		void (*change)(struct stack_world *w);
		bool drops;
	} rows[] = {
		{ change_bonded_without_sa, true },        { change_bonded_without_any_sa, true },
		{ change_bonded_clear_without_sa, false }, { change_bonded_encrypt_off, false },
		{ change_bonded_with_clear, false },       { change_nothing, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stack_world w;
		struct verdict v;

		stack_init(&w);
		stack_egress(&w, BOND);
		rows[i].change(&w);
		stack_judge(&w, &v);
		cr_expect_eq(v.kernel_drops, rows[i].drops, "row %zu: %s", i, words_of(&v, &w.path));
	}
}

/* MKA repairs a bond only if it can repair each port. */
Test(decide_stack, waits_for_sas_only_if_every_port_lacks_no_more)
{
	static const struct {
		void (*change)(struct stack_world *w);
		bool waits;
	} rows[] = {
		{ change_bonded_without_sa, true },        { change_bonded_without_any_sa, true },
		{ change_bonded_clear_without_sa, false }, { change_bonded_encrypt_off, false },
		{ change_bonded_with_clear, false },       { change_nothing, false },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stack_world w;
		struct verdict v;

		stack_init(&w);
		stack_egress(&w, BOND);
		rows[i].change(&w);
		stack_judge(&w, &v);
		cr_expect_eq(v.missing_macsec_sa, rows[i].waits, "row %zu: %s", i, words_of(&v, &w.path));
		w.path.scope = REMOTE_SOME;
		stack_judge(&w, &v);
		cr_expect_eq(v.missing_macsec_sa, rows[i].waits, "row %zu: %s", i, words_of(&v, &w.path));
		cr_expect_not(v.could_be, "row %zu", i);
	}
}

/* The hint names the port, not the bond. */
Test(decide_stack, reason_names_the_port)
{
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, BOND);
	change_bonded_with_clear(&w);
	stack_judge(&w, &v);
	cr_expect_str_eq(v.why[0].at, "eth1");
	change_bonded_encrypt_off(&w);
	at(&w, PLAIN2)->master_ifindex = 0;
	stack_judge(&w, &v);
	cr_expect_str_eq(v.why[0].at, "macsec2");
}

/* One cipher for all ports, or none is named. */
Test(decide_stack, cipher_is_named_if_all_ports_have_it)
{
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, BOND);
	change_bonded(&w);
	stack_judge(&w, &v);
	cr_expect_eq(v.cipher, CIPHER_MACSEC_GCM_AES_128);
	cr_expect_eq(v.secy_ifindex, SECY1);
	change_bonded_other_cipher(&w);
	stack_judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_PROTECTED, "%s", words_of(&v, &w.path));
	cr_expect_eq(v.cipher, 0);
	w.req.ciphers = CIPHER_MACSEC_GCM_AES_128;
	stack_judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_UNPROTECTED, "%s", words_of(&v, &w.path));
}

/* More ports than one verdict looks at. */
Test(decide_stack, too_many_netdevs_are_not_judged)
{
	enum { PORTS = STACK_NETDEVS_MAX + 1 };
	static struct link_evidence links[PORTS + 1];
	static struct macsec_evidence secys[PORTS];
	struct evidence ev = { .links_state = EVIDENCE_READ,
			       .macsec_state = EVIDENCE_READ,
			       .links = links,
			       .secys = secys,
			       .secy_count = PORTS };
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, BOND);
	w.req.require = REQUIRE_MACSEC;
	links[PORTS] = *at(&w, BOND);
	for (int i = 0; i < PORTS; i++) {
		secys[i] = good_secy(&w, 100 + i);
		links[i] = *at(&w, SECY1);
		links[i].ifindex = 100 + i;
		links[i].master_ifindex = BOND;
	}
	ev.xfrm = xfrm_table_new();
	xfrm_table_reset(ev.xfrm, EVIDENCE_ABSENT, "");
	ev.link_count = PORTS + 1;
	decide(&w.path, &ev, &w.req, &v);
	cr_expect_eq(v.kind, VERDICT_UNKNOWN, "%s", words_of(&v, &w.path));
	cr_expect_eq(v.why[0].reason, REASON_STACK_TOO_DEEP);
	links[0].master_ifindex = links[1].master_ifindex = 0; /* with the bond itself: the limit */
	decide(&w.path, &ev, &w.req, &v);
	cr_expect_eq(v.kind, VERDICT_PROTECTED, "%s", words_of(&v, &w.path));
	xfrm_table_free(ev.xfrm);
}

/* ---- IPsec around VXLAN ---- */

static struct xfrm_policy_evidence outer_policy(uint8_t dir, bool to_peer)
{
	static const union ip_address a = { { 10, 0, 0, 1 } }, b = { { 10, 0, 0, 2 } }, none;
	bool out = dir == XFRM_POLICY_OUT;

	return (struct xfrm_policy_evidence){
		.sel = { .family = AF_INET,
			 .saddr = out       ? a
				  : to_peer ? b
					    : none,
			 .daddr = out ? to_peer ? b : none : a,
			 .saddr_prefix = out || to_peer ? 32 : 0,
			 .daddr_prefix = out && !to_peer ? 0 : 32,
			 .proto = IPPROTO_UDP,
			 .dport = 4789,
			 .dport_mask = 0xffff },
		.dir = dir,
		.action = XFRM_POLICY_ALLOW,
		.priority = to_peer ? 1 : 9,
		.index = (uint32_t)(8 + dir + (to_peer ? 0 : 16)),
		.tmpl = { { .family = AF_INET, .reqid = 7, .proto = IPPROTO_ESP, .mode = XFRM_MODE_TRANSPORT } },
		.tmpl_count = 1,
	};
}

static struct xfrm_sa_evidence outer_sa(uint32_t spi, uint8_t from, uint8_t to)
{
	return (struct xfrm_sa_evidence){
		.saddr = { { 10, 0, 0, from } },
		.daddr = { { 10, 0, 0, to } },
		.family = AF_INET,
		.spi = spi,
		.reqid = 7,
		.proto = IPPROTO_ESP,
		.mode = XFRM_MODE_TRANSPORT,
		.has_aead = true,
		.algorithm = "rfc4106(gcm(aes))",
		.key_bits = 160,
		.icv_bits = 128,
	};
}

enum { PEER_OUT, PEER_IN, REST_OUT, REST_IN };

/* ESP to and from one peer, and every other VXLAN packet is blocked. */
STACK(tunnel, at(w, VXLAN)->tunnel_local = (union ip_address){ { 10, 0, 0, 1 } };
      at(w, VXLAN)->tunnel_remote = (union ip_address){ { 10, 0, 0, 2 } }; at(w, VXLAN)->tunnel_family = AF_INET;
      at(w, VXLAN)->tunnel_port = 4789; w->policies[PEER_OUT] = outer_policy(XFRM_POLICY_OUT, true);
      w->policies[PEER_IN] = outer_policy(XFRM_POLICY_IN, true);
      w->policies[REST_OUT] = outer_policy(XFRM_POLICY_OUT, false);
      w->policies[REST_IN] = outer_policy(XFRM_POLICY_IN, false);
      w->policies[REST_OUT].action = w->policies[REST_IN].action = XFRM_POLICY_BLOCK;
      w->policies[REST_OUT].tmpl_count = w->policies[REST_IN].tmpl_count = 0; w->policy_count = 4;
      w->sas[0] = outer_sa(0xc0ffee01, 1, 2); w->sas[1] = outer_sa(0xc0ffee02, 2, 1); w->sa_count = 2)
STACK(tunnel_esp_for_all, change_tunnel(w); w->policies[PEER_OUT] = outer_policy(XFRM_POLICY_OUT, false);
      w->policies[PEER_IN] = outer_policy(XFRM_POLICY_IN, false); w->policy_count = 2)
STACK(tunnel_to_others_in_clear, change_tunnel(w); w->policies[REST_OUT] = w->policies[REST_IN]; w->policy_count = 3)
STACK(tunnel_from_others_in_clear, change_tunnel(w); w->policy_count = 3)
STACK(tunnel_of_another_port, change_tunnel(w); at(w, VXLAN)->tunnel_port = 8472)
STACK(tunnel_without_sa, change_tunnel(w); w->sa_count = 0)
STACK(tunnel_without_sa_for_group, change_tunnel_without_sa(w); change_tunnel_esp_for_all(w); w->sa_count = 0;
      at(w, VXLAN)->tunnel_remote = (union ip_address){ { 239, 0, 0, 1 } })
STACK(tunnel_bad_cipher, change_tunnel(w); w->sas[0].has_aead = false)
STACK(tunnel_external, change_tunnel(w); at(w, VXLAN)->tunnel_external = true)
STACK(tunnel_elsewhere, change_tunnel(w); at(w, VXLAN)->lower_in_other_netns = true)
STACK(tunnel_without_ends, change_tunnel(w); at(w, VXLAN)->tunnel_family = AF_UNSPEC)
STACK(tunnel_without_local, change_tunnel(w); at(w, VXLAN)->tunnel_local = (union ip_address){ { 0 } })
STACK(tunnel_any_local, change_tunnel_without_local(w); w->policies[REST_OUT].sel.saddr_prefix = 0;
      w->policies[REST_IN].sel.daddr_prefix = 0)
STACK(tunnel_past_xfrm, change_tunnel(w); at(w, PLAIN)->xfrm_off = true)
STACK(tunnel_past_policies, change_tunnel(w); at(w, PLAIN)->policy_off = true)
STACK(tunnel_with_sub_policy, change_tunnel(w); w->policies[REST_IN].type = XFRM_POLICY_TYPE_SUB)
STACK(tunnel_led_past, change_tunnel(w); w->policies[w->policy_count] = outer_policy(XFRM_POLICY_OUT, false);
      w->policies[w->policy_count].index = 77; w->policies[w->policy_count].sel.dport_mask = 0;
      w->policies[w->policy_count].sel.saddr_prefix = 0;
      w->policies[w->policy_count].sel.daddr = (union ip_address){ { 10, 9, 0, 2 } };
      w->policies[w->policy_count].sel.daddr_prefix = 32; w->policies[w->policy_count].tmpl[0].proto = IPPROTO_AH;
      w->policies[w->policy_count++].tmpl[0].mode = XFRM_MODE_TUNNEL)
STACK(tunnel_qp_granularity, change_tunnel(w); w->req.granularity = GRANULARITY_QP)
STACK(tunnel_unreadable, change_tunnel(w); w->xfrm_state = EVIDENCE_NO_PRIVILEGE)
STACK(tunnel_for_macsec, change_tunnel(w); w->req.require = REQUIRE_MACSEC)

static const struct stack_row tunnel_rows[] = {
	STACK_ROW(tunnel, VXLAN, PROTECTED, "vxlan0 in ESP spi 0xc0ffee01 reqid 7 aes-gcm-128"),
	STACK_ROW(tunnel_esp_for_all, VXLAN, PROTECTED, "vxlan0 in ESP spi 0xc0ffee01 reqid 7 aes-gcm-128"),
	/* CVE-2023-28841: VXLAN takes remotes and packets from anyone */
	STACK_ROW(tunnel_to_others_in_clear, VXLAN, UNPROTECTED, "outbound-policy-gap"),
	STACK_ROW(tunnel_from_others_in_clear, VXLAN, UNPROTECTED, "inbound-policy-gap"),
	STACK_ROW(tunnel_of_another_port, VXLAN, UNPROTECTED, "outbound-policy-ports"),
	STACK_ROW(tunnel_without_sa, VXLAN, UNPROTECTED, "outbound-sa-missing"),
	STACK_ROW(tunnel_without_sa_for_group, VXLAN, PROTECTED, "ESP by policy for every remote, no SA yet"),
	STACK_ROW(tunnel_bad_cipher, VXLAN, UNPROTECTED, "outbound-sa-cipher"),
	STACK_ROW(tunnel_external, VXLAN, UNKNOWN, "macsec-no-device,tunnel-not-judged"),
	STACK_ROW(tunnel_elsewhere, VXLAN, UNKNOWN, "macsec-no-device,tunnel-not-judged"),
	STACK_ROW(tunnel_without_ends, VXLAN, UNKNOWN, "macsec-no-device,tunnel-not-judged"),
	STACK_ROW(tunnel_without_local, VXLAN, UNPROTECTED, "outbound-policy-gap"),
	STACK_ROW(tunnel_any_local, VXLAN, PROTECTED, "vxlan0 in ESP spi 0xc0ffee01 reqid 7 aes-gcm-128"),
	STACK_ROW(tunnel_past_xfrm, VXLAN, UNPROTECTED, "netdev-disable-xfrm"),
	STACK_ROW(tunnel_past_policies, VXLAN, UNPROTECTED, "netdev-disable-policy"),
	STACK_ROW(tunnel_with_sub_policy, VXLAN, UNKNOWN, "macsec-no-device,xfrm-sub-policy"),
	STACK_ROW(tunnel_led_past, VXLAN, UNPROTECTED, "outbound-policy-no-esp"),
	STACK_ROW(tunnel_qp_granularity, VXLAN, UNPROTECTED, "granularity-no-ports"),
	STACK_ROW(tunnel_unreadable, VXLAN, UNKNOWN, "macsec-no-device,xfrm-no-privilege"),
	STACK_ROW(tunnel_for_macsec, VXLAN, UNPROTECTED, "macsec-no-device"),
};

Test(decide_stack, vxlan_needs_esp_to_and_from_every_address)
{
	CHECK_STACKS(tunnel_rows);
}

/* Without an SA the outer packets are dropped; rdmasec requests none, since the flow is not that of the queue pair. */
Test(decide_stack, vxlan_without_sa_is_dropped_and_not_set_up)
{
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, VXLAN);
	change_tunnel_without_sa(&w);
	stack_judge(&w, &v);
	cr_expect(v.kernel_drops);
	cr_expect_not(v.missing_sa);
	w.path.scope = REMOTE_EVERY;
	w.path.stray_ifindex = PLAIN2;
	stack_judge(&w, &v);
	cr_expect_not(v.kernel_drops, "%s", words_of(&v, &w.path));
}

Test(decide_stack, vxlan_with_stray_route_is_unprotected)
{
	struct stack_world w;
	struct verdict v;

	stack_init(&w);
	stack_egress(&w, VXLAN);
	change_tunnel(&w);
	w.path.scope = REMOTE_EVERY;
	stack_judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_PROTECTED, "%s", words_of(&v, &w.path));
	w.path.stray_ifindex = PLAIN2;
	stack_judge(&w, &v);
	cr_expect_eq(v.kind, VERDICT_UNPROTECTED, "%s", words_of(&v, &w.path));
	cr_expect_eq(v.why[0].reason, REASON_MACSEC_ROUTE_STRAYS);
}
