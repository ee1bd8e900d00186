/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Between the preload door's ioctl() and its ibv_open_device(). */
#ifndef RDMASEC_INTERPOSE_OPEN_DEVICE_H
#define RDMASEC_INTERPOSE_OPEN_DEVICE_H

/* How many commands of this thread's have come to the door, but for canaries. */
extern _Thread_local unsigned long preload_verbs_seen;

#endif
