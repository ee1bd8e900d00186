// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * The file of a question, which a helper takes. A helper that sleeps may wait for a file system that never answers, or
 * for one that is slow, or for another process of a host with too much to do: the engine cannot tell. So it goes on
 * with others, and tries this question again until the helper has returned or FOREIGN_LATE_MS are over:
 *
 *  the helper           the message           then
 *  returns in time      received by it        judged
 *  sleeps               received by it        its reply is looked for (ticket)
 *  sleeps for another   stays in the socket   received again, when that one's account is not barred any more
 *  sleeps at a look     received before       judged again, if the program still has the file
 *  at its process
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "engine/internal.h"
#include "util/clock.h"

static_assert((int)FOREIGN_LATE_MS < (int)WIRE_TIMEOUT_MS, "the door waits so long for an answer");

static bool needs_file(const struct asking *q)
{
	return q->request.kind != REQUEST_DOOR_BROKEN;
}

static int take_file(struct asking *q, int *ticket)
{
	struct foreign *foreign = q->connection->server->options.foreign;
	int err;

	if (*ticket < 0)
		return foreign_receive(foreign, q->connection->socket, &q->process, q->number, &q->file, ticket);
	err = foreign_receive_late(foreign, *ticket, &q->process, &q->file);
	if (err != -EINPROGRESS)
		*ticket = -1;
	return err;
}

static void taking_free(struct connection *connection)
{
	struct taking *taking = connection->taking;

	if (taking->ticket >= 0)
		foreign_receive_cancel(connection->server->options.foreign, taking->ticket);
	question_forget_file(&taking->question);
	process_close(&taking->question.process);
	free(taking);
	connection->taking = NULL;
}

/* Less and less often: an account may have many questions. */
static int pause_ms(int64_t end_ms)
{
	int64_t ms = (FOREIGN_LATE_MS - (end_ms - clock_ms())) / 4;

	return ms < TAKE_AGAIN_MS ? TAKE_AGAIN_MS : ms > TAKE_AGAIN_MAX_MS ? TAKE_AGAIN_MAX_MS : (int)ms;
}

/* The message may still be in the socket, so only time ends this wait. */
static bool try_later(const struct asking *q, int ticket, int64_t end_ms)
{
	struct connection *connection = q->connection;
	struct taking *taking = clock_ms() < end_ms ? calloc(1, sizeof(*taking)) : NULL;

	if (!taking || connection_wait(connection, 0, pause_ms(end_ms)) == CONNECTION_ENDS) {
		free(taking);
		return false;
	}
	*taking = (struct taking){ .question = *q, .ticket = ticket, .end_ms = end_ms };
	connection->taking = taking;
	connection->state = CONNECTION_TAKES;
	connection->release = taking_free;
	return true;
}

static enum connection_fate answer_or_wait(struct asking *q)
{
	enum connection_fate fate;

	if (question_waits(q, &fate))
		return fate;
	fate = question_answer(q);
	question_forget_file(q);
	process_close(&q->process);
	return fate;
}

static enum connection_fate refuse(struct asking *q, int ticket, int err)
{
	enum connection_fate fate = question_refuse_file(q, err == -EINPROGRESS ? -ETIMEDOUT : err);

	if (ticket >= 0)
		foreign_receive_cancel(q->connection->server->options.foreign, ticket);
	process_close(&q->process);
	return fate;
}

static enum connection_fate attempt(struct asking *q, int ticket, int64_t end_ms)
{
	int err = needs_file(q) && q->file.fd < 0 ? take_file(q, &ticket) : 0;

	if (!err) {
		question_judge(q);
		return q->hangs && try_later(q, -1, end_ms) ? CONNECTION_STAYS : answer_or_wait(q);
	}
	/* without the reply to a ticket the message and its file are lost */
	if ((err == -EINPROGRESS || err == -EBUSY) && try_later(q, ticket, end_ms))
		return CONNECTION_STAYS;
	return refuse(q, ticket, err);
}

enum connection_fate question_begin(struct asking *q)
{
	return attempt(q, -1, clock_ms() + FOREIGN_LATE_MS);
}

/* The program had time to replace its file. */
static enum connection_fate judge_again(struct asking *q, int64_t end_ms)
{
	struct asking now = *q;

	question_check_file(&now);
	if ((now.file.same_err == -EBUSY || now.file.same_err == -ETIMEDOUT) && try_later(q, -1, end_ms))
		return CONNECTION_STAYS;
	return attempt(&now, -1, end_ms);
}

enum connection_fate connection_take_again(struct connection *connection)
{
	struct taking taking = *connection->taking;

	free(connection->taking);
	connection->taking = NULL;
	connection->release = NULL;
	connection->state = CONNECTION_ASKS;
	return taking.question.file.fd >= 0 ? judge_again(&taking.question, taking.end_ms)
					    : attempt(&taking.question, taking.ticket, taking.end_ms);
}
