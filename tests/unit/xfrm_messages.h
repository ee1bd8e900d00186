/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Builds the kernel's messages from the structs of evidence, the reverse of what core/ does. Layouts:
 * net/xfrm/xfrm_user.c (xfrm_notify_sa, build_expire, xfrm_notify_policy, build_polexpire).
 */
#ifndef RDMASEC_TESTS_XFRM_MESSAGES_H
#define RDMASEC_TESTS_XFRM_MESSAGES_H

#include "evidence/private.h"
#include "fake_netlink.h"
#include "xfrm/parse.h"

static const uint8_t told_key[64] = "never-copy-this-key-never-copy-this-key-never-copy-this-key-neve";

static inline struct xfrm_selector told_selector(const struct xfrm_selector_evidence *sel)
{
	struct xfrm_selector told = { .family = (uint16_t)sel->family,
				      .prefixlen_d = sel->daddr_prefix,
				      .prefixlen_s = sel->saddr_prefix,
				      .proto = sel->proto,
				      .dport = htons(sel->dport),
				      .dport_mask = htons(sel->dport_mask),
				      .sport = htons(sel->sport),
				      .sport_mask = htons(sel->sport_mask),
				      .ifindex = sel->ifindex };

	memcpy(&told.daddr, &sel->daddr, sizeof(told.daddr));
	memcpy(&told.saddr, &sel->saddr, sizeof(told.saddr));
	return told;
}

static inline void put_common(struct nl_msg *message, const struct xfrm_mark_evidence *mark, uint32_t if_id,
			      const struct xfrm_offload_evidence *offload)
{
	const struct xfrm_mark told_mark = { mark->value, mark->mask };
	const struct xfrm_user_offload told_offload = { offload->ifindex, offload->packet ? XFRM_OFFLOAD_PACKET : 0 };

	if (mark->value || mark->mask)
		cr_assert(!nla_put(message, XFRMA_MARK, sizeof(told_mark), &told_mark));
	if (if_id)
		cr_assert(!nla_put_u32(message, XFRMA_IF_ID, if_id));
	if (offload->ifindex)
		cr_assert(!nla_put(message, XFRMA_OFFLOAD_DEV, sizeof(told_offload), &told_offload));
}

/* ---- SAs ---- */

static inline struct xfrm_usersa_info told_sa_info(const struct xfrm_sa_evidence *sa)
{
	struct xfrm_usersa_info info = {
		.sel = told_selector(&sa->sel),
		.family = (uint16_t)sa->family,
		.reqid = sa->reqid,
		.mode = sa->mode,
		.lft = { .soft_byte_limit = sa->dying ? 0 : XFRM_INF,
			 .hard_byte_limit = sa->expired ? 0 : XFRM_INF,
			 .soft_packet_limit = XFRM_INF,
			 .hard_packet_limit = XFRM_INF },
	};

	memcpy(&info.id.daddr, &sa->daddr, sizeof(info.id.daddr));
	memcpy(&info.saddr, &sa->saddr, sizeof(info.saddr));
	info.id.spi = htonl(sa->spi);
	info.id.proto = sa->proto;
	return info;
}

/* With keys, as the kernel sends them. */
static inline void put_algorithm(struct nl_msg *message, const struct xfrm_sa_evidence *sa)
{
	struct xfrm_algo_aead aead = { .alg_key_len = sa->key_bits, .alg_icv_len = sa->icv_bits };
	struct xfrm_algo crypt = { .alg_key_len = sa->key_bits };
	size_t head = sa->has_aead ? sizeof(aead) : sizeof(crypt), key = (sa->key_bits + 7) / 8;
	char octets[sizeof(aead) + sizeof(told_key)];

	cr_assert_leq(key, sizeof(told_key));
	memcpy(aead.alg_name, sa->algorithm, sizeof(aead.alg_name));
	memcpy(crypt.alg_name, sa->algorithm, sizeof(crypt.alg_name));
	memcpy(octets, sa->has_aead ? (void *)&aead : (void *)&crypt, head);
	memcpy(octets + head, told_key, key);
	cr_assert(!nla_put(message, sa->has_aead ? XFRMA_ALG_AEAD : XFRMA_ALG_CRYPT, (int)(head + key), octets));
}

static inline void put_sa_attributes(struct nl_msg *message, const struct xfrm_sa_evidence *sa)
{
	if (sa->algorithm[0])
		put_algorithm(message, sa);
	put_common(message, &sa->mark, sa->if_id, &sa->offload);
	if (sa->pcpu_bound)
		cr_assert(!nla_put_u32(message, PARSED_XFRMA_SA_PCPU, 1));
}

/* NEWSA or UPDSA */
static inline struct nl_msg *sa_message(int type, const struct xfrm_sa_evidence *sa)
{
	const struct xfrm_usersa_info info = told_sa_info(sa);
	struct nl_msg *message = fake_message(type, &info, sizeof(info));

	put_sa_attributes(message, sa);
	return message;
}

static inline struct nl_msg *sa_deleted_message(const struct xfrm_sa_evidence *sa)
{
	const struct xfrm_usersa_info info = told_sa_info(sa);
	struct xfrm_usersa_id id = { .spi = info.id.spi, .family = info.family, .proto = info.id.proto };
	struct nl_msg *message;

	id.daddr = info.id.daddr;
	message = fake_message(XFRM_MSG_DELSA, &id, sizeof(id));
	cr_assert(!nla_put(message, XFRMA_SA, sizeof(info), &info));
	put_sa_attributes(message, sa);
	return message;
}

static inline struct nl_msg *sa_expired_message(const struct xfrm_sa_evidence *sa, bool hard)
{
	const struct xfrm_user_expire expire = { .state = told_sa_info(sa), .hard = hard };
	struct nl_msg *message = fake_message(XFRM_MSG_EXPIRE, &expire, sizeof(expire));

	put_common(message, &sa->mark, sa->if_id, &(const struct xfrm_offload_evidence){ 0 });
	return message;
}

/* ---- policies ---- */

static inline struct xfrm_userpolicy_info told_policy_info(const struct xfrm_policy_evidence *policy)
{
	return (struct xfrm_userpolicy_info){ .sel = told_selector(&policy->sel),
					      .priority = policy->priority,
					      .index = policy->index,
					      .dir = policy->dir,
					      .action = policy->action };
}

static inline void put_policy_attributes(struct nl_msg *message, const struct xfrm_policy_evidence *policy)
{
	const struct xfrm_userpolicy_type type = { .type = policy->type };
	struct xfrm_user_tmpl told[XFRM_TEMPLATES_MAX] = { 0 };

	for (size_t i = 0; i < policy->tmpl_count; i++) {
		const struct xfrm_template_evidence *tmpl = &policy->tmpl[i];

		told[i].family = (uint16_t)tmpl->family;
		told[i].reqid = tmpl->reqid;
		told[i].mode = tmpl->mode;
		told[i].optional = tmpl->optional;
		told[i].id.proto = tmpl->proto;
		told[i].id.spi = htonl(tmpl->spi);
		memcpy(&told[i].id.daddr, &tmpl->daddr, sizeof(told[i].id.daddr));
		memcpy(&told[i].saddr, &tmpl->saddr, sizeof(told[i].saddr));
	}
	if (policy->tmpl_count)
		cr_assert(!nla_put(message, XFRMA_TMPL, (int)(policy->tmpl_count * sizeof(told[0])), told));
	cr_assert(!nla_put(message, XFRMA_POLICY_TYPE, sizeof(type), &type));
	put_common(message, &policy->mark, policy->if_id, &policy->offload);
}

/* NEWPOLICY or UPDPOLICY */
static inline struct nl_msg *policy_message(int type, const struct xfrm_policy_evidence *policy)
{
	const struct xfrm_userpolicy_info info = told_policy_info(policy);
	struct nl_msg *message = fake_message(type, &info, sizeof(info));

	put_policy_attributes(message, policy);
	return message;
}

/* `by_index`: the policy was deleted by its index, else by its selector. */
static inline struct nl_msg *policy_deleted_message(const struct xfrm_policy_evidence *policy, bool by_index)
{
	const struct xfrm_userpolicy_info info = told_policy_info(policy);
	struct xfrm_userpolicy_id id = { .dir = info.dir };
	struct nl_msg *message;

	if (by_index)
		id.index = info.index;
	else
		id.sel = info.sel;
	message = fake_message(XFRM_MSG_DELPOLICY, &id, sizeof(id));
	cr_assert(!nla_put(message, XFRMA_POLICY, sizeof(info), &info));
	put_policy_attributes(message, policy);
	return message;
}

static inline struct nl_msg *policy_expired_message(const struct xfrm_policy_evidence *policy, bool hard)
{
	const struct xfrm_user_polexpire expire = { .pol = told_policy_info(policy), .hard = hard };
	struct nl_msg *message = fake_message(XFRM_MSG_POLEXPIRE, &expire, sizeof(expire));

	put_policy_attributes(message, policy);
	return message;
}

/* ---- a complete dump, for xfrm_table_load() ---- */

static inline void say_xfrm(struct fake_kernel *kernel, const struct xfrm_policy_evidence *policies,
			    size_t policy_count, const struct xfrm_sa_evidence *sas, size_t sa_count)
{
	uint32_t counts[3] = { 0 };
	struct xfrmu_spdinfo info;
	struct nl_msg *message;

	for (size_t i = 0; i < policy_count; i++) {
		fake_say(kernel, policy_message(XFRM_MSG_NEWPOLICY, &policies[i]));
		counts[policies[i].dir]++;
	}
	fake_done(kernel, 0);
	info = (struct xfrmu_spdinfo){ .incnt = counts[0], .outcnt = counts[1], .fwdcnt = counts[2] };
	message = fake_message(XFRM_MSG_NEWSPDINFO, &(const uint32_t){ 0 }, sizeof(uint32_t));
	cr_assert(!nla_put(message, XFRMA_SPD_INFO, sizeof(info), &info));
	fake_say(kernel, message);
	for (size_t i = 0; i < sa_count; i++)
		fake_say(kernel, sa_message(XFRM_MSG_NEWSA, &sas[i]));
	fake_done(kernel, 0);
}

#endif
