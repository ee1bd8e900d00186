/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* engine_judge() with a device and evidence made by hand, and policies from their text. */
#ifndef RDMASEC_TESTS_JUDGEMENT_FIXTURE_H
#define RDMASEC_TESTS_JUDGEMENT_FIXTURE_H

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

static inline void gid_from(const char *address, uint8_t raw[16])
{
	cr_assert_eq(inet_pton(AF_INET6, address, raw), 1, "%s", address);
}

static inline void add_gid(struct estate *e, const char *address, const char *netdev)
{
	struct rdma_gid *gid = &e->gids[e->port.gid_count];

	cr_assert_lt(e->port.gid_count, GIDS);
	*gid = (struct rdma_gid){ .valid = true, .index = e->port.gid_count++, .type = GID_TYPE_ROCE_V2 };
	gid_from(address, gid->raw);
	text_copy(gid->netdev, sizeof(gid->netdev), netdev);
}

static inline void make_estate(struct estate *e, const char *name, uint32_t driver, int netdev)
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
static inline void rxe_on_macsec(struct estate *e)
{
	make_estate(e, "rxe0", RDMA_DRIVER_RXE, MACSEC0);
	add_gid(e, "::ffff:10.0.0.1", "macsec0");
	add_gid(e, "2001:db8::1", "macsec0");
	world_add_macsec(&e->w);
}

/* rxe upon eth0, bare. */
static inline void rxe_on_eth(struct estate *e)
{
	make_estate(e, "rxe0", RDMA_DRIVER_RXE, ETH0);
	add_gid(e, "::ffff:10.0.0.1", "eth0");
}

/* rxe upon eth0 with IPsec between 10.0.0.1 and 10.0.0.2. */
static inline void rxe_with_ipsec(struct estate *e)
{
	rxe_on_eth(e);
	world_add_ipsec(&e->w);
}

/* A NIC whose GID 2 alone is on macsec0. */
static inline void mlx5_mixed(struct estate *e)
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

static inline int route_get_as_told(void *context, int family, const union ip_address *src, const union ip_address *dst,
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

static inline struct policy *parse(const char *text)
{
	char error[POLICY_ERROR_MAX];
	struct policy *policy = NULL;

	cr_assert_eq(policy_parse("test", text, strlen(text), &policy, error, sizeof(error)), 0, "%s", error);
	return policy;
}

static inline void expect_sound_answer(const struct engine_answer *answer)
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
static inline struct engine_answer ask(struct estate *e, const char *policy_text, const struct request *request)
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

static inline struct request create(uint32_t qp_type)
{
	return (struct request){ .kind = REQUEST_QP_CREATE, .qp_type = qp_type };
}

static inline struct request modify(uint8_t sgid_index, const char *remote)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS,
				   .address = { .sgid_index = sgid_index, .port = 1, .is_global = true } };

	gid_from(remote, request.address.dgid);
	return request;
}

static inline struct request of_kind(enum request_kind kind)
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

#endif
