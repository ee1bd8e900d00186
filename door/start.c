// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The state of a door: what its library gave at start, and the engine that it asks. */
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

#include "door.h"
#include "messages/protocol.h"
#include "util/fd_socket.h"

enum { PAGE_ROOM = 65536 }; /* the largest page of any architecture */

/* On separate pages, which become read-only when the engine is known. */
static union {
	struct {
		const struct door_ops *ops;
		struct engine_address engine;
	};
	char room[PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

static pthread_once_t locate_once = PTHREAD_ONCE_INIT;

void door_start(const struct door_ops *ops)
{
	state.ops = ops;
}

const struct door_ops *door_ops(void)
{
	return state.ops;
}

static void set_problem(struct engine_address *out, const char *problem, int err)
{
	out->len = 0;
	snprintf(out->problem, sizeof(out->problem), "%s%s%s", problem, err ? ": " : "", err ? strerror(-err) : "");
}

/* The rdmasec program beside the door's library, so that build trees and relocated installations run as they are. */
static void find_program(char path[PATH_MAX])
{
	Dl_info info;
	char *slash;

	path[0] = '\0';
	if (!dladdr((void *)find_program, &info) || !info.dli_fname || !realpath(info.dli_fname, path))
		return;
	slash = strrchr(path, '/');
	snprintf(slash, path + PATH_MAX - slash, "/%s", state.ops->program_from_library);
}

static int start_private_engine(struct engine_address *out)
{
	static char program[PATH_MAX]; /* used once, and too large for a small stack */
	char name[WIRE_NAME_MAX];
	int lifeline, err;

	find_program(program);
	err = engine_spawn(program, getenv("RDMASEC_POLICY"), name, &lifeline);
	/* the lifeline stays open for as long as this process lives */
	return err ? err : wire_address(name, &out->address, &out->len);
}

/*
 * RDMASEC_ENGINE names a path, or an abstract socket as @name. Without it the system's engine is used where rdmasecd is
 * installed, else a private engine is started. A privileged program (AT_SECURE) asks the system's engine only.
 */
static void find_engine(struct engine_address *out)
{
	bool secure = getauxval(AT_SECURE);
	const char *named = secure ? NULL : getenv("RDMASEC_ENGINE");
	int err;

	if (named && !*named)
		named = NULL;
	if (!named && wire_system_engine_expected())
		named = WIRE_SYSTEM_ENGINE;
	if (named) {
		err = wire_address(named, &out->address, &out->len);
		if (err)
			set_problem(out, "invalid socket address in RDMASEC_ENGINE", err);
	} else if (secure) {
		set_problem(out, "rdmasecd is not installed, and a privileged program gets no private engine", 0);
	} else {
		err = start_private_engine(out);
		if (err)
			set_problem(out, "cannot start a private engine", err);
	}
}

static void locate(void)
{
	if (state.ops)
		find_engine(&state.engine);
	else
		set_problem(&state.engine, "the door has not started", 0);
	mprotect(&state, sizeof(state), PROT_READ);
}

const struct engine_address *door_engine(void)
{
	if (state.ops && state.ops->engine)
		return state.ops->engine;
	pthread_once(&locate_once, locate);
	return &state.engine;
}

bool door_canary_answer(int fd, void *arg)
{
	struct canary canary;

	if (fd != -1 || door_read((uintptr_t)arg, &canary, sizeof(canary)) || canary.magic != CANARY_MAGIC ||
	    canary.length != CANARY_LENGTH)
		return false;
	canary.door = (uintptr_t)state.ops;
	return !door_write((uintptr_t)arg, &canary, sizeof(canary));
}
