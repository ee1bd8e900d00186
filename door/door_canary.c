// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
#include "door.h"

bool door_canary_answer(int fd, void *arg, const void *door)
{
	struct canary canary;

	if (fd != -1 || door_read((uintptr_t)arg, &canary, sizeof(canary)) || canary.magic != CANARY_MAGIC ||
	    canary.length != CANARY_LENGTH)
		return false;
	canary.door = (uintptr_t)door;
	return !door_write((uintptr_t)arg, &canary, sizeof(canary));
}
