/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The policy file: which paths need which protection. INI (inih); the first rule that matches wins, [default] is last.
 *
 *	[default]			[rule storage]
 *	require = any			match-device = mlx5_*
 *	mode = enforce			match-remote = 10.20.0.0/16
 *					require = ipsec
 *
 * Without a file: require = any, mode = enforce. A rule takes from [default] what it does not say itself.
 */
#ifndef RDMASEC_POLICY_POLICY_H
#define RDMASEC_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/address.h"
#include "util/attributes.h"
#include "util/ciphers.h"
#include "util/want.h"

enum policy_require { REQUIRE_ANY, REQUIRE_MACSEC, REQUIRE_IPSEC, REQUIRE_NONE };
enum policy_granularity { GRANULARITY_HOST, GRANULARITY_QP };
enum policy_mode { MODE_ENFORCE, MODE_AUDIT, MODE_OFF };

/* What a path has to satisfy; everything decide() needs to know of the policy. */
struct requirement {
	enum policy_require require;
	uint32_t ciphers;                    /* set of enum policy_cipher */
	bool integrity_only;                 /* MACsec without encryption is enough (integrity-only = yes) */
	enum policy_granularity granularity; /* QP: the SA by which it sends is for this QP alone */
};

enum { POLICY_NAME_MAX = 48, POLICY_PATTERN_MAX = 128 };

/* What a file may hold at most: octets, and [rule NAME] sections. Nobody writes that much by hand. */
enum { POLICY_FILE_MAX = 1 << 20, POLICY_RULES_MAX = 1024 };

enum { POLICY_GRACE_MAX_MS = 10 * 60 * 1000 };

/* Buffers of these sizes hold any error text but for the file's name, and any description. */
enum { POLICY_ERROR_MAX = 512, POLICY_DESCRIPTION_MAX = 1024 };

struct policy_rule {
	char name[POLICY_NAME_MAX]; /* "storage"; "default" for [default] */
	struct requirement requirement;
	enum policy_mode mode;
	bool allow_raw_packet; /* raw-packet = allow */
	bool allow_devx;       /* devx = allow */
	/* How long a QP that lost its protection is let be while the kernel drops what it sends (verdict.kernel_drops).
	 */
	uint32_t grace_ms;
	bool no_setup;             /* setup = none: a missing SA is not asked for */
	uint32_t setup_timeout_ms; /* how long a call waits for one that was */
	bool cm_any;               /* cm = any: librdmacm's MADs may leave on any path */
	/* The matches; each unset one matches all. */
	bool has_port, has_uid, has_remote;
	char device[POLICY_PATTERN_MAX];     /* fnmatch(3) pattern, "": any */
	char executable[POLICY_PATTERN_MAX]; /* fnmatch(3) pattern with FNM_PATHNAME on the absolute path, "": any */
	uint32_t port;
	uid_t uid;
	int remote_family;
	union ip_address remote;
	uint8_t remote_prefix;
};

struct policy;

/* The policy that holds without a file. Never NULL: static, read-only; policy_free() of it does nothing. */
const struct policy *policy_builtin(void);

/*
 * Loads `path`, a regular file. 0 and *out (free with policy_free()), or -errno and a text "file:line: what is wrong"
 * ("file: ..." where it is no line) in `error`. -EINVAL: the content, or not a regular file; -EFBIG; -ENOMEM; else what
 * open(2), read(2) or getpwnam_r(3) said. A mistake anywhere loads nothing. Unknown section or key, bad value,
 * duplicate key, duplicate rule or [default], a rule after which nothing can match, a line longer than inih takes, a
 * NUL octet: all are mistakes; rdmasec.policy(5) lists them. Thread-safe, as far as getpwnam_r(3) is.
 */
RS_MUST_USE int policy_load(const char *path, struct policy **out, char *error, size_t error_size);

/* The same from memory, `name` standing for the file in texts. For tests and fuzzers. */
RS_MUST_USE int policy_parse(const char *name, const char *text, size_t len, struct policy **out, char *error,
			     size_t error_size);

void policy_free(const struct policy *policy);

size_t policy_rule_count(const struct policy *policy); /* with [default], which is last */
const struct policy_rule *policy_rule_at(const struct policy *policy, size_t i);

/* Who wants to do what. Facts that are not known match neither certainly nor certainly not. */
struct policy_subject {
	const char *device; /* "rxe0" */
	uint32_t port;      /* 0: not known yet */
	bool remote_known;
	int remote_family; /* AF_INET for an IPv4-mapped GID, else AF_INET6 */
	union ip_address remote;
	bool uid_known;
	uid_t uid;
	const char *executable; /* NULL: not known */
};

enum policy_match { MATCH_MAYBE = 0, MATCH_NO, MATCH_YES };

/* Does this rule match? MAYBE when it hangs on a fact that the subject does not know. */
enum policy_match policy_rule_match(const struct policy_rule *rule, const struct policy_subject *subject);

/*
 * Walks the rules that could be the first match: start with *cursor = 0, NULL at the end. Ends after the first that
 * matches certainly ([default] always does). With all facts known it yields exactly one rule (but see fnmatch(3): a
 * name that is no text in the locale's encoding counts as not known).
 */
const struct policy_rule *policy_next(const struct policy *policy, const struct policy_subject *subject,
				      size_t *cursor);

/*
 * Writes the rule as its file would say it, one "key = value" a line, what it has from [default] spelled out, for
 * `rdmasec policy check` and logs. Returns and cuts off as snprintf(3) does. Parsing it gives the same rule again.
 */
int policy_rule_describe(const struct policy_rule *rule, char *text, size_t size);

#endif
