// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Ends the process of a queue pair that cannot be taken down, where the rule says so (unreachable = kill). A pidfd
 * names the process, so no other one with its number can be hit. Its end closes the file, and the kernel then destroys
 * the queue pair, unless another process has the file as well.
 */
#include "watch/internal.h"

/* One that still has the file under a number, else the one that was seen last with it. NULL: none. */
static struct watch_client *find_among(const struct watch_ufile *ufile, bool is_of_account)
{
	struct watch_client *owner = NULL;
	struct watch_holder *holder;

	DL_FOREACH (ufile->holders, holder) {
		if (holder->is_passing || is_of_account != (holder->client->process.account == ufile->account))
			continue;
		if (!holder->lost)
			return holder->client;
		owner = holder->client;
	}
	return owner;
}

/*
 * The process that has the file, as far as is known. A program can send its file to those of other users (SCM_RIGHTS),
 * so the account that had it first comes first. NULL: all that had it have ended.
 */
static struct watch_client *find_owner(const struct watch_ufile *ufile)
{
	struct watch_client *owner = find_among(ufile, true);

	return owner ? owner : find_among(ufile, false);
}

const struct policy_rule *watch_end_owner(struct watch_ufile *ufile, const struct request *request, struct why *out)
{
	const struct policy_rule *rule = unreachable_rule(ufile->watch->policy, &ufile->asker, ufile->device, request);
	struct watch_client *owner = find_owner(ufile);
	int err;

	if (!rule || !owner) {
		*out = (struct why){ .reason = rule ? REASON_PROCESS_NOT_KNOWN : REASON_PROCESS_LEFT };
		return rule;
	}
	err = process_kill(&owner->process);
	*out = (struct why){ .reason = err ? REASON_PROCESS_NOT_ENDED : REASON_PROCESS_ENDED,
			     .number = (uint64_t)owner->process.pid,
			     .err = -err };
	if (!err)
		ufile->reach.ended = owner->process.pid;
	return rule;
}
