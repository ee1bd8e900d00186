// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * A program that knows rdmasec: it requires protection, and reads the protection that it has (rdma_sec(3)).
 *
 *	sec_option [OPTION...] -l ADDRESS	listens on an address of this host, for one connection
 *	sec_option [OPTION...] ADDRESS		connects to it
 *
 *	-r any|macsec|ipsec|none	the protection that the connection requires
 *	-g host|qp			the traffic that an SA of IPsec may serve
 *	-t MILLISECONDS			how long a call may wait for an SA
 *	-s				print the protection; so does each of the above
 *	-a				ids with an event channel, not synchronous ones
 *	-p PORT
 *
 * Each side sends one message to the other. Without these options it also runs without rdmasec.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <rdma/rdma_cma.h>
#include <rdma/rdma_verbs.h>
#include <rdmasec/rdma_sec.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RESOLVE_MS = 60000, MESSAGE = 64 };

struct sample {
	uint32_t require, granularity, timeout; /* 0: not set */
	bool listens, shows;
	const char *address, *port;
	struct rdma_event_channel *channel; /* NULL: synchronous */
	struct rdma_cm_id *listener, *id;
	struct ibv_mr *mr;
	char sent[MESSAGE], received[MESSAGE];
};

static int fail(const char *what)
{
	fprintf(stderr, "sec_option: %s: %s (errno %d)\n", what, strerror(errno), errno);
	return -1;
}

/* ---- rdmasec ---- */

static int set_option(struct rdma_cm_id *id, int option, uint32_t value, const char *what)
{
	if (!value)
		return 0;
	if (rdma_set_option(id, RDMASEC_LEVEL, option, &value, sizeof(value)))
		return fail(what);
	return 0;
}

static int ask(const struct sample *s, struct rdma_cm_id *id)
{
	if (set_option(id, RDMASEC_REQUIRE, s->require, "require") ||
	    set_option(id, RDMASEC_GRANULARITY, s->granularity, "granularity") ||
	    set_option(id, RDMASEC_SETUP_TIMEOUT, s->timeout, "setup timeout"))
		return -1;
	return 0;
}

static void print_protection(const char *of, const struct rdmasec_protection *p)
{
	static const char *const by[] = { "nothing", "macsec", "ipsec", "loopback" };

	printf("%s: %s", of, p->mechanism < sizeof(by) / sizeof(by[0]) ? by[p->mechanism] : "?");
	if (p->mechanism == RDMASEC_BY_IPSEC)
		printf(" out 0x%08" PRIx32 " in 0x%08" PRIx32 " reqid %" PRIu32, p->spi_out, p->spi_in, p->reqid);
	if (p->mechanism == RDMASEC_BY_MACSEC)
		printf(" sci %016" PRIx64, p->sci);
	printf(" cipher %s netdev %s by the %s\n", p->cipher[0] ? p->cipher : "-", p->netdev[0] ? p->netdev : "-",
	       p->offloaded ? "NIC" : "kernel");
}

/* Reads the protection of the id, and that of its QP, as a program does that has only a QP. */
static int show_protection(const struct sample *s)
{
	struct rdmasec_protection protection;
	int err = 0;

	if (rdma_set_option(s->id, RDMASEC_LEVEL, RDMASEC_PROTECTION, &protection, sizeof(protection)))
		err = fail("protection of the id");
	else
		print_protection("id", &protection);
	if (rdmasec_qp_option(s->id->qp, RDMASEC_PROTECTION, &protection, sizeof(protection)))
		err = fail("protection of the QP");
	else
		print_protection("qp", &protection);
	return err;
}

/* ---- rdma_cm, as in any program ---- */

/* Waits for an event; the calls of a synchronous id do that themselves. */
static int await(const struct sample *s, enum rdma_cm_event_type wanted, struct rdma_cm_id **id)
{
	struct rdma_cm_event *event;
	enum rdma_cm_event_type got;

	if (!s->channel)
		return 0;
	if (rdma_get_cm_event(s->channel, &event))
		return fail("rdma_get_cm_event");
	got = event->event;
	if (id)
		*id = event->id;
	rdma_ack_cm_event(event);
	if (got == wanted)
		return 0;
	fprintf(stderr, "sec_option: %s instead of %s\n", rdma_event_str(got), rdma_event_str(wanted));
	return -1;
}

static int create_qp(struct sample *s)
{
	struct ibv_qp_init_attr attr = {
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
		.sq_sig_all = 1,
	};

	if (rdma_create_qp(s->id, NULL, &attr))
		return fail("rdma_create_qp");
	s->mr = rdma_reg_msgs(s->id, s->sent, sizeof(s->sent) + sizeof(s->received));
	if (!s->mr)
		return fail("rdma_reg_msgs");
	if (rdma_post_recv(s->id, NULL, s->received, sizeof(s->received), s->mr))
		return fail("rdma_post_recv");
	return 0;
}

static int resolve(const struct sample *s, struct addrinfo **out)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	int err = getaddrinfo(s->address, s->port, &hints, out);

	if (err)
		fprintf(stderr, "sec_option: %s: %s\n", s->address, gai_strerror(err));
	return err ? -1 : 0;
}

static int serve(struct sample *s, struct sockaddr *address)
{
	struct rdma_conn_param param = { .responder_resources = 1, .initiator_depth = 1 };

	if (rdma_create_id(s->channel, &s->listener, NULL, RDMA_PS_TCP))
		return fail("rdma_create_id");
	/* the options of the listening id hold for all ids that it hands out */
	if (ask(s, s->listener))
		return -1;
	if (rdma_bind_addr(s->listener, address))
		return fail("rdma_bind_addr");
	if (rdma_listen(s->listener, 1))
		return fail("rdma_listen");
	if (!s->channel && rdma_get_request(s->listener, &s->id))
		return fail("rdma_get_request");
	if (await(s, RDMA_CM_EVENT_CONNECT_REQUEST, &s->id) || create_qp(s))
		return -1;
	if (rdma_accept(s->id, &param))
		return fail("rdma_accept");
	return await(s, RDMA_CM_EVENT_ESTABLISHED, NULL);
}

static int call(struct sample *s, struct sockaddr *address)
{
	struct rdma_conn_param param = { .responder_resources = 1, .initiator_depth = 1, .retry_count = 7 };

	if (rdma_create_id(s->channel, &s->id, NULL, RDMA_PS_TCP))
		return fail("rdma_create_id");
	if (ask(s, s->id))
		return -1;
	if (rdma_resolve_addr(s->id, NULL, address, RESOLVE_MS))
		return fail("rdma_resolve_addr");
	if (await(s, RDMA_CM_EVENT_ADDR_RESOLVED, NULL))
		return -1;
	if (rdma_resolve_route(s->id, RESOLVE_MS))
		return fail("rdma_resolve_route");
	if (await(s, RDMA_CM_EVENT_ROUTE_RESOLVED, NULL) || create_qp(s))
		return -1;
	if (rdma_connect(s->id, &param))
		return fail("rdma_connect");
	return await(s, RDMA_CM_EVENT_ESTABLISHED, NULL);
}

static int check_completion(const struct ibv_wc *wc, int got, const char *what)
{
	if (got < 0)
		return fail(what);
	if (wc->status == IBV_WC_SUCCESS)
		return 0;
	fprintf(stderr, "sec_option: %s: %s\n", what, ibv_wc_status_str(wc->status));
	return -1;
}

static int exchange(struct sample *s)
{
	struct ibv_wc wc;
	int got;

	snprintf(s->sent, sizeof(s->sent), "a message of the %s", s->listens ? "server" : "client");
	if (rdma_post_send(s->id, NULL, s->sent, sizeof(s->sent), s->mr, 0))
		return fail("rdma_post_send");
	got = rdma_get_send_comp(s->id, &wc);
	if (check_completion(&wc, got, "send"))
		return -1;
	got = rdma_get_recv_comp(s->id, &wc);
	if (check_completion(&wc, got, "receive"))
		return -1;
	printf("received: %.*s\n", MESSAGE, s->received);
	return 0;
}

static int run(struct sample *s)
{
	struct addrinfo *address;
	int err;

	if (resolve(s, &address))
		return -1;
	err = s->listens ? serve(s, address->ai_addr) : call(s, address->ai_addr);
	freeaddrinfo(address);
	if (!err)
		err = exchange(s);
	if (!err && s->shows)
		err = show_protection(s);
	if (!err && rdma_disconnect(s->id))
		err = fail("rdma_disconnect");
	return err;
}

static void clean_up(struct sample *s)
{
	if (s->mr)
		rdma_dereg_mr(s->mr);
	if (s->id && s->id->qp)
		rdma_destroy_qp(s->id);
	if (s->id)
		rdma_destroy_id(s->id);
	if (s->listener)
		rdma_destroy_id(s->listener);
	if (s->channel)
		rdma_destroy_event_channel(s->channel);
}

/* ---- the command line ---- */

static void usage(void)
{
	fputs("usage: sec_option [-as] [-r any|macsec|ipsec|none] [-g host|qp] [-t MS] [-p PORT] [-l] ADDRESS\n",
	      stderr);
	exit(2);
}

/* Returns the value of a word: they count from 1, in this order. */
static uint32_t word_of(const char *word, const char *const words[])
{
	for (uint32_t i = 0; words[i]; i++)
		if (!strcmp(word, words[i]))
			return i + 1;
	usage();
	return 0;
}

static bool read_options(int argc, char **argv, struct sample *s)
{
	static const char *const requires[] = { "any", "macsec", "ipsec", "none", NULL };
	static const char *const granularities[] = { "host", "qp", NULL };
	bool has_channel = false;
	int option;

	while ((option = getopt(argc, argv, "asr:g:t:p:l")) != -1) {
		switch (option) {
		case 'a':
			has_channel = true;
			break;
		case 'r':
			s->require = word_of(optarg, requires);
			break;
		case 'g':
			s->granularity = word_of(optarg, granularities);
			break;
		case 't':
			s->timeout = (uint32_t)strtoul(optarg, NULL, 10);
			break;
		case 's':
			s->shows = true;
			break;
		case 'p':
			s->port = optarg;
			break;
		case 'l':
			s->listens = true;
			break;
		default:
			usage();
		}
	}
	if (argc - optind != 1)
		usage();
	s->shows |= s->require || s->granularity || s->timeout;
	s->address = argv[optind];
	return has_channel;
}

int main(int argc, char **argv)
{
	struct sample s = { .port = "18700" };
	int err = 0;

	if (read_options(argc, argv, &s)) {
		s.channel = rdma_create_event_channel();
		err = s.channel ? 0 : fail("rdma_create_event_channel");
	}
	if (!err)
		err = run(&s);
	clean_up(&s);
	return err ? 1 : 0;
}
