// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Finds queue pairs that no door reported: a helper inspects all processes (process/foreign.h), and the loop handles
 * one file that it found at a time, behind questions and revocation.
 */
#include <errno.h>
#include <poll.h>

#include "util/clock.h"
#include "watch/internal.h"

enum { CHECK_MS = 1000, FIRST_SCAN_MS = 3000 };

/* Then the scan is not complete, and a file without a known holder may have one. */
static bool is_incomplete(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -EBUSY || err == -ECONNRESET;
}

void watch_scan_stop(struct watch *watch)
{
	if (watch->scan_found)
		event_free(watch->scan_found);
	if (watch->scan_check)
		event_free(watch->scan_check);
	watch->scan_found = watch->scan_check = NULL;
}

static void scan_ended(struct watch *watch, int err)
{
	watch_scan_stop(watch);
	watch->scan_took_ms = clock_ms() - watch->scan_began_ms;
	/* a process that cannot be inspected could not have been watched either */
	if (is_incomplete(err) || (watch->foreign && foreign_stuck(watch->foreign)))
		watch_scan_soon(watch);
	else
		watch_free_unheld(watch);
	watch_identify_adopted(watch);
	watch_set_macsec_polling(watch);
	if (!watch->scan_is_soon)
		watch_set_timer(watch->scan, SCAN_MS);
}

static void take_found(struct watch *watch, const struct foreign_found *found)
{
	struct watch_ufile *ufile;
	struct process process;

	if (!process_open(found->pid, &process)) {
		if (process.start_time == found->start_time &&
		    !watch_ufile_get(watch, &process, found->number, &found->file, &ufile))
			watch_sweep_ufile(ufile);
		process_close(&process);
	}
	foreign_close_device(watch->foreign, found->file.fd);
}

/* Returns whether the scan goes on. */
static bool take_next(struct watch *watch)
{
	struct foreign_found found;
	int scan_err, err = foreign_scan_next(watch->foreign, &found, &scan_err);

	if (!err)
		take_found(watch, &found);
	if (err == -ENOENT)
		scan_ended(watch, scan_err);
	return err != -ENOENT;
}

static void on_found(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)take_next(arg);
}

static int listen_to_scan(struct watch *watch)
{
	if (watch->scan_found)
		event_free(watch->scan_found);
	watch->scan_found =
		event_new(watch->base, foreign_scan_fd(watch->foreign), EV_READ | EV_PERSIST, on_found, watch);
	return watch->scan_found && !event_add(watch->scan_found, NULL) ? 0 : -ENOMEM;
}

static void check(struct watch *watch)
{
	if (!foreign_scan_check(watch->foreign))
		return;
	if (foreign_scan_fd(watch->foreign) < 0)
		scan_ended(watch, -EBUSY);
	else if (listen_to_scan(watch))
		scan_ended(watch, -ENOMEM);
}

static void on_check(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	check(arg);
}

static void scan_begin(struct watch *watch)
{
	const struct timeval interval = clock_timeval(CHECK_MS);
	int err = 0;

	watch->scan_is_soon = false;
	watch->scan_began_ms = clock_ms();
	if (watch->whole_host)
		err = foreign_scan_start(watch->foreign);
	if (!watch->whole_host || err) {
		scan_ended(watch, err);
		return;
	}
	watch->scan_check = event_new(watch->base, -1, EV_PERSIST, on_check, watch);
	if (!watch->scan_check || event_add(watch->scan_check, &interval) || listen_to_scan(watch))
		scan_ended(watch, -ENOMEM);
}

static void on_scan(evutil_socket_t fd, short what, void *arg)
{
	struct watch *watch = arg;

	(void)fd;
	(void)what;
	/* a file has lost its last known holder during a scan, which may have passed the next holder already */
	if (watch->scan_found)
		watch_set_timer(watch->scan, CHECK_MS);
	else
		scan_begin(watch);
}

void watch_adopt(struct watch *watch)
{
	int64_t end_ms = clock_ms() + FIRST_SCAN_MS;

	scan_begin(watch);
	while (watch->scan_found && clock_ms() < end_ms) {
		struct pollfd ready = { .fd = foreign_scan_fd(watch->foreign), .events = POLLIN };

		if (poll(&ready, 1, CHECK_MS) == 0)
			check(watch);
		else if (!take_next(watch))
			return;
	}
}

int watch_scan_init(struct watch *watch)
{
	watch->scan = evtimer_new(watch->base, on_scan, watch);
	if (!watch->scan)
		return -ENOMEM;
	watch_set_timer(watch->scan, SCAN_MS);
	return 0;
}
