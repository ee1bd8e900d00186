// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "app.h"

#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Far more than a busy host needs: the testbed ends a program that makes no progress. */
enum { CONNECT_TRIES = 600, SILENCE_S = 600, TIMEOUT_DEFAULT = 14 };

static _Noreturn void usage(void)
{
	fprintf(stderr,
		"usage: %s [-d DEVICE] -g GID_INDEX [-p TCP_PORT] [-q QPS] [-t THREADS] [-D SECONDS] [-T TIMEOUT] "
		"[-w MS] [-H HOW] [-socxvfk] "
		"[SERVER]\n"
		"  -s   one after the other: await SIGUSR1 before each QP except the first\n"
		"  -o   (fork) the child uses the device that its parent opened\n"
		"  -c   (fork) the parent connects a QP before it forks\n"
		"  -x   (fork) the child executes this program again\n"
		"  -v   (fork) by vfork(2): the child uses the memory of its parent\n"
		"  -D   (stream) how long it sends; default: an hour\n"
		"  -T   (stream) the timeout of its QP, which gives up after eight of them: 4.096 us * 2^TIMEOUT\n"
		"  -w   (stream) one message at a time, with these ms between them; default: as fast as it can\n"
		"  -H   (stream) hide the open device from an engine before it streams. dup: under another number; "
		"thread: in\n"
		"       the table of files of one thread; closed: nowhere, only its mappings hold it; undumpable: no "
		"other\n"
		"       process may look into this one\n"
		"  -f   (stream) a forked child also holds the QP\n"
		"  -k   (stream) keep the QP after its end, until a SIGTERM\n",
		program_invocation_short_name);
	exit(2);
}

static int number(const char *text, int least, int most)
{
	char *end;
	long value = strtol(text, &end, 10);

	if (*end || end == text || value < least || value > most)
		usage();
	return (int)value;
}

static bool *flag_of(struct options *o, int option)
{
	switch (option) {
	case 's':
		return &o->step;
	case 'o':
		return &o->open_first;
	case 'c':
		return &o->connect_first;
	case 'x':
		return &o->exec;
	case 'v':
		return &o->vfork;
	case 'f':
		return &o->fork;
	case 'k':
		return &o->keep;
	default:
		return NULL;
	}
}

static const char **text_of(struct options *o, int option)
{
	switch (option) {
	case 'd':
		return &o->device;
	case 'p':
		return &o->tcp_port;
	case 'H':
		return &o->hide;
	default:
		return NULL;
	}
}

void options_read(int argc, char **argv, struct options *out)
{
	struct options o = { .device = "rxe0",
			     .gid_index = -1,
			     .tcp_port = "18600",
			     .qps = 1,
			     .threads = 1,
			     .seconds = SECONDS_MAX,
			     .timeout = TIMEOUT_DEFAULT };
	int option;

	while ((option = getopt(argc, argv, "d:g:p:q:t:D:T:w:H:socxvfk")) != -1) {
		switch (option) {
		case 'g':
			o.gid_index = number(optarg, 0, 255);
			break;
		case 'q':
			o.qps = number(optarg, 1, QPS_MAX);
			break;
		case 't':
			o.threads = number(optarg, 1, THREADS_MAX);
			break;
		case 'D':
			o.seconds = number(optarg, 1, SECONDS_MAX);
			break;
		case 'T':
			o.timeout = (uint8_t)number(optarg, 1, TIMEOUT_MAX);
			break;
		case 'w':
			o.pause_ms = number(optarg, 1, 999);
			break;
		default:
			if (text_of(&o, option))
				*text_of(&o, option) = optarg;
			else if (flag_of(&o, option))
				*flag_of(&o, option) = true;
			else
				usage();
		}
	}
	if (o.gid_index < 0 || argc - optind > 1)
		usage();
	o.server = argv[optind];
	o.argv = argv;
	*out = o;
}

static int resolve(const char *host, const char *port, struct addrinfo **out)
{
	const struct addrinfo hints = { .ai_family = AF_INET,
					.ai_socktype = SOCK_STREAM,
					.ai_flags = host ? 0 : AI_PASSIVE };

	return getaddrinfo(host, port, &hints, out) ? -EADDRNOTAVAIL : 0;
}

int exchange_listen(const char *port)
{
	struct addrinfo *address;
	int tcp, on = 1, err = resolve(NULL, port, &address);

	if (err)
		return err;
	tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (tcp < 0 || setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(tcp, address->ai_addr, address->ai_addrlen) || listen(tcp, SOMAXCONN))
		err = -errno;
	freeaddrinfo(address);
	return err ? err : tcp;
}

static int connect_once(const struct addrinfo *address)
{
	const struct timeval silence = { .tv_sec = SILENCE_S };
	int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), err;

	if (tcp < 0)
		return -errno;
	if (!setsockopt(tcp, SOL_SOCKET, SO_RCVTIMEO, &silence, sizeof(silence)) &&
	    !connect(tcp, address->ai_addr, address->ai_addrlen))
		return tcp;
	err = -errno;
	close(tcp);
	return err;
}

/* The server may not listen yet. */
int exchange_connect(const char *host, const char *port)
{
	const struct timespec pause = { .tv_nsec = 100 * 1000 * 1000 };
	struct addrinfo *address;
	int tcp, err = resolve(host, port, &address);

	if (err)
		return err;
	tcp = connect_once(address);
	for (int tries = 1; tcp == -ECONNREFUSED && tries < CONNECT_TRIES; tries++) {
		nanosleep(&pause, NULL);
		tcp = connect_once(address);
	}
	freeaddrinfo(address);
	return tcp;
}

int exchange_send(int tcp, const struct endpoint *mine)
{
	ssize_t sent = send(tcp, mine, sizeof(*mine), MSG_NOSIGNAL);

	if (sent < 0)
		return -errno;
	return sent == sizeof(*mine) ? 0 : -EPIPE;
}

int exchange_receive(int tcp, struct endpoint *theirs)
{
	ssize_t got = recv(tcp, theirs, sizeof(*theirs), MSG_WAITALL);

	if (got < 0)
		return -errno;
	return got == sizeof(*theirs) ? 0 : -ECONNRESET;
}

void complain(int err, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (err < 0)
		err = -err;
	fprintf(stderr, "%s: %s: %s (errno %d)\n", program_invocation_short_name, text, strerror(err), err);
}
