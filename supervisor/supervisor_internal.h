/* SPDX-License-Identifier: GPL-2.0-only OR Linux-OpenIB */
/*
 * Shared by the files of the supervisor: one call of a program, its copy, and its outcome. The functions work on struct
 * target and struct surroundings, so that tests bring their own program, engine and kernel.
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

/* Octets of a struct ibv_post_send without requests: the doorbell that providers of rxe and siw write(2). */
enum { SUPERVISOR_DOORBELL_SIZE = 32 };

/* The filter's program (`is_locked`: of a program behind Landlock), which the caller frees. 0 or -errno. */
RS_MUST_USE int supervisor_filter_export(bool is_locked, struct sock_fprog *out);

/* ---- the program ---- */

/* A thread that waits in a system call. Its functions return -ESRCH when it no longer waits. */
struct target {
	pid_t tid, pid; /* pid: of its process, 0: not known yet */
	int (*read)(void *context, uint64_t address, void *buffer, size_t len);
	int (*write)(void *context, uint64_t address, const void *buffer, size_t len);
	int (*fetch_fd)(void *context, int number, int *out_fd);
	/* Puts a duplicate of `fd` into it. Returns its number there, or -errno. */
	int (*put_fd)(void *context, int fd, uint32_t fd_flags);
	bool (*waits)(void *context);
	void *context;
};

/* The supervisor's engine, kernel and devices, which tests replace. */
struct surroundings {
	/* As engine_ask_for(). */
	int (*ask)(void *context, const struct target *target, int number, int fd, const struct uverbs_command *command,
		   struct engine_pass *pass);
	void (*done)(void *context, const struct engine_pass *pass, const struct uverbs_command *reply);
	/* ioctl(2): its result, or -errno. */
	int (*kernel)(void *context, int fd, struct ib_uverbs_ioctl_hdr *request);
	bool (*is_uverbs)(void *context, int fd, dev_t *out_rdev);
	/* As target_has_all_capabilities() in place.h. */
	bool (*same_capabilities)(void *context, const struct target *target);
	void (*say)(void *context, const char *line);
	/* NULL: SUPERVISOR_OPENS_AS_PROGRAM */
	enum supervisor_opening (*opening)(void *context, dev_t rdev);
	/* As supervisor_options.is_locked. */
	bool is_locked;
	/* The driver of a device, learnt from calls that the kernel accepted. 0: unknown. */
	uint32_t (*driver_of)(void *context, dev_t rdev);
	void (*driver_is)(void *context, dev_t rdev, uint32_t driver_id);
	void *context;
};

enum outcome_kind {
	OUTCOME_RETURNS,   /* the call is over: `result`, or -errno */
	OUTCOME_CONTINUES, /* the kernel does it, in the program */
	OUTCOME_GONE,      /* the thread no longer waits: no answer is needed */
	OUTCOME_FD,        /* the call returns a duplicate of `fd`, which the caller closes */
};

/* The outcome of a call. */
struct outcome {
	enum outcome_kind kind;
	int64_t result;
	/*
	 * OUTCOME_CONTINUES: the file of a verbs call, which the engine checks afterwards; -1: none. The caller lets it
	 * go. Its number may name another file by then, or be in a table of files that only its thread has.
	 */
	int fd;
	uint32_t fd_flags;
	/* OUTCOME_CONTINUES: owed to engine_done() after the kernel has executed `command`. */
	struct engine_pass pass;
	struct uverbs_command command;
};

struct outcome outcome_returns(int64_t result);
struct outcome outcome_continues(void);

/* ---- what is carried out where ---- */

/* The attributes of one method: one bit for each, by its number, which is below 32. */
struct attr_set {
	uint32_t in;           /* read: up to eight octets inline, else behind a pointer */
	uint32_t out;          /* written, behind a pointer */
	uint32_t handle;       /* of an object; a new one is written into the attribute */
	uint32_t fd_in;        /* an fd of the program */
	uint32_t fd_new;       /* a new fd for the program */
	uint32_t program_only; /* memory or fds that only the program can use: with one, it makes the call itself */
};

/* A method that any holder of the open file can call: it needs nothing of its caller but the attributes. */
struct schema {
	uint16_t object, method;
	struct attr_set core, driver; /* `driver`: of the driver's attribute namespace */
};

/* NULL: only the program itself can call this method. */
const struct schema *schema_find(uint32_t driver_id, uint16_t object, uint16_t method);

/* Can the supervisor carry it out? Not if this driver pins or maps the memory of its caller. */
bool schema_can_carry_out(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command);

/*
 * Does the kernel's answer fit into the attribute for it? The kernel checks that itself, except for POLL_CQ: it writes
 * as many completions as requested (ib_uverbs_poll_cq() in uverbs_cmd.c), here over the supervisor's memory.
 */
bool schema_answer_fits(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command);

/* Can this command make the kernel check a capability? */
bool schema_asks_capability(const struct ib_uverbs_ioctl_hdr *request, const struct uverbs_command *command);

enum attr_role { ATTR_UNKNOWN, ATTR_IN, ATTR_OUT, ATTR_HANDLE, ATTR_FD_IN, ATTR_FD_NEW, ATTR_PROGRAM_ONLY };
enum attr_role schema_role(const struct schema *schema, uint16_t attr_id);

/* ---- the copy ---- */

/*
 * A request, copied once: header, attributes and all memory that they point to, in one block. Its pointers point into
 * the block. The supervisor decides on this copy and carries it out, and the program can change neither.
 */
enum { SNAPSHOT_REQUEST_MAX = 4096 };

struct snapshot {
	uint8_t *block;
	size_t size;
	struct ib_uverbs_ioctl_hdr *request; /* in the block */
	const struct schema *schema;         /* NULL: the attributes still point into the program */
	uint64_t address;                    /* of the request, in the program */
	struct ib_uverbs_attr *original;     /* the attributes as the program has them */
	/* The attributes, by position, whose fd the snapshot owns. A request is at most a page. */
	uint64_t fds_owned[SNAPSHOT_REQUEST_MAX / sizeof(struct ib_uverbs_attr) / 64];
};

/*
 * Copies the request at `address`. 0: the caller owns *out (snapshot_free()). -EFAULT and -EINVAL as the kernel;
 * -EPROTONOSUPPORT: an unknown mandatory attribute; -ENOMEM; -ESRCH.
 */
RS_MUST_USE int snapshot_take(const struct target *target, uint64_t address, struct snapshot *out);
void snapshot_free(struct snapshot *snapshot);

/* Reads the copy, for uverbs_decode(). -EFAULT outside it. */
struct uverbs_memory snapshot_memory(struct snapshot *snapshot);

/* Before the call: fetches the fds that attributes name. After it: closes them. 0 or -errno. */
RS_MUST_USE int snapshot_take_fds(const struct target *target, struct snapshot *snapshot);
void snapshot_close_fds(struct snapshot *snapshot);

/*
 * Writes the kernel's results to the program: outputs, handles, new fds (which it puts into the program). 0; -EFAULT:
 * only a part was written; -ESRCH.
 */
RS_MUST_USE int snapshot_write_back(const struct target *target, struct snapshot *snapshot, bool succeeded);

/* ---- the calls ---- */

struct outcome call_verbs(const struct surroundings *around, const struct target *target, int number, uint64_t address);
struct outcome call_doorbell(const struct surroundings *around, const struct target *target, int number,
			     uint64_t address);

struct open_call {
	int dirfd;
	uint64_t path;
	uint64_t flags;
	/* openat2(2) */
	bool has_how;
	uint64_t how, how_size;
};
struct outcome call_open(const struct surroundings *around, const struct target *target, const struct open_call *call);

/* ---- locking in ---- */

/*
 * Makes the kernel load rdma_ucm, which creates /dev/infiniband/rdma_cm. librdmacm does so at its first use, too late
 * for a program that can write only to nodes that existed when Landlock was installed. Errors are ignored: a kernel
 * without rdma_ucm creates no node later either.
 */
void rdma_cm_node_make(void);

/* ---- serving ---- */

/* One notification, and its thread as a target. */
struct notice {
	int listener;
	uint64_t id;
	struct target target;
	struct seccomp_data data;
	pid_t pid;
	int pidfd;          /* -1: not opened yet */
	bool is_of_process; /* the pidfd: its table of files may be another than the thread's */
};

/* 0; -EPERM: the thread is in a pid namespace that is not visible here. notice_close() is due in both cases. */
RS_MUST_USE int notice_open(struct notice *notice, int listener, const struct seccomp_notif *from);
/* Fills in target.pid, which costs a read of /proc/TID/status that most calls do not need. 0; -ESRCH; -errno. */
RS_MUST_USE int notice_process(struct notice *notice);
void notice_close(struct notice *notice);

#endif
