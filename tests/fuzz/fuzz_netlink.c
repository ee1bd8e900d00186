// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Arbitrary octets as the kernel's answers to every reader of evidence, and as the kernel's events for a table.
 * Input: one octet selects the part (events: see below). Each datagram is one octet of flags (below), two of length,
 * and its octets. A request other than a dump can get a valid answer, so that the fuzzer reaches the dump after it.
 *
 * Checks beyond the sanitizers: evidence that is READ came in complete datagrams with the end of a dump, and is within
 * the bounds of its header. Every other state leaves no evidence, and no answer stays in the buffer.
 */
#include <assert.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/rtnetlink.h>
#include <rdma/rdma_netlink.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>
#include <string.h>

#include "evidence/private.h"
#include "hazards/netfilter.h"
#include "hazards/traffic.h"
#include "rdma/resources.h"
#include "xfrm/table_internal.h"

enum {
	COMES_TRUNCATED = 1 << 0, /* MSG_TRUNC */
	COMES_FROM_ELSEWHERE = 1 << 1,
	COMES_UNSTAMPED = 1 << 2,   /* with the input's sequence and port, otherwise with those of the request */
	COMES_NOT = 1 << 3,         /* ENOBUFS */
	COMES_WITH_END = 1 << 4,    /* followed by a NLMSG_DONE, which is hard to guess */
	COMES_AS_EXPECTED = 1 << 5, /* one octet more instead of a length: see put_answer() */
	NETFILTER_PART = 0xff,      /* of the first octet; others count modulo the rest */
	TRAFFIC_PART = 0xfe,
};

struct script {
	const uint8_t *data;
	size_t size;
	uint32_t seq;
	uint16_t asked; /* nlmsg_type, 0: a dump */
	int opens, closes;
	bool tainted;     /* this socket delivered a datagram after which it must not be trusted */
	bool is_optional; /* the dump only adds names to a result that stands without them */
	void *buffer;
	size_t filled;
	bool end_is_due;
};

static void check_wiped(struct script *script)
{
	for (size_t i = 0; i < script->filled; i++)
		assert(((char *)script->buffer)[i] == 0);
	if (script->buffer)
		ASAN_UNPOISON_MEMORY_REGION(script->buffer, NETLINK_BUFFER_SIZE);
	script->filled = 0;
}

static int script_open(void *context, int protocol, int *out_handle, uint32_t *out_port)
{
	struct script *script = context;

	(void)protocol;
	*out_handle = script->opens++;
	*out_port = 4711;
	script->tainted = false;
	script->end_is_due = false;
	return 0;
}

static int script_send(void *context, int handle, const struct nlmsghdr *request)
{
	struct script *script = context;

	assert(handle == script->opens - 1);
	assert(request->nlmsg_flags & NLM_F_REQUEST);
	script->seq = request->nlmsg_seq;
	script->asked = request->nlmsg_flags & NLM_F_DUMP ? 0 : request->nlmsg_type;
	script->is_optional = request->nlmsg_type == RDMA_NL_GET_TYPE(RDMA_NL_NLDEV, RDMA_NLDEV_CMD_RES_CM_ID_GET);
	return 0;
}

/* An independent walk over the messages: stamps them, and returns whether they fill the datagram. */
static bool stamp(const struct script *script, char *data, size_t len, bool stamped)
{
	size_t at = 0;

	while (at < len) {
		struct nlmsghdr header;

		if (len - at < sizeof(header))
			return false;
		memcpy(&header, data + at, sizeof(header));
		if (header.nlmsg_len < sizeof(header) || header.nlmsg_len > len - at)
			return false;
		if (stamped) {
			header.nlmsg_seq = script->seq;
			header.nlmsg_pid = 4711;
			memcpy(data + at, &header, sizeof(header));
		} else if (header.nlmsg_seq != script->seq || header.nlmsg_pid != 4711) {
			return false;
		}
		if (!script->asked && header.nlmsg_flags & NLM_F_DUMP_INTR)
			return false;
		at += NLMSG_ALIGN(header.nlmsg_len);
	}
	return len > 0;
}

static size_t put_end(struct script *script, char *to)
{
	const struct {
		struct nlmsghdr header;
		int error;
	} end = { .header = { .nlmsg_len = NLMSG_LENGTH(sizeof(int)),
			      .nlmsg_type = NLMSG_DONE,
			      .nlmsg_flags = NLM_F_MULTI,
			      .nlmsg_seq = script->seq,
			      .nlmsg_pid = 4711 } };

	script->end_is_due = false;
	memcpy(to, &end, sizeof(end));
	return sizeof(end);
}

static void put_sa_answer(const struct script *script, struct nl_msg *answer, uint8_t what)
{
	const struct xfrmu_sadhinfo buckets = { .sadhcnt = what };
	const struct nlmsgerr missing = { .error = -ESRCH };

	if (script->asked == XFRM_MSG_GETSADINFO) {
		assert(nlmsg_put(answer, 4711, script->seq, XFRM_MSG_NEWSADINFO, sizeof(uint32_t), 0));
		assert(!nla_put(answer, XFRMA_SAD_HINFO, sizeof(buckets), &buckets));
	} else {
		assert(nlmsg_put(answer, 4711, script->seq, NLMSG_ERROR, 0, 0));
		assert(!nlmsg_append(answer, (void *)&missing, sizeof(missing), NLMSG_ALIGNTO));
	}
}

/*
 * `what`: for the count of policies, two bits a direction; for the default, what happens on the way out; for SAs, the
 * number of buckets. A single SA is not there.
 */
static size_t put_answer(const struct script *script, char *to, uint8_t what)
{
	const struct genlmsghdr genl = { .cmd = CTRL_CMD_NEWFAMILY };
	const struct xfrmu_spdinfo counts = { .incnt = what & 3, .outcnt = what >> 2 & 3, .fwdcnt = what >> 4 & 3 };
	const struct xfrm_userpolicy_default defaults = { .out = what };
	struct nl_msg *answer = nlmsg_alloc();
	size_t len;

	assert(answer);
	switch (script->asked) {
	case GENL_ID_CTRL:
		assert(nlmsg_put(answer, 4711, script->seq, GENL_ID_CTRL, 0, 0));
		assert(!nlmsg_append(answer, (void *)&genl, sizeof(genl), NLMSG_ALIGNTO));
		assert(!nla_put_u16(answer, CTRL_ATTR_FAMILY_ID, 33));
		break;
	case XFRM_MSG_GETSA:
	case XFRM_MSG_GETSADINFO:
		put_sa_answer(script, answer, what);
		break;
	case XFRM_MSG_GETSPDINFO:
		assert(nlmsg_put(answer, 4711, script->seq, XFRM_MSG_NEWSPDINFO, sizeof(uint32_t), 0));
		assert(!nla_put(answer, XFRMA_SPD_INFO, sizeof(counts), &counts));
		break;
	default:
		assert(nlmsg_put(answer, 4711, script->seq, XFRM_MSG_GETDEFAULT, 0, 0));
		assert(!nlmsg_append(answer, (void *)&defaults, sizeof(defaults), NLMSG_ALIGNTO));
	}
	len = NLMSG_ALIGN(nlmsg_hdr(answer)->nlmsg_len);
	memcpy(to, nlmsg_hdr(answer), len);
	nlmsg_free(answer);
	return len;
}

static size_t take_octets(struct script *script, void *to, size_t len)
{
	if (len > script->size)
		len = script->size;
	memcpy(to, script->data, len);
	script->data += len;
	script->size -= len;
	return len;
}

/* The next datagram of the input, in *how and up to NETLINK_BUFFER_SIZE octets of `to`. */
static ssize_t next_datagram(struct script *script, char *to, uint8_t *how)
{
	uint8_t head[2] = { 0 };
	size_t len;

	if (script->end_is_due)
		return (ssize_t)put_end(script, to);
	if (!take_octets(script, how, 1))
		return -ETIMEDOUT;
	if (script->asked && *how & COMES_AS_EXPECTED) {
		*how = 0;
		take_octets(script, head, 1);
		return (ssize_t)put_answer(script, to, head[0]);
	}
	if (*how & COMES_NOT)
		return -ENOBUFS;
	take_octets(script, head, sizeof(head));
	len = take_octets(script, to, head[0] | (size_t)head[1] << 8);
	if (!(*how & COMES_FROM_ELSEWHERE) && !stamp(script, to, len, !(*how & COMES_UNSTAMPED)))
		script->tainted |= !script->is_optional;
	script->end_is_due = *how & COMES_WITH_END;
	return (ssize_t)len;
}

static ssize_t script_receive(void *context, int handle, struct msghdr *message, int timeout_ms)
{
	struct script *script = context;
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	char *buffer = message->msg_iov->iov_base;
	uint8_t how = 0;
	ssize_t len;

	assert(handle == script->opens - 1 && timeout_ms > 0);
	check_wiped(script);
	script->buffer = buffer;
	len = next_datagram(script, buffer, &how);
	if (len < 0) {
		explicit_bzero(buffer, NETLINK_BUFFER_SIZE); /* caused by the script itself */
		return len;
	}
	script->filled = (size_t)len;
	from.nl_pid = how & COMES_FROM_ELSEWHERE ? 1 : 0;
	memcpy(message->msg_name, &from, sizeof(from));
	message->msg_flags = how & COMES_TRUNCATED ? MSG_TRUNC : 0;
	if (how & COMES_TRUNCATED)
		script->tainted |= !script->is_optional;
	else
		ASAN_POISON_MEMORY_REGION(buffer + len, NETLINK_BUFFER_SIZE - (size_t)len);
	return len;
}

static void script_close(void *context, int handle)
{
	struct script *script = context;

	assert(handle == script->opens - 1);
	check_wiped(script);
	script->closes++;
}

/* ---- invariants of evidence ---- */

static void check_state(enum evidence_state state, const char *error, bool empty, const struct script *script)
{
	assert(state != EVIDENCE_UNREAD);
	assert(strnlen(error, 128) < 128);
	assert((state == EVIDENCE_BROKEN) == (error[0] != '\0'));
	if (state != EVIDENCE_READ)
		assert(empty);
	else
		assert(!script->tainted);
}

static void check_links(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->link_count; i++) {
		assert(ev->links[i].ifindex > 0);
		assert(memchr(ev->links[i].name, '\0', sizeof(ev->links[i].name)));
		assert(memchr(ev->links[i].kind, '\0', sizeof(ev->links[i].kind)));
	}
}

static void check_routes6(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->route6_count; i++) {
		assert(ev->routes6[i].dst_prefix <= 128 && ev->routes6[i].ifindex >= 0);
		assert(!ev->routes6[i].discards || !ev->routes6[i].ifindex);
	}
}

static void check_secys(const struct evidence *ev)
{
	for (size_t i = 0; i < ev->secy_count; i++) {
		assert(ev->secys[i].ifindex > 0 && ev->secys[i].encoding_an < MACSEC_AN_COUNT);
		assert(!ev->secys[i].rxsc == !ev->secys[i].rxsc_count);
	}
}

static void check_selector(const struct xfrm_selector_evidence *sel, bool may_be_none)
{
	unsigned int most = sel->family == AF_INET ? 32 : 128;

	assert(sel->family == AF_INET || sel->family == AF_INET6 || (may_be_none && !sel->family));
	assert(sel->daddr_prefix <= most && sel->saddr_prefix <= most);
}

static void check_groups(const struct xfrm_table *table, const struct xfrm_entry *entry)
{
	for (size_t i = 0; i < entry->link_count; i++) {
		const struct xfrm_link *at = entry->links[i].group->members;

		while (at && at != &entry->links[i])
			at = at->next;
		assert(at && at->entry == entry && entry->sequence < table->sequence);
	}
}

static void check_table(const struct xfrm_table *table)
{
	size_t offloaded = 0, packet_offloaded[3] = { 0 };

	for (const struct xfrm_sa_entry *sa = table->sas; sa; sa = sa->hh.next) {
		check_selector(&sa->sa.sel, true);
		assert(memchr(sa->sa.algorithm, '\0', XFRM_ALGO_NAME_MAX));
		assert(sa->sa.has_aead || !sa->sa.icv_bits);
		check_groups(table, &sa->entry);
		assert(sa->sa.spi && sa->entry.link_count == 4 && xfrm_table_sa(table, &sa->id) == sa);
		offloaded += sa->sa.offload.ifindex != 0;
	}
	for (const struct xfrm_policy_entry *policy = table->policies; policy; policy = policy->hh.next) {
		check_selector(&policy->policy.sel, false);
		check_groups(table, &policy->entry);
		assert(policy->policy.dir < 3 && policy->policy.tmpl_count <= XFRM_TEMPLATES_MAX);
		assert(policy->entry.link_count == 2);
		assert(xfrm_table_policy(table, policy->policy.index) == policy);
		offloaded += policy->policy.offload.ifindex != 0;
		packet_offloaded[policy->policy.dir] += policy->policy.offload.ifindex && policy->policy.offload.packet;
	}
	assert(offloaded == table->offloaded);
	assert(!memcmp(packet_offloaded, table->packet_offloaded, sizeof(packet_offloaded)));
}

static void check_part(enum evidence_part part, const struct evidence *ev, const struct script *script)
{
	switch (part) {
	case EVIDENCE_PART_LINKS:
		check_state(ev->links_state, ev->links_error, !ev->links && !ev->link_count, script);
		check_links(ev);
		break;
	case EVIDENCE_PART_ROUTES6:
		check_state(ev->routes6_state, ev->routes6_error, !ev->routes6 && !ev->route6_count, script);
		check_routes6(ev);
		break;
	case EVIDENCE_PART_MACSEC:
		check_state(ev->macsec_state, ev->macsec_error, !ev->secys && !ev->secy_count, script);
		check_secys(ev);
		break;
	default:
		check_state(xfrm_table_state(ev->xfrm), xfrm_table_error(ev->xfrm),
			    !ev->xfrm->policies && !ev->xfrm->sas, script);
		check_table(ev->xfrm);
	}
}

/* Tables, chains and rules are a dump each. Whatever they are, following them ends with a clear answer. */
static void fuzz_netfilter(const struct netlink_transport *transport)
{
	static const union ip_address local = { .bytes = { 10, 0, 0, 1 } }, remote = { .bytes = { 10, 0, 0, 2 } };
	char error[128] = "", chain[NETFILTER_CHAIN_MAX];
	struct netfilter *netfilter = NULL;

	if (netfilter_read(transport, &netfilter, error, sizeof(error))) {
		assert(!netfilter && error[0]);
		return;
	}
	for (unsigned int i = 0; i < 8; i++) {
		const struct netfilter_flow flow = { .family = i & 1 ? AF_INET : AF_INET6,
						     .local = &local,
						     .remote = i & 2 ? &remote : NULL,
						     .ifindex = i & 4 ? 2 : 0,
						     .netdev = { i & 4 ? 'e' : '\0' },
						     .by_address = i & 4 };
		enum netfilter_verdict verdict = netfilter_judge(netfilter, &flow, chain);

		assert(verdict <= NETFILTER_CANNOT_HIT && memchr(chain, '\0', sizeof(chain)));
		assert((verdict == NETFILTER_CANNOT_HIT) == (chain[0] == '\0'));
	}
	netfilter_free(netfilter);
}

static enum netfilter_verdict any_target(const void *context, int ifindex)
{
	(void)context;
	return (enum netfilter_verdict)(ifindex % 3);
}

/* Qdiscs are a dump, and the filters of each. */
static void fuzz_traffic(const struct netlink_transport *transport)
{
	static const union ip_address local = { .bytes = { 10, 0, 0, 1 } }, remote = { .bytes = { 10, 0, 0, 2 } };
	char error[128] = "", filter[TRAFFIC_FILTER_MAX];
	struct traffic *traffic = NULL;

	if (traffic_read(transport, 2, false, &traffic, error, sizeof(error))) {
		assert(!traffic && error[0]);
		return;
	}
	for (unsigned int i = 0; i < 8; i++) {
		const struct netfilter_flow flow = { .family = i & 1 ? AF_INET : AF_INET6,
						     .local = &local,
						     .remote = i & 2 ? &remote : NULL };
		enum netfilter_verdict verdict =
			traffic_judge(traffic, &flow, i & 4 ? TRAFFIC_FRAME_IP : TRAFFIC_FRAME_OTHER,
				      i & 2 ? any_target : NULL, NULL, filter);

		assert(verdict <= NETFILTER_CANNOT_HIT && memchr(filter, '\0', sizeof(filter)));
		assert((verdict == NETFILTER_CANNOT_HIT) == (filter[0] == '\0'));
	}
	traffic_free(traffic);
}

static void fuzz_route_get(const struct netlink_transport *transport)
{
	const union ip_address any = { .bytes = { 0 } };
	int oif = -1, err = evidence_route_get_over(transport, AF_INET6, &any, &any, 1, &oif);

	assert(err ? oif == -1 : oif > 0);
}

/* The list of devices is the first dump; the QPs of each device are one more. */
static void fuzz_resources(const struct netlink_transport *transport, const struct script *script)
{
	struct rdma_resources found = { .count = 77 };
	char error[128] = "";
	int err = resources_read_over(transport, &found, error, sizeof(error));

	assert(err ? found.count == 77 && error[0] : !script->tainted);
	for (size_t i = 0; !err && i < found.count; i++) {
		const struct rdma_qp *qp = &found.qps[i];

		assert(qp->device[0] && memchr(qp->device, '\0', sizeof(qp->device)));
		assert(memchr(qp->kernel_owner, '\0', sizeof(qp->kernel_owner)));
		assert(!qp->is_kernel || !qp->pid);
		assert(resources_find(&found, qp->device, qp->qpn));
	}
	if (!err)
		resources_free(&found);
}

/*
 * ---- events for a table: one octet selects the type, two octets are the length if available; an event that needs a
 * query is followed by the answers ----
 */

/* In a block of the exact size, so that ASan detects an overrun. */
static struct nlmsghdr *next_event(struct script *script)
{
	uint8_t head[3] = { 0 };
	struct nlmsghdr *event;
	size_t len;

	if (!take_octets(script, head, sizeof(head)))
		return NULL;
	len = head[1] | (size_t)(head[2] & 3) << 8;
	event = calloc(1, NLMSG_HDRLEN + len);
	assert(event);
	len = take_octets(script, NLMSG_DATA(event), len);
	event->nlmsg_len = (uint32_t)NLMSG_LENGTH(len);
	event->nlmsg_type = (uint16_t)(XFRM_MSG_BASE + head[0] % (XFRM_MSG_MAX - XFRM_MSG_BASE + 2));
	return event;
}

static void count_change(const struct xfrm_change *change, void *arg)
{
	assert(change->kind > XFRM_CHANGE_NOTHING && change->kind <= XFRM_CHANGE_EVERYTHING);
	++*(size_t *)arg;
}

static void answer_questions(struct xfrm_table *table, const struct netlink_transport *transport)
{
	size_t questions = HASH_COUNT(table->questions), changes = 0;
	int err = xfrm_table_ask(table, transport, count_change, &changes);

	assert(!xfrm_table_has_questions(table) && changes <= questions);
	assert(xfrm_table_state(table) == (err ? EVIDENCE_BROKEN : EVIDENCE_READ));
	assert(!err || xfrm_table_error(table)[0]);
}

static void fuzz_events(struct script *script, const struct netlink_transport *transport)
{
	struct xfrm_table *table = xfrm_table_new();
	struct nlmsghdr *event;

	assert(table);
	table->state = EVIDENCE_READ;
	table->policies_may_have_contexts = false;
	while ((event = next_event(script))) {
		struct xfrm_change change = { .kind = 77 };
		int err = xfrm_table_apply(table, event, &change);

		assert(err ? change.kind == 77 : change.kind <= XFRM_CHANGE_EVERYTHING);
		assert(!err || (xfrm_table_state(table) == EVIDENCE_BROKEN && xfrm_table_error(table)[0]));
		check_table(table);
		if (!err)
			answer_questions(table, transport);
		check_table(table);
		table->state = EVIDENCE_READ; /* so that one input may hold several */
		free(event);
	}
	xfrm_table_free(table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct script script = { .data = data + 1, .size = size - 1 };
	const struct netlink_transport transport = { script_open, script_send, script_receive, script_close, &script };
	struct evidence ev = { 0 };
	unsigned int part;

	if (!size)
		return 0;
	part = data[0] % (EVIDENCE_PART_COUNT + 3);
	if (data[0] == NETFILTER_PART) {
		fuzz_netfilter(&transport);
	} else if (data[0] == TRAFFIC_PART) {
		fuzz_traffic(&transport);
	} else if (part == EVIDENCE_PART_COUNT) {
		fuzz_route_get(&transport);
	} else if (part == EVIDENCE_PART_COUNT + 1) {
		fuzz_resources(&transport, &script);
	} else if (part == EVIDENCE_PART_COUNT + 2) {
		fuzz_events(&script, &transport);
	} else {
		evidence_read_part(part, &transport, &ev);
		check_part(part, &ev, &script);
		evidence_free(&ev);
	}
	assert(script.opens == script.closes);
	return 0;
}
