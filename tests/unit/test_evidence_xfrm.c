// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Policies and SAs as the kernel reports them; no key is kept. */
#include <arpa/inet.h>
#include <linux/xfrm.h>
#include <time.h>

#include "evidence_fixture.h"
#include "xfrm/parse.h"
#include "xfrm/table_internal.h"

TestSuite(evidence_xfrm, .fini = forget_and_check_leaks, .timeout = 60);

static const uint8_t key[36] = "never-copy-this-key-never-copy-this";

static struct xfrm_selector selector(void)
{
	struct xfrm_selector sel = { .family = AF_INET, .prefixlen_d = 32, .prefixlen_s = 24, .proto = IPPROTO_UDP };

	sel.daddr.a4 = htonl(0x0a000002);
	sel.saddr.a4 = htonl(0x0a000100);
	sel.dport = htons(4791);
	sel.dport_mask = 0xffff;
	sel.ifindex = 3;
	return sel;
}

static struct xfrm_userpolicy_info policy_info(void)
{
	return (struct xfrm_userpolicy_info){
		.sel = selector(), .priority = 7, .index = 9, .dir = XFRM_POLICY_OUT, .action = XFRM_POLICY_ALLOW
	};
}

static struct xfrm_user_tmpl template_of(int family)
{
	struct xfrm_user_tmpl tmpl = {
		.family = (uint16_t)family, .reqid = 77, .mode = XFRM_MODE_TUNNEL, .optional = 1
	};

	tmpl.id.proto = IPPROTO_ESP;
	tmpl.id.spi = htonl(0x1234);
	tmpl.id.daddr.a4 = htonl(0xc0000201);
	return tmpl;
}

static struct nl_msg *policy_message(const struct xfrm_userpolicy_info *info, size_t templates)
{
	struct nl_msg *message = fake_message(XFRM_MSG_NEWPOLICY, info, sizeof(*info));
	struct xfrm_user_tmpl tmpl[8];

	for (size_t i = 0; i < templates; i++)
		tmpl[i] = template_of(AF_INET);
	if (templates)
		nla_put(message, XFRMA_TMPL, (int)(templates * sizeof(tmpl[0])), tmpl);
	return message;
}

static struct xfrm_usersa_info sa_info(void)
{
	struct xfrm_usersa_info info = {
		.sel = selector(), .family = AF_INET, .reqid = 77, .mode = XFRM_MODE_TRANSPORT
	};

	info.id.proto = IPPROTO_ESP;
	info.id.spi = htonl(0xdecade);
	info.id.daddr.a4 = htonl(0x0a000002);
	info.saddr.a4 = htonl(0x0a000001);
	info.lft.soft_byte_limit = info.lft.hard_byte_limit = XFRM_INF;
	info.lft.soft_packet_limit = info.lft.hard_packet_limit = XFRM_INF;
	return info;
}

/* key_len: octets of the key in the message; key_bits: the length that the header claims */
static void put_aead(struct nl_msg *message, const char *name, size_t name_len, size_t key_len, unsigned int key_bits)
{
	struct xfrm_algo_aead head = { .alg_key_len = key_bits, .alg_icv_len = 128 };
	char octets[sizeof(head) + sizeof(key)];

	memcpy(head.alg_name, name, name_len);
	memcpy(octets, &head, sizeof(head));
	memcpy(octets + sizeof(head), key, key_len);
	nla_put(message, XFRMA_ALG_AEAD, (int)(sizeof(head) + key_len), octets);
}

static struct nl_msg *sa_message(const struct xfrm_usersa_info *info)
{
	struct nl_msg *message = fake_message(XFRM_MSG_NEWSA, info, sizeof(*info));

	put_aead(message, "rfc4106(gcm(aes))", 17, 36, 288);
	return message;
}

static void say_counts(uint32_t in, uint32_t out, uint32_t fwd)
{
	const struct xfrmu_spdinfo info = { .incnt = in, .outcnt = out, .fwdcnt = fwd };
	struct nl_msg *message = fake_message(XFRM_MSG_NEWSPDINFO, &(const uint32_t){ 0 }, 4);

	nla_put(message, XFRMA_SPD_INFO, sizeof(info), &info);
	fake_say(&kernel, message);
}

static void say_no_policies(void)
{
	fake_done(&kernel, 0);
	say_counts(0, 0, 0);
}

static void read_policy(struct nl_msg *message)
{
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	say_counts(0, 1, 0);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_XFRM);
}

static void read_sa(struct nl_msg *message)
{
	say_no_policies();
	fake_say(&kernel, message);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_XFRM);
}

Test(evidence_xfrm, policy_is_read)
{
	const struct xfrm_userpolicy_info info = policy_info();
	struct nl_msg *message = policy_message(&info, 2);
	const struct xfrm_policy_evidence *policy;

	nla_put(message, XFRMA_MARK, 8, &(const struct xfrm_mark){ 5, 0xff });
	nla_put_u32(message, XFRMA_IF_ID, 12);
	nla_put(message, XFRMA_OFFLOAD_DEV, sizeof(struct xfrm_user_offload),
		&(const struct xfrm_user_offload){ 6, XFRM_OFFLOAD_PACKET });
	nla_put(message, XFRMA_POLICY_TYPE, sizeof(struct xfrm_userpolicy_type),
		&(const struct xfrm_userpolicy_type){ .type = XFRM_POLICY_TYPE_SUB });
	read_policy(message);
	cr_assert_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_assert_eq(xfrm_table_policy_count(ev.xfrm), 1);
	policy = &ev.xfrm->policies->policy;
	cr_expect_eq(policy->sel.family, AF_INET);
	cr_expect_eq(policy->sel.daddr.v4.s_addr, htonl(0x0a000002));
	cr_expect_eq(policy->sel.saddr_prefix, 24);
	cr_expect_eq(policy->sel.dport, 4791);
	cr_expect_eq(policy->sel.dport_mask, 0xffff);
	cr_expect_eq(policy->sel.sport_mask, 0);
	cr_expect_eq(policy->sel.ifindex, 3);
	cr_expect(policy->dir == XFRM_POLICY_OUT && policy->priority == 7 && policy->index == 9);
	cr_expect_eq(policy->type, XFRM_POLICY_TYPE_SUB);
	cr_expect(policy->mark.value == 5 && policy->mark.mask == 0xff && policy->if_id == 12);
	cr_expect(policy->offload.ifindex == 6 && policy->offload.packet);
	cr_assert_eq(policy->tmpl_count, 2);
	cr_expect(policy->tmpl[1].reqid == 77 && policy->tmpl[1].spi == 0x1234 && policy->tmpl[1].optional);
	cr_expect_eq(policy->tmpl[1].mode, XFRM_MODE_TUNNEL);
	cr_expect_eq(policy->tmpl[1].daddr.v4.s_addr, htonl(0xc0000201));
}

/* Directions of socket policies begin at XFRM_POLICY_MAX, and build_spdinfo() counts them separately. */
Test(evidence_xfrm, ignores_policies_of_sockets)
{
	struct xfrm_userpolicy_info info = policy_info();

	info.dir = XFRM_POLICY_MAX + XFRM_POLICY_OUT;
	fake_say(&kernel, policy_message(&info, 1));
	say_no_policies();
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_XFRM);
	cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_expect_eq(xfrm_table_policy_count(ev.xfrm), 0);
}

static void say_one_policy(uint32_t counted)
{
	const struct xfrm_userpolicy_info info = policy_info();

	fake_say(&kernel, policy_message(&info, 1));
	fake_done(&kernel, 0);
	say_counts(0, counted, 0);
}

/* A policy that is replaced during a dump can be missing in both forms. */
Test(evidence_xfrm, restarts_reading_if_policies_are_missing)
{
	say_one_policy(2);
	say_one_policy(1);
	fake_done(&kernel, 0);
	read_part(EVIDENCE_PART_XFRM);
	cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_expect_eq(xfrm_table_policy_count(ev.xfrm), 1);
	forget();
	for (int i = 0; i < NETLINK_TRIES; i++)
		say_one_policy(2);
	say_one_policy(1);
	read_part(EVIDENCE_PART_XFRM);
	cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_BROKEN);
	cr_expect(!ev.xfrm->policies);
}

static struct nl_msg *policy_with(int attribute, size_t len)
{
	const struct xfrm_userpolicy_info info = policy_info();
	static const char zeros[512];
	struct nl_msg *message = policy_message(&info, 0);

	nla_put(message, attribute, (int)len, zeros);
	return message;
}

static struct nl_msg *policy_of_prefix(uint16_t family, uint8_t prefix)
{
	struct xfrm_userpolicy_info info = policy_info();

	info.sel.family = family;
	info.sel.prefixlen_d = prefix;
	return policy_message(&info, 1);
}

static struct nl_msg *policy_of_template_family(uint16_t family)
{
	const struct xfrm_userpolicy_info info = policy_info();
	const struct xfrm_user_tmpl tmpl = template_of(family);
	struct nl_msg *message = policy_message(&info, 0);

	nla_put(message, XFRMA_TMPL, sizeof(tmpl), &tmpl);
	return message;
}

static struct nl_msg *policy_of_a_template_and_a_bit(void)
{
	const struct xfrm_userpolicy_info info = policy_info();
	const struct xfrm_user_tmpl tmpl[2] = { template_of(AF_INET), template_of(AF_INET) };
	struct nl_msg *message = policy_message(&info, 0);

	nla_put(message, XFRMA_TMPL, sizeof(tmpl[0]) + 4, tmpl);
	return message;
}

Test(evidence_xfrm, malformed_policies_are_broken)
{
	const struct xfrm_userpolicy_info info = policy_info();
	struct nl_msg *const messages[] = {
		policy_message(&info, XFRM_TEMPLATES_MAX + 1),
		policy_of_a_template_and_a_bit(),
		policy_with(XFRMA_TMPL, sizeof(struct xfrm_user_tmpl) - 4),
		policy_with(XFRMA_SEC_CTX, sizeof(struct xfrm_user_sec_ctx)),
		policy_with(XFRMA_MARK, 4),
		policy_with(XFRMA_IF_ID, 8),
		policy_with(XFRMA_OFFLOAD_DEV, 4),
		policy_with(XFRMA_POLICY_TYPE, 1),
		policy_of_prefix(AF_INET, 33),
		policy_of_prefix(AF_INET6, 129),
		policy_of_prefix(AF_UNSPEC, 0),
		policy_of_template_family(AF_UNSPEC),
		policy_of_template_family(AF_UNIX),
		fake_message(XFRM_MSG_NEWPOLICY, &info, sizeof(info) - 8),
		fake_message(XFRM_MSG_NEWSA, &info, sizeof(info)),
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		read_policy(messages[i]);
		cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_BROKEN, "row %zu", i);
		cr_expect_str_not_empty(xfrm_table_error(ev.xfrm), "row %zu", i);
		cr_expect(!ev.xfrm->policies && !ev.xfrm->sas, "row %zu", i);
		forget();
	}
}

Test(evidence_xfrm, xfrm_without_privilege)
{
	fake_error(&kernel, -EPERM);
	read_part(EVIDENCE_PART_XFRM);
	cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_NO_PRIVILEGE);
	cr_expect_eq(kernel.sends, 1);
}

Test(evidence_xfrm, sa_is_read)
{
	const struct xfrm_usersa_info info = sa_info();
	struct nl_msg *message = sa_message(&info);
	const struct xfrm_sa_evidence *sa;

	nla_put(message, XFRMA_OFFLOAD_DEV, sizeof(struct xfrm_user_offload),
		&(const struct xfrm_user_offload){ 6, XFRM_OFFLOAD_INBOUND | XFRM_OFFLOAD_PACKET });
	nla_put_u32(message, PARSED_XFRMA_SA_PCPU, 2);
	nla_put_u32(message, 60, 1); /* an attribute of a future kernel */
	read_sa(message);
	cr_assert_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_assert_eq(xfrm_table_sa_count(ev.xfrm), 1);
	sa = &ev.xfrm->sas->sa;
	cr_expect_str_eq(sa->algorithm, "rfc4106(gcm(aes))");
	cr_expect(sa->has_aead && sa->key_bits == 288 && sa->icv_bits == 128);
	cr_expect(sa->spi == 0xdecade && sa->reqid == 77 && sa->proto == IPPROTO_ESP && sa->family == AF_INET);
	cr_expect_eq(sa->daddr.v4.s_addr, htonl(0x0a000002));
	cr_expect_eq(sa->saddr.v4.s_addr, htonl(0x0a000001));
	cr_expect(sa->offload.packet && sa->offload.ifindex == 6);
	cr_expect(sa->pcpu_bound && !sa->expired && !sa->dying);
	cr_expect_null(memmem(ev.xfrm->sas, sizeof(*ev.xfrm->sas), key, 8), "a key was copied");
}

Test(evidence_xfrm, sa_without_aead)
{
	const struct xfrm_usersa_info info = sa_info();
	struct nl_msg *message = fake_message(XFRM_MSG_NEWSA, &info, sizeof(info));
	struct xfrm_algo crypt = { .alg_name = "cbc(aes)" };
	struct xfrm_algo_auth auth = { .alg_name = "hmac(sha256)", .alg_trunc_len = 128 };
	struct xfrm_algo old_auth = { .alg_name = "hmac(sha256)" };

	nla_put(message, XFRMA_ALG_AUTH, sizeof(old_auth), &old_auth);
	nla_put(message, XFRMA_ALG_AUTH_TRUNC, sizeof(auth), &auth);
	nla_put(message, XFRMA_ALG_CRYPT, sizeof(crypt), &crypt);
	read_sa(message);
	cr_assert_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_expect_str_eq(ev.xfrm->sas->sa.algorithm, "cbc(aes)");
	cr_expect(!ev.xfrm->sas->sa.has_aead && !ev.xfrm->sas->sa.icv_bits);
}

/* XFRM_MSG_ALLOCSPI: an SPI, but no algorithm yet. XFRM_STATE_AF_UNSPEC: no selector. */
Test(evidence_xfrm, larval_sa)
{
	struct xfrm_usersa_info info = sa_info();

	memset(&info.sel, 0, sizeof(info.sel));
	read_sa(fake_message(XFRM_MSG_NEWSA, &info, sizeof(info)));
	cr_assert_eq(xfrm_table_state(ev.xfrm), EVIDENCE_READ, "%s", xfrm_table_error(ev.xfrm));
	cr_expect_str_empty(ev.xfrm->sas->sa.algorithm);
	cr_expect(!ev.xfrm->sas->sa.has_aead && ev.xfrm->sas->sa.sel.family == 0);
}

/* xfrm_timer_handler() and xfrm_state_check_expire(). Seconds are relative to now; 0 stays 0. */
Test(evidence_xfrm, limits_as_the_kernel_counts)
{
	static const struct {
		uint64_t byte_limit, packet_limit, add_limit, use_limit;
		uint64_t bytes, packets;
		int64_t added, used;
		bool reached;
	} rows[] = {
		{ XFRM_INF, XFRM_INF, 0, 0, UINT64_MAX, UINT64_MAX, -100000, -100000, false },
		{ 1000, XFRM_INF, 0, 0, 999, 0, 0, 0, false },
		{ 1000, XFRM_INF, 0, 0, 1000, 0, 0, 0, true },
		{ 0, XFRM_INF, 0, 0, 0, 0, 0, 0, true }, /* 0 does not mean "no limit" */
		{ XFRM_INF, 10, 0, 0, 0, 9, 0, 0, false },
		{ XFRM_INF, 10, 0, 0, 0, 10, 0, 0, true },
		{ XFRM_INF, 0, 0, 0, 0, 0, 0, 0, true },
		{ XFRM_INF, XFRM_INF, 3600, 0, 0, 0, -60, 0, false },
		{ XFRM_INF, XFRM_INF, 3600, 0, 0, 0, -3600, 0, true },
		{ XFRM_INF, XFRM_INF, 3600, 0, 0, 0, -7200, 0, true },
		{ XFRM_INF, XFRM_INF, 0, 3600, 0, 0, -7200, 0, false }, /* not used yet */
		{ XFRM_INF, XFRM_INF, 0, 3600, 0, 0, -7200, -60, false },
		{ XFRM_INF, XFRM_INF, 0, 3600, 0, 0, -7200, -3600, true },
		{ XFRM_INF, XFRM_INF, XFRM_INF, 0, 0, 0, -60, 0, true }, /* wraps in the kernel as well */
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct xfrm_usersa_info info = sa_info();
		uint64_t now = (uint64_t)time(NULL);

		info.curlft.bytes = rows[i].bytes;
		info.curlft.packets = rows[i].packets;
		info.curlft.add_time = now + (uint64_t)rows[i].added;
		info.curlft.use_time = rows[i].used ? now + (uint64_t)rows[i].used : 0;
		for (int soft = 0; soft < 2; soft++) {
			struct xfrm_lifetime_cfg *cfg = &info.lft, none = info.lft;

			*(soft ? &cfg->soft_byte_limit : &cfg->hard_byte_limit) = rows[i].byte_limit;
			*(soft ? &cfg->soft_packet_limit : &cfg->hard_packet_limit) = rows[i].packet_limit;
			*(soft ? &cfg->soft_add_expires_seconds : &cfg->hard_add_expires_seconds) = rows[i].add_limit;
			*(soft ? &cfg->soft_use_expires_seconds : &cfg->hard_use_expires_seconds) = rows[i].use_limit;
			read_sa(sa_message(&info));
			cr_assert_eq(xfrm_table_sa_count(ev.xfrm), 1, "row %zu: %s", i, xfrm_table_error(ev.xfrm));
			cr_expect_eq(ev.xfrm->sas->sa.expired, !soft && rows[i].reached, "row %zu", i);
			cr_expect_eq(ev.xfrm->sas->sa.dying, soft && rows[i].reached, "row %zu", i);
			forget();
			info.lft = none;
		}
	}
}

static struct nl_msg *sa_with_aead(const char *name, size_t name_len, size_t key_len, unsigned int key_bits)
{
	const struct xfrm_usersa_info info = sa_info();
	struct nl_msg *message = fake_message(XFRM_MSG_NEWSA, &info, sizeof(info));

	put_aead(message, name, name_len, key_len, key_bits);
	return message;
}

static struct nl_msg *sa_with(int attribute, size_t len)
{
	const struct xfrm_usersa_info info = sa_info();
	static const char zeros[512];
	struct nl_msg *message = sa_message(&info);

	nla_put(message, attribute, (int)len, zeros);
	return message;
}

static struct nl_msg *sa_of_families(uint16_t family, uint16_t sel_family)
{
	struct xfrm_usersa_info info = sa_info();

	info.family = family;
	info.sel.family = sel_family;
	return sa_message(&info);
}

Test(evidence_xfrm, malformed_sas_are_broken)
{
	static const char unterminated[64] = "0123456789012345678901234567890123456789012345678901234567890123";
	const struct xfrm_usersa_info info = sa_info();
	struct nl_msg *const messages[] = {
		sa_with_aead(unterminated, 64, 20, 160),
		sa_with_aead("rfc4106(gcm(aes))", 17, 20, 161), /* claims one bit more than there is */
		sa_with_aead("rfc4106(gcm(aes))", 17, 20, UINT32_MAX),
		sa_with(XFRMA_ALG_AEAD, sizeof(struct xfrm_algo_aead)), /* a second one */
		sa_with(XFRMA_ALG_CRYPT, sizeof(struct xfrm_algo) - 1),
		sa_with(XFRMA_ALG_AUTH, 64),
		sa_with(XFRMA_ALG_AUTH_TRUNC, sizeof(struct xfrm_algo)),
		sa_with(XFRMA_SEC_CTX, sizeof(struct xfrm_user_sec_ctx)),
		sa_with(XFRMA_MARK, 7),
		sa_with(PARSED_XFRMA_SA_PCPU, 0),
		sa_of_families(AF_UNSPEC, AF_INET),
		sa_of_families(AF_INET, AF_UNIX),
		fake_message(XFRM_MSG_NEWSA, &info, sizeof(info) - 8),
		fake_message(XFRM_MSG_NEWPOLICY, &info, sizeof(info)),
	};

	for (size_t i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		read_sa(messages[i]);
		cr_expect_eq(xfrm_table_state(ev.xfrm), EVIDENCE_BROKEN, "row %zu", i);
		cr_expect_str_not_empty(xfrm_table_error(ev.xfrm), "row %zu", i);
		cr_expect(!ev.xfrm->policies && !ev.xfrm->sas, "row %zu", i);
		forget();
	}
}
