// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's end of a scan, and of a search in one process. */
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
					   .thread = foreign->from.thread,
					   .number = foreign->from.number,
					   .is_everything = foreign->scope.is_everything,
					   .device_count = (uint32_t)foreign->scope.device_count };
	struct foreign_helper *helper = foreign_helper_get(foreign, FOREIGN_SCANNER);
	int err;

	if (!helper)
		return -EBUSY;
	list_obstacles(foreign, &request);
	for (size_t i = 0; i < FOREIGN_DEVICES_MAX; i++)
		request.devices[i] = foreign->scope.devices[i];
	helper->seen_ms = clock_ms();
	err = foreign_send(helper->socket, &request,
			   offsetof(struct foreign_request, obstacles) + request.count * sizeof(request.obstacles[0]),
			   NULL, 0, MSG_DONTWAIT);
	if (err < 0)
		foreign_helper_end(helper);
	return err < 0 ? err : 0;
}

int foreign_scan_start(struct foreign *foreign, const struct foreign_scope *scope)
{
	if (foreign_helper_find(foreign, FOREIGN_SCANNER))
		return 0;
	foreign->scope = *scope;
	foreign->from = (struct foreign_obstacle){ .pid = 0 };
	return start_from(foreign);
}

int foreign_scan_fd(const struct foreign *foreign)
{
	const struct foreign_helper *helper = foreign_helper_find((struct foreign *)foreign, FOREIGN_SCANNER);

	return helper ? helper->socket : -1;
}

static struct foreign_found found_from(const struct foreign_reply *reply, int fd)
{
	return (struct foreign_found){
		.pid = reply->pid,
		.start_time = reply->start_time,
		.is_guarded = reply->is_guarded,
		.number = reply->number,
		.file = { .fd = fd, .rdev = (dev_t)reply->rdev, .thread = reply->thread },
	};
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
	*out = found_from(&reply, fd);
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
					.thread = atomic_load(&helper->slot->thread),
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

/* ---- one process ---- */

struct search_here {
	foreign_found_fn found;
	void *context;
};

static int found_here(void *context, const struct process *process, pid_t thread, int number, int fd, dev_t rdev)
{
	const struct search_here *here = context;
	const struct foreign_found found = { .pid = process->pid,
					     .start_time = process->start_time,
					     .number = number,
					     .file = { .fd = fd, .rdev = rdev, .thread = thread } };

	return here->found(here->context, process, &found);
}

static int search_in_this_process(const struct process *process, dev_t rdev, foreign_found_fn found, void *context)
{
	struct search_here here = { found, context };
	const struct process_search search = {
		.devices = &rdev, .device_count = 1, .found = found_here, .context = &here
	};

	return process_search_fds(&search, process);
}

/* Returns 0; a value of `found`; or -errno of the helper, of which *ended says whether it serves no more. */
static int take_all(struct foreign *foreign, struct foreign_helper *helper, const struct process *process,
		    const struct search_here *here, bool *ended)
{
	struct foreign_reply reply;
	int fd, err, stopped = 0;

	*ended = true;
	for (;;) {
		struct foreign_request next = { .what = FOREIGN_GO_ON };
		struct foreign_found found;

		err = foreign_await(foreign, helper, &reply, &fd);
		if (err)
			return err;
		if (reply.kind != FOREIGN_FOUND || fd < 0)
			break;
		found = found_from(&reply, fd);
		stopped = here->found(here->context, process, &found);
		foreign_close_device(foreign, fd);
		next.what = stopped ? FOREIGN_STOP : FOREIGN_GO_ON;
		err = foreign_send(helper->socket, &next, offsetof(struct foreign_request, places), NULL, 0,
				   MSG_DONTWAIT);
		if (err < 0)
			return err;
	}
	*ended = reply.kind != FOREIGN_END;
	if (fd >= 0)
		foreign_close_device(foreign, fd);
	return *ended ? -EPROTO : stopped ? stopped : reply.err;
}

int foreign_search(struct foreign *foreign, const struct process *process, dev_t rdev, foreign_found_fn found,
		   void *context)
{
	const struct foreign_request request = {
		.account = process->account, .what = FOREIGN_SEARCH, .rdev = rdev, .pid = process->pid, .number = -1
	};
	const struct search_here here = { found, context };
	struct foreign_helper *helper;
	bool ended = true;
	int err;

	if (!foreign)
		return search_in_this_process(process, rdev, found, context);
	helper = foreign_hangs(foreign, process->account) ? NULL : foreign_helper_get(foreign, FOREIGN_SEARCHER);
	if (!helper)
		return -EBUSY;
	err = foreign_send(helper->socket, &request, offsetof(struct foreign_request, places), &process->pidfd, 1,
			   MSG_DONTWAIT);
	if (err > 0)
		err = take_all(foreign, helper, process, &here, &ended);
	if (err == -ETIMEDOUT && ended)
		foreign_give_up(helper, FOREIGN_STUCK);
	else if (ended)
		foreign_helper_end(helper);
	return err;
}
