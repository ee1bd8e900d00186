// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Ends the process of a queue pair that cannot be taken down, where the rule says so (unreachable = kill). A pidfd
 * names the process, so no other one with its number can be hit. Its end closes the file, and the kernel then destroys
 * the queue pair, unless another process has the file as well.
 */
#include "watch/internal.h"

/*
 * The process that has the file, as far as is known: one from which it cannot be taken, else the one that was seen last
 * with it. NULL: all that had it have ended.
 */
static struct watch_client *find_owner(const struct watch_ufile *ufile)
{
	if (!ufile->holders)
		return NULL;
	return ufile->holders->lost ? ufile->holders->prev->client : ufile->holders->client;
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
