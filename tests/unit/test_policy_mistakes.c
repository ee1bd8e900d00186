// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Every mistake in a policy file, and the exact text of its error. */
#include "policy_fixture.h"

#define RULE_KEYS                                                                                               \
	"match-device, match-port, match-remote, match-uid, match-executable, require, mode, ciphers, "         \
	"integrity-only, raw-packet, devx, grace, setup, setup-timeout, granularity, cm, unreachable, strict, " \
	"unguarded"
#define DEFAULT_KEYS                                                                                               \
	"require, mode, ciphers, integrity-only, raw-packet, devx, grace, setup, setup-timeout, granularity, cm, " \
	"unreachable, strict, unguarded, gate, kernel-door"
#define CIPHER_WORDS                                                                                          \
	"gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128, gcm-aes-xpn-256, aes-gcm-128, aes-gcm-192, aes-gcm-256, " \
	"chacha20-poly1305, aes-ccm-128, aes-ccm-256"
#define ONE_PATTERN   "one pattern, not a list and not in quotes; for a space, comma, semicolon or quote write '?'"
#define BROKEN        "a broken pattern: '[' wants a ']' and holds no '[' or '/', '\\' wants a character"
#define TIMEOUT_WORDS ": a time such as 500ms, 10s or 2m, not 0 and at most 5m"
#define GRACE_WORDS   ": a time such as 500ms, 10s or 2m, at most 10m"
#define BEHIND        ": a comment behind a value begins with white space and ';'"

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
	{ TEXT(R "match-port = 1\ngate = on\n"),
	  "p:3: gate in a rule: it is for the whole host, only [default] may have it" },
	{ TEXT("[default]\ngate = yes\n"), "p:2: gate = 'yes': on or off" },
	{ TEXT(R "match-port = 1\nkernel-door = on\n"),
	  "p:3: kernel-door in a rule: it is for the whole host, only [default] may have it" },
	{ TEXT("[default]\nkernel-door = yes\n"), "p:2: kernel-door = 'yes': on or off" },
	{ TEXT("[default]\nunguarded = report\n"), "p:2: unguarded = 'report': error or kill" },
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
