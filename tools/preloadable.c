// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "preloadable.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { SCRIPT_DEPTH_MAX = 4, HEADERS_MAX = 64 };

static int is_executable_file(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EACCES;
	return access(path, X_OK) ? -errno : 0;
}

static int find_program(const char *name, char *path, size_t size)
{
	const char *search = getenv("PATH");
	int err = -ENOENT;

	if (strchr(name, '/'))
		return snprintf(path, size, "%s", name) < (int)size ? is_executable_file(path) : -ENAMETOOLONG;
	for (const char *dir = search ? search : "/bin:/usr/bin"; dir && *name;
	     dir = strchr(dir, ':') ? strchr(dir, ':') + 1 : NULL) {
		int len = (int)strcspn(dir, ":"), one;

		if (snprintf(path, size, "%.*s%s%s", len, dir, len ? "/" : "./", name) >= (int)size)
			continue;
		one = is_executable_file(path);
		if (!one)
			return 0;
		if (one == -EACCES)
			err = one;
	}
	return err;
}

/* For such a program the loader runs in secure-execution mode (AT_SECURE) and ignores LD_PRELOAD. */
static int raises_privilege(int fd)
{
	char caps[64];
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if ((st.st_mode & S_ISUID && st.st_uid != geteuid()) || (st.st_mode & S_ISGID && st.st_gid != getegid()))
		return 1;
	return geteuid() != 0 && fgetxattr(fd, "security.capability", caps, sizeof(caps)) > 0;
}

/* 1: a program header asks for the dynamic loader; 0: static; -ENOEXEC. */
static int has_interpreter(int fd, const ElfW(Ehdr) * header)
{
	ElfW(Phdr) segments[HEADERS_MAX];
	size_t size;

	if (memcmp(header->e_ident, ELFMAG, SELFMAG) ||
	    header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    header->e_phentsize != sizeof(segments[0]) || header->e_phnum > HEADERS_MAX)
		return -ENOEXEC;
	size = header->e_phnum * sizeof(segments[0]);
	if (pread(fd, segments, size, header->e_phoff) != (ssize_t)size)
		return -ENOEXEC;
	for (size_t i = 0; i < header->e_phnum; i++)
		if (segments[i].p_type == PT_INTERP)
			return 1;
	return 0;
}

/* "#!interpreter argument": cuts `line` down to the interpreter's path. */
static int script_interpreter(char *line, char **interpreter)
{
	char *start = line + 2 + strspn(line + 2, " \t");

	start[strcspn(start, " \t\n")] = '\0';
	*interpreter = start;
	return *start == '/' ? 0 : -ENOEXEC;
}

static int judge(const char *path, int depth, char *why, size_t size)
{
	union {
		ElfW(Ehdr) header;
		char line[256];
	} start = { .line = "" };
	int fd = open(path, O_RDONLY | O_CLOEXEC), dynamic, err;
	char *interpreter;

	if (fd < 0) {
		err = -errno;
		snprintf(why, size, "cannot read %s, to check whether it can be guarded: %s", path, strerror(errno));
		return err;
	}
	err = -ENOEXEC;
	if (raises_privilege(fd)) {
		snprintf(why, size,
			 "%s raises its privileges (setuid, setgid or capabilities), so the loader ignores LD_PRELOAD: "
			 "guard it "
			 "from outside with 'rdmasec run --supervise'",
			 path);
	} else if (read(fd, start.line, sizeof(start.line) - 1) < 4) {
		snprintf(why, size, "%s is not a program", path);
	} else if (!memcmp(start.line, "#!", 2)) {
		if (depth >= SCRIPT_DEPTH_MAX || script_interpreter(start.line, &interpreter))
			snprintf(why, size, "%s: invalid interpreter line", path);
		else
			err = judge(interpreter, depth + 1, why, size);
	} else {
		dynamic = has_interpreter(fd, &start.header);
		if (dynamic == 0)
			snprintf(why, size,
				 "%s is statically linked, so the door cannot be loaded into it: guard it from outside "
				 "with "
				 "'rdmasec run --supervise'",
				 path);
		else if (dynamic < 0)
			snprintf(why, size, "%s is not a program of this machine's word size and format", path);
		else
			err = 0;
	}
	close(fd);
	return err;
}

int program_find(const char *name, char *path, size_t path_size, char *why, size_t why_size)
{
	int err = find_program(name, path, path_size);

	if (err)
		snprintf(why, why_size, "%s: %s", name, strerror(-err));
	return err;
}

int program_preloadable(const char *name, char *path, size_t path_size, char *why, size_t why_size)
{
	int err = program_find(name, path, path_size, why, why_size);

	return err ? err : judge(path, 0, why, why_size);
}

/* The text of PT_INTERP. */
static int read_interpreter(int fd, const ElfW(Ehdr) * header, char *path, size_t size)
{
	ElfW(Phdr) segment;

	for (size_t i = 0; i < header->e_phnum; i++) {
		if (pread(fd, &segment, sizeof(segment), (off_t)(header->e_phoff + i * sizeof(segment))) !=
		    (ssize_t)sizeof(segment))
			return -ENOEXEC;
		if (segment.p_type != PT_INTERP)
			continue;
		if (!segment.p_filesz || segment.p_filesz > size ||
		    pread(fd, path, segment.p_filesz, (off_t)segment.p_offset) != (ssize_t)segment.p_filesz ||
		    path[segment.p_filesz - 1])
			return -ENOEXEC;
		return 0;
	}
	return -ENOEXEC;
}

static int loader_of(const char *path, int depth, char *loader, size_t size)
{
	union {
		ElfW(Ehdr) header;
		char line[256];
	} start = { .line = "" };
	int fd = open(path, O_RDONLY | O_CLOEXEC), err = -ENOEXEC;
	char *interpreter;

	if (fd < 0)
		return -errno;
	if (read(fd, start.line, sizeof(start.line) - 1) < (ssize_t)sizeof(start.header) && memcmp(start.line, "#!", 2))
		err = -ENOEXEC;
	else if (!memcmp(start.line, "#!", 2) && depth < SCRIPT_DEPTH_MAX &&
		 !script_interpreter(start.line, &interpreter))
		err = loader_of(interpreter, depth + 1, loader, size);
	else if (has_interpreter(fd, &start.header) == 1)
		err = read_interpreter(fd, &start.header, loader, size);
	close(fd);
	return err;
}

int program_loader(const char *path, char *loader, size_t size)
{
	return loader_of(path, 0, loader, size);
}
