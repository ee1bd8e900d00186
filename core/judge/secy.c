// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Whether one SecY protects the packets that leave by its netdev. drivers/net/macsec.c: a software SecY encrypts while
 * PROTECT, ENCRYPT, OPER and the encoding SA's ACTIVE are all set; without an SA it drops; with PROTECT off it sends
 * plain frames.
 */
#include <endian.h>
#include <linux/if_link.h>
#include <linux/if_macsec.h>
#include <string.h>

#include "judge/secy.h"

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

/* REASON_NONE: the settings protect every frame. */
static enum reason settings_reason(const struct macsec_evidence *secy, const struct requirement *req)
{
	uint32_t cipher = macsec_cipher(secy->cipher_suite);

	if (!secy->protect)
		return REASON_MACSEC_PROTECT_OFF;
	if (!secy->encrypt && !req->integrity_only)
		return REASON_MACSEC_ENCRYPT_OFF;
	if (cipher == CIPHER_NONE)
		return REASON_MACSEC_CIPHER_UNKNOWN;
	if (!(cipher & req->ciphers))
		return REASON_MACSEC_CIPHER;
	if (secy->icv_len != MACSEC_STD_ICV_LEN)
		return REASON_MACSEC_ICV;
	return secy->validate == MACSEC_VALIDATE_STRICT ? REASON_NONE : REASON_MACSEC_VALIDATE;
}

static const struct macsec_sa_evidence *encoding_sa(const struct macsec_evidence *secy)
{
	return &secy->tx_sa[secy->encoding_an % MACSEC_AN_COUNT];
}

/* REASON_NONE: both ways have a live SA. */
static enum reason associations_reason(const struct macsec_evidence *secy)
{
	const struct macsec_sa_evidence *tx = encoding_sa(secy);

	if (!tx->present)
		return REASON_MACSEC_TX_SA_MISSING;
	if (!tx->active)
		return REASON_MACSEC_TX_SA_INACTIVE;
	if (!secy->operational)
		return REASON_MACSEC_NOT_OPERATIONAL;
	return has_live_receive_sa(secy) ? REASON_NONE : REASON_MACSEC_NO_RX_SA;
}

/* A NIC applies its own tables, not the host's SecY. mlx5's came with drivers/infiniband/hw/mlx5/macsec.c in 6.6. */
static enum reason offload_reason(const struct path *path, const struct macsec_evidence *secy, uint32_t kernel)
{
	/* software RoCE: the SecY's own checks are skipped then, and the NIC driver's behaviour is not known */
	if (path->driver->egress == EGRESS_HOST_STACK)
		return secy->offload == MACSEC_OFFLOAD_OFF ? REASON_NONE : REASON_MACSEC_OFFLOAD_UNCHECKED;
	if (secy->offload != MACSEC_OFFLOAD_MAC && secy->offload != MACSEC_OFFLOAD_PHY)
		return REASON_MACSEC_NOT_OFFLOADED;
	return kernel < KERNEL_RELEASE(6, 6) ? REASON_MACSEC_KERNEL_OLD : REASON_NONE;
}

/*
 * macsec_start_xmit(): with protect and encrypt on (see settings_reason()), a packet that cannot be encrypted for lack
 * of an SA or of operation is dropped. If only the receive side is missing, packets leave encrypted.
 */
static bool secy_drops(const struct path *path, const struct macsec_evidence *secy)
{
	return path->driver->egress == EGRESS_HOST_STACK && secy->offload == MACSEC_OFFLOAD_OFF && secy->encrypt;
}

static void set_protected(const struct macsec_evidence *secy, const char *name, struct verdict *out)
{
	out->kind = VERDICT_PROTECTED;
	out->by = BY_MACSEC;
	out->secy_ifindex = secy->ifindex;
	out->secy_count = 1;
	text_copy(out->secy, sizeof(out->secy), name);
	out->sci = secy->sci;
	out->cipher = macsec_cipher(secy->cipher_suite);
	out->offloaded = secy->offload != MACSEC_OFFLOAD_OFF;
	out->integrity_only = !secy->encrypt;
}

/* With the number that the reason's sentence names. */
static void refuse(enum reason reason, const struct macsec_evidence *secy, struct verdict *out)
{
	bool unknown = reason == REASON_MACSEC_CIPHER_UNKNOWN || reason == REASON_MACSEC_OFFLOAD_UNCHECKED;
	struct why *why = verdict_set(out, unknown ? VERDICT_UNKNOWN : VERDICT_UNPROTECTED, reason);

	if (reason == REASON_MACSEC_CIPHER_UNKNOWN)
		why->number = secy->cipher_suite;
	else if (reason == REASON_MACSEC_CIPHER)
		why->number = macsec_cipher(secy->cipher_suite);
	else if (reason == REASON_MACSEC_ICV)
		why->number = secy->icv_len;
	else
		why->number = secy->encoding_an;
}

/* The SecY of a netdev that is up. */
static void judge_secy(const struct path *path, const struct evidence *ev, const struct requirement *req,
		       const struct macsec_evidence *secy, const char *name, struct verdict *out)
{
	enum reason settings = settings_reason(secy, req);
	enum reason associations = settings ? REASON_NONE : associations_reason(secy);
	enum reason reason = settings ? settings : associations ? associations : offload_reason(path, secy, ev->kernel);

	if (!reason) {
		set_protected(secy, name, out);
		return;
	}
	refuse(reason, secy, out);
	out->kernel_drops = associations && secy_drops(path, secy);
	out->missing_macsec_sa = associations && !offload_reason(path, secy, ev->kernel);
}

/*
 * MKA raises the device with its first SAs: wpa_supplicant's macsec_drv_enable_controlled_port() sets IFF_UP then. A
 * device that was set down beside a live SA is a fault.
 */
static void judge_down(const struct path *path, const struct evidence *ev, const struct requirement *req,
		       const struct macsec_evidence *secy, bool listed, struct verdict *out)
{
	const struct macsec_sa_evidence *tx = encoding_sa(secy);

	verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_DOWN);
	out->missing_macsec_sa = listed && !(tx->present && tx->active) && !settings_reason(secy, req) &&
				 !offload_reason(path, secy, ev->kernel);
}

const struct macsec_evidence *decide_secy(const struct path *path, const struct evidence *ev,
					  const struct requirement *req, const struct link_evidence *link,
					  struct verdict *out)
{
	int ifindex = link ? link->ifindex : path->egress_ifindex;
	const struct macsec_evidence *secy = NULL;

	if (ev->macsec_state == EVIDENCE_READ)
		secy = evidence_secy(ev, ifindex);
	if (!secy && link && !strcmp(link->kind, "macsec"))
		verdict_set(out, VERDICT_UNKNOWN, REASON_MACSEC_NO_SECY);
	else if (!secy)
		verdict_set(out, VERDICT_UNPROTECTED, REASON_MACSEC_NO_DEVICE);
	else if (!link || !link->up)
		judge_down(path, ev, req, secy, link, out);
	else
		judge_secy(path, ev, req, secy, link->name, out);
	if (link && out->kind != VERDICT_PROTECTED)
		text_copy(out->why[0].at, sizeof(out->why[0].at), link->name);
	return secy;
}
