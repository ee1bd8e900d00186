// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Which engine is asked: for doors that have to find out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "door.h"
#include "messages/protocol.h"
#include "util/fd_socket.h"

static void locate_problem(struct engine_address *out, const char *problem, int err)
{
	out->len = 0;
	if (err)
		snprintf(out->problem, sizeof(out->problem), "%s: %s", problem, strerror(-err));
	else
		snprintf(out->problem, sizeof(out->problem), "%s", problem);
}

void engine_locate(struct engine_address *out)
{
	bool secure = getauxval(AT_SECURE);
	const char *named = secure ? NULL : getenv("RDMASEC_ENGINE");
	int err;

	memset(out, 0, sizeof(*out));
	if (named) {
		err = wire_address(named, &out->address, &out->len);
		if (err)
			locate_problem(out, "RDMASEC_ENGINE is no socket's address", err);
		return;
	}
	if (wire_system_engine_expected()) {
		err = wire_address(WIRE_SYSTEM_ENGINE, &out->address, &out->len);
		if (err)
			locate_problem(out, WIRE_SYSTEM_ENGINE, err);
		return;
	}
	if (secure) {
		locate_problem(out, "rdmasecd is not installed, and a privileged program gets no private one", 0);
		return;
	}
	err = engine_spawn(out);
	if (err)
		locate_problem(out, "a private engine cannot be started", err);
}
