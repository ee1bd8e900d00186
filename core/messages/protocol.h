/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What a door and an engine say to each other, over a SOCK_SEQPACKET socket of the UNIX domain.
 *
 * One connection for one question: the door connects, sends one struct wire_ask with the uverbs fd as SCM_RIGHTS, reads
 * one struct wire_answer (before it perhaps struct wire_waits: an SA is being set up) and, when the kernel has then
 * done what was asked, sends one struct wire_done before it closes. So there is no state to go wrong in forked
 * children, in threads or in programs that close descriptors they do not know, and SO_PEERCRED says who is asking now.
 *
 * Tools ask for lists in the same way: a struct wire_request is answered by struct wire_records and one struct
 * wire_end.
 *
 * Both ends are on one host: host byte order. Both check every field; all that is reserved is zero.
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

#define WIRE_SYSTEM_FOLDER "/run/rdmasec" /* made at boot where rdmasecd is installed to run */
#define WIRE_SYSTEM_ENGINE WIRE_SYSTEM_FOLDER "/engine.sock"

enum {
	WIRE_MAGIC = 0x52534543,
	WIRE_VERSION = 5,
	WIRE_TEXT_MAX = 768,
	WIRE_TIMEOUT_MS = 15000, /* after so much silence the door takes the engine for dead and refuses */
	WIRE_WAIT_MS = 5000,     /* how often the engine says that the answer is still to come */
};

enum wire_type {
	WIRE_ASK = 1,
	WIRE_ANSWER,
	WIRE_DONE,
	WIRE_LIST_QPS,    /* struct wire_request: all guarded QPs */
	WIRE_LIST_STATUS, /* struct wire_request: every GID, as `rdmasec status` shows it */
	WIRE_MONITOR,     /* struct wire_request: what happens from now on; no end but the connection's */
	WIRE_RECORD,
	WIRE_END,
	WIRE_WAIT,       /* struct wire_wait: no answer yet */
	WIRE_QUERY,      /* struct wire_query: what protects a QP? */
	WIRE_PROTECTION, /* struct wire_protection: that does */
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
	/* The number of the uverbs fd in the asking process, by which the engine can later take it from there again
	 * (pidfd_getfd(2)). Believed only when that is the same open file as the fd that came with the message. */
	uint32_t fd;
	uint8_t sgid[16]; /* CM_*: else zeros */
	uint32_t want_require, want_granularity, want_setup_timeout_ms;
	/*
	 * 0: who asks is the peer. Else the process for which the peer, a supervisor outside of it, asks: it is judged,
	 * and `fd` is a number of its. A pid as the engine sees it. Believed of root, or of the user whose the process
	 * is (process_open_subject()).
	 */
	uint32_t subject;
};

/* The answer waits for a key manager, and the engine is alive. */
struct wire_wait {
	struct wire_header header;
	uint32_t left_ms; /* until there will be an answer at the latest */
	uint32_t reserved;
};

enum wire_action { WIRE_PASS = 1, WIRE_REFUSE = 2 };

struct wire_answer {
	struct wire_header header;
	uint32_t action;          /* enum wire_action */
	uint32_t err;             /* errno for the application with WIRE_REFUSE, else 0 */
	char text[WIRE_TEXT_MAX]; /* one printable line for stderr without its newline; empty: say nothing */
};

/* What was let pass has been done by the kernel: for QP_CREATE and QP_OPEN, what came out; else zeros. */
struct wire_done {
	struct wire_header header;
	uint32_t has; /* UVERBS_HAS_HANDLE, UVERBS_HAS_QPN: what follows is there */
	uint32_t handle;
	uint32_t qpn;
	uint32_t reserved;
};

/* With the uverbs fd as SCM_RIGHTS. Answered by one struct wire_protection. */
struct wire_query {
	struct wire_header header;
	uint32_t fd;      /* as in struct wire_ask */
	uint32_t handle;  /* of the QP */
	uint32_t subject; /* as in struct wire_ask */
	uint32_t flags;   /* WIRE_QUERY_* */
};

enum {
	/* First the kernel is asked for all queue pairs of the file: a command went by that nobody could hold still. */
	WIRE_QUERY_LOOK = 1 << 0,
};

/* What protects a QP now: of `by`, only what belongs to it. */
struct wire_protection {
	struct wire_header header;
	uint32_t err;     /* errno: it is not known why; ENOENT: no such QP is guarded */
	uint32_t verdict; /* enum verdict_kind */
	uint32_t by;      /* enum protection */
	uint32_t spi_out, spi_in, reqid;
	uint32_t cipher;    /* enum policy_cipher */
	uint32_t offloaded; /* 1: by the NIC, 0: by the kernel */
	uint64_t sci;       /* host order */
	char netdev[16];    /* by which it leaves */
};

/* WIRE_LIST_QPS, WIRE_LIST_STATUS, WIRE_MONITOR. Others' QPs and events are shown to root only. */
struct wire_request {
	struct wire_header header;
};

enum wire_event {
	WIRE_EVENT_NONE = 0,    /* a row of a list: nothing happened */
	WIRE_EVENT_DECIDED,     /* a question was answered */
	WIRE_EVENT_CHANGED,     /* a living QP is protected in another way than before */
	WIRE_EVENT_GRACE,       /* it lost its protection, and has a while to get it back */
	WIRE_EVENT_REVOKED,     /* it lost its protection, and was moved to ERR */
	WIRE_EVENT_NOT_REVOKED, /* it lost its protection, and the kernel did not let us take it down: `text` */
	WIRE_EVENT_ADOPTED,     /* found alive, with nobody having asked us: after a restart, or in a forked child */
	WIRE_EVENT_LOST,        /* `count` events could not be told or logged */
	WIRE_EVENT_COUNT,
};

enum wire_outcome {
	WIRE_OUTCOME_NONE = 0,
	WIRE_OUTCOME_PASSED,
	WIRE_OUTCOME_REFUSED,
	WIRE_OUTCOME_AUDITED, /* let pass by a rule in audit mode, or by mode = off: enforced, it would be refused */
	WIRE_OUTCOME_COUNT,
};

enum { WIRE_RECORD_HAS_GID = 1 << 0, WIRE_RECORD_HAS_QPN = 1 << 1, WIRE_RECORD_HAS_DEST_QPN = 1 << 2 };

/*
 * One QP, one GID or one event: what lists and the audit log say of it. Texts end with NUL and are printable ASCII; ""
 * where the thing has none or it is not known.
 */
struct wire_record {
	struct wire_header header;
	uint32_t event;   /* enum wire_event */
	uint32_t outcome; /* enum wire_outcome */
	uint32_t has;     /* WIRE_RECORD_HAS_* */
	uint32_t err;     /* the errno that the application got, 0: none */
	int64_t time_ns;  /* CLOCK_REALTIME; of a living QP: since when it has its present verdict */
	uint64_t count;   /* WIRE_EVENT_LOST */
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
	char local[48], remote[48]; /* IP addresses; remote "any": whatever the application chooses */
	char rule[48];
	char details[320]; /* protected: by what */
	char text[320];    /* else: the reason in words */
};

struct wire_end {
	struct wire_header header;
	uint32_t err; /* 0: the list is complete; else why it ends here */
	uint32_t reserved;
};

/*
 * Opens a listening socket for a private engine, under an abstract name that is random and so never another's, not even
 * after this engine has gone. Writes "@name", as RDMASEC_ENGINE has it, into `name`. The fd (FD_CLOEXEC) or -errno.
 */
enum { WIRE_NAME_MAX = 48 };
RS_MUST_USE int wire_listen(char name[WIRE_NAME_MAX]);

/*
 * Is rdmasecd installed to run here? Then nobody else is asked, also while it does not run: its folder says so, and not
 * its socket, which is not there before it has first started. What cannot be told counts as yes.
 */
bool wire_system_engine_expected(void);

/* May this user, who listens on the socket in `folder`, judge? Root, or the folder's owner, if nobody else could have
 * put a socket there. */
bool wire_system_engine_trusted(const struct stat *folder, uid_t listener);

/*
 * May whoever listens at the other end of this connected socket judge? The system's engine: whom its folder vouches
 * for; in a user namespace root's number may be another. Any other: root, or ourselves. 0; -EPERM: he may not; -errno.
 */
RS_MUST_USE int wire_check_engine(int socket, bool is_system);

/* Zeros the message, which is of this type, and fills in its header. */
void wire_make(void *message, enum wire_type type);

/*
 * Checks a received message of `len` octets, which may lie at any address. Returns its type; -EPROTONOSUPPORT: another
 * version; -EBADMSG: a type that is not in `expected` (WIRE_BIT()), a wrong length, or a field that cannot be.
 */
RS_MUST_USE int wire_check(const void *message, size_t len, uint32_t expected);

/* `fd`: the number of the uverbs fd in this process. */
void wire_ask_make(struct wire_ask *ask, const struct request *request, int fd);
/* Checks an ASK, and turns it into the request. 0, or as wire_check(); *request and *out_fd only with 0. */
RS_MUST_USE int wire_ask_read(const void *message, size_t len, struct request *request, int *out_fd);
/* The process that a checked ASK is about; 0: the peer. */
int32_t wire_ask_subject(const void *message);

/* `text` may be NULL. It is made printable, and cut to what fits. */
void wire_answer_make(struct wire_answer *answer, enum wire_action action, int err, const char *text);

#endif
