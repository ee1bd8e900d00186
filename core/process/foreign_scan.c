// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's end of a scan. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/foreign_private.h"
#include "util/clock.h"

/* A scan that does not proceed for so long, and sleeps, hangs. */
enum { SCAN_HANGS_MS = 1000, STUCK_SCANS_MAX = 32 };

/* The descriptors at which helpers hang: the next scan leaves them out. */
static void list_obstacles(const struct foreign *foreign, struct foreign_request *request)
{
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX && request->count < FOREIGN_PLACES_MAX; i++)
		if (foreign->helpers[i].role == FOREIGN_STUCK_SCAN)
			request->obstacles[request->count++] = foreign->helpers[i].obstacle;
}

static int start_from(struct foreign *foreign)
{
	struct foreign_request request = { .what = FOREIGN_SCAN,
					   .pid = foreign->from.pid,
					   .number = foreign->from.number };
	struct foreign_helper *helper = foreign_helper_get(foreign, FOREIGN_SCANNER);
	int err;

	if (!helper)
		return -EBUSY;
	list_obstacles(foreign, &request);
	helper->seen_ms = clock_ms();
	err = foreign_send(helper->socket, &request,
			   offsetof(struct foreign_request, places) + request.count * sizeof(request.places[0]), NULL,
			   0, MSG_DONTWAIT);
	if (err < 0)
		foreign_helper_end(helper);
	return err < 0 ? err : 0;
}

int foreign_scan_start(struct foreign *foreign)
{
	if (foreign_helper_find(foreign, FOREIGN_SCANNER))
		return 0;
	foreign->from = (struct foreign_obstacle){ .pid = 0 };
	return start_from(foreign);
}

int foreign_scan_fd(const struct foreign *foreign)
{
	const struct foreign_helper *helper = foreign_helper_find((struct foreign *)foreign, FOREIGN_SCANNER);

	return helper ? helper->socket : -1;
}

int foreign_scan_next(struct foreign *foreign, struct foreign_found *out, int *err)
{
	const struct foreign_request go_on = { .what = FOREIGN_GO_ON };
	struct foreign_helper *helper = foreign_helper_find(foreign, FOREIGN_SCANNER);
	struct foreign_reply reply;
	size_t count = 1;
	int got, fd;

	*err = -ECONNRESET;
	if (!helper)
		return -ENOENT;
	got = foreign_receive_message(helper->socket, &reply, sizeof(reply), &fd, &count, MSG_DONTWAIT);
	if (got == -EAGAIN)
		return got;
	if (got != sizeof(reply) || reply.kind != FOREIGN_FOUND || count != 1) {
		if (got == sizeof(reply) && reply.kind == FOREIGN_END)
			*err = reply.err;
		foreign_helper_end(helper);
		return -ENOENT;
	}
	/* an error shows at the next message */
	(void)!foreign_send(helper->socket, &go_on, offsetof(struct foreign_request, places), NULL, 0, MSG_DONTWAIT);
	*out = (struct foreign_found){ .pid = reply.pid,
				       .start_time = reply.start_time,
				       .number = reply.number,
				       .file = { .fd = fd, .rdev = (dev_t)reply.rdev } };
	return 0;
}

static unsigned stuck_scans(const struct foreign *foreign)
{
	unsigned count = 0;

	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		count += foreign->helpers[i].role == FOREIGN_STUCK_SCAN;
	return count;
}

/* It waits for the engine. */
static bool has_message(const struct foreign_helper *helper)
{
	struct pollfd ready = { .fd = helper->socket, .events = POLLIN };

	return poll(&ready, 1, 0) == 1;
}

bool foreign_scan_check(struct foreign *foreign)
{
	struct foreign_helper *helper = foreign_helper_find(foreign, FOREIGN_SCANNER);
	uint32_t step = helper ? atomic_load(&helper->slot->step) : 0;
	int64_t now = clock_ms();
	struct foreign_obstacle at;

	if (!helper)
		return false;
	if (step != helper->seen_step || has_message(helper) || !foreign_is_asleep(helper)) {
		helper->seen_step = step;
		helper->seen_ms = now;
		return false;
	}
	if (now - helper->seen_ms < SCAN_HANGS_MS)
		return false;
	at = (struct foreign_obstacle){ .pid = atomic_load(&helper->slot->pid),
					.number = atomic_load(&helper->slot->number) };
	/* the process itself hangs: go on with the next one */
	if (at.number < 0)
		at.number = INT32_MAX;
	foreign->from = at;
	foreign_give_up(helper, FOREIGN_STUCK_SCAN);
	if (stuck_scans(foreign) < STUCK_SCANS_MAX)
		(void)!start_from(foreign);
	return true;
}
