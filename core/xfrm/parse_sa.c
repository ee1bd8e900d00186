// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Parses one SA. Source: net/xfrm/xfrm_user.c (copy_to_user_state_extra). The messages carry keys: only the fixed
 * headers of the algorithm attributes are copied, which end before the key.
 */
#include <errno.h>
#include <linux/xfrm.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "netlink/attributes.h"
#include "util/text.h"
#include "xfrm/parse.h"

/* ---- algorithms ---- */

/* struct xfrm_algo, xfrm_algo_auth and xfrm_algo_aead differ in one word before the key, which the first lacks. */
struct algorithm {
	char name[XFRM_ALGO_NAME_MAX];
	uint32_t key_bits;
	uint32_t more_bits; /* auth: truncation; AEAD: ICV */
};

_Static_assert(offsetof(struct xfrm_algo, alg_key) == offsetof(struct algorithm, more_bits), "struct xfrm_algo");
_Static_assert(offsetof(struct xfrm_algo_auth, alg_key) == sizeof(struct algorithm), "struct xfrm_algo_auth");
_Static_assert(offsetof(struct xfrm_algo_aead, alg_key) == sizeof(struct algorithm), "struct xfrm_algo_aead");

/* `head` is the number of octets before the key. Returns -EPROTO if the attribute does not contain the whole key. */
static int parse_algorithm(const struct nlattr *attr, size_t head, struct algorithm *out)
{
	size_t len = (size_t)nla_len(attr);
	struct algorithm read = { .name = "" };

	if (len < head)
		return -EPROTO;
	memcpy(&read, nla_data(attr), head);
	if (!memchr(read.name, '\0', sizeof(read.name)) || len - head < ((size_t)read.key_bits + 7) / 8)
		return -EPROTO;
	text_printable(read.name);
	*out = read;
	return 0;
}

/* In rising order of precedence: the last one found names the SA's algorithm. */
static const struct {
	int attribute;
	size_t head;
} algorithms[] = {
	{ XFRMA_ALG_AUTH, offsetof(struct xfrm_algo, alg_key) },
	{ XFRMA_ALG_AUTH_TRUNC, offsetof(struct xfrm_algo_auth, alg_key) },
	{ XFRMA_ALG_CRYPT, offsetof(struct xfrm_algo, alg_key) },
	{ XFRMA_ALG_AEAD, offsetof(struct xfrm_algo_aead, alg_key) },
};

static int parse_algorithms(struct nlattr **attrs, struct xfrm_sa_evidence *sa)
{
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		struct algorithm algorithm = { .name = "" };
		int attribute = algorithms[i].attribute;

		if (!attrs[attribute])
			continue;
		if (parse_algorithm(attrs[attribute], algorithms[i].head, &algorithm))
			return -EPROTO;
		memset(sa->algorithm, 0, sizeof(sa->algorithm));
		text_copy(sa->algorithm, sizeof(sa->algorithm), algorithm.name);
		sa->has_aead = attribute == XFRMA_ALG_AEAD;
		sa->key_bits = sa->has_aead || attribute == XFRMA_ALG_CRYPT ? algorithm.key_bits : 0;
		sa->icv_bits = sa->has_aead ? algorithm.more_bits : 0;
	}
	return 0;
}

/* ---- lifetimes ---- */

/*
 * As xfrm_timer_handler(): seconds of CLOCK_REALTIME, 0 means no limit. The sum wraps like its time64_t, so a huge
 * limit counts as expired.
 */
static bool time_is_up(uint64_t limit, uint64_t since, uint64_t now)
{
	return limit && (int64_t)(limit + since - now) <= 0;
}

/* The hard or the soft limits of struct xfrm_lifetime_cfg. */
struct limits {
	uint64_t octets, packets, add_seconds, use_seconds;
};

/*
 * Source: net/xfrm/xfrm_state.c. For octets and packets XFRM_INF means no limit, and 0 is a limit that is reached at
 * once (xfrm_state_check_expire()). The use time counts from the first packet.
 */
static bool are_reached(const struct limits *limits, const struct xfrm_lifetime_cur *current)
{
	struct timespec clock;
	uint64_t now;

	clock_gettime(CLOCK_REALTIME, &clock);
	now = (uint64_t)clock.tv_sec;
	return (limits->octets != XFRM_INF && current->bytes >= limits->octets) ||
	       (limits->packets != XFRM_INF && current->packets >= limits->packets) ||
	       time_is_up(limits->add_seconds, current->add_time, now) ||
	       time_is_up(limits->use_seconds, current->use_time ? current->use_time : now, now);
}

static void parse_lifetime(const struct xfrm_usersa_info *info, struct xfrm_sa_evidence *sa)
{
	const struct xfrm_lifetime_cfg *cfg = &info->lft;
	const struct limits hard = { cfg->hard_byte_limit, cfg->hard_packet_limit, cfg->hard_add_expires_seconds,
				     cfg->hard_use_expires_seconds };
	const struct limits soft = { cfg->soft_byte_limit, cfg->soft_packet_limit, cfg->soft_add_expires_seconds,
				     cfg->soft_use_expires_seconds };

	sa->expired = are_reached(&hard, &info->curlft);
	sa->dying = are_reached(&soft, &info->curlft);
}

/* ---- SAs ---- */

static int parse_sa(const struct xfrm_usersa_info *info, struct nlattr **attrs, struct xfrm_sa_evidence *sa)
{
	/* It is unknown which flows the security module permits to use it (security_xfrm_state_pol_flow_match()). */
	if (attrs[XFRMA_SEC_CTX] || xfrm_address_evidence(info->family, &info->id.daddr, &sa->daddr) ||
	    xfrm_address_evidence(info->family, &info->saddr, &sa->saddr) ||
	    (info->sel.family && xfrm_selector_evidence(&info->sel, &sa->sel)) || parse_algorithms(attrs, sa))
		return -EPROTO;
	sa->family = info->family;
	sa->spi = ntohl(info->id.spi);
	sa->reqid = info->reqid;
	sa->proto = info->id.proto;
	sa->mode = info->mode;
	sa->if_id = attrs[XFRMA_IF_ID] ? nla_get_u32(attrs[XFRMA_IF_ID]) : 0;
	sa->mark = xfrm_mark_evidence(attrs[XFRMA_MARK]);
	sa->offload = xfrm_offload_evidence(attrs[XFRMA_OFFLOAD_DEV]);
	parse_lifetime(info, sa);
	sa->pcpu_bound = attrs[PARSED_XFRMA_SA_PCPU];
	return sa->offload.ifindex < 0 ? -EPROTO : 0;
}

int xfrm_parse_sa(const struct nlmsghdr *message, struct xfrm_sa_evidence *out, char *error, size_t error_size)
{
	static const struct nla_policy policy_of[PARSED_XFRMA_MAX + 1] = {
		[XFRMA_ALG_AUTH] = NETLINK_AT_LEAST(offsetof(struct xfrm_algo, alg_key)),
		[XFRMA_ALG_CRYPT] = NETLINK_AT_LEAST(offsetof(struct xfrm_algo, alg_key)),
		[XFRMA_SEC_CTX] = NETLINK_AT_LEAST(1),
		[XFRMA_ALG_AEAD] = NETLINK_AT_LEAST(offsetof(struct xfrm_algo_aead, alg_key)),
		[XFRMA_ALG_AUTH_TRUNC] = NETLINK_AT_LEAST(offsetof(struct xfrm_algo_auth, alg_key)),
		[XFRMA_MARK] = NETLINK_EXACTLY(sizeof(struct xfrm_mark)),
		[XFRMA_OFFLOAD_DEV] = NETLINK_EXACTLY(sizeof(struct xfrm_user_offload)),
		[XFRMA_IF_ID] = NETLINK_EXACTLY(4),
		[PARSED_XFRMA_SA_PCPU] = NETLINK_EXACTLY(4),
	};
	struct nlattr *attrs[PARSED_XFRMA_MAX + 1];
	struct xfrm_sa_evidence sa = { 0 };
	struct xfrm_usersa_info info;

	if (netlink_attributes(message, sizeof(info), PARSED_XFRMA_MAX, policy_of, attrs)) {
		text_format(error, error_size, "an SA is not understood");
		return -EPROTO;
	}
	memcpy(&info, NLMSG_DATA(message), sizeof(info)); /* in the message its u64 members are only 4-byte aligned */
	if (parse_sa(&info, attrs, &sa)) {
		text_format(error, error_size, "SA 0x%08x is not understood%s", ntohl(info.id.spi),
			    attrs[XFRMA_SEC_CTX] ? ": it has a security context" : "");
		return -EPROTO;
	}
	*out = sa;
	return 0;
}

bool sa_is_larval(const struct xfrm_sa_evidence *sa)
{
	return sa->spi == 0 || !sa->algorithm[0];
}
