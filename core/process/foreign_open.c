// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Opens processes with the facts that only a helper may read: process.h says which block. */
#include <errno.h>
#include <unistd.h>

#include "process/foreign_private.h"
#include "util/text.h"

/* Apart from every process's: a process that hangs a search bars further searches, and no question. */
static const uint64_t of_searches = UINT64_MAX;

/* The taker has just served: nothing is closed after these replies, at which it could have been given up. */
static struct foreign_slot *slot_of_taker(struct foreign *foreign)
{
	const struct foreign_helper *helper = foreign_helper_find(foreign, FOREIGN_TAKER);

	return helper ? helper->slot : NULL;
}

static void take_facts(const struct process *facts, struct process *out)
{
	out->start_time = facts->start_time;
	out->executable_known = facts->executable_known;
	out->executable_is_local = facts->executable_is_local;
	text_copy(out->executable, sizeof(out->executable), facts->executable);
	out->netns_known = facts->netns_known;
	out->netns_dev = facts->netns_dev;
	out->netns_ino = facts->netns_ino;
}

static int ask(struct foreign *foreign, const struct process *process, enum foreign_what what, int *fd)
{
	const struct foreign_request request = { .account = process->account, .what = what, .pid = process->pid };
	struct foreign_reply reply;
	int err = foreign_call(foreign, &request, NULL, 0, &reply, fd);

	return err ? err : reply.err;
}

static int describe(struct foreign *foreign, struct process *process)
{
	int fd = -1, err = foreign ? ask(foreign, process, FOREIGN_DESCRIBE, &fd) : process_describe(process);
	const struct foreign_slot *slot = foreign && !err ? slot_of_taker(foreign) : NULL;

	if (fd >= 0)
		close(fd);
	if (foreign && !err && !slot)
		err = -ECONNRESET;
	if (slot)
		take_facts(&slot->described, process);
	return process_has_ended(process) ? -ESRCH : err;
}

static int describe_identified(struct foreign *foreign, int err, struct process *out)
{
	if (err)
		return err;
	err = describe(foreign, out);
	if (err)
		process_close(out);
	return err;
}

int foreign_open(struct foreign *foreign, pid_t pid, struct process *out)
{
	return describe_identified(foreign, process_identify(pid, out), out);
}

int foreign_open_peer(struct foreign *foreign, int socket, struct process *out)
{
	return describe_identified(foreign, process_identify_peer(socket, out), out);
}

int foreign_open_subject(struct foreign *foreign, int socket, pid_t pid, struct process *out)
{
	struct process peer;
	int err = process_identify_peer(socket, &peer);

	if (err)
		return err;
	err = process_identify_subject(&peer, pid, out);
	process_close(&peer);
	return describe_identified(foreign, err, out);
}

int foreign_open_netns(struct foreign *foreign, const struct process *process, int *out_fd)
{
	int fd = -1, err;

	if (!foreign)
		return process_open_netns(process, out_fd);
	err = ask(foreign, process, FOREIGN_NETNS, &fd);
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
	err = foreign_call(foreign, &request, NULL, 0, &reply, &fd);
	if (fd >= 0)
		close(fd);
	if (!err)
		err = reply.err;
	return err ? err : foreign_open(foreign, reply.pid, out);
}
