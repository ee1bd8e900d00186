// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The value of `grace`: a whole number and its unit. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "policy_internal.h"
#include "text.h"

/* From the largest: what a number of it can say is written with it. */
static const struct {
	const char *name;
	uint32_t ms;
} units[] = { { "m", 60 * 1000 }, { "s", 1000 }, { "ms", 1 } };

int policy_grace_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	size_t digits = strspn(value, "0123456789");
	char number[12];
	uint32_t count;

	(void)why; /* what is allowed says it all */
	if (digits >= sizeof(number))
		return -EINVAL;
	text_format(number, sizeof(number), "%.*s", (int)digits, value);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(value + digits, units[i].name))
			continue;
		if (!policy_number_read(number, POLICY_GRACE_MAX_MS / units[i].ms, &count))
			return -EINVAL;
		rule->grace_ms = count * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

void policy_grace_show(const struct policy_rule *rule, char *value, size_t size)
{
	size_t i = rule->grace_ms ? 0 : 1; /* none at all is 0s */

	while (rule->grace_ms % units[i].ms)
		i++;
	text_format(value, size, "%" PRIu32 "%s", rule->grace_ms / units[i].ms, units[i].name);
}
