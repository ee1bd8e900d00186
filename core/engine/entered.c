// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What the kernel door has stopped (entry/entry.h). A thread is an item of a list from its event to its end:
 *
 *  its process has ended, or is another one  the item is removed
 *  its queue pair lives by right             the process continues
 *  its queue pair was taken down             the process continues; or is killed (unguarded = kill)
 *  it is not known, for less than LAST_MS    tried again, less and less often
 *  it is not known for longer                the process is killed; or continues, where unreachable_rule() has no rule
 *
 * A process with several items continues with the last of them. The records in the kernel outlive this process: the
 * next daemon makes items of those.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "engine/internal.h"
#include "entry/entry.h"
#include "util/clock.h"
#include "util/text.h"

enum {
	TAKEN_AT_ONCE = 16,
	AGAIN_MS = 20, /* from one attempt to the next: at first, and */
	AGAIN_MAX_MS = 500,
	LAST_MS = 60000, /* as long as a question waits for evidence that is being read */
	REREAD_MS = 1000,
};

struct entered {
	struct entry_event event;
	struct process process;
	bool is_described;
	bool is_left;             /* by an earlier daemon: the number may be that of another process by now */
	int64_t due_ms, began_ms; /* began_ms 0: it was not tried yet */
	struct entered *prev, *next;
};

/* ---- tickets ---- */

/* The door executes the command when it has the answer, so the ticket precedes it. A command without one is stopped. */
void server_make_ticket(struct engine_server *server, struct watch_ufile *ufile, struct pending *pending)
{
	const struct request *request = &pending->request;
	const struct uverbs_address *address = &request->address;
	bool is_ready = request->kind == REQUEST_QP_READY;
	uint32_t index, qpn = watch_qp_number(ufile, request->handle);

	if (!server->options.entry || !(request->has & UVERBS_HAS_HANDLE) || request->has & UVERBS_HAS_DEVX || !qpn ||
	    (!is_ready && request->kind != REQUEST_QP_ADDRESS) || !watch_ufile_index(ufile, &index))
		return;
	entry_ticket_make(index, qpn, is_ready ? NULL : address->dgid, address->port, address->sgid_index,
			  &pending->ticket);
	pending->has_ticket = !entry_allow(server->options.entry, &pending->ticket);
}

void server_withdraw_ticket(struct engine_server *server, struct pending *pending)
{
	if (pending->has_ticket)
		entry_withdraw(server->options.entry, &pending->ticket);
	pending->has_ticket = false;
}

static void close_door(struct engine_server *server, const char *why)
{
	if (entry_is_attached(server->options.entry))
		entry_detach(server->options.entry);
	text_copy(server->entry_words, sizeof(server->entry_words), why);
}

void server_withdraw_tickets(struct engine_server *server)
{
	char why[128];
	int err;

	if (!server->options.entry || !entry_is_attached(server->options.entry))
		return;
	err = entry_withdraw_all(server->options.entry);
	if (!err)
		return;
	text_format(why, sizeof(why), "not available: the kernel does not take its settings: %s", strerror(-err));
	close_door(server, why);
}

/* ---- one thread ---- */

static void remove_item(struct engine_server *server, struct entered *item)
{
	DL_DELETE(server->entered, item);
	process_close(&item->process);
	free(item);
}

static void add_item(struct engine_server *server, const struct entry_event *event, bool is_left)
{
	struct entered *item = calloc(1, sizeof(*item));
	int err = item ? process_identify((pid_t)event->pid, &item->process) : -ENOMEM;

	if (err) {
		/* without memory the record stays, and is read again */
		if (err == -ESRCH)
			entry_forget_stopped(server->options.entry, event->tid);
		server->entry_rereads |= err != -ESRCH;
		free(item);
		return;
	}
	item->event = *event;
	item->is_left = is_left;
	item->due_ms = clock_ms();
	DL_APPEND(server->entered, item);
}

static void on_event(const struct entry_event *event, void *arg)
{
	add_item(arg, event, false);
}

static const struct entered *find_item(const struct engine_server *server, const struct entry_event *event)
{
	const struct entered *item;

	DL_FOREACH (server->entered, item)
		if (!memcmp(&item->event, event, sizeof(*event)))
			return item;
	return NULL;
}

static void on_left(const struct entry_event *event, void *arg)
{
	if (!find_item(arg, event))
		add_item(arg, event, true);
}

/* Of those that are stopped, also if their queue pairs are not judged yet. */
static bool is_last_of_process(const struct engine_server *server, const struct entered *item)
{
	const struct entered *other;

	DL_FOREACH (server->entered, other)
		if (other != item && other->event.stopped && other->event.pid == item->event.pid)
			return false;
	return true;
}

/* ---- its end ---- */

static void publish(struct engine_server *server, const struct entered *item, struct wire_record *record)
{
	record->event = WIRE_EVENT_KERNEL_DOOR;
	record->time_ns = clock_realtime_ns();
	if (item->process.account == 0 || decisions_admit(server->decisions, item->process.account, record, clock_ms()))
		server_publish(record, server);
}

/* Further events of the process may be in the ring, and SIGCONT continues all of it. */
static void let_go(struct engine_server *server, struct entered *item)
{
	bool is_last;

	entry_take(server->options.entry, UINT32_MAX, on_event, server);
	is_last = is_last_of_process(server, item);
	/* the record first: the thread may be stopped again at once */
	entry_forget_stopped(server->options.entry, item->event.tid);
	if (item->event.stopped && is_last && process_continue(&item->process) == -EPERM)
		fprintf(stderr, "rdmasecd: process %d was stopped, and cannot be continued: kill -CONT %d\n",
			(int)item->process.pid, (int)item->process.pid);
}

static void end_process(struct engine_server *server, const struct entered *item)
{
	int err = process_kill(&item->process);

	if (err && err != -ESRCH)
		fprintf(stderr, "rdmasecd: process %d cannot be ended: %s: kill -9 %d\n", (int)item->process.pid,
			strerror(-err), (int)item->process.pid);
	if (!err || err == -ESRCH)
		entry_forget_stopped(server->options.entry, item->event.tid);
}

static void end_known(struct engine_server *server, struct entered *item, struct watch_entered_answer *answer)
{
	const char *verb = !item->event.stopped ? "" : "; it goes on";

	if (answer->kills) {
		end_process(server, item);
		verb = "; it was ended (unguarded = kill)";
	} else {
		let_go(server, item);
	}
	text_append(answer->record.text, sizeof(answer->record.text), "%sno door guards the program%s",
		    answer->record.text[0] ? ": " : "", verb);
	publish(server, item, &answer->record);
}

static void end_unknown(struct engine_server *server, struct entered *item, const struct watch_entered *entered,
			struct watch_entered_answer *answer)
{
	bool kills = watch_entered_rule(server->watch, &item->process, entered);

	if (kills)
		end_process(server, item);
	else
		let_go(server, item);
	text_format(answer->record.text, sizeof(answer->record.text),
		    "no door guards the program, and its queue pair can neither be checked nor taken down: it %s",
		    kills ? "was ended (unreachable = kill)" : "goes on");
	publish(server, item, &answer->record);
}

/* ---- the work ---- */

static struct watch_entered entered_of(const struct entry_event *event)
{
	struct watch_entered entered = {
		.device_index = event->command.device,
		.device = event->device,
		.handle = event->handle,
		.qpn = event->command.qpn,
		.qp_type = event->qp_type,
		.address = { .sgid_index = event->command.gid_index, .port = event->command.port, .is_global = true },
	};

	memcpy(entered.address.dgid, event->command.remote, sizeof(entered.address.dgid));
	return entered;
}

/* Returns 0; -ESRCH: it has ended, or is another process; or an error after which it is tried again. */
static int describe(struct engine_server *server, struct entered *item)
{
	int err = item->is_described ? 0 : foreign_describe(server->options.foreign, &item->process);

	if (err)
		return process_has_ended(&item->process) ? -ESRCH : err == -ESRCH ? -EAGAIN : err;
	item->is_described = true;
	return entry_event_is_of(&item->event, item->process.start_time) ? 0 : -ESRCH;
}

/* Returns whether the item is done. `is_last`: there is no other attempt. */
static bool handle(struct engine_server *server, struct entered *item, bool is_last)
{
	const struct watch_entered entered = entered_of(&item->event);
	struct watch_entered_answer answer = { .fate = WATCH_FATE_UNKNOWN };
	int err = describe(server, item);

	if (err == -ESRCH) {
		entry_forget_stopped(server->options.entry, item->event.tid);
		return true;
	}
	if (!err)
		watch_entered(server->watch, &item->process, &entered, &answer);
	if (answer.fate != WATCH_FATE_UNKNOWN) {
		end_known(server, item, &answer);
		return true;
	}
	/* the number of a process that an earlier daemon stopped is not checked yet */
	if (!is_last || (item->is_left && !item->is_described))
		return false;
	if (err) {
		wire_make(&answer.record, WIRE_RECORD);
		answer.record.pid = item->process.pid;
		answer.record.uid = item->process.uid;
	}
	end_unknown(server, item, &entered, &answer);
	return true;
}

static struct entered *next_due(const struct engine_server *server)
{
	struct entered *item, *first = NULL;

	DL_FOREACH (server->entered, item)
		if (!first || item->due_ms < first->due_ms)
			first = item;
	return first;
}

/* The time counts from the first attempt: many other threads may come before it. */
static void try_item(struct engine_server *server, struct entered *item)
{
	int64_t now = clock_ms(), pause;

	item->began_ms = item->began_ms ? item->began_ms : now;
	pause = (now - item->began_ms) / 4;
	if (handle(server, item, now - item->began_ms >= LAST_MS))
		remove_item(server, item);
	else
		item->due_ms = clock_ms() + (pause < AGAIN_MS ? AGAIN_MS : pause > AGAIN_MAX_MS ? AGAIN_MAX_MS : pause);
}

static void schedule(struct engine_server *server)
{
	const struct entered *item = next_due(server);
	int64_t ms = item ? item->due_ms - clock_ms() : server->entry_rereads ? REREAD_MS : -1;
	const struct timeval when = clock_timeval(ms > 0 ? ms : 0);

	if (item || server->entry_rereads)
		(void)event_add(server->on_entered_due, &when);
}

/* One thread in each turn of the loop, between which it answers questions. */
static void on_due(evutil_socket_t fd, short what, void *arg)
{
	struct engine_server *server = arg;
	struct entered *item = next_due(server);

	(void)fd;
	(void)what;
	if (!item && server->entry_rereads) {
		server->entry_rereads = false;
		server->entry_rereads = entry_each_stopped(server->options.entry, on_left, server) != 0;
	} else if (item && item->due_ms <= clock_ms()) {
		try_item(server, item);
	}
	schedule(server);
}

static void on_entered(evutil_socket_t fd, short what, void *arg)
{
	struct engine_server *server = arg;

	(void)fd;
	(void)what;
	entry_take(server->options.entry, TAKEN_AT_ONCE, on_event, server);
	schedule(server);
}

/* ---- the policy ---- */

/* Where no rule enforces anything, nothing is stopped. */
static bool enforces(const struct policy *policy)
{
	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		const struct policy_rule *rule = policy_rule_at(policy, i);

		if (rule->mode == MODE_ENFORCE && rule->requirement.require != REQUIRE_NONE)
			return true;
	}
	return false;
}

void server_entry_set_policy(struct engine_server *server, const struct policy *policy)
{
	bool is_wanted = policy_rule_at(policy, policy_rule_count(policy) - 1)->kernel_door, stops = enforces(policy);
	struct entry *entry = server->options.entry;

	if (!is_wanted && entry && entry_is_attached(entry)) {
		close_door(server, "off");
	} else if (!is_wanted) {
		text_copy(server->entry_words, sizeof(server->entry_words), "off");
	} else if (!entry || !entry_is_attached(entry)) {
		if (!strcmp(server->entry_words, "off"))
			text_copy(
				server->entry_words, sizeof(server->entry_words),
				"not available: it opens at the start of the daemon only: systemctl restart rdmasecd");
	} else if (entry_set_mode(entry, stops ? ENTRY_STOPS : ENTRY_REPORTS)) {
		close_door(server, "not available: the kernel does not take its settings");
	} else {
		text_copy(server->entry_words, sizeof(server->entry_words),
			  stops ? "attached" : "attached; no rule enforces, so it only reports");
	}
	server_withdraw_tickets(server);
}

/* ---- start and end ---- */

int server_entry_init(struct engine_server *server, const struct policy *policy)
{
	struct entry *entry = server->options.entry;

	if (server->options.entry_words)
		text_copy(server->entry_words, sizeof(server->entry_words), server->options.entry_words);
	server_entry_set_policy(server, policy);
	if (!entry)
		return 0;
	server->on_entered_due = evtimer_new(server->base, on_due, server);
	if (!server->on_entered_due)
		return -ENOMEM;
	(void)event_priority_set(server->on_entered_due, OTHERS_PRIORITY);
	server->entry_rereads = entry_each_stopped(entry, on_left, server) != 0;
	schedule(server);
	if (entry_fd(entry) < 0)
		return 0;
	server->on_entered = event_new(server->base, entry_fd(entry), EV_READ | EV_PERSIST, on_entered, server);
	if (!server->on_entered)
		return -ENOMEM;
	(void)event_priority_set(server->on_entered, OTHERS_PRIORITY);
	return event_add(server->on_entered, NULL) ? -ENOMEM : 0;
}

void server_entry_free(struct engine_server *server)
{
	struct entry *entry = server->options.entry;
	struct entered *item;

	if (entry && entry_is_attached(entry))
		entry_detach(entry);
	if (!entry || !server->watch || !server->decisions)
		return;
	/* the program may have been running on another processor: its last event or record comes in the second round */
	for (int i = 0; i < 2; i++) {
		entry_take(entry, UINT32_MAX, on_event, server);
		(void)!entry_each_stopped(entry, on_left, server);
		while ((item = server->entered)) {
			(void)handle(server, item, true);
			remove_item(server, item);
		}
	}
	if (server->on_entered)
		event_free(server->on_entered);
	if (server->on_entered_due)
		event_free(server->on_entered_due);
}
