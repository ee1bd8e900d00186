// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The route in clear that software RoCE keeps for a connected queue pair. */
#include <errno.h>
#include <sanitizer/lsan_interface.h>

#include "judge/words.h"
#include "messages/protocol.h"
#include "watch_fixture.h"

static void on_record(const struct wire_record *record, void *arg)
{
	(void)arg;
	cr_expect_fail("nothing is judged here: %s", record->text);
}

static void begin(void)
{
	watch_begin(NULL, &(struct watch_listener){ .record = on_record });
}

static void end(void)
{
	watch_end();
	if (__lsan_do_recoverable_leak_check())
		abort();
}

TestSuite(watch_route, .init = begin, .fini = end, .timeout = 60);

static struct judgement answer_for(bool pass, enum verdict_kind kind, enum protection by)
{
	return (struct judgement){ .pass = pass,
				   .path = { .device = "rxe0",
					     .port = 1,
					     .netdev = "eth0",
					     .driver = driver_traits(RDMA_DRIVER_RXE),
					     .scope = REMOTE_ONE,
					     .family = AF_INET,
					     .local = { .bytes = { 10, 0, 0, 1 } } },
				   .verdict = { .kind = kind, .by = by } };
}

static struct request address_of(uint8_t remote)
{
	return (struct request){ .kind = REQUEST_QP_ADDRESS,
				 .has = UVERBS_HAS_HANDLE,
				 .handle = HANDLE,
				 .address = { .dgid = { [10] = 0xff, 0xff, 10, 0, 0, remote },
					      .sgid_index = 1,
					      .port = 1,
					      .is_global = true } };
}

static void was_sent_to(uint8_t remote, const struct judgement *answer)
{
	const struct request request = address_of(remote);

	report(&request, answer);
}

static const struct {
	const char *name;
	bool pass;
	enum verdict_kind kind;
	enum protection by;
	bool clear;
} routes[] = {
	{ "a rule requires nothing", true, VERDICT_PROTECTED, BY_POLICY_NONE, true },
	{ "off", true, VERDICT_UNKNOWN, BY_NOTHING, true },
	{ "audited", true, VERDICT_UNPROTECTED, BY_NOTHING, true },
	{ "MACsec", true, VERDICT_PROTECTED, BY_MACSEC, false },
	{ "IPsec", true, VERDICT_PROTECTED, BY_IPSEC, false },
	{ "loopback", true, VERDICT_PROTECTED, BY_LOOPBACK, false },
	{ "refused, in grace", false, VERDICT_UNPROTECTED, BY_NOTHING, false },
};

Test(watch_route, refuses_protected_address_after_route_in_clear)
{
	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		struct judgement before = answer_for(routes[i].pass, routes[i].kind, routes[i].by);
		struct judgement now = answer_for(true, VERDICT_PROTECTED, BY_IPSEC);
		struct request request = address_of(2);

		report_created(HANDLE, IB_UVERBS_QPT_RC, 0);
		was_sent_to(3, &before);
		watch_refuse_kept_route(ufile, &request, &now);
		cr_expect_eq(now.pass, !routes[i].clear, "%s", routes[i].name);
	}
}

Test(watch_route, refusal_of_kept_route_names_path)
{
	struct judgement before = answer_for(true, VERDICT_PROTECTED, BY_POLICY_NONE);
	struct judgement now = answer_for(true, VERDICT_PROTECTED, BY_IPSEC);
	struct request request = address_of(2);
	char line[WIRE_TEXT_MAX];

	now.rule = &(struct policy_rule){ .name = "default" };
	was_sent_to(3, &before);
	watch_refuse_kept_route(ufile, &request, &now);
	cr_expect_eq(now.err, EPERM);
	cr_expect_eq(now.verdict.kind, VERDICT_UNPROTECTED);
	judgement_line(&now, &request, "rxe0", line, sizeof(line));
	cr_expect(strstr(line, "refused modify_qp on rxe0 port 1 GID 0 (10.0.0.1 on eth0) to 10.0.0.2: unprotected "
			       "(reason=route-kept)"),
		  "%s", line);
}

Test(watch_route, kept_route_concerns)
{
	static const struct {
		const char *name;
		uint32_t qp_type, driver;
		enum protection by;
		uint8_t second, now; /* remotes */
		bool refused;
	} rows[] = {
		{ "RC", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, true },
		{ "RC, MACsec", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_MACSEC, 3, 2, true },
		{ "unknown type", 0, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, true },
		/* rxe_find_route(): only RC keeps it */
		{ "UC", IB_UVERBS_QPT_UC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 2, false },
		{ "a NIC", IB_UVERBS_QPT_RC, RDMA_DRIVER_MLX5, BY_IPSEC, 3, 2, false },
		{ "in clear again", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_POLICY_NONE, 3, 2, false },
		{ "loopback", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_LOOPBACK, 3, 2, false },
		{ "the same address, protected by now", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 3, 3, false },
		{ "the second of two addresses", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 4, 4, true },
		{ "the first of two addresses", IB_UVERBS_QPT_RC, RDMA_DRIVER_RXE, BY_IPSEC, 4, 3, true },
	};
	const struct judgement none = answer_for(true, VERDICT_PROTECTED, BY_POLICY_NONE);

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judgement now = answer_for(true, VERDICT_PROTECTED, rows[i].by);
		struct request request = address_of(rows[i].now);

		now.path.driver = driver_traits(rows[i].driver);
		report_created(HANDLE, rows[i].qp_type, 0);
		was_sent_to(3, &none);
		was_sent_to(rows[i].second, &none);
		watch_refuse_kept_route(ufile, &request, &now);
		cr_expect_eq(now.pass, !rows[i].refused, "%s", rows[i].name);
	}
}
