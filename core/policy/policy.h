/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The policy file: which paths need which protection. INI (inih); the first rule that matches wins, [default] is last.
 *
 *	[default]			[rule storage]
 *	require = any			match-device = mlx5_*
 *	mode = enforce			match-remote = 10.20.0.0/16
 *					require = ipsec
 *
 * Without a file: require = any, mode = enforce. A rule inherits from [default] the keys that it lacks.
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

/* What a path must satisfy: all that decide() needs of the policy. */
struct requirement {
	enum policy_require require;
	uint32_t ciphers;                    /* set of enum policy_cipher */
	bool integrity_only;                 /* integrity-only = yes: MACsec need not encrypt */
	enum policy_granularity granularity; /* QP: the QP's outbound SA serves no other QP */
	bool strict; /* strict = yes: what may lead packets past their protection makes the path unknown */
};

enum { POLICY_NAME_MAX = 48, POLICY_PATTERN_MAX = 128 };

/* The most octets and [rule NAME] sections that a file may hold. */
enum { POLICY_FILE_MAX = 1 << 20, POLICY_RULES_MAX = 1024 };

enum { POLICY_GRACE_MAX_MS = 10 * 60 * 1000 };

/* Buffers of these sizes hold any error text, without the file's name, and any description. */
enum { POLICY_ERROR_MAX = 512, POLICY_DESCRIPTION_MAX = 1024 };

struct policy_rule {
	char name[POLICY_NAME_MAX]; /* "storage"; "default" for [default] */
	struct requirement requirement;
	enum policy_mode mode;
	bool allow_raw_packet; /* raw-packet = allow */
	bool allow_devx;       /* devx = allow */
	/* How long a QP without protection may live while the kernel drops its packets (verdict.kernel_drops). */
	uint32_t grace_ms;
	bool no_setup;             /* setup = none: a missing SA is not requested */
	uint32_t setup_timeout_ms; /* how long a call waits for a requested SA */
	/* unreachable = report: a process whose QP can neither be checked nor stopped is not ended, only reported */
	bool report_unreachable;
	bool cm_any; /* cm = any: librdmacm's MADs may leave by any path */
	/* unguarded = kill: the program of a refused QP that the kernel door has found is ended, too (entry/entry.h) */
	bool kill_unguarded;
	bool gate;        /* [default] only: rdmasecd puts up the gate (gate/gate.h) */
	bool kernel_door; /* [default] only: rdmasecd opens the kernel door (entry/entry.h) */
	/* The match keys; one that is not set matches everything. */
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

/* Returns the policy that holds without a file: static, never NULL. policy_free() ignores it. */
const struct policy *policy_builtin(void);

/*
 * Loads `path`, a regular file. Returns 0 and *out, which the caller frees with policy_free(); or -errno and a text
 * "file:line: mistake" ("file: ..." where no line is at fault) in `error`: -EINVAL for the content or another kind of
 * file, -EFBIG, -ENOMEM, or the error of open(2), read(2) or getpwnam_r(3). One mistake anywhere loads nothing:
 * rdmasec.policy(5) lists the mistakes. Blocks for the file and for getpwnam_r(3); thread-safe as far as that is.
 */
RS_MUST_USE int policy_load(const char *path, struct policy **out, char *error, size_t error_size);

/* The same from memory, with `name` for the file in texts. For tests and fuzzers. */
RS_MUST_USE int policy_parse(const char *name, const char *text, size_t len, struct policy **out, char *error,
			     size_t error_size);

void policy_free(const struct policy *policy);

size_t policy_rule_count(const struct policy *policy); /* with [default], which is last */
const struct policy_rule *policy_rule_at(const struct policy *policy, size_t i);

/* The facts that rules match. An unknown fact neither matches nor excludes a rule for certain. */
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

/* Whether a rule matches. MATCH_MAYBE: that depends on an unknown fact of the subject. */
enum policy_match policy_rule_match(const struct policy_rule *rule, const struct policy_subject *subject);

/*
 * Returns the next rule that could be the first match, NULL at the end. The caller starts with *cursor = 0. The walk
 * ends after the first rule that matches for certain, which [default] always does. With all facts known it yields one
 * rule; a name that is no text in the locale's encoding counts as unknown (fnmatch(3)).
 */
const struct policy_rule *policy_next(const struct policy *policy, const struct policy_subject *subject,
				      size_t *cursor);

/*
 * Writes the rule as a file would have it, one "key = value" a line, with the keys that it inherits from [default]: for
 * `rdmasec policy check` and logs. Returns and cuts off as snprintf(3) does. Parsing the text gives the same rule.
 */
int policy_rule_describe(const struct policy_rule *rule, char *text, size_t size);

#endif
