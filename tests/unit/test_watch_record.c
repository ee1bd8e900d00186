// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The record of a decision. */
#include <criterion/criterion.h>

#include "watch/internal.h"

Test(watch_record, record_of_decision_has_known_qp_number)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS, .has = UVERBS_HAS_QPN, .qpn = 17 };
	const struct judgement answer = { .pass = true };
	struct wire_record record;

	watch_describe(NULL, &request, "rxe0", &answer, &record);
	cr_expect(record.has & WIRE_RECORD_HAS_QPN && record.qpn == 17);
}

Test(watch_record, record_of_decision_lacks_unknown_qp_number)
{
	struct request request = { .kind = REQUEST_QP_ADDRESS, .qpn = 17 };
	const struct judgement answer = { .pass = true };
	struct wire_record record;

	watch_describe(NULL, &request, "rxe0", &answer, &record);
	cr_expect_not(record.has & WIRE_RECORD_HAS_QPN);
}
