/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The messages between doors, tools and the engine, over a SOCK_SEQPACKET socket of the UNIX domain. docs/protocol.md
 * shows their order.
 *
 * One connection carries one question. The door connects, sends one struct wire_ask with the uverbs fd as SCM_RIGHTS,
 * and reads one struct wire_answer; a struct wire_wait can precede it while an SA is set up. After the kernel has
 * executed the command, the door sends one struct wire_done and closes. So no state can break in forked children, in
 * threads or in programs that close descriptors they do not know, and SO_PEERCRED names the present client.
 *
 * Tools send a struct wire_request; struct wire_records and one struct wire_end answer it.
 *
 * Both ends run on one host and use host byte order. Both check every field; reserved fields are zero.
 */
#ifndef RDMASEC_MESSAGES_PROTOCOL_H
#define RDMASEC_MESSAGES_PROTOCOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "messages/reason.h"
#include "messages/request.h"
#include "util/attributes.h"

#define WIRE_SYSTEM_FOLDER "/run/rdmasec" /* exists from boot if rdmasecd is installed to run */
#define WIRE_SYSTEM_ENGINE WIRE_SYSTEM_FOLDER "/engine.sock"

enum {
	WIRE_MAGIC = 0x52534543,
	WIRE_VERSION = 6,
	WIRE_TEXT_MAX = 768,
	WIRE_TIMEOUT_MS = 15000, /* the door refuses after this silence of the engine */
	WIRE_WAIT_MS = 5000,     /* interval of WIRE_WAIT messages */
};

enum wire_type {
	WIRE_ASK = 1,
	WIRE_ANSWER,
	WIRE_DONE,
	WIRE_LIST_QPS,    /* struct wire_request: all guarded QPs */
	WIRE_LIST_STATUS, /* struct wire_request: every GID, as `rdmasec status` shows it */
	WIRE_MONITOR,     /* struct wire_request: events from now on, until the connection closes */
	WIRE_RECORD,
	WIRE_END,
	WIRE_WAIT,       /* struct wire_wait: no answer yet */
	WIRE_QUERY,      /* struct wire_query: asks for the protection of a QP */
	WIRE_PROTECTION, /* struct wire_protection: answers a query */
	WIRE_TYPE_COUNT,
};

/* Sets of types, for wire_check(). */
#define WIRE_BIT(type) (UINT32_C(1) << (type))
#define WIRE_ANSWERS   (WIRE_BIT(WIRE_ANSWER) | WIRE_BIT(WIRE_WAIT))
#define WIRE_REQUESTS  (WIRE_BIT(WIRE_LIST_QPS) | WIRE_BIT(WIRE_LIST_STATUS) | WIRE_BIT(WIRE_MONITOR))
#define WIRE_LISTS     (WIRE_BIT(WIRE_RECORD) | WIRE_BIT(WIRE_END))

struct wire_header {
	uint32_t magic;
	uint16_t version;
	uint16_t type;
	uint32_t size; /* of the whole message */
	uint32_t reserved;
};

struct wire_ask {
	struct wire_header header;
	uint32_t kind; /* enum request_kind, never REQUEST_NOTHING */
	uint32_t has;
	uint32_t driver_id;
	uint16_t object_id, method_id;
	uint32_t devx_opcode;
	uint32_t qp_type;
	uint32_t handle;
	uint32_t qpn;
	uint32_t dest_qpn;
	uint32_t flow_label;
	uint8_t dgid[16];
	uint8_t sgid_index, port, is_global, reserved;
	/*
	 * The number of the uverbs fd in the judged process: the engine takes the file by it again (pidfd_getfd(2)).
	 * The engine accepts it only if it is the same open file as the fd that came with the message.
	 */
	uint32_t fd;
	uint8_t sgid[16]; /* CM_*: else zeros */
	uint32_t want_require, want_granularity, want_setup_timeout_ms;
	/*
	 * 0: the peer asks for itself. Else the pid, in the engine's pid namespace, of the process for which a
	 * supervisor asks; `fd` is then a number in that process. The engine accepts it from root, or from the user
	 * that owns the process (process_open_subject()).
	 */
	uint32_t subject;
};

/* The question still waits for an SA; the engine is alive. */
struct wire_wait {
	struct wire_header header;
	uint32_t left_ms; /* until the answer at the latest */
	uint32_t reserved;
};

enum wire_action { WIRE_PASS = 1, WIRE_REFUSE = 2 };

struct wire_answer {
	struct wire_header header;
	uint32_t action;          /* enum wire_action */
	uint32_t err;             /* errno for the application with WIRE_REFUSE, else 0 */
	char text[WIRE_TEXT_MAX]; /* one printable line for stderr without its newline; empty: say nothing */
};

/* The kernel has executed a passed command. QP_CREATE and QP_OPEN fill in the new QP; else all fields are zero. */
struct wire_done {
	struct wire_header header;
	uint32_t has; /* UVERBS_HAS_HANDLE, UVERBS_HAS_QPN: the field below is valid */
	uint32_t handle;
	uint32_t qpn;
	uint32_t reserved;
};

/* Carries the uverbs fd as SCM_RIGHTS. One struct wire_protection answers it. */
struct wire_query {
	struct wire_header header;
	uint32_t fd;      /* as in struct wire_ask */
	uint32_t handle;  /* of the QP */
	uint32_t subject; /* as in struct wire_ask */
	uint32_t flags;   /* WIRE_QUERY_* */
};

enum {
	/* first compare all QPs of the file with the kernel: a call continued in the program */
	WIRE_QUERY_LOOK = 1 << 0,
};

/* The present protection of a QP. Fields that do not belong to the mechanism in `by` are 0. */
struct wire_protection {
	struct wire_header header;
	uint32_t err;     /* errno; ENOENT: no such QP is guarded; 0: the other fields are valid */
	uint32_t verdict; /* enum verdict_kind */
	uint32_t by;      /* enum protection */
	uint32_t spi_out, spi_in, reqid;
	uint32_t cipher;    /* enum policy_cipher */
	uint32_t offloaded; /* 1: by the NIC, 0: by the kernel */
	uint64_t sci;       /* host order */
	char netdev[16];    /* the outgoing device */
};

/* WIRE_LIST_QPS, WIRE_LIST_STATUS, WIRE_MONITOR. Only root gets QPs and events of other users. */
struct wire_request {
	struct wire_header header;
};

enum wire_event {
	WIRE_EVENT_NONE = 0,    /* a row of a list, not an event */
	WIRE_EVENT_DECIDED,     /* a question was answered */
	WIRE_EVENT_CHANGED,     /* the verdict of a living QP changed */
	WIRE_EVENT_GRACE,       /* a QP lost its protection; its grace period began */
	WIRE_EVENT_REVOKED,     /* a QP lost its protection and was moved to ERR */
	WIRE_EVENT_NOT_REVOKED, /* a QP lost its protection; the kernel refused to move it to ERR: `text` */
	WIRE_EVENT_ADOPTED,     /* a living QP was found without a question: after a restart, or in a forked child */
	WIRE_EVENT_LOST,        /* `count` events could not be sent or logged */
	WIRE_EVENT_STOPPED,     /* the gate has stopped `count` packets of a flow until now */
	/*
	 * The kernel door has found a queue pair that no door asked for: `text` says what was done. In the list of
	 * WIRE_LIST_STATUS: whether there is a kernel door, in words.
	 */
	WIRE_EVENT_KERNEL_DOOR,
	WIRE_EVENT_COUNT,
};

enum wire_outcome {
	WIRE_OUTCOME_NONE = 0,
	WIRE_OUTCOME_PASSED,
	WIRE_OUTCOME_REFUSED,
	WIRE_OUTCOME_AUDITED, /* passed by audit mode or mode = off; would be refused if enforced */
	WIRE_OUTCOME_COUNT,
};

enum { WIRE_RECORD_HAS_GID = 1 << 0, WIRE_RECORD_HAS_QPN = 1 << 1, WIRE_RECORD_HAS_DEST_QPN = 1 << 2 };

/*
 * One QP, one GID or one event, for lists and the audit log. Texts end with NUL and are printable ASCII; "": not known,
 * or not applicable.
 */
struct wire_record {
	struct wire_header header;
	uint32_t event;   /* enum wire_event */
	uint32_t outcome; /* enum wire_outcome */
	uint32_t has;     /* WIRE_RECORD_HAS_* */
	uint32_t err;     /* errno for the application; 0: none */
	int64_t time_ns;  /* CLOCK_REALTIME; of a living QP: when it got its present verdict */
	uint64_t count;   /* WIRE_EVENT_LOST, WIRE_EVENT_STOPPED */
	int32_t pid;      /* 0: none */
	uint32_t uid;
	uint32_t port; /* 0: none, or not known yet */
	uint32_t gid_index;
	uint32_t qpn, dest_qpn;
	uint32_t verdict;              /* enum verdict_kind */
	uint32_t by;                   /* enum protection */
	uint32_t reasons[REASONS_MAX]; /* enum reason: why not protected, or refused */
	char command[24];              /* request_kind_name() */
	char qp_type[16];
	char executable[256];
	char device[64];
	char gid_type[16];
	char netdev[16];
	char local[48], remote[48]; /* IP addresses; remote "any": the application chooses it */
	char rule[48];
	char details[320]; /* of the protection, if protected */
	char text[320];    /* the reason in words, if not protected */
};

struct wire_end {
	struct wire_header header;
	uint32_t err; /* errno that ended the list; 0: the list is complete */
	uint32_t reserved;
};

/*
 * Opens a listening socket for a private engine. Returns the fd (FD_CLOEXEC), which the caller closes, or -errno. The
 * abstract name is random: no other process can use it, also after this engine has ended. Writes "@name", the form of
 * RDMASEC_ENGINE, into `name`.
 */
enum { WIRE_NAME_MAX = 48 };
RS_MUST_USE int wire_listen(char name[WIRE_NAME_MAX]);

/* Whether `name` has the form that wire_listen() writes. */
bool wire_is_private_engine(const char *name);

/*
 * Makes the lifeline of the engine `name`: two connected sockets (FD_CLOEXEC), which the caller owns. The engine holds
 * out[0], and its programs out[1]: the engine reads an end of file after the last of them has closed it. The peer name
 * of out[1] leads back to the engine. 0 or -errno.
 */
RS_MUST_USE int wire_lifeline(const char *name, int out[2]);

/*
 * If `text`, of `len` octets, is the peer name of a lifeline ("@" in the place of its first octet), writes the name of
 * its engine, and returns true.
 */
bool wire_lifeline_engine(const char *text, size_t len, char name[WIRE_NAME_MAX]);

/*
 * True if rdmasecd is installed to run here, or if that is not known. The client then asks only rdmasecd, also while
 * rdmasecd is not running. The folder decides, because the socket does not exist before the first start.
 */
bool wire_system_engine_expected(void);

/*
 * True if `listener`, the uid that listens on the socket in `folder`, may judge: root or the folder's owner, if neither
 * group nor others can write to the folder.
 */
bool wire_system_engine_trusted(const struct stat *folder, uid_t listener);

/*
 * Returns 0 if the process that listens at the other end of a connected socket may judge; -EPERM if it may not; another
 * -errno. For the system's engine see wire_system_engine_trusted(): in a user namespace root can have another number.
 * Any other engine must belong to root or to this process's user.
 */
RS_MUST_USE int wire_check_engine(int socket, bool is_system);

/* Zeros a message of this type, and fills in its header. */
void wire_make(void *message, enum wire_type type);

/*
 * Checks a received message of `len` octets at any address, without alignment. Returns its type; -EPROTONOSUPPORT for
 * another version; -EBADMSG for a type that is not in `expected` (WIRE_BIT()), a wrong length or an invalid field.
 */
RS_MUST_USE int wire_check(const void *message, size_t len, uint32_t expected);

/* Makes an ASK for the calling process. `fd`: the number of its uverbs fd. */
void wire_ask_make(struct wire_ask *ask, const struct request *request, int fd);
/* Checks an ASK and decodes it. Returns 0, or an error of wire_check(); writes *request and *out_fd only with 0. */
RS_MUST_USE int wire_ask_read(const void *message, size_t len, struct request *request, int *out_fd);
/* Returns the subject of a checked ASK; 0: the peer. */
int32_t wire_ask_subject(const void *message);

/* Copies `text` (may be NULL), with '?' for octets that are not printable, and truncated to the field. */
void wire_answer_make(struct wire_answer *answer, enum wire_action action, int err, const char *text);

#endif
