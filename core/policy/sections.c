// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The headers of a policy file: [default] and [rule NAME]. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"
#include "util/array.h"
#include "util/text.h"

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static int default_begin(struct policy_parser *p)
{
	if (p->fallback.line)
		return policy_fail(p, -EINVAL, p->line, "[default] again, the first is in line %u", p->fallback.line);
	p->fallback.line = p->line;
	p->current = &p->fallback;
	return 0;
}

static int rule_name_check(struct policy_parser *p, const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= POLICY_NAME_MAX || strspn(name, NAME_CHARACTERS) != len)
		return policy_fail(p, -EINVAL, p->line,
				   "a rule cannot be named '%s': 1 to 47 letters, digits, '.', '_', '-'",
				   policy_word(name).text);
	if (!strcmp(name, p->fallback.rule.name))
		return policy_fail(p, -EINVAL, p->line, "a rule cannot be named 'default': that is [default]");
	for (size_t i = 0; i < p->rule_count; i++)
		if (!strcmp(name, p->rules[i].rule.name))
			return policy_fail(p, -EINVAL, p->line, "rule '%s' again, the first is in line %u", name,
					   p->rules[i].line);
	return 0;
}

static int rule_begin(struct policy_parser *p, const char *name)
{
	const struct policy_section section = { .line = p->line };

	if (rule_name_check(p, name))
		return p->status;
	if (p->rule_count == POLICY_RULES_MAX)
		return policy_fail(p, -EINVAL, p->line, "more than %d rules", POLICY_RULES_MAX);
	if (array_append(&p->rules, &p->rule_count, &section, sizeof(section)))
		return policy_fail(p, -ENOMEM, 0, "out of memory");
	p->current = &p->rules[p->rule_count - 1];
	text_copy(p->current->rule.name, POLICY_NAME_MAX, name);
	return 0;
}

/* It works on a copy: inih gets the whole line. */
int policy_section_begin(struct policy_parser *p, const char *header)
{
	char *end, *text = strdup(header);

	if (!text)
		return policy_fail(p, -ENOMEM, 0, "out of memory");
	end = strchr(text, ']');
	if (!end) {
		policy_fail(p, -EINVAL, p->line, "'%s' has no ']'", policy_word(text).text);
	} else if (end[1]) {
		policy_fail(p, -EINVAL, p->line, "'%s' behind the section's ']'",
			    policy_word(end + 1 + strspn(end + 1, " \t")).text);
	} else if (!strcmp(text, "[default]")) {
		default_begin(p);
	} else if (!strncmp(text, "[rule", 5) && strchr(" \t]", text[5])) {
		*end = '\0';
		rule_begin(p, text + 5 + strspn(text + 5, " \t"));
	} else {
		policy_fail(p, -EINVAL, p->line, "unknown section '%s': [default] or [rule NAME]",
			    policy_word(text).text);
	}
	free(text);
	return p->status;
}
