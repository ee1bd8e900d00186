// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "process/status.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/text.h"

static int parse_numbers(const char *text, int base, uint64_t *out, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *end;

		while (*text == '\t' || *text == ' ')
			text++;
		if (!isxdigit((unsigned char)*text))
			return -EPROTO;
		errno = 0;
		out[i] = strtoull(text, &end, base);
		if (errno || !isspace((unsigned char)*end))
			return -EPROTO;
		text = end;
	}
	return 0;
}

int process_status_numbers(pid_t pid, const char *field, int base, uint64_t *out, size_t count)
{
	char path[32], *line = NULL;
	size_t size = 0, len = strlen(field);
	int err = -EPROTO;
	FILE *status;

	text_format(path, sizeof(path), "/proc/%d/status", (int)pid);
	status = fopen(path, "re");
	if (!status)
		return errno == ENOENT ? -ESRCH : -errno;
	/* The lists that grow, such as Groups, may come first: a line at a time. */
	while (getline(&line, &size, status) >= 0)
		if (!strncmp(line, field, len) && line[len] == ':') {
			err = parse_numbers(line + len + 1, base, out, count);
			break;
		}
	free(line);
	fclose(status);
	return err;
}
