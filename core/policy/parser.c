// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The form of the policy file: lines, sections, which key may stand where, what [default] hands down.
 *
 * inih does the parsing, but is lenient in ways that a security policy cannot be: it cuts long lines in two and long
 * section names off, ends a text at a NUL, appends indented lines to the value before, ignores what follows a section's
 * ']', keeps "# comment" behind a value as part of it, and says nothing of sections without keys. policy_line_next(),
 * through which it reads, therefore lets no line pass that inih could take for something else than the man page says,
 * and follows the sections itself.
 */
#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"
#include "util/array.h"
#include "util/text.h"

int policy_fail(struct policy_parser *p, int status, unsigned int line, const char *format, ...)
{
	va_list args;

	if (p->status)
		return p->status;
	p->status = status;
	if (line)
		text_format(p->error, p->error_size, "%s:%u: ", p->name, line);
	else
		text_format(p->error, p->error_size, "%s: ", p->name);
	size_t len = strnlen(p->error, p->error_size);

	va_start(args, format);
	vsnprintf(p->error + len, p->error_size - len, format, args);
	va_end(args);
	return status;
}

/* ---- sections ---- */

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

/* `header` begins with '['. Its own copy is cut up, inih gets the whole line. */
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

/* ---- keys ---- */

static int key_unknown(struct policy_parser *p, const char *name)
{
	char known[POLICY_ERROR_MAX / 2] = "";

	for (enum policy_key key = p->current == &p->fallback ? KEY_INHERITED_FIRST : 0; key < KEY_COUNT; key++)
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
	for (enum policy_key key = KEY_INHERITED_FIRST; key < KEY_COUNT; key++)
		if (!section->key_line[key])
			policy_key_inherit(&section->rule, key, base);
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
