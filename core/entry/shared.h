/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* What entry.bpf.c and user space have in common: keys and values of its maps. No padding anywhere. */
#ifndef RDMASEC_ENTRY_SHARED_H
#define RDMASEC_ENTRY_SHARED_H

#include <linux/types.h>

enum {
	ENTRY_DEVICE_NAME_MAX = 64, /* IB_DEVICE_NAME_MAX in include/uapi/rdma/rdma_netlink.h */
	ENTRY_TICKETS_MAX = 8192,   /* a door has one while it executes its command */
	ENTRY_STOPPED_MAX = 8192,   /* threads that are stopped and not released yet */
	ENTRY_EVENTS_SIZE = 2 * 1024 * 1024,
};

/* What is done with a process whose queue pair has got an address without a ticket. The zero value stops it. */
enum entry_mode {
	ENTRY_STOPS = 0, /* SIGSTOP, and an event; SIGKILL where there is no room for the event */
	ENTRY_REPORTS,   /* an event; nothing where there is no room for it */
};

/* The command that a door may execute: this queue pair gets this address. */
struct entry_ticket {
	__u8 remote[16]; /* a GID; zeros: a queue pair that needs no address becomes able to send */
	__u32 device;    /* of the ib_device: its index in RDMA netlink */
	__u32 qpn;
	__u8 port, gid_index;
	__u8 reserved[6];
};

struct entry_setting {
	__u64 generation; /* of the evidence; a ticket is valid in the one in which it was made. 0: no ticket is valid
			   */
	__u32 mode;       /* enum entry_mode */
	__u32 reserved;
};

struct entry_event {
	struct entry_ticket command; /* what the kernel has executed */
	__u64 start_time;            /* of the process, in ns since boot: task_struct.start_boottime */
	__u32 pid, tid;              /* in the initial PID namespace */
	__u32 handle;                /* of the queue pair in its open file: ib_uobject.id */
	__u32 qp_type;               /* enum ib_qp_type */
	__u32 stopped;               /* 1: the process was stopped, or is about to be */
	__u32 reserved;
	char device[ENTRY_DEVICE_NAME_MAX];
};

#endif
