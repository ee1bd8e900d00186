// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* One question of a door: finds the client and the device, judges, answers, and registers the result. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/internal.h"
#include "judge/judgement_internal.h"
#include "judge/words.h"
#include "process/same_file.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/text.h"

static void send_answer(const struct asking *q)
{
	struct wire_answer wire;
	char line[WIRE_TEXT_MAX];
	int err;

	judgement_line(&q->answer, &q->request, q->device, line, sizeof(line));
	wire_answer_make(&wire, q->answer.pass ? WIRE_PASS : WIRE_REFUSE, q->answer.err, line);
	/* ignored: a client without an answer refuses the command */
	err = wire_send(q->connection->socket, &wire, sizeof(wire), -1);
	(void)err;
}

/* ---- the file ---- */

static void refuse_not_found(struct judgement *answer, int err);

enum connection_fate question_refuse_file(struct asking *q, int err)
{
	if (err == -EBADMSG)
		return question_reject(q, REASON_ENGINE_MESSAGE);
	refuse_not_found(&q->answer, err == -ENODEV ? -EBADF : err);
	return question_answer(q);
}

/* A file that could not be taken before is judged as it was. */
void question_check_file(struct asking *q)
{
	struct foreign *foreign = q->connection->server->options.foreign;
	struct foreign_file theirs;
	bool same = false;

	if (q->file.same_err)
		return;
	q->file.same_err = foreign_take_of(foreign, &q->process, q->file.thread, q->number, q->file.rdev, &theirs);
	if (q->file.same_err) {
		q->file.same_err = q->file.same_err == -ENODEV ? -EBADF : q->file.same_err;
		return;
	}
	q->file.same_err = same_open_file(getpid(), theirs.fd, getpid(), q->file.fd, &same);
	if (!q->file.same_err && !same)
		q->file.same_err = -EBADF;
	foreign_close_device(foreign, theirs.fd);
}

void question_forget_file(struct asking *q)
{
	if (q->file.fd >= 0)
		foreign_close_device(q->connection->server->options.foreign, q->file.fd);
	q->file.fd = -1;
}

/* ---- judging ---- */

static bool creates_watched_state(const struct request *request)
{
	return request->kind == REQUEST_QP_CREATE || request->kind == REQUEST_QP_OPEN ||
	       request->kind == REQUEST_QP_ADDRESS || request->kind == REQUEST_QP_READY;
}

/* The namespace of a client that cannot be watched. */
static int unwatched_namespace(struct asking *q)
{
	int ns_fd, err = foreign_open_netns(q->connection->server->options.foreign, &q->process, &ns_fd);

	if (err)
		return err;
	err = namespace_get(watch_namespaces(q->connection->server->watch), ns_fd, &q->in);
	close(ns_fd);
	return err;
}

/* Takes a reference to q->in and completes q->request. `rdev` stays 0 for a client that cannot be watched. */
static int find_namespace(struct asking *q, dev_t *rdev)
{
	const struct engine_server *server = q->connection->server;
	struct watch_ufile *ufile;
	int err = watch_ufile_get(server->watch, &q->process, q->number, &q->file, &ufile);

	if (err == -EPERM && !server->options.must_watch) {
		if (q->request.has & UVERBS_HAS_DEVX)
			engine_take_type(&q->request, 0);
		return unwatched_namespace(q);
	}
	if (err)
		return err;
	q->in = namespace_hold(watch_ufile_namespace(ufile));
	*rdev = watch_ufile_rdev(ufile);
	/* the type at creation overrides the type in the door's message */
	engine_take_type(&q->request, watch_qp_type(ufile, q->request.handle));
	if (q->request.kind == REQUEST_QP_ADDRESS && (q->request.qpn = watch_qp_number(ufile, q->request.handle)))
		q->request.has |= UVERBS_HAS_QPN;
	return 0;
}

static void refuse_not_found(struct judgement *answer, int err)
{
	enum reason reason = err == -EBADF                        ? REASON_DEVICE_NOT_OPEN
			     : err == -EPERM                      ? REASON_PROGRAM_CLOSED
			     : err == -EXDEV                      ? REASON_NETNS_ELSEWHERE
			     : err == -EACCES                     ? REASON_PROGRAM_HIDDEN
			     : err == -EBUSY || err == -ETIMEDOUT ? REASON_FILE_HANGS
			     : err == -ENOENT                     ? REASON_PROGRAM_NOT_SHOWN
								  : REASON_PROGRAM_UNKNOWN;

	judgement_refuse(answer, EPERM, reason)->err = -err;
}

static void judge_now(struct asking *q, const struct engine_client *client)
{
	const struct rdma_device *device;
	char error[192] = "";

	namespace_refresh(q->in);
	if (namespace_device(q->in, q->file.fd, &device, error, sizeof(error)))
		device = NULL;
	else
		text_copy(q->device, sizeof(q->device), device->name);
	watch_judge(q->connection->server->watch, q->in, client, device, error, &q->request, &q->answer);
	/* while evidence is being read, also an audit line could call a protected path unprotected */
	q->too_early = q->answer.verdict.kind == VERDICT_UNKNOWN && (!q->answer.pass || q->answer.reported) &&
		       mirror_is_reading(namespace_mirror(q->in));
}

/*
 * In this order:
 *
 *  find_namespace()   adds to the request what the watch knows of the queue pair: the answer depends on it
 *  namespace_follow() handles all events that the kernel has sent, so that the generation counts them
 *  cached answer      is valid if it is of the same generation
 *  judge_now()        reads the evidence without events, which may start a new generation
 *  keep the answer    under the generation after judging, by which it was made
 */
static void judge_by_evidence(struct asking *q)
{
	const struct engine_server *server = q->connection->server;
	struct engine_client client;
	struct answer_question question = { .client = &client, .request = &q->request };
	int err = find_namespace(q, &question.rdev);

	q->hangs = err == -EBUSY || err == -ETIMEDOUT;
	if (err) {
		refuse_not_found(&q->answer, err);
		return;
	}
	engine_client_from(&q->process, &client);
	namespace_follow(q->in);
	question.namespace_id = namespace_id(q->in);
	question.now_ms = clock_ms();
	question.generation = watch_generation(server->watch, q->in);
	if (question.rdev && answer_cache_find(server->answers, &question, &q->answer, q->device))
		return;
	judge_now(q, &client);
	question.generation = watch_generation(server->watch, q->in);
	if (question.rdev && q->device[0] && !q->too_early)
		answer_cache_keep(server->answers, &question, &q->answer, q->device);
}

/* Concerns no device: the policy decides whether a program whose commands are not checked may continue. */
static void judge_broken_door(struct asking *q)
{
	struct engine_client client;

	engine_client_from(&q->process, &client);
	watch_judge(q->connection->server->watch, NULL, &client, NULL, "", &q->request, &q->answer);
}

void question_judge(struct asking *q)
{
	struct watch_ufile *ufile;

	if (q->request.kind == REQUEST_DOOR_BROKEN) {
		judge_broken_door(q);
		return;
	}
	judge_by_evidence(q);
	ufile = q->in ? watch_ufile_find(q->connection->server->watch, &q->process, q->number) : NULL;
	if (!ufile)
		return;
	watch_ufile_is_on(ufile, q->device);
	watch_refuse_kept_route(ufile, &q->request, &q->answer);
	watch_refuse_full(ufile, &q->request, &q->answer);
}

static void publish_decision(const struct asking *q)
{
	struct wire_record record;

	watch_describe(&q->process, &q->request, q->device, &q->answer, &record);
	record.event = WIRE_EVENT_DECIDED;
	if (q->process.account == 0 ||
	    decisions_admit(q->connection->server->decisions, q->process.account, &record, clock_ms()))
		server_publish(&record, q->connection->server);
}

static void pending_free(struct connection *connection)
{
	server_withdraw_ticket(connection->server, connection->pending);
	process_close(&connection->pending->process);
	free(connection->pending);
}

static enum connection_fate await_done(const struct asking *q)
{
	struct watch_ufile *ufile = watch_ufile_find(q->connection->server->watch, &q->process, q->number);
	struct pending *pending = calloc(1, sizeof(*pending));

	if (!pending || process_copy(&q->process, &pending->process)) {
		free(pending);
		return CONNECTION_ENDS;
	}
	pending->number = q->number;
	pending->request = q->request;
	pending->answer = q->answer;
	pending->generation = watch_generation(q->connection->server->watch, q->in);
	if (ufile)
		server_make_ticket(q->connection->server, ufile, pending);
	q->connection->pending = pending;
	q->connection->state = CONNECTION_ACTS;
	q->connection->release = pending_free;
	return connection_wait(q->connection, EV_READ, DONE_SILENCE_MS);
}

enum connection_fate question_answer(struct asking *q)
{
	enum connection_fate fate = CONNECTION_ENDS;

	/* registered before the answer: the door executes nothing until it has the answer */
	if (q->answer.pass && q->in && creates_watched_state(&q->request)) {
		fate = await_done(q);
		if (fate == CONNECTION_ENDS)
			judgement_refuse(&q->answer, EAGAIN, REASON_ENGINE_FULL);
	}
	send_answer(q);
	publish_decision(q);
	if (q->in)
		namespace_put(q->in);
	q->in = NULL;
	return fate;
}

enum connection_fate question_reject(struct asking *q, enum reason reason)
{
	judgement_refuse(&q->answer, EPROTO, reason);
	send_answer(q);
	return CONNECTION_ENDS;
}

/* ---- queries ---- */

static void query(struct connection *connection, struct process *process, const struct wire_query *query,
		  struct wire_protection *out)
{
	struct watch *watch = connection->server->watch;
	struct foreign *foreign = connection->server->options.foreign;
	struct watch_ufile *ufile;
	struct foreign_file file;
	int err = foreign_receive(foreign, connection->socket, process, (int)query->fd, &file, NULL);

	if (err) {
		out->err = err == -ENODEV ? EBADF : (uint32_t)-err;
		return;
	}
	err = query->flags & WIRE_QUERY_LOOK ? watch_look(watch, process, (int)query->fd, &file, &ufile)
					     : watch_ufile_get(watch, process, (int)query->fd, &file, &ufile);

	if (err)
		out->err = (uint32_t)-err;
	else
		watch_protection(ufile, query->handle, file.fd, out);
	foreign_close_device(foreign, file.fd);
}

enum connection_fate connection_query(struct connection *connection, const void *message, bool has_file)
{
	struct wire_protection protection;
	struct process process;
	struct wire_query asked;
	int err;

	memcpy(&asked, message, sizeof(asked));
	err = !has_file ? -EBADMSG : asker_identify(connection, (pid_t)asked.subject, &process);
	wire_make(&protection, WIRE_PROTECTION);
	protection.err = (uint32_t)-err;
	if (!err) {
		query(connection, &process, &asked, &protection);
		process_close(&process);
	}
	err = wire_send(connection->socket, &protection, sizeof(protection), -1);
	(void)err; /* the client has closed, or does not read */
	return CONNECTION_ENDS;
}

/* ---- after the command ---- */

void connection_not_done(struct connection *connection)
{
	const struct pending *pending = connection->pending;
	struct watch *watch = connection->server->watch;
	struct watch_ufile *ufile = watch_ufile_find(watch, &pending->process, pending->number);

	if (ufile)
		watch_outcome_unknown(ufile, &pending->request);
}

enum connection_fate connection_done(struct connection *connection, const void *message, size_t len)
{
	struct pending *pending = connection->pending;
	struct watch *watch = connection->server->watch;
	struct watch_ufile *ufile;
	struct wire_done done;

	if (wire_check(message, len, WIRE_BIT(WIRE_DONE)) < 0) {
		connection_not_done(connection);
		return CONNECTION_ENDS;
	}
	memcpy(&done, message, sizeof(done));
	ufile = watch_ufile_find(watch, &pending->process, pending->number);
	if (!ufile)
		return CONNECTION_ENDS;
	if (done.has & UVERBS_HAS_HANDLE) {
		pending->request.has |= done.has;
		pending->request.handle = done.handle;
		pending->request.qpn = done.qpn;
	}
	watch_request_done(watch, ufile, &pending->request, &pending->answer, pending->generation);
	return CONNECTION_ENDS;
}
