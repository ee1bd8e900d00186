// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Does IPsec protect this path? In both directions: the policies that the packets would really hit, by priority, ask
 * for ESP, and live SAs with an allowed AEAD answer them.
 *
 * Where the kernel would choose among several (policies of one priority, SAs of one template) all of them must do: then
 * its order of choice need not be known. Sources: net/xfrm/xfrm_policy.c (xfrm_policy_match,
 * xfrm_policy_lookup_bytype), xfrm_state.c (xfrm_state_find, xfrm_state_look_at).
 */
#include <linux/xfrm.h>
#include <netinet/in.h>
#include <string.h>

#include "decide_internal.h"
#include "text.h"

/* One direction of the question. */
struct direction {
	const struct path *path;
	const struct evidence *ev;
	const struct requirement *req;
	struct xfrm_flow flow;
	uint8_t dir;      /* XFRM_POLICY_OUT, XFRM_POLICY_IN */
	const char *name; /* "outbound", "inbound" */
};

static uint32_t esp_cipher(const struct xfrm_sa_evidence *sa)
{
	/* RFC 4106 8.1, RFC 4309 7.1, RFC 7634 2: the key's last octets are the salt, 4, 3 and 4 of them */
	if (!sa->has_aead || sa->icv_bits != 128)
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

/* A RoCE packet carries no mark and belongs to no xfrm interface. */
static bool mark_takes_unmarked(const struct xfrm_mark_evidence *mark)
{
	return mark->value == 0;
}

static bool is_packet_offloaded(const struct path *path, const struct xfrm_offload_evidence *offload)
{
	return offload->ifindex == path->egress_ifindex && offload->packet;
}

static const struct xfrm_template_evidence *required_esp(const struct xfrm_policy_evidence *policy)
{
	for (size_t i = 0; i < policy->tmpl_count; i++)
		if (policy->tmpl[i].proto == IPPROTO_ESP && !policy->tmpl[i].optional)
			return &policy->tmpl[i];
	return NULL;
}

/* The addresses the SA itself must have: the flow's in transport mode, the template's in tunnel mode. */
static bool sa_addresses_match(const struct xfrm_sa_evidence *sa, const struct xfrm_template_evidence *tmpl,
			       const struct xfrm_flow *flow)
{
	bool transport = tmpl->mode == XFRM_MODE_TRANSPORT;
	const union ip_address *daddr = transport ? flow->daddr : &tmpl->daddr;
	const union ip_address *saddr = transport ? flow->saddr : &tmpl->saddr;
	int family = transport ? flow->family : tmpl->family;

	if (sa->family != family || (daddr && !address_equal(family, &sa->daddr, daddr)))
		return false;
	return !saddr || address_is_zero(family, saddr) || address_is_zero(family, &sa->saddr) ||
	       address_equal(family, &sa->saddr, saddr);
}

static bool sa_answers(const struct xfrm_sa_evidence *sa, const struct xfrm_template_evidence *tmpl,
		       const struct direction *d)
{
	bool any_reqid = d->dir == XFRM_POLICY_IN && tmpl->reqid == 0;

	if (sa->proto != tmpl->proto || sa->mode != tmpl->mode || (tmpl->spi && sa->spi != tmpl->spi))
		return false;
	if (!any_reqid && sa->reqid != tmpl->reqid)
		return false;
	if (!mark_takes_unmarked(&sa->mark) || sa->if_id || !sa_addresses_match(sa, tmpl, &d->flow))
		return false;
	return sa->sel.family == AF_UNSPEC || selector_match(&sa->sel, &d->flow) != SELECTS_NONE;
}

/* May this SA carry what it is chosen for? Says why not. */
static bool sa_is_good(const struct xfrm_sa_evidence *sa, const struct direction *d, struct verdict *out)
{
	uint32_t cipher = esp_cipher(sa);

	if (cipher == CIPHER_NONE || !(cipher & d->req->ciphers))
		verdict_set(out, VERDICT_UNPROTECTED, 6,
			    "%s SA 0x%08x uses %s (%u-bit key), which the policy does not allow", d->name, sa->spi,
			    sa->algorithm[0] ? sa->algorithm : "no cipher", sa->key_bits);
	else if (sa->pcpu_bound)
		verdict_set(out, VERDICT_UNKNOWN, 6, "%s SA 0x%08x is bound to one CPU", d->name, sa->spi);
	else if (d->path->driver->egress == EGRESS_NIC_MACSEC_IPSEC && !is_packet_offloaded(d->path, &sa->offload))
		verdict_set(out, VERDICT_UNPROTECTED, 6,
			    "%s SA 0x%08x is not packet-offloaded to %s: the NIC would not apply it", d->name, sa->spi,
			    d->path->egress);
	else
		return true;
	return false;
}

/* What the SAD says about one template. */
struct sa_census {
	const struct xfrm_sa_evidence *live; /* a good one */
	bool larval, expired, bad;
};

static struct sa_census census(const struct direction *d, const struct xfrm_template_evidence *tmpl,
			       struct verdict *out)
{
	struct sa_census found = { 0 };

	for (size_t i = 0; i < d->ev->sa_count && !found.bad; i++) {
		const struct xfrm_sa_evidence *sa = &d->ev->sas[i];

		if (sa->spi == 0)
			found.larval |= sa->proto == tmpl->proto && sa->reqid == tmpl->reqid;
		else if (!sa_answers(sa, tmpl, d))
			continue;
		else if (sa->expired)
			found.expired = true;
		else if (sa_is_good(sa, d, out))
			found.live = sa;
		else
			found.bad = true;
	}
	return found;
}

/* Do SAs answer this template? With a remote that is not known, only that none which could answer is a bad one. */
static bool template_is_answered(const struct direction *d, const struct xfrm_policy_evidence *policy,
				 const struct xfrm_template_evidence *tmpl, struct verdict *out)
{
	struct sa_census found = census(d, tmpl, out);

	if (found.bad)
		return false;
	if (found.live) {
		out->reqid = tmpl->reqid;
		*(d->dir == XFRM_POLICY_OUT ? &out->spi_out : &out->spi_in) = found.live->spi;
		if (d->dir == XFRM_POLICY_OUT)
			text_format(out->details, sizeof(out->details), "ESP spi 0x%08x reqid %u %s", found.live->spi,
				    tmpl->reqid, policy_cipher_name(esp_cipher(found.live)));
		return true;
	}
	/* rxe: the kernel drops what a policy wants in ESP while there is no SA (net.core.xfrm_larval_drop) */
	if (d->path->scope == REMOTE_EVERY && d->path->driver->egress == EGRESS_HOST_STACK)
		return true;
	verdict_set(out, VERDICT_UNPROTECTED, 5, "%s policy %u asks for ESP (reqid %u), but no live SA answers it%s",
		    d->name, policy->index, tmpl->reqid,
		    found.expired  ? ": its SA has expired"
		    : found.larval ? ": one is still being negotiated"
				   : "");
	return false;
}

/* Does one policy that the packets hit (or may hit) protect them? */
static bool policy_protects(const struct direction *d, const struct xfrm_policy_evidence *policy, struct verdict *out)
{
	const struct xfrm_template_evidence *tmpl = required_esp(policy);

	if (policy->action != XFRM_POLICY_ALLOW) {
		if (d->path->scope == REMOTE_EVERY && policy->action == XFRM_POLICY_BLOCK)
			return true;
		verdict_set(out, VERDICT_UNPROTECTED, 2, "%s policy %u (priority %u) blocks these packets", d->name,
			    policy->index, policy->priority);
		return false;
	}
	if (!tmpl && policy->tmpl_count == 0)
		verdict_set(out, VERDICT_UNPROTECTED, 3, "%s policy %u (priority %u) lets these packets pass in clear",
			    d->name, policy->index, policy->priority);
	else if (!tmpl)
		verdict_set(out, VERDICT_UNPROTECTED, 3, "%s policy %u (priority %u) has no required ESP template",
			    d->name, policy->index, policy->priority);
	else if (d->path->driver->egress == EGRESS_NIC_MACSEC_IPSEC && !is_packet_offloaded(d->path, &policy->offload))
		verdict_set(out, VERDICT_UNPROTECTED, 4,
			    "%s policy %u is not packet-offloaded to %s: the NIC would not apply it", d->name,
			    policy->index, d->path->egress);
	else
		return template_is_answered(d, policy, tmpl, out);
	return false;
}

static enum selector_match policy_match_flow(const struct direction *d, const struct xfrm_policy_evidence *policy)
{
	if (policy->dir != d->dir || policy->type != XFRM_POLICY_TYPE_MAIN)
		return SELECTS_NONE;
	if (!mark_takes_unmarked(&policy->mark) || policy->if_id)
		return SELECTS_NONE;
	return selector_match(&policy->sel, &d->flow);
}

/*
 * The software lookup of rxe's egress carries no ports: a policy with ports is not hit (facts: 1148 packets in clear).
 * Tell the operator about it, or about another thing that keeps a policy which was surely meant from matching.
 */
static void explain_no_policy(const struct direction *d, struct verdict *out)
{
	verdict_set(out, VERDICT_UNPROTECTED, 0, "no %s xfrm policy covers it", d->name);
	for (size_t i = 0; i < d->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];

		if (p->dir != d->dir || selector_match_addresses(&p->sel, &d->flow) == SELECTS_NONE)
			continue;
		if (!selector_ports_match(&p->sel, &d->flow))
			verdict_set(out, VERDICT_UNPROTECTED, 2,
				    "%s policy %u selects UDP ports, but %s: use a selector without ports", d->name,
				    p->index,
				    d->flow.has_ports ? "not those of RoCE"
						      : "the lookup for software RoCE carries none, so it is not hit");
		else if (!mark_takes_unmarked(&p->mark))
			verdict_set(out, VERDICT_UNPROTECTED, 2,
				    "%s policy %u wants mark 0x%x, which RoCE packets lack", d->name, p->index,
				    p->mark.value);
		else if (p->if_id)
			verdict_set(out, VERDICT_UNPROTECTED, 2, "%s policy %u belongs to xfrm interface id %u",
				    d->name, p->index, p->if_id);
		else if (p->sel.ifindex && p->sel.ifindex != d->flow.ifindex)
			verdict_set(out, VERDICT_UNPROTECTED, 2, "%s policy %u is for another interface", d->name,
				    p->index);
	}
}

/* A sub-policy (XFRM_POLICY_TYPE_SUB) is looked up before the main ones and combined with them: not understood. */
static bool has_sub_policy(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->policy_count; i++)
		if (ev->policies[i].type != XFRM_POLICY_TYPE_MAIN)
			return true;
	return false;
}

/* The smallest priority value of a matching policy that is at least `from`; false: none is left. */
static bool next_priority(const struct direction *d, uint64_t from, uint64_t *out)
{
	bool found = false;

	for (size_t i = 0; i < d->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];

		if (p->priority < from || (found && p->priority >= *out) || policy_match_flow(d, p) == SELECTS_NONE)
			continue;
		*out = p->priority;
		found = true;
	}
	return found;
}

/* All matching policies of one priority protect; *covers: one of them takes the whole flow, so none below is hit. */
static bool priority_protects(const struct direction *d, uint64_t priority, bool *covers, struct verdict *out)
{
	for (size_t i = 0; i < d->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &d->ev->policies[i];
		enum selector_match match;

		if (p->priority != priority)
			continue;
		match = policy_match_flow(d, p);
		if (match == SELECTS_NONE)
			continue;
		*covers |= match == SELECTS_ALL;
		if (!policy_protects(d, p, out))
			return false;
	}
	return true;
}

static bool direction_is_protected(const struct direction *d, struct verdict *out)
{
	uint64_t priority = 0;
	bool covers = false, any = false;

	while (!covers && next_priority(d, priority, &priority)) {
		any = true;
		if (!priority_protects(d, priority, &covers, out))
			return false;
		priority++;
	}
	if (covers)
		return true;
	if (!any)
		explain_no_policy(d, out);
	else if (d->path->scope == REMOTE_EVERY)
		verdict_set(out, VERDICT_UNPROTECTED, 2,
			    "the %s policies cover only some remotes, and the application chooses addresses in its own "
			    "memory",
			    d->name);
	else
		verdict_set(out, VERDICT_UNPROTECTED, 2, "the %s policies cover only some UDP source ports", d->name);
	return false;
}

/* REMOTE_SOME: is there an outbound policy that wants ESP for some remote? Then an SA may yet come. */
static bool some_policy_wants_esp(const struct direction *out_dir)
{
	for (size_t i = 0; i < out_dir->ev->policy_count; i++) {
		const struct xfrm_policy_evidence *p = &out_dir->ev->policies[i];

		if (policy_match_flow(out_dir, p) != SELECTS_NONE && p->action == XFRM_POLICY_ALLOW && required_esp(p))
			return true;
	}
	return false;
}

static struct direction direction(const struct path *path, const struct evidence *ev, const struct requirement *req,
				  uint8_t dir)
{
	const union ip_address *remote = path->scope == REMOTE_ONE ? &path->remote : NULL;
	bool outbound = dir == XFRM_POLICY_OUT;

	return (struct direction){
		.path = path,
		.ev = ev,
		.req = req,
		.dir = dir,
		.name = outbound ? "outbound" : "inbound",
		.flow = {
			.family = path->family,
			.saddr = outbound ? &path->local : remote,
			.daddr = outbound ? remote : &path->local,
			/* udp_queue_rcv_one_skb() checks with the ports decoded */
			.has_ports = outbound ? path->driver->flow_has_ports : true,
			.has_sport = outbound && path->has_sport,
			.sport = path->sport,
			.dport = ROCE_UDP_PORT,
			.ifindex = path->gid_ifindex,
		},
	};
}

static bool xfrm_is_readable(const struct evidence *ev, struct verdict *out)
{
	if (ev->xfrm_state == EVIDENCE_READ)
		return true;
	if (ev->xfrm_state == EVIDENCE_ABSENT)
		verdict_set(out, VERDICT_UNPROTECTED, 0, "this kernel has no IPsec (xfrm)");
	else if (ev->xfrm_state == EVIDENCE_NO_PRIVILEGE)
		verdict_set(out, VERDICT_UNKNOWN, 0,
			    "xfrm state cannot be read without CAP_NET_ADMIN: run as root, or through rdmasecd, which "
			    "has it");
	else
		verdict_set(out, VERDICT_UNKNOWN, 0, "xfrm state cannot be read (%s)",
			    ev->xfrm_error[0] ? ev->xfrm_error : "not asked");
	return false;
}

void decide_ipsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		  struct verdict *out)
{
	struct direction outbound = direction(path, ev, req, XFRM_POLICY_OUT);
	struct direction inbound = direction(path, ev, req, XFRM_POLICY_IN);

	if (!xfrm_is_readable(ev, out))
		return;
	if (has_sub_policy(ev)) {
		verdict_set(out, VERDICT_UNKNOWN, 1, "there are xfrm sub-policies, which are not understood");
		return;
	}
	out->could_be = some_policy_wants_esp(&outbound);
	if (path->scope == REMOTE_SOME) {
		if (out->could_be)
			verdict_set(out, VERDICT_UNPROTECTED, 1, "an xfrm policy asks for ESP, for some remotes");
		else
			explain_no_policy(&outbound, out);
		return;
	}
	if (!direction_is_protected(&outbound, out) || !direction_is_protected(&inbound, out))
		return;
	out->kind = VERDICT_PROTECTED;
	out->by = BY_IPSEC;
	if (!out->details[0])
		text_copy(out->details, sizeof(out->details), "ESP by policy for every remote, no SA yet");
}
