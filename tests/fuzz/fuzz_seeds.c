// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Writes inputs that a fuzzer does not guess soon: `fuzz_seeds FOLDER` writes FOLDER/FUZZER/seed-NAME. They are kept in
 * tests/fuzz/corpus. Needed again when the form of an input changes; buildlib/fuzz-coverage tells what they reach.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <linux/if_ether.h>
#include <linux/if_macsec.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/openat2.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <linux/xfrm.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/rdma_netlink.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "evidence/private.h"
#include "must.h"

enum { SEED_MAX = 8192, WITH_END = 1 << 4, AS_EXPECTED = 1 << 5, MACSEC_FAMILY = 33 };

/* The parts of fuzz_netlink behind those of the evidence. */
enum { PART_RESOURCES = EVIDENCE_PART_COUNT + 1, PART_EVENTS };

static const char *folder;
static struct {
	uint8_t data[SEED_MAX];
	size_t size;
} seed;

static void add(const void *data, size_t size)
{
	MUST(seed.size + size <= SEED_MAX);
	memcpy(seed.data + seed.size, data, size);
	seed.size += size;
}

static void add_octet(unsigned int value)
{
	const uint8_t octet = (uint8_t)value;

	add(&octet, 1);
}

static void write_seed(const char *fuzzer, const char *name)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", folder, fuzzer);
	(void)mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/%s/seed-%s", folder, fuzzer, name);
	fd = open(path, O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
	MUST(fd >= 0 && write(fd, seed.data, seed.size) == (ssize_t)seed.size && !close(fd));
	seed.size = 0;
}

/* ---- answers of netlink ---- */

static struct nl_msg *message_new(int type, const void *head, size_t size)
{
	struct nl_msg *message = nlmsg_alloc();

	MUST(message && nlmsg_put(message, 0, 0, type, 0, NLM_F_MULTI));
	MUST(!nlmsg_append(message, (void *)head, size, NLMSG_ALIGNTO));
	return message;
}

/* A datagram of one message; `how` as in fuzz_netlink.c. */
static void add_datagram(struct nl_msg *message, unsigned int how)
{
	const struct nlmsghdr *header = nlmsg_hdr(message);
	size_t len = NLMSG_ALIGN(header->nlmsg_len);

	add_octet(how);
	add_octet(len & 0xff);
	add_octet(len >> 8);
	add(header, len);
	nlmsg_free(message);
}

static void put_secy(struct nl_msg *message)
{
	struct nlattr *nest = nla_nest_start(message, MACSEC_ATTR_SECY);

	MUST(nest && !nla_put_u64(message, MACSEC_SECY_ATTR_SCI, 1) &&
	     !nla_put_u8(message, MACSEC_SECY_ATTR_ENCODING_SA, 1) &&
	     !nla_put_u64(message, MACSEC_SECY_ATTR_CIPHER_SUITE, MACSEC_DEFAULT_CIPHER_ID) &&
	     !nla_put_u8(message, MACSEC_SECY_ATTR_ICV_LEN, 16) && !nla_put_u8(message, MACSEC_SECY_ATTR_PROTECT, 1) &&
	     !nla_put_u8(message, MACSEC_SECY_ATTR_OPER, 1) && !nla_put_u8(message, MACSEC_SECY_ATTR_VALIDATE, 2) &&
	     !nla_put_u8(message, MACSEC_SECY_ATTR_ENCRYPT, 1));
	nla_nest_end(message, nest);
}

static void put_sas(struct nl_msg *message, int list)
{
	struct nlattr *sas = nla_nest_start(message, list);

	MUST(sas);
	for (uint8_t an = 0; an < 2; an++) {
		struct nlattr *sa = nla_nest_start(message, an + 1);

		MUST(sa && !nla_put_u8(message, MACSEC_SA_ATTR_AN, an) &&
		     !nla_put_u8(message, MACSEC_SA_ATTR_ACTIVE, an));
		nla_nest_end(message, sa);
	}
	nla_nest_end(message, sas);
}

static void put_receive_channel(struct nl_msg *message)
{
	struct nlattr *list = nla_nest_start(message, MACSEC_ATTR_RXSC_LIST), *channel;

	channel = nla_nest_start(message, 1);
	MUST(list && channel && !nla_put_u64(message, MACSEC_RXSC_ATTR_SCI, 2) &&
	     !nla_put_u8(message, MACSEC_RXSC_ATTR_ACTIVE, 1));
	put_sas(message, MACSEC_RXSC_ATTR_SA_LIST);
	nla_nest_end(message, channel);
	nla_nest_end(message, list);
}

static struct nl_msg *secy_message(uint32_t ifindex)
{
	const struct genlmsghdr head = { .cmd = MACSEC_CMD_GET_TXSC };
	struct nl_msg *message = message_new(MACSEC_FAMILY, &head, sizeof(head));
	struct nlattr *offload;

	MUST(!nla_put_u32(message, MACSEC_ATTR_IFINDEX, ifindex));
	put_secy(message);
	offload = nla_nest_start(message, MACSEC_ATTR_OFFLOAD);
	MUST(offload && !nla_put_u8(message, MACSEC_OFFLOAD_ATTR_TYPE, MACSEC_OFFLOAD_MAC));
	nla_nest_end(message, offload);
	put_sas(message, MACSEC_ATTR_TXSA_LIST);
	put_receive_channel(message);
	return message;
}

static void seed_macsec(void)
{
	add_octet(EVIDENCE_PART_MACSEC);
	add_octet(AS_EXPECTED);
	add_octet(0);
	add_datagram(secy_message(3), 0);
	add_datagram(secy_message(4), WITH_END);
	write_seed("fuzz_netlink", "macsec");
}

static void seed_routes6(void)
{
	const struct rtmsg head = { .rtm_family = AF_INET6, .rtm_dst_len = 64, .rtm_type = RTN_UNICAST };
	const struct {
		struct rtnexthop hop;
		struct rtattr gateway;
		uint8_t address[16];
	} hops[2] = { { .hop = { .rtnh_len = 36, .rtnh_ifindex = 3 }, .gateway = { 20, RTA_GATEWAY } },
		      { .hop = { .rtnh_len = 36, .rtnh_ifindex = 4 }, .gateway = { 20, RTA_GATEWAY } } };
	const uint8_t network[16] = { 0x20, 0x01, 0x0d, 0xb8 };
	struct nl_msg *message = message_new(RTM_NEWROUTE, &head, sizeof(head));

	MUST(!nla_put(message, RTA_DST, sizeof(network), network) &&
	     !nla_put(message, RTA_MULTIPATH, sizeof(hops), hops));
	add_octet(EVIDENCE_PART_ROUTES6);
	add_datagram(message, WITH_END);
	write_seed("fuzz_netlink", "routes6-next-hops");
}

/* ---- nftables ---- */

static struct nl_msg *nft_message(int type)
{
	const struct nfgenmsg head = { .nfgen_family = NFPROTO_IPV4 };

	return message_new(NFNL_SUBSYS_NFTABLES << 8 | type, &head, sizeof(head));
}

static void put_number(struct nl_msg *message, int type, uint32_t number)
{
	MUST(!nla_put_u32(message, type, htonl(number)));
}

static struct nl_msg *nft_chain(const char *name, bool base)
{
	struct nl_msg *message = nft_message(NFT_MSG_NEWCHAIN);
	struct nlattr *hook;

	MUST(!nla_put_string(message, NFTA_CHAIN_TABLE, "n") && !nla_put_string(message, NFTA_CHAIN_NAME, name));
	if (!base)
		return message;
	hook = nla_nest_start(message, NFTA_CHAIN_HOOK);
	MUST(hook);
	put_number(message, NFTA_HOOK_HOOKNUM, NF_INET_POST_ROUTING);
	put_number(message, NFTA_HOOK_PRIORITY, 100);
	nla_nest_end(message, hook);
	MUST(!nla_put_string(message, NFTA_CHAIN_TYPE, "nat"));
	return message;
}

/* An expression is open until its data have been put and both nests ended. */
static struct nlattr *expression_begin(struct nl_msg *message, const char *name, struct nlattr **element)
{
	*element = nla_nest_start(message, NFTA_LIST_ELEM);
	MUST(*element && !nla_put_string(message, NFTA_EXPR_NAME, name));
	return nla_nest_start(message, NFTA_EXPR_DATA);
}

static void expression_end(struct nl_msg *message, struct nlattr *element, struct nlattr *data)
{
	nla_nest_end(message, data);
	nla_nest_end(message, element);
}

static void put_port_is_4791(struct nl_msg *message)
{
	struct nlattr *element, *data = expression_begin(message, "payload", &element), *value;

	put_number(message, NFTA_PAYLOAD_DREG, NFT_REG_1);
	put_number(message, NFTA_PAYLOAD_BASE, NFT_PAYLOAD_TRANSPORT_HEADER);
	put_number(message, NFTA_PAYLOAD_OFFSET, 2);
	put_number(message, NFTA_PAYLOAD_LEN, 2);
	expression_end(message, element, data);
	data = expression_begin(message, "cmp", &element);
	put_number(message, NFTA_CMP_SREG, NFT_REG_1);
	put_number(message, NFTA_CMP_OP, NFT_CMP_EQ);
	value = nla_nest_start(message, NFTA_CMP_DATA);
	MUST(value && !nla_put_u16(message, NFTA_DATA_VALUE, htons(4791)));
	nla_nest_end(message, value);
	expression_end(message, element, data);
}

static void put_jump(struct nl_msg *message, const char *chain)
{
	struct nlattr *element, *data = expression_begin(message, "immediate", &element), *value, *verdict;

	put_number(message, NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
	value = nla_nest_start(message, NFTA_IMMEDIATE_DATA);
	verdict = nla_nest_start(message, NFTA_DATA_VERDICT);
	MUST(value && verdict);
	put_number(message, NFTA_VERDICT_CODE, (uint32_t)NFT_JUMP);
	MUST(!nla_put_string(message, NFTA_VERDICT_CHAIN, chain));
	nla_nest_end(message, verdict);
	nla_nest_end(message, value);
	expression_end(message, element, data);
}

/* By a map of ports, and whether the port is in a set of intervals: the key is in the register that was compared. */
static void put_lookup(struct nl_msg *message, const char *set, bool is_map)
{
	struct nlattr *element, *data = expression_begin(message, "lookup", &element);

	MUST(!nla_put_string(message, NFTA_LOOKUP_SET, set));
	put_number(message, NFTA_LOOKUP_SREG, NFT_REG_1);
	if (is_map)
		put_number(message, NFTA_LOOKUP_DREG, NFT_REG_VERDICT);
	expression_end(message, element, data);
}

static struct nl_msg *nft_set(const char *name, uint32_t flags)
{
	struct nl_msg *message = nft_message(NFT_MSG_NEWSET);

	MUST(!nla_put_string(message, NFTA_SET_TABLE, "n") && !nla_put_string(message, NFTA_SET_NAME, name));
	put_number(message, NFTA_SET_FLAGS, flags);
	put_number(message, NFTA_SET_KEY_LEN, 2);
	return message;
}

static void put_port_of_set(struct nl_msg *message, uint16_t port, uint32_t flags, const char *chain)
{
	struct nlattr *item = nla_nest_start(message, NFTA_LIST_ELEM), *key, *data, *verdict;

	MUST(item);
	key = nla_nest_start(message, NFTA_SET_ELEM_KEY);
	MUST(key && !nla_put_u16(message, NFTA_DATA_VALUE, htons(port)));
	nla_nest_end(message, key);
	put_number(message, NFTA_SET_ELEM_FLAGS, flags);
	if (chain) {
		data = nla_nest_start(message, NFTA_SET_ELEM_DATA);
		verdict = nla_nest_start(message, NFTA_DATA_VERDICT);
		MUST(data && verdict);
		put_number(message, NFTA_VERDICT_CODE, (uint32_t)NFT_GOTO);
		MUST(!nla_put_string(message, NFTA_VERDICT_CHAIN, chain));
		nla_nest_end(message, verdict);
		nla_nest_end(message, data);
	}
	nla_nest_end(message, item);
}

static struct nl_msg *nft_elements(const char *set, const char *chain)
{
	struct nl_msg *message = nft_message(NFT_MSG_NEWSETELEM);
	struct nlattr *list;

	MUST(!nla_put_string(message, NFTA_SET_ELEM_LIST_TABLE, "n") &&
	     !nla_put_string(message, NFTA_SET_ELEM_LIST_SET, set));
	list = nla_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	MUST(list);
	put_port_of_set(message, chain ? 4791 : 5000, chain ? 0 : NFT_SET_ELEM_INTERVAL_END, chain);
	put_port_of_set(message, chain ? 53 : 4000, 0, chain);
	nla_nest_end(message, list);
	return message;
}

static struct nl_msg *nft_rule(const char *chain, const char *to)
{
	struct nl_msg *message = nft_message(NFT_MSG_NEWRULE);
	struct nlattr *list, *element, *data;

	MUST(!nla_put_string(message, NFTA_RULE_TABLE, "n") && !nla_put_string(message, NFTA_RULE_CHAIN, chain));
	list = nla_nest_start(message, NFTA_RULE_EXPRESSIONS);
	put_port_is_4791(message);
	if (to) {
		put_lookup(message, "i", false);
		put_lookup(message, "m", true);
		put_jump(message, to);
	} else {
		data = expression_begin(message, "masq", &element);
		expression_end(message, element, data);
	}
	nla_nest_end(message, list);
	return message;
}

static void seed_netfilter(void)
{
	struct nl_msg *table = nft_message(NFT_MSG_NEWTABLE);

	MUST(!nla_put_string(table, NFTA_TABLE_NAME, "n"));
	put_number(table, NFTA_TABLE_FLAGS, 0);
	add_octet(0xff);
	add_datagram(table, WITH_END);
	add_datagram(nft_chain("to", false), 0);
	add_datagram(nft_chain("post", true), WITH_END);
	add_datagram(nft_rule("to", NULL), 0);
	add_datagram(nft_rule("post", "to"), WITH_END);
	add_datagram(nft_set("i", NFT_SET_INTERVAL), 0);
	add_datagram(nft_set("m", NFT_SET_MAP), WITH_END);
	add_datagram(nft_elements("i", NULL), WITH_END);
	add_datagram(nft_elements("m", "to"), WITH_END);
	write_seed("fuzz_netlink", "netfilter");
}

/* ---- filters of tc ---- */

static struct nl_msg *tc_message(int type, uint32_t handle, uint32_t parent, const char *kind)
{
	const struct tcmsg header = {
		.tcm_ifindex = 2, .tcm_handle = handle, .tcm_parent = parent, .tcm_info = 10U << 16 | htons(ETH_P_ALL)
	};
	struct nl_msg *message = message_new(type, &header, sizeof(header));

	MUST(!nla_put_string(message, TCA_KIND, kind));
	return message;
}

static void put_action(struct nl_msg *message, int number, const char *kind, int verdict)
{
	const struct tc_mirred mirred = { .action = verdict, .eaction = TCA_EGRESS_REDIR, .ifindex = 5 };
	struct nlattr *item = nla_nest_start(message, number), *options;

	MUST(item && !nla_put_string(message, TCA_ACT_KIND, kind));
	options = nla_nest_start(message, TCA_ACT_OPTIONS);
	MUST(options && !nla_put(message, TCA_MIRRED_PARMS, sizeof(mirred), &mirred));
	nla_nest_end(message, options);
	nla_nest_end(message, item);
}

static void put_u32_selector(struct nl_msg *message)
{
	const struct tc_u32_sel selector = { .flags = TC_U32_TERMINAL, .nkeys = 1 };
	const struct tc_u32_key port = { .mask = htonl(0xffff), .val = htonl(4791), .off = 20 };
	char both[sizeof(selector) + sizeof(port)];

	memcpy(both, &selector, sizeof(selector));
	memcpy(both + sizeof(selector), &port, sizeof(port));
	MUST(!nla_put(message, TCA_U32_SEL, sizeof(both), both));
}

static void put_flower_keys(struct nl_msg *message)
{
	MUST(!nla_put_u16(message, TCA_FLOWER_KEY_ETH_TYPE, htons(ETH_P_IP)) &&
	     !nla_put_u8(message, TCA_FLOWER_KEY_IP_PROTO, 17) &&
	     !nla_put_u16(message, TCA_FLOWER_KEY_UDP_DST, htons(4791)) &&
	     !nla_put_u16(message, TCA_FLOWER_KEY_UDP_DST_MASK, 0xffff));
}

static struct nl_msg *tc_filter(const char *kind, void (*put_keys)(struct nl_msg *message), int actions)
{
	struct nl_msg *message = tc_message(RTM_NEWTFILTER, 1, 0xfffffff3, kind);
	struct nlattr *options = nla_nest_start(message, TCA_OPTIONS), *list;

	MUST(options);
	if (put_keys)
		put_keys(message);
	list = nla_nest_start(message, actions);
	MUST(list);
	put_action(message, 1, "skbedit", TC_ACT_PIPE);
	put_action(message, 2, "mirred", TC_ACT_STOLEN);
	nla_nest_end(message, list);
	nla_nest_end(message, options);
	return message;
}

static void seed_traffic(void)
{
	add_octet(0xfe);
	add_datagram(tc_message(RTM_NEWQDISC, 0xffff0000, 0xfffffff1, "clsact"), 0);
	add_datagram(tc_message(RTM_NEWQDISC, 0x10000, TC_H_ROOT, "htb"), WITH_END);
	add_datagram(tc_message(RTM_NEWTCLASS, 0x10001, TC_H_ROOT, "htb"), WITH_END);
	add_datagram(tc_filter("flower", put_flower_keys, TCA_FLOWER_ACT), 0);
	add_datagram(tc_filter("u32", put_u32_selector, TCA_U32_ACT), WITH_END);
	add_datagram(tc_filter("matchall", NULL, TCA_MATCHALL_ACT), WITH_END);
	write_seed("fuzz_netlink", "traffic");
}

/* ---- RDMA netlink ---- */

static struct nl_msg *nldev_message(int command)
{
	return message_new(RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, command), "", 0);
}

static void put_qp(struct nl_msg *message, uint32_t qpn, const char *owner)
{
	struct nlattr *entry = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_QP_ENTRY);

	MUST(entry && !nla_put_u32(message, RDMA_NLDEV_ATTR_PORT_INDEX, 1) &&
	     !nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, qpn) &&
	     !nla_put_u32(message, RDMA_NLDEV_ATTR_RES_RQPN, qpn + 1) &&
	     !nla_put_u8(message, RDMA_NLDEV_ATTR_RES_TYPE, 2) && !nla_put_u8(message, RDMA_NLDEV_ATTR_RES_STATE, 3));
	if (owner)
		MUST(!nla_put_string(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, owner));
	else
		MUST(!nla_put_u32(message, RDMA_NLDEV_ATTR_RES_PID, 77));
	nla_nest_end(message, entry);
}

static struct nl_msg *qps_message(void)
{
	struct nl_msg *message = nldev_message(RDMA_NLDEV_CMD_RES_QP_GET);
	struct nlattr *table;

	MUST(!nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, 0));
	table = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_QP);
	MUST(table);
	put_qp(message, 17, NULL);
	put_qp(message, 18, "rdma_cm");
	nla_nest_end(message, table);
	return message;
}

static struct nl_msg *cm_ids_message(void)
{
	struct nl_msg *message = nldev_message(RDMA_NLDEV_CMD_RES_CM_ID_GET);
	struct nlattr *table, *entry;

	MUST(!nla_put_u32(message, RDMA_NLDEV_ATTR_DEV_INDEX, 0));
	table = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_CM_ID);
	entry = nla_nest_start(message, RDMA_NLDEV_ATTR_RES_CM_ID_ENTRY);
	MUST(table && entry && !nla_put_u32(message, RDMA_NLDEV_ATTR_RES_LQPN, 18) &&
	     !nla_put_string(message, RDMA_NLDEV_ATTR_RES_KERN_NAME, "nvme_rdma"));
	nla_nest_end(message, entry);
	nla_nest_end(message, table);
	return message;
}

static void seed_resources(void)
{
	struct nl_msg *device = nldev_message(RDMA_NLDEV_CMD_GET);

	MUST(!nla_put_u32(device, RDMA_NLDEV_ATTR_DEV_INDEX, 0) &&
	     !nla_put_string(device, RDMA_NLDEV_ATTR_DEV_NAME, "rxe0"));
	add_octet(PART_RESOURCES);
	add_datagram(device, WITH_END);
	add_datagram(qps_message(), WITH_END);
	add_datagram(cm_ids_message(), WITH_END);
	write_seed("fuzz_netlink", "nldev-qps");
}

/* ---- events of xfrm ---- */

static void add_event(int type, struct nl_msg *message)
{
	size_t len = (size_t)nlmsg_datalen(nlmsg_hdr(message));

	add_octet((unsigned int)(type - XFRM_MSG_BASE));
	add_octet(len & 0xff);
	add_octet(len >> 8);
	add(nlmsg_data(nlmsg_hdr(message)), len);
	nlmsg_free(message);
}

static struct xfrm_usersa_info sa_info(void)
{
	struct xfrm_usersa_info info = { .family = AF_INET, .reqid = 7, .mode = XFRM_MODE_TRANSPORT };

	info.id.proto = IPPROTO_ESP;
	info.id.spi = htonl(0x1234);
	info.id.daddr.a4 = htonl(0x0a000002);
	info.saddr.a4 = htonl(0x0a000001);
	info.lft.soft_byte_limit = info.lft.hard_byte_limit = XFRM_INF;
	info.lft.soft_packet_limit = info.lft.hard_packet_limit = XFRM_INF;
	return info;
}

static struct nl_msg *sa_message(void)
{
	const struct xfrm_usersa_info info = sa_info();
	struct nl_msg *message = message_new(XFRM_MSG_NEWSA, &info, sizeof(info));
	const struct xfrm_algo_aead head = { .alg_name = "rfc4106(gcm(aes))", .alg_key_len = 160, .alg_icv_len = 128 };
	uint8_t aead[sizeof(head) + 20] = { 0 };

	memcpy(aead, &head, sizeof(head));
	MUST(!nla_put(message, XFRMA_ALG_AEAD, sizeof(aead), aead));
	return message;
}

static struct nl_msg *expire_message(uint8_t hard)
{
	const struct xfrm_user_expire expire = { .state = sa_info(), .hard = hard };

	return message_new(XFRM_MSG_EXPIRE, &expire, sizeof(expire));
}

static void seed_events(void)
{
	add_octet(PART_EVENTS);
	add_event(XFRM_MSG_NEWSA, sa_message());
	add_event(XFRM_MSG_EXPIRE, expire_message(0));
	add_event(XFRM_MSG_EXPIRE, expire_message(1));
	write_seed("fuzz_netlink", "sa-expires");
}

/* ---- the supervisor ---- */

/* A new fd in an attribute behind the sixty-fourth. */
static void seed_late_fd(const char *fuzzer)
{
	enum { COUNT = 70 };
	struct ib_uverbs_ioctl_hdr head = { .object_id = UVERBS_OBJECT_ASYNC_EVENT,
					    .method_id = UVERBS_METHOD_ASYNC_EVENT_ALLOC,
					    .num_attrs = COUNT };

	head.length = (uint16_t)(sizeof(head) + COUNT * sizeof(struct ib_uverbs_attr));
	add_octet(!strcmp(fuzzer, "fuzz_supervisor_snapshot"));
	add(&head, sizeof(head));
	for (unsigned int i = 0; i < COUNT; i++) {
		struct ib_uverbs_attr attr = { .attr_id = (uint16_t)(0x0f00 + i) };

		if (i == COUNT - 1)
			attr.attr_id = UVERBS_ATTR_ASYNC_EVENT_ALLOC_FD_HANDLE;
		add(&attr, sizeof(attr));
	}
	write_seed(fuzzer, "late-fd");
}

/* The same for the copy alone; and an input and an output behind pointers. */
static void seed_snapshot(void)
{
	struct ib_uverbs_ioctl_hdr head = { .object_id = UVERBS_OBJECT_DEVICE,
					    .method_id = UVERBS_METHOD_INVOKE_WRITE,
					    .num_attrs = 3 };
	const struct ib_uverbs_attr attrs[] = {
		{ .attr_id = UVERBS_ATTR_WRITE_CMD, .len = 4, .data = 5 },
		{ .attr_id = UVERBS_ATTR_CORE_IN, .len = 16, .data = 128 },
		{ .attr_id = UVERBS_ATTR_CORE_OUT, .len = 16, .data = 160 },
	};
	const uint8_t memory[128] = { 0 };

	head.length = (uint16_t)(sizeof(head) + sizeof(attrs));
	add_octet(1);
	add(&head, sizeof(head));
	add(attrs, sizeof(attrs));
	add(memory, sizeof(memory));
	write_seed("fuzz_supervisor_snapshot", "write-command");
}

/* A path, and flags of openat2(2) behind it. */
static void seed_open(void)
{
	const uint8_t as_program[8] = { 1, 0, 0, 0, 2 }, with_how[8] = { 1 | 8, 0, 0, 16, 24 };
	const char path[16] = "/dev/null";
	const struct open_how how = { .flags = O_RDWR };

	add(as_program, sizeof(as_program));
	add(path, sizeof(path));
	write_seed("fuzz_supervisor_open", "as-program");
	add(with_how, sizeof(with_how));
	add(path, sizeof(path));
	add(&how, sizeof(how));
	write_seed("fuzz_supervisor_open", "with-how");
}

/* ---- the agent ---- */

static void seed_container(void)
{
	static const char state[] =
		"{\"ociVersion\":\"1.0.2\",\"fds\":[\"seccompFd\"],\"pid\":4243,\"state\":{\"ociVersion\":\"1.0.2\","
		"\"id\":\"web-1\",\"status\":\"running\",\"pid\":4242,\"bundle\":\"/b\"}}";
	static const char config[] = "{\"linux\":{\"devices\":[{\"path\":\"/dev/infiniband/"
				     "uverbs0\",\"type\":\"c\",\"major\":231,\"minor\":192}],"
				     "\"resources\":{\"devices\":[{\"allow\":true,\"type\":\"c\",\"major\":231,"
				     "\"minor\":192,\"access\":\"rwm\"}]}}}";

	add_octet(7);
	add(state, sizeof(state) - 1);
	write_seed("fuzz_container_message", "state");
	add_octet(7);
	add(config, sizeof(config) - 1);
	write_seed("fuzz_container_message", "config");
}

/* ---- the engine ---- */

static void seed_engine(void)
{
	/* create, done, address, done, look, list, enforce */
	static const uint8_t revoked[] = { 0, 0, 1, 4, 0, 4, 1, 4, 3, 8, 6, 1, 5, 1, 6, 1 };
	/* create, done, address; the door dies after the kernel has executed it; the file is closed and opened */
	static const uint8_t dies[] = { 0, 0, 1, 4, 0, 4, 2, 4, 3, 8, 5, 1, 6, 1, 4, 0, 4, 0 };

	add(revoked, sizeof(revoked));
	write_seed("fuzz_engine", "revoked");
	add(dies, sizeof(dies));
	write_seed("fuzz_engine", "door-dies");
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
		return 2;
	}
	folder = argv[1];
	seed_macsec();
	seed_routes6();
	seed_netfilter();
	seed_traffic();
	seed_resources();
	seed_events();
	seed_late_fd("fuzz_supervisor_call");
	seed_late_fd("fuzz_supervisor_snapshot");
	seed_snapshot();
	seed_open();
	seed_container();
	seed_engine();
	return 0;
}
