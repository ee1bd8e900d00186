// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* A copy at `lowest` or above; -errno. */
static int copy_above(int fd, int lowest)
{
	int saved = errno, copy = fcntl(fd, F_DUPFD_CLOEXEC, lowest);

	copy = copy < 0 ? -errno : copy;
	errno = saved;
	return copy;
}

int descriptor_leave_standard(int fd)
{
	int moved;

	if (fd < 0 || fd > STDERR_FILENO)
		return fd;
	moved = copy_above(fd, STDERR_FILENO + 1);
	close(fd);
	return moved;
}

static int copy_lasting(int fd)
{
	struct descriptor_room room;
	int copy = copy_above(fd, DESCRIPTOR_LASTING);

	if (copy >= 0 || descriptor_room_begin(&room))
		return copy;
	copy = copy_above(fd,
			  room.before.rlim_cur > DESCRIPTOR_LASTING ? (int)room.before.rlim_cur : DESCRIPTOR_LASTING);
	descriptor_room_end(&room);
	return copy;
}

int descriptor_make_lasting(int fd)
{
	int copy = copy_lasting(fd);

	for (int lowest = DESCRIPTOR_LASTING / 2; copy < 0 && lowest > STDERR_FILENO; lowest /= 2)
		copy = copy_above(fd, lowest);
	close(fd);
	return copy;
}

int descriptor_room_begin(struct descriptor_room *room)
{
	int saved = errno, err = 0;

	if (getrlimit(RLIMIT_NOFILE, &room->before) || room->before.rlim_cur >= room->before.rlim_max)
		err = -EMFILE;
	room->raised = (struct rlimit){ room->before.rlim_max, room->before.rlim_max };
	if (!err && setrlimit(RLIMIT_NOFILE, &room->raised))
		err = -EMFILE;
	errno = saved;
	return err;
}

void descriptor_room_end(const struct descriptor_room *room)
{
	struct rlimit now;
	int saved = errno;

	/* another thread may have set it since */
	if (!getrlimit(RLIMIT_NOFILE, &now) && now.rlim_cur == room->raised.rlim_cur)
		(void)setrlimit(RLIMIT_NOFILE, &(struct rlimit){ room->before.rlim_cur, now.rlim_max });
	errno = saved;
}
