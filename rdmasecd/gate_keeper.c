// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Sources: net/sched/cls_api.c and cls_bpf.c (a filter needs CAP_NET_ADMIN and the fd of its program);
 * lib/kobject_uevent.c and drivers/infiniband/core/device.c (a registered device sends an event on every kernel, while
 * RDMA netlink does so since 6.12 only, and a socket of it keeps ib_core from being unloaded).
 */
#include "gate_keeper.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "evidence/mirror.h"
#include "gate/gate.h"
#include "gate/plan.h"
#include "gate/view.h"
#include "netns/events.h"
#include "util/clock.h"
#include "util/text.h"

enum {
	LOOK_REST_MS = 100,  /* after each look: changes often come in bursts */
	LOOK_REST_SHARE = 9, /* and this many times as long as it took */
	LOOK_AGAIN_MS = 1000,
	DRAIN_MS = 20,
	UEVENT_GROUP = 1, /* of the kernel; group 2 is udev's */
	UEVENT_MAX = 8192,
	UEVENTS_AT_ONCE = 64,
	/* a flood of packets of many flows makes one event for each; nobody else waits for them */
	STOPPED_AT_ONCE = 16,
	STOPPED_REST_MS = 20,
};

/* What a look does next. */
enum look_step { LOOK_BEGINS = 0, LOOK_AT_DEVICES, LOOK_AT_NETDEVS };

struct netdev {
	int ifindex;
	char name[IF_NAMESIZE];
};

struct gate_keeper {
	struct gate *gate; /* NULL: it cannot be put up, see `why` */
	char why[256];
	struct gate_events *events;
	struct engine_server *server;
	struct netdev *netdevs; /* at the last look, for names */
	size_t netdev_count;
	bool wanted; /* by the policy */
	bool renews; /* puts its programs in the place of those of an earlier daemon */
	struct event_base *base;
	struct event_socket links;
	int uevents;
	struct event *on_links, *on_uevents, *on_stopped, *on_rested, *on_look;
	/* the look that goes on, if `step` is not LOOK_BEGINS, or the last one */
	enum look_step step;
	struct gate_view view; /* empty between looks */
	size_t next_link;
	int64_t worked_ms, rests_until_ms;
	bool done;  /* until now all steps have done their work */
	bool again; /* something has changed since it began */
	bool complains;
	char said[320]; /* the last trouble, which is not repeated */
};

/* ---- what stands ---- */

static void complain(struct gate_keeper *keeper, const char *netdev, const char *error)
{
	char text[sizeof(keeper->said)];

	keeper->complains = true;
	text_format(text, sizeof(text), "%s%s%s", netdev, *netdev ? ": " : "", error);
	if (!strcmp(text, keeper->said))
		return;
	text_copy(keeper->said, sizeof(keeper->said), text);
	fprintf(stderr, "rdmasecd: %s\n", text);
}

static bool stands(enum gate_place place)
{
	return place == GATE_FIRST || place == GATE_BEHIND_OTHERS;
}

/* Returns whether all is done. */
static bool put_up(struct gate_keeper *keeper, const struct link_evidence *link)
{
	struct gate_standing standing;
	char error[256];

	if (!keeper->renews && !gate_standing(link->ifindex, &standing, error, sizeof(error)) && stands(standing.out) &&
	    stands(standing.in)) {
		if (standing.out == GATE_BEHIND_OTHERS || standing.in == GATE_BEHIND_OTHERS)
			complain(keeper, link->name,
				 "the gate: another tc filter comes first, and could let frames pass");
		return true;
	}
	if (gate_attach(keeper->gate, link->ifindex, error, sizeof(error))) {
		complain(keeper, link->name, error);
		return false;
	}
	fprintf(stderr, "rdmasecd: the gate: cleartext RoCE is stopped on %s\n", link->name);
	return true;
}

static bool take_down(struct gate_keeper *keeper, const struct link_evidence *link)
{
	struct gate_standing standing;
	char error[256];
	int err = gate_standing(link->ifindex, &standing, error, sizeof(error));

	if (!err && !stands(standing.out) && !stands(standing.in))
		return true;
	if (!err)
		err = gate_detach(link->ifindex, error, sizeof(error));
	if (err) {
		complain(keeper, link->name, error);
		return false;
	}
	fprintf(stderr, "rdmasecd: the gate: cleartext RoCE passes on %s\n", link->name);
	return true;
}

static void look_in(struct gate_keeper *keeper, int64_t ms)
{
	const struct timeval delay = clock_timeval(ms > 0 ? ms : 0);

	if (keeper->on_look && !event_pending(keeper->on_look, EV_TIMEOUT, NULL))
		(void)event_add(keeper->on_look, &delay);
}

static void remember_names(struct gate_keeper *keeper)
{
	const struct evidence *evidence = &keeper->view.evidence;

	free(keeper->netdevs);
	keeper->netdevs = calloc(evidence->link_count + 1, sizeof(*keeper->netdevs));
	keeper->netdev_count = keeper->netdevs ? evidence->link_count : 0;
	for (size_t i = 0; i < keeper->netdev_count; i++) {
		keeper->netdevs[i].ifindex = evidence->links[i].ifindex;
		text_copy(keeper->netdevs[i].name, sizeof(keeper->netdevs[i].name), evidence->links[i].name);
	}
}

/* The steps of a look. Each returns whether it has done its work. A look that cannot begin is over. */

static bool begin_look(struct gate_keeper *keeper)
{
	char error[256];

	gate_view_free(&keeper->view);
	keeper->complains = keeper->again = false;
	keeper->done = true;
	keeper->worked_ms = 0;
	keeper->next_link = 0;
	if (gate_view_read_links(&keeper->view, error, sizeof(error))) {
		complain(keeper, "", error);
		return false;
	}
	remember_names(keeper);
	keeper->step = LOOK_AT_DEVICES;
	return true;
}

static bool look_at_devices(struct gate_keeper *keeper)
{
	char error[256];

	keeper->step = LOOK_AT_NETDEVS;
	if (!keeper->wanted)
		return true;
	if (!gate_view_add_devices(&keeper->view, error, sizeof(error)) &&
	    !gate_add_tunnels(keeper->gate, &keeper->view, error, sizeof(error)))
		return true;
	/* network cards get the gate all the same */
	complain(keeper, "", error);
	return false;
}

static bool look_at_netdevs(struct gate_keeper *keeper)
{
	while (keeper->next_link < keeper->view.evidence.link_count) {
		const struct link_evidence *link = &keeper->view.evidence.links[keeper->next_link++];

		if (!keeper->wanted)
			return take_down(keeper, link);
		if (gate_view_needs(&keeper->view, link))
			return put_up(keeper, link);
	}
	keeper->step = LOOK_BEGINS;
	return true;
}

static void end_look(struct gate_keeper *keeper)
{
	const int64_t share = keeper->worked_ms * LOOK_REST_SHARE;

	gate_view_free(&keeper->view);
	keeper->rests_until_ms = clock_ms() + (share > LOOK_REST_MS ? share : LOOK_REST_MS);
	if (!keeper->complains)
		keeper->said[0] = '\0';
	if (keeper->done)
		keeper->renews = false;
}

/* Returns whether the look is over. */
static bool look_on(struct gate_keeper *keeper)
{
	static bool (*const steps[])(struct gate_keeper * keeper) = {
		[LOOK_BEGINS] = begin_look,
		[LOOK_AT_DEVICES] = look_at_devices,
		[LOOK_AT_NETDEVS] = look_at_netdevs,
	};
	const int64_t began = clock_ms();

	keeper->done &= steps[keeper->step](keeper);
	keeper->worked_ms += clock_ms() - began;
	if (keeper->step != LOOK_BEGINS)
		return false;
	end_look(keeper);
	return true;
}

static void look_at_once(struct gate_keeper *keeper)
{
	keeper->step = LOOK_BEGINS;
	while (!look_on(keeper))
		;
	if (!keeper->done)
		look_in(keeper, LOOK_AGAIN_MS);
}

/* A gate that is not wanted was removed when the policy came. */
static void look_soon(struct gate_keeper *keeper)
{
	if (!keeper->wanted)
		return;
	keeper->again = true;
	if (keeper->step == LOOK_BEGINS)
		look_in(keeper, keeper->rests_until_ms - clock_ms());
}

/* ---- changes ---- */

/* A step in each turn of the loop, between which it answers others. */
static void on_look(evutil_socket_t fd, short what, void *arg)
{
	struct gate_keeper *keeper = arg;

	(void)fd;
	(void)what;
	if (!look_on(keeper))
		look_in(keeper, 0);
	else if (keeper->again)
		look_in(keeper, keeper->rests_until_ms - clock_ms());
	else if (!keeper->done)
		look_in(keeper, LOOK_AGAIN_MS);
}

static int take_change(const struct nlmsghdr *message, void *arg)
{
	(void)message;
	*(bool *)arg = true;
	return 0;
}

static void on_links(evutil_socket_t fd, short what, void *arg)
{
	struct gate_keeper *keeper = arg;
	bool changed = false;

	(void)fd;
	(void)what;
	if (event_socket_drain(&keeper->links, DRAIN_MS, take_change, &changed) || changed)
		look_soon(keeper);
}

/* An RDMA device has come, gone, or has another name. The words of an event end with NUL. */
static bool is_of_rdma(const char *event, size_t len)
{
	static const char subsystem[] = "SUBSYSTEM=infiniband";

	return memmem(event, len, subsystem, sizeof(subsystem));
}

static void on_uevents(evutil_socket_t fd, short what, void *arg)
{
	char event[UEVENT_MAX];
	bool changed = false;

	(void)what;
	for (int i = 0; i < UEVENTS_AT_ONCE; i++) {
		ssize_t len = recv(fd, event, sizeof(event), MSG_DONTWAIT);

		if (len >= 0)
			changed |= is_of_rdma(event, (size_t)len);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR) /* ENOBUFS: some are lost */
			changed = true;
	}
	if (changed)
		look_soon(arg);
}

/* ---- what the gate stops ---- */

static void take_stopped(const struct gate_event *event, void *arg)
{
	const struct gate_keeper *keeper = arg;
	const char *netdev = "?";

	for (size_t i = 0; i < keeper->netdev_count; i++)
		if (keeper->netdevs[i].ifindex == (int)event->flow.ifindex)
			netdev = keeper->netdevs[i].name;
	if (keeper->server)
		engine_server_stopped(keeper->server, event, netdev);
}

static void on_stopped(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval rest = clock_timeval(STOPPED_REST_MS);
	struct gate_keeper *keeper = arg;

	(void)fd;
	(void)what;
	gate_events_take(keeper->events, STOPPED_AT_ONCE);
	(void)event_del(keeper->on_stopped);
	if (event_add(keeper->on_rested, &rest))
		(void)event_add(keeper->on_stopped, NULL);
}

static void on_rested(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)event_add(((struct gate_keeper *)arg)->on_stopped, NULL);
}

/* ---- the policy ---- */

/* Returns whether the gate shall stand. */
static bool open_remotes(struct gate_keeper *keeper, const struct policy *policy)
{
	struct gate_opening opening;
	char error[256];
	bool all;

	if (gate_opened_by(policy, &opening)) {
		complain(keeper, "the gate", strerror(ENOMEM));
		return true;
	}
	all = opening.all;
	if (all)
		fprintf(stderr, "rdmasecd: no gate: the [default] rule of the policy lets packets leave in clear\n");
	else if (gate_set_opened(keeper->gate, &opening, error, sizeof(error)))
		complain(keeper, "", error);
	else if (opening.unopened)
		fprintf(stderr,
			"rdmasecd: the gate: %zu rule(s) that let packets leave in clear stay closed: they match by "
			"more than the remote address, or an earlier rule protects a part of it\n",
			opening.unopened);
	gate_opening_free(&opening);
	return !all;
}

void gate_keeper_set_policy(struct gate_keeper *keeper, const struct policy *policy)
{
	keeper->wanted = policy_rule_at(policy, policy_rule_count(policy) - 1)->gate;
	if (keeper->wanted && !keeper->gate)
		fprintf(stderr,
			"rdmasecd: no gate stands, so cleartext RoCE that is led past its protection is not stopped: "
			"%s\n",
			keeper->why);
	if (!keeper->gate)
		return;
	if (keeper->wanted)
		keeper->wanted = open_remotes(keeper, policy);
	look_at_once(keeper);
}

/* ---- start and end ---- */

static struct event *listen_to(struct gate_keeper *keeper, int fd, int priority, event_callback_fn callback)
{
	struct event *event = event_new(keeper->base, fd, EV_READ | EV_PERSIST, callback, keeper);

	if (!event)
		return NULL;
	(void)event_priority_set(event, priority);
	if (!event_add(event, NULL))
		return event;
	event_free(event);
	return NULL;
}

static int follow(struct gate_keeper *keeper)
{
	static const unsigned int of_links[] = { RTNLGRP_LINK, RTNLGRP_TC }, of_devices[] = { UEVENT_GROUP };
	int err = event_socket_open(&keeper->links, NULL, NETLINK_ROUTE, of_links, 2);

	if (!err)
		err = netns_listen(NULL, NETLINK_KOBJECT_UEVENT, of_devices, 1, &keeper->uevents);
	if (err)
		return err;
	keeper->on_look = evtimer_new(keeper->base, on_look, keeper);
	keeper->on_rested = evtimer_new(keeper->base, on_rested, keeper);
	if (!keeper->on_look || !keeper->on_rested)
		return -ENOMEM;
	(void)event_priority_set(keeper->on_look, OTHERS_PRIORITY);
	(void)event_priority_set(keeper->on_rested, OTHERS_PRIORITY);
	keeper->on_links = listen_to(keeper, keeper->links.fd, WATCH_PRIORITY, on_links);
	keeper->on_uevents = listen_to(keeper, keeper->uevents, WATCH_PRIORITY, on_uevents);
	keeper->on_stopped = listen_to(keeper, gate_events_fd(keeper->events), OTHERS_PRIORITY, on_stopped);
	return keeper->on_links && keeper->on_uevents && keeper->on_stopped ? 0 : -ENOMEM;
}

static int load(struct gate_keeper *keeper)
{
	int err = gate_load(&keeper->gate, keeper->why, sizeof(keeper->why));

	/* the filters of the earlier release keep its maps until they are replaced */
	if (err == -EEXIST && !gate_remove_pins(keeper->why, sizeof(keeper->why)))
		err = gate_load(&keeper->gate, keeper->why, sizeof(keeper->why));
	if (!err)
		err = gate_events_open(keeper->gate, take_stopped, keeper, &keeper->events, keeper->why,
				       sizeof(keeper->why));
	return err;
}

struct gate_keeper *gate_keeper_new(void)
{
	struct gate_keeper *keeper = calloc(1, sizeof(*keeper));

	if (!keeper)
		return NULL;
	keeper->links.fd = keeper->uevents = -1;
	keeper->renews = true;
	if (load(keeper)) {
		gate_free(keeper->gate);
		keeper->gate = NULL;
	}
	return keeper;
}

void gate_keeper_start(struct gate_keeper *keeper, struct event_base *base, struct engine_server *server,
		       const struct policy *policy)
{
	int err;

	keeper->base = base;
	keeper->server = server;
	err = keeper->gate ? follow(keeper) : 0;
	if (err)
		fprintf(stderr, "rdmasecd: the gate does not follow changes of network devices: %s\n", strerror(-err));
	gate_keeper_set_policy(keeper, policy);
}

void gate_keeper_free(struct gate_keeper *keeper)
{
	if (!keeper)
		return;
	struct event *const events[] = { keeper->on_look, keeper->on_links, keeper->on_uevents, keeper->on_stopped,
					 keeper->on_rested };

	for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
		if (events[i])
			event_free(events[i]);
	event_socket_close(&keeper->links);
	if (keeper->uevents >= 0)
		close(keeper->uevents);
	gate_events_close(keeper->events);
	gate_view_free(&keeper->view);
	gate_free(keeper->gate);
	free(keeper->netdevs);
	free(keeper);
}
