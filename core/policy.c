// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "policy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fnmatch.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy_internal.h"
#include "text.h"

/* ---- the policy and its rules ---- */

static const struct policy_rule builtin_default = {
	.name = "default",
	.requirement = { .require = REQUIRE_ANY, .ciphers = CIPHERS_DEFAULT },
	.mode = MODE_ENFORCE,
};

static const struct policy builtin_policy = { .rules = &builtin_default, .count = 1 };

const struct policy *policy_builtin(void)
{
	return &builtin_policy;
}

void policy_free(const struct policy *policy)
{
	if (!policy || policy == &builtin_policy)
		return;
	free((void *)policy->rules);
	free((void *)policy);
}

size_t policy_rule_count(const struct policy *policy)
{
	return policy->count;
}

const struct policy_rule *policy_rule_at(const struct policy *policy, size_t i)
{
	return i < policy->count ? &policy->rules[i] : NULL;
}

/* ---- matching ---- */

/*
 * fnmatch(3) may fail without an answer, for instance when a name is no text in the locale's encoding. Then nobody
 * knows whether the rule was meant.
 */
static enum policy_match match_pattern(const char *pattern, const char *name, int flags)
{
	if (!*pattern)
		return MATCH_YES;
	if (!name)
		return MATCH_MAYBE;
	switch (fnmatch(pattern, name, flags)) {
	case 0:
		return MATCH_YES;
	case FNM_NOMATCH:
		return MATCH_NO;
	default:
		return MATCH_MAYBE;
	}
}

static enum policy_match match_port(const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!rule->has_port)
		return MATCH_YES;
	if (!subject->port)
		return MATCH_MAYBE;
	return rule->port == subject->port ? MATCH_YES : MATCH_NO;
}

static enum policy_match match_uid(const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!rule->has_uid)
		return MATCH_YES;
	if (!subject->uid_known)
		return MATCH_MAYBE;
	return rule->uid == subject->uid ? MATCH_YES : MATCH_NO;
}

static bool prefix_covers(const union ip_address *prefix, unsigned int bits, const union ip_address *address)
{
	unsigned int octets = bits / 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits % 8);

	if (memcmp(prefix->bytes, address->bytes, octets))
		return false;
	return !mask || !((prefix->bytes[octets] ^ address->bytes[octets]) & mask);
}

static enum policy_match match_remote(const struct policy_rule *rule, const struct policy_subject *subject)
{
	if (!rule->has_remote)
		return MATCH_YES;
	if (!subject->remote_known)
		return MATCH_MAYBE;
	if (rule->remote_family != subject->remote_family)
		return MATCH_NO;
	return prefix_covers(&rule->remote, rule->remote_prefix, &subject->remote) ? MATCH_YES : MATCH_NO;
}

enum policy_match policy_rule_match(const struct policy_rule *rule, const struct policy_subject *subject)
{
	const enum policy_match facts[] = {
		match_pattern(rule->device, subject->device, 0),
		match_port(rule, subject),
		match_remote(rule, subject),
		match_uid(rule, subject),
		match_pattern(rule->executable, subject->executable, FNM_PATHNAME),
	};
	enum policy_match least = MATCH_YES;

	for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
		if (facts[i] < least)
			least = facts[i];
	return least;
}

const struct policy_rule *policy_next(const struct policy *policy, const struct policy_subject *subject, size_t *cursor)
{
	while (*cursor < policy->count) {
		const struct policy_rule *rule = &policy->rules[(*cursor)++];
		enum policy_match match = policy_rule_match(rule, subject);

		if (match == MATCH_YES)
			*cursor = policy->count;
		if (match != MATCH_NO)
			return rule;
	}
	return NULL;
}

bool policy_rule_matches_same(const struct policy_rule *a, const struct policy_rule *b)
{
	return !strcmp(a->device, b->device) && !strcmp(a->executable, b->executable) && a->has_port == b->has_port &&
	       a->port == b->port && a->has_uid == b->has_uid && a->uid == b->uid && a->has_remote == b->has_remote &&
	       a->remote_family == b->remote_family && a->remote_prefix == b->remote_prefix &&
	       !memcmp(a->remote.bytes, b->remote.bytes, sizeof(a->remote.bytes));
}

/* ---- values that are one word of a few ---- */

enum { WORDS_MAX = 4 };

static const char *const words[KEY_COUNT][WORDS_MAX] = {
	[KEY_REQUIRE] = { [REQUIRE_ANY] = "any",
			  [REQUIRE_MACSEC] = "macsec",
			  [REQUIRE_IPSEC] = "ipsec",
			  [REQUIRE_NONE] = "none" },
	[KEY_MODE] = { [MODE_ENFORCE] = "enforce", [MODE_AUDIT] = "audit", [MODE_OFF] = "off" },
	[KEY_INTEGRITY_ONLY] = { [false] = "no", [true] = "yes" },
	[KEY_RAW_PACKET] = { [false] = "refuse", [true] = "allow" },
	[KEY_DEVX] = { [false] = "refuse", [true] = "allow" },
};

static unsigned int word_get(const struct policy_rule *rule, enum policy_key key)
{
	switch (key) {
	case KEY_REQUIRE:
		return rule->requirement.require;
	case KEY_MODE:
		return rule->mode;
	case KEY_INTEGRITY_ONLY:
		return rule->requirement.integrity_only;
	case KEY_RAW_PACKET:
		return rule->allow_raw_packet;
	case KEY_DEVX:
		return rule->allow_devx;
	default:
		return 0;
	}
}

static void word_put(struct policy_rule *rule, enum policy_key key, unsigned int value)
{
	switch (key) {
	case KEY_REQUIRE:
		rule->requirement.require = value;
		break;
	case KEY_MODE:
		rule->mode = value;
		break;
	case KEY_INTEGRITY_ONLY:
		rule->requirement.integrity_only = value;
		break;
	case KEY_RAW_PACKET:
		rule->allow_raw_packet = value;
		break;
	case KEY_DEVX:
		rule->allow_devx = value;
		break;
	default:
		break;
	}
}

static int word_set(struct policy_rule *rule, enum policy_key key, const char *value)
{
	for (unsigned int i = 0; i < WORDS_MAX && words[key][i]; i++) {
		if (!strcmp(words[key][i], value)) {
			word_put(rule, key, i);
			return 0;
		}
	}
	return -EINVAL;
}

void policy_key_inherit(struct policy_rule *rule, enum policy_key key, const struct policy_rule *base)
{
	if (key == KEY_CIPHERS)
		rule->requirement.ciphers = base->requirement.ciphers;
	else
		word_put(rule, key, word_get(base, key));
}

/* ---- ciphers ---- */

static const struct {
	uint32_t cipher;
	const char *word;
} ciphers[] = {
	{ CIPHER_MACSEC_GCM_AES_128, "gcm-aes-128" },
	{ CIPHER_MACSEC_GCM_AES_256, "gcm-aes-256" },
	{ CIPHER_MACSEC_GCM_AES_XPN_128, "gcm-aes-xpn-128" },
	{ CIPHER_MACSEC_GCM_AES_XPN_256, "gcm-aes-xpn-256" },
	{ CIPHER_ESP_AES_GCM_128, "aes-gcm-128" },
	{ CIPHER_ESP_AES_GCM_192, "aes-gcm-192" },
	{ CIPHER_ESP_AES_GCM_256, "aes-gcm-256" },
	{ CIPHER_ESP_CHACHA20_POLY1305, "chacha20-poly1305" },
	{ CIPHER_ESP_AES_CCM_128, "aes-ccm-128" },
	{ CIPHER_ESP_AES_CCM_256, "aes-ccm-256" },
};

#define CIPHER_WORDS                                                                                          \
	"gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128, gcm-aes-xpn-256, aes-gcm-128, aes-gcm-192, aes-gcm-256, " \
	"chacha20-poly1305, aes-ccm-128, aes-ccm-256"

const char *policy_cipher_name(uint32_t cipher)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++)
		if (ciphers[i].cipher == cipher)
			return ciphers[i].word;
	return NULL;
}

static uint32_t cipher_find(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++)
		if (strlen(ciphers[i].word) == len && !memcmp(ciphers[i].word, word, len))
			return ciphers[i].cipher;
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
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(*ciphers); i++)
		if (rule->requirement.ciphers & ciphers[i].cipher)
			text_append(value, size, "%s%s", *value ? ", " : "", ciphers[i].word);
}

/* ---- values of the match keys ---- */

struct policy_word policy_word(const char *word)
{
	struct policy_word out;

	text_format(out.text, sizeof(out.text), "%s", word);
	if (strlen(word) >= sizeof(out.text))
		memcpy(out.text + sizeof(out.text) - 4, "...", 4);
	text_printable(out.text);
	return out;
}

static int refuse(struct policy_why *why, const char *text)
{
	text_format(why->text, sizeof(why->text), "%s", text);
	return -EINVAL;
}

/* Decimal digits only, and no leading zero that somebody else would read as octal. */
static bool number_read(const char *text, uint32_t max, uint32_t *out)
{
	size_t len = strlen(text);
	uint64_t value = 0;

	if (!len || len > 10 || strspn(text, "0123456789") != len || (*text == '0' && len > 1))
		return false;
	for (; *text; text++)
		value = value * 10 + (uint64_t)(*text - '0');
	if (value > max)
		return false;
	*out = (uint32_t)value;
	return true;
}

/* The ']' that ends the bracket expression at `at`. NULL: it has no end, or holds what fnmatch(3) treats in a way of
 * its own. */
static const char *bracket_end(const char *at)
{
	at += 1 + (at[1] == '!' || at[1] == '^');
	if (*at == ']')
		at++;
	for (; *at && *at != '[' && *at != '/'; at++) {
		if (*at == ']')
			return at;
		if (*at == '\\' && !*++at)
			return NULL;
	}
	return NULL;
}

/* fnmatch(3) takes a broken pattern for plain text, which then never matches: the next, maybe weaker rule would. */
static bool pattern_is_whole(const char *pattern)
{
	for (const char *at = pattern; *at; at++) {
		if (*at == '\\' && !*++at)
			return false;
		if (*at == '[' && !(at = bracket_end(at)))
			return false;
	}
	return true;
}

static int pattern_set(char *to, const char *pattern, struct policy_why *why)
{
	if (strlen(pattern) >= POLICY_PATTERN_MAX)
		return refuse(why, "longer than 127 octets");
	if (strpbrk(pattern, " \t,\"'"))
		return refuse(why, "one pattern, not a list and not in quotes; for a space, comma, semicolon or quote "
				   "write '?'");
	if (!pattern_is_whole(pattern))
		return refuse(why, "a broken pattern: '[' wants a ']' and holds no '[' or '/', '\\' wants a character");
	text_copy(to, POLICY_PATTERN_MAX, pattern);
	return 0;
}

static int device_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	if (strchr(value, '/'))
		return refuse(why, "the name of an RDMA device, such as mlx5_0, has no '/'");
	if (strspn(value, "*") == strlen(value))
		return refuse(why, "matches every device: leave the key out");
	return pattern_set(rule->device, value, why);
}

static int executable_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	if (*value != '/')
		return refuse(why, "must begin with '/': it is matched with the absolute path");
	if (strstr(value, "//") || strstr(value, "/./") || strstr(value, "/../"))
		return refuse(why, "no path of a running program has '//', '/./' or '/../' in it");
	return pattern_set(rule->executable, value, why);
}

static int port_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	uint32_t port;

	if (!number_read(value, 254, &port) || !port)
		return refuse(why, "1 to 254");
	rule->port = port;
	rule->has_port = true;
	return 0;
}

static int user_refuse(struct policy_why *why, int error)
{
	errno = error;
	text_format(why->text, sizeof(why->text), "cannot look up this user: %m");
	return -error;
}

/* getpwnam_r(3) lists what different libcs and name services return for "no such name". */
static int user_find(const char *name, uid_t *out, struct policy_why *why)
{
	int error = ERANGE;

	for (size_t size = 1024; error == ERANGE && size <= 1 << 20; size *= 4) {
		struct passwd entry, *found = NULL;
		char *buffer = malloc(size);

		if (!buffer)
			return user_refuse(why, ENOMEM);
		error = getpwnam_r(name, &entry, buffer, size, &found);
		if (!error && found)
			*out = entry.pw_uid;
		free(buffer);
		if (!error && found)
			return 0;
	}
	if (!error || error == ENOENT || error == ESRCH || error == EBADF || error == EPERM)
		return refuse(why, "no such user");
	return user_refuse(why, error);
}

static int uid_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	uid_t uid;

	/* (uid_t)-1 means "no user" to setreuid(2) and chown(2); POSIX wants no user name to be all digits. */
	if (strspn(value, "0123456789") == strlen(value)) {
		if (!number_read(value, UINT32_MAX - 1, &uid))
			return refuse(why, "a user name, or a number from 0 to 4294967294 without leading zeros");
	} else {
		int err = user_find(value, &uid, why);

		if (err)
			return err;
	}
	rule->uid = uid;
	rule->has_uid = true;
	return 0;
}

/* Clears the bits beyond the prefix; did it have any? */
static bool prefix_trim(union ip_address *address, unsigned int bits)
{
	union ip_address before = *address;

	for (unsigned int octet = 0; octet < sizeof(address->bytes); octet++) {
		unsigned int kept = bits <= octet * 8 ? 0 : bits - octet * 8;

		if (kept < 8)
			address->bytes[octet] &= (uint8_t)(0xff00 >> kept);
	}
	return memcmp(&before, address, sizeof(before)) != 0;
}

static int prefix_read(const char *value, union ip_address *address, int *family, uint32_t *bits)
{
	char text[INET6_ADDRSTRLEN];
	size_t len = strcspn(value, "/");

	if (len >= sizeof(text))
		return -EINVAL;
	memcpy(text, value, len);
	text[len] = '\0';
	memset(address, 0, sizeof(*address));
	if (inet_pton(AF_INET, text, address->bytes) == 1)
		*family = AF_INET;
	else if (inet_pton(AF_INET6, text, address->bytes) == 1)
		*family = AF_INET6;
	else
		return -EINVAL;
	*bits = *family == AF_INET ? 32 : 128;
	return value[len] && !number_read(value + len + 1, *bits, bits) ? -EINVAL : 0;
}

static int remote_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	union ip_address address;
	char text[INET6_ADDRSTRLEN];
	uint32_t bits;
	int family;

	if (prefix_read(value, &address, &family, &bits))
		return -EINVAL;
	if (prefix_trim(&address, bits)) {
		text_format(why->text, sizeof(why->text), "has bits set beyond the prefix: probably %s/%" PRIu32,
			    inet_ntop(family, address.bytes, text, sizeof(text)), bits);
		return -EINVAL;
	}
	/* A GID that maps an IPv4 address is judged as that IPv4 address. */
	if (family == AF_INET6 && bits >= 96 && IN6_IS_ADDR_V4MAPPED(&address.v6)) {
		text_format(why->text, sizeof(why->text), "write an IPv4-mapped address as IPv4: %s/%" PRIu32,
			    inet_ntop(AF_INET, address.bytes + 12, text, sizeof(text)), bits - 96);
		return -EINVAL;
	}
	rule->remote = address;
	rule->remote_family = family;
	rule->remote_prefix = (uint8_t)bits;
	rule->has_remote = true;
	return 0;
}

static void remote_show(const struct policy_rule *rule, char *value, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	text_format(value, size, "%s/%u", inet_ntop(rule->remote_family, rule->remote.bytes, text, sizeof(text)),
		    rule->remote_prefix);
}

/* ---- the keys ---- */

static const struct {
	const char *name, *allowed;
	int (*set)(struct policy_rule *rule, const char *value, struct policy_why *why); /* NULL: see words[] */
} keys[KEY_COUNT] = {
	[KEY_MATCH_DEVICE] = { "match-device", "a pattern for the device's name, such as mlx5_*", device_set },
	[KEY_MATCH_PORT] = { "match-port", "1 to 254", port_set },
	[KEY_MATCH_REMOTE] = { "match-remote", "an IPv4 or IPv6 address or prefix", remote_set },
	[KEY_MATCH_UID] = { "match-uid", "a user name or number", uid_set },
	[KEY_MATCH_EXECUTABLE] = { "match-executable", "a pattern for an absolute path", executable_set },
	[KEY_REQUIRE] = { "require", "any, macsec, ipsec or none", NULL },
	[KEY_MODE] = { "mode", "enforce, audit or off", NULL },
	[KEY_CIPHERS] = { "ciphers", "a list of " CIPHER_WORDS, ciphers_set },
	[KEY_INTEGRITY_ONLY] = { "integrity-only", "yes or no", NULL },
	[KEY_RAW_PACKET] = { "raw-packet", "refuse or allow", NULL },
	[KEY_DEVX] = { "devx", "refuse or allow", NULL },
};

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

/* "" for a match that the rule does not have. */
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
		remote_show(rule, value, size);
	else if (key == KEY_CIPHERS)
		ciphers_show(rule, value, size);
	else if (words[key][0])
		text_copy(value, size, words[key][word_get(rule, key)]);
}

int policy_rule_describe(const struct policy_rule *rule, char *text, size_t size)
{
	char whole[POLICY_DESCRIPTION_MAX], value[POLICY_DESCRIPTION_MAX / 4];
	bool last = !strcmp(rule->name, builtin_default.name);

	text_format(whole, sizeof(whole), last ? "[%s]\n" : "[rule %s]\n", rule->name);
	for (enum policy_key key = 0; key < KEY_COUNT; key++) {
		key_show(rule, key, value, sizeof(value));
		if (*value)
			text_append(whole, sizeof(whole), "%s = %s\n", keys[key].name, value);
	}
	return snprintf(text, size, "%s", whole);
}
