// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/*
 * Keeps one RC QP busy in both directions, and prints its progress and its end, with CLOCK_REALTIME:
 *
 *	TIME streaming               the first message of the stream has arrived
 *	TIME COUNT sent              once a second
 *	TIME STATUS after COUNT      the first completion that failed, by ibv_wc_status_str()
 *	COUNT sent, longest pause N ms    the time is up
 *
 * The exit status is 0: the time is up, 1: it could not start, 3: flushed, as after the QP was moved to ERR, 4: another
 * completion failed, as without acknowledgements.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "rc.h"

enum { ENDED_FLUSHED = 3, ENDED_BROKEN = 4 };

struct stream {
	struct rc_qp qp;
	int tcp;
	int pause_ms; /* 0: as fast as it can */
	int outstanding;
	unsigned long sent;
	double began, last, printed, longest_pause; /* seconds */
	enum ibv_wc_status failed;                  /* the first that did */
};

static double now(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int get_tcp(const struct options *options)
{
	int listener, tcp;

	if (options->server)
		return exchange_connect(options->server, options->tcp_port);
	listener = exchange_listen(options->tcp_port);
	if (listener < 0)
		return listener;
	tcp = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(listener);
	return tcp < 0 ? -errno : tcp;
}

static void count_sent(struct stream *s)
{
	double at = now(CLOCK_MONOTONIC);

	if (!s->sent)
		printf("%.3f streaming\n", now(CLOCK_REALTIME));
	else if (at - s->last > s->longest_pause)
		s->longest_pause = at - s->last;
	s->sent++;
	s->outstanding--;
	s->last = at;
	if (at - s->printed >= 1) {
		printf("%.3f %lu sent\n", now(CLOCK_REALTIME), s->sent);
		s->printed = at;
	}
}

/* Returns the number of completions, or -1 if one failed, with its status in s->failed. */
static int poll_sends(struct stream *s)
{
	struct ibv_wc wc[RC_SENDS];
	int got = ibv_poll_cq(s->qp.send_cq, RC_SENDS, wc);

	for (int i = 0; i < got; i++) {
		if (wc[i].status != IBV_WC_SUCCESS) {
			s->failed = wc[i].status;
			return -1;
		}
		count_sent(s);
	}
	return got;
}

static int poll_receives(struct stream *s)
{
	struct ibv_wc wc[RC_RECEIVES];
	int got = ibv_poll_cq(s->qp.recv_cq, RC_RECEIVES, wc);

	for (int i = 0; i < got; i++) {
		if (wc[i].status == IBV_WC_SUCCESS && !rc_post_receive(&s->qp, wc[i].wr_id))
			continue;
		/* receives are flushed after a send failed, or after the QP was moved: the sends have the status */
		if (poll_sends(s) >= 0)
			s->failed = wc[i].status;
		return -1;
	}
	return got;
}

/* Returns 0, or -1 if a completion failed. With `more` it fills the window with sends. */
static int step(struct stream *s, bool more)
{
	const struct timespec moment = { .tv_nsec = s->pause_ms ? s->pause_ms * 1000000L : 200 * 1000 };
	int window = s->pause_ms ? 1 : RC_SENDS;
	int sends = poll_sends(s), receives = sends < 0 ? -1 : poll_receives(s);

	if (receives < 0)
		return -1;
	/* a post to a QP in ERR may fail; the completions have the status */
	while (more && s->outstanding < window && !rc_post_send(&s->qp))
		s->outstanding++;
	if (s->pause_ms || (!sends && !receives))
		nanosleep(&moment, NULL);
	return 0;
}

/* The end that is done first still receives until its peer is done or gone. */
static int leave_together(struct stream *s)
{
	const struct endpoint done = { 0 };
	struct endpoint theirs;

	while (s->outstanding)
		if (step(s, false))
			return -1;
	if (exchange_send(s->tcp, &done))
		return 0;
	while (recv(s->tcp, &theirs, sizeof(theirs), MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN)
		if (step(s, false))
			return -1;
	return 0;
}

static int stream_until(struct stream *s, int seconds)
{
	s->began = s->printed = s->last = now(CLOCK_MONOTONIC);
	while (now(CLOCK_MONOTONIC) - s->began < seconds)
		if (step(s, true))
			return -1;
	return leave_together(s);
}

/* Prints the end. `keep`: the QP stays until a SIGTERM. */
static int report_end(const struct stream *s, int err, bool keep)
{
	sigset_t enough;
	int ignored;

	sigemptyset(&enough);
	sigaddset(&enough, SIGTERM);
	if (!err) {
		printf("%lu sent, longest pause %.0f ms\n", s->sent, s->longest_pause * 1000);
		return 0;
	}
	if (keep)
		sigprocmask(SIG_BLOCK, &enough, NULL);
	printf("%.3f %s after %lu\n", now(CLOCK_REALTIME), ibv_wc_status_str(s->failed), s->sent);
	if (keep)
		sigwait(&enough, &ignored);
	return s->failed == IBV_WC_WR_FLUSH_ERR ? ENDED_FLUSHED : ENDED_BROKEN;
}

/* Forks a child that does nothing and holds all descriptors of its parent. Prints its process id. */
static int fork_holder(void)
{
	pid_t child = fork();

	if (child < 0)
		return -errno;
	if (child == 0)
		for (;;)
			pause();
	printf("child %d\n", (int)child);
	return 0;
}

/* ---- hiding the open device ---- */

enum { HIDDEN_NUMBER = 200 };

struct hidden {
	struct stream *stream;
	int seconds, err;
	bool is_hidden;
};

/* The thread keeps its copy of the table; that of the process loses the device. */
static void *stream_in_thread(void *arg)
{
	struct hidden *hidden = arg;

	hidden->err = unshare(CLONE_FILES) ? -1 : 0;
	__atomic_store_n(&hidden->is_hidden, true, __ATOMIC_SEQ_CST);
	if (!hidden->err)
		hidden->err = stream_until(hidden->stream, hidden->seconds);
	return NULL;
}

static int hide_in_thread(struct stream *s, int device, int seconds)
{
	struct hidden hidden = { .stream = s, .seconds = seconds };
	pthread_t thread;

	if (pthread_create(&thread, NULL, stream_in_thread, &hidden))
		return -1;
	while (!__atomic_load_n(&hidden.is_hidden, __ATOMIC_SEQ_CST))
		sched_yield();
	close(device);
	pthread_join(thread, NULL);
	return hidden.err;
}

/* Streams with the open device where an engine does not expect it. */
static int stream_hidden(struct stream *s, struct ibv_context *context, const char *how, int seconds)
{
	int device = context->cmd_fd;

	if (!strcmp(how, "thread"))
		return hide_in_thread(s, device, seconds);
	if (!strcmp(how, "dup")) {
		context->cmd_fd = dup2(device, HIDDEN_NUMBER);
		close(device);
	} else if (!strcmp(how, "undumpable")) {
		prctl(PR_SET_DUMPABLE, 0);
	} else if (!strcmp(how, "closed")) {
		close(device);
		/* it can ring no doorbell any more; its mappings keep the QP alive */
		printf("%.3f streaming\n", now(CLOCK_REALTIME));
		pause();
	}
	return stream_until(s, seconds);
}

static int connect_stream(struct stream *s, const struct rc_device *device, const struct options *options)
{
	int err;

	s->pause_ms = options->pause_ms;
	s->tcp = get_tcp(options);
	if (s->tcp < 0) {
		complain(s->tcp, "no connection to the peer");
		return s->tcp;
	}
	err = options->server ? rc_call(&s->qp, device, s->tcp) : rc_serve(&s->qp, device, s->tcp);
	if (err)
		complain(err, "its QP %s", s->qp.stage);
	return err;
}

int main(int argc, char **argv)
{
	struct stream s = { .tcp = -1 };
	struct rc_device device;
	struct options options;
	int err, status = 1;

	setvbuf(stdout, NULL, _IOLBF, 0);
	options_read(argc, argv, &options);
	err = rc_open(&device, &verbs_linked, &options);
	if (err) {
		complain(err, "%s cannot be opened", options.device);
		return 1;
	}
	err = connect_stream(&s, &device, &options);
	if (!err && options.fork)
		err = fork_holder();
	if (!err) {
		printf("qpn %u\n", s.qp.qp->qp_num);
		err = options.hide ? stream_hidden(&s, s.qp.qp->context, options.hide, options.seconds)
				   : stream_until(&s, options.seconds);
		status = report_end(&s, err, options.keep);
	}
	if (s.qp.device)
		rc_destroy(&s.qp);
	if (s.tcp >= 0)
		close(s.tcp);
	rc_close(&device);
	return status;
}
