// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The meaning of a policy file, and its description, which is a policy file as well. */
#include <arpa/inet.h>

#include "policy_fixture.h"
#include "util/ciphers.h"

#define SETUP_DEFAULTS                                                               \
	"setup = acquire\nsetup-timeout = 10s\ngranularity = host\ncm = protected\n" \
	"unreachable = kill\nstrict = no\nunguarded = error\n"
#define DEFAULT_CIPHERS                                                                                    \
	"ciphers = gcm-aes-128, gcm-aes-256, gcm-aes-xpn-128, gcm-aes-xpn-256, aes-gcm-128, aes-gcm-192, " \
	"aes-gcm-256, chacha20-poly1305\n"
#define DEFAULT_REST "integrity-only = no\nraw-packet = refuse\ndevx = refuse\ngrace = 0s\n" SETUP_DEFAULTS
#define ON           "gate = on\nkernel-door = off\n"
#define OFF          "gate = off\nkernel-door = off\n"
#define DEFAULT      "[default]\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST ON

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

static const struct {
	const char *text, *means;
} meanings[] = {
	{ "", DEFAULT },
	{ "\n \t\n# x\n; x\n  # x\n\t; x\n", DEFAULT },
	{ "[default]", DEFAULT },
	{ "[default]\n", DEFAULT },
	{ "\xef\xbb\xbf[default]\nmode = enforce\n", DEFAULT },
	{ "# gr\xc3\xbc\xc3\x9f\n[default] ; \xc3\xa4\n", DEFAULT },
	{ "[default]\ngate = off\n", "[default]\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST OFF },
	{ "[default]\nmode = audit\n", "[default]\nrequire = any\nmode = audit\n" DEFAULT_CIPHERS DEFAULT_REST OFF },
	{ "[default]\nkernel-door = on\n",
	  "[default]\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST "gate = on\nkernel-door = on\n" },
	{ "[default]\nmode = audit\ngate = on\n",
	  "[default]\nrequire = any\nmode = audit\n" DEFAULT_CIPHERS DEFAULT_REST ON },
	{ "[default]\nrequire = none\n",
	  "[default]\nrequire = none\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST OFF },
	{ "[default]\r\nmode=off\r\n", "[default]\nrequire = any\nmode = off\n" DEFAULT_CIPHERS DEFAULT_REST OFF },
	{ "[default]\t; all\nmode\t=\toff ; for now; or not # yet\n",
	  "[default]\nrequire = any\nmode = off\n" DEFAULT_CIPHERS DEFAULT_REST OFF },
	{ "[default]\nrequire = none\nmode = audit\nciphers = aes-ccm-256,\taes-ccm-128 ,gcm-aes-xpn-128\n"
	  "integrity-only = yes\nraw-packet = allow\ndevx = allow\n",
	  "[default]\nrequire = none\nmode = audit\nciphers = gcm-aes-xpn-128, aes-ccm-128, aes-ccm-256\n"
	  "integrity-only = yes\nraw-packet = allow\ndevx = allow\ngrace = 0s\n" SETUP_DEFAULTS OFF },
	{ "[rule storage]\nmatch-device = mlx5_*\nmatch-remote = 10.20.0.0/16\nrequire = ipsec\n"
	  "[default]\nmode = audit\ndevx = allow\nciphers = aes-gcm-256, gcm-aes-256\n",
	  "[rule storage]\nmatch-device = mlx5_*\nmatch-remote = 10.20.0.0/16\nrequire = ipsec\nmode = audit\n"
	  "ciphers = gcm-aes-256, aes-gcm-256\nintegrity-only = no\nraw-packet = refuse\ndevx = allow\ngrace = "
	  "0s\n" SETUP_DEFAULTS "[default]\nrequire = any\nmode = audit\n"
	  "ciphers = gcm-aes-256, aes-gcm-256\nintegrity-only = no\nraw-packet = refuse\ndevx = allow\ngrace = "
	  "0s\n" SETUP_DEFAULTS OFF },
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
	  "integrity-only = yes\nraw-packet = allow\ndevx = allow\ngrace = 0s\n" SETUP_DEFAULTS OFF },
	{ "[rule b]\nmatch-remote = 0.0.0.0/0\n[rule a]\nmatch-remote = ::/0\n[rule c]\nmatch-uid = "
	  "4294967294\n"
	  "[rule d]\nmatch-remote = 192.0.2.1\n[rule e]\nmatch-remote = ::fffe:0:0/95\n",
	  "[rule b]\nmatch-remote = 0.0.0.0/0\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule a]\nmatch-remote = ::/0\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule c]\nmatch-uid = 4294967294\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule d]\nmatch-remote = 192.0.2.1/32\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
	  "[rule e]\nmatch-remote = ::fffe:0:0/95\nrequire = any\nmode = enforce\n" DEFAULT_CIPHERS DEFAULT_REST
		  DEFAULT },
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

/* ---- each field of the struct, since the description could omit one ---- */

static const char every_key[] = "[rule a]\nmatch-device = d*\nmatch-executable = /e\nmatch-port = 7\n"
				"match-uid = 1000\nmatch-remote = 10.128.0.0/9\nrequire = ipsec\nmode = audit\n"
				"ciphers = aes-gcm-192, aes-ccm-128\nraw-packet = allow\ngrace = 2m\n"
				"[default]\nintegrity-only = yes\ndevx = allow\n";

Test(policy_meaning, parses_keys_that_match)
{
	struct policy *policy = parse(every_key);
	const struct policy_rule *rule = policy_rule_at(policy, 0);

	cr_expect_str_eq(rule->device, "d*");
	cr_expect_str_eq(rule->executable, "/e");
	cr_expect(rule->has_port && rule->port == 7);
	cr_expect(rule->has_uid && rule->uid == 1000);
	policy_free(policy);
}

Test(policy_meaning, parses_remote_that_matches)
{
	struct policy *policy = parse(every_key);
	const struct policy_rule *rule = policy_rule_at(policy, 0);

	cr_expect(rule->has_remote && rule->remote_family == AF_INET && rule->remote_prefix == 9);
	cr_expect_eq(memcmp(rule->remote.bytes, "\x0a\x80\0\0\0\0\0\0\0\0\0\0\0\0\0", 16), 0);
	policy_free(policy);
}

Test(policy_meaning, parses_requirement)
{
	struct policy *policy = parse(every_key);
	const struct policy_rule *rule = policy_rule_at(policy, 0);

	cr_expect_eq(rule->requirement.require, REQUIRE_IPSEC);
	cr_expect_eq(rule->requirement.ciphers, CIPHER_ESP_AES_GCM_192 | CIPHER_ESP_AES_CCM_128);
	cr_expect_eq(rule->mode, MODE_AUDIT);
	cr_expect_eq(rule->grace_ms, 120000u);
	policy_free(policy);
}

Test(policy_meaning, rule_inherits_from_default)
{
	struct policy *policy = parse(every_key);
	const struct policy_rule *rule = policy_rule_at(policy, 0);

	cr_expect(rule->requirement.integrity_only);
	cr_expect(rule->allow_raw_packet && rule->allow_devx);
	policy_free(policy);
}

Test(policy_meaning, default_inherits_nothing_from_rule)
{
	struct policy *policy = parse(every_key);

	cr_expect_eq(policy_rule_at(policy, 1)->grace_ms, 0u);
	cr_expect_not(policy_rule_at(policy, 1)->allow_raw_packet);
	policy_free(policy);
}

Test(policy_meaning, default_is_last_rule)
{
	struct policy *policy = parse(every_key);

	cr_expect_eq(policy_rule_count(policy), 2u);
	cr_expect_str_eq(policy_rule_at(policy, 0)->name, "a");
	cr_expect_str_eq(policy_rule_at(policy, 1)->name, "default");
	cr_expect_null(policy_rule_at(policy, 2));
	policy_free(policy);
}

/* ---- times ---- */

static const struct {
	const char *written, *described;
	uint32_t ms;
} times[] = {
	{ "0s", "0s", 0 },        { "0m", "0s", 0 },        { "90s", "90s", 90000 }, { "500ms", "500ms", 500 },
	{ "2000ms", "2s", 2000 }, { "10m", "10m", 600000 }, { "60s", "1m", 60000 },  { "600000ms", "10m", 600000 },
};

Test(policy_meaning, describes_time_in_largest_whole_unit)
{
	for (size_t i = 0; i < COUNT(times); i++) {
		char text[POLICY_DESCRIPTION_MAX], line[64];
		struct policy *policy;

		text_format(text, sizeof(text), "[default]\ngrace = %s\n", times[i].written);
		policy = parse(text);
		cr_expect_eq(policy_rule_at(policy, 0)->grace_ms, times[i].ms, "%s", times[i].written);
		describe_all(policy, text, sizeof(text));
		text_format(line, sizeof(line), "\ngrace = %s\n", times[i].described);
		cr_expect(strstr(text, line), "%s: %s", times[i].written, text);
		policy_free(policy);
	}
}

Test(policy_meaning, rule_inherits_time_of_default)
{
	struct policy *policy = parse("[rule a]\nmatch-port = 1\n[default]\ngrace = 10m\n");

	cr_expect_eq(policy_rule_at(policy, 0)->grace_ms, 600000u);
	policy_free(policy);
}

/* ---- rules ---- */

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
