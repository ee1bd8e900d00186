// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* engine_judge(): what a door asks, a device and evidence made by hand, policies from their text, and the answer. */
#include <errno.h>

#include "decide_fixture.h"
#include "golden.h"
#include "judge/judgement_internal.h"

enum { GIDS = 64 };

/* A host: its device, its kernel's state, the program that asks. */
struct estate {
	struct world w;
	struct rdma_gid gids[GIDS];
	struct rdma_port port;
	struct rdma_device device;
	struct engine_client client;
};

static void gid_from(const char *address, uint8_t raw[16])
{
	cr_assert_eq(inet_pton(AF_INET6, address, raw), 1, "%s", address);
}

static void add_gid(struct estate *e, const char *address, const char *netdev)
{
	struct rdma_gid *gid = &e->gids[e->port.gid_count];

	cr_assert_lt(e->port.gid_count, GIDS);
	*gid = (struct rdma_gid){ .valid = true, .index = e->port.gid_count++, .type = GID_TYPE_ROCE_V2 };
	gid_from(address, gid->raw);
	text_copy(gid->netdev, sizeof(gid->netdev), netdev);
}

static void make_estate(struct estate *e, const char *name, uint32_t driver, int netdev)
{
	memset(e, 0, sizeof(*e));
	world_init(&e->w, driver, AF_INET, netdev);
	e->port = (struct rdma_port){
		.number = 1, .link_layer = LINK_LAYER_ETHERNET, .active = true, .netdev_ifindex = netdev
	};
	e->device = (struct rdma_device){ .driver_known = true, .driver_id = driver, .port_count = 1 };
	text_copy(e->device.name, sizeof(e->device.name), name);
	e->client = (struct engine_client){ .pid = 1, .uid = 1000, .executable_known = true };
	text_copy(e->client.executable, sizeof(e->client.executable), "/usr/bin/app");
}

/* rxe upon macsec0, which is in order: all of the port is protected. */
static void rxe_on_macsec(struct estate *e)
{
	make_estate(e, "rxe0", RDMA_DRIVER_RXE, MACSEC0);
	add_gid(e, "::ffff:10.0.0.1", "macsec0");
	add_gid(e, "2001:db8::1", "macsec0");
	world_add_macsec(&e->w);
}

/* rxe upon eth0, bare. */
static void rxe_on_eth(struct estate *e)
{
	make_estate(e, "rxe0", RDMA_DRIVER_RXE, ETH0);
	add_gid(e, "::ffff:10.0.0.1", "eth0");
}

/* rxe upon eth0 with IPsec between 10.0.0.1 and 10.0.0.2. */
static void rxe_with_ipsec(struct estate *e)
{
	rxe_on_eth(e);
	world_add_ipsec(&e->w);
}

/* A NIC whose GID 2 alone is on macsec0. */
static void mlx5_mixed(struct estate *e)
{
	make_estate(e, "mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid(e, "::ffff:10.0.0.1", "eth0");
	add_gid(e, "2001:db8::1", "macsec0");
	add_gid(e, "::ffff:10.0.1.1", "macsec0");
	world_add_macsec(&e->w);
}

/* What the engine is to hand on, whatever it is. */
static char route_context;
static unsigned int routes_asked;

static int route_get_as_told(void *context, int family, const union ip_address *src, const union ip_address *dst,
			     int oif, int *out)
{
	(void)family;
	(void)src;
	(void)dst;
	cr_assert_eq(context, &route_context);
	routes_asked++;
	*out = oif;
	return 0;
}

static struct policy *parse(const char *text)
{
	char error[POLICY_ERROR_MAX];
	struct policy *policy = NULL;

	cr_assert_eq(policy_parse("test", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	return policy;
}

static void expect_sound_answer(const struct engine_answer *answer)
{
	cr_expect(answer->pass ? answer->err == 0 : answer->err > 0, "errno %d", answer->err);
	cr_assert_not_null(memchr(answer->text, '\0', sizeof(answer->text)));
	for (const char *c = answer->text; *c; c++)
		cr_expect(*c >= 0x20 && *c <= 0x7e, "0x%02x in '%s'", (unsigned char)*c, answer->text);
	cr_expect(!answer->text[0] || !strncmp(answer->text, "rdmasec: ", 9), "%s", answer->text);
	if (answer->pass && answer->text[0])
		cr_expect(!strncmp(answer->text, "rdmasec: audit: would refuse ", 29), "%s", answer->text);
}

/* `policy`: the text of a file; NULL: none. */
static struct engine_answer ask(struct estate *e, const char *policy_text, const struct request *request)
{
	const struct policy *policy = policy_text ? parse(policy_text) : policy_builtin();
	struct macsec_evidence secy = e->w.secy;
	struct evidence ev = e->w.ev;
	struct engine_answer answer;

	secy.rxsc = e->w.rxsc;
	ev.secys = &secy;
	ev.links = e->w.links;
	ev.xfrm = world_table(&e->w);
	e->port.gids = e->gids;
	e->device.ports = &e->port;
	memset(&answer, 0xa5, sizeof(answer));
	engine_judge(&(struct engine_view){ policy, &e->device, &ev, route_get_as_told, &route_context }, &e->client,
		     request, &answer);
	expect_sound_answer(&answer);
	xfrm_table_free(ev.xfrm);
	policy_free(policy);
	return answer;
}

static struct request create(uint32_t qp_type)
{
	return (struct request){ .kind = REQUEST_QP_CREATE, .qp_type = qp_type };
}

static struct request modify(uint8_t sgid_index, const char *remote)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS,
				   .address = { .sgid_index = sgid_index, .port = 1, .is_global = true } };

	gid_from(remote, request.address.dgid);
	return request;
}

static struct request of_kind(enum request_kind kind)
{
	return (struct request){ .kind = kind };
}

#define EXPECT_PASS(answer)                                                                      \
	do {                                                                                     \
		struct engine_answer a = (answer);                                               \
		cr_expect(a.pass && !a.text[0], "pass %d, errno %d: %s", a.pass, a.err, a.text); \
	} while (0)
#define EXPECT_AUDITED(answer, says)                                                       \
	do {                                                                               \
		struct engine_answer a = (answer);                                         \
		cr_expect(a.pass &&strstr(a.text, says), "pass %d: '%s'", a.pass, a.text); \
		expect_golden("refusals.txt", a.text);                                     \
	} while (0)
#define EXPECT_REFUSED(answer, says)                                           \
	do {                                                                   \
		struct engine_answer a = (answer);                             \
		cr_expect(!a.pass && a.err == EPERM && strstr(a.text, says) && \
				  !strncmp(a.text, "rdmasec: refused ", 17),   \
			  "pass %d, errno %d: '%s'", a.pass, a.err, a.text);   \
		expect_golden("refusals.txt", a.text);                         \
	} while (0)

/* ---- an address ---- */

Test(engine, an_address_is_judged_on_its_own_path)
{
	struct request request;
	struct estate e;

	rxe_on_macsec(&e);
	request = modify(0, "::ffff:10.0.0.2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(1, "2001:db8::2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(7, "::ffff:10.0.0.2");
	EXPECT_REFUSED(ask(&e, NULL, &request), "port 1 GID 7 to 10.0.0.2: unknown (reason=gid-empty)");
	request = modify(0, "2001:db8::2");
	EXPECT_REFUSED(ask(&e, NULL, &request), "to 2001:db8::2: unknown (reason=remote-family)");
	request = modify(0, "::ffff:10.0.0.2");
	request.address.port = 2;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=port-unknown)");
	request = modify(0, "::ffff:10.0.0.1");
	e.w.secy.protect = false;
	EXPECT_PASS(ask(&e, NULL, &request)); /* to itself */

	rxe_with_ipsec(&e);
	request = modify(0, "::ffff:10.0.0.2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request.kind = REQUEST_AH_CREATE;
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(0, "::ffff:10.0.0.3");
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=macsec-no-device,outbound-no-policy)");
	request.kind = REQUEST_AH_CREATE;
	EXPECT_REFUSED(ask(&e, NULL, &request), "refused create_ah on rxe0");
}

Test(engine, a_refusal_names_everything)
{
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct engine_answer answer;
	struct estate e;

	rxe_on_eth(&e);
	answer = ask(&e, "[rule storage]\nmatch-device = rxe*\nrequire = macsec\n", &request);
	cr_expect_str_eq(answer.text,
			 "rdmasec: refused modify_qp on rxe0 port 1 GID 0 (10.0.0.1 on eth0) to 10.0.0.2: "
			 "unprotected (reason=macsec-no-device): eth0 is not a MACsec device [rule storage]");
	cr_expect_eq(answer.err, EPERM);
}

Test(engine, a_gid_that_would_be_protected_is_told)
{
	struct request request = modify(0, "::ffff:10.0.1.2");
	struct estate e;

	mlx5_mixed(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(GID 2 would be protected)");
	request = modify(2, "::ffff:10.0.1.2");
	EXPECT_PASS(ask(&e, NULL, &request));
	request = modify(0, "::ffff:10.0.1.2");
	EXPECT_REFUSED(ask(&e, "[default]\nrequire = ipsec\n", &request), "unprotected");
	cr_expect(!strstr(ask(&e, "[default]\nrequire = ipsec\n", &request).text, "would be protected"),
		  "MACsec's GID is no answer to require = ipsec");
	e.w.secy.protect = false;
	cr_expect(!strstr(ask(&e, NULL, &request).text, "would be protected"));
}

Test(engine, a_better_gid_is_searched_with_few_questions)
{
	struct request request = modify(0, "2001:db8::9");
	struct estate e;

	rxe_on_eth(&e);
	e.port.gid_count = 0;
	for (int i = 0; i < GIDS; i++) {
		char address[INET6_ADDRSTRLEN];

		text_format(address, sizeof(address), "2001:db8::1:%x", i);
		add_gid(&e, address, "eth0");
	}
	routes_asked = 0;
	EXPECT_REFUSED(ask(&e, NULL, &request), "unprotected");
	cr_expect_eq(routes_asked, 1 + BETTER_GID_ROUTES_MAX, "%u", routes_asked);
}

Test(engine, an_address_without_a_grh)
{
	/* RoCE refuses it in the kernel; what stands in dgid is then whatever the program wrote there */
	static const char remote_is_off[] = "[rule lab]\nmatch-remote = 10.0.0.0/8\nmode = off\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_macsec(&e);
	request.address.is_global = false;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-grh)");
	EXPECT_REFUSED(ask(&e, remote_is_off, &request), "(reason=no-grh)");
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &request), "(reason=no-grh)");
	EXPECT_PASS(ask(&e, "[rule lab]\nmatch-port = 1\nmode = off\n", &request)); /* its port is what it says */
}

Test(engine, an_alternate_path)
{
	static const char remote_is_off[] = "[rule lab]\nmatch-remote = 10.0.0.0/8\nmode = off\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_macsec(&e);
	request.has = UVERBS_HAS_ALT_PATH;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=alternate-path)");
	EXPECT_REFUSED(ask(&e, remote_is_off, &request), "(reason=alternate-path)");
	request.address = (struct uverbs_address){ .port = 0 }; /* the bit alone, without an address */
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=alternate-path)");
}

/* ---- new QPs ---- */

static const uint32_t connected[] = { IB_UVERBS_QPT_RC, IB_UVERBS_QPT_UC, IB_UVERBS_QPT_XRC_INI,
				      IB_UVERBS_QPT_XRC_TGT };

/* Refused at once only where no GID could ever do. */
Test(engine, a_connected_qp_is_made_where_it_could_be_protected)
{
	struct estate e;

	for (size_t i = 0; i < sizeof(connected) / sizeof(connected[0]); i++) {
		struct request request = create(connected[i]);

		rxe_on_macsec(&e);
		EXPECT_PASS(ask(&e, NULL, &request));
		mlx5_mixed(&e);
		EXPECT_PASS(ask(&e, NULL, &request)); /* by one of its GIDs */
		rxe_on_eth(&e);
		EXPECT_REFUSED(ask(&e, NULL, &request),
			       "to any remote: unprotected (reason=macsec-no-device,outbound-no-policy)");
		rxe_with_ipsec(&e);
		EXPECT_PASS(ask(&e, NULL, &request));
		e.w.sa_count = 0; /* an SA may yet come */
		EXPECT_PASS(ask(&e, NULL, &request));
		EXPECT_REFUSED(ask(&e, "[default]\nrequire = macsec\n", &request),
			       "is not a MACsec device (no other GID of rxe0 is better)");
	}
}

Test(engine, a_port_that_nobody_can_judge)
{
	struct request request = create(IB_UVERBS_QPT_RC);
	struct estate e;

	rxe_on_macsec(&e);
	e.device.driver_known = false;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-unknown)");
	rxe_on_macsec(&e);
	e.device.driver_id = RDMA_DRIVER_SIW; /* iWARP never asks for an address */
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-no-roce)");
	rxe_on_macsec(&e);
	e.device.driver_id = RDMA_DRIVER_IRDMA;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-clear)");
	rxe_on_macsec(&e);
	e.port.gid_count = 0;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-gid)");
	rxe_on_macsec(&e);
	e.device.port_count = 0;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-gid)");
	rxe_with_ipsec(&e);
	e.w.xfrm_state = EVIDENCE_NO_PRIVILEGE;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=macsec-no-device,xfrm-no-privilege)");
}

/* Their addresses come from the application's own memory: all that it may choose has to be protected. */
Test(engine, a_ud_qp_needs_the_whole_port)
{
	static const uint32_t types[] = { IB_UVERBS_QPT_UD, IB_UVERBS_QPT_DRIVER };
	struct estate e;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		struct request request = create(types[i]);

		rxe_on_macsec(&e);
		EXPECT_PASS(ask(&e, NULL, &request));
		mlx5_mixed(&e);
		EXPECT_REFUSED(ask(&e, NULL, &request), "GID 0 (10.0.0.1 on eth0) to any remote: unprotected");
		rxe_with_ipsec(&e);
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=outbound-policy-gap)");
		e.w.policies[OUT].sel.daddr_prefix = e.w.policies[IN].sel.saddr_prefix = 0;
		EXPECT_PASS(ask(&e, NULL, &request));
		add_gid(&e, "::ffff:10.0.9.1", "eth0"); /* an address of which the policies know nothing */
		EXPECT_REFUSED(ask(&e, NULL, &request), "GID 1 (10.0.9.1 on eth0) to any remote");
		rxe_on_macsec(&e);
		e.gids[1].type = GID_TYPE_ROCE_V1;
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=gid-roce-v1)");
		rxe_on_macsec(&e);
		e.port.gid_count = 0;
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=no-gid)");
	}
}

/* Where the kernel gives out the address handle, a UD QP is like the connected ones: refused by what its GIDs are. */
Test(engine, a_ud_qp_of_a_driver_with_kernel_handles)
{
	struct request request = create(IB_UVERBS_QPT_UD);
	struct estate e;

	rxe_on_macsec(&e);
	e.device.driver_id = RDMA_DRIVER_BNXT_RE;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=driver-clear)");
}

Test(engine, multicast_needs_the_whole_port)
{
	struct request request = of_kind(REQUEST_MCAST_ATTACH);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_PASS(ask(&e, NULL, &request));
	mlx5_mixed(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "refused attach_mcast on mlx5_0 port 1 GID 0");
}

Test(engine, qps_that_are_not_understood)
{
	struct request request = create(77);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "create_qp unknown on rxe0 (reason=qp-type)");
	request = of_kind(REQUEST_QP_OPEN);
	request.qp_type = IB_UVERBS_QPT_XRC_TGT;
	EXPECT_PASS(ask(&e, NULL, &request));
	rxe_on_eth(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "open_qp XRC_TGT");
}

/* ---- what only a policy can allow ---- */

Test(engine, raw_packets)
{
	struct request request = create(IB_UVERBS_QPT_RAW_PACKET);
	struct request flow = of_kind(REQUEST_FLOW_CREATE);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=raw-packet)");
	EXPECT_REFUSED(ask(&e, "[default]\nrequire = none\n", &request), "(reason=raw-packet)");
	EXPECT_PASS(ask(&e, "[default]\nraw-packet = allow\n", &request));
	EXPECT_REFUSED(ask(&e, NULL, &flow), "(reason=flow-steering)");
	EXPECT_PASS(ask(&e, "[default]\nraw-packet = allow\n", &flow));
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &flow), "(reason=flow-steering)");
	/* allowed for one program only, and nobody knows which one this is */
	e.client.executable_known = false;
	EXPECT_REFUSED(ask(&e, "[rule dpdk]\nmatch-executable = /usr/bin/app\nraw-packet = allow\n", &request),
		       "(reason=raw-packet)");
	e.client.executable_known = true;
	EXPECT_PASS(ask(&e, "[rule dpdk]\nmatch-executable = /usr/bin/app\nraw-packet = allow\n", &request));
}

/* A source QP number of one's own choice is a raw-packet right; what the QP then sends is judged all the same. */
Test(engine, a_source_qpn)
{
	struct request request = create(IB_UVERBS_QPT_UD);
	struct estate e;

	request.has = UVERBS_HAS_SOURCE_QPN;
	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=source-qpn)");
	EXPECT_PASS(ask(&e, "[default]\nraw-packet = allow\n", &request));
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &request), "(reason=source-qpn)");
	rxe_on_eth(&e);
	EXPECT_REFUSED(ask(&e, "[default]\nraw-packet = allow\n", &request),
		       "(reason=macsec-no-device,outbound-no-policy)");
}

/* libmlx5 asks for DEVX at every open and, refused, opens again without it: no line, and an errno it understands. */
Test(engine, devx)
{
	struct request open = of_kind(REQUEST_CONTEXT_OPEN), private = of_kind(REQUEST_DRIVER_PRIVATE);
	struct engine_answer answer;
	struct estate e;

	mlx5_mixed(&e);
	private.object_id = 0x1234;
	private.method_id = 0x5678;
	EXPECT_PASS(ask(&e, NULL, &open));
	open.has = UVERBS_HAS_DEVX;
	answer = ask(&e, NULL, &open);
	cr_expect(!answer.pass);
	cr_expect_eq(answer.err, EOPNOTSUPP);
	cr_expect_str_eq(answer.text, "");
	EXPECT_PASS(ask(&e, "[default]\ndevx = allow\n", &open));
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &open));
	/* what is not understood no rule allows */
	EXPECT_REFUSED(ask(&e, NULL, &private), "(reason=driver-command)");
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &private), "(reason=driver-command)");
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &private), "(reason=driver-command)");
	private.has = UVERBS_HAS_DEVX;
	private.devx_opcode = 0xb17;
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &private), "(reason=devx-command)");
	private.devx_opcode = 0x726;
	EXPECT_REFUSED(ask(&e, "[default]\ndevx = allow\n", &private), "(reason=devx-command)");
}

/* Without a rule that allows DEVX, none of its commands passes, whatever it does; none of them is only told of. */
Test(engine, devx_refused)
{
	struct estate e;

	mlx5_mixed(&e);
	for (int kind = REQUEST_QP_CREATE; kind < REQUEST_MALFORMED; kind++) {
		struct request request = modify(2, "::ffff:10.0.1.2");

		if (kind == REQUEST_QP_DESTROY)
			continue;
		request.kind = kind;
		request.has |= UVERBS_HAS_DEVX;
		request.qp_type = IB_UVERBS_QPT_RC;
		EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=devx)");
		EXPECT_REFUSED(ask(&e, "[default]\nrequire = none\nraw-packet = allow\n", &request), "(reason=devx)");
		EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &request), "(reason=devx)");
	}
}

/* With one, a command is judged as what it does. */
Test(engine, devx_allowed)
{
	static const char allow[] = "[default]\ndevx = allow\n";
	static const char raw[] = "[default]\ndevx = allow\nraw-packet = allow\n";
	struct request request = modify(2, "::ffff:10.0.1.2");
	struct estate e;

	mlx5_mixed(&e);
	request.has |= UVERBS_HAS_DEVX;
	EXPECT_PASS(ask(&e, allow, &request));
	request.address.sgid_index = 0;
	EXPECT_REFUSED(ask(&e, allow, &request), "modify_qp on mlx5_0 port 1 GID 0");
	request.has |= UVERBS_HAS_ALT_PATH;
	EXPECT_REFUSED(ask(&e, allow, &request), "(reason=alternate-path)");
	request = create(IB_UVERBS_QPT_RC);
	request.has = UVERBS_HAS_DEVX;
	EXPECT_PASS(ask(&e, allow, &request));
	request.qp_type = IB_UVERBS_QPT_UD;
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
	request.qp_type = IB_UVERBS_QPT_DRIVER;
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
	request.qp_type = IB_UVERBS_QPT_RAW_PACKET;
	EXPECT_REFUSED(ask(&e, allow, &request), "(reason=raw-packet)");
	EXPECT_PASS(ask(&e, raw, &request));
	request = of_kind(REQUEST_FLOW_CREATE);
	request.has = UVERBS_HAS_DEVX;
	EXPECT_REFUSED(ask(&e, allow, &request), "(reason=flow-steering)");
	EXPECT_PASS(ask(&e, raw, &request));
}

/* Of a DCT the address is its own, and by DEVX a datagram QP has one as well: neither says where it sends. */
Test(engine, an_address_is_the_only_one_of_a_connected_qp)
{
	static const struct {
		uint32_t has, qp_type;
		enum request_kind kind, becomes;
	} rows[] = {
		{ 0, IB_UVERBS_QPT_RC, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
		{ 0, IB_UVERBS_QPT_UD, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS }, /* the kernel refuses it */
		{ 0, 0, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
		{ 0, IB_UVERBS_QPT_DRIVER, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
		{ 0, IB_UVERBS_QPT_UD, REQUEST_QP_READY, REQUEST_QP_READY },
		{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_RC, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
		{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_UC, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
		{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_XRC_INI, REQUEST_QP_ADDRESS, REQUEST_QP_ADDRESS },
		{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_UD, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
		{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_DRIVER, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
		{ UVERBS_HAS_DEVX, 0, REQUEST_QP_ADDRESS, REQUEST_QP_READY },
		{ UVERBS_HAS_DEVX, IB_UVERBS_QPT_RC, REQUEST_QP_READY, REQUEST_QP_READY },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct request request = { .kind = rows[i].kind, .has = rows[i].has, .qp_type = 77 };

		engine_take_type(&request, rows[i].qp_type);
		cr_expect_eq(request.kind, rows[i].becomes, "row %zu", i);
		cr_expect_eq(request.qp_type, request.kind == REQUEST_QP_READY ? rows[i].qp_type : 77, "row %zu", i);
	}
}

/* The NIC is given what the kernel would not take from MODIFY_QP: a connected QP in RTR that has no address. */
Test(engine, devx_ready)
{
	static const char allow[] = "[default]\ndevx = allow\n", audit[] = "[default]\nmode = audit\ndevx = allow\n";
	static const uint32_t services[] = { IB_UVERBS_QPT_RC, IB_UVERBS_QPT_UC, IB_UVERBS_QPT_XRC_INI,
					     IB_UVERBS_QPT_XRC_TGT };
	struct request request = of_kind(REQUEST_QP_READY);
	struct estate e;

	make_estate(&e, "mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid(&e, "::ffff:10.0.1.1", "macsec0");
	world_add_macsec(&e.w);
	request.has = UVERBS_HAS_DEVX;
	for (size_t i = 0; i < sizeof(services) / sizeof(services[0]); i++) {
		request.qp_type = services[i];
		EXPECT_REFUSED(ask(&e, allow, &request), "(reason=no-address)");
		EXPECT_AUDITED(ask(&e, audit, &request), "(reason=no-address)");
	}
	request.qp_type = IB_UVERBS_QPT_DRIVER;
	EXPECT_PASS(ask(&e, allow, &request));
	request.qp_type = 0;
	EXPECT_PASS(ask(&e, allow, &request));
	mlx5_mixed(&e);
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
	request.qp_type = IB_UVERBS_QPT_DRIVER;
	EXPECT_REFUSED(ask(&e, allow, &request), "to any remote");
}

Test(engine, what_is_malformed)
{
	struct request request = of_kind(REQUEST_MALFORMED);
	struct estate e;

	rxe_on_macsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "malformed command on rxe0 (reason=command-unknown)");
	EXPECT_REFUSED(ask(&e, "[default]\nrequire = none\nraw-packet = allow\ndevx = allow\n", &request),
		       "(reason=command-unknown)");
	request.kind = REQUEST_KIND_COUNT;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=command-unknown)");
}

Test(engine, destroying_is_free)
{
	struct request request = of_kind(REQUEST_QP_DESTROY);
	struct estate e;

	rxe_on_eth(&e);
	EXPECT_PASS(ask(&e, NULL, &request));
}

/* ---- a door that cannot stand ---- */

/* Of no device and no namespace: whatever rule could be the one for what the program does then. */
static struct engine_answer ask_broken(const char *policy_text)
{
	const struct policy *policy = policy_text ? parse(policy_text) : policy_builtin();
	const struct engine_client client = {
		.pid = 1, .uid = 1000, .executable_known = true, .executable = "/usr/bin/app"
	};
	const struct request request = { .kind = REQUEST_DOOR_BROKEN };
	struct engine_answer answer;

	engine_judge(&(struct engine_view){ .policy = policy }, &client, &request, &answer);
	expect_sound_answer(&answer);
	policy_free(policy);
	return answer;
}

Test(engine, a_door_that_cannot_stand)
{
	EXPECT_REFUSED(ask_broken(NULL), "(reason=door-broken)");
	EXPECT_REFUSED(ask_broken("[default]\nrequire = none\n"), "(reason=door-broken)");
	EXPECT_AUDITED(ask_broken("[default]\nmode = audit\n"), "(reason=door-broken)");
	EXPECT_PASS(ask_broken("[default]\nmode = off\n"));
	EXPECT_REFUSED(ask_broken("[rule one]\nmatch-device = mlx5_*\nmode = enforce\n[default]\nmode = off\n"),
		       "[rule one]");
	EXPECT_PASS(ask_broken("[rule one]\nmatch-uid = 1234\nmode = enforce\n[default]\nmode = off\n"));
	EXPECT_PASS(ask_broken("[rule one]\nmatch-executable = /usr/bin/app\nmode = off\n"));
}

/* ---- modes ---- */

Test(engine, audit_passes_and_tells)
{
	struct request request = modify(0, "::ffff:10.0.0.2"), ud = create(IB_UVERBS_QPT_UD),
		       rc = create(IB_UVERBS_QPT_RC);
	struct engine_answer answer;
	struct estate e;

	rxe_on_eth(&e);
	answer = ask(&e, "[default]\nmode = audit\n", &request);
	cr_expect(answer.pass);
	cr_expect_eq(answer.err, 0);
	cr_expect_eq(strncmp(answer.text, "rdmasec: audit: would refuse modify_qp on rxe0 port 1 GID 0", 58), 0, "%s",
		     answer.text);
	EXPECT_AUDITED(ask(&e, "[default]\nmode = audit\n", &ud), "create_qp UD");
	/* once a QP: of UD at its creation, not again with each handle; else with its address */
	request.kind = REQUEST_AH_CREATE;
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &request));
	request.kind = REQUEST_QP_ADDRESS;
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &rc));
	rxe_on_macsec(&e);
	EXPECT_PASS(ask(&e, "[default]\nmode = audit\n", &request));
}

Test(engine, off_is_silent)
{
	struct estate e;

	rxe_on_eth(&e);
	for (int kind = REQUEST_NOTHING + 1; kind < REQUEST_KIND_COUNT; kind++) {
		struct request request = modify(0, "::ffff:10.0.0.2");

		request.kind = kind;
		request.qp_type = IB_UVERBS_QPT_RAW_PACKET;
		request.has = UVERBS_HAS_ALT_PATH | UVERBS_HAS_DEVX | UVERBS_HAS_SOURCE_QPN;
		EXPECT_PASS(ask(&e, "[default]\nmode = off\n", &request));
	}
}

/* Off for some remotes: only what surely goes there is passed by. */
Test(engine, rules_by_remote)
{
	static const char off[] = "[rule lab]\nmatch-remote = 10.0.0.2/32\nmode = off\n";
	static const char none[] = "[rule lab]\nmatch-remote = 10.0.0.2/32\nrequire = none\n";
	static const char audit[] = "[rule lab]\nmatch-remote = 10.0.0.2/32\nmode = audit\n";
	struct request there = modify(0, "::ffff:10.0.0.2"), elsewhere = modify(0, "::ffff:10.0.0.3");
	struct request ud = create(IB_UVERBS_QPT_UD), rc = create(IB_UVERBS_QPT_RC);
	struct request raw = create(IB_UVERBS_QPT_RAW_PACKET), bad = of_kind(REQUEST_MALFORMED);
	struct estate e;

	rxe_on_eth(&e);
	EXPECT_PASS(ask(&e, off, &there));
	EXPECT_PASS(ask(&e, none, &there));
	EXPECT_AUDITED(ask(&e, audit, &there), "[rule lab]");
	EXPECT_REFUSED(ask(&e, off, &elsewhere), "unprotected");
	EXPECT_REFUSED(ask(&e, none, &elsewhere), "unprotected");
	EXPECT_REFUSED(ask(&e, audit, &elsewhere), "unprotected");
	/* the remote is not known yet: what comes later may be asked, what comes never is refused */
	EXPECT_PASS(ask(&e, off, &rc));
	EXPECT_PASS(ask(&e, none, &rc));
	EXPECT_PASS(ask(&e, audit, &rc));
	EXPECT_REFUSED(ask(&e, off, &ud), "unprotected");
	EXPECT_REFUSED(ask(&e, none, &ud), "unprotected");
	EXPECT_REFUSED(ask(&e, audit, &ud), "unprotected");
	EXPECT_REFUSED(ask(&e, off, &raw), "(reason=raw-packet)");
	EXPECT_REFUSED(ask(&e, audit, &raw), "(reason=raw-packet)");
	EXPECT_REFUSED(ask(&e, off, &bad), "(reason=command-unknown)");
}

/* A rule that demands more for some remotes binds wherever the remote is not known. */
Test(engine, a_stricter_rule_by_remote)
{
	static const char enforced[] =
		"[default]\nmode = audit\n[rule far]\nmatch-remote = 10.9.0.0/16\nmode = enforce\n";
	static const char stricter[] =
		"[default]\nrequire = none\n[rule far]\nmatch-remote = 10.9.0.0/16\nrequire = ipsec\n";
	struct request near = modify(0, "::ffff:10.0.0.2"), far = modify(0, "::ffff:10.9.0.2");
	struct request ud = create(IB_UVERBS_QPT_UD);
	struct estate e;

	rxe_on_eth(&e);
	EXPECT_PASS(ask(&e, stricter, &near));
	EXPECT_REFUSED(ask(&e, stricter, &far), "[rule far]");
	EXPECT_REFUSED(ask(&e, stricter, &ud), "[rule far]");
	/* also where the rule behind it only audits: that both may apply does not make it the milder one */
	EXPECT_REFUSED(ask(&e, enforced, &ud), "[rule far]");
	EXPECT_AUDITED(ask(&e, enforced, &near), "audit");
	EXPECT_REFUSED(ask(&e, enforced, &far), "[rule far]");
}

Test(engine, rules_by_user_program_device_and_port)
{
	static const struct {
		const char *match;
		bool off;
	} rows[] = {
		{ "match-uid = 1000", true },
		{ "match-uid = 1001", false },
		{ "match-executable = /usr/bin/*", true },
		{ "match-executable = /usr/sbin/*", false },
		{ "match-device = rxe*", true },
		{ "match-device = mlx5_*", false },
		{ "match-port = 1", true },
		{ "match-port = 2", false },
	};
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_eth(&e);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[128];

		text_format(text, sizeof(text), "[rule r]\n%s\nmode = off\n", rows[i].match);
		cr_expect_eq(ask(&e, text, &request).pass, rows[i].off, "%s", rows[i].match);
	}
	/* not known: it may be the program that is off, or not */
	e.client.executable_known = false;
	EXPECT_REFUSED(ask(&e, "[rule r]\nmatch-executable = /usr/bin/*\nmode = off\n", &request), "unprotected");
}

/* ---- texts ---- */

/* Names of any make stay on one line and inside the text. */
Test(engine, texts_of_odd_names)
{
	struct request request = modify(0, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	struct engine_answer answer;
	struct estate e;

	rxe_on_eth(&e);
	memset(e.device.name, 'd', sizeof(e.device.name) - 1);
	e.device.name[3] = '\n';
	e.device.name[4] = '\x1b';
	gid_from("2001:db8:ffff:ffff:ffff:ffff:ffff:fffe", e.gids[0].raw);
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.pass);
	cr_expect(strstr(answer.text, "ddd??ddd"), "%s", answer.text);
	e.w.ev.macsec_state = e.w.xfrm_state = EVIDENCE_BROKEN;
	memset(e.w.ev.macsec_error, 'm', sizeof(e.w.ev.macsec_error) - 1);
	memset(e.w.xfrm_error, 'x', sizeof(e.w.xfrm_error) - 1);
	answer = ask(&e, "[rule a234567890b234567890c234567890d234567890e2345]\nmatch-device = d*\n", &request);
	cr_expect(!answer.pass);
	cr_expect(strstr(answer.text, "e2345]"), "the longest text is whole: %s", answer.text);
}

/* ---- what an application asks for of its own accord ---- */

Test(engine, an_application_may_ask_for_more)
{
	static const char macsec[] = "[default]\nrequire = macsec\n", none[] = "[default]\nrequire = none\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e, bare;

	rxe_on_macsec(&e);
	rxe_on_eth(&bare);
	for (uint32_t want = WANT_NOTHING; want < WANT_REQUIRE_COUNT; want++) {
		bool ipsec = want == WANT_IPSEC;

		request.want.require = want;
		if (ipsec)
			EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=outbound-no-policy)");
		else
			EXPECT_PASS(ask(&e, NULL, &request));
		if (ipsec)
			EXPECT_REFUSED(ask(&e, macsec, &request), "(reason=requirement-conflict)");
		else
			EXPECT_PASS(ask(&e, macsec, &request));
		/* it binds whoever asks for it, where the host's policy does not */
		if (want == WANT_NOTHING) {
			EXPECT_PASS(ask(&bare, none, &request));
			EXPECT_PASS(ask(&bare, "[default]\nmode = off\n", &request));
			EXPECT_AUDITED(ask(&bare, "[default]\nmode = audit\n", &request),
				       "(reason=macsec-no-device,outbound-no-policy)");
		} else {
			EXPECT_REFUSED(ask(&bare, none, &request), "unprotected");
			EXPECT_REFUSED(ask(&bare, "[default]\nmode = off\n", &request), "unprotected");
			EXPECT_REFUSED(ask(&bare, "[default]\nmode = audit\n", &request), "unprotected");
		}
		EXPECT_REFUSED(ask(&bare, NULL, &request), "unprotected");
	}
	request.want = (struct want){ .granularity = WANT_QP };
	EXPECT_PASS(ask(&e, NULL, &request));
	rxe_with_ipsec(&e);
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=granularity-no-ports)");
}

Test(engine, an_sa_that_may_be_asked_for)
{
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct engine_answer answer;
	struct estate e;

	rxe_with_ipsec(&e);
	answer = ask(&e, NULL, &request);
	cr_expect_eq(answer.setup_ms, 0U, "there is one");
	e.w.sa_count = 0;
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.pass && answer.err == EPERM);
	cr_expect_eq(answer.setup_ms, 10000U);
	cr_expect_eq(answer.verdict.policy_out, 9U);
	cr_expect_eq(answer.path.family, AF_INET);
	cr_expect(!answer.per_qp);
	cr_expect_eq(ask(&e, "[default]\nsetup-timeout = 3s\n", &request).setup_ms, 3000U);
	cr_expect_eq(ask(&e, "[default]\nsetup = none\n", &request).setup_ms, 0U);
	cr_expect_eq(ask(&e, "[default]\nmode = audit\n", &request).setup_ms, 10000U, "what enforce would do");
	cr_expect_eq(ask(&e, "[default]\nmode = off\n", &request).setup_ms, 0U);
	cr_expect_eq(ask(&e, "[default]\nrequire = macsec\n", &request).setup_ms, 0U, "no SA would help");
	request.want.setup_timeout_ms = 77;
	cr_expect_eq(ask(&e, "[default]\nsetup-timeout = 3s\n", &request).setup_ms, 77U);
	cr_expect_eq(ask(&e, "[default]\nsetup = none\n", &request).setup_ms, 0U);
	request.want = (struct want){ .granularity = WANT_QP };
	cr_expect_eq(ask(&e, NULL, &request).setup_ms, 0U, "not to be had on rxe");
	/* what the port may become is enough to make a QP: nobody waits for that */
	cr_expect_eq(
		ask(&e, NULL, &(struct request){ .kind = REQUEST_QP_CREATE, .qp_type = IB_UVERBS_QPT_RC }).setup_ms,
		0U);
	request.want = (struct want){ 0 };
	e.w.policies[IN].tmpl_count = 0;
	cr_expect_eq(ask(&e, NULL, &request).setup_ms, 0U, "the way in is open");
}

/* One rule may be the one, or another: all have to be content with an SA. */
Test(engine, an_sa_is_not_asked_for_in_vain)
{
	static const char two[] = "[rule app]\nmatch-executable = /usr/bin/app\nrequire = macsec\n"
				  "[default]\nsetup-timeout = 2s\n";
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct estate e;

	rxe_with_ipsec(&e);
	e.w.sa_count = 0;
	e.client.executable_known = false;
	cr_expect_eq(ask(&e, two, &request).setup_ms, 0U);
	e.client.executable_known = true;
	text_copy(e.client.executable, sizeof(e.client.executable), "/usr/bin/other");
	cr_expect_eq(ask(&e, two, &request).setup_ms, 2000U);
}

/* A QP of its own port: what the flow label and the QP numbers make of it (include/rdma/ib_verbs.h). */
Test(engine, the_source_port_of_a_qp)
{
	struct request request = modify(0, "::ffff:10.0.0.2");
	struct engine_answer answer;
	struct estate e;

	make_estate(&e, "mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid(&e, "::ffff:10.0.0.1", "eth0");
	world_add_ipsec(&e.w);
	request.want.granularity = WANT_QP;
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.path.has_sport && !answer.pass, "its peer's QP is not known");
	request.has |= UVERBS_HAS_DEST_QPN;
	request.dest_qpn = 0x12;
	answer = ask(&e, NULL, &request);
	cr_expect(!answer.path.has_sport, "its own number is not known");
	request.has |= UVERBS_HAS_QPN;
	request.qpn = 0x11;
	answer = ask(&e, NULL, &request);
	cr_expect(answer.per_qp && answer.path.has_sport && answer.setup_ms);
	cr_expect_eq(answer.path.sport, 0xc000 | 0x132);
	request.has = UVERBS_HAS_DEST_QPN;
	request.address.flow_label = 0x54321; /* 0x0321 ^ 0x15 of its upper bits */
	answer = ask(&e, NULL, &request);
	cr_expect_eq(answer.path.sport, 0xc000 | (0x0321 ^ 0x15));
	e.w.policies[OUT].sel.sport = answer.path.sport;
	e.w.policies[OUT].sel.sport_mask = 0xffff;
	answer = ask(&e, NULL, &request);
	cr_expect(answer.pass, "%s", answer.text);
}

/* ---- librdmacm ---- */

static struct request cm(enum request_kind kind, const char *local, const char *remote)
{
	struct request request = modify(0, remote);

	request.kind = kind;
	request.address.sgid_index = 0;
	gid_from(local, request.sgid);
	return request;
}

Test(engine, librdmacm_before_it_sends)
{
	static const char any[] = "[default]\ncm = any\n";
	struct estate macsec, ipsec, bare;

	rxe_on_macsec(&macsec);
	rxe_on_eth(&bare);
	for (enum request_kind kind = REQUEST_CM_CONNECT; kind <= REQUEST_CM_ROUTE; kind++) {
		struct request request = cm(kind, "::ffff:10.0.0.1", "::ffff:10.0.0.2");

		EXPECT_PASS(ask(&macsec, NULL, &request));
		EXPECT_REFUSED(ask(&bare, NULL, &request), "10.0.0.2: unprotected");
		EXPECT_REFUSED(ask(&bare, NULL, &request), request_kind_name(kind));
		EXPECT_PASS(ask(&bare, any, &request));
		EXPECT_AUDITED(ask(&bare, "[default]\nmode = audit\n", &request), request_kind_name(kind));
		request.want.granularity = WANT_QP; /* of the QP to come, not of what all share */
		rxe_with_ipsec(&ipsec);
		EXPECT_PASS(ask(&ipsec, NULL, &request));
		request = cm(kind, "::ffff:10.0.0.77", "::ffff:10.0.0.2");
		EXPECT_REFUSED(ask(&macsec, NULL, &request), "(reason=no-local-gid)");
	}
}

/* Several entries have one address: the kernel takes one of RoCE v2, and nobody knows which. */
Test(engine, librdmacm_knows_only_addresses)
{
	struct request request = cm(REQUEST_CM_CONNECT, "::ffff:10.0.0.1", "::ffff:10.0.0.2");
	struct estate e;

	rxe_on_macsec(&e);
	add_gid(&e, "::ffff:10.0.0.1", "macsec0");
	e.gids[2].type = GID_TYPE_ROCE_V1;
	EXPECT_PASS(ask(&e, NULL, &request));
	add_gid(&e, "::ffff:10.0.0.1", "eth1");
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=netdev-not-stacked)");
	e.gids[0].type = e.gids[3].type = GID_TYPE_ROCE_V1;
	EXPECT_REFUSED(ask(&e, NULL, &request), "(reason=gid-roce-v1)");
}
