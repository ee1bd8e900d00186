// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Finds queue pairs that no door reported: a helper inspects all processes (process/foreign.h), and the loop handles
 * one file that it found at a time, behind questions and revocation.
 *
 *  scan of            when                                  what it finds
 *  guarded processes  every SCAN_MS, and after the end of   is adopted
 *                     one that held a file
 *  all processes      no process is known that has a file   is compared with that file
 *                     of living queue pairs (lost.c)
 *                     the last daemon's guarded processes   is adopted if one of those has it
 *                     have not been searched yet
 */
#include <errno.h>
#include <poll.h>

#include "process/status.h"
#include "util/clock.h"
#include "watch/internal.h"

enum { CHECK_MS = 1000, FIRST_SCAN_MS = 3000 };

/* Then the scan is not complete, and a file without a known holder may have one. */
static bool is_incomplete(int err)
{
	return err == -EMFILE || err == -ENFILE || err == -ENOMEM || err == -EBUSY || err == -ECONNRESET;
}

/* ---- what the last daemon left ---- */

/* False also if that is not known: a helper may hang for its account. */
static bool has_ended(struct foreign *foreign, pid_t pid, uint64_t start_time)
{
	struct process process;
	bool is_another;
	int err = foreign_open(foreign, pid, &process);

	if (err)
		return err == -ESRCH;
	is_another = process.start_time != start_time;
	process_close(&process);
	return is_another;
}

static void prune(pid_t pid, uint64_t start_time, void *arg)
{
	struct watch *watch = arg;

	if (!has_ended(watch->foreign, pid, start_time))
		return;
	kept_remove(watch->kept, pid, start_time);
	watch->has_orphans = watch->has_orphans || !watch->has_adopted;
}

static bool is_filtered(pid_t pid)
{
	enum { FILTERED = 2 };
	uint64_t mode;

	return !process_status_numbers(pid, "Seccomp", 10, &mode, 1) && mode == FILTERED;
}

/*
 * A process that a daemon has guarded stays guarded. Of one that ended while no daemon ran, others may have the files:
 * the programs of a container, all of which have its filter. If the file is not complete, any process may be meant.
 */
static bool is_kept(const struct watch *watch, const struct process *process)
{
	if (!watch->kept)
		return false;
	if (kept_has(watch->kept, process->pid, process->start_time))
		return true;
	return !watch->has_adopted &&
	       (kept_is_incomplete(watch->kept) || (watch->has_orphans && is_filtered(process->pid)));
}

static void adopted(struct watch *watch)
{
	if (watch->kept && !watch->has_adopted)
		kept_complete(watch->kept);
	watch->has_adopted = true;
}

/* ---- a scan ---- */

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
	/* a file that stops helpers keeps nobody's queue pairs from being judged */
	if (!is_incomplete(err)) {
		watch_search_end(watch);
		adopted(watch);
	}
	watch_settle_lost(watch);
	watch_identify_adopted(watch);
	watch_set_macsec_polling(watch);
	if (!watch->scan_is_soon)
		watch_set_timer(watch->scan, SCAN_MS);
}

static void take_of(struct watch *watch, const struct process *process, const struct foreign_found *found)
{
	struct watch_ufile *ufile;

	if (watch_find_again(watch, process, found))
		return;
	if ((found->is_guarded || is_kept(watch, process)) &&
	    !watch_ufile_get(watch, process, found->number, &found->file, &ufile))
		watch_sweep_ufile(ufile);
}

static void take_found(struct watch *watch, const struct foreign_found *found)
{
	struct process process;

	if (!foreign_open(watch->foreign, found->pid, &process)) {
		if (process.start_time == found->start_time)
			take_of(watch, &process, found);
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
	struct foreign_scope scope = { .is_everything = watch->whole_host && watch->kept && !watch->has_adopted };
	bool is_needed;
	int err = 0;

	watch->scan_is_soon = false;
	watch->scan_began_ms = clock_ms();
	scope.is_everything |= watch_search_begin(watch, &scope);
	is_needed = watch->foreign && (watch->whole_host || scope.is_everything);
	if (is_needed)
		err = foreign_scan_start(watch->foreign, &scope);
	if (!is_needed || err) {
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

	if (watch->kept)
		kept_each(watch->kept, prune, watch);
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
