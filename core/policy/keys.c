// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The keys of a rule: names, values that are words, and the description of a rule. */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "policy/internal.h"
#include "util/ciphers.h"
#include "util/text.h"

struct policy_word policy_word(const char *word)
{
	struct policy_word out;

	text_format(out.text, sizeof(out.text), "%s", word);
	if (strlen(word) >= sizeof(out.text))
		memcpy(out.text + sizeof(out.text) - 4, "...", 4);
	text_printable(out.text);
	return out;
}

/* ---- values of a fixed list ---- */

enum { WORDS_MAX = 4 };

_Static_assert(sizeof(enum policy_require) == sizeof(unsigned int), "word_get() and word_put() copy it");

static const char *const words[KEY_COUNT][WORDS_MAX] = {
	[KEY_REQUIRE] = { [REQUIRE_ANY] = "any",
			  [REQUIRE_MACSEC] = "macsec",
			  [REQUIRE_IPSEC] = "ipsec",
			  [REQUIRE_NONE] = "none" },
	[KEY_MODE] = { [MODE_ENFORCE] = "enforce", [MODE_AUDIT] = "audit", [MODE_OFF] = "off" },
	[KEY_INTEGRITY_ONLY] = { [false] = "no", [true] = "yes" },
	[KEY_RAW_PACKET] = { [false] = "refuse", [true] = "allow" },
	[KEY_DEVX] = { [false] = "refuse", [true] = "allow" },
	[KEY_SETUP] = { [false] = "acquire", [true] = "none" },
	[KEY_GRANULARITY] = { [GRANULARITY_HOST] = "host", [GRANULARITY_QP] = "qp" },
	[KEY_CM] = { [false] = "protected", [true] = "any" },
	[KEY_UNREACHABLE] = { [false] = "kill", [true] = "report" },
	[KEY_STRICT] = { [false] = "no", [true] = "yes" },
	[KEY_UNGUARDED] = { [false] = "error", [true] = "kill" },
	[KEY_GATE] = { [false] = "off", [true] = "on" },
	[KEY_KERNEL_DOOR] = { [false] = "off", [true] = "on" },
};

/* ---- ciphers ---- */

#define CIPHER_WORDS                                                                                          \
	"gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128, gcm-aes-xpn-256, aes-gcm-128, aes-gcm-192, aes-gcm-256, " \
	"chacha20-poly1305, aes-ccm-128, aes-ccm-256"

static uint32_t cipher_find(const char *word, size_t len)
{
	for (size_t i = 0; i < POLICY_CIPHERS; i++)
		if (strlen(policy_ciphers[i].word) == len && !memcmp(policy_ciphers[i].word, word, len))
			return policy_ciphers[i].cipher;
	return CIPHER_NONE;
}

static int cipher_refuse(struct policy_why *why, const char *list, size_t len, const char *reason)
{
	char word[33];

	text_format(word, sizeof(word), "%.*s", (int)(len < sizeof(word) ? len : sizeof(word)), list);
	text_printable(word);
	text_format(why->text, sizeof(why->text), "'%s' %s", word, reason);
	return -EINVAL;
}

static int ciphers_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	uint32_t set = CIPHER_NONE;

	for (const char *word = value, *next; word; word = next) {
		size_t len, end = strcspn(word, ",");

		next = word[end] ? word + end + 1 : NULL;
		for (; end && strchr(" \t", *word); end--)
			word++;
		for (len = end; len && strchr(" \t", word[len - 1]); len--)
			;
		uint32_t cipher = cipher_find(word, len);

		if (!cipher)
			return cipher_refuse(why, word, len, "is not one of " CIPHER_WORDS);
		if (set & cipher)
			return cipher_refuse(why, word, len, "is listed twice");
		set |= cipher;
	}
	rule->requirement.ciphers = set;
	return 0;
}

static void ciphers_show(const struct policy_rule *rule, char *value, size_t size)
{
	for (size_t i = 0; i < POLICY_CIPHERS; i++)
		if (rule->requirement.ciphers & policy_ciphers[i].cipher)
			text_append(value, size, "%s%s", *value ? ", " : "", policy_ciphers[i].word);
}

/* ---- the keys ---- */

#define FIELD(member) offsetof(struct policy_rule, member), sizeof(((struct policy_rule *)NULL)->member)

static const struct {
	const char *name, *allowed;
	int (*set)(struct policy_rule *rule, const char *value, struct policy_why *why); /* NULL: see words[] */
	size_t offset, size; /* of an inherited key: its value in the rule; of a word, an enum or a bool */
} keys[KEY_COUNT] = {
	[KEY_MATCH_DEVICE] = { "match-device", "a pattern for the device's name, such as mlx5_*", policy_device_set, 0,
			       0 },
	[KEY_MATCH_PORT] = { "match-port", "1 to 254", policy_port_set, 0, 0 },
	[KEY_MATCH_REMOTE] = { "match-remote", "an IPv4 or IPv6 address or prefix", policy_remote_set, 0, 0 },
	[KEY_MATCH_UID] = { "match-uid", "a user name or number", policy_uid_set, 0, 0 },
	[KEY_MATCH_EXECUTABLE] = { "match-executable", "a pattern for an absolute path", policy_executable_set, 0, 0 },
	[KEY_REQUIRE] = { "require", "any, macsec, ipsec or none", NULL, FIELD(requirement.require) },
	[KEY_MODE] = { "mode", "enforce, audit or off", NULL, FIELD(mode) },
	[KEY_CIPHERS] = { "ciphers", "a list of " CIPHER_WORDS, ciphers_set, FIELD(requirement.ciphers) },
	[KEY_INTEGRITY_ONLY] = { "integrity-only", "yes or no", NULL, FIELD(requirement.integrity_only) },
	[KEY_RAW_PACKET] = { "raw-packet", "refuse or allow", NULL, FIELD(allow_raw_packet) },
	[KEY_DEVX] = { "devx", "refuse or allow", NULL, FIELD(allow_devx) },
	[KEY_GRACE] = { "grace", "a time such as 500ms, 10s or 2m, at most 10m", policy_grace_set, FIELD(grace_ms) },
	[KEY_SETUP] = { "setup", "acquire or none", NULL, FIELD(no_setup) },
	[KEY_SETUP_TIMEOUT] = { "setup-timeout", "a time such as 500ms, 10s or 2m, not 0 and at most 5m",
				policy_setup_timeout_set, FIELD(setup_timeout_ms) },
	[KEY_GRANULARITY] = { "granularity", "host or qp", NULL, FIELD(requirement.granularity) },
	[KEY_CM] = { "cm", "protected or any", NULL, FIELD(cm_any) },
	[KEY_UNREACHABLE] = { "unreachable", "kill or report", NULL, FIELD(report_unreachable) },
	[KEY_STRICT] = { "strict", "yes or no", NULL, FIELD(requirement.strict) },
	[KEY_UNGUARDED] = { "unguarded", "error or kill", NULL, FIELD(kill_unguarded) },
	[KEY_GATE] = { "gate", "on or off", NULL, FIELD(gate) },
	[KEY_KERNEL_DOOR] = { "kernel-door", "on or off", NULL, FIELD(kernel_door) },
};

static unsigned int word_get(const struct policy_rule *rule, enum policy_key key)
{
	const char *field = (const char *)rule + keys[key].offset;
	unsigned int value;

	if (keys[key].size == sizeof(bool))
		return *(const bool *)field;
	memcpy(&value, field, sizeof(value));
	return value;
}

static void word_put(struct policy_rule *rule, enum policy_key key, unsigned int value)
{
	char *field = (char *)rule + keys[key].offset;

	if (keys[key].size == sizeof(bool))
		*(bool *)field = value;
	else
		memcpy(field, &value, sizeof(value));
}

static int word_set(struct policy_rule *rule, enum policy_key key, const char *value)
{
	for (unsigned int i = 0; i < WORDS_MAX && words[key][i]; i++)
		if (!strcmp(words[key][i], value)) {
			word_put(rule, key, i);
			return 0;
		}
	return -EINVAL;
}

void policy_key_inherit(struct policy_rule *rule, enum policy_key key, const struct policy_rule *base)
{
	memcpy((char *)rule + keys[key].offset, (const char *)base + keys[key].offset, keys[key].size);
}

enum policy_key policy_key_find(const char *name)
{
	enum policy_key key = 0;

	while (key < KEY_COUNT && strcmp(keys[key].name, name))
		key++;
	return key;
}

const char *policy_key_name(enum policy_key key)
{
	return keys[key].name;
}

const char *policy_key_allowed(enum policy_key key)
{
	return keys[key].allowed;
}

int policy_key_set(struct policy_rule *rule, enum policy_key key, const char *value, struct policy_why *why)
{
	text_format(why->text, sizeof(why->text), "%s", keys[key].allowed);
	return keys[key].set ? keys[key].set(rule, value, why) : word_set(rule, key, value);
}

/* ---- description ---- */

/* Writes "" for a match key that is not set. */
static void key_show(const struct policy_rule *rule, enum policy_key key, char *value, size_t size)
{
	*value = '\0';
	if (key == KEY_MATCH_DEVICE)
		text_copy(value, size, rule->device);
	else if (key == KEY_MATCH_EXECUTABLE)
		text_copy(value, size, rule->executable);
	else if (key == KEY_MATCH_PORT && rule->has_port)
		text_format(value, size, "%" PRIu32, rule->port);
	else if (key == KEY_MATCH_UID && rule->has_uid)
		text_format(value, size, "%" PRIu32, rule->uid);
	else if (key == KEY_MATCH_REMOTE && rule->has_remote)
		policy_remote_show(rule, value, size);
	else if (key == KEY_CIPHERS)
		ciphers_show(rule, value, size);
	else if (key == KEY_GRACE)
		policy_time_show(rule->grace_ms, value, size);
	else if (key == KEY_SETUP_TIMEOUT)
		policy_time_show(rule->setup_timeout_ms, value, size);
	else if (words[key][0])
		text_copy(value, size, words[key][word_get(rule, key)]);
}

int policy_rule_describe(const struct policy_rule *rule, char *text, size_t size)
{
	char whole[POLICY_DESCRIPTION_MAX], value[POLICY_DESCRIPTION_MAX / 4];
	bool last = !strcmp(rule->name, policy_rule_at(policy_builtin(), 0)->name);

	text_format(whole, sizeof(whole), last ? "[%s]\n" : "[rule %s]\n", rule->name);
	for (enum policy_key key = 0; key < (last ? KEY_COUNT : KEY_INHERITED_END); key++) {
		key_show(rule, key, value, sizeof(value));
		if (*value)
			text_append(whole, sizeof(whole), "%s = %s\n", keys[key].name, value);
	}
	return snprintf(text, size, "%s", whole);
}
