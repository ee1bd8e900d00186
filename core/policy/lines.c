// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The lines of the policy file. inih reads only lines that it cannot misread. */
#include <errno.h>
#include <string.h>

#include "policy/internal.h"

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

static int octets_check(struct policy_parser *p, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char octet = (unsigned char)line[i];

		if (!octet)
			return policy_fail(p, -EINVAL, p->line, "a NUL octet");
		if ((octet < 0x20 && octet != '\t') || octet == 0x7f)
			return policy_fail(p, -EINVAL, p->line, "a control character, 0x%02x", octet);
	}
	return 0;
}

static int key_line_check(struct policy_parser *p, const char *line)
{
	size_t end = strcspn(line, "=:");

	if (line[end] != '=')
		return policy_fail(p, -EINVAL, p->line, "'%s' is neither KEY = VALUE nor a section",
				   policy_word(line).text);
	if (strpbrk(line, "#;"))
		return policy_fail(p, -EINVAL, p->line,
				   "'%c' in '%s': a comment behind a value begins with white space and ';'",
				   *strpbrk(line, "#;"), policy_word(line).text);
	return 0;
}

/* `line` is trimmed and without its end. */
static int line_check(struct policy_parser *p, const char *line)
{
	if (!*line)
		return 0;
	for (const char *c = line; *c; c++)
		if (*c & 0x80)
			return policy_fail(p, -EINVAL, p->line, "'%s': only ASCII outside of comments",
					   policy_word(line).text);
	if (strchr(" \t", *line))
		return policy_fail(p, -EINVAL, p->line, "'%s' is indented: a value cannot go on in a second line",
				   policy_word(line + strspn(line, " \t")).text);
	return *line == '[' ? policy_section_begin(p, line) : key_line_check(p, line);
}

/* Returns the next line of the text, without its end (LF or CR LF). */
static const char *line_take(struct policy_parser *p, size_t *len)
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
 * NULL after a mistake ends the parsing; inih by itself would go on. Every line, also the last, gets an LF: without it
 * inih may take the line for the first part of a longer one.
 */
char *policy_line_next(char *buffer, int size, void *stream)
{
	struct policy_parser *p = stream;
	size_t len;

	if (p->status || p->at == p->len)
		return NULL;
	const char *line = line_take(p, &len);

	if (size < 3 || len > (size_t)size - 2) {
		policy_fail(p, -EINVAL, p->line, "a line longer than %d octets", size - 2);
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
