// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether MACsec protects the packets that leave by a netdev. drivers/net/macsec.c: a software SecY encrypts while
 * PROTECT, ENCRYPT, OPER and the encoding SA's ACTIVE are all set; without an SA it drops; with PROTECT off it sends
 * plain frames.
 */
#include <endian.h>
#include <linux/if_link.h>
#include <linux/if_macsec.h>
#include <string.h>

#include "judge/mechanisms.h"
#include "util/ciphers.h"
#include "util/text.h"

/* IEEE 802.1AE-2018 table 14-1. The kernel dumps GCM-AES-128 under its older default id. */
static uint32_t macsec_cipher(uint64_t suite)
{
	switch (suite) {
	case MACSEC_DEFAULT_CIPHER_ID:
	case MACSEC_CIPHER_ID_GCM_AES_128:
		return CIPHER_MACSEC_GCM_AES_128;
	case MACSEC_CIPHER_ID_GCM_AES_256:
		return CIPHER_MACSEC_GCM_AES_256;
	case MACSEC_CIPHER_ID_GCM_AES_XPN_128:
		return CIPHER_MACSEC_GCM_AES_XPN_128;
	case MACSEC_CIPHER_ID_GCM_AES_XPN_256:
		return CIPHER_MACSEC_GCM_AES_XPN_256;
	default:
		return CIPHER_NONE;
	}
}

static bool has_live_receive_sa(const struct macsec_evidence *secy)
{
	for (size_t i = 0; i < secy->rxsc_count; i++)
		for (int an = 0; secy->rxsc[i].active && an < MACSEC_AN_COUNT; an++)
			if (secy->rxsc[i].sa[an].present && secy->rxsc[i].sa[an].active)
				return true;
	return false;
}

/* Checks the SecY's settings; if they do not hold, *out has the reason. */
static bool settings_hold(const struct macsec_evidence *secy, const struct requirement *req, const char *name,
			  struct verdict *out)
{
	uint32_t cipher = macsec_cipher(secy->cipher_suite);

	if (!secy->protect)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_PROTECT_OFF,
			    "%s does not protect its frames (protect off)", name);
	else if (!secy->encrypt && !req->integrity_only)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_ENCRYPT_OFF,
			    "%s authenticates but does not encrypt (encrypt off)", name);
	else if (cipher == CIPHER_NONE)
		verdict_set(out, VERDICT_UNKNOWN, REASON_MACSEC_CIPHER_UNKNOWN,
			    "%s uses cipher suite 0x%016llx, which is not known", name,
			    (unsigned long long)secy->cipher_suite);
	else if (!(cipher & req->ciphers))
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_CIPHER,
			    "%s uses %s, which the policy does not allow", name, policy_cipher_name(cipher));
	else if (secy->icv_len != MACSEC_STD_ICV_LEN)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_ICV, "%s uses an ICV of %u octets instead of %d",
			    name, secy->icv_len, MACSEC_STD_ICV_LEN);
	else if (secy->validate != MACSEC_VALIDATE_STRICT)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_VALIDATE,
			    "%s accepts frames that fail the check (validate is not strict)", name);
	else
		return true;
	return false;
}

static bool associations_live(const struct macsec_evidence *secy, const char *name, struct verdict *out)
{
	const struct macsec_sa_evidence *tx = &secy->tx_sa[secy->encoding_an % MACSEC_AN_COUNT];

	if (!tx->present)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_TX_SA_MISSING,
			    "%s has no transmit SA for its encoding AN %u", name, secy->encoding_an);
	else if (!tx->active)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_TX_SA_INACTIVE,
			    "%s: its transmit SA (AN %u) is not active", name, secy->encoding_an);
	else if (!secy->operational)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_NOT_OPERATIONAL, "%s: its SecY is not operational",
			    name);
	else if (!has_live_receive_sa(secy))
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_NO_RX_SA,
			    "%s has no active receive SC with an active SA: nothing could answer", name);
	else
		return true;
	return false;
}

/* A NIC applies its own tables, not the host's SecY. mlx5's came with drivers/infiniband/hw/mlx5/macsec.c in 6.6. */
static bool offload_fits(const struct path *path, const struct macsec_evidence *secy, uint32_t kernel,
			 struct verdict *out)
{
	if (path->driver->egress == EGRESS_HOST_STACK) {
		if (secy->offload == MACSEC_OFFLOAD_OFF)
			return true;
		/* the SecY's own checks are skipped then, and the NIC driver's behaviour is not known */
		verdict_set(out, VERDICT_UNKNOWN, REASON_MACSEC_OFFLOAD_UNCHECKED,
			    "%s is offloaded to a NIC, which software RoCE cannot check", path->egress);
		return false;
	}
	if (secy->offload != MACSEC_OFFLOAD_MAC && secy->offload != MACSEC_OFFLOAD_PHY)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_NOT_OFFLOADED,
			    "%s is not offloaded: %s sends without the host's MACsec", path->egress, path->device);
	else if (kernel < KERNEL_RELEASE(6, 6))
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_KERNEL_OLD,
			    "before kernel 6.6 %s has no RoCE over MACsec", path->device);
	else
		return true;
	return false;
}

/*
 * macsec_start_xmit(): with protect and encrypt on (see settings_hold()), a packet that cannot be encrypted for lack of
 * an SA or of operation is dropped. If only the receive side is missing, packets leave encrypted.
 */
static bool secy_drops(const struct path *path, const struct evidence *ev, const struct requirement *req,
		       const struct macsec_evidence *secy)
{
	bool strays = path->scope == REMOTE_EVERY && path->stray_ifindex;
	struct verdict ignored;

	return path->driver->egress == EGRESS_HOST_STACK && secy->offload == MACSEC_OFFLOAD_OFF && secy->encrypt &&
	       !strays && !ipsec_leads_elsewhere(path, ev, req, &ignored);
}

static void describe(const struct path *path, const struct macsec_evidence *secy, struct verdict *out)
{
	const char *mode = secy->offload == MACSEC_OFFLOAD_OFF ? "" : " offloaded";

	out->kind = VERDICT_PROTECTED;
	out->by = BY_MACSEC;
	out->secy_ifindex = secy->ifindex;
	out->sci = secy->sci;
	out->cipher = macsec_cipher(secy->cipher_suite);
	out->offloaded = secy->offload != MACSEC_OFFLOAD_OFF;
	text_format(out->details, sizeof(out->details), "%s %s sci %016llx%s%s", path->egress,
		    policy_cipher_name(macsec_cipher(secy->cipher_suite)), (unsigned long long)be64toh(secy->sci), mode,
		    secy->encrypt ? "" : " integrity-only");
}

void decide_macsec(const struct path *path, const struct evidence *ev, const struct requirement *req,
		   struct verdict *out)
{
	const struct link_evidence *link = evidence_link(ev, path->egress_ifindex);
	const struct macsec_evidence *secy;

	if (ev->macsec_state != EVIDENCE_READ && ev->macsec_state != EVIDENCE_ABSENT) {
		verdict_set(out, VERDICT_UNKNOWN, REASON_MACSEC_UNREADABLE, "MACsec state cannot be read (%s)",
			    ev->macsec_error[0] ? ev->macsec_error : "not asked");
		return;
	}
	secy = ev->macsec_state == EVIDENCE_READ ? evidence_secy(ev, path->egress_ifindex) : NULL;
	if (!secy && link && !strcmp(link->kind, "macsec"))
		verdict_set(out, VERDICT_UNKNOWN, REASON_MACSEC_NO_SECY,
			    "%s is a MACsec device, but the kernel does not list its SecY", path->egress);
	else if (!secy)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_NO_DEVICE, "%s is not a MACsec device",
			    path->egress);
	else if (!link || !link->up)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_DOWN, "%s is down", path->egress);
	else if (settings_hold(secy, req, path->egress, out)) {
		if (!associations_live(secy, path->egress, out))
			out->kernel_drops = secy_drops(path, ev, req, secy);
		else if (!offload_fits(path, secy, ev->kernel, out))
			return;
		else if (ipsec_leads_elsewhere(path, ev, req, out))
			out->secy_ifindex = out->kind == VERDICT_UNKNOWN ? secy->ifindex : 0;
		else if (path->scope == REMOTE_EVERY && path->stray_ifindex)
			verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_ROUTE_STRAYS,
				    "an address from GID %u to %s would leave by %s, and the application chooses "
				    "addresses in its own memory",
				    path->sgid_index, path->stray_route, path->stray);
		else
			describe(path, secy, out);
	}
}
