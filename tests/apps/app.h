/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Shared by the programs that scenarios run: their options, and the exchange of addresses over TCP, one connection for
 * each QP. They do not know rdmasec: they are the applications that it guards.
 */
#ifndef RDMASEC_TESTS_APPS_APP_H
#define RDMASEC_TESTS_APPS_APP_H

#include <stdbool.h>
#include <stdint.h>

enum { QPS_MAX = 512, THREADS_MAX = 64, SECONDS_MAX = 3600, TIMEOUT_MAX = 31 };

struct options {
	const char *device;
	int gid_index;
	const char *tcp_port;
	int qps, threads;
	bool step;          /* await a SIGUSR1 before each QP except the first */
	bool open_first;    /* verbs_fork: the child uses the device that its parent opened */
	bool connect_first; /* verbs_fork: the parent connects a QP first */
	bool exec;          /* verbs_fork: the child executes a program, which connects */
	bool vfork;         /* verbs_fork: the child uses the memory of its parent, which waits for its end */
	bool fork;          /* verbs_stream: a child holds all descriptors of its parent */
	bool keep;          /* verbs_stream: after its end the QP is kept until a SIGTERM */
	int seconds;        /* verbs_stream: how long */
	uint8_t timeout;    /* of a QP, in the unit of verbs */
	int pause_ms;       /* verbs_stream: between messages, one at a time; 0: as fast as it can */
	const char *hide;   /* verbs_stream: how it hides its open device; NULL: it does not */
	const char *server; /* NULL: this is the server */
	char *const *argv;
};

/* Ends the program with a usage text if the options are wrong. */
void options_read(int argc, char **argv, struct options *out);

/* One end of a QP, as sent to the other. `failed`: this end has no QP; the other fields have no meaning. */
struct endpoint {
	bool failed;
	uint32_t qpn, psn;
	uint8_t gid[16];
};

/* All block. They return a descriptor or 0, or -errno. */
int exchange_listen(const char *port);
int exchange_connect(const char *host, const char *port);
int exchange_send(int tcp, const struct endpoint *mine);
int exchange_receive(int tcp, struct endpoint *theirs);

/* Prints one line on stderr: the name of the program, the text, and errno as text and number. */
__attribute__((format(printf, 2, 3))) void complain(int err, const char *format, ...);

#endif
