// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * decide() against its own invariants: worlds close to a protected one, each of which then loses something. No loss
 * makes a path protected that was not: an SA, the last policy, a flag of MACsec, a part of the evidence, a cipher that
 * the requirement allows.
 *
 * Input: two octets for path and requirement, three for the SecY, one for both netdevs, one for the number of policies
 * and SAs, and four for each of them. An octet that is not there is 0, which is the good value.
 *
 * Some losses may repair: of a policy before the last one (another may take its packets), of a tunnel (the packets go
 * back to the MACsec device), of a weak SA. These are not tried. Nor is a wider scope: for every remote policies
 * suffice, which drop what has no SA yet.
 */
#include <linux/if_link.h>
#include <linux/if_macsec.h>
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <string.h>

#include "judge/decide.h"
#include "must.h"
#include "util/address.h"
#include "util/ciphers.h"
#include "util/text.h"
#include "xfrm/table_internal.h"

enum { ETH0 = 2, MACSEC0 = 3, ITEMS = 4, REQID = 7 };

struct input {
	const uint8_t *data;
	size_t size;
};

struct world {
	struct path path;
	struct requirement req;
	struct link_evidence links[2];
	struct macsec_rxsc_evidence rxsc[2];
	struct macsec_evidence secy;
	struct xfrm_policy_evidence policies[ITEMS];
	struct xfrm_sa_evidence sas[ITEMS];
	size_t policy_count, sa_count;
	struct evidence ev;
	enum evidence_state xfrm_state;
	struct xfrm_table *xfrm; /* of policies and SAs in this state */
};

static uint8_t next(struct input *input)
{
	if (!input->size)
		return 0;
	input->size--;
	return *input->data++;
}

/* The next `bits` of an octet. */
static uint8_t pick(uint8_t *octet, unsigned int bits)
{
	uint8_t value = *octet & ((1U << bits) - 1);

	*octet >>= bits;
	return value;
}

/* ---- a world ---- */

static union ip_address host(int family, uint8_t number)
{
	union ip_address address = { .bytes = { 0 } };

	if (!number)
		return address;
	address.bytes[0] = family == AF_INET ? 10 : 0x20;
	address.bytes[family == AF_INET ? 3 : 15] = number;
	return address;
}

static uint8_t full(int family)
{
	return family == AF_INET ? 32 : 128;
}

static bool is_nic(const struct world *w)
{
	return w->path.driver->egress == EGRESS_NIC_MACSEC_IPSEC;
}

static void make_path(struct world *w, struct input *input)
{
	uint8_t a = next(input), b = next(input);
	static const uint8_t scopes[] = { REMOTE_ONE, REMOTE_EVERY, REMOTE_SOME, REMOTE_UNKNOWN };
	static const uint8_t requires[] = { REQUIRE_ANY, REQUIRE_MACSEC, REQUIRE_IPSEC, REQUIRE_ANY };
	int egress = pick(&a, 1) ? ETH0 : MACSEC0;

	w->path = (struct path){ .state = PATH_RESOLVED, .device = "rdma0", .port = 1, .sgid_index = 1 };
	w->path.driver = driver_traits(pick(&a, 1) ? RDMA_DRIVER_MLX5 : RDMA_DRIVER_RXE);
	w->path.family = pick(&a, 1) ? AF_INET6 : AF_INET;
	w->path.scope = scopes[pick(&a, 2)];
	w->path.gid_ifindex = w->path.egress_ifindex = egress;
	text_copy(w->path.netdev, sizeof(w->path.netdev), egress == ETH0 ? "eth0" : "macsec0");
	text_copy(w->path.egress, sizeof(w->path.egress), w->path.netdev);
	w->path.local = host(w->path.family, 1);
	w->path.remote = host(w->path.family, 2);
	w->path.stray_ifindex = pick(&a, 1) ? ETH0 : 0;
	w->path.has_sport = pick(&a, 1);
	w->path.sport = 0xc001;
	w->req = (struct requirement){ .require = requires[pick(&b, 2)], .ciphers = CIPHERS_DEFAULT };
	w->req.integrity_only = pick(&b, 1);
	w->req.granularity = pick(&b, 1) ? GRANULARITY_QP : GRANULARITY_HOST;
	if (pick(&b, 1))
		w->req.ciphers &= ~(uint32_t)CIPHER_MACSEC_GCM_AES_128;
}

static void make_secy(struct world *w, struct input *input)
{
	uint8_t a = next(input), b = next(input), c = next(input);
	static const uint8_t validates[] = { MACSEC_VALIDATE_STRICT, MACSEC_VALIDATE_CHECK, MACSEC_VALIDATE_DISABLED,
					     MACSEC_VALIDATE_STRICT };

	w->secy = (struct macsec_evidence){ .ifindex = MACSEC0, .sci = 1, .rxsc = w->rxsc };
	w->secy.protect = !pick(&a, 1);
	w->secy.encrypt = !pick(&a, 1);
	w->secy.operational = !pick(&a, 1);
	w->secy.validate = validates[pick(&a, 2)];
	w->secy.tx_sa[0] = (struct macsec_sa_evidence){ .present = !pick(&a, 1), .active = !pick(&a, 1) };
	w->secy.encoding_an = pick(&a, 1);
	w->secy.tx_sa[1] = (struct macsec_sa_evidence){ .present = pick(&b, 1), .active = pick(&b, 1) };
	w->secy.rxsc_count = 1 + pick(&b, 1);
	for (size_t i = 0; i < 2; i++) {
		w->rxsc[i] = (struct macsec_rxsc_evidence){ .sci = i + 1, .active = !pick(&b, 1) };
		w->rxsc[i].sa[i] = (struct macsec_sa_evidence){ .present = !pick(&b, 1), .active = !pick(&c, 1) };
	}
	w->secy.icv_len = pick(&c, 1) ? 8 : MACSEC_STD_ICV_LEN;
	w->secy.cipher_suite = pick(&c, 1) ? MACSEC_CIPHER_ID_GCM_AES_256 : MACSEC_DEFAULT_CIPHER_ID;
	w->secy.offload = pick(&c, 1) == is_nic(w) ? MACSEC_OFFLOAD_OFF : MACSEC_OFFLOAD_MAC;
	w->ev.secy_count = !pick(&c, 1);
}

static void make_links(struct world *w, struct input *input)
{
	uint8_t a = next(input);

	w->links[0] = (struct link_evidence){ .ifindex = ETH0, .name = "eth0", .up = true };
	w->links[1] = (struct link_evidence){
		.ifindex = MACSEC0, .name = "macsec0", .kind = "macsec", .lower_ifindex = ETH0, .up = !pick(&a, 1)
	};
	for (size_t i = 0; i < 2; i++) {
		w->links[i].xfrm_off = pick(&a, 1);
		w->links[i].policy_off = w->links[i].policy_off6 = pick(&a, 1);
	}
}

static void make_policy(struct world *w, struct input *input)
{
	static const uint8_t modes[] = { XFRM_MODE_TRANSPORT, XFRM_MODE_TUNNEL, XFRM_MODE_TRANSPORT, XFRM_MODE_BEET };
	static const uint8_t protos[] = { IPPROTO_ESP, IPPROTO_AH, IPPROTO_COMP, IPPROTO_ESP };
	uint8_t a = next(input), b = next(input), c = next(input), d = next(input);
	uint8_t dir = pick(&a, 1) ? XFRM_POLICY_IN : XFRM_POLICY_OUT, from = dir == XFRM_POLICY_OUT ? 1 : 2;
	int family = w->path.family;
	struct xfrm_policy_evidence policy = { .dir = dir, .index = (uint32_t)(8 * w->policy_count + 8 + dir) };

	policy.sel = (struct xfrm_selector_evidence){ .family = family, .proto = IPPROTO_UDP };
	policy.sel.saddr_prefix = pick(&a, 1) ? 0 : full(family);
	policy.sel.daddr_prefix = pick(&a, 1) ? 0 : full(family);
	policy.sel.saddr = host(family, policy.sel.saddr_prefix ? (uint8_t)(from + 2 * pick(&a, 1)) : 0);
	policy.sel.daddr = host(family, policy.sel.daddr_prefix ? (uint8_t)(3 - from) : 0);
	policy.sel.dport = pick(&a, 1) ? 4791 : 0;
	policy.sel.dport_mask = policy.sel.dport ? 0xffff : 0;
	policy.sel.sport = pick(&a, 1) ? 0xc001 : 0;
	policy.sel.sport_mask = policy.sel.sport ? 0xffff : 0;
	policy.priority = pick(&b, 3);
	policy.action = pick(&b, 1) ? XFRM_POLICY_BLOCK : XFRM_POLICY_ALLOW;
	policy.type = pick(&b, 1) && pick(&b, 1) ? XFRM_POLICY_TYPE_SUB : XFRM_POLICY_TYPE_MAIN;
	policy.mark.mask = pick(&b, 1) ? 1 : 0;
	policy.mark.value = policy.mark.mask & pick(&b, 1);
	policy.if_id = pick(&c, 1);
	policy.sel.ifindex = pick(&c, 1) ? ETH0 : 0;
	policy.tmpl_count = 1 - pick(&c, 1);
	policy.tmpl_count += pick(&c, 1);
	policy.offload.ifindex = is_nic(w) != pick(&c, 1) ? w->path.egress_ifindex : 0;
	policy.offload.packet = policy.offload.ifindex && !pick(&c, 1);
	for (size_t i = 0; i < policy.tmpl_count; i++) {
		struct xfrm_template_evidence *tmpl = &policy.tmpl[i];

		tmpl->family = family;
		tmpl->mode = modes[pick(&d, 2)];
		tmpl->proto = protos[pick(&d, 2)];
		tmpl->reqid = pick(&d, 1) ? 0 : REQID + (uint32_t)i;
		tmpl->optional = pick(&d, 1);
		tmpl->saddr = host(family, tmpl->mode == XFRM_MODE_TRANSPORT ? 0 : from);
		tmpl->daddr = host(family, tmpl->mode == XFRM_MODE_TRANSPORT ? 0 : 3 - from);
	}
	w->policies[w->policy_count++] = policy;
}

static void make_sa(struct world *w, struct input *input)
{
	uint8_t a = next(input), b = next(input), c = next(input), d = next(input);
	uint8_t from = 1 + pick(&a, 1);
	int family = w->path.family;
	struct xfrm_sa_evidence sa = { .family = family,
				       .saddr = host(family, from),
				       .daddr = host(family, (uint8_t)(3 - from + 2 * pick(&a, 1))) };

	sa.spi = pick(&a, 1) && pick(&a, 1) ? 0 : 0x100 + (uint32_t)w->sa_count;
	sa.reqid = REQID + pick(&a, 1);
	sa.proto = pick(&a, 1) && pick(&a, 1) ? IPPROTO_AH : IPPROTO_ESP;
	sa.mode = pick(&b, 1) ? XFRM_MODE_TUNNEL : XFRM_MODE_TRANSPORT;
	sa.expired = pick(&b, 1);
	sa.dying = pick(&b, 1);
	sa.pcpu_bound = pick(&b, 1);
	sa.has_aead = !pick(&b, 1);
	sa.icv_bits = sa.has_aead ? (pick(&b, 1) ? 64 : 128) : 0;
	sa.key_bits = pick(&b, 1) ? 160 : 288;
	text_copy(sa.algorithm, sizeof(sa.algorithm),
		  !sa.has_aead  ? "cbc(aes)"
		  : pick(&c, 1) ? "rfc4543(gcm(aes))"
				: "rfc4106(gcm(aes))");
	sa.mark.mask = pick(&c, 1);
	sa.mark.value = sa.mark.mask & pick(&c, 1);
	sa.if_id = pick(&c, 1);
	sa.offload.ifindex = is_nic(w) != pick(&c, 1) ? w->path.egress_ifindex : 0;
	sa.offload.packet = sa.offload.ifindex && !pick(&c, 1);
	if (pick(&d, 1)) {
		sa.sel = (struct xfrm_selector_evidence){ .family = family, .proto = IPPROTO_UDP };
		sa.sel.sport = pick(&d, 1) ? 0xc001 : 0;
		sa.sel.sport_mask = sa.sel.sport ? 0xffff : 0;
		sa.sel.dport = pick(&d, 1) ? 4791 : 0;
		sa.sel.dport_mask = sa.sel.dport ? 0xffff : 0;
	}
	w->sas[w->sa_count++] = sa;
}

static void make_world(struct world *w, struct input *input)
{
	static const enum evidence_state states[] = { EVIDENCE_READ, EVIDENCE_ABSENT, EVIDENCE_NO_PRIVILEGE,
						      EVIDENCE_BROKEN };
	uint8_t counts;

	memset(w, 0, sizeof(*w));
	w->ev = (struct evidence){ .kernel = KERNEL_RELEASE(6, 12),
				   .links_state = EVIDENCE_READ,
				   .macsec_state = EVIDENCE_READ,
				   .routes6_state = EVIDENCE_READ,
				   .link_count = 2 };
	make_path(w, input);
	make_secy(w, input);
	make_links(w, input);
	counts = next(input);
	w->xfrm_state = states[counts >> 6];
	for (unsigned int i = pick(&counts, 3) % (ITEMS + 1); i; i--)
		make_policy(w, input);
	for (unsigned int i = pick(&counts, 3) % (ITEMS + 1); i; i--)
		make_sa(w, input);
}

/* ---- judging ---- */

static void check_sound(const struct verdict *v)
{
	MUST(v->kind == VERDICT_PROTECTED || v->kind == VERDICT_UNPROTECTED || v->kind == VERDICT_UNKNOWN);
	MUST((v->kind == VERDICT_PROTECTED) == (v->by != BY_NOTHING));
	MUST(v->kind == VERDICT_PROTECTED ? !v->why[0].reason : v->why[0].reason && v->why[0].reason < REASON_COUNT);
	MUST(v->why[1].reason < REASON_COUNT);
	MUST(!v->kernel_drops || v->kind == VERDICT_UNPROTECTED);
	MUST(v->kind != VERDICT_PROTECTED || (!v->missing_sa && !v->missing_macsec_sa));
	MUST(v->kind == VERDICT_PROTECTED || (!v->spi_out && !v->spi_in && !v->reqid && !v->cipher));
}

static struct xfrm_table *table_of(const struct world *w)
{
	struct xfrm_table *table = xfrm_table_new();

	MUST(table);
	for (size_t i = 0; i < w->policy_count; i++)
		MUST(!xfrm_table_add_policy(table, &w->policies[i]));
	for (size_t i = 0; i < w->sa_count; i++)
		if (w->sas[i].spi)
			MUST(!xfrm_table_add_sa(table, &w->sas[i]));
	table->state = EVIDENCE_READ;
	table->policies_may_have_contexts = false;
	if (w->xfrm_state != EVIDENCE_READ)
		xfrm_table_reset(table, w->xfrm_state, w->xfrm_state == EVIDENCE_BROKEN ? "broken" : "");
	return table;
}

static enum verdict_kind judge(struct world *w)
{
	struct evidence ev = w->ev;
	struct verdict v;

	w->secy.rxsc = w->rxsc;
	ev.secys = &w->secy;
	ev.links = w->links;
	ev.xfrm = w->xfrm;
	memset(&v, 0xa5, sizeof(v));
	decide(&w->path, &ev, &w->req, &v);
	check_sound(&v);
	return v.kind;
}

/* ---- losses ---- */

/* The world before the loss is not protected. */
static void loses(struct world *w, const char *what)
{
	if (judge(w) != VERDICT_PROTECTED)
		return;
	fprintf(stderr, "protected without: %s\n", what);
	abort();
}

/* With policies and SAs of its own. */
static void loses_xfrm(struct world *w, const char *what)
{
	w->xfrm = table_of(w);
	loses(w, what);
	xfrm_table_free(w->xfrm);
}

#define LOSES(field, value)                      \
	do {                                     \
		struct world less = *w;          \
		less.field = (value);            \
		loses(&less, #field " " #value); \
	} while (0)

static void lose_macsec(const struct world *w)
{
	LOSES(secy.protect, false);
	LOSES(secy.encrypt, false);
	LOSES(secy.operational, false);
	LOSES(secy.validate, MACSEC_VALIDATE_CHECK);
	LOSES(secy.validate, MACSEC_VALIDATE_DISABLED);
	LOSES(secy.icv_len, 8);
	LOSES(secy.rxsc_count, 0);
	LOSES(links[1].up, false);
	for (int an = 0; an < 2; an++) {
		LOSES(secy.tx_sa[an].present, false);
		LOSES(secy.tx_sa[an].active, false);
		LOSES(rxsc[an].active, false);
		LOSES(rxsc[an].sa[an].present, false);
		LOSES(rxsc[an].sa[an].active, false);
	}
}

static void lose_evidence(const struct world *w)
{
	static const enum evidence_state states[] = { EVIDENCE_BROKEN, EVIDENCE_UNREAD };

	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		struct world less = *w;

		less.xfrm_state = states[i];
		loses_xfrm(&less, "policies and SAs");
	}
	LOSES(ev.secy_count, 0);
	LOSES(ev.link_count, 0);
	LOSES(ev.macsec_state, EVIDENCE_BROKEN);
	LOSES(ev.macsec_state, EVIDENCE_UNREAD);
	LOSES(ev.kernel, 0);
	for (int i = 0; i < 2; i++) {
		LOSES(links[i].xfrm_off, true);
		LOSES(links[i].policy_off, true);
		LOSES(links[i].policy_off6, true);
	}
}

/* A requirement that is stricter, and a path of which less is known. */
static void lose_permission(const struct world *w)
{
	LOSES(req.integrity_only, false);
	LOSES(req.granularity, GRANULARITY_QP);
	LOSES(req.ciphers, 0);
	for (uint32_t cipher = 1; cipher && cipher <= CIPHERS_DEFAULT; cipher <<= 1)
		LOSES(req.ciphers, w->req.ciphers & ~cipher);
	if (w->req.require == REQUIRE_ANY) {
		LOSES(req.require, REQUIRE_MACSEC);
		LOSES(req.require, REQUIRE_IPSEC);
	}
	LOSES(path.scope, REMOTE_UNKNOWN);
	LOSES(path.has_sport, false);
	LOSES(path.state, PATH_UNKNOWN);
	LOSES(path.state, PATH_CLEAR);
}

static bool is_tunnel(const struct xfrm_policy_evidence *policy)
{
	for (size_t i = 0; i < policy->tmpl_count; i++)
		if (policy->tmpl[i].mode != XFRM_MODE_TRANSPORT)
			return true;
	return false;
}

/* No other policy takes the packets of the last one. One with packet offload hides others from software. */
static bool is_last(const struct world *w, size_t at)
{
	if (w->policies[at].offload.packet && !is_nic(w))
		return false;
	for (size_t i = 0; i < w->policy_count; i++)
		if (i != at && w->policies[i].dir == w->policies[at].dir &&
		    w->policies[i].priority >= w->policies[at].priority)
			return false;
	return w->policies[at].type == XFRM_POLICY_TYPE_MAIN && !is_tunnel(&w->policies[at]);
}

static void lose_policies(const struct world *w)
{
	for (size_t i = 0; i < w->policy_count; i++) {
		struct world less = *w;

		if (!is_last(w, i))
			continue;
		memmove(&less.policies[i], &less.policies[i + 1], (--less.policy_count - i) * sizeof(less.policies[0]));
		loses_xfrm(&less, "its last policy");
	}
}

static bool is_strong(const struct world *w, const struct xfrm_sa_evidence *sa)
{
	return sa->spi && sa->has_aead && !sa->expired && !sa->pcpu_bound && sa->icv_bits == 128 &&
	       sa->key_bits == 288 && !strcmp(sa->algorithm, "rfc4106(gcm(aes))") && sa->proto == IPPROTO_ESP &&
	       (is_nic(w) ? sa->offload.packet : !sa->offload.ifindex);
}

/* A NIC sends by the SA with the policy's reqid: one for another host stands in the way. */
static bool is_in_the_way(const struct world *w, const struct xfrm_sa_evidence *sa)
{
	return is_nic(w) && !address_equal(sa->family, &sa->daddr, &w->path.local) &&
	       !address_equal(sa->family, &sa->daddr, &w->path.remote);
}

/* With granularity = qp, an SA of all queue pairs stands in the way of one of this queue pair. */
static void lose_sas(const struct world *w)
{
	for (size_t i = 0; i < w->sa_count; i++) {
		struct world less = *w;

		if (!is_strong(w, &w->sas[i]) || is_in_the_way(w, &w->sas[i]) || w->req.granularity == GRANULARITY_QP)
			continue;
		memmove(&less.sas[i], &less.sas[i + 1], (--less.sa_count - i) * sizeof(less.sas[0]));
		loses_xfrm(&less, "a strong SA");
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct world w;

	make_world(&w, &input);
	w.xfrm = table_of(&w);
	if (judge(&w) != VERDICT_PROTECTED) {
		lose_macsec(&w);
		lose_evidence(&w);
		lose_permission(&w);
		lose_policies(&w);
		lose_sas(&w);
	}
	xfrm_table_free(w.xfrm);
	return 0;
}
