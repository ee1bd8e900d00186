// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The values that are times: a whole number and its unit. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "policy/internal.h"
#include "util/text.h"

/* From the largest: a description uses the first that divides the time. */
static const struct {
	const char *name;
	uint32_t ms;
} units[] = { { "m", 60 * 1000 }, { "s", 1000 }, { "ms", 1 } };

static int time_read(const char *value, uint32_t max_ms, uint32_t *out_ms)
{
	size_t digits = strspn(value, "0123456789");
	char number[12];
	uint32_t count;

	if (digits >= sizeof(number))
		return -EINVAL;
	text_format(number, sizeof(number), "%.*s", (int)digits, value);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		if (strcmp(value + digits, units[i].name))
			continue;
		if (!policy_number_read(number, max_ms / units[i].ms, &count))
			return -EINVAL;
		*out_ms = count * units[i].ms;
		return 0;
	}
	return -EINVAL;
}

/* *why keeps its text, which lists the allowed values. */
int policy_grace_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	(void)why;
	return time_read(value, POLICY_GRACE_MAX_MS, &rule->grace_ms);
}

int policy_setup_timeout_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	uint32_t ms;
	int err = time_read(value, SETUP_TIMEOUT_MAX_MS, &ms);

	(void)why;
	if (err || !ms)
		return -EINVAL; /* setup = none is the way not to wait */
	rule->setup_timeout_ms = ms;
	return 0;
}

void policy_time_show(uint32_t ms, char *value, size_t size)
{
	size_t i = ms ? 0 : 1; /* zero is 0s */

	while (ms % units[i].ms)
		i++;
	text_format(value, size, "%" PRIu32 "%s", ms / units[i].ms, units[i].name);
}
