// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include <errno.h>

#include "cm.h"
#include "door/door.h"
#include "door/qp_options.h"
#include "door/want_option.h"
#include "id_options.h"

/* The options of the id combined with those of its QP, which may have been set later. */
static int want_of(const struct rdma_cm_id *id, struct want *out)
{
	struct want of_qp = { 0 };
	int err;

	id_options_get(id, out);
	if (id->qp)
		qp_options_get(id->qp->context->cmd_fd, id->qp->handle, &of_qp);
	err = want_both(out, &of_qp, out);
	if (err)
		door_say("rdmasec: refused (reason=requirement-conflict): the application requires MACsec and IPsec, "
			 "one for an rdma_cm_id and the "
			 "other for "
			 "its queue pair");
	return err;
}

/* `err`: whether there is a path to ask about. */
static int ask(const struct rdma_cm_id *id, struct request *request, int err)
{
	struct engine_pass pass = { .socket = -1 };
	int saved = errno;

	if (!err)
		err = want_of(id, &request->want);
	if (!err)
		err = engine_ask(door_engine(), id->verbs->cmd_fd, request, &pass);
	if (!err)
		engine_done(&pass, NULL); /* nothing comes of it that the engine would have to know */
	errno = err ? -err : saved;
	return err ? -1 : 0;
}

int cm_ask(const struct rdma_cm_id *id, enum request_kind kind)
{
	struct request request;
	int err = cm_path_of_id(id, &request);

	request.kind = kind;
	return ask(id, &request, err);
}

int cm_ask_group(const struct rdma_cm_id *id, const struct sockaddr *group)
{
	struct request request;
	int err = cm_path_of_group(id, group, &request);

	request.kind = REQUEST_CM_JOIN;
	return ask(id, &request, err);
}
