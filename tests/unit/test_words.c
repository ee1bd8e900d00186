// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The sentences of messages/reason.def with the facts of a judgement. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "judge/words.h"
#include "messages/protocol.h"
#include "util/ciphers.h"

enum { PORT = 3, GID = 5 };

static const struct request request = { .kind = REQUEST_QP_ADDRESS,
					.address = { .dgid = { [10] = 0xff, 0xff, 10, 0, 0, 2 } } };

static struct judgement refused(enum reason reason)
{
	static const struct policy_rule rule = { .name = "default" };
	struct judgement judgement = {
		.reported = true,
		.err = EPERM,
		.rule = &rule,
		.path = { .device = "rxe0",
			  .port = PORT,
			  .sgid_index = GID,
			  .driver = driver_traits(RDMA_DRIVER_RXE),
			  .scope = REMOTE_ONE,
			  .family = AF_INET,
			  .local = { .bytes = { 10, 0, 0, 1 } },
			  .remote = { .bytes = { 10, 0, 0, 2 } },
			  .netdev = "eth0",
			  .egress = "macsec0",
			  .stray = "eth1",
			  .stray_route = "2001:db8::/32" },
	};

	verdict_set(&judgement.verdict, VERDICT_UNPROTECTED, reason);
	return judgement;
}

static const char *line_of(const struct judgement *judgement)
{
	static char line[WIRE_TEXT_MAX];

	judgement_line(judgement, &request, "rxe0", line, sizeof(line));
	return line;
}

Test(words, every_reason_of_the_engine_has_a_sentence_of_known_facts)
{
	for (uint32_t reason = REASON_NONE + 1; reason < REASON_NO_ENGINE; reason++) {
		struct judgement judgement = refused(reason);
		char text[640];

		judgement.verdict.why[0].err = ENOENT;
		judgement_text(&judgement, text, sizeof(text));
		cr_expect(text[0] && !strpbrk(text, "{}"), "%s: %s", reason_code(reason), text);
		cr_expect_not(strstr(line_of(&judgement), "{"), "%s: %s", reason_code(reason), line_of(&judgement));
	}
}

Test(words, sentence_names_facts_of_its_reason)
{
	static const struct {
		struct why why;
		const char *says;
	} rows[] = {
		{ { .reason = REASON_OUTBOUND_POLICY_BLOCKS, .policy = 9, .priority = 1000 },
		  "outbound policy 9 (priority 1000) blocks these packets" },
		{ { .reason = REASON_INBOUND_SA_CIPHER, .spi = 0xc0ffee, .number = 160, .detail = "rfc4106(gcm(aes))" },
		  "inbound SA 0x00c0ffee uses rfc4106(gcm(aes)) (160-bit key), which the policy does not allow" },
		{ { .reason = REASON_OUTBOUND_SA_REQID_SHARED, .spi = 1, .other = 2, .reqid = 7 },
		  "outbound SAs 0x00000001 and 0x00000002 share reqid 7 but not their addresses: macsec0 tells them "
		  "apart by reqid only" },
		{ { .reason = REASON_OUTBOUND_POLICY_MARK, .policy = 9, .number = 0x42 },
		  "outbound policy 9 wants mark 0x42, which RoCE packets lack" },
		{ { .reason = REASON_MACSEC_CIPHER_UNKNOWN, .number = 0x80c2000001000f },
		  "macsec0 uses cipher suite 0x0080c2000001000f, which is not known" },
		{ { .reason = REASON_MACSEC_CIPHER, .number = CIPHER_MACSEC_GCM_AES_128 },
		  "macsec0 uses gcm-aes-128, which the policy does not allow" },
		{ { .reason = REASON_DRIVER_COMMAND, .number = 0x1234, .other = 0x5678 },
		  "a command of the driver's own (object 0x1234, method 0x5678) is not understood" },
		{ { .reason = REASON_ROUTE_UNKNOWN, .err = ENETUNREACH },
		  "no route is known from GID 5 to 10.0.0.2: Network is unreachable" },
		{ { .reason = REASON_REMOTE_FAMILY }, "GID 5 is IPv4 and the remote address is not" },
		{ { .reason = REASON_DRIVER_CLEAR }, "driver rxe of rxe0 supports neither MACsec nor IPsec for RoCE" },
		{ { .reason = REASON_LINKS_UNREADABLE }, "the network links could not be read" },
		{ { .reason = REASON_LINKS_UNREADABLE, .detail = "EIO" }, "the network links could not be read: EIO" },
		{ { .reason = REASON_SETUP_HELD_BACK, .number = 10040 },
		  "none came in 10.0 s: too much is being asked for just now, by this user or of this peer" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct judgement judgement = refused(rows[i].why.reason);
		char text[640];

		judgement.verdict.why[0] = rows[i].why;
		judgement_text(&judgement, text, sizeof(text));
		cr_expect_str_eq(text, rows[i].says, "%s: %s", reason_code(rows[i].why.reason), text);
	}
}

Test(words, line_ends_with_what_happened_since)
{
	struct judgement judgement = refused(REASON_OUTBOUND_SA_MISSING);
	uint32_t reasons[REASONS_MAX];
	char text[640];

	judgement.verdict.why[0].policy = 9;
	judgement.verdict.why[0].reqid = 7;
	judgement.since = (struct why){ .reason = REASON_SETUP_POLICY_GONE, .number = 2500 };
	cr_expect_str_eq(line_of(&judgement),
			 "rdmasec: refused modify_qp on rxe0 port 3 GID 5 (10.0.0.1 on eth0) to 10.0.0.2: unprotected "
			 "(reason=outbound-sa-missing): outbound policy 9 asks for ESP (reqid 7), but no live SA "
			 "answers it; none came in 2.5 s: its policy has gone (reason=setup-timeout)");
	judgement_text(&judgement, text, sizeof(text));
	cr_expect_str_eq(text, "outbound policy 9 asks for ESP (reqid 7), but no live SA answers it; none came in "
			       "2.5 s: its policy has gone");
	judgement_reasons(&judgement, reasons);
	cr_expect_eq(reasons[0], REASON_SETUP_POLICY_GONE);
	cr_expect_eq(reasons[1], REASON_OUTBOUND_SA_MISSING);
}

Test(words, hint_needs_its_facts)
{
	struct judgement judgement = refused(REASON_MACSEC_DOWN);

	cr_expect(strstr(line_of(&judgement), ": try: ip link set macsec0 up"), "%s", line_of(&judgement));
	judgement.path.egress[0] = '\0';
	cr_expect_not(strstr(line_of(&judgement), "try"), "%s", line_of(&judgement));
}

Test(words, engine_that_could_not_judge_names_no_command)
{
	struct judgement judgement;

	judgement_refuse(&judgement, EPERM, REASON_PROGRAM_UNKNOWN)->err = ESRCH;
	cr_expect_str_eq(
		line_of(&judgement),
		"rdmasec: refused (reason=program-unknown): the engine cannot inspect the program: No such process");
}

Test(words, nothing_to_report_has_no_line)
{
	struct judgement judgement = refused(REASON_DEVX);

	judgement.reported = false;
	cr_expect_str_empty(line_of(&judgement));
}
