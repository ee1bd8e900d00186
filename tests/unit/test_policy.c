// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The policy file: its meaning, the rule that a subject gets, and the exact text of every error. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy/policy.h"
#include "util/ciphers.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

#define R "[rule a]\n"

/* A text with its length, since some hold a NUL. */
#define TEXT(literal) literal, sizeof(literal) - 1

static struct policy *parse_text(const char *text, size_t len)
{
	char error[POLICY_ERROR_MAX] = "";
	struct policy *policy = NULL;
	int err = policy_parse("p", text, len, &policy, error, sizeof(error));

	cr_assert_eq(err, 0, "%d: %s\n%s", err, error, text);
	return policy;
}

static struct policy *parse(const char *text)
{
	return parse_text(text, strlen(text));
}

static void describe_all(const struct policy *policy, char *text, size_t size)
{
	size_t len = 0;

	*text = '\0';
	for (size_t i = 0; i < policy_rule_count(policy); i++) {
		int more = policy_rule_describe(policy_rule_at(policy, i), text + len, size - len);

		cr_assert(more > 0 && len + (size_t)more < size);
		len += (size_t)more;
	}
}

/* ---- mistakes ---- */

#define RULE_KEYS                                                                                       \
	"match-device, match-port, match-remote, match-uid, match-executable, require, mode, ciphers, " \
	"integrity-only, raw-packet, devx, grace, setup, setup-timeout, granularity, cm"
#define DEFAULT_KEYS \
	"require, mode, ciphers, integrity-only, raw-packet, devx, grace, setup, setup-timeout, granularity, cm"
#define CIPHER_WORDS                                                                                          \
	"gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128, gcm-aes-xpn-256, aes-gcm-128, aes-gcm-192, aes-gcm-256, " \
	"chacha20-poly1305, aes-ccm-128, aes-ccm-256"
#define ONE_PATTERN    "one pattern, not a list and not in quotes; for a space, comma, semicolon or quote write '?'"
#define BROKEN         "a broken pattern: '[' wants a ']' and holds no '[' or '/', '\\' wants a character"
#define SETUP_DEFAULTS "setup = acquire\nsetup-timeout = 10s\ngranularity = host\ncm = protected\n"
#define TIMEOUT_WORDS  ": a time such as 500ms, 10s or 2m, not 0 and at most 5m"
#define GRACE_WORDS    ": a time such as 500ms, 10s or 2m, at most 10m"
#define BEHIND         ": a comment behind a value begins with white space and ';'"
#define X10            "xxxxxxxxxx"
#define X40            X10 X10 X10 X10

static const struct {
	const char *text;
	size_t len;
	const char *error;
} mistakes[] = {
	/* sections */
	{ TEXT("[storage]\n"), "p:1: unknown section '[storage]': [default] or [rule NAME]" },
	{ TEXT("# x\n\n[Default]\n"), "p:3: unknown section '[Default]': [default] or [rule NAME]" },
	{ TEXT("[ default ]\n"), "p:1: unknown section '[ default ]': [default] or [rule NAME]" },
	{ TEXT("[rules a]\n"), "p:1: unknown section '[rules a]': [default] or [rule NAME]" },
	{ TEXT("[]\n"), "p:1: unknown section '[]': [default] or [rule NAME]" },
	{ TEXT("[" X40 X10 "]\n"), "p:1: unknown section '[" X10 X10 X10 "xxxxxxxxx...': [default] or [rule NAME]" },
	{ TEXT("[default\nmode = off\n"), "p:1: '[default' has no ']'" },
	{ TEXT("[rule a ; ]\nmode = off\n"), "p:1: '[rule a' has no ']'" },
	{ TEXT("[default] mode = off\n"), "p:1: 'mode = off' behind the section's ']'" },
	{ TEXT("[default]]\n"), "p:1: ']' behind the section's ']'" },
	{ TEXT("[default] # all\n"), "p:1: '# all' behind the section's ']'" },
	{ TEXT("[default]\n[default]\n"), "p:2: [default] again, the first is in line 1" },
	{ TEXT("[default]\nmode = off\n\n[default]\nmode = audit\n"), "p:4: [default] again, the first is in line 1" },
	{ TEXT("[rule]\n"), "p:1: a rule cannot be named '': 1 to 47 letters, digits, '.', '_', '-'" },
	{ TEXT("[rule ]\n"), "p:1: a rule cannot be named '': 1 to 47 letters, digits, '.', '_', '-'" },
	{ TEXT("[rule a b]\n"), "p:1: a rule cannot be named 'a b': 1 to 47 letters, digits, '.', '_', '-'" },
	{ TEXT("[rule a ]\n"), "p:1: a rule cannot be named 'a ': 1 to 47 letters, digits, '.', '_', '-'" },
	{ TEXT("[rule a/b]\n"), "p:1: a rule cannot be named 'a/b': 1 to 47 letters, digits, '.', '_', '-'" },
	{ TEXT("[rule " X40 "12345678]\n"),
	  "p:1: a rule cannot be named '" X40 "...': 1 to 47 letters, digits, '.', '_', '-'" },
	{ TEXT("[rule default]\n"), "p:1: a rule cannot be named 'default': that is [default]" },
	{ TEXT(R "match-port = 1\n[rule b]\nmatch-port = 2\n" R "match-port = 3\n"),
	  "p:5: rule 'a' again, the first is in line 1" },
	{ TEXT(R), "p:1: rule 'a' has no match-... key and would match all: use [default]" },
	{ TEXT("\n" R "require = ipsec\n[rule b]\nmatch-port = 1\n"),
	  "p:2: rule 'a' has no match-... key and would match all: use [default]" },

	/* the form of a line */
	{ TEXT("require = ipsec\n[default]\n"),
	  "p:1: 'require' before any section: begin with [default] or [rule NAME]" },
	{ TEXT("storage = 1\n"), "p:1: 'storage' before any section: begin with [default] or [rule NAME]" },
	{ TEXT("[default]\nrequire\n"), "p:2: 'require' is neither KEY = VALUE nor a section" },
	{ TEXT("[default]\nrequire: ipsec\n"), "p:2: 'require: ipsec' is neither KEY = VALUE nor a section" },
	{ TEXT("[default]\nrequire ; = ipsec\n"), "p:2: 'require' is neither KEY = VALUE nor a section" },
	{ TEXT(R "match-remote: fd00::/8\nmode = off\n"),
	  "p:2: 'match-remote: fd00::/8' is neither KEY = VALUE nor a section" },
	{ TEXT("[default]\nrequire = ipsec # only\n"), "p:2: '#' in 'require = ipsec # only'" BEHIND },
	{ TEXT("[default]\nrequire = ipsec; only\n"), "p:2: ';' in 'require = ipsec; only'" BEHIND },
	{ TEXT(R "match-device = mlx5_*#x\n"), "p:2: '#' in 'match-device = mlx5_*#x'" BEHIND },
	{ TEXT("[default]\nrequire = any\n  ipsec\n"),
	  "p:3: 'ipsec' is indented: a value cannot go on in a second line" },
	{ TEXT("[default]\nrequire = any\n\tmode = off\n"),
	  "p:3: 'mode = off' is indented: a value cannot go on in a second line" },
	{ TEXT(" [default]\n"), "p:1: '[default]' is indented: a value cannot go on in a second line" },
	{ TEXT("[default]\nmode = o\0ff\n"), "p:2: a NUL octet" },
	{ TEXT("[default]\nmode = off\0\n"), "p:2: a NUL octet" },
	{ TEXT("# \0\n"), "p:1: a NUL octet" },
	{ TEXT("[default]\rmode = off\n"), "p:1: a control character, 0x0d" },
	{ TEXT("[default]\r\r\n"), "p:1: a control character, 0x0d" },
	{ TEXT("# \033[2J\n"), "p:1: a control character, 0x1b" },
	{ TEXT("[default]\nmode = off\v\n"), "p:2: a control character, 0x0b" },
	{ TEXT("[default]\nmode = off\x7f\n"), "p:2: a control character, 0x7f" },
	{ TEXT(R "match-executable = /opt/\xc3\xa4\n"), "p:2: 'match-executable = /opt/?"
							"?': only ASCII outside of comments" },
	{ TEXT("[default]\n\xef\xbb\xbfmode = off\n"), "p:2: '???mode = off': only ASCII outside of comments" },
	{ TEXT("[default]\nmode = off\xc2\xa0\n"), "p:2: 'mode = off?"
						   "?': only ASCII outside of comments" },

	/* keys */
	{ TEXT("[default]\nrequires = ipsec\n"), "p:2: unknown key 'requires': " DEFAULT_KEYS },
	{ TEXT("[default]\nRequire = ipsec\n"), "p:2: unknown key 'Require': " DEFAULT_KEYS },
	{ TEXT("[default]\n= ipsec\n"), "p:2: unknown key '': " DEFAULT_KEYS },
	{ TEXT(R "match device = rxe0\n"), "p:2: unknown key 'match device': " RULE_KEYS },
	{ TEXT("[default]\nmatch-uid = 0\n"),
	  "p:2: match-uid in [default], which matches all: only a [rule NAME] may have it" },
	{ TEXT(R "match-port = 1\nmode = off\n# no\nmode = off\n"), "p:5: mode again, the first is in line 3" },
	{ TEXT(R "match-port = 1\nmatch-port = 2\n"), "p:3: match-port again, the first is in line 2" },
	{ TEXT("[default]\nrequire =\n"), "p:2: require has no value: any, macsec, ipsec or none" },
	{ TEXT("[default]\nrequire = ; ipsec\n"), "p:2: require has no value: any, macsec, ipsec or none" },
	{ TEXT(R "match-device =\n"),
	  "p:2: match-device has no value: a pattern for the device's name, such as mlx5_*" },
	{ TEXT(R "match-executable = \n"), "p:2: match-executable has no value: a pattern for an absolute path" },
	{ TEXT("[default]\nciphers =\n"), "p:2: ciphers has no value: a list of " CIPHER_WORDS },

	/* words */
	{ TEXT("[default]\nrequire = IPsec\n"), "p:2: require = 'IPsec': any, macsec, ipsec or none" },
	{ TEXT("[default]\nrequire = macsec ipsec\n"), "p:2: require = 'macsec ipsec': any, macsec, ipsec or none" },
	{ TEXT("[default]\nrequire = = ipsec\n"), "p:2: require = '= ipsec': any, macsec, ipsec or none" },
	{ TEXT("[default]\nrequire = " X40 X10 "\n"), "p:2: require = '" X40 "...': any, macsec, ipsec or none" },
	{ TEXT("[default]\nmode = on\n"), "p:2: mode = 'on': enforce, audit or off" },
	{ TEXT("[default]\nintegrity-only = true\n"), "p:2: integrity-only = 'true': yes or no" },
	{ TEXT("[default]\nraw-packet = yes\n"), "p:2: raw-packet = 'yes': refuse or allow" },
	{ TEXT("[default]\ndevx = 1\n"), "p:2: devx = '1': refuse or allow" },
	{ TEXT("[default]\nsetup = yes\n"), "p:2: setup = 'yes': acquire or none" },
	{ TEXT("[default]\nsetup-timeout = 0s\n"), "p:2: setup-timeout = '0s'" TIMEOUT_WORDS },
	{ TEXT("[default]\nsetup-timeout = 6m\n"), "p:2: setup-timeout = '6m'" TIMEOUT_WORDS },
	{ TEXT("[default]\nsetup-timeout = 10\n"), "p:2: setup-timeout = '10'" TIMEOUT_WORDS },
	{ TEXT("[default]\ngranularity = peer\n"), "p:2: granularity = 'peer': host or qp" },
	{ TEXT("[default]\ncm = clear\n"), "p:2: cm = 'clear': protected or any" },
	{ TEXT("[default]\ngrace = 1\n"), "p:2: grace = '1'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = s\n"), "p:2: grace = 's'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 0\n"), "p:2: grace = '0'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = -1s\n"), "p:2: grace = '-1s'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 1.5s\n"), "p:2: grace = '1.5s'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 10 s\n"), "p:2: grace = '10 s'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 01s\n"), "p:2: grace = '01s'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 11m\n"), "p:2: grace = '11m'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 601s\n"), "p:2: grace = '601s'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 600001ms\n"), "p:2: grace = '600001ms'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 4294967297ms\n"), "p:2: grace = '4294967297ms'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 99999999999999999999s\n"), "p:2: grace = '99999999999999999999s'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 1h\n"), "p:2: grace = '1h'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 1S\n"), "p:2: grace = '1S'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 10sec\n"), "p:2: grace = '10sec'" GRACE_WORDS },
	{ TEXT("[default]\ngrace = 10s5ms\n"), "p:2: grace = '10s5ms'" GRACE_WORDS },

	/* ciphers */
	{ TEXT("[default]\nciphers = aes-gcm-512\n"),
	  "p:2: ciphers = 'aes-gcm-512': 'aes-gcm-512' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = aes-gcm-128, gcm-aes\n"),
	  "p:2: ciphers = 'aes-gcm-128, gcm-aes': 'gcm-aes' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = aes-gcm-128,\n"),
	  "p:2: ciphers = 'aes-gcm-128,': '' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = aes-gcm-128,,aes-gcm-256\n"),
	  "p:2: ciphers = 'aes-gcm-128,,aes-gcm-256': '' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = aes-gcm-128 aes-gcm-256\n"),
	  "p:2: ciphers = 'aes-gcm-128 aes-gcm-256': 'aes-gcm-128 aes-gcm-256' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = aes-gcm-128, aes-gcm-256, aes-gcm-128\n"),
	  "p:2: ciphers = 'aes-gcm-128, aes-gcm-256, aes-gcm-128': 'aes-gcm-128' is listed twice" },
	{ TEXT("[default]\nciphers = aes\tgcm-128\n"),
	  "p:2: ciphers = 'aes?gcm-128': 'aes?gcm-128' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = aes-gcm-1288\n"),
	  "p:2: ciphers = 'aes-gcm-1288': 'aes-gcm-1288' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nciphers = " X40 X10 "\n"),
	  "p:2: ciphers = '" X40 "...': '" X10 X10 X10 "xx' is not one of " CIPHER_WORDS },
	{ TEXT("[default]\nrequire = macsec\nciphers = aes-gcm-128\n"),
	  "p:3: nothing can satisfy require = macsec with ciphers for IPsec only (in 'default', with what it has from "
	  "[default])" },
	{ TEXT("[default]\nciphers = gcm-aes-128\nrequire = ipsec\n"),
	  "p:2: nothing can satisfy require = ipsec with ciphers for MACsec only (in 'default', with what it has from "
	  "[default])" },
	{ TEXT(R "match-port = 1\nrequire = macsec\n\n[default]\nciphers = aes-gcm-128, aes-ccm-256\n"),
	  "p:3: nothing can satisfy require = macsec with ciphers for IPsec only (in 'a', with what it has from "
	  "[default])" },
	{ TEXT("[default]\nrequire = ipsec\n" R "match-port = 1\nciphers = gcm-aes-xpn-256\n"),
	  "p:5: nothing can satisfy require = ipsec with ciphers for MACsec only (in 'a', with what it has from "
	  "[default])" },

	/* match-port */
	{ TEXT(R "match-port = 0\n"), "p:2: match-port = '0': 1 to 254" },
	{ TEXT(R "match-port = 255\n"), "p:2: match-port = '255': 1 to 254" },
	{ TEXT(R "match-port = -1\n"), "p:2: match-port = '-1': 1 to 254" },
	{ TEXT(R "match-port = +1\n"), "p:2: match-port = '+1': 1 to 254" },
	{ TEXT(R "match-port = 0x1\n"), "p:2: match-port = '0x1': 1 to 254" },
	{ TEXT(R "match-port = 01\n"), "p:2: match-port = '01': 1 to 254" },
	{ TEXT(R "match-port = 1 2\n"), "p:2: match-port = '1 2': 1 to 254" },
	{ TEXT(R "match-port = 4294967297\n"), "p:2: match-port = '4294967297': 1 to 254" },
	{ TEXT(R "match-port = 18446744073709551617\n"), "p:2: match-port = '18446744073709551617': 1 to 254" },

	/* match-device, match-executable */
	{ TEXT(R "match-device = *\n"), "p:2: match-device = '*': matches every device: leave the key out" },
	{ TEXT(R "match-device = /dev/infiniband/uverbs0\n"),
	  "p:2: match-device = '/dev/infiniband/uverbs0': the name of an RDMA device, such as mlx5_0, has no '/'" },
	{ TEXT(R "match-device = mlx5_0, mlx5_1\n"), "p:2: match-device = 'mlx5_0, mlx5_1': " ONE_PATTERN },
	{ TEXT(R "match-device = mlx5_0 mlx5_1\n"), "p:2: match-device = 'mlx5_0 mlx5_1': " ONE_PATTERN },
	{ TEXT(R "match-device = \"mlx5_*\"\n"), "p:2: match-device = '\"mlx5_*\"': " ONE_PATTERN },
	{ TEXT(R "match-device = 'mlx5_*'\n"), "p:2: match-device = ''mlx5_*'': " ONE_PATTERN },
	{ TEXT(R "match-device = mlx5_[01\n"), "p:2: match-device = 'mlx5_[01': " BROKEN },
	{ TEXT(R "match-device = mlx5_[]\n"), "p:2: match-device = 'mlx5_[]': " BROKEN },
	{ TEXT(R "match-device = mlx5_[!]\n"), "p:2: match-device = 'mlx5_[!]': " BROKEN },
	{ TEXT(R "match-device = mlx5_[[:digit:]]\n"), "p:2: match-device = 'mlx5_[[:digit:]]': " BROKEN },
	{ TEXT(R "match-device = mlx5_[0\\\n"), "p:2: match-device = 'mlx5_[0\\': " BROKEN },
	{ TEXT(R "match-device = mlx5_0\\\n"), "p:2: match-device = 'mlx5_0\\': " BROKEN },
	{ TEXT(R "match-device = " X40 X40 X40 "12345678\n"),
	  "p:2: match-device = '" X40 "...': longer than 127 octets" },
	{ TEXT(R "match-executable = mpirun\n"),
	  "p:2: match-executable = 'mpirun': must begin with '/': it is matched with the absolute path" },
	{ TEXT(R "match-executable = */mpirun\n"),
	  "p:2: match-executable = '*/mpirun': must begin with '/': it is matched with the absolute path" },
	{ TEXT(R "match-executable = /opt//mpirun\n"), "p:2: match-executable = '/opt//mpirun': the path of a running "
						       "program never contains '//', '/./' or '/../'" },
	{ TEXT(R "match-executable = /opt/../mpirun\n"), "p:2: match-executable = '/opt/../mpirun': the path of a "
							 "running program never contains '//', '/./' or '/../'" },
	{ TEXT(R "match-executable = /opt/[a/b]\n"), "p:2: match-executable = '/opt/[a/b]': " BROKEN },
	{ TEXT(R "match-executable = /a /b\n"), "p:2: match-executable = '/a /b': " ONE_PATTERN },
	{ TEXT(R "match-executable = /" X40 X40 X40 "1234567\n"),
	  "p:2: match-executable = '/" X10 X10 X10 "xxxxxxxxx...': longer than 127 octets" },

	/* match-remote */
	{ TEXT(R "match-remote = any\n"), "p:2: match-remote = 'any': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.20\n"), "p:2: match-remote = '10.20': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.020.0.0/16\n"),
	  "p:2: match-remote = '10.020.0.0/16': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.0.0.0/33\n"),
	  "p:2: match-remote = '10.0.0.0/33': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.0.0.0/\n"), "p:2: match-remote = '10.0.0.0/': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = /8\n"), "p:2: match-remote = '/8': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.0.0.0/08\n"),
	  "p:2: match-remote = '10.0.0.0/08': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.0.0.0/255.0.0.0\n"),
	  "p:2: match-remote = '10.0.0.0/255.0.0.0': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.0.0.0/8/8\n"),
	  "p:2: match-remote = '10.0.0.0/8/8': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.0.0.0/8, 192.168.0.0/16\n"),
	  "p:2: match-remote = '10.0.0.0/8, 192.168.0.0/16': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = fe80::1%eth0\n"),
	  "p:2: match-remote = 'fe80::1%eth0': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = fd00::/129\n"),
	  "p:2: match-remote = 'fd00::/129': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = " X40 X40 "\n"),
	  "p:2: match-remote = '" X40 "...': an IPv4 or IPv6 address or prefix" },
	{ TEXT(R "match-remote = 10.20.1.1/16\n"),
	  "p:2: match-remote = '10.20.1.1/16': has bits set beyond the prefix: probably 10.20.0.0/16" },
	{ TEXT(R "match-remote = 10.20.0.3/31\n"),
	  "p:2: match-remote = '10.20.0.3/31': has bits set beyond the prefix: probably 10.20.0.2/31" },
	{ TEXT(R "match-remote = 1.0.0.0/0\n"),
	  "p:2: match-remote = '1.0.0.0/0': has bits set beyond the prefix: probably 0.0.0.0/0" },
	{ TEXT(R "match-remote = fd00:1234::/12\n"),
	  "p:2: match-remote = 'fd00:1234::/12': has bits set beyond the prefix: probably fd00::/12" },
	{ TEXT(R "match-remote = fd00::3/127\n"),
	  "p:2: match-remote = 'fd00::3/127': has bits set beyond the prefix: probably fd00::2/127" },
	{ TEXT(R "match-remote = ::ffff:10.1.2.3\n"),
	  "p:2: match-remote = '::ffff:10.1.2.3': write an IPv4-mapped address as IPv4: 10.1.2.3/32" },
	{ TEXT(R "match-remote = ::ffff:10.0.0.0/104\n"),
	  "p:2: match-remote = '::ffff:10.0.0.0/104': write an IPv4-mapped address as IPv4: 10.0.0.0/8" },
	{ TEXT(R "match-remote = ::ffff:0:0/96\n"),
	  "p:2: match-remote = '::ffff:0:0/96': write an IPv4-mapped address as IPv4: 0.0.0.0/0" },

	/* match-uid */
	{ TEXT(R "match-uid = no-such-user-here\n"), "p:2: match-uid = 'no-such-user-here': no such user" },
	{ TEXT(R "match-uid = -1\n"), "p:2: match-uid = '-1': no such user" },
	{ TEXT(R "match-uid = 4294967295\n"), "p:2: match-uid = '4294967295': a user name, or a number from 0 to "
					      "4294967294 without leading zeros" },
	{ TEXT(R "match-uid = 01000\n"),
	  "p:2: match-uid = '01000': a user name, or a number from 0 to 4294967294 without leading zeros" },
	{ TEXT(R "match-uid = 99999999999999999999\n"), "p:2: match-uid = '99999999999999999999': a user name, or a "
							"number from 0 to 4294967294 without leading zeros" },

	/* duplicate rules */
	{ TEXT(R "match-device = rxe0\n\n[rule b]\nmatch-device = rxe0\nmode = off\n"),
	  "p:4: duplicate rule: 'a' in line 1 matches the same" },
	{ TEXT(R "match-uid = root\nmatch-port = 1\n[rule b]\nmatch-port = 1\nmatch-uid = 0\n"),
	  "p:4: duplicate rule: 'a' in line 1 matches the same" },
	{ TEXT(R "match-remote = 10.0.0.1\n[rule b]\nmatch-remote = 10.0.0.1/32\n"),
	  "p:3: duplicate rule: 'a' in line 1 matches the same" },
	{ TEXT(R "match-remote = fd00::/8\n[rule c]\nmatch-port = 1\n[rule b]\nmatch-remote = fd00:0::/8\n"),
	  "p:5: duplicate rule: 'a' in line 1 matches the same" },

	/* only the first mistake is reported */
	{ TEXT("[default]\nmode = on\nmode = of\n[x]\n"), "p:2: mode = 'on': enforce, audit or off" },
	{ TEXT("[default]\r\nmode = on\r\n"), "p:2: mode = 'on': enforce, audit or off" },
	{ TEXT("[default]\nmode = on"), "p:2: mode = 'on': enforce, audit or off" },
};

Test(policy_mistakes, report_line_and_text)
{
	for (size_t i = 0; i < COUNT(mistakes); i++) {
		struct policy *untouched = (struct policy *)&mistakes, *policy = untouched;
		char error[POLICY_ERROR_MAX] = "";
		int err = policy_parse("p", mistakes[i].text, mistakes[i].len, &policy, error, sizeof(error));

		cr_expect_eq(err, -EINVAL, "%d for <%s>", err, mistakes[i].text);
		cr_expect_str_eq(error, mistakes[i].error, "got  %s\nwant %s", error, mistakes[i].error);
		cr_expect_eq(policy, untouched);
	}
}

Test(policy_mistakes, error_text_is_cut_to_its_buffer)
{
	struct policy *policy;

	for (size_t size = 0; size < 24; size++) {
		char error[32];

		memset(error, 'E', sizeof(error));
		cr_assert_eq(policy_parse("p", TEXT("[nothing]\n"), &policy, error, size), -EINVAL);
		cr_expect_eq(error[size], 'E');
		if (size)
			cr_expect_eq(strlen(error), size - 1);
	}
}

/* ---- lengths ---- */

/* PREFIX, padded with x to `len` octets, then LF and SUFFIX */
static char *padded(const char *prefix, size_t len, const char *suffix)
{
	char *text = calloc(1, len + strlen(suffix) + 2);

	cr_assert(text);
	memset(text, 'x', len);
	memcpy(text, prefix, strlen(prefix));
	text[len] = '\n';
	strcpy(text + len + 1, suffix);
	return text;
}

static void expect_length(const char *prefix, size_t longest, const char *suffix, const char *want)
{
	for (size_t len = longest; len <= longest + 1; len++) {
		char *text = padded(prefix, len, suffix);
		char error[POLICY_ERROR_MAX] = "";
		struct policy *policy = NULL;
		int err = policy_parse("p", text, strlen(text), &policy, error, sizeof(error));

		cr_expect_eq(err, len == longest ? 0 : -EINVAL, "%s%zu: %s", prefix, len, error);
		if (len > longest)
			cr_expect(strstr(error, want), "%s", error);
		policy_free(policy);
		free(text);
	}
}

/* inih's INI_MAX_LINE is 200, with LF and NUL. It would truncate "mode = off" here. */
Test(policy_lengths, refuses_line_longer_than_198_octets)
{
	char *text = padded("[default]\nmode = audit ;", 10 + 198, "[rule a]\nmatch-port = 1\n");

	policy_free(parse(text));
	free(text);
	expect_length("#", 198, "", "p:1: a line longer than 198 octets");
	expect_length("[default] ;", 198, "mode = off\n", "p:1: a line longer than 198 octets");
}

Test(policy_lengths, refuses_device_pattern_longer_than_127_octets)
{
	expect_length(R "match-device = ", 9 + 15 + 127, "", "longer than 127 octets");
}

Test(policy_lengths, refuses_executable_pattern_longer_than_127_octets)
{
	expect_length(R "match-executable = /", 9 + 19 + 127, "", "longer than 127 octets");
}

Test(policy_lengths, accepts_longest_rule_name)
{
	struct policy *policy = parse("[rule " X40 "1234567]\nmatch-port = 1\n");

	cr_expect_str_eq(policy_rule_at(policy, 0)->name, X40 "1234567");
	policy_free(policy);
}

/* A CR before the LF does not count towards the line. */
Test(policy_lengths, does_not_count_cr_of_longest_line)
{
	char *text = padded("#", 198, "[default]\n");
	char with_cr[256];

	snprintf(with_cr, sizeof(with_cr), "%.198s\r\n%s", text, "[default]\r\nmode = off\r\n");
	policy_free(parse(with_cr));
	free(text);
}

static int parse_rules(unsigned int count, char *error, size_t error_size)
{
	size_t size = count * 64u, len = 0;
	struct policy *policy = NULL;
	char *text = malloc(size);
	int err;

	cr_assert(text);
	for (unsigned int i = 0; i < count; i++)
		len += (size_t)snprintf(text + len, size - len, "[rule r%u]\nmatch-uid = %u\n", i, i);
	err = policy_parse("p", text, len, &policy, error, error_size);
	if (!err)
		cr_expect_eq(policy_rule_count(policy), count + 1);
	policy_free(policy);
	free(text);
	return err;
}

Test(policy_lengths, refuses_too_many_rules)
{
	char error[POLICY_ERROR_MAX] = "";

	cr_expect_eq(parse_rules(POLICY_RULES_MAX, error, sizeof(error)), 0, "%s", error);
	cr_expect_eq(parse_rules(POLICY_RULES_MAX + 1, error, sizeof(error)), -EINVAL);
	cr_expect_str_eq(error, "p:2049: more than 1024 rules");
}

/* ---- meaning ---- */

#define DEFAULT_CIPHERS                                                                                    \
	"ciphers = gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128, gcm-aes-xpn-256, aes-gcm-128, aes-gcm-192, " \
	"aes-gcm-256, chacha20-poly1305\n"
#define DEFAULT_REST "integrity-only = no\nraw-packet = refuse\ndevx = refuse\ngrace = 0s\n" SETUP_DEFAULTS
#define DEFAULT      "[default]\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
/* Defaults for all keys except grace. */
#define GRACE(value)                                                                                                  \
	"require = any\nmode = enforce\n" DEFAULT_CIPHERS "integrity-only = no\nraw-packet = refuse\ndevx = refuse\n" \
	"grace = " value "\n" SETUP_DEFAULTS

static const struct {
	const char *text, *means;
} meanings[] = {
	{ "", DEFAULT },
	{ "\n \t\n# x\n; x\n  # x\n\t; x\n", DEFAULT },
	{ "[default]", DEFAULT },
	{ "[default]\n", DEFAULT },
	{ "\xef\xbb\xbf[default]\nmode = enforce\n", DEFAULT },
	{ "# gr\xc3\xbc\xc3\x9f\n[default] ; \xc3\xa4\n", DEFAULT },
	{ "[default]\r\nmode=off\r\n", "[default]\nrequire = any\nmode = off\n" DEFAULT_CIPHERS DEFAULT_REST },
	{ "[default]\t; all\nmode\t=\toff ; for now; or not # yet\n",
	  "[default]\nrequire = any\nmode = off\n" DEFAULT_CIPHERS DEFAULT_REST },
	{ "[default]\nrequire = none\nmode = audit\nciphers = aes-ccm-256,\taes-ccm-128 ,gcm-aes-xpn-128\n"
	  "integrity-only = yes\nraw-packet = allow\ndevx = allow\n",
	  "[default]\nrequire = none\nmode = audit\nciphers = gcm-aes-xpn-128, aes-ccm-128, aes-ccm-256\n"
	  "integrity-only = yes\nraw-packet = allow\ndevx = allow\ngrace = 0s\n" SETUP_DEFAULTS },
	{ "[rule storage]\nmatch-device = mlx5_*\nmatch-remote = 10.20.0.0/16\nrequire = ipsec\n"
	  "[default]\nmode = audit\ndevx = allow\nciphers = aes-gcm-256, gcm-aes-256\n",
	  "[rule storage]\nmatch-device = mlx5_*\nmatch-remote = 10.20.0.0/16\nrequire = ipsec\nmode = audit\n"
	  "ciphers = gcm-aes-256, aes-gcm-256\nintegrity-only = no\nraw-packet = refuse\ndevx = allow\ngrace = "
	  "0s\n" SETUP_DEFAULTS "[default]\nrequire = any\nmode = audit\n"
	  "ciphers = gcm-aes-256, aes-gcm-256\nintegrity-only = no\nraw-packet = refuse\ndevx = allow\ngrace = "
	  "0s\n" SETUP_DEFAULTS },
	{ "[default]\nmode = off\ndevx = allow\nraw-packet = allow\nintegrity-only = yes\nrequire = none\n"
	  "[rule\t all.5_]\nmatch-port = 254\nmatch-uid = root\nmatch-executable = /opt/*/bin/[a-z]?\\*\n"
	  "match-device = rxe[]!0-9]\nmatch-remote = 2001:DB8:0:0::/64\n"
	  "mode = enforce\ndevx = refuse\nraw-packet = refuse\nintegrity-only = no\nrequire = macsec\n"
	  "ciphers = gcm-aes-128\n",
	  "[rule all.5_]\nmatch-device = rxe[]!0-9]\nmatch-port = 254\nmatch-remote = 2001:db8::/64\nmatch-uid "
	  "= 0\n"
	  "match-executable = /opt/*/bin/[a-z]?\\*\nrequire = macsec\nmode = enforce\nciphers = gcm-aes-128\n"
	  "integrity-only = no\nraw-packet = refuse\ndevx = refuse\ngrace = 0s\n" SETUP_DEFAULTS
	  "[default]\nrequire = none\nmode = off\n" DEFAULT_CIPHERS
	  "integrity-only = yes\nraw-packet = allow\ndevx = allow\ngrace = 0s\n" SETUP_DEFAULTS },
	{ "[rule b]\nmatch-remote = 0.0.0.0/0\n[rule a]\nmatch-remote = ::/0\n[rule c]\nmatch-uid = "
	  "4294967294\n"
	  "[rule d]\nmatch-remote = 192.0.2.1\n[rule e]\nmatch-remote = ::fffe:0:0/95\n",
	  "[rule b]\nmatch-remote = 0.0.0.0/0\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule a]\nmatch-remote = ::/0\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule c]\nmatch-uid = 4294967294\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule d]\nmatch-remote = 192.0.2.1/32\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule e]\nmatch-remote = ::fffe:0:0/95\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
		  DEFAULT },
	{ "[default]\ngrace = 10m\n[rule a]\nmatch-port = 1\ngrace = 0s\n[rule b]\nmatch-port = 2\ngrace = "
	  "90s\n"
	  "[rule c]\nmatch-port = 3\ngrace = 500ms\n[rule d]\nmatch-port = 4\n[rule e]\nmatch-port = 5\ngrace "
	  "= 0m\n"
	  "[rule f]\nmatch-port = 6\ngrace = 600000ms\n[rule g]\nmatch-port = 7\ngrace = 2000ms\n",
	  "[rule a]\nmatch-port = 1\n" GRACE("0s") "[rule b]\nmatch-port = 2\n" GRACE(
		  "90s") "[rule "
			 "c]\nmatch-port = "
			 "3\n" GRACE(
				 "500m"
				 "s") "[rule d]\nmatch-port = 4\n" GRACE("10m") "[rule e]\nmatch-port = "
										"5\n" GRACE(
											"0s") "[rule "
											      "f]\nmatch-"
											      "port = "
											      "6\n" GRACE(
												      "10m") "[r"
													     "ul"
													     "e "
													     "g]"
													     "\n"
													     "ma"
													     "tc"
													     "h-"
													     "po"
													     "rt"
													     " ="
													     " 7"
													     "\n" GRACE("2s") "[default]\n" GRACE(
														     "1"
														     "0"
														     "m") },
};

static void expect_meaning(const struct policy *policy, const char *means)
{
	char text[4 * POLICY_DESCRIPTION_MAX];

	describe_all(policy, text, sizeof(text));
	cr_expect_str_eq(text, means, "got\n%s\nwant\n%s", text, means);
}

Test(policy_meaning, description_parses_to_same_policy)
{
	for (size_t i = 0; i < COUNT(meanings); i++) {
		struct policy *policy = parse(meanings[i].text);

		expect_meaning(policy, meanings[i].means);
		policy_free(policy);
		policy = parse(meanings[i].means);
		expect_meaning(policy, meanings[i].means);
		policy_free(policy);
	}
}

/* Checks the struct itself, since the description could omit a field. */
Test(policy_meaning, parses_every_field_of_rule)
{
	struct policy *policy = parse("[rule a]\nmatch-device = d*\nmatch-executable = /e\nmatch-port = 7\n"
				      "match-uid = 1000\nmatch-remote = 10.128.0.0/9\nrequire = ipsec\nmode = audit\n"
				      "ciphers = aes-gcm-192, aes-ccm-128\nraw-packet = allow\ngrace = 2m\n"
				      "[default]\nintegrity-only = yes\ndevx = allow\n");
	const struct policy_rule *rule = policy_rule_at(policy, 0);

	cr_expect_str_eq(rule->name, "a");
	cr_expect_str_eq(rule->device, "d*");
	cr_expect_str_eq(rule->executable, "/e");
	cr_expect(rule->has_port && rule->port == 7);
	cr_expect(rule->has_uid && rule->uid == 1000);
	cr_expect(rule->has_remote && rule->remote_family == AF_INET && rule->remote_prefix == 9);
	cr_expect_eq(memcmp(rule->remote.bytes, "\x0a\x80\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), 0);
	cr_expect_eq(rule->requirement.require, REQUIRE_IPSEC);
	cr_expect_eq(rule->requirement.ciphers, CIPHER_ESP_AES_GCM_192 | CIPHER_ESP_AES_CCM_128);
	cr_expect(rule->requirement.integrity_only);
	cr_expect_eq(rule->mode, MODE_AUDIT);
	cr_expect(rule->allow_raw_packet && rule->allow_devx);
	cr_expect_eq(rule->grace_ms, 120000u);
	cr_expect_eq(policy_rule_at(policy, 1)->grace_ms, 0u);
	cr_expect_eq(policy_rule_count(policy), 2u);
	cr_expect_str_eq(policy_rule_at(policy, 1)->name, "default");
	cr_expect_null(policy_rule_at(policy, 2));
	policy_free(policy);
}

/* Each rule differs from the first in the value of one key, or in one added key. */
Test(policy_meaning, accepts_rules_that_differ_in_one_match_key)
{
	struct policy *policy = parse("[rule a]\nmatch-device = d\nmatch-remote = 10.0.0.0/8\n"
				      "[rule b]\nmatch-device = e\nmatch-remote = 10.0.0.0/8\n"
				      "[rule c]\nmatch-device = d\nmatch-remote = 10.0.0.0/16\n"
				      "[rule d]\nmatch-device = d\nmatch-remote = 11.0.0.0/8\n"
				      "[rule e]\nmatch-device = d\nmatch-remote = a00::/8\n"
				      "[rule f]\nmatch-device = d\nmatch-remote = 10.0.0.0/8\nmatch-uid = 0\n"
				      "[rule g]\nmatch-device = d\nmatch-remote = 10.0.0.0/8\nmatch-uid = 1\n"
				      "[rule h]\nmatch-device = d\nmatch-remote = 10.0.0.0/8\nmatch-port = 1\n"
				      "[rule i]\nmatch-device = d\nmatch-remote = 10.0.0.0/8\nmatch-port = 2\n"
				      "[rule j]\nmatch-device = d\nmatch-remote = 10.0.0.0/8\nmatch-executable = /d\n"
				      "[rule k]\nmatch-device = d\n");

	cr_expect_eq(policy_rule_count(policy), 12u);
	policy_free(policy);
}

Test(policy_meaning, builtin_is_the_default)
{
	const struct policy *policy = policy_builtin();

	cr_expect_eq(policy_rule_count(policy), 1u);
	expect_meaning(policy, DEFAULT);
	cr_expect_eq(policy_rule_at(policy, 0)->requirement.ciphers, CIPHERS_DEFAULT);
	policy_free(policy);
	policy_free(NULL);
	expect_meaning(policy, DEFAULT);
}

Test(policy_meaning, names_single_ciphers_only)
{
	for (unsigned int bit = 0; bit < 10; bit++)
		cr_expect_not_null(policy_cipher_name(1u << bit));
	cr_expect_str_eq(policy_cipher_name(CIPHER_MACSEC_GCM_AES_XPN_256), "gcm-aes-xpn-256");
	cr_expect_str_eq(policy_cipher_name(CIPHER_ESP_CHACHA20_POLY1305), "chacha20-poly1305");
	cr_expect_null(policy_cipher_name(CIPHER_NONE));
	cr_expect_null(policy_cipher_name(1 << 10));
	cr_expect_null(policy_cipher_name(CIPHERS_DEFAULT));
}

Test(policy_meaning, description_is_cut_like_snprintf)
{
	const struct policy_rule *rule = policy_rule_at(policy_builtin(), 0);
	int whole = policy_rule_describe(rule, NULL, 0);
	char text[POLICY_DESCRIPTION_MAX];

	cr_expect_eq(whole, (int)strlen(DEFAULT));
	memset(text, 'E', sizeof(text));
	cr_expect_eq(policy_rule_describe(rule, text, 12), whole);
	cr_expect_str_eq(text, "[default]\nr");
	cr_expect_eq(text[12], 'E');
}

/* ---- matching ---- */

static const struct policy_subject known = {
	.device = "mlx5_0",
	.port = 1,
	.remote_known = true,
	.remote_family = AF_INET,
	.remote.bytes = { 10, 20, 200, 3 },
	.uid_known = true,
	.uid = 1000,
	.executable = "/opt/mpi/bin/ring",
};

static const struct policy_subject known6 = {
	.device = "rxe0",
	.port = 254,
	.remote_known = true,
	.remote_family = AF_INET6,
	.remote.bytes = { 0xfd, 0x81, [15] = 0x35 },
	.uid_known = true,
	.executable = "/usr/bin/ib_send_bw",
};

static const struct policy_subject unknown = { .device = "mlx5_0" };

static const struct {
	const char *keys;
	enum policy_match known, known6, unknown;
} matches[] = {
	{ "match-device = mlx5_0", MATCH_YES, MATCH_NO, MATCH_YES },
	{ "match-device = mlx5_*", MATCH_YES, MATCH_NO, MATCH_YES },
	{ "match-device = mlx5", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-device = MLX5_0", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-device = *0", MATCH_YES, MATCH_YES, MATCH_YES },
	{ "match-device = mlx5_[!0]", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-device = mlx5\\_?", MATCH_YES, MATCH_NO, MATCH_YES },
	{ "match-port = 1", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-port = 254", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-uid = 1000", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-uid = 0", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-executable = /opt/*/bin/ring", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-executable = /opt/*/ring", MATCH_NO, MATCH_NO, MATCH_MAYBE }, /* '*' stops at '/' */
	{ "match-executable = /*", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-executable = /usr/bin/ib_*_bw", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = 10.20.0.0/16", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.21.0.0/16", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.128.0/17", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.0.0/17", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.200.2/31", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.200.3", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 10.20.200.2", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 0.0.0.0/0", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 0.0.0.0/1", MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = 128.0.0.0/1", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = ::/0", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fc00::/7", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fd00::/9", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-remote = fd81::34/127", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fd81::35", MATCH_NO, MATCH_YES, MATCH_MAYBE },
	{ "match-remote = fd81::34", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	/* all keys together: NO wins over MAYBE, MAYBE over YES */
	{ "match-device = mlx5_0\nmatch-port = 1\nmatch-remote = 10.0.0.0/8\nmatch-uid = 1000\n"
	  "match-executable = /opt/mpi/bin/*",
	  MATCH_YES, MATCH_NO, MATCH_MAYBE },
	{ "match-device = mlx5_0\nmatch-port = 2", MATCH_NO, MATCH_NO, MATCH_MAYBE },
	{ "match-device = mlx5_1\nmatch-port = 1", MATCH_NO, MATCH_NO, MATCH_NO },
	{ "match-uid = 1000\nmatch-remote = 10.9.0.0/16", MATCH_NO, MATCH_NO, MATCH_MAYBE },
};

Test(policy_matching, matches_known_and_unknown_subjects)
{
	for (size_t i = 0; i < COUNT(matches); i++) {
		char text[512];

		snprintf(text, sizeof(text), "[rule a]\n%s\n", matches[i].keys);
		struct policy *policy = parse(text);
		const struct policy_rule *rule = policy_rule_at(policy, 0);

		cr_expect_eq(policy_rule_match(rule, &known), matches[i].known, "%s: known", text);
		cr_expect_eq(policy_rule_match(rule, &known6), matches[i].known6, "%s: known6", text);
		cr_expect_eq(policy_rule_match(rule, &unknown), matches[i].unknown, "%s: unknown", text);
		policy_free(policy);
	}
}

/* An address of an unknown family matches neither IPv4 nor IPv6. */
Test(policy_matching, does_not_match_remote_of_other_family)
{
	struct policy *policy = parse("[rule a]\nmatch-remote = 0.0.0.0/0\n");
	struct policy_subject subject = known;

	subject.remote_family = AF_UNIX;
	cr_expect_eq(policy_rule_match(policy_rule_at(policy, 0), &subject), MATCH_NO);
	policy_free(policy);
}

static void expect_walk(const struct policy *policy, const struct policy_subject *subject, const char *want)
{
	char walk[128] = "";
	const struct policy_rule *rule;
	size_t cursor = 0;

	while ((rule = policy_next(policy, subject, &cursor)))
		snprintf(walk + strlen(walk), sizeof(walk) - strlen(walk), "%s ", rule->name);
	cr_expect_str_eq(walk, want, "got %s, want %s", walk, want);
	cr_expect_null(policy_next(policy, subject, &cursor), "the walk stays at its end");
}

static struct policy *walk_policy(void)
{
	return parse("[default]\n"
		     "[rule port2]\nmatch-device = mlx5_*\nmatch-port = 2\n"
		     "[rule net]\nmatch-remote = 10.20.0.0/16\n"
		     "[rule user]\nmatch-uid = 1000\n"
		     "[rule rxe]\nmatch-device = rxe*\n"
		     "[rule mlx]\nmatch-device = mlx5_0\n"
		     "[rule never]\nmatch-device = mlx5_?\n");
}

Test(policy_matching, walk_ends_at_first_certain_match)
{
	struct policy *policy = walk_policy();
	struct policy_subject subject = known;

	expect_walk(policy, &known, "net ");
	expect_walk(policy, &known6, "rxe ");
	subject.remote.bytes[1] = 21;
	expect_walk(policy, &subject, "user ");
	subject.uid = 1001;
	expect_walk(policy, &subject, "mlx ");
	policy_free(policy);
}

Test(policy_matching, walk_includes_uncertain_matches)
{
	struct policy *policy = walk_policy();

	expect_walk(policy, &unknown, "port2 net user mlx ");
	policy_free(policy);
}

Test(policy_matching, walk_ends_at_default_without_match)
{
	struct policy *policy = walk_policy();
	struct policy_subject subject = known;

	subject.remote.bytes[1] = 21;
	subject.uid = 1001;
	subject.device = "mlx4_0";
	expect_walk(policy, &subject, "default ");
	subject.uid_known = false;
	expect_walk(policy, &subject, "user default ");
	expect_walk(policy_builtin(), &unknown, "default ");
	policy_free(policy);
}

/* ---- the file ---- */

static char directory[] = "/tmp/test_policy.XXXXXX", file[64], error_of_load[POLICY_ERROR_MAX + 64];

static void directory_make(void)
{
	strcpy(directory + sizeof(directory) - 7, "XXXXXX");
	cr_assert(mkdtemp(directory));
	snprintf(file, sizeof(file), "%s/policy", directory);
}

static void directory_remove(void)
{
	unlink(file);
	rmdir(directory);
}

static void write_file(const char *text, size_t len)
{
	FILE *stream = fopen(file, "w");

	cr_assert(stream);
	cr_assert_eq(fwrite(text, 1, len, stream), len);
	cr_assert_eq(fclose(stream), 0);
}

static void expect_load(int want, const char *text)
{
	struct policy *policy = NULL;
	char whole[256];
	int err = policy_load(file, &policy, error_of_load, sizeof(error_of_load));

	cr_expect_eq(err, want, "%d: %s", err, error_of_load);
	snprintf(whole, sizeof(whole), "%s:%s", file, text);
	if (want)
		cr_expect_str_eq(error_of_load, whole, "%s", error_of_load);
	else
		cr_expect_eq(policy_rule_at(policy, 0)->mode, MODE_AUDIT);
	policy_free(policy);
}

TestSuite(policy_file, .init = directory_make, .fini = directory_remove, .timeout = 20);

Test(policy_file, loads_valid_file)
{
	write_file(TEXT("[default]\nmode = audit\n"));
	expect_load(0, "");
}

Test(policy_file, reports_file_and_line_of_mistake)
{
	write_file(TEXT("[default]\nmode = on\n"));
	expect_load(-EINVAL, "2: mode = 'on': enforce, audit or off");
}

Test(policy_file, refuses_missing_file)
{
	expect_load(-ENOENT, " cannot open: No such file or directory");
}

Test(policy_file, refuses_directory)
{
	cr_assert_eq(mkdir(file, 0700), 0);
	expect_load(-EINVAL, " not a regular file");
	rmdir(file);
}

/* A FIFO without a writer: refused without blocking. */
Test(policy_file, refuses_fifo_without_blocking)
{
	cr_assert_eq(mkfifo(file, 0600), 0);
	expect_load(-EINVAL, " not a regular file");
}

Test(policy_file, refuses_device)
{
	cr_assert_eq(symlink("/dev/null", file), 0);
	expect_load(-EINVAL, " not a regular file");
}

static void write_file_of_size(size_t size)
{
	static const char head[] = "[default]\nmode = audit\n";
	char *text = malloc(size);

	cr_assert(text);
	memset(text, '\n', size);
	memcpy(text, head, sizeof(head) - 1);
	write_file(text, size);
	free(text);
}

Test(policy_file, loads_largest_file)
{
	write_file_of_size(POLICY_FILE_MAX);
	expect_load(0, "");
}

Test(policy_file, refuses_file_over_size_limit)
{
	write_file_of_size(POLICY_FILE_MAX + 1);
	expect_load(-EFBIG, " larger than 1048576 octets");
}

/* Files of /proc report size 0: the readable octets count. */
Test(policy_file, reads_file_with_zero_size)
{
	cr_assert_eq(symlink("/proc/self/status", file), 0);
	expect_load(-EINVAL, "1: 'Name:?test_policy' is neither KEY = VALUE nor a section");
}
