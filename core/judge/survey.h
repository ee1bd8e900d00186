/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* The rows of `rdmasec status` and `rdmasec check`: paths of this host with their verdicts. */
#ifndef RDMASEC_JUDGE_SURVEY_H
#define RDMASEC_JUDGE_SURVEY_H

#include <stddef.h>
#include <sys/types.h>

#include "judge/bypass.h"
#include "judge/decide.h"
#include "messages/protocol.h"

/* The policy, the evidence and the user of a survey. */
struct survey_view {
	const struct policy *policy;
	const struct evidence *evidence;
	path_route_get_fn route_get;
	void *route_context;
	uid_t uid; /* rules may be for one user */
	struct bypass_view bypass;
};

struct survey_row {
	struct path path;
	struct rdma_gid gid; /* valid: there is such a GID */
	uint8_t remote[16];  /* REMOTE_ONE */
	bool by_egress;      /* REMOTE_EVERY, but only the remotes that the egress routes */
	struct verdict verdict;
	const struct policy_rule *rule; /* of the view's policy */
};

struct survey {
	struct survey_row *rows;
	size_t count;
};

/*
 * Judges one path by the first rule that matches, or, if several could, by the one with the worst verdict. Adds a row.
 * Returns 0 or -ENOMEM; survey_free() is due in both cases.
 */
RS_MUST_USE int survey_path(struct survey *survey, const struct survey_view *view, const struct rdma_device *device,
			    uint32_t port, uint32_t gid_index, enum remote_scope scope, const uint8_t remote[16]);

/*
 * Adds a row for every GID of every device to any remote; or, if only IPv6 routes by other netdevs are in the way, to
 * the remotes that its own netdev routes, as queue pairs of one remote are judged. A GID that is not protected so also
 * gets a row for each remote for which an xfrm policy wants ESP. Returns 0 or -ENOMEM.
 */
RS_MUST_USE int survey_all(struct survey *survey, const struct survey_view *view,
			   const struct rdma_inventory *inventory);

void survey_free(struct survey *survey);

/* Fills the record of a row, without its time. */
void survey_record(const struct survey_row *row, struct wire_record *out);

#endif
