// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * `rdmasec wait`: judges the chosen paths after each change of this network namespace, until all are protected.
 *
 *     event                                        action
 *     a change of links, routes, xfrm or MACsec    judge SETTLE_MS later: changes come in groups
 *     AFTER_MS after such a change                 judge: the kernel updates GIDs after it has sent the event
 *     every AFTER_MS while a device or GID is      judge: before Linux 6.12 the kernel sends no event of a new device
 *       missing, or this process may not read
 *       xfrm state
 *     the time-out                                 report the last verdict
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "choice.h"
#include "commands.h"
#include "engine/server.h"
#include "messages/verdict.h"
#include "table.h"
#include "util/clock.h"
#include "util/text.h"
#include "watch/namespaces.h"

enum { SETTLE_MS = 50, AFTER_MS = 1000, SECONDS_MAX = 7 * 24 * 3600 };

struct wait {
	struct path_choice choice;
	const char *policy_file;
	bool json, has_timeout;
	uint32_t timeout_s;

	const struct policy *policy;
	struct event_base *base;
	struct namespaces *all;
	struct namespace *in;
	struct event *settled, *after, *end;
	struct wire_records records;                           /* the last verdicts */
	char said[sizeof(((struct wire_record *)NULL)->text)]; /* the last reason on stderr */
	int status;
};

static void usage(FILE *to)
{
	fprintf(to, "usage: rdmasec wait (-d DEV -g GID_INDEX | -n NETDEV | --all) [-i PORT]\n"
		    "                    [-r REMOTE_IP] [-p POLICY] [--timeout SECONDS] [--json]\n"
		    "  Returns as soon as the path is protected, or all GIDs on NETDEV, or all GIDs of\n"
		    "  all devices. Prints what 'rdmasec check' prints, and the reason for which it\n"
		    "  waits on stderr. Without --timeout it waits without end; 0: checks once.\n"
		    "  exit status: 0 protected; when the time is over: 1 unprotected, 3 unknown, also\n"
		    "  if there is no such device, port or GID; 2 usage or policy error\n");
}

/* ---- judging ---- */

static const struct wire_record *worst(const struct wire_records *records)
{
	const struct wire_record *found = &records->rows[0];

	for (size_t i = 0; i < records->count; i++) {
		const struct wire_record *record = &records->rows[i];

		if (found->verdict == VERDICT_PROTECTED || record->verdict == VERDICT_UNKNOWN)
			found = record;
		if (found->verdict == VERDICT_UNKNOWN)
			break;
	}
	return found;
}

static void say_why(struct wait *wait)
{
	const struct wire_record *record = worst(&wait->records);
	char codes[REASONS_TEXT_MAX];

	if (!strcmp(wait->said, record->text))
		return;
	text_copy(wait->said, sizeof(wait->said), record->text);
	fprintf(stderr, "rdmasec: waiting:");
	if (record->has & WIRE_RECORD_HAS_GID)
		fprintf(stderr, " %s port %u GID %u:", record->device, record->port, record->gid_index);
	fprintf(stderr, " %s (reason=%s): %s\n", verdict_name(record->verdict), reasons_text(record->reasons, codes),
		record->text);
}

static bool sends_no_event(const struct wait *wait, const struct evidence *ev)
{
	for (size_t i = 0; i < wait->records.count; i++)
		if (choice_is_missing(&wait->records.rows[i]) || wait->records.rows[i].reasons[0] == REASON_NETFILTER ||
		    wait->records.rows[i].reasons[0] == REASON_TC_FILTER)
			return true;
	return xfrm_table_state(ev->xfrm) == EVIDENCE_NO_PRIVILEGE;
}

static void judge(struct wait *wait)
{
	const struct timeval after = clock_timeval(AFTER_MS);
	const struct evidence *ev = mirror_now(namespace_mirror(wait->in));
	struct wire_records records;
	int err = choice_judge(&wait->choice, wait->policy, ev, &records);

	if (err) {
		wire_records_free(&wait->records);
		wait->status = report_failure(choice_form(&wait->choice, wait->json), EXIT_UNKNOWN, strerror(-err));
		event_base_loopbreak(wait->base);
		return;
	}
	wire_records_free(&wait->records);
	wait->records = records;
	wait->status = status_exit(&records);
	if (wait->status == EXIT_PROTECTED || (wait->has_timeout && !wait->timeout_s)) {
		event_base_loopbreak(wait->base);
		return;
	}
	say_why(wait);
	if (sends_no_event(wait, ev))
		event_add(wait->after, &after);
}

/* ---- events ---- */

static void on_settled(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	judge(arg);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct wait *wait = arg;

	(void)fd;
	(void)what;
	judge(wait); /* what the kernel has not reported by an event */
	event_base_loopbreak(wait->base);
}

static void on_change(struct namespace *in, const struct mirror_change *change, void *arg)
{
	const struct timeval soon = clock_timeval(SETTLE_MS), after = clock_timeval(AFTER_MS);
	struct wait *wait = arg;

	(void)in;
	(void)change;
	if (!wait->settled || !wait->after)
		return;
	if (!evtimer_pending(wait->settled, NULL))
		event_add(wait->settled, &soon);
	event_add(wait->after, &after);
}

/* ---- the loop ---- */

static int open_namespace(struct wait *wait)
{
	int fd, err = namespaces_new(wait->base, NULL, on_change, wait, &wait->all);

	if (err)
		return err;
	fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	err = namespace_get(wait->all, fd, &wait->in);
	close(fd);
	return err;
}

static int add_timers(struct wait *wait)
{
	const struct timeval at_once = { 0 }, end = { .tv_sec = wait->timeout_s };

	wait->settled = evtimer_new(wait->base, on_settled, wait);
	wait->after = evtimer_new(wait->base, on_settled, wait);
	wait->end = evtimer_new(wait->base, on_end, wait);
	if (!wait->settled || !wait->after || !wait->end || event_add(wait->settled, &at_once))
		return -ENOMEM;
	return wait->has_timeout && wait->timeout_s && event_add(wait->end, &end) ? -ENOMEM : 0;
}

static void let_go(struct wait *wait)
{
	struct event *events[] = { wait->settled, wait->after, wait->end };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	wait->settled = wait->after = wait->end = NULL;
	if (wait->in)
		namespace_put(wait->in);
	if (wait->all)
		namespaces_free(wait->all);
	if (wait->base)
		event_base_free(wait->base);
}

/* Returns 0 after the loop has ended, with wait->status and the last verdicts. */
static int run(struct wait *wait)
{
	int err = -ENOMEM;

	wait->base = engine_base_new();
	if (wait->base)
		err = open_namespace(wait);
	if (!err) {
		/* the kernel sends no events of MACsec */
		mirror_hurry_begin(namespace_mirror(wait->in));
		err = add_timers(wait);
		if (!err && event_base_dispatch(wait->base) < 0)
			err = -EIO;
		mirror_hurry_end(namespace_mirror(wait->in));
	}
	let_go(wait);
	return err;
}

static int wait_and_show(struct wait *wait)
{
	int err;

	wait->status = EXIT_UNKNOWN;
	err = run(wait);
	if (err)
		return report_failure(choice_form(&wait->choice, wait->json), EXIT_UNKNOWN, strerror(-err));
	if (wait->records.count && choice_show(&wait->choice, &wait->records, wait->json))
		wait->status = EXIT_UNKNOWN;
	wire_records_free(&wait->records);
	return wait->status;
}

/* ---- the command ---- */

static int parse_timeout(struct wait *wait, const char *value)
{
	char *end;
	unsigned long seconds;

	errno = 0;
	seconds = strtoul(value, &end, 10);
	if (errno || *end || value[0] < '0' || value[0] > '9' || seconds > SECONDS_MAX)
		return -EINVAL;
	wait->has_timeout = true;
	wait->timeout_s = (uint32_t)seconds;
	return 0;
}

static int parse_option(struct wait *wait, int option, const char *value)
{
	switch (option) {
	case 'a':
		wait->choice.all = true;
		return 0;
	case 't':
		return parse_timeout(wait, value);
	case 'p':
		wait->policy_file = value;
		return 0;
	case 'j':
		wait->json = true;
		return 0;
	default:
		return choice_option(&wait->choice, option, value);
	}
}

int command_wait(int argc, char **argv)
{
	static const struct option options[] = { { "all", no_argument, NULL, 'a' },
						 { "timeout", required_argument, NULL, 't' },
						 { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct wait wait = { 0 };
	int option, status;

	while ((option = getopt_long(argc, argv, "d:i:g:n:r:p:h", options, NULL)) != -1) {
		if (option == 'h') {
			usage(stdout);
			return 0;
		}
		if (parse_option(&wait, option, optarg)) {
			if (option == 't')
				fprintf(stderr, "rdmasec: invalid value '%s' for --timeout\n", optarg);
			else if (option != '?')
				fprintf(stderr, "rdmasec: invalid value '%s' for -%c\n", optarg, option);
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (!choice_is_complete(&wait.choice) || optind < argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	wait.policy = load_policy(wait.policy_file, choice_form(&wait.choice, wait.json));
	if (!wait.policy)
		return EXIT_USAGE;
	status = wait_and_show(&wait);
	policy_free(wait.policy);
	return status;
}
