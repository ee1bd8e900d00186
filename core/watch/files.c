// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The open files of uverbs devices, each perhaps held by several processes. Three things identify one, in this order:
 *
 *  number    the process was seen holding it under this number, which may have been closed and reused since
 *  kcmp(2)   a known holder has the same open file
 *  contents  no holder of it is known, and the file has the queue pairs that are known of it
 *
 * A number belongs to a table of files: that of the process, or that of one thread.
 *
 *  by its number        by kcmp(2)   action
 *  none                 a file       add the holder
 *  none                 none         look by contents, else create; add the holder
 *  a file               the same     keep
 *  a file               other, none  the number was reused: remove the holder, then as above
 *  a file without any   -            the same; kcmp(2) would compare the number with itself. But if the kernel has
 *  of its queue pairs                destroyed all of them: keep
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "util/clock.h"
#include "util/text.h"
#include "watch/internal.h"

static int holder_new(struct watch_client *client, struct watch_ufile *ufile, pid_t thread, int number)
{
	struct watch_holder *holder = calloc(1, sizeof(*holder)), *old, *next;

	if (!holder)
		return -ENOMEM;
	/* the process is known by its new number from now on */
	DL_FOREACH_SAFE (ufile->holders, old, next)
		if (old->lost && old->client == client)
			watch_holder_free(old);
	*holder = (struct watch_holder){ .client = client, .ufile = ufile, .thread = thread, .number = number };
	DL_PREPEND(ufile->holders, holder);
	DL_APPEND2(client->holders, holder, client_prev, client_next);
	return 0;
}

/* ---- borrowing ---- */

/* The device's node may be gone from sysfs, while the device waits for this file to be closed. */
static int take(const struct watch_holder *holder, int *out_fd)
{
	const struct watch_ufile *ufile = holder->ufile;
	struct foreign_file file;
	int err = foreign_take_of(ufile->watch->foreign, &holder->client->process, holder->thread, holder->number,
				  ufile->rdev, &file);

	if (!err)
		*out_fd = file.fd;
	return err;
}

/* Has the holder lost the file, by the error of take()? Else the file cannot be taken just now. */
static bool is_lost(const struct watch_holder *holder, int err)
{
	return err == -EBADF || err == -ENODEV ||
	       (err == -ESRCH && (holder->thread || process_has_ended(&holder->client->process)));
}

static void reached(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	if (ufile->reach.err)
		HASH_ITER (hh, ufile->qps, qp, next)
			qp->reported_lost = false;
	ufile->reach = (struct watch_reach){ 0 };
}

static int not_reached(struct watch_ufile *ufile, int err)
{
	/* that no process is known to have it is another matter than that one did not let it be taken */
	if (!ufile->reach.err || (err == -ENOENT && ufile->reach.err != err)) {
		ufile->reach.since_ms = clock_ms();
		ufile->reach.qps = HASH_COUNT(ufile->qps);
	}
	if (ufile->reach.err != err) {
		ufile->settled = 0;
		watch_lost_soon(ufile->watch, 0);
	}
	ufile->reach.err = err;
	return err;
}

static int search_again(struct watch_ufile *ufile);

int watch_borrow_fd(struct watch_ufile *ufile, int *out_fd)
{
	struct watch_holder *holder, *next;
	int err, denied = 0;

	DL_FOREACH_SAFE (ufile->holders, holder, next) {
		if (holder->lost)
			break;
		err = take(holder, out_fd);
		if (!err) {
			reached(ufile);
			ufile->lent_by = holder;
			return 0;
		}
		if (is_lost(holder, err))
			watch_holder_lose(holder);
		else
			denied = err;
	}
	if (denied)
		return not_reached(ufile, denied);
	err = search_again(ufile);
	if (!err)
		err = take(ufile->holders, out_fd);
	if (err)
		return not_reached(ufile, -ENOENT);
	reached(ufile);
	ufile->lent_by = ufile->holders;
	return 0;
}

void watch_return_fd(struct watch_ufile *ufile, int fd)
{
	foreign_close_device(ufile->watch->foreign, fd);
}

const struct rdma_device *watch_device(struct watch_ufile *ufile, int fd, char *error, size_t error_size)
{
	const struct rdma_device *device;

	error[0] = '\0';
	if (namespace_device(ufile->in, fd, &device, error, error_size))
		return NULL;
	if (!ufile->index_known && device->index_known) {
		ufile->index = device->index;
		ufile->index_known = true;
	}
	if (!ufile->index_known || !device->index_known || ufile->index == device->index)
		return device;
	text_format(error, error_size, "its device is being removed, and %s has the number of its node", device->name);
	return NULL;
}

static unsigned ufiles_of_user(const struct watch *watch, uid_t uid)
{
	const struct watch_ufile *ufile;
	unsigned count = 0;

	DL_FOREACH (watch->ufiles, ufile)
		count += ufile->asker.uid == uid;
	return count;
}

/* Takes over the reference to `in`, unless it fails. */
static int ufile_new(struct watch *watch, const struct process *process, struct namespace *in, dev_t rdev,
		     struct watch_ufile **out)
{
	struct watch_ufile *ufile;

	if (process->uid != 0 && ufiles_of_user(watch, process->uid) >= UFILES_PER_USER_MAX)
		return -EUSERS;
	ufile = calloc(1, sizeof(*ufile));
	if (!ufile)
		return -ENOMEM;
	ufile->watch = watch;
	ufile->rdev = rdev;
	ufile->in = in;
	ufile->account = process->account;
	engine_client_from(process, &ufile->asker);
	DL_APPEND(watch->ufiles, ufile);
	*out = ufile;
	return 0;
}

/* ---- the same open file ---- */

/* Where a process has a file. */
struct place {
	pid_t thread; /* as in struct watch_holder */
	int number;
};

static struct foreign_place place_of(const struct process *process, pid_t thread, int number)
{
	return (struct foreign_place){ .account = process->account,
				       .thread = thread ? thread : process->pid,
				       .number = number };
}

/* The known holders that may have the file, in the order of the files, up to the place itself; see below. */
struct candidates {
	struct foreign_place *places;
	struct watch_ufile **ufiles;
	size_t count;
	struct watch_ufile *own; /* is known at this very place: the same file, if no place before it has it */
};

/* `place` NULL: a file of the engine. */
static int candidates_gather(struct watch *watch, const struct foreign_place *place, dev_t rdev, struct candidates *out)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile) {
		const struct watch_holder *holder = ufile->holders;
		struct foreign_place known;
		size_t count = out->count;

		if (ufile->rdev != rdev || !watch_is_held(ufile))
			continue;
		known = place_of(&holder->client->process, holder->thread, holder->number);
		if (place && known.thread == place->thread && known.number == place->number) {
			out->own = ufile;
			return 0;
		}
		if (array_append(&out->places, &out->count, &known, sizeof(known)) ||
		    array_append(&out->ufiles, &count, &ufile, sizeof(ufile)))
			return -ENOMEM;
	}
	return 0;
}

/* Takes over the candidates. `err` is of the comparison, which found the one with this index. */
static int candidates_end(struct candidates *all, int err, size_t index, struct watch_ufile **out)
{
	if (!err)
		*out = all->ufiles[index];
	else if (err == -ENOENT)
		*out = all->own;
	free(all->places);
	free(all->ufiles);
	return err == -ENOENT ? 0 : err;
}

/* The file that a known holder has, and that is at this place. *out NULL: none. 0 or -errno: it could not be found out.
 */
static int find_by_kcmp(struct watch *watch, const struct foreign_place *place, dev_t rdev, struct watch_ufile **out)
{
	struct candidates all = { .places = NULL };
	size_t index = 0;
	int err = candidates_gather(watch, place, rdev, &all);

	if (!err)
		err = all.count ? foreign_same(watch->foreign, place, all.places, all.count, &index) : -ENOENT;
	return candidates_end(&all, err, index, out);
}

/* The same for a file that the engine has. */
static int find_by_fd(struct watch *watch, uint64_t account, int fd, dev_t rdev, struct watch_ufile **out)
{
	struct candidates all = { .places = NULL };
	size_t index = 0;
	int err = candidates_gather(watch, NULL, rdev, &all);

	if (!err)
		err = all.count ? foreign_same_as(watch->foreign, account, fd, all.places, all.count, &index) : -ENOENT;
	return candidates_end(&all, err, index, out);
}

/* ---- the same contents ---- */

static bool has_same_handles(const struct watch_ufile *ufile, int fd, uint32_t driver_id)
{
	struct watch_handles handles;
	bool same;

	if (!ufile->qps || watch_handles_read(fd, driver_id, false, &handles))
		return false;
	same = handles.count == HASH_COUNT(ufile->qps);
	for (size_t i = 0; same && i < handles.count; i++)
		same = watch_qp_find(ufile, handles.list[i]);
	free(handles.list);
	return same;
}

/*
 * Does the open file behind `fd` have all queue pairs of this one? Handles alone prove nothing, for similar programs
 * have the same ones: at least one queue pair must have the known peer. `by_handles`: else the same handles, and no
 * others, are enough, because the process held this file, and the other is not known.
 */
static bool has_contents(const struct watch_ufile *ufile, int fd, bool by_handles)
{
	const struct watch_qp *qp, *next;
	uint32_t driver_id = 0;
	unsigned peers = 0;

	HASH_ITER (hh, ufile->qps, qp, next) {
		bool address = qp->request.kind == REQUEST_QP_ADDRESS, peer = qp->request.has & UVERBS_HAS_DEST_QPN;
		struct uverbs_qp_facts facts;
		int err = watch_object_query(fd, qp->request.driver_id, qp, &facts);

		driver_id = qp->request.driver_id;
		if (err == -EOPNOTSUPP && watch_object_lives(fd, qp->request.driver_id, qp))
			continue;
		/* it may have been destroyed, which the kernel's list does not tell of one without a number */
		if (err && qp->qpn_source != WATCH_QPN_REPORTED && !watch_object_lives(fd, driver_id, qp))
			continue;
		if (err ||
		    (address && memcmp(facts.address.dgid, qp->request.address.dgid, sizeof(facts.address.dgid))) ||
		    (peer && facts.dest_qpn != qp->request.dest_qpn))
			return false;
		peers += address && peer;
	}
	return peers > 0 || (by_handles && has_same_handles(ufile, fd, driver_id));
}

static bool has_all_qps(const struct watch_ufile *ufile, int fd)
{
	return has_contents(ufile, fd, false);
}

static struct watch_ufile *find_by_contents(struct watch *watch, const struct namespace *in, dev_t rdev, int fd)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile)
		if (!watch_is_held(ufile) && ufile->rdev == rdev && ufile->in == in && has_all_qps(ufile, fd))
			return ufile;
	return NULL;
}

/* Is any of its queue pairs still in the file behind `fd`? The others may have been destroyed since. */
static bool has_any_qp(const struct watch_ufile *ufile, int fd)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (watch_handle_lives(fd, qp->request.driver_id, qp->handle, qp->devx_created != 0))
			return true;
	return false;
}

static struct watch_holder *find_holder(const struct watch_client *client, pid_t thread, int number)
{
	struct watch_holder *holder;

	DL_FOREACH2 (client->holders, holder, client_next)
		if (!holder->lost && holder->thread == thread && holder->number == number)
			return holder;
	return NULL;
}

/* The number was reused. If this was the last known holder, lost.c looks for others. */
static void holder_replaced(struct watch_holder *holder)
{
	struct watch_ufile *left = holder->ufile;
	int err;

	watch_holder_lose(holder);
	if (!watch_is_held(left)) {
		err = not_reached(left, -ENOENT);
		(void)err;
	}
}

/* ---- files of requests ---- */

static int find_or_create(struct watch *watch, const struct watch_client *client, int fd, dev_t rdev,
			  struct watch_ufile **out)
{
	struct namespace *in;
	int ns_fd, err = foreign_open_netns(watch->foreign, &client->process, &ns_fd);

	if (err)
		return err;
	err = namespace_get_for(watch->namespaces, ns_fd, client->process.account, &in);
	close(ns_fd);
	if (err)
		return err;
	*out = find_by_contents(watch, in, rdev, fd);
	if (!*out) {
		err = ufile_new(watch, &client->process, in, rdev, out);
		if (!err)
			return 0;
	}
	namespace_put(in);
	return err;
}

/*
 * Has a file without any of the known queue pairs taken the number? Not for certain if the kernel has destroyed all of
 * these: programs make and destroy queue pairs on one file. Those are forgotten then, and the file is the known one, at
 * least for a program in the same network namespace.
 */
static bool is_another_file(struct watch_ufile *ufile, const struct process *process, int fd)
{
	struct watch_living living = { 0 };
	unsigned left;

	if (!ufile->qps || has_all_qps(ufile, fd) || has_any_qp(ufile, fd))
		return false;
	if (!process->netns_known ||
	    !netns_same(mirror_netns(namespace_mirror(ufile->in)), process->netns_dev, process->netns_ino))
		return true;
	left = watch_forget_destroyed(ufile, &living);
	watch_living_free(&living);
	return left > 0;
}

/* `process`: the client, as it is now. */
static int identify(struct watch *watch, struct watch_client *client, const struct process *process,
		    const struct place *at, int fd, dev_t rdev, struct watch_ufile **out)
{
	const struct foreign_place place = place_of(&client->process, at->thread, at->number);
	struct watch_holder *holder = find_holder(client, at->thread, at->number);
	struct watch_ufile *ufile;
	int err;

	if (holder && is_another_file(holder->ufile, process, fd)) {
		holder_replaced(holder);
		holder = NULL;
	}
	err = find_by_kcmp(watch, &place, rdev, &ufile);
	if (err)
		return err;
	if (holder && holder->ufile == ufile) {
		*out = ufile;
		return 0;
	}
	if (holder)
		holder_replaced(holder);
	if (!ufile)
		err = find_or_create(watch, client, fd, rdev, &ufile);
	if (err)
		return err;
	err = holder_new(client, ufile, at->thread, at->number);
	if (!err)
		*out = ufile;
	else if (!watch_is_held(ufile))
		err = not_reached(ufile, err); /* lost.c frees it */
	if (!err)
		reached(ufile);
	return err;
}

bool watch_is_other_file(struct watch_ufile *ufile, int fd, uint32_t driver_id)
{
	struct watch_living living = { 0 };
	struct watch_handles handles;
	struct watch_qp *qp, *next;
	bool is_other = false;

	if (watch_handles_read(fd, driver_id, false, &handles))
		return false;
	watch_forget_destroyed(ufile, &living);
	watch_living_free(&living);
	HASH_ITER (hh, ufile->qps, qp, next)
		if (qp->qpn_source == WATCH_QPN_REPORTED && !qp->devx_created &&
		    !watch_handles_contain(&handles, qp->handle))
			is_other = true;
	free(handles.list);
	return is_other;
}

void watch_take_back(struct watch_ufile *ufile)
{
	ufile->strange = 0;
	if (ufile->lent_by)
		holder_replaced(ufile->lent_by);
	ufile->lent_by = NULL;
}

int watch_ufile_get(struct watch *watch, const struct process *process, int number, const struct foreign_file *file,
		    struct watch_ufile **out)
{
	const struct place at = { .thread = file->thread, .number = number };
	struct watch_client *client;
	struct watch_ufile *ufile = NULL;
	int err = file->same_err;

	if (!err)
		err = watch_client_get(watch, process, &client);
	if (!err)
		err = identify(watch, client, process, &at, file->fd, file->rdev, &ufile);
	if (err)
		return err;
	engine_client_from(process, &ufile->asker);
	*out = ufile;
	return 0;
}

/* A number that was closed since it was seen last is not what the file is known by. */
static void lose_closed(struct watch_client *client, int number)
{
	struct watch_holder *holder, *next;
	int fd, err;

	DL_FOREACH_SAFE2 (client->holders, holder, next, client_next) {
		if (holder->lost || holder->number != number)
			continue;
		err = take(holder, &fd);
		if (!err)
			watch_return_fd(holder->ufile, fd);
		else if (is_lost(holder, err))
			holder_replaced(holder);
	}
}

int watch_ufile_hidden(struct watch *watch, const struct process *process, int number, const struct foreign_file *file,
		       struct watch_ufile **out)
{
	struct watch_client *client;
	struct watch_ufile *ufile;
	int err = find_by_fd(watch, process->account, file->fd, file->rdev, &ufile);

	if (err)
		return err;
	if (ufile) {
		*out = ufile;
		return 0;
	}
	err = watch_client_get(watch, process, &client);
	if (err)
		return err;
	lose_closed(client, number);
	err = find_or_create(watch, client, file->fd, file->rdev, &ufile);
	if (!err)
		err = holder_new(client, ufile, 0, number);
	if (err)
		return err;
	holder_replaced(ufile->holders);
	*out = ufile;
	return 0;
}

struct watch_ufile *watch_ufile_find(struct watch *watch, const struct process *process, int number)
{
	struct watch_client *client;
	struct watch_holder *holder;

	HASH_FIND(hh, watch->clients, &process->pid, sizeof(process->pid), client);
	if (!client || client->process.start_time != process->start_time)
		return NULL;
	holder = find_holder(client, 0, number);
	if (holder)
		return holder->ufile;
	DL_FOREACH2 (client->holders, holder, client_next)
		if (!holder->lost && holder->number == number)
			return holder->ufile; /* in a table that a thread has of its own */
	return NULL;
}

void watch_ufile_is_on(struct watch_ufile *ufile, const char *device)
{
	if (!ufile->device[0])
		text_copy(ufile->device, sizeof(ufile->device), device);
}

struct namespace *watch_ufile_namespace(const struct watch_ufile *ufile)
{
	return ufile->in;
}

bool watch_ufile_index(struct watch_ufile *ufile, uint32_t *out)
{
	watch_learn_index(ufile);
	*out = ufile->index;
	return ufile->index_known;
}

dev_t watch_ufile_rdev(const struct watch_ufile *ufile)
{
	return ufile->rdev;
}

/* ---- files without a known holder ---- */

/* The share of the time that searches of processes take: one in so many. What they do not find, a scan does. */
enum { SEARCH_PAUSE = 10 };

/* Was the file held by this process? Then it may have it under another number. */
static bool was_held_by(const struct watch_ufile *ufile, const struct process *process)
{
	const struct watch_holder *holder;

	DL_FOREACH (ufile->holders, holder)
		if (holder->client->process.pid == process->pid &&
		    holder->client->process.start_time == process->start_time)
			return true;
	return false;
}

static int add_again(struct watch_ufile *ufile, const struct process *process, const struct foreign_found *found)
{
	struct watch_client *client;
	int err = watch_client_get(ufile->watch, process, &client);

	if (!err)
		err = holder_new(client, ufile, found->file.thread, found->number);
	return err;
}

static bool is_known(struct watch *watch, const struct process *process, const struct foreign_found *found)
{
	const struct foreign_place place = place_of(process, found->file.thread, found->number);
	struct watch_ufile *known;

	return find_by_kcmp(watch, &place, found->file.rdev, &known) || known;
}

/* Is it the file? Then the process holds it again. */
static bool is_again(struct watch_ufile *ufile, const struct process *process, const struct foreign_found *found)
{
	bool was_holder = was_held_by(ufile, process);

	if (!was_holder && (process->pid == getpid() || foreign_is_keeper(ufile->watch->foreign, process->pid)))
		return false;
	if (!has_contents(ufile, found->file.fd, was_holder) || add_again(ufile, process, found))
		return false;
	/*
	 * A supervisor or a helper has it for the moment of a call. Any program can take their names: if it still has
	 * the file at the next search, it is a holder.
	 */
	if (!was_holder && process_is_rdmasec(process->pid))
		ufile->holders->lost = ufile->holders->is_passing = true;
	return !ufile->holders->lost;
}

static int found_again(void *context, const struct process *process, const struct foreign_found *found)
{
	struct watch_ufile *ufile = context;

	return !is_known(ufile->watch, process, found) && is_again(ufile, process, found);
}

/* Searches all tables of files of the processes that held it. 0: it has a holder again. */
static int search_again(struct watch_ufile *ufile)
{
	struct watch_living living = { 0 };
	struct watch *watch = ufile->watch;
	const struct watch_holder *holder, *next;
	int64_t began = clock_ms();
	int found = 0;

	if (!ufile->holders || began < watch->search_ms)
		return -ENOENT;
	/* most files were closed, and have none */
	if (watch_forget_destroyed(ufile, &living)) {
		DL_FOREACH_SAFE (ufile->holders, holder, next) {
			found = foreign_search(watch->foreign, &holder->client->process, ufile->rdev, found_again,
					       ufile);
			/* 1: the list has changed */
			if (found == 1 || clock_ms() - began >= FOREIGN_SEARCH_MS)
				break;
		}
	}
	watch_living_free(&living);
	watch->search_ms = began + (clock_ms() - began) * SEARCH_PAUSE;
	return found == 1 ? 0 : -ENOENT;
}

static bool is_sought(const struct watch_ufile *ufile)
{
	return ufile->reach.err == -ENOENT && !ufile->reach.is_searched && !watch_is_held(ufile);
}

/* Whether the device is in the scope, or was added. */
static bool scope_has(struct foreign_scope *scope, dev_t rdev)
{
	for (size_t i = 0; i < scope->device_count; i++)
		if (scope->devices[i] == rdev)
			return true;
	if (scope->device_count == FOREIGN_DEVICES_MAX)
		return false;
	scope->devices[scope->device_count++] = rdev;
	return true;
}

bool watch_search_begin(struct watch *watch, struct foreign_scope *scope)
{
	struct watch_ufile *ufile;
	bool is_needed = false;

	DL_FOREACH (watch->ufiles, ufile) {
		ufile->reach.is_searching = is_sought(ufile) && scope_has(scope, ufile->rdev);
		is_needed |= ufile->reach.is_searching;
	}
	return is_needed;
}

void watch_search_end(struct watch *watch)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile) {
		ufile->reach.is_searched |= ufile->reach.is_searching;
		ufile->reach.is_searching = false;
	}
}

bool watch_find_again(struct watch *watch, const struct process *process, const struct foreign_found *found)
{
	struct watch_ufile *ufile;
	bool asked = false;

	DL_FOREACH (watch->ufiles, ufile) {
		if (ufile->rdev != found->file.rdev || watch_is_held(ufile))
			continue;
		if (!asked && is_known(watch, process, found))
			return false;
		asked = true;
		if (is_again(ufile, process, found)) {
			watch_lost_soon(watch, 0);
			return true;
		}
	}
	return false;
}
