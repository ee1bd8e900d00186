// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The gate of a build without BPF (RDMASEC_BPF=OFF): there is none, and every function says so. */
#include <errno.h>

#include "gate/gate.h"
#include "util/text.h"

static int none(char *error, size_t size)
{
	text_copy(error, size, "the gate: this build has no BPF (RDMASEC_BPF=OFF)");
	return -EOPNOTSUPP;
}

int gate_load(struct gate **out, char *error, size_t error_size)
{
	*out = NULL;
	return none(error, error_size);
}

void gate_free(struct gate *gate)
{
	(void)gate;
}

int gate_program(const struct gate *gate, unsigned int direction)
{
	(void)gate;
	(void)direction;
	return -1;
}

int gate_attach(struct gate *gate, int ifindex, char *error, size_t error_size)
{
	(void)gate;
	(void)ifindex;
	return none(error, error_size);
}

int gate_detach(int ifindex, char *error, size_t error_size)
{
	(void)ifindex;
	return none(error, error_size);
}

int gate_remove_pins(char *error, size_t error_size)
{
	return none(error, error_size);
}

int gate_set_opened(struct gate *gate, const struct gate_opening *opening, char *error, size_t error_size)
{
	(void)gate;
	(void)opening;
	return none(error, error_size);
}

int gate_add_port(struct gate *gate, uint16_t port, enum gate_port_kind kind, char *error, size_t error_size)
{
	(void)gate;
	(void)port;
	(void)kind;
	return none(error, error_size);
}

int gate_standing(int ifindex, struct gate_standing *out, char *error, size_t error_size)
{
	(void)ifindex;
	*out = (struct gate_standing){ .out = GATE_PLACE_UNKNOWN };
	return none(error, error_size);
}

int gate_stopped(int (*each)(const struct gate_stopped *stopped, void *context), void *context, char *error,
		 size_t error_size)
{
	(void)each;
	(void)context;
	return none(error, error_size);
}

int gate_events_open(struct gate *gate, gate_event_fn event, void *arg, struct gate_events **out, char *error,
		     size_t error_size)
{
	(void)gate;
	(void)event;
	(void)arg;
	*out = NULL;
	return none(error, error_size);
}

void gate_events_close(struct gate_events *events)
{
	(void)events;
}

int gate_events_fd(const struct gate_events *events)
{
	(void)events;
	return -1;
}

void gate_events_take(struct gate_events *events, unsigned int max)
{
	(void)events;
	(void)max;
}
