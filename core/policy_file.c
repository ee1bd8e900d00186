// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The form of the policy file: lines, sections, which key may stand where, what [default] hands down.
 *
 * inih does the parsing, but is lenient in ways that a security policy cannot be: it cuts long lines in two and long
 * section names off, ends a text at a NUL, appends indented lines to the value before, ignores what follows a section's
 * ']', keeps "# comment" behind a value as part of it, and says nothing of sections without keys. line_next(), through
 * which it reads, therefore lets no line pass that inih could take for something else than the man page says, and
 * follows the sections itself.
 */
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "policy.h"
#include "policy_internal.h"
#include "text.h"

struct section {
	struct policy_rule rule;
	unsigned int line;                /* of its header; 0: there is none */
	unsigned int key_line[KEY_COUNT]; /* 0: the key is not there */
};

struct parser {
	const char *name; /* of the file */
	const char *text;
	size_t len, at;
	unsigned int line;
	struct section fallback; /* [default] */
	struct section *rules;
	size_t rule_count, rule_room;
	struct section *current; /* NULL: no header yet */
	int status;              /* of the first mistake */
	char *error;
	size_t error_size;
};

static int RS_PRINTF(4, 5) fail(struct parser *p, int status, unsigned int line, const char *format, ...)
{
	va_list args;

	if (p->status)
		return p->status;
	p->status = status;
	if (line)
		text_format(p->error, p->error_size, "%s:%u: ", p->name, line);
	else
		text_format(p->error, p->error_size, "%s: ", p->name);
	size_t len = strnlen(p->error, p->error_size);

	va_start(args, format);
	vsnprintf(p->error + len, p->error_size - len, format, args);
	va_end(args);
	return status;
}

/* ---- sections ---- */

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"

static int default_begin(struct parser *p)
{
	if (p->fallback.line)
		return fail(p, -EINVAL, p->line, "[default] again, the first is in line %u", p->fallback.line);
	p->fallback.line = p->line;
	p->current = &p->fallback;
	return 0;
}

static int rule_name_check(struct parser *p, const char *name)
{
	size_t len = strlen(name);

	if (!len || len >= POLICY_NAME_MAX || strspn(name, NAME_CHARACTERS) != len)
		return fail(p, -EINVAL, p->line, "a rule cannot be named '%s': 1 to 47 letters, digits, '.', '_', '-'",
			    policy_word(name).text);
	if (!strcmp(name, p->fallback.rule.name))
		return fail(p, -EINVAL, p->line, "a rule cannot be named 'default': that is [default]");
	for (size_t i = 0; i < p->rule_count; i++)
		if (!strcmp(name, p->rules[i].rule.name))
			return fail(p, -EINVAL, p->line, "rule '%s' again, the first is in line %u", name,
				    p->rules[i].line);
	return 0;
}

static int rule_begin(struct parser *p, const char *name)
{
	if (rule_name_check(p, name))
		return p->status;
	if (p->rule_count == POLICY_RULES_MAX)
		return fail(p, -EINVAL, p->line, "more than %d rules", POLICY_RULES_MAX);
	if (p->rule_count == p->rule_room) {
		size_t room = p->rule_room ? p->rule_room * 2 : 8;
		struct section *rules = reallocarray(p->rules, room, sizeof(*rules));

		if (!rules)
			return fail(p, -ENOMEM, 0, "out of memory");
		p->rules = rules;
		p->rule_room = room;
	}
	p->current = &p->rules[p->rule_count++];
	memset(p->current, 0, sizeof(*p->current));
	p->current->line = p->line;
	text_copy(p->current->rule.name, POLICY_NAME_MAX, name);
	return 0;
}

/* `header` begins with '['. Its own copy is cut up, inih gets the whole line. */
static int section_begin(struct parser *p, const char *header)
{
	char *end, *text = strdup(header);

	if (!text)
		return fail(p, -ENOMEM, 0, "out of memory");
	end = strchr(text, ']');
	if (!end) {
		fail(p, -EINVAL, p->line, "'%s' has no ']'", policy_word(text).text);
	} else if (end[1]) {
		fail(p, -EINVAL, p->line, "'%s' behind the section's ']'",
		     policy_word(end + 1 + strspn(end + 1, " \t")).text);
	} else if (!strcmp(text, "[default]")) {
		default_begin(p);
	} else if (!strncmp(text, "[rule", 5) && strchr(" \t]", text[5])) {
		*end = '\0';
		rule_begin(p, text + 5 + strspn(text + 5, " \t"));
	} else {
		fail(p, -EINVAL, p->line, "unknown section '%s': [default] or [rule NAME]", policy_word(text).text);
	}
	free(text);
	return p->status;
}

/* ---- lines ---- */

/* Cuts off the comment and the white space at the end. A comment begins the line, or is "; ..." after white space. */
static void line_trim(char *line)
{
	size_t len = line[strspn(line, " \t")] == '#' ? 0 : strlen(line);

	for (size_t i = 0; i < len; i++)
		if (line[i] == ';' && (!i || strchr(" \t", line[i - 1])))
			len = i;
	while (len && strchr(" \t", line[len - 1]))
		len--;
	line[len] = '\0';
}

static int octets_check(struct parser *p, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char octet = (unsigned char)line[i];

		if (!octet)
			return fail(p, -EINVAL, p->line, "a NUL octet");
		if ((octet < 0x20 && octet != '\t') || octet == 0x7f)
			return fail(p, -EINVAL, p->line, "a control character, 0x%02x", octet);
	}
	return 0;
}

static int key_line_check(struct parser *p, const char *line)
{
	size_t end = strcspn(line, "=:");

	if (line[end] != '=')
		return fail(p, -EINVAL, p->line, "'%s' is neither KEY = VALUE nor a section", policy_word(line).text);
	if (strpbrk(line, "#;"))
		return fail(p, -EINVAL, p->line,
			    "'%c' in '%s': a comment behind a value begins with white space and ';'",
			    *strpbrk(line, "#;"), policy_word(line).text);
	return 0;
}

/* `line` is trimmed and without its end. */
static int line_check(struct parser *p, const char *line)
{
	if (!*line)
		return 0;
	for (const char *c = line; *c; c++)
		if (*c & 0x80)
			return fail(p, -EINVAL, p->line, "'%s': only ASCII outside of comments",
				    policy_word(line).text);
	if (strchr(" \t", *line))
		return fail(p, -EINVAL, p->line, "'%s' is indented: a value cannot go on in a second line",
			    policy_word(line + strspn(line, " \t")).text);
	return *line == '[' ? section_begin(p, line) : key_line_check(p, line);
}

/* Takes the next line out of the text, without its end (LF or CR LF). */
static const char *line_take(struct parser *p, size_t *len)
{
	const char *line = p->text + p->at;
	const char *end = memchr(line, '\n', p->len - p->at);

	*len = end ? (size_t)(end - line) : p->len - p->at;
	p->at += *len + (end != NULL);
	p->line++;
	if (*len && line[*len - 1] == '\r')
		--*len;
	if (p->line == 1 && *len >= 3 && !memcmp(line, "\xef\xbb\xbf", 3)) {
		line += 3; /* the byte order mark that some editors put at the start */
		*len -= 3;
	}
	return line;
}

/*
 * inih's reader, like fgets(3). NULL also after a mistake: inih itself would go on. Every line ends in LF, the last
 * too: without one inih may take it for the first part of a longer line.
 */
static char *line_next(char *buffer, int size, void *stream)
{
	struct parser *p = stream;
	size_t len;

	if (p->status || p->at == p->len)
		return NULL;
	const char *line = line_take(p, &len);

	if (size < 3 || len > (size_t)size - 2) {
		fail(p, -EINVAL, p->line, "a line longer than %d octets", size - 2);
		return NULL;
	}
	if (octets_check(p, line, len))
		return NULL;
	memcpy(buffer, line, len);
	buffer[len] = '\0';
	line_trim(buffer);
	if (line_check(p, buffer))
		return NULL;
	memcpy(buffer + strlen(buffer), "\n", 2);
	return buffer;
}

/* ---- keys ---- */

static int key_unknown(struct parser *p, const char *name)
{
	char known[POLICY_ERROR_MAX / 2] = "";

	for (enum policy_key key = p->current == &p->fallback ? KEY_INHERITED_FIRST : 0; key < KEY_COUNT; key++)
		text_append(known, sizeof(known), "%s%s", *known ? ", " : "", policy_key_name(key));
	return fail(p, -EINVAL, p->line, "unknown key '%s': %s", policy_word(name).text, known);
}

static int key_place_check(struct parser *p, enum policy_key key, const char *name)
{
	if (!p->current)
		return fail(p, -EINVAL, p->line, "'%s' before any section: begin with [default] or [rule NAME]",
			    policy_word(name).text);
	if (key == KEY_COUNT)
		return key_unknown(p, name);
	if (p->current == &p->fallback && key < KEY_INHERITED_FIRST)
		return fail(p, -EINVAL, p->line, "%s in [default], which matches all: only a [rule NAME] may have it",
			    name);
	if (p->current->key_line[key])
		return fail(p, -EINVAL, p->line, "%s again, the first is in line %u", name, p->current->key_line[key]);
	return 0;
}

/* inih's handler: nonzero for success. `section` is inih's idea of it, cut off at 49 octets. */
static int key_found(void *user, const char *section, const char *name, const char *value)
{
	struct parser *p = user;
	enum policy_key key = policy_key_find(name);
	struct policy_why why;
	int err;

	(void)section;
	if (p->status)
		return 0;
	if (key_place_check(p, key, name))
		return 0;
	p->current->key_line[key] = p->line;
	if (!*value)
		return !fail(p, -EINVAL, p->line, "%s has no value: %s", name, policy_key_allowed(key));
	err = policy_key_set(&p->current->rule, key, value, &why);
	return !err || !fail(p, err, p->line, "%s = '%s': %s", name, policy_word(value).text, why.text);
}

/* ---- the whole ---- */

static bool section_matches_something(const struct section *section)
{
	for (enum policy_key key = 0; key < KEY_INHERITED_FIRST; key++)
		if (section->key_line[key])
			return true;
	return false;
}

/* The line to blame for a pair of require and ciphers that nothing satisfies. */
static unsigned int ciphers_line(const struct section *section)
{
	if (section->key_line[KEY_CIPHERS])
		return section->key_line[KEY_CIPHERS];
	return section->key_line[KEY_REQUIRE] ? section->key_line[KEY_REQUIRE] : section->line;
}

static int ciphers_check(struct parser *p, const struct section *section)
{
	const struct requirement *requirement = &section->rule.requirement;
	bool macsec = requirement->require == REQUIRE_MACSEC, ipsec = requirement->require == REQUIRE_IPSEC;

	if ((!macsec || requirement->ciphers & CIPHERS_MACSEC) && (!ipsec || requirement->ciphers & CIPHERS_ESP))
		return 0;
	return fail(
		p, -EINVAL, ciphers_line(section),
		"nothing can satisfy require = %s with ciphers for %s only (in '%s', with what it has from [default])",
		macsec ? "macsec" : "ipsec", macsec ? "IPsec" : "MACsec", section->rule.name);
}

static void section_inherit(struct section *section, const struct policy_rule *base)
{
	for (enum policy_key key = KEY_INHERITED_FIRST; key < KEY_COUNT; key++)
		if (!section->key_line[key])
			policy_key_inherit(&section->rule, key, base);
}

static int rule_finish(struct parser *p, size_t index)
{
	struct section *section = &p->rules[index];

	if (!section_matches_something(section))
		return fail(p, -EINVAL, section->line,
			    "rule '%s' has no match-... key and would match all: use [default]", section->rule.name);
	for (size_t i = 0; i < index; i++)
		if (policy_rule_matches_same(&p->rules[i].rule, &section->rule))
			return fail(p, -EINVAL, section->line, "duplicate rule: '%s' in line %u matches the same",
				    p->rules[i].rule.name, p->rules[i].line);
	section_inherit(section, &p->fallback.rule);
	return ciphers_check(p, section);
}

static int policy_make(struct parser *p, struct policy **out)
{
	struct policy *policy = calloc(1, sizeof(*policy));
	struct policy_rule *rules = calloc(p->rule_count + 1, sizeof(*rules));

	if (!policy || !rules) {
		free(policy);
		free(rules);
		return fail(p, -ENOMEM, 0, "out of memory");
	}
	for (size_t i = 0; i < p->rule_count; i++)
		rules[i] = p->rules[i].rule;
	rules[p->rule_count] = p->fallback.rule;
	policy->rules = rules;
	policy->count = p->rule_count + 1;
	*out = policy;
	return 0;
}

static int parse(struct parser *p, struct policy **out)
{
	int line;

	p->fallback.rule = *policy_rule_at(policy_builtin(), 0);
	if (p->len > POLICY_FILE_MAX)
		return fail(p, -EFBIG, 0, "larger than %d octets", POLICY_FILE_MAX);
	line = ini_parse_stream(line_next, p, key_found, p);
	if (p->status)
		return p->status;
	if (line < 0)
		return fail(p, -ENOMEM, 0, "out of memory");
	if (line > 0)
		return fail(p, -EINVAL, (unsigned int)line, "inih does not understand this line");
	if (ciphers_check(p, &p->fallback))
		return p->status;
	for (size_t i = 0; i < p->rule_count; i++)
		if (rule_finish(p, i))
			return p->status;
	return policy_make(p, out);
}

int policy_parse(const char *name, const char *text, size_t len, struct policy **out, char *error, size_t error_size)
{
	struct parser p = { .name = name, .text = text, .len = len, .error = error, .error_size = error_size };
	int err = parse(&p, out);

	free(p.rules);
	return err;
}

/* ---- the file ---- */

static int file_fail(const char *path, int err, const char *what, char *error, size_t error_size)
{
	errno = -err;
	text_format(error, error_size, "%s: %s: %m", path, what);
	return err;
}

/* O_NONBLOCK: to open a pipe that nobody writes must not block, only to find out that it is one. */
static int file_open(const char *path, char *error, size_t error_size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd < 0)
		return file_fail(path, -errno, "cannot open", error, error_size);
	if (fstat(fd, &st)) {
		int err = file_fail(path, -errno, "cannot stat", error, error_size);

		close(fd);
		return err;
	}
	if (S_ISREG(st.st_mode))
		return fd;
	close(fd);
	text_format(error, error_size, "%s: not a regular file", path);
	return -EINVAL;
}

/* Up to `size` octets, whatever size fstat(2) tells: the file may grow. Their count, or -errno. */
static ssize_t file_read(int fd, char *text, size_t size)
{
	size_t len = 0;

	while (len < size) {
		ssize_t got = read(fd, text + len, size - len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			break;
		len += (size_t)got;
	}
	return (ssize_t)len;
}

int policy_load(const char *path, struct policy **out, char *error, size_t error_size)
{
	int fd = file_open(path, error, error_size);
	ssize_t len;
	char *text;
	int err;

	if (fd < 0)
		return fd;
	/* One octet more than allowed, by which policy_parse() sees that there is more. */
	text = malloc(POLICY_FILE_MAX + 1);
	len = text ? file_read(fd, text, POLICY_FILE_MAX + 1) : -ENOMEM;
	if (len < 0)
		err = file_fail(path, (int)len, "cannot read", error, error_size);
	else
		err = policy_parse(path, text, (size_t)len, out, error, error_size);
	free(text);
	close(fd);
	return err;
}
