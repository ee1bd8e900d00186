// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* Who holds which open files, and the QPs in them. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "holders.h"
#include "text.h"
#include "uverbs_call.h"
#include "watch_internal.h"

int64_t watch_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t watch_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

void watch_tell(struct watch *watch, const struct wire_record *record)
{
	watch->listener.record(record, watch->listener.arg);
}

/* ---- QPs ---- */

struct watch_qp *watch_qp_find(const struct watch_ufile *ufile, uint32_t handle)
{
	struct watch_qp *qp;

	HASH_FIND(hh, ufile->qps, &handle, sizeof(handle), qp);
	return qp;
}

struct watch_qp *watch_qp_make(struct watch_ufile *ufile, uint32_t handle)
{
	struct watch_qp *qp = calloc(1, sizeof(*qp));

	if (!qp)
		return NULL;
	qp->handle = handle;
	qp->since_ns = watch_now_ns();
	HASH_ADD(hh, ufile->qps, handle, sizeof(qp->handle), qp);
	return qp;
}

void watch_qp_forget(struct watch_ufile *ufile, struct watch_qp *qp)
{
	HASH_DEL(ufile->qps, qp);
	free(qp);
}

uint32_t watch_qp_type(const struct watch_ufile *ufile, uint32_t handle)
{
	const struct watch_qp *qp = watch_qp_find(ufile, handle);

	return qp ? qp->qp_type : 0;
}

/* ---- clients ---- */

void engine_client_from(const struct process *process, struct engine_client *out)
{
	*out = (struct engine_client){
		.pid = process->pid,
		.uid = process->uid,
		.same_netns = true, /* it is judged by what its own shows */
		.executable_known = process->executable_known,
	};
	if (process->executable_known)
		text_copy(out->executable, sizeof(out->executable), process->executable);
}

static void holder_free(struct watch_holder *holder)
{
	DL_DELETE(holder->ufile->holders, holder);
	DL_DELETE2(holder->client->holders, holder, client_prev, client_next);
	free(holder);
}

static void client_free(struct watch_client *client)
{
	while (client->holders)
		holder_free(client->holders);
	HASH_DEL(client->watch->clients, client);
	if (client->ended)
		event_free(client->ended);
	process_close(&client->process);
	free(client);
}

void watch_forget_idle(struct watch *watch)
{
	struct watch_client *client, *next;

	HASH_ITER (hh, watch->clients, client, next)
		if (!client->holders)
			client_free(client);
}

void watch_forget_unheld(struct watch *watch)
{
	struct watch_ufile *ufile, *next;

	DL_FOREACH_SAFE (watch->ufiles, ufile, next)
		if (!ufile->holders)
			watch_ufile_free(ufile);
}

/* Its children may hold what it held: they are looked for before that is forgotten. */
static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct watch_client *client = arg;
	struct watch *watch = client->watch;

	(void)fd;
	(void)what;
	client_free(client);
	watch_scan_soon(watch);
}

static int client_new(struct watch *watch, const struct process *process, struct watch_client **out)
{
	struct watch_client *client = calloc(1, sizeof(*client));
	int err;

	if (!client)
		return -ENOMEM;
	client->watch = watch;
	err = process_copy(process, &client->process);
	if (err) {
		free(client);
		return err;
	}
	HASH_ADD(hh, watch->clients, process.pid, sizeof(client->process.pid), client);
	client->ended = event_new(watch->base, client->process.pidfd, EV_READ, on_ended, client);
	if (!client->ended || event_add(client->ended, NULL)) {
		client_free(client);
		return -ENOMEM;
	}
	*out = client;
	return 0;
}

/* A number that was used again for another process: its former owner's end has not been read yet. */
static int client_get(struct watch *watch, const struct process *process, struct watch_client **out)
{
	struct watch_client *client;

	HASH_FIND(hh, watch->clients, &process->pid, sizeof(process->pid), client);
	if (client && client->process.start_time != process->start_time) {
		client_free(client);
		watch_scan_soon(watch);
		client = NULL;
	}
	if (!client)
		return client_new(watch, process, out);
	*out = client;
	return 0;
}

/* ---- open files ---- */

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

void watch_ufile_free(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	while (ufile->holders)
		holder_free(ufile->holders);
	HASH_ITER (hh, ufile->qps, qp, next)
		watch_qp_forget(ufile, qp);
	if (ufile->queued)
		DL_DELETE2(ufile->watch->queue, ufile, queue_prev, queue_next);
	DL_DELETE(ufile->watch->ufiles, ufile);
	if (ufile->in)
		namespace_put(ufile->in);
	free(ufile);
}

int watch_borrow(struct watch_ufile *ufile, int *out_fd)
{
	while (ufile->holders) {
		struct watch_holder *holder = ufile->holders;
		dev_t rdev = 0;
		int fd, err = process_fetch_fd(&holder->client->process, holder->number, &fd);

		if (!err && !process_uverbs_rdev("/sys", fd, &rdev) && rdev == ufile->rdev) {
			*out_fd = fd;
			return 0;
		}
		if (!err)
			fd_let_go(fd);
		/* what cannot be taken just now is no proof that it is not there */
		if (err && err != -EBADF && !(err == -ESRCH && process_has_ended(&holder->client->process)))
			return err;
		holder_free(holder);
	}
	watch_scan_soon(ufile->watch);
	return -ENOENT;
}

const struct rdma_device *watch_device(const struct watch_ufile *ufile, int fd, char *error, size_t error_size)
{
	const struct rdma_device *device;

	error[0] = '\0';
	return namespace_device(ufile->in, fd, &device, error, error_size) ? NULL : device;
}

int process_open_netns(const struct process *process, int *out_fd)
{
	char path[32];
	int fd;

	text_format(path, sizeof(path), "/proc/%d/ns/net", (int)process->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	/* else the number may be another process's by now */
	if (process_has_ended(process)) {
		close(fd);
		return -ESRCH;
	}
	*out_fd = fd;
	return 0;
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

/* Already known, perhaps by another holder: forked children and fds that were passed on share one open file. */
static struct watch_ufile *find_same(struct watch *watch, const struct process *process, int number, dev_t rdev)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile) {
		const struct watch_holder *holder = ufile->holders;
		bool same;

		if (ufile->rdev == rdev && holder &&
		    !same_open_file(holder->client->process.pid, holder->number, process->pid, number, &same) && same)
			return ufile;
	}
	return NULL;
}

/*
 * Has the open file behind `fd` all that this one has? Handles alone prove nothing, for those of like programs are
 * alike: at least one QP has to have the peer that is known of it.
 */
static bool has_all_of(const struct watch_ufile *ufile, int fd)
{
	const struct watch_qp *qp, *next;
	unsigned peers = 0;

	HASH_ITER (hh, ufile->qps, qp, next) {
		bool address = qp->question.kind == UVERBS_QP_ADDRESS, peer = qp->question.has & UVERBS_HAS_DEST_QPN;
		struct uverbs_qp_facts facts;

		if (uverbs_query_qp(fd, qp->question.driver_id, qp->handle, &facts) ||
		    (address && memcmp(facts.address.dgid, qp->question.address.dgid, sizeof(facts.address.dgid))) ||
		    (peer && facts.dest_qpn != qp->question.dest_qpn))
			return false;
		peers += address && peer;
	}
	return peers > 0;
}

/* The one that nobody is known to hold any more. */
static struct watch_ufile *find_orphan(struct watch *watch, const struct namespace *in, dev_t rdev, int fd)
{
	struct watch_ufile *ufile;

	DL_FOREACH (watch->ufiles, ufile)
		if (!ufile->holders && ufile->rdev == rdev && ufile->in == in && has_all_of(ufile, fd))
			return ufile;
	return NULL;
}

/* Is any of its QPs still in the file behind `fd`? Others may have been destroyed since. */
static bool keeps_handles(const struct watch_ufile *ufile, int fd)
{
	const struct watch_qp *qp, *next;

	HASH_ITER (hh, ufile->qps, qp, next)
		if (watch_handle_lives(fd, qp->question.driver_id, qp->handle))
			return true;
	return !ufile->qps;
}

static struct watch_holder *find_holder(const struct watch_client *client, int number)
{
	struct watch_holder *holder;

	DL_FOREACH2 (client->holders, holder, client_next)
		if (holder->number == number)
			return holder;
	return NULL;
}

/* What has no known holder is looked for with those that may have got it. */
static void holder_leave(struct watch *watch, struct watch_holder *holder)
{
	const struct watch_ufile *left = holder->ufile;

	holder_free(holder);
	if (!left->holders)
		watch_scan_soon(watch);
}

static int ufile_make(struct watch *watch, const struct watch_client *client, int fd, dev_t rdev,
		      struct watch_ufile **out)
{
	struct namespace *in;
	int ns_fd, err = process_open_netns(&client->process, &ns_fd);

	if (err)
		return err;
	err = namespace_get(watch->namespaces, ns_fd, &in);
	close(ns_fd);
	if (err)
		return err;
	*out = find_orphan(watch, in, rdev, fd);
	err = *out ? 0 : ufile_new(watch, &client->process, in, rdev, out);
	if (err || (*out)->holders || (*out)->qps)
		namespace_put(in); /* an orphan has its own reference */
	return err;
}

static int ufile_find(struct watch *watch, struct watch_client *client, int number, int fd, dev_t rdev,
		      struct watch_ufile **out)
{
	struct watch_holder *holder = find_holder(client, number);
	struct watch_ufile *ufile;
	int err = 0;

	/* the number may have been closed and used again since, for another file of the same device */
	if (holder && holder->ufile->qps && !has_all_of(holder->ufile, fd) && !keeps_handles(holder->ufile, fd)) {
		holder_leave(watch, holder);
		holder = NULL;
	}
	ufile = find_same(watch, &client->process, number, rdev);
	if (holder && holder->ufile != ufile) {
		holder_leave(watch, holder);
		holder = NULL;
	}
	if (!ufile)
		err = ufile_make(watch, client, fd, rdev, &ufile);
	if (!err && !holder) {
		err = holder_new(client, ufile, number);
		if (err && !ufile->holders)
			watch_scan_soon(watch); /* it goes with the others that nobody holds */
	}
	if (!err)
		*out = ufile;
	return err;
}

/* Is what the process has under this number the file that came with its question? */
static int check_same(const struct process *process, int number, int fd)
{
	int theirs, err = process_fetch_fd(process, number, &theirs);
	bool same = false;

	if (err)
		return err;
	err = same_open_file(getpid(), theirs, getpid(), fd, &same);
	fd_let_go(theirs);
	return err ? err : same ? 0 : -EBADF;
}

int watch_ufile_get(struct watch *watch, const struct process *process, int number, int fd, struct watch_ufile **out)
{
	struct watch_client *client;
	struct watch_ufile *ufile;
	dev_t rdev;
	int err;

	/* before anything is kept: only uverbs devices, whatever it is that a client sends */
	if (process_uverbs_rdev("/sys", fd, &rdev))
		return -EBADF;
	err = check_same(process, number, fd);
	if (!err)
		err = client_get(watch, process, &client);
	if (!err)
		err = ufile_find(watch, client, number, fd, rdev, &ufile);
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

/* ---- what was done ---- */

static void done_create(struct watch_ufile *ufile, const struct uverbs_command *command,
			const struct engine_answer *answer)
{
	struct watch_qp *old = watch_qp_find(ufile, command->handle), *qp;

	/* the handle of a QP that was destroyed */
	if (old)
		watch_qp_forget(ufile, old);
	qp = watch_qp_make(ufile, command->handle);
	if (!qp)
		return; /* the next sweep finds it */
	qp->qpn = command->has & UVERBS_HAS_QPN ? command->qpn : 0;
	qp->qp_type = command->qp_type;
	qp->question = *command;
	watch_keep_answer(qp, answer);
	qp->state = WATCH_NO_ADDRESS;
}

static void done_address(struct watch_ufile *ufile, const struct uverbs_command *command,
			 const struct engine_answer *answer)
{
	struct watch_qp *qp = watch_qp_find(ufile, command->handle);

	if (!qp)
		qp = watch_qp_make(ufile, command->handle);
	if (!qp)
		return;
	qp->question = *command;
	qp->question.qp_type = qp->qp_type;
	qp->unsure = false;
	qp->state = WATCH_LIVE;
	qp->since_ns = watch_now_ns();
	watch_keep_answer(qp, answer);
}

uint64_t watch_generation(const struct watch *watch, struct namespace *in)
{
	return mirror_generation(namespace_mirror(in)) + watch->policy_generation;
}

void watch_done(struct watch *watch, struct watch_ufile *ufile, const struct uverbs_command *command,
		const struct engine_answer *answer, uint64_t generation)
{
	struct watch_qp *qp;

	if (!(command->has & UVERBS_HAS_HANDLE))
		return;
	switch (command->kind) {
	case UVERBS_QP_CREATE:
	case UVERBS_QP_OPEN:
		done_create(ufile, command, answer);
		break;
	case UVERBS_QP_ADDRESS:
	case UVERBS_QP_READY:
		done_address(ufile, command, answer);
		break;
	default:
		return;
	}
	qp = watch_qp_find(ufile, command->handle);
	if (qp && generation != watch_generation(watch, ufile->in))
		watch_queue(ufile, qp);
	if (answer->verdict.by == BY_MACSEC)
		mirror_poll_fast(namespace_mirror(ufile->in), true);
}

void watch_not_done(struct watch *watch, struct watch_ufile *ufile, const struct uverbs_command *command)
{
	struct watch_qp *qp = command->has & UVERBS_HAS_HANDLE ? watch_qp_find(ufile, command->handle) : NULL;
	struct watch_qp *next;

	(void)watch;
	if (qp) {
		qp->unsure = true;
	} else {
		/* a QP may have been made, under the handle of one that has gone */
		HASH_ITER (hh, ufile->qps, qp, next)
			qp->unsure = true;
	}
	watch_sweep_ufile(ufile);
}

/* ---- the watch ---- */

void watch_set_policy(struct watch *watch, const struct policy *policy)
{
	struct watch_ufile *ufile;
	struct watch_qp *qp, *next;

	watch->policy = policy;
	watch->policy_generation++;
	DL_FOREACH (watch->ufiles, ufile)
		HASH_ITER (hh, ufile->qps, qp, next)
			watch_queue(ufile, qp);
}

struct namespaces *watch_namespaces(struct watch *watch)
{
	return watch->namespaces;
}

int watch_new(struct event_base *base, const struct policy *policy, struct netns_opener *opener,
	      const struct watch_listener *listener, struct watch **out)
{
	struct watch *watch = calloc(1, sizeof(*watch));
	int err;

	if (!watch)
		return -ENOMEM;
	watch->base = base;
	watch->policy = policy;
	watch->listener = *listener;
	err = namespaces_new(base, opener, watch_on_change, watch, &watch->namespaces);
	if (!err)
		err = watch_judge_init(watch);
	if (!err)
		err = watch_sweep_init(watch);
	if (err)
		watch_free(watch);
	else
		*out = watch;
	return err;
}

void watch_free(struct watch *watch)
{
	struct watch_client *client, *next;

	HASH_ITER (hh, watch->clients, client, next)
		client_free(client);
	watch_forget_unheld(watch);
	if (watch->judge)
		event_free(watch->judge);
	if (watch->grace)
		event_free(watch->grace);
	if (watch->sweep)
		event_free(watch->sweep);
	if (watch->scan)
		event_free(watch->scan);
	if (watch->namespaces)
		namespaces_free(watch->namespaces);
	free(watch);
}
