// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Opening for writing: the supervisor opens uverbs nodes, and the program opens all other files. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <string.h>
#include <unistd.h>

#include "place.h"

enum { READ_AT_ONCE = 256 };

/* Reads a string of the program in pieces: the memory after its end may not be mapped. */
static int read_string(const struct target *target, uint64_t address, char *text, size_t size)
{
	for (size_t at = 0; at < size;) {
		size_t piece = READ_AT_ONCE - (address + at) % READ_AT_ONCE;
		int err;

		piece = piece < size - at ? piece : size - at;
		err = target->read(target->context, address + at, text + at, piece);
		if (err)
			return err;
		if (memchr(text + at, '\0', piece))
			return 0;
		at += piece;
	}
	return -ENAMETOOLONG;
}

/* The flags of openat2(2); `restricted`: it also sets resolve flags, which the supervisor does not support. */
static int read_how(const struct target *target, const struct open_call *call, uint64_t *flags, bool *restricted)
{
	struct open_how how = { 0 };
	int err;

	if (call->how_size < sizeof(how))
		return -EINVAL;
	err = target->read(target->context, call->how, &how, sizeof(how));
	if (err)
		return err;
	*flags = how.flags;
	*restricted = how.resolve != 0;
	return 0;
}

static bool opens_for_writing(uint64_t flags)
{
	uint64_t mode = flags & O_ACCMODE;

	return !(flags & O_PATH) && (mode == O_WRONLY || mode == O_RDWR);
}

static enum supervisor_opening opening_of(const struct surroundings *around, dev_t rdev)
{
	return around->opening ? around->opening(around->context, rdev) : SUPERVISOR_OPENS_AS_PROGRAM;
}

static struct outcome hand_in(const struct target *target, int path_fd, uint64_t flags, enum supervisor_opening how)
{
	/* the node exists and has been found */
	int wanted = (int)flags & ~(O_CREAT | O_EXCL | O_TRUNC | O_NOFOLLOW | O_CLOEXEC);
	struct outcome outcome;
	int fd, err;

	if (how == SUPERVISOR_PROGRAM_OPENS)
		return outcome_continues();
	err = how == SUPERVISOR_OPENS_GIVEN ? place_open_given(target, path_fd, wanted | O_CLOEXEC, &fd)
					    : place_open_as(target, path_fd, wanted | O_CLOEXEC, &fd);
	if (err)
		return outcome_returns(err);
	outcome = outcome_returns(0);
	outcome.kind = OUTCOME_FD;
	outcome.fd = fd;
	outcome.fd_flags = flags & O_CLOEXEC;
	return outcome;
}

/*
 * No such file for the kernel either. Every other error leaves open what the program would find: then the program opens
 * the file itself only if Landlock keeps it from uverbs nodes.
 */
static struct outcome not_found(const struct surroundings *around, int err)
{
	if (err == -ENOENT || err == -ENOTDIR || err == -ELOOP || err == -ENAMETOOLONG || around->is_locked)
		return outcome_continues();
	return outcome_returns(err);
}

static struct outcome open_path(const struct surroundings *around, const struct target *target,
				const struct open_call *call, uint64_t flags, bool restricted)
{
	char path[PATH_MAX];
	struct outcome outcome;
	dev_t rdev;
	int fd, err = read_string(target, call->path, path, sizeof(path));

	if (err)
		return outcome_returns(err);
	err = place_find(target, call->dirfd, path, !(flags & O_NOFOLLOW), &fd);
	if (err)
		return not_found(around, err);
	if (!around->is_uverbs(around->context, fd, &rdev))
		outcome = outcome_continues();
	else if (flags & O_CREAT && flags & O_EXCL)
		outcome = outcome_returns(-EEXIST);
	else if (flags & O_DIRECTORY)
		outcome = outcome_returns(-ENOTDIR);
	else
		outcome = restricted ? outcome_returns(-EPERM) : hand_in(target, fd, flags, opening_of(around, rdev));
	close(fd);
	return outcome;
}

struct outcome call_open(const struct surroundings *around, const struct target *target, const struct open_call *call)
{
	uint64_t flags = call->flags;
	bool restricted = false;
	int err = call->has_how ? read_how(target, call, &flags, &restricted) : 0;

	if (err)
		return outcome_returns(err);
	if (!opens_for_writing(flags))
		return outcome_continues();
	return open_path(around, target, call, flags, restricted);
}
