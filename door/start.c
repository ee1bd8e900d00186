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
#include "engine_inherited.h"
#include "messages/protocol.h"
#include "util/fd_socket.h"

enum { PAGE_ROOM = 65536 }; /* the largest page of any architecture */

/* On separate pages, which become read-only when the engine is known. */
static union {
	struct {
		const struct door_ops *ops;
		struct engine_address engine;
		/* as they were at the start: a program may clear its environment; "": not set */
		char engine_name[sizeof(((struct sockaddr_un *)0)->sun_path)];
		char policy[PATH_MAX];
	};
	char room[PAGE_ROOM];
} state __attribute__((aligned(PAGE_ROOM)));

static pthread_once_t locate_once = PTHREAD_ONCE_INIT;

/* A value that is too long for its use is cut, and then names nothing. */
static void remember(const char *variable, char *to, size_t size)
{
	const char *value = getenv(variable);

	snprintf(to, size, "%s", value ? value : "");
}

void door_start(const struct door_ops *ops)
{
	state.ops = ops;
	remember("RDMASEC_ENGINE", state.engine_name, sizeof(state.engine_name));
	remember("RDMASEC_POLICY", state.policy, sizeof(state.policy));
}

/* What the variable is, or else was at the start. NULL: neither. */
static const char *setting(const char *variable, const char *remembered)
{
	const char *value = getenv(variable);

	if (value && *value)
		return value;
	return remembered[0] ? remembered : NULL;
}

const struct door_ops *door_ops(void)
{
	return state.ops;
}

static void set_problem(struct engine_address *out, enum reason reason, const char *problem, int err)
{
	out->len = 0;
	out->reason = reason;
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
	err = engine_spawn(program, setting("RDMASEC_POLICY", state.policy), name, &lifeline);
	/* the lifeline stays open for as long as this process lives */
	return err ? err : wire_address(name, &out->address, &out->len);
}

const char engine_lost_text[] = "the program was started below 'rdmasec run -p', whose engine cannot be found: keep "
				"RDMASEC_ENGINE in its environment";

static void start_own_engine(struct engine_address *out)
{
	int err;

	if (engine_is_marked()) {
		set_problem(out, REASON_ENGINE_LOST, engine_lost_text, 0);
		return;
	}
	err = start_private_engine(out);
	if (err == -ENOSYS)
		set_problem(out, REASON_NO_ENGINE,
			    "this environment has no pidfd_open(2), which a private engine needs: with valgrind, use "
			    "'rdmasec run -- valgrind CMD'",
			    0);
	else if (err)
		set_problem(out, err == -EMFILE ? REASON_NO_DESCRIPTOR : REASON_NO_ENGINE,
			    "cannot start a private engine", err);
}

/*
 * RDMASEC_ENGINE names a path, or an abstract socket as @name. Without it the system's engine is used where rdmasecd is
 * installed, else that of an `rdmasec run` above this program; else a private engine is started. A privileged program
 * (AT_SECURE) asks the system's engine only.
 */
static void find_engine(struct engine_address *out)
{
	bool secure = getauxval(AT_SECURE);
	const char *named = secure ? NULL : setting("RDMASEC_ENGINE", state.engine_name);
	char inherited[WIRE_NAME_MAX];
	int err;

	if (!named && wire_system_engine_expected())
		named = WIRE_SYSTEM_ENGINE;
	if (!named && !secure && !engine_inherited(inherited))
		named = inherited;
	if (named) {
		err = wire_address(named, &out->address, &out->len);
		if (err)
			set_problem(out, REASON_NO_ENGINE, "invalid socket address in RDMASEC_ENGINE", err);
	} else if (secure) {
		set_problem(out, REASON_NO_ENGINE,
			    "rdmasecd is not installed, and a privileged program gets no private engine", 0);
	} else {
		start_own_engine(out);
	}
}

static void locate(void)
{
	if (state.ops)
		find_engine(&state.engine);
	else
		set_problem(&state.engine, REASON_NO_ENGINE, "the door has not started", 0);
	mprotect(&state, sizeof(state), PROT_READ);
}

const struct engine_address *door_engine(void)
{
	int cancel;

	if (state.ops && state.ops->engine)
		return state.ops->engine;
	/* the search reads files, which ioctl() must not make a cancellation point */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	pthread_once(&locate_once, locate);
	pthread_setcancelstate(cancel, NULL);
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
