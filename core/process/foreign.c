// SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB
/* The engine's end of the helpers. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/foreign_private.h"
#include "util/clock.h"
#include "util/fd_socket.h"
#include "util/small_file.h"
#include "util/text.h"

enum {
	SLICE_MS = 20,
	AWAIT_MAX_MS = 15000,        /* of a helper that runs, on a host with too much to do: half of WatchdogSec */
	BARRED_MS = FOREIGN_LATE_MS, /* an account, from a helper's hanging on */
	SLEEPS_MAX_MS = 2 * FOREIGN_ASLEEP_MS, /* of one that wakes up now and then */
	SOCKET_CLOSER_MS = 1000,               /* without progress: then it hangs */
	SEND_BUFFER = 4 * 1024 * 1024,         /* some thousand sockets that wait for a closer */
	TRIES = 3,
	HELD_MAX = 65536,      /* sockets of a holder, */
	HOLDERS_MAX = 4,       /* of which an account may have so many, */
	HOLDER_OWN_FILES = 64, /* and fewer than its descriptors */
	HOLDER_WAIT_MS = 20,   /* for its queue */
	HANGS_MAX = 3, /* accounts at whose files helpers hang, in one search: it then looks at the asking one's only */
};

/* ---- helpers ---- */

static bool has_ended(const struct foreign_helper *helper)
{
	struct pollfd end = { .fd = helper->pidfd, .events = POLLIN };

	return poll(&end, 1, 0) == 1;
}

void foreign_helper_end(struct foreign_helper *helper)
{
	if (helper->socket >= 0)
		close(helper->socket);
	if (helper->pidfd >= 0)
		close(helper->pidfd);
	*helper = (struct foreign_helper){ .socket = -1, .pidfd = -1, .slot = helper->slot };
}

static bool is_given_up(const struct foreign_helper *helper)
{
	return helper->role >= FOREIGN_STUCK;
}

/* A late one and a jail go on. */
static bool is_ended(enum foreign_role role)
{
	return role != FOREIGN_JAIL && role != FOREIGN_LATE;
}

void foreign_give_up(struct foreign_helper *helper, enum foreign_role role)
{
	helper->account = atomic_load(&helper->slot->account);
	helper->obstacle = (struct foreign_obstacle){ .start_time = atomic_load(&helper->slot->start_time),
						      .pid = atomic_load(&helper->slot->pid),
						      .thread = atomic_load(&helper->slot->thread),
						      .number = atomic_load(&helper->slot->number) };
	helper->until_ms = clock_ms() + BARRED_MS;
	helper->role = role;
	if (!is_ended(role))
		return;
	close(helper->socket);
	helper->socket = -1;
	(void)pidfd_send_signal(helper->pidfd, SIGKILL, NULL, 0);
}

/* It closes what it has, for as long as that takes. */
static void end_holder(struct foreign_helper *helper)
{
	const uint64_t account = helper->account;

	foreign_give_up(helper, FOREIGN_HOLDER_ENDS);
	helper->account = account;
	helper->until_ms = clock_ms();
}

static struct foreign_helper *find_of(struct foreign *foreign, enum foreign_role role, uint64_t account)
{
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		if (foreign->helpers[i].role == role && foreign->helpers[i].account == account)
			return &foreign->helpers[i];
	return NULL;
}

static bool has_returned(const struct foreign_helper *helper, int64_t now)
{
	bool idle = helper->role == FOREIGN_JAIL && helper->sent == atomic_load(&helper->slot->closed);

	return is_given_up(helper) && helper->role != FOREIGN_LATE && now > helper->until_ms &&
	       (idle || has_ended(helper));
}

/* Helpers that were given up and have returned since. A holder is for the time of a jail. */
static void forget_returned(struct foreign *foreign)
{
	int64_t now = clock_ms();

	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++) {
		struct foreign_helper *helper = &foreign->helpers[i];

		if (has_returned(helper, now))
			foreign_helper_end(helper);
		else if (helper->role == FOREIGN_HOLDER && !find_of(foreign, FOREIGN_JAIL, helper->account))
			end_holder(helper);
	}
}

bool foreign_is_keeper(const struct foreign *foreign, pid_t pid)
{
	return foreign && pid == foreign->keeper;
}

unsigned foreign_stuck(const struct foreign *foreign)
{
	unsigned count = 0;

	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		count += is_given_up(&foreign->helpers[i]);
	return count;
}

/* R: it runs, or would if the host had time. Anything else that lasts is a wait in the kernel. */
bool foreign_is_asleep(const struct foreign_helper *helper)
{
	char path[32], text[256];
	const char *state;

	text_format(path, sizeof(path), "/proc/%d/stat", (int)helper->pid);
	if (small_file_read(-1, path, text, sizeof(text)) < 0)
		return true;
	state = strrchr(text, ')');
	return !state || strncmp(state, ") R", 3) != 0;
}

static int spawn(struct foreign *foreign, struct foreign_helper *helper)
{
	const struct foreign_request request = { .number = (int32_t)(helper - foreign->helpers) };
	const int buffer = SEND_BUFFER;
	struct foreign_reply reply;
	size_t count = 1;
	int err = foreign_send(foreign->socket, &request, offsetof(struct foreign_request, places), NULL, 0, 0);

	if (err < 0)
		return err;
	err = foreign_receive_message(foreign->socket, &reply, sizeof(reply), &helper->socket, &count, 0);
	if (err != sizeof(reply) || reply.err || count != 1) {
		helper->socket = count == 1 ? helper->socket : -1;
		return err < 0 ? err : err != sizeof(reply) ? -ECONNRESET : reply.err ? reply.err : -EBADMSG;
	}
	helper->pid = reply.pid;
	helper->pidfd = pidfd_open(reply.pid, 0);
	if (clock_getcpuclockid(helper->pid, &helper->work))
		return -ESRCH;
	/* a smaller buffer holds fewer sockets */
	if (setsockopt(helper->socket, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof(buffer)))
		(void)setsockopt(helper->socket, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer));
	return helper->pidfd < 0 ? -errno : 0;
}

struct foreign_helper *foreign_helper_find(struct foreign *foreign, enum foreign_role role)
{
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		if (foreign->helpers[i].role == role)
			return &foreign->helpers[i];
	return NULL;
}

static struct foreign_helper *helper_new(struct foreign *foreign, enum foreign_role role)
{
	struct foreign_helper *helper;

	forget_returned(foreign);
	helper = foreign_helper_find(foreign, FOREIGN_NONE);
	if (!helper)
		return NULL;
	memset(helper->slot, 0, sizeof(*helper->slot));
	if (spawn(foreign, helper)) {
		foreign_helper_end(helper);
		return NULL;
	}
	helper->role = role;
	helper->seen_ms = clock_ms();
	return helper;
}

struct foreign_helper *foreign_helper_get(struct foreign *foreign, enum foreign_role role)
{
	struct foreign_helper *helper = foreign_helper_find(foreign, role);

	return helper ? helper : helper_new(foreign, role);
}

/* ---- one request ---- */

/* Of helpers that looked at a file for a question: a dead server below a scan bars no question. */
bool foreign_hangs(struct foreign *foreign, uint64_t account)
{
	bool barred;

	if (!foreign)
		return false;
	forget_returned(foreign);
	barred = foreign_debt_is_high(foreign, account);
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		barred |= (foreign->helpers[i].role == FOREIGN_STUCK || foreign->helpers[i].role == FOREIGN_LATE) &&
			  foreign->helpers[i].account == account;
	return barred;
}

/* Returns the processor time that the helper has had; 0: it has ended. */
static int64_t work_ns(const struct foreign_helper *helper)
{
	struct timespec now;

	return clock_gettime(helper->work, &now) ? 0 : (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* What a helper did while the engine waited for it. */
struct patience {
	int64_t end_ms, began_ns, seen_ns;
	int asleep_ms, slept_ms; /* without progress, and in all */
};

/*
 * After a slice of waiting: does the helper hang? One that waits for a processor does not, however long that takes on a
 * busy host. One that sleeps has its file to wait for; if it ran since the last slice it proceeds, but an account could
 * have it wake up as often as it likes.
 */
static bool is_hung(struct foreign *foreign, const struct foreign_helper *helper, struct patience *patience)
{
	bool sleeps = foreign_is_asleep(helper);
	int64_t ns = work_ns(helper);

	/* most replies come before: its first slice is not counted */
	if (patience->began_ns < 0)
		patience->began_ns = ns;
	if (sleeps) {
		foreign_debt_add(foreign, atomic_load(&helper->slot->account), SLICE_MS);
		patience->slept_ms += SLICE_MS;
	}
	patience->asleep_ms = sleeps && ns == patience->seen_ns ? patience->asleep_ms + SLICE_MS : 0;
	patience->seen_ns = ns;
	return patience->asleep_ms >= FOREIGN_ASLEEP_MS || patience->slept_ms >= SLEEPS_MAX_MS ||
	       ns - patience->began_ns >= FOREIGN_WORKS_MS * 1000000LL || clock_ms() > patience->end_ms;
}

int foreign_await(struct foreign *foreign, const struct foreign_helper *helper, struct foreign_reply *out, int *fd)
{
	struct pollfd ready = { .fd = helper->socket, .events = POLLIN };
	struct patience patience = { .end_ms = clock_ms() + AWAIT_MAX_MS, .began_ns = -1, .seen_ns = -1 };
	size_t count = 1;
	int got;

	while (poll(&ready, 1, SLICE_MS) != 1)
		if (is_hung(foreign, helper, &patience))
			return -ETIMEDOUT;
	got = foreign_receive_message(helper->socket, out, sizeof(*out), fd, &count, MSG_DONTWAIT);
	if (!count)
		*fd = -1;
	return got == sizeof(*out) ? 0 : -ECONNRESET;
}

/* What the helper does not pass on it closes after its reply. */
static int await_both(struct foreign *foreign, const struct foreign_helper *helper, struct foreign_reply *out, int *fd,
		      bool *hangs)
{
	struct foreign_reply closed;
	int none, err = foreign_await(foreign, helper, out, fd);

	*hangs = err == -ETIMEDOUT;
	if (!err && out->closes) {
		int then = foreign_await(foreign, helper, &closed, &none);

		*hangs = then == -ETIMEDOUT;
	}
	return err;
}

static size_t length_of(const struct foreign_request *request)
{
	return offsetof(struct foreign_request, places) + request->count * sizeof(request->places[0]);
}

/* Of one that hangs. -EINPROGRESS: its reply may still come. */
static int give_up_call(struct foreign *foreign, struct foreign_helper *helper, int err, bool is_own, int *ticket)
{
	if (!err || !is_own || !ticket) {
		foreign_give_up(helper, FOREIGN_STUCK);
		return err;
	}
	foreign_give_up(helper, FOREIGN_LATE);
	*ticket = (int)(helper - foreign->helpers);
	return -EINPROGRESS;
}

int foreign_call(struct foreign *foreign, const struct foreign_request *request, const int *fds, size_t fd_count,
		 struct foreign_reply *reply, int *fd, int *ticket)
{
	int err = -EBUSY;

	if (foreign_hangs(foreign, request->account))
		return -EBUSY;
	for (int i = 0; i < TRIES; i++) {
		struct foreign_helper *helper = foreign_helper_get(foreign, FOREIGN_TAKER);
		bool hangs = false, is_own;

		if (!helper)
			return -EBUSY;
		err = foreign_send(helper->socket, request, length_of(request), fds, fd_count, MSG_DONTWAIT);
		err = err < 0 ? err : await_both(foreign, helper, reply, fd, &hangs);
		if (err && err != -ETIMEDOUT) {
			foreign_helper_end(helper);
			continue;
		}
		is_own = atomic_load(&helper->slot->account) == request->account;
		if (hangs)
			err = give_up_call(foreign, helper, err, is_own, ticket);
		if (!err || is_own || request->what == FOREIGN_SAME)
			return err;
	}
	return err;
}

/* ---- questions ---- */

int foreign_file_from(const struct foreign_reply *reply, int fd, struct foreign_file *out)
{
	if (reply->err || fd < 0) {
		if (fd >= 0)
			close(fd);
		return reply->err < 0 ? reply->err : -EPROTO;
	}
	*out = (struct foreign_file){
		.fd = fd, .rdev = (dev_t)reply->rdev, .same_err = reply->same_err, .thread = reply->thread
	};
	return 0;
}

static int take(struct foreign *foreign, const struct process *process, const struct foreign_request *request,
		struct foreign_file *out)
{
	struct foreign_leftovers left = { .count = 0 };
	struct foreign_reply reply;
	int fd, err;

	if (foreign) {
		err = foreign_call(foreign, request, &process->pidfd, 1, &reply, &fd, NULL);
		return err ? err : foreign_file_from(&reply, fd, out);
	}
	err = foreign_take_here("/sys", process, request->thread, request->number, (dev_t)request->rdev, out, &left);
	foreign_close_leftovers(&left);
	return err;
}

int foreign_take(struct foreign *foreign, const struct process *process, int number, struct foreign_file *out)
{
	return foreign_take_of(foreign, process, 0, number, 0, out);
}

int foreign_take_of(struct foreign *foreign, const struct process *process, pid_t thread, int number, dev_t rdev,
		    struct foreign_file *out)
{
	const struct foreign_request request = { .account = process->account,
						 .what = FOREIGN_TAKE,
						 .rdev = rdev,
						 .pid = process->pid,
						 .thread = thread,
						 .number = number };

	return take(foreign, process, &request, out);
}

/*
 * Fills in a request with the next places of accounts that are not barred; `from` are their indices. `only_own`: of the
 * account that asks.
 */
static size_t gather(struct foreign *foreign, const struct foreign_place *places, size_t count, size_t at,
		     bool only_own, struct foreign_request *request, size_t *from)
{
	request->count = 0;
	for (; at < count && request->count < FOREIGN_PLACES_MAX; at++) {
		if ((only_own && places[at].account != request->account) || foreign_hangs(foreign, places[at].account))
			continue;
		from[request->count] = at;
		request->places[request->count++] = places[at];
	}
	return at;
}

/* `own` -1: the place is in the request. */
static int same(struct foreign *foreign, struct foreign_request *request, int own, const struct foreign_place *places,
		size_t count, size_t *out)
{
	struct foreign_reply reply;
	size_t at = 0, from[FOREIGN_PLACES_MAX];
	int fd, err = -ENOENT, hung = 0;

	while (err == -ENOENT && at < count) {
		size_t next = gather(foreign, places, count, at, hung >= HANGS_MAX, request, from);

		if (!request->count)
			return -ENOENT;
		err = foreign_call(foreign, request, &own, own >= 0, &reply, &fd, NULL);
		/* the places of that account are barred now, so the next request lacks them */
		if (err == -ETIMEDOUT && hung++ < HANGS_MAX) {
			err = -ENOENT;
			continue;
		}
		at = next;
		err = err ? err : reply.err;
	}
	if (!err && reply.index >= request->count)
		err = -EPROTO;
	if (!err)
		*out = from[reply.index];
	return err;
}

int foreign_same(struct foreign *foreign, const struct foreign_place *place, const struct foreign_place *places,
		 size_t count, size_t *out)
{
	struct foreign_request request = {
		.account = place->account, .what = FOREIGN_SAME, .thread = place->thread, .number = place->number
	};

	if (!foreign)
		return foreign_same_here(place->thread, place->number, places, count, NULL, out);
	return same(foreign, &request, -1, places, count, out);
}

int foreign_same_as(struct foreign *foreign, uint64_t account, int fd, const struct foreign_place *places, size_t count,
		    size_t *out)
{
	struct foreign_request request = { .account = account, .what = FOREIGN_SAME };

	if (!foreign)
		return foreign_same_here(getpid(), fd, places, count, NULL, out);
	return same(foreign, &request, fd, places, count, out);
}

/* ---- closing ---- */

static bool pass_on(const struct foreign_helper *helper, int fd, uint64_t account, enum foreign_what what)
{
	const struct foreign_request request = { .account = account, .what = what };

	return foreign_send(helper->socket, &request, length_of(&request), &fd, 1, MSG_DONTWAIT) > 0;
}

/* A helper that cannot get it leaves the close to the engine: a uverbs file is never on FUSE. */
void foreign_close_device(struct foreign *foreign, int fd)
{
	struct foreign_helper *helper = foreign ? foreign_helper_get(foreign, FOREIGN_DEVICE_CLOSER) : NULL;

	if (helper && !pass_on(helper, fd, 0, FOREIGN_CLOSE))
		foreign_helper_end(helper);
	close(fd);
}

static unsigned count_of(const struct foreign *foreign, enum foreign_role role, uint64_t account)
{
	unsigned count = 0;

	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		count += foreign->helpers[i].role == role && foreign->helpers[i].account == account;
	return count;
}

/*
 * For further sockets of an account of which one hangs. It only keeps them, so its queue is empty; a full one is ended,
 * and the next one takes its place. NULL: the account has as many as it may, or there is no room for another helper.
 */
static struct foreign_helper *holder_for(struct foreign *foreign, uint64_t account)
{
	struct foreign_helper *holder = find_of(foreign, FOREIGN_HOLDER, account);

	if (holder && has_ended(holder)) {
		foreign_helper_end(holder);
		holder = NULL;
	}
	if (holder && holder->sent >= foreign->held_max) {
		end_holder(holder);
		holder = NULL;
	}
	if (!holder && count_of(foreign, FOREIGN_HOLDER_ENDS, account) < HOLDERS_MAX)
		holder = helper_new(foreign, FOREIGN_HOLDER);
	if (holder)
		holder->account = account;
	return holder;
}

/*
 * Who gets a socket of this account. A closer that hangs becomes the jail of the account whose socket it cannot close:
 * what it has in its queue waits with it, and further sockets go to a holder.
 */
static struct foreign_helper *socket_closer(struct foreign *foreign, uint64_t account)
{
	struct foreign_helper *helper = foreign_helper_find(foreign, FOREIGN_SOCKET_CLOSER);
	uint32_t closed = helper ? atomic_load(&helper->slot->closed) : 0;
	int64_t now = clock_ms();

	forget_returned(foreign);
	if (helper && (closed == helper->sent || closed != helper->seen_step)) {
		helper->seen_step = closed;
		helper->seen_ms = now;
	}
	if (helper && now - helper->seen_ms > SOCKET_CLOSER_MS && foreign_is_asleep(helper))
		foreign_give_up(helper, FOREIGN_JAIL);
	return find_of(foreign, FOREIGN_JAIL, account) ? holder_for(foreign, account)
						       : foreign_helper_get(foreign, FOREIGN_SOCKET_CLOSER);
}

/*
 * Whether a message is in the socket. It is shut down for reading, so none can follow (unix_dgram_sendmsg() in
 * net/unix/af_unix.c). A message may be empty but for its files, and recvmsg(2) then returns 0, as it does at the end:
 * only a message has a timestamp. The control data has no room for anything else, so no file is installed.
 */
static bool holds_message(int socket)
{
	const int on = 1;
	char octet;
	union {
		struct cmsghdr header;
		char space[CMSG_SPACE(sizeof(struct timeval))];
	} control;
	struct iovec iov = { .iov_base = &octet, .iov_len = sizeof(octet) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};

	if (setsockopt(socket, SOL_SOCKET, SO_TIMESTAMP, &on, sizeof(on)))
		return true;
	if (recvmsg(socket, &msg, MSG_PEEK | MSG_DONTWAIT) < 0)
		return errno != EAGAIN;
	return msg.msg_controllen > 0 || msg.msg_flags & MSG_CTRUNC;
}

/* A holder that is behind gets a moment. */
static bool pass_socket_on(const struct foreign_helper *helper, int socket, uint64_t account)
{
	struct pollfd room = { .fd = helper->socket, .events = POLLOUT };
	bool holds = helper->role == FOREIGN_HOLDER;

	if (pass_on(helper, socket, account, holds ? FOREIGN_HOLD : FOREIGN_CLOSE_SOCKET))
		return true;
	return holds && poll(&room, 1, HOLDER_WAIT_MS) == 1 && pass_on(helper, socket, account, FOREIGN_HOLD);
}

/*
 * Without a helper the socket stays open: that costs a descriptor, and closing it could cost the engine. The client has
 * seen its end.
 */
void foreign_close_socket(struct foreign *foreign, int socket, uint64_t account)
{
	struct foreign_helper *helper;

	(void)shutdown(socket, SHUT_RD);
	if (!foreign || !holds_message(socket)) {
		close(socket);
		return;
	}
	(void)shutdown(socket, SHUT_RDWR);
	helper = socket_closer(foreign, account);
	if (!helper || !pass_socket_on(helper, socket, account))
		return;
	helper->sent++;
	close(socket);
}

/* ---- start and stop ---- */

static int fork_spawner(struct foreign *foreign, int theirs)
{
	const pid_t parent = getpid();

	foreign->pid = fork();
	if (foreign->pid < 0)
		return -errno;
	if (foreign->pid == 0)
		foreign_spawner_main(theirs, parent, foreign->sysfs, foreign->slots);
	foreign->pidfd = pidfd_open(foreign->pid, 0);
	if (foreign->pidfd < 0)
		return -errno;
	foreign->keeper = foreign_keeper_start();
	return foreign->keeper < 0 ? foreign->keeper : 0;
}

/* The engine's filter allows no kill(2). 0 or -errno. */
static int end_by_pidfd(pid_t pid)
{
	int pidfd = pidfd_open(pid, 0), err;

	if (pidfd < 0)
		return -errno;
	err = pidfd_send_signal(pidfd, SIGKILL, NULL, 0) ? -errno : 0;
	close(pidfd);
	return err;
}

static void await_end(pid_t pid)
{
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* A helper has the limit of the engine. */
static uint32_t most_held(void)
{
	struct rlimit files;

	if (getrlimit(RLIMIT_NOFILE, &files) || files.rlim_max <= HOLDER_OWN_FILES)
		return 1;
	return files.rlim_max - HOLDER_OWN_FILES < HELD_MAX ? (uint32_t)(files.rlim_max - HOLDER_OWN_FILES) : HELD_MAX;
}

static int start(struct foreign *foreign)
{
	const size_t size = FOREIGN_HELPERS_MAX * sizeof(*foreign->slots);
	int pair[2], err;

	foreign->slots = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (foreign->slots == MAP_FAILED) {
		foreign->slots = NULL;
		return -errno;
	}
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		foreign->helpers[i].slot = &foreign->slots[i];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	foreign->socket = pair[0];
	err = fork_spawner(foreign, pair[1]);
	close(pair[1]);
	/* it works only if it could confine itself */
	for (enum foreign_role role = FOREIGN_TAKER; !err && role <= FOREIGN_SOCKET_CLOSER; role++)
		err = foreign_helper_get(foreign, role) ? 0 : -ECONNRESET;
	return err;
}

int foreign_start(const char *sysfs, struct foreign **out)
{
	struct foreign *foreign = calloc(1, sizeof(*foreign));
	int err;

	if (!foreign)
		return -ENOMEM;
	foreign->sysfs = sysfs;
	foreign->held_max = most_held();
	foreign->socket = foreign->pidfd = foreign->pid = foreign->keeper = -1;
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		foreign->helpers[i].socket = foreign->helpers[i].pidfd = -1;
	err = start(foreign);
	if (err)
		foreign_stop(foreign);
	else
		*out = foreign;
	return err;
}

void foreign_stop(struct foreign *foreign)
{
	if (!foreign)
		return;
	for (size_t i = 0; i < FOREIGN_HELPERS_MAX; i++)
		foreign_helper_end(&foreign->helpers[i]);
	if (foreign->socket >= 0)
		close(foreign->socket);
	if (foreign->pid > 0)
		await_end(foreign->pid);
	if (foreign->keeper > 0 && !end_by_pidfd(foreign->keeper))
		await_end(foreign->keeper);
	if (foreign->pidfd >= 0)
		close(foreign->pidfd);
	foreign_debts_free(foreign);
	if (foreign->slots)
		munmap(foreign->slots, FOREIGN_HELPERS_MAX * sizeof(*foreign->slots));
	free(foreign);
}

int foreign_pidfd(const struct foreign *foreign)
{
	return foreign->pidfd;
}
