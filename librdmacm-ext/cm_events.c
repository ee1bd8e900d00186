// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Creation and destruction of ids. An id that a listener hands out inherits the options of the listener.
 *
 * The entry of a new id is allocated before librdmacm is called: after the event it is too late to fail, and without
 * the entry the id would require less than its listener. These calls block, and threads that wait in them are commonly
 * cancelled.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "cm.h"
#include "door/qp_options.h"
#include "id_options.h"

/* Gives the new id the options of its listener, with the spare entry; sets *spare to NULL if it was used. */
static void inherit(const struct rdma_cm_id *listener, const struct rdma_cm_id *id, struct want_entry **spare)
{
	if (listener && id && id_options_inherit(listener, id, *spare))
		*spare = NULL;
}

static void free_spare(void *arg)
{
	free(*(struct want_entry **)arg);
}

CM_EXPORT int rdma_get_cm_event(struct rdma_event_channel *channel, struct rdma_cm_event **event)
{
	__typeof__(rdma_get_cm_event) *real = CM_REAL(rdma_get_cm_event);
	struct want_entry *spare;
	int result;

	if (!real)
		return -1;
	spare = want_entry_new();
	if (!spare)
		return -1;
	pthread_cleanup_push(free_spare, &spare);
	result = real(channel, event);
	if (!result && (*event)->event == RDMA_CM_EVENT_CONNECT_REQUEST)
		inherit((*event)->listen_id, (*event)->id, &spare);
	pthread_cleanup_pop(0);
	free(spare);
	return result;
}

CM_EXPORT int rdma_get_request(struct rdma_cm_id *listener, struct rdma_cm_id **id)
{
	__typeof__(rdma_get_request) *real = CM_REAL(rdma_get_request);
	struct want_entry *spare;
	struct want want, before;
	bool requesting;
	int result;

	if (!real)
		return -1;
	spare = want_entry_new();
	if (!spare)
		return -1;
	id_options_get(listener, &want);
	before = qp_options_make_with(&want);
	requesting = cm_requesting(true);
	pthread_cleanup_push(free_spare, &spare);
	result = real(listener, id);
	if (!result)
		inherit(listener, *id, &spare);
	pthread_cleanup_pop(0);
	cm_requesting(requesting);
	qp_options_make_with(&before);
	free(spare);
	return result;
}

/* The options end first: once librdmacm has freed the id, a new one may have its address. */
CM_EXPORT int rdma_destroy_id(struct rdma_cm_id *id)
{
	__typeof__(rdma_destroy_id) *real = CM_REAL(rdma_destroy_id);
	struct want_entry *entry;
	int result;

	if (!real)
		return -1;
	entry = id_options_take(id);
	result = real(id);
	if (result)
		id_options_give_back(entry);
	else
		free(entry);
	return result;
}

CM_EXPORT void rdma_destroy_ep(struct rdma_cm_id *id)
{
	__typeof__(rdma_destroy_ep) *real = CM_REAL(rdma_destroy_ep);

	if (!real)
		return;
	free(id_options_take(id));
	real(id);
}
