/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The door inside an application: decodes a uverbs ioctl, puts it to the engine, and refuses it or lets it pass. It
 * holds no policy and no netlink socket, starts no thread, and allocates nothing before a refusal.
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

/* The address of an engine. */
struct engine_address {
	struct sockaddr_un address;
	socklen_t len;      /* 0: no engine; `reason` and `problem` say why */
	enum reason reason; /* with len 0 */
	char problem[160];
};

/* ---- starting ---- */

/* Given by the library that the door is in. Constant, for the life of the process. */
struct door_ops {
	/* The next ioctl(2) in the chain: what would happen without the door. Any thread. */
	int (*next)(int fd, unsigned long request, void *arg);
	/* The rdmasec program, as a path relative to the folder of the door's library. */
	const char *program_from_library;
	/* The engine to ask; NULL: the door finds it at the first question. For tests. */
	const struct engine_address *engine;
};

/* Called once, before any other function of the door. The address of `ops` also answers canaries. Cannot fail. */
void door_start(const struct door_ops *ops);
const struct door_ops *door_ops(void);

/* The engine of this process. The first call finds it, or starts a private one. Any thread. */
const struct engine_address *door_engine(void);

/* ---- ioctl(2) ---- */

/*
 * ioctl(fd, RDMA_VERBS_IOCTL, arg), guarded. Returns -1 and errno as the kernel does, or as the engine decides. Keeps
 * errno if nothing is refused and nothing fails. Blocks until the engine answers. Any thread.
 */
int door_verbs(int fd, void *arg);

/* ioctl(fd, RDMASEC_IOCTL_QP_OPTION, arg). Passes calls on other files to the next ioctl(2). Any thread. */
int door_qp_option(int fd, void *arg);

/* If this call is a canary (core/uverbs/canary.h), answers it and returns true: the ioctl(2) then returns 0. */
bool door_canary_answer(int fd, void *arg);

/* The protection of a QP, for RDMASEC_PROTECTION. 0 or -errno, as in rdma_sec.h. */
RS_MUST_USE int door_protection(int fd, uint32_t handle, struct rdmasec_protection *out);

/* Copy from and to an address of the application. 0, or -EFAULT as the kernel would; no signal. */
RS_MUST_USE int door_read(uint64_t address, void *buffer, size_t len);
RS_MUST_USE int door_write(uint64_t address, const void *buffer, size_t len);

/* ---- the engine ---- */

/* Descriptors of `rdmasec engine`, by their numbers there. */
enum { ENGINE_LISTENER = 3, ENGINE_LIFELINE, ENGINE_PIDFD, ENGINE_FDS_END };

/*
 * Starts a private engine that the calling program does not notice: no child to wait for, no signal. It runs `program`
 * ("": the installed one) with RDMASEC_POLICY=`policy` (NULL: unset), and serves until this process has ended, no
 * holder of the lifeline is left, and no process is left that was executed with RDMASEC_ENGINE=`name`. Writes the
 * socket's name, as RDMASEC_ENGINE has it, and the lifeline (FD_CLOEXEC, descriptor_make_lasting()), which the caller
 * owns. 0 or -errno. Not thread-safe.
 */
RS_MUST_USE int engine_spawn(const char *program, const char *policy, char name[WIRE_NAME_MAX], int *out_lifeline);

/*
 * A connected socket to an engine whose owner may decide (wire_check_engine()), or -errno. Sending and receiving time
 * out after WIRE_TIMEOUT_MS. Thread cancellation must be disabled.
 */
RS_MUST_USE int engine_connect(const struct engine_address *engine);

/*
 * Receives one message of at most `size` octets; its length or -errno. Blocks for at most WIRE_TIMEOUT_MS; -ETIMEDOUT
 * earlier if the engine is stuck.
 */
RS_MUST_USE int engine_receive(int s, void *message, size_t size);

enum { ENGINE_LOOK_MS = 500 }; /* the interval of looks at an engine that does not answer */

struct engine_looks {
	unsigned long time; /* of the processor, at the last look */
	unsigned count;     /* of the last looks, at which the engine did nothing */
};

/*
 * Call it every ENGINE_LOOK_MS while there is no answer. True: the process behind the socket is stopped, or has waited
 * uninterruptibly for three seconds without using the processor. False also if that cannot be seen from here.
 */
bool engine_is_stuck(int s, struct engine_looks *looks);

/* Why engine_connect() or engine_receive() failed, in words: a static text, or one of `engine`. */
const char *engine_problem(const struct engine_address *engine, int err);
/* The same as a code. `connected`: the engine was reached. */
enum reason engine_problem_reason(const struct engine_address *engine, int err, bool connected);

/* The text for a program that has lost the engine of `rdmasec run -p`. */
extern const char engine_lost_text[];

/* A request that was allowed, until the kernel has executed it. */
struct engine_pass {
	int socket; /* -1: the engine expects no result */
};

/* The process that a request is about, if it is not the calling one. */
struct engine_subject {
	pid_t pid;
	int fd;                                   /* the uverbs fd's number there */
	void (*say)(const char *line, void *arg); /* instead of stderr; NULL: nowhere */
	void *arg;
};

/*
 * Puts one request about `fd` to the engine. 0: allowed, and the caller owes *pass to engine_done(). -errno: refused,
 * and a line may have been written to stderr. -ENOTCONN: no engine; -EPROTO: no valid answer. Blocks while the engine
 * waits for a key manager. Any thread.
 */
RS_MUST_USE int engine_ask(const struct engine_address *engine, int fd, const struct request *request,
			   struct engine_pass *pass);

/* The same for another process; `fd` is a duplicate of its fd. */
RS_MUST_USE int engine_ask_for(const struct engine_address *engine, const struct engine_subject *subject, int fd,
			       const struct request *request, struct engine_pass *pass);

/*
 * Asks whether this process may continue although its door cannot be installed, for the reason `why`. 0: it may (mode
 * audit or off); -errno, also without an engine: it may not, and one line has been written to stderr.
 */
RS_MUST_USE int engine_ask_broken(const struct engine_address *engine, const char *why);

/*
 * Ends an allowed request: `reply` is the decoded result of the kernel, NULL if the command failed. Does not block.
 * Keeps errno.
 */
void engine_done(const struct engine_pass *pass, const struct uverbs_command *reply);

/* Asks for the protection of a QP. 0 and a checked answer; -EPROTO: no engine, or no valid answer. */
RS_MUST_USE int engine_query(const struct engine_address *engine, int fd, uint32_t handle,
			     struct wire_protection *answer);

/* Makes the engine check all queue pairs of a file of `subject`. 0 or -errno. Blocks until it has. */
RS_MUST_USE int engine_look(const struct engine_address *engine, const struct engine_subject *subject, int fd);

/* Writes one line to stderr, "\n" added; keeps errno. */
void door_say(const char *line);

#endif
