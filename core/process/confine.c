// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/confine.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>

int confine_to_capabilities(const int *capabilities, size_t count)
{
	const struct rlimit none = { 0, 0 };

	/* SA dumps carry keys, in a buffer that is wiped */
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) || setrlimit(RLIMIT_CORE, &none) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	/* the bounding set can stay: no_new_privs and the lack of execve(2) make it useless */
	capng_clear(CAPNG_SELECT_CAPS);
	for (size_t i = 0; i < count; i++)
		if (capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, (unsigned int)capabilities[i]))
			return -EINVAL;
	return capng_apply(CAPNG_SELECT_CAPS) ? -EPERM : 0;
}

bool confine_has_capability(int capability)
{
	return capng_have_capability(CAPNG_PERMITTED, (unsigned int)capability) == 1;
}

int confine_add_rules(scmp_filter_ctx filter, uint32_t otherwise, const struct confine_list *list)
{
	/* The default kills only the thread. Calls of another ABI, such as x32, have other numbers and arguments. */
	int err = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);

	for (size_t i = 0; i < list->count && !err; i++) {
		const struct confine_rule *rule = &list->rules[i];

		if (rule->action == otherwise)
			continue; /* libseccomp rejects a rule that repeats the default */
		err = seccomp_rule_add_array(filter, rule->action, rule->syscall, rule->argument_count,
					     rule->arguments);
		/* this architecture does not have the call */
		if (err == -EDOM)
			err = 0;
	}
	return err;
}

int confine_to_calls(uint32_t otherwise, const struct confine_list *lists, size_t count)
{
	/* Not freed: that would take calls that the filter need not allow. */
	static scmp_filter_ctx filter;
	int err = 0;

	filter = seccomp_init(otherwise);
	if (!filter)
		return -ENOMEM;
	for (size_t i = 0; i < count && !err; i++)
		err = confine_add_rules(filter, otherwise, &lists[i]);
	return err ? err : seccomp_load(filter);
}
