// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Questions that wait for an SA, or for evidence that is still being read. Only the application's thread waits, in its
 * door. A question is judged again when a change concerns it and when its time is over; the table `steps` says what
 * follows.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utlist.h>

#include "engine/internal.h"
#include "judge/concerns.h"
#include "util/clock.h"
#include "util/fd_socket.h"

/* How long a question waits for evidence: a hundred thousand SAs were read in some seconds on an emulated processor. */
enum { EVIDENCE_WAIT_MS = 60 * 1000 };

enum waits_for { FOR_EVIDENCE, FOR_SA, WAITS_FOR_COUNT };
enum judged { DECIDED, LACKS_SA, TOO_EARLY, SHUNTED, JUDGED_COUNT };
enum step { ANSWER, EXPLAIN, JOIN, GO_ON };

/* By what the question waits for, what it was judged to be now, and whether its time is over. */
static const enum step steps[WAITS_FOR_COUNT][JUDGED_COUNT][2] = {
	/* JOIN: asks for the SA that is missing now, and waits for setup-timeout. EXPLAIN: answers why none came. */
	[FOR_EVIDENCE] = { [DECIDED] = { ANSWER, ANSWER },
			   [LACKS_SA] = { JOIN, JOIN },
			   [TOO_EARLY] = { GO_ON, ANSWER },
			   [SHUNTED] = { ANSWER, ANSWER } },
	[FOR_SA] = { [DECIDED] = { ANSWER, ANSWER },
		     [LACKS_SA] = { JOIN, EXPLAIN },
		     [TOO_EARLY] = { GO_ON, ANSWER },
		     [SHUNTED] = { GO_ON, EXPLAIN } },
};

/*
 * Whether a policy lets the packets pass in clear, or none matches them. While a question waits for an SA this is the
 * work of the key manager that negotiates it: before, the packets hit a policy that asks for ESP. libreswan installs a
 * pass policy during a negotiation (negotiationshunt=passthrough), and replaces policies one after the other. Such a
 * question is never passed, but goes on waiting.
 */
static bool is_shunted(const struct verdict *verdict)
{
	static const enum reason reasons[] = { REASON_OUTBOUND_POLICY_CLEAR, REASON_INBOUND_POLICY_CLEAR,
					       REASON_OUTBOUND_NO_POLICY, REASON_INBOUND_NO_POLICY };

	if (verdict->kind != VERDICT_UNPROTECTED)
		return false;
	for (size_t i = 0; i < REASONS_MAX; i++)
		for (size_t j = 0; j < sizeof(reasons) / sizeof(reasons[0]); j++)
			if (verdict->why[i].reason == reasons[j])
				return true;
	return false;
}

static enum judged judged(const struct asking *q)
{
	if (q->hangs)
		return TOO_EARLY;
	if (!q->in)
		return DECIDED;
	if (q->answer.setup_ms)
		return LACKS_SA;
	if (q->too_early)
		return TOO_EARLY;
	return is_shunted(&q->answer.verdict) ? SHUNTED : DECIDED;
}

/* The flow whose SA the answer misses. */
static struct acquire_flow flow_of(const struct judgement *answer)
{
	const struct judged_path judged = judged_path_from(&answer->path, &answer->verdict);

	return judged_path_flow(&judged);
}

/* Adds why no SA came. The answer stays what it is: refused, or audited. */
static void explain(struct judgement *answer, const struct why *why)
{
	if (!answer->pass)
		answer->err = ENOKEY;
	answer->since = *why;
}

static void explain_failure(struct judgement *answer, int err)
{
	enum reason reason = err == -ESRCH ? REASON_NO_KEY_MANAGER : REASON_SETUP_FAILED;

	explain(answer, &(const struct why){ .reason = reason, .err = -err });
}

static void explain_late(const struct waiting *w, struct judgement *answer)
{
	struct why why;

	if (w->acquisition)
		acquisition_explain(w->acquisition, &why);
	else
		why = (struct why){ .reason = REASON_SETUP_MKA };
	why.number = (uint64_t)(clock_ms() - w->began_ms);
	explain(answer, &why);
}

/* ---- waiting ---- */

/* MKA cannot be asked, and the kernel sends no event of its SAs: the mirror polls faster while a question waits. */
static void expect_macsec_sa(struct waiting *w)
{
	if (w->hurries)
		return;
	w->hurries = true;
	mirror_hurry_begin(namespace_mirror(w->question.in));
}

static int join(struct waiting *w, const struct judgement *answer)
{
	struct asking *q = &w->question;
	int err;

	w->for_sa = answer->setup_ms;
	if (answer->setup_ms && answer->verdict.missing_macsec_sa)
		expect_macsec_sa(w);
	if (!answer->setup_ms || !answer->verdict.missing_sa)
		return 0;
	w->flow = flow_of(answer);
	w->policy_index = answer->verdict.policy_out;
	err = acquirer_join(q->connection->server->acquirer, q->in, &w->flow, w->policy_index, q->process.uid,
			    &w->acquisition);
	/* without a key manager for IPsec, MKA may yet protect the path */
	return answer->verdict.missing_macsec_sa ? 0 : err;
}

static bool is_same_flow(const struct waiting *w, const struct judgement *answer)
{
	struct acquire_flow flow = flow_of(answer);

	return w->policy_index == answer->verdict.policy_out && !memcmp(&w->flow, &flow, sizeof(flow));
}

/* A key manager may have replaced its policies: then the SA of another policy is missing now. */
static int join_again(struct waiting *w, const struct judgement *answer)
{
	struct acquisition *before = w->acquisition;
	int err;

	if (before && is_same_flow(w, answer))
		return 0;
	if (!w->for_sa)
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
	w->began_ms = clock_ms();
	w->end_ms = w->began_ms + (q->answer.setup_ms ? q->answer.setup_ms : EVIDENCE_WAIT_MS);
	w->say_ms = w->began_ms + WIRE_WAIT_MS;
	return w;
}

static void stop_expecting(const struct waiting *w)
{
	if (w->hurries)
		mirror_hurry_end(namespace_mirror(w->question.in));
}

static void waiting_free(struct connection *connection)
{
	struct waiting *w = connection->waiting;

	DL_DELETE(connection->server->waiting, connection);
	stop_expecting(w);
	if (w->acquisition)
		acquisition_leave(w->acquisition);
	if (w->question.in)
		namespace_put(w->question.in);
	process_close(&w->question.process);
	question_forget_file(&w->question);
	free(w);
}

/* A question about the same flow that waits for an SA; NULL: there is none. */
static const struct waiting *negotiated_by(const struct asking *q)
{
	const struct acquire_flow flow = flow_of(&q->answer);
	const struct connection *connection;

	DL_FOREACH (q->connection->server->waiting, connection) {
		const struct waiting *w = connection->waiting;

		if (w->acquisition && w->question.in == q->in && w->flow.family == flow.family &&
		    !memcmp(&w->flow.local, &flow.local, sizeof(flow.local)) &&
		    !memcmp(&w->flow.remote, &flow.remote, sizeof(flow.remote)))
			return w;
	}
	return NULL;
}

/* Under the pass policy of a negotiation that another question has asked for: waits for it, and no longer. */
static int join_other(struct waiting *w, const struct waiting *other)
{
	struct asking *q = &w->question;

	w->for_sa = true;
	w->flow = other->flow;
	w->policy_index = other->policy_index;
	w->end_ms = other->end_ms;
	return acquirer_join(q->connection->server->acquirer, q->in, &w->flow, w->policy_index, q->process.uid,
			     &w->acquisition);
}

bool question_waits(struct asking *q, enum connection_fate *fate)
{
	const enum judged is = judged(q);
	const struct waiting *other = is == SHUNTED ? negotiated_by(q) : NULL;
	struct connection *connection = q->connection;
	struct waiting *w;
	int err;

	/* a pass policy without a request for an SA is not that of a negotiation; what hangs take.c has tried long
	 * enough */
	if (is == DECIDED || (is == SHUNTED && !other) || q->hangs)
		return false;
	w = waiting_new(q);
	err = !w ? -ENOMEM : other ? join_other(w, other) : join(w, &q->answer);
	if (err) {
		if (w)
			stop_expecting(w);
		free(w);
		explain_failure(&q->answer, err);
		return false;
	}
	/* the process, the file and the namespace belong to it from now on */
	connection->waiting = w;
	connection->state = CONNECTION_WAITS;
	connection->release = waiting_free;
	DL_APPEND(connection->server->waiting, connection);
	*fate = wait_on(connection);
	return true;
}

/* ---- judging again ---- */

/* `now`: the question as it was just judged, with its own reference to the namespace. */
static enum connection_fate finish(struct connection *connection, struct asking *now)
{
	enum connection_fate fate;

	connection->release = NULL; /* an answer that passes sets its own */
	fate = question_answer(now);
	waiting_free(connection);
	return fate;
}

/* A helper could not look at the file or the process in time. */
static void judge_later(struct waiting *w)
{
	const struct timeval pause = clock_timeval(TAKE_AGAIN_MS);

	w->dirty = true;
	event_add(w->question.connection->server->judge_waiting, &pause);
}

static enum connection_fate judge_again(struct connection *connection)
{
	struct waiting *w = connection->waiting;
	struct asking now = w->question;
	enum step step;
	int err;

	w->dirty = false;
	now.in = NULL;
	question_check_file(&now);
	question_judge(&now);
	step = steps[w->for_sa ? FOR_SA : FOR_EVIDENCE][judged(&now)][clock_ms() >= w->end_ms];
	if (step == EXPLAIN)
		explain_late(w, &now.answer);
	err = step == JOIN ? join_again(w, &now.answer) : 0;
	if (err)
		explain_failure(&now.answer, err);
	if (err || step == ANSWER || step == EXPLAIN)
		return finish(connection, &now);
	w->question.answer = now.answer;
	w->question.too_early = now.too_early;
	if (now.in)
		namespace_put(now.in);
	if (now.hangs)
		judge_later(w);
	return wait_on(connection);
}

enum connection_fate connection_still_waits(struct connection *connection)
{
	struct waiting *w = connection->waiting;
	int64_t now = clock_ms(), left = w->end_ms - now;
	struct wire_wait wait;
	int err;

	if (left <= 0)
		return judge_again(connection);
	w->say_ms = now + WIRE_WAIT_MS;
	wire_make(&wait, WIRE_WAIT);
	wait.left_ms = (uint32_t)left;
	err = wire_send(connection->socket, &wait, sizeof(wait), -1);
	return err < 0 ? CONNECTION_ENDS : wait_on(connection);
}

/* ---- changes ---- */

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
		if (judge_again(connection) == CONNECTION_ENDS)
			connection_free(connection);
	}
}

static bool concerned(const struct waiting *w, const struct mirror_change *change)
{
	const struct judgement *answer = &w->question.answer;
	const struct judged_path judged = judged_path_from(&answer->path, &answer->verdict);

	if (change->kind == MIRROR_CHANGE_XFRM && change->xfrm->kind == XFRM_CHANGE_EXPIRING)
		return false;
	return change->kind != MIRROR_CHANGE_XFRM || w->question.too_early ||
	       xfrm_change_concerns(change->xfrm, &judged);
}

void server_on_change(struct namespace *in, const struct mirror_change *change, void *arg)
{
	const struct timeval now = { 0 };
	struct engine_server *server = arg;
	struct connection *connection;
	bool any = false;

	server_withdraw_tickets(server);
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
