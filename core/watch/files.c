// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The open files of uverbs devices, each perhaps held by several processes. Three things identify one, in this order:
 *
 *  number    the process was seen holding it under this number, which may have been closed and reused since
 *  kcmp(2)   a known holder has the same open file
 *  contents  no holder of it is known, and the file has the queue pairs that are known of it
 *
 *  by its number        by kcmp(2)   action
 *  none                 a file       add the holder
 *  none                 none         look by contents, else create; add the holder
 *  a file               the same     keep
 *  a file               other, none  the number was reused: remove the holder, then as above
 *  a file without any   -            the same; kcmp(2) would compare the number with itself
 *  of its queue pairs
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/array.h"
#include "watch/internal.h"

static int holder_new(struct watch_client *client, struct watch_ufile *ufile, int number)
{
	struct watch_holder *holder = calloc(1, sizeof(*holder));

	if (!holder)
		return -ENOMEM;
	*holder = (struct watch_holder){ .client = client, .ufile = ufile, .number = number };
	DL_APPEND(ufile->holders, holder);
	DL_APPEND2(client->holders, holder, client_prev, client_next);
	return 0;
}

/* Does this prove that the holder does not have the file any more? What cannot be taken just now is no proof. */
static bool is_gone(const struct watch_holder *holder, int err)
{
	return err == -EBADF || err == -ENODEV || (err == -ESRCH && process_has_ended(&holder->client->process));
}

int watch_borrow_fd(struct watch_ufile *ufile, int *out_fd)
{
	struct watch_holder *holder, *next;
	int first = 0;

	DL_FOREACH_SAFE (ufile->holders, holder, next) {
		struct foreign_file file;
		int err = foreign_take(ufile->watch->foreign, &holder->client->process, holder->number, &file);

		if (!err && file.rdev == ufile->rdev) {
			*out_fd = file.fd;
			return 0;
		}
		if (!err) {
			foreign_close_device(ufile->watch->foreign, file.fd);
			err = -EBADF;
		}
		if (is_gone(holder, err))
			watch_holder_free(holder);
		else
			first = first ? first : err;
	}
	if (!ufile->holders)
		watch_scan_soon(ufile->watch);
	return first ? first : -ENOENT;
}

void watch_return_fd(struct watch_ufile *ufile, int fd)
{
	foreign_close_device(ufile->watch->foreign, fd);
}

const struct rdma_device *watch_device(const struct watch_ufile *ufile, int fd, char *error, size_t error_size)
{
	const struct rdma_device *device;

	error[0] = '\0';
	return namespace_device(ufile->in, fd, &device, error, error_size) ? NULL : device;
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
	engine_client_from(process, &ufile->asker);
	DL_APPEND(watch->ufiles, ufile);
	*out = ufile;
	return 0;
}

/* The known holders that may have the file, in the order of the files, up to the process's own place; see below. */
struct candidates {
	struct foreign_place *places;
	struct watch_ufile **ufiles;
	size_t count;
	struct watch_ufile
		*own; /* under the same number of the same process: the same file, if no place before it is */
};

static int candidates_gather(struct watch *watch, const struct process *process, int number, dev_t rdev,
			     struct candidates *out)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile) {
		const struct watch_holder *holder = ufile->holders;
		struct foreign_place place;
		size_t count = out->count;

		if (ufile->rdev != rdev || !holder)
			continue;
		place = (struct foreign_place){ .account = holder->client->process.account,
						.pid = holder->client->process.pid,
						.number = holder->number };
		if (place.pid == process->pid && place.number == number) {
			out->own = ufile;
			return 0;
		}
		if (array_append(&out->places, &out->count, &place, sizeof(place)) ||
		    array_append(&out->ufiles, &count, &ufile, sizeof(ufile)))
			return -ENOMEM;
	}
	return 0;
}

/* The file that a known holder shares with the process. *out NULL: none. 0 or -errno: that could not be found out. */
static int find_by_kcmp(struct watch *watch, const struct process *process, int number, dev_t rdev,
			struct watch_ufile **out)
{
	struct candidates all = { .places = NULL };
	size_t index = 0;
	int err = candidates_gather(watch, process, number, rdev, &all);

	if (!err)
		err = all.count ? foreign_same(watch->foreign, process, number, all.places, all.count, &index)
				: -ENOENT;
	if (!err)
		*out = all.ufiles[index];
	else if (err == -ENOENT)
		*out = all.own;
	free(all.places);
	free(all.ufiles);
	return err == -ENOENT ? 0 : err;
}

/*
 * Does the open file behind `fd` have all queue pairs of this one? Handles alone prove nothing, for similar programs
 * have the same ones: at least one queue pair must have the known peer.
 */
static bool has_all_qps(const struct watch_ufile *ufile, int fd)
{
	const struct watch_qp *qp, *next;
	unsigned peers = 0;

	HASH_ITER (hh, ufile->qps, qp, next) {
		bool address = qp->request.kind == REQUEST_QP_ADDRESS, peer = qp->request.has & UVERBS_HAS_DEST_QPN;
		struct uverbs_qp_facts facts;
		int err = watch_object_query(fd, qp->request.driver_id, qp, &facts);

		if (err == -EOPNOTSUPP && watch_object_lives(fd, qp->request.driver_id, qp))
			continue;
		if (err ||
		    (address && memcmp(facts.address.dgid, qp->request.address.dgid, sizeof(facts.address.dgid))) ||
		    (peer && facts.dest_qpn != qp->request.dest_qpn))
			return false;
		peers += address && peer;
	}
	return peers > 0;
}

static struct watch_ufile *find_by_contents(struct watch *watch, const struct namespace *in, dev_t rdev, int fd)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile)
		if (!ufile->holders && ufile->rdev == rdev && ufile->in == in && has_all_qps(ufile, fd))
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

static struct watch_holder *find_holder(const struct watch_client *client, int number)
{
	struct watch_holder *holder;

	DL_FOREACH2 (client->holders, holder, client_next)
		if (holder->number == number)
			return holder;
	return NULL;
}

/* If this was the last known holder, a scan looks for processes that got the file from it. */
static void holder_remove(struct watch *watch, struct watch_holder *holder)
{
	const struct watch_ufile *left = holder->ufile;

	watch_holder_free(holder);
	if (!left->holders)
		watch_scan_soon(watch);
}

static int find_or_create(struct watch *watch, const struct watch_client *client, int fd, dev_t rdev,
			  struct watch_ufile **out)
{
	struct namespace *in;
	int ns_fd, err = process_open_netns(&client->process, &ns_fd);

	if (err)
		return err;
	err = namespace_get_for(watch->namespaces, ns_fd, client->process.uid, &in);
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

static int identify(struct watch *watch, struct watch_client *client, int number, int fd, dev_t rdev,
		    struct watch_ufile **out)
{
	struct watch_holder *holder = find_holder(client, number);
	struct watch_ufile *ufile;
	int err;

	if (holder && holder->ufile->qps && !has_all_qps(holder->ufile, fd) && !has_any_qp(holder->ufile, fd)) {
		holder_remove(watch, holder);
		holder = NULL;
	}
	err = find_by_kcmp(watch, &client->process, number, rdev, &ufile);
	if (err)
		return err;
	if (holder && holder->ufile == ufile) {
		*out = ufile;
		return 0;
	}
	if (holder)
		holder_remove(watch, holder);
	if (!ufile)
		err = find_or_create(watch, client, fd, rdev, &ufile);
	if (err)
		return err;
	err = holder_new(client, ufile, number);
	if (!err)
		*out = ufile;
	else if (!ufile->holders)
		watch_scan_soon(watch); /* which frees it */
	return err;
}

int watch_ufile_get(struct watch *watch, const struct process *process, int number, const struct foreign_file *file,
		    struct watch_ufile **out)
{
	struct watch_client *client;
	struct watch_ufile *ufile;
	int err = file->same_err;

	if (!err)
		err = watch_client_get(watch, process, &client);
	if (!err)
		err = identify(watch, client, number, file->fd, file->rdev, &ufile);
	if (err)
		return err;
	engine_client_from(process, &ufile->asker);
	*out = ufile;
	return 0;
}

struct watch_ufile *watch_ufile_find(struct watch *watch, const struct process *process, int number)
{
	struct watch_client *client;
	struct watch_holder *holder = NULL;

	HASH_FIND(hh, watch->clients, &process->pid, sizeof(process->pid), client);
	if (client && client->process.start_time == process->start_time)
		holder = find_holder(client, number);
	return holder ? holder->ufile : NULL;
}

struct namespace *watch_ufile_namespace(const struct watch_ufile *ufile)
{
	return ufile->in;
}

dev_t watch_ufile_rdev(const struct watch_ufile *ufile)
{
	return ufile->rdev;
}
