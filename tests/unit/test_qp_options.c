// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Options that applications set on QPs: accepted values, the requests that carry them, and their lifetime. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <infiniband/verbs.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "door/qp_options.h"
#include "door/want_option.h"
#include "fake_engine.h"
#include "verbs_calls.h"

static int device; /* a character device, as a uverbs fd is */

static void start(void)
{
	engine_start(kernel_ioctl);
	memset(&kernel, 0, sizeof(kernel));
	kernel.next_handle = 1;
	device = open("/dev/null", O_RDWR | O_CLOEXEC);
	cr_assert_geq(device, 0);
}

static void stop(void)
{
	close(device);
	engine_stop();
}

TestSuite(qp_options, .init = start, .fini = stop);

/* Like rdmasec_qp_option(), but bypasses the system's ioctl(). */
static int option(int fd, uint32_t handle, enum ibv_qp_type type, enum rdmasec_option which, void *value, uint32_t size)
{
	struct rdmasec_qp_request request = {
		.handle = handle, .option = which, .value = (uintptr_t)value, .size = size, .type = type
	};

	return door_qp_option(fd, &request);
}

static int require(uint32_t handle, enum ibv_qp_type type, uint32_t what)
{
	return option(device, handle, type, RDMASEC_REQUIRE, &what, sizeof(what));
}

static uint32_t required_of(uint32_t handle)
{
	cr_assert_eq(verbs_modify_qp(device, handle), 0);
	cr_assert_eq(engine_asked()->kind, REQUEST_QP_ADDRESS);
	return engine_asked()->want.require;
}

Test(want_option, accepts_valid_values_only)
{
	static const struct {
		int option;
		uint32_t value;
		int err;
	} cases[] = {
		{ RDMASEC_REQUIRE, RDMASEC_REQUIRE_ANY, 0 },
		{ RDMASEC_REQUIRE, RDMASEC_REQUIRE_MACSEC, 0 },
		{ RDMASEC_REQUIRE, RDMASEC_REQUIRE_IPSEC, 0 },
		{ RDMASEC_REQUIRE, RDMASEC_REQUIRE_NONE, -EPERM },
		{ RDMASEC_REQUIRE, 0, -EINVAL },
		{ RDMASEC_REQUIRE, 5, -EINVAL },
		{ RDMASEC_GRANULARITY, RDMASEC_GRANULARITY_HOST, 0 },
		{ RDMASEC_GRANULARITY, RDMASEC_GRANULARITY_QP, 0 },
		{ RDMASEC_GRANULARITY, 0, -EINVAL },
		{ RDMASEC_GRANULARITY, 3, -EINVAL },
		{ RDMASEC_SETUP_TIMEOUT, 0, 0 },
		{ RDMASEC_SETUP_TIMEOUT, RDMASEC_SETUP_TIMEOUT_MAX, 0 },
		{ RDMASEC_SETUP_TIMEOUT, RDMASEC_SETUP_TIMEOUT_MAX + 1, -EINVAL },
		{ RDMASEC_PROTECTION, 1, -EINVAL },
		{ 0, 1, -EINVAL },
		{ -1, 1, -EINVAL },
		{ 99, 1, -EINVAL },
	};
	const struct want before = { .require = WANT_ANY, .granularity = WANT_HOST, .setup_timeout_ms = 7 };

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct want want = before;
		int err = want_option_set(&want, cases[i].option, &cases[i].value, sizeof(cases[i].value));

		cr_expect_eq(err, cases[i].err, "option %d, value %u: %d", cases[i].option, cases[i].value, err);
		if (err)
			cr_expect_arr_eq(&want, &before, sizeof(want), "a refused option changes nothing");
	}
}

Test(want_option, accepts_exact_size_only)
{
	struct want want = { 0 };
	uint64_t value = RDMASEC_REQUIRE_ANY;

	for (size_t size = 0; size <= sizeof(value); size++)
		cr_expect_eq(want_option_set(&want, RDMASEC_REQUIRE, &value, size), size == 4 ? 0 : -EINVAL);
	cr_expect_eq(want_option_set(&want, RDMASEC_REQUIRE, NULL, 4), -EINVAL);
}

Test(want_option, combines_two_wants)
{
	static const int both[WANT_REQUIRE_COUNT][WANT_REQUIRE_COUNT] = {
		[WANT_NOTHING] = { WANT_NOTHING, WANT_ANY, WANT_MACSEC, WANT_IPSEC },
		[WANT_ANY] = { WANT_ANY, WANT_ANY, WANT_MACSEC, WANT_IPSEC },
		[WANT_MACSEC] = { WANT_MACSEC, WANT_MACSEC, WANT_MACSEC, -EPERM },
		[WANT_IPSEC] = { WANT_IPSEC, WANT_IPSEC, -EPERM, WANT_IPSEC },
	};
	struct want a = { .granularity = WANT_QP, .setup_timeout_ms = 20 }, b = { .setup_timeout_ms = 30 }, out;

	for (uint32_t i = 0; i < WANT_REQUIRE_COUNT; i++) {
		for (uint32_t j = 0; j < WANT_REQUIRE_COUNT; j++) {
			int err;

			a.require = i;
			b.require = j;
			err = want_both(&a, &b, &out);
			cr_expect_eq(err ? err : (int)out.require, both[i][j], "%u and %u", i, j);
		}
	}
	a.require = b.require = WANT_NOTHING;
	cr_expect_eq(want_both(&a, &b, &out), 0);
	cr_expect_eq(out.granularity, (uint32_t)WANT_QP, "a per-QP SA also satisfies a request for a shared one");
	cr_expect_eq(out.setup_timeout_ms, 20u, "the shorter timeout applies");
	a.setup_timeout_ms = 0;
	cr_expect_eq(want_both(&a, &b, &out), 0);
	cr_expect_eq(out.setup_timeout_ms, 30u);
}

Test(qp_options, accompany_every_address)
{
	uint32_t timeout = 1234, granularity = RDMASEC_GRANULARITY_QP;

	cr_expect_eq(required_of(5), (uint32_t)WANT_NOTHING);
	cr_expect_eq(require(5, IBV_QPT_RC, RDMASEC_REQUIRE_IPSEC), 0);
	cr_expect_eq(option(device, 5, IBV_QPT_RC, RDMASEC_SETUP_TIMEOUT, &timeout, sizeof(timeout)), 0);
	cr_expect_eq(option(device, 5, IBV_QPT_RC, RDMASEC_GRANULARITY, &granularity, sizeof(granularity)), 0);
	cr_expect_eq(kernel.last_request, RDMA_VERBS_IOCTL, "options do not reach the kernel");
	cr_expect_eq(required_of(5), (uint32_t)WANT_IPSEC);
	cr_expect_eq(engine_asked()->want.setup_timeout_ms, timeout);
	cr_expect_eq(engine_asked()->want.granularity, (uint32_t)WANT_QP);
	cr_expect_eq(required_of(6), (uint32_t)WANT_NOTHING, "only that QP has the option");
	cr_expect_eq(require(5, IBV_QPT_RC, RDMASEC_REQUIRE_ANY), 0);
	cr_expect_eq(required_of(5), (uint32_t)WANT_ANY, "the last value counts, as with setsockopt(2)");
}

Test(qp_options, end_with_queue_pair)
{
	cr_assert_eq(require(1, IBV_QPT_RC, RDMASEC_REQUIRE_IPSEC), 0);
	kernel.err = EBUSY;
	cr_expect_eq(verbs_destroy_qp(device, 1), -1);
	cr_expect_eq(errno, EBUSY);
	kernel.err = 0;
	cr_expect_eq(required_of(1), (uint32_t)WANT_IPSEC, "the QP was not destroyed");
	cr_expect_eq(verbs_destroy_qp(device, 1), 0);
	cr_expect_eq(required_of(1), (uint32_t)WANT_NOTHING);
}

Test(qp_options, new_context_has_none)
{
	int other = dup(device);

	cr_assert_eq(require(1, IBV_QPT_RC, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(require(2, IBV_QPT_RC, RDMASEC_REQUIRE_MACSEC), 0);
	cr_assert_eq(verbs_open_context(other), 0);
	cr_expect_eq(required_of(1), (uint32_t)WANT_IPSEC, "the context of another fd");
	kernel.err = EINVAL;
	cr_expect_eq(verbs_open_context(device), -1);
	kernel.err = 0;
	cr_expect_eq(required_of(2), (uint32_t)WANT_MACSEC, "the context existed already");
	cr_assert_eq(verbs_open_context(device), 0);
	cr_expect_eq(required_of(1), (uint32_t)WANT_NOTHING);
	cr_expect_eq(required_of(2), (uint32_t)WANT_NOTHING);
	close(other);
}

/* The kernel destroys a QP with its context and reuses the handle. */
Test(qp_options, new_queue_pair_has_none)
{
	cr_assert_eq(require(1, IBV_QPT_RC, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(verbs_create_qp(device, IBV_QPT_RC), 0);
	cr_expect_eq(required_of(1), (uint32_t)WANT_NOTHING);
}

Test(qp_options, accompany_queue_pair_creation)
{
	const struct want want = { .require = WANT_IPSEC };
	struct want before = qp_options_make_with(&want);

	cr_expect(want_is_empty(&before));
	cr_assert_eq(verbs_create_qp(device, IBV_QPT_RC), 0);
	cr_expect_eq(engine_asked()->kind, REQUEST_QP_CREATE);
	cr_expect_eq(engine_asked()->want.require, (uint32_t)WANT_IPSEC);
	kernel.next_handle = 2;
	kernel.err = ENOMEM;
	cr_expect_eq(verbs_create_qp(device, IBV_QPT_RC), -1);
	kernel.err = 0;
	engine.refuse = EPERM;
	cr_expect_eq(verbs_create_qp(device, IBV_QPT_RC), -1);
	cr_expect_eq(errno, EPERM);
	engine.refuse = 0;
	before = qp_options_make_with(NULL);
	cr_expect_eq(before.require, (uint32_t)WANT_IPSEC);
	cr_expect_eq(required_of(1), (uint32_t)WANT_IPSEC);
	cr_expect_eq(required_of(2), (uint32_t)WANT_NOTHING, "no such QP");
}

/* An address handle belongs to no QP: every QP that sends by handles may use it. */
Test(qp_options, combine_for_address_handle)
{
	int other = dup(device);

	cr_assert_eq(require(1, IBV_QPT_RC, RDMASEC_REQUIRE_MACSEC), 0);
	cr_assert_eq(verbs_create_ah(device), 0);
	cr_expect_eq(engine_asked()->kind, REQUEST_AH_CREATE);
	cr_expect_eq(engine_asked()->want.require, (uint32_t)WANT_NOTHING, "connected QPs use no address handles");
	cr_assert_eq(require(2, IBV_QPT_UD, RDMASEC_REQUIRE_ANY), 0);
	cr_assert_eq(require(3, IBV_QPT_UD, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(verbs_create_ah(device), 0);
	cr_expect_eq(engine_asked()->want.require, (uint32_t)WANT_IPSEC);
	cr_assert_eq(verbs_create_ah(other), 0);
	cr_expect_eq(engine_asked()->want.require, (uint32_t)WANT_NOTHING, "a QP of another context");
	cr_assert_eq(require(4, IBV_QPT_DRIVER, RDMASEC_REQUIRE_MACSEC), 0);
	kernel.calls = 0;
	cr_expect_eq(verbs_create_ah(device), -1, "no path can satisfy both MACsec and IPsec");
	cr_expect_eq(errno, EPERM);
	cr_expect_eq(kernel.calls, 0u);
	close(other);
}

Test(qp_options, refuse_invalid_requests)
{
	uint32_t value = RDMASEC_REQUIRE_ANY;
	int pipes[2];

	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_REQUIRE, &value, 8), -1);
	cr_expect_eq(errno, EINVAL);
	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_REQUIRE, NULL, 4), -1);
	cr_expect_eq(errno, EFAULT);
	cr_expect_eq(require(1, IBV_QPT_RC, RDMASEC_REQUIRE_NONE), -1);
	cr_expect_eq(errno, EPERM);
	cr_expect_eq(door_qp_option(device, NULL), -1);
	cr_expect_eq(errno, EFAULT);
	cr_expect_eq(kernel.calls, 0u);
	cr_expect_eq(required_of(1), (uint32_t)WANT_NOTHING);

	cr_assert_eq(pipe(pipes), 0);
	kernel.err = ENOTTY;
	cr_expect_eq(option(pipes[0], 1, IBV_QPT_RC, RDMASEC_REQUIRE, &value, 4), -1);
	cr_expect_eq(errno, ENOTTY, "for another fd the kernel answers");
	cr_expect_eq(kernel.last_request, RDMASEC_IOCTL_QP_OPTION);
	close(pipes[0]);
	close(pipes[1]);
}

Test(qp_options, return_protection_by_ipsec)
{
	struct rdmasec_protection got;

	engine.protection.verdict = 1;
	engine.protection.by = 2;
	engine.protection.spi_out = 0x11223344;
	engine.protection.spi_in = 0x55667788;
	engine.protection.reqid = 4791;
	engine.protection.cipher = 1 << 6;
	engine.protection.offloaded = 1;
	engine.protection.sci = 99; /* not protected by IPsec */
	memcpy(engine.protection.netdev, "eth7", 5);
	memset(&got, 0xa5, sizeof(got));
	errno = EXDEV;
	cr_assert_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, &got, sizeof(got)), 0);
	cr_expect_eq(errno, EXDEV, "errno does not change");
	cr_expect_eq(got.mechanism, (uint32_t)RDMASEC_BY_IPSEC);
	cr_expect_eq(got.spi_out, 0x11223344u);
	cr_expect_eq(got.spi_in, 0x55667788u);
	cr_expect_eq(got.reqid, 4791u);
	cr_expect_eq(got.offloaded, 1u);
	cr_expect_eq(got.sci, 0u);
	cr_expect_eq(got.reserved, 0u);
	cr_expect_str_eq(got.cipher, "aes-gcm-256");
	cr_expect_str_eq(got.netdev, "eth7");
}

Test(qp_options, return_protection_by_macsec_and_others)
{
	static const struct {
		uint32_t verdict, by;
		enum rdmasec_mechanism mechanism;
	} cases[] = { { 1, 1, RDMASEC_BY_MACSEC },  { 1, 3, RDMASEC_BY_LOOPBACK }, { 1, 4, RDMASEC_BY_NOTHING },
		      { 1, 0, RDMASEC_BY_NOTHING }, { 2, 1, RDMASEC_BY_NOTHING },  { 0, 2, RDMASEC_BY_NOTHING } };
	struct rdmasec_protection got;

	engine.protection.sci = 0x5254000000010001;
	engine.protection.spi_out = 1; /* not protected by MACsec */
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		engine.protection.verdict = cases[i].verdict;
		engine.protection.by = cases[i].by;
		cr_assert_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, &got, sizeof(got)), 0);
		cr_expect_eq(got.mechanism, (uint32_t)cases[i].mechanism, "case %zu", i);
		cr_expect_eq(got.sci, got.mechanism == RDMASEC_BY_MACSEC ? 0x5254000000010001u : 0);
		cr_expect_eq(got.spi_out, 0u);
	}
}

Test(qp_options, return_unknown_protection)
{
	struct rdmasec_protection got;
	struct engine_address no_address = { .problem = "none" };

	engine.protection.err = ENOENT;
	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, &got, sizeof(got)), -1);
	cr_expect_eq(errno, ENOENT);
	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, &got, sizeof(got) - 1), -1);
	cr_expect_eq(errno, EINVAL);
	engine.protection.err = 0;
	engine.protection.offloaded = 2;
	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, &got, sizeof(got)), -1);
	cr_expect_eq(errno, EPROTO, "an invalid answer counts as none");
	engine.protection.offloaded = 0;
	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, NULL, sizeof(got)), -1);
	cr_expect_eq(errno, EFAULT);
	engine.address = no_address;
	cr_expect_eq(option(device, 1, IBV_QPT_RC, RDMASEC_PROTECTION, &got, sizeof(got)), -1);
	cr_expect_eq(errno, EPROTO);
}

static void *change_until(void *arg)
{
	struct want want;

	/* only takes the lock */
	while (!atomic_load((atomic_bool *)arg))
		qp_options_get(device, 1, &want);
	return NULL;
}

/* A child keeps the parent's options and does not block on a lock that another thread of the parent held. */
Test(qp_options, survive_fork)
{
	enum { FORKS = 200, STUCK = 60 };
	atomic_bool enough = false;
	pthread_t thread;
	int status;

	cr_assert_eq(require(1, IBV_QPT_RC, RDMASEC_REQUIRE_IPSEC), 0);
	cr_assert_eq(pthread_create(&thread, NULL, change_until, &enough), 0);
	for (int i = 0; i < FORKS; i++) {
		pid_t child = fork();
		struct want want;

		cr_assert_geq(child, 0);
		if (!child) {
			alarm(STUCK); /* ends a child that blocks */
			_exit(qp_options_get(device, 1, &want) && want.require == WANT_IPSEC ? 0 : 1);
		}
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert(WIFEXITED(status) && !WEXITSTATUS(status), "child %d: status 0x%x", i, (unsigned)status);
	}
	atomic_store(&enough, true);
	pthread_join(thread, NULL);
}

/* More keys than buckets, so that keys share buckets. */
Test(qp_options, hold_many_queue_pairs)
{
	enum { MANY = 5 * WANT_BUCKETS };
	struct want want;

	for (uint32_t i = 0; i < MANY; i++)
		cr_assert_eq(require(i, IBV_QPT_RC, i % 3 + 1), 0);
	for (uint32_t i = 0; i < MANY; i += 2)
		cr_assert_eq(verbs_destroy_qp(device, i), 0);
	for (uint32_t i = 0; i < MANY; i++) {
		bool there = qp_options_get(device, i, &want);

		cr_assert_eq(there, i % 2 == 1, "%u", i);
		cr_assert_eq(want.require, there ? i % 3 + 1 : 0, "%u", i);
	}
	cr_assert_eq(verbs_open_context(device), 0);
	for (uint32_t i = 0; i < MANY; i++)
		cr_assert(!qp_options_get(device, i, &want), "%u", i);
}
