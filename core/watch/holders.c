// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The processes that hold open files. The pidfd of each reports its end. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/text.h"
#include "watch/internal.h"

void engine_client_from(const struct process *process, struct engine_client *out)
{
	*out = (struct engine_client){
		.pid = process->pid,
		.uid = process->uid,
		.executable_known = process->executable_known && process->executable_is_local,
	};
	if (out->executable_known)
		text_copy(out->executable, sizeof(out->executable), process->executable);
}

void watch_holder_free(struct watch_holder *holder)
{
	if (holder->ufile->lent_by == holder)
		holder->ufile->lent_by = NULL;
	DL_DELETE(holder->ufile->holders, holder);
	DL_DELETE2(holder->client->holders, holder, client_prev, client_next);
	free(holder);
}

void watch_holder_lose(struct watch_holder *holder)
{
	if (holder->lost)
		return;
	holder->lost = true;
	DL_DELETE(holder->ufile->holders, holder);
	DL_APPEND(holder->ufile->holders, holder);
}

void watch_ufile_free(struct watch_ufile *ufile)
{
	struct watch_qp *qp, *next;

	while (ufile->holders)
		watch_holder_free(ufile->holders);
	HASH_ITER (hh, ufile->qps, qp, next)
		watch_qp_remove(ufile, qp);
	if (ufile->queued)
		DL_DELETE2(ufile->watch->queue, ufile, queue_prev, queue_next);
	DL_DELETE(ufile->watch->ufiles, ufile);
	if (ufile->in)
		namespace_put(ufile->in);
	free(ufile);
}

void watch_client_free(struct watch_client *client)
{
	while (client->holders)
		watch_holder_free(client->holders);
	HASH_DEL(client->watch->clients, client);
	if (client->ended)
		event_free(client->ended);
	process_close(&client->process);
	free(client);
}

/* Not at the end of the daemon: its successor has to know them. */
static void forget_kept(const struct watch_client *client)
{
	if (client->watch->kept)
		kept_remove(client->watch->kept, client->process.pid, client->process.start_time);
}

void watch_free_idle(struct watch *watch)
{
	struct watch_client *client, *next;

	HASH_ITER (hh, watch->clients, client, next)
		if (!client->holders) {
			forget_kept(client);
			watch_client_free(client);
		}
}

/* A process that ended holds nothing. Of a file that no other is known to hold, the kernel is asked what lives. */
static void client_lose(struct watch_client *client)
{
	const struct watch_holder *holder;

	DL_FOREACH2 (client->holders, holder, client_next) {
		struct watch_reach *reach = &holder->ufile->reach;

		if (!reach->err) {
			reach->since_ms = clock_ms();
			reach->qps = HASH_COUNT(holder->ufile->qps);
			reach->err = -ENOENT;
			holder->ufile->settled = 0;
		}
	}
	watch_lost_soon(client->watch, 0);
}

static void on_ended(evutil_socket_t fd, short what, void *arg)
{
	struct watch_client *client = arg;
	struct watch *watch = client->watch;

	(void)fd;
	(void)what;
	client_lose(client);
	forget_kept(client);
	watch_client_free(client);
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
	if (!client->hh.tbl) {
		process_close(&client->process);
		free(client);
		return -ENOMEM;
	}
	client->ended = event_new(watch->base, client->process.pidfd, EV_READ, on_ended, client);
	if (!client->ended || event_add(client->ended, NULL)) {
		watch_client_free(client);
		return -ENOMEM;
	}
	if (watch->kept)
		kept_add(watch->kept, process->pid, process->start_time);
	*out = client;
	return 0;
}

/* A pid with another start time was reused; the event of the former process is still to come. */
int watch_client_get(struct watch *watch, const struct process *process, struct watch_client **out)
{
	struct watch_client *client;

	HASH_FIND(hh, watch->clients, &process->pid, sizeof(process->pid), client);
	if (client && client->process.start_time != process->start_time) {
		client_lose(client);
		watch_client_free(client);
		watch_scan_soon(watch);
		client = NULL;
	}
	if (!client)
		return client_new(watch, process, out);
	*out = client;
	return 0;
}
