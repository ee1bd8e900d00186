// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "engine/decisions.h"

#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/hash.h"
#include "util/text.h"

/* Beyond this number, further accounts share one. */
enum { ACCOUNTS_MAX = 4096 };
static const uint64_t all_others = UINT64_MAX;

/* `full_ms`: when the bucket will be full again, as in rates.c. */
struct account {
	uint64_t number;
	int64_t full_ms;
	uint64_t left_out, refused; /* not reported yet */
	struct wire_record last;    /* of those */
	UT_hash_handle hh;
};

struct decisions {
	struct account *table;
};

struct decisions *decisions_new(void)
{
	return calloc(1, sizeof(struct decisions));
}

static void forget(struct decisions *decisions, struct account *account)
{
	HASH_DEL(decisions->table, account);
	free(account);
}

void decisions_free(struct decisions *decisions)
{
	struct account *account, *next;

	if (!decisions)
		return;
	HASH_ITER (hh, decisions->table, account, next)
		forget(decisions, account);
	free(decisions);
}

static struct account *find_or_make(struct decisions *decisions, uint64_t number)
{
	struct account *account;

	HASH_FIND(hh, decisions->table, &number, sizeof(number), account);
	if (account)
		return account;
	if (number != all_others && HASH_COUNT(decisions->table) >= ACCOUNTS_MAX)
		return find_or_make(decisions, all_others);
	account = calloc(1, sizeof(*account));
	if (!account)
		return NULL;
	account->number = number;
	HASH_ADD(hh, decisions->table, number, sizeof(account->number), account);
	if (account->hh.tbl)
		return account;
	free(account);
	return NULL;
}

static bool has_token(struct account *account, int64_t now_ms)
{
	enum { INTERVAL_MS = 1000 / DECISIONS_PER_S };
	int64_t full_ms = account->full_ms > now_ms ? account->full_ms : now_ms;

	if (full_ms + INTERVAL_MS > now_ms + (int64_t)INTERVAL_MS * DECISIONS_BURST)
		return false;
	account->full_ms = full_ms + INTERVAL_MS;
	return true;
}

/* Without memory it is published: a line too many is better than none. */
bool decisions_admit(struct decisions *decisions, uint64_t account_number, const struct wire_record *record,
		     int64_t now_ms)
{
	struct account *account = find_or_make(decisions, account_number);

	if (!account || has_token(account, now_ms))
		return true;
	account->left_out++;
	account->refused += record->outcome == WIRE_OUTCOME_REFUSED;
	account->last = *record;
	return false;
}

void decisions_leave_out(struct decisions *decisions, uint64_t account_number, const struct wire_record *like,
			 uint64_t count)
{
	struct account *account = find_or_make(decisions, account_number);

	if (!account)
		return;
	account->left_out += count;
	account->last = *like;
}

static void summary_of(const struct account *account, struct wire_record *out)
{
	*out = account->last;
	out->event = WIRE_EVENT_LOST;
	out->count = account->left_out;
	out->time_ns = clock_realtime_ns();
	if (account->last.event == WIRE_EVENT_STOPPED) {
		text_format(out->text, sizeof(out->text),
			    "%llu reports of the gate were left out; one like them is shown",
			    (unsigned long long)account->left_out);
		return;
	}
	text_format(
		out->text, sizeof(out->text),
		"%llu decisions on programs of this user were left out, of which %llu were refusals; the last is shown "
		"(limit: %d per second)",
		(unsigned long long)account->left_out, (unsigned long long)account->refused, DECISIONS_PER_S);
}

void decisions_summarise(struct decisions *decisions, int64_t now_ms,
			 void (*publish)(const struct wire_record *record, void *arg), void *arg)
{
	struct account *account, *next;
	struct wire_record record;

	HASH_ITER (hh, decisions->table, account, next) {
		if (account->left_out) {
			summary_of(account, &record);
			publish(&record, arg);
			account->left_out = account->refused = 0;
		} else if (account->full_ms <= now_ms) {
			forget(decisions, account);
		}
	}
}
