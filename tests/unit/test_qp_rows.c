// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The list of all queue pairs: that of the engine and that of the kernel, joined. */
#include <unistd.h>

#include "qp_rows_fixture.h"

/* The guard in this QP's row; -1: no row. */
static int guard_of(const struct qp_rows *rows, uint32_t qpn)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->rows[i].record.qpn == qpn)
			return (int)rows->rows[i].guard;
	return -1;
}

Test(qp_rows, assigns_guard_to_each_queue_pair)
{
	enum { MINE = 101, OTHERS = 201, GONE = 901, HIDDEN = 0 };
	struct rdma_qp qps[] = {
		kernel_qp(0, QP_TYPE_SMI, "ib_core"),
		kernel_qp(1, QP_TYPE_GSI, "ib_core"),
		user_qp(17, MINE),
		user_qp(18, MINE),
		user_qp(19, OTHERS),
		user_qp(20, GONE),
		user_qp(21, HIDDEN),
		kernel_qp(22, IB_UVERBS_QPT_RC, "nvme_rdma"),
	};
	struct wire_record record = guarded_qp(17);
	struct wire_records guarded = { &record, 1 };
	struct rdma_resources now = { qps, sizeof(qps) / sizeof(qps[0]) };
	static const struct {
		bool engine;
		uid_t uid;
		enum qp_guard guards[8];
	} rows[] = {
		{ true,
		  ROOT,
		  { QP_KERNEL_CM, QP_KERNEL_CM, QP_GUARDED, QP_UNGUARDED, QP_UNGUARDED, QP_UNGUARDED, QP_UNGUARDED,
		    QP_KERNEL } },
		{ true,
		  USER,
		  { QP_KERNEL_CM, QP_KERNEL_CM, QP_GUARDED, QP_UNGUARDED, QP_NOT_YOURS, QP_NOT_YOURS, QP_NOT_YOURS,
		    QP_KERNEL } },
		{ false,
		  ROOT,
		  { QP_KERNEL_CM, QP_KERNEL_CM, QP_UNKNOWN, QP_UNKNOWN, QP_UNKNOWN, QP_UNKNOWN, QP_UNKNOWN,
		    QP_KERNEL } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct qp_rows got;
		size_t counts = 0;

		cr_assert_eq(qp_rows_make(rows[i].engine ? &guarded : NULL, &now, &now, rows[i].uid, &processes, &got),
			     0);
		cr_expect_eq(got.count, 8);
		for (size_t j = 0; j < now.count; j++)
			cr_expect_eq(guard_of(&got, qps[j].qpn), (int)rows[i].guards[j], "row %zu, QP %u: %d", i,
				     qps[j].qpn, guard_of(&got, qps[j].qpn));
		for (size_t j = 0; j < QP_GUARD_COUNT; j++)
			counts += got.counts[j];
		cr_expect_eq(counts, got.count);
		qp_rows_free(&got);
	}
	expect_no_leak();
}

Test(qp_rows, qp_that_engine_cannot_reach_is_not_guarded)
{
	static const uint32_t reasons[] = { REASON_UNREACHABLE, REASON_UNREACHABLE_DENIED };
	struct rdma_qp qp = user_qp(17, 101);
	struct rdma_resources now = { &qp, 1 };

	for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		struct wire_record record = guarded_qp(17);
		struct wire_records guarded = { &record, 1 };
		struct qp_rows got;

		record.reasons[1] = reasons[i];
		cr_assert_eq(qp_rows_make(&guarded, &now, &now, ROOT, &processes, &got), 0);
		cr_expect_eq(got.counts[QP_GUARDED], 0);
		cr_expect_eq(got.counts[QP_UNREACHABLE], 1);
		qp_rows_free(&got);
	}
	expect_no_leak();
}

/* QPs created or destroyed while the engine made its list get no claim that could be wrong. */
Test(qp_rows, ignores_queue_pairs_in_one_list_only)
{
	struct rdma_qp first[] = { user_qp(17, 101), user_qp(18, 101), user_qp(19, 101), user_qp(20, 101) };
	struct rdma_qp last[] = { user_qp(18, 101), user_qp(19, 0), user_qp(20, 102), user_qp(21, 101) };
	struct rdma_resources before = { first, 4 }, after = { last, 4 };
	struct wire_record records[] = { guarded_qp(30), guarded_qp(21), guarded_qp(0) };
	struct wire_records guarded = { records, 3 };
	struct qp_rows got;

	records[2].has = 0; /* the kernel has not reported its number yet */
	cr_assert_eq(qp_rows_make(&guarded, &before, &after, ROOT, &processes, &got), 0);
	cr_expect_eq(guard_of(&got, 17), -1, "it went");
	cr_expect_eq(guard_of(&got, 18), QP_UNGUARDED);
	cr_expect_eq(guard_of(&got, 19), QP_UNGUARDED, "its process ended, the QP remained");
	cr_expect_eq(guard_of(&got, 20), -1, "another QP with the same number");
	cr_expect_eq(guard_of(&got, 21), QP_GUARDED);
	cr_expect_eq(guard_of(&got, 30), QP_GUARDED, "in a network namespace whose QPs the kernel does not list here");
	cr_expect_eq(got.count, 5);
	for (size_t i = 0; i < got.count; i++)
		cr_expect_eq(got.rows[i].has_state, got.rows[i].record.qpn >= 18 && got.rows[i].record.qpn <= 21);
	qp_rows_free(&got);
	expect_no_leak();
}

/* QP numbers are per device. An engine cannot claim to guard a QP of the kernel. */
Test(qp_rows, separates_equal_numbers_of_other_owners)
{
	struct rdma_qp qps[] = { user_qp(17, 101), user_qp(17, 101), kernel_qp(18, IB_UVERBS_QPT_RC, "nvme_rdma") };
	struct rdma_resources now = { qps, 3 };
	struct wire_record records[] = { guarded_qp(17), guarded_qp(18) };
	struct wire_records guarded = { records, 2 };
	struct qp_rows got;

	strcpy(qps[0].device, "mlx5_0");
	cr_assert_eq(qp_rows_make(&guarded, &now, &now, ROOT, &processes, &got), 0);
	cr_expect_eq(got.counts[QP_GUARDED], 2);
	cr_expect_eq(got.counts[QP_UNGUARDED], 1);
	cr_expect_eq(got.counts[QP_KERNEL], 1);
	cr_expect_str_eq(got.rows[2].record.device, "mlx5_0");
	qp_rows_free(&got);
	expect_no_leak();
}

Test(qp_rows, reads_processes_of_host)
{
	char comm[16] = "";
	uid_t uid = 77;

	cr_assert_eq(process_proc.read(NULL, getpid(), &uid, comm), 0);
	cr_expect_eq(uid, geteuid());
	cr_expect_str_eq(comm, "test_qp_rows");
	cr_expect_lt(process_proc.read(NULL, INT32_MAX, &uid, comm), 0);
}
