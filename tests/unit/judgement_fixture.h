/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * judge_request() with a device and evidence made by hand, and policies from their text. A test chooses one of the
 * hosts below, changes it if it has to, and asks.
 */
#ifndef RDMASEC_TESTS_JUDGEMENT_FIXTURE_H
#define RDMASEC_TESTS_JUDGEMENT_FIXTURE_H

#include <errno.h>

#include "decide_fixture.h"
#include "golden.h"
#include "judge/judgement_internal.h"
#include "judge/words.h"
#include "messages/protocol.h"

enum { GIDS = 64 };

#define PEER "::ffff:10.0.0.2"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

/* The device, the kernel's state, and the program that asks. */
static struct {
	struct world w;
	struct rdma_gid gids[GIDS];
	struct rdma_port port;
	struct rdma_device device;
	struct engine_client client;
} e;

static inline void gid_from(const char *address, uint8_t raw[16])
{
	cr_assert_eq(inet_pton(AF_INET6, address, raw), 1, "%s", address);
}

static inline void add_gid(const char *address, const char *netdev)
{
	struct rdma_gid *gid = &e.gids[e.port.gid_count];

	cr_assert_lt(e.port.gid_count, GIDS);
	*gid = (struct rdma_gid){ .valid = true, .index = e.port.gid_count++, .type = GID_TYPE_ROCE_V2 };
	gid_from(address, gid->raw);
	text_copy(gid->netdev, sizeof(gid->netdev), netdev);
}

static inline void host_with_device(const char *name, uint32_t driver, int netdev)
{
	memset(&e, 0, sizeof(e));
	world_init(&e.w, driver, AF_INET, netdev);
	e.port = (struct rdma_port){
		.number = 1, .link_layer = LINK_LAYER_ETHERNET, .active = true, .netdev_ifindex = netdev
	};
	e.device = (struct rdma_device){ .driver_known = true, .driver_id = driver, .port_count = 1 };
	text_copy(e.device.name, sizeof(e.device.name), name);
	e.client = (struct engine_client){ .pid = 1, .uid = 1000, .executable_known = true };
	text_copy(e.client.executable, sizeof(e.client.executable), "/usr/bin/app");
}

/* rxe on macsec0: the whole port is protected. */
static inline void rxe_on_macsec(void)
{
	host_with_device("rxe0", RDMA_DRIVER_RXE, MACSEC0);
	add_gid("::ffff:10.0.0.1", "macsec0");
	add_gid("2001:db8::1", "macsec0");
	world_add_macsec(&e.w);
}

/* rxe on eth0, without protection. */
static inline void rxe_on_eth(void)
{
	host_with_device("rxe0", RDMA_DRIVER_RXE, ETH0);
	add_gid("::ffff:10.0.0.1", "eth0");
}

/* rxe on eth0 with IPsec between 10.0.0.1 and 10.0.0.2. */
static inline void rxe_with_ipsec(void)
{
	rxe_on_eth();
	world_add_ipsec(&e.w);
}

/* The same, but the SAs are still missing. */
static inline void rxe_without_sas(void)
{
	rxe_with_ipsec();
	e.w.sa_count = 0;
}

/* A NIC: GID 0 is on eth0, GIDs 1 and 2 are on macsec0. */
static inline void mlx5_mixed(void)
{
	host_with_device("mlx5_0", RDMA_DRIVER_MLX5, ETH0);
	add_gid("::ffff:10.0.0.1", "eth0");
	add_gid("2001:db8::1", "macsec0");
	add_gid("::ffff:10.0.1.1", "macsec0");
	world_add_macsec(&e.w);
}

/* What leads packets elsewhere: nothing is looked at, unless a test says so. */
static struct bypass_view bypass;

/* The engine passes this context to the function without a look at it. */
static char route_context;
static unsigned int routes_asked;

static inline int route_by_oif(void *context, int family, const union ip_address *src, const union ip_address *dst,
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

/* The line for the operator, of the last answer. */
static char line[WIRE_TEXT_MAX];

static inline void expect_sound_answer(const struct judgement *answer)
{
	cr_expect(answer->pass ? answer->err == 0 : answer->err > 0, "errno %d", answer->err);
	for (const char *c = line; *c; c++)
		cr_expect(*c >= 0x20 && *c <= 0x7e, "0x%02x in '%s'", (unsigned char)*c, line);
	cr_expect(!line[0] || !strncmp(line, "rdmasec: ", 9), "%s", line);
	if (answer->pass && line[0])
		cr_expect(!strncmp(line, "rdmasec: audit: would refuse ", 29), "%s", line);
}

/* The rule of the last answer; "" if it has none. */
static char rule_of_answer[POLICY_NAME_MAX];

/* `policy_text`: of a file; NULL: the built-in policy. */
static inline struct judgement judge_in(const struct engine_view *view, const char *policy_text,
					const struct request *request)
{
	const struct policy *policy = policy_text ? parse(policy_text) : policy_builtin();
	struct engine_view with_policy = *view;
	struct judgement answer;

	with_policy.policy = policy;
	memset(&answer, 0xa5, sizeof(answer));
	judge_request(&with_policy, &e.client, request, &answer);
	judgement_line(&answer, request, view->device ? view->device->name : "", line, sizeof(line));
	expect_sound_answer(&answer);
	text_copy(rule_of_answer, sizeof(rule_of_answer), answer.rule ? answer.rule->name : "");
	answer.rule = NULL; /* it goes with the policy */
	policy_free(policy);
	return answer;
}

static inline struct judgement ask(const char *policy_text, struct request request)
{
	struct macsec_evidence secy = e.w.secy;
	struct evidence ev = e.w.ev;
	struct judgement answer;

	secy.rxsc = e.w.rxsc;
	ev.secys = &secy;
	ev.links = e.w.links;
	ev.xfrm = world_table(&e.w);
	e.port.gids = e.gids;
	e.device.ports = &e.port;
	answer = judge_in(&(struct engine_view){ NULL, &e.device, &ev, route_by_oif, &route_context, bypass },
			  policy_text, &request);
	xfrm_table_free(ev.xfrm);
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

/* `codes`: "first,second", as users see them. */
static inline void expect_reasons(struct judgement answer, const char *codes, const char *asked)
{
	char has[REASONS_TEXT_MAX], shown[REASONS_TEXT_MAX + 16];

	cr_expect_str_eq(codes_of(&answer.verdict, has), codes, "%s: %s", asked, line);
	text_format(shown, sizeof(shown), "(reason=%s)", codes);
	cr_expect(strstr(line, shown), "%s: '%s' has no %s", asked, line, shown);
	expect_golden("refusals.txt", line);
}

static inline void expect_pass(struct judgement answer, const char *asked)
{
	cr_expect(answer.pass && !line[0], "%s: pass %d, errno %d: %s", asked, answer.pass, answer.err, line);
}

static inline void expect_audited(struct judgement answer, const char *codes, const char *asked)
{
	cr_expect(answer.pass && answer.audited, "%s: pass %d, audited %d", asked, answer.pass, answer.audited);
	expect_reasons(answer, codes, asked);
}

static inline void expect_refused(struct judgement answer, const char *codes, const char *asked)
{
	cr_expect(!answer.pass && answer.err == EPERM, "%s: pass %d, errno %d", asked, answer.pass, answer.err);
	cr_expect(!strncmp(line, "rdmasec: refused ", 17), "%s: '%s'", asked, line);
	expect_reasons(answer, codes, asked);
}

/* Each takes what ask() returns. */
#define EXPECT_PASS(answer)           expect_pass(answer, #answer)
#define EXPECT_AUDITED(answer, codes) expect_audited(answer, codes, #answer)
#define EXPECT_REFUSED(answer, codes) expect_refused(answer, codes, #answer)

#endif
