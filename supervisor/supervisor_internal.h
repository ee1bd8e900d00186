/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Between the parts of the supervisor: one call of a program's (call.h would be the kernel's word for it), the copy
 * that is made of it, and what becomes of it. All of it is written against struct target, so that tests bring their own
 * program, engine and kernel.
 */
#ifndef RDMASEC_SUPERVISOR_SUPERVISOR_INTERNAL_H
#define RDMASEC_SUPERVISOR_SUPERVISOR_INTERNAL_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <rdma/rdma_user_ioctl_cmds.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "door/door.h"
#include "supervisor.h"
#include "uverbs/decode.h"

/* struct ibv_post_send without a request in it: what rxe and siw write(2) to have their queues looked at. */
enum { SUPERVISOR_DOORBELL_SIZE = 32 };

/* The filter's program, which the caller frees. 0 or -errno. */
RS_MUST_USE int supervisor_filter_export(struct sock_fprog *out);

/* ---- the program ---- */

/* A thread that waits in a system call, and what can be done with it while it does. -ESRCH: it no longer does. */
struct target {
	pid_t tid, pid; /* its own, and that of its process */
	int (*read)(void *context, uint64_t address, void *buffer, size_t len);
	int (*write)(void *context, uint64_t address, const void *buffer, size_t len);
	int (*fetch_fd)(void *context, int number, int *out_fd);
	/* Puts a duplicate into it; the number, or -errno. */
	int (*put_fd)(void *context, int fd, uint32_t fd_flags);
	/* Takes back what was put. */
	bool (*waits)(void *context);
	void *context;
};

/* What surrounds a supervisor: tests replace it. */
struct surroundings {
	/* 0 or -errno, as engine_ask_for() */
	int (*ask)(void *context, const struct target *target, int number, int fd, const struct uverbs_command *command,
		   struct engine_pass *pass);
	void (*done)(void *context, const struct engine_pass *pass, const struct uverbs_command *reply);
	/* ioctl(2): its result, or -errno */
	int (*kernel)(void *context, int fd, struct ib_uverbs_ioctl_hdr *request);
	bool (*is_uverbs)(void *context, int fd, dev_t *out_rdev);
	/* May the kernel take us for the program where it looks at capabilities? */
	bool (*same_capabilities)(void *context, const struct target *target);
	void (*say)(void *context, const char *line);
	/* NULL: SUPERVISOR_OPENS_AS_PROGRAM */
	enum supervisor_opening (*opening)(void *context, dev_t rdev);
	/* Of the device: learnt from what the kernel has taken. 0: not known. */
	uint32_t (*driver_of)(void *context, dev_t rdev);
	void (*driver_is)(void *context, dev_t rdev, uint32_t driver_id);
	void *context;
};

enum fate_kind {
	FATE_RETURNS,   /* the call is over: `result`, or -errno */
	FATE_CONTINUES, /* the kernel does it, in the program */
	FATE_GONE,      /* nobody waits for an answer any more */
	FATE_FD,        /* the call returns a duplicate of `fd`, which is ours to close */
};

/* What becomes of a call. */
struct fate {
	enum fate_kind kind;
	int64_t result;
	int fd;
	uint32_t fd_flags;
	/* FATE_CONTINUES: due to engine_done() when the kernel has done it, and what it was about. */
	struct engine_pass pass;
	struct uverbs_command command;
};

struct fate fate_returns(int64_t result);
struct fate fate_continues(void);

/* ---- what is carried out where ---- */

/* The attributes of one method, one bit each, by their numbers below 32. */
struct attr_set {
	uint32_t in; /* read: up to eight octets inline, else behind a pointer; constants and handles are no pointers */
	uint32_t out;    /* written, behind a pointer */
	uint32_t handle; /* of an object; a new one is written into the attribute */
	uint32_t fd_in;  /* an fd of the program's */
	uint32_t fd_new; /* one that it gets */
	uint32_t theirs; /* memory or fds in a form that only the program can use: with one, it makes the call itself */
};

/*
 * A method that needs neither the memory of its caller, but for its attributes, nor anything else of it that we cannot
 * give: whoever has the open file can have it done.
 */
struct schema {
	uint16_t object, method;
	struct attr_set core, driver; /* `driver`: those of the driver's namespace */
};

/* NULL: only the program itself can have it done. `write_command`: of INVOKE_WRITE. */
const struct schema *schema_find(uint32_t driver_id, uint16_t object, uint16_t method);

/* May we carry it out? What pins or maps the memory of its caller, in this driver, we may not. */
bool schema_is_ours(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command);

/*
 * Has what the kernel answers room where it is to go? It looks at the room itself, but not in POLL_CQ, where it writes
 * as many completions as were asked for (ib_uverbs_poll_cq() in uverbs_cmd.c): here, over memory of ours.
 */
bool schema_answer_fits(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command);

/* May the kernel ask for a capability, by what the command says? */
bool schema_asks_capability(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command);

enum attr_role { ATTR_UNKNOWN, ATTR_IN, ATTR_OUT, ATTR_HANDLE, ATTR_FD_IN, ATTR_FD_NEW, ATTR_THEIRS };
enum attr_role schema_role(const struct schema *schema, uint16_t attr_id);

/* ---- the copy ---- */

/*
 * A request, copied once: header, attributes and all that they point to, in one block. Its pointers point into the
 * block, so it is at once what is judged and what is carried out, and the program can change neither.
 */
struct snapshot {
	uint8_t *block;
	size_t size;
	struct ib_uverbs_ioctl_hdr *request; /* in the block */
	const struct schema *schema;     /* NULL: of the attributes only themselves were copied, with their pointers */
	uint64_t address;                /* of the request, in the program */
	struct ib_uverbs_attr *original; /* the attributes as the program has them */
	uint64_t fds_new;                /* attributes (by position) whose fd we own after the call */
};

/*
 * 0; -EFAULT and -EINVAL as the kernel would; -EPROTONOSUPPORT: a mandatory attribute that we cannot carry; -ENOMEM;
 * -ESRCH. snapshot_free() is due after 0.
 */
RS_MUST_USE int snapshot_take(const struct target *target, uint64_t address, struct snapshot *out);
void snapshot_free(struct snapshot *snapshot);

/* Reads the copy, for uverbs_decode(). What is not in it is -EFAULT. */
struct uverbs_memory snapshot_memory(struct snapshot *snapshot);

/* Attributes that are fds of the program's become ours, before the call, and are closed after it. 0 or -errno. */
RS_MUST_USE int snapshot_take_fds(const struct target *target, struct snapshot *snapshot);
void snapshot_drop_fds(struct snapshot *snapshot);

/*
 * What the kernel wrote goes to the program: outputs, handles, fds (which are put into it). 0; -EFAULT: it went only in
 * part; -ESRCH.
 */
RS_MUST_USE int snapshot_give_back(const struct target *target, struct snapshot *snapshot, bool succeeded);

/* ---- the calls ---- */

struct fate call_verbs(const struct surroundings *around, const struct target *target, int number, uint64_t address);
struct fate call_doorbell(const struct surroundings *around, const struct target *target, int number, uint64_t address);

struct open_call {
	int dirfd;
	uint64_t path;
	uint64_t flags;
	/* openat2(2) */
	bool has_how;
	uint64_t how, how_size;
};
struct fate call_open(const struct surroundings *around, const struct target *target, const struct open_call *call);

/* ---- the program's own view ---- */

/* Opens, with O_PATH, what it would find. -errno: it would not find it, or it cannot be told. */
RS_MUST_USE int place_find(const struct target *target, int dirfd, const char *path, bool follow, int *out_fd);
/* Opens the device behind an O_PATH fd as the program would be let: its ids, capabilities and cgroup. */
RS_MUST_USE int place_open_as(const struct target *target, int path_fd, int flags, int *out_fd);
/* The same, but for its cgroup, which is not asked. */
RS_MUST_USE int place_open_given(const struct target *target, int path_fd, int flags, int *out_fd);
/* Has it each capability that we have? */
bool target_has_our_capabilities(pid_t tid);

/* ---- locking in ---- */

/*
 * librdmacm has the kernel load rdma_ucm when it is first used, and that makes /dev/infiniband/rdma_cm: too late for a
 * program that can open nothing for writing there but what Landlock found. So it is done before.
 */
void rdma_cm_node_make(void);

/* ---- serving ---- */

/* Whom we serve, when: serve.c, target.c. */
struct notice {
	int listener;
	uint64_t id;
	struct target target;
	struct seccomp_data data;
	pid_t pid;
	int pidfd; /* -1: not opened yet */
};

/* Its target's process is not known yet. 0; -EPERM: of a pid namespace that is not seen from here. */
RS_MUST_USE int notice_open(struct notice *notice, int listener, const struct seccomp_notif *from);
/* Has target.pid known, as long as the thread waits. Most calls are asked by nobody about it, and it takes a while to
 * find out: /proc/PID/status is long. 0; -ESRCH; -EPROTO. */
RS_MUST_USE int notice_process(struct notice *notice);
void notice_close(struct notice *notice);

#endif
