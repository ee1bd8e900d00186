// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The programs of the gate, run by the kernel on made frames (BPF_PROG_RUN), and their places on a netdev. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <limits.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "gate/gate.h"
#include "gate/plan.h"
#include "netns_fixture.h"

static struct gate *gate;
static char error[256];

/* A mount namespace of the test's own: the maps are pinned in a file system that ends with it. */
static void load(void)
{
	int err;

	netns_enter();
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	if (mount("bpf", "/sys/fs/bpf", "bpf", 0, NULL))
		skip_test("cannot mount a BPF file system");
	err = gate_load(&gate, error, sizeof(error));
	if (err == -EPERM || err == -EOPNOTSUPP || err == -ENOSYS)
		skip_test("may not load BPF programs here");
	cr_assert_eq(err, 0, "%s", error);
}

static void unload(void)
{
	gate_free(gate);
}

TestSuite(gate, .init = load, .fini = unload);

/* ---- frames ---- */

struct frame {
	unsigned char octets[2048];
	size_t len;
};

/* Adds octets that are written as hexadecimal digits. */
static void hex(struct frame *frame, const char *text)
{
	unsigned int octet;
	int read;

	for (; sscanf(text, " %2x%n", &octet, &read) == 1; text += read)
		frame->octets[frame->len++] = (unsigned char)octet;
	cr_assert_eq(text[strspn(text, " ")], '\0', "%s", text);
}

#define ETHER "52540000000a 52540000000b "
#define IPV4  "0800 "
#define IPV6  "86dd "
/* 10.77.0.1 to 10.77.0.2, fd00::1 to fd00::2; a header of protocol PP */
#define V4(pp)              "4500 0040 1234 0000 40" pp " 0000 0a4d0001 0a4d0002 "
#define V4_PART(pp, id, at) "4500 0040 " id " " at " 40" pp " 0000 0a4d0001 0a4d0002 "
#define V6(pp)              "60000000 0040" pp "40 fd000000000000000000000000000001 fd000000000000000000000000000002 "
#define UDP                 "11"
#define TO_ROCE             "c000 12b7 0020 0000 "
/* a base transport header to queue pair 0x000123, and data */
#define BTH  "0400ffff 00000123 00000001 00112233445566778899aabbccddeeff"
#define ROCE TO_ROCE BTH

static struct frame frame_of(const char *text)
{
	struct frame frame = { .len = 0 };

	hex(&frame, text);
	while (frame.len < 60)
		frame.octets[frame.len++] = 0;
	return frame;
}

static bool run_stops(const struct frame *frame, unsigned int direction)
{
	LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame->octets, .data_size_in = (unsigned int)frame->len,
		    .repeat = 1);

	cr_assert_eq(bpf_prog_test_run_opts(gate_program(gate, direction), &options), 0);
	cr_assert(options.retval == TC_ACT_STOLEN || (int)options.retval == TC_ACT_UNSPEC, "%d", (int)options.retval);
	return options.retval == TC_ACT_STOLEN;
}

static bool stops(const char *text)
{
	struct frame frame = frame_of(text);
	bool out = run_stops(&frame, GATE_DIRECTION_OUT);

	cr_expect_eq(run_stops(&frame, GATE_DIRECTION_IN), out);
	return out;
}

/* ---- what is stopped ---- */

static const struct {
	const char *name, *frame;
	bool stopped;
} frames[] = {
	{ "RoCE v2 over IPv4", ETHER IPV4 V4(UDP) ROCE, true },
	{ "RoCE v2 over IPv6", ETHER IPV6 V6(UDP) ROCE, true },
	{ "RoCE v1", ETHER "8915 " V6("1b") BTH, true },
	{ "a VLAN tag", ETHER "8100 0005 " IPV4 V4(UDP) ROCE, true },
	{ "two VLAN tags", ETHER "88a8 0005 8100 0006 " IPV6 V6(UDP) ROCE, true },
	{ "IPv4 options", ETHER IPV4 "4600 0040 1234 0000 4011 0000 0a4d0001 0a4d0002 01010101 " ROCE, true },
	{ "IPv6 hop-by-hop options", ETHER IPV6 V6("00") "1100 010400000000 " ROCE, true },
	{ "IPv6 destination options of 16 octets", ETHER IPV6 V6("3c") "1101 010c000000000000000000000000 " ROCE,
	  true },
	{ "SRv6 around IPv6", ETHER IPV6 V6("2b") "2902 0400 00000000 fd000000000000000000000000000003 " V6(UDP) ROCE,
	  true },
	{ "SRv6 around IPv4", ETHER IPV6 V6("2b") "0402 0400 00000000 fd000000000000000000000000000003 " V4(UDP) ROCE,
	  true },
	{ "IP in IP", ETHER IPV4 V4("04") V4(UDP) ROCE, true },
	{ "IPv6 in IPv4", ETHER IPV4 V4("29") V6(UDP) ROCE, true },
	{ "GRE", ETHER IPV4 V4("2f") "0000 0800 " V4(UDP) ROCE, true },
	{ "GRE with key and sequence number", ETHER IPV4 V4("2f") "3000 0800 00000001 00000002 " V4(UDP) ROCE, true },
	{ "GRE with Ethernet", ETHER IPV4 V4("2f") "0000 6558 " ETHER IPV4 V4(UDP) ROCE, true },
	{ "MPLS, two labels", ETHER "8847 00010040 00020140 " V4(UDP) ROCE, true },
	{ "an authentication header", ETHER IPV4 V4("33") "1104 0000 00000001 00000001 000000000000000000000000 " ROCE,
	  true },
	{ "ESP", ETHER IPV4 V4("32") "00001000 00000001 " ROCE, false },
	{ "ESP over IPv6", ETHER IPV6 V6("32") "00001000 00000001 " ROCE, false },
	{ "ESP in UDP", ETHER IPV4 V4(UDP) "1194 1194 0040 0000 00001000 00000001 " BTH, false },
	{ "MACsec", ETHER "88e5 2c00 00000001 525400000001 0001 " IPV4 V4(UDP) ROCE, false },
	{ "MACsec without SCI", ETHER "88e5 0c00 00000001 " IPV4 V4(UDP) ROCE, false },
	{ "MACsec that only authenticates", ETHER "88e5 2000 00000001 525400000001 0001 " IPV4 V4(UDP) ROCE, true },
	{ "MACsec that only authenticates, without SCI", ETHER "88e5 0000 00000001 " IPV6 V6(UDP) ROCE, true },
	{ "MACsec that only authenticates, with a short ICV", ETHER "88e5 0400 00000001 " IPV4 V4(UDP) ROCE, true },
	{ "MACsec inside MACsec that only authenticates",
	  ETHER "88e5 0000 00000001 88e5 0c00 00000001 " IPV4 V4(UDP) ROCE, false },
	{ "IKE", ETHER IPV4 V4(UDP) "01f4 01f4 0020 0000 " BTH, false },
	{ "SSH", ETHER IPV4 V4("06") "d431 0016 00000000 00000000 50180000 00000000", false },
	{ "TCP to port 4791", ETHER IPV4 V4("06") "d431 12b7 00000000 00000000 50180000 00000000", false },
	{ "UDP from port 4791", ETHER IPV4 V4(UDP) "12b7 c000 0020 0000 " BTH, false },
	{ "ARP", ETHER "0806 0001 0800 0604 0001 525400000001 0a4d0001 000000000000 0a4d0002", false },
	{ "VXLAN of a port that no netdev has",
	  ETHER IPV4 V4(UDP) "c000 12b5 0040 0000 08000000 00000100 " ETHER IPV4 V4(UDP) ROCE, false },
	{ "a frame that ends in its UDP header", ETHER "8100 0001 8100 0002 8100 0003 8100 0004 " IPV4 V4(UDP) "c000",
	  false },
};

Test(gate, stops_cleartext_roce_and_nothing_else)
{
	for (size_t i = 0; i < sizeof(frames) / sizeof(frames[0]); i++)
		cr_expect_eq(stops(frames[i].frame), frames[i].stopped, "%s", frames[i].name);
}

Test(gate, stops_frames_with_more_headers_than_it_follows)
{
	struct frame frame = { .len = 0 };

	hex(&frame, ETHER IPV6 V6("3c"));
	for (int i = 0; i < 40; i++)
		hex(&frame, "3c00 010400000000");
	hex(&frame, "0600 010400000000 d4310016");
	cr_assert(run_stops(&frame, GATE_DIRECTION_OUT));
}

Test(gate, looks_into_tunnels_of_known_ports)
{
	const char *vxlan = ETHER IPV4 V4(UDP) "c000 2118 0040 0000 08000000 00000100 " ETHER IPV4 V4(UDP) ROCE;
	const char *geneve =
		ETHER IPV4 V4(UDP) "c000 17c1 0040 0000 02006558 00000100 0102030405060708 " ETHER IPV6 V6(UDP) ROCE;

	cr_assert(!stops(vxlan) && !stops(geneve));
	cr_assert_eq(gate_add_port(gate, 8472, GATE_PORT_VXLAN, error, sizeof(error)), 0);
	cr_assert_eq(gate_add_port(gate, 6081, GATE_PORT_GENEVE, error, sizeof(error)), 0);
	cr_expect(stops(vxlan));
	cr_expect(stops(geneve));
}

/* ---- fragments ---- */

Test(gate, stops_all_fragments_of_a_datagram)
{
	cr_expect(!stops(ETHER IPV4 V4_PART(UDP, "0007", "0010") BTH), "its first fragment did not come yet");
	cr_expect(stops(ETHER IPV4 V4_PART(UDP, "0007", "2000") ROCE));
	cr_expect(stops(ETHER IPV4 V4_PART(UDP, "0007", "0010") BTH));
	cr_expect(!stops(ETHER IPV4 V4_PART(UDP, "0008", "0010") BTH), "another datagram");
}

Test(gate, stops_all_ipv6_fragments_of_a_datagram)
{
	cr_expect(stops(ETHER IPV6 V6("2c") "1100 0001 00000007 " ROCE));
	cr_expect(stops(ETHER IPV6 V6("2c") "1100 0100 00000007 " BTH));
	cr_expect(!stops(ETHER IPV6 V6("2c") "1100 0100 00000008 " BTH), "another datagram");
}

Test(gate, stops_an_ipv6_datagram_with_a_fragment_header_that_is_whole)
{
	cr_expect(stops(ETHER IPV6 V6("2c") "1100 0000 00000007 " ROCE));
	cr_expect(!stops(ETHER IPV6 V6("2c") "1100 0100 00000007 " BTH));
}

/* ---- opened prefixes ---- */

static struct gate_prefix prefix(const char *address, unsigned int bits)
{
	struct gate_prefix prefix = { .bits = bits };

	cr_assert_eq(inet_pton(AF_INET6, address, prefix.address), 1);
	return prefix;
}

#define CLEAR_V4 ETHER IPV4 V4(UDP) ROCE
#define CLEAR_V6           \
	ETHER IPV6 V6(UDP) \
	ROCE

static bool out_is_stopped(const char *text)
{
	struct frame frame = frame_of(text);

	return run_stops(&frame, GATE_DIRECTION_OUT);
}

static void set_opened(const char *address, unsigned int bits)
{
	struct gate_prefix opened = prefix(address, bits);
	const struct gate_opening opening = { .prefixes = &opened, .count = 1 };

	cr_assert_eq(gate_set_opened(gate, &opening, error, sizeof(error)), 0, "%s", error);
}

Test(gate, lets_opened_remotes_pass)
{
	set_opened("::ffff:10.77.0.2", 128);
	cr_expect(!out_is_stopped(CLEAR_V4));
	cr_expect(out_is_stopped(CLEAR_V6), "another address");
}

Test(gate, opens_by_the_remote_address_only)
{
	struct frame frame = frame_of(CLEAR_V4);

	set_opened("::ffff:10.77.0.1", 128);
	cr_expect(run_stops(&frame, GATE_DIRECTION_OUT), "it is the source of what goes out");
	cr_expect(!run_stops(&frame, GATE_DIRECTION_IN));
}

Test(gate, replaces_opened_prefixes)
{
	set_opened("::ffff:10.77.0.0", 96 + 16);
	cr_assert(!out_is_stopped(CLEAR_V4));
	set_opened("fd00::", 8);
	cr_expect(out_is_stopped(CLEAR_V4));
	cr_expect(!out_is_stopped(CLEAR_V6));
	cr_assert_eq(gate_set_opened(gate, &(struct gate_opening){ .count = 0 }, error, sizeof(error)), 0);
	cr_expect(out_is_stopped(CLEAR_V6));
}

Test(gate, lets_authenticated_macsec_pass_if_told_so)
{
	struct gate_opening opening = { .authenticated = true };

	cr_assert_eq(gate_set_opened(gate, &opening, error, sizeof(error)), 0, "%s", error);
	cr_expect(!stops(ETHER "88e5 2000 00000001 525400000001 0001 " IPV4 V4(UDP) ROCE));
	cr_expect(out_is_stopped(CLEAR_V4), "not in MACsec");
	opening.authenticated = false;
	cr_assert_eq(gate_set_opened(gate, &opening, error, sizeof(error)), 0, "%s", error);
	cr_expect(stops(ETHER "88e5 2000 00000001 525400000001 0001 " IPV4 V4(UDP) ROCE));
}

/* ---- counts ---- */

static int keep(const struct gate_stopped *stopped, void *context)
{
	cr_assert_eq(((struct gate_stopped *)context)->frames, 0, "one flow");
	*(struct gate_stopped *)context = *stopped;
	return 0;
}

Test(gate, counts_the_frames_of_a_flow)
{
	struct gate_prefix source = prefix("::ffff:10.77.0.1", 128), destination = prefix("::ffff:10.77.0.2", 128);
	struct gate_stopped stopped = { .frames = 0 };

	for (int i = 0; i < 3; i++)
		cr_assert(out_is_stopped(CLEAR_V4));
	cr_assert_eq(gate_stopped(keep, &stopped, error, sizeof(error)), 0, "%s", error);
	cr_expect_eq(stopped.frames, 3);
	cr_expect_eq(stopped.flow.qpn, 0x123);
	cr_expect_eq(stopped.flow.version, 2);
	cr_expect_eq(stopped.flow.direction, GATE_DIRECTION_OUT);
	cr_expect_arr_eq(stopped.flow.source, source.address, 16);
	cr_expect_arr_eq(stopped.flow.destination, destination.address, 16);
}

/* ---- places ---- */

static int veth(void)
{
	shell("ip link add one type veth peer name two && ip link set one up && ip link set two up");
	return (int)if_nametoindex("one");
}

static struct gate_standing standing_on(int ifindex)
{
	struct gate_standing standing;

	cr_assert_eq(gate_standing(ifindex, &standing, error, sizeof(error)), 0, "%s", error);
	return standing;
}

static void attach(int ifindex)
{
	int err = gate_attach(gate, ifindex, error, sizeof(error));

	if (err == -ENOENT || err == -EOPNOTSUPP)
		skip_test("the kernel has no clsact or no BPF filters");
	cr_assert_eq(err, 0, "%s", error);
}

Test(gate, is_absent_until_installed_and_after_removal)
{
	int ifindex = veth();

	cr_expect_eq(standing_on(ifindex).out, GATE_ABSENT);
	attach(ifindex);
	cr_expect_eq(standing_on(ifindex).out, GATE_FIRST);
	cr_expect_eq(standing_on(ifindex).in, GATE_FIRST);
	cr_assert_eq(gate_detach(ifindex, error, sizeof(error)), 0, "%s", error);
	cr_expect_eq(standing_on(ifindex).out, GATE_ABSENT);
	cr_expect_neq(system("tc qdisc show dev one | grep -q clsact"), 0, "clsact went with the last filter");
}

Test(gate, installing_again_leaves_one_filter)
{
	int ifindex = veth();

	attach(ifindex);
	attach(ifindex);
	cr_expect_eq(standing_on(ifindex).out, GATE_FIRST);
	cr_expect_eq(standing_on(ifindex).others, 0);
}

Test(gate, stays_when_its_process_is_gone)
{
	int ifindex = veth();

	attach(ifindex);
	gate_free(gate);
	gate = NULL;
	cr_expect_eq(standing_on(ifindex).out, GATE_FIRST);
	cr_assert_eq(gate_load(&gate, error, sizeof(error)), 0, "%s", error);
}

/* ---- events ---- */

static struct gate_event last_event;
static unsigned int event_count;

static void on_event(const struct gate_event *event, void *arg)
{
	cr_expect_eq(arg, &event_count);
	last_event = *event;
	event_count++;
}

/* To another queue pair each: a flow has an event at once, and then one a second. */
static void stop_flow(unsigned int qpn)
{
	char text[256];
	struct frame frame;

	snprintf(text, sizeof(text), ETHER IPV4 V4(UDP) TO_ROCE "0400ffff 00%06x 00000001 00112233445566778899aabb",
		 qpn);
	frame = frame_of(text);
	cr_assert(run_stops(&frame, GATE_DIRECTION_OUT));
}

Test(gate, tells_what_it_stops)
{
	struct gate_events *events;

	stop_flow(0x111);
	cr_assert_eq(gate_events_open(gate, on_event, &event_count, &events, error, sizeof(error)), 0, "%s", error);
	gate_events_take(events, 100);
	cr_expect_eq(event_count, 0, "what was before it was opened is forgotten");
	stop_flow(0x222);
	gate_events_take(events, 100);
	cr_expect_eq(event_count, 1);
	cr_expect(last_event.flow.qpn == 0x222 && last_event.frames == 1 &&
		  last_event.flow.direction == GATE_DIRECTION_OUT);
	gate_events_close(events);
}

Test(gate, tells_no_more_at_once_than_is_asked)
{
	struct gate_events *events;

	cr_assert_eq(gate_events_open(gate, on_event, &event_count, &events, error, sizeof(error)), 0, "%s", error);
	for (unsigned int qpn = 1; qpn <= 10; qpn++)
		stop_flow(qpn);
	gate_events_take(events, 4);
	cr_expect_eq(event_count, 4);
	gate_events_take(events, 100);
	cr_expect_eq(event_count, 10, "none is lost");
	gate_events_close(events);
}

static uint64_t left_out;

static void add_event(const struct gate_event *event, void *arg)
{
	on_event(event, arg);
	left_out += event->left_out;
}

/* A flood makes GATE_EVENTS_PER_S events a second, which say how many others there would have been. */
Test(gate, tells_a_part_of_a_flood_and_counts_the_rest)
{
	const struct frame inbound = frame_of(CLEAR_V4);
	struct gate_events *events;
	unsigned int flows = 0;
	time_t began = time(NULL);

	cr_assert_eq(gate_events_open(gate, add_event, &event_count, &events, error, sizeof(error)), 0, "%s", error);
	while (flows < 5 * GATE_EVENTS_PER_S)
		stop_flow(++flows);
	cr_assert(run_stops(&inbound, GATE_DIRECTION_IN));
	gate_events_take(events, UINT_MAX);
	cr_expect_eq(last_event.flow.direction, GATE_DIRECTION_IN, "what arrives has events of its own");
	cr_expect_leq(event_count - 1, GATE_EVENTS_PER_S * (time(NULL) - began + 2));
	while (!last_event.left_out) {
		usleep(50000);
		stop_flow(++flows);
		gate_events_take(events, UINT_MAX);
	}
	cr_expect_eq(event_count - 1 + left_out, flows);
	gate_events_close(events);
}

Test(gate, removes_its_pins)
{
	gate_free(gate);
	gate = NULL;
	cr_assert_eq(gate_remove_pins(error, sizeof(error)), 0, "%s", error);
	cr_expect_neq(access(GATE_PINS, F_OK), 0);
	cr_assert_eq(gate_remove_pins(error, sizeof(error)), 0, "%s", error);
}

Test(gate_without_file_system, is_refused)
{
	NEED_ROOT();
	cr_assert_eq(unshare(CLONE_NEWNS), 0);
	cr_assert_eq(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	cr_assert_eq(mount("none", "/sys/fs", "tmpfs", 0, NULL), 0);
	cr_expect_eq(gate_load(&gate, error, sizeof(error)), -ENOTDIR);
	cr_expect(strstr(error, "mount -t bpf bpf /sys/fs/bpf"), "%s", error);
}
