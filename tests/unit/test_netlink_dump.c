// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A dump is complete, or it is an error. Each row of the table of faults is one malformed or failed answer. None may
 * end as EVIDENCE_READ or leave partial results. Links serve as the example.
 */
#include <linux/rtnetlink.h>

#include "evidence_fixture.h"
#include "xfrm/table.h"

TestSuite(netlink_dump, .fini = forget_and_check_leaks, .timeout = 60);

/* A busy host lets this process come late to an answer that is there. */
Test(netlink_dump, takes_answer_that_waited_longer_than_the_deadline)
{
	say_links();
	kernel.send_ms = NETLINK_DEADLINE_MS + 10;
	read_part(EVIDENCE_PART_LINKS);
	expect_links("late");
}

/* ---- faults that are retried ---- */

static void interrupted(void)
{
	fake_header(fake_say(&kernel, link_message(1, "lo")))->nlmsg_flags |= NLM_F_DUMP_INTR;
}

static void interrupted_at_second(void)
{
	fake_say(&kernel, link_message(1, "lo"));
	interrupted();
}

static void interrupted_at_end(void)
{
	fake_say(&kernel, link_message(1, "lo"));
	fake_header(fake_done(&kernel, 0))->nlmsg_flags |= NLM_F_DUMP_INTR;
}

static void no_buffers(void)
{
	fake_say(&kernel, link_message(1, "lo"));
	fake_fails(&kernel, -ENOBUFS);
}

static void overrun(void)
{
	fake_say(&kernel, link_message(1, "lo"));
	fake_say(&kernel, fake_message(NLMSG_OVERRUN, "", 0));
}

static const struct {
	const char *name;
	void (*say)(void);
} retried[] = {
	{ "interrupted", interrupted },
	{ "interrupted at the second message", interrupted_at_second },
	{ "interrupted at its end", interrupted_at_end },
	{ "ENOBUFS", no_buffers },
	{ "overrun", overrun },
};

Test(netlink_dump, restarts_interrupted_dump)
{
	for (size_t i = 0; i < sizeof(retried) / sizeof(retried[0]); i++) {
		for (int n = 1; n < NETLINK_TRIES; n++)
			retried[i].say();
		say_links();
		read_part(EVIDENCE_PART_LINKS);
		expect_links(retried[i].name);
		cr_expect_eq(kernel.opens, NETLINK_TRIES, "%s: %d sockets", retried[i].name, kernel.opens);
		forget();
	}
}

Test(netlink_dump, gives_up_dump_that_is_always_interrupted)
{
	for (size_t i = 0; i < sizeof(retried) / sizeof(retried[0]); i++) {
		for (int n = 0; n < NETLINK_TRIES; n++)
			retried[i].say();
		say_links();
		read_part(EVIDENCE_PART_LINKS);
		cr_expect_eq(ev.links_state, EVIDENCE_BROKEN, "%s", retried[i].name);
		cr_expect_str_not_empty(ev.links_error, "%s", retried[i].name);
		cr_expect(!ev.links && !ev.link_count, "%s: partial results", retried[i].name);
		forget();
	}
}

static void foreign_sender(void)
{
	fake_say(&kernel, link_message(77, "evil"))->sender = 1234;
}

static void signal_came(void)
{
	fake_fails(&kernel, -EINTR);
}

static void noop(void)
{
	fake_say(&kernel, fake_message(NLMSG_NOOP, "", 0));
}

Test(netlink_dump, ignores_messages_of_other_requests)
{
	void (*const say[])(void) = { foreign_sender, signal_came, noop };

	for (size_t i = 0; i < sizeof(say) / sizeof(say[0]); i++) {
		say[i]();
		say_links();
		read_part(EVIDENCE_PART_LINKS);
		expect_links("skipped");
		cr_expect_eq(kernel.opens, 1);
		forget();
	}
}

/* ---- faults that are not retried ---- */

static void truncated_datagram(void)
{
	fake_say(&kernel, link_message(1, "lo"))->flags = MSG_TRUNC;
}

static void longer_than_buffer(void)
{
	static char huge[NETLINK_BUFFER_SIZE + 4];

	fake_say_octets(&kernel, huge, sizeof(huge));
}

static void truncated_header(void)
{
	fake_say_octets(&kernel, "\x10\0\0\0\x10", 5);
}

static void message_longer_than_datagram(void)
{
	fake_say(&kernel, link_message(1, "lo"))->len -= 4;
}

static void message_shorter_than_header(void)
{
	fake_header(fake_say(&kernel, link_message(1, "lo")))->nlmsg_len = 15;
}

static void trailing_octets(void)
{
	const char octets[8] = "";
	struct fake_datagram *datagram = fake_say(&kernel, link_message(1, "lo"));

	datagram->data = realloc(datagram->data, datagram->len + sizeof(octets));
	memcpy((char *)datagram->data + datagram->len, octets, sizeof(octets));
	datagram->len += sizeof(octets);
}

static void empty_datagram(void)
{
	fake_say_octets(&kernel, "", 0);
}

static void wrong_sequence(void)
{
	fake_say(&kernel, link_message(1, "lo"))->off_seq = 1;
}

static void wrong_port(void)
{
	fake_say(&kernel, link_message(1, "lo"))->off_port = 1;
}

static void message_after_end(void)
{
	fake_done(&kernel, 0);
	fake_say_too(&kernel, link_message(1, "lo"));
}

static void end_without_code(void)
{
	fake_say(&kernel, fake_message(NLMSG_DONE, "", 0));
}

static void end_with_error(void)
{
	fake_say(&kernel, link_message(1, "lo"));
	fake_done(&kernel, -ENOMEM);
}

static void end_with_strange_code(void)
{
	fake_done(&kernel, 7);
}

static void error_zero(void)
{
	fake_error(&kernel, 0);
}

static void error_positive(void)
{
	fake_error(&kernel, 1);
}

static void error_truncated(void)
{
	const int error = -EPERM;

	fake_say(&kernel, fake_message(NLMSG_ERROR, &error, sizeof(error)));
}

static void filtered(void)
{
	fake_header(fake_say(&kernel, link_message(1, "lo")))->nlmsg_flags |= NLM_F_DUMP_FILTERED;
}

static void unknown_control(void)
{
	fake_say(&kernel, fake_message(NLMSG_MIN_TYPE - 1, "", 0));
}

static void no_end(void)
{
	fake_say(&kernel, link_message(1, "lo"));
	fake_fails(&kernel, -ETIMEDOUT);
}

static void receive_fails(void)
{
	fake_fails(&kernel, -EBADF);
}

static void other_type(void)
{
	const struct rtmsg route = { .rtm_family = AF_INET6 };

	fake_say(&kernel, fake_message(RTM_NEWROUTE, &route, sizeof(route)));
}

static void short_family_header(void)
{
	fake_say(&kernel, fake_message(RTM_NEWLINK, "1234567", 8));
}

static void no_name(void)
{
	fake_say(&kernel, link_message(1, NULL));
}

static void long_name(void)
{
	fake_say(&kernel, link_message(1, "sixteen-octets-x"));
}

static void unterminated_name(void)
{
	struct nl_msg *message = link_message(1, NULL);

	nla_put(message, IFLA_IFNAME, 2, "lo");
	fake_say(&kernel, message);
}

static void no_index(void)
{
	fake_say(&kernel, link_message(0, "lo"));
}

static void lower_of_two_octets(void)
{
	struct nl_msg *message = link_message(1, "lo");

	nla_put_u16(message, IFLA_LINK, 4);
	fake_say(&kernel, message);
}

static void lower_of_eight_octets(void)
{
	struct nl_msg *message = link_message(1, "lo");

	nla_put_u64(message, IFLA_LINK, 4);
	fake_say(&kernel, message);
}

static void two_lowers(void)
{
	struct nl_msg *message = link_message(1, "lo");

	nla_put_u32(message, IFLA_LINK, 4);
	nla_put_u32(message, IFLA_LINK, 5);
	fake_say(&kernel, message);
}

/* libnl's nla_parse() would stop at this attribute and accept the message without its NETNSID. */
static void attribute_beyond_message(void)
{
	struct nl_msg *message = link_message(1, "lo");
	struct nlattr *attr = nla_reserve(message, IFLA_MTU, 4);

	attr->nla_len = 200;
	nla_put_u32(message, IFLA_LINK_NETNSID, 0);
	fake_say(&kernel, message);
}

static void attribute_shorter_than_header(void)
{
	struct nl_msg *message = link_message(1, "lo");

	nla_reserve(message, IFLA_MTU, 4)->nla_len = 3;
	fake_say(&kernel, message);
}

static void broken_nest(void)
{
	struct nl_msg *message = link_message(1, "lo");

	nla_put(message, IFLA_LINKINFO, 8, "\xff\0\1\0abc");
	fake_say(&kernel, message);
}

static const char not_understood[] = "a link of the kernel's list is not understood";

Test(netlink_dump, refuses_truncated_messages)
{
	static const struct {
		const char *name;
		void (*say)(void);
		const char *text;
	} faults[] = {
#define FAULT(function, text) { #function, function, text }
		FAULT(truncated_datagram, "an answer of more than 65536 octets"),
		FAULT(longer_than_buffer, "an answer of more than 65536 octets"),
		FAULT(truncated_header, "a message does not fit its datagram"),
		FAULT(message_longer_than_datagram, "a message does not fit its datagram"),
		FAULT(message_shorter_than_header, "a message does not fit its datagram"),
		FAULT(trailing_octets, "a message does not fit its datagram"),
		FAULT(empty_datagram, "an empty answer"),
		FAULT(wrong_sequence, "netlink reply with unexpected sequence number or port"),
		FAULT(wrong_port, "netlink reply with unexpected sequence number or port"),
		FAULT(message_after_end, "a message after the end of the answer"),
		FAULT(end_without_code, "truncated end of a dump"),
		FAULT(end_with_error, "Cannot allocate memory"),
		FAULT(end_with_strange_code, "the kernel answered with an invalid error number"),
		FAULT(error_zero, "an acknowledgement instead of an answer"),
		FAULT(error_positive, "the kernel answered with an invalid error number"),
		FAULT(error_truncated, "truncated error message"),
		FAULT(filtered, "the kernel filtered its answer"),
		FAULT(unknown_control, "unexpected control message 15"),
		FAULT(no_end, "no answer from the kernel: Connection timed out"),
		FAULT(receive_fails, "no answer from the kernel: Bad file descriptor"),
		FAULT(other_type, not_understood),
		FAULT(short_family_header, not_understood),
		FAULT(no_name, not_understood),
		FAULT(long_name, not_understood),
		FAULT(unterminated_name, not_understood),
		FAULT(no_index, not_understood),
		FAULT(lower_of_two_octets, not_understood),
		FAULT(lower_of_eight_octets, not_understood),
		FAULT(two_lowers, not_understood),
		FAULT(attribute_beyond_message, not_understood),
		FAULT(attribute_shorter_than_header, not_understood),
		FAULT(broken_nest, not_understood),
#undef FAULT
	};

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		fake_say(&kernel, link_message(9, "first"));
		faults[i].say();
		say_links(); /* a valid answer, which must not be read */
		read_part(EVIDENCE_PART_LINKS);
		cr_expect_eq(ev.links_state, EVIDENCE_BROKEN, "%s: state %d", faults[i].name, ev.links_state);
		cr_expect_str_eq(ev.links_error, faults[i].text, "%s", faults[i].name);
		cr_expect(!ev.links && !ev.link_count, "%s: partial results", faults[i].name);
		cr_expect_eq(kernel.opens, 1, "%s: tried again", faults[i].name);
		forget();
	}
}

Test(netlink_dump, has_a_state_for_each_refusal)
{
	static const struct {
		enum evidence_part part;
		int open_error, send_error;
		enum evidence_state state;
	} rows[] = {
		{ EVIDENCE_PART_XFRM, -EPROTONOSUPPORT, 0, EVIDENCE_ABSENT },
		{ EVIDENCE_PART_MACSEC, -EPROTONOSUPPORT, 0, EVIDENCE_ABSENT },
		{ EVIDENCE_PART_LINKS, -EPROTONOSUPPORT, 0, EVIDENCE_BROKEN }, /* from a sandbox: every kernel has it */
		{ EVIDENCE_PART_ROUTES6, -EPROTONOSUPPORT, 0, EVIDENCE_BROKEN },
		{ EVIDENCE_PART_XFRM, -EMFILE, 0, EVIDENCE_BROKEN },
		{ EVIDENCE_PART_XFRM, -EPERM, 0, EVIDENCE_NO_PRIVILEGE },
		{ EVIDENCE_PART_LINKS, 0, -ECONNREFUSED, EVIDENCE_BROKEN },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const size_t offsets[] = { offsetof(struct evidence, links_state),
					   offsetof(struct evidence, routes6_state),
					   offsetof(struct evidence, macsec_state) };
		enum evidence_state state;

		kernel.open_error = rows[i].open_error;
		kernel.send_error = rows[i].send_error;
		read_part(rows[i].part);
		state = rows[i].part == EVIDENCE_PART_XFRM
				? xfrm_table_state(ev.xfrm)
				: *(enum evidence_state *)((char *)&ev + offsets[rows[i].part]);
		cr_expect_eq(state, rows[i].state, "row %zu", i);
		forget();
	}
}

/* The kernel's text reaches the operator (the extended ack is kept). */
Test(netlink_dump, returns_text_of_extended_ack)
{
	const struct nlmsgerr body = { .error = -EINVAL, .msg = { .nlmsg_len = NLMSG_HDRLEN } };
	struct nl_msg *message = fake_message(NLMSG_ERROR, &body, sizeof(body));

	nla_put_string(message, NLMSGERR_ATTR_MSG, "the moon\nis wrong");
	nlmsg_hdr(message)->nlmsg_flags |= NLM_F_ACK_TLVS | NLM_F_CAPPED;
	fake_say(&kernel, message);
	read_part(EVIDENCE_PART_LINKS);
	cr_expect_eq(ev.links_state, EVIDENCE_BROKEN);
	cr_expect_str_eq(ev.links_error, "Invalid argument: the moon?is wrong");
}

/* Locking its pages costs more than most answers, and the engine opens a channel for each question. */
Test(netlink_dump, takes_the_buffer_of_the_last_channel)
{
	void *first, *second, *third;

	cr_assert_eq(netlink_buffer_new(&first), 0);
	netlink_buffer_free(first);
	cr_assert_eq(netlink_buffer_new(&second), 0);
	cr_expect_eq(second, first);
	cr_assert_eq(netlink_buffer_new(&third), 0);
	cr_expect_neq(third, second, "two channels at once");
	netlink_buffer_free(second);
	netlink_buffer_free(third);
}

/* The kernel answers within send(2); a second receive finds nothing, and waits for its time. */
Test(netlink_dump, waits_only_where_no_answer_is_there)
{
	const struct nlmsghdr noop = { .nlmsg_len = sizeof(noop),
				       .nlmsg_type = NLMSG_NOOP,
				       .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK };
	char answer[512];
	struct iovec into = { .iov_base = answer, .iov_len = sizeof(answer) };
	struct msghdr message = { .msg_iov = &into, .msg_iovlen = 1 };
	uint32_t port;
	int socket;

	cr_assert_eq(netlink_kernel.open(NULL, NETLINK_ROUTE, &socket, &port), 0);
	cr_assert_eq(netlink_kernel.send(NULL, socket, &noop), 0);
	cr_expect_gt(netlink_kernel.receive(NULL, socket, &message, 0), 0);
	cr_expect_eq(netlink_kernel.receive(NULL, socket, &message, 1), -ETIMEDOUT);
	netlink_kernel.close(NULL, socket);
}
