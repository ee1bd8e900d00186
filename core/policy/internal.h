/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by the files of this room, and by no other. */
#ifndef RDMASEC_POLICY_INTERNAL_H
#define RDMASEC_POLICY_INTERNAL_H

#include "policy/policy.h"

struct policy {
	const struct policy_rule *rules; /* [default] is last */
	size_t count;
};

/* In the order of a description: first the keys that only a [rule NAME] may have. */
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
	KEY_UNREACHABLE,
	KEY_STRICT,
	KEY_UNGUARDED,
	KEY_GATE,
	KEY_KERNEL_DOOR,
	KEY_COUNT,
	KEY_INHERITED_FIRST = KEY_REQUIRE, /* this key and all to KEY_UNGUARDED are inherited from [default] */
	KEY_INHERITED_END = KEY_GATE,      /* this key and all after it are of the host: only [default] has them */
};

/* Why a value is refused. The caller adds file, line and key. */
struct policy_why {
	char text[256];
};

/* A word of the file, cut short and made printable for an error text. */
struct policy_word {
	char text[44];
};

struct policy_word policy_word(const char *word);

/* Returns the key of this name, KEY_COUNT for an unknown one. */
enum policy_key policy_key_find(const char *name);
const char *policy_key_name(enum policy_key key);
const char *policy_key_allowed(enum policy_key key); /* its allowed values, for a text */

/*
 * Sets a key of a rule from its text. Returns 0; -EINVAL for a bad value; -ENOMEM or another error of getpwnam_r(3). On
 * an error the rule is as it was, and *why is written.
 */
RS_MUST_USE int policy_key_set(struct policy_rule *rule, enum policy_key key, const char *value,
			       struct policy_why *why);

/* The same for each match key (matches.c). */
RS_MUST_USE int policy_device_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_executable_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_port_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_uid_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_remote_set(struct policy_rule *rule, const char *value, struct policy_why *why);
void policy_remote_show(const struct policy_rule *rule, char *value, size_t size);

/* Whether the text is a decimal number of at most `max`, without a leading zero that could be read as octal. */
bool policy_number_read(const char *text, uint32_t max, uint32_t *out);

/* The same for the keys that are times (time.c). */
RS_MUST_USE int policy_grace_set(struct policy_rule *rule, const char *value, struct policy_why *why);
RS_MUST_USE int policy_setup_timeout_set(struct policy_rule *rule, const char *value, struct policy_why *why);
void policy_time_show(uint32_t ms, char *value, size_t size);

/* Copies one inherited key from `base`. */
void policy_key_inherit(struct policy_rule *rule, enum policy_key key, const struct policy_rule *base);

/* Whether the match keys of both have the same values. */
bool policy_rule_matches_same(const struct policy_rule *a, const struct policy_rule *b);

/* ---- the parser: mistake.c, sections.c, lines.c, parser.c ---- */

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

/* Keeps status and text of the first mistake; line 0: of no line. Returns the first mistake's status. */
int policy_fail(struct policy_parser *p, int status, unsigned int line, const char *format, ...) RS_PRINTF(4, 5);

/* inih's reader, as fgets(3): returns the next line, checked, NULL at the end or after a mistake. */
char *policy_line_next(char *buffer, int size, void *stream);

/* Begins the section of a line that begins with '['. Returns 0 or the status of the first mistake. */
RS_MUST_USE int policy_section_begin(struct policy_parser *p, const char *header);

#endif
