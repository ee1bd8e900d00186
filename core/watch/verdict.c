// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Judges requests by the evidence of the last event. Changes nothing. */
#include <endian.h>
#include <errno.h>

#include "util/text.h"
#include "watch/internal.h"

void watch_judge(const struct watch *watch, struct namespace *in, const struct engine_client *client,
		 const struct rdma_device *device, const char *error, const struct request *request,
		 struct judgement *answer)
{
	struct engine_view view = { .policy = watch->policy };
	struct why *why;

	if (request->kind == REQUEST_DOOR_BROKEN) {
		judge_request(&view, client, request, answer);
	} else if (!device) {
		why = judgement_refuse(answer, EPERM, REASON_DEVICE_UNKNOWN);
		text_copy(why->detail, sizeof(why->detail), error);
	} else {
		view.device = device;
		view.evidence = mirror_last(namespace_mirror(in));
		view.route_get = evidence_route_get;
		view.route_context = mirror_netns(namespace_mirror(in));
		namespace_view_detours(in, &view.bypass);
		view.bypass.each_remote = true;
		judge_request(&view, client, request, answer);
	}
}

void watch_protection(struct watch_ufile *ufile, uint32_t handle, int fd, struct wire_protection *out)
{
	const struct watch_qp *qp = watch_qp_find(ufile, handle);
	char error[192];
	const struct rdma_device *device;
	struct judgement answer;

	if (!qp || qp->state == WATCH_NO_ADDRESS) {
		out->err = qp ? ENOTCONN : ENOENT;
		return;
	}
	namespace_follow(ufile->in);
	device = watch_device(ufile, fd, error, sizeof(error));
	watch_judge(ufile->watch, ufile->in, &ufile->asker, device, error, &qp->request, &answer);
	watch_heed_gate(qp, &answer);
	out->verdict = answer.verdict.kind;
	if (answer.verdict.kind != VERDICT_PROTECTED)
		return;
	out->by = answer.verdict.by;
	out->spi_out = answer.verdict.spi_out;
	out->spi_in = answer.verdict.spi_in;
	out->reqid = answer.verdict.reqid;
	out->cipher = answer.verdict.cipher;
	out->offloaded = answer.verdict.offloaded;
	out->sci = be64toh(answer.verdict.sci);
	text_copy(out->netdev, sizeof(out->netdev), answer.path.egress);
}
