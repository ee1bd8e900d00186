// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Unusual ways through librdmacm, each as server (-l) and as client, with one connection; no QP sends:
 *
 *	cm_ways migrate [-l] ADDRESS	ids that change their event channel before they connect, or accept
 *	cm_ways udp [-l] ADDRESS	RDMA_PS_UDP: a service is resolved (SIDR), without a QP
 *	cm_ways ep [-l] ADDRESS		rdma_getaddrinfo(), rdma_create_ep(); librdmacm makes the QPs
 *	cm_ways establish ADDRESS	without a QP of the id: rdma_connect(), rdma_establish(); its server is
 *`migrate` cm_ways reject -l ADDRESS	rejects a request, with data cm_ways join ADDRESS GROUP	joins a multicast group,
 *from the device that has the address
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <rdma/rdma_cma.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app.h"

enum { RESOLVE_MS = 60000, SOME_QPN = 0x1234, SOME_QKEY = 0x1f1f };
static const char port[] = "18701", data[] = "a text that only the peer may read";

static struct rdma_event_channel *first, *second;

static void die(const char *what)
{
	complain(errno, "%s", what);
	exit(1);
}

static void must(int result, const char *what)
{
	if (result)
		die(what);
}

static void usage(void)
{
	fputs("usage: cm_ways migrate|udp|ep|establish|reject|join [-l] ADDRESS [GROUP]\n", stderr);
	exit(2);
}

/* Waits for this event, and ends the program after another one. id: NULL, or where the id of the event goes. */
static void await(struct rdma_event_channel *channel, enum rdma_cm_event_type wanted, struct rdma_cm_id **id)
{
	struct rdma_cm_event *event;
	enum rdma_cm_event_type got;

	must(rdma_get_cm_event(channel, &event), "rdma_get_cm_event");
	got = event->event;
	if (id)
		*id = event->id;
	if (got == RDMA_CM_EVENT_MULTICAST_JOIN) {
		char gid[INET6_ADDRSTRLEN];

		inet_ntop(AF_INET6, event->param.ud.ah_attr.grh.dgid.raw, gid, sizeof(gid));
		printf("group %s\n", gid);
	}
	rdma_ack_cm_event(event);
	if (got == wanted)
		return;
	fprintf(stderr, "cm_ways: %s instead of %s\n", rdma_event_str(got), rdma_event_str(wanted));
	exit(1);
}

static struct addrinfo *resolve(const char *address)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM };
	struct addrinfo *out;

	if (getaddrinfo(address, port, &hints, &out))
		usage();
	return out;
}

static void open_channels(void)
{
	first = rdma_create_event_channel();
	second = rdma_create_event_channel();
	if (!first || !second)
		die("rdma_create_event_channel");
}

/* Returns an id on the first channel with its route resolved. */
static struct rdma_cm_id *routed(const char *address, enum rdma_port_space space)
{
	struct addrinfo *to = resolve(address);
	struct rdma_cm_id *id;

	must(rdma_create_id(first, &id, NULL, space), "rdma_create_id");
	must(rdma_resolve_addr(id, NULL, to->ai_addr, RESOLVE_MS), "rdma_resolve_addr");
	await(first, RDMA_CM_EVENT_ADDR_RESOLVED, NULL);
	must(rdma_resolve_route(id, RESOLVE_MS), "rdma_resolve_route");
	await(first, RDMA_CM_EVENT_ROUTE_RESOLVED, NULL);
	freeaddrinfo(to);
	return id;
}

/* Returns the id of the first request. */
static struct rdma_cm_id *requested(const char *address, enum rdma_port_space space, struct rdma_cm_id **listener)
{
	struct addrinfo *on = resolve(address);
	struct rdma_cm_id *id;

	must(rdma_create_id(first, listener, NULL, space), "rdma_create_id");
	must(rdma_bind_addr(*listener, on->ai_addr), "rdma_bind_addr");
	must(rdma_listen(*listener, 1), "rdma_listen");
	await(first, RDMA_CM_EVENT_CONNECT_REQUEST, &id);
	freeaddrinfo(on);
	return id;
}

static struct ibv_qp_init_attr qp_attr(void)
{
	return (struct ibv_qp_init_attr){
		.cap = { .max_send_wr = 1, .max_recv_wr = 1, .max_send_sge = 1, .max_recv_sge = 1 },
		.qp_type = IBV_QPT_RC,
	};
}

static struct rdma_conn_param with_data(void)
{
	return (struct rdma_conn_param){ .private_data = data,
					 .private_data_len = sizeof(data),
					 .responder_resources = 1,
					 .initiator_depth = 1,
					 .retry_count = 7,
					 .qp_num = SOME_QPN };
}

static void migrate(const char *address, bool listens)
{
	struct rdma_conn_param param = with_data();
	struct ibv_qp_init_attr attr = qp_attr();
	struct rdma_cm_id *listener = NULL, *id;

	id = listens ? requested(address, RDMA_PS_TCP, &listener) : routed(address, RDMA_PS_TCP);
	must(rdma_create_qp(id, NULL, &attr), "rdma_create_qp");
	must(rdma_migrate_id(id, second), "rdma_migrate_id");
	if (listens)
		must(rdma_accept(id, &param), "rdma_accept");
	else
		must(rdma_connect(id, &param), "rdma_connect");
	await(second, RDMA_CM_EVENT_ESTABLISHED, NULL);
	must(rdma_disconnect(id), "rdma_disconnect");
	await(second, RDMA_CM_EVENT_DISCONNECTED, NULL);
	rdma_destroy_qp(id);
	must(rdma_destroy_id(id), "rdma_destroy_id");
	if (listener)
		must(rdma_destroy_id(listener), "rdma_destroy_id");
}

static void udp(const char *address, bool listens)
{
	struct rdma_conn_param param = with_data();
	struct rdma_cm_id *listener = NULL, *id;

	id = listens ? requested(address, RDMA_PS_UDP, &listener) : routed(address, RDMA_PS_UDP);
	if (listens) {
		must(rdma_accept(id, &param), "rdma_accept");
	} else {
		must(rdma_connect(id, &param), "rdma_connect");
		await(first, RDMA_CM_EVENT_ESTABLISHED, NULL);
	}
	must(rdma_destroy_id(id), "rdma_destroy_id");
	if (listener)
		must(rdma_destroy_id(listener), "rdma_destroy_id");
}

static void ep(const char *address, bool listens)
{
	struct rdma_addrinfo hints = { .ai_flags = RAI_NUMERICHOST | (listens ? RAI_PASSIVE : 0),
				       .ai_port_space = RDMA_PS_TCP };
	struct rdma_conn_param param = with_data();
	struct ibv_qp_init_attr attr = qp_attr();
	struct rdma_cm_id *made, *id;
	struct rdma_addrinfo *info;

	must(rdma_getaddrinfo(address, port, &hints, &info), "rdma_getaddrinfo");
	must(rdma_create_ep(&made, info, NULL, &attr), "rdma_create_ep");
	rdma_freeaddrinfo(info);
	id = made;
	if (listens) {
		must(rdma_listen(made, 1), "rdma_listen");
		must(rdma_get_request(made, &id), "rdma_get_request");
		must(rdma_accept(id, &param), "rdma_accept");
	} else {
		must(rdma_connect(id, &param), "rdma_connect");
	}
	must(rdma_disconnect(id), "rdma_disconnect");
	rdma_destroy_ep(id);
	if (listens)
		rdma_destroy_ep(made);
}

/* As with the QP of another library. There is none, which the connection manager does not check. */
static void establish(const char *address)
{
	struct rdma_cm_id *id = routed(address, RDMA_PS_TCP);
	struct rdma_conn_param param = with_data();

	must(rdma_connect(id, &param), "rdma_connect");
	await(first, RDMA_CM_EVENT_CONNECT_RESPONSE, NULL);
	must(rdma_establish(id), "rdma_establish");
	await(first, RDMA_CM_EVENT_DISCONNECTED, NULL);
	must(rdma_destroy_id(id), "rdma_destroy_id");
}

static void reject(const char *address)
{
	struct rdma_cm_id *listener, *id = requested(address, RDMA_PS_TCP, &listener);

	must(rdma_reject(id, data, sizeof(data)), "rdma_reject");
	must(rdma_destroy_id(id), "rdma_destroy_id");
	must(rdma_destroy_id(listener), "rdma_destroy_id");
}

static void join(const char *address, const char *group)
{
	struct addrinfo *on = resolve(address), *of = resolve(group);
	struct rdma_cm_id *id;

	must(rdma_create_id(first, &id, NULL, RDMA_PS_UDP), "rdma_create_id");
	must(rdma_bind_addr(id, on->ai_addr), "rdma_bind_addr");
	must(rdma_join_multicast(id, of->ai_addr, NULL), "rdma_join_multicast");
	await(first, RDMA_CM_EVENT_MULTICAST_JOIN, NULL);
	must(rdma_leave_multicast(id, of->ai_addr), "rdma_leave_multicast");
	must(rdma_destroy_id(id), "rdma_destroy_id");
	freeaddrinfo(on);
	freeaddrinfo(of);
}

int main(int argc, char **argv)
{
	bool listens = argc > 2 && !strcmp(argv[2], "-l");
	const char *way = argc > 1 ? argv[1] : "", *address;

	if (argc < 3 + listens || argc > 4)
		usage();
	address = argv[2 + listens];
	open_channels();
	if (!strcmp(way, "migrate"))
		migrate(address, listens);
	else if (!strcmp(way, "udp"))
		udp(address, listens);
	else if (!strcmp(way, "ep"))
		ep(address, listens);
	else if (!strcmp(way, "establish") && !listens)
		establish(address);
	else if (!strcmp(way, "reject") && listens)
		reject(address);
	else if (!strcmp(way, "join") && !listens && argc == 4)
		join(address, argv[3]);
	else
		usage();
	rdma_destroy_event_channel(first);
	rdma_destroy_event_channel(second);
	puts("done");
	return 0;
}
