/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Between the files of the server. Each file calls only those below it: server, take, wait, ask, entered, lists,
 * connection. */
#ifndef RDMASEC_ENGINE_INTERNAL_H
#define RDMASEC_ENGINE_INTERNAL_H

#include "engine/acquirer.h"
#include "engine/answer_cache.h"
#include "engine/decisions.h"
#include "engine/server.h"
#include "entry/shared.h"
#include "util/hash.h"
#include "watch/watch.h"

enum {
	CONNECTIONS_MAX = 4096,
	CONNECTIONS_SHARE =
		4, /* an account may have a fourth of what is free: some hostile ones leave room for others */
	CONNECTIONS_ASSURED = 16, /* and so many in any case: those of the largest account make way for them */
	LISTS_MAX = 16,           /* at a time: each is a copy of all its rows */
	LISTS_PER_USER_MAX = 4,
	MONITORS_MAX = 64,
	MONITORS_PER_USER_MAX = 16,
	OBJECTS_SHARE = 2,          /* an account may have half of the lists or monitors that are free */
	ACCEPT_AT_ONCE = 32,        /* before other events get their turn */
	ASK_SILENCE_MS = 5000,      /* from connecting to asking */
	DONE_SILENCE_MS = 60000,    /* from the answer to DONE: one ioctl(2) */
	LIST_SILENCE_MS = 15000,    /* of a tool that does not read its list */
	JUDGE_WAITING_AT_ONCE = 16, /* of the waiting questions, before other events get their turn */
	TAKE_AGAIN_MS = 20,         /* from one attempt at a file to the next: at first, and */
	TAKE_AGAIN_MAX_MS = 500,    /* after some seconds */
};

enum connection_state {
	CONNECTION_ASKS,
	CONNECTION_TAKES,
	CONNECTION_WAITS,
	CONNECTION_ACTS,
	CONNECTION_LISTS,
	CONNECTION_MONITORS
};

/* An account (process/account.h), and what it holds, to bound it. */
struct server_user {
	uint64_t account;
	unsigned connections, lists, monitors;
	struct connection *list;         /* its connections, the oldest first */
	struct connection *queued;       /* of these: those with a message to read, the oldest message first */
	struct server_user *prev, *next; /* of server->turns, while there are any */
	UT_hash_handle hh;
};

/* A question while it is being answered. */
struct asking {
	struct connection *connection;
	struct process process;
	int number;               /* of the uverbs fd in that process */
	struct foreign_file file; /* and here; .fd -1: none */
	struct request request;
	struct namespace *in;
	char device[RDMA_DEVICE_NAME_MAX]; /* "": it is not known */
	struct judgement answer;
	bool too_early; /* evidence is still being read, and might change the answer */
	bool hangs;     /* a helper could not look at a process or file in time: the answer is a refusal for this */
};

/* A question that is tried again, because a helper could not look at its file or process in time. */
struct taking {
	struct asking question;
	int ticket;     /* of foreign_receive(); -1: none */
	int64_t end_ms; /* then it is refused */
};

/* A question that waits for an SA of IPsec or MACsec, or for evidence. */
struct waiting {
	struct asking question;
	bool for_sa;                     /* false: it waits for evidence */
	bool hurries;                    /* for a MACsec SA: it has called mirror_hurry_begin() */
	struct acquisition *acquisition; /* of the ESP SA that it waits for, or NULL */
	struct acquire_flow flow;
	uint32_t policy_index;
	int64_t began_ms, end_ms, say_ms; /* CLOCK_MONOTONIC; say_ms: the next WIRE_WAIT */
	bool dirty;
};

/* A passed question whose command the kernel has not executed yet. */
struct pending {
	struct process process;
	int number; /* of the uverbs fd in that process */
	struct request request;
	struct judgement answer;
	uint64_t generation; /* of the evidence that it was judged by */
	bool has_ticket;     /* for the kernel door */
	struct entry_ticket ticket;
};

struct list {
	struct wire_record *records;
	size_t count, sent;
	int err;
	bool counts; /* among those of its user, and of all */
};

struct connection {
	struct engine_server *server;
	struct server_user *user;
	uid_t uid; /* of the peer, at its connect(2) */
	struct event *event;
	int socket;
	enum connection_state state;
	int silence_ms;                                 /* of connection_wait() */
	bool is_queued;                                 /* in user->queued */
	void (*release)(struct connection *connection); /* of what its state holds; NULL: nothing */
	struct taking *taking;                          /* CONNECTION_TAKES */
	struct waiting *waiting;                        /* CONNECTION_WAITS */
	struct pending *pending;                        /* CONNECTION_ACTS */
	struct list list;                               /* CONNECTION_LISTS */
	uint64_t lost;                                  /* CONNECTION_MONITORS: events that it did not read in time */
	struct connection *prev, *next;                 /* of the server's monitors, or of those that wait */
	struct connection *user_prev, *user_next;       /* of its user */
	struct connection *queue_prev, *queue_next;     /* of user->queued */
};

struct engine_server {
	struct event_base *base;
	struct event *listen;
	event_callback_fn on_ready; /* of every connection */
	struct server_user *users;
	unsigned connections, lists;
	struct server_user *turns; /* users with queued connections: the next one's turn first */
	struct event *turn;
	struct watch *watch;
	struct answer_cache *answers;
	struct decisions *decisions;
	struct event *summarise;
	struct acquirer *acquirer;
	struct connection *waiting;
	struct event *judge_waiting;
	struct engine_options options;
	struct connection *monitors;
	unsigned monitor_count;
	struct entered *entered; /* threads that the kernel door has stopped */
	struct event *on_entered, *on_entered_due;
	bool entry_rereads;    /* some of its records were not read */
	char entry_words[256]; /* whether there is a kernel door, for `rdmasec status` */
};

/* What a connection's handler says of it. */
enum connection_fate { CONNECTION_ENDS, CONNECTION_STAYS };

/* ---- connection.c ---- */

/*
 * Takes over `socket`, except on failure: -EUSERS: the account has as many as it may; -ENOMEM; or another -errno. Ends
 * the oldest connection of the largest account if there are too many.
 */
RS_MUST_USE int connection_new(struct engine_server *server, int socket, struct connection **out);
/* Calls server->on_ready at each `what` (EV_READ, EV_WRITE), and after `ms` without one; 0 ms: no time-out. */
RS_MUST_USE enum connection_fate connection_wait(struct connection *connection, short what, int ms);
void connections_free(struct engine_server *server);
/*
 * A message waits in its socket: it is read when its account's turn has come. Accounts take turns, each with one
 * message, so that messages of one account wait for at most one of each other account.
 */
void connection_queue(struct connection *connection);
/* Takes the next connection whose turn it is. NULL: there is none. */
struct connection *connection_next(struct engine_server *server);
/*
 * The judged process: the peer, or `subject` if the peer may ask for it. Not described yet (foreign_describe()).
 * Returns 0, and process_close() is due; -EPERM; or another -errno. Does not block.
 */
RS_MUST_USE int asker_identify(const struct connection *connection, pid_t subject, struct process *out);
void connection_free(struct connection *connection); /* also releases what its state holds */

/* ---- ask.c ---- */

/* Refuses a question whose file could not be taken, by the -errno of foreign_receive(). */
RS_MUST_USE enum connection_fate question_refuse_file(struct asking *q, int err);
/* The program may have replaced the file since it was taken: sets q->file.same_err. */
void question_check_file(struct asking *q);
void question_forget_file(struct asking *q);
/*
 * Judges q->request: fills in q->in, of which it takes a reference, q->device and q->answer. With q->hangs it may be
 * judged again later.
 */
void question_judge(struct asking *q);
/* Sends q->answer, and gives up the reference. */
RS_MUST_USE enum connection_fate question_answer(struct asking *q);
/* Refuses a question that was not judged. */
RS_MUST_USE enum connection_fate question_reject(struct asking *q, enum reason reason);
RS_MUST_USE enum connection_fate connection_done(struct connection *connection, const void *message, size_t len);
/* The door sent no DONE: asks the kernel what it did. */
void connection_not_done(struct connection *connection);

/* What protects a QP of the peer? `message`: a struct wire_query that was checked. */
RS_MUST_USE enum connection_fate connection_query(struct connection *connection, const void *message, bool has_file);

/* ---- wait.c ---- */

/* True: the question waits, *fate is set, and all of it was taken over. False: it has to be answered. */
RS_MUST_USE bool question_waits(struct asking *q, enum connection_fate *fate);
/* At its time-out: sends a WIRE_WAIT, or judges the question for the last time. */
RS_MUST_USE enum connection_fate connection_still_waits(struct connection *connection);
RS_MUST_USE int server_wait_init(struct engine_server *server);
void server_wait_free(struct engine_server *server);
/* A change of the evidence: judges the waiting questions that it concerns, soon. */
void server_on_change(struct namespace *in, const struct mirror_change *change, void *arg);
/* A living QP's SA is missing, or about to be. */
void server_on_missing_sa(struct namespace *in, const struct acquire_flow *flow, uint32_t policy_index, uid_t uid,
			  uint32_t grace_ms, void *arg);

/* ---- take.c ---- */

/*
 * Takes the file of a question, judges it, and answers it or has it wait. It was read; q->process is described with its
 * file. All of it is taken over.
 */
RS_MUST_USE enum connection_fate question_begin(struct asking *q);
/* The next attempt. */
RS_MUST_USE enum connection_fate connection_take_again(struct connection *connection);

/* ---- entered.c ---- */

RS_MUST_USE int server_entry_init(struct engine_server *server, const struct policy *policy);
/* Detaches the kernel door, and continues or ends what it has stopped. */
void server_entry_free(struct engine_server *server);
/* Before queue pairs are judged by it. */
void server_entry_set_policy(struct engine_server *server, const struct policy *policy);
/* The evidence has changed: commands that were let pass before are judged again if they are executed now. */
void server_withdraw_tickets(struct engine_server *server);
/* Lets the command of a passed question pass the kernel door; pending_free() calls server_withdraw_ticket(). */
void server_make_ticket(struct engine_server *server, struct watch_ufile *ufile, struct pending *pending);
void server_withdraw_ticket(struct engine_server *server, struct pending *pending);

/* ---- lists.c ---- */

RS_MUST_USE enum connection_fate connection_request(struct connection *connection, int which);
RS_MUST_USE enum connection_fate connection_write(struct connection *connection);
/* Sends a record to all monitors that may see it, and to the log. */
void server_publish(const struct wire_record *record, void *arg);

/* ---- survey.c ---- */

/* Every GID, as `rdmasec status` shows it, judged for this process. 0 or -errno. */
RS_MUST_USE int watch_survey(struct watch *watch, struct foreign *foreign, const struct process *process,
			     void (*row)(const struct wire_record *record, void *arg), void *arg);

#endif
