// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* What the gate stops: a record of it, and evidence for the watch. */
#include <stdio.h>
#include <string.h>

#include "engine/internal.h"
#include "gate/shared.h"
#include "util/address.h"
#include "util/clock.h"
#include "util/text.h"

static void describe(const struct gate_event *event, const char *netdev, size_t found, struct wire_record *record)
{
	const struct gate_flow *flow = &event->flow;
	bool leaves = flow->direction == GATE_DIRECTION_OUT;

	wire_make(record, WIRE_RECORD);
	record->event = WIRE_EVENT_STOPPED;
	record->time_ns = clock_realtime_ns();
	record->count = event->frames;
	record->has = WIRE_RECORD_HAS_DEST_QPN;
	record->dest_qpn = flow->qpn;
	record->verdict = VERDICT_UNPROTECTED;
	record->reasons[0] = REASON_GATE_STOPPED;
	text_copy(record->netdev, sizeof(record->netdev), netdev);
	gid_text(flow->source, record->local);
	gid_text(flow->destination, record->remote);
	text_format(record->text, sizeof(record->text),
		    "cleartext RoCE v%u on its way %s was stopped at the gate: %llu packets until now, of %s",
		    flow->version, leaves ? "out" : "in", (unsigned long long)event->frames,
		    found ? "a guarded queue pair" : "no guarded queue pair of this host");
}

/* What arrives is no evidence: anybody on the network may have sent it. */
static size_t accuse(struct engine_server *server, const struct gate_event *event, const char *netdev)
{
	struct watch_stopped stopped = {
		.dest_qpn = event->flow.qpn,
		.netdev = netdev,
		.uid_known = event->uid != GATE_UID_UNKNOWN,
		.uid = event->uid,
		.from = (int)event->from,
	};

	if (event->flow.direction != GATE_DIRECTION_OUT)
		return 0;
	memcpy(stopped.source, event->flow.source, sizeof(stopped.source));
	memcpy(stopped.destination, event->flow.destination, sizeof(stopped.destination));
	return watch_stopped(server->watch, &stopped);
}

void engine_server_stopped(struct engine_server *server, const struct gate_event *event, const char *netdev)
{
	struct wire_record record;

	describe(event, netdev, accuse(server, event, netdev), &record);
	if (decisions_admit(server->decisions, DECISIONS_OF_GATE, &record, clock_ms()))
		server_publish(&record, server);
	if (event->left_out)
		decisions_leave_out(server->decisions, DECISIONS_OF_GATE, &record, event->left_out);
}
