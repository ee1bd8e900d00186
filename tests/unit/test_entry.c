// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Events and tickets of the kernel door. What the BPF program does takes RDMA: the scenario kernel-door. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "entry/entry.h"
#include "skip.h"

static const struct entry_event good = {
	.command = { .remote = { [10] = 0xff, [11] = 0xff, [12] = 10, [15] = 2 }, .device = 1, .qpn = 17, .port = 1 },
	.start_time = 1230000000,
	.pid = 300,
	.tid = 301,
	.handle = 5,
	.qp_type = 2,
	.stopped = 1,
	.device = "rxe0",
};

static int check(const struct entry_event *event)
{
	struct entry_event out;
	int err = entry_event_check(event, sizeof(*event), &out);

	cr_expect(err || !memcmp(&out, event, sizeof(out)));
	return err;
}

Test(entry, takes_event_of_kernel)
{
	cr_assert_eq(check(&good), 0);
}

Test(entry, takes_event_at_odd_address)
{
	char octets[sizeof(good) + 1];
	struct entry_event out;

	memcpy(octets + 1, &good, sizeof(good));
	cr_assert_eq(entry_event_check(octets + 1, sizeof(good), &out), 0);
}

Test(entry, refuses_event_of_other_size)
{
	char octets[sizeof(good) + 1] = { 0 };
	struct entry_event out;

	memcpy(octets, &good, sizeof(good));
	for (size_t size = 0; size <= sizeof(octets); size++)
		cr_expect_eq(entry_event_check(octets, size, &out), size == sizeof(good) ? 0 : -EBADMSG);
}

#define EXPECT_REFUSED(change)                                        \
	do {                                                          \
		struct entry_event event = good;                      \
		change;                                               \
		cr_expect_eq(check(&event), -EBADMSG, "%s", #change); \
	} while (0)

Test(entry, refuses_event_with_impossible_field)
{
	EXPECT_REFUSED(event.pid = 0);
	EXPECT_REFUSED(event.pid = UINT32_C(0x80000000));
	EXPECT_REFUSED(event.tid = 0);
	EXPECT_REFUSED(event.tid = UINT32_MAX);
	EXPECT_REFUSED(event.qp_type = 256);
	EXPECT_REFUSED(event.stopped = 2);
	EXPECT_REFUSED(event.reserved = 1);
	EXPECT_REFUSED(event.command.reserved[5] = 1);
}

Test(entry, refuses_device_that_is_no_name)
{
	EXPECT_REFUSED(event.device[0] = '\0');
	EXPECT_REFUSED(memset(event.device, 'x', sizeof(event.device)));
	EXPECT_REFUSED(strcpy(event.device, "../rxe0"));
	EXPECT_REFUSED(strcpy(event.device, "a/b"));
	EXPECT_REFUSED(strcpy(event.device, "rxe 0"));
	EXPECT_REFUSED(strcpy(event.device, "rxe\n"));
	EXPECT_REFUSED(strcpy(event.device, "rx\xe9"));
}

/* ---- the process ---- */

Test(entry, knows_process_by_its_start_time)
{
	const uint64_t tick = 1000000000 / (uint64_t)sysconf(_SC_CLK_TCK);
	struct entry_event event = good;

	event.start_time = 123 * tick;
	cr_expect(entry_event_is_of(&event, 123));
	event.start_time = 124 * tick - 1; /* /proc/PID/stat rounds down */
	cr_expect(entry_event_is_of(&event, 123));
	cr_expect_not(entry_event_is_of(&event, 124));
	event.start_time = 124 * tick;
	cr_expect_not(entry_event_is_of(&event, 123));
}

/* ---- tickets ---- */

Test(entry, makes_key_without_remainders)
{
	static const uint8_t remote[16] = { 0xfe, 0x80, [15] = 1 };
	struct entry_ticket a, b;

	memset(&a, 0xaa, sizeof(a));
	memset(&b, 0x55, sizeof(b));
	entry_ticket_make(3, 17, remote, 1, 2, &a);
	entry_ticket_make(3, 17, remote, 1, 2, &b);
	cr_assert_eq(memcmp(&a, &b, sizeof(a)), 0, "the kernel compares all octets");
	cr_expect(a.device == 3 && a.qpn == 17 && a.port == 1 && a.gid_index == 2);
	cr_expect_eq(memcmp(a.remote, remote, sizeof(remote)), 0);
}

Test(entry, makes_key_of_qp_without_address_as_the_kernel_does)
{
	const struct entry_ticket expected = { .device = 3, .qpn = 17 };
	struct entry_ticket ticket;

	entry_ticket_make(3, 17, NULL, 1, 2, &ticket);
	cr_assert_eq(memcmp(&ticket, &expected, sizeof(ticket)), 0);
}

/* ---- without a kernel that has it ---- */

Test(entry, explains_why_it_cannot_be_opened)
{
	struct entry *entry = NULL;
	char error[192] = "";
	int err;

	if (!access("/sys/module/ib_core", F_OK))
		skip_test("ib_core is loaded: it could be opened, and would stop programs of this host");
	err = entry_open(true, &entry, error, sizeof(error));
	cr_expect_lt(err, 0);
	cr_expect_neq(error[0], '\0');
	cr_expect_null(entry);
	entry_close(NULL);
}
