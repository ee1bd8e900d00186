/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The door inside an application: what a uverbs ioctl asks is decoded, put to the engine, and refused or let pass.
 * It holds no policy and no netlink, starts no thread, and on the way to a refusal allocates nothing.
 */
#ifndef RDMASEC_INTERPOSE_DOOR_H
#define RDMASEC_INTERPOSE_DOOR_H

#include <sys/un.h>

#include "attributes.h"
#include "uverbs_decode.h"

/* Where the engine is, found once. */
struct engine_address {
	struct sockaddr_un address;
	socklen_t len; /* 0: there is none; `problem` says why */
	char problem[160];
};

/*
 * Finds the engine: RDMASEC_ENGINE (a path, or @name for an abstract socket), else the system's engine where rdmasecd
 * is installed to run, else a private one, started here. Under AT_SECURE only the system's. Called once, in any thread.
 */
void engine_locate(struct engine_address *out);

/* Starts a private engine that nothing of the application notices: no child to wait for, no signal. 0 or -errno. */
RS_MUST_USE int engine_spawn(struct engine_address *out);

/* A question that was let pass, until the kernel has done what it was about. */
struct engine_pass {
	int socket; /* -1: nobody waits to hear of it */
};

/*
 * Puts one command on `fd` to the engine. 0: it may pass, and *pass is due to engine_done(). -errno: refused, and one
 * line has been written to stderr if there was something to say. -ENOTCONN: no engine; -EPROTO: it did not answer, or
 * not sensibly.
 */
RS_MUST_USE int engine_ask(const struct engine_address *engine, int fd, const struct uverbs_command *command,
			   struct engine_pass *pass);

/*
 * Tells the engine that the kernel did what was let pass; `reply` is what came out of it, NULL: it did not. Waits for
 * nobody.
 */
void engine_done(const struct engine_pass *pass, const struct uverbs_command *reply);

/* Writes one line to stderr, "\n" added; keeps errno. */
void door_say(const char *line);

#endif
