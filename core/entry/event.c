// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Tickets and events. Source: nsec_to_clock_t() in kernel/time/time.c, by which do_task_stat() shows start_boottime. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "entry/entry.h"

enum { NS_PER_S = 1000000000, QP_TYPE_DRIVER = 0xff /* IB_QPT_DRIVER, the greatest */ };

void entry_ticket_make(uint32_t device, uint32_t qpn, const uint8_t remote[16], uint8_t port, uint8_t gid_index,
		       struct entry_ticket *out)
{
	*out = (struct entry_ticket){ .device = device, .qpn = qpn };
	if (!remote)
		return;
	memcpy(out->remote, remote, sizeof(out->remote));
	out->port = port;
	out->gid_index = gid_index;
}

static bool is_pid(uint32_t number)
{
	return number && number <= INT32_MAX;
}

/* It becomes a part of a path in sysfs. */
static bool is_name(const char device[ENTRY_DEVICE_NAME_MAX])
{
	size_t len = strnlen(device, ENTRY_DEVICE_NAME_MAX);

	if (!len || len == ENTRY_DEVICE_NAME_MAX || device[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++)
		if (device[i] <= ' ' || device[i] > '~' || device[i] == '/')
			return false;
	return true;
}

int entry_event_check(const void *octets, size_t size, struct entry_event *out)
{
	static const uint8_t zeros[sizeof(out->command.reserved)];
	struct entry_event event;

	if (size != sizeof(event))
		return -EBADMSG;
	memcpy(&event, octets, sizeof(event));
	if (!is_pid(event.pid) || !is_pid(event.tid) || !is_name(event.device) || event.qp_type > QP_TYPE_DRIVER ||
	    event.stopped > 1 || event.reserved || memcmp(event.command.reserved, zeros, sizeof(zeros)))
		return -EBADMSG;
	*out = event;
	return 0;
}

bool entry_event_is_of(const struct entry_event *event, uint64_t start_time)
{
	long ticks = sysconf(_SC_CLK_TCK);

	return ticks > 0 && event->start_time / (NS_PER_S / (uint64_t)ticks) == start_time;
}
