// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * From a policy file's text to its rules: which key is allowed where, and what a rule inherits from [default].
 *
 * inih does the parsing. It is lenient in ways that a security policy cannot be: it cuts long lines in two and long
 * section names off, ends a text at a NUL, appends indented lines to the value before, ignores what follows a section's
 * ']', keeps "# comment" behind a value as part of it, and reports no section without keys. policy_line_next(), its
 * reader, therefore passes no line that inih could take for something other than the man page says, and follows the
 * sections itself.
 */
#include <errno.h>
#include <ini.h>
#include <stdlib.h>

#include "policy/internal.h"
#include "util/text.h"

/* ---- keys ---- */

static int key_unknown(struct policy_parser *p, const char *name)
{
	char known[POLICY_ERROR_MAX / 2] = "";

	bool of_default = p->current == &p->fallback;

	for (enum policy_key key = of_default ? KEY_INHERITED_FIRST : 0;
	     key < (of_default ? KEY_COUNT : KEY_INHERITED_END); key++)
		text_append(known, sizeof(known), "%s%s", *known ? ", " : "", policy_key_name(key));
	return policy_fail(p, -EINVAL, p->line, "unknown key '%s': %s", policy_word(name).text, known);
}

static int key_place_check(struct policy_parser *p, enum policy_key key, const char *name)
{
	if (!p->current)
		return policy_fail(p, -EINVAL, p->line, "'%s' before any section: begin with [default] or [rule NAME]",
				   policy_word(name).text);
	if (key == KEY_COUNT)
		return key_unknown(p, name);
	if (p->current == &p->fallback && key < KEY_INHERITED_FIRST)
		return policy_fail(p, -EINVAL, p->line,
				   "%s in [default], which matches all: only a [rule NAME] may have it", name);
	if (p->current != &p->fallback && key >= KEY_INHERITED_END)
		return policy_fail(p, -EINVAL, p->line,
				   "%s in a rule: it is for the whole host, only [default] may have it", name);
	if (p->current->key_line[key])
		return policy_fail(p, -EINVAL, p->line, "%s again, the first is in line %u", name,
				   p->current->key_line[key]);
	return 0;
}

/* inih's handler: nonzero for success. `section` is inih's idea of it, cut off at 49 octets. */
static int key_found(void *user, const char *section, const char *name, const char *value)
{
	struct policy_parser *p = user;
	enum policy_key key = policy_key_find(name);
	struct policy_why why;
	int err;

	(void)section;
	if (p->status)
		return 0;
	if (key_place_check(p, key, name))
		return 0;
	p->current->key_line[key] = p->line;
	if (!*value)
		return !policy_fail(p, -EINVAL, p->line, "%s has no value: %s", name, policy_key_allowed(key));
	err = policy_key_set(&p->current->rule, key, value, &why);
	return !err || !policy_fail(p, err, p->line, "%s = '%s': %s", name, policy_word(value).text, why.text);
}

/* ---- the whole ---- */

static bool section_matches_something(const struct policy_section *section)
{
	for (enum policy_key key = 0; key < KEY_INHERITED_FIRST; key++)
		if (section->key_line[key])
			return true;
	return false;
}

/* The line to blame for a pair of require and ciphers that nothing satisfies. */
static unsigned int ciphers_line(const struct policy_section *section)
{
	if (section->key_line[KEY_CIPHERS])
		return section->key_line[KEY_CIPHERS];
	return section->key_line[KEY_REQUIRE] ? section->key_line[KEY_REQUIRE] : section->line;
}

static int ciphers_check(struct policy_parser *p, const struct policy_section *section)
{
	const struct requirement *requirement = &section->rule.requirement;
	bool macsec = requirement->require == REQUIRE_MACSEC, ipsec = requirement->require == REQUIRE_IPSEC;

	if ((!macsec || requirement->ciphers & CIPHERS_MACSEC) && (!ipsec || requirement->ciphers & CIPHERS_ESP))
		return 0;
	return policy_fail(
		p, -EINVAL, ciphers_line(section),
		"nothing can satisfy require = %s with ciphers for %s only (in '%s', with what it has from [default])",
		macsec ? "macsec" : "ipsec", macsec ? "IPsec" : "MACsec", section->rule.name);
}

static void section_inherit(struct policy_section *section, const struct policy_rule *base)
{
	for (enum policy_key key = KEY_INHERITED_FIRST; key < KEY_INHERITED_END; key++)
		if (!section->key_line[key])
			policy_key_inherit(&section->rule, key, base);
}

/* Without the key: on, where something is enforced. */
static void default_finish(struct policy_section *fallback)
{
	struct policy_rule *rule = &fallback->rule;

	if (!fallback->key_line[KEY_GATE])
		rule->gate = rule->mode == MODE_ENFORCE && rule->requirement.require != REQUIRE_NONE;
}

static int rule_finish(struct policy_parser *p, size_t index)
{
	struct policy_section *section = &p->rules[index];

	if (!section_matches_something(section))
		return policy_fail(p, -EINVAL, section->line,
				   "rule '%s' has no match-... key and would match all: use [default]",
				   section->rule.name);
	for (size_t i = 0; i < index; i++)
		if (policy_rule_matches_same(&p->rules[i].rule, &section->rule))
			return policy_fail(p, -EINVAL, section->line,
					   "duplicate rule: '%s' in line %u matches the same", p->rules[i].rule.name,
					   p->rules[i].line);
	section_inherit(section, &p->fallback.rule);
	return ciphers_check(p, section);
}

static int policy_make(struct policy_parser *p, struct policy **out)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	struct policy_rule *rules = calloc(p->rule_count + 1, sizeof(*rules));

	if (!policy || !rules) {
		free(policy);
		free(rules);
		return policy_fail(p, -ENOMEM, 0, "out of memory");
	}
	for (size_t i = 0; i < p->rule_count; i++)
		rules[i] = p->rules[i].rule;
	rules[p->rule_count] = p->fallback.rule;
	policy->rules = rules;
	policy->count = p->rule_count + 1;
	*out = policy;
	return 0;
}

static int parse(struct policy_parser *p, struct policy **out)
{
	int line;

	p->fallback.rule = *policy_rule_at(policy_builtin(), 0);
	if (p->len > POLICY_FILE_MAX)
		return policy_fail(p, -EFBIG, 0, "larger than %d octets", POLICY_FILE_MAX);
	line = ini_parse_stream(policy_line_next, p, key_found, p);
	if (p->status)
		return p->status;
	if (line < 0)
		return policy_fail(p, -ENOMEM, 0, "out of memory");
	if (line > 0)
		return policy_fail(p, -EINVAL, (unsigned int)line, "inih does not understand this line");
	if (ciphers_check(p, &p->fallback))
		return p->status;
	default_finish(&p->fallback);
	for (size_t i = 0; i < p->rule_count; i++)
		if (rule_finish(p, i))
			return p->status;
	return policy_make(p, out);
}

int policy_parse(const char *name, const char *text, size_t len, struct policy **out, char *error, size_t error_size)
{
	struct policy_parser p = { .name = name, .text = text, .len = len, .error = error, .error_size = error_size };
	int err = parse(&p, out);

	free(p.rules);
	return err;
}
