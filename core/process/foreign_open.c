// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The facts of processes that only a helper may read: process.h says which block. With a question comes its file. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "process/foreign_private.h"
#include "util/clock.h"
#include "util/text.h"

/* Apart from every process's: a process that hangs a search bars further searches, and no question. */
static const uint64_t of_searches = UINT64_MAX;

/* Takes the facts of a reply, if it has some. Returns -ESRCH if the process has ended, so they may be another's. */
static int take_facts(const struct foreign_reply *reply, struct process *process)
{
	const struct process *facts = &reply->facts;

	if (process_has_ended(process))
		return -ESRCH;
	if (!reply->is_described)
		return 0;
	process->start_time = facts->start_time;
	process->executable_known = facts->executable_known;
	process->executable_is_local = facts->executable_is_local;
	text_copy(process->executable, sizeof(process->executable), facts->executable);
	process->netns_known = facts->netns_known;
	process->netns_dev = facts->netns_dev;
	process->netns_ino = facts->netns_ino;
	return 0;
}

static int ask(struct foreign *foreign, const struct process *process, enum foreign_what what,
	       struct foreign_reply *reply, int *fd)
{
	const struct foreign_request request = { .account = process->account, .what = what, .pid = process->pid };
	int err = foreign_call(foreign, &request, NULL, 0, reply, fd, NULL);

	return err ? err : reply->err;
}

int foreign_describe(struct foreign *foreign, struct process *process)
{
	struct foreign_reply reply;
	int fd = -1, err;

	if (!foreign) {
		err = process_describe(process);
		return process_has_ended(process) ? -ESRCH : err;
	}
	err = ask(foreign, process, FOREIGN_DESCRIBE, &reply, &fd);
	if (fd >= 0)
		close(fd);
	if (!err && !reply.is_described)
		err = -EPROTO;
	if (err)
		return process_has_ended(process) ? -ESRCH : err;
	return take_facts(&reply, process);
}

int foreign_open(struct foreign *foreign, pid_t pid, struct process *out)
{
	int err = process_identify(pid, out);

	if (err)
		return err;
	err = foreign_describe(foreign, out);
	if (err)
		process_close(out);
	return err;
}

static int receive_in_this_process(int socket, struct process *process, int number, struct foreign_file *out)
{
	struct foreign_leftovers left = { .count = 0 };
	int err = foreign_describe(NULL, process);

	if (!err)
		err = foreign_receive_here("/sys", socket, process, number, out, &left);
	foreign_close_leftovers(&left);
	return err;
}

/* Takes what a helper received. */
static int take_received(struct foreign *foreign, const struct foreign_reply *reply, int fd, struct process *process,
			 struct foreign_file *out)
{
	int err = foreign_file_from(reply, fd, out);

	if (!err && !reply->is_described)
		err = -EPROTO;
	if (take_facts(reply, process))
		err = -ESRCH;
	if (err && !reply->err && fd >= 0)
		foreign_close_device(foreign, fd);
	return err;
}

int foreign_receive(struct foreign *foreign, int socket, struct process *process, int number, struct foreign_file *out,
		    int *ticket)
{
	const struct foreign_request request = {
		.account = process->account, .what = FOREIGN_RECEIVE, .pid = process->pid, .number = number
	};
	const int fds[] = { socket, process->pidfd };
	struct foreign_reply reply;
	int fd, err;

	if (!foreign)
		return receive_in_this_process(socket, process, number, out);
	err = foreign_call(foreign, &request, fds, 2, &reply, &fd, ticket);
	if (!err)
		return take_received(foreign, &reply, fd, process, out);
	return err != -EINPROGRESS && process_has_ended(process) ? -ESRCH : err;
}

int foreign_receive_late(struct foreign *foreign, int ticket, struct process *process, struct foreign_file *out)
{
	struct foreign_helper *helper = &foreign->helpers[ticket];
	struct foreign_reply reply;
	size_t count = 1;
	int fd = -1, got = foreign_receive_message(helper->socket, &reply, sizeof(reply), &fd, &count, MSG_DONTWAIT);

	if (got == -EAGAIN && clock_ms() <= helper->until_ms)
		return -EINPROGRESS;
	if (got != sizeof(reply)) {
		foreign_receive_cancel(foreign, ticket);
		return got == -EAGAIN ? -ETIMEDOUT : -ECONNRESET;
	}
	/* it ends, but what it still closes may last: the account is barred for so long */
	if (reply.closes) {
		foreign_give_up(helper, FOREIGN_STUCK);
		helper->until_ms = clock_ms();
	} else {
		foreign_helper_end(helper);
	}
	return take_received(foreign, &reply, count ? fd : -1, process, out);
}

void foreign_receive_cancel(struct foreign *foreign, int ticket)
{
	foreign_give_up(&foreign->helpers[ticket], FOREIGN_STUCK);
}

int foreign_open_netns(struct foreign *foreign, const struct process *process, int *out_fd)
{
	struct foreign_reply reply;
	int fd = -1, err;

	if (!foreign)
		return process_open_netns(process, out_fd);
	err = ask(foreign, process, FOREIGN_NETNS, &reply, &fd);
	if (!err && fd < 0)
		err = -EPROTO;
	/* the number may be another process's by now */
	if (!err && process_has_ended(process))
		err = -ESRCH;
	if (!err)
		*out_fd = fd;
	else if (fd >= 0)
		close(fd);
	return err;
}

int foreign_find_by_environment(struct foreign *foreign, const char *variable, struct process *out)
{
	const struct foreign_request request = { .account = of_searches, .what = FOREIGN_FIND, .pid = getpid() };
	const struct foreign_helper *helper = foreign_helper_get(foreign, FOREIGN_TAKER);
	struct foreign_reply reply;
	int fd = -1, err;

	if (!helper)
		return -EBUSY;
	text_copy(helper->slot->variable, sizeof(helper->slot->variable), variable);
	err = foreign_call(foreign, &request, NULL, 0, &reply, &fd, NULL);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = reply.err;
	return err ? err : foreign_open(foreign, reply.pid, out);
}
