/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What policy*.c share: rules, keys, match keys, the file's form and its lines. Nobody else includes it. */
#ifndef RDMASEC_POLICY_INTERNAL_H
#define RDMASEC_POLICY_INTERNAL_H

#include "policy/policy.h"

struct policy {
	const struct policy_rule *rules; /* [default] is last */
	size_t count;
};

/* In the order in which a description writes them: first those that only a [rule NAME] may have. */
enum policy_key {
	KEY_MATCH_DEVICE,
	KEY_MATCH_PORT,
	KEY_MATCH_REMOTE,
	KEY_MATCH_UID,
	KEY_MATCH_EXECUTABLE,
	KEY_REQUIRE,
	KEY_MODE,
	KEY_CIPHERS,
	KEY_INTEGRITY_ONLY,
	KEY_RAW_PACKET,
	KEY_DEVX,
	KEY_GRACE,
	KEY_SETUP,
	KEY_SETUP_TIMEOUT,
	KEY_GRANULARITY,
	KEY_CM,
	KEY_COUNT,
	KEY_INHERITED_FIRST = KEY_REQUIRE, /* this one and all after it come from [default] where a rule is silent */
};

/* Why a value is refused: without file, line and key, which the caller adds. */
struct policy_why {
	char text[256];
};

/* A word of the file, cut to a length and to characters that an error text can bear. */
struct policy_word {
	char text[44];
};

struct policy_word policy_word(const char *word);

/* The key of this name; KEY_COUNT: there is none. */
enum policy_key policy_key_find(const char *name);
const char *policy_key_name(enum policy_key key);
const char *policy_key_allowed(enum policy_key key); /* its values, for a text */

/*
 * Sets a key of a rule from its text. 0; -EINVAL for a bad value, -ENOMEM or what else getpwnam_r(3) said, each with
 * *why written and the rule as it was.
 */
RS_MUST_USE int policy_key_set(struct policy_rule *rule, enum policy_key key, const char *value,
			       struct policy_why *why);

/* Those of the match keys; the same contract. */
RS_MUST_USE int policy_device_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_executable_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_port_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_uid_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_remote_set(struct policy_rule *rule, const char *value, struct policy_why *why);
void policy_remote_show(const struct policy_rule *rule, char *value, size_t size);

/* Decimal digits only, and no leading zero that somebody else would read as octal. */
bool policy_number_read(const char *text, uint32_t max, uint32_t *out);

/* time.c; the same contract. */
RS_MUST_USE int policy_grace_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_setup_timeout_set(struct policy_rule *rule, const char *value, struct policy_why *why);
void policy_time_show(uint32_t ms, char *value, size_t size);

/* Takes one of the inherited keys from `base`. */
void policy_key_inherit(struct policy_rule *rule, enum policy_key key, const struct policy_rule *base);

/* Do both match exactly the same, as far as their keys' values tell? */
bool policy_rule_matches_same(const struct policy_rule *a, const struct policy_rule *b);

/* ---- the file (parser.c) and its lines (lines.c) ---- */

struct policy_section {
	struct policy_rule rule;
	unsigned int line;                /* of its header; 0: there is none */
	unsigned int key_line[KEY_COUNT]; /* 0: the key is not there */
};

struct policy_parser {
	const char *name; /* of the file */
	const char *text;
	size_t len, at;
	unsigned int line;
	struct policy_section fallback; /* [default] */
	struct policy_section *rules;
	size_t rule_count;
	struct policy_section *current; /* NULL: no header yet */
	int status;                     /* of the first mistake */
	char *error;
	size_t error_size;
};

/* Keeps the first mistake's status and words its text; line 0: it is in none. Returns the first mistake's status. */
int policy_fail(struct policy_parser *p, int status, unsigned int line, const char *format, ...) RS_PRINTF(4, 5);

/* inih's reader, like fgets(3): the next line in which inih can see nothing but what the man page says. */
char *policy_line_next(char *buffer, int size, void *parser);

/* `header` begins with '['. 0 or the status of the first mistake. */
RS_MUST_USE int policy_section_begin(struct policy_parser *p, const char *header);

#endif
