// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* A preload that calls no other ioctl(): a door behind it gets no call, and must detect that. */
#include "ioctl_function.h"

IOCTL_FUNCTION(EXPORTED, ioctl)
{
	return ioctl_enter(fd, request, arg);
}
