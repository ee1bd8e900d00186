// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The SAs that the kernel, or the NIC, would choose for a policy's template, and whether they may carry the flow. All
 * that could be chosen must protect, so the order of the choice does not matter. Sources: net/xfrm/xfrm_state.c
 * (xfrm_state_find, xfrm_state_look_at), mlx5_core en_accel/ipsec_fs.c (tx_add_rule).
 */
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

#include "judge/sa.h"
#include "judge/traits.h"
#include "util/address.h"
#include "util/ciphers.h"
#include "util/text.h"
#include "xfrm/parse.h"

enum { ESP_ICV_BITS = 128 }; /* the shorter ones of RFC 4106 6 are never accepted */

static uint32_t esp_cipher(const struct xfrm_sa_evidence *sa)
{
	/* RFC 4106 8.1, RFC 4309 7.1, RFC 7634 2: the key's last octets are the salt, 4, 3 and 4 of them */
	if (!sa->has_aead || sa->icv_bits != ESP_ICV_BITS)
		return CIPHER_NONE;
	if (!strcmp(sa->algorithm, "rfc4106(gcm(aes))"))
		return sa->key_bits == 160   ? CIPHER_ESP_AES_GCM_128
		       : sa->key_bits == 224 ? CIPHER_ESP_AES_GCM_192
		       : sa->key_bits == 288 ? CIPHER_ESP_AES_GCM_256
					     : CIPHER_NONE;
	if (!strcmp(sa->algorithm, "rfc7539esp(chacha20,poly1305)"))
		return sa->key_bits == 288 ? CIPHER_ESP_CHACHA20_POLY1305 : CIPHER_NONE;
	if (!strcmp(sa->algorithm, "rfc4309(ccm(aes))"))
		return sa->key_bits == 152   ? CIPHER_ESP_AES_CCM_128
		       : sa->key_bits == 280 ? CIPHER_ESP_AES_CCM_256
					     : CIPHER_NONE;
	return CIPHER_NONE;
}

/* Whether the SA has the template's reqid and addresses. */
static bool sa_is_meant(const struct xfrm_sa_evidence *sa, const struct xfrm_template_evidence *tmpl,
			const struct xfrm_direction *d)
{
	struct sa_addresses wanted = sa_addresses_wanted(tmpl, &d->flow);

	if (sa->proto != tmpl->proto || (!any_reqid_answers(d, tmpl) && sa->reqid != tmpl->reqid))
		return false;
	if (sa->family != wanted.family || (wanted.daddr && !address_equal(wanted.family, &sa->daddr, wanted.daddr)))
		return false;
	return !wanted.saddr || address_is_zero(wanted.family, &sa->saddr) ||
	       address_equal(wanted.family, &sa->saddr, wanted.saddr);
}

/* SELECTS_PART: it may be chosen, but perhaps for a part of the flow only. */
static enum selector_match sa_answers(const struct xfrm_sa_evidence *sa, const struct xfrm_template_evidence *tmpl,
				      const struct xfrm_direction *d)
{
	if (!sa_is_meant(sa, tmpl, d) || sa->mode != tmpl->mode || (tmpl->spi && sa->spi != tmpl->spi))
		return SELECTS_NONE;
	/* software skips packet-offloaded SAs (xfrm_state_find(): "Skip HW policy for SW lookups") */
	if (!nic_applies_xfrm(d->path) && sa->offload.ifindex && sa->offload.packet)
		return SELECTS_NONE;
	/* a RoCE packet carries no mark and belongs to no xfrm interface; a NIC's tables do not ask */
	if (sa->mark.value || sa->if_id)
		return nic_applies_xfrm(d->path) ? SELECTS_PART : SELECTS_NONE;
	return sa->sel.family == AF_UNSPEC ? SELECTS_ALL : selector_match(&sa->sel, &d->flow);
}

/* Writes why an SA with reqid, addresses and mode of the template does not answer it; the checks of sa_answers(). */
static void word_mismatch(const struct xfrm_sa_evidence *sa, const struct xfrm_template_evidence *tmpl,
			  const struct xfrm_direction *d, char *text, size_t size)
{
	const struct xfrm_selector_evidence *sel = &sa->sel;

	if (tmpl->spi && sa->spi != tmpl->spi)
		text_format(text, size, "the policy wants SPI 0x%08x", tmpl->spi);
	else if (sa->mark.value)
		text_format(text, size, "it has mark 0x%x, which RoCE packets lack", sa->mark.value);
	else if (sa->if_id)
		text_format(text, size, "it belongs to xfrm interface id %u", sa->if_id);
	else if (!nic_applies_xfrm(d->path) && sa->offload.ifindex && sa->offload.packet)
		text_copy(text, size, "it is packet-offloaded to a NIC");
	else if (sel->family && !selector_ports_match(sel, &d->flow))
		text_format(text, size, "its selector has UDP ports (sport %u, dport %u)%s", sel->sport, sel->dport,
			    d->flow.has_ports ? "" : ", and the lookup for software RoCE carries none");
	else if (sel->family && selector_match(sel, &d->flow) != SELECTS_NONE)
		text_copy(text, size, "its selector takes a part of these packets only");
	else
		text_copy(text, size, "its selector takes other packets");
}

static struct why *refuse_by_sa(const struct xfrm_direction *d, const struct xfrm_sa_evidence *sa, enum reason outbound,
				struct verdict *out)
{
	struct why *why = verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, outbound));

	why->spi = sa->spi;
	why->reqid = sa->reqid;
	text_copy(why->detail, sizeof(why->detail), sa->algorithm);
	return why;
}

/* Whether this SA may carry the flow; if not, *out has the reason. */
static bool sa_is_good(const struct xfrm_sa_evidence *sa, const struct xfrm_direction *d, struct verdict *out)
{
	uint32_t cipher = esp_cipher(sa);

	if (sa->has_aead && sa->icv_bits != ESP_ICV_BITS) {
		refuse_by_sa(d, sa, REASON_OUTBOUND_SA_ICV, out)->number = sa->icv_bits;
	} else if (cipher == CIPHER_NONE || !(cipher & d->req->ciphers)) {
		refuse_by_sa(d, sa, REASON_OUTBOUND_SA_CIPHER, out)->number = sa->key_bits;
	} else if (sa->pcpu_bound) {
		refuse_by_sa(d, sa, REASON_OUTBOUND_SA_CPU, out);
		out->kind = VERDICT_UNKNOWN;
	} else if (nic_applies_xfrm(d->path) && !is_packet_offloaded(d->path, &sa->offload)) {
		refuse_by_sa(d, sa, REASON_OUTBOUND_SA_NOT_OFFLOADED, out);
	} else {
		return true;
	}
	return false;
}

/* What the SAD says about one template. */
struct sa_census {
	const struct xfrm_sa_evidence *live; /* a good one, for the whole flow */
	const struct xfrm_sa_evidence
		*mismatch; /* the first that is not of this flow, for all its reqid and addresses */
	bool larval, expired, bad;
	bool shared; /* a good one that serves other QPs as well */
};

/* granularity = qp: whether this SA, by its own selector or by its policy's, serves one source port only. */
static bool serves_one_qp(const struct xfrm_direction *d, const struct xfrm_selector_evidence *policy,
			  const struct xfrm_selector_evidence *sa)
{
	bool by_sa = sa->family != AF_UNSPEC && sa->sport_mask == 0xffff;

	return d->flow.has_sport && (policy->sport_mask == 0xffff || by_sa);
}

static bool must_be_of_one_qp(const struct xfrm_direction *d)
{
	return d->req->granularity == GRANULARITY_QP && d->dir == XFRM_POLICY_OUT;
}

static void keep_mismatch(struct sa_census *found, const struct xfrm_sa_evidence *sa,
			  const struct xfrm_template_evidence *tmpl, const struct xfrm_direction *d)
{
	if (!found->mismatch && sa->mode == tmpl->mode && sa_is_meant(sa, tmpl, d))
		found->mismatch = sa;
}

static struct sa_census census(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			       const struct xfrm_template_evidence *tmpl, struct verdict *out)
{
	struct sa_census found = { 0 };
	const struct xfrm_sa_evidence *sa;
	struct xfrm_walk walk;

	sas_begin(d, tmpl, &walk);
	while (!found.bad && (sa = xfrm_walk_sa(&walk))) {
		enum selector_match match = sa_answers(sa, tmpl, d);

		if (sa_is_larval(sa))
			found.larval |= sa_is_meant(sa, tmpl, d);
		else if (match == SELECTS_NONE)
			keep_mismatch(&found, sa, tmpl, d);
		/* also an expired one: the clock may have been set since the kernel's last check */
		else if (!sa_is_good(sa, d, out))
			found.bad = true;
		else if (sa->expired)
			found.expired = true;
		else if (match == SELECTS_ALL && must_be_of_one_qp(d) && !serves_one_qp(d, &policy->sel, &sa->sel))
			found.shared = true;
		else if (match == SELECTS_ALL)
			found.live = sa;
		else
			keep_mismatch(&found, sa, tmpl, d);
	}
	return found;
}

static bool same_addresses(const struct xfrm_sa_evidence *a, const union ip_address *saddr,
			   const union ip_address *daddr, int family)
{
	return a->family == family && address_equal(family, &a->saddr, saddr) &&
	       address_equal(family, &a->daddr, daddr);
}

/*
 * mlx5's rule for an SA matches the reqid that the policy put into a register, not the addresses: with one reqid for
 * two peers, one peer's packets leave under the other's key. The offload has no direction: an SA whose packets arrive
 * where the SA in question sends from (outbound), or leave to another address than its own (inbound), is of the other
 * one.
 */
static bool reqid_is_shared(const struct xfrm_direction *d, const struct xfrm_sa_evidence *live,
			    const struct xfrm_sa_evidence *other)
{
	bool outbound = d->dir == XFRM_POLICY_OUT;

	if (other->reqid != live->reqid || sa_is_larval(other) || other->expired ||
	    !is_packet_offloaded(d->path, &other->offload))
		return false;
	if (same_addresses(other, &live->saddr, &live->daddr, live->family) ||
	    same_addresses(other, &live->daddr, &live->saddr, live->family))
		return false;
	if (other->family != live->family)
		return true;
	return outbound ? !address_equal(live->family, &other->daddr, &live->saddr)
			: address_equal(live->family, &other->daddr, &live->daddr);
}

static bool nic_reqid_is_own(const struct xfrm_direction *d, const struct xfrm_sa_evidence *live, struct verdict *out)
{
	const struct xfrm_sa_evidence *other;
	struct xfrm_walk walk;

	sas_of_reqid_begin(d->ev, live->reqid, &walk);
	while ((other = xfrm_walk_sa(&walk))) {
		if (!reqid_is_shared(d, live, other))
			continue;
		refuse_by_sa(d, live, REASON_OUTBOUND_SA_REQID_SHARED, out)->other = other->spi;
		return false;
	}
	return true;
}

/* The policy's own selector narrows the flow that hits it. */
static struct xfrm_direction narrowed(const struct xfrm_direction *d, const struct xfrm_selector_evidence *sel)
{
	size_t bits = address_bits(d->flow.family);
	struct xfrm_direction narrow = *d;

	if (!narrow.flow.saddr && sel->saddr_prefix == bits)
		narrow.flow.saddr = &sel->saddr;
	if (!narrow.flow.daddr && sel->daddr_prefix == bits)
		narrow.flow.daddr = &sel->daddr;
	if (narrow.flow.has_ports && !narrow.flow.has_sport && sel->sport_mask == 0xffff) {
		narrow.flow.has_sport = true;
		narrow.flow.sport = sel->sport;
	}
	return narrow;
}

struct why *refuse_by_policy(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			     enum reason outbound, struct verdict *out)
{
	struct why *why = verdict_set(out, VERDICT_UNPROTECTED, of_direction(d, outbound));

	why->policy = policy->index;
	why->priority = policy->priority;
	return why;
}

void remember_policy(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy, struct verdict *out)
{
	if (d->dir == XFRM_POLICY_OUT)
		out->policy_out = policy->index;
}

static void remember_sa(const struct xfrm_direction *d, const struct xfrm_sa_evidence *sa, struct verdict *out)
{
	if (d->dir == XFRM_POLICY_IN) {
		out->spi_in = sa->spi;
		return;
	}
	out->spi_out = sa->spi;
	out->reqid = sa->reqid;
	out->cipher = esp_cipher(sa);
	out->offloaded = is_packet_offloaded(d->path, &sa->offload);
}

/* The requirements of a NIC beyond those of the kernel. */
static bool nic_can_answer(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
			   const struct xfrm_template_evidence *tmpl, struct verdict *out)
{
	bool every = !d->flow.saddr || !d->flow.daddr;

	if (!tmpl->reqid)
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_REQID_ZERO, out);
	else if (every && tmpl->mode == XFRM_MODE_TRANSPORT)
		refuse_by_policy(d, policy, REASON_OUTBOUND_POLICY_MANY_REMOTES, out);
	else
		return true;
	return false;
}

static enum direction_outcome lacks_sa(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
				       const struct xfrm_template_evidence *tmpl, const struct sa_census *found,
				       struct verdict *out)
{
	enum reason reason = found->expired    ? REASON_OUTBOUND_SA_EXPIRED
			     : found->larval   ? REASON_OUTBOUND_SA_LARVAL
			     : found->shared   ? REASON_OUTBOUND_SA_NOT_OF_QP
			     : found->mismatch ? REASON_OUTBOUND_SA_MISMATCH
					       : REASON_OUTBOUND_SA_MISSING;
	struct why *why = refuse_by_policy(d, policy, reason, out);

	why->reqid = tmpl->reqid;
	if (found->mismatch) {
		why->spi = found->mismatch->spi;
		word_mismatch(found->mismatch, tmpl, d, why->detail, sizeof(why->detail));
	}
	remember_policy(d, policy, out);
	return OUTCOME_LACKS_SA;
}

enum direction_outcome template_is_answered(const struct xfrm_direction *d, const struct xfrm_policy_evidence *policy,
					    const struct xfrm_template_evidence *tmpl, struct verdict *out)
{
	struct xfrm_direction narrow = narrowed(d, &policy->sel);
	bool nic = nic_applies_xfrm(d->path);
	struct sa_census found;

	if (nic && !nic_can_answer(&narrow, policy, tmpl, out))
		return OUTCOME_LEAKS;
	found = census(&narrow, policy, tmpl, out);
	if (found.bad)
		return OUTCOME_LEAKS;
	if (found.live) {
		if (nic && !nic_reqid_is_own(&narrow, found.live, out))
			return OUTCOME_LEAKS;
		remember_sa(d, found.live, out);
		remember_policy(d, policy, out);
		return OUTCOME_PROTECTS;
	}
	/* rxe: the kernel drops packets that a policy wants in ESP while no SA exists (net.core.xfrm_larval_drop) */
	if (d->path->scope == REMOTE_EVERY && !nic)
		return OUTCOME_PROTECTS;
	return lacks_sa(d, policy, tmpl, &found, out);
}
