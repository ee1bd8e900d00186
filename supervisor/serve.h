/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/* Between receiving notifications (serve.c) and what they are answered with (answer.c). */
#ifndef RDMASEC_SUPERVISOR_SERVE_H
#define RDMASEC_SUPERVISOR_SERVE_H

#include <pthread.h>

#include "supervisor_internal.h"

enum { DEVICES_MAX = 64 };

/* What is learnt of devices; any thread. */
struct device_drivers {
	pthread_mutex_t lock;
	size_t count;
	struct {
		dev_t rdev;
		uint32_t driver_id;
	} known[DEVICES_MAX];
};

struct answering {
	int listener;
	struct engine_address engine;
	struct supervisor_options options;
	struct device_drivers drivers;
	pthread_mutex_t looking; /* one at a time; of what follows, looks_begun has the drivers' lock */
	uint64_t looks_begun;
	pid_t looked_at;
	int looked_number;
};

/* Answers one notification, and sees what it let pass to its end. In the thread of a worker. */
void answer_notification(struct answering *answering, const struct seccomp_notif *from);

#endif
