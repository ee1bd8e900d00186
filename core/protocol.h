/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What a door and an engine say to each other, over a SOCK_SEQPACKET socket of the UNIX domain.
 *
 * One connection for one question: the door connects, sends one struct wire_ask with the uverbs fd as SCM_RIGHTS, and
 * reads one struct wire_answer. So there is no state to go wrong in forked children, in threads or in programs that
 * close descriptors they do not know, and SO_PEERCRED says who is asking now. Both ends are on one host: host byte
 * order. Both check every field; all that is reserved is zero.
 */
#ifndef RDMASEC_CORE_PROTOCOL_H
#define RDMASEC_CORE_PROTOCOL_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "attributes.h"
#include "uverbs_decode.h"

#define WIRE_SYSTEM_ENGINE "/run/rdmasec/engine.sock" /* of rdmasecd */

enum {
	WIRE_MAGIC = 0x52534543,
	WIRE_VERSION = 1,
	WIRE_TEXT_MAX = 768,
	WIRE_TIMEOUT_MS = 15000, /* after that the door takes the engine for dead and refuses */
};

enum wire_type { WIRE_ASK = 1, WIRE_ANSWER = 2 };

struct wire_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t size; /* of the whole message */
	uint32_t reserved;
};

struct wire_ask {
	struct wire_header header;
	uint32_t kind; /* enum uverbs_kind, never UVERBS_NOTHING */
	uint32_t has;
	uint32_t driver_id;
	uint16_t object_id, method_id;
	uint32_t write_command;
	uint32_t qp_type;
	uint32_t handle;
	uint32_t qpn;
	uint32_t dest_qpn;
	uint32_t attr_mask;
	uint32_t qp_state;
	uint32_t flow_label;
	uint8_t dgid[16];
	uint8_t sgid_index, port, is_global, reserved;
	uint32_t reserved2;
};

enum wire_action { WIRE_PASS = 1, WIRE_REFUSE = 2 };

struct wire_answer {
	struct wire_header header;
	uint32_t action;          /* enum wire_action */
	uint32_t err;             /* errno for the application with WIRE_REFUSE, else 0 */
	char text[WIRE_TEXT_MAX]; /* one printable line for stderr without its newline; empty: say nothing */
};

/*
 * Opens a listening socket for a private engine, under an abstract name that is random and so never another's, not even
 * after this engine has gone. Writes "@name", as RDMASEC_ENGINE has it, into `name`. The fd (FD_CLOEXEC) or -errno.
 */
enum { WIRE_NAME_MAX = 48 };
RS_MUST_USE int wire_listen(char name[WIRE_NAME_MAX]);

/* The address of a socket's name: a path, or "@name" for an abstract one. 0 and *len; -EINVAL: too long, or empty. */
RS_MUST_USE int wire_address(const char *name, struct sockaddr_un *address, socklen_t *len);

void wire_ask_from_command(struct wire_ask *ask, const struct uverbs_command *command);

/* Fills an answer; `text` may be NULL and is made printable and cut to what fits. */
void wire_answer_make(struct wire_answer *answer, enum wire_action action, int err, const char *text);

/*
 * Check a received message of `len` octets. 0; -EPROTONOSUPPORT: another version; -EBADMSG: a wrong length or a field
 * that cannot be. wire_ask_read() also turns it into the command.
 */
RS_MUST_USE int wire_ask_read(const void *message, size_t len, struct uverbs_command *command);
RS_MUST_USE int wire_answer_check(const void *message, size_t len);

/*
 * Sends one message with one fd (-1: none), receives one with at most one fd. A message that does not fit, control
 * data that was cut or a second fd are -EBADMSG, and no fd is leaked. Return the length or -errno; 0: end of stream.
 */
RS_MUST_USE int wire_send(int socket, const void *message, size_t len, int fd);
RS_MUST_USE int wire_receive(int socket, void *message, size_t size, int *fd);

#endif
