// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Whether a loader takes the door: this host's, a copy of it, and one that does not. */
#include <criterion/criterion.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/door_arrives.h"
#include "tools/preloadable.h"

static char folder[] = "/tmp/arrXXXXXX"; /* short: it goes into the place of another path */
static char own_loader[PATH_MAX];

/* "cp FILE FOLDER/NAME" */
static void copy(const char *file, const char *name)
{
	char command[PATH_MAX + 128];

	snprintf(command, sizeof(command), "cp %s %s/%s", file, folder, name);
	cr_assert_eq(system(command), 0, "%s", command);
}

static void setup(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(program_loader("/proc/self/exe", own_loader, sizeof(own_loader)), 0);
}

static void teardown(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -rf %s", folder);
	cr_assert_eq(system(command), 0);
}

TestSuite(door_arrives, .init = setup, .fini = teardown, .timeout = 60);

/* Copies /bin/true, with another loader. */
static void make_program(char *path, const char *loader)
{
	char old[64] = "";
	ElfW(Ehdr) header;
	ElfW(Phdr) segment;
	int fd;

	copy("/bin/true", "true");
	snprintf(path, PATH_MAX, "%s/true", folder);
	fd = open(path, O_RDWR | O_CLOEXEC);
	cr_assert_eq(pread(fd, &header, sizeof(header), 0), sizeof(header));
	for (size_t i = 0; i < header.e_phnum; i++) {
		cr_assert_eq(pread(fd, &segment, sizeof(segment), (off_t)(header.e_phoff + i * sizeof(segment))),
			     sizeof(segment));
		if (segment.p_type == PT_INTERP)
			break;
	}
	cr_assert(segment.p_type == PT_INTERP && strlen(loader) < segment.p_filesz && segment.p_filesz <= sizeof(old));
	strcpy(old, loader);
	cr_assert_eq(pwrite(fd, old, segment.p_filesz, (off_t)segment.p_offset), (ssize_t)segment.p_filesz);
	close(fd);
}

Test(door_arrives, with_own_loader)
{
	char why[3 * PATH_MAX] = "";

	cr_expect_eq(door_arrives("/bin/true", PRELOAD, why, sizeof(why)), 0, "%s", why);
}

Test(door_arrives, not_without_library)
{
	char why[3 * PATH_MAX] = "";

	cr_expect_eq(door_arrives("/bin/true", "/absent/librdmasec-preload.so", why, sizeof(why)), -ENOENT);
	cr_expect(strstr(why, "/absent/librdmasec-preload.so"));
}

Test(door_arrives, with_other_loader_that_lists_it)
{
	char why[3 * PATH_MAX] = "", loader[64], program[PATH_MAX];

	copy(own_loader, "ld");
	snprintf(loader, sizeof(loader), "%s/ld", folder);
	make_program(program, loader);
	cr_expect_eq(door_arrives(program, PRELOAD, why, sizeof(why)), 0, "%s", why);
}

Test(door_arrives, not_with_other_loader_that_does_not_list_it)
{
	char why[3 * PATH_MAX] = "", loader[64], program[PATH_MAX];

	copy("/bin/echo", "ld");
	snprintf(loader, sizeof(loader), "%s/ld", folder);
	make_program(program, loader);
	cr_expect_eq(door_arrives(program, PRELOAD, why, sizeof(why)), -ENOEXEC);
	cr_expect(strstr(why, loader) && strstr(why, "--supervise"), "%s", why);
}

Test(door_arrives, finds_loader_of_script)
{
	char script[64], loader[PATH_MAX];
	FILE *file;

	snprintf(script, sizeof(script), "%s/script", folder);
	file = fopen(script, "we");
	cr_assert(file && fputs("#!/bin/sh -e\ntrue\n", file) >= 0);
	fclose(file);
	cr_expect_eq(program_loader(script, loader, sizeof(loader)), 0);
	cr_expect_str_eq(loader, own_loader);
	cr_expect_eq(program_loader("/etc/passwd", loader, sizeof(loader)), -ENOEXEC);
	cr_expect_eq(program_loader("/absent", loader, sizeof(loader)), -ENOENT);
}
