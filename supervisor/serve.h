/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Shared by serve.c, which receives notifications, and answer.c, which answers them. */
#ifndef RDMASEC_SUPERVISOR_SERVE_H
#define RDMASEC_SUPERVISOR_SERVE_H

#include <pthread.h>

#include "supervisor_internal.h"

enum { DEVICES_MAX = 64 };

/* The driver of each device, as the kernel accepted it. Any thread, under `lock`. */
struct device_drivers {
	pthread_mutex_t lock;
	size_t count;
	struct {
		dev_t rdev;
		uint32_t driver_id;
	} known[DEVICES_MAX];
};

/* A worker that waits for the engine's check of a file: its own duplicate of that file. */
struct look {
	int fd;
	bool is_done;
	struct look *prev, *next;
};

struct answering {
	int listener;
	struct engine_address engine;
	struct supervisor_options options;
	struct device_drivers drivers;
	pthread_mutex_t looking; /* held during a check of the engine */
	struct look *looks;      /* of those that wait for one; under the lock of `drivers` */
};

/*
 * Answers one notification. If the program makes the call itself, waits for its end and reports it to the engine.
 * Blocks; runs in a worker thread.
 */
void answer_notification(struct answering *answering, const struct seccomp_notif *from);

#endif
