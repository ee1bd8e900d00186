// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The rows of `rdmasec status`, judged in the network namespace of the client. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "engine/internal.h"
#include "judge/survey.h"
#include "rdma/inventory.h"
#include "util/clock.h"

static int survey_in(const struct watch *watch, struct namespace *in, uid_t uid, struct survey *survey)
{
	struct survey_view view = {
		.policy = watch_policy(watch),
		.route_get = evidence_route_get,
		.route_context = mirror_netns(namespace_mirror(in)),
		.uid = uid,
	};
	struct rdma_inventory inventory;
	char error[192];
	int err = inventory_read_over("/sys", namespace_transport(in), &inventory, error, sizeof(error));

	if (err)
		return err == -ENODEV ? 0 : err; /* no RDMA: nothing to list */
	namespace_follow(in);
	namespace_refresh(in);
	view.evidence = mirror_last(namespace_mirror(in));
	namespace_view_detours(in, &view.bypass);
	err = survey_all(survey, &view, &inventory);
	inventory_free(&inventory);
	return err;
}

static int survey_for(struct watch *watch, struct foreign *foreign, const struct process *process,
		      struct survey *survey)
{
	struct namespace *in;
	int ns_fd, err = foreign_open_netns(foreign, process, &ns_fd);

	if (err)
		return err;
	err = namespace_get_for(watch_namespaces(watch), ns_fd, process->account, &in);
	close(ns_fd);
	if (err)
		return err;
	err = survey_in(watch, in, process->uid, survey);
	namespace_put(in);
	return err;
}

int watch_survey(struct watch *watch, struct foreign *foreign, const struct process *process,
		 void (*row)(const struct wire_record *record, void *arg), void *arg)
{
	struct survey survey = { 0 };
	int err = survey_for(watch, foreign, process, &survey);

	for (size_t i = 0; !err && i < survey.count; i++) {
		struct wire_record record;

		survey_record(&survey.rows[i], &record);
		record.time_ns = clock_realtime_ns();
		row(&record, arg);
	}
	survey_free(&survey);
	return err;
}
