/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * The door's descriptors among those of the program. A program relies on numbers: 0 to 2 are its standard streams also
 * while they are closed, the next open(2) returns the lowest free number, and all of its limit (RLIMIT_NOFILE) is its
 * own. No function blocks. All keep errno.
 */
#ifndef RDMASEC_DOOR_DESCRIPTORS_H
#define RDMASEC_DOOR_DESCRIPTORS_H

#include <stdbool.h>
#include <sys/resource.h>

#include "util/attributes.h"

/* Above the numbers that programs expect their own descriptors to get. */
enum { DESCRIPTOR_LASTING = 64 };

/*
 * Moves `fd` out of the numbers of the standard streams, with FD_CLOEXEC. Returns its new number. -errno: there is no
 * other, and `fd` is closed. Accepts -errno, and returns it.
 */
RS_MUST_USE int descriptor_leave_standard(int fd);

/*
 * Moves `fd` to DESCRIPTOR_LASTING or above, with FD_CLOEXEC; above the program's soft limit where that is lower, so
 * that it takes none of the program's numbers; to the highest number that the hard limit allows otherwise. Returns its
 * new number. -errno: there is none, and `fd` is closed.
 */
RS_MUST_USE int descriptor_make_lasting(int fd);

/*
 * Room for a program that has no free descriptor: raises its soft limit to the hard one. The limit belongs to the whole
 * process, so it must be restored at once; descriptors above it stay valid.
 */
struct descriptor_room {
	struct rlimit before, raised;
};

/* 0, and descriptor_room_end() is due; -EMFILE: the soft limit is the hard one already, or cannot be raised. */
RS_MUST_USE int descriptor_room_begin(struct descriptor_room *room);
void descriptor_room_end(const struct descriptor_room *room);

#endif
