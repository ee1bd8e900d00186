// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A library of the real one's name. The calls among its functions go as in librdmacm/cma.c. */
#include "fake_rdmacm.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

static struct fake_rdmacm state;

EXPORT fake_rdmacm_state_fn fake_rdmacm_state;
EXPORT struct fake_rdmacm *fake_rdmacm_state(void)
{
	return &state;
}

static int called(const char *name, const void *first, const void *second, const void *third)
{
	size_t len = strlen(state.calls);

	snprintf(state.calls + len, sizeof(state.calls) - len, "%s ", name);
	state.arguments[0] = first;
	state.arguments[1] = second;
	state.arguments[2] = third;
	if (state.result)
		errno = state.err;
	return state.result;
}

EXPORT int rdma_connect(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	return called(__func__, id, param, NULL);
}

EXPORT int rdma_accept(struct rdma_cm_id *id, struct rdma_conn_param *param)
{
	return called(__func__, id, param, NULL);
}

EXPORT int rdma_reject(struct rdma_cm_id *id, const void *data, uint8_t len)
{
	return called(__func__, id, data, (void *)(uintptr_t)len);
}

EXPORT int rdma_reject_ece(struct rdma_cm_id *id, const void *data, uint8_t len)
{
	return called(__func__, id, data, (void *)(uintptr_t)len);
}

EXPORT int rdma_establish(struct rdma_cm_id *id)
{
	return called(__func__, id, NULL, NULL);
}

EXPORT int rdma_create_qp_ex(struct rdma_cm_id *id, struct ibv_qp_init_attr_ex *attr)
{
	int err = called(__func__, id, attr, NULL);

	if (!err && state.make_qp)
		err = state.make_qp(id);
	if (!err && state.modify_qp)
		err = state.modify_qp(id);
	return err;
}

EXPORT int rdma_create_qp(struct rdma_cm_id *id, struct ibv_pd *pd, struct ibv_qp_init_attr *attr)
{
	struct ibv_qp_init_attr_ex extended;

	called(__func__, id, pd, attr);
	memset(&extended, 0, sizeof(extended));
	return rdma_create_qp_ex(id, &extended);
}

EXPORT int rdma_join_multicast(struct rdma_cm_id *id, struct sockaddr *group, void *context)
{
	return called(__func__, id, group, context);
}

EXPORT int rdma_join_multicast_ex(struct rdma_cm_id *id, struct rdma_cm_join_mc_attr_ex *attr, void *context)
{
	return called(__func__, id, attr, context);
}

EXPORT int rdma_set_option(struct rdma_cm_id *id, int level, int option, void *value, size_t size)
{
	(void)option;
	(void)size;
	return called(__func__, id, (void *)(uintptr_t)level, value);
}

EXPORT int rdma_get_cm_event(struct rdma_event_channel *channel, struct rdma_cm_event **event)
{
	int err = called(__func__, channel, event, NULL);

	if (!err)
		*event = state.event;
	return err;
}

EXPORT int rdma_get_request(struct rdma_cm_id *listener, struct rdma_cm_id **id)
{
	struct rdma_cm_event *event;
	int err;

	called(__func__, listener, id, NULL);
	err = rdma_get_cm_event(listener->channel, &event);
	if (!err && state.listener_has_qp)
		err = rdma_create_qp(event->id, NULL, state.listener_has_qp);
	if (!err)
		*id = event->id;
	return err;
}

EXPORT int rdma_destroy_id(struct rdma_cm_id *id)
{
	return called(__func__, id, NULL, NULL);
}

EXPORT void rdma_destroy_ep(struct rdma_cm_id *id)
{
	called(__func__, id, NULL, NULL);
}
