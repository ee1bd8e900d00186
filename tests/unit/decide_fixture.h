/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * One valid path between two hosts for the tests of decide(); each test breaks one part. The arrays are copied to
 * blocks of their exact size, so that ASan detects an overrun.
 */
#ifndef RDMASEC_TESTS_DECIDE_FIXTURE_H
#define RDMASEC_TESTS_DECIDE_FIXTURE_H

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <linux/if_link.h>
#include <linux/if_macsec.h>
#include <linux/xfrm.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <stdlib.h>
#include <string.h>

#include "golden.h"
#include "judge/decide.h"
#include "judge/words.h"
#include "util/ciphers.h"
#include "util/text.h"
#include "xfrm_table_of.h"

enum { ETH0 = 2, MACSEC0, ETH1, WORLD_ROOM = 6 };

/* The first two of each belong to the valid world: outbound and inbound. */
enum { OUT, IN, THIRD, FOURTH };

struct world {
	struct path path;
	struct requirement req;
	struct link_evidence links[3];
	struct macsec_rxsc_evidence rxsc[2];
	struct macsec_evidence secy;
	struct xfrm_policy_evidence policies[WORLD_ROOM];
	struct xfrm_sa_evidence sas[WORLD_ROOM];
	size_t policy_count, sa_count;
	enum evidence_state xfrm_state;
	char xfrm_error[XFRM_TABLE_ERROR_MAX]; /* when it is broken */
	struct evidence ev;                    /* other states and counts */
};

/* Host `n` of the net: 10.0.0.n or 2001:db8::n. 0: no host. */
static inline union ip_address host(const struct world *w, uint8_t n)
{
	union ip_address address = { .bytes = { 0 } };

	if (!n)
		return address;
	inet_pton(w->path.family, w->path.family == AF_INET ? "10.0.0.0" : "2001:db8::", address.bytes);
	address.bytes[w->path.family == AF_INET ? 3 : 15] = n;
	return address;
}

static inline uint8_t full_prefix(const struct world *w)
{
	return w->path.family == AF_INET ? 32 : 128;
}

static inline void world_path(struct world *w, uint32_t driver, int family, int egress)
{
	const struct link_evidence *link = &w->links[egress - ETH0];

	w->path = (struct path){
		.state = PATH_RESOLVED,
		.device = "rdma0",
		.port = 1,
		.sgid_index = 1,
		.driver = driver_traits(driver),
		.scope = REMOTE_ONE,
		.family = family,
		.gid_ifindex = egress,
		.egress_ifindex = egress,
	};
	text_copy(w->path.netdev, sizeof(w->path.netdev), link->name);
	text_copy(w->path.egress, sizeof(w->path.egress), link->name);
	w->path.local = host(w, 1);
	w->path.remote = host(w, 2);
}

/* No protection yet, but everything readable. */
static inline void world_init(struct world *w, uint32_t driver, int family, int egress)
{
	*w = (struct world){
		.req = { .require = REQUIRE_ANY, .ciphers = CIPHERS_DEFAULT },
		.links = { { .ifindex = ETH0, .name = "eth0", .up = true },
			   { .ifindex = MACSEC0,
			     .name = "macsec0",
			     .kind = "macsec",
			     .lower_ifindex = ETH0,
			     .up = true },
			   { .ifindex = ETH1, .name = "eth1", .up = true } },
		.ev = { .kernel = KERNEL_RELEASE(6, 12),
			.links_state = EVIDENCE_READ,
			.macsec_state = EVIDENCE_READ,
			.routes6_state = EVIDENCE_READ,
			.link_count = 3 },
		.xfrm_state = EVIDENCE_READ,
	};
	world_path(w, driver, family, egress);
}

static inline void world_add_macsec(struct world *w)
{
	w->secy = (struct macsec_evidence){
		.ifindex = MACSEC0,
		.sci = 0x0100563412005452, /* 52:54:00:12:34:56 port 1, in memory order */
		.cipher_suite = MACSEC_DEFAULT_CIPHER_ID,
		.icv_len = MACSEC_STD_ICV_LEN,
		.encoding_an = 2,
		.protect = true,
		.encrypt = true,
		.operational = true,
		.validate = MACSEC_VALIDATE_STRICT,
		.tx_sa = { [2] = { .present = true, .active = true } },
		.rxsc_count = 1,
	};
	if (w->path.driver->egress == EGRESS_NIC_MACSEC_IPSEC)
		w->secy.offload = MACSEC_OFFLOAD_MAC;
	w->rxsc[0] = (struct macsec_rxsc_evidence){ .sci = 1, .active = true, .sa = { [1] = { true, true } } };
	w->ev.secy_count = 1;
}

static inline struct xfrm_policy_evidence esp_policy(const struct world *w, uint8_t dir, uint8_t from, uint8_t to)
{
	bool nic = w->path.driver->egress == EGRESS_NIC_MACSEC_IPSEC;

	return (struct xfrm_policy_evidence){
		.sel = { .family = w->path.family,
			 .saddr = host(w, from),
			 .daddr = host(w, to),
			 .saddr_prefix = from ? full_prefix(w) : 0,
			 .daddr_prefix = to ? full_prefix(w) : 0,
			 .proto = IPPROTO_UDP },
		.dir = dir,
		.action = XFRM_POLICY_ALLOW,
		.type = XFRM_POLICY_TYPE_MAIN,
		.priority = 1000,
		.index = 8 + dir,
		.offload = { .ifindex = nic ? w->path.egress_ifindex : 0, .packet = nic },
		.tmpl = { { .family = w->path.family, .reqid = 7, .proto = IPPROTO_ESP, .mode = XFRM_MODE_TRANSPORT } },
		.tmpl_count = 1,
	};
}

static inline struct xfrm_sa_evidence esp_sa(const struct world *w, uint32_t spi, uint8_t from, uint8_t to)
{
	bool nic = w->path.driver->egress == EGRESS_NIC_MACSEC_IPSEC;

	return (struct xfrm_sa_evidence){
		.daddr = host(w, to),
		.saddr = host(w, from),
		.family = w->path.family,
		.spi = spi,
		.reqid = 7,
		.proto = IPPROTO_ESP,
		.mode = XFRM_MODE_TRANSPORT,
		.offload = { .ifindex = nic ? w->path.egress_ifindex : 0, .packet = nic },
		.has_aead = true,
		.algorithm = "rfc4106(gcm(aes))",
		.key_bits = 288,
		.icv_bits = 128,
	};
}

static inline void world_add_ipsec(struct world *w)
{
	w->policies[OUT] = esp_policy(w, XFRM_POLICY_OUT, 1, 2);
	w->policies[IN] = esp_policy(w, XFRM_POLICY_IN, 2, 1);
	w->policy_count = 2;
	w->sas[OUT] = esp_sa(w, 0xc0ffee01, 1, 2);
	w->sas[IN] = esp_sa(w, 0xc0ffee02, 2, 1);
	w->sa_count = 2;
}

static inline struct xfrm_policy_evidence *add_policy(struct world *w, struct xfrm_policy_evidence policy)
{
	cr_assert_lt(w->policy_count, WORLD_ROOM);
	w->policies[w->policy_count] = policy;
	return &w->policies[w->policy_count++];
}

static inline struct xfrm_sa_evidence *add_sa(struct world *w, struct xfrm_sa_evidence sa)
{
	cr_assert_lt(w->sa_count, WORLD_ROOM);
	w->sas[w->sa_count] = sa;
	return &w->sas[w->sa_count++];
}

/* Returns a table that the caller owns. */
static inline struct xfrm_table *world_table(const struct world *w)
{
	struct xfrm_policy_evidence policies[WORLD_ROOM];
	struct xfrm_table *table;

	memcpy(policies, w->policies, sizeof(policies));
	for (size_t i = 0; i < w->policy_count; i++)
		for (size_t before = 0; before < i; before++)
			if (policies[before].index == policies[i].index)
				policies[i].index += 8 * WORLD_ROOM; /* the kernel gives none twice */
	table = table_of(policies, w->policy_count, w->sas, w->sa_count);
	if (w->xfrm_state != EVIDENCE_READ)
		xfrm_table_reset(table, w->xfrm_state, w->xfrm_error);
	return table;
}

static inline void *exact_copy(const void *from, size_t size)
{
	void *copy = malloc(size);

	cr_assert(copy || !size);
	return size ? memcpy(copy, from, size) : copy;
}

/* The details of a protection, or the reason. Of the last eight calls. */
static inline const char *words_of(const struct verdict *v, const struct path *path)
{
	static char texts[8][640];
	static unsigned next;
	char *text = texts[next++ % 8];

	if (v->kind == VERDICT_PROTECTED)
		verdict_details(v, path, text, sizeof(texts[0]));
	else
		verdict_text(v, path, text, sizeof(texts[0]));
	return text;
}

/* "first,second", as users see them. */
static inline const char *codes_of(const struct verdict *v, char codes[REASONS_TEXT_MAX])
{
	return reasons_text((const uint32_t[REASONS_MAX]){ v->why[0].reason, v->why[1].reason }, codes);
}

/* decide() overwrites every field, and a refusal names no protection. */
static inline void judge(const struct world *w, struct verdict *out)
{
	struct macsec_evidence secy = w->secy;
	struct evidence ev = w->ev;

	secy.rxsc = exact_copy(w->rxsc, secy.rxsc_count * sizeof(w->rxsc[0]));
	ev.secys = exact_copy(&secy, ev.secy_count * sizeof(secy));
	ev.links = exact_copy(w->links, ev.link_count * sizeof(w->links[0]));
	ev.xfrm = world_table(w);
	memset(out, 0xa5, sizeof(*out));
	decide(&w->path, &ev, &w->req, out);
	free(secy.rxsc);
	free(ev.secys);
	free(ev.links);
	xfrm_table_free(ev.xfrm);
}

static inline void expect_sound(const struct verdict *v, const struct path *path, const char *row)
{
	char text[640], details[640];

	verdict_text(v, path, text, sizeof(text));
	verdict_details(v, path, details, sizeof(details));
	if (v->kind == VERDICT_PROTECTED) {
		cr_expect_neq(v->by, BY_NOTHING, "%s: protected by nothing", row);
		cr_expect(!v->why[0].reason && !v->why[1].reason, "%s: protected, with a reason", row);
		cr_expect(details[0] && !text[0], "%s: details '%s', reason '%s'", row, details, text);
		return;
	}
	cr_expect_eq(v->by, BY_NOTHING, "%s: refused, but by %s", row, protection_name(v->by));
	cr_expect(text[0] && !details[0], "%s: details '%s', reason '%s'", row, details, text);
	cr_expect(v->why[0].reason && v->why[0].reason < REASON_COUNT, "%s: no reason", row);
	cr_expect(v->why[1].reason < REASON_COUNT, "%s", row);
	cr_expect(!v->spi_out && !v->spi_in && !v->reqid, "%s: a refusal names an SA", row);
	cr_expect(!v->secy_ifindex || v->kind == VERDICT_UNKNOWN, "%s: a refusal names a SecY", row);
	cr_expect(!v->kernel_drops || v->kind == VERDICT_UNPROTECTED, "%s: unknown, but the kernel drops it", row);
}

/* One change to the world, and the expected verdict. */
struct row {
	const char *name;
	void (*change)(struct world *w);
	enum verdict_kind kind;
	const char *says; /* refused: the codes of its reasons; protected: a part of the details */
};

/* defines change_<name>(), which changes the world `w` */
#define CHANGE(name, ...)                          \
	static void change_##name(struct world *w) \
	{                                          \
		__VA_ARGS__;                       \
	}
#define ROW(name, kind, says)                              \
	{                                                  \
#name, change_##name, VERDICT_##kind, says \
	}

/* The sentence of each row is in tests/golden/decide.txt. */
static inline void expect_row_sentence(const struct row *row, const struct world *w, const struct verdict *v)
{
	char line[768];

	text_format(line, sizeof(line), "%s, %s: %s: %s", w->path.driver->name, row->name, verdict_name(v->kind),
		    words_of(v, &w->path));
	expect_golden("decide.txt", line);
}

static inline void check_row(const struct row *row, struct world *w, const char *world_name)
{
	char codes[REASONS_TEXT_MAX];
	struct verdict v;

	if (row->change)
		row->change(w);
	judge(w, &v);
	cr_expect_eq(v.kind, row->kind, "%s, %s: %s (%s), not %s", world_name, row->name, verdict_name(v.kind),
		     words_of(&v, &w->path), verdict_name(row->kind));
	expect_sound(&v, &w->path, row->name);
	if (v.kind == VERDICT_PROTECTED) {
		cr_expect(strstr(words_of(&v, &w->path), row->says), "%s, %s: '%s' does not contain '%s'", world_name,
			  row->name, words_of(&v, &w->path), row->says);
		return;
	}
	cr_expect_str_eq(codes_of(&v, codes), row->says, "%s, %s: reason=%s (%s), not %s", world_name, row->name, codes,
			 words_of(&v, &w->path), row->says);
	expect_row_sentence(row, w, &v);
}

#endif
