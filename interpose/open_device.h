/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by ioctl() and ibv_open_device() of the preload door. */
#ifndef RDMASEC_INTERPOSE_OPEN_DEVICE_H
#define RDMASEC_INTERPOSE_OPEN_DEVICE_H

/* The number of commands of this thread that reached the door, without canaries. */
extern _Thread_local unsigned long preload_verbs_seen;

#endif
