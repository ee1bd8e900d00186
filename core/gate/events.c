// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Source: kernel/bpf/ringbuf.c; libbpf's ringbuf.c: a callback that fails ends the reading behind its entry. */
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>

#include "gate/private.h"

struct gate_events {
	struct ring_buffer *ring;
	gate_event_fn event;
	void *arg;
	unsigned int left; /* of those that this call may take */
	bool forgets;
};

static int take(void *context, void *data, size_t size)
{
	struct gate_events *events = context;

	if (size >= sizeof(struct gate_event) && !events->forgets)
		events->event(data, events->arg);
	return --events->left ? 0 : -ECANCELED;
}

int gate_events_open(struct gate *gate, gate_event_fn event, void *arg, struct gate_events **out, char *error,
		     size_t error_size)
{
	struct gate_events *events = calloc(1, sizeof(*events));

	if (!events)
		return gate_fail(error, error_size, -ENOMEM, "no memory");
	events->ring = ring_buffer__new(bpf_map__fd(gate->object->maps.gate_events), take, events, NULL);
	if (!events->ring) {
		int err = -errno;

		free(events);
		return gate_fail(error, error_size, err, "cannot open its ring of events");
	}
	events->event = event;
	events->arg = arg;
	events->forgets = true;
	gate_events_take(events, GATE_EVENTS_SIZE / sizeof(struct gate_event));
	events->forgets = false;
	*out = events;
	return 0;
}

void gate_events_close(struct gate_events *events)
{
	if (!events)
		return;
	ring_buffer__free(events->ring);
	free(events);
}

int gate_events_fd(const struct gate_events *events)
{
	return ring_buffer__epoll_fd(events->ring);
}

void gate_events_take(struct gate_events *events, unsigned int max)
{
	events->left = max;
	(void)ring_buffer__consume(events->ring);
}
