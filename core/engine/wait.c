// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Questions that wait for an SA, or until the evidence has been read. The application's thread waits in its door, and
 * nobody else does: this is a state of its connection, from which a change of the evidence, the end of the rule's
 * setup-timeout or its own end gets it out.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "engine/internal.h"
#include "judge/concerns.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/text.h"

/* How long a question waits for evidence: a hundred thousand SAs were read in some seconds on an emulated processor. */
enum { EVIDENCE_WAIT_MS = 60 * 1000 };

/* The flow whose SA the answer misses. */
static struct acquire_flow flow_of(const struct engine_answer *answer)
{
	return (struct acquire_flow){
		.family = answer->path.family,
		.local = answer->path.local,
		.remote = answer->path.remote,
		.has_sport = answer->per_qp && answer->path.has_sport,
		.sport = answer->path.sport,
	};
}

/* Refused it is in any case, or audited; this says why no SA came. */
static void explain(struct engine_answer *answer, const char *why)
{
	if (!answer->pass)
		answer->err = ENOKEY;
	text_append(answer->text, sizeof(answer->text), "; %s", why);
	text_printable(answer->text);
	text_append(answer->verdict.reason, sizeof(answer->verdict.reason), "; %s", why);
	text_printable(answer->verdict.reason);
}

static void explain_nobody(struct engine_answer *answer, int err)
{
	if (err == -ESRCH)
		explain(answer, "no key manager listens that could set one up (does strongSwan's charon run, or "
				"another, in this network namespace?)");
	else
		explain(answer, strerror(-err));
}

static void explain_late(const struct waiting *w, struct engine_answer *answer)
{
	char why[256];

	text_format(why, sizeof(why), "none came in %.1f s: ", (double)(clock_ms() - w->began_ms) / 1000);
	acquisition_explain(w->acquisition, why, sizeof(why));
	explain(answer, why);
}

/* ---- waiting ---- */

static bool has_to_wait(const struct asking *q)
{
	return q->in && (q->answer.setup_ms || q->too_early);
}

static int join(struct waiting *w, const struct engine_answer *answer)
{
	struct asking *q = &w->question;

	if (!answer->setup_ms)
		return 0;
	w->flow = flow_of(answer);
	w->policy_index = answer->verdict.policy_out;
	return acquirer_join(q->connection->server->acquirer, q->in, &w->flow, w->policy_index, q->process.uid,
			     &w->acquisition);
}

static bool is_same_asking(const struct waiting *w, const struct engine_answer *answer)
{
	struct acquire_flow flow = flow_of(answer);

	return w->policy_index == answer->verdict.policy_out && w->flow.family == flow.family &&
	       !memcmp(&w->flow.local, &flow.local, sizeof(flow.local)) &&
	       !memcmp(&w->flow.remote, &flow.remote, sizeof(flow.remote)) && w->flow.has_sport == flow.has_sport &&
	       w->flow.sport == flow.sport;
}

/* Another policy's SA is missing now: a key manager may have replaced its own. */
static int join_anew(struct waiting *w, const struct engine_answer *answer)
{
	struct acquisition *before = w->acquisition;
	int err;

	if (!answer->setup_ms || (before && is_same_asking(w, answer)))
		return 0;
	if (!before) /* it waited for evidence until now */
		w->end_ms = clock_ms() + answer->setup_ms;
	w->acquisition = NULL;
	err = join(w, answer);
	if (before)
		acquisition_leave(before);
	return err;
}

static enum connection_fate wait_on(struct connection *connection)
{
	const struct waiting *w = connection->waiting;
	int64_t left = (w->end_ms < w->say_ms ? w->end_ms : w->say_ms) - clock_ms();

	return connection_wait(connection, EV_READ, left < 1 ? 1 : (int)left);
}

static struct waiting *waiting_new(const struct asking *q)
{
	struct waiting *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->question = *q;
	/* the one that came with the message is closed when this returns */
	w->question.fd = fcntl(q->fd, F_DUPFD_CLOEXEC, 0);
	w->began_ms = clock_ms();
	w->end_ms = w->began_ms + (q->answer.setup_ms ? q->answer.setup_ms : EVIDENCE_WAIT_MS);
	w->say_ms = w->began_ms + WIRE_WAIT_MS;
	return w;
}

bool question_waits(struct asking *q, enum connection_fate *fate)
{
	struct connection *connection = q->connection;
	struct waiting *w;
	int err;

	if (!has_to_wait(q))
		return false;
	w = waiting_new(q);
	err = !w ? -ENOMEM : w->question.fd < 0 ? -EMFILE : join(w, &q->answer);
	if (err) {
		if (w && w->question.fd >= 0)
			fd_let_go(w->question.fd);
		free(w);
		explain_nobody(&q->answer, err);
		return false;
	}
	/* the process and the namespace are its own from now on */
	connection->waiting = w;
	connection->state = CONNECTION_WAITS;
	DL_APPEND(connection->server->waiting, connection);
	*fate = wait_on(connection);
	return true;
}

void connection_waiting_free(struct connection *connection)
{
	struct waiting *w = connection->waiting;

	if (!w)
		return;
	DL_DELETE(connection->server->waiting, connection);
	if (w->acquisition)
		acquisition_leave(w->acquisition);
	if (w->question.in)
		namespace_put(w->question.in);
	process_close(&w->question.process);
	fd_let_go(w->question.fd);
	free(w);
	connection->waiting = NULL;
}

/* ---- its end ---- */

/* With `anew`, the question as it was just judged, which has a reference of its own. */
static enum connection_fate finish(struct connection *connection, struct asking *anew)
{
	enum connection_fate fate = question_answer(anew);

	connection_waiting_free(connection);
	return fate;
}

static enum connection_fate ask_again(struct connection *connection)
{
	struct waiting *w = connection->waiting;
	struct asking anew = w->question;
	bool late;
	int err;

	w->dirty = false;
	anew.in = NULL;
	question_judge(&anew);
	late = clock_ms() >= w->end_ms;
	if (late && w->acquisition && anew.answer.setup_ms)
		explain_late(w, &anew.answer);
	if (!has_to_wait(&anew) || (late && (w->acquisition || !anew.answer.setup_ms)))
		return finish(connection, &anew);
	err = join_anew(w, &anew.answer);
	if (err) {
		explain_nobody(&anew.answer, err);
		return finish(connection, &anew);
	}
	w->question.answer = anew.answer;
	w->question.too_early = anew.too_early;
	namespace_put(anew.in);
	return wait_on(connection);
}

enum connection_fate connection_still_waits(struct connection *connection)
{
	struct waiting *w = connection->waiting;
	int64_t now = clock_ms(), left = w->end_ms - now;
	struct wire_wait wait;
	int err;

	if (left <= 0)
		return ask_again(connection);
	w->say_ms = now + WIRE_WAIT_MS;
	wire_wait_make(&wait, (uint32_t)left);
	err = wire_send(connection->socket, &wait, sizeof(wait), -1);
	return err < 0 ? CONNECTION_ENDS : wait_on(connection);
}

/* ---- what is changed ---- */

static void on_judge_waiting(evutil_socket_t fd, short what, void *arg)
{
	const struct timeval now = { 0 };
	struct engine_server *server = arg;
	struct connection *connection, *next;
	unsigned judged = 0;

	(void)fd;
	(void)what;
	DL_FOREACH_SAFE (server->waiting, connection, next) {
		if (!connection->waiting->dirty)
			continue;
		if (judged++ == JUDGE_WAITING_AT_ONCE) {
			event_add(server->judge_waiting, &now);
			return;
		}
		if (ask_again(connection) == CONNECTION_ENDS)
			connection_free(connection);
	}
}

static bool concerned(const struct waiting *w, const struct mirror_change *change)
{
	const struct engine_answer *answer = &w->question.answer;

	if (change->kind == MIRROR_CHANGE_XFRM && change->xfrm->kind == XFRM_CHANGE_EXPIRING)
		return false;
	return change->kind != MIRROR_CHANGE_XFRM || w->question.too_early ||
	       xfrm_change_concerns(change->xfrm, &answer->path, &answer->verdict);
}

void server_on_change(struct namespace *in, const struct mirror_change *change, void *arg)
{
	const struct timeval now = { 0 };
	struct engine_server *server = arg;
	struct connection *connection;
	bool any = false;

	DL_FOREACH (server->waiting, connection) {
		struct waiting *w = connection->waiting;

		if (w->question.in == in && !w->dirty && concerned(w, change))
			any = w->dirty = true;
	}
	if (any)
		event_add(server->judge_waiting, &now);
}

void server_on_missing_sa(struct namespace *in, const struct acquire_flow *flow, uint32_t policy_index, uid_t uid,
			  uint32_t grace_ms, void *arg)
{
	struct engine_server *server = arg;

	if (grace_ms)
		acquirer_renew(server->acquirer, in, flow, policy_index, uid, 0, (int)grace_ms);
	else
		acquirer_renew(server->acquirer, in, flow, policy_index, uid, RENEW_AFTER_MS, RENEW_FOR_MS);
}

static bool needs_sa(struct namespace *in, const struct acquire_flow *flow, void *arg)
{
	const struct engine_server *server = arg;

	return watch_needs_sa(server->watch, in, flow);
}

int server_wait_init(struct engine_server *server)
{
	server->judge_waiting = evtimer_new(server->base, on_judge_waiting, server);
	return server->judge_waiting ? acquirer_new(server->base, needs_sa, server, &server->acquirer) : -ENOMEM;
}

void server_wait_free(struct engine_server *server)
{
	if (server->judge_waiting)
		event_free(server->judge_waiting);
	acquirer_free(server->acquirer);
}
