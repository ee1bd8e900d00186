// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The values of the match keys. A value that could match by mistake is refused. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "policy/internal.h"
#include "util/text.h"

static int refuse(struct policy_why *why, const char *text)
{
	text_format(why->text, sizeof(why->text), "%s", text);
	return -EINVAL;
}

bool policy_number_read(const char *text, uint32_t max, uint32_t *out)
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

/* Returns the ']' that ends the bracket expression at `at`; NULL when it has no end or holds a character that
 * fnmatch(3) treats specially. */
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

/* fnmatch(3) takes a broken pattern for plain text. It would never match, and a later, perhaps weaker rule would. */
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

int policy_device_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	if (strchr(value, '/'))
		return refuse(why, "the name of an RDMA device, such as mlx5_0, has no '/'");
	if (strspn(value, "*") == strlen(value))
		return refuse(why, "matches every device: leave the key out");
	return pattern_set(rule->device, value, why);
}

int policy_executable_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	if (*value != '/')
		return refuse(why, "must begin with '/': it is matched with the absolute path");
	if (strstr(value, "//") || strstr(value, "/./") || strstr(value, "/../"))
		return refuse(why, "the path of a running program never contains '//', '/./' or '/../'");
	return pattern_set(rule->executable, value, why);
}

int policy_port_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	uint32_t port;

	if (!policy_number_read(value, 254, &port) || !port)
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

int policy_uid_set(struct policy_rule *rule, const char *value, struct policy_why *why)
{
	uid_t uid;

	/* (uid_t)-1 means "no user" to setreuid(2) and chown(2); POSIX wants no user name to be all digits. */
	if (strspn(value, "0123456789") == strlen(value)) {
		if (!policy_number_read(value, UINT32_MAX - 1, &uid))
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

/* Clears the bits beyond the prefix. Returns whether any was set. */
static bool prefix_trim(union ip_address *address, unsigned int bits)
{
	union ip_address before = *address;

	for (unsigned int octet = 0; octet < sizeof(address->bytes); octet++) {
		unsigned int kept = bits <= octet * 8 ? 0 : bits - octet * 8;

		if (kept < 8)
			address->bytes[octet] &= (uint8_t)(0xff00 >> kept);
	}
	return memcmp(before.bytes, address->bytes, sizeof(before.bytes)) != 0;
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
	return value[len] && !policy_number_read(value + len + 1, *bits, bits) ? -EINVAL : 0;
}

int policy_remote_set(struct policy_rule *rule, const char *value, struct policy_why *why)
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

void policy_remote_show(const struct policy_rule *rule, char *value, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	text_format(value, size, "%s/%u", inet_ntop(rule->remote_family, rule->remote.bytes, text, sizeof(text)),
		    rule->remote_prefix);
}
