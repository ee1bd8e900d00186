/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * What the programs that scenarios run have in common: their options, and the exchange of addresses over TCP, one
 * connection for each QP. They know nothing of rdmasec: they are the applications that it guards.
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
	bool step;          /* a SIGUSR1 is awaited before each QP but the first */
	bool open_first;    /* verbs_fork: the child uses the device that its parent opened */
	bool connect_first; /* verbs_fork: the parent has connected a QP already */
	bool exec;          /* verbs_fork: the child becomes another program, which connects */
	bool fork;          /* verbs_stream: a child holds all that its parent has */
	bool keep;          /* verbs_stream: what it has is kept when its QP has ended, until a SIGTERM */
	int seconds;        /* verbs_stream: how long */
	uint8_t timeout;    /* of a QP, as verbs count it */
	int pause_ms;       /* verbs_stream: between messages, of which there is one at a time; 0: as fast as it can */
	const char *server; /* NULL: this is the server */
	char *const *argv;
};

/* Ends the program with a usage text when they make no sense. */
void options_read(int argc, char **argv, struct options *out);

/* What one end of a QP tells the other. `failed` instead of numbers: there will be no QP at this end. */
struct endpoint {
	bool failed;
	uint32_t qpn, psn;
	uint8_t gid[16];
};

/* All return a descriptor or 0, or -errno. */
int exchange_listen(const char *port);
int exchange_connect(const char *host, const char *port);
int exchange_send(int tcp, const struct endpoint *mine);
int exchange_receive(int tcp, struct endpoint *theirs);

/* One line on stderr that begins with the program's name and ends with the errno of a failure, as text and number. */
__attribute__((format(printf, 2, 3))) void complain(int err, const char *format, ...);

#endif
