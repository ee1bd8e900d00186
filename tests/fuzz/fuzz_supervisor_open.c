// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * call_open() of a program that is all arbitrary octets. Input: four octets say how the file is found and opened, and
 * which call it is; four are the flags; the rest is the memory of the program.
 *
 * No file is opened in earnest: finding and opening are made up here. A device node that the program may not open
 * itself is never left to the program; no flag that creates or truncates reaches the opening; no fd stays open.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#include "must.h"
#include "supervisor/supervisor_internal.h"

enum { ROOM = 0x2000, HEAD = 8, RDEV = 0xe7c0 };
enum { IS_DEVICE = 1 << 0, IS_NOT_FOUND = 1 << 1, OPENING_FAILS = 1 << 2, HAS_HOW = 1 << 3, IS_GONE = 1 << 4 };

static struct {
	const uint8_t *memory;
	size_t size;
	uint8_t how, opening;
	bool found, device;
} program;

static int program_read(void *context, uint64_t address, void *buffer, size_t len)
{
	size_t at = address % ROOM;

	(void)context;
	if (program.how & IS_GONE)
		return -ESRCH;
	if (at > program.size || len > program.size - at)
		return -EFAULT;
	memcpy(buffer, program.memory + at, len);
	return 0;
}

static int new_fd(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	MUST(fd >= 0);
	return fd;
}

int __wrap_place_find(const struct target *target, int dirfd, const char *path, bool follow, int *out_fd);
int __wrap_place_open_as(const struct target *target, int path_fd, int flags, int *out_fd);
int __wrap_place_open_given(const struct target *target, int path_fd, int flags, int *out_fd);

int __wrap_place_find(const struct target *target, int dirfd, const char *path, bool follow, int *out_fd)
{
	(void)target;
	(void)dirfd;
	(void)follow;
	MUST(memchr(path, '\0', PATH_MAX));
	if (program.how & IS_NOT_FOUND)
		return -ENOENT;
	program.found = true;
	*out_fd = new_fd();
	return 0;
}

static int open_it(int path_fd, int flags, int *out_fd)
{
	MUST(fcntl(path_fd, F_GETFD) >= 0 && program.device);
	MUST(!(flags & (O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW)) && flags & O_CLOEXEC);
	if (program.how & OPENING_FAILS)
		return -EACCES;
	*out_fd = new_fd();
	return 0;
}

int __wrap_place_open_as(const struct target *target, int path_fd, int flags, int *out_fd)
{
	(void)target;
	return open_it(path_fd, flags, out_fd);
}

int __wrap_place_open_given(const struct target *target, int path_fd, int flags, int *out_fd)
{
	(void)target;
	return open_it(path_fd, flags, out_fd);
}

static bool is_uverbs(void *context, int fd, dev_t *out_rdev)
{
	(void)context;
	MUST(fcntl(fd, F_GETFD) >= 0);
	program.device = program.how & IS_DEVICE;
	*out_rdev = RDEV;
	return program.device;
}

static enum supervisor_opening opening(void *context, dev_t rdev)
{
	static const enum supervisor_opening all[] = { SUPERVISOR_OPENS_AS_PROGRAM, SUPERVISOR_OPENS_GIVEN,
						       SUPERVISOR_PROGRAM_OPENS };

	(void)context;
	MUST(rdev == RDEV);
	return all[program.opening % 3];
}

static void check(struct outcome *outcome)
{
	bool may_open_itself = program.opening % 3 == 2;

	MUST(outcome->kind != OUTCOME_GONE || program.how & IS_GONE);
	MUST(outcome->kind != OUTCOME_RETURNS || outcome->result < 0);
	MUST(outcome->kind != OUTCOME_CONTINUES || !program.device || may_open_itself);
	if (outcome->kind != OUTCOME_FD)
		return;
	MUST(program.device && fcntl(outcome->fd, F_GETFD) & FD_CLOEXEC);
	MUST(!(outcome->fd_flags & ~(uint32_t)O_CLOEXEC));
	close(outcome->fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct target target = { .tid = 1, .pid = 1, .read = program_read };
	const struct surroundings around = { .is_uverbs = is_uverbs, .opening = opening };
	struct open_call call = { .dirfd = AT_FDCWD };
	struct outcome outcome;
	uint32_t flags;
	int before;

	if (size < HEAD || size - HEAD > ROOM)
		return 0;
	memset(&program, 0, sizeof(program));
	program.how = data[0];
	program.opening = data[1];
	memcpy(&flags, data + 4, sizeof(flags));
	call.path = data[2];
	call.flags = flags;
	call.has_how = program.how & HAS_HOW;
	call.how = ROOM + data[3];
	call.how_size = flags & 0xff;
	program.memory = data + HEAD;
	program.size = size - HEAD;
	before = new_fd();
	close(before);
	outcome = call_open(&around, &target, &call);
	check(&outcome);
	MUST(new_fd() == before); /* the lowest free number */
	close(before);
	return 0;
}
