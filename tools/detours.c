// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "detours.h"

#include <errno.h>
#include <string.h>

#include "gate/stands.h"
#include "netlink/dump.h"
#include "util/text.h"

void detours_read(struct detours *out)
{
	char error[sizeof(out->error)] = "";
	int err;

	*out = (struct detours){ 0 };
	err = netfilter_read(&netlink_kernel, &out->netfilter, error, sizeof(error));
	out->forbidden = err == -EPERM;
	if (err && !out->forbidden)
		text_copy(out->error, sizeof(out->error), error[0] ? error : strerror(-err));
}

void detours_free(struct detours *detours)
{
	netfilter_free(detours->netfilter);
	*detours = (struct detours){ 0 };
}

void detours_look(const struct detours *detours, struct survey_view *view)
{
	if (!detours)
		return;
	view->bypass = (struct bypass_view){
		.netfilter = detours->netfilter,
		.netfilter_error = detours->error[0] ? detours->error : NULL,
		.traffic = &netlink_kernel,
		.traffic_is_own = true,
		.gated = gate_stands,
	};
}
