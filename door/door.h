/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The doors inside an application: what a uverbs ioctl asks is decoded, put to the engine, and refused or let pass.
 * They hold no policy and no netlink, start no thread, and on the way to a refusal allocate nothing.
 */
#ifndef RDMASEC_DOOR_DOOR_H
#define RDMASEC_DOOR_DOOR_H

#include <rdmasec/rdma_sec.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#include "messages/protocol.h"
#include "util/attributes.h"
#include "uverbs/canary.h"
#include "uverbs/decode.h"

/* Where the engine is, found once. */
struct engine_address {
	struct sockaddr_un address;
	socklen_t len; /* 0: there is none; `problem` says why */
	char problem[160];
};

/* ---- what a door owes to what is here ---- */

/* The engine of this process: engine_locate(), the first time. Any thread. */
const struct engine_address *door_engine(void);

/* The rdmasec program, as a path from the folder that the door's library is in, so that build trees run as they are. */
extern const char door_program_from_library[];

/* ---- what a door gets ---- */

/* What would happen without the door: the next ioctl(2) in the chain. */
typedef int door_next_fn(int fd, unsigned long request, void *arg);

/*
 * ioctl(fd, RDMA_VERBS_IOCTL, arg), guarded: -1 and errno as the kernel would, or as the engine has it. Errno is kept
 * where nothing is refused and nothing fails.
 */
int door_verbs(int fd, void *arg, door_next_fn *next);

/* ioctl(fd, RDMASEC_IOCTL_QP_OPTION, arg); what is no uverbs fd goes to `next`. */
int door_qp_option(int fd, void *arg, door_next_fn *next);

/* What protects a QP, for RDMASEC_PROTECTION. 0 or -errno, as rdma_sec.h has it. */
RS_MUST_USE int door_protection(int fd, uint32_t handle, struct rdmasec_protection *out);

/* Copies from and to an address that the application gave: 0, or -EFAULT where the kernel would, and no signal. */
RS_MUST_USE int door_read(uint64_t address, void *buffer, size_t len);
RS_MUST_USE int door_write(uint64_t address, const void *buffer, size_t len);

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

/* Whom a question is about, when it is another process than this one that asks. */
struct engine_subject {
	pid_t pid;
	int fd;                                   /* the uverbs fd's number there */
	void (*say)(const char *line, void *arg); /* instead of stderr; NULL: nowhere */
	void *arg;
};

/*
 * Puts one command on `fd` to the engine. 0: it may pass, and *pass is due to engine_done(). -errno: refused, and one
 * line has been written to stderr if there was something to say. -ENOTCONN: no engine; -EPROTO: it did not answer, or
 * not sensibly.
 */
RS_MUST_USE int engine_ask(const struct engine_address *engine, int fd, const struct uverbs_command *command,
			   struct engine_pass *pass);

/* The same for another process, `fd` being our duplicate of its fd. */
RS_MUST_USE int engine_ask_for(const struct engine_address *engine, const struct engine_subject *subject, int fd,
			       const struct uverbs_command *command, struct engine_pass *pass);

/*
 * The door that asks cannot stand in this process, `why` in words: may the process go on all the same? 0: it may (mode
 * audit or off); -errno: not, and one line has been written to stderr. Nobody who could say: it may not.
 */
RS_MUST_USE int engine_ask_broken(const struct engine_address *engine, const char *why);

/*
 * Tells the engine that the kernel did what was let pass; `reply` is what came out of it, NULL: it did not. Waits for
 * nobody.
 */
void engine_done(const struct engine_pass *pass, const struct uverbs_command *reply);

/* What protects a QP? 0 and an answer that has been checked; -EPROTO: no engine, or no sensible answer. */
RS_MUST_USE int engine_query(const struct engine_address *engine, int fd, uint32_t handle,
			     struct wire_protection *answer);

/* Has the engine look anew at all queue pairs of a file of `subject`'s. 0 or -errno. */
RS_MUST_USE int engine_look(const struct engine_address *engine, const struct engine_subject *subject, int fd);

/* Of engine_client.c, for engine_query.c: a connected socket to an engine that may be believed, and the next message
 * of at most so many octets, its length. Else -errno. Not to be cancelled meanwhile. */
RS_MUST_USE int engine_connect(const struct engine_address *engine);
RS_MUST_USE int engine_receive(int s, void *message, size_t size);

/* Is this a canary (core/uverbs/canary.h)? Then it has been answered for `door`, and 0 is to be returned for it. */
bool door_canary_answer(int fd, void *arg, const void *door);

/* Writes one line to stderr, "\n" added; keeps errno. */
void door_say(const char *line);

#endif
