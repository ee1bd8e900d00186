/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * A watch with one open file and one queue pair. The open file has no holder, so nothing can be revoked here: that
 * takes a uverbs fd, and so RDMA, which the scenarios have. Its namespace is that of the test.
 */
#ifndef RDMASEC_TESTS_WATCH_FIXTURE_H
#define RDMASEC_TESTS_WATCH_FIXTURE_H

#include <criterion/criterion.h>
#include <fcntl.h>
#include <rdma/ib_user_ioctl_verbs.h>
#include <unistd.h>

#include "util/text.h"
#include "watch/internal.h"

enum { HANDLE = 5 };

static struct event_base *base;
static struct watch *watch;
static struct watch_ufile *ufile;

static inline bool is_queued(const struct watch_qp *qp)
{
	return qp->work == WATCH_WORK_QUEUED && ufile->queued;
}

static inline struct watch_qp *the_qp(void)
{
	struct watch_qp *qp = watch_qp_find(ufile, HANDLE);

	cr_assert(qp);
	return qp;
}

/* A door reports that the kernel did this. */
static inline void report(const struct request *request, const struct judgement *answer)
{
	watch_request_done(watch, ufile, request, answer, watch_generation(watch, ufile->in));
}

static inline void report_created(uint32_t handle, uint32_t qp_type, uint32_t qpn)
{
	report(&(struct request){ .kind = REQUEST_QP_CREATE,
				  .has = UVERBS_HAS_HANDLE | (qpn ? UVERBS_HAS_QPN : 0),
				  .handle = handle,
				  .qpn = qpn,
				  .qp_type = qp_type },
	       &(struct judgement){ .pass = true });
}

static inline void watch_begin(const struct policy *policy, const struct watch_listener *listener)
{
	int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	base = event_base_new();
	cr_assert(base);
	cr_assert_eq(watch_new(base, policy, NULL, NULL, false, listener, &watch), 0);
	ufile = calloc(1, sizeof(*ufile));
	cr_assert(ufile);
	ufile->watch = watch;
	cr_assert_eq(namespace_get(watch_namespaces(watch), own, &ufile->in), 0);
	close(own);
	text_copy(ufile->device, sizeof(ufile->device), "rxe0");
	DL_APPEND(watch->ufiles, ufile);
}

static inline void watch_end(void)
{
	watch_ufile_free(ufile);
	watch_free(watch);
	event_base_free(base);
}

#endif
