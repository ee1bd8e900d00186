// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * What an account has had the engine wait. A FUSE server that answers late, but in time, hangs no helper; with a
 * thousand questions at once it would delay all others for minutes. Only sleep counts, for that is the file's: a busy
 * host delays a helper that runs.
 */
#include <stdlib.h>

#include "process/foreign_private.h"
#include "util/clock.h"
#include "util/hash.h"

/* A debt gets smaller by a tenth of the time. */
enum { SHARE = 10 };

struct foreign_debt {
	uint64_t account;
	int64_t ms, at_ms;
	UT_hash_handle hh;
};

static int64_t left_at(const struct foreign_debt *debt, int64_t now)
{
	int64_t ms = debt->ms - (now - debt->at_ms) / SHARE;

	return ms > 0 ? ms : 0;
}

static void forget_paid(struct foreign *foreign, int64_t now)
{
	struct foreign_debt *debt, *next;

	HASH_ITER (hh, foreign->debts, debt, next)
		if (!left_at(debt, now)) {
			HASH_DEL(foreign->debts, debt);
			free(debt);
		}
}

static struct foreign_debt *debt_new(struct foreign *foreign, uint64_t account)
{
	struct foreign_debt *debt = calloc(1, sizeof(*debt));

	if (!debt)
		return NULL;
	debt->account = account;
	HASH_ADD(hh, foreign->debts, account, sizeof(debt->account), debt);
	if (debt->hh.tbl)
		return debt;
	free(debt);
	return NULL;
}

void foreign_debt_add(struct foreign *foreign, uint64_t account, int64_t ms)
{
	struct foreign_debt *debt;
	int64_t now = clock_ms();

	if (account == 0)
		return;
	forget_paid(foreign, now);
	HASH_FIND(hh, foreign->debts, &account, sizeof(account), debt);
	if (!debt)
		debt = debt_new(foreign, account);
	if (!debt)
		return;
	debt->ms = left_at(debt, now) + ms;
	debt->at_ms = now;
}

bool foreign_debt_is_high(struct foreign *foreign, uint64_t account)
{
	const struct foreign_debt *debt;

	HASH_FIND(hh, foreign->debts, &account, sizeof(account), debt);
	return debt && left_at(debt, clock_ms()) >= FOREIGN_DEBT_MS;
}

void foreign_debts_free(struct foreign *foreign)
{
	struct foreign_debt *debt, *next;

	HASH_ITER (hh, foreign->debts, debt, next) {
		HASH_DEL(foreign->debts, debt);
		free(debt);
	}
}
