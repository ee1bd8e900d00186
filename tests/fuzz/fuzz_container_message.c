// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Arbitrary octets, in pieces of any size, as an OCI runtime's message. The result does not depend on the pieces, and
 * accepted fields are within their bounds and printable.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/container_devices.h"
#include "agent/container_message.h"
#include "must.h"

static int add_all(struct container_message *message, const uint8_t *data, size_t size, size_t piece)
{
	int done = 0;

	MUST(!container_message_init(message));
	for (size_t at = 0; at < size && !done; at += piece) {
		size_t len = piece < size - at ? piece : size - at;
		/* a block of the exact length, so that ASan detects an overrun */
		char *octets = malloc(len);

		MUST(octets);
		memcpy(octets, data + at, len);
		done = container_message_add(message, octets, len);
		free(octets);
	}
	MUST(done == 0 || done == 1 || done == -EBADMSG || done == -E2BIG);
	MUST((done == 1) <= (message->json != NULL));
	return done;
}

static void check_state(const struct container_state *state)
{
	MUST(state->id[0] && strnlen(state->id, sizeof(state->id)) < sizeof(state->id));
	MUST(state->bundle[0] == '/' && strnlen(state->bundle, sizeof(state->bundle)) < sizeof(state->bundle));
	MUST(state->pid > 0 && state->pid <= CONTAINER_PID_MAX);
	MUST(state->fd_count <= CONTAINER_FDS_MAX && state->seccomp_fd < state->fd_count);
}

static void check_printable(const char *text)
{
	for (; *text; text++)
		MUST(*text >= 0x20 && *text <= 0x7e);
}

static void check_read(struct container_message *message)
{
	char error[CONTAINER_ERROR_MAX] = "";
	struct container_state state;
	int fd, err;

	memset(&state, 0xa5, sizeof(state));
	err = container_state_read(message->json, &state, error);
	MUST(err == 0 || err == -EBADMSG);
	check_printable(state.id);
	if (!err)
		check_state(&state);
	MUST(!err == !error[0]);
	check_printable(error);
	/* no fd arrived */
	MUST(container_message_read(message, &state, &fd, error) == -EBADMSG);
}

static void check_config(json_object *config)
{
	struct container_devices devices;
	int err = container_devices_from(config, &devices);

	MUST(err == 0 || err == -EBADMSG || err == -E2BIG);
	MUST(!err || !devices.count);
	for (size_t i = 0; i < devices.count; i++)
		MUST(container_device_find(&devices, devices.list[i].rdev));
	container_devices_free(&devices);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct container_message whole, cut;
	int done, done_cut;

	if (!size)
		return 0;
	done = add_all(&whole, data + 1, size - 1, size);
	done_cut = add_all(&cut, data + 1, size - 1, 1 + data[0]);
	/*
	 * The test ignores octets after a complete message, because the agent does not read them. For an invalid number
	 * ("20.+") json-c may ask for more octets when it gets all of it at once: neither way accepts the message.
	 */
	MUST(done_cut == done || done == -EBADMSG || (!done && done_cut == -EBADMSG));
	if (done == 1) {
		/* compared as texts: json-c accepts NaN, which equals nothing */
		MUST(!strcmp(json_object_to_json_string(whole.json), json_object_to_json_string(cut.json)));
		check_read(&whole);
		check_config(whole.json);
	}
	container_message_free(&whole);
	container_message_free(&cut);
	return 0;
}
